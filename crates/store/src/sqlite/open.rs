//! Opening a store: whatever is wrong with a file is found out before anything is written to it.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::io::AsyncReadExt;

use super::fault::{damage, is_busy, told};
use crate::StoreError;

/// `tain` in ASCII, where SQLite lets programs mark their files.
const APPLICATION_ID: i64 = 0x7461_696e;

/// The version of the tables that this program works with.
const VERSION: i64 = 1;

/// What brings a store to a version from the one before; the first makes the tables. Never changed, only added to.
const MIGRATIONS: [(i64, &str); 1] = [(1, include_str!("schema.sql"))];

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Up to this size every page is looked at when a store is opened, which takes about half a second for so many bytes. Of a
/// larger one only the beginning and the length are: a command line that takes ten seconds to start helps nobody, and
/// damage that is met later is answered with the same error.
const CHECKED_BYTES: u64 = 128 << 20;

/// How long a connection waits for another process before it says that the file is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a file that is busy is tried again, on top of what a connection waits itself.
pub(super) const BUSY_ATTEMPTS: u32 = 6;

/// How long a task waits for a connection of its own process.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections that read. A page of a list takes milliseconds, so a few serve many.
const READERS: u32 = 4;

/// The connections of an open store.
pub(super) struct Opened {
    pub path: PathBuf,
    pub writer: SqlitePool,
    pub reader: SqlitePool,
}

/// Opens the store in a directory, and makes both if they are not there.
pub(super) async fn open(data: &Path) -> Result<Opened, StoreError> {
    // An absolute path never looks like a `file:` URI or `:memory:` to SQLite.
    let path = std::path::absolute(data).unwrap_or_else(|_| data.to_owned()).join("tain.db");
    let unopened = |error: io::Error| StoreError::Io {
        path: path.display().to_string(),
        what: "open",
        reason: error.to_string(),
    };
    tokio::fs::create_dir_all(data).await.map_err(unopened)?;
    match tokio::fs::metadata(&path).await {
        // SQLite makes the file empty, and a process may die right after.
        Ok(file) if file.len() > 0 => inspect(&path, file.len()).await?,
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unopened(error)),
    }
    migrate(&path).await?;

    // One connection writes: writers of this process queue up for it in order, and do not wait for each other by polling
    // the file's lock, as processes have to.
    let writer = pool(1).connect_lazy_with(writing(&path));
    let reader = pool(READERS).connect_lazy_with(base(&path).pragma("query_only", "ON"));
    Ok(Opened { path, writer, reader })
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // Connections to a file do not grow stale, and their prepared statements are worth keeping.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        // What a store is asked holds ids and messages of services; neither belongs into a log.
        .disable_statement_logging()
}

fn writing(path: &Path) -> SqliteConnectOptions {
    base(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log this keeps every commit through the death of the process. The loss of power may take
        // the last ones, after which a run goes on from an earlier checkpoint.
        .synchronous(SqliteSynchronous::Normal)
        // Digests of texts come in random order: with 16 MiB of cache (negative: KiB) the tree of a million of them is
        // not read from the file again and again.
        .pragma("cache_size", "-16384")
        // Nor is it written to the file again and again, at four times the usual pages between two transfers: a million
        // of them took 24 s instead of 40 s.
        .pragma("wal_autocheckpoint", "4000")
        // The write-ahead log is cut back to this after something unusually large.
        .pragma("journal_size_limit", "67108864")
}

/// Refuses a file that is no store of ours, is damaged, or is from a newer program. Writes nothing.
async fn inspect(path: &Path, length: u64) -> Result<(), StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.display().to_string(), reason };
    let cannot = |error: sqlx::Error| told(&error, path, "open");

    let before = written(path).await;
    let mut header = [0; 100];
    let mut file = tokio::fs::File::open(path).await.map_err(|error| cannot(error.into()))?;
    file.read_exact(&mut header).await.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is too short".to_owned()),
        _ => cannot(error.into()),
    })?;
    drop(file);
    if header[..16] != *MAGIC {
        return Err(damaged("it does not begin like a SQLite database".to_owned()));
    }
    let wal = wal_length(path).await;
    // While there is a write-ahead log, the file may be shorter than it will be.
    if wal == 0 && length < expected_length(&header) {
        return Err(damaged("its end is missing".to_owned()));
    }

    // SQLite itself reads the rest, since what a killed process left behind is in the write-ahead log. Where there is
    // none the file is read as one that nobody writes, which leaves no traces beside it.
    let whole = length + wal <= CHECKED_BYTES;
    let verdict = judge(path, whole, wal == 0).await.map_err(cannot)?;
    let verdict = match verdict {
        // Unless somebody has begun to write it meanwhile.
        Err(_) if wal == 0 && (wal_length(path).await > 0 || written(path).await != before) => {
            judge(path, whole, false).await.map_err(cannot)?
        }
        verdict => verdict,
    };
    verdict.map_err(|refusal| match refusal {
        Refusal::Newer(found) => newer(path, found),
        Refusal::Damaged(reason) => damaged(reason),
    })
}

/// Why a file is not opened.
enum Refusal {
    Newer(i64),
    Damaged(String),
}

/// Looks at a file through SQLite, without writing to it.
async fn judge(path: &Path, whole: bool, alone: bool) -> Result<Result<(), Refusal>, sqlx::Error> {
    let mut conn = base(path).read_only(true).immutable(alone).connect().await?;
    let seen = look(&mut conn, whole).await;
    conn.close().await?;
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return damage(&error).map(|reason| Err(Refusal::Damaged(reason))).ok_or(error),
    };
    // A process that died while it made the store leaves a database without anything in it.
    let is_new = seen.objects == 0 && seen.version == 0 && seen.application == 0;
    Ok(match seen.complaint {
        _ if seen.application != APPLICATION_ID && !is_new => {
            Err(Refusal::Damaged("it is a SQLite database of another program".to_owned()))
        }
        _ if seen.version > VERSION => Err(Refusal::Newer(seen.version)),
        Some(complaint) => Err(Refusal::Damaged(complaint)),
        None => Ok(()),
    })
}

/// What a database says about itself.
struct Seen {
    application: i64,
    version: i64,
    objects: i64,
    complaint: Option<String>,
}

async fn look(conn: &mut SqliteConnection, whole: bool) -> Result<Seen, sqlx::Error> {
    let application = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *conn).await?;
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    let objects = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *conn).await?;
    let mut complaint = None;
    if whole && application == APPLICATION_ID && version <= VERSION {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *conn).await?;
        complaint = (verdict != "ok").then_some(verdict);
    }
    Ok(Seen { application, version, objects, complaint })
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer { path: path.display().to_string(), found, known: VERSION }
}

/// The length of the write-ahead log beside a file; 0 if there is none.
async fn wal_length(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    tokio::fs::metadata(name).await.map_or(0, |wal| wal.len())
}

/// When a file was last written.
async fn written(path: &Path) -> Option<std::time::SystemTime> {
    tokio::fs::metadata(path).await.and_then(|file| file.modified()).ok()
}

/// The file's length by its own header (https://sqlite.org/fileformat.html, 1.3); 0 where the header does not know.
fn expected_length(header: &[u8; 100]) -> u64 {
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        other => u64::from(other),
    };
    // The count of pages holds only if these two agree.
    if number(24) == number(92) { page * u64::from(number(28)) } else { 0 }
}

/// Brings the tables to this program's version; of several processes that try at once, one does it.
async fn migrate(path: &Path) -> Result<(), StoreError> {
    let mut attempt = 0;
    let outcome = loop {
        attempt += 1;
        match migrate_once(path).await {
            // Going over to write-ahead logging needs the file alone, and SQLite does not wait for that.
            Err(error) if is_busy(&error) && attempt < 100 => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            outcome => break outcome,
        }
    };
    match outcome.map_err(|error| told(&error, path, "prepare the tables"))? {
        found if found > VERSION => Err(newer(path, found)),
        _ => Ok(()),
    }
}

/// Answers the version that was found.
async fn migrate_once(path: &Path) -> Result<i64, sqlx::Error> {
    let mut conn = writing(path).connect().await?;
    let mut version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut conn).await?;
    if version < VERSION {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        // Once more, since another process may have come first.
        version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *tx).await?;
        if version < VERSION {
            for (_, script) in MIGRATIONS.iter().filter(|(to, _)| *to > version) {
                sqlx::raw_sql(*script).execute(&mut *tx).await?;
            }
            let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    conn.close().await?;
    Ok(version)
}
