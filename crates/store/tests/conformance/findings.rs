//! What was found and settled.

use std::collections::BTreeSet;

use protocol::{Category, PageQuery, RunKind, RunRequest};
use store::{Commit, Digest, Found, Settled, Store};

use super::{
    Place,
    made::{begun, counts, digest, failed, id, key, pending, settled, vector, view},
};

async fn in_flight(store: &dyn Store, run: &str) -> Vec<(String, Found)> {
    let rows = store.pending(&id(run), None, 1_000).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.found)).collect()
}

async fn behind(store: &dyn Store, run: &str, category: Category) -> Vec<String> {
    store.records(&id(run), category, &PageQuery::default()).await.unwrap().ids
}

pub async fn what_is_found_is_pending_until_it_is_settled(place: &impl Place) {
    let store = place.open().await;
    begun(&*store, "m").await;
    begun(&*store, "other").await;
    let found = |ids: &[&str]| ids.iter().map(|id| pending(id, Found::Missing)).collect::<Vec<_>>();
    let commit = Commit {
        found: vec![pending("b", Found::Both), pending("a", Found::Missing), pending("at once", Found::Both)],
        settled: vec![settled("at once", &[Category::InSync]), settled("unheard of", &[Category::Orphan])],
        ..Commit::default()
    };
    store.commit(&id("m"), commit).await.unwrap();
    store.commit(&id("other"), Commit { found: found(&["a"]), ..Commit::default() }).await.unwrap();
    let both = [("a".to_owned(), Found::Missing), ("b".to_owned(), Found::Both)];
    assert_eq!(in_flight(&*store, "m").await, both);
    assert_eq!(behind(&*store, "m", Category::Orphan).await, ["unheard of"]);

    // A failure alone settles nothing: the record would be lost if nobody said that it is done with.
    store.commit(&id("m"), Commit { failures: vec![failed("a", "no")], ..Commit::default() }).await.unwrap();
    assert_eq!(in_flight(&*store, "m").await, both);
    let commit = Commit {
        found: found(&["c"]),
        settled: vec![settled("a", &[]), settled("c", &[Category::Gone])],
        ..Commit::default()
    };
    store.commit(&id("m"), commit).await.unwrap();
    assert_eq!(in_flight(&*store, "m").await, [("b".to_owned(), Found::Both)]);

    // Whatever the number.
    let many: Vec<String> = (0..1_037).map(|number| format!("{number:05}")).collect();
    let commit =
        Commit { found: many.iter().map(|id| pending(id, Found::Both)).collect(), ..Commit::default() };
    store.commit(&id("m"), commit).await.unwrap();
    assert_eq!(store.pending(&id("m"), Some("00999"), 10).await.unwrap().len(), 10);
    let done = many.iter().map(|id| settled(id, &[Category::InSync])).collect();
    store.commit(&id("m"), Commit { settled: done, ..Commit::default() }).await.unwrap();
    assert_eq!(in_flight(&*store, "m").await, [("b".to_owned(), Found::Both)]);
    assert_eq!(in_flight(&*store, "other").await, [("a".to_owned(), Found::Missing)]);
}

pub async fn a_record_is_behind_each_of_its_counts(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    counts(&mut view).missing = 77;
    let sets: Vec<Vec<Category>> = vec![
        vec![Category::Missing, Category::Migrated],
        vec![Category::Missing],
        vec![Category::Migrated],
        vec![Category::Changed, Category::Kept, Category::Updated, Category::OverLong],
        vec![Category::Updated, Category::Moved],
        vec![Category::Missing, Category::Migrated, Category::OverLong],
        vec![Category::InSync, Category::InSync],
    ];
    let done = sets.iter().enumerate().map(|(n, set)| settled(&format!("{n}"), set)).collect();
    let failures = vec![failed("z", "no"), failed("x", "no")];
    let commit = Commit { view: Some(view), settled: done, failures, ..Commit::default() };
    store.commit(&id("m"), commit).await.unwrap();
    // Settled again, and behind one more: nothing is listed twice.
    store
        .commit(&id("m"), Commit { settled: vec![settled("1", &sets[0])], ..Commit::default() })
        .await
        .unwrap();
    for category in Category::ALL {
        let mut expected: Vec<String> = (0..sets.len())
            .filter(|&n| sets[n].contains(&category) || (n == 1 && category == Category::Migrated))
            .map(|n| n.to_string())
            .collect();
        if category == Category::Failed {
            expected = vec!["x".to_owned(), "z".to_owned()];
        }
        assert_eq!(behind(&*store, "m", category).await, expected, "{category:?}");
        let planned = store.planned(&id("m"), category, None, 99).await.unwrap();
        assert_eq!(planned.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), expected, "{category:?}");
    }
    let page = store.records(&id("m"), Category::Missing, &PageQuery::default()).await.unwrap();
    assert_eq!(page.total, 77, "what the run counted");
}

pub async fn a_reset_forgets_all_but_what_was_written(place: &impl Place) {
    let store = place.open().await;
    begun(&*store, "m").await;
    begun(&*store, "other").await;
    let written = Settled {
        vector: Some(vector(1, "model")),
        text: Some(digest(1)),
        ..settled("written", &[Category::Missing, Category::Migrated])
    };
    let commit = || Commit {
        found: vec![pending("p", Found::Both)],
        settled: vec![written.clone(), settled("s", &[Category::InSync])],
        failures: vec![failed("f", "no")],
        checkpoint: Some("old".to_owned()),
        ..Commit::default()
    };
    store.commit(&id("m"), commit()).await.unwrap();
    store.commit(&id("other"), commit()).await.unwrap();
    let anew = Commit {
        reset: true,
        found: vec![pending("q", Found::Missing)],
        settled: vec![settled("t", &[Category::InSync])],
        failures: vec![failed("g", "no")],
        ..Commit::default()
    };
    store.commit(&id("m"), anew).await.unwrap();
    assert_eq!(in_flight(&*store, "m").await, [("q".to_owned(), Found::Missing)]);
    assert_eq!(behind(&*store, "m", Category::InSync).await, ["t"]);
    assert_eq!(behind(&*store, "m", Category::Missing).await, [""; 0]);
    assert_eq!(behind(&*store, "m", Category::Migrated).await, ["written"]);
    assert_eq!(behind(&*store, "m", Category::Failed).await, ["g"]);
    assert_eq!(store.planned_texts(&id("m"), None, 9).await.unwrap(), [[0; 16]; 0]);
    assert_eq!(store.paid(&id("m"), None, 9).await.unwrap(), [], "the other run wrote it last");
    assert_eq!(store.paid(&id("other"), None, 9).await.unwrap().len(), 1);
    assert_eq!(store.checkpoint(&id("m")).await.unwrap().as_deref(), Some("old"));

    // Again, with the whole of it removed by a prune in between.
    store.prune(1_700_000_000_000).await.unwrap();
    store.commit(&id("m"), Commit { reset: true, ..Commit::default() }).await.unwrap();
    assert_eq!(behind(&*store, "m", Category::Migrated).await, ["written"]);
    assert_eq!(behind(&*store, "m", Category::InSync).await, [""; 0]);
    assert_eq!(behind(&*store, "other", Category::InSync).await, ["s"]);
    assert_eq!(behind(&*store, "other", Category::Failed).await, ["f"]);
    assert_eq!(in_flight(&*store, "other").await, [("p".to_owned(), Found::Both)]);
}

pub async fn a_plan_is_read_with_its_digests(place: &impl Place) {
    let store = place.open().await;
    begun(&*store, "m").await;
    let record = |number: u32, category| Settled {
        digest: (!number.is_multiple_of(3)).then(|| digest(number)),
        text: Some(digest(number)),
        ..settled(&format!("{number:03}"), &[category])
    };
    for part in 0..5 {
        let done = (0..20).map(|n| record(part * 20 + n, Category::Changed));
        let others = (0..5).map(|n| record(1_000 + part * 5 + n, Category::InSync));
        let commit = Commit { settled: done.chain(others).collect(), ..Commit::default() };
        store.commit(&id("m"), commit).await.unwrap();
    }
    let expected: Vec<(String, Option<Digest>)> =
        (0..100_u32).map(|n| (format!("{n:03}"), (!n.is_multiple_of(3)).then(|| digest(n)))).collect();
    for limit in [1, 7, 20, 100, 1_000] {
        let mut seen: Vec<(String, Option<Digest>)> = Vec::new();
        loop {
            let after = seen.last().map(|(id, _)| id.as_str());
            let page = store.planned(&id("m"), Category::Changed, after, limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit as usize);
            seen.extend(page);
        }
        assert_eq!(seen, expected, "{limit} at a time");
    }
}

pub async fn a_run_of_a_plan_takes_over_what_it_leaves_alone(place: &impl Place) {
    let store = place.open().await;
    begun(&*store, "analysis").await;
    let found = ["a", "c", "e"].map(|id| settled(id, &[Category::InSync]));
    let mut commit = Commit { settled: found.into(), ..Commit::default() };
    commit.settled.push(settled("m", &[Category::Missing]));
    store.commit(&id("analysis"), commit).await.unwrap();
    let request = RunRequest { plan: Some("7c41".to_owned()), ..RunRequest::new(RunKind::Mirror, "ns") };
    let mut run = view("run", request);
    run.head.origin = Some(id("analysis"));
    store.begin(&run, &key("ns")).await.unwrap();
    // What was planned to be written and is in sync by now comes to the others.
    let commit = Commit { settled: vec![settled("d", &[Category::InSync])], ..Commit::default() };
    store.commit(&id("run"), commit).await.unwrap();
    assert_eq!(behind(&*store, "run", Category::InSync).await, ["a", "c", "d", "e"]);
    assert_eq!(behind(&*store, "run", Category::Missing).await, [""; 0], "the run's own");
    let query = PageQuery { limit: 2, ..PageQuery::default() };
    let first = store.records(&id("run"), Category::InSync, &query).await.unwrap();
    assert_eq!((first.ids, first.next.as_deref()), (vec!["a".to_owned(), "c".to_owned()], Some("c")));
    let query = PageQuery { after: first.next, ..query };
    let second = store.records(&id("run"), Category::InSync, &query).await.unwrap();
    assert_eq!((second.ids, second.next), (vec!["d".to_owned(), "e".to_owned()], None));
}

pub async fn texts_come_once_and_in_order(place: &impl Place) {
    let store = place.open().await;
    begun(&*store, "m").await;
    let mut expected = BTreeSet::new();
    for part in 0..4_u32 {
        let settled = (0..100_u32)
            .map(|n| {
                // Neither in order nor without repetition, within a commit and between them; some have none.
                let text = (!n.is_multiple_of(9)).then(|| digest((n * 37 + part * 13) % 211));
                expected.extend(text);
                Settled { text, ..settled(&format!("{part} {n}"), &[Category::Missing]) }
            })
            .collect();
        store.commit(&id("m"), Commit { settled, ..Commit::default() }).await.unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let page = store.planned_texts(&id("m"), seen.last().copied(), 17).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, expected.into_iter().collect::<Vec<_>>());
}
