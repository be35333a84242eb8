//! Documents of the search index, as an address asks for them: of a scope, by what they hold, or by their id.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{DOCUMENT_ROWS, DocumentPage, DocumentQuery, DocumentScope, Holding};

use crate::{
    ApiError, api,
    components::{
        command::Command,
        documents::{DocumentList, Naming},
        notice::{Empty, Notice, Skeleton, Tone},
    },
    links,
};

/// Loads the documents that the address asks for.
#[component]
pub fn DocumentsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let word = |name| query.get(name).unwrap_or_default();
            let holding = match (query.get("value"), word("holding").as_str()) {
                (Some(value), _) if !value.is_empty() => Holding::Value(value),
                (_, "nothing") => Holding::Nothing,
                (_, "something") => Holding::Something,
                _ => Holding::Anything,
            };
            DocumentQuery {
                scope: links::scope_of(&word("scope"), &word("namespaces")),
                holding,
                id: word("id"),
            }
        })
    });
    let documents = Resource::new(move || asked.get(), api::documents);
    let naming = Resource::new(|| (), |()| Naming::read());
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || {
                let asked = asked.get();
                Suspend::new(async move { show(asked, documents.await, naming.await) })
            }}
        </Suspense>
    }
    .into_any()
}

/// What is held, in words that follow “Documents”.
fn held(holding: &Holding, field: &str) -> String {
    match holding {
        Holding::Anything => String::new(),
        Holding::Nothing => format!("without {field}"),
        Holding::Something => format!("with {field}"),
        Holding::Value(value) => format!("with {field}: {value}"),
    }
}

fn show(
    asked: DocumentQuery,
    page: Result<DocumentPage, ApiError>,
    naming: Result<Naming, ApiError>,
) -> AnyView {
    let DocumentQuery { scope, holding, id } = &asked;
    let unnamed = naming.as_ref().err().map(ToString::to_string).map(|error| {
        view! {
            <Notice tone=Tone::Attention title="The settings could not be read">
                {error}
                " So it is unknown which field is the added one, and which record belongs to a document."
            </Notice>
        }
    });
    let naming = naming.ok();
    let field = naming.as_ref().map_or("the added field", |naming| &naming.added);
    let held = held(holding, field);
    let whose = match scope {
        DocumentScope::All => "of all namespaces".to_owned(),
        DocumentScope::WithoutNamespace => "that have no namespace".to_owned(),
        DocumentScope::NamespaceTooLong => "whose namespace is too long to be matched".to_owned(),
        DocumentScope::Namespaces(names) => format!("of {}", links::lines(names).replace('\n', ", ")),
    };
    let heading = match &page {
        Ok(page) => format!(
            "{} {}",
            format::counted(page.total, "document", "documents"),
            if id.is_empty() { held.as_str() } else { "with this id" }
        ),
        Err(_) => format!("Documents {held}"),
    };
    let body = match page {
        Err(error) => refused(&error),
        Ok(page) if page.documents.is_empty() => none(&asked),
        Ok(page) => list(&asked, page, naming.clone()),
    };
    let here = links::documents(scope, holding);
    let choices = [
        (Holding::Anything, "All".to_owned()),
        (Holding::Nothing, "Without".to_owned()),
        (Holding::Something, "With".to_owned()),
    ];
    let value = match holding {
        Holding::Value(value) => Some((holding.clone(), value.clone())),
        _ => None,
    };
    let choices = choices
        .into_iter()
        .chain(value)
        .map(|(choice, label)| {
            let current = (choice == *holding && id.is_empty()).then_some("true");
            view! {
                <a href=links::documents(scope, &choice) aria-current=current>
                    {label}
                </a>
            }
        })
        .collect_view();
    let hidden = hidden(scope, holding);
    let searched = (!id.is_empty()).then(|| view! { <a href=here>"all of them"</a> });
    view! {
        <Title text=heading.clone() />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::ELASTICSEARCH>"Elasticsearch Update"</a>
                </p>
                <h1>{heading}</h1>
                <p class="soft break">{whose}</p>
            </div>
            <nav class="segments" aria-label="What they hold">
                {choices}
            </nav>
        </header>
        <form method="get" action=links::DOCUMENTS role="search" class="row filter" aria-label="Find a document">
            {hidden}
            <input
                type="search"
                name="id"
                class="mono"
                placeholder="Document id"
                aria-label="Document id"
                value=id.clone()
            />
            <button type="submit" class="button">
                "Find"
            </button>
            {searched}
        </form>
        {unnamed}
        {body}
    }
    .into_any()
}

/// The fields that a search by id keeps.
fn hidden(scope: &DocumentScope, holding: &Holding) -> AnyView {
    let field = |name: &'static str, value: String| view! { <input type="hidden" name=name value=value /> };
    let scope = links::scope_parameters(scope);
    let holding = match holding {
        Holding::Anything => None,
        Holding::Nothing => Some(("holding", "nothing".to_owned())),
        Holding::Something => Some(("holding", "something".to_owned())),
        Holding::Value(value) => Some(("value", value.clone())),
    };
    scope.into_iter().chain(holding).map(|(name, value)| field(name, value)).collect_view().into_any()
}

fn refused(error: &ApiError) -> AnyView {
    let words = error.to_string();
    match error {
        ApiError::NotConfigured { .. } => view! {
            <Empty title="No Elasticsearch index is configured">
                <p>{words}</p>
                <a class="button primary" href=links::CONFIGURATION>
                    "Configuration"
                </a>
            </Empty>
        }
        .into_any(),
        _ => view! {
            <Notice tone=Tone::Failed title="The documents could not be read">
                {words}
                " How many there are is unknown, not 0. Reload the page to try again."
            </Notice>
        }
        .into_any(),
    }
}

fn none(asked: &DocumentQuery) -> AnyView {
    let words = if asked.id.is_empty() {
        "No document of this scope holds that at the moment."
    } else {
        "No document of this scope has this id, or not any more. Ids are matched as they are written, with every character."
    };
    view! {
        <Empty title="No document">
            <p class="soft">{words}</p>
            <a class="button" href=links::ELASTICSEARCH>
                "All namespaces"
            </a>
        </Empty>
    }
    .into_any()
}

fn list(asked: &DocumentQuery, page: DocumentPage, naming: Option<Naming>) -> AnyView {
    let DocumentPage { documents, total } = page;
    let shown = documents.len() as u64;
    let heading = if shown < total {
        format!("The first {} of {}", format::count(shown), format::count(total))
    } else {
        format::counted(shown, "document", "documents")
    };
    let more = (shown < total).then(|| {
        view! {
            <footer>
                {format!(
                    "A page shows at most {DOCUMENT_ROWS}. To find one among the others, search for its id.",
                )}
            </footer>
        }
    });
    view! {
        <section class="panel" aria-labelledby="documents">
            <header>
                <h2 id="documents">{heading}</h2>
                <span class="soft">"without their vectors; open one to see its fields"</span>
            </header>
            <DocumentList documents scope=asked.scope.clone() naming />
            {more}
        </section>
        <Command line="tain elasticsearch namespaces" />
    }
    .into_any()
}
