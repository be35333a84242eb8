//! Embeddings without a model: a hashed bag of words and of character trigrams.
//!
//! Texts that share words point into similar directions, so search on them means something; everything else that a
//! client may rely on holds as well: they are deterministic, dense (a small noise of the whole text fills every
//! place, so that they are as long in JSON as real ones), of unit length, and a prefix of one is a usable embedding
//! too, because every feature has most of its places near the front.

use crate::random::{below, hash, mix};

/// The share of the noise that makes every place non-zero, against the words' 1.
const NOISE: f32 = 0.2;
/// The share of the task type.
const TASK: f32 = 0.15;

/// Embeds `text` in the space `space` (a model) at `width` places, slightly differently for each `task`; the result
/// has length 1.
pub(crate) fn embed(space: &str, width: usize, task: &str, text: &str) -> Vec<f32> {
    let space = hash(space.as_bytes());
    let mut vector = vec![0.0_f32; width];
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        if !word.is_empty() {
            add_word(&mut vector, space, &word.to_lowercase());
        }
    }
    normalise(&mut vector);
    add_noise(&mut vector, mix(space ^ hash(text.as_bytes())), NOISE);
    if !task.is_empty() {
        add_noise(&mut vector, mix(space ^ hash(task.as_bytes())), TASK);
    }
    normalise(&mut vector);
    vector
}

/// Scales a vector to length 1; a zero vector stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        let scale = 1.0 / length;
        for value in vector {
            *value *= scale;
        }
    }
}

fn add_word(vector: &mut [f32], space: u64, word: &str) {
    // Short words are mostly articles and prepositions; without this all English texts would look alike.
    let weight = match word.len() {
        0..=2 => 0.08,
        3 => 0.3,
        4 => 0.6,
        _ => 1.0,
    };
    add_feature(vector, space ^ hash(word.as_bytes()), 6, weight);
    let bytes = word.as_bytes();
    if bytes.len() > 3 {
        for trigram in bytes.windows(3) {
            add_feature(vector, space ^ hash(trigram) ^ 0x7A19, 2, weight * 0.25);
        }
    }
}

/// Adds ±`weight` at `places` places, the first third of which lies in the first 256, the second in the first 768.
fn add_feature(vector: &mut [f32], feature: u64, places: u64, weight: f32) {
    let width = vector.len();
    for place in 0..places {
        let draw = mix(feature.wrapping_add(place));
        let reach = match place * 3 / places {
            0 => width.min(256),
            1 => width.min(768),
            _ => width,
        };
        let signed = if draw >> 63 == 0 { weight } else { -weight };
        if let Some(value) = vector.get_mut(below(draw & (u64::MAX >> 1), reach)) {
            *value += signed;
        }
    }
}

/// Adds a random vector whose length is about `share`.
fn add_noise(vector: &mut [f32], seed: u64, share: f32) {
    // Uniform in -1..1 has variance 1/3.
    let scale = share * (3.0 / vector.len().max(1) as f32).sqrt();
    let mut state = seed | 1;
    for value in vector {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 40) as f32 / 8_388_608.0 - 1.0;
        *value += uniform * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn embeddings_are_deterministic_unit_vectors_without_zeros() {
        let vector = embed("m", 3072, "RETRIEVAL_DOCUMENT", "How do I reset my password?");
        assert_eq!(vector, embed("m", 3072, "RETRIEVAL_DOCUMENT", "How do I reset my password?"));
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
        assert!(vector.iter().all(|value| *value != 0.0));
    }

    #[test]
    fn texts_that_share_words_are_near_each_other_at_every_width() {
        for width in [64, 768, 3072] {
            let question = embed("m", 3072, "RETRIEVAL_QUERY", "resetting a forgotten password");
            let near = embed(
                "m",
                3072,
                "RETRIEVAL_DOCUMENT",
                "To reset a password you have forgotten, press Forgotten",
            );
            let far =
                embed("m", 3072, "RETRIEVAL_DOCUMENT", "Invoices are issued on the first day of the month");
            assert!(cosine(&question[..width], &near[..width]) > cosine(&question[..width], &far[..width]));
        }
    }

    #[test]
    fn the_task_type_and_the_space_matter() {
        let text = "Invoices are issued on the first day of the month";
        let document = embed("m", 3072, "RETRIEVAL_DOCUMENT", text);
        assert!(cosine(&document, &embed("m", 3072, "RETRIEVAL_QUERY", text)) < 0.999);
        assert!(cosine(&document, &embed("m", 3072, "RETRIEVAL_QUERY", text)) > 0.9);
        assert!(cosine(&document, &embed("other", 3072, "RETRIEVAL_DOCUMENT", text)) < 0.3);
    }
}
