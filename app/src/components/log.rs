//! The log of a run: filtered by level, searched, downloaded.

use leptos::prelude::*;
use protocol::{LogLevel, LogLine, RunId};

use crate::{browser, clock::TimeOfDay, components::paging::FileLink, links, live::Live};

const LIST: &str = "log-lines";

/// Which lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    All,
    Warnings,
    Errors,
}

impl Filter {
    const ALL: [Self; 3] = [Self::All, Self::Warnings, Self::Errors];

    const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Warnings => "Warnings",
            Self::Errors => "Errors",
        }
    }

    /// Whether a level is this one or worse.
    const fn passes(self, level: LogLevel) -> bool {
        match self {
            Self::All => true,
            Self::Warnings => matches!(level, LogLevel::Warn | LogLevel::Error),
            Self::Errors => matches!(level, LogLevel::Error),
        }
    }
}

fn matches(line: &LogLine, filter: Filter, sought: &str) -> bool {
    filter.passes(line.level)
        && (sought.is_empty() || line.message.to_lowercase().contains(&sought.to_lowercase()))
}

/// Of which lines the numbers beside the levels are, where they are not of all: older ones are not loaded.
fn newest(loaded: usize, dropped: u64) -> Option<String> {
    (dropped > 0).then(|| format!("in the newest {}", format::count(loaded as u64)))
}

/// The word of a level, and the classes of its line.
const fn level(level: LogLevel) -> (&'static str, &'static str) {
    match level {
        LogLevel::Info => ("info", "info"),
        LogLevel::Warn => ("warn", "warn c-attention"),
        LogLevel::Error => ("error", "error c-failed"),
    }
}

/// One line.
#[component]
pub fn LogItem(
    /// The line.
    line: LogLine,
) -> impl IntoView {
    let (word, class) = level(line.level);
    view! {
        <li class=class>
            <TimeOfDay at=line.at />
            <span>{word}</span>
            <span class="message">{line.message}</span>
        </li>
    }
}

/// The links to the files with the log.
#[component]
pub fn LogFiles(
    /// The run.
    run: RunId,
) -> impl IntoView {
    view! {
        <FileLink run=run.clone() file="log.txt" />
        <FileLink run file="log.jsonl" label="JSONL" />
    }
}

/// The panel with the log: the newest lines, which move. All lines are a page of their own.
#[component]
pub fn Log(
    /// The run.
    live: Live,
) -> impl IntoView {
    let id = live.view.with_untracked(|view| view.head.id.clone());
    let run = id.clone();
    let filter = RwSignal::new(Filter::All);
    let sought = RwSignal::new(String::new());
    // Lines are numbered from the run's beginning, so a line keeps its number when older ones are dropped.
    let lines = Memo::new(move |_| {
        live.view.with(|view| {
            (view.log_dropped..)
                .zip(&view.log)
                .filter(|(_, line)| sought.with(|sought| matches(line, filter.get(), sought)))
                .map(|(number, line)| (number, line.clone()))
                .collect::<Vec<_>>()
        })
    });
    let total = move |filter: Filter| {
        live.view.with(|view| {
            let passing = view.log.iter().filter(|line| filter.passes(line.level)).count();
            u64::try_from(passing).unwrap_or(u64::MAX)
        })
    };
    let dropped = Memo::new(move |_| live.view.with(|view| view.log_dropped));
    // Whoever reads the end keeps reading the end; whoever has scrolled up is left alone.
    Effect::new(move |previous: Option<()>| {
        let follows = previous.is_none() || browser::at_end(LIST);
        lines.track();
        if follows {
            request_animation_frame(|| browser::scroll_to_end(LIST));
        }
    });
    let buttons = Filter::ALL
        .map(|choice| {
            view! {
                <button
                    type="button"
                    aria-pressed=move || if filter.get() == choice { "true" } else { "false" }
                    on:click=move |_| filter.set(choice)
                >
                    {choice.label()}
                    " "
                    <span class="faint">{move || format::count(total(choice))}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="log">
            <header>
                <h2 id="log">"Log"</h2>
                <div class="row">
                    <div class="segments needs-script" role="group" aria-label="Level">
                        {buttons}
                    </div>
                    {move || {
                        live.view
                            .with(|view| newest(view.log.len(), view.log_dropped))
                            .map(|words| view! { <span class="soft needs-script">{words}</span> })
                    }}
                    <input
                        type="search"
                        class="small needs-script"
                        placeholder="Search"
                        aria-label="Search the log"
                        prop:value=move || sought.get()
                        on:input:target=move |event| sought.set(event.target().value())
                    />
                    <LogFiles run=id />
                </div>
            </header>
            {move || {
                let whole = links::log(&run);
                let warnings = links::with(&whole, "level", "warn");
                (dropped.get() > 0)
                    .then(|| {
                        view! {
                            <p class="body faint">
                                {format::counted(dropped.get(), "older line", "older lines")} ": "
                                <a href=whole>"the whole log"</a>
                                ", "
                                <a href=warnings>"its warnings and errors"</a>
                            </p>
                        }
                    })
            }}
            <ol class="log" id=LIST tabindex="0" aria-label="Log lines">
                <For each=move || lines.get() key=|(number, _)| *number let((_, line))>
                    <LogItem line />
                </For>
                {move || {
                    lines
                        .with(Vec::is_empty)
                        .then(|| view! { <li class="nothing faint">"No line to show"</li> })
                }}
            </ol>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_part_of_the_log_are_said_to_be_its_part() {
        assert_eq!(newest(1_000, 0), None);
        assert_eq!(newest(1_000, 3).as_deref(), Some("in the newest 1,000"));
    }

    #[test]
    fn lines_are_found_by_level_and_text() {
        let line = LogLine { at: 0, level: LogLevel::Warn, message: "Gemini asked to slow down".to_owned() };
        assert!(matches(&line, Filter::All, ""));
        assert!(matches(&line, Filter::Warnings, "gemini"));
        assert!(!matches(&line, Filter::Errors, ""));
        assert!(!matches(&line, Filter::All, "pinecone"));
    }
}
