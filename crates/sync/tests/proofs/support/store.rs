//! A store in memory, which can be told to die with the process at any commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use futures::{FutureExt, future::BoxFuture};
use protocol::{
    Category, EventBody, FailedRecord, FailurePage, LogPage, LogQuery, PageQuery, RecordIds, RunFilter,
    RunId, RunPage, RunView, Schedule, ScheduleId,
};
use store::{
    Ask, Commit, Digest, Found, LedgerEntry, LedgerKey, Pending, ScheduleChange, Store, StoreError, Vector,
};

/// What is kept of one run.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub view: Option<RunView>,
    pub checkpoint: Option<String>,
    pub pending: BTreeMap<String, Found>,
    pub records: BTreeMap<(String, String), (Option<Digest>, Option<Digest>)>,
    pub failures: BTreeMap<String, FailedRecord>,
    pub log: Vec<String>,
    pub commits: usize,
}

#[derive(Debug, Default)]
pub struct StoreState {
    pub runs: BTreeMap<RunId, Kept>,
    pub ledger: BTreeMap<String, (Vector, RunId)>,
    /// The commit with this number fails, and so do all behind it.
    pub fails_at: Option<usize>,
    pub commits: usize,
    /// How often the ledger was asked.
    pub ledger_looks: usize,
}

#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<StoreState>>,
}

impl MemoryStore {
    pub fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    pub fn kept(&self, run: &RunId) -> Kept {
        self.state().runs.get(run).cloned().unwrap_or_default()
    }

    pub fn ids(&self, run: &RunId, category: Category) -> BTreeSet<String> {
        self.kept(run)
            .records
            .into_keys()
            .filter(|(slug, _)| slug == category.slug())
            .map(|(_, id)| id)
            .collect()
    }

    fn take(&self, run: &RunId, commit: Commit) -> Result<(), StoreError> {
        let mut state = self.state();
        let number = state.commits;
        state.commits += 1;
        if state.fails_at.is_some_and(|at| number >= at) {
            let (path, reason) = ("memory".to_owned(), "it was told to fail".to_owned());
            return Err(StoreError::Io { path, what: "commit", reason });
        }
        let Commit { reset, view, events, failures, found, settled, checkpoint } = commit;
        let mut written = Vec::new();
        let kept = state.runs.entry(run.clone()).or_default();
        kept.commits += 1;
        if reset {
            kept.pending.clear();
            kept.records.clear();
            kept.failures.clear();
        }
        if let Some(view) = view {
            kept.view = Some(view);
        }
        for event in events {
            if let EventBody::Log(line) = event.body {
                kept.log.push(line.message);
            }
        }
        for failure in failures {
            kept.failures.insert(failure.id.clone(), failure);
        }
        for Pending { id, found } in found {
            kept.pending.insert(id, found);
        }
        for record in settled {
            kept.pending.remove(&record.id);
            for category in record.categories {
                let key = (category.slug().to_owned(), record.id.clone());
                let before = kept.records.insert(key, (record.digest, record.text));
                assert!(before.is_none(), "{} was settled twice in {category:?}", record.id);
            }
            written.extend(record.vector.map(|vector| (record.id, vector)));
        }
        if let Some(checkpoint) = checkpoint {
            kept.checkpoint = Some(checkpoint);
        }
        for (id, vector) in written {
            state.ledger.insert(id, (vector, run.clone()));
        }
        Ok(())
    }
}

fn answer<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, StoreError>> {
    futures::future::ready(Ok(value)).boxed()
}

fn behind<T>(rows: impl Iterator<Item = (String, T)>, after: Option<&str>, limit: u32) -> Vec<(String, T)> {
    rows.filter(|(id, _)| after.is_none_or(|after| id.as_str() > after)).take(limit as usize).collect()
}

impl Store for MemoryStore {
    fn begin<'a>(&'a self, view: &'a RunView, _: &'a LedgerKey) -> BoxFuture<'a, Result<(), StoreError>> {
        let kept = Kept { view: Some(view.clone()), ..Kept::default() };
        self.state().runs.insert(view.head.id.clone(), kept);
        answer(())
    }

    fn commit<'a>(&'a self, run: &'a RunId, commit: Commit) -> BoxFuture<'a, Result<(), StoreError>> {
        futures::future::ready(self.take(run, commit)).boxed()
    }

    fn view<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, StoreError>> {
        answer(self.kept(run).view)
    }

    fn runs<'a>(&'a self, _: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, StoreError>> {
        panic!("the core lists no runs")
    }

    fn checkpoint<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        answer(self.kept(run).checkpoint)
    }

    fn pending<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Pending>, StoreError>> {
        let rows = behind(self.kept(run).pending.into_iter(), after, limit);
        answer(rows.into_iter().map(|(id, found)| Pending { id, found }).collect())
    }

    fn records<'a>(
        &'a self,
        _: &'a RunId,
        _: Category,
        _: &'a PageQuery,
    ) -> BoxFuture<'a, Result<RecordIds, StoreError>> {
        panic!("the core shows no records")
    }

    fn planned<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, Option<Digest>)>, StoreError>> {
        let rows = self.kept(run).records.into_iter().filter(|((slug, _), _)| slug == category.slug());
        answer(behind(rows.map(|((_, id), (digest, _))| (id, digest)), after, limit))
    }

    fn planned_texts<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<Digest>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Digest>, StoreError>> {
        let texts: BTreeSet<Digest> =
            self.kept(run).records.into_values().filter_map(|(_, text)| text).collect();
        let rows = texts.into_iter().filter(|text| after.is_none_or(|after| *text > after));
        answer(rows.take(limit as usize).collect())
    }

    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<FailurePage, StoreError>> {
        let rows = behind(self.kept(run).failures.into_iter(), query.after.as_deref(), query.limit);
        let failures = rows.into_iter().map(|(_, failure)| failure).collect();
        answer(FailurePage { failures, ..FailurePage::default() })
    }

    fn log<'a>(&'a self, _: &'a RunId, _: &'a LogQuery) -> BoxFuture<'a, Result<LogPage, StoreError>> {
        panic!("the core shows no log")
    }

    fn plan<'a>(&'a self, _: &'a LedgerKey, _: &'a str) -> BoxFuture<'a, Result<Option<RunId>, StoreError>> {
        panic!("the core is told the run")
    }

    fn ledger<'a>(
        &'a self,
        _: &'a LedgerKey,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>> {
        let mut state = self.state();
        state.ledger_looks += 1;
        let entry = |id: &String| {
            state.ledger.get(id).map(|(vector, _)| LedgerEntry { id: id.clone(), vector: vector.clone() })
        };
        answer(ids.iter().filter_map(entry).collect())
    }

    fn paid<'a>(
        &'a self,
        run: &'a RunId,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LedgerEntry>, StoreError>> {
        let ledger = self.state().ledger.clone();
        let rows = ledger.into_iter().filter(|(_, (_, by))| by == run).map(|(id, (vector, _))| (id, vector));
        answer(
            behind(rows, after, limit).into_iter().map(|(id, vector)| LedgerEntry { id, vector }).collect(),
        )
    }

    fn ask<'a>(&'a self, _: &'a RunId, _: Ask) -> BoxFuture<'a, Result<(), StoreError>> {
        panic!("the core is asked directly")
    }

    fn asked<'a>(&'a self, _: &'a [RunId]) -> BoxFuture<'a, Result<Vec<(RunId, Ask)>, StoreError>> {
        panic!("the core is asked directly")
    }

    fn prune(&self, _: u64) -> BoxFuture<'_, Result<u64, StoreError>> {
        panic!("the core forgets nothing")
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>> {
        panic!("the core knows no schedules")
    }

    fn keep_schedule<'a>(&'a self, _: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>> {
        panic!("the core knows no schedules")
    }

    fn change_schedule<'a>(
        &'a self,
        _: &'a ScheduleId,
        _: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>> {
        panic!("the core knows no schedules")
    }

    fn remove_schedule<'a>(&'a self, _: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        panic!("the core knows no schedules")
    }
}
