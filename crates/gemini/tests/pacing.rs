//! How much of its limits the client uses: against the sandbox's quotas, over real sockets and in simulated time.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gemini::{Gemini, Model, Quotas, TaskType};
use sandbox::{GeminiQuota, Sandbox, Switches};
use tokio::{
    task::{JoinSet, yield_now},
    time::{Instant, advance},
};
use upstream::{Jitter, Meter};

/// What the client takes for a minute, so that no text comes early.
const WINDOW: Duration = Duration::from_millis(61_200);
const BATCH: u64 = 100;

async fn sandbox(quota_details: bool) -> Sandbox {
    let options = sandbox::Options {
        gemini_quota: GeminiQuota::TIER_1,
        switches: Switches { quota_details, ..Switches::default() },
        ..sandbox::Options::default()
    };
    sandbox::start(options).await.unwrap()
}

fn client(sandbox: &Sandbox, quotas: Quotas) -> Gemini {
    let model = Model::new("gemini-embedding-001", 4, TaskType::RetrievalDocument).unwrap();
    let options = gemini::Options { jitter: Jitter::new(|| 0.5), ..gemini::Options::default() };
    Gemini::new("key".into(), &sandbox.url().parse().unwrap(), model, quotas, options).unwrap()
}

/// Runs that embed without end, each with a meter of its own and a few requests at a time.
struct Runs {
    meters: Vec<Meter>,
    embedded: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Runs {
    fn new() -> Self {
        Self { meters: Vec::new(), embedded: Arc::default(), tasks: JoinSet::new() }
    }

    fn start(&mut self, client: &Gemini) {
        let meter = Meter::new();
        self.meters.push(meter.clone());
        for _ in 0..4 {
            let (client, embedded) = (client.with_meter(meter.clone()), Arc::clone(&self.embedded));
            self.tasks.spawn(async move {
                loop {
                    let texts = vec!["a text"; usize::try_from(BATCH).unwrap()];
                    let results = client.embed(&texts).await.unwrap();
                    assert!(results.iter().all(Result::is_ok), "no record fails");
                    embedded.fetch_add(BATCH, Ordering::Relaxed);
                }
            });
        }
    }

    fn embedded(&self) -> u64 {
        self.embedded.load(Ordering::Relaxed)
    }

    fn throttled(&self) -> u64 {
        self.meters.iter().flat_map(Meter::snapshot).map(|stats| stats.throttled).sum()
    }

    /// Lets them run for a time. The clock stands still while a request is under way, and is put forward to the next
    /// moment that is waited for when all are waiting; the runtime is never idle, so that it does not do so by itself.
    async fn run_for(&self, duration: Duration) {
        let end = Instant::now() + duration;
        let mut idle = 0;
        while Instant::now() < end {
            yield_now().await;
            let in_flight: u64 =
                self.meters.iter().flat_map(Meter::snapshot).map(|stats| stats.in_flight).sum();
            let next = self.meters.iter().flat_map(Meter::waits).map(|wait| wait.until).min();
            let Some(next) = next.filter(|_| in_flight == 0) else {
                idle = 0;
                continue;
            };
            idle += 1;
            if idle == 200 {
                idle = 0;
                advance(next.min(end).saturating_duration_since(Instant::now()) + Duration::from_millis(1))
                    .await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_share_one_limit_and_use_it_to_the_full() {
    let sandbox = sandbox(true).await;
    let client = client(&sandbox, Quotas::default());
    let mut runs = Runs::new();
    runs.start(&client);
    runs.start(&client);
    // Full windows only, so that the burst at the beginning does not flatter.
    let windows = 8;
    runs.run_for(windows * WINDOW).await;
    let allowed = 3_000 * u64::from(windows) * 612 / 600;
    let embedded = runs.embedded();
    assert_eq!(runs.throttled(), 0);
    assert!(embedded * 100 >= allowed * 97, "{embedded} of {allowed}");
    for meter in &runs.meters {
        let waits = meter.waits();
        assert_eq!(waits.len(), 1, "{waits:?}");
        assert_eq!(waits[0].message, "Gemini: 3,000 of 3,000 texts this minute");
        let stats = &meter.snapshot()[0];
        assert!(stats.succeeded * BATCH * 10 >= embedded * 4, "neither run starves: {stats:?}");
    }
    sandbox.stop().await;
}

/// What is embedded in ten windows, in per cent of what the sandbox allows in them, and how often it refuses.
async fn achieved(sandbox: &Sandbox, quotas: Quotas) -> (u64, u64) {
    let client = client(sandbox, quotas);
    let mut runs = Runs::new();
    runs.start(&client);
    runs.start(&client);
    runs.run_for(10 * WINDOW).await;
    let per_cent = runs.embedded() * 100 / (3_000 * 612 / 60);
    (per_cent, runs.throttled())
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_meets_a_window_that_began_before_and_loses_nothing_but_it() {
    for (quota_details, least, refusals) in [(true, 93, 8), (false, 82, 24)] {
        let sandbox = sandbox(quota_details).await;
        // The process before this one, which was killed.
        let killed = client(&sandbox, Quotas::default());
        for _ in 0..20 {
            assert!(killed.embed(&["a text"; 100]).await.unwrap().iter().all(Result::is_ok));
        }
        advance(Duration::from_secs(20)).await;
        let (per_cent, throttled) = achieved(&sandbox, Quotas::default()).await;
        assert!(per_cent >= least, "{per_cent} %");
        assert!(throttled <= refusals, "{throttled} refusals");
        sandbox.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_lower_than_configured_is_learned_or_found() {
    for (quota_details, least, refusals) in [(true, 97, 8), (false, 85, 100)] {
        let sandbox = sandbox(quota_details).await;
        let quotas = Quotas { texts_per_minute: 10_000, ..Quotas::default() };
        let (per_cent, throttled) = achieved(&sandbox, quotas).await;
        assert!(per_cent >= least, "{per_cent} %");
        assert!(throttled <= refusals, "{throttled} refusals");
        sandbox.stop().await;
    }
}
