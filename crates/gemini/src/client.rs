//! Embedding texts.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderName, Method};
use secrecy::SecretString;
use upstream::{Config, Endpoint, Http, Kind, Meter, Pacer, Period, Request, Unusable, Verdict};
use url::Url;

use crate::{
    Error, MAX_BATCH, Model, estimate_tokens,
    google::{Counts, Per, Status},
    wire,
};

/// A client that embeds texts with one model. Clones share connections, pacing and counters.
#[derive(Debug, Clone)]
pub struct Gemini {
    http: Http,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    model: Model,
    quotas: Quotas,
    texts: Pacer,
    tokens: Pacer,
    /// Whether this model, these dimensions and this task were ever accepted: then a refusal is about a text.
    accepted: AtomicBool,
}

/// What the project may use in a minute. The defaults are those of tier 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Texts a minute: each text of a batch counts as a request.
    pub texts_per_minute: u64,
    /// Input tokens a minute.
    pub tokens_per_minute: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { texts_per_minute: 3_000, tokens_per_minute: 1_000_000 }
    }
}

/// Timeouts and retries.
pub type Options = upstream::Options;

/// Why a text was not embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The service's own message.
    pub message: String,
}

static ALLOWED: [Endpoint; 2] = [
    Endpoint { label: "embed", method: Method::POST, path: "/v1beta/models/*:batchEmbedContents" },
    Endpoint { label: "model", method: Method::GET, path: "/v1beta/models/*" },
];

impl Gemini {
    /// The real service.
    pub const BASE_URL: &str = "https://generativelanguage.googleapis.com";

    /// Makes a client; nothing is sent. Its requests are counted under the service `gemini`.
    ///
    /// # Errors
    ///
    /// If the address is not safe for a key.
    pub fn new(
        api_key: SecretString,
        base_url: &Url,
        model: Model,
        quotas: Quotas,
        options: Options,
    ) -> Result<Self, Error> {
        if !upstream::is_safe_for_keys(base_url) {
            return Err(Error::UnsafeAddress { address: base_url.to_string() });
        }
        let texts = Pacer::per_minute(quotas.texts_per_minute, "texts");
        let tokens = Pacer::per_minute(quotas.tokens_per_minute, "tokens");
        let classify = {
            let (texts, tokens) = (texts.clone(), tokens.clone());
            move |response: &upstream::Response| classify(response, &texts, &tokens)
        };
        let http = Http::new(Config {
            service: "gemini".to_owned(),
            name: "Gemini".to_owned(),
            base_url: base_url.clone(),
            credentials: vec![(HeaderName::from_static("x-goog-api-key"), api_key)],
            headers: Vec::new(),
            allowed: &ALLOWED,
            classify: Some(Arc::new(classify)),
            options,
        })?;
        let shared = Shared { model, quotas, texts, tokens, accepted: AtomicBool::new(false) };
        Ok(Self { http, shared: Arc::new(shared) })
    }

    /// A clone that counts in this meter; connections and pacing stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self { http: self.http.with_meter(meter), shared: Arc::clone(&self.shared) }
    }

    /// The model that embeds.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.shared.model
    }

    /// The quotas as configured.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        &self.shared.quotas
    }

    /// What the service has taught about the quotas so far, for people; nothing as long as it has said nothing.
    #[must_use]
    pub fn learned(&self) -> Vec<String> {
        [&self.shared.texts, &self.shared.tokens].into_iter().filter_map(Pacer::learned).collect()
    }

    /// Embeds texts: for each, in order, a vector of unit length with as many values as the model's dimensions, or
    /// the reason why the service does not take that text.
    ///
    /// One request, unless the service refuses it: then it is bisected until the text that it does not take stands
    /// alone (law 9). An empty or blank text is refused without a request. What is longer than the model takes is
    /// cut off by the service; see [`Model::is_over_long`].
    ///
    /// # Errors
    ///
    /// If nothing can be embedded for a reason that is not in a text: the key, the model, a quota, the connection;
    /// [`Error::TooManyTexts`] for more than 100.
    pub async fn embed(&self, texts: &[&str]) -> Result<Vec<Result<Vec<f32>, Refusal>>, Error> {
        if texts.len() > MAX_BATCH {
            return Err(Error::TooManyTexts { texts: texts.len() });
        }
        let mut results: Vec<Option<Result<Vec<f32>, Refusal>>> = texts
            .iter()
            .map(|text| {
                text.trim().is_empty().then(|| Err(Refusal { message: "the text is empty".to_owned() }))
            })
            .collect();
        let (positions, sent): (Vec<usize>, Vec<&str>) =
            texts.iter().enumerate().filter(|(position, _)| results[*position].is_none()).unzip();
        for (position, result) in positions.into_iter().zip(self.embed_or_bisect(&sent).await?) {
            results[position] = Some(result);
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Like [`Self::embed`], for texts that are not blank.
    async fn embed_or_bisect(&self, texts: &[&str]) -> Result<Vec<Result<Vec<f32>, Refusal>>, Error> {
        let mut results = Vec::with_capacity(texts.len());
        let mut last_refusal = None;
        // A stack, so that the halves of a request go before what follows it and the results stay in order.
        let mut pending: Vec<Range<usize>> = Vec::new();
        if !texts.is_empty() {
            pending.push(0..texts.len());
        }
        while let Some(range) = pending.pop() {
            match self.embed_once(&texts[range.clone()]).await {
                Ok(vectors) => {
                    self.shared.accepted.store(true, Ordering::Relaxed);
                    results.extend(vectors.into_iter().map(Ok));
                }
                Err(Error::Upstream(error)) if is_about_texts(&error) || is_too_large(&error) => {
                    if range.len() == 1 {
                        results.push(Err(Refusal { message: own_message(&error) }));
                        last_refusal = Some(error);
                    } else {
                        let middle = range.start + range.len() / 2;
                        pending.extend([middle..range.end, range.start..middle]);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        match last_refusal {
            Some(error) if !self.shared.accepted.load(Ordering::Relaxed) => {
                self.refused_for_texts(error).await?;
            }
            _ => {}
        }
        Ok(results)
    }

    /// Whether it is the texts that were refused. If nothing was ever accepted, it may as well be the model's
    /// settings, and then no record is to blame; one harmless word tells.
    async fn refused_for_texts(&self, refusal: upstream::Error) -> Result<(), Error> {
        match self.embed_once(&["word"]).await {
            Ok(_) => {
                self.shared.accepted.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(Error::Upstream(error)) if is_about_texts(&error) => Err(refusal.into()),
            Err(error) => Err(error),
        }
    }

    async fn embed_once(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let Shared { model, texts: text_pacer, tokens: token_pacer, .. } = &*self.shared;
        let tokens: u64 = texts.iter().map(|text| estimate_tokens(&model.prefixed(text))).sum();
        let request = Request::post(
            format!("/v1beta/models/{}:batchEmbedContents", model.id),
            wire::body(model, texts),
        )
        .paced(text_pacer, texts.len() as u64)
        .paced(token_pacer, tokens);
        let bad = AtomicBool::new(false);
        let answer = self
            .http
            .send(&request, |response| {
                bad.store(false, Ordering::Relaxed);
                let dimensions = usize::try_from(model.dimensions).unwrap_or(usize::MAX);
                let mut vectors = wire::read(&response.body, dimensions, texts.len())?;
                if let Err(reason) = check(&vectors, texts.len(), dimensions) {
                    bad.store(true, Ordering::Relaxed);
                    return Err(Unusable(reason));
                }
                vectors.iter_mut().for_each(|vector| normalize(vector));
                Ok(vectors)
            })
            .await;
        answer.map_err(|error| {
            let by_content = *error.kind() == Kind::Malformed && bad.load(Ordering::Relaxed);
            if by_content { Error::BadEmbedding(error) } else { Error::Upstream(error) }
        })
    }

    /// Whether the key is valid and the model exists: asks for the model, which is free.
    ///
    /// # Errors
    ///
    /// If not, or if the request failed.
    pub async fn check(&self) -> Result<(), Error> {
        let request = Request::get(format!("/v1beta/models/{}", self.shared.model.id));
        let _: serde::de::IgnoredAny = self.http.json(&request).await?;
        Ok(())
    }
}

/// What is wrong with the vectors of an answer, if something is.
fn check(vectors: &[Vec<f32>], texts: usize, dimensions: usize) -> Result<(), String> {
    if vectors.len() != texts {
        return Err(format!("{} embeddings for {texts} texts", vectors.len()));
    }
    for vector in vectors {
        if vector.len() != dimensions {
            return Err(format!("an embedding of {} values instead of {dimensions}", vector.len()));
        }
        if vector.iter().any(|value| !value.is_finite()) {
            return Err("an embedding with a value that is not finite".to_owned());
        }
        // Pinecone takes no vector without a value of this size, and there is no length to divide by.
        if !vector.iter().any(|value| value.abs() >= 1e-8) {
            return Err("an embedding of zeros".to_owned());
        }
    }
    Ok(())
}

/// Brings a vector to unit length. One that has it, but for rounding, keeps its exact values, so that what is
/// stored is what the model gave; `gemini-embedding-001` gives unit vectors at 3,072 dimensions only.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if (length - 1.0).abs() > 1e-4 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to the precision of the vector is the point"
        )]
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}

/// Whether a request was refused for something in its texts: a 400 that Google calls an invalid argument, unless it
/// names a setting that is the same for all texts.
fn is_about_texts(error: &upstream::Error) -> bool {
    const SETTINGS: [&str; 8] = [
        "api key",
        "outputdimensionality",
        "output_dimensionality",
        "tasktype",
        "task_type",
        "embedcontentconfig",
        "embed_content_config",
        "at most 100 requests",
    ];
    error.status() == Some(400)
        && *error.kind() == Kind::Refused
        && Status::read(error.body().as_bytes()).is_some_and(|status| {
            let message = status.message.to_ascii_lowercase();
            status.status == "INVALID_ARGUMENT" && !SETTINGS.iter().any(|setting| message.contains(setting))
        })
}

/// Whether a request was refused for its size, by the service or by somebody on the way: a part of it may pass.
fn is_too_large(error: &upstream::Error) -> bool {
    *error.kind() == Kind::TooLarge
}

/// What the service said, without the status around it.
fn own_message(error: &upstream::Error) -> String {
    Status::read(error.body().as_bytes())
        .map(|status| status.message)
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| error.message().to_owned())
}

/// What Google's errors mean: which 429 is a pause and which the end of the day, and that a wrong key is a 400.
fn classify(response: &upstream::Response, texts: &Pacer, tokens: &Pacer) -> Verdict {
    let Some(status) = Status::read(&response.body) else { return Verdict::ByStatus };
    match response.status.as_u16() {
        429 => {
            let violations = status.violations();
            // A quota of the day stays exceeded, whatever the delay says; but the minute is looked at first,
            // because it is the one that passes.
            let daily = violations.iter().any(|violation| violation.per == Per::Day);
            let by_minute: Vec<_> =
                violations.iter().filter(|violation| violation.per == Per::Minute).collect();
            if daily && by_minute.is_empty() {
                let kind = Kind::QuotaExhausted { period: Period::Day, resume_after: None };
                return Verdict::Permanent(kind);
            }
            for violation in by_minute {
                match (violation.counts, violation.limit) {
                    (Counts::Texts, Some(limit)) => texts.learn(limit),
                    (Counts::Tokens, Some(limit)) => tokens.learn(limit),
                    _ => {}
                }
            }
            Verdict::Throttled(status.retry_delay())
        }
        400 if matches!(status.reason(), Some("API_KEY_INVALID" | "API_KEY_EXPIRED"))
            || status.message.starts_with("API key") =>
        {
            Verdict::Permanent(Kind::Unauthorized)
        }
        _ => Verdict::ByStatus,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_unit_length_keeps_its_values() {
        let mut unit = vec![0.6_f32, 0.800_001];
        normalize(&mut unit);
        assert_eq!(unit, [0.6, 0.800_001]);
        let mut long = vec![3.0_f32, -4.0];
        normalize(&mut long);
        assert_eq!(long, [0.6, -0.8]);
        let mut tiny = vec![1e-30_f32, 0.0];
        normalize(&mut tiny);
        assert_eq!(tiny, [1.0, 0.0]);
    }

    #[test]
    fn vectors_are_checked() {
        assert_eq!(check(&[vec![1.0, 0.0]], 1, 2), Ok(()));
        let reason = |vectors: &[Vec<f32>]| check(vectors, 1, 2).unwrap_err();
        assert_eq!(reason(&[]), "0 embeddings for 1 texts");
        assert_eq!(reason(&[vec![1.0]]), "an embedding of 1 values instead of 2");
        assert_eq!(reason(&[vec![1.0, f32::INFINITY]]), "an embedding with a value that is not finite");
        assert_eq!(reason(&[vec![0.0, -0.0]]), "an embedding of zeros");
    }
}
