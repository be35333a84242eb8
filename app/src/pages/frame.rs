//! What stands around every page: the sidebar with the pages, the two indexes and the theme.

use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_location};
use protocol::{IndexView, Overview, Reading};

use crate::{
    browser,
    components::icon::{Icon, Symbol},
    links,
    pages::OverviewResource,
    theme::ThemeSwitch,
};

/// The pages in the order of the sidebar.
const PAGES: &[(&str, &str, Symbol)] = &[
    (links::DASHBOARD, "Dashboard", Symbol::Dashboard),
    (links::CHECK, "Check Namespace", Symbol::Search),
    (links::MIRROR, "Namespace Mirroring", Symbol::Mirror),
    (links::REEMBED, "Re-embedding", Symbol::Reembed),
    (links::ELASTICSEARCH, "Elasticsearch Update", Symbol::Documents),
    (links::RUNS, "Runs", Symbol::Runs),
    (links::SCHEDULES, "Schedules", Symbol::Schedule),
    (links::CONFIGURATION, "Configuration", Symbol::Settings),
];

/// Sidebar and page.
#[component]
pub fn Frame(
    /// The page.
    children: Children,
) -> impl IntoView {
    // Whoever comes to another page by the keyboard goes on from its beginning, and is told where they are. What a filter
    // or a page of a list changes in the address moves nobody.
    let location = use_location();
    Effect::new(move |before: Option<(String, Option<String>)>| {
        let now = (location.pathname.get(), location.query.with(|query| query.get("run")));
        if before.is_some_and(|before| before != now) {
            browser::focus_in_place("page");
        }
        now
    });
    view! {
        // The router takes the click, and would move the page but not the focus.
        <a class="skip" href="#page" on:click=move |_| browser::focus("page")>
            "Skip to the page"
        </a>
        <div class="frame">
            <aside class="sidebar">
                <div class="brand-row">
                    <A href=links::DASHBOARD exact=true attr:class="brand">
                        <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true">
                            <rect
                                x="3"
                                y="3"
                                width="18"
                                height="18"
                                rx="5"
                                fill="none"
                                stroke="currentColor"
                                stroke-width="1.8"
                            />
                            <path d="M12 3h4a5 5 0 0 1 5 5v8a5 5 0 0 1-5 5h-4z" fill="currentColor" />
                        </svg>
                        "tain"
                    </A>
                    <InSandbox>
                        <span class="tag" title="No real service is used">
                            "sandbox"
                        </span>
                    </InSandbox>
                </div>
                <nav class="nav" aria-label="Pages">
                    <ul>
                        {PAGES
                            .iter()
                            .map(|&(href, name, symbol)| view! { <PageLink href name symbol /> })
                            .collect_view()}
                        // For those who build screens: nobody takes it for a page of the product.
                        <InSandbox>
                            <PageLink href=links::DESIGN name="Design system" symbol=Symbol::Design />
                        </InSandbox>
                    </ul>
                </nav>
                <MirrorCard />
                <ThemeSwitch />
            </aside>
            <main class="page" id="page" tabindex="-1">
                {children()}
            </main>
        </div>
    }
}

/// One page of the sidebar.
#[component]
fn PageLink(href: &'static str, name: &'static str, symbol: Symbol) -> impl IntoView {
    // Every address begins with the dashboard's.
    let exact = href == links::DASHBOARD;
    view! {
        <li>
            <A href=href exact=exact>
                <Icon symbol />
                {name}
            </A>
        </li>
    }
    .into_any()
}

/// What is there only where no real service is used.
#[component]
fn InSandbox(children: ChildrenFn) -> impl IntoView {
    let overview = expect_context::<OverviewResource>();
    view! {
        <Transition>
            {move || {
                let children = children.clone();
                Suspend::new(async move {
                    overview.await.is_ok_and(|overview| overview.sandbox).then(|| children())
                })
            }}
        </Transition>
    }
    .into_any()
}

/// Source above, target below, the mirror line between them.
#[component]
fn MirrorCard() -> impl IntoView {
    let overview = expect_context::<OverviewResource>();
    let bones = || {
        view! {
            <div class="mirror-card skeleton" aria-hidden="true">
                <span class="bone short"></span>
                <span class="bone"></span>
                <span class="bone short"></span>
                <span class="bone"></span>
            </div>
        }
    };
    view! {
        <Transition fallback=bones>
            {move || Suspend::new(async move {
                match overview.await {
                    Ok(overview) => view! { <Indexes overview /> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="mirror-card">
                                <div class="c-failed alarming">{error.to_string()}</div>
                            </div>
                        }
                            .into_any()
                    }
                }
            })}
        </Transition>
    }
}

#[component]
fn Indexes(overview: Overview) -> impl IntoView {
    let Overview { source, target, model, dimensions, added, .. } = overview;
    view! {
        <div class="mirror-card">
            <div>
                <span class="who">
                    <span>"Source"</span>
                    <span>
                        <Icon symbol=Symbol::Lock />
                        "read-only"
                    </span>
                </span>
                <b>{source.name.clone()}</b>
                <Shape index=source />
            </div>
            <div>
                <span class="who">
                    <span>"Target"</span>
                    <span>
                        <Icon symbol=Symbol::Pen />
                        "writable"
                    </span>
                </span>
                <b>{target.name.clone()}</b>
                <Shape index=target />
                <span class="soft break">
                    {format!("{model} · {}", format::count(u64::from(dimensions)))}
                </span>
                <span class="soft break">
                    "adds " <code>{format!("{}: {}", added.key, added.value)}</code>
                </span>
            </div>
        </div>
    }
}

/// Dimensions, metric and record count of an index, as far as they could be read.
#[component]
fn Shape(index: IndexView) -> impl IntoView {
    let shape = match (index.dimension, index.metric) {
        (Reading::Known(dimension), Reading::Known(metric)) => {
            let dimension = dimension.map_or_else(
                || "sparse".to_owned(),
                |n| format!("{} dimensions", format::count(u64::from(n))),
            );
            view! { <span class="soft">{format!("{dimension} · {metric}")}</span> }.into_any()
        }
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => view! {
            <span class="unknown">
                "unknown: "
                {why}
            </span>
        }
        .into_any(),
    };
    let records = match index.records {
        Reading::Known(records) => {
            view! { <span class="soft">{format::counted(records, "record", "records")}</span> }.into_any()
        }
        Reading::Unknown(why) => view! {
            <span class="unknown" title=why>
                "records unknown"
            </span>
        }
        .into_any(),
    };
    view! {
        {shape}
        {records}
    }
}
