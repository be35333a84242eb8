//! The store in one SQLite file.

mod codes;
mod commit;
mod fault;
mod open;
mod pages;
mod prune;
mod rows;
mod runs;
mod schedules;

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use protocol::{
    Category, FailurePage, LogPage, LogQuery, PageQuery, RecordIds, RunFilter, RunId, RunPage, RunView,
    Schedule, ScheduleId,
};
use sqlx::{Sqlite, SqlitePool, Transaction};

pub use prune::{KEPT_LINES, KEPT_MILLIS, KEPT_RECORDS, KEPT_RUNS};

use self::fault::Fault;
use crate::{
    Ask, Commit, Digest, LedgerEntry, LedgerKey, Pending, Planned, ScheduleChange, Store, StoreError,
};

/// The store in the file `tain.db` of a data directory. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    data: PathBuf,
    path: PathBuf,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl SqliteStore {
    /// Opens the store in a data directory, and makes both if they are not there. Its tables are brought to this
    /// program's version. Several processes may have it open at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] and [`StoreError::Newer`] before anything was written.
    pub async fn open(data: &Path) -> Result<Self, StoreError> {
        let open::Opened { path, writer, reader } = open::open(data).await?;
        Ok(Self { data: data.to_owned(), path, writer, reader })
    }

    /// Lets go of the file, after what is under way has ended. Nothing is lost without it: the next one to open the file
    /// only has more to read.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins to write: waits for the writers of this process in line, and for those of others.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            // IMMEDIATE: who reads first and writes then may find that somebody has written in between.
            match self.writer.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if fault::is_busy(&error) && attempt < open::BUSY_ATTEMPTS => {}
                outcome => return outcome,
            }
        }
    }

    /// Says what went wrong with what was being done.
    fn told(&self, what: &'static str, run: Option<&RunId>) -> impl Fn(Fault) -> StoreError {
        move |fault| fault.told(&self.path, what, run)
    }
}

impl Store for SqliteStore {
    fn begin<'a>(
        &'a self,
        view: &'a RunView,
        ledger: &'a LedgerKey,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let run = Some(&view.head.id);
        Box::pin(async move { runs::begin(self, view, ledger).await.map_err(self.told("begin a run", run)) })
    }

    fn commit<'a>(&'a self, run: &'a RunId, commit: Commit) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            commit::commit(self, run, commit).await.map_err(self.told("write down what a run did", Some(run)))
        })
    }

    fn view<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, StoreError>> {
        Box::pin(async move { runs::view(self, run).await.map_err(self.told("read a run", Some(run))) })
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, StoreError>> {
        Box::pin(async move { runs::runs(self, filter).await.map_err(self.told("list the runs", None)) })
    }

    fn checkpoint<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            runs::checkpoint(self, run).await.map_err(self.told("read a checkpoint", Some(run)))
        })
    }

    fn pending<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Pending>, StoreError>> {
        Box::pin(async move {
            let told = self.told("read what was in flight", Some(run));
            pages::pending(self, run, after, limit).await.map_err(told)
        })
    }

    fn records<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<RecordIds, StoreError>> {
        Box::pin(async move {
            let told = self.told("read the ids behind a count", Some(run));
            pages::records(self, run, category, query).await.map_err(told)
        })
    }

    fn planned<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Planned>, StoreError>> {
        Box::pin(async move {
            let told = self.told("read a plan", Some(run));
            pages::planned(self, run, category, after, limit).await.map_err(told)
        })
    }

    fn planned_texts<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<Digest>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Digest>, StoreError>> {
        Box::pin(async move {
            let told = self.told("read a plan's texts", Some(run));
            pages::planned_texts(self, run, after, limit).await.map_err(told)
        })
    }

    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<FailurePage, StoreError>> {
        Box::pin(async move {
            pages::failures(self, run, query).await.map_err(self.told("read failed records", Some(run)))
        })
    }

    fn log<'a>(&'a self, run: &'a RunId, query: &'a LogQuery) -> BoxFuture<'a, Result<LogPage, StoreError>> {
        Box::pin(
            async move { pages::log(self, run, query).await.map_err(self.told("read a log", Some(run))) },
        )
    }

    fn plan<'a>(
        &'a self,
        ledger: &'a LedgerKey,
        hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<RunId>, StoreError>> {
        Box::pin(
            async move { runs::plan(self, ledger, hash).await.map_err(self.told("look for a plan", None)) },
        )
    }

    fn ledger<'a>(
        &'a self,
        ledger: &'a LedgerKey,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>> {
        Box::pin(
            async move { pages::ledger(self, ledger, ids).await.map_err(self.told("read the ledger", None)) },
        )
    }

    fn paid<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>> {
        Box::pin(async move {
            let told = self.told("read the ledger", Some(run));
            pages::paid(self, run, after, limit).await.map_err(told)
        })
    }

    fn ask<'a>(&'a self, run: &'a RunId, ask: Ask) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            runs::ask(self, run, ask).await.map_err(self.told("ask something of a run", Some(run)))
        })
    }

    fn asked<'a>(&'a self, runs: &'a [RunId]) -> BoxFuture<'a, Result<Vec<(RunId, Ask)>, StoreError>> {
        Box::pin(async move {
            runs::asked(self, runs).await.map_err(self.told("look at what was asked of runs", None))
        })
    }

    fn prune(&self, now: u64) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { prune::prune(self, now).await.map_err(self.told("forget what is old", None)) })
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>> {
        Box::pin(async move { schedules::all(self).await.map_err(self.told("read the schedules", None)) })
    }

    fn keep_schedule<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(
            async move { schedules::keep(self, schedule).await.map_err(self.told("keep a schedule", None)) },
        )
    }

    fn change_schedule<'a>(
        &'a self,
        id: &'a ScheduleId,
        change: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>> {
        Box::pin(async move {
            schedules::change(self, id, change).await.map_err(self.told("change a schedule", None))
        })
    }

    fn remove_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(
            async move { schedules::remove(self, id).await.map_err(self.told("remove a schedule", None)) },
        )
    }
}
