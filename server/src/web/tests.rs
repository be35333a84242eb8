//! The real router, with a backend of one run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use app::{ApiError, Backend, DocumentNames};
use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use leptos::config::LeptosOptions;
use protocol::{
    AddedMetadata, Category, ClientFrame, DocumentPage, DocumentQuery, DocumentUpdate, DocumentsLook, Event,
    EventBody, FailedRecord, FailurePage, IndexView, LogLevel, LogLine, LogPage, LogQuery, Namespaces,
    Overview, PageQuery, Reading, RecordIds, RecordView, RunComparison, RunFilter, RunHead, RunId, RunKind,
    RunPage, RunRequest, RunSide, RunView, Schedule, ScheduleId, ScheduleSpec, SearchIndex, ServerFrame,
    Service, ServiceTest, SettingsView, Step, Timing, UpdatePreview,
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};
use tower::ServiceExt;

use super::{Lifecycle, router, serve};

/// A backend that knows one run, and counts what it is asked to start.
struct OneRun {
    view: Mutex<RunView>,
    events: Mutex<broadcast::Sender<Arc<Event>>>,
    started: AtomicUsize,
}

impl OneRun {
    fn new() -> Arc<Self> {
        let head = RunHead {
            id: RunId("one".to_owned()),
            request: RunRequest::new(RunKind::Mirror, "articles"),
            origin: None,
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: vec![Step::List, Step::Compare, Step::Migrate],
            texts_per_minute: 3_000,
            writing: None,
            started_at: 0,
        };
        let (events, _) = broadcast::channel(4);
        let (view, events) = (Mutex::new(RunView::new(head)), Mutex::new(events));
        Arc::new(Self { view, events, started: AtomicUsize::new(0) })
    }

    /// Something happens in the run.
    fn log(&self, message: &str) {
        let mut view = self.view.lock().unwrap();
        let line = LogLine { at: 0, level: LogLevel::Info, message: message.to_owned() };
        let event = Event { run: view.head.id.clone(), seq: view.seq + 1, at: 0, body: EventBody::Log(line) };
        assert!(view.apply(&event));
        drop(self.events.lock().unwrap().send(Arc::new(event)));
    }

    /// Whoever follows the run is told to look again.
    fn close(&self) {
        *self.events.lock().unwrap() = broadcast::channel(4).0;
    }
}

/// This backend has one run and no services.
fn absent() -> ApiError {
    ApiError::NotConfigured { message: "ELASTICSEARCH_ENDPOINT is not set".to_owned() }
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

    fn record<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<RecordView, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn search_index(&self) -> BoxFuture<'_, SearchIndex> {
        async { SearchIndex::Absent(absent().to_string()) }.boxed()
    }

    fn documents_look(&self) -> BoxFuture<'_, Result<DocumentsLook, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn documents<'a>(&'a self, _: &'a DocumentQuery) -> BoxFuture<'a, Result<DocumentPage, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn document_names<'a>(&'a self, _: &'a DocumentQuery) -> BoxFuture<'a, Result<DocumentNames, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn preview_update<'a>(
        &'a self,
        _: &'a DocumentUpdate,
        _: bool,
    ) -> BoxFuture<'a, Result<UpdatePreview, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn add_mapping<'a>(&'a self, _: &'a DocumentUpdate) -> BoxFuture<'a, Result<String, ApiError>> {
        async { Err(absent()) }.boxed()
    }

    fn settings(&self) -> BoxFuture<'_, SettingsView> {
        async { SettingsView::default() }.boxed()
    }

    fn test_service(&self, service: Service) -> BoxFuture<'_, ServiceTest> {
        let message = absent().to_string();
        async move { ServiceTest { service, is_usable: false, message, millis: 0 } }.boxed()
    }

    fn start(&self, _: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>> {
        self.started.fetch_add(1, Ordering::Relaxed);
        async { Ok(RunId("one".to_owned())) }.boxed()
    }

    fn pause<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn cancel<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn resume<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn run<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, ApiError>> {
        async { Ok((run.0 == "one").then(|| self.view.lock().unwrap().clone())) }.boxed()
    }

    fn runs<'a>(&'a self, _: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, ApiError>> {
        async { Ok(RunPage { runs: vec![self.view.lock().unwrap().summary()], next: None }) }.boxed()
    }

    fn compare<'a>(
        &'a self,
        run: &'a RunId,
        _: Option<&'a RunId>,
    ) -> BoxFuture<'a, Result<RunComparison, ApiError>> {
        let side = RunSide::from(self.view.lock().unwrap().clone());
        async move {
            if run.0 != "one" {
                return Err(ApiError::UnknownRun { run: run.clone() });
            }
            Ok(RunComparison { run: side, with: None, earlier: Vec::new() })
        }
        .boxed()
    }

    /// Three ids on three pages, so that a file has to be put together.
    fn records<'a>(
        &'a self,
        run: &'a RunId,
        _: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<RecordIds>, ApiError>> {
        async {
            let (ids, next) = match query.after.as_deref() {
                None => ("a", Some("a")),
                Some("a") => ("=b", Some("b")),
                Some(_) => ("c,d", None),
            };
            let page = RecordIds { ids: vec![ids.to_owned()], total: 3, next: next.map(str::to_owned) };
            Ok((run.0 == "one").then_some(page))
        }
        .boxed()
    }

    /// One page, and no second one.
    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<FailurePage>, ApiError>> {
        async {
            if query.after.is_some() {
                return Err(ApiError::Internal { reference: "x".to_owned() });
            }
            let record = FailedRecord {
                id: "a".to_owned(),
                step: Step::Migrate,
                message: "too \"long\"".to_owned(),
                attempts: 2,
                at: 0,
            };
            let page = FailurePage { failures: vec![record], total: 2, next: Some("a".to_owned()) };
            Ok((run.0 == "one").then_some(page))
        }
        .boxed()
    }

    fn log<'a>(
        &'a self,
        run: &'a RunId,
        _: &'a LogQuery,
    ) -> BoxFuture<'a, Result<Option<LogPage>, ApiError>> {
        let lines = self.view.lock().unwrap().log.clone();
        async move { Ok((run.0 == "one").then_some(LogPage { lines, next: None })) }.boxed()
    }

    fn subscribe<'a>(
        &'a self,
        run: &'a RunId,
    ) -> BoxFuture<'a, Option<(RunView, broadcast::Receiver<Arc<Event>>)>> {
        let view = self.view.lock().unwrap();
        let both = (run.0 == "one").then(|| (view.clone(), self.events.lock().unwrap().subscribe()));
        async { both }.boxed()
    }

    /// One of live runs, one of dry ones.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, ApiError>> {
        let schedules = [("live", false), ("dry", true)].map(|(id, dry_run)| Schedule {
            id: ScheduleId(id.to_owned()),
            spec: ScheduleSpec {
                name: String::new(),
                timing: Timing::Every(3_600),
                request: RunRequest { dry_run, ..RunRequest::new(RunKind::Mirror, "articles") },
                enabled: true,
            },
            next_at: None,
            last: None,
            created_at: 0,
        });
        async { Ok(schedules.into()) }.boxed()
    }

    fn preview_timing(&self, _: &Timing) -> Result<Vec<u64>, ApiError> {
        Ok(Vec::new())
    }

    fn keep_schedule(
        &self,
        id: Option<ScheduleId>,
        _: ScheduleSpec,
    ) -> BoxFuture<'_, Result<ScheduleId, ApiError>> {
        async { Ok(id.unwrap_or(ScheduleId("daily".to_owned()))) }.boxed()
    }

    fn enable_schedule<'a>(&'a self, _: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn disable_schedule<'a>(&'a self, _: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn remove_schedule<'a>(&'a self, _: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn run_schedule<'a>(&'a self, _: &'a ScheduleId) -> BoxFuture<'a, Result<RunId, ApiError>> {
        self.started.fetch_add(1, Ordering::Relaxed);
        async { Ok(RunId("one".to_owned())) }.boxed()
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
    sent_from(origin, "kind=mirror&namespace=articles&reuse=never")
}

fn sent_from(origin: &str, form: &'static str) -> Request<Body> {
    sent_to("/api/start_run", origin, form)
}

fn sent_to(path: &str, origin: &str, form: &'static str) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
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
        ("/", 200),
        ("/check", 200),
        ("/check?namespace=ns&side=source&sort=target&page=9", 200),
        ("/record", 200),
        ("/mirror", 200),
        ("/reembed", 200),
        ("/runs", 200),
        ("/runs/one", 200),
        ("/runs/one/records/failed", 200),
        ("/runs/one/compare", 200),
        ("/runs/none/compare", 404),
        ("/runs/none", 404),
        ("/runs/one/records/nonsense", 404),
        ("/nowhere", 404),
    ] {
        let (response, page) = get(&backend, path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(page.contains("<main"), "{path}: {page}");
    }
}

#[tokio::test]
async fn files_are_put_together_from_pages() {
    let backend = OneRun::new();
    backend.log("hello");
    for (file, content_type, expected) in [
        ("to-migrate.txt", "text/plain", "a\n=b\nc,d\n"),
        ("to-migrate.csv", "text/csv", "id\r\na\r\n\"'=b\"\r\n\"c,d\"\r\n"),
        ("to-migrate.jsonl", "application/jsonl", "{\"id\":\"a\"}\n{\"id\":\"=b\"}\n{\"id\":\"c,d\"}\n"),
        ("log.txt", "text/plain", "1970-01-01T00:00:00Z info  hello\n"),
        ("log.jsonl", "application/jsonl", "{\"at\":0,\"level\":\"info\",\"message\":\"hello\"}\n"),
    ] {
        let (response, text) = get(&backend, &format!("/download/runs/one/{file}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        assert_eq!(text, expected, "{file}");
        let given = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(given.starts_with(content_type), "{file}: {given}");
        let name = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert_eq!(name, format!("attachment; filename=\"one-{file}\""));
    }
    for path in ["none/log.txt", "one/nonsense.txt", "one/log.csv", "none/failures.csv"] {
        let (response, _) = get(&backend, &format!("/download/runs/{path}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_breaks_off() {
    let request = Request::get("/download/runs/one/failures.csv").header(header::HOST, HOST);
    let response = ask(&OneRun::new(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&first);
    assert!(
        text.starts_with("id,step,message,attempts,at\r\na,Phase A: migrate missing,\"too \"\"long\"\"\",2,"),
        "{text}"
    );
    assert!(body.next().await.unwrap().is_err(), "a part must not look like the whole");
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

#[tokio::test]
async fn a_live_run_is_started_only_where_it_was_confirmed() {
    let backend = OneRun::new();
    let sent = async |path: &str, form: &'static str| {
        let (parts, body) = ask(&backend, sent_to(path, "http://127.0.0.1:3000", form)).await.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let refused = serde_json::from_slice(&body);
        let unconfirmed = matches!(&refused, Ok(ApiError::Invalid { field, .. }) if field == "confirmed");
        assert_eq!(unconfirmed, !parts.status.is_success(), "{form}: {}", String::from_utf8_lossy(&body));
        !unconfirmed
    };
    assert!(!sent("/api/start_run", "kind=mirror&namespace=a").await);
    assert!(!sent("/api/run_schedule", "id=live").await);
    assert_eq!(backend.started.load(Ordering::Relaxed), 0);
    assert!(sent("/api/start_run", "kind=mirror&namespace=a&confirmed=true").await);
    assert!(sent("/api/run_schedule", "id=live&confirmed=true").await);
    assert!(sent("/api/run_schedule", "id=dry").await);
    assert_eq!(backend.started.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_cannot_be_read_is_the_senders_mistake() {
    let backend = OneRun::new();
    for form in
        ["", "namespace=articles", "kind=dance&namespace=a", "kind=mirror&namespace=a&dry_run=perhaps"]
    {
        let (parts, body) = ask(&backend, sent_from("http://127.0.0.1:3000", form)).await.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        assert_eq!(parts.status, StatusCode::BAD_REQUEST, "{form}: {}", String::from_utf8_lossy(&body));
        assert!(matches!(serde_json::from_slice(&body), Ok(ApiError::Malformed { .. })), "{form}");
    }
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
async fn a_channel_that_closes_is_subscribed_to_again() {
    let backend = OneRun::new();
    backend.log("before");
    let served = Served::start(&backend).await;
    let mut socket = served.open(None).await.unwrap();
    subscribe(&mut socket, "one", 0).await;
    let ServerFrame::Snapshot(first) = next(&mut socket).await else { panic!("a snapshot comes first") };
    // Nothing is sent to whoever has it all; what follows comes from the new channel.
    backend.close();
    loop {
        // The socket subscribes again in a task of its own.
        tokio::task::yield_now().await;
        if backend.events.lock().unwrap().receiver_count() > 0 {
            break;
        }
    }
    backend.log("after");
    let ServerFrame::Event(event) = next(&mut socket).await else { panic!("no snapshot was needed") };
    assert_eq!(event.seq, first.seq + 1);
    // Another process moved the run on: only a snapshot tells.
    {
        let mut view = backend.view.lock().unwrap();
        view.seq += 7;
        view.state = protocol::RunState::Interrupted;
    }
    backend.close();
    let ServerFrame::Snapshot(moved) = next(&mut socket).await else { panic!("a snapshot") };
    assert_eq!((moved.seq, moved.state), (event.seq + 7, protocol::RunState::Interrupted));
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
