//! What the pages are made of.

pub mod chart;
pub mod command;
pub mod counters;
pub mod dialog;
pub mod failures;
pub mod flow;
pub mod icon;
pub mod log;
pub mod notice;
pub mod parts;
pub mod pill;
pub mod plan;
pub mod requests;
pub mod run_body;
pub mod start;
pub mod stepper;
pub mod steps;
pub mod verification;

use leptos::prelude::*;
use protocol::{Category, Reading, RunId};

use crate::{format, links};

/// A count that leads to its records (law 13); nothing leads nowhere.
#[component]
pub fn Count(
    /// The run that counted.
    run: RunId,
    /// What was counted.
    category: Category,
    /// How many.
    number: u64,
) -> impl IntoView {
    let text = format::count(number);
    if number == 0 {
        text.into_any()
    } else {
        view! { <a href=links::records(&run, category)>{text}</a> }.into_any()
    }
}

/// A number that was read, or the word *unknown* with the reason in its tooltip.
#[component]
pub fn Read(
    /// What was read. `None` within means that there is nothing to count.
    reading: Reading<Option<u64>>,
    /// What stands for `None`.
    absent: &'static str,
) -> impl IntoView {
    match reading {
        Reading::Known(Some(number)) => format::count(number).into_any(),
        Reading::Known(None) => view! { <span class="faint">{absent}</span> }.into_any(),
        Reading::Unknown(reason) => view! {
            <span class="unknown" title=reason>
                "unknown"
            </span>
        }
        .into_any(),
    }
}

/// How a category is called, coloured and signed.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Its name.
    pub label: &'static str,
    /// Its sign: `=`, `+`, `~`, `!`, `?`.
    pub sign: char,
    /// The class that sets its colour.
    pub class: &'static str,
}

/// The one look of a category, on every page.
pub const fn look(category: Category) -> Look {
    let (label, sign, class) = match category {
        Category::InSync => ("In sync", '=', "c-in-sync"),
        Category::Missing => ("To migrate", '+', "c-migrate"),
        Category::Changed => ("To update", '~', "c-update"),
        Category::NoText => ("No text", '!', "c-attention"),
        Category::Orphan => ("Only in target", '?', "c-unknown"),
        Category::Kept => ("Kept value", '=', "c-attention"),
        Category::OverLong => ("Over-long text", '!', "c-attention"),
        Category::Failed => ("Failed", '×', "c-failed"),
        Category::Migrated => ("Migrated", '+', "c-migrate"),
        Category::Updated => ("Updated", '~', "c-update"),
        Category::Gone => ("Gone from the source", '−', "c-attention"),
        Category::Moved => ("Not as planned", '≠', "c-attention"),
    };
    Look { label, sign, class }
}

/// What the default namespace is called; every other one is called by its name.
pub fn namespace_name(namespace: &str) -> &str {
    if namespace.is_empty() { "__default__" } else { namespace }
}
