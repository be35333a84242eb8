//! The budgets, measured.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    bare, directories,
    process::{Taken, measure},
    rehearsal,
    sandbox::{Asked, Calls, Sandbox},
    table::{self, Row, say},
};

const NAMESPACE: &str = "bench";
/// Bytes of an upsert's body at most, and ids of a listing's page: Pinecone's limits.
const MAX_UPSERT_BYTES: u64 = 2_000_000;
const PAGE: u64 = 100;
/// The configured batch sizes, tain's defaults.
const BATCH: u64 = 100;
const MEGABYTE: f64 = 1_000_000.0;
/// Peak memory that a run may take, in megabytes.
const MEMORY: f64 = 100.0;

/// What to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// Measure these only; all of them otherwise
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "PATH")]
    tain: Option<PathBuf>,
    /// A tenth of the records wherever memory is measured
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// CPU per mirrored record, and requests against their minimum
    Cpu,
    /// Wall time with latency
    Latency,
    /// Peak memory
    Memory,
}

/// Measures everything asked for and prints the table.
///
/// # Errors
///
/// tain cannot be built, a run failed, or the sandbox does not answer. A figure over its budget is no error.
pub fn bench(options: &Options) -> Result<()> {
    let tain = match &options.tain {
        Some(path) => path.canonicalize().with_context(|| format!("{} is not there", path.display()))?,
        None => build()?,
    };
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut rows = Vec::new();
    if wanted(Part::Cpu) {
        rows.extend(cpu_and_requests(&tain)?);
    }
    if wanted(Part::Latency) {
        rows.push(latency(&tain)?);
    }
    if wanted(Part::Memory) {
        rows.extend(memory(&tain, if options.quick { 10 } else { 1 })?);
    }
    Ok(table::print(&rows)?)
}

/// Builds the server exactly as `cargo leptos build --release` does, so that the two share what they compile.
fn build() -> Result<PathBuf> {
    say("building tain (release)");
    let status = Command::new("cargo")
        .args(["build", "--release", "--package=server", "--bin=tain", "--no-default-features"])
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "tain does not build");
    Ok(directories()?.0.join("release/tain"))
}

/// A run of tain on a sandbox, to its end.
struct Run {
    taken: Taken,
    asked: Asked,
}

/// Runs tain in a folder of its own; `codes` are the exit codes that mean success.
fn run(sandbox: &Sandbox, arguments: &[&str], codes: &[i32]) -> Result<Run> {
    let home = tempfile::tempdir()?;
    let taken = measure(sandbox.tain(home.path(), arguments))?;
    ensure!(
        taken.code.is_some_and(|code| codes.contains(&code)),
        "tain {} ended with {:?}:\n{}",
        arguments.join(" "),
        taken.code,
        taken.last_lines.join("\n")
    );
    Ok(Run { taken, asked: sandbox.asked()? })
}

fn mirror(sandbox: &Sandbox, records: u32) -> Result<Run> {
    sandbox.reset()?;
    sandbox.generate("source", NAMESPACE, records, &json!({}))?;
    let run = run(sandbox, &["mirror", NAMESPACE, "--yes", "--json"], &[0])?;
    ensure!(
        run.asked.upsert.items == u64::from(records),
        "{} of {records} records were written",
        run.asked.upsert.items
    );
    Ok(run)
}

fn cpu_and_requests(tain: &Path) -> Result<Vec<Row>> {
    const RECORDS: u32 = 5_000;
    let sandbox = Sandbox::start(tain, None)?;
    say("CPU of a mirrored record: the mirror");
    let run = mirror(&sandbox, RECORDS)?;
    say("CPU of a mirrored record: the bare loop");
    let bare = bare::measure(&sandbox, NAMESPACE)?;
    let each = run.taken.cpu / RECORDS;
    let against = |what: &str, bare: Duration, budget| Row {
        what: format!("CPU per mirrored record ÷ {what}"),
        figure: each.as_secs_f64() / bare.as_secs_f64(),
        unit: "",
        budget,
        from: format!(
            "{RECORDS} records of 3,072 dimensions: {} each, bare loop {} each",
            milliseconds(each),
            milliseconds(bare)
        ),
    };
    let mut rows = vec![
        against("bare loop", bare.whole, Some(1.5)),
        against("bare loop that skips the source's vectors", bare.lean, None),
    ];
    rows.extend(requests("mirror of 5,000 missing", &run.asked, u64::from(RECORDS), 0));

    say("requests of an analysis");
    sandbox.reset()?;
    fill_both(&sandbox, RECORDS)?;
    let analysis = self::run(&sandbox, &["analyze", NAMESPACE, "--json"], &[1])?;
    let target = u64::from(RECORDS) - u64::from(RECORDS) / 50;
    rows.extend(requests("analysis of 5,000", &analysis.asked, u64::from(RECORDS), target));
    Ok(rows)
}

/// A source, and a target in which every 50th record is missing and every 25th differs.
fn fill_both(sandbox: &Sandbox, records: u32) -> Result<()> {
    sandbox.generate("source", NAMESPACE, records, &json!({}))?;
    let target = json!({"skip_every": 50, "change_every": 25, "metadata": {"clearance_level": 1}});
    sandbox.generate("target", NAMESPACE, records, &target)
}

/// Requests made, against as few as the services' limits and the batch sizes allow for what was asked.
fn requests(what: &str, asked: &Asked, source: u64, target: u64) -> Vec<Row> {
    let upserted = asked.upsert;
    let bytes_each = upserted.bytes_in.checked_div(upserted.items).unwrap_or(0).max(1);
    let upsert_batch = (MAX_UPSERT_BYTES / bytes_each).clamp(1, BATCH);
    let pages = |records: u64| records.div_ceil(PAGE).max(1);
    let calls = [
        ("list", asked.source_list.requests + asked.target_list.requests, pages(source) + pages(target)),
        (
            "fetch",
            asked.source_fetch.requests + asked.target_fetch.requests,
            least(asked.source_fetch, BATCH) + least(asked.target_fetch, BATCH),
        ),
        ("embed", asked.embed.requests, least(asked.embed, BATCH)),
        ("upsert", upserted.requests, least(upserted, upsert_batch)),
    ];
    let mut rows: Vec<Row> = calls
        .into_iter()
        .filter(|(_, made, _)| *made > 0)
        .map(|(endpoint, made, least)| Row {
            what: format!("{endpoint} requests ÷ minimum, {what}"),
            figure: ratio(made, least),
            unit: "",
            budget: Some(1.02),
            from: format!("{made} of {least}"),
        })
        .collect();
    // A record that is fetched twice hides behind a ratio of requests to records fetched.
    let needed = source + target;
    let fetched = asked.source_fetch.items + asked.target_fetch.items;
    rows.push(Row {
        what: format!("records fetched ÷ records in source and target, {what}"),
        figure: ratio(fetched, needed),
        unit: "",
        budget: Some(1.0),
        from: format!("{fetched} of {needed}"),
    });
    rows
}

const fn least(calls: Calls, batch: u64) -> u64 {
    calls.items.div_ceil(batch)
}

fn latency(tain: &Path) -> Result<Row> {
    const RECORDS: u32 = 2_000;
    let sandbox = Sandbox::start(tain, Some("40-300"))?;
    say("wall time with 40 to 300 ms a call: the mirror");
    let run = mirror(&sandbox, RECORDS)?;
    say("wall time with 40 to 300 ms a call: each stage alone");
    let stages = [
        ("list", rehearsal::list(&sandbox, NAMESPACE)?),
        ("fetch", rehearsal::fetch(&sandbox, NAMESPACE, run.asked.source_fetch.requests)?),
        ("embed", rehearsal::embed(&sandbox, run.asked.embed.requests)?),
        ("upsert", rehearsal::upsert(&sandbox, run.asked.upsert.requests)?),
    ];
    let slowest = stages.iter().map(|stage| stage.1).max().unwrap_or_default();
    let each = stages.map(|(name, took)| format!("{name} {}", seconds(took))).join(", ");
    Ok(Row {
        what: "wall time of 2,000 missing with latency ÷ slowest stage alone".to_owned(),
        figure: run.taken.wall.as_secs_f64() / slowest.as_secs_f64(),
        unit: "",
        budget: Some(1.3),
        from: format!("{} ({each})", seconds(run.taken.wall)),
    })
}

/// Peak memory of ever larger runs; `divisor` makes them smaller.
fn memory(tain: &Path, divisor: u32) -> Result<Vec<Row>> {
    let sandbox = Sandbox::start(tain, None)?;
    let row = |what: String, taken: &Taken| Row {
        what,
        figure: bytes_as_float(taken.peak) / MEGABYTE,
        unit: " MB",
        budget: Some(MEMORY),
        from: format!("{} of wall time, {} of CPU", seconds(taken.wall), seconds(taken.cpu)),
    };
    let mut rows = Vec::new();
    for records in [10_000 / divisor, 100_000 / divisor] {
        say(&format!("peak memory: mirror of {records}"));
        let taken = mirror(&sandbox, records)?.taken;
        rows.push(row(format!("peak memory, mirror of {records}"), &taken));
    }
    for records in [100_000 / divisor, 1_000_000 / divisor] {
        say(&format!("peak memory: analysis of {records}"));
        sandbox.reset()?;
        fill_both(&sandbox, records)?;
        let taken = run(&sandbox, &["analyze", NAMESPACE, "--json"], &[1])?.taken;
        rows.push(row(format!("peak memory, analysis of {records}"), &taken));
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests and bytes are far below 2^53")]
fn ratio(made: u64, least: u64) -> f64 {
    if least == 0 { f64::INFINITY } else { made as f64 / least as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
const fn bytes_as_float(bytes: u64) -> f64 {
    bytes as f64
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1_000.0)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
