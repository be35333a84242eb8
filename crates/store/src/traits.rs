//! What must survive a restart, as the rest of tain sees it. The database behind it is an implementation.

use futures::future::BoxFuture;
use protocol::{
    Category, Event, FailedRecord, FailurePage, LogPage, LogQuery, PageQuery, RecordIds, RunFilter, RunId,
    RunPage, RunView, Schedule, ScheduleId,
};

/// The first half of a SHA-256.
pub type Digest = [u8; 16];

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is no store, or is damaged. Nothing was changed in it.
    #[error("{path} is damaged or is not a store of tain ({reason}); move it away or restore a copy of it")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The file was made by a newer tain. Nothing was changed in it.
    #[error(
        "{path} was made by a newer tain (its version is {found}, this tain knows {known}); use that tain"
    )]
    Newer {
        /// The file.
        path: String,
        /// The version of its tables.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Reading or writing failed.
    #[error(
        "cannot {what} in the store {path}: {reason}; is the disk full, or the data directory not writable?"
    )]
    Io {
        /// The file.
        path: String,
        /// What was being done.
        what: &'static str,
        /// What the database said.
        reason: String,
    },
    /// Something was to be written for a run that is not there.
    #[error("the store holds no run {run}; it was removed, or has never begun")]
    NoRun {
        /// The run.
        run: String,
    },
    /// The records of a run were to be read one and all, and were forgotten by [`Store::prune`].
    #[error("the records of run {run} were forgotten; analyze again")]
    Forgotten {
        /// The run.
        run: String,
    },
}

/// On which side an id was found, before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Found {
    /// In the source only.
    Missing,
    /// In both.
    Both,
}

/// An id that was found and is not settled: it is in flight, or was when the process died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The record's id.
    pub id: String,
    /// Where it was found.
    pub found: Found,
}

/// A vector that tain made: which text it is of, and how it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// The digest of the text.
    pub text: Digest,
    /// The digest of the vector's numbers, as they were written.
    pub values: Digest,
    /// How it was made, in one word: model, dimensions and task type. Equal words mean comparable vectors.
    pub made_by: String,
}

/// What the ledger knows of a record in a target namespace: a hint, to be verified against the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The record's id.
    pub id: String,
    /// The vector that tain wrote last.
    pub vector: Vector,
}

/// The key of a ledger: `target` names an index unmistakably, `namespace` is in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerKey {
    /// The target index.
    pub target: String,
    /// The namespace.
    pub namespace: String,
}

/// A record that is done with: it leaves the pending ones and stands behind its counts, from now on behind these, too, if
/// it was settled before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// The record's id.
    pub id: String,
    /// The counts that it stands behind, `Category::Failed` not among them: failures say more.
    pub categories: Vec<Category>,
    /// For an analysis: the digest of what would be written, by which a run of the plan knows whether it still holds.
    pub digest: Option<Digest>,
    /// For an analysis: the digest of the text that would be embedded.
    pub text: Option<Digest>,
    /// For a live run: the vector that is now in the target, if tain made it.
    pub vector: Option<Vector>,
}

/// A record of a plan: its id, and the digest of what would be written.
pub type Planned = (String, Option<Digest>);

/// What happened in a run since its last commit. All of it becomes durable together, or none.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Forget what was found and settled so far, and what failed, because a listing has to be read again. What was
    /// written stays: the ids behind [`Category::Migrated`] and [`Category::Updated`], and the ledger. Comes before all
    /// others.
    pub reset: bool,
    /// The run as it stands. Its log and failures are passed over: they come by `events` and `failures`. `None` if
    /// nothing moved but the log.
    pub view: Option<RunView>,
    /// New events, in order. Those of the log become its lines, each number once; what the others say is in the view.
    pub events: Vec<Event>,
    /// Failed records; a record that failed before in this run is replaced. One that is done with is among `settled`,
    /// too.
    pub failures: Vec<FailedRecord>,
    /// Ids that are handed on to be read.
    pub found: Vec<Pending>,
    /// Records that are done with. One that is also in `found` is not pending after this, whether it was before or not.
    pub settled: Vec<Settled>,
    /// Where the run goes on, as its core wrote it; nothing here looks into it.
    pub checkpoint: Option<String>,
}

/// What somebody in another process asks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Stop at a checkpoint.
    Pause,
    /// Stop for good.
    Cancel,
}

/// What becomes of a schedule; answers whether it is to be kept like that.
pub type ScheduleChange<'a> = &'a (dyn Fn(&mut Schedule) -> bool + Send + Sync);

/// Everything that must survive a restart. Every method may be called by several processes at once.
///
/// Methods that take an `after` page through rows in ascending byte order of the id, `limit` at a time. Ids are never
/// empty. Searching takes no notice of the case of ASCII letters. A run that is not there has nothing: reading answers
/// with an empty page, writing with [`StoreError::NoRun`].
pub trait Store: Send + Sync + 'static {
    /// Keeps a new run. `ledger` says where its vectors go. An error if there is a run with this id.
    fn begin<'a>(&'a self, view: &'a RunView, ledger: &'a LedgerKey)
    -> BoxFuture<'a, Result<(), StoreError>>;

    /// Makes what happened durable. When it returns, a killed process loses nothing of it.
    fn commit<'a>(&'a self, run: &'a RunId, commit: Commit) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The run as of its last commit, with the newest [`protocol::KEPT_LOG_LINES`] lines of its log and its first
    /// [`protocol::KEPT_FAILURES`] failures.
    fn view<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, StoreError>>;

    /// Runs, newest first: in the reverse of the order in which they began. The default namespace is searched for as
    /// `__default__`.
    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, StoreError>>;

    /// Where the run goes on; `None` before its first checkpoint.
    fn checkpoint<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<String>, StoreError>>;

    /// Ids that were found and are not settled, behind `after`.
    fn pending<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Pending>, StoreError>>;

    /// The ids behind a count. `Category::Failed` answers the ids of the failures. For a run of a plan, what is in sync,
    /// without text or only in the target is what the analysis found, together with what the run found itself. There are fewer than the run counted
    /// once [`Store::prune`] has forgotten them.
    fn records<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<RecordIds, StoreError>>;

    /// The settled records of a category with their digests, behind `after`: how a plan is executed without being held
    /// in memory. What was forgotten is an error ([`StoreError::Forgotten`], or [`StoreError::NoRun`] if the run was
    /// removed): an empty page is the end of the plan.
    fn planned<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Planned>, StoreError>>;

    /// Distinct digests of the texts that a plan would embed, in ascending order, behind `after`.
    fn planned_texts<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<Digest>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Digest>, StoreError>>;

    /// Failed records.
    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<FailurePage, StoreError>>;

    /// Lines of the log, oldest first.
    fn log<'a>(&'a self, run: &'a RunId, query: &'a LogQuery) -> BoxFuture<'a, Result<LogPage, StoreError>>;

    /// The newest finished analysis of this namespace of this target that left a plan with this hash (or a hash that
    /// begins with it, if it is the only one), and whose records were not forgotten. A run that neither pays nor writes is
    /// an analysis.
    fn plan<'a>(
        &'a self,
        ledger: &'a LedgerKey,
        hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<RunId>, StoreError>>;

    /// What the ledger knows of these records, in no particular order; those it does not know are missing.
    fn ledger<'a>(
        &'a self,
        ledger: &'a LedgerKey,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>>;

    /// What a run has written into the ledger, behind `after`: which texts it has already paid for. What another run has
    /// replaced since is not among it.
    fn paid<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>>;

    /// Asks something of a run that another process may be at work on; a later question replaces an earlier one. A run that
    /// stops forgets what it was asked.
    fn ask<'a>(&'a self, run: &'a RunId, ask: Ask) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What was asked of these runs since the last look; each question is answered once.
    fn asked<'a>(&'a self, runs: &'a [RunId]) -> BoxFuture<'a, Result<Vec<(RunId, Ask)>, StoreError>>;

    /// Forgets what the documented rule allows to be forgotten; answers how many runs were removed. Runs that are live
    /// or resumable stay (a failed one for a month), and so does the ledger. `now` is in milliseconds since 1970, UTC.
    fn prune(&self, now: u64) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// All schedules, oldest first.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>>;

    /// Keeps a new schedule.
    fn keep_schedule<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Changes a schedule as it stands at this moment, and answers with it as it is kept: nobody, in whatever process,
    /// changes it in between. `None` if there is none with this id, or if the change says that nothing is to be kept.
    fn change_schedule<'a>(
        &'a self,
        id: &'a ScheduleId,
        change: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>>;

    /// Removes a schedule; answers whether there was one.
    fn remove_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>>;
}
