//! All components in all their states, light and dark, each with how it is used: for whoever builds a screen. Only there
//! when no real service is used or tain was not built for release.

#[cfg(feature = "ssr")]
mod catalogue;
#[cfg(feature = "ssr")]
mod foundations;
#[cfg(feature = "ssr")]
mod pieces;
#[cfg(feature = "ssr")]
mod runs;
#[cfg(feature = "ssr")]
mod samples;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[cfg(feature = "ssr")]
pub use catalogue::{components, long_lists};

use crate::{
    api,
    components::notice::Skeleton,
    pages::not_found::{NotFound, PageError},
};

/// The page.
#[component]
pub fn DesignPage() -> impl IntoView {
    let query = use_query_map();
    let rows = Memo::new(move |_| query.with(|query| query.get("rows")?.parse::<u32>().ok()));
    let html = Resource::new_blocking(move || rows.get(), api::design);
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=2 /> }
        }>
            {move || Suspend::new(async move {
                match html.await {
                    Ok(Some(html)) => {
                        view! {
                            <Title text="Design system" />
                            <header class="head">
                                <div>
                                    <h1>"Design system"</h1>
                                    <p class="soft">
                                        "What screens are made of, in both themes. The rules behind it stand in docs/design-system.md."
                                    </p>
                                </div>
                            </header>
                            <div class="catalogue" inner_html=html></div>
                        }
                            .into_any()
                    }
                    Ok(None) => view! { <NotFound /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}
