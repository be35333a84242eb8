//! What can go wrong, and the one reader of what a server says about it.

use serde_json::Value;
use upstream::Kind;

/// Something could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A request failed.
    #[error("{}", explained(error, cause.as_ref()))]
    Request {
        /// The failure.
        error: upstream::Error,
        /// What the server says about it, if it says so in a shape that is known.
        cause: Option<Cause>,
    },
    /// There is no such index. A write to it would create it, so none was sent.
    #[error("there is no index {index}; check its name, nothing was written and none was created")]
    NoIndex {
        /// Its name.
        index: String,
    },
    /// The key may not know whether there is such an index (403 is also the answer for one that does not exist).
    #[error(
        "the index {index} does not exist, or the key may not see it; check the name, and that the key has the index \
         privileges read and view_index_metadata on it"
    )]
    NotVisible {
        /// Its name.
        index: String,
    },
    /// The cluster blocks the operation until somebody unblocks it.
    #[error("the cluster blocks this: {}; {}", cause.reason, remedy_for_block(&cause.reason))]
    Blocked {
        /// What the server says.
        cause: Cause,
    },
    /// A name that cannot be used.
    #[error(transparent)]
    Name(#[from] crate::NameError),
    /// An address that cannot be used.
    #[error(transparent)]
    Endpoint(#[from] crate::EndpointError),
    /// The field of the namespaces cannot be matched exactly.
    #[error(
        "the field {field} is of type {kind} and has no keyword beside it, so that one namespace cannot be told from \
         another; choose all namespaces, or map {field}.keyword and index the documents again"
    )]
    NamespaceNotExact {
        /// The field.
        field: String,
        /// Its type.
        kind: String,
    },
    /// A field by which documents are to be found cannot be matched exactly.
    #[error(
        "the field {field} is a text and has no keyword beside it, so that only words of it can be matched; map \
         {field}.keyword and index the documents again, or name another field"
    )]
    NotExact {
        /// The field.
        field: String,
    },
    /// The server does not offer this.
    #[error("{what} is not possible on {server}: {why}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The server.
        server: String,
        /// Why, and what to do instead.
        why: &'static str,
    },
    /// Too many documents are refused for the run to be of use.
    #[error(
        "{count} documents were refused, the last with: {message}; put this right and start again, what is done stays done"
    )]
    TooManyRefused {
        /// How many.
        count: u64,
        /// The last refusal.
        message: String,
    },
    /// An answer that makes no sense.
    #[error("{service}: {what}")]
    Nonsense {
        /// The server.
        service: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What a server says about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The type of the exception: `version_conflict_engine_exception`. Empty if the server gives none.
    pub kind: String,
    /// The server's own words; those of the root cause where the outer ones say nothing.
    pub reason: String,
}

impl Cause {
    /// Reads the body of an error answer: every shape that Elasticsearch, OpenSearch, Elastic Cloud and Amazon send.
    /// `None` if it is no JSON (a proxy's page), or says nothing.
    #[must_use]
    pub fn of_body(body: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(body).ok()?;
        let error = json.get("error").filter(|error| !error.is_null());
        match error {
            Some(error) => Self::of_error(error),
            // Elastic Cloud and Amazon.
            None => ["message", "Message"]
                .iter()
                .find_map(|key| json.get(*key)?.as_str())
                .map(|reason| Self { kind: String::new(), reason: reason.to_owned() }),
        }
    }

    /// Reads an `error` itself: of an answer, an item of a bulk request, a shard's failure.
    #[must_use]
    pub fn of_error(error: &Value) -> Option<Self> {
        if let Some(text) = error.as_str() {
            return Some(Self { kind: String::new(), reason: text.to_owned() });
        }
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        // Why a key is not taken (it is expired, there is none of that id) stands beside a reason that says nothing.
        let reason = |value: &Value| match text(value, "additional_unsuccessful_credentials") {
            more if more.is_empty() => text(value, "reason"),
            more => format!("{more}; {}", text(value, "reason")),
        };
        let of = |value: &Value| Self { kind: text(value, "type"), reason: reason(value) };
        let outer = of(error);
        let root = error.pointer("/root_cause/0").map(of);
        let shard = error.pointer("/failed_shards/0/reason").map(of);
        let mut deeper: Vec<Self> = Vec::new();
        let mut cause = error.get("caused_by");
        while let Some(value) = cause {
            deeper.push(of(value));
            cause = value.get("caused_by");
        }
        let says_nothing = |cause: &Self| {
            cause.reason.is_empty()
                || matches!(cause.reason.as_str(), "all shards failed" | "Partial shards failure")
        };
        let mut all = std::iter::once(outer.clone()).chain(root).chain(shard).chain(deeper.clone());
        let chosen = all.find(|cause| !says_nothing(cause)).unwrap_or(outer);
        if chosen.kind.is_empty() && chosen.reason.is_empty() {
            return None;
        }
        // "failed to parse" alone does not say what is wrong; the innermost cause does.
        let reason = match deeper
            .last()
            .filter(|last| !last.reason.is_empty() && !chosen.reason.contains(&last.reason))
        {
            Some(last) => format!("{}: {}", chosen.reason, last.reason),
            None => chosen.reason,
        };
        Some(Self { kind: chosen.kind, reason })
    }

    /// What an error says, in whatever shape.
    pub(crate) fn said(error: &Value) -> Self {
        Self::of_error(error).unwrap_or_else(|| Self { kind: String::new(), reason: error.to_string() })
    }

    /// Whether the cluster blocks the operation. Its status is 403 or 429, by which it looks like something else.
    #[must_use]
    pub fn is_block(&self) -> bool {
        self.kind == "cluster_block_exception"
    }

    /// Whether a point in time or a scroll is gone.
    pub(crate) fn is_lost_cursor(&self) -> bool {
        self.kind == "search_context_missing_exception"
    }

    pub(crate) fn is_no_index(&self) -> bool {
        self.kind == "index_not_found_exception"
    }

    /// For people: the reason and its type.
    #[must_use]
    pub fn message(&self) -> String {
        match (self.kind.is_empty(), self.reason.is_empty()) {
            (true, _) => self.reason.clone(),
            (false, true) => self.kind.clone(),
            (false, false) => format!("{} ({})", self.reason, self.kind),
        }
    }
}

fn explained(error: &upstream::Error, cause: Option<&Cause>) -> String {
    match (cause, error.status()) {
        (Some(cause), Some(status)) => {
            format!("{}: {}: {status}: {}", error.service(), error.endpoint(), cause.message())
        }
        _ => error.to_string(),
    }
}

fn remedy_for_block(reason: &str) -> &'static str {
    if reason.contains("read-only / allow delete") {
        "the disk is almost full; free space, and it goes away by itself (Elasticsearch 7.4 and later) or with the \
         setting index.blocks.read_only_allow_delete: null"
    } else if reason.contains("index closed") {
        "open the index first"
    } else {
        "remove the block from the index's settings (index.blocks.*) and start again"
    }
}

impl From<upstream::Error> for Error {
    fn from(error: upstream::Error) -> Self {
        let cause = Cause::of_body(error.body());
        match cause {
            Some(cause) if cause.is_block() => Self::Blocked { cause },
            Some(cause) if cause.is_no_index() => {
                Self::NoIndex { index: between(&cause.reason, '[', ']').unwrap_or(&cause.reason).to_owned() }
            }
            cause => Self::Request { error, cause },
        }
    }
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let rest = &text[text.find(open)? + open.len_utf8()..];
    rest.find(close).map(|end| &rest[..end])
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        match self {
            Self::Request { error, .. } => error.kind(),
            Self::NoIndex { .. } => &Kind::NotFound,
            Self::NotVisible { .. } => &Kind::Forbidden,
            Self::Nonsense { .. } => &Kind::Malformed,
            Self::Name(_) | Self::Endpoint(_) => &Kind::NotAllowed,
            Self::Blocked { .. }
            | Self::NamespaceNotExact { .. }
            | Self::NotExact { .. }
            | Self::Unsupported { .. }
            | Self::TooManyRefused { .. } => &Kind::Refused,
        }
    }

    /// The HTTP status, if the failure was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Request { error, .. } => error.status(),
            _ => None,
        }
    }

    /// What the server said, if it did.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Request { cause, .. } => cause.as_ref(),
            Self::Blocked { cause } => Some(cause),
            _ => None,
        }
    }

    /// Whether the server does not offer the API that was called: other distributions and generations answer with any
    /// of 400, 404, 405, 406, 410 and 501.
    pub(crate) fn is_no_such_api(&self) -> bool {
        matches!(self.status(), Some(400 | 404 | 405 | 406 | 410 | 501))
    }

    /// Whether it may pass by itself: no connection, no answer in time, 5xx, 429, an answer that was cut off.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind(), Kind::Unreachable | Kind::Timeout | Kind::Unavailable | Kind::Malformed)
    }

    pub(crate) fn is_no_index(&self) -> bool {
        matches!(self, Self::NoIndex { .. })
    }

    pub(crate) fn is_lost_cursor(&self) -> bool {
        self.cause().is_some_and(Cause::is_lost_cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> (String, String) {
        let cause = Cause::of_body(body).unwrap();
        (cause.kind, cause.reason)
    }

    #[test]
    fn every_shape_of_an_error_is_read() {
        let (kind, reason) = of(
            r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]"}],"type":"index_not_found_exception","reason":"no such index [x]"},"status":404}"#,
        );
        assert_eq!((kind.as_str(), reason.as_str()), ("index_not_found_exception", "no such index [x]"));
        let (kind, reason) =
            of(r#"{"error":"Content-Type header [text/plain] is not supported","status":406}"#);
        assert_eq!(
            (kind.as_str(), reason.as_str()),
            ("", "Content-Type header [text/plain] is not supported")
        );
        assert_eq!(of(r#"{"ok":false,"message":"Unknown resource."}"#).1, "Unknown resource.");
        assert_eq!(of(r#"{"Message":"Request size exceeded"}"#).1, "Request size exceeded");
        let (kind, reason) = of(
            r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Fielddata is disabled"}],"type":"search_phase_execution_exception","reason":"all shards failed","failed_shards":[{"reason":{"type":"illegal_argument_exception","reason":"Fielddata is disabled"}}]}}"#,
        );
        assert_eq!((kind.as_str(), reason.as_str()), ("illegal_argument_exception", "Fielddata is disabled"));
        let (_, reason) = of(
            r#"{"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [a]","caused_by":{"type":"illegal_argument_exception","reason":"For input string: x"}}}"#,
        );
        assert_eq!(reason, "failed to parse field [a]: For input string: x");
        let (_, reason) = of(
            r#"{"error":{"type":"security_exception","reason":"unable to authenticate","additional_unsuccessful_credentials":"API key: api key is expired"},"status":401}"#,
        );
        assert_eq!(reason, "API key: api key is expired; unable to authenticate");
        assert_eq!(Cause::of_body("<html><title>502 Bad Gateway</title>"), None);
        assert_eq!(Cause::of_body("Unauthorized"), None);
        assert_eq!(Cause::of_body("{}"), None);
        assert_eq!(Cause::of_body(r#"{"error":null}"#), None);
    }

    #[test]
    fn a_block_is_one_whatever_its_status() {
        let cause = Cause::of_error(&serde_json::json!({
            "type": "cluster_block_exception",
            "reason": "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];",
        }));
        assert!(cause.unwrap().is_block());
    }
}
