//! Schedules and their ticks.

use std::sync::Arc;

use protocol::{LastRun, RunKind, RunRequest, RunState, Schedule, ScheduleId, ScheduleSpec, Timing};
use store::Store;

use super::{Place, made::id};

fn schedule(name: &str, created_at: u64) -> Schedule {
    Schedule {
        id: ScheduleId(name.to_owned()),
        spec: ScheduleSpec {
            name: "every hour".to_owned(),
            timing: Timing::Every(3_600),
            request: RunRequest::new(RunKind::Mirror, "ns"),
            enabled: true,
        },
        created_at,
        next_at: Some(created_at + 3_600_000),
        last: None,
    }
}

pub async fn schedules_are_kept_changed_and_removed(place: &impl Place) {
    let store = place.open().await;
    assert_eq!(store.schedules().await.unwrap(), []);
    let (old, new) = (schedule("z", 1_000), schedule("a", 2_000));
    store.keep_schedule(&new).await.unwrap();
    store.keep_schedule(&old).await.unwrap();
    assert_eq!(store.schedules().await.unwrap(), [old.clone(), new.clone()], "oldest first");

    let changed = store.change_schedule(&old.id, &|old| {
        old.spec.timing = Timing::Cron("0 3 * * *".to_owned());
        old.spec.enabled = false;
        old.next_at = None;
        old.last = Some(LastRun {
            run: Some(id("m")),
            state: Some(RunState::Done),
            at: 7,
            note: Some("well".to_owned()),
        });
        true
    });
    let changed = changed.await.unwrap().unwrap();
    assert!(!changed.spec.enabled && changed.created_at == old.created_at);
    assert_eq!(place.open().await.schedules().await.unwrap(), [changed.clone(), new.clone()]);
    let left = store.change_schedule(&old.id, &|old| {
        old.spec.name = "never kept".to_owned();
        false
    });
    assert_eq!(left.await.unwrap(), None);
    assert_eq!(store.schedules().await.unwrap(), [changed, new.clone()]);
    assert!(store.remove_schedule(&old.id).await.unwrap());
    assert!(!store.remove_schedule(&old.id).await.unwrap());
    assert_eq!(store.change_schedule(&old.id, &|_| true).await.unwrap(), None, "it does not come back");
    assert_eq!(store.schedules().await.unwrap(), [new]);
}

/// Many at once, through two handles: each finds what the one before has kept.
pub async fn no_change_of_a_schedule_is_lost(place: &impl Place) {
    let stores = [place.open().await, place.open().await];
    let first = schedule("s", 0);
    stores[0].keep_schedule(&first).await.unwrap();
    let writers = (0..8).map(|writer| {
        let (store, id): (Arc<dyn Store>, _) = (stores[writer % 2].clone(), first.id.clone());
        tokio::spawn(async move {
            for _ in 0..25 {
                let counted = store.change_schedule(&id, &|schedule| {
                    schedule.next_at = schedule.next_at.map(|number| number + 1);
                    schedule.spec.name.push('x');
                    true
                });
                assert!(counted.await.unwrap().is_some());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let kept = &stores[1].schedules().await.unwrap()[0];
    assert_eq!(kept.next_at, first.next_at.map(|number| number + 8 * 25));
    assert_eq!(kept.spec.name.len(), first.spec.name.len() + 8 * 25);
}

pub async fn a_tick_is_won_once(place: &impl Place) {
    async fn claim(store: &dyn Store, id: &ScheduleId, due: u64, next: Option<u64>) -> bool {
        let change = |schedule: &mut Schedule| {
            let is_due = schedule.next_at == Some(due);
            schedule.next_at = next;
            is_due
        };
        store.change_schedule(id, &change).await.unwrap().is_some()
    }
    let stores = [place.open().await, place.open().await];
    let first = schedule("s", 0);
    stores[0].keep_schedule(&first).await.unwrap();
    for tick in 1..=5_u64 {
        let (due, next) = (tick * 3_600_000, (tick + 1) * 3_600_000);
        let claims = (0..8).map(|claimer| {
            let (store, id): (Arc<dyn Store>, _) = (stores[claimer % 2].clone(), first.id.clone());
            tokio::spawn(async move { claim(&*store, &id, due, Some(next)).await })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            won += u32::from(claim.await.unwrap());
        }
        assert_eq!(won, 1, "tick {tick}");
        assert_eq!(stores[1].schedules().await.unwrap()[0].next_at, Some(next));
    }
    assert!(!claim(&*stores[0], &first.id, 1, None).await, "it was never due then");
    assert!(claim(&*stores[0], &first.id, 6 * 3_600_000, None).await);
    assert_eq!(stores[0].schedules().await.unwrap()[0].next_at, None);
    assert!(!claim(&*stores[0], &ScheduleId("nobody".to_owned()), 1, None).await);
}
