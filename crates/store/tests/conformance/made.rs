//! Things to store.

use protocol::{
    Counts, Event, EventBody, FailedRecord, LogLevel, LogLine, Plan, RunHead, RunId, RunKind, RunRequest,
    RunState, RunView, Step,
};
use store::{Commit, Digest, Found, LedgerKey, Pending, Settled, Store, Vector};

pub fn id(name: &str) -> RunId {
    RunId(name.to_owned())
}

pub fn key(namespace: &str) -> LedgerKey {
    LedgerKey { target: "new at example".to_owned(), namespace: namespace.to_owned() }
}

/// The view of a run that has just begun.
pub fn view(name: &str, request: RunRequest) -> RunView {
    RunView::new(RunHead {
        id: id(name),
        request,
        origin: None,
        source: "old".to_owned(),
        target: "new".to_owned(),
        steps: vec![Step::List, Step::Compare, Step::Migrate, Step::Update, Step::Verify],
        texts_per_minute: 3_000,
        writing: None,
        started_at: 1_700_000_000_000,
    })
}

/// Begins a mirror of the namespace `ns`.
pub async fn begun(store: &dyn Store, name: &str) -> RunView {
    let view = view(name, RunRequest::new(RunKind::Mirror, "ns"));
    store.begin(&view, &key("ns")).await.unwrap();
    view
}

pub fn event(view: &RunView, body: EventBody) -> Event {
    let seq = view.seq + 1;
    Event { run: view.head.id.clone(), seq, at: 1_700_000_000_000 + seq, body }
}

pub fn line(level: LogLevel, message: &str) -> EventBody {
    EventBody::Log(LogLine { at: 1_700_000_000_007, level, message: message.to_owned() })
}

pub fn failed(id: &str, message: &str) -> FailedRecord {
    FailedRecord {
        id: id.to_owned(),
        step: Step::Migrate,
        message: message.to_owned(),
        attempts: 1,
        at: 1_700_000_000_009,
    }
}

/// A digest that begins with a number.
pub fn digest(number: u32) -> Digest {
    let mut digest = [7; 16];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

pub fn vector(number: u32, made_by: &str) -> Vector {
    Vector { text: digest(number), values: digest(number + 1), made_by: made_by.to_owned() }
}

pub fn pending(id: &str, found: Found) -> Pending {
    Pending { id: id.to_owned(), found }
}

pub fn settled(id: &str, categories: &[protocol::Category]) -> Settled {
    Settled { id: id.to_owned(), categories: categories.to_vec(), ..Settled::default() }
}

/// Ends a run in a state at a time.
pub async fn end(store: &dyn Store, mut view: RunView, state: RunState, at: u64) -> RunView {
    view.state = state;
    view.finished_at = Some(at);
    store
        .commit(&view.head.id.clone(), Commit { view: Some(view.clone()), ..Commit::default() })
        .await
        .unwrap();
    view
}

pub fn counts(view: &mut RunView) -> &mut Counts {
    &mut view.progress.counts
}

pub fn plan(hash: &str) -> Plan {
    serde_json::from_value(serde_json::json!({
        "hash": hash, "source": 3, "target": 2, "in_sync": 1, "missing": 1, "changed": 1, "no_text": 0,
        "orphans": 0, "unreadable": 0, "embeddings": 2, "folded": 0, "reused": 0, "reusable": 0, "tokens": 10,
        "cost_micro_usd": null, "over_long": 0,
        "requests": {"list": 2, "fetch": 2, "embed": 1, "upsert": 1}, "seconds": 1, "held_by": "nothing",
        "added": {"key": "clearance_level", "value": "1"}, "kept": 0, "overwritten": 0, "keys": [],
        "samples": []
    }))
    .unwrap()
}
