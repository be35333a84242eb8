//! The metadata of a record on all sides, key by key.

use leptos::prelude::*;
use protocol::{ChangeKind, RecordKey, TypedValue, ValueKind};

use crate::format;

/// Characters that are shown of a value before it has to be unfolded.
const SHOWN: usize = 160;

/// The table. A side is `None` if it is not known whether the record is there.
#[component]
pub fn KeysPanel(
    /// The keys.
    keys: Vec<RecordKey>,
    /// Whether the record is in the source.
    source: Option<bool>,
    /// Whether it is in the target.
    target: Option<bool>,
    /// Whether there is a document; the outer `None` if there is no search index.
    document: Option<Option<bool>>,
) -> impl IntoView {
    let differing = keys.iter().filter(|key| key.change.is_some()).count();
    let summary = match (source, target) {
        (Some(true), Some(true)) => {
            let compared = keys.iter().filter(|key| !key.is_added_key).count();
            format!(
                "{} of {} differ",
                format::count(differing as u64),
                format::counted(compared as u64, "key", "keys")
            )
        }
        _ => format::counted(keys.len() as u64, "key", "keys"),
    };
    let body = if keys.is_empty() {
        view! { <p class="body soft">"No metadata on any side."</p> }.into_any()
    } else {
        let rows = keys.into_iter().map(|key| row(key, source, target, document)).collect_view();
        view! {
            <section class="scroll" tabindex="0" aria-label="Table of metadata">
                <table class="list side-by-side">
                    <thead>
                        <tr>
                            <th scope="col">"Key"</th>
                            <th scope="col">"Source"</th>
                            <th scope="col">"Target"</th>
                            {document.map(|_| view! { <th scope="col">"Elasticsearch"</th> })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="metadata">
            <header>
                <h2 id="metadata">"Metadata"</h2>
                <span class="soft">{summary}</span>
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// How a key is marked: the colour's class, the sign, the word.
const fn mark(change: ChangeKind) -> (&'static str, &'static str) {
    match change {
        ChangeKind::Added => ("c-in-sync", "only in source"),
        ChangeKind::Removed => ("c-failed", "only in target"),
        ChangeKind::Changed => ("c-update", "changed"),
    }
}

fn row(
    key: RecordKey,
    source: Option<bool>,
    target: Option<bool>,
    document: Option<Option<bool>>,
) -> AnyView {
    let RecordKey { key, source: in_source, target: in_target, document: in_document, change, is_added_key } =
        key;
    let class = change.map_or("", |change| mark(change).0);
    let marked = change.map(|change| {
        view! {
            <span class="mark">
                <i aria-hidden="true">{change.sign()}</i>
                {mark(change).1}
            </span>
        }
    });
    let added = is_added_key.then(|| view! { <span class="mark faint">"added, not compared"</span> });
    view! {
        <tr class=class class:differs=change.is_some()>
            <th scope="row">
                <span class="mono break">{key}</span>
                {marked}
                {added}
            </th>
            {cell("Source", in_source, source)}
            {cell("Target", in_target, target)}
            {document.map(|document| cell("Elasticsearch", in_document, document))}
        </tr>
    }
    .into_any()
}

/// A value, or why there is none.
fn cell(side: &'static str, value: Option<TypedValue>, there: Option<bool>) -> AnyView {
    let shown = match (value, there) {
        (Some(value), _) => typed(value),
        (None, None) => view! { <span class="unknown">"unknown"</span> }.into_any(),
        (None, Some(true)) => view! { <span class="faint">"absent"</span> }.into_any(),
        (None, Some(false)) => view! {
            <span class="faint" title="The record is not on this side">
                "–"
            </span>
        }
        .into_any(),
    };
    view! { <td data-side=side>{shown}</td> }.into_any()
}

/// Where the shown part of a text ends: never within a character.
fn head_of(text: &str) -> Option<&str> {
    let (end, _) = text.char_indices().nth(SHOWN)?;
    text.get(..end)
}

/// A value and its type; a long one unfolds.
fn typed(value: TypedValue) -> AnyView {
    let TypedValue { kind, text, cut } = value;
    let text = if kind == ValueKind::String { format::unquoted(&text).to_owned() } else { text };
    let class = if kind == ValueKind::String { "datum break" } else { "datum mono break" };
    let more = (cut > 0).then(|| {
        view! { <span class="faint">{format!(" … and {} more", format::counted(cut, "character", "characters"))}</span> }
    });
    let shown = match head_of(&text).map(str::to_owned) {
        Some(head) => view! {
            <details class="long">
                <summary>
                    <span class=class>{head} "…"</span>
                </summary>
                <p class=class>{text} {more}</p>
            </details>
        }
        .into_any(),
        None => view! { <span class=class>{text} {more}</span> }.into_any(),
    };
    view! {
        {shown}
        <span class="tag">{kind.label()}</span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(head_of("short"), None);
        assert_eq!(head_of(&"é".repeat(SHOWN)), None);
        assert_eq!(head_of(&"é".repeat(SHOWN + 1)).map(|head| head.chars().count()), Some(SHOWN));
    }
}
