//! The form for a run over several namespaces.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::{NamespacePatterns, NamespaceRow, Overview, Reading, RunRequest};

use crate::{
    api::StartRun,
    components::{
        fields::{Errors, OverwriteField, PatternFields, Patterns, ReuseField, reuse_of},
        scope_name,
        start::{Confirmation, DryOrLive, Refusal, with_documents},
        update::{DocumentsToo, documents_too},
    },
    pages::mirror::{
        Way,
        namespaces::{Chosen, select},
    },
};

/// How many namespaces are named below the patterns.
const NAMED: usize = 5;

/// The patterns, the options, and the switch between a dry run and a live one.
#[component]
pub fn SeveralForm(
    /// Which way.
    way: Way,
    /// The settings.
    overview: Option<Overview>,
    /// Which namespaces the table below lists.
    chosen: RwSignal<Chosen>,
    /// The namespaces, once they are known.
    rows: RwSignal<Vec<NamespaceRow>>,
) -> impl IntoView {
    let query = use_query_map().get_untracked();
    let start = ServerAction::<StartRun>::new();
    let errors: Errors = Signal::derive(move || start.value().get().and_then(Result::err));
    let typed = |name: &str| query.get(name).into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let patterns = Patterns::new(&NamespacePatterns { include: typed("include"), exclude: typed("exclude") });
    let reuse = RwSignal::new(reuse_of(&query));
    let overwrite = RwSignal::new(query.get("overwrite_added").is_some_and(|word| word == "true"));
    let also = RwSignal::new(query.get("elasticsearch").is_some_and(|word| word == "true"));
    let dry = RwSignal::new(true);
    let request = Memo::new(move |_| RunRequest {
        dry_run: dry.get(),
        reuse: reuse.get(),
        overwrite_added: overwrite.get(),
        namespaces: Some(patterns.read()),
        documents: documents_too(also.get()),
        ..RunRequest::new(way.kind(), "")
    });
    Effect::new(move |_| chosen.set(Chosen::Matching(patterns.read())));
    let taken = move || rows.with(|rows| in_words(rows, &Chosen::Matching(patterns.read())));
    let (key, target) = overview.map_or_else(
        || ("the added key".to_owned(), "the target".to_owned()),
        |overview| (overview.added.key, overview.target.name),
    );
    let work = match way {
        Way::Mirror => "in each namespace, what is missing or changed by then",
        Way::Reembed => "in each namespace, what is missing by then",
    };
    view! {
        <ActionForm action=start attr:class="panel form" attr:aria-label="Several namespaces">
            <input type="hidden" name="kind" value=way.word() />
            <input type="hidden" name="scope" value="several" />
            <div class="body stack wide">
                <Refusal action=start />
                <PatternFields patterns errors />
                <p class="hint" aria-live="polite">
                    {taken}
                </p>
                {(way == Way::Mirror).then(|| view! { <ReuseField reuse /> })}
                <OverwriteField overwrite key />
                <DocumentsToo also />
            </div>
            <footer class="actions plain-bar">
                <DryOrLive
                    dry
                    command=Signal::derive(move || request.with(RunRequest::command))
                    pending=start.pending()
                />
                <Confirmation
                    target
                    scope=Signal::derive(move || request.with(scope_name))
                    overwrites=overwrite
                    work=Signal::derive(move || with_documents(work, also.get()))
                    pending=start.pending()
                />
            </footer>
        </ActionForm>
    }
}

/// Which namespaces are taken, as far as they are known: `Takes 3 of 4: a, b, c`.
fn in_words(rows: &[NamespaceRow], chosen: &Chosen) -> String {
    let taken = select(rows, chosen);
    if rows.is_empty() {
        return "The namespaces are listed when the run starts.".to_owned();
    }
    if taken.is_empty() {
        return "No namespace of the source matches.".to_owned();
    }
    let in_source = rows.iter().filter(|row| row.source != Reading::Known(None)).count();
    let names: Vec<&str> = taken.iter().take(NAMED).map(|row| row.name.as_str()).collect();
    let more = if taken.len() > NAMED { ", …" } else { "" };
    format!(
        "Takes {} of {} in the source: {}{more}",
        format::count(taken.len() as u64),
        format::count(in_source as u64),
        names.join(", ")
    )
}
