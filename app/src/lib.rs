#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]
#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]
#![expect(
    clippy::too_many_arguments,
    reason = "the arguments of a server function are the fields of its form"
)]

pub mod api;
mod browser;
mod clock;
mod components;
mod error;
pub mod links;
mod live;
mod markup;
mod pages;
mod theme;
#[cfg(feature = "ssr")]
mod validation;

#[cfg(feature = "ssr")]
mod backend;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use backend::{Admitted, Assets, Backend, DocumentNames, ServerClock};
pub use error::ApiError;
pub use pages::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
