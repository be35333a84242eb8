//! How large the WebAssembly is that a browser loads.

use std::{ffi::OsStr, fs};

use anyhow::{Context, Result};

use crate::{
    directories,
    table::{self, Row},
};

/// What the compressed module may weigh, in kilobytes: the budget of `docs/ARCHITECTURE.md`. It is missed;
/// `docs/adr/0012-wasm-size.md` says why.
const BUDGET: f64 = 250.0;

/// Prints the sizes of the module that `make build` has left in the site.
///
/// # Errors
///
/// There is no release build with compressed files.
pub fn size() -> Result<()> {
    let package = directories()?.1.join("target/site/pkg");
    let files = fs::read_dir(&package)
        .with_context(|| format!("{} is not there; run `make build` first", package.display()))?;
    let wasm = files
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("wasm")))
        .with_context(|| format!("no WebAssembly in {}; run `make build` first", package.display()))?;
    let compressed = wasm.with_added_extension("br");
    let raw = fs::metadata(&wasm)?.len();
    let brotli = fs::metadata(&compressed)
        .with_context(|| format!("{} is not there; only `make build` compresses", compressed.display()))?
        .len();
    let row = |what: &str, bytes: u64, budget| Row {
        what: what.to_owned(),
        figure: kilobytes(bytes),
        unit: " kB",
        budget,
        from: format!("{bytes} bytes"),
    };
    Ok(table::print(&[row("WebAssembly", raw, None), row("WebAssembly, brotli", brotli, Some(BUDGET))])?)
}

#[expect(clippy::cast_precision_loss, reason = "a file is far below 2^53 bytes")]
const fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000.0
}
