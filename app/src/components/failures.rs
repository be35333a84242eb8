//! The records that failed, each with the service's own words.

use leptos::prelude::*;
use protocol::{Category, FailedRecord};

use crate::{clock::TimeOfDay, format, links, live::Live};

/// How many failures the page lists; the rest is behind the link.
const SHOWN: usize = 50;

/// The panel with the failures; nothing where there is none.
#[component]
pub fn Failures(
    /// The run.
    live: Live,
) -> impl IntoView {
    let id = live.view.with_untracked(|view| view.head.id.clone());
    let failures = Memo::new(move |_| {
        live.view.with(|view| view.failures.iter().take(SHOWN).cloned().collect::<Vec<FailedRecord>>())
    });
    let total = Memo::new(move |_| live.view.with(|view| view.progress.counts.failed));
    move || {
        let id = id.clone();
        (!failures.with(Vec::is_empty)).then(|| {
            view! {
                <section class="panel" aria-labelledby="failures">
                    <header>
                        <h2 id="failures">
                            {move || format::counted(total.get(), "record failed", "records failed")}
                        </h2>
                        <a href=links::records(&id, Category::Failed)>"all"</a>
                    </header>
                    <div class="scroll" tabindex="0" role="region" aria-label="Table of failures">
                        <table class="list">
                            <thead>
                                <tr>
                                    <th scope="col">"Record"</th>
                                    <th scope="col">"Step"</th>
                                    <th scope="col">"What the service said"</th>
                                    <th scope="col">"When"</th>
                                </tr>
                            </thead>
                            <tbody>
                                <For
                                    each=move || failures.get()
                                    key=|failure| (failure.id.clone(), failure.at)
                                    let(failure)
                                >
                                    <tr>
                                        <td class="mono">{failure.id}</td>
                                        <td>{failure.step.label()}</td>
                                        <td class="wrap">{failure.message}</td>
                                        <td>
                                            <TimeOfDay at=failure.at />
                                        </td>
                                    </tr>
                                </For>
                            </tbody>
                        </table>
                    </div>
                    <footer>
                        "Their neighbours went on. Run again to retry them: what is in sync is neither paid for nor written a second time."
                    </footer>
                </section>
            }
        })
    }
}
