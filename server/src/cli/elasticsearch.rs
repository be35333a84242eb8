//! The grammar of `tain elasticsearch`.

use clap::{Args, Subcommand, ValueEnum};
use protocol::{DocumentQuery, DocumentScope, DocumentUpdate, Holding, RunKind, RunRequest, UpdateMode};

use super::NamespaceArg;

/// What `tain elasticsearch` takes.
#[derive(Debug, Args)]
pub struct ElasticsearchArgs {
    /// What to do with the search index.
    #[command(subcommand)]
    pub command: ElasticsearchCommand,
}

/// What can be done with the search index.
#[derive(Debug, Subcommand)]
pub enum ElasticsearchCommand {
    /// Show the server, the key, the documents, and what stands in the way of an update
    Status,
    /// Count the documents of every namespace, with and without the field
    Namespaces,
    /// List the ids of documents, each once and as they are at one moment
    Documents(DocumentsArgs),
    /// Show what an update would do; nothing is written
    Preview(Selection),
    /// Write the field into documents; each keeps what somebody else writes meanwhile
    Update(UpdateArgs),
    /// Add the field to the mapping, where the index takes no new fields by itself; no document is touched
    AddMapping(AddMapping),
    /// Compare the access level of every record of the target with that of its document
    Check(NamespaceArg),
}

/// Whose documents.
#[derive(Debug, Clone, Args)]
pub struct ScopeArgs {
    /// The namespaces, as the documents spell them
    #[arg(
        value_name = "NAMESPACE",
        required_unless_present_any = ["all_namespaces", "without_namespace", "namespace_too_long"],
        conflicts_with_all = ["all_namespaces", "without_namespace", "namespace_too_long"]
    )]
    pub namespaces: Vec<String>,
    /// All documents of the index
    #[arg(long, conflicts_with_all = ["without_namespace", "namespace_too_long"])]
    pub all_namespaces: bool,
    /// The documents without a namespace
    #[arg(long, conflicts_with = "namespace_too_long")]
    pub without_namespace: bool,
    /// The documents whose namespace is too long to be matched
    #[arg(long)]
    pub namespace_too_long: bool,
}

/// Which documents are listed.
#[derive(Debug, Clone, Args)]
pub struct DocumentsArgs {
    /// Whose documents.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Only those without a value in the field
    #[arg(long, conflicts_with_all = ["with", "with_added", "with_value"])]
    pub without: bool,
    /// Only those with a value in the field
    #[arg(long, conflicts_with_all = ["with_added", "with_value"])]
    pub with: bool,
    /// Only those with the value that an update adds (NEW_METADATA_VALUE)
    #[arg(long, conflicts_with = "with_value")]
    pub with_added: bool,
    /// Only those with this value in the field, as JSON: `2`, `'"secret"'`
    #[arg(long, value_name = "JSON")]
    pub with_value: Option<String>,
}

/// Which documents, and what is written into them.
#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Whose documents.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Which of them
    #[arg(long, value_enum, default_value_t)]
    pub mode: ModeArg,
    /// Replace higher values too, and values that cannot be compared (needs --mode all)
    #[arg(long)]
    pub overwrite: bool,
    /// The field and its value.
    #[command(flatten)]
    pub added: Added,
}

/// A field and its value.
#[derive(Debug, Clone, Default, Args)]
pub struct Added {
    /// The field, instead of NEW_METADATA_KEY
    #[arg(long, value_name = "NAME")]
    pub field: Option<String>,
    /// Its value as JSON, instead of NEW_METADATA_VALUE: `2`, `'"secret"'`
    #[arg(long, value_name = "JSON")]
    pub value: Option<String>,
}

/// Which documents are updated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Those without a value
    #[default]
    Missing,
    /// Those with a lower value, too
    All,
}

/// What an update takes.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    /// Which documents.
    #[command(flatten)]
    pub selection: Selection,
    /// Let the server do it by itself (_update_by_query): it needs scripts and more privileges, a failure ends it, and
    /// final ingest pipelines run again
    #[arg(long)]
    pub server_side: bool,
    /// Documents in a request at most
    #[arg(long, value_name = "DOCUMENTS", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub batch_size: Option<u32>,
    /// Write nothing; list the documents that a live run would update
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before writing (nothing is asked with --json, or where there is no terminal)
    #[arg(long, short)]
    pub yes: bool,
}

/// What adding the field to the mapping takes.
#[derive(Debug, Clone, Args)]
pub struct AddMapping {
    /// The field, and a value that it will hold.
    #[command(flatten)]
    pub added: Added,
    /// Do not ask before it
    #[arg(long, short)]
    pub yes: bool,
}

impl From<ModeArg> for UpdateMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Missing => Self::Missing,
            ModeArg::All => Self::All,
        }
    }
}

impl Added {
    /// The update that adds it to all documents.
    pub fn update(&self) -> DocumentUpdate {
        DocumentUpdate { field: self.field.clone(), value: self.value.clone(), ..DocumentUpdate::default() }
    }
}

impl ScopeArgs {
    /// Whose documents are meant.
    pub fn scope(&self) -> DocumentScope {
        // At most one of them is set: they conflict.
        match (self.all_namespaces, self.without_namespace, self.namespace_too_long) {
            (true, ..) => DocumentScope::All,
            (_, true, _) => DocumentScope::WithoutNamespace,
            (.., true) => DocumentScope::NamespaceTooLong,
            (false, false, false) => DocumentScope::Namespaces(self.namespaces.clone()),
        }
    }
}

impl DocumentsArgs {
    /// The documents that are asked for.
    pub fn query(&self) -> DocumentQuery {
        // As above.
        let holding = match (self.without, self.with, self.with_added, &self.with_value) {
            (true, ..) => Holding::Nothing,
            (_, true, ..) => Holding::Something,
            (_, _, true, _) => Holding::Added,
            (.., Some(value)) => Holding::Value(value.clone()),
            (false, false, false, None) => Holding::Anything,
        };
        DocumentQuery { scope: self.scope.scope(), holding, ..DocumentQuery::default() }
    }
}

impl Selection {
    /// The update that is asked for.
    pub fn update(&self) -> DocumentUpdate {
        DocumentUpdate { scope: self.scope.scope(), mode: self.mode.into(), ..self.added.update() }
    }
}

impl UpdateArgs {
    /// The run that is asked for.
    pub fn request(&self) -> RunRequest {
        let update = DocumentUpdate { server_side: self.server_side, ..self.selection.update() };
        RunRequest {
            dry_run: self.dry_run,
            overwrite_added: self.selection.overwrite,
            batch_size: self.batch_size,
            ..RunRequest::update_documents(update)
        }
    }
}

/// The comparison that is asked for.
pub fn check_request(argument: &NamespaceArg) -> RunRequest {
    RunRequest::new(RunKind::Levels, argument.namespace.clone())
}
