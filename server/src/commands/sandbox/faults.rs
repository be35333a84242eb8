//! `tain sandbox faults`, and the list of all faults there are.

use http::Method;
use sandbox::{FAULTS, Fault, MOMENTS};
use serde_json::{Value, json};
use upstream::{Config, Endpoint, Http, Request, Retry};
use url::Url;

use super::super::Context;
use crate::{
    cli::{FaultsCommand, SandboxFaults},
    exit::{Exit, Failure},
    output::{print, print_json, table},
};

/// What this command sends to a sandbox.
static ALLOWED: [Endpoint; 3] = [
    Endpoint { label: "faults", method: Method::GET, path: "/sandbox/faults" },
    Endpoint { label: "faults", method: Method::POST, path: "/sandbox/faults" },
    Endpoint { label: "faults", method: Method::DELETE, path: "/sandbox/faults" },
];

/// Lists, adds to or removes the faults of a running sandbox; afterwards shows those that are set.
///
/// # Errors
///
/// A fault that is written wrongly, or a sandbox that does not answer or knows no such index.
pub async fn faults(context: &Context, arguments: &SandboxFaults) -> Result<Exit, Failure> {
    let http = client(&arguments.url)?;
    let request = match &arguments.command {
        None | Some(FaultsCommand::List) => None,
        Some(FaultsCommand::Add { faults }) => {
            let faults = faults.iter().map(|text| fault(text)).collect::<Result<Vec<_>, _>>()?;
            Some(Request::post("/sandbox/faults", json!(faults).to_string()))
        }
        Some(FaultsCommand::Clear) => Some(Request::new(Method::DELETE, "/sandbox/faults".to_owned(), None)),
    };
    let failed = |error: upstream::Error| Failure::service(error.to_string());
    if let Some(request) = request {
        let _: Value = http.json(&request).await.map_err(failed)?;
    }
    let set: Value = http.json(&Request::get("/sandbox/faults")).await.map_err(failed)?;
    if context.style.json {
        print_json(&set)?;
    } else {
        print(&report(&set))?;
    }
    Ok(Exit::Done)
}

fn client(url: &Url) -> Result<Http, Failure> {
    let config = Config {
        service: "sandbox".to_owned(),
        name: "sandbox".to_owned(),
        base_url: url.clone(),
        credentials: Vec::new(),
        headers: Vec::new(),
        allowed: &ALLOWED,
        classify: None,
        // Adding a fault twice is two faults, so nothing is sent again.
        options: upstream::Options { retry: Retry::never(), ..upstream::Options::default() },
    };
    Http::new(config).map_err(|error| Failure::usage(error.to_string()))
}

/// A line for each fault: the calls it has seen, and its JSON.
fn report(set: &Value) -> String {
    let faults = set["faults"].as_array().map(Vec::as_slice).unwrap_or_default();
    if faults.is_empty() {
        return "no faults are set\n".to_owned();
    }
    faults.iter().map(|set| format!("{} (calls seen: {})\n", set["fault"], set["calls"])).collect()
}

/// A fault as the command line takes it.
pub(super) fn fault(text: &str) -> Result<Fault, Failure> {
    text.parse()
        .map_err(|error: sandbox::Error| Failure::usage(format!("{error}; --list-faults shows them all")))
}

/// Every fault and every moment there is.
pub(super) fn catalogue() -> String {
    let rows = |header: &str, rows: &[(&str, &str)]| {
        let mut table = table(&[header, ""]);
        for (example, meaning) in rows {
            table.add_row([*example, *meaning]);
        }
        table.trim_fmt()
    };
    format!(
        "[INDEX.]ENDPOINT:EFFECT[,NAME=VALUE...][@MOMENT...], where INDEX is source, target or a name.\n\
         An effect is possible at every endpoint where it makes sense. Without a moment it befalls every call; several \
         moments must all hold.\n\n{}\n\n{}\n",
        rows("EFFECT", FAULTS),
        rows("MOMENT", MOMENTS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_shows_every_fault() {
        let catalogue = catalogue();
        assert!(FAULTS.iter().chain(MOMENTS).all(|(example, _)| catalogue.contains(example)), "{catalogue}");
    }

    #[test]
    fn faults_are_reported_with_what_they_have_seen() {
        assert_eq!(report(&json!({"faults": []})), "no faults are set\n");
        let set = json!({"faults": [{"calls": 3, "fault": {"endpoint": "list"}}]});
        assert_eq!(report(&set), "{\"endpoint\":\"list\"} (calls seen: 3)\n");
    }

    #[tokio::test]
    async fn faults_are_added_and_removed_while_a_sandbox_runs() {
        let sandbox = sandbox::start(sandbox::Options::default()).await.unwrap();
        let style = crate::output::Style::new(true, true, true);
        let sources = crate::config::Sources::default();
        let context = Context {
            sources,
            style,
            clock: crate::clock::system_clock(),
            global: crate::cli::Global::default(),
        };
        let run = async |command| {
            let arguments = SandboxFaults { url: sandbox.url().parse().unwrap(), command: Some(command) };
            faults(&context, &arguments).await
        };
        let added = ["source.list:503@page=2", "embed:daily-quota"].map(str::to_owned).to_vec();
        assert_eq!(run(FaultsCommand::Add { faults: added }).await, Ok(Exit::Done));
        assert_eq!(sandbox.state().faults().len(), 2);
        let wrong = run(FaultsCommand::Add { faults: vec!["list:resets".to_owned()] }).await;
        assert_eq!(wrong.unwrap_err().exit, Exit::Usage);
        let unknown =
            run(FaultsCommand::Add { faults: vec!["nowhere.list:reset".to_owned()] }).await.unwrap_err();
        assert!(unknown.message.contains("nowhere"), "{}", unknown.message);
        assert_eq!(run(FaultsCommand::Clear).await, Ok(Exit::Done));
        assert!(sandbox.state().faults().is_empty());
        sandbox.stop().await;
    }
}
