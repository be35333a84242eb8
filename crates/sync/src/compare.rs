//! Comparing metadata, as product.md defines it.

use pinecone::Metadata;
use protocol::{Change, ChangeKind};
use serde_json::Value;

/// Characters of a value that a sample shows.
const SHOWN_CHARACTERS: usize = 240;

/// Whether two values mean the same in Pinecone.
///
/// Numbers compare as 64-bit floats, because that is what the service stores: it answers `1.0` where `1` was written.
/// Everything else compares exactly, lists in order.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// The value under a key; a null is the same as none, since Pinecone keeps no nulls.
pub fn present<'a>(metadata: &'a Metadata, key: &str) -> Option<&'a Value> {
    metadata.get(key).filter(|value| !value.is_null())
}

/// The keys that differ, ordered by key, without the added one.
pub fn changes(source: &Metadata, target: &Metadata, added_key: &str) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (key, value) in source.iter().filter(|(key, value)| *key != added_key && !value.is_null()) {
        match present(target, key) {
            None => changes.push(change(key, ChangeKind::Added, None, Some(value))),
            Some(old) if !equal(value, old) => {
                changes.push(change(key, ChangeKind::Changed, Some(old), Some(value)));
            }
            Some(_) => {}
        }
    }
    for (key, old) in target.iter().filter(|(key, value)| *key != added_key && !value.is_null()) {
        if present(source, key).is_none() {
            changes.push(change(key, ChangeKind::Removed, Some(old), None));
        }
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

fn change(key: &str, kind: ChangeKind, target: Option<&Value>, source: Option<&Value>) -> Change {
    Change { key: key.to_owned(), kind, target: target.map(shown), source: source.map(shown) }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and cases read better without `&`")]
mod tests {
    use super::*;

    fn metadata(value: Value) -> Metadata {
        value.as_object().expect("an object").clone()
    }

    fn signs(source: Value, target: Value) -> Vec<String> {
        changes(&metadata(source), &metadata(target), "clearance_level")
            .into_iter()
            .map(|change| format!("{}{}", change.kind.sign(), change.key))
            .collect()
    }

    #[test]
    fn numbers_compare_as_the_floats_that_pinecone_stores() {
        use serde_json::json;
        assert!(equal(&json!(1), &json!(1.0)));
        assert!(equal(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992.0)));
        assert!(equal(&json!(-0.0), &json!(0)));
        assert!(equal(&json!(1e21), &json!(1_000_000_000_000_000_000_000.0)));
        assert!(!equal(&json!(1), &json!("1")));
        assert!(!equal(&json!(1), &json!(true)));
        assert!(!equal(&json!(0.1), &json!(0.2)));
    }

    #[test]
    fn keys_are_reported_with_their_sign_and_the_added_one_is_ignored() {
        use serde_json::json;
        let source = json!({"a": 1, "b": "x", "n": null, "list": ["p", "q"], "clearance_level": 7});
        let target = json!({"b": "y", "c": true, "list": ["q", "p"], "clearance_level": 1});
        assert_eq!(signs(source, target), ["+a", "~b", "-c", "~list"]);
    }

    #[test]
    fn a_null_is_the_same_as_an_absent_key() {
        use serde_json::json;
        assert!(signs(json!({"a": null}), json!({})).is_empty());
        assert!(signs(json!({}), json!({"a": null})).is_empty());
        assert_eq!(signs(json!({"a": 1}), json!({"a": null})), ["+a"]);
    }

    #[test]
    fn the_empty_list_and_the_empty_string_are_values() {
        use serde_json::json;
        assert_eq!(signs(json!({"a": []}), json!({})), ["+a"]);
        assert_eq!(signs(json!({"a": ""}), json!({"a": []})), ["~a"]);
    }
}
