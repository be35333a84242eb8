//! When a schedule's next run starts: pure functions of a timing and a moment, in UTC, where no hour is ever missing or
//! there twice.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use protocol::Timing;

/// The shortest interval, in seconds: a run that lists both indexes each minute is as continuous as it gets.
pub const MIN_INTERVAL: u64 = 60;

/// The longest interval, in seconds: 366 days.
pub const MAX_INTERVAL: u64 = 366 * 86_400;

/// The longest cron expression, in bytes: all 60 minutes, listed, fit.
const MAX_EXPRESSION: usize = 200;

/// What each field of a cron expression is called and takes.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of week", "0 to 7 (0 and 7 are Sunday), or SUN to SAT"),
];

/// Why a timing cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// The interval as typed is none.
    #[error("{text:?} is no interval; write it as 90s, 15m, 6h or 1d")]
    Interval {
        /// What was typed, or its beginning.
        text: String,
    },
    /// Runs would follow too closely.
    #[error("an interval of {seconds} s is too short; the shortest is {MIN_INTERVAL} s")]
    TooShort {
        /// The interval.
        seconds: u64,
    },
    /// The interval is beyond what anybody could mean.
    #[error("an interval of {seconds} s is too long; the longest is 366 days")]
    TooLong {
        /// The interval.
        seconds: u64,
    },
    /// The text is too long, or not one line of plain characters.
    #[error(
        "a cron expression is one line of at most {MAX_EXPRESSION} plain characters, such as `*/15 * * * *`"
    )]
    Text,
    /// Not five fields.
    #[error(
        "a cron expression has five fields (minute, hour, day of month, month, day of week), not {found}; \
         `*/15 * * * *` is every 15 minutes"
    )]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// One of the five fields cannot be read.
    #[error(
        "the {name} {text:?} of the cron expression cannot be read; it takes {range}, `*`, lists (1,5), ranges \
         (1-5) and steps (*/2)"
    )]
    Field {
        /// Which one.
        name: &'static str,
        /// What it says.
        text: String,
        /// What it may say.
        range: &'static str,
    },
    /// Every field can be read, but there is no such date.
    #[error("no date fits this cron expression (is it the 30th of February?); change its day or its month")]
    Never,
    /// The moment is beyond the calendar.
    #[error("the next start would be after the year 9999; check the clock of this machine")]
    TooLate,
}

/// The first moment after `from` at which a run is due; both in milliseconds since 1970, UTC. Always greater than
/// `from`.
///
/// # Errors
///
/// The timing cannot be used.
pub fn next_after(timing: &Timing, from: u64) -> Result<u64, TimingError> {
    match timing {
        Timing::Every(seconds) => after_interval(*seconds, from),
        Timing::Cron(expression) => after_cron(&parse_cron(expression)?, from),
    }
}

/// The first `count` moments after `from`, each with the one before it as the last start.
///
/// # Errors
///
/// The timing cannot be used.
pub fn preview(timing: &Timing, from: u64, count: usize) -> Result<Vec<u64>, TimingError> {
    let mut moments = Vec::with_capacity(count);
    let mut last = from;
    for _ in 0..count {
        last = next_after(timing, last)?;
        moments.push(last);
    }
    Ok(moments)
}

/// Reads an interval: a whole number and one of `s`, `m`, `h`, `d`.
///
/// # Errors
///
/// It is no interval, or too short or too long a one.
pub fn parse_interval(text: &str) -> Result<Timing, TimingError> {
    let refuse = || TimingError::Interval { text: text.chars().take(40).collect() };
    let text = text.trim();
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (number, factor) = units
        .iter()
        .find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .ok_or_else(refuse)?;
    // `parse` would take a sign.
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse());
    }
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    Ok(Timing::Every(check_interval(seconds.unwrap_or(u64::MAX))?))
}

/// Reads a cron expression.
///
/// # Errors
///
/// It is none, or no date ever fits it.
pub fn parse_expression(text: &str) -> Result<Timing, TimingError> {
    normalized(&Timing::Cron(text.to_owned()), 0)
}

/// The timing with its cron expression trimmed and its fields one space apart, as it is kept and shown.
///
/// # Errors
///
/// The timing cannot be used, or never comes.
pub fn normalized(timing: &Timing, now: u64) -> Result<Timing, TimingError> {
    next_after(timing, now)?;
    Ok(match timing {
        Timing::Every(seconds) => Timing::Every(*seconds),
        Timing::Cron(expression) => Timing::Cron(expression.split_whitespace().collect::<Vec<_>>().join(" ")),
    })
}

/// The timing in words: `every 15 min`, or the cron expression.
pub fn words(timing: &Timing) -> String {
    match timing {
        Timing::Every(seconds) if seconds % 86_400 == 0 => {
            format!("every {}", format::counted(seconds / 86_400, "day", "days"))
        }
        Timing::Every(seconds) => format!("every {}", format::span(*seconds)),
        Timing::Cron(expression) => format::one_line(expression),
    }
}

fn check_interval(seconds: u64) -> Result<u64, TimingError> {
    match seconds {
        ..MIN_INTERVAL => Err(TimingError::TooShort { seconds }),
        MIN_INTERVAL..=MAX_INTERVAL => Ok(seconds),
        _ => Err(TimingError::TooLong { seconds }),
    }
}

fn after_interval(seconds: u64, from: u64) -> Result<u64, TimingError> {
    let millis = check_interval(seconds)? * 1_000;
    let next = from.checked_add(millis).ok_or(TimingError::TooLate)?;
    // What no calendar can show must not be kept.
    civil(next).map(|_| next)
}

fn after_cron(cron: &Cron, from: u64) -> Result<u64, TimingError> {
    // A civil time has no zone, so the search knows nothing of clocks that are put forward. Its seconds are whole: what
    // is cut off lies within the second that the search leaves out.
    let next = cron.find_next_occurrence(&civil(from)?, false).map_err(|_| TimingError::Never)?;
    let next = Offset::UTC.to_timestamp(next).map_err(|_| TimingError::TooLate)?;
    u64::try_from(next.as_millisecond()).map_err(|_| TimingError::TooLate)
}

fn civil(millis: u64) -> Result<DateTime, TimingError> {
    let millis = i64::try_from(millis).map_err(|_| TimingError::TooLate)?;
    Ok(Offset::UTC.to_datetime(Timestamp::from_millisecond(millis).map_err(|_| TimingError::TooLate)?))
}

fn parse_cron(expression: &str) -> Result<Cron, TimingError> {
    let expression = expression.trim();
    if expression.len() > MAX_EXPRESSION || !expression.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(TimingError::Text);
    }
    let fields: Vec<&str> = expression.split(' ').filter(|field| !field.is_empty()).collect();
    if fields.len() != FIELDS.len() {
        return Err(TimingError::Fields { found: fields.len() });
    }
    for (at, field) in fields.iter().enumerate() {
        let alone: Vec<&str> = (0..FIELDS.len()).map(|other| if other == at { field } else { "*" }).collect();
        if !is_field(at, field) || parse_fields(&alone).is_none() {
            let (name, range) = FIELDS[at];
            return Err(TimingError::Field { name, text: (*field).to_owned(), range });
        }
    }
    // Fields that can be read one by one can be read together.
    parse_fields(&fields).ok_or(TimingError::Never)
}

/// What croner would take and mean something else, or nothing, by it: items of a list that are empty, and months among
/// the hours.
fn is_field(at: usize, field: &str) -> bool {
    let has_names = at >= 3;
    let plain = |c: char| c.is_ascii_digit() || "*,-/".contains(c);
    let days = |c: char| "LW#?+".contains(c.to_ascii_uppercase());
    field.split(',').all(|item| !item.is_empty())
        && field.chars().all(|c| plain(c) || (has_names && c.is_ascii_alphabetic()) || (at >= 2 && days(c)))
}

/// Parses five fields; `None` if croner refuses them, or if a field matches nothing: the search would go through every
/// hour up to the year 5000.
fn parse_fields(fields: &[&str]) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(&fields.join(" ")).ok()?;
    let pattern = &cron.pattern;
    let all = [&pattern.minutes, &pattern.hours, &pattern.days, &pattern.months, &pattern.days_of_week];
    let matches_something = all.iter().all(|field| !field.values().is_empty() || field.has_modifiers());
    matches_something.then_some(cron)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    fn at(text: &str) -> u64 {
        let millis = text.parse::<Timestamp>().unwrap().as_millisecond();
        u64::try_from(millis).unwrap()
    }

    fn cron(expression: &str) -> Timing {
        Timing::Cron(expression.to_owned())
    }

    /// The next moments as `MM-DD HH:MM`.
    fn nexts(expression: &str, from: &str, count: usize) -> Vec<String> {
        let moments = preview(&cron(expression), at(from), count).unwrap();
        moments.into_iter().map(|moment| civil(moment).unwrap().strftime("%m-%d %H:%M").to_string()).collect()
    }

    #[test]
    fn an_interval_counts_from_the_last_start() {
        assert_eq!(preview(&Timing::Every(900), 1_000, 3), Ok(vec![901_000, 1_801_000, 2_701_000]));
        assert_eq!(next_after(&Timing::Every(59), 0), Err(TimingError::TooShort { seconds: 59 }));
        assert_eq!(next_after(&Timing::Every(0), 0), Err(TimingError::TooShort { seconds: 0 }));
        assert_eq!(next_after(&Timing::Every(u64::MAX), 0), Err(TimingError::TooLong { seconds: u64::MAX }));
        for from in [u64::MAX, u64::MAX - 60_000, 253_402_207_200_000] {
            assert_eq!(next_after(&Timing::Every(MAX_INTERVAL), from), Err(TimingError::TooLate));
        }
    }

    #[test]
    fn intervals_are_written_with_a_unit() {
        let reads = [("90s", 90), ("15m", 900), (" 6h ", 21_600), ("1d", 86_400), ("366d", MAX_INTERVAL)];
        for (text, seconds) in reads {
            assert_eq!(parse_interval(text), Ok(Timing::Every(seconds)), "{text}");
        }
        for text in ["", "15", "m", "1.5h", "-5m", "+5m", "5 m", "1w", "٣m", "m15", "1h30m", "\0m"] {
            let error = parse_interval(text).unwrap_err();
            assert!(error.to_string().contains("15m"), "{text}: {error}");
        }
        assert_eq!(parse_interval("59s"), Err(TimingError::TooShort { seconds: 59 }));
        assert_eq!(parse_interval("367d"), Err(TimingError::TooLong { seconds: 367 * 86_400 }));
        for huge in ["18446744073709551615d", "99999999999999999999999s"] {
            assert_eq!(parse_interval(huge), Err(TimingError::TooLong { seconds: u64::MAX }));
        }
        assert!(parse_interval(&"9".repeat(100_000)).unwrap_err().to_string().len() < 120);
    }

    #[test]
    fn timings_in_words() {
        let words = [60, 90, 900, 21_600, 86_400, 172_800].map(|seconds| words(&Timing::Every(seconds)));
        assert_eq!(
            words,
            ["every 1 min", "every 1 min 30 s", "every 15 min", "every 6 h", "every 1 day", "every 2 days"]
        );
        assert_eq!(super::words(&cron("*/5 * * * *")), "*/5 * * * *");
    }

    #[test]
    fn cron_expressions_are_utc_and_to_the_minute() {
        assert_eq!(
            nexts("*/15 * * * *", "2026-11-21T06:44:59.999Z", 3),
            ["11-21 06:45", "11-21 07:00", "11-21 07:15"]
        );
        // On the dot is over: the run of this minute has started.
        assert_eq!(nexts("*/15 * * * *", "2026-11-21T06:45:00Z", 1), ["11-21 07:00"]);
        assert_eq!(nexts("*/15 * * * *", "2026-11-21T06:45:00.001Z", 1), ["11-21 07:00"]);
        // The nights in which clocks change in Berlin are nights as any other.
        assert_eq!(nexts("30 2 * * *", "2026-03-28T12:00:00Z", 2), ["03-29 02:30", "03-30 02:30"]);
        assert_eq!(
            nexts("30 * * * *", "2026-10-25T00:00:00Z", 4),
            ["10-25 00:30", "10-25 01:30", "10-25 02:30", "10-25 03:30"]
        );
        assert_eq!(nexts("0 6 * * MON-FRI", "2026-11-20T07:00:00Z", 1), ["11-23 06:00"]);
        assert_eq!(nexts("0 6 * * 7", "2026-11-20T07:00:00Z", 1), ["11-22 06:00"]);
        assert_eq!(nexts("0 0 29 feb *", "2026-11-21T00:00:00Z", 1), ["02-29 00:00"]);
        assert_eq!(nexts("0 0 L * *", "2026-11-21T00:00:00Z", 2), ["11-30 00:00", "12-31 00:00"]);
        // As in every cron: where both days are given, either will do.
        assert_eq!(nexts("0 0 1 * MON", "2026-11-27T00:00:00Z", 2), ["11-30 00:00", "12-01 00:00"]);
    }

    #[test]
    fn dates_that_never_come_are_refused_in_words() {
        for expression in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30,31 FEB *", "0 0 31W 2 *", "* * 30 2 +1"]
        {
            let error = next_after(&cron(expression), at("2026-11-21T00:00:00Z")).unwrap_err();
            assert_eq!(error, TimingError::Never, "{expression}");
            assert!(error.to_string().contains("change its day"));
        }
    }

    #[test]
    fn the_field_that_cannot_be_read_is_named() {
        let wrong = [
            ("60 * * * *", "minute \"60\""),
            ("* 24 * * *", "hour \"24\""),
            ("* * 0 * *", "day of month \"0\""),
            ("* * * 13 *", "month \"13\""),
            ("* * * * 8", "day of week \"8\""),
            ("a * * * *", "minute \"a\""),
            ("MON * * * *", "minute \"MON\""),
            ("* JAN * * *", "hour \"JAN\""),
            (", * * * *", "minute \",\""),
            ("1,,2 * * * *", "minute \"1,,2\""),
            ("*/0 * * * *", "minute \"*/0\""),
            ("*/ * * * *", "minute \"*/\""),
            ("30-10 * * * *", "minute \"30-10\""),
            ("1- * * * *", "minute \"1-\""),
            ("L * * * *", "minute \"L\""),
            ("99999999999999999999 * * * *", "minute"),
            ("* * * JANUARY *", "month \"JANUARY\""),
            ("* * * * #", "day of week \"#\""),
            ("* * * * 1#6", "day of week \"1#6\""),
            ("* * ? ? *", "month \"?\""),
            ("* * + * *", "day of month \"+\""),
            ("* * * * +", "day of week \"+\""),
        ];
        for (expression, named) in wrong {
            let message = next_after(&cron(expression), 0).expect_err(expression).to_string();
            assert!(message.contains(named), "{expression}: {message}");
        }
    }

    #[test]
    fn anything_but_five_fields_is_refused() {
        let counts =
            [("", 0), ("@daily", 1), ("* * * *", 4), ("0 */15 * * * *", 6), ("0 0 12 * * MON 2027", 7)];
        for (expression, found) in counts {
            assert_eq!(next_after(&cron(expression), 0), Err(TimingError::Fields { found }), "{expression}");
        }
        let texts = ["*\t* * * *", "* * *\n* *", "* * * * \u{1b}[2J*", "* * * * frı", "* * * * *\0"];
        for text in texts.map(str::to_owned).into_iter().chain([format!("{} * * * *", "1,".repeat(9_999))]) {
            assert_eq!(next_after(&cron(&text), 0), Err(TimingError::Text), "{text}");
        }
        assert_eq!(normalized(&cron("  */5  * * * *\n"), 0), Ok(cron("*/5 * * * *")));
    }

    /// A field of a cron expression, and the numbers that it stands for.
    fn field(low: u64, high: u64) -> impl Strategy<Value = (String, Vec<u64>)> {
        let number = low..=high;
        prop_oneof![
            Just(("*".to_owned(), (low..=high).collect())),
            number.clone().prop_map(|n| (n.to_string(), vec![n])),
            (number.clone(), number.clone()).prop_map(|(a, b)| {
                let (a, b) = (a.min(b), a.max(b));
                (format!("{a}-{b}"), (a..=b).collect())
            }),
            (2..=high).prop_map(move |step| {
                let step_by = usize::try_from(step).unwrap();
                (format!("*/{step}"), (low..=high).step_by(step_by).collect())
            }),
            prop::collection::vec(number, 1..4).prop_map(|numbers| {
                let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
                (words.join(","), numbers)
            }),
        ]
    }

    proptest! {
        #[test]
        fn intervals_increase_by_themselves(
            seconds in MIN_INTERVAL..=MAX_INTERVAL,
            from in 0..4_000_000_000_000_u64,
        ) {
            let next = next_after(&Timing::Every(seconds), from).unwrap();
            prop_assert_eq!(next - from, seconds * 1_000);
        }

        /// Against a search minute by minute, over days and times; months would make it slow.
        #[test]
        fn cron_finds_the_first_minute_that_fits(
            minutes in field(0, 59),
            hours in field(0, 23),
            weekdays in field(0, 6),
            from in 0..4_000_000_000_000_u64,
        ) {
            let timing = cron(&format!("{} {} * * {}", minutes.0, hours.0, weekdays.0));
            // 1970-01-01 was a Thursday.
            let fits = |minute: u64| {
                minutes.1.contains(&(minute % 60))
                    && hours.1.contains(&(minute / 60 % 24))
                    && weekdays.1.contains(&((minute / (60 * 24) + 4) % 7))
            };
            let naive = (from / MINUTE + 1..).find(|&minute| fits(minute)).unwrap() * MINUTE;
            prop_assert_eq!(next_after(&timing, from), Ok(naive));
        }

        #[test]
        fn moments_increase_and_lie_ahead(
            fields in (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)),
            from in 0..4_000_000_000_000_u64,
        ) {
            let (minutes, hours, days, months, weekdays) = fields;
            let expression =
                format!("{} {} {} {} {}", minutes.0, hours.0, days.0, months.0, weekdays.0);
            match preview(&cron(&expression), from, 5) {
                Ok(moments) => {
                    let mut last = from;
                    for moment in moments {
                        prop_assert!(moment > last);
                        prop_assert_eq!(moment % MINUTE, 0);
                        // No two fitting days are further apart than 29th of February on both sides of 2100.
                        prop_assert!(moment - last <= 8 * 366 * DAY + DAY);
                        last = moment;
                    }
                }
                Err(error) => {
                    prop_assert_eq!(error, TimingError::Never);
                    prop_assert!(days.1.iter().all(|&day| day > 29), "{}", expression);
                }
            }
        }

        #[test]
        fn whatever_is_typed_is_answered(text in "\\PC{0,40}", from in any::<u64>()) {
            drop(next_after(&cron(&text), from));
            drop(parse_interval(&text));
        }

        #[test]
        fn whatever_looks_like_cron_is_answered(text in "([-0-9*/,LW#?+A-Z]{1,6} ){4}[-0-9*/,L#?+A-Z]{1,6}") {
            if let Ok(next) = next_after(&cron(&text), 1_000) {
                prop_assert!(next > 1_000);
            }
        }
    }
}
