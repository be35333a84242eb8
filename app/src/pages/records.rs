//! The ids behind a count.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use protocol::{Category, PageQuery, RecordIds, RunId};

use crate::{
    ApiError, api,
    components::{
        icon::{Icon, Symbol},
        look,
        notice::{Empty, Skeleton},
    },
    format, links,
    pages::not_found::{NotFound, PageError},
};

/// How many ids are drawn at once; the search narrows them down, the file has them all.
const DRAWN: usize = 500;

/// Loads the ids that the address names.
#[component]
pub fn RecordsPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| RunId(params.get("id").unwrap_or_default())));
    let category = Memo::new(move |_| {
        params.with(|params| params.get("category").and_then(|slug| Category::from_slug(&slug)))
    });
    let records = Resource::new_blocking(
        move || (id.get(), category.get()),
        |(id, category)| async move {
            match category {
                Some(category) => api::records(id, category, PageQuery::default())
                    .await
                    .map(|records| Some((category, records))),
                None => Ok(None),
            }
        },
    );
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                let loaded: Result<Option<(Category, RecordIds)>, ApiError> = records.await;
                match loaded {
                    Ok(Some((category, records))) => {
                        view! { <Ids run=id.get_untracked() category records /> }.into_any()
                    }
                    Ok(None) => view! { <NotFound /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// What the records of a category are.
const fn meaning(category: Category) -> &'static str {
    match category {
        Category::InSync => "In both indexes, with equal metadata.",
        Category::Missing => "In the source only, with a text: phase A writes them.",
        Category::Changed => "In both indexes, and their metadata differs: phase B writes them.",
        Category::NoText => {
            "Missing or changed, but their text is absent, blank or not a string: nothing can be embedded, so they are skipped."
        }
        Category::Orphan => "In the target only: left alone.",
        Category::Kept => "They hold another value under the added key, and keep it.",
        Category::OverLong => "Their text is longer than the model reads; its end does not count.",
        Category::Migrated => "They were missing; this run has written them.",
        Category::Updated => "They had changed; this run has written them anew.",
        Category::Gone => "They stand in the plan, but the source no longer holds them: nothing was done.",
        Category::Moved => {
            "They turned out to be something else than was planned: they changed, came into the target or are in sync by now. Each was treated as it was found."
        }
        Category::Failed => "A service refused them or did not return them; the run's page has the reasons.",
    }
}

#[component]
fn Ids(run: RunId, category: Category, records: RecordIds) -> impl IntoView {
    let label = look(category).label;
    let kept = records.ids.len();
    let total = records.total;
    let all = kept as u64 >= total;
    let ids = StoredValue::new(records.ids);
    let sought = RwSignal::new(String::new());
    let found = Memo::new(move |_| {
        let sought = sought.get();
        ids.with_value(|ids| {
            let matching = || ids.iter().filter(|id| id.contains(sought.trim()));
            (matching().count(), matching().take(DRAWN).cloned().collect::<Vec<_>>())
        })
    });
    let (to_run, back, to_file) = (links::run(&run), links::run(&run), links::records_file(&run, category));
    let panel = if kept == 0 {
        view! {
            <Empty title="No record">
                <p class="soft">"The run counted none of this kind, or has not come to them yet."</p>
                <a class="button" href=back>
                    "To the run"
                </a>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <section class="panel" aria-labelledby="ids">
                <header>
                    <h2 id="ids" aria-live="polite">
                        {move || {
                            let (matching, drawn) = found.get();
                            if matching > drawn.len() {
                                format!(
                                    "{} of {} ids",
                                    format::count(drawn.len() as u64),
                                    format::count(matching as u64),
                                )
                            } else {
                                format::counted(matching as u64, "id", "ids")
                            }
                        }}
                    </h2>
                    <div class="row">
                        <input
                            type="search"
                            class="small needs-script"
                            placeholder="Search"
                            aria-label="Search the ids"
                            on:input:target=move |event| sought.set(event.target().value())
                        />
                        <a
                            class="button quiet"
                            href=to_file
                            rel="external"
                            download
                        >
                            <Icon symbol=Symbol::Download />
                            "Download"
                        </a>
                    </div>
                </header>
                {(!all)
                    .then(|| {
                        view! {
                            <p class="body soft">
                                {format!(
                                    "A run keeps the first ids of each kind: these are {} of {}.",
                                    format::count(kept as u64),
                                    format::count(total),
                                )}
                            </p>
                        }
                    })}
                <ol class="ids mono">
                    <For each=move || found.get().1 key=|id| id.clone() let(id)>
                        <li>{id}</li>
                    </For>
                </ol>
            </section>
        }
        .into_any()
    };
    view! {
        <Title text=format!("{label}, run {run}") />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::RUNS>"Runs"</a>
                    " / "
                    <a class="break" href=to_run>
                        {run.0}
                    </a>
                </p>
                <h1>{format!("{label}: {}", format::counted(total, "record", "records"))}</h1>
                <p class="soft">{meaning(category)}</p>
            </div>
        </header>
        {panel}
    }
}
