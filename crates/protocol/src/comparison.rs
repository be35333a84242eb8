//! Two runs side by side: what has changed from one to the other.

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    Category, Counts, EndpointUse, NamespacePatterns, RunHead, RunKind, RunRequest, RunSummary, RunView,
    SENT_AGAIN, TOLD_TO_SLOW_DOWN, Writing,
};

/// A run, as far as it is compared with another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSide {
    /// Its row in the list of runs.
    pub summary: RunSummary,
    /// What it asked of the services.
    pub requests: Vec<EndpointUse>,
}

impl From<RunView> for RunSide {
    fn from(view: RunView) -> Self {
        Self { summary: view.summary(), requests: view.progress.requests }
    }
}

/// A run beside another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunComparison {
    /// The run.
    pub run: RunSide,
    /// What it is compared with; `None` if there is no earlier run like it, and no other was named.
    pub with: Option<RunSide>,
    /// Earlier runs like it, newest first; not all where there are many.
    pub earlier: Vec<RunSummary>,
}

/// A number of a run that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Records listed in the source.
    SourceListed,
    /// Records listed in the target.
    TargetListed,
    /// Records or documents of a category.
    Records(Category),
    /// Records whose other value under the added key is replaced.
    Overwritten,
    /// Documents in the scope of the run.
    DocumentsInScope,
    /// Of those, the ones whose other value stays.
    DocumentsLeftOut,
    /// Texts that were paid for.
    Embedded,
    /// Records that took the vector of an equal text.
    Folded,
    /// Records that kept the target's vector.
    Reused,
    /// Estimated tokens of the texts that were paid for.
    Tokens,
}

impl Measure {
    /// All of them, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let sums = [
            Self::Overwritten,
            Self::DocumentsInScope,
            Self::DocumentsLeftOut,
            Self::Embedded,
            Self::Folded,
            Self::Reused,
            Self::Tokens,
        ];
        [Self::SourceListed, Self::TargetListed]
            .into_iter()
            .chain(Category::ALL.map(Self::Records))
            .chain(sums)
    }

    /// The number in a run's counters.
    pub const fn of(self, counts: &Counts) -> u64 {
        match self {
            Self::SourceListed => counts.source_listed,
            Self::TargetListed => counts.target_listed,
            Self::Records(category) => category.count(counts),
            Self::Overwritten => counts.overwritten,
            Self::DocumentsInScope => counts.documents.in_scope,
            Self::DocumentsLeftOut => counts.documents.left_out,
            Self::Embedded => counts.embedded,
            Self::Folded => counts.folded,
            Self::Reused => counts.reused,
            Self::Tokens => counts.tokens,
        }
    }

    /// Its name on the command line and in JSON: that of the category, where records stand behind it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SourceListed => "listed-in-source",
            Self::TargetListed => "listed-in-target",
            Self::Records(category) => category.slug(),
            Self::Overwritten => "level-replaced",
            Self::DocumentsInScope => "documents-in-scope",
            Self::DocumentsLeftOut => "documents-left-out",
            Self::Embedded => "texts-paid",
            Self::Folded => "equal-text",
            Self::Reused => "vector-kept",
            Self::Tokens => "tokens",
        }
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared<W, V> {
    /// What it is.
    pub what: W,
    /// In the run that is compared with.
    pub with: V,
    /// In the run itself.
    pub run: V,
}

/// What there is to say about two runs beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// The counters that are not 0 in both.
    pub counts: Vec<Compared<Measure, u64>>,
    /// Requests: their sum, those sent again, those that were told to slow down, and by endpoint (`gemini embed`).
    pub requests: Vec<Compared<String, u64>>,
    /// The settings that differ, in words.
    pub settings: Vec<Compared<&'static str, String>>,
}

impl Differences {
    /// From one run to another one.
    pub fn between(with: &RunSide, run: &RunSide) -> Self {
        let counts = Measure::all()
            .map(|what| Compared {
                what,
                with: what.of(&with.summary.counts),
                run: what.of(&run.summary.counts),
            })
            .filter(|row| row.with + row.run > 0)
            .collect();
        let before = settings(&with.summary.head);
        let settings = before
            .into_iter()
            .zip(settings(&run.summary.head))
            .map(|((what, with), (_, run))| Compared { what, with, run })
            .filter(|row| row.with != row.run)
            .collect();
        Self { counts, requests: requests(&with.requests, &run.requests), settings }
    }
}

fn requests(with: &[EndpointUse], run: &[EndpointUse]) -> Vec<Compared<String, u64>> {
    let row = |what: &str, of: fn(&EndpointUse) -> u64| Compared {
        what: what.to_owned(),
        with: with.iter().map(of).sum(),
        run: run.iter().map(of).sum(),
    };
    let mut rows = vec![
        row("all", |used| used.requests),
        row(SENT_AGAIN, |used| used.retried),
        row(TOLD_TO_SLOW_DOWN, |used| used.throttled),
    ];
    for (used, in_run) in with.iter().map(|used| (used, false)).chain(run.iter().map(|used| (used, true))) {
        let what = format!("{} {}", used.service, used.endpoint);
        let at = rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            rows.push(Compared { what, with: 0, run: 0 });
            rows.len() - 1
        });
        let number = if in_run { &mut rows[at].run } else { &mut rows[at].with };
        *number += used.requests;
    }
    rows
}

/// What a run was asked for, and what was configured, in words.
fn settings(head: &RunHead) -> [(&'static str, String); 15] {
    // Taken apart, so that a new setting cannot be forgotten here.
    let RunHead {
        id: _,
        request,
        origin: _,
        source,
        target,
        steps: _,
        texts_per_minute,
        writing,
        started_at: _,
    } = head;
    let RunRequest {
        kind,
        namespace: _,
        dry_run,
        reuse,
        overwrite_added,
        batch_size,
        plan,
        retry,
        namespaces,
        documents,
    } = request;
    let yes = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
    let none = || "none".to_owned();
    let written =
        |what: &dyn Fn(&Writing) -> String| writing.as_ref().map_or_else(|| "not kept".to_owned(), what);
    let namespaces = match namespaces {
        None => request.scope_label(),
        Some(NamespacePatterns { include, exclude }) => {
            let like = if include.is_empty() { "all".to_owned() } else { include.join(", ") };
            if exclude.is_empty() { like } else { format!("{like} without {}", exclude.join(", ")) }
        }
    };
    let documents = match documents {
        Some(update) if *kind == RunKind::Documents => update.words().join(" "),
        other => yes(other.is_some()),
    };
    [
        ("kind", kind.label().to_owned()),
        ("source", source.clone()),
        ("target", target.clone()),
        ("namespaces", namespaces),
        ("dry run", yes(*dry_run || kind.only_reads())),
        ("reuse of vectors", reuse.as_str().to_owned()),
        ("overwrite the added key", yes(*overwrite_added)),
        ("batch size", batch_size.map_or_else(|| "as configured".to_owned(), |size| size.to_string())),
        ("plan", plan.as_ref().map_or_else(none, |hash| hash.chars().take(8).collect())),
        ("failures of", retry.as_ref().map_or_else(none, ToString::to_string)),
        ("documents in Elasticsearch", documents),
        ("texts a minute", texts_per_minute.to_string()),
        ("embedding model", written(&|writing| writing.made_by.clone())),
        ("text key", written(&|writing| writing.text_key.clone())),
        ("added metadata", written(&|Writing { added, .. }| format!("{}: {}", added.key, added.value))),
    ]
}

impl RunHead {
    /// Whether two runs do the same work over the same records, so that their numbers can be compared: of one kind, both
    /// live or both dry, over the same namespaces, between the same indexes, and both over all or over failures only.
    pub fn is_like(&self, other: &Self) -> bool {
        let work = |request: &RunRequest| (request.kind, request.is_live(), request.retry.is_some());
        let documents = |request: &RunRequest| {
            let update = request.documents.as_ref().filter(|_| request.kind == RunKind::Documents);
            update.map(|update| update.scope.clone())
        };
        let (one, two) = (&self.request, &other.request);
        work(one) == work(two)
            && one.scope_label() == two.scope_label()
            && one.namespaces == two.namespaces
            && documents(one) == documents(two)
            && (&self.source, &self.target) == (&other.source, &other.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DocumentUpdate, RunId, RunState};

    fn head(request: RunRequest) -> RunHead {
        RunHead {
            id: RunId("r".to_owned()),
            request,
            origin: None,
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: Vec::new(),
            texts_per_minute: 3_000,
            writing: None,
            started_at: 1_000,
        }
    }

    fn side(request: RunRequest, counts: Counts, requests: Vec<EndpointUse>) -> RunSide {
        let mut view = RunView::new(head(request));
        view.progress.counts = counts;
        view.progress.requests = requests;
        view.into()
    }

    fn used(service: &str, endpoint: &str, requests: u64, retried: u64) -> EndpointUse {
        EndpointUse {
            service: service.to_owned(),
            endpoint: endpoint.to_owned(),
            requests,
            succeeded: requests - retried,
            retried,
            throttled: 0,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    #[test]
    fn runs_are_alike_that_do_the_same_work_over_the_same_records() {
        let mirror = RunRequest::new(RunKind::Mirror, "a");
        let like = |change: &dyn Fn(&mut RunHead)| {
            let mut other = head(mirror.clone());
            change(&mut other);
            head(mirror.clone()).is_like(&other)
        };
        assert!(like(&|other| other.request.plan = Some("7c41".to_owned())));
        assert!(like(&|other| other.request.overwrite_added = true));
        assert!(like(&|other| other.request.documents = Some(DocumentUpdate::default())));
        assert!(!like(&|other| other.request.kind = RunKind::Reembed));
        assert!(!like(&|other| other.request.dry_run = true));
        assert!(!like(&|other| other.request.retry = Some(RunId("q".to_owned()))));
        assert!(!like(&|other| other.request.namespace = "b".to_owned()));
        assert!(!like(&|other| other.request.namespaces = Some(NamespacePatterns::default())));
        assert!(!like(&|other| other.source = "older".to_owned()));
        assert!(!like(&|other| other.target = "newer".to_owned()));

        let default = |name: &str| head(RunRequest::new(RunKind::Mirror, name));
        assert!(default("").is_like(&default("__default__")), "two spellings of one namespace");
        let several = |include: &str| {
            let patterns = NamespacePatterns { include: vec![include.to_owned()], exclude: Vec::new() };
            head(RunRequest { namespaces: Some(patterns), ..RunRequest::new(RunKind::Mirror, "") })
        };
        assert!(several("a*").is_like(&several("a*")) && !several("a*").is_like(&several("b*")));
        let update = |update| head(RunRequest::update_documents(update));
        let names = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            update(DocumentUpdate {
                scope: crate::DocumentScope::Namespaces(names),
                ..DocumentUpdate::default()
            })
        };
        assert!(names(&["a", "b"]).is_like(&names(&["a", "b"])));
        assert!(!names(&["a", "b"]).is_like(&names(&["a", "c"])));
        assert!(!names(&["a", "b"]).is_like(&update(DocumentUpdate::default())));
    }

    #[test]
    fn only_what_is_there_and_what_differs_is_said() {
        let with = side(
            RunRequest { plan: Some("7c41aaaaaaaa".to_owned()), ..RunRequest::new(RunKind::Mirror, "a") },
            Counts { migrated: 7, embedded: 7, in_sync: 3, ..Counts::default() },
            vec![used("source", "list", 2, 0), used("gemini", "embed", 3, 1)],
        );
        let run = side(
            RunRequest { batch_size: Some(20), ..RunRequest::new(RunKind::Mirror, "a") },
            Counts { updated: 2, embedded: 9, in_sync: 3, ..Counts::default() },
            vec![used("source", "list", 2, 0), used("target", "fetch", 1, 0)],
        );
        let found = Differences::between(&with, &run);
        let counts: Vec<_> = found.counts.iter().map(|row| (row.what.name(), row.with, row.run)).collect();
        assert_eq!(counts, [("in-sync", 3, 3), ("migrated", 7, 0), ("updated", 0, 2), ("texts-paid", 7, 9)]);
        let requests: Vec<_> =
            found.requests.iter().map(|row| (row.what.as_str(), row.with, row.run)).collect();
        assert_eq!(
            requests,
            [
                ("all", 5, 3),
                ("sent again", 1, 0),
                ("told to slow down", 0, 0),
                ("source list", 2, 2),
                ("gemini embed", 3, 0),
                ("target fetch", 0, 1),
            ]
        );
        let settings: Vec<_> =
            found.settings.iter().map(|row| (row.what, row.with.as_str(), row.run.as_str())).collect();
        assert_eq!(settings, [("batch size", "as configured", "20"), ("plan", "7c41aaaa", "none")]);
        assert_eq!(Differences::between(&run, &run).settings, []);
    }

    #[test]
    fn a_run_took_time_once_it_is_over() {
        let mut summary = RunView::new(head(RunRequest::new(RunKind::Mirror, "a"))).summary();
        assert_eq!(summary.took(), None);
        summary.finished_at = Some(3_500);
        summary.state = RunState::Paused;
        assert_eq!(summary.took(), None, "it may go on");
        summary.state = RunState::Done;
        assert_eq!(summary.took(), Some(2_500));
    }
}
