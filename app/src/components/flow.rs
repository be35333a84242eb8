//! The pipeline as it is: three stages, what waits between them, and who holds the pace.

use leptos::prelude::*;
use protocol::{Flow, Pacing, Stage};

use crate::{clock::Clock, live::Live};

/// The three stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Fetch,
    Embed,
    Upsert,
}

/// Who holds the pace: whoever is paced, or else the stage before which the most records wait.
fn holder(flow: &Flow, pacing: &[Pacing]) -> Option<Place> {
    if let Some(pacing) = pacing.first() {
        return match pacing.service.as_str() {
            "gemini" => Some(Place::Embed),
            "target" => Some(Place::Upsert),
            _ => Some(Place::Fetch),
        };
    }
    if flow.embed.waiting == 0 && flow.upsert.waiting == 0 {
        return (flow.fetch.in_flight > 0).then_some(Place::Fetch);
    }
    Some(if flow.upsert.waiting > flow.embed.waiting { Place::Upsert } else { Place::Embed })
}

/// `2 in flight, 118 ms each`.
fn activity(stage: Stage, paced: bool) -> String {
    let mut text = match (stage.in_flight, paced) {
        (0, true) => "paced".to_owned(),
        (0, false) => "idle".to_owned(),
        (some, true) => format!("paced, {} in flight", format::count(some)),
        (some, false) => format!("{} in flight", format::count(some)),
    };
    if stage.millis > 0 {
        text.push_str(&format!(", {} ms each", format::count(stage.millis)));
    }
    text
}

/// The strip; its header says in words who holds the pace.
#[component]
pub fn FlowStrip(
    /// The run.
    live: Live,
) -> impl IntoView {
    let clock = Clock::of_page();
    let (source, target) =
        live.view.with_untracked(|view| (view.head.source.clone(), view.head.target.clone()));
    let flow = Memo::new(move |_| live.view.with(|view| view.progress.flow));
    let pacing = Memo::new(move |_| live.view.with(|view| view.progress.pacing.clone()));
    let held = Memo::new(move |_| pacing.with(|pacing| holder(&flow.get(), pacing)));
    let message = move || {
        pacing.with(|pacing| match pacing.first() {
            Some(pacing) => waited_for(pacing, clock, live),
            None => match held.get() {
                Some(Place::Fetch) => "reading holds the pace".to_owned(),
                Some(Place::Embed) => "embedding holds the pace".to_owned(),
                Some(Place::Upsert) => "writing holds the pace".to_owned(),
                None => String::new(),
            },
        })
    };
    let others = move || {
        let others = pacing.with(|pacing| pacing.iter().skip(1).cloned().collect::<Vec<_>>());
        (!others.is_empty()).then(|| view! { <WaitList waits=others live /> })
    };
    let stage = move |place: Place, name: &'static str, whose: String, of: fn(Flow) -> Stage| {
        let class = move || if held.get() == Some(place) { "stage holds c-attention" } else { "stage" };
        let activity = move || {
            let paced = held.get() == Some(place) && pacing.with(|pacing| !pacing.is_empty());
            activity(of(flow.get()), paced)
        };
        view! {
            <div class=class>
                <b>{name}</b>
                <small class="break">{whose}</small>
                <small>{activity}</small>
            </div>
        }
    };
    let queue = move |of: fn(Flow) -> Stage| {
        view! {
            <div class="queue">
                <span class="visually-hidden">"waiting: "</span>
                {move || format::count(of(flow.get()).waiting)}
                <span aria-hidden="true">" →"</span>
            </div>
        }
    };
    view! {
        <section class="panel" aria-labelledby="flow">
            <header>
                <h2 id="flow">"Flow"</h2>
                <span class="soft">{message}</span>
            </header>
            <div class="body flow">
                {stage(Place::Fetch, "Fetch", format!("from {source}"), |flow| flow.fetch)}
                {queue(|flow| flow.embed)}
                {stage(Place::Embed, "Embed", "Gemini".to_owned(), |flow| flow.embed)}
                {queue(|flow| flow.upsert)}
                {stage(Place::Upsert, "Upsert", format!("to {target}"), |flow| flow.upsert)}
            </div>
            {others}
        </section>
    }
}

/// What a run waits for, for one that has no pipeline to show; nothing while it waits for nothing.
#[component]
pub fn Waits(
    /// The run.
    live: Live,
) -> impl IntoView {
    let pacing = Memo::new(move |_| live.view.with(|view| view.progress.pacing.clone()));
    move || {
        let waits = pacing.get();
        (!waits.is_empty()).then(|| {
            view! {
                <section class="panel" aria-label="What is waited for">
                    <WaitList waits live />
                </section>
            }
        })
    }
}

#[component]
fn WaitList(waits: Vec<Pacing>, live: Live) -> impl IntoView {
    let clock = Clock::of_page();
    let items = waits
        .into_iter()
        .map(|pacing| view! { <li>{move || waited_for(&pacing, clock, live)}</li> })
        .collect_view();
    view! { <ul class="body plain soft">{items}</ul> }
}

/// `Gemini: 2,950 of 3,000 texts this minute, next in 4 s`.
fn waited_for(pacing: &Pacing, clock: Clock, live: Live) -> String {
    let Pacing { message, until, .. } = pacing;
    let now = clock.now().max(live.view.with(|view| view.updated_at));
    match until.saturating_sub(now).div_ceil(1_000) {
        0 => message.clone(),
        seconds => format!("{message}, next in {}", format::span(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_paced_holds_the_pace_and_then_the_longest_queue() {
        let mut flow = Flow::default();
        assert_eq!(holder(&flow, &[]), None);
        flow.fetch.in_flight = 2;
        assert_eq!(holder(&flow, &[]), Some(Place::Fetch));
        flow.embed.waiting = 300;
        assert_eq!(holder(&flow, &[]), Some(Place::Embed));
        let paced = Pacing { service: "target".to_owned(), message: String::new(), until: 0 };
        assert_eq!(holder(&flow, &[paced]), Some(Place::Upsert));
    }
}
