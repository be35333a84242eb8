//! Aggregations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Refusal;
use super::cursor::{Found, Snapshot};
use super::mapping;
use super::query::matches;

/// Answers aggregations over the documents that were found.
pub(crate) fn aggregations(
    wanted: &Value,
    snapshots: &[Snapshot],
    found: &[&Found],
) -> Result<Value, Refusal> {
    let mut reply = Map::new();
    for (name, wanted) in wanted.as_object().into_iter().flatten() {
        let nested = wanted.get("aggs").or_else(|| wanted.get("aggregations"));
        let value = if let Some(filter) = wanted.get("filter") {
            let mut kept = Vec::new();
            for one in found {
                let Some(snapshot) = snapshots.get(one.snapshot) else { continue };
                if matches(filter, &one.document, &snapshot.mapping)? {
                    kept.push(*one);
                }
            }
            bucket(Map::new(), nested, snapshots, &kept)?
        } else if let Some(terms) = wanted.get("terms") {
            self::terms(terms, nested, snapshots, found)?
        } else if let Some(composite) = wanted.get("composite") {
            self::composite(composite, nested, snapshots, found)?
        } else {
            return Err(Refusal::parsing(format!("unknown aggregation in [{name}]")));
        };
        reply.insert(name.clone(), value);
    }
    Ok(Value::Object(reply))
}

fn bucket(
    mut head: Map<String, Value>,
    nested: Option<&Value>,
    snapshots: &[Snapshot],
    found: &[&Found],
) -> Result<Value, Refusal> {
    head.insert("doc_count".to_owned(), json!(found.len()));
    if let Some(nested) = nested
        && let Value::Object(inner) = aggregations(nested, snapshots, found)?
    {
        head.extend(inner);
    }
    Ok(Value::Object(head))
}

/// The values of a document by which it is put into buckets.
fn keys(field: &str, snapshots: &[Snapshot], found: &Found) -> Result<Vec<Value>, Refusal> {
    let Some(snapshot) = snapshots.get(found.snapshot) else { return Ok(Vec::new()) };
    let Some(mapped) = mapping::find(&snapshot.mapping, field) else { return Ok(Vec::new()) };
    if !mapped.is_aggregatable() {
        return Err(Refusal::illegal(format!(
            "Fielddata is disabled on [{field}] in [{}]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead.",
            snapshot.index
        )));
    }
    let values = mapped.values(&found.document).into_iter().map(std::borrow::Cow::into_owned);
    let mut values: Vec<Value> = values.collect();
    if matches!(mapped.kind(), "long" | "integer" | "short" | "byte") {
        for value in &mut values {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a whole field cuts fractions off, as the service does"
            )]
            let whole = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
            *value = json!(whole);
        }
    }
    values.sort_by_key(Value::to_string);
    values.dedup();
    Ok(values)
}

fn terms(
    wanted: &Value,
    nested: Option<&Value>,
    snapshots: &[Snapshot],
    found: &[&Found],
) -> Result<Value, Refusal> {
    let field = wanted.get("field").and_then(Value::as_str).unwrap_or_default();
    let size = wanted.get("size").and_then(Value::as_u64).unwrap_or(10);
    let mut groups: BTreeMap<String, (Value, Vec<&Found>)> = BTreeMap::new();
    for one in found {
        for key in keys(field, snapshots, one)? {
            groups.entry(key.to_string()).or_insert_with(|| (key, Vec::new())).1.push(one);
        }
    }
    let is_boolean = snapshots
        .iter()
        .filter_map(|snapshot| mapping::find(&snapshot.mapping, field))
        .any(|field| field.kind() == "boolean");
    let mut groups: Vec<(Value, Vec<&Found>)> = groups.into_values().collect();
    groups.sort_by_key(|(_, found)| std::cmp::Reverse(found.len()));
    let rest = groups.split_off(groups.len().min(usize::try_from(size).unwrap_or(usize::MAX)));
    let buckets: Result<Vec<Value>, Refusal> = groups
        .into_iter()
        .map(|(key, found)| {
            let mut head = Map::new();
            if is_boolean {
                head.insert("key".to_owned(), json!(u8::from(key == "true")));
                head.insert("key_as_string".to_owned(), key);
            } else {
                head.insert("key".to_owned(), key);
            }
            bucket(head, nested, snapshots, &found)
        })
        .collect();
    let others: usize = rest.iter().map(|(_, found)| found.len()).sum();
    Ok(json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets?}))
}

/// One source of terms, which is all that is asked for.
fn composite(
    wanted: &Value,
    nested: Option<&Value>,
    snapshots: &[Snapshot],
    found: &[&Found],
) -> Result<Value, Refusal> {
    let size = wanted.get("size").and_then(Value::as_u64).unwrap_or(10);
    let source = wanted.pointer("/sources/0").and_then(Value::as_object);
    let Some((name, source)) = source.and_then(|source| source.iter().next()) else {
        return Err(Refusal::parsing("Composite [sources] cannot be null or empty"));
    };
    let field = source.pointer("/terms/field").and_then(Value::as_str).unwrap_or_default();
    let with_missing = source.pointer("/terms/missing_bucket") == Some(&Value::Bool(true));
    // `None` sorts first, as in the service.
    let mut groups: BTreeMap<Option<String>, Vec<&Found>> = BTreeMap::new();
    for one in found {
        let keys = keys(field, snapshots, one)?;
        if keys.is_empty() && with_missing {
            groups.entry(None).or_default().push(one);
        }
        for key in keys {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            groups.entry(Some(key)).or_default().push(one);
        }
    }
    let after = wanted.get("after").and_then(|after| after.get(name));
    let after = after.map(|after| after.as_str().map(str::to_owned));
    let rest = groups.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let page: Vec<_> = rest.take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
    let last = page.last().map(|(key, _)| json!({name.as_str(): key}));
    let buckets: Result<Vec<Value>, Refusal> = page
        .into_iter()
        .map(|(key, found)| {
            let head = Map::from_iter([("key".to_owned(), json!({name.as_str(): key}))]);
            bucket(head, nested, snapshots, &found)
        })
        .collect();
    let mut reply = json!({"buckets": buckets?});
    if let Some(last) = last {
        reply["after_key"] = last;
    }
    Ok(reply)
}
