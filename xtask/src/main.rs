#![doc = include_str!("../README.md")]

mod bare;
mod bench;
mod http;
mod process;
mod rehearsal;
mod sandbox;
mod size;
mod table;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measure tain against its budgets; prints one Markdown table
    Bench(bench::Options),
    /// Say how large the WebAssembly of the release build is
    Size,
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Bench(options) => bench::bench(&options),
        Chore::Size => size::size(),
    }
}

/// Where cargo and cargo-leptos put what they build: the target directory, and the workspace's root.
fn directories() -> Result<(PathBuf, PathBuf)> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "cargo metadata failed");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let directory = |key: &str| {
        let path = metadata.get(key).and_then(serde_json::Value::as_str);
        path.map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"))
    };
    Ok((directory("target_directory")?, directory("workspace_root")?))
}
