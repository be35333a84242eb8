//! Pacing, in simulated time.

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
    join_all((0..20).map(|number| {
        let (a, b) = ((a.clone(), 1), (b.clone(), 1));
        async move { if number % 2 == 0 { acquire_all(&[a, b]).await } else { acquire_all(&[b, a]).await } }
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_all_lowers_the_rate_once_and_is_forgotten() {
    let pacer = Pacer::per_minute(1000, "texts");
    let sent = Instant::now();
    advance(Duration::from_secs(1)).await;
    assert!(pacer.slow_down(sent, Pause::Guessed(Duration::from_secs(4))));
    assert!(!pacer.slow_down(sent, Pause::Guessed(Duration::from_secs(2))), "the same burst");
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
async fn a_pause_that_was_asked_for_costs_no_rate_unless_it_does_not_help() {
    let pacer = Pacer::per_minute(1000, "texts");
    let allowed = || pacer.state().allowed(Instant::now(), pacer.0.window.length());
    let refused = async |wait| {
        let sent = Instant::now();
        advance(Duration::from_secs(1)).await;
        pacer.slow_down(sent, Pause::Asked(Duration::from_secs(wait)))
    };
    assert!(refused(29).await);
    assert_eq!(allowed(), 1000);
    let start = Instant::now();
    pacer.acquire(1).await;
    assert_eq!(start.elapsed(), Duration::from_millis(30_200));
    // Long after it, it is as if for the first time.
    advance(Duration::from_secs(62)).await;
    assert!(refused(10).await);
    assert_eq!(allowed(), 1000);
    // Soon after it, waiting alone does not help.
    advance(Duration::from_secs(30)).await;
    assert!(refused(10).await);
    assert_eq!(allowed(), 800);
    let earlier = Instant::now() - Duration::from_secs(5);
    assert!(!pacer.slow_down(earlier, Pause::Asked(Duration::from_secs(10))));
    assert_eq!(allowed(), 800, "the same burst");
}

/// What an upstream that counts in fixed windows serves in ten minutes, and how often it refuses: one whose
/// window began `shift` before the first request, with `used` of its limit gone.
async fn against_fixed_windows(pacer: &Pacer, limit: u64, shift: Duration, used: u64) -> (u64, u64) {
    const MINUTE: Duration = Duration::from_secs(60);
    let (start, mut opened, mut used) = (Instant::now(), Instant::now() - shift, used);
    let (mut served, mut refused) = (0, 0);
    while start.elapsed() < 10 * MINUTE {
        pacer.acquire(100).await;
        let sent = Instant::now();
        while sent >= opened + MINUTE {
            (opened, used) = (opened + MINUTE, 0);
        }
        if used + 100 <= limit {
            used += 100;
            served += 100;
        } else {
            refused += 1;
            // As `RetryInfo` prints it: cut off to whole seconds.
            let wait = Duration::from_secs((opened + MINUTE - sent).as_secs());
            advance(Duration::from_millis(1)).await;
            pacer.slow_down(sent, Pause::Asked(wait));
        }
    }
    (served, refused)
}

#[tokio::test(start_paused = true)]
async fn an_upstream_whose_window_is_shifted_refuses_once_and_is_used_to_the_full() {
    for seconds in [0, 1, 17, 30, 45, 59] {
        let pacer = Pacer::per_minute(3000, "texts");
        // Somebody (this program, before it was killed) has used most of the first window.
        let (shift, used) = (Duration::from_millis(seconds * 1000 + 300), 2500);
        let (served, refused) = against_fixed_windows(&pacer, 3000, shift, used).await;
        assert!(refused <= 2, "{seconds}: {refused} refusals");
        // Of the first window, only what was left can be had.
        assert!(served >= (3000 * 9 + 500) * 97 / 100, "{seconds}: {served}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_with_a_hint_is_found_too() {
    let pacer = Pacer::per_minute(3000, "texts");
    let (served, refused) = against_fixed_windows(&pacer, 1000, Duration::ZERO, 0).await;
    assert!(served >= 1000 * 10 * 90 / 100, "{served}");
    assert!(refused <= 10, "{refused} refusals");
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
            pacer.slow_down(sent, Pause::Guessed(Duration::from_secs(10)));
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

#[tokio::test(start_paused = true)]
async fn what_the_upstream_taught_is_told() {
    let pacer = Pacer::per_minute(3000, "texts");
    pacer.acquire(10).await;
    assert_eq!(pacer.learned(), None);
    pacer.slow_down(Instant::now(), Pause::Guessed(Duration::from_secs(1)));
    advance(Duration::from_secs(5)).await;
    let slowed = "2,400 texts a minute, slowed down from 3,000, last asked to slow down (429) 5 s ago";
    assert_eq!(pacer.learned().unwrap(), slowed);
    advance(Duration::from_secs(3600)).await;
    assert_eq!(pacer.learned().unwrap(), "3,000 texts a minute, last asked to slow down (429) 61 min ago");

    let named = Pacer::per_minute(3000, "texts");
    named.learn(100);
    assert_eq!(named.learned().unwrap(), "100 texts a minute, as the service said (3,000 are configured)");
}
