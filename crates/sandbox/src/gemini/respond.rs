//! The answers.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::request::{Job, MOST_DIMENSIONS, Model, Refused};
use crate::Endpoint;
use crate::embedding::{embed as embedding, normalise};
use crate::fault::Effect;
use crate::json::write_fixed_values;
use crate::shared::Shared;

/// Whether one embedding is answered or a list of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Many,
}

/// Embeds texts, within the quota, and breaks the answer as the faults say.
pub(super) fn embed(
    shared: &Shared,
    model: Model,
    jobs: &[Job],
    effects: &[Effect],
    shape: Shape,
) -> Refused<Response> {
    for effect in effects {
        if let Effect::PoisonText { marker } = effect
            && jobs.iter().any(|job| job.text.contains(marker))
        {
            let message = "Request contains an invalid argument.";
            return Err(Box::new(error(StatusCode::BAD_REQUEST, message, Vec::new())));
        }
    }
    let tokens: u64 = jobs.iter().map(|job| job.tokens).sum();
    shared
        .quota
        .take(&shared.options, model, jobs.len() as u64, tokens, Instant::now())
        .map_err(|refusal| Box::new(refusal.answer(shared, model)))?;
    let mut vectors: Vec<Vec<f32>> = jobs.iter().map(|job| vector(model, job)).collect();
    let odd_value = break_vectors(&mut vectors, effects);

    let mut body = Vec::with_capacity(vectors.len() * MOST_DIMENSIONS * 12 + 256);
    body.extend_from_slice(if shape == Shape::One { b"{\"embedding\":" } else { b"{\"embeddings\":[" });
    for (position, vector) in vectors.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"values\":");
        write_fixed_values(&mut body, vector);
        if let (Some(odd), 0) = (odd_value, position) {
            // In place of the last number.
            body.truncate(
                body.iter().rposition(|byte| matches!(byte, b',' | b'[')).map_or(0, |comma| comma + 1),
            );
            body.extend_from_slice(odd);
            body.push(b']');
        }
        body.push(b'}');
    }
    if shape == Shape::Many {
        body.push(b']');
    }
    if shared.options.switches.usage_metadata {
        let usage = json!({
            "promptTokenCount": tokens,
            "promptTokenDetails": [{"modality": "TEXT", "tokenCount": tokens}],
        });
        body.extend_from_slice(b",\"usageMetadata\":");
        crate::json::write(&mut body, &usage);
    }
    body.push(b'}');
    let mut counters = shared.counters();
    counters.calls(None, Endpoint::Embed).items += jobs.len() as u64;
    for job in jobs {
        counters.embedded(&job.text, job.tokens);
    }
    Ok(raw_json(StatusCode::OK, body))
}

/// The embedding of a text as the model gives it.
pub(crate) fn vector(model: Model, job: &Job) -> Vec<f32> {
    let mut vector = embedding(model.name(), MOST_DIMENSIONS, &job.task, &job.text);
    vector.truncate(job.dimension);
    // The first model normalises only the full length; that its callers do the rest is what must be tested.
    if model == Model::Second {
        normalise(&mut vector);
    }
    vector
}

/// Breaks vectors; answers what is to be printed in place of the last number of the first one.
fn break_vectors(vectors: &mut Vec<Vec<f32>>, effects: &[Effect]) -> Option<&'static [u8]> {
    let mut odd_value: Option<&'static [u8]> = None;
    for effect in effects {
        match effect {
            Effect::MissingEmbeddings { count } => vectors.truncate(vectors.len().saturating_sub(*count)),
            Effect::ExtraEmbeddings { count } => {
                let copies: Vec<_> = vectors.iter().cycle().take(*count).cloned().collect();
                vectors.extend(copies);
            }
            Effect::WrongDimension { dimension } => {
                if let Some(vector) = vectors.first_mut() {
                    vector.resize(*dimension, 0.01);
                }
            }
            Effect::ZeroVector => {
                if let Some(vector) = vectors.first_mut() {
                    vector.fill(0.0);
                }
            }
            Effect::NullValue => odd_value = Some(b"null"),
            Effect::NanValue => odd_value = Some(b"\"NaN\""),
            Effect::HugeValue => odd_value = Some(b"1e39"),
            _ => {}
        }
    }
    odd_value
}

/// The description of a model.
pub(super) fn model(model: Model) -> Value {
    let (version, display) = match model {
        Model::First => ("001", "Gemini Embedding 001"),
        Model::Second => ("2", "Gemini Embedding 2"),
    };
    json!({
        "name": format!("models/{}", model.name()),
        "version": version,
        "displayName": display,
        "description": "Obtain a distributed representation of a text.",
        "inputTokenLimit": model.token_limit(),
        "outputTokenLimit": 1,
        "supportedGenerationMethods": ["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"],
    })
}

pub(super) fn no_such_model(name: &str) -> Response {
    let message = format!(
        "models/{name} is not found for API version v1beta, or is not supported for embedContent. Call ListModels to see the list of available models and their supported methods."
    );
    error(StatusCode::NOT_FOUND, &message, Vec::new())
}

/// Google answers unknown paths with an empty body.
pub(super) fn no_such_method() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// An error as google.rpc prints it.
pub(crate) fn error(status: StatusCode, message: &str, details: Vec<Value>) -> Response {
    json(status, &error_body(status, message, details))
}

/// The same in a list of one, as some paths answer.
pub(crate) fn error_in_array(status: StatusCode, message: &str) -> Response {
    json(status, &json!([error_body(status, message, Vec::new())]))
}

fn error_body(status: StatusCode, message: &str, details: Vec<Value>) -> Value {
    let name = match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    let mut error = json!({"code": status.as_u16(), "message": message, "status": name});
    if !details.is_empty() {
        error["details"] = details.into();
    }
    json!({"error": error})
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    raw_json(status, body.to_string().into_bytes())
}

fn raw_json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=UTF-8")], body).into_response()
}
