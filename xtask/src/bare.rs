//! The bare loop: what no mirror can do without. It parses a fetch from the source and an answer of Gemini, and prints
//! the upsert, with serde_json and nothing around it.

use std::{borrow::Cow, collections::BTreeMap, hint::black_box, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use crate::{http::call, process::own_cpu, sandbox::Sandbox};

/// Records in one fetch, one embedding call and one upsert.
const BATCH: usize = 100;
/// How often the loop goes round, so that the clock's ticks of 10 ms do not matter.
const ROUNDS: u32 = 60;

/// A fetch; `V` is what a vector is read as.
#[derive(Deserialize)]
#[serde(bound(deserialize = "V: Deserialize<'de>"))]
struct Fetched<'a, V> {
    #[serde(borrow)]
    vectors: BTreeMap<Cow<'a, str>, Record<'a, V>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "V: Deserialize<'de>"))]
struct Record<'a, V> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    metadata: Map<String, Value>,
    #[expect(dead_code, reason = "it is read for what reading it costs")]
    values: V,
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

/// CPU time of the loop for one record.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// Both bodies are parsed whole, the source's vectors too.
    pub whole: Duration,
    /// The source's vectors are skipped as fast as serde_json can: a mirror has no use for them.
    pub lean: Duration,
}

/// Measures the loop with records of `namespace`.
///
/// # Errors
///
/// The sandbox does not answer, or the namespace holds fewer records than a batch has.
pub fn measure(sandbox: &Sandbox, namespace: &str) -> Result<Bare> {
    let (fetched, embedded) = bodies(sandbox, namespace)?;
    let whole = cpu_per_record(|| round::<Vec<f32>>(black_box(&fetched), black_box(&embedded), namespace))?;
    let lean = cpu_per_record(|| round::<IgnoredAny>(black_box(&fetched), black_box(&embedded), namespace))?;
    Ok(Bare { whole, lean })
}

fn cpu_per_record(round: impl Fn() -> Result<usize>) -> Result<Duration> {
    let records = round()?;
    ensure!(records == BATCH, "the bare loop saw {records} records instead of {BATCH}");
    let before = own_cpu()?;
    for _ in 0..ROUNDS {
        black_box(round()?);
    }
    Ok((own_cpu()? - before) / (ROUNDS * u32::try_from(BATCH)?))
}

/// One batch: parse, parse, add the key, print. Returns how many records it printed.
fn round<'a, V: Deserialize<'a>>(fetched: &'a [u8], embedded: &[u8], namespace: &str) -> Result<usize> {
    let mut fetched: Fetched<'a, V> = serde_json::from_slice(fetched)?;
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

    let texts: Fetched<'_, IgnoredAny> = serde_json::from_slice(&fetched)?;
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
