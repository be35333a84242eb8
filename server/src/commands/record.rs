//! `tain record`: one record on all sides.

use pinecone::{Namespace, check_id};
use protocol::{ChangeKind, Reading, RecordKey, RecordSide, RecordVerdict, RecordView, TypedValue};

use super::Context;
use crate::{
    cli::RecordArg,
    connections::COMMAND_PATIENCE,
    exit::{Exit, Failure},
    output::{Style, note, print, print_json, table},
    records,
};

/// Characters of a value that a column shows.
const SHOWN: usize = 36;

/// Characters that stand before the place where two long values begin to differ.
const BEFORE: usize = 8;

/// Prints one record of both indexes and its document, side by side.
///
/// # Errors
///
/// A setting that is missing or cannot be used, or a namespace or an id that there cannot be.
pub async fn record(context: &Context, argument: &RecordArg) -> Result<Exit, Failure> {
    let namespace =
        Namespace::parse(&argument.namespace).map_err(|error| Failure::usage(error.to_string()))?;
    check_id(&argument.id).map_err(|error| Failure::usage(error.to_string()))?;
    let connections = context.connections()?;
    connections.require_pinecone_key()?;
    let view = records::read(&connections, &namespace, &argument.id, COMMAND_PATIENCE).await;
    if context.style.json {
        print_json(&view)?;
    } else {
        print(&report(&view, connections.all_names(), context.style))?;
    }
    let sides = [unknown(&view.source), unknown(&view.target), view.document.as_ref().and_then(unknown)];
    let problems = connections.all_names().into_iter().zip(sides);
    let mut exit = exit_of(&view);
    for (name, reason) in problems.filter_map(|(name, reason)| Some((name, reason?))) {
        note(&format!("error: {name} could not be read: {}", format::one_line(reason)));
        exit = Exit::ServiceFailed;
    }
    Ok(exit)
}

fn unknown<T>(reading: &Reading<T>) -> Option<&str> {
    match reading {
        Reading::Known(_) => None,
        Reading::Unknown(reason) => Some(reason),
    }
}

fn exit_of(view: &RecordView) -> Exit {
    match RecordVerdict::of(view) {
        // An id that neither index knows is most likely mistyped.
        RecordVerdict::Nowhere => Exit::Usage,
        RecordVerdict::InSync => Exit::Done,
        _ => Exit::Differences,
    }
}

/// What a row shows: its name, how it is read of a record, and the document's cell if there is a search index.
type Row = (&'static str, fn(&RecordSide) -> String, Option<String>);

fn report(view: &RecordView, names: [&str; 3], style: Style) -> String {
    let [source, target, search] = names;
    let mut header = vec!["", "", source, target];
    if view.document.is_some() {
        header.push(search);
    }
    let mut lines = table(&header);
    let document = |known: &str, none: &str, unknown: &str| {
        Some(match view.document.as_ref()? {
            Reading::Known(Some(name)) if known.is_empty() => format!("{}/{}", name.index, name.id),
            Reading::Known(Some(_)) => known.to_owned(),
            Reading::Known(None) => none.to_owned(),
            Reading::Unknown(_) => unknown.to_owned(),
        })
    };
    let rows: [Row; 4] = [
        ("record", |_| "yes".to_owned(), document("", "none", "unknown")),
        ("vector", vector, document("-", "", "")),
        ("sparse values", |side| format::count(side.sparse_values.into()), document("-", "", "")),
        ("text", text, document("-", "", "")),
    ];
    for (number, (label, shown, document)) in rows.into_iter().enumerate() {
        let mut cells = vec![
            String::new(),
            label.to_owned(),
            side(&view.source, number == 0, shown),
            side(&view.target, number == 0, shown),
        ];
        cells.extend(document.map(|cell| format::one_line(&cell)));
        lines.add_row(cells);
    }
    for key in &view.keys {
        let from = common_beginning(key);
        let value =
            |value: &Option<TypedValue>| value.as_ref().map_or_else(String::new, |value| cell(value, from));
        let name = format::one_line(&key.key);
        let mut cells = vec![
            key.change.map(|change| change.sign().to_string()).unwrap_or_default(),
            if key.is_added_key { format!("{name} (added)") } else { name },
            value(&key.source),
            value(&key.target),
        ];
        if view.document.is_some() {
            cells.push(value(&key.document));
        }
        lines.add_row(cells);
    }
    format!(
        "{}\n{}\n\n{}",
        style.bold(&format!(
            "Record {} of namespace {}",
            format::one_line(&view.id),
            format::one_line(&view.namespace)
        )),
        lines.trim_fmt(),
        verdict(view, style)
    )
}

/// A fact about a record. That it is not there, or that nobody knows, is said in the first row only.
fn side(reading: &Reading<Option<RecordSide>>, is_first: bool, shown: fn(&RecordSide) -> String) -> String {
    match reading {
        Reading::Known(Some(side)) => shown(side),
        Reading::Known(None) if is_first => "none".to_owned(),
        Reading::Unknown(_) if is_first => "unknown".to_owned(),
        _ => String::new(),
    }
}

fn vector(side: &RecordSide) -> String {
    match &side.vector {
        Some(vector) => {
            format!("{} dimensions, norm {:.4}", format::count(vector.dimensions.into()), vector.norm)
        }
        None => "none".to_owned(),
    }
}

fn text(side: &RecordSide) -> String {
    side.text_characters
        .map_or_else(|| "none".to_owned(), |length| format::counted(length, "character", "characters"))
}

/// Characters with which both sides of a changed value begin.
fn common_beginning(key: &RecordKey) -> usize {
    match (key.change, &key.source, &key.target) {
        (Some(ChangeKind::Changed), Some(source), Some(target)) => {
            source.text.chars().zip(target.text.chars()).take_while(|(a, b)| a == b).count()
        }
        _ => 0,
    }
}

/// A value with its type, and of a long one a part: for two that differ, the part where they begin to.
fn cell(value: &TypedValue, common: usize) -> String {
    let text = format::one_line(&value.text);
    let length = text.chars().count();
    let start = if common > SHOWN / 2 && length > SHOWN { common.saturating_sub(BEFORE) } else { 0 };
    let part: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + SHOWN < length || value.cut > 0 { "…" } else { "" };
    format!("{} {before}{part}{after}", value.kind.label())
}

fn verdict(view: &RecordView, style: Style) -> String {
    let verdict = RecordVerdict::of(view);
    let words = match verdict {
        RecordVerdict::Changed(keys) => format!(
            "{} (+ in the source only, - in the target only, ~ in both): {}.",
            format::counted(keys as u64, "key differs", "keys differ"),
            verdict.words()
        ),
        _ => format!("{}.", verdict.words()),
    };
    if verdict == RecordVerdict::InSync { style.good(&words) } else { style.warning(&words) }
}

#[cfg(test)]
mod tests {
    use protocol::ValueKind;

    use super::*;

    fn value(text: &str) -> TypedValue {
        TypedValue { kind: ValueKind::String, text: text.to_owned(), cut: 0 }
    }

    #[test]
    fn two_long_values_are_shown_where_they_begin_to_differ() {
        let (a, b) = (format!("{}x{}", "a".repeat(100), "b".repeat(50)), format!("{}y", "a".repeat(100)));
        let key = RecordKey {
            key: "k".to_owned(),
            source: Some(value(&a)),
            target: Some(value(&b)),
            document: None,
            change: Some(ChangeKind::Changed),
            is_added_key: false,
        };
        let from = common_beginning(&key);
        assert_eq!(from, 100);
        assert_eq!(cell(&value(&a), from), format!("string …aaaaaaaax{}…", "b".repeat(27)));
        assert_eq!(cell(&value(&b), from), "string …aaaaaaaay");
        assert_eq!(cell(&value("short"), from), "string short");
        assert_eq!(cell(&value("short\n\u{1b}[2J"), 0), "string short  [2J");
    }
}
