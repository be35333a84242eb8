//! The search index in words and tables.

use std::fmt::Write;

use format::{count, counted, one_line};
use protocol::{
    Document, DocumentNumbers, DocumentsLook, Findings, Reading, SearchIndexView, Severity, UpdateNumbers,
    UpdatePreview,
};

use super::{Style, right_aligned, table};

/// Characters of a value that a line shows.
const VALUE: usize = 60;

/// Fields of a document that a line shows.
const FIELDS: usize = 6;

/// The search index: where it is, who asks, what it holds, what stands in the way of an update.
pub fn search_index_report(view: &SearchIndexView, style: Style) -> String {
    let mut report = String::new();
    // Writing to a string cannot fail, here and below.
    let mut row = |label: &str, value: &str| {
        let _ = writeln!(report, "  {label:<16} {value}");
    };
    row("cluster", &one_line(&view.endpoint));
    row("server", &reading(&view.server, style, |server| one_line(server)));
    row(
        "key",
        &reading(&view.identity, style, |identity| {
            identity.as_deref().map_or_else(|| "the server does not say whose it is".to_owned(), one_line)
        }),
    );
    row("index", &one_line(&view.index));
    row("namespaces in", &one_line(&view.namespace_field));
    row("field and value", &one_line(&format!("{} = {}", view.added.key, view.added.value)));
    row("documents", &reading(&view.numbers, style, |numbers| count(numbers.documents)));
    if let Reading::Known(numbers) = &view.numbers {
        row("  with it", &count(numbers.with));
        row("  without", &count(numbers.without()));
        row("  values", &values(numbers));
    }
    report.push('\n');
    match &view.precheck {
        Reading::Known(findings) => report.push_str(&findings_report(findings, style)),
        Reading::Unknown(reason) => {
            let _ = writeln!(report, "Pre-check: {}", unknown(reason, style));
        }
    }
    report
}

fn reading<T>(reading: &Reading<T>, style: Style, show: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::Known(value) => show(value),
        Reading::Unknown(reason) => unknown(reason, style),
    }
}

fn unknown(reason: &str, style: Style) -> String {
    style.warning(&format!("unknown: {}", one_line(reason)))
}

/// How many documents hold which value: `1 (212), 2 (30), others (4)`.
fn values(numbers: &DocumentNumbers) -> String {
    let Some(values) = &numbers.values else {
        return "cannot be counted".to_owned();
    };
    let of = |value: &str, documents| format!("{} ({})", one_line(value), count(documents));
    let mut all: Vec<String> = values.iter().map(|value| of(&value.value, value.documents)).collect();
    if numbers.other_values > 0 {
        all.push(of("others", numbers.other_values));
    }
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// What the pre-check found, each with its remedy.
pub fn findings_report(findings: &Findings, style: Style) -> String {
    let mut report = String::new();
    for finding in &findings.findings {
        let word = match finding.severity {
            Severity::Stop => style.bad("stop   "),
            Severity::Warning => style.warning("warning"),
            Severity::Note => style.dim("note   "),
        };
        let index = finding.index.as_ref().map(|index| format!("{}: ", one_line(index))).unwrap_or_default();
        let _ = writeln!(report, "{word}  {index}{}", one_line(&finding.message));
        if !finding.remedy.is_empty() {
            let _ = writeln!(report, "         {}", one_line(&finding.remedy));
        }
    }
    if findings.is_clear() {
        let _ = writeln!(report, "{}", style.good("Documents can be updated."));
    } else if findings.is_mended_by_mapping {
        let _ = writeln!(report, "`tain elasticsearch add-mapping` adds the field to the mapping.");
    }
    report
}

/// The documents of every namespace.
pub fn look_report(look: &DocumentsLook) -> String {
    let mut lines = table(&["NAMESPACE", "DOCUMENTS", "WITH", "WITHOUT", "VALUES"]);
    let mut row = |name: String, numbers: &DocumentNumbers| {
        lines.add_row([
            name,
            count(numbers.documents),
            count(numbers.with),
            count(numbers.without()),
            values(numbers),
        ]);
    };
    for namespace in &look.namespaces {
        let name = one_line(&namespace.namespace);
        row(if name.is_empty() { "(empty)".to_owned() } else { name }, &namespace.numbers);
    }
    // They are none where there are none; a namespace may be called so, but not in brackets.
    for (name, numbers) in
        [("(without)", &look.without_namespace), ("(name too long to match)", &look.namespace_too_long)]
    {
        if numbers.documents > 0 {
            row(name.to_owned(), numbers);
        }
    }
    row("(all)".to_owned(), &look.total);
    right_aligned(&mut lines, &[1, 2, 3]);
    lines.trim_fmt()
}

/// What an update would do.
pub fn preview_report(preview: &UpdatePreview, style: Style) -> String {
    let UpdateNumbers { documents, missing, equal, lower, higher, incomparable, to_update } = preview.numbers;
    let added = one_line(&format!("{} = {}", preview.added.key, preview.added.value));
    let mut report = format!("{}\n\n", style.bold(&added));
    let mut row = |label: &str, number: u64| {
        let _ = writeln!(report, "  {label:<22} {:>11}", count(number));
    };
    row("documents", documents);
    row("without a value", missing);
    row("with the value", equal);
    for (label, number) in
        [("with a lower one", lower), ("with a higher one", higher), ("not comparable", incomparable)]
    {
        if number > 0 {
            row(label, number);
        }
    }
    row("to be updated", to_update);
    let left_out = documents.saturating_sub(equal + to_update);
    if left_out > 0 {
        let _ = writeln!(
            report,
            "\n{} with another value stay as they are.",
            counted(left_out, "document", "documents")
        );
    }
    if to_update > 0 {
        let _ = writeln!(
            report,
            "\nA live run makes about {}.",
            counted(preview.requests, "request", "requests")
        );
    }
    if !preview.samples.is_empty() {
        let _ = writeln!(report, "\n{}", style.dim("Some of them"));
        for document in &preview.samples {
            let _ = writeln!(report, "  {}", sample(document));
        }
    }
    report.push('\n');
    report.push_str(&findings_report(&preview.precheck, style));
    report
}

/// A document on one line: its id and its first fields.
fn sample(document: &Document) -> String {
    let field = |field: &protocol::DocumentField| {
        let text = &field.value.text;
        let mut shown: String = text.chars().take(VALUE).collect();
        if shown.len() < text.len() || field.value.cut > 0 {
            shown.push('…');
        }
        format!("{}: {shown}", field.key)
    };
    let mut fields: Vec<String> = document.fields.iter().take(FIELDS).map(field).collect();
    if document.fields.len() > FIELDS {
        fields.push("…".to_owned());
    }
    one_line(&format!("{}  {}", document.id, fields.join(", ")))
}

#[cfg(test)]
mod tests {
    use protocol::{DocumentNamespace, Finding, ValueCount};

    use super::*;

    const PLAIN: Style = Style { json: false, quiet: false, color: false, live: false };

    fn numbers(documents: u64, with: u64) -> DocumentNumbers {
        let values = Some(vec![ValueCount { value: "1".to_owned(), documents: with }]);
        DocumentNumbers { documents, with, values, other_values: 0 }
    }

    #[test]
    fn documents_without_a_namespace_are_shown_where_there_are_some() {
        let mut look = DocumentsLook {
            total: numbers(1_300, 300),
            namespaces: vec![DocumentNamespace {
                namespace: "a\nb".to_owned(),
                numbers: numbers(1_299, 300),
            }],
            without_namespace: numbers(1, 0),
            namespace_too_long: DocumentNumbers::default(),
            is_one_snapshot: true,
        };
        let report = look_report(&look);
        assert!(
            report.contains("a b") && report.contains("1,299") && report.contains("(without)"),
            "{report}"
        );
        assert!(!report.contains("too long"), "{report}");
        look.without_namespace.documents = 0;
        assert!(!look_report(&look).contains("(without)"));
    }

    #[test]
    fn a_stop_is_told_with_its_remedy() {
        let stop = Finding {
            severity: Severity::Stop,
            code: "dynamic_strict".to_owned(),
            index: Some("i".to_owned()),
            message: "it is strict".to_owned(),
            remedy: "add the field".to_owned(),
        };
        let mut findings = Findings { findings: vec![stop], is_mended_by_mapping: true, indices: Vec::new() };
        let report = findings_report(&findings, PLAIN);
        assert!(report.contains("stop     i: it is strict\n         add the field"), "{report}");
        assert!(report.contains("add-mapping") && !report.contains("can be updated"), "{report}");
        findings.findings.clear();
        assert!(findings_report(&findings, PLAIN).contains("can be updated"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let view = SearchIndexView {
            endpoint: "http://127.0.0.1:9200/".to_owned(),
            index: "i".to_owned(),
            namespace_field: "ns".to_owned(),
            added: protocol::AddedMetadata { key: "level".to_owned(), value: "1".to_owned() },
            server: Reading::Known("Elasticsearch 8.19.21".to_owned()),
            identity: Reading::Known(None),
            numbers: Reading::Unknown("no answer within 4 s".to_owned()),
            precheck: Reading::Unknown("no answer within 4 s".to_owned()),
        };
        let report = search_index_report(&view, PLAIN);
        assert!(report.contains("documents        unknown: no answer"), "{report}");
        assert!(report.contains("Pre-check: unknown"), "{report}");
    }
}
