//! The pages, their addresses and the frame around them.

mod check;
mod compare;
mod configuration;
mod dashboard;
pub(crate) mod design;
mod documents;
mod elasticsearch;
mod frame;
mod log;
mod mirror;
mod not_found;
mod record;
mod records;
mod reembed;
mod run;
mod runs;
mod schedule;
mod schedules;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};
use protocol::Overview;

use crate::{ApiError, api, browser, clock::Clock, markup::text_only};
use check::CheckPage;
use compare::ComparePage;
use configuration::ConfigurationPage;
use dashboard::DashboardPage;
use design::DesignPage;
use documents::DocumentsPage;
use elasticsearch::ElasticsearchPage;
use frame::Frame;
use log::WholeLogPage;
use mirror::MirrorPage;
use not_found::NotFound;
use record::RecordPage;
use records::RecordsPage;
use reembed::ReembedPage;
use run::RunPage;
use runs::RunsPage;
use schedule::SchedulePage;
use schedules::SchedulesPage;

/// Both indexes and the settings, asked for once and shown by the frame and the pages.
pub type OverviewResource = Resource<Result<Overview, ApiError>>;

/// The whole app: what the server renders into `<body>` and the browser hydrates.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Clock::provide();
    let overview: OverviewResource = Resource::new(|| (), |()| api::overview());
    provide_context(overview);
    // Everything is waited for, so that a page has the right status and is whole without a script. A service that does
    // not answer holds it up for the few seconds after which its numbers are shown as unknown.
    view! {
        <Title formatter=whole_title />
        <Router>
            <Frame>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=DashboardPage ssr=SsrMode::Async />
                    <Route path=path!("/check") view=CheckPage ssr=SsrMode::Async />
                    <Route path=path!("/record") view=RecordPage ssr=SsrMode::Async />
                    <Route path=path!("/design") view=DesignPage ssr=SsrMode::Async />
                    <Route path=path!("/mirror") view=MirrorPage ssr=SsrMode::Async />
                    <Route path=path!("/reembed") view=ReembedPage ssr=SsrMode::Async />
                    <Route path=path!("/elasticsearch") view=ElasticsearchPage ssr=SsrMode::Async />
                    <Route path=path!("/elasticsearch/documents") view=DocumentsPage ssr=SsrMode::Async />
                    <Route path=path!("/configuration") view=ConfigurationPage ssr=SsrMode::Async />
                    <Route path=path!("/runs") view=RunsPage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id") view=RunPage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id/compare") view=ComparePage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id/log") view=WholeLogPage ssr=SsrMode::Async />
                    <Route path=path!("/schedules") view=SchedulesPage ssr=SsrMode::Async />
                    <Route path=path!("/schedules/:id") view=SchedulePage ssr=SsrMode::Async />
                    <Route
                        path=path!("/runs/:id/records/:category")
                        view=RecordsPage
                        ssr=SsrMode::Async
                    />
                </Routes>
            </Frame>
        </Router>
    }
}

/// A page's title with the product's name behind it.
fn whole_title(title: String) -> String {
    text_only(if title.is_empty() { "tain".to_owned() } else { format!("{title} · tain") })
}

/// How often a list is asked for again while a run in it is at work, in milliseconds.
const REFRESH: u64 = 2_000;

/// Asks again every two seconds for as long as the page says that a run is at work.
fn while_at_work(ask_again: impl Fn() + Copy + 'static) -> RwSignal<bool> {
    let at_work = RwSignal::new(false);
    Effect::new(move |_| {
        browser::every(REFRESH, move || {
            if at_work.get_untracked() {
                ask_again();
            }
        });
    });
    at_work
}

/// Gives the page a status. Only the server has one to give, and only before it sends the first byte.
fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(status))
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
