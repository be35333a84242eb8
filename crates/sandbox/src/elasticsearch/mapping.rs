//! What a mapping makes of a document.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::engine::Document;
use super::{Distribution, Refusal};

/// What indexing a document would do.
pub(crate) struct Checked {
    /// The mapping with its new fields, if it has any.
    pub(crate) mapping: Option<Value>,
    /// Fields whose values cannot be indexed, though the document is taken.
    pub(crate) ignored: Vec<String>,
    /// Fields that are stored and not indexed, since nothing maps them: a mapping that is added later does not index
    /// what is there already.
    pub(crate) unmapped: Vec<String>,
}

struct Check<'a> {
    distribution: Distribution,
    id: &'a str,
    ignored: Vec<String>,
    unmapped: Vec<String>,
    /// The fields that the document adds, by their full names.
    new: BTreeSet<String>,
}

/// Checks a document against a mapping.
pub(crate) fn check(
    mapping: &Value,
    settings: &BTreeMap<String, String>,
    distribution: Distribution,
    id: &str,
    source: &Map<String, Value>,
) -> Result<Checked, Refusal> {
    if mapping.get("enabled") == Some(&Value::Bool(false)) {
        return Ok(Checked { mapping: None, ignored: Vec::new(), unmapped: Vec::new() });
    }
    let mut check =
        Check { distribution, id, ignored: Vec::new(), unmapped: Vec::new(), new: BTreeSet::new() };
    let mut changed = mapping.clone();
    check.object(&mut changed, mapping.get("dynamic"), "", source)?;
    if check.new.is_empty() {
        return Ok(Checked { mapping: None, ignored: check.ignored, unmapped: check.unmapped });
    }
    let limit =
        settings.get("index.mapping.total_fields.limit").and_then(|limit| limit.parse().ok()).unwrap_or(1000);
    if count(&changed) > limit {
        let reason = format!("Limit of total fields [{limit}] has been exceeded while adding new fields [1]");
        return Err(match distribution {
            Distribution::Elasticsearch8 | Distribution::Serverless => {
                Refusal::new(400, "document_parsing_exception", format!("[1:1] failed to parse: {reason}"))
            }
            _ => Refusal::illegal(format!("Limit of total fields [{limit}] has been exceeded")),
        });
    }
    Ok(Checked { mapping: Some(changed), ignored: check.ignored, unmapped: check.unmapped })
}

fn count(mapping: &Value) -> usize {
    let of = |key: &str| mapping.get(key).and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    of("properties").map(|field| 1 + count(field)).sum::<usize>() + of("fields").count()
}

impl Check<'_> {
    fn object(
        &mut self,
        mapping: &mut Value,
        inherited: Option<&Value>,
        path: &str,
        source: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let dynamic = mapping.get("dynamic").or(inherited).cloned().unwrap_or(json!("true"));
        for (name, value) in source {
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if name.is_empty() {
                return Err(self.refused("failed to parse: field name cannot be an empty string"));
            }
            if is_empty(value) {
                continue;
            }
            if mapping.pointer("/properties").and_then(|fields| fields.get(name)).is_none() {
                match dynamic_name(&dynamic) {
                    "strict" | "strict_allow_templates" => {
                        return Err(Refusal::new(
                            400,
                            "strict_dynamic_mapping_exception",
                            format!(
                                "mapping set to strict, dynamic introduction of [{name}] within [{}] is not allowed",
                                if path.is_empty() { "_doc" } else { path }
                            ),
                        ));
                    }
                    "false" | "runtime" => {
                        self.unmapped.push(full);
                        continue;
                    }
                    _ => {
                        let Some(kind) = dynamic_type(value) else { continue };
                        mapping["properties"][name] = kind;
                        self.new.insert(full.clone());
                    }
                }
            }
            if self.new.contains(&full) {
                ensure_alike(&full, &mapping["properties"][name], value)?;
            }
            let field = &mut mapping["properties"][name];
            if is_object(field) {
                for value in flat(value) {
                    let Value::Object(inner) = value else {
                        return Err(self.refused(&format!("object mapping for [{full}] tried to parse field [{name}] as object, but found a concrete value"),
                        ));
                    };
                    self.object(field, Some(&dynamic), &full, inner)?;
                }
            } else {
                self.field(field, &full, value)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Value, name: &str, value: &Value) -> Result<(), Refusal> {
        let kind = type_of(field);
        if matches!(kind, "flattened" | "dense_vector" | "knn_vector") {
            return Ok(());
        }
        let forgives = field.get("ignore_malformed") == Some(&Value::Bool(true));
        for value in flat(value).filter(|value| !value.is_null()) {
            if fits(kind, value) {
                if is_too_long(field, value) && !self.distribution.is_opensearch() {
                    self.ignored.push(name.to_owned());
                }
            } else if forgives {
                self.ignored.push(name.to_owned());
            } else {
                return Err(self.refused(&format!(
                        "failed to parse field [{name}] of type [{kind}] in document with id '{}'. Preview of field's value: '{value}'",
                        self.id
                    ),
                ));
            }
        }
        Ok(())
    }

    fn refused(&self, reason: &str) -> Refusal {
        let place =
            if self.distribution.parsing_exception() == "document_parsing_exception" { "[1:1] " } else { "" };
        Refusal::new(400, self.distribution.parsing_exception(), format!("{place}{reason}"))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().all(is_empty),
        _ => false,
    }
}

fn dynamic_name(dynamic: &Value) -> &str {
    match dynamic {
        Value::Bool(false) => "false",
        Value::String(name) => name,
        _ => "true",
    }
}

/// The values of a field; a list is as many.
fn flat(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter().flat_map(flat)),
        value => Box::new(std::iter::once(value)),
    }
}

/// Every value of a new field is mapped by itself, and a list of `0.1` and `3` makes two types of it.
fn ensure_alike(name: &str, field: &Value, value: &Value) -> Result<(), Refusal> {
    for kind in flat(value).filter_map(type_of_value) {
        let (old, new) = (type_of(field), type_of(&kind));
        if is_object(field) != is_object(&kind) {
            let reason = format!("can't merge a non object mapping [{name}] with an object mapping");
            return Err(Refusal::illegal(reason));
        }
        if old != new {
            return Err(cannot_change(name, old, new));
        }
    }
    Ok(())
}

fn cannot_change(name: &str, old: &str, new: &str) -> Refusal {
    Refusal::illegal(format!("mapper [{name}] cannot be changed from type [{old}] to [{new}]"))
}

fn dynamic_type(value: &Value) -> Option<Value> {
    flat(value).find_map(type_of_value)
}

fn type_of_value(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "float"}),
        Value::Number(_) => json!({"type": "long"}),
        Value::String(text) if is_date(text) => json!({"type": "date"}),
        Value::String(_) => {
            json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}})
        }
        Value::Object(_) => json!({"properties": {}}),
        Value::Null | Value::Array(_) => return None,
    })
}

fn is_date(text: &str) -> bool {
    let shape: String = text.chars().take(10).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00" && text.chars().nth(10).is_none_or(|c| c == 'T')
}

fn type_of(field: &Value) -> &str {
    field.get("type").and_then(Value::as_str).unwrap_or("object")
}

fn is_object(field: &Value) -> bool {
    matches!(type_of(field), "object" | "nested")
}

fn is_number(kind: &str) -> bool {
    matches!(
        kind,
        "long"
            | "integer"
            | "short"
            | "byte"
            | "unsigned_long"
            | "double"
            | "float"
            | "half_float"
            | "scaled_float"
    )
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "keyword" | "text" | "wildcard" | "match_only_text" => !value.is_object(),
        "boolean" => value.is_boolean() || matches!(value.as_str(), Some("true" | "false" | "")),
        "date" => {
            value.is_number()
                || value.as_str().is_some_and(|text| is_date(text) || text.parse::<i64>().is_ok())
        }
        "geo_point" => value.is_object(),
        // An empty text is no number, and is taken as none.
        kind if is_number(kind) && value.as_str() == Some("") => true,
        kind if is_number(kind) => number(value).is_some_and(|number| in_range(kind, number)),
        _ => true,
    }
}

fn in_range(kind: &str, number: f64) -> bool {
    let end = match kind {
        "byte" => 128.0,
        "short" => 32_768.0,
        "integer" => 2_147_483_648.0,
        "long" => 9_223_372_036_854_775_808.0,
        _ => return true,
    };
    (-end..end).contains(&number)
}

fn is_too_long(field: &Value, value: &Value) -> bool {
    let limit = field.get("ignore_above").and_then(Value::as_u64);
    limit.zip(value.as_str()).is_some_and(|(limit, text)| text.chars().count() as u64 > limit)
}

/// A field as a query names it: with its mapping, and the path of its values in the source.
pub(crate) struct Field<'a> {
    pub(crate) mapping: &'a Value,
    path: Vec<&'a str>,
}

/// Finds a mapped field: `a`, `a.b`, or `a.keyword` beside `a`.
pub(crate) fn find<'a>(mapping: &'a Value, name: &'a str) -> Option<Field<'a>> {
    if mapping.get("enabled") == Some(&Value::Bool(false)) {
        return None;
    }
    let mut at = mapping;
    let mut path = Vec::new();
    for part in name.split('.') {
        if let Some(field) = at.get("properties").and_then(|fields| fields.get(part)) {
            path.push(part);
            at = field;
        } else {
            at = at.get("fields")?.get(part)?;
        }
    }
    Some(Field { mapping: at, path })
}

impl Field<'_> {
    pub(crate) fn kind(&self) -> &str {
        type_of(self.mapping)
    }

    pub(crate) fn is_number(&self) -> bool {
        is_number(self.kind())
    }

    pub(crate) fn is_searchable(&self) -> bool {
        self.mapping.get("index") != Some(&Value::Bool(false))
    }

    pub(crate) fn is_aggregatable(&self) -> bool {
        !matches!(self.kind(), "text" | "match_only_text" | "object" | "nested")
            && self.mapping.get("doc_values") != Some(&Value::Bool(false))
    }

    /// Refuses to look for what the field cannot hold.
    pub(crate) fn ensure_askable(&self, wanted: &Value) -> Result<(), Refusal> {
        let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
        let why = match self.kind() {
            kind if is_number(kind) && number(wanted).is_none() => format!("For input string: \"{text}\""),
            "boolean" if !matches!(text.as_str(), "true" | "false" | "") => {
                format!("Can't parse boolean value [{text}], expected [true] or [false]")
            }
            _ => return Ok(()),
        };
        Err(Refusal::new(400, "query_shard_exception", format!("failed to create query: {why}")))
    }

    fn is_indexed(&self) -> bool {
        self.is_searchable() || self.mapping.get("doc_values") != Some(&Value::Bool(false))
    }

    /// Whether the document was indexed when nothing mapped the field yet.
    fn is_newer_than(&self, document: &Document) -> bool {
        let mut ends = 1..=self.path.len();
        !document.unmapped.is_empty()
            && ends.any(|end| {
                document.unmapped.contains(&self.path.iter().take(end).copied().collect::<Vec<_>>().join("."))
            })
    }

    /// The values that are indexed: numbers as numbers, all else as texts.
    pub(crate) fn values<'v>(&'v self, document: &'v Document) -> Vec<Cow<'v, Value>> {
        if !self.is_indexed() || self.is_newer_than(document) {
            return Vec::new();
        }
        let kind = self.kind();
        let mut found = Vec::new();
        if let Some((first, rest)) = self.path.split_first()
            && let Some(value) = document.source.get(first)
        {
            gather(value, rest, &mut found);
        }
        let usable = found.into_iter().flat_map(flat).filter(|value| {
            !value.is_null()
                && !(is_number(kind) && value.as_str() == Some(""))
                && (is_object(self.mapping) || fits(kind, value))
                && !is_too_long(self.mapping, value)
        });
        usable
            .map(|value| match value {
                value if is_number(kind) => match value {
                    Value::Number(_) => Cow::Borrowed(value),
                    other => Cow::Owned(json!(number(other))),
                },
                Value::String(_) | Value::Object(_) => Cow::Borrowed(value),
                other => Cow::Owned(Value::String(other.to_string())),
            })
            .collect()
    }
}

/// The values at a path below this one.
fn gather<'v>(value: &'v Value, path: &[&str], found: &mut Vec<&'v Value>) {
    let Some((first, rest)) = path.split_first() else { return found.push(value) };
    for value in flat(value) {
        if let Some(inner) = value.get(first) {
            gather(inner, rest, found);
        }
    }
}

/// Puts new fields into a mapping.
pub(crate) fn merge(mapping: &mut Value, change: &Value) -> Result<(), Refusal> {
    for key in ["dynamic", "_source", "runtime", "enabled"] {
        if let Some(value) = change.get(key) {
            mapping[key] = value.clone();
        }
    }
    let Some(fields) = change.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (name, field) in fields {
        let old = mapping.get("properties").and_then(|fields| fields.get(name));
        if let Some(old) = old.filter(|old| type_of(old) != type_of(field)) {
            return Err(cannot_change(name, type_of(old), type_of(field)));
        }
        mapping["properties"][name] = field.clone();
    }
    Ok(())
}

/// The types of field that are known here.
const TYPES: [&str; 26] = [
    "object",
    "nested",
    "flattened",
    "keyword",
    "constant_keyword",
    "wildcard",
    "text",
    "match_only_text",
    "boolean",
    "date",
    "date_nanos",
    "long",
    "integer",
    "short",
    "byte",
    "unsigned_long",
    "double",
    "float",
    "half_float",
    "scaled_float",
    "geo_point",
    "dense_vector",
    "knn_vector",
    "ip",
    "alias",
    "binary",
];

/// Refuses a mapping with a type that does not exist.
pub(crate) fn ensure_types(mapping: &Value) -> Result<(), Refusal> {
    for (name, field) in mapping.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let kind = type_of(field);
        if !TYPES.contains(&kind) {
            let reason = format!("No handler for type [{kind}] declared on field [{name}]");
            return Err(Refusal::new(400, "mapper_parsing_exception", reason));
        }
        ensure_types(field)?;
    }
    Ok(())
}
