//! Colours, type, spacing, icons.

use leptos::prelude::*;

use super::catalogue::{Group, Specimen};
use crate::components::icon::{Icon, Symbol};

/// The tokens of colours that are states, by the class that sets them.
const STATES: [(&str, &str); 7] = [
    ("c-in-sync", "--in-sync: nothing is left to do"),
    ("c-migrate", "--migrate: in the source only"),
    ("c-update", "--update: differs"),
    ("c-attention", "--attention: worth a look"),
    ("c-failed", "--failed: refused"),
    ("c-unknown", "--unknown: nobody knows, or nobody acts"),
    ("c-accent", "--accent: what can be done, and what is moving"),
];

const SURFACES: [(&str, &str); 3] = [
    ("on-ground", "--ground: the page"),
    ("on-surface", "--surface: a panel"),
    ("on-raised", "--raised: within a panel"),
];

const SYMBOLS: [(Symbol, &str); 28] = [
    (Symbol::Dashboard, "Dashboard"),
    (Symbol::Search, "Search"),
    (Symbol::Mirror, "Mirror"),
    (Symbol::Reembed, "Reembed"),
    (Symbol::Documents, "Documents"),
    (Symbol::Settings, "Settings"),
    (Symbol::Design, "Design"),
    (Symbol::Runs, "Runs"),
    (Symbol::Lock, "Lock"),
    (Symbol::Pen, "Pen"),
    (Symbol::Check, "Check"),
    (Symbol::Cross, "Cross"),
    (Symbol::Warning, "Warning"),
    (Symbol::Info, "Info"),
    (Symbol::Turning, "Turning"),
    (Symbol::Changes, "Changes"),
    (Symbol::Question, "Question"),
    (Symbol::Stop, "Stop"),
    (Symbol::Pause, "Pause"),
    (Symbol::Interrupted, "Interrupted"),
    (Symbol::Schedule, "Schedule"),
    (Symbol::Up, "Up"),
    (Symbol::Down, "Down"),
    (Symbol::Copy, "Copy"),
    (Symbol::Download, "Download"),
    (Symbol::Light, "Light"),
    (Symbol::Dark, "Dark"),
    (Symbol::System, "System"),
];

/// What everything else stands on.
pub fn group() -> Group {
    let states = STATES
        .map(|(class, name)| {
            view! {
                <li class=class>
                    <span class="swatch"></span>
                    <span class="tinted">{name}</span>
                </li>
            }
        })
        .collect_view();
    let surfaces =
        SURFACES.map(|(class, name)| view! { <li class=format!("sheet {class}")>{name}</li> }).collect_view();
    let icons =
        SYMBOLS.map(|(symbol, name)| view! { <li><Icon symbol /> <span>{name}</span></li> }).collect_view();
    Group {
        name: "Foundations",
        specimens: vec![
            Specimen::new(
                "Colours of states",
                "One hue per state, the same everywhere. A class sets --c; components draw with --c, --c-text, --c-wash and --c-edge. Never the only signal: a word, a sign or an icon stands with it.",
                r#"<span class="c-update tinted">"2 differ"</span>"#,
                view! { <ul class="swatches">{states}</ul> },
            ),
            Specimen::new(
                "Surfaces",
                "They step from the page's ground to what lies on top of it. Lines part what has the same surface.",
                "background: var(--surface);",
                view! { <ul class="sheets">{surfaces}</ul> },
            ),
            Specimen::new(
                "Type",
                "One heading a page, one a panel. Numbers have tabular figures; what is copied is set in --mono.",
                r#"<p class="soft">"Said beside it"</p>"#,
                view! {
                    <div class="stack">
                        // A heading of the page's rank would be a second one: its class looks the same.
                        <p class="title">"Mirror " <span class="mono">"help-centre"</span></p>
                        <p>"Text: 1,204 of 18,120 records need work"</p>
                        <p class="soft">"Soft: said beside it"</p>
                        <p class="faint">"Faint: units, times, notes"</p>
                        <p><code>"doc-00412#7"</code></p>
                        <p><a href="/">"A link"</a></p>
                    </div>
                },
            ),
            Specimen::new(
                "Icons",
                "Drawn on a grid of 24 with the text's colour. Hidden from screen readers, so a word must be there.",
                "<Icon symbol=Symbol::Check />",
                view! { <ul class="symbols">{icons}</ul> },
            ),
        ],
    }
}
