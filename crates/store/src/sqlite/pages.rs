//! Reading rows in pages.

use protocol::{
    Category, FailurePage, LogPage, LogQuery, PAGE_ROWS, PageQuery, RecordIds, RunId, RunSummary,
};
use sqlx::Row;

use super::{
    SqliteStore, codes,
    fault::Fault,
    rows::{int, listed, uint},
    runs::{failure, find_ledger, line},
};
use crate::{Digest, LedgerEntry, LedgerKey, Pending, Planned, Vector};

/// A page's length, as asked for.
fn rows_of(limit: u32) -> u32 {
    if limit == 0 { PAGE_ROWS } else { limit }
}

/// Cuts a page to its length, of which one more was read, and says where the next one goes on.
fn cut<T>(rows: &mut Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Option<String> {
    if rows.len() <= limit as usize {
        return None;
    }
    rows.truncate(limit as usize);
    rows.last().map(key)
}

fn digest(bytes: &[u8]) -> Result<Digest, Fault> {
    bytes.try_into().map_err(|_| Fault::Row(format!("a digest of {} bytes", bytes.len())))
}

/// What the list of runs says of a run.
async fn summary(store: &SqliteStore, run: &RunId) -> Result<Option<RunSummary>, Fault> {
    let summary: Option<String> = sqlx::query_scalar("SELECT summary FROM run WHERE id = ?")
        .bind(&*run.0)
        .fetch_optional(&store.reader)
        .await?;
    Ok(summary.map(|summary| serde_json::from_str(&summary)).transpose()?)
}

/// The analysis whose records stand behind a count together with the run's own: a run of a plan takes over what the
/// analysis found and what it has nothing to do with.
fn taken_over(summary: &RunSummary, category: Category) -> Option<&RunId> {
    let of_plan = summary.head.request.plan.is_some();
    let kept = matches!(category, Category::InSync | Category::NoText | Category::Orphan);
    summary.head.origin.as_ref().filter(|_| of_plan && kept)
}

pub(super) async fn pending(
    store: &SqliteStore,
    run: &RunId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Pending>, Fault> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT id, found FROM pending
         WHERE generation = (SELECT generation FROM run WHERE id = ?1) AND id > ?2
         ORDER BY id LIMIT ?3",
    )
    .bind(&*run.0)
    .bind(after.unwrap_or(""))
    .bind(i64::from(limit))
    .fetch_all(&store.reader)
    .await?;
    rows.into_iter()
        .map(|(id, code)| {
            let found = codes::found_of(code).ok_or_else(|| Fault::Row("unknown side".to_owned()))?;
            Ok(Pending { id, found })
        })
        .collect()
}

/// Up to `limit` ids and one more, by which the caller knows whether there is a next page.
async fn ids_behind(
    store: &SqliteStore,
    run: &RunId,
    category: Category,
    query: &PageQuery,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    let ids = if category == Category::Failed {
        sqlx::query_scalar(
            "SELECT id FROM failure
             WHERE run = (SELECT key FROM run WHERE id = ?1) AND id > ?2 AND instr(lower(id), ?3) > 0
             ORDER BY id LIMIT ?4",
        )
        .bind(&*run.0)
        .bind(query.after.as_deref().unwrap_or(""))
        .bind(query.search.to_ascii_lowercase())
        .bind(i64::from(limit) + 1)
        .fetch_all(&store.reader)
        .await?
    } else {
        let (own, pair) = codes::classes_of(category);
        sqlx::query_scalar(
            "SELECT id FROM record
             WHERE generation = (SELECT generation FROM run WHERE id = ?1) AND class = ?5 AND id > ?2
                AND instr(lower(id), ?3) > 0
             UNION
             SELECT id FROM record
             WHERE generation = (SELECT generation FROM run WHERE id = ?1) AND class = ?6 AND id > ?2
                AND instr(lower(id), ?3) > 0
             ORDER BY id LIMIT ?4",
        )
        .bind(&*run.0)
        .bind(query.after.as_deref().unwrap_or(""))
        .bind(query.search.to_ascii_lowercase())
        .bind(i64::from(limit) + 1)
        .bind(own)
        .bind(pair)
        .fetch_all(&store.reader)
        .await?
    };
    Ok(ids)
}

pub(super) async fn records(
    store: &SqliteStore,
    run: &RunId,
    category: Category,
    query: &PageQuery,
) -> Result<RecordIds, Fault> {
    let limit = rows_of(query.limit);
    let Some(summary) = summary(store, run).await? else { return Ok(RecordIds::default()) };
    let mut ids = ids_behind(store, run, category, query, limit).await?;
    if let Some(origin) = taken_over(&summary, category) {
        ids.extend(ids_behind(store, origin, category, query, limit).await?);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit as usize + 1);
    }
    let total = category.count(&summary.counts);
    let next = cut(&mut ids, limit, String::clone);
    Ok(RecordIds { ids, total, next })
}

pub(super) async fn planned(
    store: &SqliteStore,
    run: &RunId,
    category: Category,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Planned>, Fault> {
    if category == Category::Failed {
        let query = PageQuery { search: String::new(), after: after.map(str::to_owned), limit };
        let ids = records(store, run, category, &query).await?.ids;
        return Ok(ids.into_iter().map(|id| (id, None)).collect());
    }
    let (own, pair) = codes::classes_of(category);
    // One transaction: what is forgotten in between must not look like the end of the plan.
    let mut tx = store.reader.begin().await?;
    let generation: Option<Option<i64>> = sqlx::query_scalar("SELECT generation FROM run WHERE id = ?")
        .bind(&*run.0)
        .fetch_optional(&mut *tx)
        .await?;
    let generation = generation.ok_or(Fault::NoRun)?.ok_or(Fault::Forgotten)?;
    let rows = sqlx::query(
        "SELECT id, digest FROM record WHERE generation = ?1 AND class = ?4 AND id > ?2
         UNION
         SELECT id, digest FROM record WHERE generation = ?1 AND class = ?5 AND id > ?2
         ORDER BY id LIMIT ?3",
    )
    .bind(generation)
    .bind(after.unwrap_or(""))
    .bind(i64::from(limit))
    .bind(own)
    .bind(pair)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            let found: Option<&[u8]> = row.try_get(1)?;
            Ok((row.try_get(0)?, found.map(digest).transpose()?))
        })
        .collect()
}

pub(super) async fn planned_texts(
    store: &SqliteStore,
    run: &RunId,
    after: Option<Digest>,
    limit: u32,
) -> Result<Vec<Digest>, Fault> {
    let rows = sqlx::query(
        "SELECT text FROM planned_text
         WHERE generation = (SELECT generation FROM run WHERE id = ?1) AND text > ?2
         ORDER BY text LIMIT ?3",
    )
    .bind(&*run.0)
    .bind(after.as_ref().map_or(&[][..], |digest| &digest[..]))
    .bind(i64::from(limit))
    .fetch_all(&store.reader)
    .await?;
    rows.iter().map(|row| digest(row.try_get(0)?)).collect()
}

pub(super) async fn failures(
    store: &SqliteStore,
    run: &RunId,
    query: &PageQuery,
) -> Result<FailurePage, Fault> {
    let limit = rows_of(query.limit);
    let total = summary(store, run).await?.map_or(0, |summary| summary.counts.failed);
    let rows = sqlx::query(
        "SELECT id, step, message, attempts, at FROM failure
         WHERE run = (SELECT key FROM run WHERE id = ?1) AND id > ?2
            AND (instr(lower(id), ?3) > 0 OR instr(lower(message), ?3) > 0)
         ORDER BY id LIMIT ?4",
    )
    .bind(&*run.0)
    .bind(query.after.as_deref().unwrap_or(""))
    .bind(query.search.to_ascii_lowercase())
    .bind(i64::from(limit) + 1)
    .fetch_all(&store.reader)
    .await?;
    let mut failures = rows.iter().map(failure).collect::<Result<Vec<_>, _>>()?;
    let next = cut(&mut failures, limit, |record| record.id.clone());
    Ok(FailurePage { failures, total, next })
}

pub(super) async fn log(store: &SqliteStore, run: &RunId, query: &LogQuery) -> Result<LogPage, Fault> {
    let limit = rows_of(query.page.limit);
    // A page is asked for by the number of the last event before it. What is no number was not made here.
    let after = match &query.page.after {
        None => -1,
        Some(after) => after.parse::<u64>().map_or(i64::MAX, int),
    };
    let rows = sqlx::query(
        "SELECT at, level, message, seq FROM log
         WHERE run = (SELECT key FROM run WHERE id = ?1) AND seq > ?2 AND level >= ?3
            AND instr(lower(message), ?4) > 0
         ORDER BY seq LIMIT ?5",
    )
    .bind(&*run.0)
    .bind(after)
    .bind(query.level.map_or(0, codes::level))
    .bind(query.page.search.to_ascii_lowercase())
    .bind(i64::from(limit) + 1)
    .fetch_all(&store.reader)
    .await?;
    let mut lines = rows
        .iter()
        .map(|row| Ok((row.try_get::<i64, _>(3)?, line(row)?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    let next = cut(&mut lines, limit, |(seq, _)| uint(*seq).to_string());
    Ok(LogPage { lines: lines.into_iter().map(|(_, line)| line).collect(), next })
}

type LedgerRow = (String, Vec<u8>, Vec<u8>, String);

fn entry((id, text, values, made_by): LedgerRow) -> Result<LedgerEntry, Fault> {
    Ok(LedgerEntry { id, vector: Vector { text: digest(&text)?, values: digest(&values)?, made_by } })
}

pub(super) async fn ledger(
    store: &SqliteStore,
    ledger: &LedgerKey,
    ids: &[String],
) -> Result<Vec<LedgerEntry>, Fault> {
    let mut conn = store.reader.acquire().await?;
    let Some(key) = find_ledger(&mut conn, ledger).await? else { return Ok(Vec::new()) };
    let mut entries = Vec::with_capacity(ids.len());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for some in ids.chunks(256) {
        let (sql, padded) = listed(
            "SELECT id, text, vector, word FROM ledger JOIN maker ON maker.key = ledger.maker
             WHERE ledger = ? AND id IN",
            some,
            "",
        );
        let query = sqlx::query_as::<_, LedgerRow>(sql).bind(key);
        let rows = padded.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(&mut *conn).await?;
        for row in rows {
            entries.push(entry(row)?);
        }
    }
    Ok(entries)
}

pub(super) async fn paid(
    store: &SqliteStore,
    run: &RunId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<LedgerEntry>, Fault> {
    // Walks over the whole ledger of the namespace, once for all pages together, rather than carry an index that every
    // write would pay for and only a run that goes on would use.
    let rows: Vec<LedgerRow> = sqlx::query_as(
        "SELECT ledger.id, text, vector, word
         FROM ledger JOIN maker ON maker.key = ledger.maker
         WHERE ledger.ledger = (SELECT run.ledger FROM run WHERE run.id = ?1) AND ledger.id > ?2
            AND ledger.run = (SELECT run.key FROM run WHERE run.id = ?1)
         ORDER BY ledger.id LIMIT ?3",
    )
    .bind(&*run.0)
    .bind(after.unwrap_or(""))
    .bind(i64::from(limit))
    .fetch_all(&store.reader)
    .await?;
    rows.into_iter().map(entry).collect()
}
