//! Reading the requests, as strictly as the service does.

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::respond::error;

/// An embedding model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// `gemini-embedding-001`: text, 2,048 tokens, only 3072 dimensions are normalised.
    First,
    /// `gemini-embedding-2`: 8,192 tokens, always normalised, ignores the task type.
    Second,
}

impl Model {
    pub(super) const ALL: [Self; 2] = [Self::First, Self::Second];

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::First => "gemini-embedding-001",
            Self::Second => "gemini-embedding-2",
        }
    }

    /// The tokens behind which a text is cut.
    pub(crate) const fn token_limit(self) -> usize {
        match self {
            Self::First => 2048,
            Self::Second => 8192,
        }
    }
}

/// One text to embed, checked.
#[derive(Debug)]
pub(crate) struct Job {
    /// The parts of the content, joined, cut at the model's limit.
    pub(crate) text: String,
    /// The task type and the title, as far as the model heeds them.
    pub(crate) task: String,
    pub(crate) dimension: usize,
    pub(crate) tokens: u64,
}

/// A pseudo token is four bytes.
pub(crate) const TOKEN_BYTES: usize = 4;

/// The most requests in a batch.
const MOST_REQUESTS: usize = 100;

/// The largest dimension of both models.
pub(crate) const MOST_DIMENSIONS: usize = 3072;

const TASK_TYPES: [&str; 9] = [
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
];

/// A boxed answer: errors are rare, and `Response` is large.
pub(crate) type Refused<T> = Result<T, Box<Response>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Batch {
    #[serde(default)]
    requests: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct One {
    model: Option<String>,
    content: Option<Content>,
    #[serde(alias = "task_type")]
    task_type: Option<String>,
    title: Option<String>,
    #[serde(alias = "output_dimensionality")]
    output_dimensionality: Option<i64>,
    #[serde(alias = "embed_content_config")]
    embed_content_config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    #[serde(alias = "task_type")]
    task_type: Option<String>,
    title: Option<String>,
    #[serde(alias = "output_dimensionality")]
    output_dimensionality: Option<i64>,
    #[serde(alias = "auto_truncate")]
    auto_truncate: Option<bool>,
    #[serde(alias = "document_ocr")]
    #[expect(dead_code, reason = "accepted, and without effect on text")]
    document_ocr: Option<Value>,
    #[serde(alias = "audio_track_extraction")]
    #[expect(dead_code, reason = "accepted, and without effect on text")]
    audio_track_extraction: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
    #[expect(dead_code, reason = "accepted, and without effect on embeddings")]
    role: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CountTokens {
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(alias = "generate_content_request")]
    #[expect(dead_code, reason = "accepted, though no embedding client sends it")]
    generate_content_request: Option<Value>,
}

pub(super) fn read_one(model: Model, body: &[u8]) -> Refused<Job> {
    let one: One = parse(body)?;
    if let Some(named) = &one.model {
        check_model(model, named)?;
    }
    job(model, one, "EmbedContentRequest")
}

pub(super) fn read_batch(model: Model, body: &[u8]) -> Refused<Vec<Job>> {
    let batch: Batch = parse(body)?;
    if batch.requests.is_empty() {
        return Err(invalid("* BatchEmbedContentsRequest.requests: requests is not specified"));
    }
    if batch.requests.len() > MOST_REQUESTS {
        return Err(invalid(&format!(
            "* BatchEmbedContentsRequest.requests: at most {MOST_REQUESTS} requests can be in one batch"
        )));
    }
    let mut jobs = Vec::with_capacity(batch.requests.len());
    for (position, one) in batch.requests.into_iter().enumerate() {
        let field = format!("BatchEmbedContentsRequest.requests[{position}]");
        match &one.model {
            Some(named) => check_model(model, named)?,
            None => return Err(invalid(&format!("* {field}.model: model is not specified"))),
        }
        jobs.push(job(model, one, &field)?);
    }
    Ok(jobs)
}

pub(super) fn count_tokens(body: &[u8]) -> Refused<u64> {
    let request: CountTokens = parse(body)?;
    let texts = request.contents.iter().flat_map(|content| &content.parts);
    Ok(texts.map(|part| tokens(&part.text)).sum())
}

fn tokens(text: &str) -> u64 {
    text.len().div_ceil(TOKEN_BYTES) as u64
}

fn job(model: Model, one: One, field: &str) -> Refused<Job> {
    let config = one.embed_content_config.unwrap_or_default();
    let task = config.task_type.or(one.task_type).unwrap_or_default();
    if !task.is_empty() && !TASK_TYPES.contains(&task.as_str()) {
        return Err(invalid(&format!(
            "Invalid value at 'task_type' (type.googleapis.com/google.ai.generativelanguage.v1beta.TaskType), \"{task}\""
        )));
    }
    let title = config.title.or(one.title).filter(|title| !title.is_empty());
    if title.is_some() && task != "RETRIEVAL_DOCUMENT" {
        return Err(invalid(&format!(
            "* {field}.title: title is only supported with task type RETRIEVAL_DOCUMENT"
        )));
    }
    let asked = config.output_dimensionality.or(one.output_dimensionality);
    let dimension = match asked.map(usize::try_from) {
        None => MOST_DIMENSIONS,
        Some(Ok(dimension)) if (1..=MOST_DIMENSIONS).contains(&dimension) => dimension,
        Some(_) => {
            return Err(invalid(&format!(
                "* {field}.output_dimensionality: output_dimensionality must be between 1 and {MOST_DIMENSIONS}"
            )));
        }
    };
    let parts = one.content.map(|content| content.parts).unwrap_or_default();
    let mut text = parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("\n");
    if text.is_empty() {
        return Err(invalid(&format!("* {field}.content: content is empty")));
    }
    let most_bytes = model.token_limit() * TOKEN_BYTES;
    if text.len() > most_bytes {
        if config.auto_truncate == Some(false) {
            return Err(invalid(&format!(
                "The input token count ({}) exceeds the maximum number of tokens allowed ({}).",
                tokens(&text),
                model.token_limit()
            )));
        }
        text.truncate(text.floor_char_boundary(most_bytes));
    }
    let tokens = tokens(&text);
    // The second model does not know task types; what it should heed stands in the text.
    let task = match (model, title) {
        (Model::Second, _) => String::new(),
        (Model::First, None) if task == "TASK_TYPE_UNSPECIFIED" => String::new(),
        (Model::First, None) => task,
        (Model::First, Some(title)) => format!("{task}\n{title}"),
    };
    Ok(Job { text, task, dimension, tokens })
}

fn check_model(model: Model, named: &str) -> Refused<()> {
    if named.strip_prefix("models/") == Some(model.name()) {
        return Ok(());
    }
    Err(invalid(&format!(
        "* BatchEmbedContentsRequest.requests[].model: model must match the model of the URL, `models/{}`, and is `{named}`",
        model.name()
    )))
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Refused<T> {
    serde_json::from_slice(body).map_err(|error| invalid(&format!("Invalid JSON payload received. {error}")))
}

fn invalid(message: &str) -> Box<Response> {
    Box::new(error(StatusCode::BAD_REQUEST, message, Vec::new()))
}
