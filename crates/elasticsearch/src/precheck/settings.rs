//! Blocks and pipelines of an index.

use serde_json::{Map, Value};

use super::Finding;

/// What the settings of an index say against writing.
pub(super) fn findings(settings: Option<&Map<String, Value>>) -> Vec<Finding> {
    let Some(settings) = settings else { return Vec::new() };
    let is_set = |name: &str| text(settings, name).as_deref() == Some("true");
    let mut findings = Vec::new();
    if is_set("index.blocks.read_only_allow_delete") {
        findings.push(Finding::stop(
            "block_disk",
            "it is blocked because the disk is almost full (index.blocks.read_only_allow_delete)",
            "free space; the block goes away by itself, or by setting it to null",
        ));
    }
    for (name, code, what) in [
        ("index.blocks.write", "block_write", "writing"),
        ("index.blocks.read_only", "block_read_only", "writing and changing the mapping"),
        ("index.blocks.read", "block_read", "reading"),
        ("index.blocks.metadata", "block_metadata", "reading and changing its mapping"),
    ] {
        if is_set(name) {
            findings.push(Finding::stop(
                code,
                format!("{what} is blocked ({name})"),
                format!("have {name} set to false, if it was not set on purpose"),
            ));
        }
    }
    if is_set("index.verified_before_close") {
        findings.push(Finding::stop("closed", "the index is closed", "open it first"));
    }
    for name in ["index.default_pipeline", "index.final_pipeline"] {
        if let Some(pipeline) = text(settings, name).filter(|pipeline| pipeline != "_none") {
            findings.push(Finding::note(
                "pipeline",
                format!("it has the pipeline {pipeline} ({name}), which partial updates do not run"),
            ));
        }
    }
    findings
}

/// A setting as a text; servers send them as strings, whatever they are.
pub(super) fn text(settings: &Map<String, Value>, name: &str) -> Option<String> {
    match settings.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_block_is_found() {
        let codes =
            |settings: Value| findings(settings.as_object()).iter().map(|f| f.code).collect::<Vec<_>>();
        assert!(codes(json!({"index.number_of_shards": "3"})).is_empty());
        assert_eq!(codes(json!({"index.blocks.read_only_allow_delete": "true"})), ["block_disk"]);
        assert_eq!(codes(json!({"index.blocks.write": "true"})), ["block_write"]);
        assert_eq!(codes(json!({"index.blocks.write": "false"})), Vec::<&str>::new());
        assert_eq!(codes(json!({"index.verified_before_close": "true"})), ["closed"]);
        assert_eq!(codes(json!({"index.default_pipeline": "p"})), ["pipeline"]);
        assert_eq!(codes(json!({"index.default_pipeline": "_none"})), Vec::<&str>::new());
    }
}
