//! Updates of the search index as runs, over the emulator.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use protocol::{
    Category, DocumentScope, DocumentUpdate, PageQuery, Reading, RunId, RunKind, RunRequest, RunState,
    RunView, Step, StepState, UpdateMode,
};
use sandbox::{Body, Effect, Endpoint, Fault, Options, SearchDocument};
use serde_json::{Value, json};
use store::{LedgerKey, Store as _};
use sync::{
    Origin, Recorder, SearchIndex, SearchServices, Stop, StopReason, connected, execute_documents,
    execute_levels, head,
};

use crate::world::{DOCUMENTS, NAMESPACE, World, id, request};

/// Documents of the first 100 records: five hold the value, five a higher one; and three of another namespace, one without
/// any, and one that no record stands for.
async fn world() -> World {
    let mut world = World::start(Options::default()).await;
    world.settings.documents.batch_documents = 20;
    world.settings.documents.first_wait = std::time::Duration::ZERO;
    let document = |id: String, namespace: Option<&str>, level: Option<u64>| {
        let mut source = json!({"text": "t"});
        if let Some(namespace) = namespace {
            source["pinecone_namespace"] = json!(namespace);
        }
        if let Some(level) = level {
            source["clearance_level"] = json!(level);
        }
        SearchDocument { id, routing: None, source: source.as_object().expect("an object").clone() }
    };
    let mut documents: Vec<_> = (0..100)
        .map(|number| {
            let level = match number {
                0..5 => Some(1),
                5..10 => Some(3),
                _ => None,
            };
            document(id(number), Some(NAMESPACE), level)
        })
        .collect();
    documents.extend((0..3).map(|number| document(format!("other-{number}"), Some("other"), None)));
    documents.push(document("nameless".to_owned(), None, None));
    documents.push(document("without a record".to_owned(), Some(NAMESPACE), None));
    world.sandbox.state().put_search_documents(DOCUMENTS, documents).expect("the documents are valid");
    world
}

impl World {
    /// What the documents hold under the field, by `_id`.
    fn levels(&self) -> BTreeMap<String, Option<Value>> {
        let documents = self.sandbox.state().search_documents(DOCUMENTS).into_iter();
        documents.map(|mut document| (document.id, document.source.remove("clearance_level"))).collect()
    }

    async fn begun(&self, request: &RunRequest, origin: Origin) -> Arc<Recorder> {
        let id = RunId(format!("documents-{}", self.levels().len() + self.bulk_requests()));
        let id = RunId(format!(
            "{id}-{}",
            self.store.runs(&protocol::RunFilter::default()).await.expect("the store is well").runs.len()
        ));
        let head = head(id, request.clone(), ("cluster", DOCUMENTS), &origin, &self.settings, 0);
        let recorder = Recorder::new(head, Arc::new(|| 0));
        let ledger = LedgerKey { target: "cluster".to_owned(), namespace: String::new() };
        self.store.begin(&recorder.view(), &ledger).await.expect("the store takes it");
        recorder
    }

    async fn go(&self, recorder: &Arc<Recorder>, stop: &Stop) -> RunView {
        self.go_at(&self.search().await, recorder, stop).await
    }

    async fn go_at(&self, index: &SearchIndex, recorder: &Arc<Recorder>, stop: &Stop) -> RunView {
        let search = SearchServices::new(index, Arc::new(|| 0));
        let (request, store) = (recorder.view().head.request, self.store.clone() as Arc<dyn store::Store>);
        execute_documents(&search, &self.settings, &request, recorder, &store, stop).await;
        let view = recorder.view();
        let kept =
            self.store.view(&view.head.id).await.expect("the store is well").expect("the run is there");
        assert_eq!(kept.progress.counts, view.progress.counts, "the store has what everybody saw");
        view
    }

    /// A comparison of levels.
    async fn compared(&self, index: &SearchIndex) -> RunView {
        let levels = RunRequest::new(RunKind::Levels, NAMESPACE);
        let services = connected(&self.source, &self.target, None, None, Arc::new(|| 0));
        let search = SearchServices::new(index, Arc::new(|| 0));
        let recorder = self.begun(&levels, Origin::Listing).await;
        let store = self.store.clone() as Arc<dyn store::Store>;
        execute_levels(&services.target, &search, &self.settings, &levels, &recorder, &store, &Stop::new())
            .await;
        recorder.view()
    }

    /// An update that is paused after its first batch.
    async fn paused_amid(&self, request: &RunRequest) -> RunView {
        let (recorder, stop) = (self.begun(request, Origin::Listing).await, Stop::new());
        // Each call takes a while, so that there is something to interrupt.
        self.sandbox
            .state()
            .add_fault("elasticsearch.bulk:latency,ms=300".parse::<Fault>().expect("a fault"));
        let (_, mut events) = recorder.subscribe();
        let pause = async {
            while recorder.counts().documents.updated == 0 {
                drop(events.recv().await);
            }
            stop.ask(StopReason::Pause);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            run = self.go(&recorder, &stop) => run,
            () = pause => unreachable!("it waits for ever"),
        }
    }

    async fn update(&self, request: &RunRequest) -> RunView {
        self.go(&self.begun(request, Origin::Listing).await, &Stop::new()).await
    }

    async fn behind(&self, run: &RunView, category: Category) -> BTreeSet<String> {
        let query = PageQuery { limit: 10_000, ..PageQuery::default() };
        let page = self.store.records(&run.head.id, category, &query).await.expect("the store is well");
        page.ids.into_iter().collect()
    }

    fn bulk_requests(&self) -> usize {
        let calls = self.sandbox.state().calls("elasticsearch", Endpoint::Bulk).expect("counted");
        usize::try_from(calls.requests).expect("few")
    }
}

fn of_namespace() -> RunRequest {
    RunRequest::update_documents(DocumentUpdate::of_namespace(NAMESPACE))
}

/// The same, by the server itself.
fn on_the_server() -> RunRequest {
    let update = DocumentUpdate { server_side: true, ..DocumentUpdate::of_namespace(NAMESPACE) };
    RunRequest::update_documents(update)
}

fn expected(lacking: impl Fn(&str) -> bool) -> BTreeMap<String, Option<Value>> {
    let mut levels: BTreeMap<String, Option<Value>> = (0..100)
        .map(|number| (id(number), if (5..10).contains(&number) { Some(json!(3)) } else { Some(json!(1)) }))
        .collect();
    levels.extend((0..3).map(|number| (format!("other-{number}"), None)));
    levels.insert("nameless".to_owned(), None);
    levels.insert("without a record".to_owned(), Some(json!(1)));
    for (id, level) in &mut levels {
        if lacking(id) {
            *level = None;
        }
    }
    levels
}

#[tokio::test]
async fn an_update_is_a_run_like_every_other_and_the_second_one_writes_nothing() {
    let world = world().await;
    let before = world.levels();
    let dry = world.update(&RunRequest { dry_run: true, ..of_namespace() }).await;
    assert_eq!((dry.state, world.bulk_requests()), (RunState::Done, 0), "law 4");
    assert_eq!(world.levels(), before);
    let planned = world.behind(&dry, Category::DocumentsToUpdate).await;
    assert_eq!((planned.len(), dry.progress.counts.documents.to_update), (91, 91));

    let run = world.update(&of_namespace()).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    assert_eq!(world.levels(), expected(|_| false), "law 5, and nobody else's documents");
    assert_eq!(world.behind(&run, Category::DocumentsUpdated).await, planned, "the dry run said so");
    let counts = run.progress.counts.documents;
    assert_eq!((counts.in_scope, counts.to_update, counts.updated, counts.left_out), (101, 91, 91, 5));
    let verified = run.documents.as_ref().expect("it was verified");
    assert!(verified.confirmed, "{}", verified.summary);
    assert_eq!((&verified.after, &verified.remaining), (&Reading::Known(101), &Reading::Known(0)));
    assert!(run.steps.iter().all(|step| step.state == StepState::Done), "{:?}", run.steps);
    assert!(run.progress.requests.iter().any(|used| used.endpoint == "bulk" && used.requests > 0));

    let sent = world.bulk_requests();
    let again = world.update(&of_namespace()).await;
    assert_eq!((again.state, again.progress.counts.documents.updated), (RunState::Done, 0), "law 6");
    assert_eq!(world.bulk_requests(), sent);
}

#[tokio::test]
async fn every_mode_and_scope_writes_what_it_says() {
    let world = world().await;
    let all = |overwrite_added| RunRequest {
        overwrite_added,
        ..RunRequest::update_documents(DocumentUpdate {
            mode: UpdateMode::All,
            value: Some("2".to_owned()),
            ..DocumentUpdate::of_namespace(NAMESPACE)
        })
    };
    let run = world.update(&all(false)).await;
    assert_eq!(run.progress.counts.documents.left_out, 5, "higher ones stay");
    assert_eq!(world.levels()[&id(7)], Some(json!(3)));
    assert_eq!(world.levels()[&id(1)], Some(json!(2)), "a lower one is raised");
    let run = world.update(&all(true)).await;
    assert_eq!((run.progress.counts.documents.updated, &world.levels()[&id(7)]), (5, &Some(json!(2))));
    assert!(
        run.log.iter().any(|line| line.message.contains("held 3 until now")),
        "so that it can be put back"
    );
    let scoped = |scope| RunRequest::update_documents(DocumentUpdate { scope, ..DocumentUpdate::default() });
    world.update(&scoped(DocumentScope::WithoutNamespace)).await;
    assert_eq!(world.levels()["nameless"], Some(json!(1)));
    assert_eq!(world.levels()["other-0"], None);
    world.update(&scoped(DocumentScope::All)).await;
    assert!(world.levels().values().all(Option::is_some));
}

#[tokio::test]
async fn one_that_is_paused_goes_on_where_it_was() {
    let world = world().await;
    let run = world.paused_amid(&of_namespace()).await;
    let updated = run.progress.counts.documents.updated;
    assert_eq!(run.state, RunState::Paused);
    assert!(updated > 0 && updated < 91, "{updated}");
    assert_eq!(world.levels().values().filter(|level| **level == Some(json!(1))).count() as u64, updated + 5);

    let kept = world.store.view(&run.head.id).await.unwrap().unwrap();
    let done = world.go(&Recorder::restored(kept, Arc::new(|| 0)), &Stop::new()).await;
    assert_eq!(done.state, RunState::Done, "{:?}", done.error);
    assert_eq!(world.levels(), expected(|_| false));
    let counts = done.progress.counts.documents;
    assert_eq!((counts.in_scope, counts.to_update, counts.updated, counts.unrecorded), (101, 91, 91, 0));
    assert_eq!(world.behind(&done, Category::DocumentsUpdated).await.len(), 91);
}

#[tokio::test]
async fn one_that_goes_on_leaves_out_what_it_was_refused() {
    let world = world().await;
    world
        .sandbox
        .state()
        .add_fault("elasticsearch.bulk:items-400,count=2@first=1".parse::<Fault>().expect("a fault"));
    let run = world.paused_amid(&of_namespace()).await;
    let counts = run.progress.counts.documents;
    assert_eq!((run.state, counts.failed), (RunState::Paused, 2));

    let kept = world.store.view(&run.head.id).await.unwrap().unwrap();
    let done = world.go(&Recorder::restored(kept, Arc::new(|| 0)), &Stop::new()).await;
    assert_eq!(done.state, RunState::DoneWithFailures, "law 9");
    let counts = &done.progress.counts;
    let documents = counts.documents;
    assert_eq!((counts.failed, documents.failed, documents.updated), (2, 2, 89), "each is counted once");
    assert_eq!((documents.to_update, documents.unrecorded), (91, 0));
    let refused = world.behind(&done, Category::Failed).await;
    assert_eq!((refused.len(), done.failures.len()), (2, 2));
    assert_eq!(world.levels(), expected(|id| refused.contains(id)), "none was tried again unasked");
    assert!(done.documents.expect("it was verified").confirmed);
}

/// 100 documents of which the first 25 held a level before the field was mapped, 20 of them a higher one.
async fn mapped_behind_its_documents() -> World {
    let mut world = World::start(Options::default()).await;
    world.settings.documents.batch_documents = 20;
    world.settings.documents.first_wait = std::time::Duration::ZERO;
    let state = world.sandbox.state();
    let mapping = json!({"dynamic": false, "properties": {"pinecone_namespace": {"type": "keyword"}}});
    state.make_search_index(DOCUMENTS, mapping);
    let document = |number: usize| {
        let mut source = json!({"pinecone_namespace": NAMESPACE});
        if number < 25 {
            source["clearance_level"] = json!(if number < 20 { 3 } else { 1 });
        }
        let source = source.as_object().expect("an object").clone();
        SearchDocument { id: id(number), routing: None, source }
    };
    state.put_search_documents(DOCUMENTS, (0..100).map(document).collect()).expect("valid documents");
    let SearchIndex { connection, reader, .. } = world.search_as_admin().await;
    let editor = elasticsearch::MappingEditor::new(&connection, &reader).expect("a client");
    let field = elasticsearch::FieldName::parse("clearance_level").expect("a field");
    editor.add(&field, elasticsearch::FieldType::Integer).await.expect("it may");
    world
}

#[tokio::test]
async fn a_value_that_is_not_indexed_stands_and_is_told_of_once() {
    let world = mapped_behind_its_documents().await;
    let expected: BTreeMap<String, Option<Value>> =
        (0..100).map(|number| (id(number), Some(json!(if number < 20 { 3 } else { 1 })))).collect();
    let named = |numbers: std::ops::Range<usize>| numbers.map(id).collect::<BTreeSet<_>>();

    let dry = world.update(&RunRequest { dry_run: true, ..of_namespace() }).await;
    let counts = dry.progress.counts.documents;
    assert_eq!((counts.in_scope, counts.to_update, counts.unindexed), (100, 75, 25), "law 4");
    assert_eq!(world.behind(&dry, Category::DocumentsToUpdate).await, named(25..100));
    assert_eq!(world.behind(&dry, Category::DocumentsUnindexed).await, named(0..25));

    let run = world.paused_amid(&of_namespace()).await;
    let counts = run.progress.counts.documents;
    assert_eq!((run.state, counts.unindexed), (RunState::Paused, 25));
    assert!(counts.updated > 0 && counts.updated < 75, "{counts:?}");
    let kept = world.store.view(&run.head.id).await.unwrap().unwrap();
    let done = world.go(&Recorder::restored(kept, Arc::new(|| 0)), &Stop::new()).await;
    assert_eq!(done.state, RunState::Done, "{:?}", done.error);
    assert_eq!(world.levels(), expected, "law 5");
    let counts = done.progress.counts.documents;
    assert_eq!((counts.to_update, counts.updated, counts.unindexed, counts.unrecorded), (100, 75, 25, 0));
    assert_eq!(world.behind(&done, Category::DocumentsUnindexed).await, named(0..25), "law 13");
    let verified = done.documents.as_ref().expect("it was verified");
    assert!(verified.confirmed, "{}", verified.summary);
    assert!(verified.summary.contains("25 hold a value that is not indexed"), "{}", verified.summary);

    let sent = world.bulk_requests();
    let again = world.update(&of_namespace()).await;
    let counts = again.progress.counts.documents;
    assert_eq!((again.state, counts.updated, counts.unindexed), (RunState::Done, 0, 25));
    assert_eq!(world.bulk_requests(), sent, "law 6");
    assert!(again.documents.is_some_and(|verified| verified.confirmed));
}

#[tokio::test]
async fn the_server_leaves_a_value_alone_that_is_not_indexed() {
    let world = mapped_behind_its_documents().await;
    let recorder = world.begun(&on_the_server(), Origin::Listing).await;
    let run = world.go_at(&world.search_as_admin().await, &recorder, &Stop::new()).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    let counts = run.progress.counts.documents;
    assert_eq!((counts.to_update, counts.updated, counts.unindexed), (100, 75, 25));
    assert_eq!(world.levels()[&id(0)], Some(json!(3)), "law 5");
    assert!(run.documents.is_some_and(|verified| verified.confirmed));
}

/// Returns once the sandbox was asked about a task of its.
async fn asked_about_its_task(world: &World) {
    let calls = || world.sandbox.state().calls("elasticsearch", Endpoint::Tasks);
    while calls().expect("counted").requests == 0 {
        tokio::task::yield_now().await;
    }
}

fn paths(world: &World, what: &str) -> Vec<usize> {
    let requests = world.sandbox.state().requests();
    let found = requests.iter().enumerate().filter(|(_, request)| request.path.contains(what));
    found.map(|(number, _)| number).collect()
}

#[tokio::test]
async fn the_server_s_own_update_outlives_a_question_that_does_not_get_through() {
    for fault in ["429", "503", "reset"] {
        let world = world().await;
        let fault = format!("elasticsearch.tasks:{fault}@first=1").parse::<Fault>().expect("a fault");
        world.sandbox.state().add_fault(fault.clone());
        let recorder = world.begun(&on_the_server(), Origin::Listing).await;
        let run = world.go_at(&world.search_as_admin().await, &recorder, &Stop::new()).await;
        assert_eq!(run.state, RunState::Done, "law 8: {fault:?}: {:?}", run.error);
        assert_eq!(run.progress.counts.documents.updated, 91);
        assert_eq!(paths(&world, "_update_by_query").len(), 1, "it is started once");
    }
}

#[tokio::test]
async fn the_server_s_own_update_is_stopped_when_it_cannot_be_watched() {
    let world = world().await;
    world.sandbox.state().hold_search_task();
    world.sandbox.state().add_fault("elasticsearch.tasks:400@first=1".parse::<Fault>().expect("a fault"));
    let recorder = world.begun(&on_the_server(), Origin::Listing).await;
    let run = world.go_at(&world.search_as_admin().await, &recorder, &Stop::new()).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(world.sandbox.state().search_tasks_under_way(), 0, "law 12: nothing writes without the lock");
}

#[tokio::test]
async fn the_server_s_own_update_is_stopped_while_its_server_is_slow() {
    let world = world().await;
    world.sandbox.state().hold_search_task();
    world.sandbox.state().add_fault("elasticsearch.tasks:hang@first=1".parse::<Fault>().expect("a fault"));
    let (recorder, stop) = (world.begun(&on_the_server(), Origin::Listing).await, Stop::new());
    let index = world.search_as_admin().await;
    let cancel = async {
        asked_about_its_task(&world).await;
        stop.ask(StopReason::Cancel);
    };
    let (run, ()) = tokio::join!(world.go_at(&index, &recorder, &stop), cancel);
    assert_eq!(run.state, RunState::Cancelled);
    assert_eq!(
        world.sandbox.state().search_tasks_under_way(),
        0,
        "what is shown as cancelled writes nothing"
    );
}

#[tokio::test]
async fn the_server_s_own_update_is_ended_before_a_killed_run_goes_on() {
    let world = world().await;
    world.sandbox.state().hold_search_task();
    let recorder = world.begun(&on_the_server(), Origin::Listing).await;
    let index = world.search_as_admin().await;
    let stop = Stop::new();
    tokio::select! {
        run = world.go_at(&index, &recorder, &stop) => unreachable!("{:?}", run.state),
        () = asked_about_its_task(&world) => {}
    }
    assert_eq!(world.sandbox.state().search_tasks_under_way(), 1, "nobody was left to end it");

    let kept = world.store.view(&recorder.id()).await.unwrap().unwrap();
    let done = world.go_at(&index, &Recorder::restored(kept, Arc::new(|| 0)), &Stop::new()).await;
    assert_eq!(done.state, RunState::Done, "{:?}", done.error);
    let counts = done.progress.counts.documents;
    assert_eq!((counts.updated, counts.unrecorded, counts.kept), (91, 0, 0));
    let (started, cancelled) = (paths(&world, "_update_by_query"), paths(&world, "_cancel"));
    assert!(started.len() == 2 && cancelled.len() == 1, "{started:?} {cancelled:?}");
    assert!(started[0] < cancelled[0] && cancelled[0] < started[1], "law 12");
}

#[tokio::test]
async fn refused_documents_are_listed_and_tried_again_alone() {
    let world = world().await;
    world
        .sandbox
        .state()
        .add_fault("elasticsearch.bulk:items-400,count=2@first=1".parse::<Fault>().expect("a fault"));
    let run = world.update(&of_namespace()).await;
    assert_eq!(run.state, RunState::DoneWithFailures, "law 9");
    let counts = &run.progress.counts;
    assert_eq!((counts.failed, counts.documents.failed, counts.documents.updated), (2, 2, 89));
    assert!(run.failures.iter().all(|failure| failure.step == Step::Documents && failure.attempts == 1));
    assert!(run.documents.as_ref().is_some_and(|verified| verified.confirmed), "the refusals explain it");
    let failed: BTreeSet<String> = run.failures.iter().map(|failure| failure.id.clone()).collect();
    assert_eq!(world.levels(), expected(|id| failed.contains(id)));

    let id = run.head.id.clone();
    let request = RunRequest { retry: Some(id.clone()), ..of_namespace() };
    let retried = world.go(&world.begun(&request, Origin::Failures(id)).await, &Stop::new()).await;
    assert_eq!(retried.state, RunState::Done);
    assert_eq!(
        (retried.progress.counts.documents.in_scope, retried.progress.counts.documents.updated),
        (2, 2)
    );
    assert_eq!(world.levels(), expected(|_| false));
}

#[tokio::test]
async fn what_the_pre_check_stops_is_not_written() {
    let world = world().await;
    let update = DocumentUpdate { field: Some("text".to_owned()), ..DocumentUpdate::of_namespace(NAMESPACE) };
    // A text cannot be matched exactly against a number, and the server's shards fail on the way.
    world
        .sandbox
        .state()
        .add_fault("elasticsearch.search:failed-shards,count=1".parse::<Fault>().expect("a fault"));
    let run = world.update(&RunRequest::update_documents(update)).await;
    assert_eq!((run.state, world.bulk_requests()), (RunState::Failed, 0), "law 3");
    let failed = run.steps.iter().find(|step| step.state == StepState::Failed).expect("a step failed");
    assert!(!failed.detail.is_empty() && run.error.is_some());
}

#[tokio::test]
async fn a_mirror_may_end_with_the_documents_of_its_namespace() {
    let world = world().await;
    let mirror = RunRequest { documents: Some(DocumentUpdate::default()), ..request(RunKind::Mirror) };
    let run = world.run(&mirror).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    world.assert_mirrored();
    assert_eq!(world.levels(), expected(|_| false));
    assert_eq!((run.progress.counts.migrated, run.progress.counts.documents.updated), (345, 91));
    assert!(run.verification.is_some_and(|verified| verified.confirmed));
    assert!(run.documents.is_some_and(|verified| verified.confirmed));
    let dry = world.run(&RunRequest { dry_run: true, ..mirror.clone() }).await;
    assert_eq!((dry.state, dry.progress.counts.documents.to_update), (RunState::Done, 0));
    let again = world.run(&mirror).await;
    assert_eq!((again.progress.counts.migrated, again.progress.counts.documents.updated), (0, 0), "law 6");
}

#[tokio::test]
async fn a_dry_run_that_goes_on_among_its_documents_keeps_its_plan() {
    let world = world().await;
    let mirror = RunRequest { documents: Some(DocumentUpdate::default()), ..request(RunKind::Mirror) };
    let whole = world.run(&RunRequest { dry_run: true, ..mirror.clone() }).await;
    let refused = Effect::Status { code: 401, body: Body::Json, retry_after: None, message: None };
    world.sandbox.state().add_fault(Fault::always(Endpoint::Cursor, refused).at("elasticsearch"));
    let failed = world.run(&RunRequest { dry_run: true, ..mirror }).await;
    assert_eq!((failed.state, &failed.plan), (RunState::Failed, &whole.plan));
    world.sandbox.state().clear_faults();
    let done = world.go_on(failed.clone()).await;
    assert_eq!((done.state, done.progress.counts.documents.to_update), (RunState::Done, 91));
    assert_eq!(done.plan, whole.plan, "law 4");

    // The plan can be made again from what the store has of the run, too.
    let checkpoint = world.store.checkpoint(&failed.head.id).await.unwrap().unwrap();
    let checkpoint: Value = serde_json::from_str(&checkpoint).unwrap();
    assert_eq!(checkpoint["plan"]["tokens"], json!(whole.plan.unwrap().tokens));
}

#[tokio::test]
async fn a_refused_document_does_not_hide_the_failed_record_of_the_same_id() {
    let world = world().await;
    // Every document has the id of its record; all documents are refused, and some of the records.
    for fault in ["target.upsert:400@first=100", "elasticsearch.bulk:items-400,count=200"] {
        world.sandbox.state().add_fault(fault.parse::<Fault>().expect("a fault"));
    }
    let mirror = RunRequest { documents: Some(DocumentUpdate::default()), ..request(RunKind::Mirror) };
    let run = world.run(&mirror).await;
    assert_eq!(run.state, RunState::DoneWithFailures, "{:?}", run.error);
    let page = PageQuery { limit: 10_000, ..PageQuery::default() };
    let page = world.store.failures(&run.head.id, &page).await.expect("the store is well");
    let (documents, records): (Vec<_>, Vec<_>) =
        page.failures.into_iter().partition(|failure| failure.step == Step::Documents);
    assert_eq!(documents.len(), 91);
    assert!(!records.is_empty(), "the faults hit records, too");
    assert_eq!((documents.len() + records.len()) as u64, run.progress.counts.failed, "law 13");
    let of_document = |id: &str| documents.iter().any(|failure| failure.id == format!("{DOCUMENTS}/{id}"));
    assert!(records.iter().any(|failure| of_document(&failure.id)), "one id failed on both sides");

    world.sandbox.state().clear_faults();
    let retried = world.retry(&run).await;
    assert_eq!(retried.state, RunState::Done, "{:?}", retried.error);
    world.assert_mirrored();
    assert_eq!(world.levels(), expected(|_| false));
}

#[tokio::test]
async fn levels_of_records_and_documents_are_compared() {
    let world = world().await;
    world.mirror().await;
    let index = world.search().await;
    let run = world.compared(&index).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    // Of the first 100 records one has no text, and 70 to 79 have a raised level in the target.
    let counts = &run.progress.counts;
    assert_eq!((counts.source_listed, counts.in_sync), (426, 5), "{counts:?}");
    assert_eq!((counts.changed, counts.missing), (94, 327));
    assert_eq!(world.behind(&run, Category::Changed).await.len(), 94);
    assert_eq!(world.behind(&run, Category::Missing).await.len(), 327);
    world.update(&of_namespace()).await;
    let counts = world.compared(&index).await.progress.counts;
    assert_eq!((counts.in_sync, counts.changed, counts.missing), (84, 15, 327), "70 to 79 and 5 to 9 differ");
}

#[tokio::test]
async fn levels_are_compared_with_the_documents_that_name_the_record_in_a_field() {
    let world = world().await;
    world.mirror().await;
    let document = |name: &str, source: Value| SearchDocument {
        id: name.to_owned(),
        routing: None,
        source: source.as_object().expect("an object").clone(),
    };
    let of = |record: Value, namespace: &str, level: Value| json!({"record": record, "pinecone_namespace": namespace, "clearance_level": level});
    let documents = vec![
        document("p1", of(json!(id(20)), NAMESPACE, json!(1))),
        document("p2", of(json!(id(20)), NAMESPACE, Value::Null)),
        document("p3", of(json!(id(21)), NAMESPACE, json!(1))),
        document("p4", of(json!(id(22)), "other", json!(1))),
        document("p5", of(json!([id(23), id(24)]), NAMESPACE, json!(1))),
        document("p6", of(json!(id(25)), "other", json!(1))),
        document("p7", of(json!(id(25)), NAMESPACE, json!(2))),
    ];
    world.sandbox.state().put_search_documents(DOCUMENTS, documents).expect("the documents are valid");
    let index =
        SearchIndex { id_field: elasticsearch::FieldName::parse("record").ok(), ..world.search().await };
    let run = world.compared(&index).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    let named = |numbers: &[usize]| numbers.iter().map(|number| id(*number)).collect::<BTreeSet<_>>();
    assert_eq!(world.behind(&run, Category::InSync).await, named(&[21, 23, 24]));
    assert_eq!(world.behind(&run, Category::Changed).await, named(&[20, 25]), "every document counts");
    assert_eq!(run.progress.counts.missing, 421, "and none of another namespace");
}
