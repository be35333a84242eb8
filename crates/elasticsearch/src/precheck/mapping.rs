//! What a mapping would do with the value.

use serde_json::{Map, Value};

use super::{Finding, settings::text};
use crate::{FieldType, Task};

/// What the mapping of an index says against the task.
pub(super) fn findings(
    mapping: &Map<String, Value>,
    settings: Option<&Map<String, Value>>,
    task: &Task,
) -> Vec<Finding> {
    let mut findings = of_source(mapping);
    let field = task.field.as_str();
    if mapping.get("enabled") == Some(&Value::Bool(false)) {
        findings.push(Finding::stop(
            "mapping_disabled",
            "its mapping is switched off (enabled: false), so that nothing in it can be searched",
            "index the documents again into an index with a mapping",
        ));
        return findings;
    }
    if mapping.get("runtime").and_then(|runtime| runtime.get(field)).is_some() {
        findings.push(Finding::stop(
            "runtime_field",
            format!("a runtime field hides {field}: what is written would not be what is searched"),
            "remove the runtime field from the mapping",
        ));
        return findings;
    }
    match mapping.get("properties").and_then(|properties| properties.get(field)) {
        Some(property) => {
            findings.extend(of_property(property, task));
            findings.extend(of_documents_before(mapping, task));
        }
        None => findings.extend(of_absence(mapping, settings, task)),
    }
    findings
}

/// A partial update writes the whole document again, from its source: what is not in there would be lost.
fn of_source(mapping: &Map<String, Value>) -> Vec<Finding> {
    let Some(source) = mapping.get("_source") else { return Vec::new() };
    let is_off =
        source.get("enabled") == Some(&Value::Bool(false)) || source.get("mode") == Some(&"disabled".into());
    let is_partial = ["includes", "excludes"]
        .iter()
        .any(|key| source.get(*key).and_then(Value::as_array).is_some_and(|list| !list.is_empty()));
    if is_off {
        vec![Finding::stop(
            "source_disabled",
            "it keeps no _source, without which a document cannot be updated",
            "index the documents again from where they came",
        )]
    } else if is_partial {
        vec![Finding::stop(
            "source_partial",
            "its _source leaves fields out, and an update would lose what they index",
            "index the documents again from where they came",
        )]
    } else {
        Vec::new()
    }
}

/// A field that is mapped where new ones are not was added on purpose, perhaps behind documents that held it already.
fn of_documents_before(mapping: &Map<String, Value>, task: &Task) -> Option<Finding> {
    let field = &task.field;
    (dynamic(mapping) == "false").then(|| {
        Finding::note(
            "unindexed_values",
            format!(
                "documents that held {field} before it was mapped are not indexed (dynamic: false) and are counted as if \
                 they lacked it; an update reads what each holds and leaves a value alone that it may not replace"
            ),
        )
    })
}

/// What the mapping does with fields that it does not know.
fn dynamic(mapping: &Map<String, Value>) -> &str {
    match mapping.get("dynamic") {
        Some(Value::Bool(false)) => "false",
        Some(Value::String(dynamic)) => dynamic.as_str(),
        _ => "true",
    }
}

fn of_absence(
    mapping: &Map<String, Value>,
    settings: Option<&Map<String, Value>>,
    task: &Task,
) -> Vec<Finding> {
    let field = &task.field;
    let kind = FieldType::for_value(&task.value).map_or("integer", FieldType::name);
    let add = format!("add {field} as {kind} to the mapping first, as a step of its own");
    let dynamic = dynamic(mapping);
    let mut findings = Vec::new();
    match dynamic {
        "strict" | "strict_allow_templates" => findings.push(
            Finding::stop(
                "dynamic_strict",
                format!("its mapping takes no new fields (dynamic: {dynamic})"),
                add,
            )
            .mended_by_mapping(),
        ),
        "false" => findings.push(
            Finding::stop(
                "dynamic_false",
                format!(
                    "its mapping ignores new fields (dynamic: false): {field} would be stored and never found"
                ),
                format!("{add}; documents that hold {field} already are not indexed by that"),
            )
            .mended_by_mapping(),
        ),
        "runtime" => findings.push(
            Finding::warning(
                "dynamic_runtime",
                format!("{field} would become a runtime field, which makes every search by it slow"),
                add,
            )
            .mended_by_mapping(),
        ),
        _ => {
            if mapping.get("dynamic_templates").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
            {
                let message = format!("a dynamic template may decide which type {field} gets");
                findings.push(Finding::warning("dynamic_template", message, add.clone()).mended_by_mapping());
            }
            if matches!(task.value, Value::String(_)) {
                let message =
                    format!("{field} would become a text, in which values are words and are not told apart");
                findings.push(Finding::stop("would_be_text", message, add).mended_by_mapping());
            }
            let limit = settings
                .and_then(|settings| text(settings, "index.mapping.total_fields.limit"))
                .and_then(|limit| limit.parse().ok())
                .unwrap_or(1000);
            if count(mapping) >= limit {
                findings.push(Finding::stop(
                    "field_limit",
                    format!("its mapping is full ({limit} fields), and {field} would be one more"),
                    "have index.mapping.total_fields.limit raised",
                ));
            }
        }
    }
    findings
}

/// How many fields count against the limit: each property, object and field beside another.
fn count(mapping: &Map<String, Value>) -> u64 {
    let of = |key: &str| mapping.get(key).and_then(Value::as_object).into_iter().flat_map(Map::values);
    let with_its_own = |field: &Value| 1 + field.as_object().map_or(0, count);
    let own = of("properties").map(with_its_own).sum::<u64>();
    let beside = of("fields").map(with_its_own).sum::<u64>();
    own + beside + of("runtime").count() as u64
}

fn of_property(property: &Value, task: &Task) -> Vec<Finding> {
    let field = &task.field;
    let kind = property.get("type").and_then(Value::as_str).unwrap_or("object");
    let elsewhere = "choose another field, or map it as a number in a new index";
    let stop = |code, message: String| vec![Finding::stop(code, message, elsewhere)];
    let value = &task.value;
    let is_off = |key: &str| property.get(key) == Some(&Value::Bool(false));
    if is_off("index") && is_off("doc_values") {
        return stop(
            "not_searchable",
            format!("{field} is stored but not indexed: an update would never be found"),
        );
    }
    let mut findings = match kind {
        "long" | "integer" | "short" | "byte" | "unsigned_long" => of_integer(kind, task),
        "double" | "float" | "half_float" | "scaled_float" => match value {
            Value::Number(_) => Vec::new(),
            _ => stop("wrong_type", format!("{field} holds numbers ({kind}), and {value} is none")),
        },
        "keyword" | "wildcard" if value.is_string() => Vec::new(),
        "keyword" | "wildcard" | "text" | "match_only_text" => vec![Finding::warning(
            "is_text",
            format!(
                "{field} is of type {kind}: {value} is compared as a text there (\"9\" comes after \"10\"), so that \
                 higher and lower mean nothing and every value that is there stands"
            ),
            "map it as integer in a new index, if levels are to be compared",
        )],
        "boolean" if value.is_boolean() => Vec::new(),
        "boolean" => {
            stop("is_boolean", format!("{field} holds true and false, and {value} would be refused"))
        }
        "date" | "date_nanos" => {
            stop("is_date", format!("{field} is a date, in which {value} would mean a moment after 1970"))
        }
        "object" | "nested" | "flattened" => {
            stop("is_object", format!("{field} holds objects ({kind}), and {value} would be refused"))
        }
        "alias" => stop("is_alias", format!("{field} is another name of a field and cannot be written to")),
        other => stop("other_type", format!("{field} is of type {other}, which does not hold {value}")),
    };
    if is_off("index") && findings.iter().all(|finding| finding.severity != super::Severity::Stop) {
        findings.push(Finding::warning(
            "not_indexed",
            format!("{field} is not indexed (index: false), so that searching by it is slow or refused"),
            elsewhere,
        ));
    }
    if property.get("ignore_malformed") == Some(&Value::Bool(true)) {
        findings.push(Finding::note(
            "ignore_malformed",
            format!(
                "{field} keeps values that it cannot index (ignore_malformed); such documents are left alone"
            ),
        ));
    }
    if !property.get("null_value").unwrap_or(&Value::Null).is_null() {
        findings.push(Finding::note(
            "null_value",
            format!("in {field} an explicit null counts as a value (null_value)"),
        ));
    }
    findings
}

fn of_integer(kind: &str, task: &Task) -> Vec<Finding> {
    let (field, value) = (&task.field, &task.value);
    let range: (i128, i128) = match kind {
        "byte" => (i8::MIN.into(), i8::MAX.into()),
        "short" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        "unsigned_long" => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    if whole.is_some_and(|value| (range.0..=range.1).contains(&value)) {
        return Vec::new();
    }
    vec![Finding::stop(
        "wrong_number",
        format!("{field} holds whole numbers of the type {kind}, and {value} is none of them"),
        "choose a value that fits",
    )]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{FieldName, Mode, Scope};

    fn codes_of(mapping: &Value, value: Value) -> Vec<&'static str> {
        let field = FieldName::parse("level").unwrap();
        let task = Task { field, value, scope: Scope::All, mode: Mode::Missing };
        let settings = json!({"index.mapping.total_fields.limit": "4"});
        findings(mapping.as_object().unwrap(), settings.as_object(), &task)
            .iter()
            .map(|finding| finding.code)
            .collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the mappings are written where they are checked")]
    fn codes(mapping: Value, value: Value) -> Vec<&'static str> {
        codes_of(&mapping, value)
    }

    fn of_type(kind: &str, value: Value) -> Vec<&'static str> {
        codes(json!({"properties": {"level": {"type": kind}}}), value)
    }

    #[test]
    fn a_field_that_fits_is_no_finding() {
        for kind in ["long", "integer", "short", "byte", "unsigned_long", "double", "half_float"] {
            assert!(of_type(kind, json!(1)).is_empty(), "{kind}");
        }
        assert!(of_type("keyword", json!("public")).is_empty());
        assert!(of_type("boolean", json!(true)).is_empty());
        assert!(codes(json!({}), json!(1)).is_empty());
        assert!(
            codes(json!({"dynamic": "true", "properties": {"a": {"type": "text"}}}), json!(1)).is_empty()
        );
    }

    #[test]
    fn a_field_that_does_not_fit_is_one() {
        let table = [
            ("byte", json!(200), "wrong_number"),
            ("long", json!(1.5), "wrong_number"),
            ("long", json!("1"), "wrong_number"),
            ("unsigned_long", json!(-1), "wrong_number"),
            ("double", json!("x"), "wrong_type"),
            ("keyword", json!(1), "is_text"),
            ("text", json!(1), "is_text"),
            ("text", json!("a"), "is_text"),
            ("boolean", json!(1), "is_boolean"),
            ("date", json!(1), "is_date"),
            ("object", json!(1), "is_object"),
            ("nested", json!(1), "is_object"),
            ("alias", json!(1), "is_alias"),
            ("geo_point", json!(1), "other_type"),
            ("dense_vector", json!(1), "other_type"),
        ];
        for (kind, value, code) in table {
            assert_eq!(of_type(kind, value), [code], "{kind}");
        }
        assert_eq!(codes(json!({"properties": {"level": {"properties": {}}}}), json!(1)), ["is_object"]);
        assert_eq!(
            codes(
                json!({"properties": {"level": {"type": "long", "index": false, "doc_values": false}}}),
                json!(1)
            ),
            ["not_searchable"]
        );
    }

    #[test]
    fn what_becomes_of_a_new_field_depends_on_dynamic() {
        assert_eq!(codes(json!({"dynamic": "strict"}), json!(1)), ["dynamic_strict"]);
        assert_eq!(codes(json!({"dynamic": "strict_allow_templates"}), json!(1)), ["dynamic_strict"]);
        assert_eq!(codes(json!({"dynamic": "false"}), json!(1)), ["dynamic_false"]);
        assert_eq!(codes(json!({"dynamic": false}), json!(1)), ["dynamic_false"]);
        assert_eq!(codes(json!({"dynamic": "runtime"}), json!(1)), ["dynamic_runtime"]);
        let mapped = json!({"level": {"type": "long"}});
        assert_eq!(
            codes(json!({"dynamic": false, "properties": mapped}), json!(1)),
            ["unindexed_values"],
            "it was added, and not to the documents that were there"
        );
        assert_eq!(codes(json!({"enabled": false}), json!(1)), ["mapping_disabled"]);
        assert_eq!(codes(json!({"runtime": {"level": {"type": "long"}}}), json!(1)), ["runtime_field"]);
        assert_eq!(codes(json!({"dynamic_templates": [{}]}), json!(1)), ["dynamic_template"]);
        assert_eq!(codes(json!({}), json!("public")), ["would_be_text"]);
    }

    #[test]
    fn a_source_that_is_not_whole_stops() {
        assert_eq!(codes(json!({"_source": {"enabled": false}}), json!(1)), ["source_disabled"]);
        assert_eq!(codes(json!({"_source": {"excludes": ["vector"]}}), json!(1)), ["source_partial"]);
        assert!(codes(json!({"_source": {}}), json!(1)).is_empty());
    }

    #[test]
    fn a_full_mapping_is_found_before_the_server_says_so() {
        let three = json!({"properties": {"a": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}, "b": {"type": "long"}}});
        assert!(codes(three, json!(1)).is_empty());
        let four = json!({"properties": {"a": {"properties": {"x": {"type": "long"}, "y": {"type": "long"}}}, "b": {"type": "long"}}});
        assert_eq!(codes(four.clone(), json!(1)), ["field_limit"]);
        let mut mapped = four;
        mapped["properties"]["level"] = json!({"type": "long"});
        assert!(codes(mapped, json!(1)).is_empty());
    }
}
