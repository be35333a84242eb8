//! Records for benchmarks: a million of them take some ten bytes each, because everything but the id is worked out
//! from the number of the record whenever it is read.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::metadata::{Metadata, MetadataValue};
use crate::random::{below, mix};

/// Which records to make. The same `seed`, `prefix` and `text_words` make the same records again, so a source and a
/// target that were filled alike are in sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// How many numbers are gone through, from 0.
    pub count: u32,
    /// The id of number 7 is `{prefix}00000007`.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// The words of a text.
    #[serde(default = "default_words")]
    pub text_words: u32,
    /// What the texts, metadata and values are drawn from.
    #[serde(default)]
    pub seed: u64,
    /// Every k-th record is left out (it is *missing*).
    #[serde(default)]
    pub skip_every: Option<u32>,
    /// Every k-th record has another title (it is *changed*).
    #[serde(default)]
    pub change_every: Option<u32>,
    /// Metadata that every record gets on top, for example `{"clearance_level":1}`.
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

fn default_prefix() -> String {
    "synthetic-".to_owned()
}

fn default_words() -> u32 {
    80
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            count: 0,
            prefix: default_prefix(),
            text_words: default_words(),
            seed: 0,
            skip_every: None,
            change_every: None,
            metadata: serde_json::Map::new(),
        }
    }
}

/// A family of records.
pub(crate) struct Synthetic {
    pub(crate) what: Generate,
    added: Metadata,
    dimension: usize,
    pool: Arc<Pool>,
}

/// Random numbers, also in print: a vector is a stretch of them, so that printing one is a copy.
pub(crate) struct Pool {
    values: Vec<f32>,
    text: Vec<u8>,
    /// Where in `text` each number starts; one more at the end.
    starts: Vec<usize>,
    /// The sum of the squares of the numbers before each; one more at the end.
    squares: Vec<f64>,
}

/// How many different vectors there are.
const OFFSETS: usize = 16 * 1024;

impl Pool {
    fn new(dimension: usize) -> Self {
        let scale = (3.0 / dimension.max(1) as f32).sqrt();
        let values: Vec<f32> = (0..(dimension + OFFSETS) as u64)
            .map(|number| ((mix(number) >> 40) as f32 / 8_388_608.0 - 1.0) * scale)
            .collect();
        let mut text = Vec::with_capacity(values.len() * 13);
        let mut starts = Vec::with_capacity(values.len() + 1);
        let mut squares = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        for value in &values {
            starts.push(text.len());
            squares.push(sum);
            sum += f64::from(value * value);
            crate::json::write(&mut text, value);
            text.push(b',');
        }
        starts.push(text.len());
        squares.push(sum);
        Self { values, text, starts, squares }
    }
}

impl Synthetic {
    /// A family for an index of `dimension`; `added` is `what.metadata`, checked.
    pub(crate) fn new(what: Generate, added: Metadata, dimension: usize) -> Self {
        Self { what, added, dimension, pool: Arc::new(Pool::new(dimension)) }
    }

    /// The ids and numbers of all records, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (Box<str>, u32)> {
        (0..self.what.count)
            .filter(|number| !is_kth(*number, self.what.skip_every))
            .map(|number| (format!("{}{number:08}", self.what.prefix).into_boxed_str(), number))
    }

    fn offset(&self, number: u32) -> usize {
        below(self.draw(number, 0), OFFSETS)
    }

    fn draw(&self, number: u32, purpose: u64) -> u64 {
        mix(mix(self.what.seed ^ (purpose << 32)) ^ u64::from(number))
    }

    pub(crate) fn values(&self, number: u32) -> &[f32] {
        let offset = self.offset(number);
        self.pool.values.get(offset..offset + self.dimension).unwrap_or_default()
    }

    /// The sum of the squares of the values.
    pub(crate) fn square(&self, number: u32) -> f32 {
        let before = |place: usize| self.pool.squares.get(place).copied().unwrap_or_default();
        let offset = self.offset(number);
        #[expect(clippy::cast_possible_truncation, reason = "scores are f32, too")]
        let square = (before(offset + self.dimension) - before(offset)) as f32;
        square
    }

    pub(crate) fn write_values(&self, buffer: &mut Vec<u8>, number: u32) {
        let offset = self.offset(number);
        buffer.push(b'[');
        if let (Some(start), Some(end)) =
            (self.pool.starts.get(offset), self.pool.starts.get(offset + self.dimension))
            && start < end
        {
            // Without the last comma.
            buffer.extend_from_slice(self.pool.text.get(*start..end - 1).unwrap_or_default());
        }
        buffer.push(b']');
    }

    pub(crate) fn metadata(&self, number: u32) -> Metadata {
        let changed = if is_kth(number, self.what.change_every) { " (revised)" } else { "" };
        let mut metadata = Metadata::from([
            ("title".to_owned(), MetadataValue::String(format!("Passage {number}{changed}"))),
            ("text".to_owned(), MetadataValue::String(self.text(number))),
            ("source".to_owned(), MetadataValue::String(format!("https://example.com/book/{}", number / 50))),
            ("page".to_owned(), MetadataValue::Number(f64::from(number % 50))),
            ("year".to_owned(), MetadataValue::Number(f64::from(2015 + number % 10))),
            ("is_public".to_owned(), MetadataValue::Boolean(number.is_multiple_of(3))),
            (
                "tags".to_owned(),
                MetadataValue::Strings(vec![
                    format!("shelf-{}", number % 20),
                    format!("language-{}", number % 4),
                ]),
            ),
        ]);
        metadata.extend(self.added.iter().map(|(key, value)| (key.clone(), value.clone())));
        metadata
    }

    fn text(&self, number: u32) -> String {
        let words = vocabulary();
        let mut text = format!("Passage {number}:");
        for position in 0..u64::from(self.what.text_words) {
            text.push(' ');
            let word = below(self.draw(number, position + 1), words.len());
            text.push_str(words.get(word).map_or("", String::as_str));
        }
        text.push('.');
        text
    }
}

fn is_kth(number: u32, every: Option<u32>) -> bool {
    every.is_some_and(|every| every > 0 && number % every == every - 1)
}

/// 2,197 words that can be pronounced.
fn vocabulary() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    const SYLLABLES: [&str; 13] =
        ["ba", "de", "fi", "go", "lu", "ma", "ne", "po", "ri", "so", "ta", "ve", "zu"];
    WORDS.get_or_init(|| {
        let mut words = Vec::new();
        for first in SYLLABLES {
            for second in SYLLABLES {
                for third in SYLLABLES {
                    words.push(format!("{first}{second}{third}"));
                }
            }
        }
        words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_values_are_the_values() {
        let synthetic = Synthetic::new(Generate { count: 3, ..Generate::default() }, Metadata::new(), 8);
        let mut printed = Vec::new();
        synthetic.write_values(&mut printed, 2);
        let read = crate::json::read_values(std::str::from_utf8(&printed).unwrap()).unwrap();
        assert_eq!(read.as_ref(), synthetic.values(2));
        assert_eq!(read.len(), 8);
    }

    #[test]
    fn every_kth_is_left_out_or_changed() {
        let what = Generate { count: 10, skip_every: Some(5), change_every: Some(2), ..Generate::default() };
        let synthetic = Synthetic::new(what, Metadata::new(), 8);
        let numbers: Vec<u32> = synthetic.ids().map(|(_, number)| number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 5, 6, 7, 8]);
        let title = |number| synthetic.metadata(number).get("title").cloned();
        assert_eq!(title(0), Some(MetadataValue::String("Passage 0".to_owned())));
        assert_eq!(title(1), Some(MetadataValue::String("Passage 1 (revised)".to_owned())));
    }
}
