//! A request, before it is allowed, paced and sent.

use std::fmt;

use bytes::Bytes;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Pacer;

/// Everything but the unreserved characters of RFC 3986. A space becomes `%20` and never `+`, which Pinecone's
/// versions do not agree on.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to an upstream. All requests of this program are idempotent, so that any may be sent again.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) content_type: &'static str,
    pub(crate) costs: Vec<(Pacer, u64)>,
}

impl Request {
    /// A GET of a path below the base URL; the path is encoded already (see [`Request::encoded`]).
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// A POST of a JSON body.
    #[must_use]
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, path.into(), Some(body.into()))
    }

    /// A POST of a body of JSON lines.
    #[must_use]
    pub fn post_lines(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { content_type: "application/x-ndjson", ..Self::post(path, body) }
    }

    /// A request of any method, which an allow-list is likely to refuse.
    #[must_use]
    pub fn new(method: Method, path: String, body: Option<Bytes>) -> Self {
        let content_type = "application/json";
        Self { method, path, query: String::new(), body, content_type, costs: Vec::new() }
    }

    /// Adds `name=value` to the query; the value is encoded here.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(name);
        self.query.push('=');
        self.query.extend(utf8_percent_encode(value, RESERVED));
        self
    }

    /// Makes every attempt wait for `amount` from this pacer.
    #[must_use]
    pub fn paced(mut self, pacer: &Pacer, amount: u64) -> Self {
        self.costs.push((pacer.clone(), amount));
        self
    }

    /// A path segment or query value, percent-encoded.
    #[must_use]
    pub fn encoded(value: &str) -> String {
        utf8_percent_encode(value, RESERVED).to_string()
    }

    /// How many bytes [`Request::encoded`] would give.
    #[must_use]
    pub fn encoded_len(value: &str) -> usize {
        utf8_percent_encode(value, RESERVED).map(str::len).sum()
    }
}

impl fmt::Debug for Request {
    /// Method and path only: queries hold ids, bodies hold texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_without_plus_signs() {
        let request = Request::get("/x").query("ids", "a b+c").query("ids", "d#1&/%").query("n", "é");
        assert_eq!(request.query, "ids=a%20b%2Bc&ids=d%231%26%2F%25&n=%C3%A9");
        assert_eq!(Request::encoded_len("a b+c"), Request::encoded("a b+c").len());
    }
}
