//! What may be scheduled.

use pinecone::Namespace;
use protocol::{NamespacePatterns, RunKind, ScheduleSpec};

use super::{ScheduleError, timing};

/// The longest name, in characters.
const MAX_NAME: usize = 80;
/// More patterns than anyone would write.
const MAX_PATTERNS: usize = 100;
/// The longest pattern, in characters: as long as a namespace.
const MAX_PATTERN: usize = 512;
/// The largest batch that any service takes.
const MAX_BATCH: u32 = 1_000;

/// The specification as it is kept: trimmed, and without what means nothing.
pub(super) fn checked(mut spec: ScheduleSpec, now: u64) -> Result<ScheduleSpec, ScheduleError> {
    spec.name = name(&spec.name)?;
    spec.timing = timing::normalized(&spec.timing, now)?;
    let request = &mut spec.request;
    if request.plan.is_some() || request.retry.is_some() {
        let message =
            "a schedule starts whole runs: a plan, or what failed in a run, can be run once by hand";
        return Err(invalid("request", message));
    }
    if request.kind == RunKind::Documents {
        let message =
            "a schedule updates documents where a mirror ends with them: --kind mirror --elasticsearch";
        return Err(invalid("request", message));
    }
    if request.kind.only_reads() {
        request.documents = None;
    }
    if request.kind == RunKind::Levels && request.namespaces.is_some() {
        return Err(invalid("namespaces", "levels are compared one namespace at a time"));
    }
    match &request.namespaces {
        Some(patterns) => {
            check_patterns(patterns)?;
            request.namespace = String::new();
        }
        None => {
            let namespace = Namespace::parse(&request.namespace)
                .map_err(|error| invalid("namespace", error.to_string()))?;
            if namespace.as_str().chars().any(char::is_control) {
                return Err(invalid(
                    "namespace",
                    "a namespace has no line breaks or other control characters",
                ));
            }
        }
    }
    if request.batch_size.is_some_and(|size| !(1..=MAX_BATCH).contains(&size)) {
        return Err(invalid("batch_size", format!("a batch has 1 to {MAX_BATCH} records")));
    }
    request.dry_run |= request.kind == RunKind::Analyze;
    Ok(spec)
}

fn name(text: &str) -> Result<String, ScheduleError> {
    let name = text.trim();
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(invalid("name", format!("a name has at most {MAX_NAME} characters and no line breaks")));
    }
    Ok(name.to_owned())
}

fn check_patterns(patterns: &NamespacePatterns) -> Result<(), ScheduleError> {
    let all = || patterns.include.iter().chain(&patterns.exclude);
    if all().count() > MAX_PATTERNS {
        return Err(invalid("namespaces", format!("there are at most {MAX_PATTERNS} patterns")));
    }
    for pattern in all() {
        if pattern.is_empty() {
            return Err(invalid("namespaces", "a pattern is not empty; `*` matches every namespace"));
        }
        if pattern.chars().count() > MAX_PATTERN || pattern.chars().any(char::is_control) {
            let message = format!("a pattern has at most {MAX_PATTERN} characters and no line breaks");
            return Err(invalid("namespaces", message));
        }
    }
    Ok(())
}

fn invalid(field: &'static str, message: impl Into<String>) -> ScheduleError {
    ScheduleError::Invalid { field, message: message.into() }
}
