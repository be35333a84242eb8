//! Searching, counting and reading through.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::aggregate;
use super::cursor::{Cursor, Found, Snapshot};
use super::engine::Inner;
use super::query::matches;
use super::source::Source;
use super::{Distribution, Refusal};
use crate::fault::Effect;

/// A search as it was asked for.
pub(crate) struct Search<'a> {
    /// The index, alias or data stream; `None` for a point in time.
    pub(crate) target: Option<&'a str>,
    pub(crate) body: Value,
    pub(crate) is_scroll: bool,
    /// `allow_partial_search_results`, which is false here only where it is said.
    pub(crate) allows_partial: bool,
    pub(crate) effects: &'a [Effect],
}

/// `index.max_result_window`.
const MAX_WINDOW: u64 = 10_000;

/// The indexes behind a name as searches see them now.
pub(crate) fn snapshots(inner: &mut Inner, name: &str) -> Result<Arc<[Snapshot]>, Refusal> {
    let indices = inner.readable(name)?;
    let of = |index: &mut super::engine::Index| Snapshot {
        index: index.name.clone(),
        mapping: Arc::new(index.mapping.clone()),
        documents: index.visible(),
    };
    Ok(indices.into_iter().map(of).collect())
}

/// Everything that a query finds.
pub(crate) fn find(snapshots: &[Snapshot], query: &Value) -> Result<Arc<[Found]>, Refusal> {
    let mut found = Vec::new();
    for (number, snapshot) in snapshots.iter().enumerate() {
        for document in snapshot.documents.values() {
            if matches(query, document, &snapshot.mapping)? {
                found.push(Found { snapshot: number, document: Arc::clone(document) });
            }
        }
    }
    Ok(found.into())
}

pub(crate) fn query_of(body: &Value) -> Value {
    body.get("query").cloned().unwrap_or_else(|| json!({"match_all": {}}))
}

/// Answers a search.
pub(crate) fn search(inner: &mut Inner, search: &Search<'_>) -> Result<Value, Refusal> {
    let body = &search.body;
    ensure_known(body)?;
    if search.target.is_some() && body.get("pit").is_some() {
        let what =
            "[indices] cannot be used with point in time. Do not specify any index with point in time.";
        return Err(validation(what));
    }
    if body.get("search_after").is_some() && body.get("sort").is_none() {
        return Err(Refusal::all_shards(Refusal::illegal("Sort must contain at least one field.")));
    }
    let size = body.get("size").and_then(Value::as_u64).unwrap_or(10);
    let from = body.get("from").and_then(Value::as_u64).unwrap_or(0);
    let window = from.saturating_add(size);
    if window > MAX_WINDOW {
        return Err(Refusal::all_shards(Refusal::illegal(format!(
            "Result window is too large, from + size must be less than or equal to: [{MAX_WINDOW}] but was [{window}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting."
        ))));
    }
    if search.is_scroll && body.get("track_total_hits") == Some(&Value::Bool(false)) {
        return Err(validation("disabling [track_total_hits] is not allowed in a scroll context"));
    }
    check_sort(inner.distribution, body)?;
    let query = query_of(body);
    let (snapshots, found, pit) = match (search.target, body.pointer("/pit/id").and_then(Value::as_str)) {
        (Some(target), _) => {
            let snapshots = snapshots(inner, target)?;
            let found = find(&snapshots, &query).map_err(Refusal::all_shards)?;
            (snapshots, found, None)
        }
        (None, Some(id)) => {
            let (snapshots, found) = in_point_in_time(inner, id, &query)?;
            (snapshots, found, Some(id.to_owned()))
        }
        (None, None) => return Err(Refusal::illegal("a search without an index needs a point in time")),
    };
    let after =
        body.pointer("/search_after/0").and_then(Value::as_u64).map_or(from, |place| place.saturating_add(1));
    let after = usize::try_from(after).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = found.iter().enumerate().skip(after).take(size);
    let hits: Vec<Value> =
        page.map(|(place, found)| hit(inner.distribution, &snapshots, found, body, place)).collect();
    let mut reply = json!({
        "took": 1,
        "timed_out": search.effects.contains(&Effect::TimedOut),
        "_shards": shards(search.effects),
        "hits": {"max_score": null, "hits": hits},
    });
    if let Some(total) = total(body, found.len() as u64) {
        reply["hits"]["total"] = total;
    }
    if let Some(aggregations) = body.get("aggs").or_else(|| body.get("aggregations")) {
        let all: Vec<&Found> = found.iter().collect();
        reply["aggregations"] =
            aggregate::aggregations(aggregations, &snapshots, &all).map_err(Refusal::all_shards)?;
    }
    if let Some(id) = pit {
        reply["pit_id"] = json!(id);
    }
    if search.is_scroll {
        let id = format!("scroll-{}", inner.number());
        reply["_scroll_id"] = json!(id);
        let next = hits.len();
        inner.cursors.insert(id, Cursor::Scroll { snapshots, found, next, body: body.clone() });
    }
    whole_or_refused(reply, search)
}

fn validation(what: &str) -> Refusal {
    Refusal::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {what};"))
}

/// Refuses a search that asks for what there is not.
fn ensure_known(body: &Value) -> Result<(), Refusal> {
    const KEYS: [&str; 13] = [
        "query",
        "size",
        "from",
        "sort",
        "search_after",
        "pit",
        "_source",
        "seq_no_primary_term",
        "track_total_hits",
        "aggs",
        "aggregations",
        "version",
        "timeout",
    ];
    let Some(body) = body.as_object() else {
        return Err(Refusal::parsing("Expected [START_OBJECT] but found [START_ARRAY]"));
    };
    match body.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, value)) => {
            let kind = match value {
                Value::Object(_) => "START_OBJECT",
                Value::Array(_) => "START_ARRAY",
                Value::String(_) => "VALUE_STRING",
                Value::Number(_) => "VALUE_NUMBER",
                Value::Bool(_) => "VALUE_BOOLEAN",
                Value::Null => "VALUE_NULL",
            };
            Err(Refusal::parsing(format!("Unknown key for a {kind} in [{key}].")))
        }
    }
}

/// Where partial answers are not allowed, a failed shard is an error of the whole.
fn whole_or_refused(reply: Value, search: &Search<'_>) -> Result<Value, Refusal> {
    if reply.pointer("/_shards/failed").is_some_and(|failed| failed != 0) && !search.allows_partial {
        return Err(Refusal::new(503, "search_phase_execution_exception", "Partial shards failure"));
    }
    Ok(reply)
}

/// The next page of a scroll.
pub(crate) fn scroll(inner: &mut Inner, id: &str, effects: &[Effect]) -> Result<Value, Refusal> {
    let distribution = inner.distribution;
    let Some(Cursor::Scroll { snapshots, found, next, body }) = inner.cursors.get_mut(id) else {
        return Err(Refusal::lost(id));
    };
    let size = body.get("size").and_then(Value::as_u64).unwrap_or(10);
    let page = found.iter().enumerate().skip(*next).take(usize::try_from(size).unwrap_or(usize::MAX));
    let hits: Vec<Value> =
        page.map(|(place, found)| hit(distribution, snapshots, found, body, place)).collect();
    *next += hits.len();
    let mut reply = json!({
        "_scroll_id": id,
        "took": 1,
        "timed_out": effects.contains(&Effect::TimedOut),
        "_shards": shards(effects),
        "hits": {"max_score": null, "hits": hits},
    });
    if let Some(total) = total(body, found.len() as u64) {
        reply["hits"]["total"] = total;
    }
    Ok(reply)
}

/// Answers a count.
pub(crate) fn count(
    inner: &mut Inner,
    name: &str,
    body: &Value,
    effects: &[Effect],
) -> Result<Value, Refusal> {
    if let Some(odd) = body.as_object().into_iter().flat_map(Map::keys).find(|key| *key != "query") {
        return Err(Refusal::parsing(format!("request does not support [{odd}]")));
    }
    let snapshots = snapshots(inner, name)?;
    let found = find(&snapshots, &query_of(body)).map_err(Refusal::all_shards)?;
    Ok(json!({"count": found.len(), "_shards": shards(effects)}))
}

/// Opens a point in time.
pub(crate) fn open(inner: &mut Inner, name: &str) -> Result<String, Refusal> {
    let snapshots = snapshots(inner, name)?;
    let id = format!("pit-{}", inner.number());
    inner.cursors.insert(id.clone(), Cursor::PointInTime { snapshots, found: None });
    Ok(id)
}

type InPointInTime = (Arc<[Snapshot]>, Arc<[Found]>);

fn in_point_in_time(inner: &mut Inner, id: &str, query: &Value) -> Result<InPointInTime, Refusal> {
    let Some(Cursor::PointInTime { snapshots, found }) = inner.cursors.get_mut(id) else {
        return Err(Refusal::lost(id));
    };
    if let Some((last, found)) = found.as_ref().filter(|(last, _)| last == query) {
        let _ = last;
        return Ok((Arc::clone(snapshots), Arc::clone(found)));
    }
    let all = find(snapshots, query).map_err(Refusal::all_shards)?;
    *found = Some((query.clone(), Arc::clone(&all)));
    Ok((Arc::clone(snapshots), all))
}

fn check_sort(distribution: Distribution, body: &Value) -> Result<(), Refusal> {
    let sorts = body.get("sort").and_then(Value::as_array).cloned().unwrap_or_default();
    for sort in sorts {
        let field = match &sort {
            Value::String(field) => field.clone(),
            Value::Object(field) => field.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let is_known = match field.as_str() {
            "_doc" => true,
            "_shard_doc" if distribution == Distribution::OpenSearch3 && body.get("pit").is_none() => {
                return Err(validation(
                    "_shard_doc is only supported with point-in-time (PIT). Add a PIT or remove _shard_doc.",
                ));
            }
            "_shard_doc" => !matches!(distribution, Distribution::Elasticsearch7 | Distribution::OpenSearch2),
            _ => false,
        };
        if !is_known {
            let reason = format!("No mapping found for [{field}] in order to sort on");
            return Err(Refusal::all_shards(Refusal::new(400, "query_shard_exception", reason)));
        }
    }
    Ok(())
}

/// `hits.total`, as `track_total_hits` wants it.
fn total(body: &Value, count: u64) -> Option<Value> {
    match body.get("track_total_hits") {
        Some(Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some(json!({"value": count, "relation": "eq"})),
        limit => {
            let limit = limit.and_then(Value::as_u64).unwrap_or(10_000);
            let relation = if count > limit { "gte" } else { "eq" };
            Some(json!({"value": count.min(limit), "relation": relation}))
        }
    }
}

fn shards(effects: &[Effect]) -> Value {
    let failed = effects
        .iter()
        .map(|effect| if let Effect::FailedShards { count } = effect { *count } else { 0 })
        .sum::<usize>();
    let total = failed + 1;
    if failed == 0 {
        return json!({"total": total, "successful": total, "skipped": 0, "failed": 0});
    }
    let reason = json!({"type": "node_disconnected_exception", "reason": "disconnected"});
    json!({"total": total, "successful": 1, "skipped": 0, "failed": failed, "failures": [{"shard": 0, "reason": reason}]})
}

fn hit(
    distribution: Distribution,
    snapshots: &[Snapshot],
    found: &Found,
    body: &Value,
    place: usize,
) -> Value {
    let document = &found.document;
    let mut hit = json!({
        "_index": snapshots.get(found.snapshot).map(|snapshot| snapshot.index.as_str()),
        "_id": &*document.id,
        "_score": null,
    });
    if distribution == Distribution::Elasticsearch7 {
        hit["_type"] = json!("_doc");
    }
    if let Some(routing) = &document.routing {
        hit["_routing"] = json!(routing);
    }
    if body.get("seq_no_primary_term") == Some(&Value::Bool(true)) {
        hit["_seq_no"] = json!(document.seq_no);
        hit["_primary_term"] = json!(1);
    }
    if !document.ignored.is_empty() {
        hit["_ignored"] = json!(document.ignored);
    }
    if let Some(source) = filtered(&document.source, body.get("_source")) {
        hit["_source"] = source;
    }
    if body.get("sort").is_some() {
        hit["sort"] = json!([place]);
    }
    hit
}

/// `_source`, as far as it is asked for.
pub(crate) fn filtered(source: &Source, wanted: Option<&Value>) -> Option<Value> {
    let patterns = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::Array(values)) => {
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let (includes, excludes) = match wanted {
        Some(Value::Bool(false)) => return None,
        None | Some(Value::Bool(true) | Value::Null) => (Vec::new(), Vec::new()),
        Some(Value::Object(filter)) => (patterns(filter.get("includes")), patterns(filter.get("excludes"))),
        list => (patterns(list), Vec::new()),
    };
    let kept = source.iter().filter(|(name, _)| {
        let fits = |pattern: &String| is_like(pattern, name);
        (includes.is_empty() || includes.iter().any(fits)) && !excludes.iter().any(fits)
    });
    Some(Value::Object(kept.map(|(name, value)| (name.to_owned(), value.clone())).collect()))
}

/// Whether a name fits a pattern with `*` at its ends.
pub(crate) fn is_like(pattern: &str, name: &str) -> bool {
    let core = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => name.contains(core),
        (true, false) => name.ends_with(core),
        (false, true) => name.starts_with(core),
        (false, false) => name == pattern,
    }
}
