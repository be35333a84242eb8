//! Runs over the search index beside the two vector indexes: writing the added field into documents, and comparing their
//! access levels with those of the records.

mod levels;
mod update;

use elasticsearch::{Connection, FieldName, Fields, Mode, NameError, Precheck, Reader, Scope, Task};
use pinecone::TargetIndex;
use protocol::{DocumentScope, DocumentUpdate, UpdateMode};
use serde_json::Value;
use upstream::Meter;

pub use levels::execute_levels;
pub(crate) use update::Update;
pub use update::execute_documents;

use crate::{
    ports::PortError,
    recorder::Clock,
    run::Probe,
    services::{TargetWriter, usage},
    settings::Settings,
};

/// The search index: where it is, and how its documents tell of their namespace and record.
#[derive(Debug, Clone)]
pub struct SearchIndex {
    /// How to reach it.
    pub connection: Connection,
    /// Reads it.
    pub reader: Reader,
    /// The field that names a document's namespace.
    pub namespace_field: FieldName,
    /// The field that holds the record's id; `None` where that is the document's `_id`.
    pub id_field: Option<FieldName>,
}

/// The search index for one run, which counts in a meter of its own.
#[derive(Clone)]
pub struct SearchServices {
    pub(crate) index: SearchIndex,
    pub(crate) meter: Meter,
    /// What it is used for.
    pub probe: Probe,
}

impl std::fmt::Debug for SearchServices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchServices").field("index", &self.index).finish_non_exhaustive()
    }
}

impl SearchServices {
    /// Connections are shared with other runs, counters are not.
    pub fn new(index: &SearchIndex, clock: Clock) -> Self {
        Self::metered(index, Meter::new(), clock)
    }

    /// The same, counting in the meter of a run that uses other services too.
    pub(crate) fn metered(index: &SearchIndex, meter: Meter, clock: Clock) -> Self {
        let index = SearchIndex { reader: index.reader.with_meter(&meter), ..index.clone() };
        let probe: Probe = std::sync::Arc::new({
            let meter = meter.clone();
            move || usage(&meter, &clock)
        });
        Self { index, meter, probe }
    }
}

impl SearchServices {
    /// The target and the search index for one run, which counts both in one meter.
    pub fn beside(target: &TargetIndex, index: &SearchIndex, clock: Clock) -> (TargetWriter, Self) {
        let meter = Meter::new();
        let target = TargetWriter::metered(target, meter.clone(), clock.clone());
        (target, Self::metered(index, meter, clock))
    }
}

impl SearchIndex {
    /// How an update's fields are searched, and what speaks against writing. Nothing is written.
    ///
    /// # Errors
    ///
    /// If the index does not exist, or a request failed.
    pub async fn precheck(&self, task: &Task) -> Result<(Fields, Precheck), elasticsearch::Error> {
        let fields = Fields::of(&self.reader, &self.namespace_field, &task.field).await?;
        let precheck = self.reader.precheck(task, &fields).await?;
        Ok((fields, precheck))
    }
}

/// Why an update cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// The field cannot be used.
    #[error(transparent)]
    Field(#[from] NameError),
    /// The value is no JSON.
    #[error("the value {0} is not JSON; a string is written with its quotes: '\"{0}\"'")]
    NotJson(String),
    /// The value is of a type that a document's level cannot have.
    #[error("the value {0} is neither a number, a string, true nor false; give one of them")]
    WrongType(String),
}

impl UpdateError {
    /// The name of what cannot be used: `field` or `value`.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Field(_) => "field",
            Self::NotJson(_) | Self::WrongType(_) => "value",
        }
    }
}

/// What an update asks of the search index.
///
/// # Errors
///
/// A field or a value that cannot be used.
pub fn task_of(update: &DocumentUpdate, settings: &Settings, overwrite: bool) -> Result<Task, UpdateError> {
    let field = FieldName::parse(update.field.as_deref().unwrap_or(&settings.added_key))?;
    let value = match &update.value {
        Some(text) => level_of(text)?,
        None => scalar(settings.added_value.clone())?,
    };
    let scope = match &update.scope {
        DocumentScope::All => Scope::All,
        DocumentScope::Namespaces(names) => Scope::Namespaces(names.clone()),
        DocumentScope::WithoutNamespace => Scope::WithoutNamespace,
        DocumentScope::NamespaceTooLong => Scope::NamespaceTooLong,
    };
    let mode = match (update.mode, overwrite) {
        (UpdateMode::Missing, _) => Mode::Missing,
        (UpdateMode::All, false) => Mode::All,
        (UpdateMode::All, true) => Mode::AllOverwriting,
    };
    Ok(Task { field, value, scope, mode })
}

/// The value of a document's level, from its JSON.
///
/// # Errors
///
/// [`UpdateError::NotJson`], [`UpdateError::WrongType`].
pub fn level_of(text: &str) -> Result<Value, UpdateError> {
    scalar(serde_json::from_str(text).map_err(|_| UpdateError::NotJson(text.to_owned()))?)
}

fn scalar(value: Value) -> Result<Value, UpdateError> {
    match value {
        Value::Number(_) | Value::String(_) | Value::Bool(_) => Ok(value),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(UpdateError::WrongType(value.to_string())),
    }
}

/// What an error of the search index means for a run.
fn search_failed(error: &elasticsearch::Error) -> PortError {
    PortError::failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_is_of_the_configured_field_unless_it_names_another() {
        let settings = Settings::default();
        let task = task_of(&DocumentUpdate::of_namespace("a"), &settings, true).unwrap();
        assert_eq!(
            (task.field.as_str(), &task.value, task.mode),
            ("clearance_level", &json!(1), Mode::Missing)
        );
        assert_eq!(task.scope, Scope::Namespaces(vec!["a".to_owned()]));
        let other = DocumentUpdate {
            mode: UpdateMode::All,
            field: Some("tier".to_owned()),
            value: Some("\"gold\"".to_owned()),
            ..DocumentUpdate::default()
        };
        let task = task_of(&other, &settings, false).unwrap();
        assert_eq!((task.field.as_str(), &task.value, task.mode), ("tier", &json!("gold"), Mode::All));
        assert_eq!(task_of(&other, &settings, true).unwrap().mode, Mode::AllOverwriting);
    }

    #[test]
    fn a_field_or_value_that_cannot_be_used_is_named() {
        let refused = |field: Option<&str>, value: Option<&str>| {
            let update = DocumentUpdate {
                field: field.map(str::to_owned),
                value: value.map(str::to_owned),
                ..DocumentUpdate::default()
            };
            task_of(&update, &Settings::default(), false).unwrap_err().field()
        };
        assert_eq!(refused(Some("a.b"), None), "field");
        assert_eq!(refused(None, Some("gold")), "value");
        assert_eq!(refused(None, Some("[1]")), "value");
        assert_eq!(refused(None, Some("null")), "value");
        assert_eq!((level_of("2").unwrap(), level_of("{}").unwrap_err().field()), (json!(2), "value"));
    }
}
