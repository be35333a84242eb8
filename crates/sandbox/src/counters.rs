//! What was asked of the sandbox.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use crate::Endpoint;
use crate::random::hash;

/// The calls to one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// All requests, refused and broken ones included.
    pub requests: u64,
    /// Those answered with a status of 400 or more, or not at all.
    pub failed: u64,
    /// What was asked for or delivered, by endpoint: ids listed, records returned by fetch, query or
    /// fetch_by_metadata, records upserted, updated or deleted, texts embedded.
    pub items: u64,
    /// The bytes of the requests' bodies.
    pub bytes_in: u64,
    /// The bytes of the answers' bodies.
    pub bytes_out: u64,
}

/// What Gemini was asked to embed (only what was answered with 200).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Embedded {
    /// All texts.
    pub texts: u64,
    /// Different texts.
    pub distinct_texts: u64,
    /// Their pseudo tokens (a quarter of their bytes, rounded up).
    pub tokens: u64,
}

/// A request, as `GET /sandbox/requests` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Its number, from 1.
    pub number: u64,
    /// The index, or `None` for the main port.
    pub index: Option<String>,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The HTTP method.
    pub method: String,
    /// Path and query, without keys.
    pub path: String,
    /// The status, once there is one; `None` also when the connection was reset.
    pub status: Option<u16>,
}

#[derive(Default)]
pub(crate) struct Counters {
    /// By index (`None`: the main port) and endpoint.
    pub(crate) calls: BTreeMap<(Option<usize>, Endpoint), Calls>,
    pub(crate) forbidden: u64,
    pub(crate) tokens: u64,
    pub(crate) log: VecDeque<Request>,
    numbered: u64,
    texts: HashMap<u64, u64>,
}

impl Counters {
    pub(crate) fn calls(&mut self, index: Option<usize>, endpoint: Endpoint) -> &mut Calls {
        self.calls.entry((index, endpoint)).or_default()
    }

    /// Logs a request and answers its number.
    pub(crate) fn log(&mut self, mut request: Request, keep: usize) -> u64 {
        self.numbered += 1;
        request.number = self.numbered;
        if keep > 0 {
            if self.log.len() == keep {
                self.log.pop_front();
            }
            self.log.push_back(request);
        }
        self.numbered
    }

    pub(crate) fn set_status(&mut self, number: u64, status: u16) {
        // The request is near the end of the log.
        if let Some(request) = self.log.iter_mut().rev().find(|request| request.number == number) {
            request.status = Some(status);
        }
    }

    pub(crate) fn embedded(&mut self, text: &str, tokens: u64) {
        *self.texts.entry(hash(text.as_bytes())).or_default() += 1;
        self.tokens += tokens;
    }

    pub(crate) fn times_embedded(&self, text: &str) -> u64 {
        self.texts.get(&hash(text.as_bytes())).copied().unwrap_or_default()
    }

    pub(crate) fn embeddings(&self) -> Embedded {
        Embedded {
            texts: self.texts.values().sum(),
            distinct_texts: self.texts.len() as u64,
            tokens: self.tokens,
        }
    }
}
