//! What happens to every call before and after it is worked on: counting, latency, faults, keys.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as AxumBody, HttpBody, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, StatusCode, header};

use crate::connection::Connection;
use crate::counters::Request as LoggedRequest;
use crate::endpoint::is_forbidden;
use crate::fault::{Body, Effect};
use crate::random::{below, hash, mix};
use crate::shared::{Plane, Shared};
use crate::{Endpoint, elasticsearch, gemini, pinecone};

/// What befalls a call, for the handlers that break their own answers.
#[derive(Clone)]
pub(crate) struct Effects(pub(crate) Arc<[Effect]>);

/// The outcome of a call whose connection is reset: nobody reads it.
struct NoAnswer;

pub(crate) async fn intercept(
    State(plane): State<Plane>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if plane.index.is_none() && path.starts_with("/sandbox") {
        // A page of any site could otherwise reset a rehearsal: browsers let it send, though not read.
        if request.headers().contains_key(header::ORIGIN) {
            return (StatusCode::FORBIDDEN, "The sandbox is not driven by web pages.").into_response();
        }
        return next.run(request).await;
    }
    let shared = Arc::clone(&plane.shared);
    let endpoint = plane.endpoint(&method, &path);
    let (number, call) = {
        let mut counters = shared.counters();
        counters.forbidden += u64::from(is_forbidden(&method, &path) && endpoint != Endpoint::Cursor);
        let calls = counters.calls(plane.index, endpoint);
        calls.requests += 1;
        calls.bytes_in += content_length(request.headers());
        let call = calls.requests;
        let logged = LoggedRequest {
            number: 0,
            index: plane
                .index
                .and_then(|index| shared.indexes.get(index))
                .map(|index| index.options.name.clone()),
            endpoint,
            method: method.to_string(),
            path: without_key(request.uri()),
            status: None,
        };
        (counters.log(logged, shared.options.request_log), call)
    };
    let page = (endpoint == Endpoint::List).then(|| pinecone::listed_page(request.uri().query()));
    let effects = shared.faults.befall(endpoint, &shared.names(plane.index), page);
    let answer = tokio::select! {
        // A call that hangs must not keep the sandbox from stopping.
        () = shared.shutdown.cancelled() => Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        answer = answer(&plane, endpoint, call, effects, &connection, request, next) => answer,
    };
    let mut counters = shared.counters();
    let calls = counters.calls(plane.index, endpoint);
    match answer {
        Ok(response) => {
            calls.failed += u64::from(response.status().as_u16() >= 400);
            calls.bytes_out += body_bytes(&response);
            counters.set_status(number, response.status().as_u16());
            response
        }
        Err(NoAnswer) => {
            calls.failed += 1;
            StatusCode::OK.into_response()
        }
    }
}

/// Reads a body to its end. Whoever is answered while still sending may lose the answer with the connection, and would
/// take a refusal for a broken network.
async fn taken_whole(request: Request) -> Request {
    let (parts, body) = request.into_parts();
    // A body that broke off has nobody left to be answered.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Request::from_parts(parts, AxumBody::from(bytes))
}

async fn answer(
    plane: &Plane,
    endpoint: Endpoint,
    call: u64,
    effects: Vec<Effect>,
    connection: &Connection,
    mut request: Request,
    next: Next,
) -> Result<Response, NoAnswer> {
    let shared = &plane.shared;
    wait(shared, endpoint, call, &effects).await;
    let is_gemini = matches!(endpoint, Endpoint::Embed | Endpoint::CountTokens | Endpoint::Models);
    let refuses = |effect: &Effect| {
        matches!(
            effect,
            Effect::Status { .. } | Effect::Quota { .. } | Effect::ExpiredKey | Effect::TooLarge { .. }
        )
    };
    if effects.iter().any(refuses) {
        request = taken_whole(request).await;
    }
    for effect in &effects {
        match effect {
            Effect::Hang => std::future::pending().await,
            Effect::Reset => {
                connection.reset_after(0);
                return Err(NoAnswer);
            }
            Effect::Status { code, body, retry_after, message } => {
                return Ok(failure(plane, is_gemini, *code, *body, *retry_after, message.as_deref()));
            }
            Effect::Quota { period, retry_seconds } => {
                return Ok(gemini::exhausted(shared, *period, *retry_seconds));
            }
            Effect::ExpiredKey if is_gemini => return Ok(gemini::invalid_key()),
            Effect::ExpiredKey if plane.is_elasticsearch() => {
                return Ok(elasticsearch::error(plane, StatusCode::UNAUTHORIZED, "the key is not valid"));
            }
            Effect::ExpiredKey => return Ok(pinecone::unauthorized()),
            Effect::TooLarge { bytes, code } => {
                if let Some(refused) = too_large(plane, is_gemini, &request, *bytes, *code) {
                    return Ok(refused);
                }
            }
            _ => {}
        }
    }
    let url_bytes = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
    if url_bytes > shared.options.switches.url_bytes {
        return Ok((StatusCode::URI_TOO_LONG, html("414 Request-URI Too Large")).into_response());
    }
    let refused = if plane.is_elasticsearch() {
        elasticsearch::check_key(shared, request.headers())
    } else if is_gemini {
        gemini::check_key(shared, request.headers(), request.uri().query())
    } else {
        pinecone::check_key(shared, request.headers())
    };
    if let Some(refused) = refused {
        return Ok(refused);
    }
    let effects: Arc<[Effect]> = effects.into();
    request.extensions_mut().insert(Effects(Arc::clone(&effects)));
    let mut response = next.run(request).await;
    for effect in effects.iter() {
        response = match effect {
            Effect::LostAnswer => {
                connection.reset_after(0);
                return Err(NoAnswer);
            }
            Effect::ResetInBody { after_bytes } => {
                let half = usize::try_from(body_bytes(&response) / 2).unwrap_or_default();
                // A head takes about so much.
                connection.reset_after(after_bytes.unwrap_or(half + 150));
                response
            }
            Effect::CutBody { after_bytes } => cut(response, *after_bytes).await,
            Effect::SlowBody { chunk_bytes, pause_ms } => {
                slow(response, *chunk_bytes, Duration::from_millis(*pause_ms)).await
            }
            _ => response,
        };
    }
    Ok(response)
}

async fn wait(shared: &Shared, endpoint: Endpoint, call: u64, effects: &[Effect]) {
    let usual = shared.options.latency.get(&endpoint).map_or(0, |latency| {
        let range = usize::try_from(latency.max_ms.saturating_sub(latency.min_ms)).unwrap_or_default();
        let draw = mix(shared.options.seed ^ mix(call) ^ hash(format!("{endpoint:?}").as_bytes()));
        latency.min_ms + below(draw, range + 1) as u64
    });
    let more: u64 =
        effects.iter().map(|effect| if let Effect::Latency { ms } = effect { *ms } else { 0 }).sum();
    if usual + more > 0 {
        tokio::time::sleep(Duration::from_millis(usual + more)).await;
    }
}

fn failure(
    plane: &Plane,
    is_gemini: bool,
    code: u16,
    body: Body,
    retry_after: Option<u64>,
    message: Option<&str>,
) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let usual = status.canonical_reason().unwrap_or("Error");
    let message = message.unwrap_or(usual);
    let mut response = match body {
        Body::Json if is_gemini => gemini::error(status, message, Vec::new()),
        Body::Json if plane.is_elasticsearch() => elasticsearch::error(plane, status, message),
        Body::Json => pinecone::error(plane, status, message),
        Body::Array => gemini::error_in_array(status, message),
        Body::Html => (status, html(&format!("{code} {message}"))).into_response(),
        Body::Text => (status, message.to_owned()).into_response(),
        Body::Empty => status.into_response(),
    };
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The refusal of a call whose body (or where it has none, whose URL) is longer than so many bytes.
fn too_large(
    plane: &Plane,
    is_gemini: bool,
    request: &Request,
    most: usize,
    code: Option<u16>,
) -> Option<Response> {
    let body = usize::try_from(content_length(request.headers())).unwrap_or(usize::MAX);
    let url = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
    let found = if body == 0 { url } else { body };
    if found <= most {
        return None;
    }
    let code = code.and_then(|code| StatusCode::from_u16(code).ok());
    Some(match body {
        0 => {
            let status = code.unwrap_or(StatusCode::URI_TOO_LONG);
            (status, html(&format!("{} Request-URI Too Large", status.as_u16()))).into_response()
        }
        _ if is_gemini => {
            let message = format!("Request payload size exceeds the limit: {most} bytes.");
            gemini::error(code.unwrap_or(StatusCode::BAD_REQUEST), &message, Vec::new())
        }
        _ if plane.is_elasticsearch() => {
            elasticsearch::error(plane, code.unwrap_or(StatusCode::PAYLOAD_TOO_LARGE), "too large")
        }
        _ => pinecone::too_large(code.unwrap_or(StatusCode::PAYLOAD_TOO_LARGE), found, most),
    })
}

fn html(title: &str) -> axum::response::Html<String> {
    axum::response::Html(format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ))
}

async fn body_of(response: Response) -> (http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    // The body lies in memory already, so that reading it cannot fail.
    (parts, to_bytes(body, usize::MAX).await.unwrap_or_default())
}

async fn cut(response: Response, after: Option<usize>) -> Response {
    let (parts, body) = body_of(response).await;
    let length = after.unwrap_or(body.len() / 2).min(body.len());
    Response::from_parts(parts, AxumBody::from(body.slice(..length)))
}

async fn slow(response: Response, chunk: usize, pause: Duration) -> Response {
    let (parts, body) = body_of(response).await;
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(chunk.clamp(1, rest.len()));
        Some((Ok::<_, std::convert::Infallible>(piece), rest))
    });
    Response::from_parts(parts, AxumBody::from_stream(pieces))
}

fn content_length(headers: &HeaderMap) -> u64 {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

fn body_bytes(response: &Response) -> u64 {
    response.body().size_hint().exact().unwrap_or_default()
}

/// The URL without `key=…`, which Gemini accepts in place of the header.
fn without_key(uri: &http::Uri) -> String {
    let Some(query) = uri.query() else { return uri.path().to_owned() };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("key=")).collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}
