//! What all ports of a sandbox share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::counters::Counters;
use crate::elasticsearch::{self, Engine};
use crate::fault::{Fault, Faults};
use crate::gemini::Quota;
use crate::limits::Buckets;
use crate::namespace::Namespace;
use crate::options::{IndexOptions, Options};
use crate::{Endpoint, Error};

/// What all ports of a sandbox share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) indexes: Vec<Index>,
    pub(crate) faults: Faults,
    pub(crate) quota: Quota,
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) shutdown: CancellationToken,
    counters: Mutex<Counters>,
    /// Grows with every change of a record.
    pub(crate) changes: AtomicU64,
    pub(crate) changed: Notify,
}

/// An index and its data plane.
pub(crate) struct Index {
    pub(crate) options: IndexOptions,
    pub(crate) port: u16,
    pub(crate) buckets: Buckets,
    namespaces: Mutex<BTreeMap<String, Namespace>>,
}

/// One port: the main one (`index` is `None`), the data plane of an index, or Elasticsearch (which counts as the index
/// after the last).
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: Option<usize>,
}

impl Shared {
    pub(crate) fn new(options: Options, url: String, indexes: Vec<Index>, elasticsearch_port: u16) -> Self {
        Self {
            engine: Engine::new(&options.elasticsearch, elasticsearch_port),
            faults: Faults::new(options.seed, options.faults.clone()),
            quota: Quota::default(),
            counters: Mutex::default(),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            shutdown: CancellationToken::new(),
            options,
            indexes,
            url,
        }
    }

    /// The index of a name, or of the role `source` or `target`.
    pub(crate) fn find(&self, name: &str) -> Result<&Index, Error> {
        self.position(name)
            .and_then(|position| self.indexes.get(position))
            .ok_or_else(|| Error::UnknownIndex { name: name.to_owned() })
    }

    /// Whether every index that the faults name is there.
    pub(crate) fn check_faults(&self, faults: &[Fault]) -> Result<(), Error> {
        let named = faults.iter().filter_map(|fault| fault.index.as_deref());
        match named.into_iter().find(|index| self.position(index).is_none()) {
            Some(index) => Err(Error::UnknownIndex { name: index.to_owned() }),
            None => Ok(()),
        }
    }

    /// The position of an index in `indexes`.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match self.indexes.iter().position(|index| index.options.name == name) {
            None if name == "source" => Some(0),
            None if name == "target" => Some(1),
            None if name == elasticsearch::NAME => Some(self.indexes.len()),
            position => position,
        }
    }

    /// The names that an index goes by in a fault.
    pub(crate) fn names(&self, position: Option<usize>) -> Vec<&str> {
        let role = match position {
            Some(0) => Some("source"),
            Some(1) => Some("target"),
            Some(position) if position == self.indexes.len() => Some(elasticsearch::NAME),
            _ => None,
        };
        let index = position.and_then(|position| self.indexes.get(position));
        role.into_iter().chain(index.map(|index| index.options.name.as_str())).collect()
    }

    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_items(&self, index: Option<usize>, endpoint: Endpoint, items: usize) {
        self.counters().calls(index, endpoint).items += items as u64;
    }

    /// Says that records changed, so that they are saved.
    pub(crate) fn touch(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }
}

impl Index {
    pub(crate) fn new(options: IndexOptions, port: u16) -> Self {
        Self { options, port, buckets: Buckets::default(), namespaces: Mutex::default() }
    }

    pub(crate) fn host(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All namespaces, by normalised name.
    pub(crate) fn namespaces(&self) -> MutexGuard<'_, BTreeMap<String, Namespace>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All namespaces, with the writes that have become visible by now.
    pub(crate) fn settled(&self) -> MutexGuard<'_, BTreeMap<String, Namespace>> {
        let now = Instant::now();
        let mut namespaces = self.namespaces();
        for namespace in namespaces.values_mut() {
            namespace.settle(now);
        }
        namespaces
    }
}

impl Plane {
    /// Whether it is the port of Elasticsearch.
    pub(crate) fn is_elasticsearch(&self) -> bool {
        self.index == Some(self.shared.indexes.len())
    }

    /// The endpoint of a call to this port.
    pub(crate) fn endpoint(&self, method: &Method, path: &str) -> Endpoint {
        match self.index {
            None => Endpoint::of_main_port(method, path),
            Some(_) if self.is_elasticsearch() => elasticsearch::endpoint(method, path),
            Some(_) => Endpoint::of_data_plane(method, path),
        }
    }
}

/// The one spelling of a namespace: absent, empty and `__default__` are all the default namespace, kept as `""`.
pub(crate) fn normalised(namespace: Option<&str>) -> &str {
    match namespace {
        None | Some("__default__") => "",
        Some(namespace) => namespace,
    }
}
