//! Whatever a user, an index or an address says is text on a page, and never part of it.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::collections::{BTreeSet, VecDeque};

use sandbox::{NewRecord, Options, SearchDocument};
use serde_json::{Value, json};
use support::{KEY, Running, World, finish, get, with_site};
use tokio::process::Command;

/// Ends whatever element it may stand in, and begins one that no page has.
const HOSTILE: &str = "</title></textarea></script></style></noscript>--><probe-element a='\">";
const ENCODED: &str = "%3C%2Ftitle%3E%3C%2Ftextarea%3E%3C%2Fscript%3E%3C%2Fstyle%3E%3C%2Fnoscript%3E--%3E%3Cprobe-element%20a%3D%27%22%3E";
/// Pages that are followed from link to link, at most.
const PAGES: usize = 250;

const ROOTS: [&str; 11] = [
    "/",
    "/check",
    "/record",
    "/mirror",
    "/reembed",
    "/elasticsearch",
    "/elasticsearch/documents",
    "/runs",
    "/schedules",
    "/schedules/new",
    "/configuration",
];
const PARAMETERS: [&str; 22] = [
    "after",
    "before",
    "error",
    "field",
    "id",
    "kind",
    "level",
    "limit",
    "mode",
    "namespace",
    "namespaces",
    "order",
    "preview",
    "run",
    "scope",
    "search",
    "sort",
    "state",
    "step",
    "value",
    "with",
    "what",
];

/// Both indexes and the search index say the same of themselves: markup.
async fn world() -> World {
    let world = World::with(Options::default()).await;
    let object = |value: Value| value.as_object().unwrap().clone();
    for (index, levels) in [("source", 0..3), ("target", 1..4)] {
        let record = |number: usize| NewRecord {
            id: format!("{HOSTILE}{number}"),
            metadata: object(json!({"text": format!("{HOSTILE} {index}"), HOSTILE: HOSTILE, "title": index})),
            ..NewRecord::default()
        };
        world.state().put(index, HOSTILE, levels.map(record).collect()).unwrap();
    }
    let document = SearchDocument {
        id: format!("{HOSTILE}1"),
        routing: None,
        source: object(json!({"pinecone_namespace": HOSTILE, "title": HOSTILE})),
    };
    world.state().put_search_documents("text-search-v0", vec![document]).unwrap();
    world
}

fn searching(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command("");
    command
        .args(arguments)
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY);
    command
}

/// The addresses of this server that a page leads to.
fn links(page: &str) -> impl Iterator<Item = String> + '_ {
    page.split("href=\"/").skip(1).filter_map(|rest| {
        let path = rest.split('"').next()?.replace("&amp;", "&");
        // A download is a file of another type, which no browser takes for a page (`nosniff`).
        let is_page = !path.starts_with("pkg/") && !path.starts_with("download/");
        is_page.then(|| format!("/{}", path.split('#').next().unwrap_or_default()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_text() {
    let world = world().await;
    finish(searching(&world, &["analyze", "--", HOSTILE])).await.expect(1);
    finish(searching(&world, &["mirror", "--", HOSTILE])).await.expect(0);
    finish(searching(&world, &["elasticsearch", "update", "--dry-run", "--", HOSTILE])).await.expect(0);
    let mut serve = searching(&world, &["serve", "--listen", "127.0.0.1:0", "--json"]);
    with_site(&mut serve, world.path());
    let mut server = Running::start(serve);
    let addresses: Value = serde_json::from_str(&server.until("\"app\"").await).unwrap();
    let app = addresses["app"].as_str().unwrap();

    let mut to_read: VecDeque<String> = ROOTS.map(str::to_owned).into();
    let queries = ROOTS.iter().flat_map(|root| PARAMETERS.map(|name| format!("{root}?{name}={ENCODED}")));
    to_read.extend(queries);
    to_read.extend([format!("/runs/{ENCODED}"), format!("/schedules/{ENCODED}"), format!("/{ENCODED}")]);
    let asked = to_read.len();
    let mut known: BTreeSet<String> = to_read.iter().cloned().collect();
    let mut read = 0;
    let mut shown = 0;
    while let Some(path) = to_read.pop_front() {
        let page = get(app, &path).await;
        let status = page.split(' ').nth(1).unwrap().to_owned();
        assert!(!status.starts_with('5') || status == "502" || status == "503", "{status} at {path}: {page}");
        assert!(!page.contains("<probe-element"), "the page {path} holds what it was to show as markup");
        shown += usize::from(page.contains("probe-element"));
        read += 1;
        for link in links(&page) {
            if known.len() < asked + PAGES && known.insert(link.clone()) {
                to_read.push_back(link);
            }
        }
    }
    assert!(read > asked, "the pages lead to the runs and their records");
    assert!(shown > asked / 4, "of {read} pages {shown} show it at all");
    server.signal("TERM").await;
}
