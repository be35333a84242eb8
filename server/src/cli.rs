//! The command line's grammar.

mod elasticsearch;
mod runs;
mod schedules;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::{DocumentUpdate, NamespacePatterns, Reuse, RunKind, RunRequest};
use url::Url;

pub use elasticsearch::{
    AddMapping, Added, DocumentsArgs, ElasticsearchArgs, ElasticsearchCommand, ModeArg, ScopeArgs, Selection,
    UpdateArgs, check_request,
};
pub use runs::{
    CompareArgs, FailuresArgs, KindArg, LevelArg, LogArgs, RecordsArgs, RetryArgs, RunArg, RunsArgs,
    RunsCommand, RunsFilter,
};
pub use schedules::{AddSchedule, RunSchedule, ScheduleArg, SchedulesArgs, SchedulesCommand};

/// Mirrors a Pinecone namespace from an old index into a new one, re-embedding its texts with Gemini.
#[derive(Debug, Parser)]
#[command(name = "tain", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done or in sync, 1 differences found (analyze, check, record), 2 usage or configuration, \
3 some records failed, 4 a service failed or a quota is used up, 130 stopped or cancelled.

Settings come from flags, the environment, .env and tain.toml, in this order; `tain config` shows them.
Without any key: tain demo";

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// One JSON object a line on stdout, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress; results, warnings and errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No colour (nor with the variable NO_COLOR, nor where stdout is no terminal)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// The source index, instead of PINECONE_OLD_INDEX
    #[arg(long, global = true, value_name = "INDEX")]
    pub source: Option<String>,
    /// The target index, instead of PINECONE_NEW_INDEX
    #[arg(long, global = true, value_name = "INDEX")]
    pub target: Option<String>,
    /// This file instead of tain.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// This file instead of .env
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare the namespaces of both indexes by their record counts
    Namespaces,
    /// Compare the record counts of one namespace
    Check(NamespaceArg),
    /// Show one record of both indexes, and its document, side by side
    Record(RecordArg),
    /// Say which record is what, and what a mirror would take; reads only
    Analyze(Analyze),
    /// Write what is missing and what has changed
    Mirror(Write),
    /// Write what is missing and leave the rest as it is
    Reembed(Write),
    /// Show the search index, and write the added field into its documents
    #[command(visible_alias = "es")]
    Elasticsearch(ElasticsearchArgs),
    /// List runs, show one, or pause it, let it go on, give it up, try its failed records again
    Runs(RunsArgs),
    /// List schedules, or make, change or remove one: runs that start by themselves
    Schedules(SchedulesArgs),
    /// Show every setting and where it comes from
    Config(ConfigArgs),
    /// Choose among the commands by their numbers
    Menu,
    /// Serve the app on this machine
    Serve(Serve),
    /// Serve the app on a sandbox with sample data: no key needed
    Demo(Demo),
    /// Run an emulator of Pinecone and Gemini on this machine
    Sandbox(Box<Sandbox>),
}

/// A namespace.
#[derive(Debug, Clone, Args)]
pub struct NamespaceArg {
    /// The namespace; `__default__` is the one without a name
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
}

/// A record.
#[derive(Debug, Clone, Args)]
pub struct RecordArg {
    /// The namespace; `__default__` is the one without a name
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// The record's id
    #[arg(value_name = "ID")]
    pub id: String,
}

/// One namespace, or all that match.
#[derive(Debug, Clone, Args)]
pub struct NamespacesArg {
    /// The namespace; `__default__` is the one without a name
    #[arg(value_name = "NAMESPACE", required_unless_present = "all_namespaces")]
    pub namespace: Option<String>,
    /// All namespaces of the source, one after the other, as one run
    #[arg(long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Of all namespaces, only those that match: `*` stands for any characters, `?` for one
    #[arg(long, value_name = "PATTERN", requires = "all_namespaces", conflicts_with = "namespace")]
    pub include: Vec<String>,
    /// Of those, not the ones that match
    #[arg(long, value_name = "PATTERN", requires = "all_namespaces", conflicts_with = "namespace")]
    pub exclude: Vec<String>,
}

impl NamespacesArg {
    fn patterns(&self) -> Option<NamespacePatterns> {
        let (include, exclude) = (self.include.clone(), self.exclude.clone());
        self.all_namespaces.then_some(NamespacePatterns { include, exclude })
    }
}

/// What an analysis takes.
#[derive(Debug, Clone, Args)]
pub struct Analyze {
    /// The namespace.
    #[command(flatten)]
    pub namespace: NamespacesArg,
    /// How to read and compare.
    #[command(flatten)]
    pub run: RunOptions,
}

/// What a run takes, whatever its kind.
#[derive(Debug, Clone, Default, Args)]
pub struct RunOptions {
    /// Records in a batch at most, where that is less than the configured sizes
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub batch_size: Option<u32>,
    /// When a changed record keeps the target's vector
    #[arg(long, value_enum, default_value_t)]
    pub reuse: ReuseArg,
    /// Replace other values under the added key; without this no access level is lowered
    #[arg(long)]
    pub overwrite_added: bool,
}

/// What a run that writes takes.
#[derive(Debug, Clone, Args)]
pub struct Write {
    /// The namespace.
    #[command(flatten)]
    pub namespace: NamespacesArg,
    /// How to read, compare and write.
    #[command(flatten)]
    pub run: RunOptions,
    /// Write and pay nothing; say exactly what a live run would do
    #[arg(long)]
    pub dry_run: bool,
    /// Carry out this plan (a hash that `tain analyze` printed), record by record, and say what has moved since
    #[arg(long, value_name = "HASH", conflicts_with = "all_namespaces")]
    pub plan: Option<String>,
    /// End with the search index: write the added field into the documents of the namespace that lack it
    #[arg(long)]
    pub elasticsearch: bool,
    /// Do not ask before writing (nothing is asked with --json, or where there is no terminal)
    #[arg(long, short)]
    pub yes: bool,
}

/// When a changed record keeps the target's vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ReuseArg {
    /// Embed every missing and changed record
    Never,
    /// Keep it where the text is the same on both sides and tain's ledger shows that tain made that vector
    #[default]
    Proven,
    /// Keep it where the text is the same on both sides, whoever made it
    SameText,
}

impl From<ReuseArg> for Reuse {
    fn from(reuse: ReuseArg) -> Self {
        match reuse {
            ReuseArg::Never => Self::Never,
            ReuseArg::Proven => Self::Proven,
            ReuseArg::SameText => Self::SameText,
        }
    }
}

impl Analyze {
    /// The run that is asked for.
    pub fn request(&self) -> RunRequest {
        request(RunKind::Analyze, &self.namespace, &self.run, true, None)
    }
}

impl Write {
    /// The run that is asked for. `kind` says which of the two commands this is.
    pub fn request(&self, kind: RunKind) -> RunRequest {
        RunRequest {
            documents: self.elasticsearch.then(DocumentUpdate::default),
            ..request(kind, &self.namespace, &self.run, self.dry_run, self.plan.clone())
        }
    }
}

fn request(
    kind: RunKind,
    namespaces: &NamespacesArg,
    run: &RunOptions,
    dry_run: bool,
    plan: Option<String>,
) -> RunRequest {
    RunRequest {
        dry_run,
        reuse: run.reuse.into(),
        overwrite_added: run.overwrite_added,
        batch_size: run.batch_size,
        plan,
        namespaces: namespaces.patterns(),
        ..RunRequest::new(kind, namespaces.namespace.clone().unwrap_or_default())
    }
}

/// What `tain config` takes.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What else to do with the settings.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// What else to do with the settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Ask each service whether the settings work
    Check,
}

/// What `tain serve` takes.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Where to listen, instead of TAIN_LISTEN; only addresses of this machine itself are possible as yet
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Go on with the runs that were interrupted, or stopped with tain
    #[arg(long)]
    pub resume: bool,
}

/// What `tain demo` takes.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Where to listen, instead of TAIN_LISTEN; only addresses of this machine itself are possible as yet
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "port")]
    pub listen: Option<SocketAddr>,
    /// The port of 127.0.0.1 to listen on; 0 takes a free one
    #[arg(long)]
    pub port: Option<u16>,
}

/// What `tain sandbox` takes.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sandbox {
    /// What to do with a sandbox that runs already
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,
    /// The port of the control plane and of Gemini; the indexes get the next ones. 0 takes free ones
    #[arg(long, default_value_t = 5080)]
    pub port: u16,
    /// Keep the records in this file; without it they are in memory only
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Load records from this file: a JSON object with `id`, `metadata` and perhaps `values` a line
    #[arg(long, value_name = "FILE", requires = "namespace")]
    pub load: Option<PathBuf>,
    /// The index to load into
    #[arg(long, value_enum, default_value_t, requires = "load")]
    pub index: SandboxIndex,
    /// The namespace to load into
    #[arg(long, requires = "load")]
    pub namespace: Option<String>,
    /// Begin with the sample: a few hundred help-centre passages (the default, unless --load or --data is given)
    #[arg(long, overrides_with = "no_sample")]
    pub sample: bool,
    /// Begin without the sample
    #[arg(long)]
    pub no_sample: bool,
    /// Make something go wrong: `embed:503@first=3`, `source.list:reset@page=2`; may be given several times
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Show every fault that --fault takes, and every moment
    #[arg(long, exclusive = true)]
    pub list_faults: bool,
    /// The seed of faults with a rate, and of latencies
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How long calls take, in milliseconds: `50`, `40-300`, or for one endpoint `embed=200-800`
    #[arg(long, value_name = "[ENDPOINT=]MS[-MS]")]
    pub latency: Vec<String>,
    /// Milliseconds until a write is seen by list, query and stats
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub visibility_delay: u64,
    /// Enforce the documented rate limits of Pinecone and the quota of Gemini's first paid tier
    #[arg(long)]
    pub rate_limits: bool,
    /// Refuse every other key
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// The dimension of the target index
    #[arg(long, default_value_t = 3_072, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub dimension: u32,
}

/// What can be done with a sandbox that runs already.
#[derive(Debug, Clone, Subcommand)]
pub enum SandboxCommand {
    /// List the faults that are set, add some, or remove them all
    Faults(SandboxFaults),
}

/// What `tain sandbox faults` takes.
#[derive(Debug, Clone, Args)]
pub struct SandboxFaults {
    /// Where the sandbox runs
    #[arg(long, default_value = "http://127.0.0.1:5080")]
    pub url: Url,
    /// What to do; without it, list
    #[command(subcommand)]
    pub command: Option<FaultsCommand>,
}

/// What can be done with the faults of a sandbox.
#[derive(Debug, Clone, Subcommand)]
pub enum FaultsCommand {
    /// Show those that are set, and how many calls each has seen
    List,
    /// Add faults: `embed:429@rate=0.1`; `tain sandbox --list-faults` shows all there are
    Add {
        /// The faults
        #[arg(value_name = "FAULT", required = true)]
        faults: Vec<String>,
    },
    /// Remove all
    Clear,
}

/// One of the sandbox's two indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SandboxIndex {
    /// The old index
    #[default]
    Source,
    /// The new index
    Target,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    fn parse(command: &str) -> Command {
        Cli::try_parse_from(command.split_whitespace()).unwrap().command
    }

    fn asked(command: Command) -> RunRequest {
        match command {
            Command::Analyze(analyze) => analyze.request(),
            Command::Mirror(write) => write.request(RunKind::Mirror),
            Command::Reembed(write) => write.request(RunKind::Reembed),
            Command::Elasticsearch(ElasticsearchArgs { command }) => match command {
                ElasticsearchCommand::Update(update) => update.request(),
                ElasticsearchCommand::Check(argument) => check_request(&argument),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn documents_are_updated_only_where_somebody_says_which() {
        let refused = |command: &str| Cli::try_parse_from(command.split_whitespace()).is_err();
        assert!(refused("tain elasticsearch update"));
        assert!(refused("tain elasticsearch preview"));
        assert!(refused("tain elasticsearch update a --all-namespaces"));
        assert!(refused("tain elasticsearch update --without-namespace --all-namespaces"));
        assert!(refused("tain elasticsearch update a --mode some"));
    }

    #[test]
    fn the_command_that_a_request_shows_asks_for_the_same() {
        let requests = [
            "tain analyze articles --reuse same-text",
            "tain mirror articles --dry-run --overwrite-added --batch-size 7 --plan abc",
            "tain reembed __default__",
            "tain mirror --dry-run -- -odd",
            "tain analyze articles --reuse never",
            "tain mirror --all-namespaces --include=team-* --exclude=*-test --dry-run",
            "tain mirror articles --elasticsearch",
            "tain reembed --all-namespaces --elasticsearch",
            "tain elasticsearch update articles",
            "tain elasticsearch update --all-namespaces --mode all --overwrite --dry-run",
            "tain elasticsearch update --without-namespace --field=tier --value=-1",
            "tain es update --server-side --batch-size 7 -- -a b",
            "tain elasticsearch check articles",
            "tain elasticsearch check -- -odd",
        ];
        for command in requests {
            let request = asked(parse(command));
            let shown = request.command().replace('\'', "");
            let again = asked(parse(&shown));
            assert_eq!(again, request, "{command} became {shown}");
        }
    }

    #[test]
    fn the_command_that_a_list_of_documents_shows_asks_for_the_same() {
        let query = |command: &str| match parse(command) {
            Command::Elasticsearch(ElasticsearchArgs {
                command: ElasticsearchCommand::Documents(arguments),
            }) => arguments.query(),
            other => panic!("{other:?}"),
        };
        for command in [
            "tain elasticsearch documents articles --without",
            "tain elasticsearch documents --all-namespaces",
            "tain elasticsearch documents --without-namespace --with",
            "tain elasticsearch documents a --with-added",
            "tain elasticsearch documents --namespace-too-long --with-value=-1",
            "tain es documents --with-value=true -- -a b",
        ] {
            let asked = query(command);
            let shown = asked.command().replace('\'', "");
            assert_eq!(query(&shown), asked, "{command} became {shown}");
        }
        let refused = |command: &str| Cli::try_parse_from(command.split_whitespace()).is_err();
        assert!(refused("tain elasticsearch documents"));
        assert!(refused("tain elasticsearch documents a --with --without"));
    }

    #[test]
    fn common_options_stand_anywhere() {
        let cli = Cli::try_parse_from(["tain", "analyze", "a", "--json", "--target", "new"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.target.as_deref(), Some("new"));
    }
}
