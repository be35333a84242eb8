//! What can go wrong with embedding.

use upstream::Kind;

/// Texts could not be embedded, or the model not be looked at.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request failed.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// The answers were well-formed, and what they held were no embeddings: too few or too many, of the wrong size,
    /// not finite, or all zero. Asked for again and again.
    #[error("{0}")]
    BadEmbedding(#[source] upstream::Error),
    /// More texts than a request takes.
    #[error("{texts} texts do not fit into one request, which takes {max} at most", max = crate::MAX_BATCH)]
    TooManyTexts {
        /// How many were given.
        texts: usize,
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
            Self::Upstream(error) | Self::BadEmbedding(error) => error.kind(),
            Self::TooManyTexts { .. } => &Kind::TooLarge,
            Self::UnsafeAddress { .. } => &Kind::NotAllowed,
        }
    }

    /// Whether a quota of the day is used up: there is no point in going on today.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.kind(), Kind::QuotaExhausted { .. })
    }

    /// Whether the key is missing, wrong, or not allowed to do this.
    #[must_use]
    pub fn is_key(&self) -> bool {
        matches!(self.kind(), Kind::Unauthorized | Kind::Forbidden)
    }
}
