#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]

pub mod api;
mod browser;
mod clock;
mod components;
mod error;
pub mod format;
pub mod links;
mod live;
mod pages;
mod theme;
#[cfg(feature = "ssr")]
mod validation;

#[cfg(feature = "ssr")]
mod backend;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use backend::{Admitted, Assets, Backend, ServerClock};
pub use error::ApiError;
pub use pages::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
