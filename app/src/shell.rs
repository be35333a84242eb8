//! The HTML document around the app. Only the server writes it.

use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use crate::{App, Assets, theme::Theme};

/// The document. Also gives the response its Content-Security-Policy, because the nonce is known here.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let nonce = use_nonce();
    if let (Some(nonce), Some(response)) = (&nonce, use_context::<leptos_axum::ResponseOptions>())
        && let Ok(policy) = http::HeaderValue::from_str(&content_security_policy(nonce, &options))
    {
        response.insert_header(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    // Absent while the routes are listed at the start; every request has them.
    let assets = use_context::<Assets>();
    let style = assets.as_ref().map(|assets| assets.style.clone());
    let script = assets.map(|Assets { script, wasm, .. }| {
        let start = format!(
            "import({script:?}).then(app => app.default({{ module_or_path: {wasm:?} }}).then(() => app.hydrate()))"
        );
        // leptos' own `HydrationScripts` writes the preload without a nonce, which the policy below refuses.
        view! {
            <link rel="modulepreload" href=script nonce=nonce.clone() />
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
            <script type="module" nonce=nonce.clone()>
                {start}
            </script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=Theme::of_page().as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="preload" href="/fonts/inter-5.3.0.woff2" r#as="font" r#type="font/woff2" crossorigin="" />
                <link rel="stylesheet" href=style />
                <AutoReload options />
                {script}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Scripts by nonce alone, styles from here alone, nothing from elsewhere, no framing.
fn content_security_policy(nonce: &str, options: &LeptosOptions) -> String {
    // cargo-leptos' live reload listens on a port of its own; a release build has none.
    let reload = if cfg!(debug_assertions) {
        let port = options.reload_port;
        format!(" ws://127.0.0.1:{port} ws://localhost:{port}")
    } else {
        String::new()
    };
    format!(
        "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self' 'nonce-{nonce}'; connect-src 'self'{reload}; img-src 'self' data:; font-src 'self'; \
         object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
}
