//! `tain sandbox`: the emulator, for other programs to use.

mod faults;

use std::{collections::BTreeMap, time::Duration};

use sandbox::{ElasticsearchOptions, Endpoint, GeminiQuota, IndexOptions, Latency, Options, Sandbox};
use serde::Serialize;

use super::Context;
use crate::{
    cli::{self, SandboxCommand, SandboxIndex},
    exit::{Exit, Failure, chain},
    output::{note, print, print_json},
    signals::stop_on_signal,
};

/// Runs a sandbox until a signal comes.
///
/// # Errors
///
/// Options that contradict each other, a port that is taken, or a file that cannot be read.
pub async fn sandbox(context: &Context, arguments: &cli::Sandbox) -> Result<Exit, Failure> {
    if let Some(SandboxCommand::Faults(arguments)) = &arguments.command {
        return faults::faults(context, arguments).await;
    }
    if arguments.list_faults {
        print(&faults::catalogue())?;
        return Ok(Exit::Done);
    }
    let stop = stop_on_signal();
    let sandbox = sandbox::start(options(context, arguments)?).await.map_err(|error| failed(&error))?;
    let mut loaded = None;
    if let (Some(path), Some(namespace)) = (&arguments.load, &arguments.namespace) {
        let index = match arguments.index {
            SandboxIndex::Source => "source",
            SandboxIndex::Target => "target",
        };
        loaded = Some(sandbox.load_jsonl(index, namespace, path).await.map_err(|error| failed(&error))?);
    }
    let addresses = Addresses::new(&sandbox, arguments.api_key.as_deref())?;
    if context.style.json {
        print_json(&addresses)?;
    } else {
        if let Some(loaded) = loaded {
            note(&format!("loaded {loaded} records"));
        }
        print(&addresses.report())?;
    }
    let stopped = sandbox.shutdown();
    tokio::select! {
        () = stop.cancelled() => {}
        () = stopped.cancelled() => {}
    }
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn failed(error: &sandbox::Error) -> Failure {
    Failure::usage(chain(error))
}

fn options(context: &Context, arguments: &cli::Sandbox) -> Result<Options, Failure> {
    let defaults = Options::default();
    // `--source` and `--target` name the indexes here as everywhere.
    let named = |variable: &str, usual: &str| {
        let flag = context.sources.flags.iter().find(|(name, _)| *name == variable);
        flag.map_or_else(|| usual.to_owned(), |(_, name)| name.clone())
    };
    let source =
        IndexOptions { name: named("PINECONE_OLD_INDEX", &defaults.source.name), ..defaults.source.clone() };
    let target = IndexOptions {
        name: named("PINECONE_NEW_INDEX", &defaults.target.name),
        dimension: arguments.dimension as usize,
        ..defaults.target.clone()
    };
    let faults = arguments.fault.iter().map(|text| faults::fault(text)).collect::<Result<_, _>>()?;
    let mut latency = BTreeMap::new();
    for text in &arguments.latency {
        latency.extend(latencies(text)?);
    }
    let quota = if arguments.rate_limits { GeminiQuota::TIER_1 } else { GeminiQuota::default() };
    Ok(Options {
        port: arguments.port,
        data: arguments.data.clone(),
        api_key: arguments.api_key.clone(),
        elasticsearch: ElasticsearchOptions {
            api_key: arguments.api_key.clone(),
            ..ElasticsearchOptions::default()
        },
        source,
        target,
        visibility_delay: Duration::from_millis(arguments.visibility_delay),
        rate_limits: arguments.rate_limits,
        gemini_quota: quota,
        faults,
        latency,
        seed: arguments.seed,
        sample: arguments.sample
            || !(arguments.no_sample || arguments.load.is_some() || arguments.data.is_some()),
        ..defaults
    })
}

/// `50`, `40-300` or `embed=200-800`, as a latency for each endpoint that is meant.
fn latencies(text: &str) -> Result<Vec<(Endpoint, Latency)>, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--latency {text} is no latency; write it as 50, 40-300 or embed=200-800, with one of the endpoints {}",
            ENDPOINTS.map(name).join(", ")
        ))
    };
    let (endpoint, range) = match text.split_once('=') {
        Some((endpoint, range)) => (Some(endpoint), range),
        None => (None, text),
    };
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    let milliseconds = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let latency = Latency::between(milliseconds(from)?, milliseconds(to)?);
    if latency.min_ms > latency.max_ms {
        return Err(wrong());
    }
    let endpoints: Vec<Endpoint> = match endpoint {
        None => ENDPOINTS.into(),
        Some(wanted) => ENDPOINTS.into_iter().filter(|endpoint| name(*endpoint) == wanted).collect(),
    };
    if endpoints.is_empty() {
        return Err(wrong());
    }
    Ok(endpoints.into_iter().map(|endpoint| (endpoint, latency)).collect())
}

/// The endpoints that tain calls.
const ENDPOINTS: [Endpoint; 11] = [
    Endpoint::Describe,
    Endpoint::List,
    Endpoint::Fetch,
    Endpoint::Upsert,
    Endpoint::Stats,
    Endpoint::Namespaces,
    Endpoint::Embed,
    Endpoint::Mapping,
    Endpoint::Search,
    Endpoint::Count,
    Endpoint::Bulk,
];

/// As the sandbox writes it in JSON.
const fn name(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Describe => "describe",
        Endpoint::List => "list",
        Endpoint::Fetch => "fetch",
        Endpoint::Upsert => "upsert",
        Endpoint::Stats => "stats",
        Endpoint::Namespaces => "namespaces",
        Endpoint::Embed => "embed",
        Endpoint::Mapping => "mapping",
        Endpoint::Search => "search",
        Endpoint::Count => "count",
        Endpoint::Bulk => "bulk",
        _ => "other",
    }
}

/// Where a sandbox listens, and the settings that lead there.
#[derive(Debug, Serialize)]
pub(super) struct Addresses {
    /// The control plane, Gemini, and `/sandbox/*`.
    pub url: String,
    /// The source's data plane.
    pub source: String,
    /// The target's data plane.
    pub target: String,
    /// The Elasticsearch.
    pub elasticsearch: String,
    /// The settings to use it.
    pub environment: BTreeMap<&'static str, String>,
}

impl Addresses {
    pub(super) fn new(sandbox: &Sandbox, api_key: Option<&str>) -> Result<Self, Failure> {
        let key = api_key.unwrap_or("sandbox-key");
        let url = sandbox.url();
        let name = |role: usize| sandbox.state().overview().indexes[role].name.clone();
        let elasticsearch = sandbox.elasticsearch_url();
        let search_index = ElasticsearchOptions::default().index;
        let environment = BTreeMap::from([
            ("PINECONE_API_KEY", key.to_owned()),
            ("PINECONE_OLD_INDEX", name(0)),
            ("PINECONE_NEW_INDEX", name(1)),
            ("PINECONE_CONTROLLER_HOST", url.clone()),
            ("GOOGLE_AI_API_KEY", key.to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", url.clone()),
            ("ELASTICSEARCH_ENDPOINT", elasticsearch.clone()),
            ("ELASTICSEARCH_API_KEY", key.to_owned()),
            ("ELASTICSEARCH_INDEX", search_index),
        ]);
        let source = sandbox.index_url("source").map_err(|error| failed(&error))?;
        let target = sandbox.index_url("target").map_err(|error| failed(&error))?;
        Ok(Self { url, source, target, elasticsearch, environment })
    }

    fn report(&self) -> String {
        let lines: String =
            self.environment.iter().map(|(name, value)| format!("export {name}={value}\n")).collect();
        format!(
            "# The sandbox is running at {} (source {}, target {}, Elasticsearch {}). Ctrl-C stops it.\n# To use it:\n{lines}",
            self.url, self.source, self.target, self.elasticsearch
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_for_one_endpoint_or_for_all() {
        assert_eq!(latencies("embed=200-800").unwrap(), [(Endpoint::Embed, Latency::between(200, 800))]);
        assert_eq!(latencies("50").unwrap().len(), ENDPOINTS.len());
        for wrong in ["", "x", "5-1", "nothing=5", "embed="] {
            assert_eq!(latencies(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn endpoints_have_the_names_that_the_sandbox_gives_them() {
        for endpoint in ENDPOINTS {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), name(endpoint));
        }
    }
}
