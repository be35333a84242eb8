//! The numbers that stand for enumerations in the tables. They are written out, because they outlive the order of the
//! variants; a number is never given a second meaning.

use protocol::{Category, LogLevel, RunKind, RunState, Step};

use crate::{Ask, Found};

/// A two-way table between an enumeration and its numbers.
macro_rules! codes {
    ($type:ident, $to:ident, $from:ident, { $($variant:ident = $code:literal),* $(,)? }) => {
        pub(super) const fn $to(value: $type) -> i64 {
            match value { $($type::$variant => $code),* }
        }

        /// `None` for a number that this program does not know.
        pub(super) const fn $from(code: i64) -> Option<$type> {
            match code { $($code => Some($type::$variant),)* _ => None }
        }
    };
}

codes!(Found, found, found_of, { Missing = 1, Both = 2 });
codes!(Ask, ask, ask_of, { Pause = 1, Cancel = 2 });
codes!(LogLevel, level, level_of, { Info = 1, Warn = 2, Error = 3 });
codes!(Step, step, step_of, {
    List = 1, Compare = 2, Migrate = 3, Update = 4, Verify = 5,
    Precheck = 6, Documents = 7, VerifyDocuments = 8, Levels = 9,
});

pub(super) const fn kind(kind: RunKind) -> i64 {
    match kind {
        RunKind::Analyze => 1,
        RunKind::Mirror => 2,
        RunKind::Reembed => 3,
        RunKind::Documents => 4,
        RunKind::Levels => 5,
    }
}

pub(super) const fn state(state: RunState) -> i64 {
    match state {
        RunState::Running => 1,
        RunState::Pausing => 2,
        RunState::Cancelling => 3,
        RunState::Paused => 4,
        RunState::Interrupted => 5,
        RunState::Done => 6,
        RunState::DoneWithFailures => 7,
        RunState::Cancelled => 8,
        RunState::Failed => 9,
    }
}

/// A set of states as bits.
pub(super) fn states(states: impl IntoIterator<Item = RunState>) -> i64 {
    states.into_iter().fold(0, |mask, one| mask | (1 << state(one)))
}

const fn category(category: Category) -> i64 {
    match category {
        Category::InSync => 1,
        Category::Missing => 2,
        Category::Changed => 3,
        Category::NoText => 4,
        Category::Orphan => 5,
        Category::Kept => 6,
        Category::OverLong => 7,
        Category::Failed => 8,
        Category::Migrated => 9,
        Category::Updated => 10,
        Category::Gone => 11,
        Category::Moved => 12,
        // 13 and 14 are pairs.
        Category::DocumentsToUpdate => 15,
        Category::DocumentsUpdated => 16,
        Category::DocumentsAlready => 17,
        Category::DocumentsKept => 18,
        Category::DocumentsGone => 19,
        Category::DocumentsUnindexed => 20,
    }
}

/// A live run puts nearly every record of it into both, and one row for the pair halves what it keeps.
const PAIRS: [(i64, Category, Category); 2] =
    [(13, Category::Missing, Category::Migrated), (14, Category::Changed, Category::Updated)];

/// The classes under which a record with these categories is kept. Failures have a table of their own.
pub(super) fn classes(categories: &[Category]) -> Vec<i64> {
    let mut classes = Vec::with_capacity(categories.len());
    for &one in categories {
        let pair = PAIRS
            .iter()
            .find(|(_, a, b)| (one == *a || one == *b) && categories.contains(a) && categories.contains(b));
        let class = pair.map_or_else(|| category(one), |(class, ..)| *class);
        if one != Category::Failed && !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes
}

/// The classes in which the records of a category are: its own, and its pair's, or its own again.
pub(super) fn classes_of(one: Category) -> (i64, i64) {
    let own = category(one);
    let pair = PAIRS.iter().find(|(_, a, b)| one == *a || one == *b);
    (own, pair.map_or(own, |(class, ..)| *class))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_state_and_category_has_its_own_number() {
        let states: HashSet<i64> = RunState::ALL.into_iter().map(state).collect();
        assert_eq!(states.len(), RunState::ALL.len());
        let mut classes: HashSet<i64> = Category::ALL.into_iter().map(category).collect();
        classes.extend(PAIRS.map(|(class, ..)| class));
        assert_eq!(classes.len(), Category::ALL.len() + PAIRS.len());
    }

    #[test]
    fn a_record_is_found_under_each_of_its_categories() {
        for a in Category::ALL {
            for b in Category::ALL {
                let kept = classes(&[a, b]);
                for one in [a, b] {
                    let (own, pair) = classes_of(one);
                    let found = kept.contains(&own) || kept.contains(&pair);
                    assert_eq!(found, one != Category::Failed, "{one:?} of {a:?} and {b:?}");
                }
            }
        }
        assert_eq!(classes(&[Category::Missing, Category::Migrated]).len(), 1);
    }
}
