//! The binary `tain`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::main()
}
