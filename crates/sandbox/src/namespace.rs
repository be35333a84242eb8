//! The records of one namespace, and the writes that nobody sees yet.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use crate::options::Options;
use crate::record::Record;

/// A namespace: what readers see, and the writes that are on their way.
#[derive(Default)]
pub(crate) struct Namespace {
    /// Bytewise order, which is the order of listings.
    pub(crate) records: BTreeMap<Box<str>, Record>,
    /// Writes on their way, in order of arrival: when each may be seen, its number, its record.
    pending: VecDeque<(Instant, u64, Box<str>)>,
    /// What these writes say, oldest first, and when a fetch may see it.
    versions: HashMap<Box<str>, VecDeque<(Instant, Option<Record>)>>,
    /// The number of the last write that was acknowledged.
    pub(crate) lsn: u64,
    /// The number of the last write that queries see.
    pub(crate) indexed: u64,
}

/// How long it takes until a write is seen.
#[derive(Clone, Copy)]
pub(crate) struct Delays {
    /// By list, query and stats.
    pub(crate) visible: Duration,
    /// By fetch.
    pub(crate) fetch: Duration,
}

impl Delays {
    /// Seen at once.
    pub(crate) const NONE: Self = Self { visible: Duration::ZERO, fetch: Duration::ZERO };

    /// As the sandbox was started.
    pub(crate) fn of(options: &Options) -> Self {
        Self { visible: options.visibility_delay, fetch: options.fetch_delay }
    }
}

impl Namespace {
    /// Lets everything become visible whose time has come, in the order in which it was written.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.settle_while(|visible| visible <= now);
    }

    /// Lets everything become visible at once.
    pub(crate) fn flush(&mut self) {
        self.settle_while(|_| true);
    }

    fn settle_while(&mut self, is_due: impl Fn(Instant) -> bool) {
        while let Some((_, lsn, id)) = self.pending.pop_front_if(|(visible, ..)| is_due(*visible)) {
            self.indexed = lsn;
            let Some(versions) = self.versions.get_mut(&id) else { continue };
            let version = versions.pop_front();
            if versions.is_empty() {
                self.versions.remove(&id);
            }
            match version {
                Some((_, Some(record))) => {
                    self.records.insert(id, record);
                }
                Some((_, None)) => {
                    self.records.remove(&id);
                }
                None => {}
            }
        }
    }

    /// Writes records (`None` removes one) and answers the number of the write.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        delays: Delays,
        changes: impl IntoIterator<Item = (Box<str>, Option<Record>)>,
    ) -> u64 {
        self.lsn += 1;
        for (id, record) in changes {
            self.pending.push_back((now + delays.visible, self.lsn, id.clone()));
            self.versions.entry(id).or_default().push_back((now + delays.fetch, record));
        }
        if self.pending.is_empty() {
            self.indexed = self.lsn;
        }
        self.settle(now);
        self.lsn
    }

    /// The newest version of a record, whether visible or not.
    pub(crate) fn newest(&self, id: &str) -> Option<Record> {
        match self.versions.get(id).and_then(VecDeque::back) {
            Some((_, version)) => version.clone(),
            None => self.records.get(id).cloned(),
        }
    }

    /// What a fetch sees.
    pub(crate) fn fetch(&self, id: &str, now: Instant) -> Option<Record> {
        let due = |(fetchable, _): &&(Instant, Option<Record>)| *fetchable <= now;
        match self.versions.get(id).and_then(|versions| versions.iter().rev().find(due)) {
            Some((_, version)) => version.clone(),
            None => self.records.get(id).cloned(),
        }
    }

    /// Up to `limit` visible ids with the prefix, behind `after`, in order.
    pub(crate) fn list<'a>(&'a self, prefix: &'a str, after: Option<&str>) -> impl Iterator<Item = &'a str> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.records
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(id, _)| id.as_ref())
            .take_while(move |id| id.starts_with(prefix))
    }

    /// All records once every write has become visible.
    pub(crate) fn as_it_will_be(&self) -> BTreeMap<Box<str>, Record> {
        let mut records = self.records.clone();
        for (id, versions) in &self.versions {
            match versions.back() {
                Some((_, Some(record))) => records.insert(id.clone(), record.clone()),
                Some((_, None)) => records.remove(id),
                None => None,
            };
        }
        records
    }

    /// Whether nobody ever wrote here, or everything was removed.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Metadata, MetadataValue};

    const DELAY: Duration = Duration::from_secs(10);
    const DELAYS: Delays = Delays { visible: DELAY, fetch: Duration::from_secs(5) };

    fn record(number: f64) -> Option<Record> {
        let metadata = Metadata::from([("n".to_owned(), MetadataValue::Number(number))]);
        Some(Record::stored(Box::default(), None, metadata))
    }

    fn number(record: Option<&Record>) -> Option<MetadataValue> {
        record.and_then(|record| record.metadata().get("n").cloned())
    }

    #[tokio::test(start_paused = true)]
    async fn writes_become_visible_one_after_the_other() {
        let mut namespace = Namespace::default();
        let id = || Box::from("a");
        assert_eq!(namespace.write(Instant::now(), DELAYS, [(id(), record(1.0))]), 1);
        tokio::time::advance(DELAY / 2).await;
        assert_eq!(namespace.write(Instant::now(), DELAYS, [(id(), record(2.0))]), 2);
        let seen = |namespace: &mut Namespace| {
            let now = Instant::now();
            namespace.settle(now);
            let fetched = number(namespace.fetch("a", now).as_ref());
            (number(namespace.records.get("a")), fetched, namespace.indexed)
        };
        let n = |number| Some(MetadataValue::Number(number));
        assert_eq!(seen(&mut namespace), (None, n(1.0), 0));
        assert_eq!(number(namespace.newest("a").as_ref()), n(2.0));
        tokio::time::advance(DELAY / 2).await;
        assert_eq!(seen(&mut namespace), (n(1.0), n(2.0), 1));
        namespace.write(Instant::now(), DELAYS, [(id(), None)]);
        assert!(namespace.as_it_will_be().is_empty());
        tokio::time::advance(DELAY / 2).await;
        assert_eq!(seen(&mut namespace), (n(2.0), None, 2));
        tokio::time::advance(DELAY / 2).await;
        assert_eq!(seen(&mut namespace), (None, None, 3));
        assert!(namespace.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_those_before_it_unless_all_are_flushed() {
        let mut namespace = Namespace::default();
        namespace.write(Instant::now(), DELAYS, [(Box::from("a"), record(1.0))]);
        namespace.write(Instant::now(), Delays::NONE, [(Box::from("b"), record(2.0))]);
        assert!(namespace.records.is_empty());
        assert!(namespace.fetch("b", Instant::now()).is_some());
        namespace.flush();
        assert_eq!((namespace.records.len(), namespace.indexed), (2, 2));
    }
}
