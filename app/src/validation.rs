//! What a form may send. The browser is not trusted, so only the server asks.

use protocol::{DocumentScope, DocumentUpdate, NamespacePatterns, Timing};

use crate::{ApiError, api::TypedUpdate, links};

/// The longest namespace that Pinecone could mean, in bytes.
const MAX_NAMESPACE: usize = 512;
/// The largest number of records in a batch that anyone could ask for: Pinecone's bound of an upsert.
const MAX_BATCH: u32 = 1_000;
/// More patterns than anyone would type.
const MAX_PATTERNS: usize = 100;
/// More namespaces than anyone would type.
const MAX_NAMESPACES: usize = 1_000;
/// The largest number of an interval's unit: a year in seconds, and some.
const MAX_INTERVAL: u64 = 40_000_000;
/// The longest name of a schedule, in characters.
const MAX_NAME: usize = 80;

/// A namespace, exactly as typed.
pub fn namespace(text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_NAMESPACE {
        return Err(ApiError::invalid(
            "namespace",
            format!("a namespace has at most {MAX_NAMESPACE} bytes; this one has {}", text.len()),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "namespace",
            "a namespace has no line breaks or other control characters",
        ));
    }
    Ok(text.to_owned())
}

/// A batch size; empty means the configured one.
pub fn batch_size(text: &str) -> Result<Option<u32>, ApiError> {
    match text.trim() {
        "" => Ok(None),
        digits => match digits.parse::<u32>() {
            Ok(size @ 1..=MAX_BATCH) => Ok(Some(size)),
            _ => Err(ApiError::invalid(
                "batch_size",
                format!(
                    "a batch has 1 to {MAX_BATCH} records; leave the field empty for the configured size"
                ),
            )),
        },
    }
}

/// The hash of a plan; empty means none.
pub fn plan(hash: Option<String>) -> Result<Option<String>, ApiError> {
    match hash {
        Some(hash) if hash.is_empty() => Ok(None),
        Some(hash) if hash.len() > 128 || !hash.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Err(ApiError::invalid("plan", "this is not the hash of a plan; analyze again"))
        }
        hash => Ok(hash),
    }
}

/// A record's id, exactly as typed.
pub fn record_id(text: &str) -> Result<String, ApiError> {
    if text.is_empty() || text.len() > MAX_NAMESPACE {
        let message = format!("an id has 1 to {MAX_NAMESPACE} bytes; this one has {}", text.len());
        return Err(ApiError::invalid("id", message));
    }
    Ok(text.to_owned())
}

/// What is done to documents of the search index.
pub fn document_update(form: &TypedUpdate) -> Result<DocumentUpdate, ApiError> {
    let TypedUpdate { scope, namespaces, mode, field, value } = form;
    let scope = match scope.as_str() {
        "all" => DocumentScope::All,
        "without" => DocumentScope::WithoutNamespace,
        "too-long" => DocumentScope::NamespaceTooLong,
        _ => {
            let names: Vec<String> = links::namespaces_of(namespaces)
                .into_iter()
                .map(|name| {
                    namespace(&name).map_err(|error| ApiError::invalid("namespaces", error.to_string()))
                })
                .collect::<Result<_, _>>()?;
            if names.is_empty() {
                let message = "name at least one namespace, or choose all of them";
                return Err(ApiError::invalid("namespaces", message));
            }
            if names.len() > MAX_NAMESPACES {
                let message = format!("name at most {MAX_NAMESPACES} namespaces, or choose all of them");
                return Err(ApiError::invalid("namespaces", message));
            }
            DocumentScope::Namespaces(names)
        }
    };
    let typed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(DocumentUpdate { scope, mode: *mode, field: typed(field), value: typed(value), server_side: false })
}

/// What a run covers: one namespace, or with `several` all that match the patterns.
pub fn scope(
    scope: &str,
    one: &str,
    include: &str,
    exclude: &str,
) -> Result<(String, Option<NamespacePatterns>), ApiError> {
    if scope != "several" {
        return Ok((namespace(one)?, None));
    }
    let patterns =
        NamespacePatterns { include: patterns("include", include)?, exclude: patterns("exclude", exclude)? };
    Ok((String::new(), Some(patterns)))
}

/// Patterns of namespaces: one a line, or parted by commas; none where nothing is typed.
fn patterns(field: &str, text: &str) -> Result<Vec<String>, ApiError> {
    let patterns: Vec<String> = text
        .split(['\n', ','])
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
        .map(|pattern| namespace(pattern).map(|_| pattern.to_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::invalid(field, error.to_string()))?;
    if patterns.len() > MAX_PATTERNS {
        return Err(ApiError::invalid(field, format!("there are at most {MAX_PATTERNS} patterns")));
    }
    Ok(patterns)
}

/// When a schedule's runs start. Whether a cron expression can be read is for the server behind to say.
pub fn timing(timing: &str, every: &str, unit: &str, cron: &str) -> Result<Timing, ApiError> {
    if timing == "cron" {
        let cron = cron.trim();
        return match cron.split_whitespace().count() {
            5 if cron.len() <= 200 => Ok(Timing::Cron(cron.to_owned())),
            _ => Err(ApiError::invalid(
                "cron",
                "five fields are needed: minute, hour, day of month, month, day of week, as in 30 2 * * 1-5",
            )),
        };
    }
    let seconds = match unit {
        "minutes" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        _ => 1,
    };
    match every.trim().parse::<u64>() {
        Ok(number @ 1..=MAX_INTERVAL) => Ok(Timing::Every(number * seconds)),
        _ => Err(ApiError::invalid("every", "a whole number is needed: how many of the unit")),
    }
}

/// Names the field of the form where the server behind knows only of a timing.
pub fn of_timing(error: ApiError, timing: &Timing) -> ApiError {
    match error {
        ApiError::Invalid { field, message } if field == "timing" => {
            ApiError::invalid(if matches!(timing, Timing::Cron(_)) { "cron" } else { "every" }, message)
        }
        error => error,
    }
}

/// The name of a schedule.
pub fn name(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "name",
            format!("a name has at most {MAX_NAME} characters and no line breaks"),
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_taken_as_it_is_or_refused() {
        assert_eq!(namespace(" a b/ü ").as_deref(), Ok(" a b/ü "));
        assert_eq!(namespace("").as_deref(), Ok(""));
        assert!(namespace("a\nb").is_err());
        assert!(namespace(&"x".repeat(513)).is_err());
    }

    #[test]
    fn a_batch_size_is_absent_or_within_bounds() {
        assert_eq!(batch_size(""), Ok(None));
        assert_eq!(batch_size(" 25 "), Ok(Some(25)));
        for wrong in ["0", "1001", "-1", "ten", "1e3"] {
            let error = batch_size(wrong).expect_err(wrong);
            assert!(error.of_field("batch_size").is_some());
        }
    }

    #[test]
    fn a_plan_is_a_plain_word() {
        assert_eq!(plan(Some(String::new())), Ok(None));
        assert_eq!(plan(Some("7c41".to_owned())), Ok(Some("7c41".to_owned())));
        assert!(plan(Some("7c41; rm".to_owned())).is_err());
    }

    #[test]
    fn a_scope_is_one_namespace_or_patterns() {
        assert_eq!(scope("", "a", "x", ""), Ok(("a".to_owned(), None)));
        let (namespace, patterns) = scope("several", "a", " team-* ,\n b?", "").expect("it is fine");
        assert_eq!(namespace, "");
        assert_eq!(
            patterns.map(|patterns| patterns.include),
            Some(vec!["team-*".to_owned(), "b?".to_owned()])
        );
        let error = scope("several", "", "", &"x,".repeat(101)).expect_err("too many");
        assert!(error.of_field("exclude").is_some());
    }

    #[test]
    fn a_timing_is_an_interval_or_five_fields() {
        assert_eq!(timing("every", " 2 ", "hours", ""), Ok(Timing::Every(7_200)));
        assert_eq!(timing("cron", "", "", " 0 3 * * * "), Ok(Timing::Cron("0 3 * * *".to_owned())));
        for (kind, every, cron) in [("every", "0", ""), ("every", "x", ""), ("cron", "1", "* * * *")] {
            let field = if kind == "cron" { "cron" } else { "every" };
            let error = timing(kind, every, "minutes", cron).expect_err(kind);
            assert!(error.of_field(field).is_some(), "{kind} {every} {cron}");
        }
        let error = of_timing(ApiError::invalid("timing", "no"), &Timing::Cron(String::new()));
        assert_eq!(error.of_field("cron"), Some("no"));
    }
}
