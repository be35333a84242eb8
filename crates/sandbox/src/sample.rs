//! The built-in sample: the help centre of a company that lends cargo bikes, half-way through a migration.
//!
//! What is in it is counted in the README and asserted in `tests/sample.rs`; the rules below are by position, so that
//! a change of the texts changes no count.

use serde_json::{Map, Value, json};

use crate::Error;
use crate::embedding::{embed, normalise};
use crate::gemini::Model;
use crate::record::Sparse;
use crate::state::{NewRecord, State};

const ARTICLES: &str = include_str!("../sample/articles.txt");
const CLOSING: &str = include_str!("../sample/closing.txt");
const RELEASE_NOTES: &str = include_str!("../sample/release-notes.txt");

const NAMESPACE: &str = "help-centre";

/// The articles whose passages are in the target already.
const MIRRORED_ARTICLES: usize = 25;

/// The passages of an article.
const PASSAGES: usize = 6;

/// A passage of the help centre.
struct Passage {
    article: usize,
    /// From 0.
    number: usize,
    id: String,
    metadata: Map<String, Value>,
    /// Whether the article is in the target alone.
    is_retired: bool,
}

/// Loads the sample into source and target.
pub(crate) fn load(state: &State) -> Result<(), Error> {
    let dimension = state.0.options.target.dimension;
    let (retired, current): (Vec<Passage>, Vec<Passage>) =
        passages().into_iter().partition(|passage| passage.is_retired);
    let mirrored = current
        .iter()
        .filter(|passage| passage.article < MIRRORED_ARTICLES && text_of(&passage.metadata).is_some())
        .enumerate()
        .map(|(position, passage)| mirrored(position, passage, dimension));
    let orphans = retired.iter().map(|passage| in_target(passage, 1, dimension));
    state.put("target", NAMESPACE, mirrored.chain(orphans).collect())?;
    state.put("source", NAMESPACE, current.into_iter().map(in_source).collect())?;

    let faq = faq();
    let copies = faq.iter().map(|record| NewRecord {
        values: Some(gemini_values(text_of(&record.metadata).unwrap_or_default(), dimension)),
        metadata: with(&record.metadata, "clearance_level", json!(1)),
        ..record.clone()
    });
    state.put("target", "", copies.collect())?;
    state.put("source", "", faq)?;
    state.put("source", "release-notes", release_notes())?;
    Ok(())
}

fn in_source(passage: Passage) -> NewRecord {
    let mut metadata = passage.metadata;
    // Two records that somebody restricted in the source itself, and three with sparse values; none is mirrored yet.
    if let (article @ 40..=41, 0) = (passage.article, passage.number) {
        metadata.insert("clearance_level".to_owned(), json!(article - 38));
    }
    let sparse_values = matches!((passage.article, passage.number), (42..=44, 0))
        .then(|| Sparse { indices: vec![7, 312, 90_210], values: vec![0.5, 0.25, 1.5] });
    NewRecord { id: passage.id, values: None, sparse_values, metadata }
}

/// A passage as an earlier mirror left it: every fourth has changed in the source since then.
fn mirrored(position: usize, passage: &Passage, dimension: usize) -> NewRecord {
    let clearance = match (position % 18, position / 36 % 2) {
        (5, 0) => 2,
        (5, _) => 3,
        _ => 1,
    };
    let mut record = in_target(passage, clearance, dimension);
    if position % 4 != 3 {
        return record;
    }
    let metadata = &mut record.metadata;
    match position / 4 % 6 {
        0 => replace(metadata, "title", |title| {
            title.as_str().map(|title| json!(title.replacen('e', "ee", 1)))
        }),
        1 => replace(metadata, "tags", |tags| {
            tags.as_array().map(|tags| json!(tags.get(1..).unwrap_or_default()))
        }),
        2 => replace(metadata, "year", |year| Some(json!(year.to_string()))),
        3 => {
            metadata.remove("is_public");
        }
        4 => {
            metadata.insert("legacy_id".to_owned(), json!(format!("kb-{:04}", 1000 + position)));
        }
        _ => {
            let old = text_of(metadata).and_then(|text| text.split_inclusive('.').next()).unwrap_or_default();
            let old = format!("{old} Please ask our service for details.");
            record.values = Some(gemini_values(&old, dimension));
            metadata.insert("text".to_owned(), json!(old));
        }
    }
    record
}

fn in_target(passage: &Passage, clearance: i32, dimension: usize) -> NewRecord {
    NewRecord {
        id: passage.id.clone(),
        values: Some(gemini_values(text_of(&passage.metadata).unwrap_or_default(), dimension)),
        sparse_values: None,
        metadata: with(&passage.metadata, "clearance_level", json!(clearance)),
    }
}

fn passages() -> Vec<Passage> {
    let articles = ARTICLES.split("\n== ").skip(1);
    articles.enumerate().flat_map(|(article, text)| passages_of(article, text)).collect()
}

fn passages_of(article: usize, text: &str) -> Vec<Passage> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let head: Vec<&str> = lines.next().unwrap_or_default().split(" | ").collect();
    let [slug, title, section, author, tags, year, language] = head[..] else { return Vec::new() };
    let sentences: Vec<&str> = lines.collect();
    let windows = sentences.windows(2).take(PASSAGES).enumerate();
    windows
        .map(|(number, window)| {
            let mut metadata = object(json!({
                "title": title,
                "text": window.join(" "),
                "source": format!("https://help.fernway.example/{language}/{slug}?print=1&from=search"),
                "section": section,
                "author": author,
                "tags": tags.split(',').collect::<Vec<_>>(),
                "year": year.parse::<u32>().unwrap_or_default(),
                "updated_at": format!("{year}-{:02}-{:02}T08:30:00Z", article % 12 + 1, number * 4 + 3),
                "page": number / 3 + 1,
                "passage": number + 1,
                "language": language,
                "is_public": section != "Business",
            }));
            trouble(article, number, &mut metadata);
            Passage {
                article,
                number,
                id: format!("{slug}#{}", number + 1),
                metadata,
                is_retired: section == "Retired",
            }
        })
        .collect()
}

/// What real data has, too: passages without text, the same text many times, keys that need escaping.
fn trouble(article: usize, number: usize, metadata: &mut Map<String, Value>) {
    let last = number == PASSAGES - 1;
    if last && article % 7 == 3 && article < 56 {
        match article / 7 % 4 {
            0 => metadata.remove("text"),
            1 => metadata.insert("text".to_owned(), json!("")),
            2 => metadata.insert("text".to_owned(), json!(" \n\t")),
            _ => metadata.insert("text".to_owned(), json!(404)),
        };
    }
    if last && article % 10 == 6 {
        metadata.insert("text".to_owned(), json!(CLOSING.trim()));
    }
    if article % 9 == 4 && number == 0 {
        metadata.insert("reading \"level\"".to_owned(), json!(2.5));
        metadata.insert("path\\to\\source".to_owned(), json!("C:\\help\\<draft>.docx"));
        metadata.insert("größe".to_owned(), json!("kurz – „knapp“ 🚲"));
        metadata.insert("related".to_owned(), json!([]));
    }
}

/// The default namespace: ids that have to be encoded in a URL.
fn faq() -> Vec<NewRecord> {
    const FAQ: [(&str, &str); 10] = [
        (
            "faq/What does it cost?",
            "A subscription begins at seventy-nine euros a month, delivery and service included.",
        ),
        ("faq/a+b", "Plans A and B of the past were merged into Basic in 2021."),
        ("faq/brakes & belts", "Brakes and belts are parts of wear and are replaced without cost."),
        ("faq/100%", "Yes, one hundred per cent of our electricity comes from wind and sun."),
        ("faq/#1 question", "The most frequent question is whether one falls over in bends; one does not."),
        ("faq/ leading space", "This entry was imported from a table and kept its space."),
        ("faq/\"quoted\"", "“Cargo bike” and “family bike” mean the same on our pages."),
        ("faq/back\\slash", "Files with this name come from an old computer."),
        ("faq/emoji?", "Reviews with emoji are welcome: 🚲💚."),
        ("faq/tilde~dot.", "Nothing is special about this entry except its name."),
    ];
    let record = |(position, (id, text)): (usize, &(&str, &str))| NewRecord {
        id: (*id).to_owned(),
        metadata: object(
            json!({"title": id.trim_start_matches("faq/"), "text": text, "rank": position, "pinned": position < 3}),
        ),
        ..NewRecord::default()
    };
    FAQ.iter().enumerate().map(record).collect()
}

fn release_notes() -> Vec<NewRecord> {
    let record = |line: &str| {
        let mut parts = line.splitn(3, '|');
        let (version, date, text) = (parts.next()?, parts.next()?, parts.next()?);
        Some(NewRecord {
            id: format!("release-{version}"),
            metadata: object(json!({
                "title": format!("Fernway {version}"),
                "text": text,
                "version": version,
                "released_on": date,
                "year": date.get(..4).and_then(|year| year.parse::<u32>().ok()),
                "platforms": ["android", "ios"],
            })),
            ..NewRecord::default()
        })
    };
    RELEASE_NOTES.lines().filter_map(record).collect()
}

/// The documents of the search index beside it: those of the source's records under the same ids, and what such an
/// index collects over the years. As with the records, the rules are by position.
pub(crate) fn documents() -> Vec<(String, Map<String, Value>)> {
    let (retired, current): (Vec<Passage>, Vec<Passage>) =
        passages().into_iter().partition(|passage| passage.is_retired);
    let mut documents = Vec::new();
    for (position, record) in current.into_iter().map(in_source).enumerate() {
        // Six records were never indexed.
        if position % 60 == 59 {
            continue;
        }
        let level = match position % 90 {
            // Somebody restricted these by hand, before any run.
            0 => Some(2),
            45 => Some(3),
            other => (other % 3 == 0).then_some(1),
        };
        documents.push(document(record, Some(NAMESPACE), level, position));
    }
    // Their records were deleted from the source, and nobody thought of the search index.
    documents.extend(retired.into_iter().enumerate().map(|(position, passage)| {
        let record = NewRecord { id: passage.id, metadata: passage.metadata, ..NewRecord::default() };
        document(record, Some(NAMESPACE), None, position)
    }));
    let finished = faq().into_iter().enumerate();
    documents.extend(finished.map(|(position, record)| document(record, Some(""), Some(1), position)));
    let untouched = release_notes().into_iter().enumerate();
    documents
        .extend(untouched.map(|(position, record)| document(record, Some("release-notes"), None, position)));
    let old = |prefix: &str, number: usize| NewRecord {
        id: format!("{prefix}-{number}"),
        metadata: object(json!({"title": format!("Old page {number}"), "text": "This page has moved."})),
        ..NewRecord::default()
    };
    documents
        .extend((1..=8).map(|number| document(old("intranet", number), Some("intranet-2019"), None, number)));
    documents.extend((1..=5).map(|number| document(old("unsorted", number), None, None, number)));
    let too_long = format!("import of {}", "a very long path / ".repeat(16));
    documents.extend((1..=3).map(|number| document(old("import", number), Some(&too_long), None, number)));
    documents
}

/// A document of the search index; every fifth is older than its vectors.
fn document(
    record: NewRecord,
    namespace: Option<&str>,
    level: Option<i32>,
    position: usize,
) -> (String, Map<String, Value>) {
    let mut source = record.metadata;
    if let Some(namespace) = namespace {
        source.insert("pinecone_namespace".to_owned(), json!(namespace));
    }
    if position % 5 != 4 {
        source.insert("vector".to_owned(), json!([0.25, -0.5, 0.125]));
    }
    if let Some(level) = level {
        source.entry("clearance_level").or_insert(json!(level));
    }
    (record.id, source)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn with(metadata: &Map<String, Value>, key: &str, value: Value) -> Map<String, Value> {
    let mut metadata = metadata.clone();
    metadata.insert(key.to_owned(), value);
    metadata
}

fn replace(metadata: &mut Map<String, Value>, key: &str, change: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(value) = metadata.get_mut(key)
        && let Some(changed) = change(value)
    {
        *value = changed;
    }
}

/// The text of a record, unless it is absent, blank or not a string.
fn text_of(metadata: &Map<String, Value>) -> Option<&str> {
    metadata.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// What our Gemini answers for a text, normalised.
fn gemini_values(text: &str, dimension: usize) -> Vec<f32> {
    let mut values = embed(Model::First.name(), dimension.max(3072), "RETRIEVAL_DOCUMENT", text);
    values.truncate(dimension);
    normalise(&mut values);
    values
}
