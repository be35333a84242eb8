//! The lines of a bulk request, and what became of each.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use upstream::{Response, Unusable};

use crate::{Cause, Hit, Stamp, Task};

/// The partial update of one document, in the version in which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The index that holds it.
    pub index: String,
    /// Its `_id`.
    pub id: String,
    /// Its routing.
    pub routing: Option<String>,
    /// Its version: if it has changed since, nothing is done.
    pub stamp: Stamp,
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It has the value now.
    Updated,
    /// It had it.
    Noop,
    /// It has changed since it was seen; nothing was done.
    Conflict,
    /// It is no longer there.
    Gone,
    /// The server is busy (429, 503); it can be sent again.
    Busy(Cause),
    /// The cluster blocks writing to its index.
    Blocked(Cause),
    /// It is refused.
    Refused(Cause),
}

/// Of the answer, only this is sent; the rest says nothing new.
pub(crate) const FILTER_PATH: &str = "took,errors,items.*._id,items.*.status,items.*.result,items.*.error";

#[derive(Deserialize)]
struct Reply {
    errors: bool,
    items: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "_id")]
    id: String,
    status: u16,
    result: Option<String>,
    error: Option<Value>,
}

impl From<&Hit> for Action {
    fn from(hit: &Hit) -> Self {
        Self { index: hit.index.clone(), id: hit.id.clone(), routing: hit.routing.clone(), stamp: hit.stamp }
    }
}

impl Action {
    /// Appends the two lines of the action.
    ///
    /// Never `upsert`: a document that was deleted meanwhile must stay so. Never `retry_on_conflict`: it would make the
    /// stamp worthless, and the service refuses both together.
    pub(crate) fn write(&self, document: &str, body: &mut String) {
        let mut meta = json!({
            "_index": self.index,
            "_id": self.id,
            "if_seq_no": self.stamp.seq_no,
            "if_primary_term": self.stamp.primary_term,
        });
        if let Some(routing) = &self.routing {
            meta["routing"] = json!(routing);
        }
        body.push_str(&json!({"update": meta}).to_string());
        body.push('\n');
        body.push_str(document);
        body.push('\n');
    }

    /// About how many bytes its lines have; never fewer, but for what has to be escaped.
    pub(crate) fn size(&self, document: &str) -> usize {
        self.index.len() + self.id.len() + self.routing.as_ref().map_or(0, String::len) + document.len() + 140
    }

    pub(crate) fn key(&self) -> Value {
        match &self.routing {
            Some(routing) => json!({"_index": self.index, "_id": self.id, "routing": routing}),
            None => json!({"_index": self.index, "_id": self.id}),
        }
    }
}

impl Task {
    /// The second line of every action.
    pub(crate) fn document(&self) -> String {
        json!({"doc": {self.field.as_str(): self.value}}).to_string()
    }
}

/// What became of each action, in the order sent. An answer that leaves one out, or swaps two, is unusable.
pub(crate) fn read_outcomes(response: &Response, actions: &[Action]) -> Result<Vec<ItemOutcome>, Unusable> {
    let reply: Reply = serde_json::from_slice(&response.body)?;
    if reply.items.len() != actions.len() {
        return Err(Unusable(format!("{} actions were sent, {} answered", actions.len(), reply.items.len())));
    }
    let outcomes: Result<Vec<_>, Unusable> =
        reply.items.into_iter().zip(actions).map(|(item, action)| outcome(item, action)).collect();
    let outcomes = outcomes?;
    let is_clean = outcomes.iter().all(|outcome| matches!(outcome, ItemOutcome::Updated | ItemOutcome::Noop));
    if reply.errors == is_clean {
        return Err(Unusable("the answer contradicts itself about errors".to_owned()));
    }
    Ok(outcomes)
}

fn outcome(mut item: Map<String, Value>, action: &Action) -> Result<ItemOutcome, Unusable> {
    let item = item.remove("update").ok_or_else(|| Unusable("an action that was not sent".to_owned()))?;
    let item: Item = serde_json::from_value(item)?;
    if item.id != action.id {
        return Err(Unusable("the answers are in another order than the actions".to_owned()));
    }
    let Some(error) = item.error else {
        return match item.result.as_deref() {
            Some("updated") => Ok(ItemOutcome::Updated),
            Some("noop") => Ok(ItemOutcome::Noop),
            other => {
                Err(Unusable(format!("an update with the result {other:?} and the status {}", item.status)))
            }
        };
    };
    let cause = Cause::said(&error);
    // The type first: a block is a 403 or a 429, by which it looks like something else.
    Ok(match item.status {
        _ if cause.is_block() => ItemOutcome::Blocked(cause),
        409 => ItemOutcome::Conflict,
        404 if cause.kind == "document_missing_exception" => ItemOutcome::Gone,
        429 | 503 => ItemOutcome::Busy(cause),
        _ => ItemOutcome::Refused(cause),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::{FieldName, Mode, Scope};

    fn action(id: &str, routing: Option<&str>) -> Action {
        Action {
            index: "idx".into(),
            id: id.into(),
            routing: routing.map(str::to_owned),
            stamp: Stamp { seq_no: 12, primary_term: 1 },
        }
    }

    fn answer(body: &Value) -> Response {
        Response { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_string().into() }
    }

    #[test]
    fn an_action_is_two_lines() {
        let field = FieldName::parse("clearance_level").unwrap();
        let task = Task { field, value: json!(1), scope: Scope::All, mode: Mode::Missing };
        let mut body = String::new();
        action("a\"\n", Some("alice")).write(&task.document(), &mut body);
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({"update": {"_index": "idx", "_id": "a\"\n", "if_seq_no": 12, "if_primary_term": 1, "routing": "alice"}}),
                json!({"doc": {"clearance_level": 1}}),
            ]
        );
        assert!(body.ends_with('\n'));
        assert!(action("abc", None).size(&task.document()) >= body.len() / 2);
    }

    #[test]
    fn every_outcome_is_read() {
        let items = [
            (json!({"status": 200, "result": "updated"}), ItemOutcome::Updated),
            (json!({"status": 200, "result": "noop"}), ItemOutcome::Noop),
            (
                json!({"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "r"}}),
                ItemOutcome::Conflict,
            ),
            (
                json!({"status": 404, "error": {"type": "document_missing_exception", "reason": "r"}}),
                ItemOutcome::Gone,
            ),
        ];
        for (mut item, expected) in items {
            item["_id"] = json!("a");
            let body = json!({"errors": item.get("error").is_some(), "items": [{"update": item}]});
            assert_eq!(read_outcomes(&answer(&body), &[action("a", None)]).unwrap(), [expected]);
        }
        let with = |status: u16, kind: &str| {
            let error = json!({"type": kind, "reason": "r"});
            let body = json!({"errors": true, "items": [{"update": {"_id": "a", "status": status, "error": error}}]});
            read_outcomes(&answer(&body), &[action("a", None)]).unwrap().remove(0)
        };
        assert!(matches!(with(429, "es_rejected_execution_exception"), ItemOutcome::Busy(_)));
        assert!(matches!(with(503, "unavailable_shards_exception"), ItemOutcome::Busy(_)));
        assert!(matches!(with(429, "cluster_block_exception"), ItemOutcome::Blocked(_)));
        assert!(matches!(with(403, "cluster_block_exception"), ItemOutcome::Blocked(_)));
        assert!(matches!(with(404, "index_not_found_exception"), ItemOutcome::Refused(_)));
        assert!(matches!(with(400, "mapper_parsing_exception"), ItemOutcome::Refused(_)));
    }

    #[test]
    fn an_answer_that_does_not_fit_is_unusable() {
        let ok = json!({"update": {"_id": "a", "status": 200, "result": "updated"}});
        let swapped = json!({"errors": false, "items": [ok]});
        assert!(read_outcomes(&answer(&swapped), &[action("b", None)]).is_err());
        assert!(read_outcomes(&answer(&swapped), &[action("a", None), action("b", None)]).is_err());
        let lying = json!({"errors": true, "items": [ok]});
        assert!(read_outcomes(&answer(&lying), &[action("a", None)]).is_err());
        let created =
            json!({"errors": false, "items": [{"update": {"_id": "a", "status": 201, "result": "created"}}]});
        assert!(read_outcomes(&answer(&created), &[action("a", None)]).is_err());
        let nameless = json!({"errors": false, "items": [{"update": {"status": 200, "result": "updated"}}]});
        assert!(read_outcomes(&answer(&nameless), &[action("a", None)]).is_err());
        let odd =
            json!({"errors": true, "items": [{"update": {"_id": "a", "status": 400, "error": {"odd": 1}}}]});
        let outcomes = read_outcomes(&answer(&odd), &[action("a", None)]).unwrap();
        assert!(matches!(&outcomes[..], [ItemOutcome::Refused(cause)] if cause.message() == r#"{"odd":1}"#));
    }
}
