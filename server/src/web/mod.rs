//! The web server: the pages, their server functions, `/ws` and the static files, behind checks that every request has
//! to pass.
//!
//! It listens on a loopback address and trusts whoever can reach that, but not the pages that such a person's browser
//! has open: the `Host` must be ours (DNS rebinding), a request that changes something must not come from another site
//! (CSRF), and neither must a socket (`Origin`).

mod assets;
mod download;
mod guard;
mod socket;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, sync::OnceLock};

use app::{Backend, ServerClock};
use axum::{
    Extension, Router, middleware,
    routing::{any, get},
};
use leptos::{config::LeptosOptions, prelude::provide_context};
use leptos_axum::{AxumRouteListing, LeptosRoutes as _};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::{compression::CompressionLayer, csrf::CsrfLayer};

/// What ends the server: sockets outlive their HTTP request, so they are told and waited for separately.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Cancelled once the server has to end.
    pub stop: CancellationToken,
    /// Holds every open socket.
    pub sockets: TaskTracker,
}

/// The whole web server. Requests must name a loopback host with the port of `options.site_addr`; `now` is the clock
/// that pages print relative times with, in milliseconds since 1970.
pub fn router(
    backend: Arc<dyn Backend>,
    options: &LeptosOptions,
    lifecycle: Lifecycle,
    now: fn() -> u64,
) -> Router {
    let port = options.site_addr.port();
    let assets = assets::find(options);
    let context = {
        let backend = Arc::clone(&backend);
        move || {
            provide_context(Arc::clone(&backend));
            provide_context(assets.clone());
            provide_context(ServerClock(now));
        }
    };
    let shell = {
        let options = options.clone();
        move || app::shell(options.clone())
    };
    // Compressed here and not around everything: the static files are compressed when they are built, and a socket
    // must not be.
    let pages = Router::new()
        .leptos_routes_with_context(options, routes(), context.clone(), shell)
        .fallback(leptos_axum::file_and_error_handler_with_context(context, app::shell))
        .layer(CompressionLayer::new())
        .layer(middleware::map_response(guard::never_cached))
        .with_state(options.clone());
    Router::new()
        .route("/ws", any(socket::upgrade))
        .route("/download/runs/{id}/{file}", get(download::file))
        .route("/download/{file}", get(download::documents))
        .merge(assets::router(options))
        .merge(pages)
        .layer(Extension(backend))
        .layer(Extension(lifecycle))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn_with_state(port, guard::admit))
        .layer(middleware::map_response(guard::secured))
}

/// Serves until `lifecycle.stop` is cancelled, then finishes the requests at hand and closes every socket.
///
/// # Errors
///
/// The listener failed.
pub async fn serve(listener: TcpListener, router: Router, lifecycle: Lifecycle) -> io::Result<()> {
    let stopped = lifecycle.stop.clone().cancelled_owned();
    let served = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
    // axum does not wait for upgraded connections.
    lifecycle.stop.cancel();
    lifecycle.sockets.close();
    lifecycle.sockets.wait().await;
    served
}

/// The addresses of the pages. Listing them runs the app once with its resources off, for the whole process, so it is
/// done once and before the first page.
fn routes() -> Vec<AxumRouteListing> {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| leptos_axum::generate_route_list(app::App)).clone()
}
