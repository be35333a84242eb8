//! Namespace Mirroring and Re-embedding: one stepper on one address each. `/mirror` is the scope (`?scope=several` that
//! of a run over several namespaces, which goes on at its own page), `/mirror?run=ID` everything after it; `/reembed`
//! likewise.

mod namespaces;
mod phases;
mod scope;
mod several;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::{RunId, RunKind, RunRequest};

use crate::{api, components::notice::Skeleton, links, pages::not_found::PageError};
use phases::Phases;
use scope::ScopeStep;

/// Which of the two ways through the same steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Missing and changed records.
    Mirror,
    /// Missing records only.
    Reembed,
}

impl Way {
    /// The way of a run.
    const fn of(kind: RunKind) -> Self {
        if matches!(kind, RunKind::Reembed) { Self::Reembed } else { Self::Mirror }
    }

    /// The name of the page.
    const fn title(self) -> &'static str {
        match self {
            Self::Mirror => "Namespace Mirroring",
            Self::Reembed => "Re-embedding",
        }
    }

    /// What its last step is called: a mirroring is verified, a migration has results, which are verified, too.
    const fn end(self) -> &'static str {
        match self {
            Self::Mirror => "Verify",
            Self::Reembed => "Results",
        }
    }

    /// What a live run is.
    const fn kind(self) -> RunKind {
        match self {
            Self::Mirror => RunKind::Mirror,
            Self::Reembed => RunKind::Reembed,
        }
    }

    /// What the forms call it.
    const fn word(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Reembed => "reembed",
        }
    }

    /// Asks for the plan: an analysis, or the dry run that compares nothing.
    fn analysis(self, namespace: String) -> RunRequest {
        match self {
            Self::Mirror => RunRequest { dry_run: true, ..RunRequest::new(RunKind::Analyze, namespace) },
            Self::Reembed => RunRequest { dry_run: true, ..RunRequest::new(RunKind::Reembed, namespace) },
        }
    }

    /// The form for one namespace, and that for several.
    const fn addresses(self) -> (&'static str, &'static str) {
        match self {
            Self::Mirror => (links::MIRROR, links::MIRROR_SEVERAL),
            Self::Reembed => (links::REEMBED, links::REEMBED_SEVERAL),
        }
    }

    /// The form, filled in for a namespace.
    fn of_namespace(self, namespace: &str) -> String {
        match self {
            Self::Mirror => links::mirror_namespace(namespace),
            Self::Reembed => links::reembed_namespace(namespace),
        }
    }
}

/// Namespace Mirroring.
#[component]
pub fn MirrorPage() -> impl IntoView {
    view! { <StepsPage way=Way::Mirror /> }
}

/// The form, or the run that the address names.
#[component]
pub fn StepsPage(
    /// Which way.
    way: Way,
) -> impl IntoView {
    let query = use_query_map();
    let run = Memo::new(move |_| query.with(|query| query.get("run")).filter(|run| !run.is_empty()));
    let several =
        Memo::new(move |_| query.with(|query| query.get("scope").is_some_and(|scope| scope == "several")));
    move || match run.get() {
        None => view! { <ScopeStep way several=several.get() /> }.into_any(),
        Some(run) => view! { <LoadRun run=RunId(run) /> }.into_any(),
    }
}

#[component]
fn LoadRun(run: RunId) -> impl IntoView {
    let run = Resource::new_blocking(move || run.clone(), api::run);
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match run.await {
                    Ok(view) => view! { <Phases view /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}
