//! A run's log and its ids as text files.

use std::{fmt::Write as _, sync::Arc};

use app::Backend;
use axum::{
    Extension,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::header;
use protocol::{Category, LogLevel, RunId};

/// `log.txt`, or the ids of a category: `to-migrate.txt`.
pub async fn file(
    Extension(backend): Extension<Arc<dyn Backend>>,
    Path((id, file)): Path<(String, String)>,
) -> Response {
    let run = RunId(id);
    let stem = file.strip_suffix(".txt");
    let text = match (stem, stem.and_then(Category::from_slug)) {
        (Some("log"), _) => log(&*backend, &run),
        (_, Some(category)) => ids(&*backend, &run, category),
        _ => None,
    };
    match text {
        Some(text) => (
            [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
                // The run exists, so its name is one of the server's own: letters, digits and dashes.
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{run}-{file}\"")),
            ],
            text,
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such file; the run may have been forgotten\n")
            .into_response(),
    }
}

fn log(backend: &dyn Backend, run: &RunId) -> Option<String> {
    let view = backend.run(run)?;
    let mut text = String::new();
    if view.log_dropped > 0 {
        let _ = writeln!(text, "({} older lines are no longer kept)", view.log_dropped);
    }
    for line in &view.log {
        let level = match line.level {
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let _ = writeln!(text, "{} {level:5} {}", app::format::machine_time(line.at), line.message);
    }
    Some(text)
}

fn ids(backend: &dyn Backend, run: &RunId, category: Category) -> Option<String> {
    let records = backend.records(run, category)?;
    let mut text = records.ids.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    Some(text)
}
