//! Elasticsearch Update: what the search index holds, whether it may be written, what an update would do, and its start.
//! The address is the state: a preview can be kept and sent on.

mod asked;
mod form;
mod levels;
mod look;
mod preview;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{DocumentsLook, Reading, SearchIndex, SearchIndexView, UpdatePreview};

use crate::{
    ApiError,
    api::{self, AddMapping},
    browser,
    components::{
        command::Command,
        documents::Naming,
        findings::FindingsPanel,
        icon::{Icon, Symbol},
        notice::{Empty, Notice, Skeleton, Tone},
        pill::{Pill, Standing},
    },
    links,
    pages::not_found::PageError,
};
pub use asked::Asked;
use form::UpdateForm;
use levels::LevelsPanel;
use look::{NamespacesPanel, TotalsPanel};
use preview::PreviewPanel;

/// What the page asks for; each comes when its service answers.
#[derive(Clone, Copy)]
struct Resources {
    look: Resource<Result<DocumentsLook, ApiError>>,
    preview: Resource<Result<Option<UpdatePreview>, ApiError>>,
    naming: Resource<Result<Naming, ApiError>>,
}

/// The page.
#[component]
pub fn ElasticsearchPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of));
    let index = Resource::new(|| (), |()| api::search_index());
    let resources = Resources {
        look: Resource::new(|| (), |()| api::documents_look()),
        preview: Resource::new(move || asked.get(), asked::preview),
        naming: Resource::new(|| (), |()| Naming::read()),
    };
    let mend = ServerAction::<AddMapping>::new();
    Effect::new(move |_| {
        if let Some(Ok(_)) = mend.value().get() {
            index.refetch();
            resources.preview.refetch();
        }
    });
    let refresh = move |_| {
        index.refetch();
        resources.look.refetch();
        resources.preview.refetch();
    };
    view! {
        <Title text="Elasticsearch Update" />
        <header class="head">
            <div>
                <h1>"Elasticsearch Update"</h1>
                <p class="soft">
                    "Gives the documents of the search index the same access level as the records, and lowers none"
                </p>
            </div>
            <button type="button" class="button needs-script" on:click=refresh>
                "Refresh"
            </button>
        </header>
        <Transition fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match index.await {
                    Ok(SearchIndex::Configured(view)) => configured(*view, asked, resources, mend),
                    Ok(SearchIndex::Absent(why)) => absent(why),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// There is no search index.
fn absent(why: String) -> AnyView {
    view! {
        <Empty title="No Elasticsearch index is configured">
            <p>{why}</p>
            <p class="soft">
                "Here its documents will be listed by namespace, with and without the access level, and updated in a run that can be paused, stopped and resumed. Mirroring and re-embedding work without it."
            </p>
            <div class="row">
                <a class="button primary" href=links::CONFIGURATION>
                    "Configuration"
                </a>
                <Command line="tain elasticsearch status" />
            </div>
        </Empty>
    }
    .into_any()
}

fn configured(
    view: SearchIndexView,
    asked: Memo<Asked>,
    resources: Resources,
    mend: ServerAction<AddMapping>,
) -> AnyView {
    let (added, index, numbers) = (view.added.clone(), view.index.clone(), view.numbers.clone());
    let precheck = view.precheck.clone();
    let (form_added, levels_index) = (added.clone(), index.clone());
    let (totals_added, totals_index) = (added.clone(), index.clone());
    let (preview_index, preview_added) = (index.clone(), added.clone());
    let bones = || view! { <Skeleton panels=1 /> };
    let sent = RwSignal::new(false);
    view! {
        <div class="columns level">
            <Transition fallback=bones>
                {move || {
                    let (added, index, numbers) = (totals_added.clone(), totals_index.clone(), numbers.clone());
                    Suspend::new(async move {
                        let look = resources.look.await;
                        view! { <TotalsPanel look numbers added index /> }
                    })
                }}
            </Transition>
            <Connection view naming=resources.naming />
        </div>
        <FindingsPanel precheck added index line=Asked::default().mapping_command() mend />
        {move || view! { <UpdateForm asked=asked.get() added=form_added.clone() sent /> }}
        <div id="preview" class="stack wide" tabindex="-1">
            <Suspense fallback=bones>
                {move || {
                    let (asked, index, configured) = (asked.get(), preview_index.clone(), preview_added.clone());
                    Suspend::new(async move {
                        // Why these are not known stands above. Without the one, a number leads to more documents than
                        // its own; without the other, documents do not lead to their records.
                        let look = resources.look.await.ok();
                        let naming = resources.naming.await.unwrap_or_default();
                        let preview = resources.preview.await;
                        // Whoever asked for it by the form is taken to it, once it is there.
                        if sent.get_untracked() {
                            Effect::new(move |_| {
                                sent.set(false);
                                browser::focus("preview");
                            });
                        }
                        view! { <PreviewPanel asked preview look naming index configured mend /> }
                    })
                }}
            </Suspense>
        </div>
        <Transition fallback=bones>
            {move || {
                Suspend::new(async move {
                    // Why there is no table stands beside the totals.
                    resources.look.await.ok().map(|look| view! { <NamespacesPanel look /> })
                })
            }}
        </Transition>
        <LevelsPanel index=levels_index />
    }
    .into_any()
}

/// Where the search index is, and as whom tain comes.
#[component]
fn Connection(view: SearchIndexView, naming: Resource<Result<Naming, ApiError>>) -> impl IntoView {
    let SearchIndexView { endpoint, index, namespace_field, added, server, identity, precheck, .. } = view;
    let stops = matches!(&precheck, Reading::Known(findings) if !findings.is_clear());
    let pill = match &server {
        Reading::Unknown(_) => view! { <Pill standing=Standing::Unknown /> }.into_any(),
        Reading::Known(_) if stops => view! { <Pill standing=Standing::NeedsAttention /> }.into_any(),
        Reading::Known(_) => view! {
            <span class="pill c-in-sync">
                <Icon symbol=Symbol::Check />
                "Connected"
            </span>
        }
        .into_any(),
    };
    let indices = match precheck {
        Reading::Known(findings) => {
            findings.indices.into_iter().filter(|name| *name != index).collect::<Vec<_>>()
        }
        Reading::Unknown(_) => Vec::new(),
    };
    let behind = (!indices.is_empty())
        .then(|| view! { <small class="break">{format!("is {}", indices.join(", "))}</small> });
    let is_plain = endpoint.starts_with("http://")
        && !["127.0.0.1", "localhost", "[::1]"].iter().any(|host| endpoint[7..].starts_with(host));
    let plain = is_plain.then(|| view! { <small class="c-attention alarming">"not encrypted"</small> });
    let server = match server {
        Reading::Known(server) => server.into_any(),
        Reading::Unknown(why) => unknown(why),
    };
    let identity = match identity {
        Reading::Known(Some(name)) => name.into_any(),
        Reading::Known(None) => view! { <span class="faint">"the server does not say"</span> }.into_any(),
        Reading::Unknown(why) => unknown(why),
    };
    let checked = move || {
        Suspend::new(async move {
            match naming.await {
                Ok(naming) if !naming.believes_any_certificate => ().into_any(),
                Ok(_) => view! {
                    <Notice tone=Tone::Attention title="Any certificate is believed">
                        "Whoever sits between can read the key and change what is written. Set "
                        <code>"ELASTICSEARCH_CA_CERT"</code> " and take " <code>"ELASTICSEARCH_VERIFY_CERTS"</code>
                        " away."
                    </Notice>
                }
                .into_any(),
                Err(error) => view! {
                    <Notice tone=Tone::Attention title="The settings could not be read">
                        {error.to_string()}
                        " So it is unknown whether certificates are checked."
                    </Notice>
                }
                .into_any(),
            }
        })
    };
    view! {
        <section class="panel" aria-labelledby="connection">
            <header>
                <h2 id="connection">"Connection"</h2>
                {pill}
            </header>
            <div class="body stack">
                <Transition>{checked}</Transition>
                <dl class="facts">
                    <div>
                        <dt>"Index"</dt>
                        <dd class="break">{index} {behind}</dd>
                    </div>
                    <div>
                        <dt>"Server"</dt>
                        <dd class="break">{server}</dd>
                    </div>
                    <div>
                        <dt>"Endpoint"</dt>
                        <dd class="break">{endpoint} {plain}</dd>
                    </div>
                    <div>
                        <dt>"Key"</dt>
                        <dd class="break">{identity}</dd>
                    </div>
                    <div>
                        <dt>"Namespace field"</dt>
                        <dd>
                            <code class="break">{namespace_field}</code>
                        </dd>
                    </div>
                    <div>
                        <dt>"Adds"</dt>
                        <dd>
                            <code class="break">{format!("{}: {}", added.key, added.value)}</code>
                        </dd>
                    </div>
                </dl>
                <Command line="tain elasticsearch status" />
            </div>
        </section>
    }
    .into_any()
}

/// The word, with its reason where everybody can read it.
fn unknown(why: String) -> AnyView {
    view! {
        <span class="unknown">"unknown"</span>
        <small>{why}</small>
    }
    .into_any()
}
