//! The counts on both sides after a run, and what explains their difference.

use leptos::prelude::*;
use protocol::{Category, Reading, RunId, Verification};

use crate::{
    components::{
        Count, Read,
        pill::{Pill, Standing},
    },
    format,
};

/// The panel with the sum.
#[component]
pub fn VerificationPanel(
    /// The run that was verified.
    run: RunId,
    /// The counts.
    verification: Verification,
) -> impl IntoView {
    let standing = match (&verification.target, verification.confirmed) {
        (Reading::Unknown(_), _) => Standing::Unknown,
        (_, false) => Standing::NeedsAttention,
        (_, true) if verification.failed > 0 => Standing::NeedsAttention,
        (_, true) => Standing::InSync,
    };
    let whole = |reading: Reading<u64>| match reading {
        Reading::Known(number) => Reading::Known(Some(number)),
        Reading::Unknown(why) => Reading::Unknown(why),
    };
    let Verification { source, target, expected_target, no_text, failed, orphans, confirmed, summary } =
        verification;
    view! {
        <section class="panel" aria-labelledby="verification">
            <header>
                <h2 id="verification">"Counts on both sides"</h2>
                <Pill standing />
            </header>
            <div class="body stack">
                <p>{summary}</p>
                <table class="sum">
                    <caption class="visually-hidden">"How the number of records in the target is explained"</caption>
                    <tbody>
                        <tr>
                            <th scope="row">"Source"</th>
                            <td class="n">
                                <Read reading=whole(source) absent="none" />
                            </td>
                        </tr>
                        <tr>
                            <th scope="row">"− without text"</th>
                            <td class="n">
                                <Count run=run.clone() category=Category::NoText number=no_text />
                            </td>
                        </tr>
                        <tr>
                            <th scope="row">"− failed"</th>
                            <td class="n">
                                <Count run=run.clone() category=Category::Failed number=failed />
                            </td>
                        </tr>
                        <tr>
                            <th scope="row">"+ only in the target, left alone"</th>
                            <td class="n">
                                <Count run=run category=Category::Orphan number=orphans />
                            </td>
                        </tr>
                        <tr class="result">
                            <th scope="row">"Expected in the target"</th>
                            <td class="n">{format::count(expected_target)}</td>
                        </tr>
                        <tr class="result">
                            <th scope="row">{if confirmed { "Target, as expected" } else { "Target" }}</th>
                            <td class="n">
                                <Read reading=whole(target) absent="none" />
                            </td>
                        </tr>
                    </tbody>
                </table>
            </div>
        </section>
    }
}
