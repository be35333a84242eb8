//! `_bulk`, and single documents.

use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::engine::{Document, Index, Inner};
use super::{Distribution, Refusal, mapping};
use crate::fault::Effect;

/// What was done to a document.
struct Done {
    result: &'static str,
    status: u16,
    version: u64,
    seq_no: u64,
}

/// Answers a bulk request; everything in it is looked at before anything is done.
pub(crate) fn bulk(
    inner: &mut Inner,
    caller: &Caller,
    default_index: Option<&str>,
    body: &[u8],
    effects: &[Effect],
) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(Refusal::new(400, "parse_exception", "request body is required"));
    }
    if body.last() != Some(&b'\n') {
        return Err(Refusal::illegal("The bulk request must be terminated by a newline [\\n]"));
    }
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let parsed = |line: &[u8]| -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(line).map_err(|error| {
            Refusal::new(
                400,
                "x_content_parse_exception",
                format!("[1:1] Malformed action/metadata line: {error}"),
            )
        })
    };
    let mut actions = Vec::new();
    let mut lines = lines.into_iter();
    while let Some(line) = lines.next() {
        let Some((verb, meta)) = parsed(line)?.into_iter().next() else {
            return Err(Refusal::illegal("Malformed action/metadata line"));
        };
        let meta = meta.as_object().cloned().unwrap_or_default();
        let source = match verb.as_str() {
            "delete" => Map::new(),
            "index" | "create" | "update" => {
                parsed(lines.next().ok_or_else(|| Refusal::illegal("an action without its source"))?)?
            }
            other => {
                return Err(Refusal::illegal(format!(
                    "Malformed action/metadata line [1], expected field [create], [delete], [index] or [update] but found [{other}]"
                )));
            }
        };
        ensure_sound(inner.distribution, &verb, &meta, &source, default_index)?;
        actions.push((verb, meta, source));
    }
    if actions.is_empty() {
        return Err(validation("no requests added"));
    }
    if !caller.may_write_anything() {
        return Err(caller.refuse("indices:data/write/bulk", &[], "index,create,delete,write,all"));
    }
    let (failing, failure) = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::BulkItems { code, error, count } => {
                Some((*count, Some(Refusal::of_item(*code, error.as_deref()))))
            }
            _ => None,
        })
        .unwrap_or((0, None));
    let mut items = Vec::with_capacity(actions.len());
    let mut errors = false;
    for (position, (verb, meta, source)) in actions.into_iter().enumerate() {
        let text = |key: &str| meta.get(key).and_then(Value::as_str);
        let index = text("_index").or(default_index).unwrap_or_default().to_owned();
        let id = text("_id").map_or_else(|| format!("generated-{}", inner.number()), str::to_owned);
        let done = match &failure {
            Some(failure) if position < failing => Err(failure.clone()),
            _ => item(inner, caller, &verb, &index, &id, &meta, source),
        };
        let mut item = json!({"_index": index, "_id": id});
        match done {
            Ok(done) => {
                item["_version"] = json!(done.version);
                item["result"] = json!(done.result);
                item["_seq_no"] = json!(done.seq_no);
                item["_primary_term"] = json!(1);
                item["status"] = json!(done.status);
            }
            Err(refusal) => {
                errors = true;
                item["status"] = json!(refusal.status.as_u16());
                item["error"] = refusal.cause();
            }
        }
        items.push(json!({verb: item}));
    }
    Ok(json!({"took": 1, "errors": errors, "items": items}))
}

/// Refuses the whole request for an action that makes no sense.
fn ensure_sound(
    distribution: Distribution,
    verb: &str,
    meta: &Map<String, Value>,
    source: &Map<String, Value>,
    default_index: Option<&str>,
) -> Result<(), Refusal> {
    const META: [&str; 12] = [
        "_index",
        "_id",
        "routing",
        "_routing",
        "if_seq_no",
        "if_primary_term",
        "retry_on_conflict",
        "version",
        "version_type",
        "require_alias",
        "pipeline",
        "dynamic_templates",
    ];
    const UPDATE: [&str; 8] = [
        "doc",
        "script",
        "upsert",
        "doc_as_upsert",
        "scripted_upsert",
        "detect_noop",
        "_source",
        "if_seq_no",
    ];
    let is_old = distribution == Distribution::Elasticsearch7;
    if let Some(odd) = meta.keys().find(|key| !META.contains(&key.as_str()) && !(is_old && *key == "_type")) {
        let reason = format!("Action/metadata line [1] contains an unknown parameter [{odd}]");
        return Err(Refusal::illegal(reason));
    }
    if default_index.is_none() && !meta.contains_key("_index") {
        return Err(validation("index is missing"));
    }
    if meta.contains_key("if_seq_no") && meta.contains_key("retry_on_conflict") {
        return Err(validation("compare and write operations can not be retried"));
    }
    if meta.contains_key("if_seq_no") && !meta.contains_key("if_primary_term") {
        return Err(validation("ifSeqNo is set, but primary term is [0]"));
    }
    let id = meta.get("_id").and_then(Value::as_str);
    if let Some(id) = id.filter(|id| id.len() > 512) {
        let length = id.len();
        let what = format!("id [{id}] is too long, must be no longer than 512 bytes but was: {length}");
        return Err(validation(&what));
    }
    if verb != "update" {
        return Ok(());
    }
    if id.is_none() {
        return Err(validation("id is missing"));
    }
    let unparsable = |reason: String| Err(Refusal::new(400, "x_content_parse_exception", reason));
    if let Some(odd) = source.keys().find(|key| !UPDATE.contains(&key.as_str())) {
        return unparsable(format!("[1:2] [UpdateRequest] unknown field [{odd}]"));
    }
    match source.get("doc") {
        Some(Value::Object(_)) => Ok(()),
        Some(_) => unparsable("[1:9] [UpdateRequest] doc doesn't support values of this type".to_owned()),
        None if source.contains_key("script") => {
            Err(Refusal::illegal("the sandbox has no scripts in updates"))
        }
        None => Err(validation("script or doc is missing")),
    }
}

fn validation(what: &str) -> Refusal {
    Refusal::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {what};"))
}

/// The concrete index that a write to this name goes to; it may be created by it.
fn write_index(inner: &mut Inner, caller: &Caller, verb: &str, name: &str) -> Result<String, Refusal> {
    if inner.indices.contains_key(name) {
        return Ok(name.to_owned());
    }
    if let Some(alias) = inner.aliases.get(name) {
        let only = if alias.indices.len() == 1 { alias.indices.first() } else { None };
        return alias.write_index.as_ref().or(only).cloned().ok_or_else(|| {
            Refusal::illegal(format!(
                "no write index is defined for alias [{name}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
            ))
        });
    }
    let is_stream = inner.streams.contains_key(name)
        || inner.templates.iter().any(|(pattern, _)| super::search::is_like(pattern, name));
    if is_stream && verb != "create" {
        return Err(Refusal::illegal("only write ops with an op_type of create are allowed in data streams"));
    }
    caller.ensure(&[name], "create_index", "indices:admin/auto_create")?;
    if is_stream {
        return Ok(open_stream(inner, name));
    }
    // An update of a document that is nowhere creates its index, too.
    inner.indices.insert(name.to_owned(), Index::new(name, json!({}), Default::default()));
    Ok(name.to_owned())
}

fn open_stream(inner: &mut Inner, name: &str) -> String {
    if let Some(backing) = inner.streams.get(name) {
        return backing.clone();
    }
    let backing = format!(".ds-{name}-2026.11.21-000001");
    let template = inner.templates.iter().find(|(pattern, _)| super::search::is_like(pattern, name));
    let mut mapping = template.map(|(_, mapping)| mapping.clone()).unwrap_or_else(|| json!({}));
    mapping["properties"]["@timestamp"] = json!({"type": "date"});
    inner.indices.insert(backing.clone(), Index::new(&backing, mapping, Default::default()));
    inner.streams.insert(name.to_owned(), backing.clone());
    backing
}

fn item(
    inner: &mut Inner,
    caller: &Caller,
    verb: &str,
    name: &str,
    id: &str,
    meta: &Map<String, Value>,
    source: Map<String, Value>,
) -> Result<Done, Refusal> {
    if id.is_empty() {
        return Err(Refusal::illegal("if _id is specified it must not be empty"));
    }
    let privilege = if verb == "delete" { "delete" } else { "index" };
    let stream = inner.stream_of(name).map(str::to_owned);
    let names: Vec<&str> = stream.as_deref().into_iter().chain([name]).collect();
    caller.ensure_any(&names, privilege, "indices:data/write/bulk[s]")?;
    let concrete = write_index(inner, caller, verb, name)?;
    let distribution = inner.distribution;
    let is_backing = inner.stream_of(&concrete).is_some();
    let Some(index) = inner.indices.get_mut(&concrete) else { return Err(Refusal::no_index(name)) };
    index.ensure_writable(distribution)?;
    let routing = meta.get("routing").or_else(|| meta.get("_routing")).and_then(Value::as_str);
    let newest = index.newest(id, routing).cloned();
    let number = |key: &str| meta.get(key).and_then(Value::as_u64);
    match verb {
        "index" | "create" => {
            if verb == "create" && newest.is_some() {
                return Err(conflict(id, "document already exists"));
            }
            let created = newest.is_none();
            let document = index.write(distribution, id, routing, source)?;
            Ok(done(if created { "created" } else { "updated" }, if created { 201 } else { 200 }, &document))
        }
        "delete" => {
            let Some(document) = newest else {
                return Ok(Done { result: "not_found", status: 404, version: 1, seq_no: 0 });
            };
            index.remove(id, routing);
            Ok(done("deleted", 200, &document))
        }
        _ => {
            if index.mapping.pointer("/_source/enabled") == Some(&Value::Bool(false)) {
                return Err(Refusal::new(
                    400,
                    "document_source_missing_exception",
                    format!("[{id}]: document source missing"),
                ));
            }
            let Some(document) = newest else {
                return Err(Refusal::new(
                    404,
                    "document_missing_exception",
                    format!("[{id}]: document missing"),
                ));
            };
            if let Some(wanted) = number("if_seq_no").filter(|wanted| *wanted != document.seq_no) {
                return Err(conflict(
                    id,
                    &format!(
                        "required seqNo [{wanted}], primary term [1]. current document has seqNo [{}] and primary term [1]",
                        document.seq_no
                    ),
                ));
            }
            let change = source.get("doc").and_then(Value::as_object).cloned().unwrap_or_default();
            let old = document.source.to_map();
            let mut merged = old.clone();
            merge(&mut merged, &change);
            if merged == old {
                return Ok(done("noop", 200, &document));
            }
            let adds =
                mapping::check(&index.mapping, &index.settings, distribution, id, &merged)?.mapping.is_some();
            if is_backing && adds {
                caller.ensure_any(&names, "auto_configure", "indices:admin/mapping/auto_put")?;
            }
            let routing = document.routing.clone();
            let document = index.write(distribution, id, routing.as_deref(), merged)?;
            Ok(done("updated", 200, &document))
        }
    }
}

fn conflict(id: &str, what: &str) -> Refusal {
    Refusal::new(409, "version_conflict_engine_exception", format!("[{id}]: version conflict, {what}"))
}

fn done(result: &'static str, status: u16, document: &Document) -> Done {
    Done { result, status, version: document.version, seq_no: document.seq_no }
}

/// A partial document into a whole one: objects are merged, everything else is replaced.
pub(crate) fn merge(source: &mut Map<String, Value>, change: &Map<String, Value>) {
    for (key, value) in change {
        match (source.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                source.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `filter_path` of a bulk request as far as it is used: of an item its id, status, result and error.
pub(crate) fn filtered(mut reply: Value) -> Value {
    for item in reply.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        for fields in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(fields) = fields.as_object_mut() {
                fields.retain(|key, _| matches!(key.as_str(), "_id" | "status" | "result" | "error"));
            }
        }
    }
    reply
}
