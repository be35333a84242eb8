//! The services, connected to when they are first needed and shared by all runs, so that their quotas are shared too.

pub mod failure;
mod limits;
mod search;

use std::{path::Path, time::Duration};

use gemini::Gemini;
use pinecone::{IndexStats, SourceIndex, TargetIndex};
use protocol::{IndexView, Reading, RunKind, RunRequest};
use sync::{Clock, GeminiEmbedder, SearchIndex, Services, Settings, SourceReader, TargetWriter};
use tokio::{sync::OnceCell, time::timeout};

use crate::{
    config::{Config, MISSING_GEMINI_KEY, MISSING_PINECONE_KEY, Mirror},
    exit::chain,
};

use failure::service_failed;
pub use search::search_failed;

/// How long a page waits for a service before it shows *unknown*.
pub const PAGE_PATIENCE: Duration = Duration::from_secs(4);

/// How long a command waits for it; long enough for a few retries.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(20);

/// How long the start of a run waits for the services to be connected.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// Why a service cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// A setting is missing or does not fit; the text names it.
    #[error("{0}")]
    NotConfigured(String),
    /// The service did not do its part.
    #[error("{0}")]
    Service(String),
}

/// The services of one run.
pub type RunServices = Services<SourceReader, TargetWriter, GeminiEmbedder>;

/// The services as configured.
pub struct Connections {
    config: Config,
    source: OnceCell<SourceIndex>,
    target: OnceCell<TargetIndex>,
    gemini: OnceCell<Gemini>,
    cluster: OnceCell<(elasticsearch::Connection, elasticsearch::Cluster)>,
    search: OnceCell<SearchIndex>,
}

impl Connections {
    /// Connects to nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            source: OnceCell::new(),
            target: OnceCell::new(),
            gemini: OnceCell::new(),
            cluster: OnceCell::new(),
            search: OnceCell::new(),
        }
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where the store and the locks are kept.
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    /// The names of source and target.
    pub fn index_names(&self) -> (&str, &str) {
        (&self.config.pinecone.source, &self.config.pinecone.target)
    }

    /// The names of source, target and search index.
    pub fn all_names(&self) -> [&str; 3] {
        let (source, target) = self.index_names();
        [source, target, self.config.elasticsearch.index.as_str()]
    }

    /// What names the target unmistakably: an index name means nothing without its control plane.
    pub fn target_identity(&self) -> String {
        format!("{}{}", self.config.pinecone.controller, self.config.pinecone.target)
    }

    /// What runs are told.
    pub fn settings(&self) -> Settings {
        settings(&self.config)
    }

    /// Checks that the keys which a run needs are there.
    ///
    /// # Errors
    ///
    /// The first one that is missing, with the name of its variable.
    pub fn require_keys(&self, request: &RunRequest) -> Result<(), ConnectError> {
        if request.documents.is_some() || request.kind == RunKind::Levels {
            self.search_endpoint()?;
        }
        if request.kind == RunKind::Documents {
            return Ok(());
        }
        self.require_pinecone_key()?;
        if request.is_live() && self.config.gemini.api_key.is_none() {
            return Err(ConnectError::NotConfigured(MISSING_GEMINI_KEY.to_owned()));
        }
        Ok(())
    }

    /// Checks that the key of the indexes is there.
    ///
    /// # Errors
    ///
    /// The name of its variable.
    pub fn require_pinecone_key(&self) -> Result<(), ConnectError> {
        match self.config.pinecone.api_key {
            Some(_) => Ok(()),
            None => Err(ConnectError::NotConfigured(MISSING_PINECONE_KEY.to_owned())),
        }
    }

    /// The source.
    ///
    /// # Errors
    ///
    /// A missing key, or what the service said.
    pub async fn source(&self) -> Result<&SourceIndex, ConnectError> {
        let connect = async || {
            let connection = self.pinecone()?;
            SourceIndex::connect(&connection, &self.config.pinecone.source)
                .await
                .map_err(|error| service_failed(&error, error.kind(), &failure::SOURCE))
        };
        self.source.get_or_try_init(connect).await
    }

    /// The target.
    ///
    /// # Errors
    ///
    /// A missing key, or what the service said.
    pub async fn target(&self) -> Result<&TargetIndex, ConnectError> {
        let connect = async || {
            let connection = self.pinecone()?;
            TargetIndex::connect(&connection, &self.config.pinecone.target)
                .await
                .map_err(|error| service_failed(&error, error.kind(), &failure::TARGET))
        };
        self.target.get_or_try_init(connect).await
    }

    fn pinecone(&self) -> Result<pinecone::Connection, ConnectError> {
        let pinecone = &self.config.pinecone;
        let api_key = pinecone.api_key.clone();
        let api_key = api_key.ok_or_else(|| ConnectError::NotConfigured(MISSING_PINECONE_KEY.to_owned()))?;
        let quotas = pinecone::Quotas {
            list_per_second: pinecone.list_per_second,
            fetch_per_second: pinecone.fetch_per_second,
            upsert_per_second: pinecone.upsert_per_second,
            upsert_bytes_per_second: pinecone.upsert_bytes_per_second,
            ..pinecone::Quotas::default()
        };
        let options = pinecone::Options { quotas, ..pinecone::Options::default() };
        Ok(pinecone::Connection { api_key, controller: pinecone.controller.clone(), options })
    }

    /// The embedding service.
    ///
    /// # Errors
    ///
    /// A missing key, or an address that is not safe for one.
    pub async fn gemini(&self) -> Result<&Gemini, ConnectError> {
        let connect = async || {
            let settings = &self.config.gemini;
            let api_key = settings.api_key.clone();
            let api_key =
                api_key.ok_or_else(|| ConnectError::NotConfigured(MISSING_GEMINI_KEY.to_owned()))?;
            let quotas = gemini::Quotas {
                texts_per_minute: settings.texts_per_minute,
                tokens_per_minute: settings.tokens_per_minute,
            };
            let options = gemini::Options::default();
            Gemini::new(api_key, &settings.base_url, settings.model.clone(), quotas, options)
                .map_err(|error| ConnectError::NotConfigured(chain(&error)))
        };
        self.gemini.get_or_try_init(connect).await
    }

    /// The services of a run, which count in a meter of its own.
    ///
    /// # Errors
    ///
    /// A missing key, a service that does not answer, or a target that cannot hold what would be written.
    pub async fn services(&self, request: &RunRequest, clock: Clock) -> Result<RunServices, ConnectError> {
        let connected = timeout(CONNECT_PATIENCE, async { tokio::try_join!(self.source(), self.target()) });
        let (source, target) = connected.await.map_err(|_| {
            ConnectError::Service(format!("Pinecone did not answer within {} s", CONNECT_PATIENCE.as_secs()))
        })??;
        self.require_two_indexes(source, target)?;
        let gemini = if request.is_live() {
            self.require_dimensions(target)?;
            Some(self.gemini().await?)
        } else {
            None
        };
        let search = match &request.documents {
            Some(_) => Some(self.search().await?),
            None => None,
        };
        Ok(sync::connected(source, target, gemini, search.as_ref(), clock))
    }

    /// Two names may still mean one index; then the source would be written to (law 1).
    fn require_two_indexes(&self, source: &SourceIndex, target: &TargetIndex) -> Result<(), ConnectError> {
        if source.description().host != target.description().host {
            return Ok(());
        }
        let (source, target) = self.index_names();
        Err(ConnectError::NotConfigured(format!(
            "{source} and {target} are the same index; name another one in PINECONE_NEW_INDEX: tain never writes to \
             its source"
        )))
    }

    /// Checks that the target holds vectors of the size that embeddings will have.
    ///
    /// # Errors
    ///
    /// The setting to change.
    pub fn require_dimensions(&self, target: &TargetIndex) -> Result<(), ConnectError> {
        let asked = self.config.gemini.model.dimensions;
        match target.description().dimension {
            Some(dimension) if dimension == asked => Ok(()),
            Some(dimension) => Err(ConnectError::NotConfigured(format!(
                "{} holds vectors of {dimension} dimensions, but embeddings of {asked} are asked for; set \
                 GEMINI_OUTPUT_DIMENSIONS={dimension}, or name another index in PINECONE_NEW_INDEX",
                self.config.pinecone.target
            ))),
            None => Err(ConnectError::NotConfigured(format!(
                "{} holds sparse vectors only; name an index of dense vectors in PINECONE_NEW_INDEX",
                self.config.pinecone.target
            ))),
        }
    }

    /// What pages show of both indexes.
    pub async fn indexes(&self) -> (IndexView, IndexView) {
        let source = async {
            let source = self.source().await?;
            Ok((source.description().clone(), source.stats().await))
        };
        let target = async {
            let target = self.target().await?;
            Ok((target.description().clone(), target.stats().await))
        };
        let (source_name, target_name) = self.index_names();
        tokio::join!(index_view(source_name, source), index_view(target_name, target))
    }

    /// The statistics of both indexes. One that does not answer within this time is unknown.
    pub async fn stats_within(&self, patience: Duration) -> (Reading<IndexStats>, Reading<IndexStats>) {
        let source = async { self.source().await?.stats().await.map_err(service) };
        let target = async { self.target().await?.stats().await.map_err(service) };
        tokio::join!(within(patience, source), within(patience, target))
    }
}

/// What runs are told, from the settings.
fn settings(config: &Config) -> Settings {
    let Mirror {
        text_key, added_key, added_value, fetch_batch, embed_batch, upsert_batch, batch_delay, ..
    } = config.mirror.clone();
    let model = &config.gemini.model;
    let limits = model.limits();
    Settings {
        text_key,
        added_key,
        added_value,
        fetch_batch: fetch_batch as usize,
        embed_batch: embed_batch as usize,
        upsert_batch: upsert_batch as usize,
        batch_delay,
        texts_per_minute: config.gemini.texts_per_minute,
        tokens_per_minute: config.gemini.tokens_per_minute,
        input_tokens: limits.input_tokens,
        price_per_million: limits.micro_usd_per_million_tokens,
        dimensions: model.dimensions,
        made_by: format!("{}/{}/{}", model.id, model.dimensions, model.task_type),
        ..Settings::default()
    }
}

fn service(error: impl std::error::Error) -> ConnectError {
    ConnectError::Service(chain(&error))
}

/// A reading that is unknown where the service failed or took too long.
pub async fn within<T>(
    patience: Duration,
    reading: impl Future<Output = Result<T, ConnectError>>,
) -> Reading<T> {
    match timeout(patience, reading).await {
        Ok(Ok(value)) => Reading::Known(value),
        Ok(Err(error)) => Reading::Unknown(error.to_string()),
        Err(_) => Reading::Unknown(format!("no answer within {} s", patience.as_secs())),
    }
}

type Described = (pinecone::IndexDescription, Result<IndexStats, pinecone::Error>);

async fn index_view(name: &str, read: impl Future<Output = Result<Described, ConnectError>>) -> IndexView {
    let name = name.to_owned();
    match within(PAGE_PATIENCE, read).await {
        Reading::Known((description, stats)) => IndexView {
            name,
            dimension: Reading::Known(description.dimension),
            metric: description
                .metric
                .map_or_else(|| Reading::Unknown("the index does not say".to_owned()), Reading::Known),
            records: match stats {
                Ok(stats) => Reading::Known(stats.total),
                Err(error) => Reading::Unknown(chain(&error)),
            },
        },
        Reading::Unknown(reason) => IndexView {
            name,
            dimension: Reading::Unknown(reason.clone()),
            metric: Reading::Unknown(reason.clone()),
            records: Reading::Unknown(reason),
        },
    }
}
