//! Pacing: staying within an upstream's limit, and learning what that limit is.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::words::grouped;

/// A limit of an upstream (so many texts a minute, so many bytes a second), shared by all clones.
///
/// The bucket is a sliding window: what was taken comes back exactly one window later. That is as bursty as the
/// limit permits (a full limit at once after a rest), and in no interval of the window's length more than the
/// limit, which satisfies upstreams that count in fixed windows, sliding windows or token buckets alike; a bucket
/// that refills while it is drained would let through almost twice the limit in its first window.
///
/// Waiters are served in the order they came. After a 429 everyone pauses, and the rate goes down by a fifth at
/// most once for the requests that were under way together; each window without another one brings back a
/// twentieth of the limit.
#[derive(Clone)]
pub struct Pacer(Arc<Inner>);

struct Inner {
    unit: &'static str,
    window: Window,
    /// Held while waiting, so that the queue is fair and a large request cannot be overtaken for ever.
    turnstile: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum Window {
    Second,
    Minute,
}

impl Window {
    /// Two per cent longer than what the upstream counts, because requests do not all travel equally long.
    fn length(self) -> Duration {
        match self {
            Self::Second => Duration::from_millis(1_020),
            Self::Minute => Duration::from_millis(61_200),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
        }
    }
}

struct State {
    limit: u64,
    /// What is taken of the limit, from `SLOWEST` to 1.
    share: f64,
    /// When `share` last went down or up.
    changed_at: Option<Instant>,
    /// When it last went down: a 429 for a request sent before that is no news.
    reduced_at: Option<Instant>,
    paused_until: Option<Instant>,
    /// What was taken and when it comes back, in the order of coming back.
    taken: VecDeque<(Instant, u64)>,
    used: u64,
    /// Until when the first in the queue waits.
    next: Option<Instant>,
}

/// The share that is kept after a 429.
const KEPT: f64 = 0.8;
/// The share that comes back with each quiet window.
const REGAINED: f64 = 0.05;
/// It does not get slower than this.
const SLOWEST: f64 = 0.05;

impl Pacer {
    /// At most `limit` of `unit` ("requests") in any second. A limit of 0 is taken as 1.
    #[must_use]
    pub fn per_second(limit: u64, unit: &'static str) -> Self {
        Self::new(limit, unit, Window::Second)
    }

    /// At most `limit` of `unit` ("texts") in any minute. A limit of 0 is taken as 1.
    #[must_use]
    pub fn per_minute(limit: u64, unit: &'static str) -> Self {
        Self::new(limit, unit, Window::Minute)
    }

    fn new(limit: u64, unit: &'static str, window: Window) -> Self {
        Self(Arc::new(Inner {
            unit,
            window,
            turnstile: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                limit: limit.max(1),
                share: 1.0,
                changed_at: None,
                reduced_at: None,
                paused_until: None,
                taken: VecDeque::new(),
                used: 0,
                next: None,
            }),
        }))
    }

    /// Waits until `amount` may be taken, and takes it. An amount beyond the limit waits for an empty window and
    /// then holds up what follows for as many windows as it fills. Dropping the future takes nothing.
    pub async fn acquire(&self, amount: u64) {
        acquire_all(&[(self.clone(), amount)]).await;
    }

    /// Pauses everyone for `wait` because a request that was sent at `sent` came back with 429, and lowers the
    /// rate. Returns whether this is news: `false` for the other requests of the same burst.
    pub fn slow_down(&self, sent: Instant, wait: Duration) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let until = now + wait;
        state.paused_until = Some(state.paused_until.map_or(until, |paused| paused.max(until)));
        if state.reduced_at.is_some_and(|reduced| sent <= reduced) {
            return false;
        }
        state.recover(now, self.0.window.length());
        state.share = (state.share * KEPT).max(SLOWEST);
        state.reduced_at = Some(now);
        // The pause itself is no sign of health.
        state.changed_at = Some(until);
        true
    }

    /// Takes over a limit that the upstream named, if it is lower than the one known.
    pub fn learn(&self, limit: u64) {
        let mut state = self.state();
        state.limit = state.limit.min(limit.max(1));
    }

    /// The limit as configured, or as learned.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.state().limit
    }

    /// What the first in the queue waits for, for people, and until when.
    pub(crate) fn waiting(&self) -> Option<(String, Instant)> {
        let now = Instant::now();
        let mut state = self.state();
        let until = state.next.filter(|next| *next > now)?;
        if state.paused_until.is_some_and(|paused| paused >= until) {
            return Some(("asked to slow down".to_owned(), until));
        }
        state.expire(now);
        let allowed = state.allowed(now, self.0.window.length());
        let (used, allowed) = (grouped(state.used), grouped(allowed));
        Some((format!("{used} of {allowed} {} this {}", self.0.unit, self.0.window.name()), until))
    }

    /// Whether the two are clones of one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When `amount` may be taken, as far as is known now.
    fn ready_at(&self, now: Instant, amount: u64) -> Instant {
        self.state().ready_at(now, amount, self.0.window.length())
    }

    fn take(&self, now: Instant, amount: u64) {
        let length = self.0.window.length();
        let mut state = self.state();
        state.next = None;
        let allowed = state.allowed(now, length);
        let mut comes_back = now + length;
        let mut rest = amount;
        while rest > 0 {
            let part = rest.min(allowed);
            let place = state.taken.partition_point(|(at, _)| *at <= comes_back);
            state.taken.insert(place, (comes_back, part));
            state.used += part;
            rest -= part;
            comes_back += length;
        }
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pacer({} {} a {})", self.limit(), self.0.unit, self.0.window.name())
    }
}

impl State {
    fn recover(&mut self, now: Instant, window: Duration) {
        let Some(changed) = self.changed_at else { return };
        let mut at = changed;
        while self.share < 1.0 && at + window <= now {
            at += window;
            self.share = (self.share + REGAINED).min(1.0);
        }
        self.changed_at = (self.share < 1.0).then_some(at);
    }

    fn allowed(&mut self, now: Instant, window: Duration) -> u64 {
        self.recover(now, window);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a limit; limits are far below 2^53"
        )]
        let allowed = (self.limit as f64 * self.share) as u64;
        allowed.max(1)
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, amount)) = self.taken.pop_front_if(|(comes_back, _)| *comes_back <= now) {
            self.used -= amount;
        }
    }

    fn ready_at(&mut self, now: Instant, amount: u64, window: Duration) -> Instant {
        self.expire(now);
        let allowed = self.allowed(now, window);
        let needed = amount.min(allowed);
        let mut used = self.used;
        let mut ready = self.paused_until.filter(|paused| *paused > now).unwrap_or(now);
        for (comes_back, amount) in &self.taken {
            if used + needed <= allowed {
                break;
            }
            used -= amount;
            ready = ready.max(*comes_back);
        }
        ready
    }
}

/// Takes all amounts at once if nobody has to wait; otherwise takes nothing.
pub(crate) fn try_acquire_all(costs: &[(Pacer, u64)]) -> bool {
    let guards: Vec<_> = costs.iter().map_while(|(pacer, _)| pacer.0.turnstile.try_lock().ok()).collect();
    let now = Instant::now();
    let free = guards.len() == costs.len()
        && costs.iter().all(|(pacer, amount)| pacer.ready_at(now, *amount) <= now);
    if free {
        for (pacer, amount) in costs {
            pacer.take(now, *amount);
        }
    }
    free
}

/// Waits until all amounts may be taken, and takes them at one moment, so that none is charged earlier than the
/// request is sent. A pacer must not be named twice. Dropping the future takes nothing.
pub(crate) async fn acquire_all(costs: &[(Pacer, u64)]) {
    // One order for everybody, so that no two callers hold what the other waits for.
    let mut ordered: Vec<&(Pacer, u64)> = costs.iter().collect();
    ordered.sort_by_key(|(pacer, _)| Arc::as_ptr(&pacer.0).addr());
    let mut guards = Vec::with_capacity(ordered.len());
    for (pacer, _) in &ordered {
        guards.push(pacer.0.turnstile.lock().await);
    }
    loop {
        let now = Instant::now();
        let mut ready = now;
        for (pacer, amount) in costs {
            let at = pacer.ready_at(now, *amount);
            pacer.state().next = (at > now).then_some(at);
            ready = ready.max(at);
        }
        if ready <= now {
            break;
        }
        sleep_until(ready).await;
    }
    let now = Instant::now();
    for (pacer, amount) in costs {
        pacer.take(now, *amount);
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::time::advance;

    use super::*;

    /// Takes `amount` again and again for `duration`; returns how much was taken.
    async fn drain(pacer: &Pacer, amount: u64, duration: Duration) -> u64 {
        let end = Instant::now() + duration;
        let mut taken = 0;
        loop {
            pacer.acquire(amount).await;
            if Instant::now() >= end {
                return taken;
            }
            taken += amount;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_limit_goes_at_once_and_then_as_fast_as_allowed() {
        let pacer = Pacer::per_minute(3000, "texts");
        let start = Instant::now();
        for _ in 0..30 {
            pacer.acquire(100).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let taken = drain(&pacer, 100, Duration::from_secs(600)).await + 3000;
        assert!(taken >= 3000 * 10 * 97 / 100, "{taken}");
        assert!(taken <= 3000 * 10 + 100, "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_minute_more_than_the_limit_is_taken() {
        let pacer = Pacer::per_minute(100, "texts");
        let mut times = Vec::new();
        for step in 0..500_u64 {
            pacer.acquire(1 + step % 7).await;
            times.push((Instant::now(), 1 + step % 7));
            advance(Duration::from_millis(step * 37 % 900)).await;
        }
        for (start, _) in &times {
            let in_window: u64 = times
                .iter()
                .filter(|(at, _)| at >= start && *at < *start + Duration::from_secs(60))
                .map(|(_, amount)| amount)
                .sum();
            assert!(in_window <= 100, "{in_window}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_limit_does_not_hang_and_is_paid_off() {
        let pacer = Pacer::per_second(10, "requests");
        let start = Instant::now();
        pacer.acquire(25).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pacer.acquire(10).await;
        assert_eq!(start.elapsed(), 3 * Duration::from_millis(1020));
    }

    #[tokio::test(start_paused = true)]
    async fn clones_share_and_waiters_are_served_in_order() {
        let pacer = Pacer::per_second(1, "requests");
        let order = Mutex::new(Vec::new());
        join_all((0..5).map(|number| {
            let (pacer, order) = (pacer.clone(), &order);
            async move {
                pacer.acquire(1).await;
                order.lock().unwrap().push(number);
            }
        }))
        .await;
        assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_takes_nothing() {
        let pacer = Pacer::per_minute(10, "texts");
        pacer.acquire(10).await;
        let start = Instant::now();
        let waited = tokio::time::timeout(Duration::from_secs(1), pacer.acquire(10)).await;
        assert!(waited.is_err());
        pacer.acquire(10).await;
        assert_eq!(start.elapsed(), Duration::from_millis(61_200));
    }

    #[tokio::test(start_paused = true)]
    async fn two_limits_are_charged_at_one_moment() {
        let texts = Pacer::per_minute(100, "texts");
        let tokens = Pacer::per_minute(1000, "tokens");
        tokens.acquire(1000).await;
        advance(Duration::from_secs(30)).await;
        acquire_all(&[(texts.clone(), 100), (tokens.clone(), 10)]).await;
        // The texts were charged when the tokens were free, not when they were asked for.
        let start = Instant::now();
        texts.acquire(100).await;
        assert_eq!(start.elapsed(), Duration::from_millis(61_200));
    }

    #[tokio::test(start_paused = true)]
    async fn opposite_orders_do_not_deadlock() {
        let (a, b) = (Pacer::per_second(1, "a"), Pacer::per_second(1, "b"));
        join_all(
            (0..20).map(|number| {
                let (a, b) = ((a.clone(), 1), (b.clone(), 1));
                async move {
                    if number % 2 == 0 { acquire_all(&[a, b]).await } else { acquire_all(&[b, a]).await }
                }
            }),
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_pauses_all_lowers_the_rate_once_and_is_forgotten() {
        let pacer = Pacer::per_minute(1000, "texts");
        let sent = Instant::now();
        advance(Duration::from_secs(1)).await;
        assert!(pacer.slow_down(sent, Duration::from_secs(4)));
        assert!(!pacer.slow_down(sent, Duration::from_secs(2)), "the same burst");
        let start = Instant::now();
        pacer.acquire(1).await;
        assert_eq!(start.elapsed(), Duration::from_secs(4));
        assert_eq!(pacer.state().allowed(Instant::now(), pacer.0.window.length()), 800);
        advance(Duration::from_secs(62)).await;
        assert_eq!(pacer.state().allowed(Instant::now(), pacer.0.window.length()), 850);
        advance(Duration::from_secs(600)).await;
        assert_eq!(pacer.state().allowed(Instant::now(), pacer.0.window.length()), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_lower_than_configured_is_found_with_few_429s() {
        // The upstream allows 600 a minute; we were told 1,000.
        let pacer = Pacer::per_minute(1000, "texts");
        let upstream = Pacer::per_minute(600, "texts");
        let start = Instant::now();
        let (mut served, mut refused) = (0_u64, 0_u64);
        while start.elapsed() < Duration::from_secs(3600) {
            pacer.acquire(20).await;
            let sent = Instant::now();
            if try_acquire_all(&[(upstream.clone(), 20)]) {
                served += 20;
            } else {
                refused += 1;
                pacer.slow_down(sent, Duration::from_secs(10));
            }
        }
        assert!(served >= 600 * 60 * 85 / 100, "{served}");
        assert!(refused * 20 < served / 20, "{refused} refusals, {served} served");
    }

    #[tokio::test(start_paused = true)]
    async fn a_learned_limit_holds() {
        let pacer = Pacer::per_minute(3000, "texts");
        pacer.learn(100);
        pacer.learn(500);
        assert_eq!(pacer.limit(), 100);
        pacer.acquire(100).await;
        let start = Instant::now();
        pacer.acquire(1).await;
        assert_eq!(start.elapsed(), Duration::from_millis(61_200));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_told() {
        let pacer = Pacer::per_minute(3000, "texts");
        assert_eq!(pacer.waiting(), None);
        pacer.acquire(2950).await;
        assert_eq!(pacer.waiting(), None);
        let waiter = tokio::spawn({
            let pacer = pacer.clone();
            async move { pacer.acquire(100).await }
        });
        tokio::task::yield_now().await;
        let (message, until) = pacer.waiting().unwrap();
        assert_eq!(message, "2,950 of 3,000 texts this minute");
        assert_eq!(until - Instant::now(), Duration::from_millis(61_200));
        waiter.await.unwrap();
        assert_eq!(pacer.waiting(), None);
    }
}
