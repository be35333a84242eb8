//! The faults that are set, and the calls each of them has seen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::{Call, Effect, Fault};
use crate::Endpoint;
use crate::random::mix;

/// The faults that are set, and the calls each of them has seen.
pub(crate) struct Faults {
    seed: u64,
    set: Mutex<Vec<Set>>,
}

struct Set {
    fault: Fault,
    calls: u64,
    since: Instant,
}

impl Set {
    fn new(fault: Fault) -> Self {
        Self { fault, calls: 0, since: Instant::now() }
    }
}

impl Faults {
    pub(crate) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        Self { seed, set: Mutex::new(faults.into_iter().map(Set::new).collect()) }
    }

    fn set(&self) -> MutexGuard<'_, Vec<Set>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.set().push(Set::new(fault));
    }

    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        *self.set() = faults.into_iter().map(Set::new).collect();
    }

    /// Every fault with the calls it has seen.
    pub(crate) fn list(&self) -> Vec<(Fault, u64)> {
        self.set().iter().map(|set| (set.fault.clone(), set.calls)).collect()
    }

    /// Counts a call and says what befalls it. `names` are the names the index goes by, `page` is the page of a
    /// listing, from 1.
    pub(crate) fn befall(&self, endpoint: Endpoint, names: &[&str], page: Option<u64>) -> Vec<Effect> {
        let now = Instant::now();
        let mut effects = Vec::new();
        for (position, set) in self.set().iter_mut().enumerate() {
            let here = set.fault.index.as_deref().is_none_or(|index| names.contains(&index));
            if set.fault.endpoint == endpoint && here {
                set.calls += 1;
                let call = Call { number: set.calls, page, ms: now.duration_since(set.since).as_millis() };
                if set.fault.when.befalls(call, mix(self.seed ^ position as u64)) {
                    effects.push(set.fault.effect.clone());
                }
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Body, When};

    const FAILURE: Effect = Effect::Status { code: 503, body: Body::Json, retry_after: None, message: None };

    #[tokio::test]
    async fn a_fault_counts_only_calls_to_its_endpoint_and_index() {
        let fault = Fault::always(Endpoint::Fetch, FAILURE).when(When::Nth(2)).at("source");
        let faults = Faults::new(0, vec![fault]);
        assert!(faults.befall(Endpoint::Fetch, &["source", "old"], None).is_empty());
        assert!(faults.befall(Endpoint::Fetch, &["target", "new"], None).is_empty());
        assert!(faults.befall(Endpoint::List, &["source", "old"], Some(1)).is_empty());
        assert_eq!(faults.befall(Endpoint::Fetch, &["source", "old"], None), [FAILURE]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_a_fault_runs_from_when_it_was_set() {
        let faults = Faults::new(0, Vec::new());
        tokio::time::advance(Duration::from_secs(60)).await;
        let during = When::During { from_ms: 10_000, to_ms: 20_000 };
        faults.add(Fault::always(Endpoint::Embed, FAILURE).when(during));
        let mut befallen = Vec::new();
        for second in 0..30 {
            if !faults.befall(Endpoint::Embed, &[], None).is_empty() {
                befallen.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(befallen, (10..20).collect::<Vec<_>>());
    }
}
