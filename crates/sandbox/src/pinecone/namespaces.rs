//! Namespaces: list, describe, delete.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{ApiVersion, PageToken, Query, json as answer};
use crate::Endpoint;
use crate::namespace::Namespace;
use crate::record::Record;
use crate::shared::{Plane, normalised};

pub(super) async fn list(
    State(plane): State<Plane>,
    version: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let (_, index) = plane.data()?;
    let limit = query.limit()?;
    let token = query.get("paginationToken").or_else(|| query.get("pagination_token"));
    let token = token.filter(|token| !token.is_empty());
    let after = token.map(|token| PageToken::read(token, None)).transpose()?.map(|token| token.skip_past);
    let prefix = query.get("prefix").unwrap_or_default();
    let mut found: Vec<(String, Value)> = index
        .settled()
        .iter()
        .filter(|(_, namespace)| !namespace.is_empty())
        .map(|(name, namespace)| (spelled(name), describe_one(name, namespace, version)))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let total = found.len();
    found.retain(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(name, _)| PageToken {
        skip_past: name.clone(),
        prefix: prefix.to_owned(),
        page: 0,
    });
    plane.count(Endpoint::Namespaces, found.len());
    let namespaces: Vec<Value> = found.into_iter().map(|(_, namespace)| namespace).collect();
    let mut body = json!({"namespaces": namespaces, "total_count": total});
    if let Some(next) = next {
        body["pagination"] = json!({"next": next.write()});
    }
    Ok(answer(body.to_string().into_bytes()))
}

pub(super) async fn describe(
    State(plane): State<Plane>,
    version: ApiVersion,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let (_, index) = plane.data()?;
    let namespaces = index.settled();
    let name = normalised(Some(&name));
    let namespace = namespaces.get(name).filter(|namespace| !namespace.is_empty());
    let namespace = namespace.ok_or_else(Refusal::no_namespace)?;
    Ok(answer(describe_one(name, namespace, version).to_string().into_bytes()))
}

pub(super) async fn delete(
    State(plane): State<Plane>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let (_, index) = plane.data()?;
    let removed = index.namespaces().remove(normalised(Some(&name)));
    let removed = removed.ok_or_else(Refusal::no_namespace)?;
    plane.count(Endpoint::Delete, removed.records.len());
    plane.shared.touch();
    Ok(answer(b"{}".to_vec()))
}

fn spelled(name: &str) -> String {
    if name.is_empty() { "__default__".to_owned() } else { name.to_owned() }
}

fn describe_one(name: &str, namespace: &Namespace, version: ApiVersion) -> Value {
    // protobuf prints 64-bit integers as strings.
    let count = namespace.records.len();
    let mut description = json!({"name": spelled(name), "record_count": count.to_string()});
    if version == ApiVersion::Schema {
        let bytes: usize = match namespace.records.values().next() {
            Some(Record::Stored(stored)) => count * (stored.values.len() * 4 + 500),
            Some(Record::Synthetic(..)) | None => count * 4_000,
        };
        description["size_bytes"] = bytes.to_string().into();
    }
    description
}
