//! Which documents a query matches.

use serde_json::{Map, Value};

use super::Refusal;
use super::engine::Document;
use super::mapping::{self, Field};

/// Whether a document of an index with this mapping matches.
pub(crate) fn matches(query: &Value, document: &Document, mapping: &Value) -> Result<bool, Refusal> {
    let mut clauses = query.as_object().into_iter().flatten();
    let Some((kind, body)) = clauses.next() else {
        return Err(Refusal::parsing("query malformed, empty clause found"));
    };
    if clauses.next().is_some() {
        let reason = format!("[{kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]");
        return Err(Refusal::parsing(reason));
    }
    let all = |clauses: &Value| {
        clauses_of(clauses)
            .into_iter()
            .try_fold(true, |all, clause| Ok(all && matches(clause, document, mapping)?))
    };
    let any = |clauses: &Value| {
        clauses_of(clauses)
            .into_iter()
            .try_fold(false, |any, clause| Ok(any || matches(clause, document, mapping)?))
    };
    match kind.as_str() {
        "match_all" => Ok(true),
        "match_none" => Ok(false),
        "ids" => Ok(list(body.get("values")).iter().any(|id| id.as_str() == Some(&*document.id))),
        "exists" => {
            let name = body.get("field").and_then(Value::as_str).unwrap_or_default();
            Ok(mapping::find(mapping, name).is_some_and(|field| !field.values(document).is_empty()))
        }
        "term" => term(body, document, mapping, |value| value.get("value").unwrap_or(value).clone()),
        "terms" => {
            let (name, values) = single(body)?;
            let mut any = false;
            for value in list(Some(values)) {
                any |= has(mapping, name, document, value)?;
            }
            Ok(any)
        }
        "range" => {
            let (name, bounds) = single(body)?;
            let Some(field) = mapping::find(mapping, name) else { return Ok(false) };
            for bound in bounds.as_object().into_iter().flat_map(Map::values) {
                field.ensure_askable(bound)?;
            }
            Ok(in_range(&field, bounds, document))
        }
        "match_phrase" => {
            let (name, value) = single(body)?;
            let phrase = tokens(value.get("query").unwrap_or(value).as_str().unwrap_or_default());
            let Some(field) = mapping::find(mapping, name) else { return Ok(false) };
            let values = field.values(document);
            let contains =
                |text: &str| tokens(text).windows(phrase.len().max(1)).any(|window| window == phrase);
            Ok(values.iter().filter_map(|value| value.as_str()).any(contains))
        }
        "bool" => {
            let empty = Value::Array(Vec::new());
            let of = |key: &str| body.get(key).unwrap_or(&empty);
            let has_should = body.get("should").is_some();
            let must_should = has_should && body.get("must").is_none() && body.get("filter").is_none();
            Ok(all(of("filter"))?
                && all(of("must"))?
                && !any(of("must_not"))?
                && (!must_should || any(of("should"))?))
        }
        other => Err(Refusal::parsing(format!("unknown query [{other}]"))),
    }
}

fn clauses_of(clauses: &Value) -> Vec<&Value> {
    match clauses {
        Value::Array(clauses) => clauses.iter().collect(),
        clause => vec![clause],
    }
}

fn single(body: &Value) -> Result<(&str, &Value), Refusal> {
    let first = body.as_object().and_then(|body| body.iter().find(|(key, _)| *key != "boost"));
    first
        .map(|(name, value)| (name.as_str(), value))
        .ok_or_else(|| Refusal::parsing("a query names one field"))
}

fn term(
    body: &Value,
    document: &Document,
    mapping: &Value,
    value: impl Fn(&Value) -> Value,
) -> Result<bool, Refusal> {
    let (name, wanted) = single(body)?;
    has(mapping, name, document, &value(wanted))
}

fn list(values: Option<&Value>) -> &[Value] {
    values.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a document has this value in a field.
fn has(mapping: &Value, name: &str, document: &Document, wanted: &Value) -> Result<bool, Refusal> {
    if name == "_ignored" {
        return Ok(document.ignored.iter().any(|field| wanted.as_str() == Some(field)));
    }
    let Some(field) = mapping::find(mapping, name) else { return Ok(false) };
    field.ensure_askable(wanted)?;
    if field.is_number() {
        let wanted = wanted.as_f64().or_else(|| wanted.as_str()?.parse().ok());
        return Ok(field.values(document).iter().any(|value| value.as_f64() == wanted));
    }
    let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
    let is_text = matches!(field.kind(), "text" | "match_only_text");
    let values = field.values(document);
    let mut texts = values.iter().filter_map(|value| value.as_str());
    Ok(texts.any(|value| if is_text { tokens(value).contains(&wanted) } else { value == wanted }))
}

fn in_range(field: &Field<'_>, bounds: &Value, document: &Document) -> bool {
    field.values(document).iter().any(|value| {
        bounds.as_object().into_iter().flatten().all(|(operator, bound)| {
            let order = match (value.as_f64(), bound.as_f64()) {
                (Some(value), Some(bound)) => value.partial_cmp(&bound),
                _ => {
                    let bound = bound.as_str().map_or_else(|| bound.to_string(), str::to_owned);
                    value.as_str().map(|value| value.cmp(bound.as_str()))
                }
            };
            order.is_some_and(|order| match operator.as_str() {
                "gt" => order.is_gt(),
                "gte" => order.is_ge(),
                "lt" => order.is_lt(),
                "lte" => order.is_le(),
                _ => true,
            })
        })
    })
}

/// The words of a text, as the standard analyser makes them.
fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}
