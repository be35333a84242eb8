//! What makes the records that a run writes what they are, when it began and now.

use protocol::{RunHead, RunKind, RunRequest, Writing};

use super::{Runs, StartError};

/// A part of how a run writes.
pub(super) struct Part {
    /// What it is called.
    pub words: &'static str,
    /// The settings behind it.
    variables: &'static str,
    /// It, in words.
    pub of: fn(&Writing) -> &str,
}

/// All of them.
pub(super) const PARTS: [Part; 4] = [
    Part { words: "the text key", variables: "TEXT_METADATA_KEY", of: |writing| &writing.text_key },
    Part {
        words: "the embedding model",
        variables: "GEMINI_EMBEDDING_MODEL, GEMINI_OUTPUT_DIMENSIONS and GEMINI_TASK_TYPE",
        of: |writing| &writing.made_by,
    },
    Part { words: "the added key", variables: "NEW_METADATA_KEY", of: |writing| &writing.added.key },
    Part { words: "the added value", variables: "NEW_METADATA_VALUE", of: |writing| &writing.added.value },
];

/// Whether a part has to stay as it was for a run that goes on.
fn matters(request: &RunRequest, part: &Part) -> bool {
    match (request.kind, &request.documents) {
        (RunKind::Analyze | RunKind::Mirror | RunKind::Reembed, _) => true,
        // An update may name its field and its value itself.
        (RunKind::Documents, Some(update)) => match part.variables {
            "NEW_METADATA_KEY" => update.field.is_none(),
            "NEW_METADATA_VALUE" => update.value.is_none(),
            _ => false,
        },
        // A comparison of levels begins anew.
        (RunKind::Documents | RunKind::Levels, _) => false,
    }
}

impl Runs {
    /// A run goes on with the settings that it began with. With others it would write records of two kinds, and its plan
    /// would be of neither.
    pub(super) fn require_same_writing(&self, head: &RunHead) -> Result<(), StartError> {
        // Older versions did not keep it.
        let Some(began) = &head.writing else { return Ok(()) };
        let now = self.connections.settings().writing();
        let differing: Vec<&Part> = PARTS
            .iter()
            .filter(|part| matters(&head.request, part) && (part.of)(began) != (part.of)(&now))
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = differing
            .iter()
            .map(|part| format!("{} was {} and is {}", part.words, (part.of)(began), (part.of)(&now)))
            .collect();
        let variables: Vec<&str> = differing.iter().map(|part| part.variables).collect();
        let message = format!(
            "run {} began with other settings: {}; set {} as before to go on with it, or start a new run",
            head.id,
            words.join(", "),
            variables.join(", ")
        );
        Err(StartError::invalid("run", message))
    }
}
