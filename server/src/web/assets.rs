//! The static files: what cargo-leptos builds below `/pkg`, and what lies in `public/`.

use std::path::{Path, PathBuf};

use app::Assets;
use axum::{Router, http::HeaderValue, middleware, response::Response};
use http::header::CACHE_CONTROL;
use leptos::config::LeptosOptions;
use tower_http::services::{ServeDir, ServeFile};

/// The names of the files that a page loads.
///
/// cargo-leptos writes their hashes into a file beside the executable. Without it the plain names are used, and the
/// pages work once the frontend is built.
pub fn find(options: &LeptosOptions) -> Assets {
    let hashes = if options.hash_files { read_hashes(options) } else { String::new() };
    named(&options.output_name, &options.site_pkg_dir, &hashes)
}

fn read_hashes(options: &LeptosOptions) -> String {
    let path = std::env::current_exe()
        .ok()
        .and_then(|executable| executable.parent().map(Path::to_owned))
        .unwrap_or_default()
        .join(&*options.hash_file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "no hashes of the frontend's files; was it built?");
        String::new()
    })
}

/// The names, given the lines `js: HASH`, `wasm: HASH` and `css: HASH`.
fn named(output: &str, directory: &str, hashes: &str) -> Assets {
    let path = |kind: &str| {
        let hash = hashes.lines().find_map(|line| {
            let (name, hash) = line.split_once(':')?;
            (name.trim() == kind).then(|| hash.trim())
        });
        match hash {
            Some(hash) => format!("/{directory}/{output}.{hash}.{kind}"),
            None => format!("/{directory}/{output}.{kind}"),
        }
    };
    Assets { script: path("js"), wasm: path("wasm"), style: path("css") }
}

/// The routes of the static files.
pub fn router(options: &LeptosOptions) -> Router {
    let root = PathBuf::from(&*options.site_root);
    let directory = |name: &str| ServeDir::new(root.join(name)).precompressed_br().precompressed_gzip();
    // A hashed or versioned name never changes its content.
    let forever = Router::new().nest_service("/fonts", directory("fonts"));
    let built =
        Router::new().nest_service(&format!("/{}", options.site_pkg_dir), directory(&options.site_pkg_dir));
    let forever = if options.hash_files { forever.merge(built.clone()) } else { forever };
    let checked = if options.hash_files { Router::new() } else { built };
    let checked = checked.route_service("/favicon.svg", ServeFile::new(root.join("favicon.svg")));
    forever
        .layer(middleware::map_response(|response| cached(response, "public, max-age=31536000, immutable")))
        .merge(checked.layer(middleware::map_response(|response| cached(response, "no-cache"))))
}

/// Says how long a file may be kept; what is not there may not be kept at all.
async fn cached(mut response: Response, policy: &'static str) -> Response {
    let found = response.status().is_success() || response.status() == http::StatusCode::NOT_MODIFIED;
    let policy = if found { policy } else { "no-store" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(policy));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_hashes_where_there_are_any() {
        let assets = named("tain", "pkg", "js: abc\nwasm: def\ncss: 0_1\n");
        assert_eq!(assets.script, "/pkg/tain.abc.js");
        assert_eq!(assets.wasm, "/pkg/tain.def.wasm");
        assert_eq!(assets.style, "/pkg/tain.0_1.css");
        assert_eq!(named("tain", "pkg", "").style, "/pkg/tain.css");
    }
}
