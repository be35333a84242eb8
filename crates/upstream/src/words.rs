//! Waits and texts as people read them.

use std::time::Duration;

/// A wait: `0.3 s`, `4 s`, `29 s`, `3 min`.
pub(crate) fn wait(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    let seconds = duration.as_millis().div_ceil(1000);
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 120 {
        format!("{seconds} s")
    } else if seconds < 2 * 3600 {
        format!("{} min", seconds.div_ceil(60))
    } else {
        format!("{} h", seconds.div_ceil(3600))
    }
}

/// The first `limit` characters, with an ellipsis where something was cut off; runs of white space and control
/// characters become one space.
pub(crate) fn clipped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length == limit {
                out.push('…');
                return out;
            }
            out.push(c);
            length += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_what_is_worth_saying() {
        assert_eq!(wait(Duration::from_millis(250)), "0.3 s");
        assert_eq!(wait(Duration::from_secs(4)), "4 s");
        assert_eq!(wait(Duration::from_millis(28_100)), "29 s");
        assert_eq!(wait(Duration::from_secs(150)), "3 min");
        assert_eq!(wait(Duration::from_secs(8 * 3600)), "8 h");
    }

    #[test]
    fn text_is_cut_on_a_character() {
        assert_eq!(clipped("a\n\n b\u{0}c", 10), "a b c");
        assert_eq!(clipped("äöü", 2), "äö…");
        assert_eq!(clipped("", 2), "");
    }
}
