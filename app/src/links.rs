//! The addresses of the pages. Everything that links, links through these.

use protocol::{Category, DocumentQuery, DocumentScope, Holding, RunId, RunKind, RunRequest, ScheduleId};

/// Where everything stands.
pub const DASHBOARD: &str = "/";

/// The counts of namespaces on both sides, and the look-up of a record.
pub const CHECK: &str = "/check";

/// One record on all sides.
pub const RECORD: &str = "/record";

/// The mirroring page at its beginning.
pub const MIRROR: &str = "/mirror";

/// The re-embedding page at its beginning.
pub const REEMBED: &str = "/reembed";

/// The search index and the update of its documents.
pub const ELASTICSEARCH: &str = "/elasticsearch";

/// How a form writes the namespace of an empty name.
pub const EMPTY_NAME: &str = "\"\"";

/// The settings.
pub const CONFIGURATION: &str = "/configuration";

/// What pages are made of.
pub const DESIGN: &str = "/design";

/// The list of runs.
pub const RUNS: &str = "/runs";

/// The schedules.
pub const SCHEDULES: &str = "/schedules";

/// The form of a new schedule.
pub const NEW_SCHEDULE: &str = "/schedules/new";

/// Documents of the search index.
pub const DOCUMENTS: &str = "/elasticsearch/documents";

/// Files of documents, without their extension.
const DOCUMENTS_FILES: &str = "/download/documents";

/// The mirroring page for several namespaces.
pub const MIRROR_SEVERAL: &str = "/mirror?scope=several";

/// The re-embedding page for several namespaces.
pub const REEMBED_SEVERAL: &str = "/reembed?scope=several";

/// The counts of a namespace on both sides.
pub fn check_namespace(namespace: &str) -> String {
    with(CHECK, "namespace", namespace)
}

/// A record on all sides.
pub fn record(namespace: &str, id: &str) -> String {
    with(&with(RECORD, "namespace", namespace), "id", id)
}

/// The mirroring page, filled in for a namespace.
pub fn mirror_namespace(namespace: &str) -> String {
    format!("{MIRROR}?namespace={}", encoded(namespace))
}

/// The mirroring page at a run: an analysis, its plan, or the mirror that came of it.
pub fn mirror_run(run: &RunId) -> String {
    format!("{MIRROR}?run={}", encoded(&run.0))
}

/// The re-embedding page, filled in for a namespace.
pub fn reembed_namespace(namespace: &str) -> String {
    with(REEMBED, "namespace", namespace)
}

/// The re-embedding page at a run: its dry run, the plan of that, or what came of it.
pub fn reembed_run(run: &RunId) -> String {
    with(REEMBED, "run", &run.0)
}

/// The page of a run.
pub fn run(run: &RunId) -> String {
    format!("{RUNS}/{}", encoded(&run.0))
}

/// A run beside the one before.
pub fn compare(id: &RunId) -> String {
    format!("{}/compare", run(id))
}

/// Where a run that was just started is watched.
pub fn of_kind(kind: RunKind, id: &RunId) -> String {
    match kind {
        RunKind::Analyze | RunKind::Mirror => mirror_run(id),
        RunKind::Reembed => reembed_run(id),
        RunKind::Documents | RunKind::Levels => run(id),
    }
}

/// The ids behind a count.
pub fn records(id: &RunId, category: Category) -> String {
    format!("{}/records/{}", run(id), category.slug())
}

/// The whole log, in pages.
pub fn log(id: &RunId) -> String {
    format!("{}/log", run(id))
}

/// What a run left behind as a file: `log.txt`, `failures.csv`, `to-migrate.txt`.
pub fn file(id: &RunId, name: &str) -> String {
    format!("/download{}/{name}", run(id))
}

/// The form of a schedule.
pub fn schedule(id: &ScheduleId) -> String {
    format!("{SCHEDULES}/{}", encoded(&id.0))
}

/// A document of the search index by its name in a run: its `_id`, or `index/_id`.
pub fn document(name: &str) -> String {
    with(DOCUMENTS, "id", name)
}

/// A record that a run names, on all sides. `None` in a run over several namespaces: an id alone does not say whose it is.
pub fn record_of(request: &RunRequest, id: &str) -> Option<String> {
    request.namespaces.is_none().then(|| record(&request.namespace, id))
}

/// The documents of a scope that hold something under the added field.
pub fn documents(scope: &DocumentScope, holding: &Holding) -> String {
    documents_at(DOCUMENTS, scope, holding)
}

fn documents_at(place: &str, scope: &DocumentScope, holding: &Holding) -> String {
    let address = with_scope(place, scope);
    match holding {
        Holding::Anything => address,
        Holding::Nothing => with(&address, "holding", "nothing"),
        Holding::Something => with(&address, "holding", "something"),
        Holding::Added => with(&address, "holding", "added"),
        Holding::Value(value) => with(&address, "value", value),
    }
}

/// The documents that an address asks for: a page of them, or all of them where it leads to a file.
pub fn documents_asked(word: impl Fn(&str) -> Option<String>) -> DocumentQuery {
    let text = |name| word(name).unwrap_or_default();
    let holding = match (word("value"), text("holding").as_str()) {
        (Some(value), _) if !value.is_empty() => Holding::Value(value),
        (_, "nothing") => Holding::Nothing,
        (_, "something") => Holding::Something,
        (_, "added") => Holding::Added,
        _ => Holding::Anything,
    };
    let scope = scope_of(&text("scope"), &text("namespaces"));
    DocumentQuery { scope, holding, id: text("id"), after: word("after") }
}

/// The ids of all documents of a scope that hold something under the added field, as a file: `txt`, `csv`, `jsonl`.
pub fn documents_file(scope: &DocumentScope, holding: &Holding, extension: &str) -> String {
    documents_at(&format!("{DOCUMENTS_FILES}.{extension}"), scope, holding)
}

/// The preview of an update of the documents of a scope, with every option at its default.
pub fn preview(scope: &DocumentScope) -> String {
    with_scope(&with(ELASTICSEARCH, "preview", "true"), scope)
}

/// An address about the documents of a scope; all of them need no word.
pub fn with_scope(address: &str, scope: &DocumentScope) -> String {
    if *scope == DocumentScope::All {
        return address.to_owned();
    }
    let parameters = scope_parameters(scope).into_iter();
    parameters.fold(address.to_owned(), |address, (name, value)| with(&address, name, &value))
}

/// A scope as addresses and forms name it.
pub fn scope_parameters(scope: &DocumentScope) -> Vec<(&'static str, String)> {
    let word = |word: &str| ("scope", word.to_owned());
    match scope {
        DocumentScope::All => vec![word("all")],
        DocumentScope::WithoutNamespace => vec![word("without")],
        DocumentScope::NamespaceTooLong => vec![word("too-long")],
        DocumentScope::Namespaces(names) => vec![word("some"), ("namespaces", lines(names))],
    }
}

/// The scope that an address names: all documents, where it names none.
pub fn scope_of(word: &str, namespaces: &str) -> DocumentScope {
    match word {
        "some" => DocumentScope::Namespaces(namespaces_of(namespaces)),
        "without" => DocumentScope::WithoutNamespace,
        "too-long" => DocumentScope::NamespaceTooLong,
        _ => DocumentScope::All,
    }
}

/// Namespaces as a form takes them: one a line, and `""` for the one whose name is empty.
pub fn lines(namespaces: &[String]) -> String {
    let lines: Vec<&str> =
        namespaces.iter().map(|name| if name.is_empty() { EMPTY_NAME } else { name.as_str() }).collect();
    lines.join("\n")
}

/// The namespaces of such lines, exactly as typed; blank lines are none.
pub fn namespaces_of(lines: &str) -> Vec<String> {
    let lines = lines.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
    lines.map(|line| if line == EMPTY_NAME { String::new() } else { line.to_owned() }).collect()
}

/// An address with one more parameter.
pub fn with(address: &str, parameter: &str, value: &str) -> String {
    let sign = if address.contains('?') { '&' } else { '?' };
    format!("{address}{sign}{parameter}={}", encoded(value))
}

/// An address with one more parameter, unless that is empty.
pub fn with_any(address: &str, parameter: &str, value: &str) -> String {
    if value.is_empty() { address.to_owned() } else { with(address, parameter, value) }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_address_bar() {
        assert_eq!(mirror_namespace("a b&c=ü/"), "/mirror?namespace=a%20b%26c%3D%C3%BC%2F");
        let id = RunId("r-1".to_owned());
        assert_eq!(records(&id, Category::Missing), "/runs/r-1/records/to-migrate");
        assert_eq!(of_kind(RunKind::Reembed, &id), "/reembed?run=r-1");
        assert_eq!(record("", "faq/#1?"), "/record?namespace=&id=faq%2F%231%3F");
        assert_eq!(document("old/faq#1"), "/elasticsearch/documents?id=old%2Ffaq%231");
        assert_eq!(file(&id, "log.txt"), "/download/runs/r-1/log.txt");
        assert_eq!(with("/runs?a=b", "c", "ü d"), "/runs?a=b&c=%C3%BC%20d");
        assert_eq!(with_any("/runs", "c", ""), "/runs");
        let scope = DocumentScope::Namespaces(vec!["a b".to_owned(), "c".to_owned()]);
        assert_eq!(
            documents(&scope, &Holding::Value("\"x\"".to_owned())),
            "/elasticsearch/documents?scope=some&namespaces=a%20b%0Ac&value=%22x%22"
        );
        assert_eq!(documents(&DocumentScope::All, &Holding::Anything), DOCUMENTS);
        assert_eq!(
            documents_file(&scope, &Holding::Nothing, "csv"),
            "/download/documents.csv?scope=some&namespaces=a%20b%0Ac&holding=nothing"
        );
        for scope in
            [scope, DocumentScope::All, DocumentScope::WithoutNamespace, DocumentScope::NamespaceTooLong]
        {
            let parameters = scope_parameters(&scope);
            let value = |name: &str| {
                parameters
                    .iter()
                    .find(|known| known.0 == name)
                    .map(|known| known.1.clone())
                    .unwrap_or_default()
            };
            assert_eq!(scope_of(&value("scope"), &value("namespaces")), scope);
        }
        let names = vec!["a b".to_owned(), String::new(), " c".to_owned()];
        assert_eq!(namespaces_of(&lines(&names)), names);
        assert_eq!(namespaces_of("a\r\n\r\nb"), ["a", "b"]);
    }
}
