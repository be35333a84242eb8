//! A record, kept compactly.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::metadata::Metadata;
use crate::synthetic::Synthetic;

/// A record of an index. Cloning one is cheap.
#[derive(Clone)]
pub(crate) enum Record {
    /// Somebody wrote it.
    Stored(Arc<Stored>),
    /// It is worked out from its number whenever it is read.
    Synthetic(Arc<Synthetic>, u32),
}

/// What somebody wrote.
pub(crate) struct Stored {
    pub(crate) values: Box<[f32]>,
    /// The sum of the squares of the values, which every search needs.
    square: f32,
    pub(crate) sparse: Option<Sparse>,
    pub(crate) metadata: Metadata,
}

/// A sparse vector: `indices` and `values` are of equal length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// The places, each at most once.
    pub indices: Vec<u32>,
    /// The numbers at these places.
    pub values: Vec<f32>,
}

/// What a reader wants to see of a record.
#[derive(Clone, Copy)]
pub(crate) struct Include {
    pub(crate) values: bool,
    pub(crate) metadata: bool,
}

impl Include {
    pub(crate) const ALL: Self = Self { values: true, metadata: true };
}

impl Record {
    pub(crate) fn stored(values: Box<[f32]>, sparse: Option<Sparse>, metadata: Metadata) -> Self {
        let square = values.iter().map(|value| value * value).sum();
        Self::Stored(Arc::new(Stored { values, square, sparse, metadata }))
    }

    /// The sum of the squares of the values.
    pub(crate) fn square(&self) -> f32 {
        match self {
            Self::Stored(stored) => stored.square,
            Self::Synthetic(synthetic, number) => synthetic.square(*number),
        }
    }

    pub(crate) fn values(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Stored(stored) => Cow::Borrowed(&stored.values),
            Self::Synthetic(synthetic, number) => Cow::Borrowed(synthetic.values(*number)),
        }
    }

    pub(crate) fn sparse(&self) -> Option<&Sparse> {
        match self {
            Self::Stored(stored) => stored.sparse.as_ref(),
            Self::Synthetic(..) => None,
        }
    }

    pub(crate) fn metadata(&self) -> Cow<'_, Metadata> {
        match self {
            Self::Stored(stored) => Cow::Borrowed(&stored.metadata),
            Self::Synthetic(synthetic, number) => Cow::Owned(synthetic.metadata(*number)),
        }
    }

    /// Appends the fields behind `"id":…`: values, sparseValues, metadata, as the service leaves them out or empty.
    pub(crate) fn write_fields(&self, buffer: &mut Vec<u8>, include: Include) {
        buffer.extend_from_slice(b",\"values\":");
        match self {
            _ if !include.values => buffer.extend_from_slice(b"[]"),
            Self::Stored(stored) => json::write_values(buffer, &stored.values),
            Self::Synthetic(synthetic, number) => synthetic.write_values(buffer, *number),
        }
        if let Some(sparse) = self.sparse().filter(|_| include.values) {
            buffer.extend_from_slice(b",\"sparseValues\":");
            json::write(buffer, sparse);
        }
        if include.metadata {
            let metadata = self.metadata();
            if !metadata.is_empty() {
                buffer.extend_from_slice(b",\"metadata\":");
                json::write(buffer, metadata.as_ref());
            }
        }
    }
}
