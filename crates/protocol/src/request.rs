//! What is asked for when a run is started.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RunId;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Reads both sides and says which record is what.
    Analyze,
    /// Writes missing and changed records.
    Mirror,
    /// Writes missing records only.
    Reembed,
    /// Writes the added field into documents of the search index.
    Documents,
    /// Reads the target and the search index, and says where their access levels differ.
    Levels,
}

impl RunKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Analyze, Self::Mirror, Self::Reembed, Self::Documents, Self::Levels];

    /// Whether it neither pays nor writes, whatever else is asked for.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Analyze | Self::Levels)
    }

    /// The words on screens: `Analyze`, `Mirror`, `Re-embed`, ….
    pub const fn label(self) -> &'static str {
        match self {
            Self::Analyze => "Analyze",
            Self::Mirror => "Mirror",
            Self::Reembed => "Re-embed",
            Self::Documents => "Elasticsearch update",
            Self::Levels => "Compare levels",
        }
    }

    /// What a run calls the records that it leaves as they are, for they are on both sides. A re-embedding does not
    /// compare them, so it cannot know more.
    pub const fn settled(self) -> &'static str {
        match self {
            Self::Reembed => "already there",
            Self::Analyze | Self::Mirror | Self::Documents | Self::Levels => "in sync",
        }
    }

    /// The command that does the same: `analyze`, `mirror`, `reembed`, ….
    pub const fn command(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Mirror => "mirror",
            Self::Reembed => "reembed",
            Self::Documents => "elasticsearch update",
            Self::Levels => "elasticsearch check",
        }
    }
}

/// When the vector that a changed record has in the target may stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// Every missing and changed record is embedded.
    Never,
    /// A changed record whose text is equal in source and target keeps the target's vector if tain's own ledger shows
    /// that it made exactly that vector, with the same model, dimensions and task type.
    #[default]
    Proven,
    /// A changed record whose text is equal in source and target keeps the target's vector, whoever made it.
    SameText,
}

impl Reuse {
    /// All of them, the most careful first.
    pub const ALL: [Self; 3] = [Self::Never, Self::Proven, Self::SameText];

    /// The word on the command line: `never`, `proven`, `same-text`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Proven => "proven",
            Self::SameText => "same-text",
        }
    }
}

impl FromStr for Reuse {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "never" => Ok(Self::Never),
            "proven" => Ok(Self::Proven),
            "same-text" => Ok(Self::SameText),
            other => Err(format!("unknown reuse policy {other:?}; use never, proven or same-text")),
        }
    }
}

/// Which namespaces a run over several of them takes, by patterns in which `*` stands for any characters and `?` for
/// one. A namespace is taken if an `include` pattern matches it, or there is none, and no `exclude` pattern does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespacePatterns {
    /// What is taken; empty for all.
    pub include: Vec<String>,
    /// What is left out of that.
    pub exclude: Vec<String>,
}

impl NamespacePatterns {
    /// Whether a namespace is taken.
    pub fn matches(&self, namespace: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, namespace));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Whether a pattern of `*`, `?` and plain characters matches the whole text. Takes time in proportion to both lengths
/// multiplied, whatever the pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, 0);
    // Where the last star was, and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&c) if c == '?' || c == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((position, taken)) => {
                    star = Some((position, taken + 1));
                    at = position + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

/// Whose documents of the search index an update is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentScope {
    /// All of the index.
    #[default]
    All,
    /// Those of these namespaces, at least one.
    Namespaces(Vec<String>),
    /// Those without a namespace.
    WithoutNamespace,
    /// Those whose namespace is too long to be matched.
    NamespaceTooLong,
}

impl DocumentScope {
    /// The scope as the last words of a command.
    pub(crate) fn options(&self) -> Vec<String> {
        match self {
            Self::All => vec!["--all-namespaces".to_owned()],
            Self::WithoutNamespace => vec!["--without-namespace".to_owned()],
            Self::NamespaceTooLong => vec!["--namespace-too-long".to_owned()],
            Self::Namespaces(names) => {
                // `--` ends the options: what follows is none, whatever it begins with.
                let end = names.iter().any(|name| name.starts_with('-')).then(|| "--".to_owned());
                end.into_iter().chain(names.iter().map(|name| quoted(name))).collect()
            }
        }
    }
}

/// Which documents of the scope are updated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMode {
    /// Those without a value.
    #[default]
    Missing,
    /// Those with another value, too. A higher one stays (law 5), unless `RunRequest::overwrite_added` says otherwise.
    All,
}

impl UpdateMode {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::All => "all",
        }
    }
}

/// What a run does to the documents of the search index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentUpdate {
    /// Whose documents.
    pub scope: DocumentScope,
    /// Which of them.
    pub mode: UpdateMode,
    /// The field, where it is not the configured one.
    pub field: Option<String>,
    /// Its value as JSON text, where it is not the configured one.
    pub value: Option<String>,
    /// Let the server update by itself (`_update_by_query`), with its limits.
    pub server_side: bool,
}

impl DocumentUpdate {
    /// The configured field and value, into the documents of one namespace that lack it.
    pub fn of_namespace(namespace: impl Into<String>) -> Self {
        Self { scope: DocumentScope::Namespaces(vec![namespace.into()]), ..Self::default() }
    }

    /// The words that follow `tain elasticsearch update` and `tain elasticsearch preview`, quoted for a POSIX shell.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut options = Vec::new();
        if self.mode != UpdateMode::default() {
            options.push(format!("--mode {}", self.mode.as_str()));
        }
        if let Some(field) = &self.field {
            options.push(format!("--field={}", quoted(field)));
        }
        if let Some(value) = &self.value {
            options.push(format!("--value={}", quoted(value)));
        }
        if self.server_side {
            options.push("--server-side".to_owned());
        }
        // Names may end the options with `--`, so they stand behind them.
        let at = if matches!(self.scope, DocumentScope::Namespaces(_)) { options.len() } else { 0 };
        options.splice(at..at, self.scope.options());
        options
    }

    /// Whose documents, for people: a namespace, `3 namespaces`, `all namespaces`, `without a namespace`, ….
    pub fn scope_label(&self) -> String {
        match &self.scope {
            DocumentScope::All => "all namespaces".to_owned(),
            DocumentScope::WithoutNamespace => "without a namespace".to_owned(),
            DocumentScope::NamespaceTooLong => "a namespace too long to match".to_owned(),
            DocumentScope::Namespaces(names) => match names.as_slice() {
                [one] => one.clone(),
                names => format!("{} namespaces", names.len()),
            },
        }
    }
}

/// What is asked for when a run is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// What to do.
    pub kind: RunKind,
    /// The namespace; empty and `__default__` are the default namespace.
    pub namespace: String,
    /// Pay and write nothing, and say what a live run would do (law 4). An analysis is always dry.
    pub dry_run: bool,
    /// When vectors may stay.
    pub reuse: Reuse,
    /// Replace other values under the added key; without it they stay (law 5).
    pub overwrite_added: bool,
    /// Upper bound of records in a batch, where it is smaller than the configured bounds.
    pub batch_size: Option<u32>,
    /// The hash of a plan that an analysis of this namespace left: the run executes that one, record by record, checks
    /// each again as it goes, and says what differed.
    #[serde(default)]
    pub plan: Option<String>,
    /// Only the records that failed in this run.
    #[serde(default)]
    pub retry: Option<RunId>,
    /// All namespaces of the source that match, one after the other, as one run; `namespace` is then empty and means
    /// nothing.
    #[serde(default)]
    pub namespaces: Option<NamespacePatterns>,
    /// For [`RunKind::Documents`]: what to do; `namespace` is then the one namespace of its scope, or empty. For a mirror
    /// or a re-embedding: the further step with which it ends, over the documents of its namespace.
    #[serde(default)]
    pub documents: Option<DocumentUpdate>,
}

impl RunRequest {
    /// A live run over one namespace with every option at its default.
    pub fn new(kind: RunKind, namespace: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            dry_run: false,
            reuse: Reuse::default(),
            overwrite_added: false,
            batch_size: None,
            plan: None,
            retry: None,
            namespaces: None,
            documents: None,
        }
    }

    /// A live update of documents of the search index.
    pub fn update_documents(update: DocumentUpdate) -> Self {
        let namespace = match &update.scope {
            DocumentScope::Namespaces(names) if names.len() == 1 => names[0].clone(),
            _ => String::new(),
        };
        Self { documents: Some(update), ..Self::new(RunKind::Documents, namespace) }
    }

    /// Whether the run pays or writes (law 4).
    pub fn is_live(&self) -> bool {
        !self.kind.only_reads() && !self.dry_run
    }

    /// Whose documents the run updates; `None` if it updates none, or those of several namespaces one after the other.
    pub fn document_scope(&self) -> Option<DocumentScope> {
        let update = self.documents.as_ref()?;
        match (self.kind, &self.namespaces) {
            (RunKind::Documents, _) => Some(update.scope.clone()),
            (_, Some(_)) => None,
            // A mirroring ends with the documents of its own namespace, whatever its update says.
            (_, None) => Some(DocumentScope::Namespaces(vec![self.namespace_name().to_owned()])),
        }
    }

    /// The namespace in its one spelling: that of the default namespace, where it has none.
    fn namespace_name(&self) -> &str {
        if self.namespace.is_empty() { "__default__" } else { &self.namespace }
    }

    /// What the run is about, for people: its namespace, or what stands in its place.
    pub fn scope_label(&self) -> String {
        match (&self.documents, &self.namespaces) {
            (Some(update), _) if self.kind == RunKind::Documents => update.scope_label(),
            (_, Some(_)) => "several namespaces".to_owned(),
            _ => self.namespace_name().to_owned(),
        }
    }

    /// The `tain` command that asks for the same, quoted for a POSIX shell.
    pub fn command(&self) -> String {
        if let Some(run) = &self.retry {
            let dry = if self.dry_run { " --dry-run" } else { "" };
            return format!("tain runs retry {run}{dry}");
        }
        let mut words = vec!["tain".to_owned(), self.kind.command().to_owned()];
        let namespace = self.namespace_name();
        let mut options = Vec::new();
        if self.dry_run && !self.kind.only_reads() {
            options.push("--dry-run".to_owned());
        }
        if self.reuse != Reuse::default() {
            options.push(format!("--reuse {}", self.reuse.as_str()));
        }
        if self.overwrite_added {
            let is_update = self.kind == RunKind::Documents;
            options.push(if is_update { "--overwrite" } else { "--overwrite-added" }.to_owned());
        }
        if let Some(size) = self.batch_size {
            options.push(format!("--batch-size {size}"));
        }
        if let Some(plan) = &self.plan {
            options.push(format!("--plan {plan}"));
        }
        match &self.documents {
            Some(update) if self.kind == RunKind::Documents => {
                words.append(&mut options);
                words.extend(update.words());
                return words.join(" ");
            }
            Some(_) => options.push("--elasticsearch".to_owned()),
            None => {}
        }
        if let Some(patterns) = &self.namespaces {
            words.push("--all-namespaces".to_owned());
            words.extend(patterns.include.iter().map(|pattern| format!("--include={}", quoted(pattern))));
            words.extend(patterns.exclude.iter().map(|pattern| format!("--exclude={}", quoted(pattern))));
            words.append(&mut options);
            return words.join(" ");
        }
        if namespace.starts_with('-') {
            // `--` ends the options, so they stand before it.
            words.append(&mut options);
            words.push("--".to_owned());
        }
        words.push(quoted(namespace));
        words.append(&mut options);
        words.join(" ")
    }
}

/// A word as a POSIX shell reads it: single quotes keep everything but themselves.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(namespace: &str, change: impl FnOnce(&mut RunRequest)) -> String {
        let mut request = RunRequest::new(RunKind::Mirror, namespace);
        change(&mut request);
        request.command()
    }

    #[test]
    fn a_request_is_a_command_that_a_shell_takes_as_it_is() {
        assert_eq!(command("articles", |_| {}), "tain mirror articles");
        assert_eq!(command("", |_| {}), "tain mirror __default__");
        assert_eq!(command("a b", |_| {}), "tain mirror 'a b'");
        assert_eq!(command("it's; rm", |_| {}), r"tain mirror 'it'\''s; rm'");
        let dashed = command("-x -- y", |request| request.dry_run = true);
        assert_eq!(dashed, "tain mirror --dry-run -- '-x -- y'");
        let all = command("a -- b", |request| {
            request.reuse = Reuse::SameText;
            request.overwrite_added = true;
            request.batch_size = Some(7);
            request.plan = Some("7c41".to_owned());
        });
        assert_eq!(
            all,
            "tain mirror 'a -- b' --reuse same-text --overwrite-added --batch-size 7 --plan 7c41"
        );
        let retry = command("a", |request| request.retry = Some(RunId("m1".to_owned())));
        assert_eq!(retry, "tain runs retry m1");
        let also = command("a", |request| request.documents = Some(DocumentUpdate::of_namespace("a")));
        assert_eq!(also, "tain mirror a --elasticsearch");
        let every = command("", |request| {
            request.dry_run = true;
            request.namespaces = Some(NamespacePatterns {
                include: vec!["team-*".to_owned()],
                exclude: vec!["*-test".to_owned()],
            });
        });
        assert_eq!(every, "tain mirror --all-namespaces --include='team-*' --exclude='*-test' --dry-run");
    }

    #[test]
    fn an_update_of_documents_has_a_command_of_its_own() {
        let command = |update: DocumentUpdate| RunRequest::update_documents(update).command();
        assert_eq!(command(DocumentUpdate::default()), "tain elasticsearch update --all-namespaces");
        assert_eq!(command(DocumentUpdate::of_namespace("a b")), "tain elasticsearch update 'a b'");
        assert_eq!(command(DocumentUpdate::of_namespace("")), "tain elasticsearch update ''");
        let too_long = DocumentUpdate { scope: DocumentScope::NamespaceTooLong, ..DocumentUpdate::default() };
        assert_eq!(command(too_long), "tain elasticsearch update --namespace-too-long");
        let update = DocumentUpdate {
            scope: DocumentScope::Namespaces(vec!["-a".to_owned(), "b".to_owned()]),
            mode: UpdateMode::All,
            field: Some("level".to_owned()),
            value: Some("\"x\"".to_owned()),
            server_side: true,
        };
        let request =
            RunRequest { dry_run: true, overwrite_added: true, ..RunRequest::update_documents(update) };
        assert_eq!(
            request.command(),
            "tain elasticsearch update --dry-run --overwrite --mode all --field=level --value='\"x\"' --server-side -- -a b"
        );
        let check = RunRequest::new(RunKind::Levels, "a");
        assert_eq!((check.command().as_str(), check.is_live()), ("tain elasticsearch check a", false));
    }

    #[test]
    fn a_run_says_whose_documents_it_updates() {
        let of = |kind, namespace: &str, documents| {
            RunRequest { documents, ..RunRequest::new(kind, namespace) }.document_scope()
        };
        let all = Some(DocumentUpdate::default());
        assert_eq!(of(RunKind::Documents, "", all.clone()), Some(DocumentScope::All));
        assert_eq!(of(RunKind::Documents, "", None), None, "an unknown scope is not all documents");
        let default = DocumentScope::Namespaces(vec!["__default__".to_owned()]);
        assert_eq!(of(RunKind::Mirror, "", all.clone()), Some(default), "those of its own namespace");
        let several = RunRequest {
            documents: all,
            namespaces: Some(NamespacePatterns::default()),
            ..RunRequest::new(RunKind::Mirror, "")
        };
        assert_eq!(several.document_scope(), None);
    }

    #[test]
    fn patterns_take_and_leave_namespaces() {
        let patterns = |include: &[&str], exclude: &[&str]| NamespacePatterns {
            include: include.iter().map(|&pattern| pattern.to_owned()).collect(),
            exclude: exclude.iter().map(|&pattern| pattern.to_owned()).collect(),
        };
        assert!(patterns(&[], &[]).matches(""));
        assert!(patterns(&["team-*"], &[]).matches("team-"));
        assert!(!patterns(&["team-*"], &[]).matches("a-team-b"));
        assert!(patterns(&["*a?c*"], &[]).matches("xxabcaacy"));
        assert!(!patterns(&["a?c"], &[]).matches("ac"));
        assert!(!patterns(&["*"], &["*-test"]).matches("x-test"));
        assert!(patterns(&["*"], &["*-test"]).matches("x-tests"));
        assert!(patterns(&["é*ü"], &[]).matches("élü"));
        // A pattern that takes others for ever.
        assert!(!patterns(&[&"a*".repeat(40)], &[]).matches(&format!("b{}", "a".repeat(2_000))));
    }

    #[test]
    fn a_reuse_policy_is_read_as_it_is_written() {
        for reuse in Reuse::ALL {
            assert_eq!(reuse.as_str().parse(), Ok(reuse));
        }
        assert!("always".parse::<Reuse>().is_err_and(|error| error.contains("never, proven or same-text")));
    }
}
