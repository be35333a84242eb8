//! All namespaces of both indexes, sorted, searched and in pages by the address alone.

use std::cmp::Ordering;

use leptos::prelude::*;
use protocol::{NamespaceRow, Reading};

use crate::{
    components::{
        DocumentCount,
        command::Command,
        icon::{Icon, Symbol},
        namespace_name,
        notice::Empty,
    },
    links,
};

use super::counts::{Sides, count_cells};

/// Rows on a page.
const ROWS: usize = 100;

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Sort {
    #[default]
    Name,
    Source,
    Target,
    Difference,
    Documents,
}

impl Sort {
    /// The word in the address, and the head of the column.
    const ALL: [(&'static str, &'static str, Self); 5] = [
        ("name", "Namespace", Self::Name),
        ("source", "Source", Self::Source),
        ("target", "Target", Self::Target),
        ("difference", "Difference", Self::Difference),
        ("documents", "Documents", Self::Documents),
    ];

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|sort| sort.2 == self).map_or("", |sort| sort.0)
    }

    /// The number that a row is sorted by; `None` where it is unknown.
    fn number(self, row: &NamespaceRow) -> Option<i128> {
        // One that does not exist comes before one that is empty.
        let of = |reading: &Reading<Option<u64>>| reading.known().map(|count| count.map_or(-1, i128::from));
        match self {
            Self::Name => None,
            Self::Source => of(&row.source),
            Self::Target => of(&row.target),
            Self::Difference => row.difference(),
            Self::Documents => row.documents.as_ref().and_then(of),
        }
    }
}

/// How the namespaces are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Listed {
    search: String,
    sort: Sort,
    falling: bool,
    /// From 0.
    page: usize,
}

impl Listed {
    /// Reads the address; words that mean nothing ask for the usual list.
    pub fn read(word: impl Fn(&str) -> String) -> Self {
        let sort = word("sort");
        Self {
            search: word("search"),
            sort: Sort::ALL.into_iter().find(|known| known.0 == sort).map_or(Sort::Name, |known| known.2),
            falling: word("order") == "falling",
            // As wide in the browser as on the server, or the two would show different pages of the same address.
            page: word("page")
                .parse::<u64>()
                .map_or(0, |page| usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX)),
        }
    }

    /// The rows of the page, and how many match in all. A page behind the end, which an old address may name or a
    /// person may type, becomes the last one.
    pub fn page_of(&mut self, rows: Vec<NamespaceRow>) -> (Vec<NamespaceRow>, usize) {
        let search = self.search.trim().to_lowercase();
        let mut rows: Vec<NamespaceRow> =
            rows.into_iter().filter(|row| row.name.to_lowercase().contains(&search)).collect();
        rows.sort_by(|a, b| self.order(a, b));
        let matching = rows.len();
        self.page = self.page.min(matching.saturating_sub(1) / ROWS);
        (rows.into_iter().skip(self.page * ROWS).take(ROWS).collect(), matching)
    }

    /// What is unknown stands at the end, whichever way the rest goes.
    fn order(&self, a: &NamespaceRow, b: &NamespaceRow) -> Ordering {
        let turned = |order: Ordering| if self.falling { order.reverse() } else { order };
        let by_number = match (self.sort.number(a), self.sort.number(b)) {
            (Some(a), Some(b)) => turned(a.cmp(&b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let by_name = a.name.cmp(&b.name);
        by_number.then(if self.sort == Sort::Name { turned(by_name) } else { by_name })
    }

    /// The address of the same page of Check Namespace, listed like this.
    fn address(&self, namespace: Option<&str>, side: Sides) -> String {
        let mut address = links::CHECK.to_owned();
        for (name, value) in self.parameters(namespace, side) {
            // An empty namespace is the default one.
            address = links::with(&address, name, &value);
        }
        // The list is far down: a reader who sorts it stays there.
        address.push_str("#namespaces");
        address
    }

    /// What the address says, without the page.
    fn parameters(&self, namespace: Option<&str>, side: Sides) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if let Some(namespace) = namespace {
            parameters.push(("namespace", namespace.to_owned()));
        }
        if let Some((word, ..)) = Sides::ALL.into_iter().find(|known| known.2 == side && side != Sides::Both)
        {
            parameters.push(("side", word.to_owned()));
        }
        if !self.search.is_empty() {
            parameters.push(("search", self.search.clone()));
        }
        if self.sort != Sort::Name {
            parameters.push(("sort", self.sort.word().to_owned()));
        }
        if self.falling {
            parameters.push(("order", "falling".to_owned()));
        }
        if self.page > 0 {
            parameters.push(("page", (self.page + 1).to_string()));
        }
        parameters
    }

    /// Sorted by a column: upside down if it is already.
    fn sorted_by(&self, sort: Sort) -> Self {
        // Numbers are looked for from the largest.
        let falling = if self.sort == sort { !self.falling } else { sort != Sort::Name };
        Self { sort, falling, page: 0, ..self.clone() }
    }
}

/// The panel.
#[component]
pub fn NamespaceList(
    /// How they are listed.
    listed: Listed,
    /// The namespace that is checked above.
    namespace: Option<String>,
    /// On which sides.
    side: Sides,
    /// The rows of this page.
    rows: Vec<NamespaceRow>,
    /// How many match.
    matching: usize,
    /// How many there are.
    total: usize,
) -> impl IntoView {
    if total == 0 {
        return view! {
            <Empty title="No namespace yet">
                <p class="soft">"The namespaces of both indexes will be listed here, with their counts."</p>
            </Empty>
        }
        .into_any();
    }
    let namespace = namespace.as_deref();
    let has_documents = rows.iter().any(|row| row.documents.is_some());
    let heads = Sort::ALL
        .into_iter()
        .filter(|head| has_documents || head.2 != Sort::Documents)
        .map(|(_, label, sort)| head(&listed, sort, label, listed.sorted_by(sort).address(namespace, side)))
        .collect_view();
    let shown = match (matching == total, rows.len() == matching) {
        (true, true) => format::counted(total as u64, "namespace", "namespaces"),
        (_, true) => format!("{} of {}", format::count(matching as u64), format::count(total as u64)),
        (_, false) => format!(
            "{} to {} of {}",
            format::count((listed.page * ROWS + 1) as u64),
            format::count((listed.page * ROWS + rows.len()) as u64),
            format::count(matching as u64)
        ),
    };
    let mut whole = listed.clone();
    whole.search.clear();
    whole.page = 0;
    let hidden = whole
        .parameters(namespace, side)
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let all = (!listed.search.is_empty()).then(|| {
        view! { <a href=whole.address(namespace, side)>"all"</a> }
    });
    let body = if rows.is_empty() {
        view! { <p class="body soft">"No namespace has this in its name."</p> }.into_any()
    } else {
        let rows = rows.into_iter().map(row).collect_view();
        view! {
            <section class="scroll" tabindex="0" aria-label="Table of namespaces">
                <table class="list counts">
                    <thead>
                        <tr>
                            {heads} <th scope="col">
                                <span class="visually-hidden">"What can be done"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any()
    };
    let turn = |page: usize, label: &'static str| {
        let href = Listed { page, ..listed.clone() }.address(namespace, side);
        view! {
            <a class="button" href=href>
                {label}
            </a>
        }
        .into_any()
    };
    let before = (listed.page > 0).then(|| turn(listed.page - 1, "Previous page"));
    let after = ((listed.page + 1) * ROWS < matching).then(|| turn(listed.page + 1, "Next page"));
    let pager = (before.is_some() || after.is_some()).then(|| {
        view! {
            <nav class="pager row" aria-label="More namespaces">
                {before} {after}
            </nav>
        }
    });
    view! {
        <section class="panel" id="namespaces" aria-labelledby="all-namespaces">
            <header>
                <h2 id="all-namespaces">"All namespaces"</h2>
                <div class="row">
                    <span class="soft">{shown}</span>
                    {all}
                    <form method="get" action=links::CHECK role="search" class="row search" aria-label="Namespaces">
                        {hidden}
                        <input
                            type="search"
                            name="search"
                            class="small"
                            placeholder="Search"
                            aria-label="Search the namespaces"
                            value=listed.search.clone()
                        />
                        <button type="submit" class="button small">
                            "Search"
                        </button>
                    </form>
                </div>
            </header>
            {body}
            <footer class="command-foot">
                <Command line="tain namespaces".to_owned() />
            </footer>
        </section>
        {pager}
    }
    .into_any()
}

/// The head of a column, which sorts by it.
fn head(listed: &Listed, sort: Sort, label: &'static str, href: String) -> AnyView {
    let sorted = (listed.sort == sort).then_some(if listed.falling { "descending" } else { "ascending" });
    let class = if sort == Sort::Name { "" } else { "num" };
    let arrow = sorted.map(|_| {
        let symbol = if listed.falling { Symbol::Down } else { Symbol::Up };
        view! { <Icon symbol /> }
    });
    view! {
        <th scope="col" class=class aria-sort=sorted>
            <a class="sort" href=href>
                {label} {arrow}
            </a>
        </th>
    }
    .into_any()
}

fn row(row: NamespaceRow) -> AnyView {
    let name = namespace_name(&row.name).to_owned();
    let counts = count_cells(&row);
    let documents = row.documents.map(|reading| {
        view! {
            <td class="num">
                <DocumentCount namespace=name.clone() reading />
            </td>
        }
    });
    view! {
        <tr>
            <td class="name">
                <a class="mono break" href=links::check_namespace(&name)>
                    {name.clone()}
                </a>
            </td>
            {counts}
            {documents}
            <td class="act">
                <a href=links::mirror_namespace(&name) aria-label=format!("Mirror {name}")>
                    "Mirror"
                </a>
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str, source: Option<u64>) -> NamespaceRow {
        NamespaceRow {
            name: name.to_owned(),
            source: source.map_or_else(
                || Reading::Unknown("it did not answer".to_owned()),
                |count| Reading::Known(Some(count)),
            ),
            target: Reading::Known(None),
            documents: None,
        }
    }

    fn names(listed: &Listed, rows: &[NamespaceRow]) -> Vec<String> {
        listed.clone().page_of(rows.to_vec()).0.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn the_list_is_sorted_and_what_is_unknown_stands_at_the_end() {
        let rows = [namespace("b", Some(2)), namespace("c", None), namespace("a", Some(10))];
        let mut listed = Listed::default();
        assert_eq!(names(&listed, &rows), ["a", "b", "c"]);
        listed = listed.sorted_by(Sort::Source);
        assert_eq!(names(&listed, &rows), ["a", "b", "c"], "the largest first");
        listed = listed.sorted_by(Sort::Source);
        assert_eq!(names(&listed, &rows), ["b", "a", "c"]);
    }

    #[test]
    fn the_list_comes_in_pages_and_its_address_leads_back_to_it() {
        let rows: Vec<_> = (0..250).map(|n| namespace(&format!("n{n:03}"), Some(n))).collect();
        let words = |name: &str| match name {
            "page" => "3",
            "sort" => "target",
            "order" => "falling",
            _ => "",
        };
        let mut listed = Listed::read(|name| words(name).to_owned());
        let (page, matching) = listed.page_of(rows);
        assert_eq!((page.len(), matching), (50, 250));
        assert_eq!(
            listed.address(Some("a b"), Sides::Source),
            "/check?namespace=a%20b&side=source&sort=target&order=falling&page=3#namespaces"
        );
        assert_eq!(Listed::default().address(None, Sides::Both), "/check#namespaces");
    }

    #[test]
    fn a_page_behind_the_end_is_the_last_one() {
        let rows: Vec<_> = (0..250).map(|n| namespace(&format!("n{n:03}"), Some(n))).collect();
        for page in ["4", "99", "184467440737095517", "18446744073709551615"] {
            let mut listed =
                Listed::read(|name| if name == "page" { page.to_owned() } else { String::new() });
            let (shown, matching) = listed.page_of(rows.clone());
            assert_eq!((shown.len(), matching), (50, 250), "page {page}");
            assert_eq!(listed.address(None, Sides::Both), "/check?page=3#namespaces", "page {page}");
        }
        let mut nowhere = Listed { page: 7, search: "nothing".to_owned(), ..Listed::default() };
        assert_eq!(nowhere.page_of(rows), (Vec::new(), 0));
        assert_eq!(nowhere.page, 0);
    }
}
