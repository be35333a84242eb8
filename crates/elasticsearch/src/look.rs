//! What is in an index: every number of a view from one snapshot.

use std::{collections::BTreeMap, slice::from_ref};

use serde::Deserialize;
use serde_json::json;
use upstream::Request;

pub use serde_json::Value;

use crate::{
    Error, FieldName, Fields, NamespaceField, Query, Reader, Task,
    query::{exists, too_long},
    wire::SearchReply,
};

/// Documents, and what they hold under the field.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    /// All of them.
    pub documents: u64,
    /// Those with a value.
    pub with: u64,
    /// How many hold which value, the most frequent first; `None` if this type of field cannot be counted.
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
    #[serde(default)]
    key: Value,
    doc_count: u64,
    with: Option<Count>,
    values: Option<Terms>,
}

#[derive(Deserialize)]
struct Count {
    doc_count: u64,
}

#[derive(Deserialize)]
struct Terms {
    buckets: Vec<TermBucket>,
    #[serde(default)]
    sum_other_doc_count: u64,
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
    buckets: Vec<Bucket>,
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
        let aggregations = Aggregations { fields, value };
        let first = self.search(&aggregations.body(None)).await?;
        let page = self.composite(&first)?;
        if page.as_ref().is_none_or(|page| page.buckets.len() < NAMESPACES) {
            return self.looked(fields, &first, page.map(|page| page.buckets).unwrap_or_default(), true);
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
            let page = self.composite(&reply)?.ok_or_else(|| self.nonsense("the namespaces are missing"))?;
            let is_last = page.buckets.len() < NAMESPACES || page.after_key.is_none();
            if page.after_key.is_some() && page.after_key == after {
                return Err(self.nonsense("the namespaces go round in a circle"));
            }
            after = page.after_key;
            buckets.extend(page.buckets);
            let first_reply = first.take().unwrap_or(reply);
            if is_last {
                return self.looked(aggregations.fields, &first_reply, buckets, pit.is_some());
            }
            first = Some(first_reply);
        }
    }

    fn looked(
        &self,
        fields: &Fields,
        reply: &SearchReply,
        buckets: Vec<Bucket>,
        one: bool,
    ) -> Result<Look, Error> {
        let missing = |what: &str| self.nonsense(format!("the answer lacks {what}"));
        let documents = reply.total().ok_or_else(|| missing("the exact total"))?;
        let bucket = |name: &str| -> Option<Bucket> {
            serde_json::from_value(reply.aggregations.get(name)?.clone()).ok()
        };
        let root = Bucket {
            key: Value::Null,
            doc_count: documents,
            with: bucket("with").map(|bucket| Count { doc_count: bucket.doc_count }),
            values: reply
                .aggregations
                .get("values")
                .and_then(|terms| serde_json::from_value(terms.clone()).ok()),
        };
        let total = numbers(root).ok_or_else(|| missing("the documents with the field"))?;
        let long = match bucket("too_long") {
            Some(bucket) => numbers(bucket).ok_or_else(|| missing("the long namespaces"))?,
            None => Numbers::default(),
        };
        let mut nameless = Numbers::default();
        let mut by_name: BTreeMap<String, Numbers> = BTreeMap::new();
        for bucket in buckets {
            let name = bucket.key.get("ns").cloned().unwrap_or_default();
            let numbers = numbers(bucket).ok_or_else(|| missing("the documents of a namespace"))?;
            match name {
                Value::String(name) => {
                    by_name.insert(name, numbers);
                }
                _ => nameless = numbers,
            }
        }
        if !matches!(fields.namespace, NamespaceField::Exact { .. }) {
            nameless = total.clone();
        }
        let namespaces =
            by_name.into_iter().map(|(namespace, numbers)| NamespaceNumbers { namespace, numbers }).collect();
        Ok(Look {
            without_namespace: nameless.minus(&long),
            namespace_too_long: long,
            total,
            namespaces,
            is_one_snapshot: one,
        })
    }

    fn composite(&self, reply: &SearchReply) -> Result<Option<Composite>, Error> {
        let Some(json) = reply.aggregations.get("ns") else { return Ok(None) };
        serde_json::from_value(json.clone()).map(Some).map_err(|error| self.nonsense(error.to_string()))
    }

    /// A point in time for aggregations, where the server has any. OpenSearch has them under another path, and they are
    /// left there to expire, because no path that deletes is open but the two that free a cursor of a scan.
    async fn point_in_time(&self) -> Result<Option<String>, Error> {
        let (path, key) = match self.server().product {
            _ if self.server().has_ordered_pits() => (self.path("_pit"), "id"),
            crate::Product::OpenSearch => (self.path("_search/point_in_time"), "pit_id"),
            _ => return Ok(None),
        };
        let request = Request::post(path, "").query("keep_alive", "2m");
        match self.http().json::<Value>(&request).await.map_err(Error::from) {
            Ok(json) => Ok(json.get(key).and_then(Value::as_str).map(str::to_owned)),
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
}

impl Aggregations<'_> {
    /// The body of a page: everything that is counted, and the namespaces after this key.
    fn body(&self, after: Option<&Value>) -> Value {
        let mut aggregations = self.counted();
        if let NamespaceField::Exact { field, matched } = &self.fields.namespace {
            let source = json!({"ns": {"terms": {"field": matched, "missing_bucket": true}}});
            let mut composite = json!({"size": NAMESPACES, "sources": [source]});
            if let Some(after) = after {
                composite["after"] = after.clone();
            }
            aggregations["ns"] = json!({"composite": composite, "aggs": self.counted()});
            aggregations["too_long"] = json!({"filter": too_long(field, matched).0, "aggs": self.counted()});
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

fn numbers(bucket: Bucket) -> Option<Numbers> {
    let with = bucket.with?.doc_count;
    let other_values = bucket.values.as_ref().map_or(0, |terms| terms.sum_other_doc_count);
    let values = bucket.values.map(|terms| terms.buckets.into_iter().map(value_count).collect());
    Some(Numbers { documents: bucket.doc_count, with, values, other_values })
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

impl Numbers {
    /// The documents that are not among these others, which are a part of them.
    fn minus(&self, others: &Self) -> Self {
        let values = self.values.as_ref().map(|values| {
            let of = |value: &Value| {
                let among = others.values.iter().flatten().find(|other| other.value == *value);
                among.map_or(0, |other| other.documents)
            };
            let left = values.iter().map(|count| ValueCount {
                value: count.value.clone(),
                documents: count.documents.saturating_sub(of(&count.value)),
            });
            left.filter(|count| count.documents > 0).collect()
        });
        Self {
            documents: self.documents.saturating_sub(others.documents),
            with: self.with.saturating_sub(others.with),
            values,
            other_values: self.other_values.saturating_sub(others.other_values),
        }
    }
}
