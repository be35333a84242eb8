//! The settings, and whether the services can be used.

use leptos::prelude::*;
use protocol::{Service, ServiceTest, SettingsView};

#[cfg(feature = "ssr")]
use crate::api::context;
use crate::{ApiError, api::Json};

/// Every setting with its effective value and where it came from.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = GetSettings, endpoint = "settings", output = Json)]
pub async fn settings() -> Result<SettingsView, ApiError> {
    Ok(context()?.settings().await)
}

/// Tests a service, and pays nothing.
///
/// # Errors
///
/// `Forbidden`; that the service cannot be used is an answer.
#[server(name = TestService, endpoint = "test_service", output = Json)]
pub async fn test_service(
    /// Which.
    service: Service,
) -> Result<ServiceTest, ApiError> {
    Ok(context()?.test_service(service).await)
}
