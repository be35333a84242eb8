//! The rules for a record that is written.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::metadata::{self, Metadata};
use crate::options::{IndexKind, IndexOptions, NullMetadata};
use crate::record::{Record, Sparse};

/// The most non-zero values of a sparse vector.
const MOST_SPARSE: usize = 2048;

/// Checks the parts of a record and puts them together, or says what the service would.
pub(crate) fn record(
    index: &IndexOptions,
    id: &str,
    values: Box<[f32]>,
    sparse: Option<Sparse>,
    metadata: Map<String, Value>,
    null: NullMetadata,
) -> Result<Record, String> {
    check_id(id)?;
    check_values(index, id, &values, sparse.is_some())?;
    if let Some(sparse) = &sparse {
        check_sparse(sparse)?;
    }
    Ok(Record::stored(values, sparse, check_metadata(metadata, null)?))
}

/// 1 to 512 ASCII characters other than NUL.
pub(crate) fn check_id(id: &str) -> Result<(), String> {
    match id {
        "" => Err("Vector ID must not be empty".to_owned()),
        _ if !id.is_ascii() => Err(format!("Vector ID must be ASCII, but got '{id}'")),
        _ if id.contains('\0') => Err("Vector ID must not contain the NUL character".to_owned()),
        _ if id.len() > 512 => {
            Err(format!("Vector ID is too long: the length is {}, the maximum is 512", id.len()))
        }
        _ => Ok(()),
    }
}

/// As long as the index says, and not all zero.
pub(crate) fn check_values(
    index: &IndexOptions,
    id: &str,
    values: &[f32],
    has_sparse: bool,
) -> Result<(), String> {
    if index.kind == IndexKind::Sparse {
        return match (values.is_empty(), has_sparse) {
            (true, true) => Ok(()),
            (true, false) => Err(format!("Vector ID {id} must have sparse values, as the index is sparse")),
            (false, _) => Err(format!("Vector ID {id} has dense values, but the index is sparse")),
        };
    }
    check_dimension(index, values.len())?;
    if values.iter().all(|value| value.abs() < 1e-8) {
        return Err(format!(
            "Dense vectors must contain at least one non-zero value. Vector ID {id} contains only zeros."
        ));
    }
    Ok(())
}

pub(crate) fn check_dimension(index: &IndexOptions, dimension: usize) -> Result<(), String> {
    if dimension == index.dimension {
        return Ok(());
    }
    Err(format!("Vector dimension {dimension} does not match the dimension of the index {}", index.dimension))
}

pub(crate) fn check_sparse(sparse: &Sparse) -> Result<(), String> {
    let mut seen = HashSet::new();
    if sparse.indices.len() != sparse.values.len() {
        return Err("Sparse vector indices and values must have the same length".to_owned());
    }
    if sparse.indices.is_empty() {
        return Err("Sparse vector must contain at least one value".to_owned());
    }
    if sparse.indices.len() > MOST_SPARSE {
        return Err(format!(
            "Sparse vector has {} non-zero values, the maximum is {MOST_SPARSE}",
            sparse.indices.len()
        ));
    }
    if !sparse.indices.iter().all(|index| seen.insert(index)) {
        return Err("Sparse vector must contain unique indices".to_owned());
    }
    Ok(())
}

/// Flat, at most 40 KB.
pub(crate) fn check_metadata(metadata: Map<String, Value>, null: NullMetadata) -> Result<Metadata, String> {
    let metadata = metadata::read(metadata, null)?;
    check_size(&metadata)?;
    Ok(metadata)
}

pub(crate) fn check_size(metadata: &Metadata) -> Result<(), String> {
    let size = metadata::size(metadata);
    if size > metadata::MOST_BYTES {
        return Err(format!(
            "Metadata size is {size} bytes, which exceeds the limit of {} bytes per vector",
            metadata::MOST_BYTES
        ));
    }
    Ok(())
}
