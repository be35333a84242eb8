//! What differs between the kinds of runs: which services they need, what they write and hold meanwhile, and whose names
//! stand at their head.

use std::sync::Arc;

use pinecone::Namespace;
use protocol::{DocumentUpdate, RunHead, RunKind, RunRequest, RunState};
use store::LedgerKey;
use sync::{
    Durable, Recorder, SearchServices, Stop, TargetWriter, UpdateError, execute_documents, execute_levels,
    task_of,
};

use super::{Runs, StartError, namespace_of};
use crate::{
    connections::{ConnectError, RunServices, search_failed},
    exit::chain,
};

/// Something that only one run may write at a time (law 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A namespace of the target.
    Namespace(Namespace),
    /// The documents of the search index.
    Documents,
}

/// The work of a run, with the services that it needs.
pub(super) enum Work {
    /// Records of the two vector indexes, and perhaps the documents beside them.
    Records { services: Box<RunServices>, durable: Durable },
    /// Documents of the search index.
    Documents(SearchServices),
    /// Records and documents side by side.
    Levels { target: Box<TargetWriter>, search: SearchServices },
}

impl Runs {
    /// Checks whether a run that is about documents has a search index, and whether its update can be carried out.
    pub(crate) fn check_documents(&self, request: &RunRequest) -> Result<(), StartError> {
        if request.documents.is_some() || request.kind == RunKind::Levels {
            self.connections.search_endpoint()?;
        }
        if let Some(update) = &request.documents {
            task_of(update, &self.connections.settings(), request.overwrite_added).map_err(unusable)?;
        }
        Ok(())
    }

    /// Checks what can be checked before anything is asked of a service.
    pub(super) fn check(&self, request: &RunRequest) -> Result<(), StartError> {
        self.check_documents(request)?;
        match request.kind {
            RunKind::Analyze | RunKind::Mirror | RunKind::Reembed => {
                namespace_of(request)?;
                Ok(self.connections.require_keys(request)?)
            }
            RunKind::Documents if request.plan.is_some() || request.namespaces.is_some() => {
                let message = "an update of documents follows no plan, and its scope names its namespaces";
                Err(StartError::invalid("namespaces", message))
            }
            RunKind::Documents if request.documents.is_none() => {
                Err(StartError::invalid("documents", "an update of documents must say whose"))
            }
            RunKind::Documents => Ok(()),
            RunKind::Levels if request.plan.is_some() || request.namespaces.is_some() => {
                Err(StartError::invalid("namespaces", "levels are compared one namespace at a time"))
            }
            RunKind::Levels => {
                namespace_of(request)?;
                Ok(self.connections.require_pinecone_key()?)
            }
        }
    }

    /// What a run writes.
    pub(super) fn written(&self, request: &RunRequest) -> Result<Vec<Written>, StartError> {
        let mut written = Vec::new();
        if request.is_live() {
            if request.kind != RunKind::Documents {
                written.push(Written::Namespace(namespace_of(request)?));
            }
            if request.documents.is_some() {
                written.push(Written::Documents);
            }
        }
        Ok(written)
    }

    /// The services of a run.
    pub(super) async fn work_of(&self, request: &RunRequest) -> Result<Work, StartError> {
        let connections = &self.connections;
        Ok(match request.kind {
            RunKind::Analyze | RunKind::Mirror | RunKind::Reembed => {
                if let (true, Some(update)) = (request.is_live(), &request.documents) {
                    self.require_clear(update, request.overwrite_added).await?;
                }
                let services = Box::new(connections.services(request, self.clock.clone()).await?);
                let durable = Durable { store: self.store.clone(), ledger: self.ledger_of(request)? };
                Work::Records { services, durable }
            }
            RunKind::Documents => {
                Work::Documents(SearchServices::new(&connections.search().await?, self.clock.clone()))
            }
            RunKind::Levels => {
                let (target, search) = (connections.target().await?, connections.search().await?);
                let (target, search) = SearchServices::beside(target, &search, self.clock.clone());
                Work::Levels { target: Box::new(target), search }
            }
        })
    }

    /// A mirror that ends with documents looks before it begins whether they can be updated: hours later is too late.
    async fn require_clear(&self, update: &DocumentUpdate, overwrite: bool) -> Result<(), StartError> {
        let search = self.connections.search().await?;
        let task = task_of(update, &self.connections.settings(), overwrite).map_err(unusable)?;
        let (_, precheck) =
            search.precheck(&task).await.map_err(|error| StartError::Connect(search_failed(error)))?;
        match precheck.clear() {
            Ok(_) => Ok(()),
            Err(stopped) => Err(ConnectError::NotConfigured(chain(&stopped)).into()),
        }
    }

    /// Whose names stand at the head of a run: from where, and to where.
    pub(super) fn indexes_of(&self, request: &RunRequest) -> Result<(String, String), StartError> {
        let (source, target) = self.connections.index_names();
        let documents = || self.connections.config().elasticsearch.index.to_string();
        Ok(match request.kind {
            RunKind::Analyze | RunKind::Mirror | RunKind::Reembed => (source.to_owned(), target.to_owned()),
            RunKind::Documents => (self.connections.search_endpoint()?.as_str().to_owned(), documents()),
            RunKind::Levels => (target.to_owned(), documents()),
        })
    }

    /// A run goes on between the indexes that it began with.
    pub(super) fn require_same_indexes(&self, head: &RunHead) -> Result<(), StartError> {
        let (source, target) = self.indexes_of(&head.request)?;
        if (&head.source, &head.target) == (&source, &target) {
            return Ok(());
        }
        let (from, to) = match head.request.kind {
            RunKind::Analyze | RunKind::Mirror | RunKind::Reembed => {
                ("PINECONE_OLD_INDEX", "PINECONE_NEW_INDEX")
            }
            RunKind::Documents => ("ELASTICSEARCH_ENDPOINT", "ELASTICSEARCH_INDEX"),
            RunKind::Levels => ("PINECONE_NEW_INDEX", "ELASTICSEARCH_INDEX"),
        };
        let message = format!(
            "run {} goes from {} to {}, but the settings name {source} and {target}; set {from}={} and {to}={} to go \
             on with it",
            head.id, head.source, head.target, head.source, head.target
        );
        Err(StartError::invalid("run", message))
    }

    /// Where the vectors of a run stand in the ledger; a run that makes none has a place of its own there.
    pub(super) fn ledger_of(&self, request: &RunRequest) -> Result<LedgerKey, StartError> {
        if request.kind == RunKind::Documents {
            return Ok(LedgerKey { target: self.connections.search_identity()?, namespace: String::new() });
        }
        let target = self.connections.target_identity();
        // A run over several namespaces leaves the vectors to the run of each.
        let namespace = match request.namespaces {
            Some(_) => String::new(),
            None => namespace_of(request)?.as_str().to_owned(),
        };
        Ok(LedgerKey { target, namespace })
    }
}

impl Work {
    /// Does it.
    pub(super) async fn execute(
        self,
        runs: &Runs,
        request: &RunRequest,
        recorder: &Arc<Recorder>,
        stop: &Stop,
    ) -> RunState {
        let settings = runs.connections.settings();
        let store = &runs.store;
        match self {
            Self::Records { services, durable } => {
                sync::execute(&services, &settings, request, recorder, &durable, stop).await
            }
            Self::Documents(search) => {
                execute_documents(&search, &settings, request, recorder, store, stop).await
            }
            Self::Levels { target, search } => {
                execute_levels(&*target, &search, &settings, request, recorder, store, stop).await
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn unusable(error: UpdateError) -> StartError {
    StartError::invalid(error.field(), error.to_string())
}
