//! The records behind a count, in pages: ids, and for failed ones why they failed.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::{Category, FailurePage, PageQuery, RecordIds, RunHead, RunId, RunKind, RunRequest};

use crate::{
    ApiError, api,
    components::{
        Look,
        failures::{FailureFiles, FailureTable},
        look_in,
        notice::{Empty, Skeleton},
        paging::{FileLink, Pager, Search, part},
        scope_name,
        table::{Column, Table},
    },
    links,
    pages::not_found::{NotFound, PageError},
};

/// What the address asks for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Asked {
    run: RunId,
    category: Category,
    query: PageQuery,
}

const COLUMNS: &[Column] = &[Column::Text("Id"), Column::Text("What it is"), Column::Unseen("Look")];

/// What the server has.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
enum Found {
    Ids(RecordIds),
    Failures(FailurePage),
}

/// What was asked for, the run, and what it has of it.
type Answer = (Asked, RunHead, Found);

async fn find(asked: Option<Asked>) -> Result<Option<Answer>, ApiError> {
    let Some(asked) = asked else { return Ok(None) };
    let Asked { run, category, query } = asked.clone();
    let head = api::run_head(run.clone()).await?;
    let found = match category {
        Category::Failed => Found::Failures(api::failures(run, query).await?),
        _ => Found::Ids(api::records(run, category, query).await?),
    };
    Ok(Some((asked, head, found)))
}

/// Loads the records that the address names.
#[component]
pub fn RecordsPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let (run, category) =
            params.with(|params| (params.get("id").unwrap_or_default(), params.get("category")));
        let query = query.with(|query| PageQuery {
            search: query.get("search").unwrap_or_default(),
            after: query.get("after"),
            limit: 0,
        });
        Category::from_slug(&category?).map(|category| Asked { run: RunId(run), category, query })
    });
    let records = Resource::new_blocking(move || asked.get(), find);
    view! {
        <Transition fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                match records.await {
                    Ok(Some((asked, head, found))) => view! { <Records asked head found /> }.into_any(),
                    Ok(None) => view! { <NotFound /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// What the records of a category are.
const fn meaning(kind: RunKind, category: Category) -> &'static str {
    if matches!(kind, RunKind::Levels) {
        match category {
            Category::InSync => return "Record and document hold the same access level, or both hold none.",
            Category::Changed => {
                return "Record and document hold different access levels, or one of them holds none.";
            }
            Category::Missing => {
                return "The target has the record, and the search index has no document of it.";
            }
            _ => {}
        }
    }
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
        Category::DocumentsToUpdate => "Documents of the search index that a live run would update.",
        Category::DocumentsUpdated => "Documents of the search index that have the value now and had not.",
        Category::DocumentsAlready => "Documents that had got the value by themselves when their turn came.",
        Category::DocumentsKept => "Documents that somebody else gave another value meanwhile, which stands.",
        Category::DocumentsUnindexed => {
            "Documents that hold a value which is not indexed, as where the field was added to the mapping behind them: no search finds it, and it stands. It is found once they are indexed again."
        }
        Category::DocumentsGone => "Documents that somebody else deleted meanwhile.",
        Category::Failed => "A service refused them or did not return them. Their neighbours went on.",
    }
}

/// An id that leads to its record or its document.
fn row(id: String, look: Look, category: Category, request: &RunRequest) -> AnyView {
    let (href, words) = if category.is_of_documents() {
        (Some(links::document(&id)), "Document")
    } else {
        (links::record_of(request, &id), "Side by side")
    };
    let (name, link) = match href {
        Some(href) => {
            let label = format!("{words}: {id}");
            let name = view! { <a href=href.clone()>{id}</a> }.into_any();
            (name, Some(view! { <a href=href aria-label=label>{words}</a> }))
        }
        None => (id.into_any(), None),
    };
    view! {
        <tr>
            <td class="mono break name">{name}</td>
            <td>
                <span class=format!("key {}", look.class)>
                    <i aria-hidden="true">{look.sign}</i>
                    {look.label}
                </span>
            </td>
            <td class="act">{link}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn Records(asked: Asked, head: RunHead, found: Found) -> impl IntoView {
    let Asked { run, category, query } = asked;
    let kind = head.request.kind;
    let look = look_in(kind, category);
    let label = look.label;
    let (one, many) = if kind == RunKind::Documents || category.is_of_documents() {
        ("document", "documents")
    } else {
        ("record", "records")
    };
    let request = head.request.clone();
    let (total, shown, next) = match &found {
        Found::Ids(page) => (page.total, page.ids.len(), page.next.clone()),
        Found::Failures(page) => (page.total, page.failures.len(), page.next.clone()),
    };
    let address = links::records(&run, category);
    let searched = !query.search.is_empty();
    let (whole, to_run) = (address.clone(), links::run(&run));
    let counted = format::counted(shown as u64, one, many);
    let (later, more) = (query.after.is_some(), next.is_some());
    let heading = match (searched, later || more) {
        // How many match is counted by nobody: only what is shown is known.
        (true, _) => format!("{} with “{}”", part(&counted, later, more), query.search),
        (false, true) => format!("{} of {}", format::count(shown as u64), format::count(total)),
        (false, false) => counted,
    };
    let files = match category {
        Category::Failed => view! { <FailureFiles run=run.clone() /> }.into_any(),
        _ => view! { <FileLink run=run.clone() file=format!("{}.txt", category.slug()) /> }.into_any(),
    };
    let rows = match found {
        _ if shown == 0 => view! { <p class="body soft">"No record of this kind matches."</p> }.into_any(),
        Found::Ids(page) => {
            let rows = page.ids.into_iter().map(|id| row(id, look, category, &request)).collect_view();
            view! {
                <Table label="Table of records" columns=COLUMNS class="list compact records">
                    {rows}
                </Table>
            }
            .into_any()
        }
        Found::Failures(page) => view! { <FailureTable failures=page.failures request /> }.into_any(),
    };
    let panel = if shown == 0 && !searched && query.after.is_none() {
        view! {
            <Empty title="No record">
                <p class="soft">"The run counted none of this kind, or has not come to them yet."</p>
                <a class="button" href=to_run>
                    "To the run"
                </a>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <section class="panel" aria-labelledby="ids">
                <header>
                    <h2 id="ids" class="break">
                        {heading}
                    </h2>
                    <div class="row">
                        <Search action=address.clone() search=query.search.clone() label="Search the records" />
                        {searched.then(|| view! { <a href=whole>"all"</a> })}
                        {files}
                    </div>
                </header>
                {rows}
            </section>
            <Pager
                address=links::with_any(&address, "search", &query.search)
                later=query.after.is_some()
                next
            />
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
                    <a class="break" href=links::run(&run)>
                        {format!("{} {}", head.request.kind.label(), scope_name(&head.request))}
                    </a>
                </p>
                <h1>{format!("{label}: {}", format::counted(total, one, many))}</h1>
                <p class="soft">{meaning(kind, category)}</p>
            </div>
        </header>
        {panel}
    }
}
