//! How the program ends: its exit codes, and errors as the command line shows them.

use std::{fmt, io};

use crate::{config::ConfigError, connections::ConnectError};

/// The exit codes, which scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or in sync.
    Done,
    /// `analyze` and `check` found differences.
    Differences,
    /// Wrong usage or configuration, or the namespace is held by another run.
    Usage,
    /// Some records failed.
    RecordsFailed,
    /// A service failed, or what was asked for could not be read.
    ServiceFailed,
    /// Stopped on request.
    Cancelled,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differences => 1,
            Self::Usage => 2,
            Self::RecordsFailed => 3,
            Self::ServiceFailed => 4,
            Self::Cancelled => 130,
        }
    }
}

/// Why a command could not do its work. The message is a lowercase fragment that goes on after `error: `, names what
/// to do, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For people; empty where there is nobody left to read it.
    pub message: String,
}

impl Failure {
    /// Something that the user can put right.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Something that a service, or this machine, did not do.
    pub fn service(message: impl Into<String>) -> Self {
        Self { exit: Exit::ServiceFailed, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Layer(layer) => Self::usage(chain(&layer)),
            ConfigError::Invalid(invalid) => match invalid.0.as_slice() {
                [one] => Self::usage(one.clone()),
                many => {
                    let lines: String = many.iter().map(|problem| format!("\n  {problem}")).collect();
                    Self::usage(format!("{} settings cannot be used{lines}", many.len()))
                }
            },
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::NotConfigured(message) => Self::usage(message),
            ConnectError::Service(message) => Self::service(message),
        }
    }
}

impl From<io::Error> for Failure {
    /// Of writing to stdout. A reader who has gone (`tain namespaces | head -1`) has seen all it wanted.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Done, message: String::new() };
        }
        Self::service(format!("cannot write the output: {error}"))
    }
}

/// An error with everything that led to it, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own message.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
