//! The whole log of a run, oldest lines first, in pages.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::{LogLevel, LogPage, LogQuery, PageQuery, RunId};

use crate::{
    api,
    components::{
        log::{LogFiles, LogItem},
        notice::Skeleton,
        paging::{Pager, part},
    },
    links,
    pages::not_found::PageError,
};

/// Lines on a page.
const LINES: u32 = 1_000;

/// The words of the levels in the address, and on the page.
const LEVELS: [(&str, &str, Option<LogLevel>); 3] = [
    ("", "All lines", None),
    ("warn", "Warnings and errors", Some(LogLevel::Warn)),
    ("error", "Errors", Some(LogLevel::Error)),
];

/// Loads the lines that the address names.
#[component]
pub fn WholeLogPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let id = Memo::new(move |_| params.with(|params| RunId(params.get("id").unwrap_or_default())));
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let word = query.get("level").unwrap_or_default();
            let level = LEVELS.into_iter().find(|(of_level, ..)| *of_level == word).unwrap_or(LEVELS[0]);
            let search = query.get("search").unwrap_or_default();
            (
                level.0,
                LogQuery {
                    level: level.2,
                    page: PageQuery { search, after: query.get("after"), limit: LINES },
                },
            )
        })
    });
    let lines = Resource::new_blocking(
        move || (id.get(), asked.get().1),
        |(run, query)| async move { api::log(run, query).await },
    );
    view! {
        <Transition fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                match lines.await {
                    Ok(page) => {
                        let (level, query) = asked.get_untracked();
                        view! { <Lines run=id.get_untracked() level query=query.page page /> }.into_any()
                    }
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Lines(run: RunId, level: &'static str, query: PageQuery, page: LogPage) -> impl IntoView {
    let address = links::log(&run);
    let levels = LEVELS
        .map(|(word, label, _)| view! { <option value=word selected=word == level>{label}</option> })
        .collect_view();
    let shown = page.lines.len();
    let counted = format::counted(shown as u64, "line", "lines");
    let later = query.after.is_some();
    let heading = part(&counted, later, page.next.is_some());
    let lines = page.lines.into_iter().map(|line| view! { <LogItem line /> }).collect_view();
    let narrowed = links::with_any(&links::with_any(&address, "level", level), "search", &query.search);
    view! {
        <Title text=format!("Log, run {run}") />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::RUNS>"Runs"</a>
                    " / "
                    <a class="break" href=links::run(&run)>
                        {run.0.clone()}
                    </a>
                </p>
                <h1>"Log"</h1>
                <p class="soft">"The whole log, oldest lines first"</p>
            </div>
        </header>
        <section class="panel" aria-labelledby="lines">
            <header>
                <h2 id="lines">{heading}</h2>
                <div class="row">
                    <form method="get" action=address role="search" class="row search">
                        <select name="level" aria-label="Level">
                            {levels}
                        </select>
                        <input
                            type="search"
                            name="search"
                            class="small"
                            placeholder="Search"
                            aria-label="Search the log"
                            value=query.search
                        />
                        <button type="submit" class="button small">
                            "Show"
                        </button>
                    </form>
                    <LogFiles run />
                </div>
            </header>
            <ol class="log whole" tabindex="0" aria-label="Log lines">
                {lines}
                {(shown == 0).then(|| view! { <li class="nothing faint">"No line to show"</li> })}
            </ol>
        </section>
        <Pager address=narrowed later next=page.next label="Newer lines" />
    }
}
