//! Why a run was not started, or does not go on.

use protocol::RunId;
use store::StoreError;

use crate::{
    connections::ConnectError,
    exit::{Exit, Failure},
};

/// Why a run was not started, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the request cannot be used.
    #[error("{message}")]
    Invalid {
        /// The request's field; `run` where it is about the run that should go on.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such run.
    #[error("there is no run {0}; `tain runs` lists them")]
    UnknownRun(RunId),
    /// Another live run holds the target namespace (law 12), or somebody is at work on the run already.
    #[error("{message}")]
    Busy {
        /// Who holds it and since when.
        message: String,
        /// The run that holds it.
        holder: Option<RunId>,
    },
    /// A service cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A lock could not be taken for another reason than being held.
    #[error("{0}")]
    Lock(String),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is shutting down.
    #[error("tain is stopping; start the run again when it is back")]
    Stopping,
}

impl StartError {
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Connect(ConnectError::Service(_)) => Exit::ServiceFailed,
            _ => Exit::Usage,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<StoreError> for Failure {
    /// Whatever is wrong with the store has to be put right on this machine.
    fn from(error: StoreError) -> Self {
        Self::usage(error.to_string())
    }
}
