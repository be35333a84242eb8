//! What can go wrong with an index.

use upstream::Kind;

/// Something about an index could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request failed.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// A listing was not in ascending bytewise order. [`crate::Reader::list_unordered`] still reads it.
    #[error("{index}: the listing is not in order: {found:?} came after {previous:?}")]
    OutOfOrder {
        /// The index.
        index: String,
        /// The id before.
        previous: String,
        /// The id that should have come earlier.
        found: String,
    },
    /// A listing gave a page token for the second time; reading on would go in a circle.
    #[error("{index}: the listing of {namespace} gave the same page token twice, so it would never end")]
    RepeatedToken {
        /// The index.
        index: String,
        /// What was listed: the namespace, or `the namespaces`.
        namespace: String,
    },
    /// A listing could not go on from a page token. Pinecone does not say how long one is good for.
    #[error("{index}: the page token was refused, so list from the beginning again: {error}")]
    TokenRefused {
        /// The index.
        index: String,
        /// The answer, a 400.
        error: upstream::Error,
    },
    /// The index belongs to Pinecone's document API, which refuses every request about vectors.
    #[error(
        "{index} is a document index (its field {field:?} makes it one); its records can only be read by the \
         documents API, so name an index that was created with a dimension and a metric"
    )]
    DocumentIndex {
        /// The index.
        index: String,
        /// The field of its schema that says so.
        field: String,
    },
    /// The index is being made or unmade.
    #[error("{index} is not ready (its state is {state}); try again when it is")]
    NotReady {
        /// The index.
        index: String,
        /// Its state in the service's word.
        state: String,
    },
    /// An address over which a key must not be sent.
    #[error("{address} is not a safe address for a key: use https, or http on this machine")]
    UnsafeAddress {
        /// The address.
        address: String,
    },
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        match self {
            Self::Upstream(error) | Self::TokenRefused { error, .. } => error.kind(),
            Self::OutOfOrder { .. } | Self::RepeatedToken { .. } => &Kind::Malformed,
            Self::DocumentIndex { .. } => &Kind::Refused,
            Self::NotReady { .. } => &Kind::Unavailable,
            Self::UnsafeAddress { .. } => &Kind::NotAllowed,
        }
    }

    /// Whether a quota of the month is used up: there is no point in going on.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.kind(), Kind::QuotaExhausted { .. })
    }

    /// Whether a listing was not in order, so that it must be sorted first.
    #[must_use]
    pub fn is_out_of_order(&self) -> bool {
        matches!(self, Self::OutOfOrder { .. })
    }

    /// Whether a listing must begin anew, because its page token is no longer good.
    #[must_use]
    pub fn is_token_refused(&self) -> bool {
        matches!(self, Self::TokenRefused { .. })
    }

    /// Whether the index (or what else was asked for) does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        *self.kind() == Kind::NotFound
    }
}
