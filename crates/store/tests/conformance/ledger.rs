//! The ledger.

use protocol::{Category, RunKind, RunRequest};
use store::{Commit, LedgerEntry, LedgerKey, Settled, Store};

use super::{
    Place,
    made::{id, key, settled, vector, view},
};

fn written(id: &str, number: u32, made_by: &str) -> Settled {
    Settled { vector: Some(vector(number, made_by)), ..settled(id, &[Category::Changed, Category::Updated]) }
}

fn entry(id: &str, number: u32, made_by: &str) -> LedgerEntry {
    LedgerEntry { id: id.to_owned(), vector: vector(number, made_by) }
}

async fn begin(store: &dyn Store, name: &str, key: &LedgerKey) {
    let request = RunRequest::new(RunKind::Mirror, &*key.namespace);
    store.begin(&view(name, request), key).await.unwrap();
}

async fn known(store: &dyn Store, key: &LedgerKey, ids: &[&str]) -> Vec<LedgerEntry> {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    let mut entries = store.ledger(key, &ids).await.unwrap();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

pub async fn the_ledger_knows_the_last_vector_of_each_record(place: &impl Place) {
    let store = place.open().await;
    begin(&*store, "one", &key("ns")).await;
    begin(&*store, "two", &key("ns")).await;
    begin(&*store, "other", &key("other")).await;
    let elsewhere = LedgerKey { target: "elsewhere".to_owned(), ..key("ns") };
    let done = vec![written("a", 1, "m 768"), written("b", 2, "m 768"), settled("c", &[Category::InSync])];
    store.commit(&id("one"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    let done = vec![written("a", 9, "m 768")];
    store.commit(&id("other"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    assert_eq!(
        known(&*store, &key("ns"), &["a", "b", "c", "d"]).await,
        [entry("a", 1, "m 768"), entry("b", 2, "m 768")]
    );
    assert_eq!(known(&*store, &key("other"), &["a", "b"]).await, [entry("a", 9, "m 768")]);
    assert_eq!(known(&*store, &elsewhere, &["a"]).await, []);
    assert_eq!(known(&*store, &key("ns"), &[]).await, []);

    let done = vec![written("a", 5, "n 3072"), written("d", 6, "m 768")];
    store.commit(&id("two"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    let again = place.open().await;
    assert_eq!(
        known(&*again, &key("ns"), &["a", "b", "d"]).await,
        [entry("a", 5, "n 3072"), entry("b", 2, "m 768"), entry("d", 6, "m 768")]
    );

    let many: Vec<String> = (0..1_037).map(|number| format!("{number}")).collect();
    let done = many.iter().map(|id| written(id, 3, "m 768")).collect();
    store.commit(&id("two"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    assert_eq!(store.ledger(&key("ns"), &many).await.unwrap().len(), many.len());
}

pub async fn a_run_knows_what_it_has_paid_for(place: &impl Place) {
    let store = place.open().await;
    begin(&*store, "one", &key("ns")).await;
    begin(&*store, "two", &key("ns")).await;
    let ids: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
    let done = ids.iter().map(|id| written(id, 1, "m")).collect();
    store.commit(&id("one"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    let done = ids.iter().step_by(5).map(|id| written(id, 2, "m")).collect();
    store.commit(&id("two"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    for (run, number, mine) in [("one", 1, false), ("two", 2, true)] {
        let mut seen: Vec<LedgerEntry> = Vec::new();
        loop {
            let after = seen.last().map(|entry| entry.id.as_str());
            let page = store.paid(&id(run), after, 7).await.unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        let expected: Vec<LedgerEntry> = ids
            .iter()
            .enumerate()
            .filter(|(place, _)| (place % 5 == 0) == mine)
            .map(|(_, id)| entry(id, number, "m"))
            .collect();
        assert_eq!(seen, expected, "{run}");
    }
}
