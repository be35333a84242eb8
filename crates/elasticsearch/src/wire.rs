//! The JSON of answers, as far as it is read.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use upstream::{Response, Unusable};

use crate::{Action, Cause};

/// The part of an answer that says how many shards it is of.
#[derive(Deserialize)]
pub(crate) struct Shards {
    pub(crate) failed: u64,
    total: u64,
    #[serde(default)]
    failures: Vec<ShardFailure>,
}

#[derive(Deserialize)]
struct ShardFailure {
    #[serde(default)]
    reason: Value,
}

impl Shards {
    /// Law 3: an answer of some shards is no answer.
    fn whole(&self) -> Result<(), Unusable> {
        if self.failed == 0 {
            return Ok(());
        }
        let why = self.cause().map_or_else(String::new, |cause| format!(" ({})", cause.message()));
        Err(Unusable(format!("{} of {} shards failed{why}", self.failed, self.total)))
    }

    fn cause(&self) -> Option<Cause> {
        self.failures.iter().find_map(|failure| Cause::of_error(&failure.reason))
    }
}

/// A point in time; OpenSearch names it otherwise.
#[derive(Deserialize)]
struct OpenedReply {
    #[serde(alias = "pit_id")]
    id: String,
    /// Older servers do not say it. OpenSearch opens one on some shards alone, if the others fail.
    #[serde(rename = "_shards")]
    shards: Option<Shards>,
}

/// The id of a point in time on all shards.
pub(crate) fn read_opened(response: &Response) -> Result<String, Unusable> {
    let reply: OpenedReply = serde_json::from_slice(&response.body)?;
    reply.shards.as_ref().map_or(Ok(()), Shards::whole)?;
    Ok(reply.id)
}

/// The answer of `_count`.
#[derive(Deserialize)]
struct CountReply {
    count: u64,
    #[serde(rename = "_shards")]
    shards: Shards,
}

/// The number of a `_count`.
pub(crate) fn read_count(response: &Response) -> Result<u64, Unusable> {
    let reply: CountReply = serde_json::from_slice(&response.body)?;
    reply.shards.whole()?;
    Ok(reply.count)
}

/// The answer of a search.
#[derive(Deserialize)]
pub(crate) struct SearchReply {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    pub(crate) hits: Hits,
    #[serde(default)]
    pub(crate) aggregations: Value,
    #[serde(rename = "_scroll_id")]
    pub(crate) scroll_id: Option<String>,
    pub(crate) pit_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Hits {
    total: Option<Total>,
    pub(crate) hits: Vec<WireHit>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
    relation: String,
}

/// A hit.
#[derive(Deserialize)]
pub(crate) struct WireHit {
    #[serde(rename = "_index")]
    pub(crate) index: String,
    #[serde(rename = "_id")]
    pub(crate) id: String,
    #[serde(rename = "_routing")]
    pub(crate) routing: Option<String>,
    #[serde(rename = "_seq_no")]
    pub(crate) seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    pub(crate) primary_term: Option<u64>,
    /// Absent where it is not asked for or not kept.
    #[serde(rename = "_source")]
    pub(crate) source: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) sort: Vec<Value>,
}

/// A search's answer, or that its cursor is gone.
pub(crate) enum Searched {
    Whole(SearchReply),
    LostCursor,
}

/// A search that has no cursor.
pub(crate) fn read_search(response: &Response) -> Result<SearchReply, Unusable> {
    match read_cursor(response)? {
        Searched::Whole(reply) => Ok(reply),
        Searched::LostCursor => Err(Unusable("the search context is missing".to_owned())),
    }
}

/// A page of a search with a cursor. Where the cursor is lost on some shards only, the answer is a 200.
pub(crate) fn read_cursor(response: &Response) -> Result<Searched, Unusable> {
    let reply: SearchReply = serde_json::from_slice(&response.body)?;
    if reply.shards.failed > 0 && reply.shards.cause().is_some_and(|cause| cause.is_lost_cursor()) {
        return Ok(Searched::LostCursor);
    }
    reply.shards.whole()?;
    if reply.timed_out {
        return Err(Unusable("the search timed out and is incomplete".to_owned()));
    }
    Ok(Searched::Whole(reply))
}

impl SearchReply {
    /// The exact number of hits, which must have been asked for.
    pub(crate) fn total(&self) -> Option<u64> {
        self.hits.total.as_ref().filter(|total| total.relation == "eq").map(|total| total.value)
    }

    /// The number of documents in a bucket of an aggregation, by the path to it: `/with`.
    pub(crate) fn doc_count(&self, path: &str) -> Option<u64> {
        self.aggregations.pointer(path)?.get("doc_count")?.as_u64()
    }
}

/// The answer of `_mget`.
#[derive(Deserialize)]
struct GetReply {
    docs: Vec<Value>,
}

/// A document as `_mget` gives it.
#[derive(Deserialize)]
struct WireDocument {
    #[serde(rename = "_id")]
    id: String,
    found: bool,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(rename = "_source")]
    source: Option<Map<String, Value>>,
}

/// What became of a document that was asked for.
pub(crate) enum Fetched {
    Found { stamp: crate::Stamp, source: Map<String, Value> },
    Absent,
    Failed(Cause),
}

/// The documents of an `_mget`, in the order in which they were asked for.
pub(crate) fn read_mget(response: &Response, asked: &[Action]) -> Result<Vec<Fetched>, Unusable> {
    let reply: GetReply = serde_json::from_slice(&response.body)?;
    if reply.docs.len() != asked.len() {
        let answered = reply.docs.len();
        return Err(Unusable(format!("{} documents were asked for, {answered} answered", asked.len())));
    }
    reply.docs.into_iter().zip(asked).map(|(document, asked)| read_fetched(document, &asked.id)).collect()
}

fn read_fetched(value: Value, asked: &str) -> Result<Fetched, Unusable> {
    if let Some(error) = value.get("error") {
        return Ok(Fetched::Failed(Cause::said(error)));
    }
    let document: WireDocument = serde_json::from_value(value)?;
    if document.id != asked {
        return Err(Unusable("the documents are in another order than they were asked for".to_owned()));
    }
    match (document.found, document.seq_no, document.primary_term, document.source) {
        (false, ..) => Ok(Fetched::Absent),
        (true, Some(seq_no), Some(primary_term), Some(source)) => {
            Ok(Fetched::Found { stamp: crate::Stamp { seq_no, primary_term }, source })
        }
        (true, _, _, None) => Err(Unusable("a document without its source".to_owned())),
        (true, ..) => Err(Unusable("a document without a sequence number".to_owned())),
    }
}

/// Any JSON answer.
pub(crate) fn read<T: DeserializeOwned>(response: &Response) -> Result<T, Unusable> {
    Ok(serde_json::from_slice(&response.body)?)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    fn answer(body: &Value) -> Response {
        Response { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_string().into() }
    }

    fn search(failed: u64, timed_out: bool, kind: &str) -> Response {
        answer(&json!({
            "timed_out": timed_out,
            "_shards": {"total": 3, "successful": 3 - failed, "skipped": 0, "failed": failed,
                "failures": [{"shard": 0, "reason": {"type": kind, "reason": "why"}}]},
            "hits": {"total": {"value": 7, "relation": "eq"}, "hits": []},
        }))
    }

    #[test]
    fn a_part_of_the_shards_is_no_answer() {
        assert_eq!(read_search(&search(0, false, "")).unwrap().total(), Some(7));
        let Err(Unusable(why)) = read_search(&search(1, false, "node_disconnected")) else {
            panic!("accepted")
        };
        assert_eq!(why, "1 of 3 shards failed (why (node_disconnected))");
        assert!(read_search(&search(0, true, "")).is_err());
        let count = answer(&json!({"count": 3, "_shards": {"total": 2, "failed": 1}}));
        assert!(read_count(&count).is_err());
        let count = answer(&json!({"count": 3, "_shards": {"total": 2, "failed": 0}}));
        assert_eq!(read_count(&count).unwrap(), 3);
        for silent in [json!({"count": 3}), json!({"count": 3, "_shards": {"total": 2}})] {
            assert!(read_count(&answer(&silent)).is_err(), "{silent}");
        }
    }

    #[test]
    fn a_cursor_that_is_lost_on_one_shard_is_lost() {
        let lost = read_cursor(&search(1, false, "search_context_missing_exception")).unwrap();
        assert!(matches!(lost, Searched::LostCursor));
    }

    #[test]
    fn a_point_in_time_is_one_of_all_shards() {
        let opened = |reply: Value| read_opened(&answer(&reply));
        assert_eq!(opened(json!({"id": "a"})).unwrap(), "a");
        assert_eq!(opened(json!({"pit_id": "a", "_shards": {"total": 2, "failed": 0}})).unwrap(), "a");
        assert!(opened(json!({"pit_id": "a", "_shards": {"total": 2, "failed": 1}})).is_err());
        assert!(opened(json!({})).is_err());
    }

    #[test]
    fn a_document_is_gone_only_if_the_server_says_so() {
        let asked = [Action {
            index: "idx".into(),
            id: "a".into(),
            routing: None,
            stamp: crate::Stamp { seq_no: 1, primary_term: 1 },
        }];
        let read = |document: Value| {
            read_mget(&answer(&json!({"docs": [document]})), &asked).map(|mut all| all.remove(0))
        };
        assert!(matches!(read(json!({"_id": "a", "found": false})), Ok(Fetched::Absent)));
        let found = json!({"_id": "a", "found": true, "_seq_no": 2, "_primary_term": 1, "_source": {}});
        assert!(matches!(read(found.clone()), Ok(Fetched::Found { .. })));
        for absent in ["_id", "found", "_seq_no", "_primary_term", "_source"] {
            let mut found = found.clone();
            found.as_object_mut().unwrap().remove(absent);
            assert!(read(found).is_err(), "{absent}");
        }
        assert!(read(json!({"_id": "b", "found": false})).is_err());
        let Ok(Fetched::Failed(cause)) = read(json!({"_id": "a", "error": {"odd": 1}})) else {
            panic!("not failed")
        };
        assert_eq!(cause.message(), r#"{"odd":1}"#);
        assert!(read_mget(&answer(&json!({"docs": []})), &asked).is_err());
    }

    #[test]
    fn a_total_that_was_cut_off_is_no_total() {
        let mut body = json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": {"total": {"value": 10000, "relation": "gte"}, "hits": []}});
        assert_eq!(read_search(&answer(&body)).unwrap().total(), None);
        body["hits"]["total"]["relation"] = json!("eq");
        assert_eq!(read_search(&answer(&body)).unwrap().total(), Some(10000));
    }
}
