//! Starts a sandbox, prints where it listens as one JSON line, and stops on Ctrl-C or when standard input ends.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use sandbox::{IndexOptions, Options, start};
use serde_json::json;
use tokio::io::AsyncReadExt;

/// Starts a sandbox with the sample and three scratch indexes.
#[derive(Parser)]
struct Arguments {
    /// The main port; 0 for free ones.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The only key that is accepted.
    #[arg(long)]
    api_key: Option<String>,
    /// Without the sample.
    #[arg(long)]
    empty: bool,
    /// Enforce the rate limits.
    #[arg(long)]
    rate_limits: bool,
    /// How long a write stays invisible.
    #[arg(long, default_value_t = 0)]
    visibility_delay_ms: u64,
    /// Keep the records in this file.
    #[arg(long)]
    data: Option<std::path::PathBuf>,
    /// Go on when standard input ends.
    #[arg(long)]
    detached: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let sandbox = start(Options {
        port: arguments.port,
        api_key: arguments.api_key,
        sample: !arguments.empty,
        rate_limits: arguments.rate_limits,
        visibility_delay: Duration::from_millis(arguments.visibility_delay_ms),
        data: arguments.data,
        more_indexes: vec![
            IndexOptions::dense("scratch", 8),
            IndexOptions::sparse("scratch-sparse"),
            IndexOptions::document("scratch-documents", 8),
        ],
        ..Options::default()
    })
    .await?;
    let overview = sandbox.state().overview();
    let indexes: serde_json::Map<_, _> =
        overview.indexes.into_iter().map(|index| (index.name, index.host.into())).collect();
    println!("{}", json!({"url": sandbox.url(), "indexes": indexes}));
    let input_ends = async {
        let mut rest = Vec::new();
        if arguments.detached || tokio::io::stdin().read_to_end(&mut rest).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = input_ends => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    sandbox.stop().await;
    Ok(())
}
