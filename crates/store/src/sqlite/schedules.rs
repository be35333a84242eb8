//! Schedules, and which process starts the run that is due.

use protocol::{Schedule, ScheduleId};

use super::{
    SqliteStore,
    fault::Fault,
    rows::{int, uint},
};

/// `id, created_at, next_at, spec, last`.
type ScheduleRow = (String, i64, Option<i64>, String, Option<String>);

pub(super) async fn all(store: &SqliteStore) -> Result<Vec<Schedule>, Fault> {
    let rows: Vec<ScheduleRow> =
        sqlx::query_as("SELECT id, created_at, next_at, spec, last FROM schedule ORDER BY created_at, id")
            .fetch_all(&store.reader)
            .await?;
    rows.into_iter()
        .map(|(id, created_at, next_at, spec, last)| {
            Ok(Schedule {
                id: ScheduleId(id),
                spec: serde_json::from_str(&spec)?,
                created_at: uint(created_at),
                next_at: next_at.map(uint),
                last: last.map(|last| serde_json::from_str(&last)).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn keep(store: &SqliteStore, schedule: &Schedule) -> Result<(), Fault> {
    let spec = serde_json::to_string(&schedule.spec)?;
    let last = schedule.last.as_ref().map(serde_json::to_string).transpose()?;
    let mut tx = store.write().await?;
    sqlx::query(
        "INSERT OR REPLACE INTO schedule (id, created_at, next_at, spec, last) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&*schedule.id.0)
    .bind(int(schedule.created_at))
    .bind(schedule.next_at.map(int))
    .bind(spec)
    .bind(last)
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn remove(store: &SqliteStore, id: &ScheduleId) -> Result<bool, Fault> {
    let mut tx = store.write().await?;
    let removed = sqlx::query("DELETE FROM schedule WHERE id = ?").bind(&*id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(removed.rows_affected() > 0)
}

pub(super) async fn claim_tick(
    store: &SqliteStore,
    id: &ScheduleId,
    due: u64,
    next: Option<u64>,
) -> Result<bool, Fault> {
    let mut tx = store.write().await?;
    let claimed = sqlx::query("UPDATE schedule SET next_at = ?3 WHERE id = ?1 AND next_at = ?2")
        .bind(&*id.0)
        .bind(int(due))
        .bind(next.map(int))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(claimed.rows_affected() > 0)
}
