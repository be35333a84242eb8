//! The records of a re-embedding: what is planned for them, and what became of them. It compares nothing, so what is on
//! both sides is there and no more than that.

use leptos::prelude::*;
use protocol::{Category, Counts, Plan, RunId};

use crate::{
    components::{
        look,
        share_bar::{Share, ShareBar},
    },
    links,
    live::Live,
};

/// A part that leads to its records.
fn share(run: &RunId, category: Category, label: &str, number: u64, why: &str) -> Share {
    let look = look(category);
    Share {
        label: label.to_owned(),
        is_value: false,
        sign: look.sign,
        class: look.class,
        number,
        behind: vec![(links::records(run, category), String::new())],
        why: why.to_owned(),
    }
}

/// What is there already, in a plan and in what came of it.
fn already_there(run: &RunId, number: u64) -> Share {
    share(run, Category::InSync, "Already there", number, "on both sides; not compared, left alone")
}

/// What was found: the parts of both sides.
fn planned(run: &RunId, plan: &Plan) -> Vec<Share> {
    let mut parts = vec![
        share(run, Category::Missing, "To migrate", plan.missing, "in the source only"),
        already_there(run, plan.in_sync),
        share(run, Category::NoText, "No text", plan.no_text, "cannot be embedded, will be skipped"),
        share(run, Category::Failed, "Failed", plan.unreadable, "listed, but not returned when read"),
        share(run, Category::Orphan, "Only in target", plan.orphans, "left alone"),
    ];
    parts.retain(|part| part.label != "Failed" || part.number > 0);
    parts
}

/// What became of the records of the source.
fn results(run: &RunId, counts: &Counts) -> Vec<Share> {
    let failed = counts.failed_missing + counts.unreadable;
    let mut parts = vec![
        share(run, Category::Migrated, "Migrated", counts.migrated, "embedded and written"),
        already_there(run, counts.in_sync),
        share(run, Category::NoText, "Skipped", counts.no_text, "without a text there is nothing to embed"),
        share(run, Category::Failed, "Failed", failed, "refused, or not returned when read"),
    ];
    if counts.gone > 0 {
        let why = "planned, but no longer in the source";
        parts.push(share(run, Category::Gone, "Gone", counts.gone, why));
    }
    parts
}

/// What a plan says of the records of both sides.
#[component]
pub fn ReembeddingPlan(
    /// The run that made it.
    run: RunId,
    /// The plan.
    plan: Plan,
) -> impl IntoView {
    view! { <ShareBar parts=planned(&run, &plan) caption="Records by what has to be done with them" /> }
}

/// What a run over one namespace did.
#[component]
pub fn ReembeddingResults(
    /// The run.
    live: Live,
) -> impl IntoView {
    let run = live.view.with_untracked(|view| view.head.id.clone());
    let counts = Memo::new(move |_| live.view.with(|view| view.progress.counts.clone()));
    let whole = move || {
        counts.with(|counts| {
            let missing = format::counted(counts.missing, "missing record", "missing records");
            format!("{} of {missing} migrated", format::count(counts.migrated))
        })
    };
    let parts = move || counts.with(|counts| results(&run, counts));
    view! {
        <section class="panel" aria-labelledby="results">
            <header>
                <h2 id="results">"Results"</h2>
                <span class="soft">{whole}</span>
            </header>
            <div class="body stack">
                {move || view! { <ShareBar parts=parts() caption="Records by what became of them" /> }}
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_all_records_of_the_source() {
        let run = RunId("r1".to_owned());
        let counts = Counts {
            source_listed: 20,
            in_sync: 7,
            missing: 9,
            migrated: 6,
            failed: 4,
            failed_missing: 3,
            no_text: 3,
            unreadable: 1,
            ..Counts::default()
        };
        let sum: u64 = results(&run, &counts).iter().map(|part| part.number).sum();
        assert_eq!(sum, counts.source_listed);
    }
}
