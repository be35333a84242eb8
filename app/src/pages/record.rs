//! One record: source, target and search index side by side, with what differs between source and target.

mod keys;
mod vector;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{DocumentName, DocumentScope, Reading, RecordSide, RecordVerdict, RecordView};

use crate::{
    ApiError, api,
    components::{
        command::{Command, command_over},
        icon::{Icon, Symbol},
        namespace_name,
        notice::{Empty, Notice, Skeleton, Tone},
        pill::{Pill, Standing},
    },
    links,
    pages::{OverviewResource, check::record_form, not_found::PageError, set_status},
};
use keys::KeysPanel;
use vector::vector;

/// The page.
#[component]
pub fn RecordPage() -> impl IntoView {
    let query = use_query_map();
    let overview = expect_context::<OverviewResource>();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("namespace").unwrap_or_default(), query.get("id").unwrap_or_default()))
    });
    let record = Resource::new_blocking(
        move || asked.get(),
        |(namespace, id)| async move {
            if id.is_empty() { Ok(None) } else { api::record(namespace, id).await.map(Some) }
        },
    );
    view! {
        <Transition fallback=|| {
            view! { <Skeleton panels=2 /> }
        }>
            {move || Suspend::new(async move {
                let names = overview
                    .await
                    .map_or_else(
                        |_| ("Source".to_owned(), "Target".to_owned()),
                        |overview| (overview.source.name, overview.target.name),
                    );
                let (namespace, id) = asked.get_untracked();
                match record.await {
                    Ok(Some(record)) => page(record, names),
                    Ok(None) => look_up(namespace, None),
                    Err(error @ ApiError::Invalid { .. }) => {
                        set_status(error.status());
                        look_up(namespace, Some(format!("{id}: {error}")))
                    }
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// The form, where the address names no record, or none that could be.
fn look_up(namespace: String, wrong: Option<String>) -> AnyView {
    let wrong = wrong.map(|wrong| {
        view! {
            <Notice tone=Tone::Failed title="There can be no such record">
                {wrong}
            </Notice>
        }
    });
    view! {
        <Title text="Record" />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::CHECK>"Check Namespace"</a>
                </p>
                <h1>"Record"</h1>
                <p class="soft">"One record in source, target and Elasticsearch, side by side"</p>
            </div>
        </header>
        {wrong}
        {record_form(namespace, None)}
    }
    .into_any()
}

/// How a record stands between source and target, in words.
fn verdict_words(verdict: RecordVerdict) -> String {
    match verdict {
        RecordVerdict::Changed(keys) => {
            format!("{}: {}", format::counted(keys as u64, "key differs", "keys differ"), verdict.words())
        }
        _ => verdict.words().to_owned(),
    }
}

fn verdict_pill(verdict: RecordVerdict) -> AnyView {
    match verdict {
        RecordVerdict::Unknown => view! { <Pill standing=Standing::Unknown /> }.into_any(),
        RecordVerdict::InSync => view! { <Pill standing=Standing::InSync /> }.into_any(),
        RecordVerdict::Missing | RecordVerdict::Changed(_) => {
            view! { <Pill standing=Standing::ChangesPending /> }.into_any()
        }
        RecordVerdict::NoText => view! { <Pill standing=Standing::NeedsAttention /> }.into_any(),
        RecordVerdict::Orphan => view! { <span class="tag">"only in target"</span> }.into_any(),
        RecordVerdict::Nowhere => view! { <span class="tag">"not found"</span> }.into_any(),
    }
}

fn page(record: RecordView, names: (String, String)) -> AnyView {
    let verdict = RecordVerdict::of(&record);
    let has_document = matches!(&record.document, Some(Reading::Known(Some(_)) | Reading::Unknown(_)));
    if verdict == RecordVerdict::Nowhere && !has_document {
        return nowhere(record);
    }
    let RecordView { namespace, id, source, target, document, keys } = record;
    let name = namespace_name(&namespace).to_owned();
    let search = document.as_ref().is_some();
    let line = command_over("record", &[&name, &id]);
    let panel = view! { <KeysPanel keys source=there(&source) target=there(&target) document=document.as_ref().map(there) /> };
    view! {
        <Title text=format!("Record {id}") />
        {head(&name, &id, Some(verdict))}
        <div class=if search { "sides three" } else { "sides" }>
            {side("Source", names.0, Symbol::Lock, source)} {side("Target", names.1, Symbol::Pen, target)}
            {document.map(|document| document_side(&name, document))}
        </div>
        {panel}
        <Command line=line />
    }
    .into_any()
}

/// Where a record is: `None` if that is not known.
fn there<T>(reading: &Reading<Option<T>>) -> Option<bool> {
    reading.known().map(Option::is_some)
}

fn head(name: &str, id: &str, verdict: Option<RecordVerdict>) -> AnyView {
    view! {
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::CHECK>"Check Namespace"</a>
                    " / "
                    <a class="mono break" href=links::check_namespace(name)>
                        {name.to_owned()}
                    </a>
                </p>
                <h1>"Record " <span class="mono break">{id.to_owned()}</span></h1>
                {verdict.map(|verdict| view! { <p class="soft">{verdict_words(verdict)}</p> })}
            </div>
            <div class="row">
                {verdict.map(verdict_pill)} <a class="button" href=links::mirror_namespace(name)>
                    "Mirror the namespace"
                </a>
            </div>
        </header>
    }
    .into_any()
}

/// Nobody has it, and everybody was asked.
fn nowhere(record: RecordView) -> AnyView {
    set_status(404);
    let name = namespace_name(&record.namespace).to_owned();
    view! {
        <Title text="No such record" />
        {head(&name, &record.id, None)}
        <Empty title="No side has this record">
            <p class="soft">
                "Neither index has a record with this id in this namespace, and there is no document of it. An id is case-sensitive, and belongs to one namespace: look at both."
            </p>
        </Empty>
        {record_form(name, None)}
    }
    .into_any()
}

fn card(title: &'static str, name: String, symbol: Symbol, body: AnyView) -> AnyView {
    view! {
        <section class="panel" aria-label=title>
            <header>
                <h2>{title}</h2>
                <span class="tag break">
                    <Icon symbol />
                    {name}
                </span>
            </header>
            <div class="body stack">{body}</div>
        </section>
    }
    .into_any()
}

fn unknown(why: String) -> AnyView {
    view! {
        <p>
            <span class="unknown">"unknown"</span>
        </p>
        <p class="soft break">{why}</p>
    }
    .into_any()
}

/// A record of one of the vector indexes.
fn side(title: &'static str, name: String, symbol: Symbol, reading: Reading<Option<RecordSide>>) -> AnyView {
    let body = match reading {
        Reading::Unknown(why) => unknown(why),
        Reading::Known(None) => view! { <p class="soft">"Not here"</p> }.into_any(),
        Reading::Known(Some(side)) => {
            let RecordSide { vector: dense, sparse_values, text_characters } = side;
            let text = match text_characters {
                Some(characters) => format::counted(characters, "character", "characters"),
                None => "none".to_owned(),
            };
            let sparse = (sparse_values > 0).then(|| {
                view! {
                    <div>
                        <dt>"Sparse values"</dt>
                        <dd>{format::count(u64::from(sparse_values))}</dd>
                    </div>
                }
            });
            let dense = match dense {
                Some(dense) => vector(dense),
                None => view! { <p class="soft">"No dense vector"</p> }.into_any(),
            };
            view! {
                {dense}
                <dl class="facts">
                    <div>
                        <dt>"Text"</dt>
                        <dd>{text}</dd>
                    </div>
                    {sparse}
                </dl>
            }
            .into_any()
        }
    };
    card(title, name, symbol, body)
}

/// The document of the search index.
fn document_side(namespace: &str, reading: Reading<Option<DocumentName>>) -> AnyView {
    let body = match reading {
        Reading::Unknown(why) => unknown(why),
        Reading::Known(None) => view! { <p class="soft">"No document"</p> }.into_any(),
        Reading::Known(Some(DocumentName { index, id })) => {
            let all = links::documents(
                &DocumentScope::Namespaces(vec![namespace.to_owned()]),
                &protocol::Holding::Anything,
            );
            view! {
                <dl class="facts">
                    <div>
                        <dt>"Index"</dt>
                        <dd class="mono break">{index}</dd>
                    </div>
                    <div>
                        <dt>
                            <code>"_id"</code>
                        </dt>
                        <dd class="mono break">{id}</dd>
                    </div>
                </dl>
                <p>
                    <a href=all>"All documents of the namespace"</a>
                </p>
            }
            .into_any()
        }
    };
    card("Elasticsearch", "document".to_owned(), Symbol::Documents, body)
}

#[cfg(test)]
mod tests {
    use protocol::{ChangeKind, RecordKey};

    use super::*;

    fn side(text: bool) -> Reading<Option<RecordSide>> {
        Reading::Known(Some(RecordSide {
            vector: None,
            sparse_values: 0,
            text_characters: text.then_some(5),
        }))
    }

    fn record(source: Reading<Option<RecordSide>>, target: Reading<Option<RecordSide>>) -> RecordView {
        let key = RecordKey {
            key: "title".to_owned(),
            source: None,
            target: None,
            document: None,
            change: Some(ChangeKind::Changed),
            is_added_key: false,
        };
        RecordView {
            namespace: String::new(),
            id: "a".to_owned(),
            source,
            target,
            document: None,
            keys: vec![key],
        }
    }

    #[test]
    fn a_record_is_what_an_analysis_would_call_it() {
        let verdict = |source, target| RecordVerdict::of(&record(source, target));
        assert_eq!(verdict(side(true), side(true)), RecordVerdict::Changed(1));
        assert_eq!(verdict(side(false), side(true)), RecordVerdict::NoText);
        assert_eq!(verdict(side(true), Reading::Known(None)), RecordVerdict::Missing);
        assert_eq!(verdict(Reading::Known(None), side(true)), RecordVerdict::Orphan);
        assert_eq!(verdict(Reading::Known(None), Reading::Known(None)), RecordVerdict::Nowhere);
        let silent = Reading::Unknown("it did not answer".to_owned());
        assert_eq!(verdict(silent, side(true)), RecordVerdict::Unknown);
        let mut same = record(side(false), side(false));
        same.keys.clear();
        assert_eq!(RecordVerdict::of(&same), RecordVerdict::InSync);
    }
}
