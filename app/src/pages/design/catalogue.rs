//! Puts the specimens together: every one is drawn once and shown twice, light and dark.

use leptos::prelude::*;
use protocol::{LogLevel, LogLine};

use super::{foundations, pieces, runs};
use crate::{
    clock::Clock,
    components::{
        log::LogItem,
        table::{Column, Table},
    },
    links,
};

/// One component in one or more of its states.
pub struct Specimen {
    /// What it is called.
    name: &'static str,
    /// When it is used, and what has to be kept in mind.
    meaning: &'static str,
    /// How it is written in a view.
    usage: &'static str,
    /// How it looks, in each of its states.
    states: Vec<String>,
    /// Whether it needs the whole width, so that the themes stand one below the other.
    is_wide: bool,
}

impl Specimen {
    /// A specimen whose themes stand side by side.
    pub fn new(
        name: &'static str,
        meaning: &'static str,
        usage: &'static str,
        view: impl RenderHtml,
    ) -> Self {
        Self { name, meaning, usage, states: vec![view.to_html()], is_wide: false }
    }

    /// The same in one more state, for components of which a page has one: each has ids of its own.
    pub fn and(mut self, view: impl RenderHtml) -> Self {
        self.states.push(view.to_html());
        self
    }

    /// One that needs the whole width.
    pub fn wide(
        name: &'static str,
        meaning: &'static str,
        usage: &'static str,
        view: impl RenderHtml,
    ) -> Self {
        Self { is_wide: true, ..Self::new(name, meaning, usage, view) }
    }
}

/// Specimens that belong together.
pub struct Group {
    /// What they are.
    pub name: &'static str,
    /// Them.
    pub specimens: Vec<Specimen>,
}

/// An id or an anchor: lowercase letters and dashes.
fn slug(name: &str) -> String {
    name.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).collect::<Vec<_>>().join("-")
}

/// Changes the values of an attribute in a piece of HTML.
fn with_values(html: &str, attribute: &str, value: impl Fn(&str) -> String) -> String {
    let start = format!(" {attribute}=\"");
    let mut parts = html.split(&start);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (old, rest) = part.split_once('"').unwrap_or((part, ""));
        out.push_str(&start);
        out.push_str(&value(old));
        out.push('"');
        out.push_str(rest);
    }
    out
}

/// Gives the ids of a piece of HTML, and whatever refers to them, an ending of its own: the same piece stands twice on
/// the page. Its links lead nowhere else, because there is no such run.
fn renamed(html: &str, specimen: &str, copy: &str) -> String {
    const IDS: [&str; 8] =
        ["id", "for", "name", "list", "commandfor", "aria-labelledby", "aria-describedby", "aria-controls"];
    let mut html = html.to_owned();
    for attribute in IDS {
        html = with_values(&html, attribute, |ids| {
            let ids: Vec<String> =
                ids.split_whitespace().map(|id| format!("{id}-{specimen}-{copy}")).collect();
            ids.join(" ")
        });
    }
    html = with_values(&html, "href", |_| format!("#{specimen}"));
    with_values(&html, "action", |_| links::DESIGN.to_owned())
}

fn specimen(specimen: Specimen) -> AnyView {
    let Specimen { name, meaning, usage, states, is_wide } = specimen;
    let id = slug(name);
    let themes = ["light", "dark"].map(|theme| {
        let states = states
            .iter()
            .zip(1..)
            .map(|(html, number)| view! { <div inner_html=renamed(html, &id, &format!("{theme}-{number}"))></div> })
            .collect_view();
        view! {
            <div class="ground stack wide" data-theme=theme>
                {states}
            </div>
        }
    });
    view! {
        <article class="specimen" id=id>
            <h3>{name}</h3>
            <p class="soft">{meaning}</p>
            <pre class="usage" tabindex="0" aria-label=format!("How {name} is written")>
                <code>{usage}</code>
            </pre>
            <div class="themes" class:wide=is_wide>
                {themes.collect_view()}
            </div>
        </article>
    }
    .into_any()
}

/// Draws within the page's clock, or one of its own where a page has none.
fn drawn(view: impl FnOnce() -> AnyView) -> String {
    if use_context::<Clock>().is_none() {
        Clock::provide();
    }
    view().to_html()
}

/// All specimens with their table of contents, as HTML.
pub fn components() -> String {
    drawn(|| {
        let groups =
            [foundations::group(), pieces::state(), pieces::messages(), pieces::actions(), pieces::forms()]
                .into_iter()
                .chain([pieces::data(), runs::pictures(), runs::runs()])
                .collect::<Vec<_>>();
        let contents = groups
            .iter()
            .map(|group| {
                let links = group
                    .specimens
                    .iter()
                    .map(|specimen| {
                        view! { <li><a href=format!("#{}", slug(specimen.name))>{specimen.name}</a></li> }
                    })
                    .collect_view();
                view! { <li><b>{group.name}</b> <ul>{links}</ul></li> }
            })
            .collect_view();
        let groups = groups
            .into_iter()
            .map(|group| {
                let specimens = group.specimens.into_iter().map(specimen).collect_view();
                view! { <section class="stack wide"><h2>{group.name}</h2> {specimens}</section> }
            })
            .collect_view();
        view! {
            <nav class="panel contents" aria-label="Components">
                <ul>{contents}</ul>
            </nav>
            {groups}
        }
        .into_any()
    })
}

const LONG: &[Column] = &[
    Column::Text("Record"),
    Column::Text("Step"),
    Column::Text("What the service said"),
    Column::Number("Number"),
];

/// A log and a table of so many lines, as HTML.
pub fn long_lists(rows: u32) -> String {
    drawn(|| {
        let lines = (0..rows)
            .map(|n| {
                let level = match n % 10 {
                    0 => LogLevel::Error,
                    1..3 => LogLevel::Warn,
                    _ => LogLevel::Info,
                };
                let message = format!("line {n}: 100 records embedded, 100 written, 12 left in the queue");
                view! { <LogItem line=LogLine { at: u64::from(n) * 1_000, level, message } /> }
            })
            .collect_view();
        let table = (0..rows)
            .map(|n| {
                view! {
                    <tr>
                        <td class="mono">{format!("doc-{n:05}#0")}</td>
                        <td>"Phase A"</td>
                        <td>"INVALID_ARGUMENT: the text is empty"</td>
                        <td class="num">{format::count(u64::from(n))}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <section class="panel" aria-labelledby="long-log">
                <header>
                    <h2 id="long-log">{format::counted(u64::from(rows), "line", "lines")}</h2>
                </header>
                <ol class="log" id="long-lines" tabindex="0" aria-label="Log lines">
                    {lines}
                </ol>
            </section>
            <section class="panel" aria-labelledby="long-table">
                <header>
                    <h2 id="long-table">{format::counted(u64::from(rows), "row", "rows")}</h2>
                </header>
                <Table label="Long table" columns=LONG region="scroll tall">
                    {table}
                </Table>
            </section>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_is_drawn_in_both_themes() {
        let html = Owner::new().with(components);
        assert_eq!(html.matches("data-theme=\"light\"").count(), html.matches("data-theme=\"dark\"").count());
        assert!(html.matches("class=\"specimen\"").count() > 30);
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(id, _)| id).collect();
        ids.sort_unstable();
        assert_eq!(ids.windows(2).find(|pair| pair[0] == pair[1]), None, "an id that stands twice");
        for shown in ["Needs attention", "Throughput", "limit 2,048", "no records on either side"] {
            assert!(html.contains(shown), "{shown}");
        }
    }

    #[test]
    fn what_stands_twice_has_ids_of_its_own() {
        let html =
            r#"<label for="a" class="x">A</label><a id="a" href="/runs" aria-describedby="b c">id = 1</a>"#;
        assert_eq!(
            renamed(html, "s", "dark"),
            r##"<label for="a-s-dark" class="x">A</label><a id="a-s-dark" href="#s" aria-describedby="b-s-dark c-s-dark">id = 1</a>"##
        );
    }
}
