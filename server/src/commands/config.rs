//! `tain config` and `tain config check`.

use protocol::{Service, SettingView};
use serde::Serialize;

use super::Context;
use crate::{
    config::{Config, ConfigError, entries},
    connections::{ConnectError, Connections},
    exit::{Exit, Failure},
    output::{note, print, print_json, table},
    settings::{self, TEST_PATIENCE, Tested},
};

/// Prints every setting with its value and its origin.
///
/// # Errors
///
/// A file that cannot be read.
pub fn show(context: &Context) -> Result<Exit, Failure> {
    let entries = entries(&context.sources).map_err(ConfigError::from)?;
    let shown: Vec<SettingView> = entries.iter().map(settings::setting).collect();
    if context.style.json {
        for setting in &shown {
            print_json(setting)?;
        }
    } else {
        print(&report(context, &shown))?;
    }
    match Config::new(&entries) {
        Ok(_) => Ok(Exit::Done),
        Err(invalid) => Err(ConfigError::from(invalid).into()),
    }
}

fn report(context: &Context, settings: &[SettingView]) -> String {
    let mut report = String::new();
    for group in settings.chunk_by(|a, b| a.group == b.group) {
        let mut lines = table(&["  ", "VALUE", "FROM", ""]);
        for SettingView { name, value, origin, help, .. } in group {
            let value = value.as_deref().unwrap_or("not set");
            lines.add_row([&format!("  {name}"), &format::one_line(value), origin, help]);
        }
        let heading = group.first().map(|setting| setting.group.as_str()).unwrap_or_default();
        report.push_str(&format!("{}\n{}\n\n", context.style.bold(heading), lines.trim_fmt()));
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
    let (has_search, tests) = (connections.search_endpoint().is_ok(), Service::ALL);
    // There need not be a search index; everything else is needed by everybody.
    let tests = tests.into_iter().filter(|service| has_search || *service != Service::Elasticsearch);
    let tested = tests.map(|service| settings::test(&connections, service, TEST_PATIENCE));
    let mut answers: Vec<Answer> = futures::future::join_all(tested)
        .await
        .into_iter()
        .map(|tested| answer(&connections, tested))
        .collect();
    let directory = connections.data_dir().display().to_string();
    answers.push(Answer::new("data directory", &directory, data_dir(&connections)));
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

fn answer(connections: &Connections, tested: Tested) -> Answer {
    let [source, target, search] = connections.all_names();
    let (service, name) = match tested.service {
        Service::Source => ("source", source),
        Service::Target => ("target", target),
        Service::Gemini => ("gemini", connections.config().gemini.model.id.as_str()),
        Service::Elasticsearch => ("elasticsearch", search),
    };
    Answer::new(service, name, tested.answer)
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
