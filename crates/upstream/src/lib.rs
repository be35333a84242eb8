#![doc = include_str!("../README.md")]

mod body;
mod endpoint;
mod error;
mod http;
mod meter;
mod options;
mod pacer;
mod request;
mod retry;
mod secret;
mod words;

pub use endpoint::Endpoint;
pub use error::{Error, Kind, Period};
pub use http::{Classify, Config, Http, Response, Unusable, Verdict, is_safe_for_keys};
pub use meter::{EndpointStats, Meter, Note, Wait};
pub use options::{Jitter, Options, Timeouts, Trust};
pub use pacer::Pacer;
pub use request::Request;
pub use retry::Retry;
