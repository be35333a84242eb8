//! The counts on both sides after a run, and what explains their difference.

use leptos::prelude::*;
use protocol::{
    Category, DocumentVerification, Holding, Reading, RunId, RunRequest, UpdateMode, Verification,
};

use crate::{
    components::{
        Count, Read,
        pill::{Pill, Standing},
    },
    links,
};

/// The panel with the sum.
#[component]
pub fn VerificationPanel(
    /// The run that was verified.
    run: RunId,
    /// The counts.
    verification: Verification,
    /// How many failed in all, also of those that the target has nevertheless.
    #[prop(into, optional)]
    failed_in_all: Option<u64>,
) -> impl IntoView {
    let standing = match (&verification.source, &verification.target, verification.confirmed) {
        (Reading::Unknown(_), ..) | (_, Reading::Unknown(_), _) => Standing::Unknown,
        (.., false) => Standing::NeedsAttention,
        (.., true) if verification.failed > 0 => Standing::NeedsAttention,
        // Equal counts are not equal records.
        (.., true) => Standing::Verified,
    };
    let whole = |reading: Reading<u64>| match reading {
        Reading::Known(number) => Reading::Known(Some(number)),
        Reading::Unknown(why) => Reading::Unknown(why),
    };
    let Verification { source, target, expected_target, no_text, failed, orphans, confirmed, summary } =
        verification;
    // A changed record that failed is in the target all the same: the list holds more than is missing.
    let (in_all, absent) = match failed_in_all.filter(|all| *all != failed) {
        Some(number) => {
            let all = view! { <Count run=run.clone() category=Category::Failed number /> };
            (Some(view! { ", of " {all} " in all" }), format::count(failed).into_any())
        }
        None => {
            let number = view! { <Count run=run.clone() category=Category::Failed number=failed /> };
            (None, number.into_any())
        }
    };
    view! {
        <section class="panel" aria-labelledby="verification">
            <header>
                <h2 id="verification">"Counts on both sides"</h2>
                <Pill standing />
            </header>
            <div class="body said-and-summed">
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
                            <th scope="row">"− failed" {in_all}</th>
                            <td class="n">{absent}</td>
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

/// The documents in scope after an update, and what explains the difference.
#[component]
pub fn DocumentVerificationPanel(
    /// What was asked for.
    request: RunRequest,
    /// The counts.
    verification: DocumentVerification,
) -> impl IntoView {
    let DocumentVerification { before, after, with_value, remaining, confirmed, summary } = verification;
    let standing = match (&remaining, confirmed) {
        (Reading::Unknown(_), _) => Standing::Unknown,
        (_, false) => Standing::NeedsAttention,
        (Reading::Known(0), true) => Standing::InSync,
        (Reading::Known(_), true) => Standing::ChangesPending,
    };
    // A page of documents knows the configured field only.
    let update = request.documents.as_ref().filter(|update| update.field.is_none());
    let missing = update.is_some_and(|update| update.mode == UpdateMode::Missing).then_some(Holding::Nothing);
    let written = update.map(|update| update.value.clone().map_or(Holding::Added, Holding::Value));
    let scope = update.and_then(|_| request.document_scope());
    let read = |reading: Reading<u64>, holding: Option<Holding>| match (reading, &scope, holding) {
        (Reading::Known(number), Some(scope), Some(holding)) if number > 0 => {
            view! { <a href=links::documents(scope, &holding)>{format::count(number)}</a> }.into_any()
        }
        (reading, ..) => {
            let reading = match reading {
                Reading::Known(number) => Reading::Known(Some(number)),
                Reading::Unknown(why) => Reading::Unknown(why),
            };
            view! { <Read reading absent="none" /> }.into_any()
        }
    };
    let row = |name: &'static str, class: &'static str, number: AnyView| {
        view! {
            <tr class=class>
                <th scope="row">{name}</th>
                <td class="n">{number}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="documents-verified">
            <header>
                <h2 id="documents-verified">"Documents in Elasticsearch"</h2>
                <Pill standing />
            </header>
            <div class="body said-and-summed">
                <p>{summary}</p>
                <table class="sum">
                    <caption class="visually-hidden">"Documents in scope before and after the update"</caption>
                    <tbody>
                        {row("When the run began", "", format::count(before).into_any())}
                        {row("Now", "result", read(after, Some(Holding::Anything)))}
                        {row("of those, with the value", "", read(with_value, written))}
                        {row("of those, still to be updated", "", read(remaining, missing))}
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}
