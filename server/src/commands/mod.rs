//! The commands, each a thin shell: settings in, functions of the core called, words out.

mod config;
mod demo;
mod elasticsearch;
mod menu;
mod namespaces;
mod record;
mod run;
mod runs;
mod sandbox;
mod schedules;
mod serve;

use std::sync::Arc;

use protocol::RunKind;
use sync::Clock;

use crate::{
    cli::{Cli, Command, Global},
    clock::system_clock,
    config::{Config, LogFormat, Sources, load},
    connections::Connections,
    exit::{Exit, Failure},
    logging,
    output::Style,
};

/// What every command is given.
pub struct Context {
    /// Where settings are read from.
    pub sources: Sources,
    /// How to print.
    pub style: Style,
    /// The time.
    pub clock: Clock,
    /// The common options as they were given.
    pub global: Global,
}

impl Context {
    /// The settings, checked.
    ///
    /// # Errors
    ///
    /// What cannot be read or used.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(load(&self.sources)?)
    }

    /// The services that the settings name; nothing is connected to yet.
    ///
    /// # Errors
    ///
    /// What of the settings cannot be read or used.
    pub fn connections(&self) -> Result<Arc<Connections>, Failure> {
        Ok(Arc::new(Connections::new(self.config()?)))
    }
}

/// Does what the command line asks for.
///
/// # Errors
///
/// Why it could not be done.
pub async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    let context = context(&global);
    start_logging(&context, &command)?;
    Box::pin(execute(&context, command)).await
}

/// Does what one command asks for.
async fn execute(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Namespaces => namespaces::namespaces(context).await,
        Command::Check(argument) => namespaces::check(context, &argument.namespace).await,
        Command::Record(argument) => record::record(context, &argument).await,
        Command::Analyze(analyze) => run::run(context, analyze.request(), true).await,
        Command::Mirror(write) => run::run(context, write.request(RunKind::Mirror), write.yes).await,
        Command::Reembed(write) => run::run(context, write.request(RunKind::Reembed), write.yes).await,
        Command::Elasticsearch(arguments) => Box::pin(elasticsearch::elasticsearch(context, arguments)).await,
        Command::Runs(arguments) => Box::pin(runs::runs(context, arguments)).await,
        Command::Schedules(arguments) => schedules::schedules(context, arguments).await,
        Command::Config(arguments) => match arguments.command {
            None => config::show(context),
            Some(crate::cli::ConfigCommand::Check) => config::check(context).await,
        },
        Command::Menu => menu::menu(context).await,
        Command::Serve(arguments) => serve::serve(context, &arguments).await,
        Command::Demo(arguments) => demo::demo(context, &arguments).await,
        Command::Sandbox(arguments) => sandbox::sandbox(context, &arguments).await,
    }
}

fn context(global: &Global) -> Context {
    let flag = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let flags = [flag("PINECONE_OLD_INDEX", &global.source), flag("PINECONE_NEW_INDEX", &global.target)];
    let sources = Sources {
        env_file: global.env_file.clone(),
        config_file: global.config.clone(),
        flags: flags.into_iter().flatten().collect(),
        ..Sources::of_process()
    };
    // https://no-color.org: any value that is not empty.
    let no_color = sources.environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = Style::new(global.json, global.quiet, global.no_color || no_color);
    Context { sources, style, clock: system_clock(), global: global.clone() }
}

/// Settings that cannot be read are reported by the command itself; until then, logging is as the environment says.
fn start_logging(context: &Context, command: &Command) -> Result<(), Failure> {
    let environment = &context.sources.environment;
    let (log, format) = match load(&context.sources) {
        Ok(config) => (config.log, config.log_format),
        Err(_) => {
            (environment.get("TAIN_LOG").or_else(|| environment.get("RUST_LOG")).cloned(), LogFormat::Text)
        }
    };
    let usual = match command {
        Command::Serve(_) | Command::Demo(_) | Command::Sandbox(_) => "warn,server=info,sandbox=info",
        _ => "warn",
    };
    logging::start(log.as_deref(), usual, format, context.style.color).map_err(|error| {
        Failure::usage(format!(
            "TAIN_LOG (or RUST_LOG) is no filter: {error}; write it as `warn,server=debug`"
        ))
    })
}
