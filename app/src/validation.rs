//! What a form may send. The browser is not trusted, so only the server asks.

use crate::ApiError;

/// The longest namespace that Pinecone could mean, in bytes.
const MAX_NAMESPACE: usize = 512;
/// The largest number of records in a batch that anyone could ask for: Pinecone's bound of an upsert.
const MAX_BATCH: u32 = 1_000;

/// A namespace, exactly as typed.
pub fn namespace(text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_NAMESPACE {
        return Err(ApiError::invalid(
            "namespace",
            format!("a namespace has at most {MAX_NAMESPACE} bytes; this one has {}", text.len()),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "namespace",
            "a namespace has no line breaks or other control characters",
        ));
    }
    Ok(text.to_owned())
}

/// A batch size; empty means the configured one.
pub fn batch_size(text: &str) -> Result<Option<u32>, ApiError> {
    match text.trim() {
        "" => Ok(None),
        digits => match digits.parse::<u32>() {
            Ok(size @ 1..=MAX_BATCH) => Ok(Some(size)),
            _ => Err(ApiError::invalid(
                "batch_size",
                format!(
                    "a batch has 1 to {MAX_BATCH} records; leave the field empty for the configured size"
                ),
            )),
        },
    }
}

/// The hash of a plan; empty means none.
pub fn plan(hash: Option<String>) -> Result<Option<String>, ApiError> {
    match hash {
        Some(hash) if hash.is_empty() => Ok(None),
        Some(hash) if hash.len() > 128 || !hash.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Err(ApiError::invalid("plan", "this is not the hash of a plan; analyze again"))
        }
        hash => Ok(hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_taken_as_it_is_or_refused() {
        assert_eq!(namespace(" a b/ü ").as_deref(), Ok(" a b/ü "));
        assert_eq!(namespace("").as_deref(), Ok(""));
        assert!(namespace("a\nb").is_err());
        assert!(namespace(&"x".repeat(513)).is_err());
    }

    #[test]
    fn a_batch_size_is_absent_or_within_bounds() {
        assert_eq!(batch_size(""), Ok(None));
        assert_eq!(batch_size(" 25 "), Ok(Some(25)));
        for wrong in ["0", "1001", "-1", "ten", "1e3"] {
            let error = batch_size(wrong).expect_err(wrong);
            assert!(error.of_field("batch_size").is_some());
        }
    }

    #[test]
    fn a_plan_is_a_plain_word() {
        assert_eq!(plan(Some(String::new())), Ok(None));
        assert_eq!(plan(Some("7c41".to_owned())), Ok(Some("7c41".to_owned())));
        assert!(plan(Some("7c41; rm".to_owned())).is_err());
    }
}
