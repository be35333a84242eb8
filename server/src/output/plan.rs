//! A plan as people read it.

use std::fmt::Write;

use format::{cost, count, counted, one_line, span};
use protocol::{Change, Plan, RunHead, RunRequest};

use super::{Style, summary::Kept};

/// Samples of changed records that are printed.
const SAMPLES: usize = 5;
/// Keys whose differences are printed.
const KEYS: usize = 10;

/// The counts, what a live run takes, and samples of what differs.
pub fn plan_report(head: &RunHead, plan: &Plan, kept: &Kept, style: Style) -> String {
    let mut report = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        report,
        "{}  {} {} → {} (namespace {})\n",
        style.bold("Plan"),
        head.source,
        style.dim("(source, read-only)"),
        head.target,
        display_namespace(&head.request.namespace),
    );
    let rows = [
        ("+", plan.missing, "missing in the target: to migrate", ""),
        ("~", plan.changed, "changed: to update", ""),
        ("=", plan.in_sync, head.request.kind.settled(), ""),
        ("!", plan.no_text, "without text: skipped", kept.no_text.as_str()),
        ("?", plan.orphans, "in the target only: never touched", kept.orphans.as_str()),
    ];
    for (sign, number, what, which) in rows {
        let _ = writeln!(report, "  {sign} {:>11}  {what}{}", count(number), parenthesis(which));
    }
    if plan.unreadable > 0 {
        let number = style.bad(&format!("{:>11}", count(plan.unreadable)));
        let _ = writeln!(report, "  x {number}  listed, but not returned by a fetch: counted as failed");
    }
    let _ = writeln!(
        report,
        "    {:>11}  records in the source, {} in the target",
        count(plan.source),
        count(plan.target)
    );
    if plan.has_work() {
        write_cost(&mut report, plan);
        write_differences(&mut report, plan, style);
    } else {
        let _ = writeln!(report, "\n{}", style.good("Nothing to write."));
    }
    report
}

fn write_cost(report: &mut String, plan: &Plan) {
    let price = plan.cost_micro_usd.map(|price| format!(", {}", cost(price))).unwrap_or_default();
    let _ = writeln!(
        report,
        "\nA live run pays for {} (about {}{price}) and takes about {}, held by {}.",
        counted(plan.embeddings, "embedding", "embeddings"),
        counted(plan.tokens, "token", "tokens"),
        span(plan.seconds),
        plan.held_by,
    );
    let requests = plan.requests;
    let _ = writeln!(
        report,
        "Requests: {} list, {} fetch, {} embed, {} upsert.",
        count(requests.list),
        count(requests.fetch),
        count(requests.embed),
        count(requests.upsert)
    );
    let added = &plan.added;
    let _ = writeln!(report, "Added to every written record: {} = {}.", added.key, added.value);
    let notes = [
        (
            plan.folded,
            "shares its text with another one and is not paid for again",
            "share their text with others and are not paid for again",
        ),
        (plan.reused, "keeps the vector that the target has", "keep the vectors that the target has"),
        (
            plan.kept,
            "holds another value under the added key, which stays",
            "hold other values under the added key, which stay",
        ),
        (
            plan.overwritten,
            "holds another value under the added key, which is OVERWRITTEN",
            "hold other values under the added key, which are OVERWRITTEN",
        ),
        (
            plan.over_long,
            "is longer than the model reads; its end is ignored by the model",
            "are longer than the model reads; their ends are ignored by the model",
        ),
    ];
    for (number, one, many) in notes {
        if number > 0 {
            let _ = writeln!(
                report,
                "{} {}.",
                counted(number, "record", "records"),
                if number == 1 { one } else { many }
            );
        }
    }
    for (policy, number) in [("proven", plan.proven), ("same-text", plan.reusable)] {
        if number > plan.reused {
            let _ = writeln!(
                report,
                "With --reuse {policy}, {} would keep the vectors that the target has.",
                counted(number, "changed record", "changed records")
            );
        }
    }
}

fn write_differences(report: &mut String, plan: &Plan, style: Style) {
    if !plan.keys.is_empty() {
        let _ = writeln!(report, "\n{}", style.bold("Keys that differ, in how many changed records"));
        let mut keys: Vec<_> = plan.keys.iter().collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.added + key.removed + key.changed));
        for key in keys.iter().take(KEYS) {
            let kinds = [("+", key.added), ("-", key.removed), ("~", key.changed)];
            let kinds: Vec<String> = kinds
                .iter()
                .filter(|(_, number)| *number > 0)
                .map(|(sign, number)| format!("{sign}{}", count(*number)))
                .collect();
            let _ = writeln!(report, "  {:<30} {}", one_line(&key.key), kinds.join("  "));
        }
        if keys.len() > KEYS {
            let _ =
                writeln!(report, "  and {}", counted((keys.len() - KEYS) as u64, "more key", "more keys"));
        }
    }
    if !plan.samples.is_empty() {
        let _ = writeln!(report, "\n{}", style.bold("Samples (target → source)"));
        for sample in plan.samples.iter().take(SAMPLES) {
            let _ = writeln!(report, "  {}", one_line(&sample.id));
            for change in &sample.changes {
                let _ = writeln!(report, "    {}{}", change.kind.sign(), one_line(&describe(change)));
            }
        }
        let more = plan.changed.saturating_sub(plan.samples.len().min(SAMPLES) as u64);
        if more > 0 {
            let _ =
                writeln!(report, "  and {}", counted(more, "more changed record", "more changed records"));
        }
    }
}

fn describe(change: &Change) -> String {
    let key = &change.key;
    match (&change.target, &change.source) {
        (Some(target), Some(source)) => format!("{key}  {target} → {source}"),
        (None, Some(source)) => format!("{key}  {source}"),
        (Some(target), None) => format!("{key}  {target}"),
        (None, None) => key.clone(),
    }
}

/// ` (a, b)`, or nothing.
fn parenthesis(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// The default namespace has no name; it is shown by the one that the newer API gives it.
pub fn display_namespace(namespace: &str) -> &str {
    if namespace.is_empty() { "__default__" } else { namespace }
}

/// The command that carries a plan out.
pub fn next_command(request: &RunRequest, plan: &Plan) -> String {
    let kind =
        if request.kind == protocol::RunKind::Analyze { protocol::RunKind::Mirror } else { request.kind };
    RunRequest { kind, dry_run: false, plan: Some(plan.hash.clone()), ..request.clone() }.command()
}
