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
    let (mut old, new) = (schedule("z", 1_000), schedule("a", 2_000));
    store.keep_schedule(&new).await.unwrap();
    store.keep_schedule(&old).await.unwrap();
    assert_eq!(store.schedules().await.unwrap(), [old.clone(), new.clone()], "oldest first");

    old.spec.timing = Timing::Cron("0 3 * * *".to_owned());
    old.spec.enabled = false;
    old.next_at = None;
    old.last = Some(LastRun {
        run: Some(id("m")),
        state: Some(RunState::Done),
        at: 7,
        note: Some("well".to_owned()),
    });
    store.keep_schedule(&old).await.unwrap();
    assert_eq!(place.open().await.schedules().await.unwrap(), [old.clone(), new.clone()]);
    assert!(store.remove_schedule(&old.id).await.unwrap());
    assert!(!store.remove_schedule(&old.id).await.unwrap());
    assert_eq!(store.schedules().await.unwrap(), [new]);
}

pub async fn a_tick_is_won_once(place: &impl Place) {
    let stores = [place.open().await, place.open().await];
    let first = schedule("s", 0);
    stores[0].keep_schedule(&first).await.unwrap();
    for tick in 1..=5_u64 {
        let (due, next) = (tick * 3_600_000, (tick + 1) * 3_600_000);
        let claims = (0..8).map(|claimer| {
            let (store, id): (Arc<dyn Store>, _) = (stores[claimer % 2].clone(), first.id.clone());
            tokio::spawn(async move { store.claim_tick(&id, due, Some(next)).await.unwrap() })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            won += u32::from(claim.await.unwrap());
        }
        assert_eq!(won, 1, "tick {tick}");
        assert_eq!(stores[1].schedules().await.unwrap()[0].next_at, Some(next));
    }
    assert!(!stores[0].claim_tick(&first.id, 1, None).await.unwrap(), "it was never due then");
    assert!(stores[0].claim_tick(&first.id, 6 * 3_600_000, None).await.unwrap());
    assert_eq!(stores[0].schedules().await.unwrap()[0].next_at, None);
    assert!(!stores[0].claim_tick(&ScheduleId("nobody".to_owned()), 1, None).await.unwrap());
}
