//! Runs as a whole: beginning, looking at one, listing them, finding a plan, asking something of one.

use protocol::{
    FailedRecord, KEPT_FAILURES, KEPT_LOG_LINES, LogLine, PAGE_ROWS, RunFilter, RunId, RunPage, RunState,
    RunSummary, RunView,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    SqliteStore, codes,
    fault::Fault,
    rows::{int, listed, uint},
};
use crate::{Ask, LedgerKey};

/// What is kept of a view: the row of the list, the snapshot, and the plan apart from it.
pub(super) struct Kept {
    pub summary: String,
    pub snapshot: String,
    pub plan: Option<String>,
    pub plan_hash: Option<String>,
}

/// Takes a view apart. Its log and failures have tables of their own.
pub(super) fn keep(mut view: RunView) -> Result<Kept, Fault> {
    view.log = Vec::new();
    view.failures = Vec::new();
    let summary = serde_json::to_string(&view.summary())?;
    let plan = view.plan.take();
    Ok(Kept {
        summary,
        snapshot: serde_json::to_string(&view)?,
        plan: plan.as_ref().map(serde_json::to_string).transpose()?,
        plan_hash: plan.map(|plan| plan.hash),
    })
}

/// Writes snapshot and plan.
pub(super) async fn write_view(
    conn: &mut SqliteConnection,
    run: i64,
    snapshot: String,
    plan: Option<String>,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO snapshot (run, view) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET view = excluded.view",
    )
    .bind(run)
    .bind(snapshot)
    .execute(&mut *conn)
    .await?;
    match plan {
        // A plan is large and comes with every view from then on, but hardly ever changes.
        Some(plan) => sqlx::query(
            "INSERT INTO plan (run, body) VALUES (?, ?)
             ON CONFLICT (run) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
        )
        .bind(run)
        .bind(plan),
        None => sqlx::query("DELETE FROM plan WHERE run = ?").bind(run),
    }
    .execute(&mut *conn)
    .await?;
    Ok(())
}

/// The number of a target namespace, given to it now if it has none.
async fn ledger_key(conn: &mut SqliteConnection, ledger: &LedgerKey) -> Result<i64, Fault> {
    sqlx::query("INSERT INTO ledger_key (target, namespace) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(&*ledger.target)
        .bind(&*ledger.namespace)
        .execute(&mut *conn)
        .await?;
    find_ledger(conn, ledger).await?.ok_or(Fault::NoRun)
}

/// The number of a target namespace, if it has one.
pub(super) async fn find_ledger(
    conn: &mut SqliteConnection,
    ledger: &LedgerKey,
) -> Result<Option<i64>, Fault> {
    Ok(sqlx::query_scalar("SELECT key FROM ledger_key WHERE target = ? AND namespace = ?")
        .bind(&*ledger.target)
        .bind(&*ledger.namespace)
        .fetch_optional(conn)
        .await?)
}

pub(super) async fn new_generation(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("INSERT INTO generation DEFAULT VALUES RETURNING key").fetch_one(conn).await
}

pub(super) async fn begin(store: &SqliteStore, view: &RunView, ledger: &LedgerKey) -> Result<(), Fault> {
    let request = &view.head.request;
    // What is searched for is what is shown.
    let namespace = match &*request.namespace {
        "" if request.namespaces.is_none() => "__default__",
        name => name,
    };
    let kept = keep(view.clone())?;
    let mut tx = store.write().await?;
    let ledger = ledger_key(&mut tx, ledger).await?;
    let generation = new_generation(&mut tx).await?;
    let run: i64 = sqlx::query_scalar(
        "INSERT INTO run (id, ledger, generation, kind, dry, namespace, state, seq, updated_at, finished_at, plan_hash,
            summary)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING key",
    )
    .bind(&*view.head.id.0)
    .bind(ledger)
    .bind(generation)
    .bind(codes::kind(request.kind))
    .bind(i64::from(!request.is_live()))
    .bind(namespace)
    .bind(codes::state(view.state))
    .bind(int(view.seq))
    .bind(int(view.updated_at))
    .bind(view.finished_at.map(int))
    .bind(kept.plan_hash)
    .bind(kept.summary)
    .fetch_one(&mut *tx)
    .await?;
    write_view(&mut tx, run, kept.snapshot, kept.plan).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn view(store: &SqliteStore, id: &RunId) -> Result<Option<RunView>, Fault> {
    // One transaction, so that the parts are of one moment.
    let mut tx = store.reader.begin().await?;
    let row = sqlx::query(
        "SELECT run.key, run.seq, run.updated_at, run.log_lines, snapshot.view, plan.body
         FROM run JOIN snapshot ON snapshot.run = run.key LEFT JOIN plan ON plan.run = run.key
         WHERE run.id = ?",
    )
    .bind(&*id.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let run: i64 = row.try_get(0)?;
    let mut view: RunView = serde_json::from_str(row.try_get(4)?)?;
    view.seq = uint(row.try_get(1)?);
    view.updated_at = uint(row.try_get(2)?);
    view.plan = row.try_get::<Option<&str>, _>(5)?.map(serde_json::from_str).transpose()?;

    let mut log = sqlx::query("SELECT at, level, message FROM log WHERE run = ? ORDER BY seq DESC LIMIT ?")
        .bind(run)
        .bind(int(KEPT_LOG_LINES as u64))
        .fetch_all(&mut *tx)
        .await?;
    log.reverse();
    view.log = log.iter().map(line).collect::<Result<_, _>>()?;
    view.log_dropped = uint(row.try_get(3)?).saturating_sub(view.log.len() as u64);

    let failures = sqlx::query(
        "SELECT id, step, message, attempts, at FROM failure INDEXED BY failure_order
         WHERE run = ? ORDER BY key LIMIT ?",
    )
    .bind(run)
    .bind(int(KEPT_FAILURES as u64))
    .fetch_all(&mut *tx)
    .await?;
    view.failures = failures.iter().map(failure).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(Some(view))
}

/// A row of `at, level, message`.
pub(super) fn line(row: &SqliteRow) -> Result<LogLine, Fault> {
    let level = codes::level_of(row.try_get(1)?).ok_or_else(|| Fault::Row("unknown log level".to_owned()))?;
    Ok(LogLine { at: uint(row.try_get(0)?), level, message: row.try_get(2)? })
}

/// A row of `id, step, message, attempts, at`.
pub(super) fn failure(row: &SqliteRow) -> Result<FailedRecord, Fault> {
    let step = codes::step_of(row.try_get(1)?).ok_or_else(|| Fault::Row("unknown step".to_owned()))?;
    let attempts: i64 = row.try_get(3)?;
    Ok(FailedRecord {
        id: row.try_get(0)?,
        step,
        message: row.try_get(2)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        at: uint(row.try_get(4)?),
    })
}

pub(super) async fn runs(store: &SqliteStore, filter: &RunFilter) -> Result<RunPage, Fault> {
    let limit = if filter.limit == 0 { PAGE_ROWS } else { filter.limit };
    let states = if filter.states.is_empty() { &RunState::ALL[..] } else { &filter.states };
    // A `before` that was removed meanwhile has nothing older than itself: the oldest runs go first.
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT id, summary FROM run
         WHERE (?1 IS NULL OR key < (SELECT key FROM run WHERE id = ?1)) AND (?2 IS NULL OR kind = ?2)
            AND (?3 >> state) & 1 AND (?4 = '' OR instr(lower(namespace), ?4) > 0)
         ORDER BY key DESC LIMIT ?5",
    )
    .bind(filter.before.as_ref().map(|run| run.0.as_str()))
    .bind(filter.kind.map(codes::kind))
    .bind(codes::states(states.iter().copied()))
    .bind(filter.namespace.to_ascii_lowercase())
    .bind(i64::from(limit) + 1)
    .fetch_all(&store.reader)
    .await?;
    let more = rows.len() > limit as usize;
    let runs = rows
        .iter()
        .take(limit as usize)
        .map(|(_, summary)| Ok(serde_json::from_str::<RunSummary>(summary)?))
        .collect::<Result<Vec<_>, Fault>>()?;
    let next = if more { runs.last().map(|run| run.head.id.clone()) } else { None };
    Ok(RunPage { runs, next })
}

pub(super) async fn plan(
    store: &SqliteStore,
    ledger: &LedgerKey,
    hash: &str,
) -> Result<Option<RunId>, Fault> {
    // Nothing begins with an empty hash but a mistake.
    if hash.is_empty() {
        return Ok(None);
    }
    let finished = codes::states([RunState::Done, RunState::DoneWithFailures]);
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT run.id, run.plan_hash
         FROM run JOIN ledger_key ON ledger_key.key = run.ledger
         WHERE ledger_key.target = ?1 AND ledger_key.namespace = ?2 AND substr(run.plan_hash, 1, length(?3)) = ?3
            AND run.dry AND (?4 >> run.state) & 1 AND run.generation IS NOT NULL
         ORDER BY run.key DESC",
    )
    .bind(&*ledger.target)
    .bind(&*ledger.namespace)
    .bind(hash)
    .bind(finished)
    .fetch_all(&store.reader)
    .await?;
    // The whole hash is never ambiguous, even where another one begins with it.
    let exact = rows.iter().find(|(_, found)| found == hash);
    let only = rows.first().filter(|(_, first)| rows.iter().all(|(_, other)| other == first));
    Ok(exact.or(only).map(|(run, _)| RunId(run.clone())))
}

pub(super) async fn checkpoint(store: &SqliteStore, id: &RunId) -> Result<Option<String>, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT body FROM checkpoint JOIN run ON run.key = checkpoint.run WHERE run.id = ?",
    )
    .bind(&*id.0)
    .fetch_optional(&store.reader)
    .await?)
}

pub(super) async fn ask(store: &SqliteStore, id: &RunId, ask: Ask) -> Result<(), Fault> {
    let mut tx = store.write().await?;
    let asked = sqlx::query(
        "INSERT INTO ask (run, ask) SELECT key, ?2 FROM run WHERE id = ?1
         ON CONFLICT (run) DO UPDATE SET ask = excluded.ask",
    )
    .bind(&*id.0)
    .bind(codes::ask(ask))
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if asked == 0 {
        return Err(Fault::NoRun);
    }
    Ok(tx.commit().await?)
}

pub(super) async fn asked(store: &SqliteStore, runs: &[RunId]) -> Result<Vec<(RunId, Ask)>, Fault> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = runs.iter().map(|run| run.0.as_str()).collect();
    // Nearly always nothing was asked, and finding that out must not make anybody wait who writes.
    let (sql, padded) =
        listed("SELECT count(*) FROM ask JOIN run ON run.key = ask.run WHERE run.id IN", &ids, "");
    let query = padded.iter().fold(sqlx::query_scalar::<_, i64>(sql), |query, &id| query.bind(id));
    if query.fetch_one(&store.reader).await? == 0 {
        return Ok(Vec::new());
    }
    let mut tx = store.write().await?;
    let (sql, padded) = listed(
        "DELETE FROM ask WHERE run IN (SELECT key FROM run WHERE id IN",
        &ids,
        ") RETURNING (SELECT id FROM run WHERE key = run), ask",
    );
    let query = padded.iter().fold(sqlx::query_as::<_, (String, i64)>(sql), |query, &id| query.bind(id));
    let rows = query.fetch_all(&mut *tx).await?;
    tx.commit().await?;
    rows.into_iter()
        .map(|(run, code)| {
            let ask = codes::ask_of(code).ok_or_else(|| Fault::Row("unknown question".to_owned()))?;
            Ok((RunId(run), ask))
        })
        .collect()
}
