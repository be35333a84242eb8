//! Pages and searching, against a naive model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use protocol::{Category, LogLevel, LogQuery, PageQuery};
use store::{Commit, Found, Store};

use super::{
    Place,
    made::{begun, event, failed, id, line, pending, settled},
};

/// What is searched for is found whatever the case of ASCII letters.
fn holds(text: &str, search: &str) -> bool {
    text.to_ascii_lowercase().contains(&search.to_ascii_lowercase())
}

/// Few letters, so that searches find something; and all that means something to a database.
fn text() -> impl Strategy<Value = String> {
    "[aAbBéÉ%_'\"\\\\*?-]{1,4}"
}

/// Ids, and the categories behind which each is.
fn records() -> impl Strategy<Value = BTreeMap<String, BTreeSet<usize>>> {
    let categories = prop::collection::btree_set(select((0..Category::ALL.len()).collect::<Vec<_>>()), 0..4);
    prop::collection::btree_map(text(), categories, 0..30)
}

async fn all_pages(
    store: &dyn Store,
    run: &str,
    category: Category,
    search: &str,
    limit: u32,
) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery { search: search.to_owned(), after, limit };
        let page = store.records(&id(run), category, &query).await.unwrap();
        assert!(page.ids.len() <= limit as usize);
        assert!(page.next.is_none() || page.next.as_ref() == page.ids.last(), "{page:?}");
        seen.extend(page.ids);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// Runs an asynchronous property on generated values.
fn check<S: Strategy>(values: &S, property: impl AsyncFn(u32, S::Value)) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let case = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(values, |value| {
        case.set(case.get() + 1);
        let property = property(case.get(), value);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(property));
        Ok(())
    });
    outcome.unwrap();
}

pub async fn pages_hold_what_a_naive_model_says(place: &impl Place) {
    let store = place.open().await;
    check(&(records(), text(), any::<bool>(), 1_u32..6), async |case, (records, search, searched, limit)| {
        let run = format!("run-{case}");
        begun(&*store, &run).await;
        // In several commits, as the records came.
        let ids: Vec<&String> = records.keys().collect();
        for some in ids.chunks(7) {
            let mut commit = Commit::default();
            for &name in some {
                let categories: Vec<Category> = records[name].iter().map(|&n| Category::ALL[n]).collect();
                if categories.contains(&Category::Failed) {
                    commit.failures.push(failed(name, "no"));
                }
                commit.settled.push(settled(name, &categories));
            }
            store.commit(&id(&run), commit).await.unwrap();
        }
        let search = if searched { &*search } else { "" };
        for (number, category) in Category::ALL.into_iter().enumerate() {
            // The map's order is that of the bytes.
            let expected: Vec<String> = records
                .iter()
                .filter(|(id, categories)| categories.contains(&number) && holds(id, search))
                .map(|(id, _)| id.clone())
                .collect();
            let seen = all_pages(&*store, &run, category, search, limit).await;
            assert_eq!(seen, expected, "{category:?}, {search:?}");
        }
    });
}

pub async fn pending_pages_hold_what_a_naive_model_says(place: &impl Place) {
    let store = place.open().await;
    // Each step finds some ids and settles some, in flight or not.
    let steps = prop::collection::vec(
        (prop::collection::btree_set(text(), 0..8), prop::collection::btree_set(text(), 0..8)),
        0..6,
    );
    check(&(steps, 1_u32..5), async |case, (steps, limit)| {
        let run = format!("run-{case}");
        begun(&*store, &run).await;
        let mut model = BTreeSet::new();
        for (found, done) in steps {
            let commit = Commit {
                found: found.iter().map(|id| pending(id, Found::Both)).collect(),
                settled: done.iter().map(|id| settled(id, &[Category::InSync])).collect(),
                ..Commit::default()
            };
            store.commit(&id(&run), commit).await.unwrap();
            model.extend(found);
            model.retain(|id| !done.contains(id));
        }
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().map(String::as_str);
            let page = store.pending(&id(&run), after, limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit as usize);
            seen.extend(page.into_iter().map(|row| row.id));
        }
        assert_eq!(seen, model.into_iter().collect::<Vec<_>>());
    });
}

pub async fn failures_are_replaced_searched_and_paged(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    view.progress.counts.failed = 5;
    let records: Vec<_> =
        ["e", "b", "D", "a", "c"].iter().map(|id| failed(id, &format!("{id} is Poison"))).collect();
    let commit = Commit { view: Some(view), failures: records, ..Commit::default() };
    store.commit(&id("m"), commit).await.unwrap();
    let again = protocol::FailedRecord { attempts: 2, ..failed("b", "too long") };
    store.commit(&id("m"), Commit { failures: vec![again.clone()], ..Commit::default() }).await.unwrap();

    let page = async |search: &str, after: Option<&str>, limit: u32| {
        let query = PageQuery { search: search.to_owned(), after: after.map(str::to_owned), limit };
        let page = store.failures(&id("m"), &query).await.unwrap();
        assert_eq!(page.total, 5);
        (page.failures.into_iter().map(|record| record.id).collect::<Vec<_>>().join(""), page.next)
    };
    assert_eq!(page("", None, 0).await, ("Dabce".to_owned(), None), "in the order of the bytes");
    assert_eq!(page("", None, 2).await, ("Da".to_owned(), Some("a".to_owned())));
    assert_eq!(page("", Some("a"), 2).await, ("bc".to_owned(), Some("c".to_owned())));
    assert_eq!(page("", Some("c"), 2).await, ("e".to_owned(), None));
    assert_eq!(page("poison", None, 3).await, ("Dac".to_owned(), Some("c".to_owned())));
    assert_eq!(page("d", None, 0).await, ("D".to_owned(), None), "in the id");
    let query = PageQuery { search: "TOO".to_owned(), ..PageQuery::default() };
    assert_eq!(store.failures(&id("m"), &query).await.unwrap().failures, [again]);
}

pub async fn the_log_is_searched_and_paged(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    let mut events = Vec::new();
    for number in 0..30 {
        let level = [LogLevel::Info, LogLevel::Warn, LogLevel::Error][number % 3];
        let event = event(&view, line(level, &format!("Line {number} of {}", number % 2)));
        view.apply(&event);
        events.push(event);
    }
    store.commit(&id("m"), Commit { events, ..Commit::default() }).await.unwrap();
    for level in [None, Some(LogLevel::Info), Some(LogLevel::Warn), Some(LogLevel::Error)] {
        for search in ["", "OF 1", "ine 2", "nothing"] {
            for limit in [0, 1, 4, 30] {
                let expected: Vec<_> = view
                    .log
                    .iter()
                    .filter(|line| {
                        level.is_none_or(|level| line.level >= level) && holds(&line.message, search)
                    })
                    .cloned()
                    .collect();
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let page = PageQuery { search: search.to_owned(), after, limit };
                    let page = store.log(&id("m"), &LogQuery { level, page }).await.unwrap();
                    assert!(limit == 0 || page.lines.len() <= limit as usize);
                    seen.extend(page.lines);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(seen, expected, "{level:?} {search:?} {limit}");
            }
        }
    }
    let foreign = PageQuery { after: Some("what?".to_owned()), ..PageQuery::default() };
    let page = store.log(&id("m"), &LogQuery { level: None, page: foreign }).await.unwrap();
    assert_eq!(page.lines, [], "a place that was not made here is the end");
}
