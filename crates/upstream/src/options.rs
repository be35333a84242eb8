//! The knobs that every remote has.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use crate::Retry;

/// Timeouts, retries, trust and the source of randomness of a client.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How often and how long to try again.
    pub retry: Retry,
    /// Where the jitter of the backoff comes from.
    pub jitter: Jitter,
    /// Whose certificates are believed.
    pub trust: Trust,
}

/// Whose certificates are believed.
#[derive(Clone, Default)]
pub enum Trust {
    /// Those that this machine believes.
    #[default]
    Platform,
    /// Those that this machine believes, and those that were signed by one of these certificates (PEM).
    PlatformAnd(Vec<u8>),
    /// Anybody's. Whoever sits between can read the key and change every answer: only for a person who says so.
    Anybody,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "Platform",
            Self::PlatformAnd(_) => "PlatformAnd(..)",
            Self::Anybody => "Anybody",
        })
    }
}

/// How long a single attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// Between two reads: an answer that stalls.
    pub read: Duration,
    /// From the first byte sent to the last byte received.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect; 60 s without a byte, since a hundred long texts can take a model half a minute; 180 s in
    /// all.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(60),
            total: Duration::from_secs(180),
        }
    }
}

/// A source of numbers from 0 (included) to 1 (excluded), by which backoffs are spread.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// Takes the numbers from a function; a test gives a constant.
    pub fn new(source: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The next number.
    pub(crate) fn next(&self) -> f64 {
        (self.0)().clamp(0.0, 1.0)
    }
}

impl Default for Jitter {
    /// Random numbers. Each `RandomState` of the standard library has keys of its own, which is all the randomness
    /// that spreading retries needs.
    fn default() -> Self {
        Self::new(|| {
            let bits = u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or(0);
            f64::from(bits) / (f64::from(u32::MAX) + 1.0)
        })
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_jitter_stays_in_range_and_varies() {
        let jitter = Jitter::default();
        let drawn: Vec<f64> = (0..100).map(|_| jitter.next()).collect();
        assert!(drawn.iter().all(|x| (0.0..1.0).contains(x)));
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
