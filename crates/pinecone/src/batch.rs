//! Cutting a long list into requests that keep the limits.

use std::ops::Range;

/// Cuts a sequence of sizes into consecutive ranges of at most `max_items` items whose sizes add up to at most
/// `max_size`. Every item is in exactly one range, in order; an item that is too large by itself gets a range of its
/// own. As few ranges as possible.
pub(crate) fn ranges(
    sizes: impl IntoIterator<Item = usize>,
    max_items: usize,
    max_size: usize,
) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut current = 0..0;
    let mut total = 0;
    for size in sizes {
        if !current.is_empty() && (current.len() == max_items || total + size > max_size) {
            ranges.push(current.clone());
            current.start = current.end;
            total = 0;
        }
        current.end += 1;
        total += size;
    }
    if !current.is_empty() {
        ranges.push(current);
    }
    ranges
}

/// The two halves of a range of at least two.
pub(crate) fn halves(range: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = range.start + range.len() / 2;
    (range.start..middle, middle..range.end)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn nothing_makes_no_request() {
        assert!(ranges([], 10, 10).is_empty());
    }

    #[test]
    fn halves_cover_the_range() {
        assert_eq!(halves(&(3..5)), (3..4, 4..5));
        assert_eq!(halves(&(0..5)), (0..2, 2..5));
    }

    proptest! {
        #[test]
        fn every_item_is_in_one_range_and_no_range_is_too_large(
            sizes in vec(1_usize..60, 0..200), max_items in 1_usize..20, max_size in 1_usize..100,
        ) {
            let ranges = ranges(sizes.iter().copied(), max_items, max_size);
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..sizes.len()).collect::<Vec<_>>());
            for range in &ranges {
                let total: usize = sizes[range.clone()].iter().sum();
                prop_assert!(range.len() <= max_items);
                prop_assert!(total <= max_size || range.len() == 1);
            }
            // No two neighbours would have fitted into one request.
            for pair in ranges.windows(2) {
                let first: usize = sizes[pair[0].clone()].iter().sum();
                prop_assert!(pair[0].len() == max_items || first + sizes[pair[1].start] > max_size);
            }
        }
    }
}
