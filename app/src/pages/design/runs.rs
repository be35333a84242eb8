//! Pictures, and what a run's page is made of.

use leptos::prelude::*;
use protocol::{RunView, TextLengths};

use super::{
    catalogue::{Group, Specimen},
    samples,
};
use crate::{
    components::{
        bars::KeyBars,
        counters::Counters,
        failures::FailureTable,
        flow::FlowStrip,
        histogram::TextLengthPanel,
        log::Log,
        plan::PlanPanels,
        requests::Requests,
        sparkline::{Sparkline, Throughput},
        steps::Steps,
        verification::VerificationPanel,
    },
    live::{Live, follow},
};

fn live(view: RunView) -> Live {
    follow(view)
}

/// Numbers as pictures; the numbers stand beside each.
pub fn pictures() -> Group {
    let values: Vec<f32> = (0..96_u16)
        .map(|n| {
            let x = f32::from(n);
            (x * 0.7).sin() * 0.6 + (x * 0.13).cos() * 0.4
        })
        .collect();
    let plan = samples::plan();
    // None of the texts is longer than the model reads.
    let mut short: TextLengths = plan.lengths.clone();
    short.buckets[15..].fill(0);
    Group {
        name: "Pictures",
        specimens: vec![
            Specimen::new(
                "Throughput",
                "What a run did a minute over its whole time, under the limit of the texts; where it waited is marked. Every line has dashes of its own.",
                "<Throughput live />",
                view! { <Throughput live=live(samples::running()) /> },
            )
            .and(view! { <Throughput live=live(samples::done()) /> })
            .and(view! { <Throughput live=live(samples::begun()) /> }),
            Specimen::new(
                "Key bars",
                "In how many records which metadata key differs, and how.",
                "<KeyBars keys=plan.keys />",
                view! { <KeyBars keys=samples::keys() /> },
            ),
            Specimen::new(
                "Text lengths",
                "How long the texts are that will be embedded, and where the model stops reading.",
                "<TextLengthPanel lengths=plan.lengths over_long=plan.over_long run />",
                view! { <TextLengthPanel lengths=plan.lengths over_long=7 run=samples::id() /> },
            )
            .and(view! { <TextLengthPanel lengths=short over_long=0 run=samples::id() /> }),
            Specimen::new(
                "Sparkline",
                "The shape of a line of numbers, as a word among words: a vector, a history.",
                r#"<Sparkline values=vector.points label="Shape of the vector, norm 1.00" />"#,
                view! {
                    <div class="stack">
                        <Sparkline values label="Shape of a vector of 96 numbers" />
                        <Sparkline values=vec![0.0; 8] label="A vector of zeros" />
                    </div>
                },
            ),
        ],
    }
}

/// What a run's page is made of. All of it follows a live run and patches itself at most ten times a second.
pub fn runs() -> Group {
    let head = samples::running().head;
    Group {
        name: "Runs",
        specimens: vec![
            Specimen::wide(
                "Counters",
                "The moving numbers of a run; each leads to its records.",
                "<Counters live />",
                view! { <Counters live=live(samples::running()) /> },
            ),
            Specimen::new(
                "Steps",
                "One below the other; an error stands inside the step that failed.",
                "<Steps live />",
                view! { <Steps live=live(samples::running()) /> },
            )
            .and(view! { <Steps live=live(samples::failed()) /> })
            .and(view! { <Steps live=live(samples::done()) /> }),
            Specimen::wide(
                "Flow",
                "The pipeline as it is: three stages, what waits between them, and who holds the pace.",
                "<FlowStrip live />",
                view! { <FlowStrip live=live(samples::running()) /> },
            ),
            Specimen::wide(
                "Log",
                "The newest lines, filtered by level and text. Whoever reads the end keeps reading the end. All lines are a page of their own.",
                "<Log live />",
                view! { <Log live=live(samples::running()) /> },
            ),
            Specimen::wide(
                "Failures",
                "The records that failed, each with the service's own words.",
                "<FailureTable failures />",
                view! {
                    <div class="panel">
                        <FailureTable failures=samples::running().failures request=samples::running().head.request />
                    </div>
                },
            ),
            Specimen::new(
                "Requests",
                "What the services were asked for, folded until somebody wants to know.",
                "<Requests live />",
                view! { <Requests live=live(samples::running()) /> },
            ),
            Specimen::new(
                "Verification",
                "The counts on both sides after a run, and what explains their difference.",
                "<VerificationPanel run verification />",
                view! { <VerificationPanel run=samples::id() verification=samples::verification(true) /> },
            )
            .and(view! { <VerificationPanel run=samples::id() verification=samples::verification(false) /> }),
            Specimen::wide(
                "Plan",
                "What an analysis found, what a live run takes, and samples with old and new values.",
                "<PlanPanels head plan />",
                view! {
                    <div class="stack wide">
                        <PlanPanels head plan=samples::plan() />
                    </div>
                },
            ),
        ],
    }
}
