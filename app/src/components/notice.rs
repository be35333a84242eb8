//! Messages, empty places and places that are still loading.

use leptos::prelude::*;

use crate::components::icon::{Icon, Symbol};

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Info,
    /// All is well.
    Good,
    /// Worth a look before going on.
    Attention,
    /// Something failed.
    Failed,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Info => "notice c-accent",
            Self::Good => "notice c-in-sync",
            Self::Attention => "notice c-attention",
            Self::Failed => "notice c-failed",
        }
    }

    const fn symbol(self) -> Symbol {
        match self {
            Self::Info => Symbol::Info,
            Self::Good => Symbol::Check,
            Self::Attention => Symbol::Warning,
            Self::Failed => Symbol::Cross,
        }
    }
}

/// A message across the page.
#[component]
pub fn Notice(
    /// How it is meant.
    tone: Tone,
    /// Its first line.
    #[prop(into)]
    title: String,
    /// What is still true and what to do.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    // What failed is read out at once; the rest waits until the reader pauses.
    let role = if tone == Tone::Failed { "alert" } else { "status" };
    view! {
        <div class=tone.class() role=role>
            <Icon symbol=tone.symbol() />
            <div class="notice-text">
                <strong>{title}</strong>
                {children.map(|children| view! { <div class="soft">{children()}</div> })}
            </div>
        </div>
    }
}

/// A place that has nothing to show yet: what will be here, and the one thing that fills it.
#[component]
pub fn Empty(
    /// What will be here.
    #[prop(into)]
    title: String,
    /// More words, and the one button.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="panel empty">
            <h2>{title}</h2>
            {children()}
        </section>
    }
}

/// The outline of a page that is still loading.
#[component]
pub fn Skeleton(
    /// How many panels the page will have.
    #[prop(default = 2)]
    panels: usize,
) -> impl IntoView {
    let panel = || {
        view! {
            <div class="panel skeleton">
                <span class="bone short"></span>
                <span class="bone"></span>
                <span class="bone"></span>
                <span class="bone medium"></span>
            </div>
        }
    };
    view! {
        <div class="skeletons" role="status">
            <span class="visually-hidden">"Loading"</span>
            {(0..panels).map(|_| panel()).collect_view()}
        </div>
    }
}
