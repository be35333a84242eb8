//! One commit: everything that happened, in one transaction.

use std::collections::{HashMap, HashSet};

use protocol::{Category, EventBody, RunId};
use sqlx::{Row, SqliteConnection};

use super::{
    SqliteStore, codes,
    fault::Fault,
    rows::{insert, int, listed},
    runs::{keep, new_generation, write_view},
};
use crate::{Commit, Digest, Pending, Settled, Vector};

/// The run's row, as far as a commit needs it.
struct Run {
    key: i64,
    ledger: i64,
    generation: i64,
}

pub(super) async fn commit(store: &SqliteStore, id: &RunId, commit: Commit) -> Result<(), Fault> {
    // What takes time without the database comes before the file is locked.
    let finished = commit.view.as_ref().map(|view| view.finished_at.map(int));
    let state = commit.view.as_ref().map(|view| view.state);
    let seen = (commit.view.as_ref().map(|view| (view.seq, view.updated_at)))
        .into_iter()
        .chain(commit.events.last().map(|event| (event.seq, event.at)))
        .fold((0, 0), |(seq, at), (other, then)| (seq.max(other), at.max(then)));
    let kept = commit.view.map(keep).transpose()?;

    let mut tx = store.write().await?;
    let mut run = find(&mut tx, id, commit.reset).await?;
    if commit.reset {
        reset(&mut tx, &mut run).await?;
    }
    let written = write_findings(&mut tx, &run, &commit.found, &commit.settled).await?;
    write_failures(&mut tx, run.key, &commit.failures).await?;
    let lines = write_log(&mut tx, run.key, &commit.events).await?;
    if let Some(checkpoint) = commit.checkpoint {
        sqlx::query(
            "INSERT INTO checkpoint (run, body) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET body = excluded.body",
        )
        .bind(run.key)
        .bind(checkpoint)
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query(
        "UPDATE run SET records = records + ?2, log_lines = log_lines + ?3, seq = max(seq, ?4),
            updated_at = max(updated_at, ?5)
         WHERE key = ?1",
    )
    .bind(run.key)
    .bind(int(written))
    .bind(int(lines))
    .bind(int(seen.0))
    .bind(int(seen.1))
    .execute(&mut *tx)
    .await?;
    if let (Some(kept), Some(state), Some(finished)) = (kept, state, finished) {
        sqlx::query(
            "UPDATE run SET state = ?2, finished_at = ?3, plan_hash = ?4, summary = ?5 WHERE key = ?1",
        )
        .bind(run.key)
        .bind(codes::state(state))
        .bind(finished)
        .bind(kept.plan_hash)
        .bind(kept.summary)
        .execute(&mut *tx)
        .await?;
        write_view(&mut tx, run.key, kept.snapshot, kept.plan).await?;
        if !state.is_live() {
            // What was asked of a run that has stopped must not stop it again when it goes on.
            sqlx::query("DELETE FROM ask WHERE run = ?").bind(run.key).execute(&mut *tx).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn find(conn: &mut SqliteConnection, id: &RunId, reset: bool) -> Result<Run, Fault> {
    let row = sqlx::query("SELECT key, ledger, generation FROM run WHERE id = ?")
        .bind(&*id.0)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(Fault::NoRun)?;
    let key = row.try_get(0)?;
    let generation = match row.try_get(2)? {
        Some(generation) => generation,
        // Its records were forgotten after it had ended, and yet something comes; a reset makes one anyway.
        None if reset => 0,
        None => give_generation(&mut *conn, key).await?,
    };
    Ok(Run { key, ledger: row.try_get(1)?, generation })
}

async fn give_generation(conn: &mut SqliteConnection, run: i64) -> Result<i64, sqlx::Error> {
    let generation = new_generation(conn).await?;
    sqlx::query("UPDATE run SET generation = ?, records = 0 WHERE key = ?")
        .bind(generation)
        .bind(run)
        .execute(conn)
        .await?;
    Ok(generation)
}

/// Forgets findings by starting anew: a million rows are not deleted while somebody waits. What was written was written.
async fn reset(conn: &mut SqliteConnection, run: &mut Run) -> Result<(), sqlx::Error> {
    let old = run.generation;
    sqlx::query("UPDATE generation SET garbage = 1 WHERE key = ?").bind(old).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM failure WHERE run = ?").bind(run.key).execute(&mut *conn).await?;
    run.generation = give_generation(conn, run.key).await?;
    for category in [Category::Migrated, Category::Updated] {
        let (own, pair) = codes::classes_of(category);
        sqlx::query(
            "INSERT OR REPLACE INTO record (generation, class, id, digest)
             SELECT ?1, ?2, id, digest FROM record WHERE generation = ?4 AND class IN (?2, ?3)",
        )
        .bind(run.generation)
        .bind(own)
        .bind(pair)
        .bind(old)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes what was found and settled; answers how many rows stand behind counts.
async fn write_findings(
    conn: &mut SqliteConnection,
    run: &Run,
    found: &[Pending],
    settled: &[Settled],
) -> Result<u64, Fault> {
    let generation = run.generation;
    let done: HashSet<&str> = settled.iter().map(|record| &*record.id).collect();
    let in_flight: Vec<&Pending> = found.iter().filter(|pending| !done.contains(&*pending.id)).collect();
    insert(
        conn,
        "INSERT OR REPLACE INTO pending (generation, id, found)",
        3,
        "",
        &in_flight,
        |query, row| query.bind(generation).bind(&*row.id).bind(codes::found(row.found)),
    )
    .await?;
    if settled.is_empty() {
        return Ok(0);
    }

    // Those that were just found, too: they may have been in flight since before the process died.
    let landed: Vec<&str> = done.into_iter().collect();
    for ids in landed.chunks(256) {
        let (sql, ids) = listed("DELETE FROM pending WHERE generation = ? AND id IN", ids, "");
        let query = ids.into_iter().fold(sqlx::query(sql).bind(generation), |query, id| query.bind(id));
        query.execute(&mut *conn).await?;
    }

    let records: Vec<(i64, &str, Option<&Digest>)> = settled
        .iter()
        .flat_map(|record| {
            let classes = codes::classes(&record.categories);
            classes.into_iter().map(|class| (class, &*record.id, record.digest.as_ref()))
        })
        .collect();
    insert(
        conn,
        "INSERT OR REPLACE INTO record (generation, class, id, digest)",
        4,
        "",
        &records,
        |query, &(class, id, digest)| {
            query.bind(generation).bind(class).bind(id).bind(digest.map(|digest| &digest[..]))
        },
    )
    .await?;

    // In order and each once, which is how the tree takes them best.
    let mut texts: Vec<&Digest> = settled.iter().filter_map(|record| record.text.as_ref()).collect();
    texts.sort_unstable();
    texts.dedup();
    insert(conn, "INSERT OR IGNORE INTO planned_text (generation, text)", 2, "", &texts, |query, text| {
        query.bind(generation).bind(&text[..])
    })
    .await?;

    let vectors: Vec<(&str, &Vector)> =
        settled.iter().filter_map(|record| Some((&*record.id, record.vector.as_ref()?))).collect();
    write_ledger(conn, run, &vectors).await?;
    Ok(records.len() as u64)
}

async fn write_ledger(
    conn: &mut SqliteConnection,
    run: &Run,
    vectors: &[(&str, &Vector)],
) -> Result<(), Fault> {
    let mut makers: HashMap<&str, i64> = HashMap::new();
    for (_, vector) in vectors {
        if !makers.contains_key(&*vector.made_by) {
            makers.insert(&vector.made_by, maker(conn, &vector.made_by).await?);
        }
    }
    insert(
        conn,
        "INSERT OR REPLACE INTO ledger (ledger, id, text, vector, maker, run)",
        6,
        "",
        vectors,
        |query, (id, vector)| {
            query
                .bind(run.ledger)
                .bind(*id)
                .bind(&vector.text[..])
                .bind(&vector.values[..])
                .bind(makers.get(&*vector.made_by).copied())
                .bind(run.key)
        },
    )
    .await?;
    Ok(())
}

/// The number of a way to make vectors, given to it now if it has none.
async fn maker(conn: &mut SqliteConnection, word: &str) -> Result<i64, sqlx::Error> {
    let known =
        sqlx::query_scalar("SELECT key FROM maker WHERE word = ?").bind(word).fetch_optional(&mut *conn);
    match known.await? {
        Some(key) => Ok(key),
        None => {
            sqlx::query_scalar("INSERT INTO maker (word) VALUES (?) RETURNING key")
                .bind(word)
                .fetch_one(&mut *conn)
                .await
        }
    }
}

async fn write_failures(
    conn: &mut SqliteConnection,
    run: i64,
    failures: &[protocol::FailedRecord],
) -> Result<(), Fault> {
    insert(
        conn,
        "INSERT INTO failure (run, id, step, message, attempts, at)",
        6,
        // Its place among the first ones stays.
        "ON CONFLICT (run, id) DO UPDATE SET step = excluded.step, message = excluded.message,
            attempts = excluded.attempts, at = excluded.at",
        failures,
        |query, record| {
            query
                .bind(run)
                .bind(&*record.id)
                .bind(codes::step(record.step))
                .bind(&*record.message)
                .bind(i64::from(record.attempts))
                .bind(int(record.at))
        },
    )
    .await?;
    Ok(())
}

/// Writes the lines of the log and answers how many were new: a replay does no harm.
async fn write_log(conn: &mut SqliteConnection, run: i64, events: &[protocol::Event]) -> Result<u64, Fault> {
    let lines: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Log(line) => Some((event.seq, line)),
            _ => None,
        })
        .collect();
    let head = "INSERT OR IGNORE INTO log (run, seq, at, level, message)";
    Ok(insert(conn, head, 5, "", &lines, |query, (seq, line)| {
        query.bind(run).bind(int(*seq)).bind(int(line.at)).bind(codes::level(line.level)).bind(&*line.message)
    })
    .await?)
}
