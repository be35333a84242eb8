//! The real router, with a backend of one run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use app::{ApiError, Backend};
use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use leptos::config::LeptosOptions;
use protocol::{
    AddedMetadata, Category, ClientFrame, Event, EventBody, IndexView, LogLevel, LogLine, Namespaces,
    Overview, Reading, RecordIds, Reuse, RunHead, RunId, RunKind, RunRequest, RunSummary, RunView,
    ServerFrame, Step,
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};
use tower::ServiceExt;

use super::{Lifecycle, router, serve};

/// A backend that knows one run, and counts what it is asked to start.
struct OneRun {
    view: Mutex<RunView>,
    events: broadcast::Sender<Arc<Event>>,
    started: AtomicUsize,
}

fn request() -> RunRequest {
    RunRequest {
        kind: RunKind::Mirror,
        namespace: "articles".to_owned(),
        dry_run: false,
        reuse: Reuse::Never,
        overwrite_added: false,
        batch_size: None,
        plan: None,
    }
}

impl OneRun {
    fn new() -> Arc<Self> {
        let head = RunHead {
            id: RunId("one".to_owned()),
            request: request(),
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: vec![Step::List, Step::Compare, Step::Migrate],
            texts_per_minute: 3_000,
            started_at: 0,
        };
        let (events, _) = broadcast::channel(4);
        Arc::new(Self { view: Mutex::new(RunView::new(head)), events, started: AtomicUsize::new(0) })
    }

    /// Something happens in the run.
    fn log(&self, message: &str) {
        let mut view = self.view.lock().unwrap();
        let line = LogLine { at: 0, level: LogLevel::Info, message: message.to_owned() };
        let event = Event { run: view.head.id.clone(), seq: view.seq + 1, at: 0, body: EventBody::Log(line) };
        assert!(view.apply(&event));
        drop(self.events.send(Arc::new(event)));
    }
}

impl Backend for OneRun {
    fn overview(&self) -> BoxFuture<'_, Overview> {
        let index = |name: &str| IndexView {
            name: name.to_owned(),
            dimension: Reading::Known(Some(3_072)),
            metric: Reading::Known("cosine".to_owned()),
            records: Reading::Unknown("it did not answer".to_owned()),
        };
        let overview = Overview {
            version: "0".to_owned(),
            sandbox: true,
            source: index("old"),
            target: index("new"),
            model: "gemini-embedding-001".to_owned(),
            dimensions: 3_072,
            added: AddedMetadata { key: "clearance_level".to_owned(), value: "1".to_owned() },
            text_key: "text".to_owned(),
            default_namespace: String::new(),
            batch_sizes: [100; 3],
            problems: Vec::new(),
        };
        async { overview }.boxed()
    }

    fn namespaces(&self) -> BoxFuture<'_, Namespaces> {
        async { Namespaces { rows: Vec::new(), problems: Vec::new() } }.boxed()
    }

    fn start(&self, _: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>> {
        self.started.fetch_add(1, Ordering::Relaxed);
        async { Ok(RunId("one".to_owned())) }.boxed()
    }

    fn cancel(&self, _: &RunId) -> Result<(), ApiError> {
        Ok(())
    }

    fn run(&self, run: &RunId) -> Option<RunView> {
        (run.0 == "one").then(|| self.view.lock().unwrap().clone())
    }

    fn runs(&self) -> Vec<RunSummary> {
        vec![self.view.lock().unwrap().summary()]
    }

    fn records(&self, run: &RunId, _: Category) -> Option<RecordIds> {
        (run.0 == "one").then(|| RecordIds { ids: vec!["a".to_owned()], total: 1 })
    }

    fn subscribe(&self, run: &RunId) -> Option<(RunView, broadcast::Receiver<Arc<Event>>)> {
        let view = self.view.lock().unwrap();
        (run.0 == "one").then(|| (view.clone(), self.events.subscribe()))
    }
}

fn options(address: &str) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("tain")
        .site_addr(address.parse::<std::net::SocketAddr>().unwrap())
        .build()
}

const HOST: &str = "127.0.0.1:3000";

async fn ask(backend: &Arc<OneRun>, request: Request<Body>) -> Response<Body> {
    let router = router(backend.clone(), &options(HOST), Lifecycle::default(), || 0);
    router.oneshot(request).await.unwrap()
}

async fn get(backend: &Arc<OneRun>, path: &str) -> (Response<()>, String) {
    let request = Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap();
    let (parts, body) = ask(backend, request).await.into_parts();
    let body = to_bytes(body, 10 << 20).await.unwrap();
    (Response::from_parts(parts, ()), String::from_utf8_lossy(&body).into_owned())
}

fn start_from(origin: &str) -> Request<Body> {
    Request::post("/api/start_run")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("kind=mirror&namespace=articles&reuse=never"))
        .unwrap()
}

#[tokio::test]
async fn every_script_of_a_page_carries_the_nonce_of_its_policy() {
    let (response, page) = get(&OneRun::new(), "/runs/one").await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(nonce.len() >= 16, "{nonce}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    let scripts: Vec<_> = page.match_indices("<script").collect();
    assert!(!scripts.is_empty());
    for (at, _) in scripts {
        let tag = &page[at..at + page[at..].find('>').unwrap()];
        assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
    }
    assert!(!page.contains(" style=\""), "the policy blocks style attributes");
    let (other, _) = get(&OneRun::new(), "/runs/one").await;
    assert_ne!(other.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap(), policy);
}

#[tokio::test]
async fn pages_have_the_status_that_they_show() {
    let backend = OneRun::new();
    for (path, status) in [
        ("/mirror", 200),
        ("/runs", 200),
        ("/runs/one", 200),
        ("/runs/one/records/failed", 200),
        ("/runs/none", 404),
        ("/runs/one/records/nonsense", 404),
        ("/nowhere", 404),
    ] {
        let (response, page) = get(&backend, path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(page.contains("<main"), "{path}: {page}");
    }
    let (response, _) = get(&backend, "/").await;
    assert!(response.status().is_redirection());
    assert_eq!(response.headers()[header::LOCATION], "/mirror");
}

#[tokio::test]
async fn a_foreign_host_gets_nothing() {
    let backend = OneRun::new();
    for host in ["evil.example", "evil.example:3000", "127.0.0.1:4000", "127.0.0.1.evil.example:3000"] {
        for path in ["/mirror", "/ws", "/api/start_run", "/pkg/tain.js"] {
            let request = Request::post(path).header(header::HOST, host).body(Body::empty()).unwrap();
            assert_eq!(ask(&backend, request).await.status(), StatusCode::FORBIDDEN, "{host} {path}");
        }
    }
    let unnamed = Request::get("/mirror").body(Body::empty()).unwrap();
    assert_eq!(ask(&backend, unnamed).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(backend.started.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn another_sites_page_starts_nothing() {
    let backend = OneRun::new();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:4000"] {
        assert_eq!(ask(&backend, start_from(origin)).await.status(), StatusCode::FORBIDDEN, "{origin}");
    }
    let mut cross_site = start_from("http://127.0.0.1:3000");
    cross_site.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(ask(&backend, cross_site).await.status(), StatusCode::FORBIDDEN);
    let get = Request::get("/api/start_run?kind=mirror&namespace=a").header(header::HOST, HOST);
    assert!(!ask(&backend, get.body(Body::empty()).unwrap()).await.status().is_success());
    assert_eq!(backend.started.load(Ordering::Relaxed), 0);
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A served backend, until it is dropped.
struct Served {
    address: String,
    lifecycle: Lifecycle,
}

impl Served {
    async fn start(backend: &Arc<OneRun>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let lifecycle = Lifecycle::default();
        let router = router(backend.clone(), &options(&address), lifecycle.clone(), || 0);
        tokio::spawn(serve(listener, router, lifecycle.clone()));
        Self { address, lifecycle }
    }

    async fn open(&self, origin: Option<&str>) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
    }
}

async fn subscribe(socket: &mut Socket, run: &str, after: u64) {
    let frame = ClientFrame::Subscribe { run: RunId(run.to_owned()), after };
    socket.send(Message::text(serde_json::to_string(&frame).unwrap())).await.unwrap();
}

async fn next(socket: &mut Socket) -> ServerFrame {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_is_for_our_own_pages() {
    let served = Served::start(&OneRun::new()).await;
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        match served.open(Some(origin)).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {other:?}"),
        }
    }
    assert!(served.open(Some(&format!("http://{}", served.address))).await.is_ok());
    assert!(served.open(None).await.is_ok(), "a program is no page");
}

#[tokio::test]
async fn a_subscriber_gets_a_snapshot_then_every_event() {
    let backend = OneRun::new();
    backend.log("before");
    let served = Served::start(&backend).await;
    let mut socket = served.open(None).await.unwrap();
    subscribe(&mut socket, "one", 0).await;
    let ServerFrame::Snapshot(mut view) = next(&mut socket).await else { panic!("a snapshot comes first") };
    assert_eq!((view.seq, view.log.len()), (1, 1));
    for message in ["a", "b", "c"] {
        backend.log(message);
        let ServerFrame::Event(event) = next(&mut socket).await else { panic!("an event follows") };
        assert!(view.apply(&event));
    }
    assert_eq!(*view, backend.view.lock().unwrap().clone());

    // Whoever comes back with all of it gets no snapshot, and what follows.
    let mut again = served.open(None).await.unwrap();
    subscribe(&mut again, "one", view.seq).await;
    subscribe(&mut again, "none", 0).await;
    let ServerFrame::Gone(run) = next(&mut again).await else { panic!("nothing stands before it") };
    assert_eq!(run.0, "none");

    // Whoever comes back with less gets all of it again.
    subscribe(&mut again, "one", 2).await;
    let ServerFrame::Snapshot(snapshot) = next(&mut again).await else { panic!("a snapshot") };
    assert_eq!(snapshot, view);
}

#[tokio::test]
async fn whoever_lags_gets_a_fresh_snapshot() {
    let backend = OneRun::new();
    let served = Served::start(&backend).await;
    let mut socket = served.open(None).await.unwrap();
    subscribe(&mut socket, "one", 0).await;
    let ServerFrame::Snapshot(mut view) = next(&mut socket).await else { panic!("a snapshot comes first") };
    // More at once than the channel holds, before the socket's task runs again.
    for number in 0..50 {
        backend.log(&number.to_string());
    }
    while view.seq < 50 {
        match next(&mut socket).await {
            ServerFrame::Snapshot(snapshot) => view = snapshot,
            ServerFrame::Event(event) => assert!(view.apply(&event), "no gap without a snapshot"),
            ServerFrame::Gone(_) => panic!("the run is there"),
        }
    }
    assert_eq!(*view, backend.view.lock().unwrap().clone());
}

#[tokio::test]
async fn nonsense_closes_the_socket_and_the_end_of_the_server_too() {
    let served = Served::start(&OneRun::new()).await;
    let large = format!("\"{}\"", "x".repeat(10_000));
    for nonsense in ["", "{}", "[1]", "{\"subscribe\":{}}", large.as_str()] {
        let mut socket = served.open(None).await.unwrap();
        socket.send(Message::text(nonsense)).await.unwrap();
        let last = socket.next().await;
        assert!(matches!(last, None | Some(Err(_) | Ok(Message::Close(_)))), "{nonsense}: {last:?}");
    }
    let mut socket = served.open(None).await.unwrap();
    served.lifecycle.stop.cancel();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    served.lifecycle.sockets.wait().await;
}
