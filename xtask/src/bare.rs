//! The bare loop: what no mirror can do without. It parses a fetch from the source and an answer of Gemini, and prints
//! the upsert, with serde_json and nothing around it.

use std::{borrow::Cow, collections::BTreeMap, hint::black_box, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{http::call, process::own_cpu, sandbox::Sandbox};

/// Records in one fetch, one embedding call and one upsert.
const BATCH: usize = 100;
/// How often the loop goes round, so that the clock's ticks of 10 ms do not matter.
const ROUNDS: u32 = 40;

/// A fetch. The source's vector is not read: the mirror does not need it.
#[derive(Deserialize)]
struct Fetched<'a> {
    #[serde(borrow)]
    vectors: BTreeMap<Cow<'a, str>, Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    metadata: Map<String, Value>,
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

#[derive(Serialize)]
struct Upsert<'a> {
    vectors: Vec<Vector<'a>>,
    namespace: &'a str,
}

#[derive(Serialize)]
struct Vector<'a> {
    id: &'a str,
    values: &'a [f32],
    metadata: &'a Map<String, Value>,
}

/// CPU time of the loop for one record of `namespace`.
///
/// # Errors
///
/// The sandbox does not answer, or the namespace holds fewer records than a batch has.
pub fn cpu_per_record(sandbox: &Sandbox, namespace: &str) -> Result<Duration> {
    let (fetched, embedded) = bodies(sandbox, namespace)?;
    let records = round(&fetched, &embedded, namespace)?;
    ensure!(records == BATCH, "the bare loop saw {records} records instead of {BATCH}");
    let before = own_cpu()?;
    for _ in 0..ROUNDS {
        black_box(round(black_box(&fetched), black_box(&embedded), namespace)?);
    }
    Ok((own_cpu()? - before) / (ROUNDS * u32::try_from(BATCH)?))
}

/// One batch: parse, parse, add the key, print. Returns how many records it printed.
fn round(fetched: &[u8], embedded: &[u8], namespace: &str) -> Result<usize> {
    let mut fetched: Fetched<'_> = serde_json::from_slice(fetched)?;
    let embedded: Embedded = serde_json::from_slice(embedded)?;
    for record in fetched.vectors.values_mut() {
        record.metadata.insert("clearance_level".to_owned(), Value::from(1));
    }
    let vectors: Vec<_> = fetched
        .vectors
        .values()
        .zip(&embedded.embeddings)
        .map(|(record, embedding)| Vector {
            id: &record.id,
            values: &embedding.values,
            metadata: &record.metadata,
        })
        .collect();
    let records = vectors.len();
    black_box(serde_json::to_vec(&Upsert { vectors, namespace })?);
    Ok(records)
}

/// The bodies that tain gets for one batch: of a fetch, and of the embeddings of its texts.
fn bodies(sandbox: &Sandbox, namespace: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let key = sandbox.key();
    let list = call(
        "GET",
        sandbox.source(),
        &format!("/vectors/list?namespace={namespace}&limit={BATCH}"),
        key,
        None,
    )?;
    let list: Value = serde_json::from_slice(&list)?;
    let listed = list.get("vectors").and_then(Value::as_array).context("the listing has no vectors")?;
    let ids: Vec<&str> = listed.iter().filter_map(|vector| vector.get("id")?.as_str()).collect();
    let query: String = ids.iter().map(|id| format!("&ids={id}")).collect();
    let fetched =
        call("GET", sandbox.source(), &format!("/vectors/fetch?namespace={namespace}{query}"), key, None)?;

    let texts: Fetched<'_> = serde_json::from_slice(&fetched)?;
    let requests: Vec<Value> = texts
        .vectors
        .values()
        .map(|record| {
            json!({
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": record.metadata.get("text")}]},
                "taskType": "RETRIEVAL_DOCUMENT",
                "outputDimensionality": 3072,
            })
        })
        .collect();
    let body = json!({ "requests": requests }).to_string();
    let embedded = call(
        "POST",
        sandbox.url(),
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        key,
        Some(body.as_bytes()),
    )?;
    Ok((fetched, embedded))
}
