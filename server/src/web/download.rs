//! What a run leaves behind as files: its log, its failed records, and the ids behind its counts; and the ids of the
//! search index's documents behind a count.
//!
//! A file is read from the store, or from the search index, page by page while it is sent, so that a million ids are
//! never in memory at once.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use app::{ApiError, Backend, links};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt, stream};
use http::header;
use protocol::{Category, DocumentName, FailedRecord, LogLevel, LogLine, LogQuery, PageQuery, RunId};
use serde::Serialize;

/// Rows that are read at once.
const ROWS: u32 = 1_000;

/// What of a run a file holds, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    rows: Rows,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Log,
    Failures,
    Records(Category),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Lines,
    /// For spreadsheets: RFC 4180, with a row of names.
    Table,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Lines => "application/jsonl; charset=utf-8",
            Self::Table => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// `log.txt`, `log.jsonl`, `failures.jsonl`, `failures.csv`, or the ids of a category: `to-migrate.txt`,
/// `to-migrate.jsonl`, `to-migrate.csv`.
pub async fn file(
    Extension(backend): Extension<Arc<dyn Backend>>,
    Path((id, name)): Path<(String, String)>,
) -> Response {
    let run = RunId(id);
    let Some(file) = File::named(&name) else { return not_found() };
    // The first page is read before anything is answered: only then can the answer still be a refusal.
    let first = match file.page(&*backend, &run, None).await {
        Ok(Some(page)) => page,
        Ok(None) => return not_found(),
        Err(error) => return refused(&error),
    };
    let headers = [
        (header::CONTENT_TYPE, file.format.content_type().to_owned()),
        // The run exists, so its name is one of the server's own: letters, digits and dashes.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{run}-{name}\"")),
    ];
    let rest = stream::try_unfold(first.next, move |next| {
        let (backend, run) = (Arc::clone(&backend), run.clone());
        async move {
            let Some(after) = next else { return Ok::<_, ApiError>(None) };
            let page = file.page(&*backend, &run, Some(after)).await?;
            Ok(page.map(|page| (page.text, page.next)))
        }
    });
    let text = stream::iter([Ok(first.text)]).chain(rest);
    // An error breaks the transfer off, so that a part is never taken for the whole.
    (headers, Body::from_stream(text.map_err(axum::BoxError::from))).into_response()
}

/// The ids of the documents that the address asks for, as their page does: `documents.txt`, `documents.csv`,
/// `documents.jsonl`. Each document is read once, all of them at one moment.
pub async fn documents(
    Extension(backend): Extension<Arc<dyn Backend>>,
    Path(name): Path<String>,
    Query(words): Query<BTreeMap<String, String>>,
) -> Response {
    let format = match name.as_str() {
        "documents.txt" => Format::Text,
        "documents.csv" => Format::Table,
        "documents.jsonl" => Format::Lines,
        _ => return not_found(),
    };
    let query = links::documents_asked(|word| words.get(word).cloned());
    let mut names = match backend.document_names(&query).await {
        Ok(names) => names,
        Err(error) => return refused(&error),
    };
    // As above: only before the first page can the answer still be a refusal.
    let first = match names.next().await.transpose() {
        Ok(first) => first,
        Err(error) => return refused(&error),
    };
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    let mut head = String::new();
    if format == Format::Table {
        row(&mut head, &["index", "id"]);
    }
    let pages = stream::iter(first.map(Ok)).chain(names);
    let text = pages.map_ok(move |names| {
        let mut text = String::new();
        names.iter().for_each(|name| document(&mut text, format, name));
        text
    });
    let text = stream::iter([Ok(head)]).chain(text);
    (headers, Body::from_stream(text.map_err(axum::BoxError::from))).into_response()
}

fn document(text: &mut String, format: Format, name: &DocumentName) {
    match format {
        Format::Lines => json(text, name),
        Format::Table => row(text, &[&name.index, &name.id]),
        Format::Text => {
            text.push_str(&name.id);
            text.push('\n');
        }
    }
}

fn refused(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, format!("{error}\n")).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such file; the run may have been forgotten\n").into_response()
}

/// A page as it is sent, and what asks for the next one.
struct Page {
    text: String,
    next: Option<String>,
}

impl File {
    fn named(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let rows = match stem {
            "log" => Rows::Log,
            "failures" => Rows::Failures,
            slug => Rows::Records(Category::from_slug(slug)?),
        };
        let format = match (extension, rows) {
            ("jsonl", _) => Format::Lines,
            ("txt", Rows::Log | Rows::Records(_)) => Format::Text,
            ("csv", Rows::Failures | Rows::Records(_)) => Format::Table,
            _ => return None,
        };
        Some(Self { rows, format })
    }

    async fn page(
        self,
        backend: &dyn Backend,
        run: &RunId,
        after: Option<String>,
    ) -> Result<Option<Page>, ApiError> {
        let mut text = String::new();
        if after.is_none() && self.format == Format::Table {
            let names: &[&str] = match self.rows {
                Rows::Failures => &["id", "step", "message", "attempts", "at"],
                Rows::Records(_) | Rows::Log => &["id"],
            };
            row(&mut text, names);
        }
        let query = PageQuery { search: String::new(), after, limit: ROWS };
        let next = match self.rows {
            Rows::Log => {
                let query = LogQuery { level: None, page: query };
                let Some(page) = backend.log(run, &query).await? else { return Ok(None) };
                page.lines.iter().for_each(|line| self.log_line(&mut text, line));
                page.next
            }
            Rows::Failures => {
                let Some(page) = backend.failures(run, &query).await? else { return Ok(None) };
                page.failures.iter().for_each(|record| self.failure(&mut text, record));
                page.next
            }
            Rows::Records(category) => {
                let Some(page) = backend.records(run, category, &query).await? else { return Ok(None) };
                page.ids.iter().for_each(|id| self.id(&mut text, id));
                page.next
            }
        };
        Ok(Some(Page { text, next }))
    }

    fn log_line(self, text: &mut String, line: &LogLine) {
        if self.format == Format::Lines {
            return json(text, line);
        }
        let level = match line.level {
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {level:5} {}", format::machine_time(line.at), line.message);
    }

    fn failure(self, text: &mut String, record: &FailedRecord) {
        if self.format == Format::Lines {
            return json(text, record);
        }
        let FailedRecord { id, step, message, attempts, at } = record;
        row(text, &[id, step.label(), message, &attempts.to_string(), &format::machine_time(*at)]);
    }

    fn id(self, text: &mut String, id: &str) {
        #[derive(Serialize)]
        struct Id<'a> {
            id: &'a str,
        }
        match self.format {
            Format::Lines => json(text, &Id { id }),
            Format::Table => row(text, &[id]),
            Format::Text => {
                text.push_str(id);
                text.push('\n');
            }
        }
    }
}

fn json(text: &mut String, value: &impl Serialize) {
    // Strings and numbers with names: there is nothing in them that JSON cannot hold.
    if let Ok(line) = serde_json::to_string(value) {
        text.push_str(&line);
        text.push('\n');
    }
}

/// One row of a table, by RFC 4180.
fn row(text: &mut String, fields: &[&str]) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        cell(text, field);
    }
    text.push_str("\r\n");
}

/// One cell, always a text: a spreadsheet takes what begins with one of these characters for a formula, and a formula
/// that came in a record's id or in a service's message could send the rest of the table elsewhere. The apostrophe
/// before it is how a spreadsheet is told that it is none.
fn cell(text: &mut String, field: &str) {
    let is_formula =
        field.trim_start().starts_with(['=', '+', '-', '@']) || field.starts_with(['\t', '\r', '\n']);
    let needs_quotes = is_formula || field.contains([',', '"', '\n', '\r']) || field.trim() != field;
    if !needs_quotes {
        text.push_str(field);
        return;
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    text.push_str(&field.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_leaves_its_row() {
        let shown = |field: &str| {
            let mut text = String::new();
            cell(&mut text, field);
            text
        };
        assert_eq!(shown("plain-id#1"), "plain-id#1");
        assert_eq!(shown(""), "");
        assert_eq!(shown("a,b"), "\"a,b\"");
        assert_eq!(shown("say \"no\"\nand leave"), "\"say \"\"no\"\"\nand leave\"");
        for (formula, safe) in [
            ("=HYPERLINK(\"http://evil\")", "\"'=HYPERLINK(\"\"http://evil\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("  =1", "\"'  =1\""),
            ("\r=1", "\"'\r=1\""),
        ] {
            assert_eq!(shown(formula), safe);
        }
    }

    #[test]
    fn files_have_the_names_that_the_pages_link_to() {
        for name in ["log.txt", "log.jsonl", "failures.jsonl", "failures.csv", "to-migrate.txt", "gone.csv"] {
            assert!(File::named(name).is_some(), "{name}");
        }
        for name in ["log.csv", "failures.txt", "nonsense.txt", "log", ".txt", "log.txt.exe", ""] {
            assert!(File::named(name).is_none(), "{name}");
        }
    }
}
