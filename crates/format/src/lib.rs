#![doc = include_str!("../README.md")]

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number and its noun: `1 record`, `1,204 records`.
pub fn counted(number: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", count(number), if number == 1 { singular } else { plural })
}

/// The difference of two counts with its sign: `+1,204`, `−3`, `0`.
pub fn difference(from: u64, to: u64) -> String {
    difference_in(from, to, count)
}

/// The difference of two numbers in other words than a count's: `+12 s`, `−2.1 s`, `0`.
pub fn difference_in(from: u64, to: u64, words: fn(u64) -> String) -> String {
    match to.cmp(&from) {
        std::cmp::Ordering::Less => format!("−{}", words(from - to)),
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", words(to - from)),
    }
}

/// Bytes in decimal units with one decimal: `312 B`, `4.0 kB`, `1.3 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    // Whole tenths of the unit, so that no float is printed.
    let (mut unit, mut scale) = (0, 1_000_u64);
    while unit + 1 < UNITS.len() && number / scale >= 1_000 {
        unit += 1;
        scale *= 1_000;
    }
    let tenths = number / (scale / 10);
    format!("{}.{} {}", count(tenths / 10), tenths % 10, UNITS[unit])
}

/// A span: `0 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn span(seconds: u64) -> String {
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{} {large_unit}", count(large)),
        _ => format!("{} {large_unit} {small} {small_unit}", count(large)),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A span between two moments in milliseconds, with a decimal below ten seconds: `0.4 s`, `2.1 s`, `12 s`.
pub fn span_millis(millis: u64) -> String {
    if millis < 10_000 {
        format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
    } else {
        span(millis / 1_000)
    }
}

/// How long ago a moment was, both in milliseconds since 1970: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`.
pub fn ago(now: u64, at: u64) -> String {
    match now.saturating_sub(at) / 1_000 {
        0..5 => "just now".to_owned(),
        seconds @ 5..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", count(seconds / 86_400)),
    }
}

/// How far ahead a moment is, both in milliseconds since 1970: `in 12 s`, `in 5 min`, `in 3 h`, `in 2 d`.
pub fn ahead(now: u64, at: u64) -> String {
    match at.saturating_sub(now).div_ceil(1_000) {
        seconds @ 0..60 => format!("in {seconds} s"),
        seconds @ 60..3_600 => format!("in {} min", seconds.div_ceil(60)),
        seconds @ 3_600..86_400 => format!("in {}", span(seconds / 60 * 60)),
        seconds => format!("in {}", span(seconds / 3_600 * 3_600)),
    }
}

/// Millionths of a US dollar: `0.06 USD`, `12.40 USD`, `under 0.01 USD`, `0.00 USD`.
pub fn cost(micro_usd: u64) -> String {
    match micro_usd {
        1..10_000 => "under 0.01 USD".to_owned(),
        _ => {
            let cents = micro_usd.saturating_add(5_000) / 10_000;
            format!("{}.{:02} USD", count(cents / 100), cents % 100)
        }
    }
}

/// A rate in tenths: `496` as `49.6`, `12345` as `1,234`.
pub fn rate(tenths: u64) -> String {
    if tenths < 10_000 { format!("{}.{}", tenths / 10, tenths % 10) } else { count(tenths / 10) }
}

/// A moment taken apart on the civil calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

/// Takes a moment (milliseconds since 1970, UTC) apart, `offset` minutes east of Greenwich.
///
/// The conversion of days is Howard Hinnant's `civil_from_days`.
pub fn civil(at: u64, offset: i32) -> Civil {
    let seconds = i64::try_from(at / 1_000).unwrap_or(i64::MAX / 2).saturating_add(i64::from(offset) * 60);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        hour: rest / 3_600,
        minute: rest % 3_600 / 60,
        second: rest % 60,
    }
}

/// The time of day: `10:42:07`.
pub fn time_of_day(at: u64, offset: i32) -> String {
    let Civil { hour, minute, second, .. } = civil(at, offset);
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// Date and time: `2026-11-21 10:42:07`.
pub fn date_time(at: u64, offset: i32) -> String {
    let Civil { year, month, day, .. } = civil(at, offset);
    format!("{year}-{month:02}-{day:02} {}", time_of_day(at, offset))
}

/// Date and time where a reader's zone is not known: `2026-11-21 10:42:07 UTC`.
pub fn time(at: u64) -> String {
    format!("{} UTC", date_time(at, 0))
}

/// The moment as `<time datetime>` wants it: `2026-11-21T10:42:07Z`.
pub fn machine_time(at: u64) -> String {
    let Civil { year, month, day, .. } = civil(at, 0);
    format!("{year}-{month:02}-{day:02}T{}Z", time_of_day(at, 0))
}

/// The first ids of many: `a, b, c and 1,204 more`.
pub fn ids(ids: &[String], total: u64, shown: usize) -> String {
    let shown = &ids[..ids.len().min(shown)];
    let listed = shown.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(", ");
    let more = total.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    match (listed.is_empty(), more) {
        (_, 0) => listed,
        (true, _) => counted(more, "record", "records"),
        (false, _) => format!("{listed} and {} more", count(more)),
    }
}

/// A text from a service on one line: whoever prints it must not let it move the cursor or start a new line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The type of a value given as JSON text, by its first character: the text may have been cut.
pub fn json_type(text: &str) -> &'static str {
    match text.trim_start().chars().next() {
        Some('"') => "string",
        Some('[') => "list",
        Some('{') => "object",
        Some('t' | 'f') => "boolean",
        Some('n') => "null",
        _ => "number",
    }
}

/// JSON text of a whole number without `.0`: Pinecone keeps floats and answers `2023.0` where 2023 was written.
pub fn whole_number(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(whole) if json_type(text) == "number" => whole,
        _ => text,
    }
}

/// JSON text without the quotes of a plain string; everything else as it is.
pub fn unquoted(text: &str) -> &str {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.is_empty() && !inner.contains(['\\', '"']) && inner.trim() == inner => inner,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1_000, 18_120, 1_284_310].map(count),
            ["0", "999", "1,000", "18,120", "1,284,310"].map(str::to_owned)
        );
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "record", "records"), "1 record");
        assert_eq!(difference(10, 3), "−7");
        assert_eq!(difference(3, 1_003), "+1,000");
        assert_eq!(difference_in(70_000, 10_000, span_millis), "−1 min");
    }

    #[test]
    fn spans_name_their_two_largest_units() {
        assert_eq!(
            [0, 59, 60, 200, 7_500, 270_000].map(span),
            ["0 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "3 d 3 h"].map(str::to_owned)
        );
        assert_eq!(span_millis(2_140), "2.1 s");
        assert_eq!(span_millis(61_000), "1 min 1 s");
    }

    #[test]
    fn a_moment_in_the_future_is_now() {
        assert_eq!(ago(1_000, 9_000), "just now");
        assert_eq!(ago(200_000, 0), "3 min ago");
        let until = |seconds: u64| ahead(5_000, 5_000 + seconds * 1_000);
        assert_eq!(
            [9, 61, 7_500, 270_000].map(until),
            ["in 9 s", "in 2 min", "in 2 h 5 min", "in 3 d 3 h"].map(str::to_owned)
        );
    }

    #[test]
    fn civil_time_knows_leap_days_and_offsets() {
        assert_eq!(machine_time(0), "1970-01-01T00:00:00Z");
        assert_eq!(machine_time(1_709_210_096_000), "2024-02-29T12:34:56Z");
        assert_eq!(date_time(1_709_251_199_000, 0), "2024-02-29 23:59:59");
        assert_eq!(date_time(1_709_251_199_000, 60), "2024-03-01 00:59:59");
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(date_time(0, -60), "1969-12-31 23:00:00");
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let all = ["a", "b\n", "c"].map(str::to_owned);
        assert_eq!(ids(&all, 3, 10), "a, b , c");
        assert_eq!(ids(&all, 1_206, 2), "a, b  and 1,204 more");
        assert_eq!(ids(&[], 5, 2), "5 records");
        assert_eq!(ids(&[], 0, 2), "");
    }

    #[test]
    fn money_rounds_to_cents_and_never_to_nothing() {
        assert_eq!(
            [0, 1, 61_800, 12_404_999].map(cost),
            ["0.00 USD", "under 0.01 USD", "0.06 USD", "12.40 USD"].map(str::to_owned)
        );
    }

    #[test]
    fn bytes_have_one_decimal_above_a_thousand() {
        assert_eq!(
            [312, 1_000, 1_349_999, 2_000_000_000].map(bytes),
            ["312 B", "1.0 kB", "1.3 MB", "2.0 GB"].map(str::to_owned)
        );
    }

    #[test]
    fn plain_strings_lose_their_quotes_and_nothing_else_does() {
        assert_eq!(unquoted("\"billing\""), "billing");
        for kept in ["\"\"", "\" x\"", r#""a\"b""#, "[\"a\"]", "1", "\"cut…"] {
            assert_eq!(unquoted(kept), kept);
        }
        assert_eq!(
            ["\"1\"", "1", "-1", "[]", "true", "null", "{}"].map(json_type),
            ["string", "number", "number", "list", "boolean", "null", "object"]
        );
        assert_eq!(
            ["2023.0", "-1.0", "0.5", "\"1.0", "[1.0"].map(whole_number),
            ["2023", "-1", "0.5", "\"1.0", "[1.0"]
        );
    }
}
