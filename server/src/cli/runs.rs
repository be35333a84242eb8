//! The grammar of `tain runs`.

use clap::{Args, Subcommand, ValueEnum};
use protocol::{Category, LogLevel, RunId, RunKind, RunState};

/// What `tain runs` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RunsArgs {
    /// The run to show; without it, runs are listed
    #[arg(value_name = "ID", conflicts_with_all = ["kind", "state", "namespace", "limit"])]
    pub id: Option<String>,
    /// Which runs are listed.
    #[command(flatten)]
    pub filter: RunsFilter,
    /// What else to do with runs.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

/// Which runs are listed.
#[derive(Debug, Clone, Args)]
pub struct RunsFilter {
    /// Only runs of this kind
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
    /// Only runs in this state; several may be given
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Vec<RunState>,
    /// Only runs whose namespace holds this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub namespace: String,
    /// At most so many
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Reads both sides and says which record is what
    Analyze,
    /// Writes missing and changed records
    Mirror,
    /// Writes missing records
    Reembed,
    /// Writes the added field into documents of the search index
    Documents,
    /// Compares the access levels of records and documents
    Levels,
}

impl From<KindArg> for RunKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Analyze => Self::Analyze,
            KindArg::Mirror => Self::Mirror,
            KindArg::Reembed => Self::Reembed,
            KindArg::Documents => Self::Documents,
            KindArg::Levels => Self::Levels,
        }
    }
}

/// Reads a state as it is printed, with spaces or dashes.
fn state(word: &str) -> Result<RunState, String> {
    let word = word.to_ascii_lowercase().replace(['-', '_'], " ");
    RunState::ALL.into_iter().find(|state| state.label() == word).ok_or_else(|| {
        let known = RunState::ALL.map(|state| state.label().replace(' ', "-")).join(", ");
        format!("it is none of {known}")
    })
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first
    List(RunsFilter),
    /// Show a run
    Show(RunArg),
    /// Show what has changed from the run before, or from another one, to a run
    Compare(CompareArgs),
    /// Print the log of a run
    Log(LogArgs),
    /// Print the failed records of a run
    Failures(FailuresArgs),
    /// Print the ids behind a count of a run
    Records(RecordsArgs),
    /// Stop a run at a checkpoint, in whatever process it is
    Pause(RunArg),
    /// Go on with a run that is paused, was interrupted, or failed
    Resume(RunArg),
    /// Stop a run for good, or give up one that waits to be resumed
    Cancel(RunArg),
    /// Try the failed records of a run again
    Retry(RetryArgs),
}

/// A run.
#[derive(Debug, Clone, Args)]
pub struct RunArg {
    /// The run's id
    #[arg(value_name = "ID")]
    id: String,
}

impl RunArg {
    /// The run's id.
    pub fn id(&self) -> RunId {
        RunId(self.id.clone())
    }
}

/// What `tain runs compare` takes.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunArg,
    /// What it is compared with; without it, the newest earlier run of the same kind, over the same namespaces
    #[arg(value_name = "WITH")]
    with: Option<String>,
}

impl CompareArgs {
    /// What it is compared with, if that was named.
    pub fn with(&self) -> Option<RunId> {
        self.with.clone().map(RunId)
    }
}

/// What `tain runs log` takes.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunArg,
    /// Only lines that matter so much, or more
    #[arg(long, value_enum)]
    pub level: Option<LevelArg>,
    /// Only lines that hold this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub search: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// The course of things
    Info,
    /// Worth a look
    Warn,
    /// Something did not work
    Error,
}

impl From<LevelArg> for LogLevel {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Info => Self::Info,
            LevelArg::Warn => Self::Warn,
            LevelArg::Error => Self::Error,
        }
    }
}

/// What `tain runs failures` takes.
#[derive(Debug, Clone, Args)]
pub struct FailuresArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunArg,
    /// Only records whose id or message holds this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub search: String,
}

/// What `tain runs records` takes.
#[derive(Debug, Clone, Args)]
pub struct RecordsArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunArg,
    /// Which count
    #[arg(value_name = "COUNT", value_parser = category)]
    pub category: Category,
    /// Only ids that hold this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub search: String,
}

/// Reads a category as it stands in the app's addresses.
fn category(word: &str) -> Result<Category, String> {
    Category::from_slug(word)
        .ok_or_else(|| format!("it is none of {}", Category::ALL.map(Category::slug).join(", ")))
}

/// What `tain runs retry` takes.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunArg,
    /// Write and pay nothing; say exactly what a live run would do
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before writing (nothing is asked with --json, or where there is no terminal)
    #[arg(long, short)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn runs_are_listed_shown_and_told_what_to_do() {
        let runs = |command: &str| match Cli::try_parse_from(command.split_whitespace()).unwrap().command {
            Command::Runs(runs) => runs,
            other => panic!("{other:?}"),
        };
        let list = runs("tain runs --kind mirror --state interrupted --state done-with-failures");
        assert!(list.id.is_none() && list.command.is_none());
        assert_eq!(list.filter.state, [RunState::Interrupted, RunState::DoneWithFailures]);
        assert_eq!(runs("tain runs m1abc").id.as_deref(), Some("m1abc"));
        assert!(
            matches!(runs("tain runs list --limit 3").command, Some(RunsCommand::List(f)) if f.limit == 3)
        );
        assert!(matches!(
            runs("tain runs records m1 to-migrate").command,
            Some(RunsCommand::Records(r)) if r.category == Category::Missing && r.run.id().0 == "m1"
        ));
        let compared = |command: &str| match runs(command).command {
            Some(RunsCommand::Compare(compare)) => (compare.run.id().0, compare.with().map(|run| run.0)),
            other => panic!("{other:?}"),
        };
        assert_eq!(compared("tain runs compare m2"), ("m2".to_owned(), None));
        assert_eq!(compared("tain runs compare m2 m1"), ("m2".to_owned(), Some("m1".to_owned())));
        for wrong in [
            "tain runs --state odd",
            "tain runs records m1 odd",
            "tain runs show",
            "tain mirror",
            "tain mirror a --all-namespaces",
            "tain mirror a --include=b",
            "tain mirror --all-namespaces --plan a",
        ] {
            assert!(Cli::try_parse_from(wrong.split_whitespace()).is_err(), "{wrong}");
        }
    }
}
