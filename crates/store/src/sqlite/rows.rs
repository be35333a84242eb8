//! Many rows in few statements.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

pub(super) type SqliteQuery<'a> = Query<'a, Sqlite, SqliteArguments>;

/// Rows of one statement, at most. More of them do not measure faster.
const ROWS: usize = 256;

/// SQLite's integers are signed. What counts or dates things here never comes near the difference.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back; a negative number, which was never written, is 0.
pub(super) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Runs `{head} VALUES (?, ..), .. {tail}` over all rows and answers how many of them it changed.
///
/// The rows go in powers of two, so that there are few different statements, and each is prepared once.
pub(super) async fn insert<T: Sync>(
    conn: &mut SqliteConnection,
    head: &'static str,
    columns: usize,
    tail: &'static str,
    rows: &[T],
    bind: impl for<'a> Fn(SqliteQuery<'a>, &'a T) -> SqliteQuery<'a> + Send + Sync,
) -> Result<u64, sqlx::Error> {
    let mut changed = 0;
    let mut rest = rows;
    while !rest.is_empty() {
        let size = if rest.len() >= ROWS { ROWS } else { 1 << rest.len().ilog2() };
        let (some, others) = rest.split_at(size);
        rest = others;
        let row = format!("({})", vec!["?"; columns].join(","));
        let values = vec![row; size].join(",");
        // Only question marks are put together here.
        let sql = AssertSqlSafe(format!("{head} VALUES {values} {tail}"));
        let query = some.iter().fold(sqlx::query(sql), &bind);
        changed += query.execute(&mut *conn).await?.rows_affected();
    }
    Ok(changed)
}

/// `{head} (?, ..) {tail}` with as many places as there are values, rounded up to a power of two, and the values with the
/// last one repeated: a list for `IN`, of which there are few different lengths. `values` must not be empty.
pub(super) fn listed<T: Copy>(head: &str, values: &[T], tail: &str) -> (AssertSqlSafe<String>, Vec<T>) {
    let size = values.len().next_power_of_two();
    let sql = format!("{head} ({}) {tail}", vec!["?"; size].join(","));
    let last = values[values.len() - 1];
    let mut padded = values.to_vec();
    padded.resize(size, last);
    (AssertSqlSafe(sql), padded)
}
