//! Counts of what the core is about.

/// `1 record`, `2,000 records`.
pub(crate) fn records(number: u64) -> String {
    format::counted(number, "record", "records")
}

/// `1 document`, `2,000 documents`.
pub(crate) fn documents(number: u64) -> String {
    format::counted(number, "document", "documents")
}
