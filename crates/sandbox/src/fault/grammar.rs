//! The short form of a fault: `source.fetch:503-html,retry-after=5@every=3@page=2`.

use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Effect, Fault, When};
use crate::Error;

/// Every fault there is: an example in the short form, and what happens.
pub const FAULTS: &[(&str, &str)] = &[
    ("fetch:500", "an error of the service; any status can be written, and nothing is done"),
    (
        "list:502-html",
        "an error as a proxy prints it (-text: plain text, -empty: no body, -array: Google's list of one)",
    ),
    ("upsert:503,retry-after=5", "an error with Retry-After, in seconds"),
    ("upsert:429", "slow down, without a hint how long"),
    ("fetch:429-text,retry-after=2", "slow down, as plain text and with Retry-After"),
    ("embed:quota,retry-seconds=5", "Gemini's quota of the minute is used up, with RetryInfo"),
    ("embed:daily-quota", "Gemini's quota of the day is used up"),
    ("list:monthly-quota", "the units of the month are used up"),
    ("embed:expired-key", "the key is refused: 401 by Pinecone, 400 by Gemini"),
    ("upsert:too-large,bytes=100000", "a body (or a URL) of more bytes is refused: 413, or with code=400"),
    ("fetch:reset", "the connection is reset before anything is done"),
    ("upsert:lost-answer", "the work is done, then the connection is reset"),
    ("fetch:reset-in-body", "the connection is reset in the middle of the body (after-bytes=N)"),
    ("list:cut-body", "the body ends in the middle, though as HTTP it is complete (after-bytes=N)"),
    ("embed:hang", "no answer, ever"),
    ("fetch:slow-body,chunk-bytes=1000,pause-ms=50", "the body trickles"),
    ("embed:latency,ms=2000", "the call is worked on only later"),
    ("embed:missing-embeddings,count=1", "the last embeddings are missing"),
    ("embed:extra-embeddings,count=1", "there are too many embeddings"),
    ("embed:wrong-dimension,dimension=8", "the first embedding has another dimension"),
    ("embed:zero-vector", "the first embedding is all zeros"),
    ("embed:null-value", "the first embedding has a null"),
    ("embed:nan-value", "the first embedding has a \"NaN\""),
    ("embed:huge-value", "the first embedding has a number that is no finite f32"),
    ("embed:poison-text,marker=POISON", "a batch with a text that contains the marker is refused"),
    ("list:out-of-order", "the first and the last id of a page are exchanged"),
    ("list:duplicate-ids", "the first id of a page comes twice"),
    ("list:short-pages,limit=7", "pages are shorter than asked for, though more follow"),
    ("list:repeated-token", "the token of the next page is that of this page"),
    ("list:expired-token", "a page token is refused with 400"),
    ("search:lost-cursor", "the point in time or the scroll is gone"),
    ("search:failed-shards,count=1", "some shards failed, though the answer is 200"),
    ("search:timed-out", "timed_out is true, and the answer is incomplete"),
    ("search:410", "the API does not exist on Elastic serverless (as any status, of any endpoint)"),
    ("bulk:items-429,count=7", "the first items of a bulk are refused, the server being busy, and not done"),
    ("bulk:items-409,count=7", "… because somebody else changed them"),
    ("bulk:items-404", "… because they are not there"),
    ("bulk:items-400", "… because the mapping is strict"),
    (
        "bulk:items-403,count=1000",
        "… because the disk is full and the index blocked (in newer versions a 429:)",
    ),
    (
        "bulk:bulk-items,code=429,error=cluster_block_exception,count=1000",
        "… with any status and type of error",
    ),
    ("fetch:missing-records,count=1", "the last records are missing from the answer"),
    ("upsert:poison-record,marker=POISON", "a batch with a record that contains the marker is refused"),
    (
        "upsert:visibility-delay,ms=5000",
        "list, query and stats see what is written only later (fetch-ms=N: fetch, too)",
    ),
];

/// Every moment there is: an example, and which calls it means. They are counted from 1 since the fault was set.
pub const MOMENTS: &[(&str, &str)] = &[
    ("@nth=3", "the third call alone"),
    ("@first=3", "the first three calls"),
    ("@from=3", "the third call and all that follow"),
    ("@calls=3-5", "the third to the fifth call"),
    ("@every=3", "every third call"),
    ("@rate=0.1", "one call in ten, drawn from the seed of the sandbox"),
    ("@page=3", "list: all calls for the third page"),
    ("@time=30s-90s", "the calls from half a minute to one and a half after the fault was set (ms, s, m)"),
];

/// What is wrong with the short form, without the form itself.
type Wrong = String;

impl FromStr for Fault {
    type Err = Error;

    /// Reads `[INDEX.]ENDPOINT:EFFECT[,NAME=VALUE…][@MOMENT…]`, or JSON. Names are those of the JSON, with a dash or
    /// an underscore; several moments must all hold; see [`FAULTS`] and [`MOMENTS`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let fault = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            read(text)
        };
        fault.map_err(|message| Error::Fault { fault: text.to_owned(), message })
    }
}

fn read(text: &str) -> Result<Fault, Wrong> {
    let (place, rest) = text
        .split_once(':')
        .ok_or("write it as ENDPOINT:EFFECT, such as embed:503 or source.list:reset@page=2")?;
    let mut parts = rest.split('@');
    let effect = effect(parts.next().unwrap_or_default())?;
    let (index, endpoint) = match place.rsplit_once('.') {
        Some((index, endpoint)) => (Some(index.to_owned()), endpoint),
        None => (None, place),
    };
    let endpoint = from_json(json!(endpoint.replace('-', "_")))?;
    let mut moments = parts.map(moment).collect::<Result<Vec<When>, Wrong>>()?;
    let when = match moments.len() {
        0 => When::Always,
        1 => moments.swap_remove(0),
        _ => When::All(moments),
    };
    Ok(Fault { endpoint, index, when, effect })
}

/// `503-html,retry-after=5`, or `poison-text,marker=x`.
fn effect(text: &str) -> Result<Effect, Wrong> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let mut fields = shorthand(name);
    for part in parts {
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("{part:?} should be written as NAME=VALUE"))?;
        // A number is one, and what is no JSON is a text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        fields.insert(name.replace('-', "_"), value);
    }
    from_json(Value::Object(fields))
}

/// The status in `items-429`.
fn items(name: &str) -> Option<u16> {
    name.strip_prefix("items-")?.parse().ok()
}

/// The fields that the name of an effect stands for.
fn shorthand(name: &str) -> Map<String, Value> {
    let (first, body) = name.split_once('-').unwrap_or((name, "json"));
    let fields = match (first.parse::<u16>(), name) {
        (_, _) if let Some(code) = items(name) => json!({"kind": "bulk_items", "code": code}),
        (Ok(code), _) => json!({"kind": "status", "code": code, "body": body}),
        (_, "daily-quota") => json!({"kind": "quota", "period": "day", "retry_seconds": 45}),
        (_, "monthly-quota") => json!({
            "kind": "status", "code": 429, "body": "text",
            "message": "Request failed. You've reached your read unit limit for the current month.\nTo continue reading data, upgrade your plan.",
        }),
        _ => json!({"kind": name.replace('-', "_")}),
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn from_json<T: DeserializeOwned>(json: Value) -> Result<T, Wrong> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<When, Wrong> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let wrong = || {
        let known: Vec<&str> = MOMENTS.iter().map(|(example, _)| *example).collect();
        format!("@{text} is no moment; write it as one of {}", known.join(", "))
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(wrong);
    let ends = || value.split_once('-').ok_or_else(wrong);
    let when = match name {
        "nth" => When::Nth(number(value)?),
        "first" => When::First(number(value)?),
        "from" => When::From(number(value)?),
        "every" => When::Every(number(value)?),
        "page" => When::Page(number(value)?),
        "calls" => When::Calls { from: number(ends()?.0)?, to: number(ends()?.1)? },
        "time" => When::During {
            from_ms: milliseconds(ends()?.0).ok_or_else(wrong)?,
            to_ms: milliseconds(ends()?.1).ok_or_else(wrong)?,
        },
        "rate" => {
            let rate = value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
            When::Probability(rate.ok_or_else(wrong)?)
        }
        _ => return Err(wrong()),
    };
    match when {
        When::Calls { from, to } | When::During { from_ms: from, to_ms: to } if from > to => Err(wrong()),
        when => Ok(when),
    }
}

/// `500ms`, `30s`, `2m`; a bare number is seconds.
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let time = match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "" | "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    };
    u64::try_from(time.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Body, Endpoint, Period};

    fn fault(text: &str) -> Fault {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_short_form_says_where_what_and_when() {
        let effect = Effect::Status { code: 503, body: Body::Html, retry_after: Some(5), message: None };
        assert_eq!(
            fault("source.fetch:503-html,retry-after=5@every=3@time=500ms-2m"),
            Fault::always(Endpoint::Fetch, effect)
                .at("source")
                .when(When::All(vec![When::Every(3), When::During { from_ms: 500, to_ms: 120_000 },]))
        );
        assert_eq!(fault("list:reset"), Fault::always(Endpoint::List, Effect::Reset));
        let poison = Effect::PoisonText { marker: "two words".to_owned() };
        assert_eq!(
            fault("embed:poison_text,marker=two words@first=2"),
            Fault::always(Endpoint::Embed, poison).when(When::First(2))
        );
        let busy = Effect::BulkItems { code: 429, error: None, count: 7 };
        assert_eq!(
            fault("elasticsearch.bulk:items-429,count=7@nth=2"),
            Fault::always(Endpoint::Bulk, busy).at("elasticsearch").when(When::Nth(2))
        );
        let gone = Effect::BulkItems { code: 404, error: None, count: 1 };
        assert_eq!(fault("bulk:items-404").effect, gone);
        // An index may have a dot in its name.
        assert_eq!(fault("a.b.fetch-by-metadata:hang").index.as_deref(), Some("a.b"));
        let daily = Effect::Quota { period: Period::Day, retry_seconds: 45.0 };
        assert_eq!(fault("embed:daily-quota").effect, daily);
        let json = r#"{"endpoint":"list","when":{"page":2},"effect":{"kind":"reset"}}"#;
        assert_eq!(fault("list:reset@page=2"), fault(json));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            ("embed", "write it as ENDPOINT:EFFECT"),
            ("lists:reset", "unknown variant `lists`, expected one of `describe`, `list`"),
            ("list:resets", "unknown variant `resets`, expected one of `status`"),
            ("list:503-xml", "unknown variant `xml`, expected one of `json`"),
            ("embed:poison-text", "missing field `marker`"),
            ("list:reset,count", "\"count\" should be written as NAME=VALUE"),
            ("list:503,count=1", "unknown field `count`"),
            ("list:reset@nth=0", "@nth=0 is no moment; write it as one of @nth=3, "),
            ("list:reset@calls=5-3", "@calls=5-3 is no moment"),
            ("list:reset@time=1h-2h", "@time=1h-2h is no moment"),
            ("list:reset@rate=2", "@rate=2 is no moment"),
            ("list:reset@sometimes", "@sometimes is no moment"),
            ("{}", "missing field `endpoint`"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no fault: {message}")), "{error}");
        }
    }

    #[test]
    fn every_effect_and_every_moment_has_an_example() {
        let kind =
            |effect: &Effect| serde_json::to_value(effect).unwrap()["kind"].as_str().unwrap().to_owned();
        let shown: BTreeSet<String> =
            FAULTS.iter().map(|(example, _)| kind(&fault(example).effect)).collect();
        // Serde names all variants when it does not know one.
        let names = serde_json::from_value::<Effect>(json!({"kind": "?"})).unwrap_err().to_string();
        let known: BTreeSet<String> = names.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        assert!(known.len() > 20, "{names}");
        assert_eq!(shown, known);
        for (moment, _) in MOMENTS {
            assert_ne!(fault(&format!("list:reset{moment}")).when, When::Always, "{moment}");
        }
    }
}
