//! Documents of the search index, as an address asks for them: of a scope, by what they hold, or by their id.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{DocumentPage, DocumentQuery, DocumentScope, Holding};

use crate::{
    ApiError, api,
    components::{
        command::Command,
        documents::{DocumentList, Naming},
        icon::{Icon, Symbol},
        notice::{Empty, Notice, Skeleton, Tone},
        paging::Pager,
    },
    links,
};

/// Loads the documents that the address asks for.
#[component]
pub fn DocumentsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| links::documents_asked(|word| query.get(word))));
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

/// Documents by what they hold: `24 documents without clearance_level`.
fn held(documents: &str, holding: &Holding, field: &str) -> String {
    match holding {
        Holding::Anything => documents.to_owned(),
        Holding::Nothing => format!("{documents} without {field}"),
        Holding::Something => format!("{documents} with {field}"),
        Holding::Added => format!("{documents} with {field} as an update sets it"),
        Holding::Value(value) => format!("{documents} with {field}: {value}"),
    }
}

fn show(
    asked: DocumentQuery,
    page: Result<DocumentPage, ApiError>,
    naming: Result<Naming, ApiError>,
) -> AnyView {
    let DocumentQuery { scope, holding, id, .. } = &asked;
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
    let whose = match scope {
        DocumentScope::All => "of all namespaces".to_owned(),
        DocumentScope::WithoutNamespace => "that have no namespace".to_owned(),
        DocumentScope::NamespaceTooLong => "whose namespace is too long to be matched".to_owned(),
        DocumentScope::Namespaces(names) => format!("of {}", links::lines(names).replace('\n', ", ")),
    };
    let heading = match &page {
        Ok(page) => {
            let counted = format::counted(page.total, "document", "documents");
            if id.is_empty() { held(&counted, holding, field) } else { format!("{counted} with this id") }
        }
        Err(_) => held("Documents", holding, field),
    };
    let body = match page {
        Err(error) => refused(&asked, &error),
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
        Holding::Added => Some((Holding::Added, "As an update sets it".to_owned())),
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
            <span class="faint">"Only whole ids are found; the files have all of them."</span>
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
        Holding::Added => Some(("holding", "added".to_owned())),
        Holding::Value(value) => Some(("value", value.clone())),
    };
    scope.into_iter().chain(holding).map(|(name, value)| field(name, value)).collect_view().into_any()
}

fn refused(asked: &DocumentQuery, error: &ApiError) -> AnyView {
    let words = error.to_string();
    let first = links::documents(&asked.scope, &asked.holding);
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
        ApiError::Invalid { field, .. } if field == "after" => view! {
            <Empty title="This page of the list is gone">
                <p>{words}</p>
                <a class="button primary" href=first>
                    "First page"
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
    let words = if asked.after.is_some() {
        "There is no such page of this list, or not any more."
    } else if asked.id.is_empty() {
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

/// Which of the documents a page shows.
fn shown(page: &DocumentPage) -> String {
    let (shown, total) = (page.documents.len() as u64, page.total);
    if page.before == 0 && shown >= total {
        return format::counted(shown, "document", "documents");
    }
    format!(
        "{} to {} of {}",
        format::count(page.before.saturating_add(1)),
        format::count(page.before.saturating_add(shown)),
        format::count(total)
    )
}

fn list(asked: &DocumentQuery, page: DocumentPage, naming: Option<Naming>) -> AnyView {
    let heading = shown(&page);
    let DocumentPage { documents, next, is_one_snapshot, .. } = page;
    let DocumentQuery { scope, holding, id, after } = asked;
    let footer = (!is_one_snapshot).then(|| {
        view! {
            <footer>
                "This server keeps no place between two pages: documents that change meanwhile may stand on both or on
                neither, and only the first 10,000 can be turned to. The files are of one moment, and have them all."
            </footer>
        }
    });
    // One document that was looked up is no list.
    let all = id.is_empty().then(|| {
        let file = |extension: &'static str, label: &'static str| {
            let href = links::documents_file(scope, holding, extension);
            view! {
                <a class="button quiet" href=href rel="external" download>
                    <Icon symbol=Symbol::Download />
                    {label}
                </a>
            }
        };
        view! { <div class="row">{file("txt", "Download ids")} {file("csv", "CSV")} {file("jsonl", "JSONL")}</div> }
    });
    let command = id.is_empty().then(|| view! { <Command line=asked.command() /> });
    view! {
        <section class="panel" aria-labelledby="documents">
            <header>
                <h2 id="documents">{heading}</h2>
                <span class="soft">"without their vectors; open one to see its fields"</span>
                {all}
            </header>
            <DocumentList documents scope=scope.clone() naming />
            {footer}
        </section>
        <Pager address=links::documents(scope, holding) later=after.is_some() next />
        {command}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_which_documents_it_shows() {
        let document = protocol::Document { index: "i".to_owned(), id: "d".to_owned(), fields: Vec::new() };
        let page = |documents: usize, before, total| {
            let documents = vec![document.clone(); documents];
            shown(&DocumentPage { documents, before, total, ..DocumentPage::default() })
        };
        assert_eq!(page(24, 0, 24), "24 documents");
        assert_eq!(page(100, 0, 246), "1 to 100 of 246");
        assert_eq!(page(46, 200, 246), "201 to 246 of 246");
    }
}
