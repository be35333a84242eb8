//! The metadata of a record on all sides, key by key.

use leptos::prelude::*;
use protocol::{ChangeKind, RecordKey, TypedValue, ValueKind};

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
            format!(
                "{} of {} differ",
                format::count(differing as u64),
                format::counted(compared(&keys) as u64, "key", "keys")
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

/// How many keys were compared: those of the two records, but the added one. What only the document has, such as the
/// name of its namespace, is not compared with anything.
fn compared(keys: &[RecordKey]) -> usize {
    let is_of_records = |key: &&RecordKey| key.source.is_some() || key.target.is_some();
    keys.iter().filter(is_of_records).filter(|key| !key.is_added_key).count()
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
    let compared = change.is_none() && !is_added_key;
    let held = Held::of(in_source, source);
    let held_by_target = Held::of(in_target, target);
    let held_by_document = document.map(|document| Held::of(in_document, document));
    let same = [
        (held_by_target.repeats(&held, compared), "target"),
        (held_by_document.as_ref().is_some_and(|document| document.repeats(&held, false)), "Elasticsearch"),
    ];
    let repeated: Vec<&str> = same.iter().filter(|(repeats, _)| *repeats).map(|(_, side)| *side).collect();
    let alone = if repeated.is_empty() {
        "Source".to_owned()
    } else {
        format!("Source, same in {}", repeated.join(" and "))
    };
    view! {
        <tr class=class class:differs=change.is_some()>
            <th scope="row">
                <span class="mono break">{key}</span>
                {marked}
                {added}
            </th>
            {cell("Source", alone, held, false)}
            {cell("Target", "Target".to_owned(), held_by_target, same[0].0)}
            {held_by_document.map(|held| cell("Elasticsearch", "Elasticsearch".to_owned(), held, same[1].0))}
        </tr>
    }
    .into_any()
}

/// What a side holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    /// This.
    Value(TypedValue),
    /// Nothing: the record lacks the key.
    Nothing,
    /// Nothing: there is no record.
    NoRecord,
    /// The side did not answer.
    Unknown,
}

impl Held {
    fn of(value: Option<TypedValue>, there: Option<bool>) -> Self {
        match (value, there) {
            (Some(value), _) => Self::Value(value),
            (None, None) => Self::Unknown,
            (None, Some(true)) => Self::Nothing,
            (None, Some(false)) => Self::NoRecord,
        }
    }

    /// Whether it is the same again. The beginning of a value that was cut says so only of one that was compared as a whole.
    fn repeats(&self, other: &Self, compared: bool) -> bool {
        match self {
            Self::Unknown => false,
            Self::Value(value) if value.cut > 0 && !compared => false,
            _ => self == other,
        }
    }
}

/// A value, or why there is none. On a narrow screen, where the sides stand below each other, one that `repeats` what the
/// source holds is left out, and the source's names whose it is, too.
fn cell(side: &'static str, narrow: String, held: Held, repeats: bool) -> AnyView {
    let shown = match held {
        Held::Value(value) => typed(value),
        Held::Unknown => view! { <span class="unknown">"unknown"</span> }.into_any(),
        Held::Nothing => view! { <span class="faint">"absent"</span> }.into_any(),
        Held::NoRecord => view! {
            <span class="faint" title="The record is not on this side">
                "–"
            </span>
        }
        .into_any(),
    };
    view! {
        <td data-side=side data-narrow=narrow class:repeats=repeats>
            {shown}
        </td>
    }
    .into_any()
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
    fn only_keys_of_the_two_records_are_compared() {
        let value = || Some(TypedValue { kind: ValueKind::Number, text: "1".to_owned(), cut: 0 });
        let key = |key: &str, source: Option<TypedValue>, target: Option<TypedValue>| RecordKey {
            key: key.to_owned(),
            source,
            target,
            document: value(),
            change: None,
            is_added_key: key == "clearance_level",
        };
        let keys = [
            key("both", value(), value()),
            key("clearance_level", None, value()),
            key("in the source", value(), None),
            key("in the target", None, value()),
            key("pinecone_namespace", None, None),
        ];
        assert_eq!(compared(&keys), 3);
    }

    #[test]
    fn a_value_repeats_another_only_where_that_is_certain() {
        let value = |cut| Held::Value(TypedValue { kind: ValueKind::String, text: "\"a".to_owned(), cut });
        assert!(value(0).repeats(&value(0), false));
        assert!(!value(9).repeats(&value(9), false), "its end may differ");
        assert!(value(9).repeats(&value(9), true));
        assert!(Held::Nothing.repeats(&Held::Nothing, false));
        assert!(!Held::Nothing.repeats(&Held::NoRecord, false));
        assert!(!Held::Unknown.repeats(&Held::Unknown, true), "unknown is not the same as unknown");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(head_of("short"), None);
        assert_eq!(head_of(&"é".repeat(SHOWN)), None);
        assert_eq!(head_of(&"é".repeat(SHOWN + 1)).map(|head| head.chars().count()), Some(SHOWN));
    }
}
