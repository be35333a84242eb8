//! The time on the pages.
//!
//! The first render uses the server's clock, which travels in the page, and UTC; after hydration the browser's clock and
//! time zone take over, a second at a time.

use leptos::prelude::*;

use crate::browser;

/// The page's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    now: RwSignal<u64>,
    /// Whether the reader's time zone may be used: not during the first render.
    local: RwSignal<bool>,
}

impl Clock {
    /// Starts the clock; called once, by `App`.
    pub fn provide() {
        let now = SharedValue::new(server_now).into_inner();
        let clock = Self { now: RwSignal::new(now), local: RwSignal::new(false) };
        Effect::new(move |_| {
            clock.local.set(true);
            let tick = move || {
                if let Some(now) = browser::now() {
                    clock.now.set(now);
                }
            };
            tick();
            browser::every(1_000, tick);
        });
        provide_context(clock);
    }

    /// The page's clock, from within `App`.
    pub fn of_page() -> Self {
        expect_context()
    }

    /// Milliseconds since 1970; changes every second.
    pub fn now(self) -> u64 {
        self.now.get()
    }

    /// How long ago a moment was.
    pub fn ago(self, at: u64) -> String {
        format::ago(self.now.get(), at)
    }

    /// How long until a moment, or how long ago it was.
    pub fn distance(self, at: u64) -> String {
        let now = self.now.get();
        if at > now { format::ahead(now, at) } else { format::ago(now, at) }
    }

    /// Date and time where the reader is, or in UTC before that is known.
    pub fn date_time(self, at: u64) -> String {
        if self.local.get() {
            format::date_time(at, browser::offset(at))
        } else {
            format!("{} UTC", format::date_time(at, 0))
        }
    }

    /// The time of day where the reader is, or in UTC before that is known.
    pub fn time_of_day(self, at: u64) -> String {
        format::time_of_day(at, if self.local.get() { browser::offset(at) } else { 0 })
    }
}

fn server_now() -> u64 {
    #[cfg(feature = "ssr")]
    if let Some(crate::ServerClock(now)) = use_context() {
        return now();
    }
    0
}

/// A moment that matters by itself: date and time, and how far away it is.
#[component]
pub fn Moment(
    /// Milliseconds since 1970, UTC.
    at: u64,
) -> impl IntoView {
    let clock = Clock::of_page();
    view! {
        <time datetime=format::machine_time(at)>{move || clock.date_time(at)}</time>
        " ("
        {move || clock.distance(at)}
        ")"
    }
}

/// How long until a moment, or since; the absolute time stands in the tooltip.
#[component]
pub fn Distance(
    /// Milliseconds since 1970, UTC.
    at: u64,
) -> impl IntoView {
    let clock = Clock::of_page();
    view! {
        <time datetime=format::machine_time(at) title=move || clock.date_time(at)>
            {move || clock.distance(at)}
        </time>
    }
}

/// How long ago a moment was; the absolute time stands in the tooltip.
#[component]
pub fn Ago(
    /// Milliseconds since 1970, UTC.
    at: u64,
) -> impl IntoView {
    let clock = Clock::of_page();
    view! {
        <time datetime=format::machine_time(at) title=move || clock.date_time(at)>
            {move || clock.ago(at)}
        </time>
    }
}

/// The time of day of a moment; the date stands in the tooltip.
#[component]
pub fn TimeOfDay(
    /// Milliseconds since 1970, UTC.
    at: u64,
) -> impl IntoView {
    let clock = Clock::of_page();
    view! {
        <time datetime=format::machine_time(at) title=move || clock.date_time(at)>
            {move || clock.time_of_day(at)}
        </time>
    }
}
