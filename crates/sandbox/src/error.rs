//! What can go wrong when a sandbox is started or loaded.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What can go wrong when a sandbox is started, loaded or driven from Rust.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken.
    #[error("could not listen on {address}; choose another port, or 0 for a free one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Two indexes of the same name.
    #[error("two indexes are called `{name}`; give each its own name")]
    SameName {
        /// The name.
        name: String,
    },
    /// A dense index without a dimension that Pinecone knows.
    #[error("the dimension {dimension} of index `{name}` is not within 1 to 20000")]
    Dimension {
        /// The index.
        name: String,
        /// Its dimension.
        dimension: usize,
    },
    /// No index of that name.
    #[error("there is no index `{name}` in the sandbox; use `source`, `target` or the name of an index")]
    UnknownIndex {
        /// The name.
        name: String,
    },
    /// A fault that is written wrongly.
    #[error("{fault:?} is no fault: {message}; the README of the sandbox lists them")]
    Fault {
        /// What was written.
        fault: String,
        /// What is wrong.
        message: String,
    },
    /// A record that Pinecone would refuse.
    #[error("record {record} is not valid: {message}")]
    Record {
        /// Its id, or its line.
        record: String,
        /// What Pinecone would answer.
        message: String,
    },
    /// A file that could not be read or written.
    #[error("could not {what} {path}", path = .path.display())]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of a data file that does not say what it should.
    #[error("line {line} is not a record: {message}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        message: String,
    },
    /// A data file of other indexes.
    #[error(
        "the data file belongs to other indexes than the sandbox was started with: {message}; choose another file"
    )]
    OtherIndexes {
        /// The difference.
        message: String,
    },
}
