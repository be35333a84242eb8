//! The binary `tain`.
fn main() {}
