//! Check Namespace: what one namespace holds on both sides, all namespaces below, and the way to a single record. Every
//! question is an address, so all of it works without a script.

pub mod counts;
mod list;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{NamespaceRow, Namespaces};

use crate::{
    ApiError, api,
    components::{
        DocumentCount, Read,
        command::{Command, command_over},
        namespace_name,
        notice::{Notice, Skeleton, Tone},
    },
    links,
    pages::OverviewResource,
};
use counts::{Sides, difference_cell, find, in_words};
use list::{Listed, NamespaceList};

/// Names that are suggested: more than anyone reads through.
const SUGGESTED: usize = 500;

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Asked {
    /// The namespace to be checked.
    namespace: Option<String>,
    /// On which sides.
    sides: Sides,
    /// How the namespaces are listed.
    listed: Listed,
}

/// What the indexes say to that.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    asked: Asked,
    /// The namespace that was asked for.
    row: Option<NamespaceRow>,
    /// A page of the list.
    rows: Vec<NamespaceRow>,
    /// How many match what is searched for.
    matching: usize,
    /// How many there are.
    total: usize,
    /// What can be chosen.
    names: Vec<String>,
    /// What could not be read, in words.
    problems: Vec<String>,
}

impl Answer {
    /// Takes out of all namespaces what the page shows, so that no more than that travels.
    fn of(mut asked: Asked, namespaces: Namespaces) -> Self {
        let row = asked.namespace.as_ref().map(|name| find(&namespaces, name));
        let names = namespaces.rows.iter().take(SUGGESTED).map(|row| row.name.clone()).collect();
        let Namespaces { rows, problems } = namespaces;
        let total = rows.len();
        let (rows, matching) = asked.listed.page_of(rows);
        Self { asked, row, rows, matching, total, names, problems }
    }
}

/// The page.
#[component]
pub fn CheckPage() -> impl IntoView {
    let query = use_query_map();
    let overview = expect_context::<OverviewResource>();
    let asked = Memo::new(move |_| {
        query.with(|query| Asked {
            namespace: query.get("namespace"),
            sides: Sides::of(&query.get("side").unwrap_or_default()),
            listed: Listed::read(|name| query.get(name).unwrap_or_default()),
        })
    });
    let answer = Resource::new_blocking(
        move || asked.get(),
        |asked| async move { Ok::<_, ApiError>(Answer::of(asked, api::namespaces().await?)) },
    );
    view! {
        <Title text="Check Namespace" />
        <header class="head">
            <div>
                <h1>"Check Namespace"</h1>
                <p class="soft">"What a namespace holds on both sides, and what a single record is"</p>
            </div>
        </header>
        <Transition fallback=|| {
            view! { <Skeleton panels=2 /> }
        }>
            {move || Suspend::new(async move {
                // Without it the form is not filled in, and the sides are called what they are instead of by their
                // names: the counts below come from another answer, and say themselves what is not known.
                let overview = overview.await.ok();
                let first = overview.as_ref().map(|o| o.default_namespace.clone()).unwrap_or_default();
                let names = overview
                    .map_or_else(
                        || ("the source".to_owned(), "the target".to_owned()),
                        |overview| (overview.source.name, overview.target.name),
                    );
                match answer.await {
                    Ok(answer) => page(answer, &first, names),
                    Err(error) => {
                        let asked = asked.get_untracked();
                        view! {
                            <Notice tone=Tone::Failed title="The namespaces could not be listed">
                                {error.to_string()}
                                " A record can be looked up all the same."
                            </Notice>
                            {forms(&asked, &first, Vec::new(), None)}
                        }
                            .into_any()
                    }
                }
            })}
        </Transition>
    }
    .into_any()
}

fn page(answer: Answer, first: &str, indexes: (String, String)) -> AnyView {
    let Answer { asked, row, rows, matching, total, names, problems } = answer;
    // That there is no namespace is known only where both sides were read.
    let is_known = total > 0 || problems.is_empty();
    let unknown = (!problems.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Attention title="Not everything could be read">
                <ul class="plain">
                    {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
            </Notice>
        }
    });
    let result = row.map(|row| result(row, asked.sides, (&indexes.0, &indexes.1)));
    let listed = asked.listed.clone();
    let (namespace, side) = (asked.namespace.clone(), asked.sides);
    view! {
        {unknown}
        {forms(&asked, first, names, result)}
        {is_known.then(|| view! { <NamespaceList listed namespace side rows matching total /> })}
    }
    .into_any()
}

/// The two forms, and the result below the first one.
fn forms(asked: &Asked, first: &str, names: Vec<String>, result: Option<AnyView>) -> AnyView {
    let namespace = asked.namespace.clone().unwrap_or_else(|| first.to_owned());
    let sides = Sides::ALL
        .map(|(word, label, side)| {
            view! {
                <option value=word selected=side == asked.sides>
                    {label}
                </option>
            }
        })
        .collect_view();
    let suggestions = names.into_iter().map(|name| view! { <option value=name></option> }).collect_view();
    view! {
        <datalist id=NAMES>{suggestions}</datalist>
        <form method="get" action=links::CHECK class="panel body ask" role="search" aria-label="Check a namespace">
            <div class="field">
                <label for="namespace">"Namespace"</label>
                {namespace_input("namespace", Some(NAMES), namespace.clone())}
            </div>
            <div class="field">
                <label for="side">"Where"</label>
                <select id="side" name="side">
                    {sides}
                </select>
            </div>
            <button type="submit" class="button primary">
                "Check"
            </button>
        </form>
        {result}
        {record_form(namespace, Some(NAMES))}
    }
    .into_any()
}

/// The list of names that the fields of this page suggest.
const NAMES: &str = "namespace-names";

/// A field for a namespace, with the suggestions of a list where the page has one.
fn namespace_input(id: &'static str, list: Option<&'static str>, value: String) -> AnyView {
    view! {
        <input
            id=id
            name="namespace"
            class="mono"
            list=list
            maxlength="512"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder="__default__"
            value=value
        />
    }
    .into_any()
}

/// Asks for a record by its id; the namespaces of a list are suggested where the page has one.
pub fn record_form(namespace: String, suggestions: Option<&'static str>) -> AnyView {
    view! {
        <section class="panel" aria-labelledby="look-up">
            <header>
                <h2 id="look-up">"Look a record up"</h2>
                <span class="soft" id="record-hint">
                    "source, target and Elasticsearch side by side"
                </span>
            </header>
            <form method="get" action=links::RECORD class="ask" role="search" aria-label="Look a record up">
                <div class="field">
                    <label for="record-namespace">"Namespace of the record"</label>
                    {namespace_input("record-namespace", suggestions, namespace)}
                </div>
                <div class="field">
                    <label for="record-id">"Id"</label>
                    <input
                        id="record-id"
                        name="id"
                        class="mono"
                        required
                        maxlength="512"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        aria-describedby="record-hint"
                    />
                </div>
                <button type="submit" class="button">
                    "Look up"
                </button>
            </form>
        </section>
    }
    .into_any()
}

/// The counts of the namespace that was asked for, and what they say.
fn result(row: NamespaceRow, sides: Sides, indexes: (&str, &str)) -> AnyView {
    let name = namespace_name(&row.name).to_owned();
    let words = in_words(&row, sides, indexes);
    let difference = (sides == Sides::Both).then(|| {
        let cell = difference_cell(&row);
        view! {
            <div class="figure">
                <b>{cell}</b>
                <span>"target − source"</span>
            </div>
        }
    });
    let figure = |reading, label: String| {
        view! {
            <div class="figure">
                <b>
                    <Read reading absent="none" />
                </b>
                <span class="break">{label}</span>
            </div>
        }
        .into_any()
    };
    let NamespaceRow { source, target, documents, .. } = row;
    let source = sides.source().then(|| figure(source, format!("in {}", indexes.0)));
    let target = sides.target().then(|| figure(target, format!("in {}", indexes.1)));
    let documents = documents.map(|reading| {
        view! {
            <div class="figure">
                <b>
                    <DocumentCount namespace=name.clone() reading />
                </b>
                <span class="break">"documents in Elasticsearch"</span>
            </div>
        }
    });
    view! {
        <section class="panel" aria-labelledby="result">
            <header>
                <h2 id="result" class="mono break">
                    {name.clone()}
                </h2>
            </header>
            <div class="body stack">
                <div class="figures">{source} {target} {difference} {documents}</div>
                <p>{words}</p>
                <div class="row">
                    <a class="button" href=links::mirror_namespace(&name)>
                        "Mirror this namespace"
                    </a>
                    <a class="button" href=links::reembed_namespace(&name)>
                        "Re-embed what is missing"
                    </a>
                </div>
            </div>
            <footer class="command-foot">
                <Command line=command_over("check", &[&name]) />
            </footer>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use protocol::Reading;

    use super::*;

    #[test]
    fn an_answer_holds_what_the_page_shows() {
        let row = |name: &str, count| NamespaceRow {
            name: name.to_owned(),
            source: Reading::Known(Some(count)),
            target: Reading::Known(None),
            documents: None,
        };
        let namespaces =
            Namespaces { rows: vec![row("a1", 1), row("a2", 2), row("b", 3)], problems: Vec::new() };
        let asked = Asked {
            namespace: Some("b".to_owned()),
            listed: Listed::read(|name| if name == "search" { "A".to_owned() } else { String::new() }),
            ..Asked::default()
        };
        let answer = Answer::of(asked, namespaces);
        assert_eq!(answer.row.map(|row| row.source), Some(Reading::Known(Some(3))));
        assert_eq!((answer.rows.len(), answer.matching, answer.total, answer.names.len()), (2, 2, 3, 3));
    }
}
