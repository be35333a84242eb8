//! The moments at which a fault strikes.

use serde::{Deserialize, Serialize};

use super::Call;
use crate::random::{mix, unit};

/// The calls that a fault befalls, counted from 1 since it was set, only calls to its endpoint and index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// All.
    #[default]
    Always,
    /// The n-th alone.
    Nth(u64),
    /// The first n.
    First(u64),
    /// The n-th and all that follow.
    From(u64),
    /// From one to another, both included.
    Calls {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Every k-th.
    Every(u64),
    /// Each with this probability, drawn from the seed of the sandbox.
    Probability(f64),
    /// `list`: all that ask for the n-th page of a listing, however often it is asked for.
    Page(u64),
    /// Those that arrive in this time, counted since the fault was set.
    During {
        /// The milliseconds to its beginning.
        from_ms: u64,
        /// The milliseconds to its end.
        to_ms: u64,
    },
    /// Those for which all of these hold.
    All(Vec<Self>),
}

impl When {
    pub(super) fn befalls(&self, call: Call, seed: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(nth) => call.number == *nth,
            Self::First(count) => call.number <= *count,
            Self::From(nth) => call.number >= *nth,
            Self::Calls { from, to } => (*from..=*to).contains(&call.number),
            Self::Every(every) => *every > 0 && call.number.is_multiple_of(*every),
            Self::Probability(probability) => unit(mix(seed ^ mix(call.number))) < *probability,
            Self::Page(page) => call.page == Some(*page),
            Self::During { from_ms, to_ms } => (u128::from(*from_ms)..u128::from(*to_ms)).contains(&call.ms),
            Self::All(all) => all.iter().all(|when| when.befalls(call, seed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_befall_the_calls_they_name() {
        // Two calls for each page, and one in a second.
        let befallen = |when: When| {
            let calls = (1..=6).map(|number| Call {
                number,
                page: Some(number.div_ceil(2)),
                ms: u128::from(number - 1) * 1000,
            });
            calls.filter(|call| when.befalls(*call, 1)).map(|call| call.number).collect::<Vec<_>>()
        };
        assert_eq!(befallen(When::Always), [1, 2, 3, 4, 5, 6]);
        assert_eq!(befallen(When::Nth(2)), [2]);
        assert_eq!(befallen(When::First(2)), [1, 2]);
        assert_eq!(befallen(When::From(5)), [5, 6]);
        assert_eq!(befallen(When::Calls { from: 2, to: 4 }), [2, 3, 4]);
        assert_eq!(befallen(When::Every(3)), [3, 6]);
        assert_eq!(befallen(When::Page(2)), [3, 4]);
        assert_eq!(befallen(When::During { from_ms: 1000, to_ms: 3000 }), [2, 3]);
        assert_eq!(befallen(When::All(vec![When::Every(2), When::From(3)])), [4, 6]);
        assert!(befallen(When::Probability(0.0)).is_empty());
    }

    #[test]
    fn a_probability_is_drawn_from_the_seed() {
        let drawn = |seed| -> Vec<u64> {
            let call = |number| Call { number, page: None, ms: 0 };
            (1..=1000).filter(|number| When::Probability(0.5).befalls(call(*number), seed)).collect()
        };
        assert!((400..600).contains(&drawn(7).len()));
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }
}
