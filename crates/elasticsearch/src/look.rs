//! What is in an index: every number of a view from one snapshot.

use std::{collections::BTreeMap, slice::from_ref};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use upstream::Request;

pub use serde_json::Value;

use crate::{
    Error, FieldName, Fields, NamespaceField, Query, Reader, Scope, Task,
    query::exists,
    wire::{self, SearchReply},
};

/// Documents, and what they hold under the field.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    /// All of them.
    pub documents: u64,
    /// Those with a value.
    pub with: u64,
    /// How many hold which value, the most frequent first; `None` if this type of field cannot be counted, or so many
    /// values are held that the shards' answers do not add up to exact numbers.
    pub values: Option<Vec<ValueCount>>,
    /// How many hold a value that is not among these.
    pub other_values: u64,
}

/// How many documents hold a value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueCount {
    /// The value.
    pub value: Value,
    /// How many documents.
    pub documents: u64,
}

/// The documents of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceNumbers {
    /// Its name as the documents spell it.
    pub namespace: String,
    /// Its documents.
    pub numbers: Numbers,
}

/// An index at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// All documents.
    pub total: Numbers,
    /// Every namespace, in the order of its name.
    pub namespaces: Vec<NamespaceNumbers>,
    /// The documents without a namespace.
    pub without_namespace: Numbers,
    /// The documents whose namespace is too long to be matched (256 characters by default).
    pub namespace_too_long: Numbers,
    /// Whether all numbers are of the same moment. Only a server without points in time, and more than 300 namespaces,
    /// make it untrue.
    pub is_one_snapshot: bool,
}

/// What an update would find, of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preview {
    /// All documents of the scope.
    pub documents: u64,
    /// Without a value.
    pub missing: u64,
    /// With the value.
    pub equal: u64,
    /// With a lower value.
    pub lower: u64,
    /// With a higher value, which only overwriting lowers.
    pub higher: u64,
    /// With a value that cannot be compared, or could not be indexed: only overwriting replaces it.
    pub incomparable: u64,
    /// What the task would update.
    pub to_update: u64,
}

impl Preview {
    /// What the task would leave as it is, though its value is another: [`Task::left_out`] finds them.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.documents.saturating_sub(self.equal + self.to_update)
    }
}

impl Numbers {
    /// Those without a value.
    #[must_use]
    pub fn without(&self) -> u64 {
        self.documents.saturating_sub(self.with)
    }
}

/// A bucket of an aggregation.
#[derive(Deserialize)]
struct Bucket {
    doc_count: u64,
    with: Count,
    values: Option<Terms>,
}

/// A bucket of the namespaces.
#[derive(Deserialize)]
struct NamespaceBucket {
    key: NamespaceKey,
    #[serde(flatten)]
    bucket: Bucket,
}

#[derive(Deserialize)]
struct NamespaceKey {
    ns: String,
}

#[derive(Deserialize)]
struct Count {
    doc_count: u64,
}

#[derive(Deserialize)]
struct Terms {
    buckets: Vec<TermBucket>,
    sum_other_doc_count: u64,
    doc_count_error_upper_bound: u64,
}

#[derive(Deserialize)]
struct TermBucket {
    key: Value,
    key_as_string: Option<String>,
    doc_count: u64,
}

#[derive(Deserialize)]
struct Composite {
    after_key: Option<Value>,
    buckets: Vec<NamespaceBucket>,
}

/// Namespaces of a page. Each makes a dozen buckets, and a server may allow no more than 10,000 in an answer.
const NAMESPACES: usize = 300;
/// How many values are told apart.
const VALUES: usize = 10;

impl Reader {
    /// Counts the documents of the index and of every namespace.
    ///
    /// # Errors
    ///
    /// If a request fails, or not all shards answered (law 3).
    pub async fn look(&self, fields: &Fields, value: &FieldName) -> Result<Look, Error> {
        let aggregations = Aggregations {
            fields,
            value,
            without: Scope::WithoutNamespace.query(fields)?.0,
            too_long: Scope::NamespaceTooLong.query(fields)?.0,
        };
        let first = self.search(&aggregations.body(None)).await?;
        if !matches!(fields.namespace, NamespaceField::Exact { .. }) {
            return self.looked(&aggregations, &first, Vec::new(), true);
        }
        let page: Composite = self.aggregation(&first, "ns")?;
        if page.buckets.len() < NAMESPACES {
            return self.looked(&aggregations, &first, page.buckets, true);
        }
        // More than one page: they are of one moment only in a point in time.
        match self.point_in_time().await? {
            Some(id) => {
                let look = self.look_through(&aggregations, Some(&id)).await;
                self.close_point_in_time(&id).await;
                look
            }
            None => self.look_through(&aggregations, None).await,
        }
    }

    async fn look_through(&self, aggregations: &Aggregations<'_>, pit: Option<&str>) -> Result<Look, Error> {
        let mut first: Option<SearchReply> = None;
        let mut buckets = Vec::new();
        let mut after: Option<Value> = None;
        loop {
            let mut body = aggregations.body(after.as_ref());
            let path = match pit {
                Some(id) => {
                    body["pit"] = json!({"id": id, "keep_alive": "2m"});
                    "/_search".to_owned()
                }
                None => self.path("_search"),
            };
            let reply = self.search_at(path, &body).await?;
            let page: Composite = self.aggregation(&reply, "ns")?;
            let is_last = page.buckets.len() < NAMESPACES || page.after_key.is_none();
            if page.after_key.is_some() && page.after_key == after {
                return Err(self.nonsense("the namespaces go round in a circle"));
            }
            after = page.after_key;
            buckets.extend(page.buckets);
            let first_reply = first.take().unwrap_or(reply);
            if is_last {
                return self.looked(aggregations, &first_reply, buckets, pit.is_some());
            }
            first = Some(first_reply);
        }
    }

    fn looked(
        &self,
        aggregations: &Aggregations<'_>,
        reply: &SearchReply,
        buckets: Vec<NamespaceBucket>,
        is_one_snapshot: bool,
    ) -> Result<Look, Error> {
        let documents = reply.total().ok_or_else(|| self.nonsense("the answer lacks the exact total"))?;
        let is_counted = aggregations.fields.value.counted.is_some();
        let numbers = |bucket: Bucket| {
            numbers(bucket, is_counted)
                .ok_or_else(|| self.nonsense("the answer lacks the values of documents"))
        };
        let values = if is_counted { Some(self.aggregation(reply, "values")?) } else { None };
        let total = numbers(Bucket { doc_count: documents, with: self.aggregation(reply, "with")?, values })?;
        let mut namespaces: BTreeMap<String, Numbers> = BTreeMap::new();
        for NamespaceBucket { key, bucket } in buckets {
            if namespaces.insert(key.ns, numbers(bucket)?).is_some() {
                return Err(self.nonsense("a namespace was counted twice"));
            }
        }
        let namespaces = namespaces.into_iter();
        Ok(Look {
            without_namespace: numbers(self.aggregation(reply, "without")?)?,
            namespace_too_long: numbers(self.aggregation(reply, "too_long")?)?,
            total,
            namespaces: namespaces
                .map(|(namespace, numbers)| NamespaceNumbers { namespace, numbers })
                .collect(),
            is_one_snapshot,
        })
    }

    /// The answer to an aggregation that was asked for.
    fn aggregation<T: DeserializeOwned>(&self, reply: &SearchReply, name: &str) -> Result<T, Error> {
        let json = reply.aggregations.get(name).cloned().unwrap_or_default();
        serde_json::from_value(json)
            .map_err(|error| self.nonsense(format!("the answer lacks {name}: {error}")))
    }

    /// A point in time for aggregations, where the server has any. OpenSearch has them under another path, and they are
    /// left there to expire, because no path that deletes is open but the two that free a cursor of a scan.
    pub(crate) async fn point_in_time(&self) -> Result<Option<String>, Error> {
        let path = match self.server().product {
            _ if self.server().has_ordered_pits() => self.path("_pit"),
            crate::Product::OpenSearch => self.path("_search/point_in_time"),
            _ => return Ok(None),
        };
        let request = Request::post(path, "").query("keep_alive", "2m");
        match self.http().send(&request, wire::read_opened).await.map_err(Error::from) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.is_no_such_api() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn close_point_in_time(&self, id: &str) {
        if self.server().has_ordered_pits() {
            let body = json!({"id": id}).to_string();
            let request = Request::new(http::Method::DELETE, "/_pit".to_owned(), Some(body.into()));
            // It expires by itself in two minutes.
            let _ = self.http_once().send(&request, |_| Ok(())).await;
        }
    }

    /// Counts what a task would find, in one request and of one moment.
    ///
    /// # Errors
    ///
    /// If the request fails, not all shards answered, or namespaces cannot be told apart.
    pub async fn preview(&self, task: &Task, fields: &Fields) -> Result<Preview, Error> {
        let scope = task.scope.query(fields)?.0;
        let has_value = task.has_value(fields);
        let filter =
            |filters: &[Value], none_of: &[Value]| json!({"filter": Query::both(filters, none_of).0});
        let mut aggregations = json!({
            "missing": filter(&[json!({"match_all": {}})], &task.has_any()),
            "equal": filter(from_ref(&has_value), &[]),
            "to_update": {"filter": task.remaining(fields)?.0},
        });
        let higher = task.is_higher().filter(|_| fields.value.is_number());
        if let Some(higher) = &higher {
            aggregations["higher"] = filter(from_ref(higher), from_ref(&has_value));
            let is_there = exists(task.field.as_str());
            let hidden = crate::query::ignored(task.field.as_str());
            aggregations["lower"] = filter(&[is_there], &[has_value, higher.clone(), hidden]);
        }
        let body = json!({"size": 0, "track_total_hits": true, "query": scope, "aggs": aggregations});
        let reply = self.search(&body).await?;
        let count = |name: &str| {
            reply
                .doc_count(&format!("/{name}"))
                .ok_or_else(|| self.nonsense(format!("the answer lacks {name}")))
        };
        let documents = reply.total().ok_or_else(|| self.nonsense("the answer lacks the exact total"))?;
        let (missing, equal) = (count("missing")?, count("equal")?);
        let (lower, higher) = if higher.is_some() { (count("lower")?, count("higher")?) } else { (0, 0) };
        Ok(Preview {
            documents,
            missing,
            equal,
            lower,
            higher,
            incomparable: documents.saturating_sub(missing + equal + lower + higher),
            to_update: count("to_update")?,
        })
    }
}

struct Aggregations<'a> {
    fields: &'a Fields,
    value: &'a FieldName,
    without: Value,
    too_long: Value,
}

impl Aggregations<'_> {
    /// The body of a page: everything that is counted, and the namespaces after this key.
    fn body(&self, after: Option<&Value>) -> Value {
        let mut aggregations = self.counted();
        aggregations["without"] = json!({"filter": self.without, "aggs": self.counted()});
        aggregations["too_long"] = json!({"filter": self.too_long, "aggs": self.counted()});
        if let NamespaceField::Exact { matched, .. } = &self.fields.namespace {
            let source = json!({"ns": {"terms": {"field": matched}}});
            let mut composite = json!({"size": NAMESPACES, "sources": [source]});
            if let Some(after) = after {
                composite["after"] = after.clone();
            }
            aggregations["ns"] = json!({"composite": composite, "aggs": self.counted()});
        }
        json!({"size": 0, "track_total_hits": true, "query": {"match_all": {}}, "aggs": aggregations})
    }

    /// What is counted of each group of documents.
    fn counted(&self) -> Value {
        let mut aggregations = json!({"with": {"filter": exists(self.value.as_str())}});
        if let Some(counted) = &self.fields.value.counted {
            aggregations["values"] = json!({"terms": {"field": counted, "size": VALUES}});
        }
        aggregations
    }
}

/// `None` if the values were asked for and are missing.
fn numbers(bucket: Bucket, is_counted: bool) -> Option<Numbers> {
    let mut numbers =
        Numbers { documents: bucket.doc_count, with: bucket.with.doc_count, ..Numbers::default() };
    if is_counted {
        let terms = bucket.values?;
        if terms.doc_count_error_upper_bound == 0 {
            numbers.values = Some(terms.buckets.into_iter().map(value_count).collect());
            numbers.other_values = terms.sum_other_doc_count;
        }
    }
    Some(numbers)
}

/// A boolean's key is a number, and its name stands beside it.
fn value_count(bucket: TermBucket) -> ValueCount {
    let value = match bucket.key_as_string.as_deref() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => bucket.key,
    };
    ValueCount { value, documents: bucket.doc_count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &Value, is_counted: bool) -> Option<Numbers> {
        numbers(serde_json::from_value(json.clone()).ok()?, is_counted)
    }

    #[test]
    fn what_is_not_said_is_no_zero() {
        let terms = json!({"buckets": [{"key": 1, "doc_count": 2}], "sum_other_doc_count": 1, "doc_count_error_upper_bound": 0});
        let whole = json!({"doc_count": 5, "with": {"doc_count": 3}, "values": terms});
        let numbers = read(&whole, true).unwrap();
        assert_eq!((numbers.documents, numbers.with, numbers.other_values), (5, 3, 1));
        for absent in ["doc_count", "with", "values"] {
            let mut bucket = whole.clone();
            bucket.as_object_mut().unwrap().remove(absent);
            assert_eq!(read(&bucket, true), None, "{absent}");
        }
        for absent in ["buckets", "sum_other_doc_count", "doc_count_error_upper_bound"] {
            let mut bucket = whole.clone();
            bucket["values"].as_object_mut().unwrap().remove(absent);
            assert_eq!(read(&bucket, true), None, "{absent}");
        }
        let namespace = |key: Value| {
            let bucket = json!({"key": key, "doc_count": 5, "with": {"doc_count": 3}});
            serde_json::from_value::<NamespaceBucket>(bucket).is_ok()
        };
        assert!(namespace(json!({"ns": "a"})) && !namespace(json!({"ns": null})) && !namespace(json!({})));
    }

    #[test]
    fn values_that_are_only_about_right_are_not_told() {
        let terms = json!({"buckets": [{"key": 1, "doc_count": 2}], "sum_other_doc_count": 9, "doc_count_error_upper_bound": 1});
        let numbers =
            read(&json!({"doc_count": 5, "with": {"doc_count": 3}, "values": terms}), true).unwrap();
        assert_eq!((numbers.with, numbers.values), (3, None));
    }
}
