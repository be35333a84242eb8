//! How much is sent at a time, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Limits, deliver::Trouble};
use crate::Error;

/// Batch size, concurrency and waits, as the server bears them: halved when it is too much, raised by half after ten
/// batches that went well.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    batch_documents: usize,
    concurrency: usize,
    /// Batches that went well since the last change.
    clean: u32,
    /// Waits in a row.
    waits: u32,
    /// Lost requests in a row.
    lost: u32,
    until: Option<(Instant, String)>,
}

/// Where it begins: what Elastic advises to begin with.
const FIRST_BATCH: usize = 500;
/// Batches that must go well before more is sent.
const CLEAN_BATCHES: u32 = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Requests that may be lost in a row: with the waits between them some five minutes.
const MOST_LOST: u32 = 10;

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            batch_documents: FIRST_BATCH.clamp(1, limits.batch_documents.max(1)),
            concurrency: 1,
            limits: *limits,
            clean: 0,
            waits: 0,
            lost: 0,
            until: None,
        }
    }

    /// Bulk requests that so many documents take if all goes well.
    pub(super) fn requests(mut self, documents: u64) -> u64 {
        let (mut left, mut requests) = (documents, 0);
        while left > 0 && self.batch_documents < self.limits.batch_documents {
            left = left.saturating_sub(self.batch_documents as u64);
            requests += 1;
            self.clean();
        }
        requests + left.div_ceil(self.batch_documents as u64)
    }

    pub(super) fn batch_documents(&self) -> usize {
        self.batch_documents
    }

    pub(super) fn batch_bytes(&self) -> usize {
        self.limits.batch_bytes
    }

    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// What the next step waits for.
    pub(super) fn waiting(&self) -> Option<(Duration, String)> {
        let (until, why) = self.until.as_ref()?;
        Some((until.saturating_duration_since(Instant::now()), why.clone()))
    }

    pub(super) async fn wait(&mut self) {
        if let Some((until, _)) = self.until.take() {
            sleep_until(until).await;
        }
    }

    /// Waits longer each time.
    pub(super) fn pause(&mut self, why: String) {
        let wait = self.limits.first_wait.saturating_mul(1 << self.waits.min(16)).min(LONGEST_WAIT);
        self.waits += 1;
        self.until = Some((Instant::now() + wait, why));
    }

    /// A batch went well.
    pub(super) fn clean(&mut self) {
        (self.waits, self.lost) = (0, 0);
        self.clean += 1;
        if self.clean >= CLEAN_BATCHES {
            self.clean = 0;
            let more = (self.batch_documents * 3).div_ceil(2);
            self.batch_documents = more.min(self.limits.batch_documents.max(1));
            self.concurrency = (self.concurrency + 1).min(self.limits.concurrency.max(1));
        }
    }

    /// A batch did not get through. An error where there is no point in going on.
    pub(super) fn after(&mut self, trouble: Trouble) -> Result<(), Error> {
        self.clean = 0;
        match trouble {
            // A rate limit is pacing, not failure (law 8): it is waited out for as long as it takes.
            Trouble::Throttled { why } => {
                self.slow_down(self.batch_documents);
                self.pause(why);
                Ok(())
            }
            Trouble::TooLarge { documents } => {
                self.slow_down(documents.min(self.batch_documents));
                self.limits.batch_documents = self.batch_documents;
                Ok(())
            }
            Trouble::Lost(error) => {
                self.lost += 1;
                if self.lost > MOST_LOST {
                    return Err(error);
                }
                self.slow_down(self.batch_documents);
                self.pause(error.to_string());
                Ok(())
            }
            Trouble::Fatal(error) => Err(error),
        }
    }

    fn slow_down(&mut self, from: usize) {
        self.batch_documents = (from / 2).max(1);
        self.concurrency = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled() -> Trouble {
        Trouble::Throttled { why: "busy".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn it_halves_when_it_is_too_much_and_grows_when_it_goes_well() {
        let mut pace = Pace::new(&Limits::default());
        assert_eq!((pace.batch_documents(), pace.concurrency()), (500, 1));
        (0..10).for_each(|_| pace.clean());
        assert_eq!((pace.batch_documents(), pace.concurrency()), (750, 2));
        (0..100).for_each(|_| pace.clean());
        assert_eq!((pace.batch_documents(), pace.concurrency()), (2000, 2));
        pace.after(throttled()).unwrap();
        assert_eq!((pace.batch_documents(), pace.concurrency()), (1000, 1));
        assert_eq!(pace.waiting().unwrap().0, Duration::from_millis(500));
        (0..30).for_each(|_| pace.after(throttled()).unwrap());
        assert_eq!(pace.batch_documents(), 1);
        assert_eq!(pace.waiting().unwrap().0, Duration::from_secs(60));
        pace.wait().await;
        assert_eq!(pace.waiting(), None);
    }

    #[test]
    fn requests_are_told_beforehand() {
        let requests = |documents| Pace::new(&Limits::default()).requests(documents);
        assert_eq!((requests(0), requests(1), requests(500), requests(501)), (0, 1, 1, 2));
        // Ten batches of 500, and one of 750.
        assert_eq!(requests(5_500), 11);
        // Ten each of 500, 750, 1,125 and 1,688, and the rest by 2,000.
        assert_eq!(requests(1_000_000), 40 + (1_000_000_u64 - 40_630).div_ceil(2_000));
        let small = Limits { batch_documents: 7, ..Limits::default() };
        assert_eq!(Pace::new(&small).requests(70), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_is_not_tried_again() {
        let mut pace = Pace::new(&Limits::default());
        pace.after(Trouble::TooLarge { documents: 300 }).unwrap();
        assert_eq!((pace.batch_documents(), pace.waiting()), (150, None));
        (0..100).for_each(|_| pace.clean());
        assert_eq!(pace.batch_documents(), 150);
    }

    #[tokio::test(start_paused = true)]
    async fn losses_end_it_and_rate_limits_do_not() {
        let mut pace = Pace::new(&Limits::default());
        (0..1000).for_each(|_| pace.after(throttled()).unwrap());
        let lost = || Trouble::Lost(Error::Nonsense { service: "s".into(), what: "w".into() });
        (0..MOST_LOST).for_each(|_| pace.after(lost()).unwrap());
        assert!(pace.after(lost()).is_err());
    }
}
