//! `tain config` and `tain config check`.

use serde::Serialize;

use super::Context;
use crate::{
    config::{Config, Entry, Group, Origin, entries},
    connections::{ConnectError, Connections},
    exit::{Exit, Failure, chain},
    output::{format, note, print, print_json, table},
};

/// Prints every setting with its value and its origin.
///
/// # Errors
///
/// A file that cannot be read.
pub fn show(context: &Context) -> Result<Exit, Failure> {
    let entries = entries(&context.sources).map_err(crate::config::ConfigError::from)?;
    if context.style.json {
        for entry in &entries {
            print_json(&Shown::new(entry))?;
        }
    } else {
        print(&report(context, &entries))?;
    }
    match Config::new(&entries) {
        Ok(_) => Ok(Exit::Done),
        Err(invalid) => Err(crate::config::ConfigError::from(invalid).into()),
    }
}

/// A setting as JSON. A secret's value is never in it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'static str,
    value: Option<String>,
    set: bool,
    origin: &'static str,
    help: &'a str,
}

impl<'a> Shown<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            name: entry.variable.name,
            value: entry.text().map(|_| entry.shown()),
            set: entry.origin != Origin::Default,
            origin: entry.origin.label(),
            help: entry.variable.help,
        }
    }
}

fn report(context: &Context, entries: &[Entry]) -> String {
    let mut report = String::new();
    let groups = [Group::Pinecone, Group::Gemini, Group::Mirror, Group::Tain, Group::Elasticsearch];
    for group in groups {
        let mut lines = table(&["  ", "VALUE", "FROM", ""]);
        for entry in entries.iter().filter(|entry| entry.variable.group == group) {
            let origin = match entry.alias {
                Some(alias) => format!("{} ({alias})", entry.origin.label()),
                None => entry.origin.label().to_owned(),
            };
            let value = match entry.text() {
                Some("") => "(empty)".to_owned(),
                _ => format::one_line(&entry.shown()),
            };
            lines.add_row([
                format!("  {}", entry.variable.name),
                value,
                origin,
                entry.variable.help.to_owned(),
            ]);
        }
        report.push_str(&format!("{}\n{}\n\n", context.style.bold(group.label()), lines.trim_fmt()));
    }
    report.push_str(
        "A flag wins over the environment, that over .env, that over tain.toml, where the names are written in \
         lowercase.\n",
    );
    report
}

/// The answer of one service, in words.
#[derive(Debug, Serialize)]
struct Answer {
    service: &'static str,
    name: String,
    ok: bool,
    message: String,
    #[serde(skip)]
    exit: Exit,
}

impl Answer {
    fn new(service: &'static str, name: &str, result: Result<String, ConnectError>) -> Self {
        let (exit, message) = match result {
            Ok(message) => (Exit::Done, message),
            Err(ConnectError::NotConfigured(message)) => (Exit::Usage, message),
            Err(ConnectError::Service(message)) => (Exit::ServiceFailed, message),
        };
        Self { service, name: name.to_owned(), ok: exit == Exit::Done, message, exit }
    }
}

/// Asks each service whether the settings work. Pays for nothing and writes nothing.
///
/// # Errors
///
/// Settings that cannot be used at all.
pub async fn check(context: &Context) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    let (source_name, target_name) = connections.index_names();
    let config = connections.config();
    let (source, target, gemini) =
        tokio::join!(source(&connections), target(&connections), embedding(&connections));
    let answers = [
        Answer::new("source", source_name, source),
        Answer::new("target", target_name, target),
        Answer::new("gemini", &config.gemini.model.id, gemini),
        Answer::new("data directory", &config.data_dir.display().to_string(), data_dir(&connections)),
    ];
    for answer in &answers {
        if context.style.json {
            print_json(answer)?;
            continue;
        }
        let word = if answer.ok { context.style.good("ok    ") } else { context.style.bad("failed") };
        print(&format!(
            "{word}  {:<14} {}: {}",
            answer.service,
            format::one_line(&answer.name),
            format::one_line(&answer.message)
        ))?;
    }
    let exits = answers.iter().map(|answer| answer.exit);
    // What is wrong on this side comes first: it has to be put right before the other can be known.
    Ok(exits
        .max_by_key(|exit| [Exit::Done, Exit::ServiceFailed, Exit::Usage].iter().position(|e| e == exit))
        .unwrap_or(Exit::Done))
}

async fn source(connections: &Connections) -> Result<String, ConnectError> {
    let source = connections.source().await?;
    describe(source, "only ever read").await
}

async fn target(connections: &Connections) -> Result<String, ConnectError> {
    let target = connections.target().await?;
    connections.require_dimensions(target)?;
    describe(target, "its dimensions are those of the embeddings").await
}

async fn describe(index: &pinecone::Reader, note: &str) -> Result<String, ConnectError> {
    let description = index.description();
    let stats = index.stats().await.map_err(|error| ConnectError::Service(chain(&error)))?;
    let dimension = match description.dimension {
        Some(dimension) => format!("{dimension} dimensions"),
        None => "sparse vectors".to_owned(),
    };
    let metric = description.metric.as_deref().unwrap_or("unknown");
    Ok(format!(
        "{dimension}, metric {metric}, {} in {}; {note}",
        format::counted(stats.total, "record"),
        format::counted(stats.namespaces.len() as u64, "namespace")
    ))
}

async fn embedding(connections: &Connections) -> Result<String, ConnectError> {
    let gemini = connections.gemini().await?;
    gemini.check().await.map_err(|error| ConnectError::Service(chain(&error)))?;
    let model = gemini.model();
    let quotas = gemini.quotas();
    Ok(format!(
        "the key is valid and the model exists; {} dimensions, {}, paced to {} and {} a minute",
        model.dimensions,
        model.task_type,
        format::counted(quotas.texts_per_minute, "text"),
        format::counted(quotas.tokens_per_minute, "token")
    ))
}

fn data_dir(connections: &Connections) -> Result<String, ConnectError> {
    let path = connections.data_dir();
    let probe = path.join(".writable");
    let written = std::fs::create_dir_all(path).and_then(|()| std::fs::write(&probe, ""));
    drop(std::fs::remove_file(&probe));
    written.map(|()| "can be written".to_owned()).map_err(|error| {
        ConnectError::NotConfigured(format!("cannot be written ({error}); set TAIN_DATA_DIR"))
    })
}

/// Says on stderr that the services are an emulator's, where they are.
pub fn note_sandbox(context: &Context, config: &Config) {
    if config.is_sandbox() && !context.style.quiet && !context.style.json {
        note("(sandbox: the services are on this machine)");
    }
}
