//! What is forgotten, and when. The README states the rule; the numbers are here.

use std::collections::HashSet;

use protocol::{RunId, RunState, RunSummary};
use sqlx::Row;

use super::{
    SqliteStore, codes,
    fault::Fault,
    rows::{int, uint},
};
use crate::lock;

/// Lines of its log that a run keeps: as many as a person can search through, and about a megabyte.
pub const KEPT_LINES: u64 = 10_000;
/// For how long the records of a finished run, and a failed run as a whole, are kept: a month, in milliseconds.
pub const KEPT_MILLIS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// How many records of finished runs are kept altogether: some 200 to 400 MB.
pub const KEPT_RECORDS: u64 = 5_000_000;
/// How many finished runs are kept: the list of runs of a year, if one is started every eight hours.
pub const KEPT_RUNS: usize = 1_000;

/// How much is kept.
struct Rule {
    lines: u64,
    millis: u64,
    records: u64,
    runs: usize,
}

/// The documented rule.
const RULE: Rule = Rule { lines: KEPT_LINES, millis: KEPT_MILLIS, records: KEPT_RECORDS, runs: KEPT_RUNS };

/// How many rows are deleted while other writers wait: about ten milliseconds.
const CHUNK: i64 = 2_000;

/// Runs that are over. A failed one can be resumed, and is over only with time.
const OVER: [RunState; 3] = [RunState::Done, RunState::DoneWithFailures, RunState::Cancelled];

/// A run that is over.
struct Over {
    key: i64,
    id: RunId,
    ledger: i64,
    state: i64,
    has_records: bool,
    records: u64,
    at: u64,
    plan: Option<String>,
    dry: bool,
}

/// What runs that are not over still need of others.
#[derive(Default)]
struct Needed {
    /// Hashes, or beginnings of them, of plans that are being executed, by ledger.
    plans: Vec<(i64, String)>,
    /// Runs whose plans are being executed, or whose failures are being tried again.
    runs: HashSet<RunId>,
}

impl Needed {
    fn plan(&self, ledger: i64, hash: &str) -> bool {
        self.plans.iter().any(|(other, start)| *other == ledger && hash.starts_with(start))
    }
}

/// Forgets what the rule allows to be forgotten; answers how many runs were removed.
pub(super) async fn prune(store: &SqliteStore, now: u64) -> Result<u64, Fault> {
    prune_by(&RULE, store, now).await
}

async fn prune_by(rule: &Rule, store: &SqliteStore, now: u64) -> Result<u64, Fault> {
    let (over, needed) = look(store).await?;
    let is_old = |run: &Over| run.at.saturating_add(rule.millis) < now;

    let mut removed = 0;
    let mut finished = 0;
    let mut kept_records = 0;
    // The ledgers whose newest plan was met.
    let mut planned = HashSet::new();
    for run in &over {
        let failed = run.state == codes::state(RunState::Failed);
        let executed = run.plan.as_deref().is_some_and(|hash| run.dry && needed.plan(run.ledger, hash));
        let needed = executed || needed.runs.contains(&run.id);
        if failed {
            if is_old(run) && !needed && remove(store, run).await? {
                removed += 1;
            }
            continue;
        }
        finished += 1;
        if finished > rule.runs && !needed {
            removed += u64::from(remove(store, run).await?);
            continue;
        }
        if !run.has_records {
            continue;
        }
        kept_records += run.records;
        let newest_plan = run.dry && run.plan.is_some() && planned.insert(run.ledger);
        let fits = kept_records <= rule.records || finished == 1 || newest_plan;
        if !needed && (is_old(run) || !fits) {
            kept_records -= run.records;
            forget_records(store, run).await?;
        }
    }
    trim_logs(store, rule.lines).await?;
    sweep(store).await?;
    Ok(removed)
}

/// All runs that are over, newest first, and what the others need.
async fn look(store: &SqliteStore) -> Result<(Vec<Over>, Needed), Fault> {
    let over_or_failed = codes::states(OVER) | codes::states([RunState::Failed]);
    let mut tx = store.reader.begin().await?;
    let rows = sqlx::query(
        "SELECT key, id, ledger, state, generation IS NOT NULL, records, coalesce(finished_at, updated_at), plan_hash,
            dry
         FROM run WHERE (? >> state) & 1 ORDER BY key DESC",
    )
    .bind(over_or_failed)
    .fetch_all(&mut *tx)
    .await?;
    let over = rows
        .iter()
        .map(|row| {
            Ok(Over {
                key: row.try_get(0)?,
                id: RunId(row.try_get(1)?),
                ledger: row.try_get(2)?,
                state: row.try_get(3)?,
                has_records: row.try_get(4)?,
                records: uint(row.try_get(5)?),
                at: uint(row.try_get(6)?),
                plan: row.try_get(7)?,
                dry: row.try_get(8)?,
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;

    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT ledger, summary FROM run WHERE NOT (? >> state) & 1")
            .bind(codes::states(OVER))
            .fetch_all(&mut *tx)
            .await?;
    tx.commit().await?;
    let mut needed = Needed::default();
    for (ledger, summary) in rows {
        let head = serde_json::from_str::<RunSummary>(&summary)?.head;
        needed.runs.extend(head.origin);
        // A run that has only just begun may not know its origin yet.
        needed.plans.extend(head.request.plan.map(|hash| (ledger, hash)));
        needed.runs.extend(head.request.retry);
    }
    Ok((over, needed))
}

/// Removes a run, unless it has gone on meanwhile or somebody is about to let it.
async fn remove(store: &SqliteStore, run: &Over) -> Result<bool, Fault> {
    if lock::run_is_held(&store.data, &run.id) {
        return Ok(false);
    }
    let mut tx = store.write().await?;
    let unchanged: i64 = sqlx::query_scalar("SELECT count(*) FROM run WHERE key = ? AND state = ?")
        .bind(run.key)
        .bind(run.state)
        .fetch_one(&mut *tx)
        .await?;
    if unchanged == 0 {
        return Ok(false);
    }
    for sql in [
        "INSERT INTO removed_run (key) VALUES (?)",
        "UPDATE generation SET garbage = 1 WHERE key = (SELECT generation FROM run WHERE key = ?)",
        "DELETE FROM snapshot WHERE run = ?",
        "DELETE FROM plan WHERE run = ?",
        "DELETE FROM checkpoint WHERE run = ?",
        "DELETE FROM ask WHERE run = ?",
        "DELETE FROM run WHERE key = ?",
    ] {
        sqlx::query(sql).bind(run.key).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    lock::forget_run(&store.data, &run.id);
    Ok(true)
}

/// Forgets the records behind the counts of a run that is over.
async fn forget_records(store: &SqliteStore, run: &Over) -> Result<(), Fault> {
    let mut tx = store.write().await?;
    for sql in [
        "UPDATE generation SET garbage = 1
         WHERE key = (SELECT generation FROM run WHERE key = ?1 AND state = ?2)",
        "UPDATE run SET generation = NULL, records = 0 WHERE key = ?1 AND state = ?2",
    ] {
        sqlx::query(sql).bind(run.key).bind(run.state).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Cuts every log to its newest lines, a live run's too: it may go on for days.
async fn trim_logs(store: &SqliteStore, kept: u64) -> Result<(), Fault> {
    let long: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT key, (SELECT seq FROM log WHERE log.run = run.key ORDER BY seq DESC LIMIT 1 OFFSET ?1)
         FROM run WHERE log_lines - log_dropped > ?1",
    )
    .bind(int(kept))
    .fetch_all(&store.reader)
    .await?;
    for (run, last) in long {
        loop {
            let mut tx = store.write().await?;
            let gone = sqlx::query(
                "DELETE FROM log WHERE run = ?1 AND seq IN
                    (SELECT seq FROM log WHERE run = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
            )
            .bind(run)
            .bind(last)
            .bind(CHUNK)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            sqlx::query("UPDATE run SET log_dropped = log_dropped + ? WHERE key = ?")
                .bind(int(gone))
                .bind(run)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            if gone == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Deletes what nothing leads to any more. A process that dies in between leaves the rest to the next one.
async fn sweep(store: &SqliteStore) -> Result<(), Fault> {
    let generations: Vec<i64> =
        sqlx::query_scalar("SELECT key FROM generation WHERE garbage").fetch_all(&store.reader).await?;
    for key in generations {
        let statements = [
            "DELETE FROM record WHERE (generation, class, id) IN
                (SELECT generation, class, id FROM record WHERE generation = ?1 LIMIT ?2)",
            "DELETE FROM pending WHERE (generation, id) IN
                (SELECT generation, id FROM pending WHERE generation = ?1 LIMIT ?2)",
            "DELETE FROM planned_text WHERE (generation, text) IN
                (SELECT generation, text FROM planned_text WHERE generation = ?1 LIMIT ?2)",
            "DELETE FROM generation WHERE key = ?1 AND ?2",
        ];
        delete_in_chunks(store, key, &statements).await?;
    }
    let runs: Vec<i64> = sqlx::query_scalar("SELECT key FROM removed_run").fetch_all(&store.reader).await?;
    for key in runs {
        let statements = [
            "DELETE FROM log WHERE run = ?1 AND seq IN (SELECT seq FROM log WHERE run = ?1 LIMIT ?2)",
            "DELETE FROM failure WHERE key IN (SELECT key FROM failure WHERE run = ?1 LIMIT ?2)",
            "DELETE FROM removed_run WHERE key = ?1 AND ?2",
        ];
        delete_in_chunks(store, key, &statements).await?;
    }
    Ok(())
}

/// Runs each statement until it finds nothing more. Between two chunks other writers have their turn.
async fn delete_in_chunks(store: &SqliteStore, key: i64, statements: &[&'static str]) -> Result<(), Fault> {
    for &sql in statements {
        loop {
            let mut tx = store.write().await?;
            let gone = sqlx::query(sql).bind(key).bind(CHUNK).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            if gone == 0 {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protocol::{Category, PageQuery, RunHead, RunKind, RunRequest, RunView};

    use super::*;
    use crate::{Commit, LedgerKey, Settled, Store, hold_run, run_is_held};

    const SMALL: Rule = Rule { lines: 100, millis: 1_000, records: 25, runs: 100 };

    fn id(name: &str) -> RunId {
        RunId(name.to_owned())
    }

    /// Leaves a run of a namespace with ten records.
    async fn ran(store: &SqliteStore, name: &str, namespace: &str, kind: RunKind, state: RunState) {
        let mut view = RunView::new(RunHead {
            id: id(name),
            request: RunRequest::new(kind, namespace),
            origin: None,
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: Vec::new(),
            texts_per_minute: 3_000,
            writing: None,
            started_at: 0,
        });
        let ledger = LedgerKey { target: "new".to_owned(), namespace: namespace.to_owned() };
        store.begin(&view, &ledger).await.unwrap();
        let settled = (0..10)
            .map(|n| Settled { id: n.to_string(), categories: vec![Category::InSync], ..Settled::default() })
            .collect();
        store.commit(&id(name), Commit { settled, ..Commit::default() }).await.unwrap();
        view.state = state;
        view.finished_at = Some(500);
        store.commit(&id(name), Commit { view: Some(view), ..Commit::default() }).await.unwrap();
        if kind == RunKind::Analyze {
            // A plan as far as this matters here.
            let sql = "UPDATE run SET plan_hash = 'h' WHERE id = ?";
            sqlx::query(sql).bind(name).execute(&store.writer).await.unwrap();
        }
    }

    async fn with_records(store: &SqliteStore, names: &[&str]) -> Vec<String> {
        let mut kept = Vec::new();
        for &name in names {
            let page = store.records(&id(name), Category::InSync, &PageQuery::default()).await.unwrap();
            if !page.ids.is_empty() {
                kept.push(name.to_owned());
            }
        }
        kept
    }

    #[tokio::test]
    async fn records_are_kept_as_long_as_there_is_room_but_the_newest_plan_stays() {
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(data.path()).await.unwrap();
        let names = ["plan 1", "plan 2", "other plan", "paused", "1", "2", "3", "4"];
        ran(&store, "plan 1", "ns", RunKind::Analyze, RunState::Done).await;
        ran(&store, "plan 2", "ns", RunKind::Analyze, RunState::Done).await;
        ran(&store, "other plan", "other", RunKind::Analyze, RunState::Done).await;
        ran(&store, "paused", "ns", RunKind::Mirror, RunState::Paused).await;
        for name in &names[4..] {
            ran(&store, name, "ns", RunKind::Mirror, RunState::Done).await;
        }
        assert_eq!(prune_by(&SMALL, &store, 1_000).await.unwrap(), 0);
        let kept = ["plan 2", "other plan", "paused", "3", "4"];
        assert_eq!(with_records(&store, &names).await, kept);

        // The newest one stays however large it is, and nothing stays for ever.
        let smaller = Rule { records: 5, ..SMALL };
        prune_by(&smaller, &store, 1_000).await.unwrap();
        assert_eq!(with_records(&store, &names).await, ["plan 2", "other plan", "paused", "4"]);
        prune_by(&smaller, &store, 1_501).await.unwrap();
        assert_eq!(with_records(&store, &names).await, ["paused"]);
        let tables = [("record", 10), ("generation", 1), ("removed_run", 0), ("run", 8)];
        for (table, expected) in tables {
            let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let rows: i64 = sqlx::query_scalar(sql).fetch_one(&store.reader).await.unwrap();
            assert_eq!(rows, expected, "rows of {table}");
        }
    }

    #[tokio::test]
    async fn a_removed_run_leaves_nothing_and_a_held_one_is_not_removed() {
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(data.path()).await.unwrap();
        ran(&store, "held", "ns", RunKind::Mirror, RunState::Failed).await;
        ran(&store, "gone", "ns", RunKind::Mirror, RunState::Failed).await;
        drop(hold_run(data.path(), &id("gone")).unwrap());
        let lock = hold_run(data.path(), &id("held")).unwrap();
        let lock_files = || std::fs::read_dir(data.path().join("locks/runs")).unwrap().count();
        assert_eq!(lock_files(), 2);
        assert_eq!(prune_by(&SMALL, &store, 9_000).await.unwrap(), 1);
        assert!(store.view(&id("held")).await.unwrap().is_some(), "somebody is about to resume it");
        assert!(store.view(&id("gone")).await.unwrap().is_none());
        assert_eq!(lock_files(), 1);
        assert!(run_is_held(data.path(), &id("held")) && !run_is_held(data.path(), &id("gone")));
        drop(lock);
        assert_eq!(prune_by(&SMALL, &store, 9_000).await.unwrap(), 1);
        for table in ["run", "snapshot", "record", "generation", "removed_run", "log", "failure"] {
            let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let rows: i64 = sqlx::query_scalar(sql).fetch_one(&store.reader).await.unwrap();
            assert_eq!(rows, 0, "rows of {table}");
        }
    }
}
