//! What an upstream says in the body of an error, for people.

use serde_json::Value;

use crate::{secret::Secrets, words::clipped};

/// How much of a structured message is kept. Pinecone's longest names the field after an excerpt of its value.
const MESSAGE_CHARS: usize = 400;
/// How much is kept of a body that is not JSON.
const TEXT_CHARS: usize = 200;

/// The message in a body: of the JSON error shapes of Google, Pinecone and Elasticsearch, the title of a page, or
/// the first line of a text. `None` if there is nothing to show. Secrets are taken out before the text is cut: of one that
/// lies across the cut nothing would be recognised afterwards.
pub(crate) fn message(body: &[u8], secrets: &Secrets) -> Option<String> {
    let (text, limit) = match serde_json::from_slice::<Value>(body) {
        Ok(json) => (json_message(&json)?.to_owned(), MESSAGE_CHARS),
        Err(_) => (text_message(&String::from_utf8_lossy(body))?, TEXT_CHARS),
    };
    let text = clipped(&secrets.redact(text), limit);
    (!text.is_empty()).then_some(text)
}

fn json_message(json: &Value) -> Option<&str> {
    match json {
        Value::String(text) => Some(text),
        // Google wraps an error in an array of one on some paths.
        Value::Array(items) => items.first().and_then(json_message),
        Value::Object(object) => {
            ["error", "message", "reason", "detail"].iter().find_map(|key| json_message(object.get(*key)?))
        }
        _ => None,
    }
}

fn text_message(text: &str) -> Option<String> {
    let text = text.trim();
    if text.starts_with('<') {
        return Some(
            element(text, "title").or_else(|| element(text, "h1")).unwrap_or("an HTML page").to_owned(),
        );
    }
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The text of the first such element of a page, found without parsing the page.
fn element<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let lower = page.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let start = open + lower[open..].find('>')? + 1;
    let end = start + lower[start..].find("</")?;
    Some(page[start..end].trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        message(body.as_bytes(), &Secrets::default())
    }

    #[test]
    fn a_secret_across_the_cut_is_taken_out_whole() {
        let secrets = Secrets::new(["sk-very-secret-key".into()]);
        for limit in [MESSAGE_CHARS, TEXT_CHARS] {
            let text = format!("{}sk-very-secret-key", "x".repeat(limit - 8));
            let body = if limit == TEXT_CHARS { text } else { format!(r#"{{"message":"{text}"}}"#) };
            let said = message(body.as_bytes(), &secrets).unwrap();
            assert!(said.ends_with("x***"), "{said}");
        }
    }

    #[test]
    fn every_shape_of_a_json_error_is_read() {
        assert_eq!(of(r#"{"code":3,"message":"wrong dimension","details":[]}"#).unwrap(), "wrong dimension");
        assert_eq!(
            of(r#"{"error":{"code":"NOT_FOUND","message":"no index"},"status":404}"#).unwrap(),
            "no index"
        );
        assert_eq!(of(r#"[{"error":{"code":429,"message":"slow\ndown"}}]"#).unwrap(), "slow down");
        assert_eq!(of(r#"{"error":"bad"}"#).unwrap(), "bad");
        assert_eq!(of(r#"{"error":{"type":"x","reason":"no such index"}}"#).unwrap(), "no such index");
        assert_eq!(of("{}"), None);
        assert_eq!(of("[]"), None);
        assert_eq!(of("17"), None);
    }

    #[test]
    fn a_page_becomes_its_title_and_a_text_its_first_line() {
        assert_eq!(of("<html><head><TITLE>502 Bad Gateway</TITLE></head>").unwrap(), "502 Bad Gateway");
        assert_eq!(of("<!doctype html><h1 class=a>Oh no</h1>").unwrap(), "Oh no");
        assert_eq!(of("<html>").unwrap(), "an HTML page");
        assert_eq!(of("\n\nUnauthorized\nmore").unwrap(), "Unauthorized");
        assert_eq!(of(""), None);
        assert_eq!(of(" \n"), None);
        assert_eq!(of(&"x".repeat(1000)).unwrap().chars().count(), 201);
    }

    #[test]
    fn bytes_that_are_not_text_do_no_harm() {
        assert!(message(&[0xff, 0xfe, b'a'], &Secrets::default()).unwrap().contains('a'));
        assert_eq!(of("<title>İ</title>").unwrap(), "İ");
    }
}
