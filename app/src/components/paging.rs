//! What lists that come in pages have in common. Searching and turning pages are plain addresses, so they work without a
//! script, can be kept and sent on.

use leptos::prelude::*;
use protocol::RunId;

use crate::{
    components::icon::{Icon, Symbol},
    links,
};

/// A link to a list of a run as a file: all of it, whatever page of it is shown.
#[component]
pub fn FileLink(
    /// The run.
    run: RunId,
    /// The file: `log.txt`, `failures.csv`, `to-migrate.txt`.
    #[prop(into)]
    file: String,
    /// What stands on the link.
    #[prop(default = "Download")]
    label: &'static str,
) -> impl IntoView {
    view! {
        <a class="button quiet" href=links::file(&run, &file) rel="external" download>
            <Icon symbol=Symbol::Download />
            {label}
        </a>
    }
    .into_any()
}

/// A search that reloads the page with `?search=`.
#[component]
pub fn Search(
    /// The page's address without its query.
    #[prop(into)]
    action: String,
    /// What is searched for now.
    #[prop(into)]
    search: String,
    /// What is searched, for screen readers.
    label: &'static str,
) -> impl IntoView {
    view! {
        <form method="get" action=action role="search" class="row search">
            <input type="search" name="search" class="small" placeholder="Search" aria-label=label value=search />
            <button type="submit" class="button small">
                "Search"
            </button>
        </form>
    }
}

/// What a page shows of a list that nobody counted: all of it, or “The first 200 records”.
pub fn part(counted: &str, later: bool, more: bool) -> String {
    match (later, more) {
        (false, false) => counted.to_owned(),
        (false, true) => format!("The first {counted}"),
        (true, true) => format!("The next {counted}"),
        (true, false) => format!("The last {counted}"),
    }
}

/// The links to the first and the next page; nothing where one page is all.
#[component]
pub fn Pager(
    /// The page's address without what says which page it is.
    #[prop(into)]
    address: String,
    /// The parameter that says it.
    #[prop(default = "after")]
    parameter: &'static str,
    /// Whether this is a later page.
    later: bool,
    /// What asks for the next page.
    next: Option<String>,
    /// What the link to the next page is called.
    #[prop(default = "Next page")]
    label: &'static str,
) -> impl IntoView {
    (later || next.is_some()).then(|| {
        let next = next.map(|next| links::with(&address, parameter, &next));
        view! {
            <nav class="pager row" aria-label="More pages">
                {later.then(|| view! { <a class="button" href=address>"First page"</a> })}
                {next.map(|href| view! { <a class="button" rel="next" href=href>{label}</a> })}
            </nav>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_what_was_not_counted_is_no_total() {
        assert_eq!(part("3 records", false, false), "3 records");
        assert_eq!(part("200 records", false, true), "The first 200 records");
        assert_eq!(part("200 records", true, true), "The next 200 records");
        assert_eq!(part("46 records", true, false), "The last 46 records");
    }
}
