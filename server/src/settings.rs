//! The settings as pages and `tain config` show them, and whether the services can be used with them.

use std::time::{Duration, Instant};

use elasticsearch::{Finding, Precheck, Privileges, Query, Severity};
use format::{count, counted};
use protocol::{Service, ServiceTest, SettingView, SettingsView};
use tokio::time::timeout;

use crate::{
    config::Entry,
    connections::{
        ConnectError, Connections,
        failure::{self, Variables, service_failed},
        search_failed,
    },
    documents,
};

/// How long a service may take to answer all that a test asks.
pub const TEST_PATIENCE: Duration = Duration::from_secs(10);

/// The settings of this process, what is missing in them, and what the services said about their limits.
pub fn settings(connections: &Connections) -> SettingsView {
    let config = connections.config();
    SettingsView {
        settings: config.entries.iter().map(setting).collect(),
        problems: config.missing_keys(),
        limits: connections.learned_limits(),
    }
}

/// A setting as it may be shown.
pub fn setting(entry: &Entry) -> SettingView {
    let variable = entry.variable;
    let value = entry.text().filter(|text| !text.is_empty()).map(|_| entry.shown());
    let alias = entry.alias.map(|alias| format!(" (set as {alias})")).unwrap_or_default();
    SettingView {
        group: variable.group.label().to_owned(),
        name: variable.name.to_owned(),
        toml_key: variable.toml_key(),
        value,
        origin: entry.origin.label().to_owned(),
        is_secret: variable.secret,
        help: format!("{}{alias}", variable.help),
    }
}

/// What a test of a service found.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Which service.
    pub service: Service,
    /// What it is like, in words; or why it cannot be used, with what to do.
    pub answer: Result<String, ConnectError>,
    /// How long it took.
    pub took: Duration,
}

impl From<Tested> for ServiceTest {
    fn from(Tested { service, answer, took }: Tested) -> Self {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let is_usable = answer.is_ok();
        let message = answer.unwrap_or_else(|error| error.to_string());
        Self { service, is_usable, message, millis }
    }
}

/// Tests a service: connects, authenticates and reads. Pays for nothing and writes nothing.
/// One that does not answer within this time cannot be used.
pub async fn test(connections: &Connections, service: Service, patience: Duration) -> Tested {
    let began = Instant::now();
    let variables = match service {
        Service::Source => &failure::SOURCE,
        Service::Target => &failure::TARGET,
        Service::Gemini => &failure::GEMINI,
        Service::Elasticsearch => &failure::ELASTICSEARCH,
    };
    let asked = timeout(patience, async {
        match service {
            Service::Source => source(connections, variables).await,
            Service::Target => target(connections, variables).await,
            Service::Gemini => embedding(connections, variables).await,
            Service::Elasticsearch => search(connections).await,
        }
    });
    let answer = asked.await.unwrap_or_else(|_| {
        Err(ConnectError::Service(format!(
            "no answer within {} s; check the network and {}",
            patience.as_secs(),
            variables.address
        )))
    });
    Tested { service, answer, took: began.elapsed() }
}

async fn source(connections: &Connections, variables: &Variables) -> Result<String, ConnectError> {
    let source = connections.source().await?;
    Ok(format!("{}; only ever read", describe(source, variables).await?))
}

async fn target(connections: &Connections, variables: &Variables) -> Result<String, ConnectError> {
    let target = connections.target().await?;
    connections.require_dimensions(target)?;
    Ok(format!("{}; as many as embeddings have", describe(target, variables).await?))
}

async fn describe(index: &pinecone::Reader, variables: &Variables) -> Result<String, ConnectError> {
    let description = index.description();
    let stats = index.stats().await.map_err(|error| service_failed(&error, error.kind(), variables))?;
    let dimension = match description.dimension {
        Some(dimension) => format!("{} dimensions", count(dimension.into())),
        None => "sparse vectors".to_owned(),
    };
    let metric = description.metric.as_deref().unwrap_or("a metric that it does not name");
    Ok(format!(
        "connected: {}, {dimension}, {metric}, {} in {}",
        description.name,
        counted(stats.total, "record", "records"),
        counted(stats.namespaces.len() as u64, "namespace", "namespaces")
    ))
}

async fn embedding(connections: &Connections, variables: &Variables) -> Result<String, ConnectError> {
    let gemini = connections.gemini().await?;
    // Asking for the model needs the key and costs nothing.
    gemini.check().await.map_err(|error| service_failed(&error, error.kind(), variables))?;
    let (model, quotas) = (gemini.model(), gemini.quotas());
    Ok(format!(
        "connected: {}, {} dimensions, {}; paced to {} and {} a minute",
        model.id,
        count(model.dimensions.into()),
        model.task_type,
        counted(quotas.texts_per_minute, "text", "texts"),
        counted(quotas.tokens_per_minute, "token", "tokens")
    ))
}

async fn search(connections: &Connections) -> Result<String, ConnectError> {
    let search = connections.search().await?;
    let reader = &search.reader;
    let identity = reader.identity().await.map_err(search_failed)?;
    let documents = reader.count(&Query::all()).await.map_err(search_failed)?;
    let task = documents::configured(connections).map_err(|error| documents::not_usable(&error))?;
    let fields = documents::fields(&search, &task).await?;
    let precheck = reader.precheck(&task, &fields).await.map_err(search_failed)?;
    let stopped = stop(&precheck);
    if let Some(finding) = stopped.filter(|finding| !finding.is_mended_by_mapping) {
        return Err(ConnectError::NotConfigured(sentence(finding)));
    }
    let identity = identity.map(|name| format!(" as {name}")).unwrap_or_default();
    let first = stopped.map(|finding| format!("; before an update: {}", sentence(finding)));
    Ok(format!(
        "connected: {}{identity}, {}, {}; {}{}",
        reader.server(),
        reader.index(),
        counted(documents, "document", "documents"),
        privileges(&precheck.privileges),
        first.unwrap_or_default()
    ))
}

/// The gravest reason why nothing may be written.
fn stop(precheck: &Precheck) -> Option<&Finding> {
    let mut stops = precheck.findings.iter().filter(|finding| finding.severity == Severity::Stop);
    let first = stops.clone().next();
    stops.find(|finding| !finding.is_mended_by_mapping).or(first)
}

fn sentence(finding: &Finding) -> String {
    let index = finding.index.as_ref().map(|index| format!("{index}: ")).unwrap_or_default();
    format!("{index}{}; {}", finding.message, finding.remedy)
}

/// What the key may do, and what of it is more than is needed.
fn privileges(privileges: &Privileges) -> String {
    let Privileges::Known { read, index, maintenance, delete, create_index, .. } = *privileges else {
        return "it does not say what the key may do".to_owned();
    };
    let listed = |all: &[(bool, &'static str)]| {
        let words: Vec<&str> = all.iter().filter(|(may, _)| *may).map(|(_, word)| *word).collect();
        words.join(", ")
    };
    let needed = listed(&[(read, "read"), (index, "update documents"), (maintenance, "refresh")]);
    let more = listed(&[(delete, "delete documents"), (create_index, "create indexes")]);
    if more.is_empty() {
        format!("the key may {needed}")
    } else {
        format!("the key may {needed}, and {more}, which tain never does")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_key_may_do_is_said_in_words() {
        let least = Privileges::Known {
            read: true,
            index: true,
            view_metadata: true,
            maintenance: true,
            delete: false,
            create_index: false,
            manage: false,
        };
        assert_eq!(privileges(&least), "the key may read, update documents, refresh");
        assert!(privileges(&Privileges::Unknown).contains("does not say"));
    }
}
