//! The JSON of Pinecone's answers, as far as it is read.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor},
};
use upstream::{Response, Unusable};

use crate::{Metadata, SparseValues};

/// A page of `GET /vectors/list`.
#[derive(Deserialize)]
pub(crate) struct ListPage {
    vectors: Option<Vec<Id>>,
    #[serde(default)]
    pub(crate) pagination: Option<Pagination>,
    namespace: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
pub(crate) struct Pagination {
    #[serde(default)]
    next: Option<String>,
}

impl ListPage {
    /// The ids and the token of the next page. An object that is no page at all must not pass for an empty one, or
    /// a listing would end early without anyone noticing.
    pub(crate) fn read(response: &Response) -> Result<(Vec<String>, Option<String>), Unusable> {
        let page: Self = serde_json::from_slice(&response.body)?;
        let vectors = match (page.vectors, page.namespace) {
            (Some(vectors), _) => vectors,
            (None, Some(IgnoredAny)) => Vec::new(),
            (None, None) => return Err(Unusable("no page of ids".to_owned())),
        };
        Ok((vectors.into_iter().map(|vector| vector.id).collect(), next_token(page.pagination)))
    }
}

/// The token of the next page; an empty one means the end.
fn next_token(pagination: Option<Pagination>) -> Option<String> {
    pagination?.next.filter(|token| !token.is_empty())
}

/// The answer of `GET /vectors/fetch`, with records read as `T`.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Fetched<T> {
    #[serde(default, deserialize_with = "entries")]
    vectors: Option<Vec<(String, T)>>,
    namespace: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

/// A record without its values, which are skipped while parsing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetadataPart {
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
    #[serde(default)]
    pub(crate) sparse_values: Option<SparseValues>,
}

/// A whole record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    #[serde(default)]
    pub(crate) values: Option<Vec<f32>>,
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
    #[serde(default)]
    pub(crate) sparse_values: Option<SparseValues>,
}

/// The records of a fetch by id, in the order of the answer (which means nothing).
pub(crate) fn read_fetched<T: DeserializeOwned>(response: &Response) -> Result<Vec<(String, T)>, Unusable> {
    let fetched: Fetched<T> = serde_json::from_slice(&response.body)?;
    match (fetched.vectors, fetched.namespace, fetched.usage) {
        (Some(vectors), ..) => Ok(vectors),
        (None, Some(_), _) | (None, _, Some(_)) => Ok(Vec::new()),
        (None, None, None) => Err(Unusable("no records".to_owned())),
    }
}

/// A JSON object as a list of its entries.
fn entries<'de, D, T>(deserializer: D) -> Result<Option<Vec<(String, T)>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Entries<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of records by id")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(100));
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries(PhantomData)).map(Some)
}

/// The answer of `POST /describe_index_stats`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    pub(crate) namespaces: Option<BTreeMap<String, NamespaceStats>>,
    pub(crate) dimension: Option<u32>,
    #[serde(default)]
    pub(crate) total_vector_count: Option<Count>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamespaceStats {
    /// Absent means 0: that is how protobuf's JSON prints a zero.
    #[serde(default)]
    pub(crate) vector_count: Count,
}

/// A page of `GET /namespaces`.
#[derive(Deserialize)]
pub(crate) struct NamespacesPage {
    pub(crate) namespaces: Vec<NamespaceEntry>,
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
pub(crate) struct NamespaceEntry {
    pub(crate) name: String,
    /// Absent means 0: that is how protobuf's JSON prints a zero.
    #[serde(default)]
    pub(crate) record_count: Count,
}

impl NamespacesPage {
    pub(crate) fn read(response: &Response) -> Result<(Vec<NamespaceEntry>, Option<String>), Unusable> {
        let page: Self = serde_json::from_slice(&response.body)?;
        Ok((page.namespaces, next_token(page.pagination)))
    }
}

/// A count: a number, or a decimal string, which is how protobuf's JSON prints 64 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Count, E> {
                Ok(Count(count))
            }

            fn visit_f64<E: serde::de::Error>(self, count: f64) -> Result<Count, E> {
                // Printed through its text, so that nothing is cut off silently.
                format!("{count:.0}")
                    .parse()
                    .ok()
                    .filter(|_| count.fract() == 0.0)
                    .map(Count)
                    .ok_or_else(|| E::custom(format_args!("{count} is no count")))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Count, E> {
                text.parse().map(Count).map_err(|_| E::custom(format_args!("{text:?} is no count")))
            }
        }

        deserializer.deserialize_any(CountVisitor)
    }
}

/// The answer of `POST /vectors/upsert`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Upserted {
    pub(crate) upserted_count: Count,
}

/// The answer of `GET /indexes/{name}`, in the shapes before and since API version 2026-07.
#[derive(Deserialize)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) dimension: Option<u32>,
    pub(crate) metric: Option<String>,
    pub(crate) vector_type: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) status: Status,
    pub(crate) schema: Option<Schema>,
}

#[derive(Deserialize)]
pub(crate) struct Status {
    pub(crate) ready: bool,
    #[serde(default)]
    pub(crate) state: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Schema {
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Field>,
}

#[derive(Deserialize)]
pub(crate) struct Field {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) dimension: Option<u32>,
    pub(crate) metric: Option<String>,
    pub(crate) full_text_search: Option<IgnoredAny>,
}

/// The error of a data-plane request: google.rpc.Status.
#[derive(Deserialize)]
pub(crate) struct RpcStatus {
    pub(crate) code: i32,
    #[serde(default)]
    pub(crate) message: String,
}

impl RpcStatus {
    /// Reads the body of an error; `None` if it is something else, such as a proxy's page.
    pub(crate) fn read(error: &upstream::Error) -> Option<Self> {
        serde_json::from_str(error.body()).ok()
    }
}

/// Says that a field is missing, in the words of serde.
pub(crate) fn missing(field: &'static str) -> Unusable {
    Unusable::from(serde_json::Error::missing_field(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_number_or_a_string() {
        let count = |json: &str| serde_json::from_str::<Count>(json).map(|count| count.0).ok();
        assert_eq!(count("20000"), Some(20000));
        assert_eq!(count("\"20000\""), Some(20000));
        assert_eq!(count("20000.0"), Some(20000));
        assert_eq!(count("1.5"), None);
        assert_eq!(count("-1"), None);
        assert_eq!(count("\"many\""), None);
        assert_eq!(count("null"), None);
    }
}
