//! What only the emulator can do: rate limits, lost answers, lost cursors, partial shards, pages of proxies.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::time::Duration;

use elasticsearch::{
    Cluster, Connection, Credentials, Error, FieldName, Fields, IndexName, Limits, Listed, Mode, Page,
    Progress, Query, Reader, Scope, SourceFields, Step, Task, Update, Writer,
};
use sandbox::{Body, Distribution, Effect, Endpoint, Fault, Options, Sandbox, SearchDocument, State, When};
use serde_json::json;
use upstream::{Jitter, Kind, Retry};

const INDEX: &str = "idx";

struct World {
    sandbox: Sandbox,
    state: State,
    connection: Connection,
}

async fn world(distribution: Distribution, documents: usize) -> World {
    let mut options = Options::default();
    options.elasticsearch.distribution = distribution;
    options.elasticsearch.max_body_bytes = 200_000;
    let sandbox = sandbox::start(options).await.unwrap();
    let state = sandbox.state();
    put(&state, documents);
    let mut connection =
        Connection::new(sandbox.elasticsearch_url().parse().unwrap(), Credentials::ApiKey("aWQ6a2V5".into()));
    connection.options.retry = Retry { retries: 2, first_wait: Duration::ZERO, ..Retry::default() };
    connection.options.jitter = Jitter::new(|| 0.0);
    World { sandbox, state, connection }
}

fn put(state: &State, documents: usize) {
    let document = |number: usize| SearchDocument {
        id: format!("d{number:05}"),
        routing: None,
        source: json!({"text": "t"}).as_object().cloned().unwrap(),
    };
    state.put_search_documents(INDEX, (0..documents).map(document).collect()).unwrap();
}

fn status(code: u16, body: Body) -> Effect {
    Effect::Status { code, body, retry_after: None, message: None }
}

/// Without waits between attempts.
fn limits() -> Limits {
    Limits { first_wait: Duration::ZERO, ..Limits::default() }
}

fn task() -> Task {
    let field = FieldName::parse("clearance_level").unwrap();
    Task { field, value: json!(1), scope: Scope::All, mode: Mode::Missing }
}

impl World {
    fn fault(&self, endpoint: Endpoint, when: When, effect: Effect) {
        self.state.add_fault(Fault::always(endpoint, effect).when(when).at("elasticsearch"));
    }

    async fn reader(&self) -> Reader {
        let cluster = Cluster::connect(&self.connection).await.unwrap();
        cluster.index(&IndexName::parse(INDEX).unwrap()).await.unwrap()
    }

    async fn update(&self, limits: Limits) -> Update {
        let reader = self.reader().await;
        let fields = Fields::of(&reader, &FieldName::parse("ns").unwrap(), &task().field).await.unwrap();
        let cleared = reader.precheck(&task(), &fields).await.unwrap().clear().unwrap();
        let writer = Writer::new(&self.connection, &reader, cleared).unwrap();
        Update::start(writer, task(), &fields, limits).await.unwrap()
    }

    /// Updates to the end, with time standing still while nothing is under way.
    async fn updated(&self, limits: Limits) -> (Result<Progress, Error>, Vec<Step>) {
        let update = self.update(limits).await;
        let mut steps = Vec::new();
        let result = update
            .run(|step| {
                steps.push(step.clone());
                true
            })
            .await;
        (result, steps)
    }

    fn without(&self) -> usize {
        let documents = self.state.search_documents(INDEX);
        documents.iter().filter(|document| document.source.get("clearance_level") != Some(&json!(1))).count()
    }
}

/// Whatever happens to a request: in the end every document has the level, exactly once.
async fn survives(distribution: Distribution, endpoint: Endpoint, when: When, effect: Effect) -> Progress {
    let world = world(distribution, 3000).await;
    world.fault(endpoint, when, effect.clone());
    let limits = Limits { batch_documents: 200, ..limits() };
    let (result, steps) = world.updated(limits).await;
    let progress = result.unwrap_or_else(|error| panic!("{effect:?}: {error}"));
    assert_eq!(world.without(), 0, "{effect:?}");
    assert_eq!(progress.updated + progress.already, 3000, "{effect:?}: {progress:?}");
    assert_eq!((progress.kept, progress.gone, progress.refused), (0, 0, 0), "{effect:?}");
    assert!(steps.last().unwrap().is_done);
    assert_eq!(world.state.search_documents(INDEX).len(), 3000);
    world.sandbox.stop().await;
    progress
}

#[tokio::test]
async fn a_batch_that_does_not_get_through_is_sent_again() {
    let error = |code| status(code, Body::Json);
    for effect in [
        error(429),
        error(503),
        status(502, Body::Html),
        status(504, Body::Empty),
        Effect::Reset,
        Effect::LostAnswer,
        Effect::CutBody { after_bytes: None },
        Effect::ResetInBody { after_bytes: None },
        Effect::BulkItems { code: 429, error: Some("es_rejected_execution_exception".into()), count: 7 },
        Effect::BulkItems { code: 503, error: Some("unavailable_shards_exception".into()), count: 300 },
    ] {
        let progress = survives(Distribution::Elasticsearch8, Endpoint::Bulk, When::Nth(2), effect).await;
        // What was done although its answer was lost counts as done by this run.
        assert_eq!(progress.updated, 3000);
    }
}

#[tokio::test]
async fn a_conflict_that_was_none_is_settled() {
    let conflict =
        Effect::BulkItems { code: 409, error: Some("version_conflict_engine_exception".into()), count: 20 };
    let progress = survives(Distribution::Elasticsearch8, Endpoint::Bulk, When::First(3), conflict).await;
    assert_eq!(progress.updated, 3000);
}

#[tokio::test]
async fn a_lost_cursor_is_opened_again() {
    for distribution in [Distribution::Elasticsearch8, Distribution::OpenSearch2, Distribution::OpenSearch3] {
        let progress = survives(distribution, Endpoint::Search, When::Nth(2), Effect::LostCursor).await;
        assert_eq!(progress.updated, 3000);
    }
}

#[tokio::test]
async fn a_page_of_a_scroll_is_never_skipped() {
    for effect in [
        Effect::LostAnswer,
        Effect::CutBody { after_bytes: None },
        status(503, Body::Json),
        status(429, Body::Json),
    ] {
        let progress = survives(Distribution::OpenSearch2, Endpoint::Search, When::Nth(2), effect).await;
        assert_eq!((progress.updated, progress.pass), (3000, 1));
    }
}

#[tokio::test]
async fn a_page_of_a_point_in_time_is_asked_for_again() {
    for effect in
        [Effect::LostAnswer, status(502, Body::Html), Effect::FailedShards { count: 1 }, Effect::TimedOut]
    {
        let progress = survives(Distribution::Serverless, Endpoint::Search, When::Nth(2), effect).await;
        assert_eq!((progress.updated, progress.pass), (3000, 1));
    }
}

#[tokio::test]
async fn batches_shrink_until_the_server_takes_them() {
    let world = world(Distribution::Elasticsearch8, 3000).await;
    // 200 KB are about 1,400 documents; it begins with 500 and would grow to 2,000.
    let (result, steps) = world.updated(limits()).await;
    assert_eq!(result.unwrap().updated, 3000);
    let largest = steps.iter().map(|step| step.progress.batch_documents).max().unwrap();
    assert!((500..=2000).contains(&largest), "{largest}");

    put(&world.state, 3000);
    world.fault(Endpoint::Bulk, When::First(4), status(413, Body::Text));
    let (result, steps) = world.updated(limits()).await;
    assert_eq!(result.unwrap().updated, 3000);
    assert!(steps.iter().any(|step| step.progress.batch_documents == 31));
    assert_eq!(world.without(), 0);
}

#[tokio::test]
async fn a_request_that_is_refused_is_bisected() {
    let world = world(Distribution::Elasticsearch8, 100).await;
    // The batch, its two halves and so on: the ninth request holds a single document.
    world.fault(Endpoint::Bulk, When::First(8), status(400, Body::Json));
    let (result, steps) = world.updated(limits()).await;
    let progress = result.unwrap();
    let listed = steps.iter().flat_map(|step| &step.listed);
    let (refused, updated): (Vec<&Listed>, Vec<&Listed>) =
        listed.partition(|listed| matches!(listed, Listed::Refused { .. }));
    assert_eq!((progress.refused, progress.updated), (refused.len() as u64, updated.len() as u64));
    assert!(updated.iter().all(|listed| matches!(listed, Listed::Updated { .. })));
    assert!(!refused.is_empty());
    assert_eq!(world.without(), refused.len());
    assert_eq!(progress.updated + progress.refused, 100);
}

#[tokio::test]
async fn too_many_refusals_end_it() {
    let world = world(Distribution::Elasticsearch8, 1000).await;
    let refused =
        Effect::BulkItems { code: 400, error: Some("mapper_parsing_exception".into()), count: 10_000 };
    world.fault(Endpoint::Bulk, When::Always, refused);
    let (result, _) = world.updated(Limits { refused: 100, ..limits() }).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::TooManyRefused { .. }), "{error}");
}

#[tokio::test]
async fn what_was_done_is_told_before_the_failure() {
    let world = world(Distribution::Elasticsearch8, 100).await;
    let block = Effect::BulkItems { code: 403, error: Some("cluster_block_exception".into()), count: 40 };
    world.fault(Endpoint::Bulk, When::Always, block);
    let mut update = world.update(limits()).await;
    assert!(update.step().await.unwrap().listed.is_empty());
    let step = update.step().await.unwrap();
    assert_eq!((step.listed.len(), step.progress.updated, step.is_done), (60, 60, false));
    assert!(matches!(update.step().await, Err(Error::Blocked { .. })));
    assert_eq!(world.without(), 40);
}

#[tokio::test]
async fn a_block_stops_it_at_once_whatever_its_status() {
    for code in [403, 429] {
        let world = world(Distribution::Elasticsearch8, 1000).await;
        let block = Effect::BulkItems { code, error: Some("cluster_block_exception".into()), count: 1 };
        world.fault(Endpoint::Bulk, When::Always, block);
        let (result, steps) = world.updated(limits()).await;
        assert!(matches!(result, Err(Error::Blocked { .. })));
        assert!(steps.iter().all(|step| step.progress.waiting.is_none()));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_no_number() {
    let world = world(Distribution::Elasticsearch8, 10).await;
    let reader = world.reader().await;
    world.fault(Endpoint::Count, When::Always, Effect::FailedShards { count: 1 });
    let error = reader.count(&Query::all()).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Malformed, "{error}");
    assert!(error.to_string().contains("1 of 2 shards failed"), "{error}");
    for effect in [Effect::FailedShards { count: 1 }, Effect::TimedOut, status(502, Body::Html)] {
        world.state.clear_faults();
        world.fault(Endpoint::Search, When::Always, effect);
        let fields = Fields::of(&reader, &FieldName::parse("ns").unwrap(), &task().field).await.unwrap();
        reader.look(&fields, &task().field).await.unwrap_err();
    }
    world.state.clear_faults();
    world.fault(Endpoint::Search, When::First(1), Effect::TimedOut);
    let mut scan = reader.scan(Query::all(), SourceFields::None, 100);
    assert!(matches!(scan.next().await.unwrap(), Page::Hits(hits) if hits.len() == 10));
}

#[tokio::test]
async fn a_server_that_forbids_to_ask_who_it_is_is_still_known() {
    for effect in [status(403, Body::Json), status(405, Body::Empty), status(410, Body::Json)] {
        let world = world(Distribution::Elasticsearch8, 10).await;
        world.fault(Endpoint::Cluster, When::Always, effect);
        let (result, _) = world.updated(limits()).await;
        assert_eq!(result.unwrap().updated, 10);
        // It named itself in the answer about the index, so that it was read through a point in time.
        let opened = world.state.requests().iter().filter(|request| request.path.contains("/_pit")).count();
        assert!(opened > 0);
    }
    // A server that does not say what it is, is read with a scroll.
    let world = world(Distribution::OpenSearch2, 10).await;
    world.fault(Endpoint::Cluster, When::Always, status(403, Body::Json));
    assert_eq!(world.updated(limits()).await.0.unwrap().updated, 10);
    let paths: Vec<String> = world.state.requests().into_iter().map(|request| request.path).collect();
    assert!(
        paths.iter().any(|path| path.contains("scroll=")) && !paths.iter().any(|path| path.contains("_pit"))
    );
}

#[tokio::test]
async fn expired_keys_end_it_and_what_is_done_stays_done() {
    let world = world(Distribution::Elasticsearch8, 3000).await;
    let expired = Effect::Status {
        code: 401,
        body: Body::Json,
        retry_after: None,
        message: Some("API key is expired".to_owned()),
    };
    world.fault(Endpoint::Bulk, When::From(3), expired);
    let limits = Limits { batch_documents: 200, ..limits() };
    let (result, _) = world.updated(limits).await;
    let error = result.unwrap_err();
    assert_eq!(*error.kind(), Kind::Unauthorized);
    assert!(error.to_string().contains("API key is expired"), "{error}");
    assert_eq!(world.without(), 2600);
    world.state.clear_faults();
    assert_eq!(world.updated(limits).await.0.unwrap().updated, 2600);
}

#[tokio::test]
async fn requests_are_as_few_as_they_can_be() {
    let world = world(Distribution::Elasticsearch8, 10_000).await;
    let update = world.update(limits()).await;
    world.state.clear_counters();
    update.run(|_| true).await.unwrap();
    let calls = |endpoint| world.state.calls("elasticsearch", endpoint).unwrap().requests;
    // Pages of 2,000, and the empty one that ends a point in time; batches that grow; a refresh and a count at the end.
    assert_eq!(calls(Endpoint::Search), 6);
    assert_eq!((calls(Endpoint::Refresh), calls(Endpoint::Count)), (1, 1));
    assert_eq!((calls(Endpoint::Cursor), calls(Endpoint::Get)), (2, 0));
    assert!(calls(Endpoint::Bulk) <= 20, "{}", calls(Endpoint::Bulk));
    assert_eq!(world.state.forbidden_calls(), 0);
    let second = world.updated(limits()).await.0.unwrap();
    assert_eq!((second.total, second.updated), (0, 0));
}
