//! The bodies of `batchEmbedContents`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{Model, model::MAX_DIMENSIONS};

/// The body that embeds these texts, one request each, so that one vector comes back for each.
pub(crate) fn body(model: &Model, texts: &[&str]) -> Vec<u8> {
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut body = Vec::with_capacity(text_bytes * 17 / 16 + texts.len() * (model.id.len() + 192) + 32);
    let mut separator: &[u8] = br#"{"requests":["#;
    for text in texts {
        body.extend_from_slice(separator);
        body.extend_from_slice(br#"{"model":"models/"#);
        // A model's id has no character that JSON would escape.
        body.extend_from_slice(model.id.as_bytes());
        body.extend_from_slice(br#"","content":{"parts":[{"text":"#);
        print(&mut body, &model.prefixed(text));
        body.extend_from_slice(b"}]}");
        if !model.takes_prefix() {
            body.extend_from_slice(br#","taskType":""#);
            body.extend_from_slice(model.task_type.as_str().as_bytes());
            body.push(b'"');
        }
        body.extend_from_slice(format!(r#","outputDimensionality":{}}}"#, model.dimensions).as_bytes());
        separator = b",";
    }
    body.extend_from_slice(b"]}");
    body
}

fn print(out: &mut Vec<u8>, text: &str) {
    #[expect(clippy::expect_used, reason = "infallible: a string has no keys, and memory takes it")]
    serde_json::to_writer(out, text).expect("JSON into memory");
}

/// Reads the embeddings of an answer into vectors that are as large as they need to be.
pub(crate) fn read(body: &[u8], dimensions: usize, texts: usize) -> serde_json::Result<Vec<Vec<f32>>> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let embeddings = Answer { dimensions, texts }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(embeddings)
}

/// `{"embeddings": [...]}`
struct Answer {
    dimensions: usize,
    texts: usize,
}

/// `[{"values": [...]}, ...]`
struct Embeddings {
    dimensions: usize,
    texts: usize,
}

/// `{"values": [...]}`
struct Embedding {
    dimensions: usize,
}

/// `[0.1, ...]`
struct Values {
    dimensions: usize,
}

impl<'de> DeserializeSeed<'de> for Answer {
    type Value = Vec<Vec<f32>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Answer {
    type Value = Vec<Vec<f32>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with embeddings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { dimensions, texts } = self;
        let mut embeddings = None;
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 == "embeddings" {
                embeddings = Some(map.next_value_seed(Embeddings { dimensions, texts })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        embeddings.ok_or_else(|| A::Error::missing_field("embeddings"))
    }
}

impl<'de> DeserializeSeed<'de> for Embeddings {
    type Value = Vec<Vec<f32>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Embeddings {
    type Value = Vec<Vec<f32>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of embeddings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut embeddings = Vec::with_capacity(self.texts);
        while let Some(embedding) = list.next_element_seed(Embedding { dimensions: self.dimensions })? {
            embeddings.push(embedding);
        }
        Ok(embeddings)
    }
}

impl<'de> DeserializeSeed<'de> for Embedding {
    type Value = Vec<f32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Embedding {
    type Value = Vec<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an embedding")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = None;
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 == "values" {
                values = Some(map.next_value_seed(Values { dimensions: self.dimensions })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(values.unwrap_or_default())
    }
}

impl<'de> DeserializeSeed<'de> for Values {
    type Value = Vec<f32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values {
    type Value = Vec<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::with_capacity(self.dimensions.min(MAX_DIMENSIONS as usize));
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::TaskType;

    #[test]
    fn one_request_for_each_text() {
        let model = Model::new("gemini-embedding-001", 768, TaskType::RetrievalDocument).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body(&model, &["a", "\"b\"\n"])).unwrap();
        let request = |text: &str| {
            json!({
                "model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 768,
            })
        };
        assert_eq!(body, json!({"requests": [request("a"), request("\"b\"\n")]}));
    }

    #[test]
    fn the_second_model_takes_the_task_in_the_text() {
        let model = Model::new("gemini-embedding-2", 3072, TaskType::RetrievalDocument).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body(&model, &["a"])).unwrap();
        let expected = json!({"requests": [{
            "model": "models/gemini-embedding-2", "content": {"parts": [{"text": "title: none | text: a"}]},
            "outputDimensionality": 3072,
        }]});
        assert_eq!(body, expected);
    }

    #[test]
    fn embeddings_are_read_past_whatever_else_is_there() {
        let body = br#"{"usageMetadata":{"promptTokenCount":3},"embeddings":[{"shape":[2],"values":[0.1,-2]},{"values":[]},{}],"x":[{}]}"#;
        let embeddings = read(body, 2, 3).unwrap();
        assert_eq!(embeddings, [vec![0.1, -2.0], vec![], vec![]]);
        assert_eq!(embeddings[0].capacity(), 2);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"embeddings":[{"values":[null]}]}"#,
            r#"{"embeddings":[]"#,
            r#"{"embeddings":[]}x"#,
        ] {
            assert!(read(body.as_bytes(), 2, 1).is_err(), "{body}");
        }
    }
}
