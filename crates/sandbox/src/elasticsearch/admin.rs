//! Indexes themselves: making them, their mappings and settings, aliases, and what the server says of itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::auth::{Caller, Key};
use super::engine::{Alias, Index, Inner};
use super::{Distribution, Refusal, mapping};

/// `GET /`.
pub(crate) fn info(distribution: Distribution) -> Value {
    let mut version = json!({"number": distribution.version()});
    match distribution {
        Distribution::OpenSearch2 | Distribution::OpenSearch3 => {
            version["distribution"] = json!("opensearch");
        }
        Distribution::Serverless => {
            version["build_flavor"] = json!("serverless");
        }
        Distribution::Elasticsearch7 | Distribution::Elasticsearch8 => {
            version["build_flavor"] = json!("default");
        }
    }
    let tagline = if distribution.is_opensearch() {
        "The OpenSearch Project: https://opensearch.org/"
    } else {
        "You Know, for Search"
    };
    json!({"name": "sandbox", "cluster_name": "sandbox", "version": version, "tagline": tagline})
}

/// `PUT /{index}`.
pub(crate) fn create(inner: &mut Inner, name: &str, body: &Value) -> Result<Value, Refusal> {
    if inner.indices.contains_key(name) {
        let reason = format!("index [{name}] already exists");
        return Err(Refusal::new(400, "resource_already_exists_exception", reason));
    }
    let why = match name {
        _ if name.chars().any(char::is_uppercase) => Some("must be lowercase"),
        _ if name.starts_with(['_', '-', '+']) => Some("must not start with '_', '-', or '+'"),
        _ => None,
    };
    if let Some(why) = why {
        let reason = format!("Invalid index name [{name}], {why}");
        return Err(Refusal::new(400, "invalid_index_name_exception", reason));
    }
    let mapping = body.get("mappings").cloned().unwrap_or_else(|| json!({}));
    mapping::ensure_types(&mapping)?;
    let mut settings = BTreeMap::new();
    if let Some(given) = body.get("settings") {
        flatten("index", given, &mut settings);
    }
    let settings = settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    inner.indices.insert(name.to_owned(), Index::new(name, mapping, settings));
    for (alias, options) in body.get("aliases").and_then(Value::as_object).into_iter().flatten() {
        point(inner, alias, name, options);
    }
    Ok(json!({"acknowledged": true, "shards_acknowledged": true, "index": name}))
}

/// Settings as flat texts; `None` for one that is taken away.
fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, Option<String>>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let is_whole = key == "index" || key.starts_with("index.");
                let name =
                    if is_whole && prefix == "index" { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, flat);
            }
        }
        Value::Null => {
            flat.insert(prefix.to_owned(), None);
        }
        Value::String(text) => {
            flat.insert(prefix.to_owned(), Some(text.clone()));
        }
        other => {
            flat.insert(prefix.to_owned(), Some(other.to_string()));
        }
    }
}

/// `DELETE /{index}`.
pub(crate) fn delete(inner: &mut Inner, name: &str) -> Result<Value, Refusal> {
    inner.indices.remove(name).ok_or_else(|| Refusal::no_index(name))?;
    inner.aliases.values_mut().for_each(|alias| alias.indices.retain(|index| index != name));
    inner.aliases.retain(|_, alias| !alias.indices.is_empty());
    Ok(json!({"acknowledged": true}))
}

/// `PUT /{index}/_settings`.
pub(crate) fn put_settings(inner: &mut Inner, name: &str, body: &Value) -> Result<Value, Refusal> {
    let mut changes = BTreeMap::new();
    flatten("index", body.get("settings").unwrap_or(body), &mut changes);
    for index in inner.resolve(name)? {
        let Some(index) = inner.indices.get_mut(&index) else { continue };
        for (name, value) in &changes {
            match value {
                Some(value) => index.settings.insert(name.clone(), value.clone()),
                None => index.settings.remove(name),
            };
        }
    }
    Ok(json!({"acknowledged": true}))
}

/// `POST /{index}/_close` and `_open`.
pub(crate) fn set_closed(inner: &mut Inner, name: &str, is_closed: bool) -> Result<Value, Refusal> {
    for index in inner.resolve(name)? {
        let Some(index) = inner.indices.get_mut(&index) else { continue };
        if is_closed {
            index.settings.insert("index.verified_before_close".to_owned(), "true".to_owned());
        } else {
            index.settings.remove("index.verified_before_close");
        }
    }
    Ok(json!({"acknowledged": true, "shards_acknowledged": true}))
}

/// What every index behind a name says, by its name; a block of its metadata forbids it.
pub(crate) fn of_each(inner: &Inner, name: &str, said: impl Fn(&Index) -> Value) -> Result<Value, Refusal> {
    let mut reply = Map::new();
    for name in inner.resolve(name)? {
        let Some(index) = inner.indices.get(&name) else { continue };
        if index.is_set("index.blocks.metadata") {
            return Err(index.blocked(403, "FORBIDDEN/9/index metadata (api)"));
        }
        reply.insert(name, said(index));
    }
    Ok(Value::Object(reply))
}

/// `PUT /{index}/_mapping`.
pub(crate) fn put_mapping(inner: &mut Inner, name: &str, body: &Value) -> Result<Value, Refusal> {
    mapping::ensure_types(body)?;
    for name in inner.resolve(name)? {
        let Some(index) = inner.indices.get_mut(&name) else { continue };
        mapping::merge(&mut index.mapping, body)?;
    }
    Ok(json!({"acknowledged": true}))
}

/// `GET /{index}/_field_caps`.
pub(crate) fn field_caps(inner: &mut Inner, name: &str, fields: &str) -> Result<Value, Refusal> {
    let leaves_out_closed = inner.distribution.is_opensearch();
    let indices = match inner.readable(name) {
        Err(refusal) if refusal.kind == "index_closed_exception" && leaves_out_closed => Vec::new(),
        indices => indices?,
    };
    let mut reply = json!({});
    for field in fields.split(',') {
        for index in &indices {
            let Some(found) = mapping::find(&index.mapping, field) else { continue };
            let kind = found.kind();
            let old = reply.get(field).and_then(|kinds| kinds.get(kind));
            let both = |key: &str, here: bool| {
                here && old.and_then(|old| old.get(key)).and_then(Value::as_bool).unwrap_or(true)
            };
            let caps = json!({
                "type": kind,
                "searchable": both("searchable", found.is_searchable()),
                "aggregatable": both("aggregatable", found.is_aggregatable()),
            });
            reply[field][kind] = caps;
        }
    }
    let names: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
    Ok(json!({"indices": names, "fields": reply}))
}

/// `POST /_aliases`.
pub(crate) fn aliases(inner: &mut Inner, body: &Value) -> Result<Value, Refusal> {
    for action in body.get("actions").and_then(Value::as_array).into_iter().flatten() {
        let Some(add) = action.get("add") else {
            return Err(Refusal::illegal("the sandbox only adds aliases"));
        };
        let text = |key: &str| add.get(key).and_then(Value::as_str).unwrap_or_default();
        inner.resolve(text("index"))?;
        point(inner, text("alias"), text("index"), add);
    }
    Ok(json!({"acknowledged": true}))
}

fn point(inner: &mut Inner, alias: &str, index: &str, options: &Value) {
    let alias: &mut Alias = inner.aliases.entry(alias.to_owned()).or_default();
    alias.indices.push(index.to_owned());
    if options.get("is_write_index") == Some(&Value::Bool(true)) {
        alias.write_index = Some(index.to_owned());
    }
}

/// `PUT /_index_template/{name}`: only what makes a data stream.
pub(crate) fn put_template(inner: &mut Inner, body: &Value) -> Result<Value, Refusal> {
    if body.get("data_stream").is_none() {
        return Err(Refusal::illegal("the sandbox has templates of data streams only"));
    }
    let mapping = body.pointer("/template/mappings").cloned().unwrap_or_else(|| json!({}));
    for pattern in body.get("index_patterns").and_then(Value::as_array).into_iter().flatten() {
        inner.templates.push((pattern.as_str().unwrap_or_default().to_owned(), mapping.clone()));
    }
    Ok(json!({"acknowledged": true}))
}

/// `GET /_resolve/index/*`.
pub(crate) fn resolved(inner: &Inner, caller: &Caller) -> Value {
    let seen = |name: &&String| caller.sees(name);
    let indices: Vec<Value> =
        inner.indices.keys().filter(seen).map(|name| json!({"name": name, "attributes": ["open"]})).collect();
    let aliases: Vec<Value> = inner
        .aliases
        .iter()
        .filter(|(name, _)| caller.sees(name))
        .map(|(name, alias)| json!({"name": name, "indices": alias.indices}))
        .collect();
    let streams: Vec<Value> = inner
        .streams
        .iter()
        .filter(|(name, _)| caller.sees(name))
        .map(|(name, backing)| json!({"name": name, "backing_indices": [backing], "timestamp_field": "@timestamp"}))
        .collect();
    json!({"indices": indices, "aliases": aliases, "data_streams": streams})
}

/// `GET /_cat/indices?format=json`.
pub(crate) fn cat(inner: &Inner, caller: &Caller) -> Value {
    let row =
        |(name, index): (&String, &Index)| json!({"index": name, "docs.count": index.len().to_string()});
    inner.indices.iter().filter(|(name, _)| caller.sees(name)).map(row).collect()
}

/// `POST /_security/api_key`.
pub(crate) fn make_key(inner: &mut Inner, body: &Value) -> Value {
    use base64::Engine as _;
    let id = format!("key-{}", inner.number());
    let secret = format!("secret-{}", inner.number());
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let key = Key::of_request(body, secret.clone());
    let reply = json!({"id": id, "name": key.name, "api_key": secret, "encoded": encoded});
    inner.keys.insert(id, key);
    reply
}

/// `POST /_tasks/{id}/_cancel`.
pub(crate) fn cancel(inner: &mut Inner, id: &str) -> Value {
    if let Some(task) = inner.tasks.get_mut(id).filter(|task| task["completed"] == json!(false)) {
        let mut numbers = task["task"]["status"].clone();
        numbers["canceled"] = json!("by user request");
        task["completed"] = json!(true);
        task["response"] = numbers;
    }
    json!({"nodes": {}})
}

/// `_update_by_query` with the script of the client, done at once.
pub(crate) fn update_by_query(inner: &mut Inner, name: &str, body: &Value) -> Result<Value, Refusal> {
    let params = body.pointer("/script/params").cloned().unwrap_or_default();
    let flag = |key: &str| params.get(key) == Some(&Value::Bool(true));
    let (Some(field), Some(value)) = (params.get("f").and_then(Value::as_str), params.get("v")) else {
        return Err(Refusal::new(400, "script_exception", "the sandbox knows the script of tain only"));
    };
    let snapshots = super::search::snapshots(inner, name)?;
    let found = super::search::find(&snapshots, &super::search::query_of(body))?;
    if std::mem::take(&mut inner.holds_task) {
        let id = format!("sandbox:{}", inner.number());
        let numbers = json!({"total": found.len(), "updated": 0, "noops": 0, "version_conflicts": 0});
        inner.tasks.insert(id.clone(), json!({"completed": false, "task": {"status": numbers}}));
        return Ok(json!({"task": id}));
    }
    let distribution = inner.distribution;
    let (mut updated, mut noops, mut conflicts) = (0, 0, 0);
    let mut failures = Vec::new();
    for one in found.iter() {
        let Some(index) = snapshots.get(one.snapshot).and_then(|one| inner.indices.get_mut(&one.index))
        else {
            continue;
        };
        let (id, routing) = (&*one.document.id, one.document.routing.as_deref());
        let Some(newest) = index.newest(id, routing).cloned().filter(|new| new.seq_no == one.document.seq_no)
        else {
            conflicts += 1;
            continue;
        };
        let held = newest.source.get(field).filter(|held| !held.is_null() && **held != json!([]));
        let is_lower =
            |held: &Value| held.as_f64().zip(value.as_f64()).is_some_and(|(held, value)| held < value);
        let stays =
            held.is_some_and(|held| held == value || flag("keep") || flag("no_lower") && !is_lower(held));
        if stays {
            noops += 1;
            continue;
        }
        let mut source = newest.source.to_map();
        source.insert(field.to_owned(), value.clone());
        match index
            .ensure_writable(distribution)
            .and_then(|()| index.write(distribution, id, routing, source))
        {
            Ok(_) => updated += 1,
            Err(refusal) => {
                failures.push(json!({"index": index.name, "id": id, "cause": refusal.cause(), "status": refusal.status.as_u16()}));
                break;
            }
        }
    }
    let id = format!("sandbox:{}", inner.number());
    let numbers = json!({
        "total": found.len(), "updated": updated, "noops": noops, "version_conflicts": conflicts, "failures": failures,
    });
    inner
        .tasks
        .insert(id.clone(), json!({"completed": true, "task": {"status": numbers}, "response": numbers}));
    Ok(json!({"task": id}))
}
