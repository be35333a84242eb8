//! The client against a server that answers what it is told to, byte for byte.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::{Instant, advance},
};
use upstream::{
    Config, Endpoint, Error, Http, Jitter, Kind, Meter, Options, Pacer, Period, Request, Retry, Timeouts,
    Trust, Unusable, Verdict,
};

const KEY: &str = "sk-very-secret-key";

static ALLOWED: [Endpoint; 2] = [
    Endpoint { label: "read", method: Method::GET, path: "/read" },
    Endpoint { label: "write", method: Method::POST, path: "/things/*:write" },
];

/// What the server does with a request.
enum Reply {
    /// Writes these bytes and waits for the next request.
    Raw(String),
    /// Writes these bytes and closes the connection.
    Cut(String),
    /// Never answers.
    Silence,
}

fn reply(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

fn ok() -> Reply {
    reply("200 OK", "", r#"{"ok":true}"#)
}

/// A server with a script, one reply for each request; after the script it answers 200.
#[derive(Clone)]
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let running = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                running.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&running.requests)));
            }
        });
        server
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request);
        let next = script.lock().unwrap().pop_front().unwrap_or_else(ok);
        match next {
            Reply::Raw(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Reply::Cut(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Some(text);
        }
    }
}

fn options(retry: Retry) -> Options {
    // Without jitter there is no wait but the one that a server asks for.
    Options { retry, jitter: Jitter::new(|| 0.0), ..Options::default() }
}

fn config(url: &str, options: Options) -> Config {
    Config {
        service: "target".to_owned(),
        name: "askdona".to_owned(),
        base_url: url.parse().unwrap(),
        credentials: vec![(HeaderName::from_static("api-key"), KEY.into())],
        headers: vec![(HeaderName::from_static("x-version"), HeaderValue::from_static("7"))],
        allowed: &ALLOWED,
        classify: None,
        options,
    }
}

fn client(server: &Server, retry: Retry) -> Http {
    Http::new(config(&server.url, options(retry))).unwrap()
}

fn read() -> Request {
    Request::get("/read")
}

async fn get(http: &Http) -> Result<Value, Error> {
    http.json(&read()).await
}

/// The error after one reply to a client that does not try again.
async fn error_after(only: Reply) -> Error {
    let server = Server::start([only]).await;
    get(&client(&server, Retry::never())).await.unwrap_err()
}

/// Runs the future with a clock that stands still unless it is advanced: as long as a task is busy, the paused clock
/// does not run ahead of the sockets.
async fn frozen<T>(future: impl Future<Output = T>) -> T {
    let busy = tokio::spawn(async {
        loop {
            yield_now().await;
        }
    });
    let result = future.await;
    busy.abort();
    result
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_request_carries_its_key_headers_query_and_body() {
    let server = Server::start([]).await;
    let http = client(&server, Retry::default());
    http.json::<Value>(&read().query("q", "a b").query("q", "c&d")).await.unwrap();
    http.json::<Value>(&Request::post("/things/x:write", r#"{"a":1}"#)).await.unwrap();
    let requests = server.requests();
    let head = requests[0].to_ascii_lowercase();
    assert!(head.starts_with("get /read?q=a%20b&q=c%26d http/1.1\r\n"), "{head}");
    for header in
        ["api-key: sk-very-secret-key", "x-version: 7", "accept: application/json", "user-agent: tain/"]
    {
        assert!(head.contains(header), "{head}");
    }
    assert!(requests[1].starts_with("POST /things/x:write HTTP/1.1\r\n"));
    assert!(requests[1].contains("application/json") && requests[1].ends_with(r#"{"a":1}"#));
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let server = Server::start([]).await;
    let http = Http::new(config(&format!("{}/proxy/", server.url), Options::default())).unwrap();
    get(&http).await.unwrap();
    assert!(server.requests()[0].starts_with("GET /proxy/read HTTP/1.1"));
    let outside = Request::new(Method::GET, "/../read".into(), None);
    assert_eq!(*http.json::<Value>(&outside).await.unwrap_err().kind(), Kind::NotAllowed);
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start([]).await;
    let http = client(&server, Retry::default());
    for _ in 0..5 {
        get(&http.with_meter(Meter::new())).await.unwrap();
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_not_allowed_is_not_sent() {
    let server = Server::start([]).await;
    let http = client(&server, Retry::default());
    for (method, path) in [
        (Method::DELETE, "/read"),
        (Method::POST, "/read"),
        (Method::GET, "/read/"),
        (Method::GET, "/read/../delete"),
        (Method::GET, "//read"),
        (Method::POST, "/things/x:delete"),
        (Method::POST, "/things/../things/:write"),
        (Method::POST, "/things/x/y:write"),
        (Method::POST, "/things/%2e%2e/delete"),
    ] {
        let error = http.json::<Value>(&Request::new(method.clone(), path.into(), None)).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::NotAllowed, "{method} {path}");
        assert_eq!(error.attempts(), 0);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let server = Server::start([
        reply("408 Request Timeout", "", ""),
        reply("500 Internal Server Error", "", "oops"),
        reply(
            "502 Bad Gateway",
            "Content-Type: text/html\r\n",
            "<html><title>502 Bad Gateway</title></html>",
        ),
        reply("503 Service Unavailable", "Retry-After: 0\r\n", r#"{"error":{"message":"overloaded"}}"#),
        reply("504 Gateway Timeout", "", ""),
        Reply::Cut(String::new()),
        Reply::Cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":".into()),
        Reply::Cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ok\"\r\n".into()),
        Reply::Cut("nonsense\r\n\r\n".into()),
        reply("200 OK", "", "<html>not json</html>"),
        reply("200 OK", "", ""),
        reply("200 OK", "", r#"{"ok":"#),
    ])
    .await;
    let meter = Meter::new();
    let retry = Retry { retries: 12, ..Retry::default() };
    let http = client(&server, retry).with_meter(meter.clone());
    assert_eq!(get(&http).await.unwrap(), json!({"ok": true}));
    let stats = &meter.snapshot()[0];
    assert_eq!((stats.service.as_str(), stats.endpoint.as_str()), ("target", "read"));
    assert_eq!((stats.requests, stats.succeeded, stats.retried), (13, 1, 12));
    assert_eq!((stats.throttled, stats.in_flight, stats.bytes_sent), (0, 0, 0));
    assert!(stats.bytes_received > 0);
    let notes = meter.drain_notes();
    assert_eq!(notes[0].message, "askdona: read failed (408), trying again in 0 s");
    assert_eq!(notes[0].service, "target");
}

#[tokio::test]
async fn the_count_of_retries_ends_it() {
    let server = Server::start((0..9).map(|_| reply("502 Bad Gateway", "", "<h1>Bad luck</h1>"))).await;
    let error = get(&client(&server, Retry { retries: 3, ..Retry::default() })).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Unavailable);
    assert_eq!((error.attempts(), error.status(), server.requests().len()), (4, Some(502), 4));
    assert_eq!(error.to_string(), "askdona: read: 502 Bad Gateway: Bad luck (after 4 attempts)");
    assert_eq!((error.service(), error.endpoint()), ("askdona", "read"));
}

#[tokio::test]
async fn the_time_budget_ends_it() {
    let server = Server::start([reply("503 Service Unavailable", "Retry-After: 301\r\n", "")]).await;
    let error = get(&client(&server, Retry::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (&Kind::Unavailable, 1));
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_malformed_in_the_end() {
    for (body, says) in [
        ("<html>", "not the expected JSON: expected value at line 1 column 1"),
        (r#"{"ok":tr"#, "it is cut off"),
        ("", "it is cut off"),
    ] {
        let server = Server::start([reply("200 OK", "", body), reply("200 OK", "", body)]).await;
        let error = get(&client(&server, Retry { retries: 1, ..Retry::default() })).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (&Kind::Malformed, 2));
        assert_eq!(
            error.to_string(),
            format!("askdona: read: the answer cannot be used: {says} (after 2 attempts)")
        );
    }
    let server = Server::start([]).await;
    let http = client(&server, Retry::never());
    let error =
        http.send(&read(), |_| Err::<(), _>(Unusable("too few\nembeddings".into()))).await.unwrap_err();
    assert_eq!(error.message(), "the answer cannot be used: too few embeddings");
}

#[tokio::test]
async fn lost_connections_have_names() {
    let error = error_after(Reply::Cut(String::new())).await;
    assert_eq!(*error.kind(), Kind::Unreachable);
    assert!(error.message().starts_with("the connection was lost: "), "{error}");
    let error = error_after(Reply::Cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into())).await;
    assert_eq!(*error.kind(), Kind::Malformed);
    assert!(error.message().starts_with("the answer was cut off: "), "{error}");
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let http = Http::new(config(&url, options(Retry { retries: 2, ..Retry::default() }))).unwrap();
    let error = get(&http).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.status()), (&Kind::Unreachable, 3, None));
    assert!(error.message().starts_with("no connection: Connection refused"), "{error}");
}

#[tokio::test]
async fn permanent_failures_are_not_tried_again() {
    for (status, kind) in [
        ("302 Found", Kind::Refused),
        ("400 Bad Request", Kind::Refused),
        ("401 Unauthorized", Kind::Unauthorized),
        ("402 Payment Required", Kind::Refused),
        ("403 Forbidden", Kind::Forbidden),
        ("404 Not Found", Kind::NotFound),
        ("409 Conflict", Kind::Refused),
        ("412 Precondition Failed", Kind::Refused),
        ("413 Payload Too Large", Kind::TooLarge),
        ("414 URI Too Long", Kind::TooLarge),
        ("422 Unprocessable Entity", Kind::Refused),
        ("431 Request Header Fields Too Large", Kind::TooLarge),
        ("501 Not Implemented", Kind::Refused),
    ] {
        let server = Server::start([reply(status, "Location: /read\r\n", "why\nnot")]).await;
        let error = get(&client(&server, Retry::default())).await.unwrap_err();
        assert_eq!((error.kind(), server.requests().len()), (&kind, 1), "{status}");
        assert!(error.message().starts_with(&status[..3]) && error.message().ends_with(": why"), "{error}");
        assert_eq!(error.body(), "why\nnot");
    }
}

#[tokio::test]
async fn bodies_become_short_messages() {
    let message =
        async |body: &str| error_after(reply("401 Unauthorized", "", body)).await.message().to_owned();
    assert_eq!(message("Unauthorized").await, "401 Unauthorized");
    assert_eq!(message("").await, "401 Unauthorized");
    assert_eq!(message("<title>401 Authorization Required</title>").await, "401 Unauthorized");
    assert_eq!(message("Invalid API Key").await, "401 Unauthorized: Invalid API Key");
    let json = r#"{"error":{"code":"UNAUTHENTICATED","message":"no such key"},"status":401}"#;
    assert_eq!(message(json).await, "401 Unauthorized: no such key");
    assert!(message(&"long ".repeat(1000)).await.chars().count() < 230);
}

#[tokio::test]
async fn keys_are_taken_out_of_whatever_is_answered() {
    let body = json!({"error": {"message": format!("key {KEY} is bad")}, "echo": KEY}).to_string();
    let error = error_after(reply("403 Forbidden", "", &body)).await;
    assert_eq!(error.message(), "403 Forbidden: key *** is bad");
    assert!(error.body().contains("***"));
    assert!(!format!("{error} {error:?} {}", error.body()).contains(KEY));
    // An answer of the wrong type is quoted by serde.
    let server = Server::start([reply("200 OK", "", &format!("\"{KEY}\""))]).await;
    let http = client(&server, Retry::never());
    let error = http.json::<u8>(&read()).await.unwrap_err();
    assert!(error.message().contains("***") && !error.message().contains(KEY), "{error}");
    assert!(!format!("{http:?} {:?}", read().query("key", KEY)).contains(KEY));
}

#[tokio::test]
async fn set_up_mistakes_are_errors() {
    let error = |url: &str, key: &str| {
        let mut config = config(url, Options::default());
        config.credentials = vec![(HeaderName::from_static("api-key"), key.into())];
        Http::new(config).map(drop).unwrap_err()
    };
    assert_eq!(*error("ftp://host", KEY).kind(), Kind::NotAllowed);
    assert!(error("http://user:pass@host", KEY).message().contains("must not hold credentials"));
    assert!(error("http://host", "a\nb").message().contains("no key has"));
}

#[tokio::test(start_paused = true)]
async fn a_429_is_waited_for_and_counts_against_nothing() {
    frozen(async {
        let throttled = || reply("429 Too Many Requests", "Retry-After: 4\r\n", "Too many requests");
        let server = Server::start([throttled(), throttled(), throttled()]).await;
        let meter = Meter::new();
        let http = client(&server, Retry::never()).with_meter(meter.clone());
        let start = Instant::now();
        let call = tokio::spawn(async move { get(&http).await });
        for number in 1..=3 {
            until(|| server.requests().len() == number && !meter.waits().is_empty()).await;
            let wait = meter.waits().remove(0);
            assert_eq!(wait.message, "askdona asked to slow down (429), going on in 4 s; nothing is lost");
            assert_eq!(wait.until - Instant::now(), Duration::from_secs(4));
            advance(Duration::from_secs(4)).await;
        }
        call.await.unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_secs(12));
        let stats = &meter.snapshot()[0];
        assert_eq!((stats.requests, stats.throttled, stats.retried, stats.succeeded), (4, 3, 0, 1));
        assert_eq!(meter.waits(), []);
        assert!(meter.drain_notes()[0].message.contains("nothing is lost"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_the_others_of_its_limit() {
    frozen(async {
        let server = Server::start([reply("429 Too Many Requests", "Retry-After: 10\r\n", "")]).await;
        let meter = Meter::new();
        let http = client(&server, Retry::never()).with_meter(meter.clone());
        let pacer = Pacer::per_second(100, "requests");
        let call = || {
            let (http, request) = (http.clone(), read().paced(&pacer, 1));
            tokio::spawn(async move { http.json::<Value>(&request).await })
        };
        let first = call();
        until(|| !meter.waits().is_empty()).await;
        let second = call();
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(server.requests().len(), 1, "the second call must not be sent during the pause");
        assert_eq!(meter.waits().len(), 1);
        assert_eq!(meter.waits()[0].message, "askdona: asked to slow down (429)");
        // To the end of the pause, which is a little longer than asked for.
        advance(Duration::from_secs(11)).await;
        until(|| server.requests().len() >= 3).await;
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_pause_of_hours_is_a_quota() {
    let error = error_after(reply("429 Too Many Requests", "Retry-After: 7200\r\n", "come back later")).await;
    let resume_after = Some(Duration::from_secs(7200));
    assert_eq!(*error.kind(), Kind::QuotaExhausted { period: Period::Day, resume_after });
    assert!(error.is_quota());
    assert_eq!(error.kind().said_to_resume_at(1_000), Some(7_201_000));
    assert_eq!(error.message(), "429 Too Many Requests: come back later");
}

#[tokio::test]
async fn the_service_may_judge_its_own_errors() {
    let server = Server::start([
        reply("400 Bad Request", "", "slow down, please"),
        reply("429 Too Many Requests", "", "the month is over"),
    ])
    .await;
    let mut config = config(&server.url, options(Retry::never()));
    config.classify = Some(Arc::new(|response| match &*response.body {
        b"slow down, please" => Verdict::Throttled(Some(Duration::ZERO)),
        b"the month is over" => {
            Verdict::Permanent(Kind::QuotaExhausted { period: Period::Month, resume_after: None })
        }
        _ => Verdict::ByStatus,
    }));
    let error = get(&Http::new(config).unwrap()).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::QuotaExhausted { period: Period::Month, resume_after: None });
    assert_eq!(error.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_overrides_the_backoff() {
    frozen(async {
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:57 GMT\r\n";
        let server = Server::start([reply("503 Service Unavailable", date, "")]).await;
        let meter = Meter::new();
        let http = client(&server, Retry::default()).with_meter(meter.clone());
        let call = tokio::spawn(async move { get(&http).await });
        until(|| !meter.waits().is_empty()).await;
        assert_eq!(meter.waits()[0].until - Instant::now(), Duration::from_secs(20));
        assert_eq!(meter.waits()[0].message, "askdona: read failed (503), trying again in 20 s");
        advance(Duration::from_secs(20)).await;
        call.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_a_timeout() {
    frozen(async {
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
        let server = Server::start([Reply::Silence, Reply::Raw(half.into())]).await;
        let timeouts = Timeouts { read: Duration::from_secs(5), ..Timeouts::default() };
        let options = Options { timeouts, ..options(Retry { retries: 1, ..Retry::default() }) };
        let http = Http::new(config(&server.url, options)).unwrap();
        let call = tokio::spawn(async move { get(&http).await });
        // The timer for the second read starts some time after the request was seen, so the clock goes on in steps.
        while !call.is_finished() {
            for _ in 0..1000 {
                yield_now().await;
            }
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(server.requests().len(), 2);
        let error = call.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (&Kind::Timeout, 2));
        assert_eq!(error.message(), "no answer in time (after 2 attempts)");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_stops_it() {
    frozen(async {
        let server =
            Server::start([Reply::Silence, reply("429 Too Many Requests", "Retry-After: 9\r\n", "")]).await;
        let meter = Meter::new();
        let http = client(&server, Retry::default()).with_meter(meter.clone());
        let call = tokio::spawn({
            let http = http.clone();
            async move { get(&http).await }
        });
        until(|| server.requests().len() == 1).await;
        assert_eq!(meter.snapshot()[0].in_flight, 1);
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(meter.snapshot()[0].in_flight, 0);
        let call = tokio::spawn(async move { get(&http).await });
        until(|| !meter.waits().is_empty()).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(meter.waits(), []);
        advance(Duration::from_secs(20)).await;
        assert_eq!(server.requests().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn each_meter_counts_its_own() {
    let server = Server::start([]).await;
    let http = client(&server, Retry::default());
    let (one, two) = (Meter::new(), Meter::new());
    get(&http.with_meter(one.clone())).await.unwrap();
    get(&http.with_meter(two.clone())).await.unwrap();
    http.with_meter(two.clone()).json::<Value>(&Request::post("/things/x:write", "12345")).await.unwrap();
    assert_eq!(one.snapshot().iter().map(|stats| stats.requests).collect::<Vec<_>>(), [1]);
    let snapshot = two.snapshot();
    let endpoints: Vec<_> =
        snapshot.iter().map(|stats| (stats.endpoint.as_str(), stats.bytes_sent)).collect();
    assert_eq!(endpoints, [("read", 0), ("write", 5)]);
}

#[test]
fn a_ca_certificate_must_be_one() {
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let trust = Trust::PlatformAnd(pem.into());
        let error =
            Http::new(config("https://127.0.0.1:9", Options { trust, ..Options::default() })).unwrap_err();
        assert_eq!(*error.kind(), Kind::NotAllowed, "{pem}: {error}");
    }
    let trust = Trust::Anybody;
    assert!(Http::new(config("https://127.0.0.1:9", Options { trust, ..Options::default() })).is_ok());
}
