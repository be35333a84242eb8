//! What a run's requests did: counters, waits and notes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::Pacer;

/// Counts the requests of one run, whichever services they go to. Clones count together.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    endpoints: BTreeMap<(String, &'static str), Endpoint>,
    waits: BTreeMap<u64, Waiting>,
    next_wait: u64,
    notes: VecDeque<Note>,
    /// When something was last noted about an endpoint, so that an outage does not fill the log.
    noted: BTreeMap<(String, &'static str), Instant>,
}

#[derive(Default)]
struct Endpoint {
    stats: EndpointStats,
    latencies: VecDeque<Duration>,
}

enum Waiting {
    For { service: String, name: String, pacer: Pacer },
    Until { service: String, message: String, until: Instant },
}

/// What was sent to an endpoint and came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointStats {
    /// The service's key: `source`, `target`, `gemini`, ...
    pub service: String,
    /// The endpoint's label: `list`, `fetch`, `upsert`, `embed`, ...
    pub endpoint: String,
    /// Requests sent, those sent again included.
    pub requests: u64,
    /// Requests that were answered well.
    pub succeeded: u64,
    /// Requests that were sent again after a failure.
    pub retried: u64,
    /// Answers that asked to slow down.
    pub throttled: u64,
    /// Bytes of request bodies.
    pub bytes_sent: u64,
    /// Bytes of answers' bodies.
    pub bytes_received: u64,
    /// Requests under way now.
    pub in_flight: u64,
    /// The mean time of the last requests that were answered well (32 at most), from sending to the last byte.
    /// Zero before the first.
    pub mean_latency: Duration,
}

/// Something that requests are waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The service's key.
    pub service: String,
    /// For people: `Gemini: 2,950 of 3,000 texts this minute`.
    pub message: String,
    /// When it goes on.
    pub until: Instant,
}

/// Something that happened to requests, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The service's key.
    pub service: String,
    /// Whether it is worth a look; nothing is lost in any case.
    pub warn: bool,
    /// A sentence without a secret.
    pub message: String,
}

/// Of how many requests the mean latency is taken.
const LATENCIES: usize = 32;
/// More notes than this are not kept between two calls of [`Meter::drain_notes`]; the oldest go.
const NOTES: usize = 100;
/// An endpoint has no more than one note in this time.
const QUIET: Duration = Duration::from_secs(1);

impl Meter {
    /// A meter that has counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters of every endpoint that was used, by service and endpoint.
    #[must_use]
    pub fn snapshot(&self) -> Vec<EndpointStats> {
        self.counts()
            .endpoints
            .values()
            .map(|endpoint| EndpointStats {
                mean_latency: mean(&endpoint.latencies),
                ..endpoint.stats.clone()
            })
            .collect()
    }

    /// What is being waited for now: limits and pauses between attempts. Each once, however many requests wait.
    #[must_use]
    pub fn waits(&self) -> Vec<Wait> {
        let mut waits: Vec<Wait> = Vec::new();
        let mut seen: Vec<Pacer> = Vec::new();
        for waiting in self.counts().waits.values() {
            let wait = match waiting {
                Waiting::Until { service, message, until } => {
                    Wait { service: service.clone(), message: message.clone(), until: *until }
                }
                Waiting::For { pacer, .. } if seen.iter().any(|other| other.is(pacer)) => continue,
                Waiting::For { service, name, pacer } => {
                    seen.push(pacer.clone());
                    let Some((message, until)) = pacer.waiting() else { continue };
                    Wait { service: service.clone(), message: format!("{name}: {message}"), until }
                }
            };
            match waits.iter_mut().find(|other| other.message == wait.message) {
                Some(same) => same.until = same.until.max(wait.until),
                None => waits.push(wait),
            }
        }
        waits
    }

    /// Takes the notes since the last call, oldest first.
    #[must_use]
    pub fn drain_notes(&self) -> Vec<Note> {
        self.counts().notes.drain(..).collect()
    }

    /// Counts a request that goes out; the answer is reported to the guard. Dropping the guard ends it.
    pub(crate) fn sending(&self, service: &str, label: &'static str, bytes: usize) -> InFlight {
        let flight =
            InFlight { meter: self.clone(), service: service.to_owned(), label, started: Instant::now() };
        flight.count(|endpoint| {
            endpoint.stats.requests += 1;
            endpoint.stats.in_flight += 1;
            endpoint.stats.bytes_sent += bytes as u64;
        });
        flight
    }

    /// Counts a request that is about to be sent again.
    pub(crate) fn retrying(&self, service: &str, label: &'static str) {
        self.endpoint(service, label, |endpoint| endpoint.stats.retried += 1);
    }

    /// Counts an answer that asked to slow down.
    pub(crate) fn throttled(&self, service: &str, label: &'static str) {
        self.endpoint(service, label, |endpoint| endpoint.stats.throttled += 1);
    }

    /// Shows a wait for these pacers until the guard is dropped.
    pub(crate) fn waiting_for(&self, service: &str, name: &str, pacers: &[(Pacer, u64)]) -> Vec<WaitGuard> {
        pacers
            .iter()
            .map(|(pacer, _)| {
                self.wait(Waiting::For {
                    service: service.to_owned(),
                    name: name.to_owned(),
                    pacer: pacer.clone(),
                })
            })
            .collect()
    }

    /// Shows a pause until the guard is dropped.
    pub(crate) fn waiting_until(&self, service: &str, message: String, until: Instant) -> WaitGuard {
        self.wait(Waiting::Until { service: service.to_owned(), message, until })
    }

    /// Notes a sentence, unless the same endpoint was just noted.
    pub(crate) fn note(&self, service: &str, label: &'static str, message: String) {
        let now = Instant::now();
        let mut counts = self.counts();
        let last = counts.noted.insert((service.to_owned(), label), now);
        if last.is_some_and(|last| now < last + QUIET) {
            // The time of the note that was kept counts, or a steady stream would never be noted again.
            counts.noted.extend(last.map(|last| ((service.to_owned(), label), last)));
            return;
        }
        if counts.notes.len() == NOTES {
            counts.notes.pop_front();
        }
        counts.notes.push_back(Note { service: service.to_owned(), warn: true, message });
    }

    fn wait(&self, waiting: Waiting) -> WaitGuard {
        let mut counts = self.counts();
        let number = counts.next_wait;
        counts.next_wait += 1;
        counts.waits.insert(number, waiting);
        WaitGuard { meter: self.clone(), number }
    }

    fn endpoint(&self, service: &str, label: &'static str, count: impl FnOnce(&mut Endpoint)) {
        let mut counts = self.counts();
        let endpoint = counts.endpoints.entry((service.to_owned(), label)).or_insert_with(|| Endpoint {
            stats: EndpointStats {
                service: service.to_owned(),
                endpoint: label.to_owned(),
                ..EndpointStats::default()
            },
            latencies: VecDeque::new(),
        });
        count(endpoint);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

fn mean(latencies: &VecDeque<Duration>) -> Duration {
    let count = u32::try_from(latencies.len()).unwrap_or(u32::MAX);
    latencies.iter().sum::<Duration>().checked_div(count).unwrap_or_default()
}

/// A request that is under way.
pub(crate) struct InFlight {
    meter: Meter,
    service: String,
    label: &'static str,
    started: Instant,
}

impl InFlight {
    pub(crate) fn received(&self, bytes: usize) {
        self.count(|endpoint| endpoint.stats.bytes_received += bytes as u64);
    }

    pub(crate) fn succeeded(&self) {
        let took = self.started.elapsed();
        self.count(|endpoint| {
            endpoint.stats.succeeded += 1;
            if endpoint.latencies.len() == LATENCIES {
                endpoint.latencies.pop_front();
            }
            endpoint.latencies.push_back(took);
        });
    }

    fn count(&self, count: impl FnOnce(&mut Endpoint)) {
        self.meter.endpoint(&self.service, self.label, count);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.count(|endpoint| endpoint.stats.in_flight -= 1);
    }
}

/// A wait that is shown as long as this lives.
pub(crate) struct WaitGuard {
    meter: Meter,
    number: u64,
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        self.meter.counts().waits.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_counted_by_endpoint() {
        let meter = Meter::new();
        let first = meter.sending("gemini", "embed", 100);
        let second = meter.sending("gemini", "embed", 50);
        assert_eq!(meter.snapshot()[0].in_flight, 2);
        tokio::time::advance(Duration::from_millis(30)).await;
        first.received(7);
        first.succeeded();
        drop(first);
        drop(second);
        meter.retrying("gemini", "embed");
        meter.throttled("gemini", "embed");
        let expected = EndpointStats {
            service: "gemini".into(),
            endpoint: "embed".into(),
            requests: 2,
            succeeded: 1,
            retried: 1,
            throttled: 1,
            bytes_sent: 150,
            bytes_received: 7,
            in_flight: 0,
            mean_latency: Duration::from_millis(30),
        };
        assert_eq!(meter.snapshot(), [expected]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_latency_is_that_of_the_last_requests() {
        let meter = Meter::new();
        for millis in [1000, 10] {
            for _ in 0..LATENCIES {
                let flight = meter.sending("a", "b", 0);
                tokio::time::advance(Duration::from_millis(millis)).await;
                flight.succeeded();
            }
        }
        assert_eq!(meter.snapshot()[0].mean_latency, Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_shown_once_and_while_they_last() {
        let meter = Meter::new();
        let until = Instant::now() + Duration::from_secs(3);
        let first = meter.waiting_until("a", "x".into(), until);
        let second = meter.waiting_until("a", "x".into(), until + Duration::from_secs(1));
        assert_eq!(
            meter.waits(),
            [Wait { service: "a".into(), message: "x".into(), until: until + Duration::from_secs(1) }]
        );
        drop(first);
        drop(second);
        assert_eq!(meter.waits(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_does_not_fill_the_log() {
        let meter = Meter::new();
        for number in 0..30_u32 {
            meter.note("a", "fetch", format!("note {number}"));
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        meter.note("a", "list", "another endpoint".into());
        let messages: Vec<_> = meter.drain_notes().into_iter().map(|note| note.message).collect();
        assert_eq!(messages, ["note 0", "note 10", "note 20", "another endpoint"]);
        assert!(meter.drain_notes().is_empty());
        for number in 0..500_u32 {
            meter.note("a", "fetch", format!("note {number}"));
            tokio::time::advance(QUIET).await;
        }
        assert_eq!(meter.drain_notes().len(), NOTES);
    }
}
