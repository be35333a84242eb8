//! What an analysis found and what a live run would take.

use leptos::prelude::*;
use protocol::{Category, Change, ChangeKind, Difference, Plan, Reuse, RunHead, RunKind};

use crate::{
    components::{
        Count,
        bars::KeyBars,
        histogram::TextLengthPanel,
        notice::{Notice, Tone},
        reembedding::ReembeddingPlan,
        state_bar::StateTable,
        table::{Column, Table},
    },
    links,
};

const SAMPLE_COLUMNS: &[Column] =
    &[Column::Text("Record"), Column::Unseen("Change"), Column::Text("Key"), Column::Text("Target → source")];

/// How many differing records the page shows.
const SAMPLES: usize = 25;

/// All panels of a plan.
#[component]
pub fn PlanPanels(
    /// The run that made it.
    head: RunHead,
    /// The plan.
    plan: Plan,
) -> impl IntoView {
    let headline = if plan.has_work() {
        format!(
            "{} of {} need work",
            format::count(plan.missing + plan.changed),
            format::counted(plan.source, "record", "records")
        )
    } else if plan.is_empty() {
        "No records on either side".to_owned()
    } else if head.request.kind == RunKind::Reembed {
        "Nothing to migrate".to_owned()
    } else {
        "In sync: nothing to write".to_owned()
    };
    let state = if head.request.kind == RunKind::Reembed {
        view! { <ReembeddingPlan run=head.id.clone() plan=plan.clone() /> }.into_any()
    } else {
        view! { <StateTable run=head.id.clone() state=&plan /> }.into_any()
    };
    let sides = format!("source {} · target {}", format::count(plan.source), format::count(plan.target));
    let unreadable = (plan.unreadable > 0).then(|| {
        view! {
            <Notice
                tone=Tone::Attention
                title=format!(
                    "{} listed but could not be read",
                    format::counted(plan.unreadable, "record was", "records were"),
                )
            >
                "Nothing is decided about them; they count as failed. Analyze again to read them once more."
            </Notice>
        }
    });
    let keys = (!plan.keys.is_empty()).then(|| view! { <KeyBars keys=plan.keys.clone() /> }.into_any());
    let lengths = (!plan.lengths.buckets.is_empty()).then(|| {
        view! {
            <TextLengthPanel lengths=plan.lengths.clone() over_long=plan.over_long run=head.id.clone() />
        }
        .into_any()
    });
    // Two columns of about one height: without keys the lengths stand where these would.
    let (beside_state, beside_cost) = if keys.is_some() { (keys, lengths) } else { (lengths, None) };
    let samples = (!plan.samples.is_empty())
        .then(|| view! { <Samples head=head.clone() changed=plan.changed samples=plan.samples.clone() /> });
    view! {
        {unreadable}
        <div class="columns">
            <div class="stack wide">
                <section class="panel" aria-labelledby="state">
                    <header>
                        <h2 id="state">{headline}</h2>
                        <span class="soft">{sides}</span>
                    </header>
                    <div class="body stack">
                        {state}
                    </div>
                </section>
                {beside_state}
            </div>
            <div class="stack wide">
                <Takes head=head plan=plan />
                {beside_cost}
            </div>
        </div>
        {samples}
    }
}

/// Embeddings, tokens, requests, time: what a live run of this plan takes.
#[component]
fn Takes(head: RunHead, plan: Plan) -> impl IntoView {
    let reuse = head.request.reuse;
    let mut savings = Vec::new();
    if plan.folded > 0 {
        savings.push(format!("{} share a text", format::count(plan.folded)));
    }
    if plan.reused > 0 {
        savings.push(format!("{} kept: text unchanged", format::counted(plan.reused, "vector", "vectors")));
    }
    let policies = policies(&plan, reuse);
    let requests = plan.requests;
    let total = requests.list + requests.fetch + requests.embed + requests.upsert;
    let by_kind = [
        ("list", requests.list),
        ("fetch", requests.fetch),
        ("embed", requests.embed),
        ("upsert", requests.upsert),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(name, number)| format!("{name} {}", format::count(number)))
    .collect::<Vec<_>>()
    .join(" · ");
    let about = |text: String| if plan.has_work() { format!("≈ {text}") } else { text };
    let kept = (plan.kept > 0).then(|| {
        let run = head.id.clone();
        view! {
            <small>
                <Count run category=Category::Kept number=plan.kept />
                {if plan.kept == 1 { " record keeps its own value" } else { " records keep their own value" }}
            </small>
        }
    });
    let overwritten = (plan.overwritten > 0).then(|| {
        view! {
            <small class="c-attention alarming">
                {format::counted(plan.overwritten, "other value is", "other values are")} " replaced"
            </small>
        }
    });
    let over_long = (plan.over_long > 0).then(|| {
        let run = head.id.clone();
        view! {
            <div>
                <dt>"Over-long texts"</dt>
                <dd>
                    <Count run category=Category::OverLong number=plan.over_long />
                    <small>"the model does not read their end"</small>
                </dd>
            </div>
        }
    });
    view! {
        <section class="panel" aria-labelledby="cost">
            <header>
                <h2 id="cost">"What it takes"</h2>
            </header>
            <div class="body">
                <dl class="facts">
                    <div>
                        <dt>"Embeddings to pay"</dt>
                        <dd>
                            {format::count(plan.embeddings)}
                            {savings.into_iter().map(|saving| view! { <small>{saving}</small> }).collect_view()}
                        </dd>
                    </div>
                    {policies}
                    <div>
                        <dt>"Tokens"</dt>
                        <dd>
                            {about(format::count(plan.tokens))}
                            {plan.cost_micro_usd.map(|micro| view! { <small>{about(format::cost(micro))}</small> })}
                        </dd>
                    </div>
                    <div>
                        <dt>"Requests"</dt>
                        <dd>
                            {format::count(total)} {(!by_kind.is_empty()).then(|| view! { <small>{by_kind}</small> })}
                        </dd>
                    </div>
                    <div>
                        <dt>"Time"</dt>
                        <dd>
                            {about(format::span(plan.seconds))}
                            {(plan.has_work() && !plan.held_by.is_empty())
                                .then(|| view! { <small>{format!("held by {}", plan.held_by)}</small> })}
                        </dd>
                    </div>
                    <div>
                        <dt>
                            "Adds " <code>{plan.added.key.clone()}</code>
                        </dt>
                        <dd>
                            <code>{plan.added.value.clone()}</code>
                            {kept}
                            {overwritten}
                        </dd>
                    </div>
                    {over_long}
                </dl>
            </div>
        </section>
    }
}

/// What each policy of reuse would save; the one of the plan is marked.
fn policies(plan: &Plan, chosen: Reuse) -> Option<AnyView> {
    let saved = |policy| match policy {
        Reuse::Never => 0,
        Reuse::Proven => plan.proven,
        Reuse::SameText => plan.reusable,
    };
    let rows = Reuse::ALL
        .map(|policy| {
            let name = match policy {
                Reuse::Never => "of none",
                Reuse::Proven => "in tain's ledger",
                Reuse::SameText => "of the same text",
            };
            let saves = match saved(policy) {
                0 => "saves none".to_owned(),
                number => format!("saves {}", format::count(number)),
            };
            let mark = (policy == chosen).then(|| view! { <span class="tag">"this plan"</span> });
            view! {
                <li class:soft=policy != chosen>
                    <span>{name} " " {mark}</span>
                    " "
                    <span>{saves}</span>
                </li>
            }
        })
        .collect_view();
    (plan.reusable > 0 || plan.proven > 0).then(|| {
        view! {
            <div>
                <dt>"Keeping vectors"</dt>
                <dd>
                    <ul class="policies">{rows}</ul>
                </dd>
            </div>
        }
        .into_any()
    })
}

/// Differing records with both values.
#[component]
fn Samples(head: RunHead, changed: u64, samples: Vec<Difference>) -> impl IntoView {
    let shown = samples.len().min(SAMPLES);
    let rows = samples
        .into_iter()
        .take(SAMPLES)
        .flat_map(|Difference { id, changes }| {
            changes.into_iter().enumerate().map(move |(index, change)| {
                let first = index == 0;
                view! { <SampleRow id=id.clone() first change /> }
            })
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="diffs">
            <header>
                <h2 id="diffs">"Metadata differences"</h2>
                <span class="soft">
                    {format!("{shown} of {} · ", format::count(changed))}
                    <a href=links::records(&head.id, Category::Changed)>"all"</a>
                </span>
            </header>
            <Table label="Table of differences" columns=SAMPLE_COLUMNS class="diff">
                {rows}
            </Table>
        </section>
    }
}

#[component]
fn SampleRow(id: String, first: bool, change: Change) -> impl IntoView {
    let (class, meaning) = match change.kind {
        ChangeKind::Added => ("c-in-sync", "only in the source"),
        ChangeKind::Removed => ("c-failed", "only in the target"),
        ChangeKind::Changed => ("c-update", "changed"),
    };
    let class = if first { class.to_owned() } else { format!("{class} more") };
    // Types are worth a word where they differ: 2024 and "2024" look alike otherwise.
    let types = match (&change.target, &change.source) {
        (Some(old), Some(new)) if format::json_type(old) != format::json_type(new) => {
            Some((format::json_type(old), format::json_type(new)))
        }
        _ => None,
    };
    let text = |value: String| {
        let text = format::whole_number(&value);
        if types.is_some() { text.to_owned() } else { format::unquoted(text).to_owned() }
    };
    let old = change.target.map(|value| {
        view! {
            <del>{text(value)}</del>
            {types.map(|(old, _)| view! { <span class="tag">{old}</span> })}
        }
    });
    let new = change.source.map(|value| {
        view! {
            <ins>{text(value)}</ins>
            {types.map(|(_, new)| view! { <span class="tag">{new}</span> })}
        }
    });
    let arrow = (old.is_some() && new.is_some()).then_some(view! { <span class="faint">"→"</span> });
    view! {
        <tr class=class>
            <td class="mono record">{if first { id } else { String::new() }}</td>
            <td class="op">
                <span aria-hidden="true">{change.kind.sign()}</span>
                <span class="visually-hidden">{meaning}</span>
            </td>
            <td class="mono break">{change.key}</td>
            <td class="values">
                <div>{old} <span>{arrow} {new}</span></div>
            </td>
        </tr>
    }
}
