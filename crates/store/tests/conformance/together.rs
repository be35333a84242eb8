//! Several at once, and those that are interrupted.

use std::sync::Arc;

use protocol::{Category, LogLevel, PageQuery};
use store::{Ask, Commit, Found, Settled, Store};

use super::{
    Place,
    made::{begun, digest, event, failed, id, key, line, pending, settled, vector},
};

/// A commit that touches everything, about one record.
fn everything(view: &protocol::RunView, number: u32) -> Commit {
    let name = format!("{number:04}");
    Commit {
        found: vec![pending(&format!("{name} in flight"), Found::Missing)],
        settled: vec![Settled {
            digest: Some(digest(number)),
            text: Some(digest(number)),
            vector: Some(vector(number, "model")),
            ..settled(&name, &[Category::Missing, Category::Migrated, Category::OverLong])
        }],
        failures: vec![failed(&name, "no")],
        events: vec![event(view, line(LogLevel::Info, &name))],
        view: Some(view.clone()),
        checkpoint: Some(name),
        ..Commit::default()
    }
}

/// How many records each part of the store knows of.
async fn known(store: &dyn Store, run: &str) -> [usize; 8] {
    let run = &id(run);
    let all = PageQuery { limit: 10_000, ..PageQuery::default() };
    let ids: Vec<String> = (0..1_000).map(|number| format!("{number:04}")).collect();
    let checkpoint = store.checkpoint(run).await.unwrap();
    [
        checkpoint.map_or(0, |last| last.parse::<usize>().unwrap() + 1),
        store.pending(run, None, 10_000).await.unwrap().len(),
        store.records(run, Category::Migrated, &all).await.unwrap().ids.len(),
        store.records(run, Category::OverLong, &all).await.unwrap().ids.len(),
        store.planned_texts(run, None, 10_000).await.unwrap().len(),
        store.failures(run, &all).await.unwrap().failures.len(),
        store.view(run).await.unwrap().unwrap().log.len(),
        store.ledger(&key("ns"), &ids).await.unwrap().len(),
    ]
}

pub async fn a_commit_is_whole_or_not_there(place: &impl Place) {
    let (store, other) = (place.open().await, place.open().await);
    let mut view = begun(&*store, "m").await;
    let (mut number, mut dropped) = (0, 0);
    // The commit is given up after so many turns, up to where it is never too late.
    for turns in 0..400_u32 {
        let commit = everything(&view, number);
        let event = commit.events[0].clone();
        let run = id("m");
        tokio::select! {
            biased;
            done = store.commit(&run, commit) => done.unwrap(),
            () = async { for _ in 0..turns { tokio::task::yield_now().await } } => dropped += 1,
        }
        // What was given up may still be ending; whoever writes to the same run comes after that.
        store.commit(&id("m"), Commit::default()).await.unwrap();
        let parts = known(&*other, "m").await;
        assert!(parts.iter().all(|&part| part == parts[0]), "{parts:?} after {turns} turns");
        if parts[0] > number as usize {
            number += 1;
            view.apply(&event);
        }
    }
    assert!(dropped > 0, "no commit was ever given up");
    store.commit(&id("m"), everything(&view, number)).await.unwrap();
    assert_eq!(known(&*other, "m").await, [number as usize + 1; 8]);
}

pub async fn two_handles_write_at_once(place: &impl Place) {
    const COMMITS: usize = 40;
    let stores = [place.open().await, place.open().await];
    for writer in 0..6 {
        begun(&*stores[0], &format!("run-{writer}")).await;
    }
    begun(&*stores[0], "shared").await;
    let writers = (0..6).map(|writer| {
        let store: Arc<dyn Store> = stores[writer % 2].clone();
        tokio::spawn(async move {
            for number in 0..COMMITS {
                for run in [format!("run-{writer}"), "shared".to_owned()] {
                    let name = format!("{writer} {number}");
                    let commit = Commit {
                        found: vec![pending(&format!("{name} in flight"), Found::Both)],
                        settled: vec![settled(&name, &[Category::InSync])],
                        checkpoint: Some(name),
                        ..Commit::default()
                    };
                    store.commit(&id(&run), commit).await.unwrap();
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = PageQuery { limit: 10_000, ..PageQuery::default() };
    let count = async |run: &str| {
        let page = stores[1].records(&id(run), Category::InSync, &all).await.unwrap();
        (page.ids.len(), stores[0].pending(&id(run), None, 10_000).await.unwrap().len())
    };
    for writer in 0..6 {
        assert_eq!(count(&format!("run-{writer}")).await, (COMMITS, COMMITS));
    }
    assert_eq!(count("shared").await, (6 * COMMITS, 6 * COMMITS));
}

pub async fn a_question_is_answered_by_one_of_many(place: &impl Place) {
    let stores = [place.open().await, place.open().await];
    begun(&*stores[0], "m").await;
    for _ in 0..5 {
        stores[0].ask(&id("m"), Ask::Pause).await.unwrap();
        let lookers = (0..8).map(|looker| {
            let store: Arc<dyn Store> = stores[looker % 2].clone();
            tokio::spawn(async move { store.asked(&[id("m")]).await.unwrap().len() })
        });
        let mut told = 0;
        for looker in lookers.collect::<Vec<_>>() {
            told += looker.await.unwrap();
        }
        assert_eq!(told, 1);
    }
}
