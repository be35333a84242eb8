//! Elasticsearch and OpenSearch: the search index that holds the same documents.

mod admin;
mod aggregate;
mod auth;
mod bulk;
mod control;
mod cursor;
mod engine;
mod mapping;
mod options;
mod query;
mod refusal;
mod search;
mod source;

use axum::body::Bytes;
use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::Endpoint;
use crate::fault::Effect;
use crate::intercept::Effects;
use crate::shared::{Plane, Shared};
use auth::Caller;
pub(crate) use control::control_routes;
pub use control::{SearchDocument, SearchIndexView};
pub(crate) use engine::Engine;
use engine::Inner;
pub use options::{Distribution, ElasticsearchOptions};
use refusal::Refusal;
use search::Search;

/// The name under which its calls are counted and its faults are set.
pub(crate) const NAME: &str = "elasticsearch";

/// The routes.
pub(crate) fn routes() -> Router<Plane> {
    Router::new().fallback(handle)
}

/// The endpoint of a call.
pub(crate) fn endpoint(method: &Method, path: &str) -> Endpoint {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET", [] | ["_resolve", ..] | ["_cat", ..]) => Endpoint::Cluster,
        ("HEAD", [_]) => Endpoint::Exists,
        ("DELETE", ["_pit"] | ["_search", "scroll" | "point_in_time"]) => Endpoint::Cursor,
        (_, [_, "_pit"] | [_, "_search", "point_in_time"]) => Endpoint::Cursor,
        (_, [.., "_mapping" | "_settings" | "_field_caps"]) => Endpoint::Mapping,
        (_, ["_search", ..] | [_, "_search"]) => Endpoint::Search,
        (_, [.., "_count"]) => Endpoint::Count,
        (_, [.., "_mget"]) | ("GET", [_, "_doc", _]) => Endpoint::Get,
        ("POST", [.., "_bulk"]) => Endpoint::Bulk,
        (_, [.., "_refresh"]) => Endpoint::Refresh,
        (_, ["_security", ..]) => Endpoint::Privileges,
        (_, [.., "_update_by_query"]) => Endpoint::UpdateByQuery,
        (_, ["_tasks", ..]) => Endpoint::Tasks,
        _ if method == Method::DELETE => Endpoint::Delete,
        _ => Endpoint::Other,
    }
}

/// Refuses a call without a key or with a wrong one.
pub(crate) fn check_key(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    auth::refuse(&shared.engine, headers)
}

/// An error in the shape of the service.
pub(crate) fn error(_: &Plane, status: StatusCode, message: &str) -> Response {
    Refusal::with_status(status, message).into_response()
}

/// Loads the sample's documents.
pub(crate) fn load_sample(shared: &Shared) {
    shared.engine.load_sample();
}

/// A call, read as far as every operation needs it.
struct Call<'a> {
    method: &'a Method,
    path: &'a str,
    query: Vec<(String, String)>,
    body: &'a [u8],
    caller: Caller,
    effects: &'a [Effect],
}

impl Call<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Result<Value, Refusal> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(json!({}));
        }
        serde_json::from_slice(self.body)
            .map_err(|error| Refusal::new(400, "x_content_parse_exception", error.to_string()))
    }
}

async fn handle(Extract(plane): Extract<Plane>, request: Request) -> Response {
    let engine = &plane.shared.engine;
    let (parts, body) = request.into_parts();
    let body: Bytes = match axum::body::to_bytes(body, engine.options.max_body_bytes).await {
        Ok(body) => body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    let content_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !body.is_empty() && !content_type.starts_with("application/") {
        return Refusal::not_json(content_type);
    }
    let effects = parts.extensions.get::<Effects>().map(|effects| effects.0.to_vec()).unwrap_or_default();
    let answer = auth::caller(engine, &parts.headers).and_then(|caller| {
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let call = Call {
            method: &parts.method,
            path: parts.uri.path(),
            query: query.into_owned().collect(),
            body: &body,
            caller,
            effects: &effects,
        };
        let mut inner = engine.inner();
        if effects.contains(&Effect::LostCursor) {
            inner.cursors.clear();
        }
        dispatch(&mut inner, &call, &plane)
    });
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if engine.inner().distribution.has_product_header() {
        response.headers_mut().insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    }
    response
}

fn dispatch(inner: &mut Inner, call: &Call<'_>, plane: &Plane) -> Result<Response, Refusal> {
    let decoded: Vec<String> = call
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let is_private = matches!(
        (call.method.as_str(), segments.as_slice()),
        ("GET", ["_tasks"]) | ("POST", ["_tasks", _, "_cancel"]) | ("GET", [_, "_stats"])
    );
    if is_private && inner.distribution == Distribution::Serverless {
        return Err(Refusal::not_on_serverless(call.method, call.path));
    }
    let takes_no_body = matches!(
        (call.method.as_str(), segments.as_slice()),
        ("POST", [.., "_refresh" | "_close" | "_open" | "_pit" | "point_in_time"] | ["_tasks", ..])
            | ("GET" | "HEAD", _)
            | ("DELETE", [_] | [_, "_doc", _])
    );
    let is_strict = !inner.distribution.is_opensearch();
    if takes_no_body && is_strict && !call.body.is_empty() && segments != ["_pit"] {
        let request = format!("request [{} {}] does not support having a body", call.method, call.path);
        return Err(Refusal::illegal(request));
    }
    ensure_parameters(call, &segments)?;
    if let ["_security", ..] = segments.as_slice()
        && inner.distribution.is_opensearch()
    {
        return Ok(Refusal::no_handler(call.method, call.path));
    }
    let answer = match (call.method.as_str(), segments.as_slice()) {
        ("GET", []) => {
            call.caller.ensure_cluster("monitor", "cluster:monitor/main")?;
            admin::info(inner.distribution)
        }
        ("HEAD", [index]) => return exists(inner, call, index),
        (_, ["_pit" | "_search", ..] | [_, "_pit" | "_search" | "_count", ..] | ["_mget"]) => {
            return reading(inner, call, &segments);
        }
        ("POST", [.., "_bulk"]) => {
            let default = segments.first().copied().filter(|segment| *segment != "_bulk");
            let reply = bulk::bulk(inner, &call.caller, default, call.body, call.effects)?;
            if call.parameter("refresh") == Some("true") {
                inner.indices.values_mut().for_each(engine::Index::refresh);
            }
            let items = reply.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            plane.shared.count_items(plane.index, Endpoint::Bulk, items);
            if call.parameter("filter_path").is_some() { bulk::filtered(reply) } else { reply }
        }
        ("POST", [index, "_refresh"]) => {
            call.caller.ensure(&[index], "maintenance", "indices:admin/refresh")?;
            for index in inner.readable(index)? {
                index.refresh();
            }
            json!({"_shards": {"total": 1, "successful": 1, "failed": 0}})
        }
        ("POST", [index, "_update_by_query"]) => {
            call.caller.ensure(&[index], "read", "indices:data/read/search")?;
            call.caller.ensure(&[index], "index", "indices:data/write/update/byquery")?;
            admin::update_by_query(inner, index, &call.json()?)?
        }
        ("GET", ["_tasks", id]) => inner.tasks.get(*id).cloned().ok_or_else(|| {
            Refusal::new(
                404,
                "resource_not_found_exception",
                format!("task [{id}] isn't running and hasn't stored its results"),
            )
        })?,
        ("POST", ["_tasks", id, "_cancel"]) => {
            call.caller.ensure_cluster("manage", "cluster:admin/tasks/cancel")?;
            admin::cancel(inner, id)
        }
        ("GET", ["_security", "_authenticate"]) => call.caller.identity(),
        ("POST", ["_security", "user", "_has_privileges"]) => call.caller.privileges(&call.json()?),
        ("POST", ["_security", "api_key"]) => {
            call.caller.ensure_cluster("manage_api_key", "cluster:admin/xpack/security/api_key/create")?;
            admin::make_key(inner, &call.json()?)
        }
        _ => return managing(inner, call, &segments),
    };
    Ok(Json(answer).into_response())
}

/// Refuses a parameter that the operation does not have.
fn ensure_parameters(call: &Call<'_>, segments: &[&str]) -> Result<(), Refusal> {
    let known: &[&str] = match segments {
        [.., "_search"] => &["scroll", "allow_partial_search_results", "size"],
        ["_search", "scroll"] => &["scroll"],
        [.., "_count"] => &["allow_no_indices"],
        [.., "_bulk"] => &["refresh", "timeout", "routing", "pipeline"],
        [.., "_pit" | "point_in_time"] => &["keep_alive"],
        ["_mget"] => &["_source_includes", "_source_excludes", "_source", "refresh", "realtime"],
        _ => return Ok(()),
    };
    let is_known = |name: &str| known.contains(&name) || matches!(name, "filter_path" | "pretty" | "human");
    match call.query.iter().find(|(name, _)| !is_known(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::illegal(format!(
            "request [{}] contains unrecognized parameter: [{name}]",
            call.path
        ))),
    }
}

/// Whether an index is there; what a key may not see is forbidden, and not missing.
fn exists(inner: &Inner, call: &Call<'_>, index: &str) -> Result<Response, Refusal> {
    if !call.caller.may(index, "view_index_metadata") {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let status = match admin::of_each(inner, index, |_| Value::Null) {
        Ok(_) => StatusCode::OK,
        Err(refusal) => refusal.status,
    };
    Ok(status.into_response())
}

/// Searches, counts, cursors and documents.
fn reading(inner: &mut Inner, call: &Call<'_>, segments: &[&str]) -> Result<Response, Refusal> {
    let may_read = |name: &str, action: &str| call.caller.ensure(&[name], "read", action);
    let is_opensearch = inner.distribution.is_opensearch();
    let has_pits = matches!(inner.distribution, Distribution::Elasticsearch8 | Distribution::Serverless);
    let text = |body: &Value, key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer = match (call.method.as_str(), segments) {
        ("POST", [index, "_count"]) => {
            may_read(index, "indices:data/read/search")?;
            search::count(inner, index, &call.json()?, call.effects)?
        }
        ("POST", [index, "_search"]) => {
            may_read(index, "indices:data/read/search")?;
            let search = Search {
                target: Some(index),
                body: call.json()?,
                is_scroll: call.parameter("scroll").is_some(),
                allows_partial: call.parameter("allow_partial_search_results") != Some("false"),
                effects: call.effects,
            };
            search::search(inner, &search)?
        }
        ("POST", ["_search"]) => {
            let search = Search {
                target: None,
                body: call.json()?,
                is_scroll: false,
                allows_partial: call.parameter("allow_partial_search_results") != Some("false"),
                effects: call.effects,
            };
            search::search(inner, &search)?
        }
        ("POST", ["_search", "scroll"]) => {
            search::scroll(inner, &text(&call.json()?, "scroll_id"), call.effects)?
        }
        ("DELETE", ["_search", "scroll"]) => {
            let ids = call.json()?.get("scroll_id").and_then(Value::as_array).cloned().unwrap_or_default();
            let freed =
                ids.iter().filter_map(Value::as_str).filter(|id| inner.cursors.remove(*id).is_some()).count();
            return Ok(freed_cursors(freed));
        }
        ("POST", [index, "_pit"]) if has_pits => {
            may_read(index, "indices:data/read/open_point_in_time")?;
            if call.parameter("keep_alive").is_none() {
                let reason = "Validation Failed: 1: [keep_alive] is not specified;";
                return Err(Refusal::new(400, "action_request_validation_exception", reason));
            }
            json!({"id": search::open(inner, index)?})
        }
        ("DELETE", ["_pit"]) if has_pits => {
            let freed = inner.cursors.remove(&text(&call.json()?, "id")).is_some();
            return Ok(freed_cursors(usize::from(freed)));
        }
        ("POST", [index, "_search", "point_in_time"]) if is_opensearch => {
            json!({"pit_id": search::open(inner, index)?, "creation_time": 0})
        }
        ("POST", ["_mget"]) => documents(inner, call)?,
        _ => return Ok(Refusal::no_handler(call.method, call.path)),
    };
    Ok(Json(answer).into_response())
}

fn freed_cursors(count: usize) -> Response {
    let status = if count == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
    (status, Json(json!({"succeeded": true, "num_freed": count}))).into_response()
}

/// `_mget`.
fn documents(inner: &Inner, call: &Call<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    if body.get("docs").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let reason = "Validation Failed: 1: no documents to get;";
        return Err(Refusal::new(400, "action_request_validation_exception", reason));
    }
    let mut found = Vec::new();
    for wanted in body.get("docs").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| wanted.get(key).and_then(Value::as_str);
        let (index, id) = (text("_index").unwrap_or_default(), text("_id").unwrap_or_default());
        let stream = inner.stream_of(index).unwrap_or(index);
        if call.caller.ensure_any(&[index, stream], "read", "indices:data/read/mget").is_err() {
            let refusal = call.caller.refuse("indices:data/read/mget[shard]", &[index], "read");
            found.push(json!({"_index": index, "_id": id, "error": refusal.cause()}));
            continue;
        }
        let document = match inner.indices.get(index) {
            None => {
                found.push(json!({"_index": index, "_id": id, "error": Refusal::no_index(index).cause()}));
                continue;
            }
            Some(index) => index.newest(id, text("routing")),
        };
        found.push(match document {
            None => json!({"_index": index, "_id": id, "found": false}),
            Some(document) => {
                let includes = call.parameter("_source_includes").map(|fields| json!({"includes": fields}));
                let mut one = json!({
                    "_index": index, "_id": id, "_version": document.version, "_seq_no": document.seq_no,
                    "_primary_term": 1, "found": true,
                    "_source": search::filtered(&document.source, includes.as_ref()),
                });
                if let Some(routing) = &document.routing {
                    one["_routing"] = json!(routing);
                }
                one
            }
        });
    }
    Ok(json!({"docs": found}))
}

/// Everything about indexes themselves.
fn managing(inner: &mut Inner, call: &Call<'_>, segments: &[&str]) -> Result<Response, Refusal> {
    let may = |name: &str, privilege: &str| call.caller.ensure(&[name], privilege, "indices:admin");
    let answer = match (call.method.as_str(), segments) {
        ("GET", ["_resolve", "index", _]) if inner.distribution != Distribution::Elasticsearch7 => {
            admin::resolved(inner, &call.caller)
        }
        ("GET", ["_cat", "indices"]) => {
            call.caller.ensure_cluster("monitor", "indices:monitor/stats")?;
            admin::cat(inner, &call.caller)
        }
        ("PUT", ["_index_template", _]) => admin::put_template(inner, &call.json()?)?,
        ("POST", ["_aliases"]) => admin::aliases(inner, &call.json()?)?,
        ("PUT", [index]) => {
            may(index, "create_index")?;
            admin::create(inner, index, &call.json()?)?
        }
        ("GET", [index, "_mapping"]) => {
            may(index, "view_index_metadata")?;
            admin::of_each(inner, index, |index| json!({"mappings": index.mapping}))?
        }
        ("PUT", [index, "_mapping"]) => {
            may(index, "manage")?;
            admin::put_mapping(inner, index, &call.json()?)?
        }
        ("GET", [index, "_settings"]) => {
            may(index, "view_index_metadata")?;
            admin::of_each(inner, index, |index| json!({"settings": index.settings}))?
        }
        ("PUT", [index, "_settings"]) => {
            may(index, "manage")?;
            admin::put_settings(inner, index, &call.json()?)?
        }
        ("POST", [index, operation @ ("_close" | "_open")]) => {
            may(index, "manage")?;
            admin::set_closed(inner, index, *operation == "_close")?
        }
        ("GET", [index, "_field_caps"]) => {
            call.caller.ensure(&[index], "read", "indices:data/read/field_caps").or_else(|_| {
                call.caller.ensure(&[index], "view_index_metadata", "indices:data/read/field_caps")
            })?;
            admin::field_caps(inner, index, call.parameter("fields").unwrap_or_default())?
        }
        ("GET", [index, "_doc", id]) => {
            may(index, "read")?;
            return document(inner, call, index, id);
        }
        ("PUT" | "POST" | "DELETE", [index, "_doc", id]) => return write_one(inner, call, index, id),
        ("DELETE", [index]) => {
            call.caller.ensure(&[index], "delete_index", "indices:admin/delete")?;
            admin::delete(inner, index)?
        }
        _ => return Ok(Refusal::no_handler(call.method, call.path)),
    };
    Ok(Json(answer).into_response())
}

fn document(inner: &Inner, call: &Call<'_>, name: &str, id: &str) -> Result<Response, Refusal> {
    let index = inner.indices.get(name).ok_or_else(|| Refusal::no_index(name))?;
    Ok(match index.newest(id, call.parameter("routing")) {
        None => {
            (StatusCode::NOT_FOUND, Json(json!({"_index": name, "_id": id, "found": false}))).into_response()
        }
        Some(document) => Json(json!({
            "_index": name, "_id": id, "_version": document.version, "_seq_no": document.seq_no,
            "_primary_term": 1, "found": true, "_source": document.source.to_map(),
        }))
        .into_response(),
    })
}

/// A single document, as a bulk request of one.
fn write_one(inner: &mut Inner, call: &Call<'_>, index: &str, id: &str) -> Result<Response, Refusal> {
    let mut meta = json!({"_index": index, "_id": id});
    if let Some(routing) = call.parameter("routing") {
        meta["routing"] = json!(routing);
    }
    let verb = if call.method == Method::DELETE { "delete" } else { "index" };
    let mut lines = format!("{}\n", json!({verb: meta}));
    if verb == "index" {
        lines.push_str(&format!("{}\n", call.json()?));
    }
    let reply = bulk::bulk(inner, &call.caller, None, lines.as_bytes(), &[])?;
    if call.parameter("refresh") == Some("true") {
        inner.indices.values_mut().for_each(engine::Index::refresh);
    }
    let item = reply.pointer(&format!("/items/0/{verb}")).cloned().unwrap_or_default();
    let status = item.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    if let Some(error) = item.get("error") {
        let mut whole = error.clone();
        whole["root_cause"] = json!([error]);
        let body = json!({"error": whole, "status": status.as_u16()});
        return Ok((status, Json(body)).into_response());
    }
    Ok((status, Json(item)).into_response())
}
