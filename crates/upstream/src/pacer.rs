//! Pacing: staying within an upstream's limit, and learning what that limit is.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::words::wait;

/// A limit of an upstream (so many texts a minute, so many bytes a second), shared by all clones.
///
/// The bucket is a sliding window: what was taken comes back exactly one window later. That is as bursty as the
/// limit permits (a full limit at once after a rest), and in no interval of the window's length more than the
/// limit, which satisfies upstreams that count in fixed windows, sliding windows or token buckets alike; a bucket
/// that refills while it is drained would let through almost twice the limit in its first window.
///
/// Waiters are served in the order they came. After a 429 everyone pauses. If it says for how long, that is taken at
/// its word: the upstream's window may have begun before ours, or somebody else may use the same limit, and when it is
/// over there is room again. If it does not say, or if it comes again within a window after such a pause, the rate
/// goes down by a fifth, at most once in a window, and by half if the window before was no better; each window without
/// another 429 brings back a twentieth of the limit.
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

/// How long to pause after a 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// As long as the upstream asked for.
    Asked(Duration),
    /// It did not say, or nothing to be believed.
    Guessed(Duration),
}

impl Pause {
    pub(crate) fn length(self) -> Duration {
        match self {
            Self::Asked(wait) | Self::Guessed(wait) => wait,
        }
    }
}

impl Window {
    /// Longer than what the upstream counts, because requests do not all travel equally long.
    fn length(self) -> Duration {
        self.counted() + self.slack()
    }

    /// What the upstream counts.
    fn counted(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
        }
    }

    /// Two per cent.
    fn slack(self) -> Duration {
        self.counted() / 50
    }

    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
        }
    }
}

struct State {
    /// What the caller knew of.
    configured: u64,
    /// That, or what the upstream named.
    limit: u64,
    /// What is taken of the limit, from `SLOWEST` to 1.
    share: f64,
    /// When `share` last went up, or a pause ended.
    changed_at: Option<Instant>,
    /// When the last 429 came that was news: one for a request sent before that is none.
    refused_at: Option<Instant>,
    /// When the share last went down.
    lowered_at: Option<Instant>,
    /// Whether there was a window without a 429 since.
    was_quiet: bool,
    paused_until: Option<Instant>,
    /// What was taken and when it comes back, in the order of coming back.
    taken: VecDeque<(Instant, u64)>,
    used: u64,
    /// Until when the first in the queue waits.
    next: Option<Instant>,
}

/// The share that is kept after a 429.
const KEPT: f64 = 0.8;
/// The share that is kept if there was one in the window before as well.
const KEPT_AGAIN: f64 = 0.5;
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
                configured: limit.max(1),
                limit: limit.max(1),
                share: 1.0,
                changed_at: None,
                refused_at: None,
                lowered_at: None,
                was_quiet: true,
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

    /// Pauses everyone because a request that was sent at `sent` came back with 429, and lowers the rate unless the
    /// pause alone should help. Returns whether this is news: `false` for the other requests of the same burst.
    pub(crate) fn slow_down(&self, sent: Instant, pause: Pause) -> bool {
        let now = Instant::now();
        let (slack, length) = (self.0.window.slack(), self.0.window.length());
        let mut state = self.state();
        let before = state.paused_until;
        let (until, lower) = match pause {
            Pause::Guessed(wait) => (now + wait, true),
            // Whole seconds are what is left when the rest was cut off, and coming early would be a 429 more.
            Pause::Asked(wait) => {
                let margin = if wait.subsec_nanos() == 0 { slack } else { wait / 50 };
                (now + wait + margin, before.is_some_and(|before| now < before + length))
            }
        };
        state.paused_until = Some(before.map_or(until, |before| before.max(until)));
        if state.refused_at.is_some_and(|refused| sent <= refused) {
            return false;
        }
        state.refused_at = Some(now);
        state.recover(now, length);
        // A window that is used up stays so until it ends: what is refused until then says nothing about the rate.
        if lower && state.lowered_at.is_none_or(|lowered| now >= lowered + length) {
            let kept = if state.was_quiet { KEPT } else { KEPT_AGAIN };
            state.share = (state.share * kept).max(SLOWEST);
            state.lowered_at = Some(now);
            state.was_quiet = false;
        }
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

    /// What the upstream has taught about the limit so far, for people: `100 texts a minute, as the service said (3,000
    /// are configured)`. `None` as long as it has said nothing.
    #[must_use]
    pub fn learned(&self) -> Option<String> {
        let now = Instant::now();
        let mut state = self.state();
        let allowed = state.allowed(now, self.0.window.length());
        let is_named = state.limit < state.configured;
        if !is_named && state.refused_at.is_none() {
            return None;
        }
        let mut words = format!("{} {} a {}", format::count(allowed), self.0.unit, self.0.window.name());
        if is_named {
            words.push_str(&format!(
                ", as the service said ({} are configured)",
                format::count(state.configured)
            ));
        }
        if allowed < state.limit {
            words.push_str(&format!(", slowed down from {}", format::count(state.limit)));
        }
        if let Some(refused) = state.refused_at {
            words.push_str(&format!(", last asked to slow down (429) {} ago", wait(now - refused)));
        }
        Some(words)
    }

    /// What the first in the queue waits for, for people, and until when.
    pub(crate) fn waiting(&self) -> Option<(String, Instant)> {
        let now = Instant::now();
        let mut state = self.state();
        let until = state.next.filter(|next| *next > now)?;
        if state.paused_until.is_some_and(|paused| paused >= until) {
            return Some(("asked to slow down (429)".to_owned(), until));
        }
        state.expire(now);
        let allowed = state.allowed(now, self.0.window.length());
        let (used, allowed) = (format::count(state.used), format::count(allowed));
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
            self.was_quiet = true;
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
mod tests;
