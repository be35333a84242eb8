//! The one way out: allow, pace, send, judge, try again.

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until};
use url::{Host, Url};

use crate::{
    Endpoint, Error, Kind, Meter, Options, Period, Request, Trust, body,
    error::Inner,
    pacer::{Pause, acquire_all, try_acquire_all},
    retry::{Attempts, retry_after},
    secret::Secrets,
    words,
};

/// A client of one remote service. Clones share connections, pacing and counters; [`Http::with_meter`] gives a
/// clone that counts elsewhere.
#[derive(Clone)]
pub struct Http {
    remote: Arc<Remote>,
    meter: Meter,
}

struct Remote {
    service: String,
    name: String,
    base_url: Url,
    headers: HeaderMap,
    secrets: Secrets,
    allowed: &'static [Endpoint],
    classify: Option<Classify>,
    options: Options,
    client: reqwest::Client,
}

/// What a client of one remote service is made from.
pub struct Config {
    /// The service's key, under which requests are counted: `source`, `target`, `gemini`.
    pub service: String,
    /// The service as people know it: the name of an index, `Gemini`.
    pub name: String,
    /// Where it is; may have a path, below which all requests go.
    pub base_url: Url,
    /// Headers that hold keys. They are marked sensitive, and their values are taken out of everything the upstream
    /// answers.
    pub credentials: Vec<(HeaderName, SecretString)>,
    /// Other headers of every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What may be sent at all.
    pub allowed: &'static [Endpoint],
    /// What the service's own error bodies mean; `None` to go by the status alone.
    pub classify: Option<Classify>,
    /// Timeouts, retries, jitter.
    pub options: Options,
}

/// Judges an answer that is no success by what the service's error bodies mean.
pub type Classify = Arc<dyn Fn(&Response) -> Verdict + Send + Sync>;

/// What an error answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What its status means everywhere.
    ByStatus,
    /// Slow down; for this long, if the upstream says so.
    Throttled(Option<Duration>),
    /// It will not get better by trying again.
    Permanent(Kind),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, complete.
    pub body: Bytes,
}

/// Why a 2xx answer cannot be used; it is asked for again. Without a final dot, to be read after
/// "the answer cannot be used:".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(pub String);

impl From<serde_json::Error> for Unusable {
    fn from(error: serde_json::Error) -> Self {
        Self(if error.is_eof() {
            "it is cut off".to_owned()
        } else {
            format!("not the expected JSON: {error}")
        })
    }
}

/// A body beyond this is no answer to anything we ask; reading on would only fill memory.
const LARGEST_BODY: usize = 256 << 20;
/// How many bytes of an error's body are kept for the crate that knows the service.
const KEPT_BODY: usize = 64 << 10;

/// An upstream that asks to slow down for longer than this means a quota, not a pace.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Whether a key may travel there: over TLS, or without it to this very machine.
#[must_use]
pub fn is_safe_for_keys(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

/// What one attempt came to.
enum Outcome<T> {
    Done(T),
    Throttled { asked: Option<Duration> },
    Failed(Failure),
}

/// A failed attempt. Whatever the service said in it has lost its secrets already, so that it may be logged.
struct Failure {
    kind: Kind,
    /// For a note: `502`, `no connection`.
    why: String,
    message: String,
    answer: Option<(StatusCode, String)>,
    again: Again,
}

/// Whether a failed attempt is worth another.
enum Again {
    Never,
    WithBackoff,
    After(Duration),
}

impl Http {
    /// Makes a client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Kind::NotAllowed`] if the base URL is no `http(s)` URL or holds credentials, if a credential cannot be a
    /// header's value, or if a CA certificate cannot be read.
    pub fn new(config: Config) -> Result<Self, Error> {
        let Config { service, name, base_url, credentials, headers, allowed, classify, options } = config;
        let refused = |message: &str| {
            Error::new(Inner {
                service: name.clone(),
                endpoint: "set-up".to_owned(),
                kind: Kind::NotAllowed,
                message: message.to_owned(),
                attempts: 0,
                status: None,
                body: String::new(),
            })
        };
        if !matches!(base_url.scheme(), "http" | "https") || !base_url.has_host() {
            return Err(refused("the base URL must be an http or https URL"));
        }
        if !base_url.username().is_empty() || base_url.password().is_some() {
            return Err(refused("the base URL must not hold credentials; give the key by itself"));
        }
        let mut map = HeaderMap::new();
        map.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        map.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("tain/", env!("CARGO_PKG_VERSION"), " source_tag=tain")),
        );
        map.extend(headers);
        for (header, secret) in &credentials {
            let mut value = HeaderValue::from_str(secret.expose_secret())
                .map_err(|_| refused("the key holds characters that no key has; copy it again"))?;
            value.set_sensitive(true);
            map.insert(header.clone(), value);
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one client")]
        let builder = reqwest::Client::builder();
        let client = trusting(builder, &options.trust)
            .map_err(|_| refused("the CA certificate is no PEM file with a certificate in it"))?
            .connect_timeout(options.timeouts.connect)
            .read_timeout(options.timeouts.read)
            .timeout(options.timeouts.total)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .build()
            .map_err(|error| refused(&format!("no HTTP client: {}", innermost(&error))))?;
        let secrets = Secrets::new(credentials.into_iter().map(|(_, secret)| secret));
        let remote =
            Remote { service, name, base_url, headers: map, secrets, allowed, classify, options, client };
        Ok(Self { remote: Arc::new(remote), meter: Meter::new() })
    }

    /// A clone that counts in this meter; connections and pacing stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self { remote: Arc::clone(&self.remote), meter }
    }

    /// The service as people know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.remote.name
    }

    /// Sends a request and reads its answer, waiting and trying again as the options and the upstream demand.
    ///
    /// `read` is given every 2xx answer; one that it calls unusable is asked for again, like a 502. Dropping the
    /// future stops everything at once.
    ///
    /// # Errors
    ///
    /// See [`Kind`].
    pub async fn send<T>(
        &self,
        request: &Request,
        read: impl Fn(&Response) -> Result<T, Unusable>,
    ) -> Result<T, Error> {
        let (url, label) = self.admit(request)?;
        let remote = &*self.remote;
        let mut attempts = Attempts::default();
        loop {
            self.pace(request).await;
            attempts.sent += 1;
            let started = Instant::now();
            match self.attempt(&url, label, request, &read).await {
                Outcome::Done(value) => return Ok(value),
                Outcome::Throttled { asked } => {
                    self.meter.throttled(&remote.service, label);
                    let jitter = remote.options.jitter.next();
                    let pause = attempts.after_throttle(&remote.options.retry, jitter, asked);
                    self.slow_down(request, label, started, pause).await;
                }
                Outcome::Failed(failure) => {
                    let asked = match failure.again {
                        Again::Never => return Err(self.error(label, failure, attempts.sent)),
                        Again::WithBackoff => None,
                        Again::After(wait) => Some(wait),
                    };
                    let jitter = remote.options.jitter.next();
                    let took = started.elapsed();
                    let retry = &remote.options.retry;
                    let Some(wait) = attempts.after_failure(retry, jitter, took, asked) else {
                        return Err(self.error(label, failure, attempts.sent));
                    };
                    let wait_in_words = words::wait(wait);
                    let message = format!(
                        "{}: {label} failed ({}), trying again in {wait_in_words}",
                        remote.name, failure.why
                    );
                    tracing::debug!(service = remote.name, label, error = failure.message, "trying again");
                    self.meter.note(&remote.service, label, message.clone());
                    self.pause(message, Instant::now() + wait).await;
                    self.meter.retrying(&remote.service, label);
                }
            }
        }
    }

    /// Sends a request and parses the answer's JSON.
    ///
    /// # Errors
    ///
    /// See [`Kind`].
    pub async fn json<T: serde::de::DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        self.send(request, |response| Ok(serde_json::from_slice(&response.body)?)).await
    }

    /// The URL and label of a request that is on the allow-list. What is compared is the path as it would be sent,
    /// so that no `..` slips through.
    fn admit(&self, request: &Request) -> Result<(Url, &'static str), Error> {
        let remote = &*self.remote;
        let prefix = remote.base_url.path().trim_end_matches('/');
        let mut url = remote.base_url.clone();
        url.set_path(&format!("{prefix}{}", request.path));
        url.set_query((!request.query.is_empty()).then_some(&request.query));
        url.set_fragment(None);
        let path = url.path().strip_prefix(prefix).unwrap_or_default();
        let endpoint = remote.allowed.iter().find(|endpoint| endpoint.matches(&request.method, path));
        match endpoint {
            Some(endpoint) => Ok((url, endpoint.label)),
            None => Err(Error::new(Inner {
                service: remote.name.clone(),
                endpoint: format!("{} {}", request.method, url.path()),
                kind: Kind::NotAllowed,
                message: "not on the list of allowed requests; nothing was sent".to_owned(),
                attempts: 0,
                status: None,
                body: String::new(),
            })),
        }
    }

    async fn pace(&self, request: &Request) {
        if request.costs.is_empty() || try_acquire_all(&request.costs) {
            return;
        }
        let _shown = self.meter.waiting_for(&self.remote.service, &self.remote.name, &request.costs);
        acquire_all(&request.costs).await;
    }

    /// Pauses everyone who shares a limit with this request; the wait itself happens in the next [`Self::pace`].
    async fn slow_down(&self, request: &Request, label: &'static str, sent: Instant, pause: Pause) {
        let remote = &*self.remote;
        // Every pacer must hear of it, hence no short circuit.
        let news = request.costs.iter().filter(|(pacer, _)| pacer.slow_down(sent, pause)).count() > 0;
        let message = format!(
            "{} asked to slow down (429), going on in {}; nothing is lost",
            remote.name,
            words::wait(pause.length())
        );
        if news || request.costs.is_empty() {
            self.meter.note(&remote.service, label, message.clone());
        }
        if request.costs.is_empty() {
            self.pause(message, Instant::now() + pause.length()).await;
        }
    }

    async fn pause(&self, message: String, until: Instant) {
        let _shown = self.meter.waiting_until(&self.remote.service, message, until);
        sleep_until(until).await;
    }

    async fn attempt<T>(
        &self,
        url: &Url,
        label: &'static str,
        request: &Request,
        read: impl Fn(&Response) -> Result<T, Unusable>,
    ) -> Outcome<T> {
        let flight =
            self.meter.sending(&self.remote.service, label, request.body.as_ref().map_or(0, Bytes::len));
        let response = match self.exchange(url, request).await {
            Ok(response) => response,
            Err(failure) => return Outcome::Failed(failure),
        };
        flight.received(response.body.len());
        if !response.status.is_success() {
            return self.judge(&response);
        }
        match read(&response) {
            Ok(value) => {
                flight.succeeded();
                Outcome::Done(value)
            }
            Err(Unusable(reason)) => Outcome::Failed(Failure {
                kind: Kind::Malformed,
                why: "unusable answer".to_owned(),
                message: format!(
                    "the answer cannot be used: {}",
                    words::clipped(&self.remote.secrets.redact(reason), 300)
                ),
                answer: Some((response.status, String::new())),
                again: Again::WithBackoff,
            }),
        }
    }

    async fn exchange(&self, url: &Url, request: &Request) -> Result<Response, Failure> {
        let mut outgoing = reqwest::Request::new(request.method.clone(), url.clone());
        *outgoing.headers_mut() = self.remote.headers.clone();
        if let Some(body) = &request.body {
            outgoing
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(request.content_type));
            *outgoing.body_mut() = Some(body.clone().into());
        }
        let mut incoming = self.remote.client.execute(outgoing).await.map_err(|error| lost(&error, false))?;
        let status = incoming.status();
        let headers = std::mem::take(incoming.headers_mut());
        let announced = incoming.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(LARGEST_BODY));
        while let Some(chunk) = incoming.chunk().await.map_err(|error| lost(&error, true))? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(Failure {
                    kind: Kind::Malformed,
                    why: "endless answer".to_owned(),
                    message: format!("the answer is longer than {} MB", LARGEST_BODY >> 20),
                    answer: Some((status, String::new())),
                    again: Again::Never,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body: body.freeze() })
    }

    /// What an answer that is no success means.
    fn judge<T>(&self, response: &Response) -> Outcome<T> {
        let status = response.status;
        let verdict = self.remote.classify.as_ref().map_or(Verdict::ByStatus, |classify| classify(response));
        let (kind, again) = match verdict {
            Verdict::Throttled(asked) => return throttled(self, response, asked),
            Verdict::Permanent(kind) => (kind, Again::Never),
            Verdict::ByStatus => match status.as_u16() {
                429 => return throttled(self, response, None),
                401 => (Kind::Unauthorized, Again::Never),
                403 => (Kind::Forbidden, Again::Never),
                404 => (Kind::NotFound, Again::Never),
                413 | 414 | 431 => (Kind::TooLarge, Again::Never),
                501 | 505 => (Kind::Refused, Again::Never),
                408 | 500..=599 => (
                    Kind::Unavailable,
                    retry_after(&response.headers).map_or(Again::WithBackoff, Again::After),
                ),
                _ => (Kind::Refused, Again::Never),
            },
        };
        Outcome::Failed(self.failure(response, kind, again))
    }

    fn failure(&self, response: &Response, kind: Kind, again: Again) -> Failure {
        let status = response.status;
        let secrets = &self.remote.secrets;
        let said = body::message(&response.body, secrets).filter(|said| {
            // "401 Unauthorized: Unauthorized" says nothing twice.
            !status.canonical_reason().is_some_and(|reason| said.eq_ignore_ascii_case(reason))
                && !said.starts_with(status.as_str())
        });
        let reason = status.canonical_reason().unwrap_or("(no standard status)");
        let message = match said {
            Some(said) => format!("{} {reason}: {said}", status.as_str()),
            None => format!("{} {reason}", status.as_str()),
        };
        let mut text = secrets.redact(String::from_utf8_lossy(&response.body).into_owned());
        text.truncate(text.floor_char_boundary(KEPT_BODY));
        Failure { kind, why: status.as_str().to_owned(), message, answer: Some((status, text)), again }
    }

    fn error(&self, label: &'static str, failure: Failure, attempts: u32) -> Error {
        let Failure { kind, message, answer, .. } = failure;
        let (status, body) =
            answer.map_or((None, String::new()), |(status, body)| (Some(status.as_u16()), body));
        let message = if attempts > 1 { format!("{message} (after {attempts} attempts)") } else { message };
        Error::new(Inner {
            service: self.remote.name.clone(),
            endpoint: label.to_owned(),
            kind,
            message,
            attempts,
            status,
            body,
        })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("name", &self.remote.name)
            .field("base_url", &self.remote.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// A builder that believes these certificates. A file without a certificate is an error too: it would believe no one
/// more than before.
fn trusting(
    builder: reqwest::ClientBuilder,
    trust: &Trust,
) -> Result<reqwest::ClientBuilder, Option<reqwest::Error>> {
    match trust {
        Trust::Platform => Ok(builder),
        Trust::PlatformAnd(pem) => {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)?;
            if certificates.is_empty() { Err(None) } else { Ok(builder.tls_certs_merge(certificates)) }
        }
        Trust::Anybody => Ok(builder.tls_danger_accept_invalid_certs(true)),
    }
}

/// A pause; or, if it is meant to last for hours, a quota that is used up.
fn throttled<T>(http: &Http, response: &Response, asked: Option<Duration>) -> Outcome<T> {
    let asked = asked.or_else(|| retry_after(&response.headers));
    if asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
        let kind = Kind::QuotaExhausted { period: Period::Day, resume_after: asked };
        return Outcome::Failed(http.failure(response, kind, Again::Never));
    }
    Outcome::Throttled { asked }
}

/// A connection that was not made, was lost, or stalled.
fn lost(error: &reqwest::Error, in_body: bool) -> Failure {
    let (kind, why, message) = if error.is_timeout() {
        (Kind::Timeout, "no answer in time", "no answer in time".to_owned())
    } else if in_body {
        (Kind::Malformed, "cut-off answer", format!("the answer was cut off: {}", innermost(error)))
    } else if error.is_builder() {
        (Kind::Refused, "impossible request", format!("the request cannot be sent: {}", innermost(error)))
    } else if error.is_connect() {
        (Kind::Unreachable, "no connection", format!("no connection: {}", innermost(error)))
    } else {
        (Kind::Unreachable, "lost connection", format!("the connection was lost: {}", innermost(error)))
    };
    // A certificate does not become another one by asking again.
    let is_mistrusted = error.is_connect() && message.contains("certificate");
    let again = if error.is_builder() || is_mistrusted { Again::Never } else { Again::WithBackoff };
    Failure { kind, why: why.to_owned(), message, answer: None, again }
}

/// The cause at the bottom of the chain, which is what says something: "connection refused". The outer errors name
/// the URL with its query.
fn innermost(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "unknown cause".to_owned() };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    words::clipped(&cause.to_string(), 200)
}
