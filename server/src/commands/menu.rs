//! `tain menu`: every command by its number, for whoever does not know them by heart.

use std::io::{self, Write};

use clap::Parser;
use futures::future::LocalBoxFuture;
use pinecone::Namespace;
use protocol::quoted;

use super::{Context, execute};
use crate::{
    cli::{Cli, Global},
    config::Config,
    exit::{Exit, Failure},
    output::note,
    signals::stop_on_signal,
};

/// Something to choose.
#[derive(Debug)]
struct Item {
    label: &'static str,
    /// The words of the command, without what is asked for.
    words: &'static [&'static str],
    asks: Asks,
    effect: Effect,
}

/// What has to be known before the command can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    Namespace,
    /// As the documents of the search index spell it: the default one is that of documents without a namespace.
    DocumentNamespace,
    Record,
    /// A run's id, or nothing for all of them.
    Run,
}

/// What the command does, which decides what becomes of it at Ctrl-C and whether it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It looks something up, and can be given up at any moment.
    Look,
    /// It stops by itself, at a checkpoint.
    Run,
    /// The same, and it writes to the target and pays.
    WriteRecords,
    /// The same, and it writes to the search index.
    WriteDocuments,
}

const fn item(label: &'static str, words: &'static [&'static str], asks: Asks, effect: Effect) -> Item {
    Item { label, words, asks, effect }
}

const ITEMS: [Item; 14] = [
    item("All namespaces", &["namespaces"], Asks::Nothing, Effect::Look),
    item("Check a namespace", &["check"], Asks::Namespace, Effect::Look),
    item("Look up a record", &["record"], Asks::Record, Effect::Look),
    item("Analyze", &["analyze"], Asks::Namespace, Effect::Run),
    item("Mirror, dry run", &["mirror", "--dry-run"], Asks::Namespace, Effect::Run),
    item("Mirror", &["mirror"], Asks::Namespace, Effect::WriteRecords),
    item("Re-embed", &["reembed"], Asks::Namespace, Effect::WriteRecords),
    item("Elasticsearch: status", &["elasticsearch", "status"], Asks::Nothing, Effect::Look),
    item("Elasticsearch: preview", &["elasticsearch", "preview"], Asks::DocumentNamespace, Effect::Look),
    item(
        "Elasticsearch: update",
        &["elasticsearch", "update"],
        Asks::DocumentNamespace,
        Effect::WriteDocuments,
    ),
    item("Runs", &["runs"], Asks::Run, Effect::Look),
    item("Configuration", &["config"], Asks::Nothing, Effect::Look),
    item("Test the services", &["config", "check"], Asks::Nothing, Effect::Look),
    item("Serve the app", &["serve"], Asks::Nothing, Effect::Run),
];

/// Shows the choices and does what is chosen, until somebody quits, the input ends, or Ctrl-C is pressed at a question.
///
/// # Errors
///
/// Settings that cannot be used.
pub async fn menu(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let mut namespace = Namespace::parse(&config.mirror.default_namespace).unwrap_or_default();
    loop {
        let turn = turn(context, &config, &mut namespace).await;
        if let Err(ended) = turn {
            return Ok(ended);
        }
    }
}

/// One choice and what comes of it.
///
/// # Errors
///
/// How the menu ended.
async fn turn(context: &Context, config: &Config, namespace: &mut Namespace) -> Result<(), Exit> {
    show(context, config);
    let answer = ask("Choice: ").await?;
    let chosen = match answer.trim() {
        "" => return Ok(()),
        "0" | "q" | "quit" | "exit" => return Err(Exit::Done),
        number => number.parse::<usize>().ok().and_then(|number| ITEMS.get(number.checked_sub(1)?)),
    };
    let Some(item) = chosen else {
        note(&format!(
            "there is no choice {}; type a number from 1 to {}, or q to quit",
            format::one_line(&answer),
            ITEMS.len()
        ));
        return Ok(());
    };
    let Some(operands) = operands(item.asks, namespace).await? else { return Ok(()) };
    let is_flag = |word: &String| word.starts_with('-') && item.asks != Asks::DocumentNamespace;
    let end_of_options = operands.iter().any(is_flag).then(|| "--".to_owned());
    let words = |options: Vec<String>| {
        let command = item.words.iter().map(|word| (*word).to_owned());
        command.chain(options).chain(end_of_options.clone()).chain(operands.clone()).collect::<Vec<_>>()
    };
    let shown: Vec<String> = words(given(&context.global)).iter().map(|word| quoted(word)).collect();
    note(&format!("\n{}", context.style.bold(&format!("$ tain {}", format::one_line(&shown.join(" "))))));
    let written = match item.effect {
        Effect::Look | Effect::Run => None,
        Effect::WriteRecords => {
            Some(format!("It writes to {} and pays for embeddings.", config.pinecone.target))
        }
        Effect::WriteDocuments => {
            Some(format!("It writes to the search index {}.", config.elasticsearch.index))
        }
    };
    let mut options = Vec::new();
    if let Some(written) = written {
        let answer = ask(&format!("{written} Go on? [y/N] ")).await?;
        if !matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            note("Nothing was done.");
            return Ok(());
        }
        options.push("--yes".to_owned());
    }
    carry_out(context, item.effect, words(options)).await;
    Ok(())
}

fn show(context: &Context, config: &Config) {
    let pinecone = &config.pinecone;
    note(&format!(
        "\n{}  {} (read-only) → {}\n",
        context.style.bold("tain"),
        format::one_line(&pinecone.source),
        format::one_line(&pinecone.target)
    ));
    for (number, item) in ITEMS.iter().enumerate() {
        note(&format!("  {:>2}  {}", number + 1, item.label));
    }
    note("   q  Quit\n");
}

/// Asks for what a command needs; `None` if it was not given.
async fn operands(asks: Asks, namespace: &mut Namespace) -> Result<Option<Vec<String>>, Exit> {
    let operands = match asks {
        Asks::Nothing => Vec::new(),
        Asks::Run => {
            let run = ask("Run (empty for all): ").await?;
            Some(run).filter(|run| !run.is_empty()).into_iter().collect()
        }
        Asks::Namespace => {
            let Some(name) = ask_namespace(namespace).await? else { return Ok(None) };
            vec![name]
        }
        Asks::DocumentNamespace => match ask_namespace(namespace).await? {
            None => return Ok(None),
            Some(_) if namespace.is_default() => vec!["--without-namespace".to_owned()],
            Some(name) if name.starts_with('-') => vec!["--".to_owned(), name],
            Some(name) => vec![name],
        },
        Asks::Record => {
            let Some(name) = ask_namespace(namespace).await? else { return Ok(None) };
            let id = ask("Record id: ").await?;
            if id.is_empty() {
                note("an id has at least one character");
                return Ok(None);
            }
            vec![name, id]
        }
    };
    Ok(Some(operands))
}

/// Asks for a namespace and keeps it for the next time; `None` if there can be no such one.
async fn ask_namespace(namespace: &mut Namespace) -> Result<Option<String>, Exit> {
    let answer = ask(&format!("Namespace [{}]: ", format::one_line(namespace.as_str()))).await?;
    if !answer.is_empty() {
        match Namespace::parse(&answer) {
            Ok(given) => *namespace = given,
            Err(error) => {
                note(&error.to_string());
                return Ok(None);
            }
        }
    }
    Ok(Some(namespace.to_string()))
}

/// The common options as they were given to the menu, so that what is shown does the same.
fn given(global: &Global) -> Vec<String> {
    let Global { json, quiet, no_color, source, target, config, env_file } = global;
    let switches = [("--json", *json), ("--quiet", *quiet), ("--no-color", *no_color)];
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let values = [
        ("--source", source.clone()),
        ("--target", target.clone()),
        ("--config", path(config)),
        ("--env-file", path(env_file)),
    ];
    let switches = switches.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name.to_owned());
    let values = values.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten();
    switches.chain(values).collect()
}

/// Runs a command as if it had been typed. However it ends, the menu goes on.
async fn carry_out(context: &Context, effect: Effect, words: Vec<String>) {
    let parsed = Cli::try_parse_from(std::iter::once("tain".to_owned()).chain(words));
    let command = match parsed {
        Ok(cli) => cli.command,
        Err(error) => {
            note(&error.to_string());
            return;
        }
    };
    let stop = stop_on_signal();
    // Boxed, because the menu is a command itself.
    let mut running: LocalBoxFuture<'_, Result<Exit, Failure>> = Box::pin(execute(context, command));
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = stop.cancelled(), if effect == Effect::Look => {
            note("Stopped.");
            return;
        }
    };
    if let Err(failure) = ended
        && !failure.message.is_empty()
    {
        note(&format!("error: {failure}"));
    }
}

/// Asks a question and reads a line.
///
/// # Errors
///
/// How the menu ends where there is no answer: the input is over, or Ctrl-C was pressed.
async fn ask(question: &str) -> Result<String, Exit> {
    let stop = stop_on_signal();
    let asked = {
        let mut stderr = io::stderr().lock();
        stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush())
    };
    if asked.is_err() {
        return Err(Exit::Done);
    }
    // Read only when a line is wanted, so that a command that reads finds its own.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
    });
    tokio::select! {
        read = line => match read {
            Ok(Ok(Some(line))) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
            _ => {
                note("");
                Err(Exit::Done)
            }
        },
        () = stop.cancelled() => {
            note("");
            Err(Exit::Cancelled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_a_command() {
        for item in &ITEMS {
            let operands: &[&str] = match item.asks {
                Asks::Nothing | Asks::Run => &[],
                Asks::Namespace => &["a b"],
                Asks::DocumentNamespace => &["--without-namespace"],
                Asks::Record => &["--", "-a", "-b"],
            };
            let yes: &[&str] =
                if matches!(item.effect, Effect::Look | Effect::Run) { &[] } else { &["--yes"] };
            let words = [&["tain"], item.words, yes, operands].concat();
            Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        }
    }

    #[test]
    fn common_options_are_shown_as_they_were_given() {
        let global = Global { json: true, target: Some("new".to_owned()), ..Global::default() };
        assert_eq!(given(&global), ["--json", "--target", "new"]);
    }
}
