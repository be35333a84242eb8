//! The file: refused when it is damaged, foreign or newer, whole after a killed process, shared by several.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use protocol::{Category, PageQuery, RunHead, RunId, RunKind, RunRequest, RunView};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use store::{Commit, Found, LedgerKey, Pending, Settled, SqliteStore, Store, StoreError, Vector};

fn run() -> RunId {
    RunId("m".to_owned())
}

async fn begin(store: &SqliteStore) {
    let view = RunView::new(RunHead {
        id: run(),
        request: RunRequest::new(RunKind::Mirror, "ns"),
        origin: None,
        source: "old".to_owned(),
        target: "new".to_owned(),
        steps: Vec::new(),
        texts_per_minute: 3_000,
        writing: None,
        started_at: 0,
    });
    let ledger = LedgerKey { target: "new".to_owned(), namespace: "ns".to_owned() };
    store.begin(&view, &ledger).await.unwrap();
}

/// A commit of 50 records, numbered.
fn commit(number: u32) -> Commit {
    let names = (0..50).map(|record| format!("{number:06} {record:02}"));
    let settled = names.map(|id| Settled {
        id,
        categories: vec![Category::Missing, Category::Migrated],
        digest: None,
        text: Some([7; 16]),
        vector: Some(Vector { text: [7; 16], values: [8; 16], made_by: "model 768".to_owned() }),
    });
    Commit {
        found: vec![Pending { id: format!("{number:06} in flight"), found: Found::Missing }],
        settled: settled.collect(),
        checkpoint: Some(number.to_string()),
        ..Commit::default()
    }
}

/// Makes a store with something in it and lets go of it.
async fn filled(data: &Path) {
    let store = SqliteStore::open(data).await.unwrap();
    begin(&store).await;
    for number in 0..40 {
        store.commit(&run(), commit(number)).await.unwrap();
    }
    store.close().await;
}

async fn raw(data: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(data.join("tain.db"))
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

/// Every file of a directory with its bytes.
fn contents(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Opens what must be refused, and sees to it that nothing was changed or added.
async fn refused(data: &Path) -> StoreError {
    let before = contents(data);
    let error = SqliteStore::open(data).await.unwrap_err();
    let after = contents(data);
    assert!(before.keys().eq(after.keys()), "{:?} became {:?}", before.keys(), after.keys());
    assert!(before == after, "the bytes of a refused store were changed");
    error
}

fn is_damaged(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged { .. }) && error.to_string().contains("tain.db")
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    for bytes in
        [b"x".to_vec(), b"SQLite format 3\0".to_vec(), vec![0; 4_096], b"{\"runs\": []}".repeat(1_000)]
    {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("tain.db"), bytes).unwrap();
        let error = refused(data.path()).await;
        assert!(is_damaged(&error), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_store_is_refused() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("cut in the middle", |bytes| bytes.truncate(bytes.len() / 2)),
        ("cut in a page", |bytes| bytes.truncate(bytes.len() - 1_000)),
        ("an empty header", |bytes| bytes[16..100].fill(0)),
        ("an overwritten schema", |bytes| bytes[100..4_096].fill(0x5a)),
        ("overwritten pages", |bytes| {
            let middle = bytes.len() / 2 / 4_096 * 4_096;
            bytes[middle..middle + 16_384].fill(0x5a);
        }),
    ];
    for (what, damage) in damages {
        let data = tempfile::tempdir().unwrap();
        filled(data.path()).await;
        let path = data.path().join("tain.db");
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let error = refused(data.path()).await;
        assert!(is_damaged(&error), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path()).await;
    let mut conn = raw(data.path()).await;
    sqlx::raw_sql("PRAGMA user_version = 7001").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let error = refused(data.path()).await;
    assert!(matches!(error, StoreError::Newer { found: 7_001, .. }), "{error}");
    assert!(error.to_string().contains("newer tain"), "{error}");
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_looked_at_too() {
    // The file and its write-ahead log, as they are when nobody has closed them.
    let (data, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(data.path()).await;
    let mut conn = raw(data.path()).await;
    sqlx::raw_sql("PRAGMA user_version = 7001").execute(&mut conn).await.unwrap();
    for name in ["tain.db", "tain.db-wal"] {
        std::fs::copy(data.path().join(name), left.path().join(name)).unwrap();
    }
    conn.close().await.unwrap();
    let before = contents(left.path());
    assert!(!before["tain.db-wal"].is_empty());
    let error = SqliteStore::open(left.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 7_001, .. }), "{error}");
    let after = contents(left.path());
    assert!(
        before.iter().all(|(name, bytes)| after[name] == *bytes),
        "the bytes of a refused store were changed"
    );
}

#[tokio::test]
async fn the_database_of_another_program_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut conn = raw(data.path()).await;
    sqlx::raw_sql("CREATE TABLE bookmarks (url TEXT)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let error = refused(data.path()).await;
    assert!(is_damaged(&error) && error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn a_store_that_was_hardly_begun_is_made() {
    // A process may die after it has made the file, and before it has made the tables.
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("tain.db"), "").unwrap();
    SqliteStore::open(data.path()).await.unwrap().close().await;

    let data = tempfile::tempdir().unwrap();
    let mut conn = raw(data.path()).await;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    assert!(std::fs::metadata(data.path().join("tain.db")).unwrap().len() > 0);
    begin(&SqliteStore::open(data.path()).await.unwrap()).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(&file.join("data")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Io { what: "open", .. }), "{error}");
    assert!(error.to_string().contains(&*file.display().to_string()), "{error}");
}

#[tokio::test]
async fn any_directory_will_do() {
    let data = tempfile::tempdir().unwrap();
    for name in ["file:a?mode=memory", "ü 日本 %41 #", ":memory:"] {
        let inner = data.path().join(name).join("deep");
        filled(&inner).await;
        assert!(inner.join("tain.db").metadata().unwrap().len() > 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_store_at_once() {
    let data = tempfile::tempdir().unwrap();
    let openers = (0..8).map(|_| {
        let path = data.path().to_owned();
        tokio::spawn(async move { SqliteStore::open(&path).await })
    });
    let mut stores = Vec::new();
    for opener in openers.collect::<Vec<_>>() {
        stores.push(opener.await.unwrap().unwrap());
    }
    begin(&stores[0]).await;
    for (number, store) in (0..).zip(&stores) {
        store.commit(&run(), commit(number)).await.unwrap();
    }
    assert_eq!(stores[0].pending(&run(), None, 100).await.unwrap().len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_waits_for_another_process() {
    let data = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(data.path()).await.unwrap();
    begin(&store).await;
    let mut other = raw(data.path()).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = {
        let store = store.clone();
        tokio::spawn(async move { store.commit(&run(), commit(0)).await })
    };
    // Readers need not wait.
    for _ in 0..100 {
        assert_eq!(store.checkpoint(&run()).await.unwrap(), None);
    }
    assert!(!waiting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.checkpoint(&run()).await.unwrap().as_deref(), Some("0"));
}

/// All that was said to be durable is there, and of what was under way all or nothing.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_committed() {
    let data = tempfile::tempdir().unwrap();
    let mut committed = 0;
    // Each time a little later, so that it is cut short at different places, a checkpoint of the file among them.
    for round in 0..12_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "committing_process", "--nocapture"])
            .env("STORE_TEST_DATA", data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let said =
            |line: &String| line.split("COMMITTED ").nth(1).map(|number| number.parse::<u32>().unwrap());
        let told: Vec<u32> = lines.by_ref().filter_map(|line| said(&line)).take(1 + round * 37).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = lines.filter_map(|line| said(&line)).last().or_else(|| told.last().copied()).unwrap();

        let store = SqliteStore::open(data.path()).await.unwrap();
        let checkpoint: u32 = store.checkpoint(&run()).await.unwrap().unwrap().parse().unwrap();
        assert!(checkpoint >= last, "{last} was acknowledged, {checkpoint} is there");
        assert!(checkpoint > committed || round == 0, "it went on where it was");
        committed = checkpoint;
        let whole = checkpoint as usize + 1;
        let all = PageQuery { limit: u32::MAX, ..PageQuery::default() };
        let migrated = store.records(&run(), Category::Migrated, &all).await.unwrap().ids;
        assert_eq!(migrated.len(), whole * 50);
        assert_eq!(store.pending(&run(), None, u32::MAX).await.unwrap().len(), whole);
        assert_eq!(store.paid(&run(), None, u32::MAX).await.unwrap().len(), whole * 50);
        store.close().await;
    }
}

#[tokio::test]
#[ignore = "this is the other process of a_killed_process_loses_nothing_that_was_committed"]
#[expect(
    clippy::disallowed_methods,
    reason = "the parent process says in the environment where the store is"
)]
async fn committing_process() {
    let Ok(data) = std::env::var("STORE_TEST_DATA") else { return };
    let store = SqliteStore::open(Path::new(&data)).await.unwrap();
    let next = match store.view(&run()).await.unwrap() {
        None => {
            begin(&store).await;
            0
        }
        Some(_) => store.checkpoint(&run()).await.unwrap().map_or(0, |last| last.parse::<u32>().unwrap() + 1),
    };
    for number in next.. {
        store.commit(&run(), commit(number)).await.unwrap();
        println!("COMMITTED {number}");
        std::io::stdout().flush().unwrap();
    }
}
