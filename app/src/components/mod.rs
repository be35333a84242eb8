//! What the pages are made of.

pub mod bars;
pub mod command;
pub mod control;
pub mod counters;
pub mod dialog;
pub mod document_counters;
pub mod documents;
pub mod failures;
pub mod fields;
pub mod findings;
pub mod flow;
pub mod histogram;
pub mod icon;
pub mod log;
pub mod namespaces;
pub mod notice;
pub mod paging;
pub mod pill;
pub mod plan;
pub mod reembedding;
pub mod requests;
pub mod run_body;
pub mod share_bar;
pub mod sparkline;
pub mod start;
pub mod state_bar;
pub mod stepper;
pub mod steps;
pub mod stopped;
pub mod table;
pub mod update;
pub mod verification;

use leptos::prelude::*;
use protocol::{
    Category, Counts, DocumentScope, Holding, NamespacePatterns, Reading, RunId, RunKind, RunRequest,
    RunState,
};

use crate::links;

/// A count that leads to its records (law 13); nothing leads nowhere.
#[component]
pub fn Count(
    /// The run that counted.
    run: RunId,
    /// What was counted.
    category: Category,
    /// How many.
    number: u64,
) -> impl IntoView {
    let text = format::count(number);
    if number == 0 {
        text.into_any()
    } else {
        view! { <a href=links::records(&run, category)>{text}</a> }.into_any()
    }
}

/// A number that was read, or the word *unknown* with the reason in its tooltip.
#[component]
pub fn Read(
    /// What was read. `None` within means that there is nothing to count.
    reading: Reading<Option<u64>>,
    /// What stands for `None`.
    absent: &'static str,
) -> impl IntoView {
    match reading {
        Reading::Known(Some(number)) => format::count(number).into_any(),
        Reading::Known(None) => view! { <span class="faint">{absent}</span> }.into_any(),
        Reading::Unknown(reason) => view! {
            <span class="unknown" title=reason>
                "unknown"
            </span>
        }
        .into_any(),
    }
}

/// How many documents of the search index a namespace has, which leads to them.
#[component]
pub fn DocumentCount(
    /// The namespace; its documents may spell the default one in three ways.
    namespace: String,
    /// What was read.
    reading: Reading<Option<u64>>,
) -> impl IntoView {
    match reading {
        Reading::Known(Some(number)) if number > 0 => {
            let scope = DocumentScope::Namespaces(vec![namespace]);
            view! { <a href=links::documents(&scope, &Holding::Anything)>{format::count(number)}</a> }
                .into_any()
        }
        reading => view! { <Read reading absent="none" /> }.into_any(),
    }
}

/// How a category is called, coloured and signed.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Its name.
    pub label: &'static str,
    /// Its sign: `=`, `+`, `~`, `!`, `?`.
    pub sign: char,
    /// The class that sets its colour.
    pub class: &'static str,
}

/// The one look of a category, on every page.
pub const fn look(category: Category) -> Look {
    let (label, sign, class) = match category {
        Category::InSync => ("In sync", '=', "c-in-sync"),
        Category::Missing => ("To migrate", '+', "c-migrate"),
        Category::Changed => ("To update", '~', "c-update"),
        Category::NoText => ("No text", '!', "c-attention"),
        Category::Orphan => ("Only in target", '?', "c-unknown"),
        Category::Kept => ("Kept value", '=', "c-attention"),
        Category::OverLong => ("Over-long text", '!', "c-attention"),
        Category::Failed => ("Failed", '×', "c-failed"),
        Category::Migrated => ("Migrated", '+', "c-migrate"),
        Category::Updated => ("Updated", '~', "c-update"),
        Category::Gone => ("Gone from the source", '−', "c-attention"),
        Category::Moved => ("Not as planned", '≠', "c-attention"),
        Category::DocumentsToUpdate => ("Documents to update", '~', "c-update"),
        Category::DocumentsUpdated => ("Documents updated", '~', "c-update"),
        Category::DocumentsAlready => ("Documents already there", '=', "c-in-sync"),
        Category::DocumentsKept => ("Document conflicts kept", '=', "c-attention"),
        Category::DocumentsUnindexed => ("Documents not indexed", '=', "c-attention"),
        Category::DocumentsGone => ("Documents gone meanwhile", '−', "c-attention"),
    };
    Look { label, sign, class }
}

/// The look of a category in a run of a kind: a comparison of levels counts the same, and means something else.
pub const fn look_in(kind: RunKind, category: Category) -> Look {
    let look = look(category);
    match (kind, category) {
        (RunKind::Levels, Category::InSync) => Look { label: "Equal", ..look },
        (RunKind::Levels, Category::Changed) => Look { label: "Different", ..look },
        (RunKind::Levels, Category::Missing) => Look { label: "Without a document", ..look },
        _ => look,
    }
}

/// What the default namespace is called; every other one is called by its name.
pub fn namespace_name(namespace: &str) -> &str {
    if namespace.is_empty() { "__default__" } else { namespace }
}

/// What a run covers, in words: a namespace by its name, or several by their patterns.
pub fn scope_name(request: &RunRequest) -> String {
    match &request.namespaces {
        None if request.kind == RunKind::Documents => request.scope_label(),
        None => namespace_name(&request.namespace).to_owned(),
        Some(NamespacePatterns { include, exclude }) => {
            let taken = if include.is_empty() { "all namespaces".to_owned() } else { include.join(", ") };
            if exclude.is_empty() { taken } else { format!("{taken} without {}", exclude.join(", ")) }
        }
    }
}

/// The numbers that matter of a run: what it found, or what it wrote.
pub fn counts_in_words(request: &RunRequest, state: RunState, counts: &Counts) -> String {
    let mut words = Vec::new();
    let mut add = |number: u64, word: &str| {
        if number > 0 {
            // A number stays beside what it counts.
            words.push(format!("{} {word}", format::count(number)).replace(' ', "\u{a0}"));
        }
    };
    let documents = &counts.documents;
    if request.kind == RunKind::Levels {
        add(counts.in_sync, "equal");
        add(counts.changed, "different");
        add(counts.missing, "without a document");
        add(counts.failed, "failed");
    } else if request.kind == RunKind::Documents && request.dry_run {
        add(documents.to_update, "to update");
    } else if request.is_live() {
        add(counts.migrated, "migrated");
        add(counts.updated, "updated");
    } else {
        add(counts.missing, "to migrate");
        add(counts.changed, "to update");
        add(counts.in_sync, request.kind.settled());
    }
    add(documents.updated, "documents updated");
    add(documents.kept, "documents kept");
    add(documents.unindexed, "documents not indexed");
    add(counts.no_text, "without text");
    add(counts.moved, "not as planned");
    add(counts.gone, "gone");
    add(counts.failed, "failed");
    match words.is_empty() {
        false => words.join(" · "),
        true if state.is_live() => "nothing counted yet".to_owned(),
        // A run that broke off knows nothing about what is left.
        true if !matches!(state, RunState::Done | RunState::DoneWithFailures) => {
            "stopped before it counted".to_owned()
        }
        true => "nothing to do".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use protocol::RunKind;

    use super::*;

    #[test]
    fn what_was_not_compared_is_not_called_in_sync() {
        let counts = Counts { in_sync: 2, ..Counts::default() };
        let words = |kind| {
            let request = RunRequest { dry_run: true, ..RunRequest::new(kind, "a") };
            counts_in_words(&request, RunState::Done, &counts)
        };
        assert_eq!(words(RunKind::Mirror), "2\u{a0}in\u{a0}sync");
        assert_eq!(words(RunKind::Reembed), "2\u{a0}already\u{a0}there");
    }

    #[test]
    fn a_scope_has_a_name() {
        let mut request = RunRequest::new(RunKind::Mirror, "");
        assert_eq!(scope_name(&request), "__default__");
        request.namespaces = Some(NamespacePatterns::default());
        assert_eq!(scope_name(&request), "all namespaces");
        request.namespaces =
            Some(NamespacePatterns { include: vec!["a*".to_owned()], exclude: vec!["*b".to_owned()] });
        assert_eq!(scope_name(&request), "a* without *b");
    }
}
