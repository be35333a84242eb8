//! The wall clock, in the one place that reads it; everything else is given it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use protocol::RunId;
use sync::Clock;

/// Milliseconds since 1970, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
pub fn now() -> u64 {
    // A machine whose clock stands before 1970 shows 1970.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The clock that runs are given.
pub fn system_clock() -> Clock {
    Arc::new(now)
}

/// A name for a run that begins at `now`: the time in base 36, so that names sort by age, and four random digits, so
/// that two processes do not choose the same one.
pub fn new_run_id(now: u64) -> RunId {
    // Each `RandomState` has keys of its own, which is all the randomness that a name needs.
    let random = RandomState::new().build_hasher().finish();
    RunId(format!("{}{}", base36(now, 8), base36(random % 36_u64.pow(4), 4)))
}

/// The number in lowercase base 36, with leading zeros up to `width`.
fn base36(mut number: u64, width: usize) -> String {
    let mut digits = Vec::with_capacity(13);
    while number > 0 || digits.len() < width {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(number % 36).unwrap_or(0)]);
        number /= 36;
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_in_base_36() {
        assert_eq!(base36(0, 1), "0");
        assert_eq!(base36(35, 1), "z");
        assert_eq!(base36(36, 4), "0010");
        assert_eq!(base36(u64::MAX, 1), "3w5e11264sgsf");
    }

    #[test]
    fn names_of_runs_differ_and_sort_by_age() {
        let names: HashSet<RunId> = (0..50).map(|_| new_run_id(1_700_000_000_000)).collect();
        assert!(names.len() > 45, "{names:?}");
        assert!(names.iter().all(|name| name.0.len() == 12));
        assert!(names.iter().all(|name| *name < new_run_id(1_700_000_000_001)));
    }
}
