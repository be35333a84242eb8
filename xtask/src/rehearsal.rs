//! A stage of the mirror alone: the calls that it makes, one after the other or so many at once, and nothing else.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{http::call, sandbox::Sandbox};

/// How many calls tain has under way at once in a stage other than listing: the defaults of `sync::Settings`.
pub const CONCURRENCY: usize = 4;

/// Lists a namespace of the source, page after page, as nobody can do faster: each page's token comes with the one before.
///
/// # Errors
///
/// The sandbox does not answer.
pub fn list(sandbox: &Sandbox, namespace: &str) -> Result<Duration> {
    let started = Instant::now();
    let mut token = String::new();
    loop {
        let path = format!("/vectors/list?namespace={namespace}&limit=100{token}");
        let page: Value =
            serde_json::from_slice(&call("GET", sandbox.source(), &path, sandbox.key(), None)?)?;
        match page.pointer("/pagination/next").and_then(Value::as_str) {
            Some(next) => token = format!("&paginationToken={next}"),
            None => return Ok(started.elapsed()),
        }
    }
}

/// Makes so many fetches of one record.
///
/// # Errors
///
/// The sandbox does not answer.
pub fn fetch(sandbox: &Sandbox, namespace: &str, calls: u64) -> Result<Duration> {
    let path = format!("/vectors/fetch?namespace={namespace}&ids=synthetic-00000000");
    at_once(calls, || call("GET", sandbox.source(), &path, sandbox.key(), None).map(drop))
}

/// Makes so many embedding calls of one text.
///
/// # Errors
///
/// The sandbox does not answer.
pub fn embed(sandbox: &Sandbox, calls: u64) -> Result<Duration> {
    let request = json!({
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "A stage alone."}]},
        "taskType": "RETRIEVAL_DOCUMENT",
        "outputDimensionality": 3072,
    });
    let body = json!({ "requests": [request] }).to_string();
    let path = "/v1beta/models/gemini-embedding-001:batchEmbedContents";
    at_once(calls, || call("POST", sandbox.url(), path, sandbox.key(), Some(body.as_bytes())).map(drop))
}

/// Makes so many upserts of one record into a namespace that nobody looks at.
///
/// # Errors
///
/// The sandbox does not answer.
pub fn upsert(sandbox: &Sandbox, calls: u64) -> Result<Duration> {
    let vector = json!({"id": "alone", "values": vec![0.5; 3_072]});
    let body = json!({"vectors": [vector], "namespace": "alone"}).to_string();
    at_once(calls, || {
        call("POST", sandbox.target(), "/vectors/upsert", sandbox.key(), Some(body.as_bytes())).map(drop)
    })
}

/// Makes calls, `CONCURRENCY` at once, and says how long they took together.
fn at_once(calls: u64, make: impl Fn() -> Result<()> + Sync) -> Result<Duration> {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let worker = || -> Result<()> {
        while next.fetch_add(1, Ordering::Relaxed) < calls {
            make()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONCURRENCY).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result.context("a stage alone")?,
                Err(_) => bail!("a worker of a stage alone panicked"),
            }
        }
        Ok(started.elapsed())
    })
}
