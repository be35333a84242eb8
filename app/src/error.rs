//! What a server function answers when it cannot do what was asked.

use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use protocol::RunId;
use serde::{Deserialize, Serialize};

use crate::api::JsonText;

/// The refusal of a server function. Its text is for people and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApiError {
    /// The request did not pass the checks that every request has to pass.
    #[error("this request is not allowed")]
    Forbidden,
    /// A value of the form cannot be used.
    #[error("{message}")]
    Invalid {
        /// The name of the form's field.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// There is no such run, or the server has forgotten it.
    #[error("there is no run {run}")]
    UnknownRun {
        /// The id that was asked for.
        run: RunId,
    },
    /// Another run holds the target namespace (law 12).
    #[error("{message}")]
    Busy {
        /// Who holds it, for people.
        message: String,
        /// The run that holds it, where it is one of this server's.
        holder: Option<RunId>,
    },
    /// A setting is missing; the text names it.
    #[error("{message}")]
    NotConfigured {
        /// Which variable to set.
        message: String,
    },
    /// A service behind the server did not do its part.
    #[error("{message}")]
    Upstream {
        /// Which service, what it answered, what to do.
        message: String,
    },
    /// Something is wrong in tain itself; the server's log has the whole chain under this reference.
    #[error("internal error; its reference in the log is {reference}")]
    Internal {
        /// What to look for in the log.
        reference: String,
    },
    /// The request cannot be read: it is not what a page of this server sends.
    #[error("{message}")]
    Malformed {
        /// What cannot be read.
        message: String,
    },
    /// The request or its answer got lost between browser and server.
    #[error("{message}")]
    Transport {
        /// What the browser or the decoder said.
        message: String,
    },
}

impl ApiError {
    /// A refusal of one field of a form.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), message: message.into() }
    }

    /// The HTTP status that says the same.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::Malformed { .. } => 400,
            Self::Invalid { .. } => 422,
            Self::UnknownRun { .. } => 404,
            Self::Busy { .. } => 409,
            Self::NotConfigured { .. } => 503,
            Self::Upstream { .. } => 502,
            Self::Internal { .. } | Self::Transport { .. } => 500,
        }
    }

    /// The message, if it concerns this field of a form.
    pub fn of_field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Invalid { field, message } if field == name => Some(message),
            _ => None,
        }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => {
                let message = "the server did not answer; is it still running? What it was doing goes on without this page";
                Self::Transport { message: message.to_owned() }
            }
            // Only the server reads arguments, and before the function's own code runs, which would give the status.
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                let error = Self::Malformed { message: error.to_string() };
                #[cfg(feature = "ssr")]
                let error = crate::api::refuse(error);
                error
            }
            other => Self::Transport { message: other.to_string() },
        }
    }
}
