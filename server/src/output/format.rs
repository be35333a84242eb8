//! Numbers, times and lists as people read them.

use std::cmp::Ordering;

use jiff::Timestamp;

/// `18120` as `18,120`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 record`, `2 records`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// How much more the second number is, with its sign: `+1,204`, `-3 s`; `0` where both are equal.
pub fn difference(from: u64, to: u64, words: impl Fn(u64) -> String) -> String {
    match to.cmp(&from) {
        Ordering::Less => format!("-{}", words(from - to)),
        Ordering::Equal => "0".to_owned(),
        Ordering::Greater => format!("+{}", words(to - from)),
    }
}

/// Seconds as `45 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Bytes as `812 B`, `4.0 kB`, `1.2 MB`.
pub fn bytes(bytes: u64) -> String {
    let mut unit = "B";
    let mut whole = bytes;
    let mut tenths = 0;
    for next in ["kB", "MB", "GB", "TB"] {
        if whole < 1_000 {
            break;
        }
        tenths = whole % 1_000 / 100;
        whole /= 1_000;
        unit = next;
    }
    if unit == "B" { format!("{whole} B") } else { format!("{whole}.{tenths} {unit}") }
}

/// Millionths of a dollar as `0.05 USD`; what is less than a cent is said to be.
pub fn dollars(millionths: u64) -> String {
    match (millionths + 5_000) / 10_000 {
        0 if millionths == 0 => "0 USD".to_owned(),
        0 => "less than 0.01 USD".to_owned(),
        cents => format!("{}.{:02} USD", count(cents / 100), cents % 100),
    }
}

/// Milliseconds since 1970 as a date and a time in UTC, to the second.
pub fn time(millis: u64) -> String {
    let timestamp = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(
        || "an unknown time".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// The first ids of many: `a, b, c and 1,204 more`.
pub fn ids(ids: &[String], total: u64, shown: usize) -> String {
    let shown = &ids[..ids.len().min(shown)];
    let listed = shown.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(", ");
    let more = total.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    match (listed.is_empty(), more) {
        (_, 0) => listed,
        (true, _) => counted(more, "record"),
        (false, _) => format!("{listed} and {} more", count(more)),
    }
}

/// A text from a service on one line: whoever prints it must not let it move the cursor or start a new line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let shown: Vec<String> = [0, 7, 999, 1_000, 18_120, 1_000_000].map(count).into();
        assert_eq!(shown, ["0", "7", "999", "1,000", "18,120", "1,000,000"]);
        assert_eq!(counted(1, "record"), "1 record");
        assert_eq!(counted(0, "record"), "0 records");
    }

    #[test]
    fn a_difference_has_a_sign() {
        let shown = [(3, 3), (3, 1_003), (70, 10)].map(|(from, to)| difference(from, to, count));
        assert_eq!(shown, ["0", "+1,000", "-60"]);
        assert_eq!(difference(70, 10, seconds), "-1 min");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let shown: Vec<String> = [0, 59, 60, 61, 3_600, 3_661, 7_500].map(seconds).into();
        assert_eq!(shown, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "2 h 5 min"]);
    }

    #[test]
    fn sizes_and_prices() {
        let shown: Vec<String> = [0, 999, 1_000, 1_250, 2_000_000, 5_300_000_000].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "1.2 kB", "2.0 MB", "5.3 GB"]);
        let shown: Vec<String> = [0, 1, 5_000, 45_000, 1_234_567_890].map(dollars).into();
        assert_eq!(shown, ["0 USD", "less than 0.01 USD", "0.01 USD", "0.05 USD", "1,234.57 USD"]);
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let all: Vec<String> = ["a", "b\n", "c"].map(str::to_owned).into();
        assert_eq!(ids(&all, 3, 10), "a, b , c");
        assert_eq!(ids(&all, 1_206, 2), "a, b  and 1,204 more");
        assert_eq!(ids(&[], 0, 2), "");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(time(u64::MAX), "an unknown time");
    }
}
