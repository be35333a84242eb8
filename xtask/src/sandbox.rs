//! `tain sandbox` in a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::call;

/// A running sandbox; ends with its value.
pub struct Sandbox {
    child: Child,
    addresses: Addresses,
    tain: PathBuf,
}

/// What `tain sandbox --json` prints first.
#[derive(Debug, Deserialize)]
struct Addresses {
    url: String,
    source: String,
    target: String,
    environment: BTreeMap<String, String>,
}

/// The sandbox's own count of the calls to one endpoint.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Calls {
    /// Requests.
    pub requests: u64,
    /// Ids listed, records fetched or upserted, texts embedded.
    pub items: u64,
    /// Bytes of the requests' bodies.
    pub bytes_in: u64,
}

/// What has been asked of the sandbox since the last reset.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Pages of the source's listing.
    pub source_list: Calls,
    /// Pages of the target's listing.
    pub target_list: Calls,
    /// Fetches from the source.
    pub source_fetch: Calls,
    /// Fetches from the target.
    pub target_fetch: Calls,
    /// Embedding calls.
    pub embed: Calls,
    /// Upserts into the target.
    pub upsert: Calls,
}

impl Sandbox {
    /// Starts an empty one on free ports; `latency` is an option of `tain sandbox`.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start(tain: &Path, latency: Option<&str>) -> Result<Self> {
        let mut command = Command::new(tain);
        command.args(["sandbox", "--port", "0", "--no-sample", "--json"]);
        command.args(latency.into_iter().flat_map(|latency| ["--latency", latency]));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("tain sandbox")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the sandbox has no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line)
            .with_context(|| format!("tain sandbox --json said {line:?} instead of its addresses"))?;
        Ok(Self { child, addresses, tain: tain.to_owned() })
    }

    /// The control plane, Gemini and `/sandbox/*`.
    pub fn url(&self) -> &str {
        &self.addresses.url
    }

    /// The source's data plane.
    pub fn source(&self) -> &str {
        &self.addresses.source
    }

    /// The target's data plane.
    pub fn target(&self) -> &str {
        &self.addresses.target
    }

    /// A key that it accepts.
    pub fn key(&self) -> &str {
        self.addresses.environment.get("PINECONE_API_KEY").map_or("", String::as_str)
    }

    fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(Value::to_string);
        let answer = call(method, self.url(), path, self.key(), body.as_deref().map(str::as_bytes))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Fills a namespace with `count` generated records; `more` has the other settings of `/sandbox/generate`.
    ///
    /// # Errors
    ///
    /// The sandbox refuses them.
    pub fn generate(&self, index: &str, namespace: &str, count: u32, more: &Value) -> Result<()> {
        let mut request = json!({"index": index, "namespace": namespace, "count": count});
        if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
            request.extend(more.clone());
        }
        self.control("POST", "/sandbox/generate", Some(&request)).map(drop)
    }

    /// Forgets all records and counts.
    ///
    /// # Errors
    ///
    /// The sandbox does not answer.
    pub fn reset(&self) -> Result<()> {
        self.control("POST", "/sandbox/reset", None)?;
        self.control("DELETE", "/sandbox/counters", None).map(drop)
    }

    /// What it was asked for.
    ///
    /// # Errors
    ///
    /// The sandbox does not answer, or not as expected.
    pub fn asked(&self) -> Result<Asked> {
        let state = self.control("GET", "/sandbox/state", None)?;
        let calls = |of: Option<&Value>, endpoint: &str| -> Result<Calls> {
            match of.and_then(|of| of.get("calls")?.get(endpoint)) {
                Some(calls) => Ok(serde_json::from_value(calls.clone())?),
                None => Ok(Calls::default()),
            }
        };
        let (source, target) = (state.pointer("/indexes/0"), state.pointer("/indexes/1"));
        Ok(Asked {
            source_list: calls(source, "list")?,
            target_list: calls(target, "list")?,
            source_fetch: calls(source, "fetch")?,
            target_fetch: calls(target, "fetch")?,
            embed: calls(Some(&state), "embed")?,
            upsert: calls(target, "upsert")?,
        })
    }

    /// A tain that works on this sandbox, in a folder of its own and with quotas that never hold it up.
    pub fn tain(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.tain);
        command
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .envs(&self.addresses.environment)
            .envs([
                ("PINECONE_LIST_PER_SECOND", "100000"),
                ("PINECONE_FETCH_PER_SECOND", "100000"),
                ("PINECONE_UPSERT_PER_SECOND", "100000"),
                ("PINECONE_UPSERT_BYTES_PER_SECOND", "100000000000"),
                ("GEMINI_TEXTS_PER_MINUTE", "100000000"),
                ("GEMINI_TOKENS_PER_MINUTE", "100000000000"),
            ])
            .env("TAIN_DATA_DIR", home)
            .env("HOME", home);
        command
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing left to do.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
