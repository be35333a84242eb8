//! What every request has to pass and every response carries.

use std::net::IpAddr;

use app::Admitted;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header;

/// Lets a request in if it names this server, and marks it as admitted.
///
/// A browser that was lured to `evil.example`, whose name then resolves to 127.0.0.1, sends `Host: evil.example`.
pub async fn admit(State(port): State<u16>, mut request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let target = request.uri().authority().map(Authority::as_str);
    let ours = named.is_some_and(|host| is_ours(host, port)) && target.is_none_or(|host| is_ours(host, port));
    if !ours {
        let message = format!(
            "this server answers only to a loopback name with its port, as in http://127.0.0.1:{port}\n"
        );
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    request.extensions_mut().insert(Admitted);
    next.run(request).await
}

/// Whether `host[:port]` is a loopback name or address with our port.
pub fn is_ours(host: &str, port: u16) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    // `user@127.0.0.1` names nobody's host.
    if host.contains('@') || authority.port_u16().unwrap_or(80) != port {
        return false;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a socket may be opened: browsers always send an `Origin`, and it must be the page of this very host. Whatever
/// sends none is no browser, so nobody's page is behind it.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")));
    origin.is_some() && origin == host
}

/// The headers of every response. A page has set its own policy, with its nonce; everything else may do nothing.
pub async fn secured(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 8] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: a form without a script is sent back to the page it came from.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
             microphone=(), midi=(), payment=(), serial=(), usb=(), clipboard-write=(self)",
        ),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Pages and answers show a moment of a run: they are never kept.
pub async fn never_cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_with_our_port_are_ours() {
        for host in [
            "127.0.0.1:3000",
            "localhost:3000",
            "LOCALHOST:3000",
            "[::1]:3000",
            "a.localhost:3000",
            "127.9.9.9:3000",
        ] {
            assert!(is_ours(host, 3_000), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:3001",
            "evil.example:3000",
            "localhost.evil.example:3000",
            "127.0.0.1.evil.example:3000",
            "evil@127.0.0.1:3000",
            "10.0.0.1:3000",
            "0.0.0.0:3000",
            "",
        ] {
            assert!(!is_ours(host, 3_000), "{host}");
        }
        assert!(is_ours("localhost", 80));
    }

    #[test]
    fn an_origin_is_the_host_or_foreign() {
        let headers = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:3000"));
            if !origin.is_empty() {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers
        };
        assert!(same_origin(&headers("http://127.0.0.1:3000")));
        assert!(same_origin(&headers("")));
        for foreign in ["null", "http://127.0.0.1:4000", "http://localhost:3000", "file://127.0.0.1:3000"] {
            assert!(!same_origin(&headers(foreign)), "{foreign}");
        }
    }
}
