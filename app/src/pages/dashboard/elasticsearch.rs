//! The search index on the dashboard: is it there, and how many of its documents hold the added field.

use leptos::prelude::*;
use protocol::{DocumentNumbers, DocumentScope, Holding, Reading, SearchIndex, SearchIndexView};

use crate::{
    api,
    components::{
        icon::{Icon, Symbol},
        pill::{Pill, Standing},
    },
    links,
};

use super::{Bones, command_foot};

/// The panel.
#[component]
pub fn SearchPanel() -> impl IntoView {
    let index = Resource::new(|| (), |()| api::search_index());
    view! {
        <Transition fallback=|| {
            view! { <Bones /> }
        }>
            {move || Suspend::new(async move {
                match index.await {
                    Ok(SearchIndex::Configured(view)) => configured(*view),
                    Ok(SearchIndex::Absent(why)) => absent(why),
                    Err(error) => {
                        panel(
                            view! { <Pill standing=Standing::Unknown /> }.into_any(),
                            view! { <p class="body c-failed alarming">{error.to_string()}</p> }.into_any(),
                        )
                    }
                }
            })}
        </Transition>
    }
    .into_any()
}

fn panel(state: AnyView, body: AnyView) -> AnyView {
    view! {
        <section class="panel" aria-labelledby="search-index">
            <header>
                <h2 id="search-index">
                    <a href=links::ELASTICSEARCH>"Elasticsearch"</a>
                </h2>
                {state}
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// Nothing is wrong with a search index that nobody has set up.
fn absent(why: String) -> AnyView {
    panel(
        view! { <span class="tag">"not configured"</span> }.into_any(),
        view! {
            <div class="body stack">
                <p class="soft break">{why}</p>
                <p class="soft">"The two vector indexes are mirrored without it."</p>
                <a href=links::CONFIGURATION>"Configuration"</a>
            </div>
        }
        .into_any(),
    )
}

fn configured(view: SearchIndexView) -> AnyView {
    let SearchIndexView { endpoint, index, added, server, numbers, .. } = view;
    let state = match &server {
        Reading::Known(_) => view! {
            <span class="pill c-in-sync">
                <Icon symbol=Symbol::Check />
                "Connected"
            </span>
        }
        .into_any(),
        Reading::Unknown(_) => view! { <Pill standing=Standing::Unknown /> }.into_any(),
    };
    let server = match server {
        Reading::Known(server) => format!("{server} at {endpoint}"),
        Reading::Unknown(why) => format!("{endpoint}: {why}"),
    };
    let numbers = match numbers {
        Reading::Known(numbers) => with_field(numbers, &added.key),
        Reading::Unknown(why) => view! {
            <div class="figure">
                <b class="unknown">"unknown"</b>
                <span>{why}</span>
            </div>
        }
        .into_any(),
    };
    panel(
        state,
        view! {
            <div class="body stack">
                {numbers} <p class="soft break">"Index " <code>{index}</code> " · " {server}</p>
            </div>
            {command_foot("tain elasticsearch status".to_owned())}
        }
        .into_any(),
    )
}

/// Tenths of a percent, rounded down: 100 % means all.
pub(super) fn tenths(part: u64, whole: u64) -> Option<u64> {
    (whole > 0)
        .then(|| u64::try_from(u128::from(part.min(whole)) * 1_000 / u128::from(whole)).unwrap_or(1_000))
}

fn with_field(numbers: DocumentNumbers, key: &str) -> AnyView {
    let Some(share) = tenths(numbers.with, numbers.documents) else {
        return view! {
            <div class="figure">
                <b>"0"</b>
                <span>"documents"</span>
            </div>
        }
        .into_any();
    };
    let link = |number: u64, word: &'static str, holding: Holding| {
        let words = format!("{} {word}", format::count(number));
        if number == 0 {
            words.into_any()
        } else {
            view! { <a href=links::documents(&DocumentScope::All, &holding)>{words}</a> }.into_any()
        }
    };
    view! {
        <div class="figure">
            <b>{format!("{}.{} %", share / 10, share % 10)}</b>
            <span>
                "of "
                <a href=links::documents(
                    &DocumentScope::All,
                    &Holding::Anything,
                )>{format::counted(numbers.documents, "document", "documents")}</a> " have "
                <code>{key.to_owned()}</code>
            </span>
        </div>
        <progress
            class="c-in-sync"
            value=share.to_string()
            max="1000"
            aria-label=format!("Documents with {key}")
        ></progress>
        <p class="soft">
            {link(numbers.with, "with", Holding::Something)} " · "
            {link(numbers.without(), "without", Holding::Nothing)}
        </p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(tenths(962, 1_000), Some(962));
        assert_eq!(tenths(999_999, 1_000_000), Some(999));
        assert_eq!(tenths(7, 7), Some(1_000));
        assert_eq!(tenths(0, 0), None);
        assert_eq!(tenths(u64::MAX, u64::MAX), Some(1_000));
    }
}
