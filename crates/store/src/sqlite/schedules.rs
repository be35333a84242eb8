//! Schedules.

use protocol::{Schedule, ScheduleId};
use sqlx::SqliteConnection;

use super::{
    SqliteStore,
    fault::Fault,
    rows::{int, uint},
};
use crate::ScheduleChange;

/// `id, created_at, next_at, spec, last`.
type ScheduleRow = (String, i64, Option<i64>, String, Option<String>);

pub(super) async fn all(store: &SqliteStore) -> Result<Vec<Schedule>, Fault> {
    let rows: Vec<ScheduleRow> =
        sqlx::query_as("SELECT id, created_at, next_at, spec, last FROM schedule ORDER BY created_at, id")
            .fetch_all(&store.reader)
            .await?;
    rows.into_iter().map(schedule).collect()
}

fn schedule((id, created_at, next_at, spec, last): ScheduleRow) -> Result<Schedule, Fault> {
    Ok(Schedule {
        id: ScheduleId(id),
        spec: serde_json::from_str(&spec)?,
        created_at: uint(created_at),
        next_at: next_at.map(uint),
        last: last.map(|last| serde_json::from_str(&last)).transpose()?,
    })
}

pub(super) async fn keep(store: &SqliteStore, schedule: &Schedule) -> Result<(), Fault> {
    let mut tx = store.write().await?;
    write(&mut tx, schedule).await?;
    Ok(tx.commit().await?)
}

async fn write(conn: &mut SqliteConnection, schedule: &Schedule) -> Result<(), Fault> {
    let spec = serde_json::to_string(&schedule.spec)?;
    let last = schedule.last.as_ref().map(serde_json::to_string).transpose()?;
    sqlx::query(
        "INSERT OR REPLACE INTO schedule (id, created_at, next_at, spec, last) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&*schedule.id.0)
    .bind(int(schedule.created_at))
    .bind(schedule.next_at.map(int))
    .bind(spec)
    .bind(last)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn change(
    store: &SqliteStore,
    id: &ScheduleId,
    change: ScheduleChange<'_>,
) -> Result<Option<Schedule>, Fault> {
    // Read within the transaction that writes: what was read stays true until it is written.
    let mut tx = store.write().await?;
    let row: Option<ScheduleRow> =
        sqlx::query_as("SELECT id, created_at, next_at, spec, last FROM schedule WHERE id = ?")
            .bind(&*id.0)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(mut schedule) = row.map(schedule).transpose()? else { return Ok(None) };
    if !change(&mut schedule) {
        return Ok(None);
    }
    write(&mut tx, &schedule).await?;
    tx.commit().await?;
    Ok(Some(schedule))
}

pub(super) async fn remove(store: &SqliteStore, id: &ScheduleId) -> Result<bool, Fault> {
    let mut tx = store.write().await?;
    let removed = sqlx::query("DELETE FROM schedule WHERE id = ?").bind(&*id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(removed.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use protocol::{RunKind, RunRequest, ScheduleSpec, Timing};

    use super::*;

    #[test]
    fn a_schedule_that_an_older_tain_kept_can_be_read() {
        // Before there were plans, retries, several namespaces and documents.
        let spec = r#"{"name":"Nightly","timing":{"every":900},"request":{"kind":"mirror","namespace":"a",
            "dry_run":false,"reuse":"proven","overwrite_added":false,"batch_size":null},"enabled":true}"#;
        let row = ("nightly-1".to_owned(), 1, Some(900_001), spec.to_owned(), None);
        let expected = ScheduleSpec {
            name: "Nightly".to_owned(),
            timing: Timing::Every(900),
            request: RunRequest::new(RunKind::Mirror, "a"),
            enabled: true,
        };
        assert!(schedule(row).is_ok_and(|schedule| schedule.spec == expected));
    }
}
