//! Filling batches from a channel: as full as can be had without letting anyone wait for ever.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

/// Items from a channel of chunks, in batches of at most `size`.
#[derive(Debug)]
pub(crate) struct Batches<T> {
    chunks: mpsc::Receiver<Vec<T>>,
    pending: Vec<T>,
    size: usize,
    linger: Duration,
}

impl<T> Batches<T> {
    /// `linger` is how long an unfilled batch waits for more.
    pub fn new(chunks: mpsc::Receiver<Vec<T>>, size: usize, linger: Duration) -> Self {
        Self { chunks, pending: Vec::new(), size: size.max(1), linger }
    }

    /// The next batch: full, or as it is when nothing came for `linger`, or what was left at the end; then `None`.
    ///
    /// May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        let mut deadline = None;
        while self.pending.len() < self.size {
            if self.pending.is_empty() {
                match self.chunks.recv().await {
                    Some(chunk) => self.pending = chunk,
                    None => return None,
                }
                continue;
            }
            let until = *deadline.get_or_insert_with(|| Instant::now() + self.linger);
            match timeout_at(until, self.chunks.recv()).await {
                Ok(Some(chunk)) => self.pending.extend(chunk),
                Ok(None) | Err(_) => return Some(std::mem::take(&mut self.pending)),
            }
        }
        let rest = self.pending.split_off(self.size);
        Some(std::mem::replace(&mut self.pending, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn batches_are_full_until_the_end() {
        let (sender, receiver) = mpsc::channel(8);
        for chunk in [vec![1, 2, 3], vec![], vec![4], vec![5, 6, 7, 8]] {
            sender.send(chunk).await.expect("the receiver is alive");
        }
        drop(sender);
        let mut batches = Batches::new(receiver, 3, Duration::from_secs(1));
        let mut seen = Vec::new();
        while let Some(batch) = batches.next().await {
            seen.push(batch);
        }
        assert_eq!(seen, [vec![1, 2, 3], vec![4, 5, 6], vec![7, 8]]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unfilled_batch_goes_on_after_its_linger() {
        let (sender, receiver) = mpsc::channel(8);
        let mut batches = Batches::new(receiver, 3, Duration::from_secs(1));
        sender.send(vec![1]).await.expect("the receiver is alive");
        let begun = Instant::now();
        assert_eq!(batches.next().await, Some(vec![1]));
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }
}
