//! What goes wrong inside, before it is told with the file's name.

use std::path::Path;

use protocol::RunId;

use crate::StoreError;

/// What went wrong, without the file and without what was being done.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(sqlx::Error),
    /// A row that cannot be understood.
    Row(String),
    NoRun,
    /// The records of the run were forgotten.
    Forgotten,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error.to_string())
    }
}

impl Fault {
    pub(super) fn told(self, path: &Path, what: &'static str, run: Option<&RunId>) -> StoreError {
        let name = || run.map(|run| run.0.clone()).unwrap_or_default();
        match self {
            Self::Sql(error) => told(&error, path, what),
            Self::Row(reason) => StoreError::Io { path: path.display().to_string(), what, reason },
            Self::NoRun => StoreError::NoRun { run: name() },
            Self::Forgotten => StoreError::Forgotten { run: name() },
        }
    }
}

/// Says what a database error means.
pub(super) fn told(error: &sqlx::Error, path: &Path, what: &'static str) -> StoreError {
    let path = path.display().to_string();
    match damage(error) {
        Some(reason) => StoreError::Damaged { path, reason },
        None => StoreError::Io { path, what, reason: words(error) },
    }
}

/// What is wrong with the file, if that is what the error says.
pub(super) fn damage(error: &sqlx::Error) -> Option<String> {
    matches!(code(error), Some(CORRUPT | NOTADB)).then(|| words(error))
}

fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => inner.message().to_owned(),
        other => other.to_string(),
    }
}

/// Whether another process has the file to itself at the moment.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    code(error) == Some(BUSY)
}

// The primary result codes of https://sqlite.org/rescode.html.
const BUSY: i64 = 5;
const CORRUPT: i64 = 11;
const NOTADB: i64 = 26;

/// SQLite's primary result code, the low byte of the extended one.
fn code(error: &sqlx::Error) -> Option<i64> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code()?.parse::<i64>().ok().map(|code| code & 0xff)
}
