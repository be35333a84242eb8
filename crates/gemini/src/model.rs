//! Embedding models, and what they take.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::MAX_BATCH;

/// What an embedding is made with. Changing any part of it makes vectors that cannot be compared with the old ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    /// The model's id, without `models/`: `gemini-embedding-001`.
    pub id: String,
    /// How many values a vector has.
    pub dimensions: u32,
    /// What the vectors are for.
    pub task_type: TaskType,
}

/// What embeddings are for, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskType {
    /// Queries of a search.
    RetrievalQuery,
    /// Documents to be found by a search.
    RetrievalDocument,
    /// Comparing texts.
    SemanticSimilarity,
    /// Sorting texts into given classes.
    Classification,
    /// Grouping texts.
    Clustering,
    /// Questions to documents that answer them.
    QuestionAnswering,
    /// Statements to documents that prove or disprove them.
    FactVerification,
    /// Descriptions of code to be found.
    CodeRetrievalQuery,
}

/// Why there is no such model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The id cannot be a model's.
    #[error("{0:?} is no model id; one looks like gemini-embedding-001")]
    Id(String),
    /// The dimensions are out of range.
    #[error("{0} dimensions are not possible; a Gemini embedding has 1 to {MAX_DIMENSIONS}")]
    Dimensions(u32),
    /// The task type is unknown.
    #[error("{0:?} is no task type; use one of {names}", names = TaskType::NAMES.map(|(name, _)| name).join(", "))]
    TaskType(String),
}

/// What a model takes and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of a text; what is beyond is cut off silently by the service.
    pub input_tokens: u64,
    /// Millionths of a US dollar for a million input tokens; `None` if it is not known.
    pub micro_usd_per_million_tokens: Option<u64>,
    /// Texts in a request.
    pub max_batch: usize,
}

/// The size of an embedding before it is shortened.
pub(crate) const MAX_DIMENSIONS: u32 = 3072;

impl TaskType {
    /// Every task type by its name in the API.
    const NAMES: [(&'static str, Self); 8] = [
        ("RETRIEVAL_DOCUMENT", Self::RetrievalDocument),
        ("RETRIEVAL_QUERY", Self::RetrievalQuery),
        ("SEMANTIC_SIMILARITY", Self::SemanticSimilarity),
        ("CLASSIFICATION", Self::Classification),
        ("CLUSTERING", Self::Clustering),
        ("QUESTION_ANSWERING", Self::QuestionAnswering),
        ("FACT_VERIFICATION", Self::FactVerification),
        ("CODE_RETRIEVAL_QUERY", Self::CodeRetrievalQuery),
    ];

    /// Its name in the API: `RETRIEVAL_DOCUMENT`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetrievalDocument => "RETRIEVAL_DOCUMENT",
            Self::RetrievalQuery => "RETRIEVAL_QUERY",
            Self::SemanticSimilarity => "SEMANTIC_SIMILARITY",
            Self::Classification => "CLASSIFICATION",
            Self::Clustering => "CLUSTERING",
            Self::QuestionAnswering => "QUESTION_ANSWERING",
            Self::FactVerification => "FACT_VERIFICATION",
            Self::CodeRetrievalQuery => "CODE_RETRIEVAL_QUERY",
        }
    }

    /// What `gemini-embedding-2` wants before the text, since it takes no task type.
    fn prefix(self) -> &'static str {
        match self {
            Self::RetrievalDocument => "title: none | text: ",
            Self::RetrievalQuery => "task: search result | query: ",
            Self::SemanticSimilarity => "task: sentence similarity | query: ",
            Self::Classification => "task: classification | query: ",
            Self::Clustering => "task: clustering | query: ",
            Self::QuestionAnswering => "task: question answering | query: ",
            Self::FactVerification => "task: fact checking | query: ",
            Self::CodeRetrievalQuery => "task: code retrieval | query: ",
        }
    }
}

impl FromStr for TaskType {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, task_type)| *task_type)
            .ok_or_else(|| ModelError::TaskType(text.to_owned()))
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Model {
    /// A model by its id, with or without `models/`.
    ///
    /// # Errors
    ///
    /// If the id cannot be a model's or the dimensions are not from 1 to 3,072. Whether the model exists is for
    /// [`crate::Gemini::check`] to find out.
    pub fn new(id: &str, dimensions: u32, task_type: TaskType) -> Result<Self, ModelError> {
        let id = id.strip_prefix("models/").unwrap_or(id);
        let possible = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && id.chars().any(|c| c.is_ascii_alphanumeric());
        if !possible {
            return Err(ModelError::Id(id.to_owned()));
        }
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(ModelError::Dimensions(dimensions));
        }
        Ok(Self { id: id.to_owned(), dimensions, task_type })
    }

    /// What it takes and costs. Of a model that is not known, the smallest that any takes, and no price.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let (input_tokens, micro_usd_per_million_tokens) = match self.id.as_str() {
            "gemini-embedding-001" => (2_048, Some(150_000)),
            "gemini-embedding-2" => (8_192, Some(200_000)),
            _ if self.takes_prefix() => (8_192, None),
            _ => (2_048, None),
        };
        Limits { input_tokens, micro_usd_per_million_tokens, max_batch: MAX_BATCH }
    }

    /// Whether a text may be longer than the model takes, so that its end would be cut off silently.
    ///
    /// It errs on the side of saying so: ASCII is taken as four characters a token, and every other character as a
    /// token of its own, which is more than the tokenizer makes of most scripts.
    #[must_use]
    pub fn is_over_long(&self, text: &str) -> bool {
        let limit = self.limits().input_tokens;
        // No token is shorter than a byte, which settles it for most texts without looking at them.
        if text.len() as u64 <= limit {
            return false;
        }
        let text = self.prefixed(text);
        let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
        let others = text.chars().filter(|c| !c.is_ascii()).count() as u64;
        ascii.div_ceil(4) + others > limit
    }

    /// The text as it is sent.
    pub(crate) fn prefixed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.takes_prefix() {
            Cow::Owned(format!("{}{text}", self.task_type.prefix()))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Whether the task is named in the text instead of in `taskType`.
    pub(crate) fn takes_prefix(&self) -> bool {
        self.id.starts_with("gemini-embedding-2")
    }
}

/// How many tokens a text has, roughly: a quarter of its UTF-8 bytes, rounded up, which is what English and most
/// alphabetic scripts come to. The exact number is known to the service alone.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: &str) -> Model {
        Model::new(id, 3072, TaskType::RetrievalDocument).unwrap()
    }

    #[test]
    fn a_model_is_checked() {
        assert_eq!(model("models/gemini-embedding-001").id, "gemini-embedding-001");
        for id in ["", "models/", "a/b", "a:b", "..", "a b", "a?b"] {
            assert!(matches!(Model::new(id, 3072, TaskType::Clustering), Err(ModelError::Id(_))), "{id}");
        }
        for dimensions in [0, 3073] {
            let error = Model::new("m", dimensions, TaskType::Clustering).unwrap_err();
            assert_eq!(error, ModelError::Dimensions(dimensions));
        }
        assert!(Model::new("m", 128, TaskType::Clustering).is_ok());
    }

    #[test]
    fn task_types_have_their_names() {
        for (name, task_type) in TaskType::NAMES {
            assert_eq!(task_type.as_str(), name);
            assert_eq!(name.parse::<TaskType>().unwrap(), task_type);
            assert_eq!(task_type.to_string(), name);
        }
        let error = "retrieval".parse::<TaskType>().unwrap_err();
        assert!(
            error.to_string().starts_with("\"retrieval\" is no task type; use one of RETRIEVAL_DOCUMENT, ")
        );
    }

    #[test]
    fn limits_and_prices_are_those_of_the_fact_sheet() {
        let limits = model("gemini-embedding-001").limits();
        assert_eq!((limits.input_tokens, limits.micro_usd_per_million_tokens), (2048, Some(150_000)));
        let limits = model("gemini-embedding-2").limits();
        assert_eq!((limits.input_tokens, limits.micro_usd_per_million_tokens), (8192, Some(200_000)));
        assert_eq!(model("text-embedding-9").limits().micro_usd_per_million_tokens, None);
        assert_eq!(limits.max_batch, 100);
    }

    #[test]
    fn only_the_second_model_takes_the_task_in_the_text() {
        assert_eq!(model("gemini-embedding-001").prefixed("x"), "x");
        assert_eq!(model("gemini-embedding-2").prefixed("x"), "title: none | text: x");
        let query = Model::new("gemini-embedding-2", 768, TaskType::RetrievalQuery).unwrap();
        assert_eq!(query.prefixed("x"), "task: search result | query: x");
    }

    #[test]
    fn tokens_are_a_quarter_of_the_bytes() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("a"), 1);
        assert_eq!(estimate_tokens("abcde"), 2);
    }

    #[test]
    fn over_long_texts_are_found() {
        let model = model("gemini-embedding-001");
        assert!(!model.is_over_long(&"x".repeat(2048 * 4)));
        assert!(model.is_over_long(&"x".repeat(2048 * 4 + 1)));
        assert!(!model.is_over_long(&"語".repeat(2048)));
        assert!(model.is_over_long(&"語".repeat(2049)));
        assert!(!self::model("gemini-embedding-2").is_over_long(&"語".repeat(2049)));
    }
}
