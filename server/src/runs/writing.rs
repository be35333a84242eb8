//! What makes the records that a run writes what they are, when it began and now.

use protocol::{RunHead, RunKind, RunRequest, Writing};

use super::{Runs, StartError};

/// A part of how a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    TextKey,
    Model,
    AddedKey,
    AddedValue,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::TextKey, Self::Model, Self::AddedKey, Self::AddedValue];

    /// What it is called.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TextKey => "the text key",
            Self::Model => "the embedding model",
            Self::AddedKey => "the added key",
            Self::AddedValue => "the added value",
        }
    }

    /// The settings behind it.
    const fn variables(self) -> &'static str {
        match self {
            Self::TextKey => "TEXT_METADATA_KEY",
            Self::Model => "GEMINI_EMBEDDING_MODEL, GEMINI_OUTPUT_DIMENSIONS and GEMINI_TASK_TYPE",
            Self::AddedKey => "NEW_METADATA_KEY",
            Self::AddedValue => "NEW_METADATA_VALUE",
        }
    }

    /// It, in words.
    pub fn of(self, writing: &Writing) -> &str {
        match self {
            Self::TextKey => &writing.text_key,
            Self::Model => &writing.made_by,
            Self::AddedKey => &writing.added.key,
            Self::AddedValue => &writing.added.value,
        }
    }

    /// Whether it has to stay as it was for a run that goes on.
    fn matters(self, request: &RunRequest) -> bool {
        match (request.kind, &request.documents) {
            (RunKind::Analyze | RunKind::Mirror | RunKind::Reembed, _) => true,
            // An update may name its field and its value itself.
            (RunKind::Documents, Some(update)) => match self {
                Self::AddedKey => update.field.is_none(),
                Self::AddedValue => update.value.is_none(),
                Self::TextKey | Self::Model => false,
            },
            // A comparison of levels begins anew.
            (RunKind::Documents | RunKind::Levels, _) => false,
        }
    }
}

impl Runs {
    /// A run goes on with the settings that it began with. With others it would write records of two kinds, and its plan
    /// would be of neither.
    pub(super) fn require_same_writing(&self, head: &RunHead) -> Result<(), StartError> {
        // Older versions did not keep it.
        let Some(began) = &head.writing else { return Ok(()) };
        let now = self.connections.settings().writing();
        let differing: Vec<Part> = Part::ALL
            .into_iter()
            .filter(|part| part.matters(&head.request) && part.of(began) != part.of(&now))
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = differing
            .iter()
            .map(|part| format!("{} was {} and is {}", part.words(), part.of(began), part.of(&now)))
            .collect();
        let variables: Vec<&str> = differing.iter().map(|part| part.variables()).collect();
        let message = format!(
            "run {} began with other settings: {}; set {} as before to go on with it, or start a new run",
            head.id,
            words.join(", "),
            variables.join(", ")
        );
        Err(StartError::invalid("run", message))
    }
}
