//! Namespaces, and the three spellings of the default one.

use std::{fmt, str::FromStr};

/// A namespace of an index.
///
/// The default one is spelled `""`, `__default__` or not at all by different clients and answers; here they are one
/// value. It sorts and prints as `__default__`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(String);

/// Why a text is no namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// It is longer than 512 characters.
    #[error("a namespace has 512 characters at most, this one has {0}")]
    TooLong(usize),
    /// It holds a character beyond ASCII, or NUL.
    #[error("a namespace has ASCII characters only, and {0:?} is none")]
    NotAscii(char),
}

/// How the service itself spells the default namespace.
const DEFAULT: &str = "__default__";
const MAX_CHARS: usize = 512;

impl Namespace {
    /// Reads a namespace; `""` and `__default__` are the default one.
    ///
    /// # Errors
    ///
    /// If it is longer than 512 characters or not plain ASCII without NUL.
    pub fn parse(text: &str) -> Result<Self, NamespaceError> {
        if let Some(character) = text.chars().find(|c| !c.is_ascii() || *c == '\0') {
            return Err(NamespaceError::NotAscii(character));
        }
        if text.len() > MAX_CHARS {
            return Err(NamespaceError::TooLong(text.len()));
        }
        Ok(Self(if text.is_empty() { DEFAULT.to_owned() } else { text.to_owned() }))
    }

    /// Whether it is the default one.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT
    }

    /// Its name, `__default__` for the default one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a request names: nothing for the default one, which every version of the API understands.
    pub(crate) fn parameter(&self) -> Option<&str> {
        (!self.is_default()).then_some(&self.0)
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_one_namespace() {
        assert_eq!(Namespace::parse("").unwrap(), Namespace::parse("__default__").unwrap());
        assert_eq!(Namespace::parse("").unwrap(), Namespace::default());
        assert_eq!(Namespace::default().to_string(), "__default__");
        assert_eq!(Namespace::default().parameter(), None);
        assert_eq!(Namespace::parse("docs").unwrap().parameter(), Some("docs"));
        assert!(!Namespace::parse("docs").unwrap().is_default());
    }

    #[test]
    fn what_the_service_would_refuse_is_refused() {
        assert_eq!(Namespace::parse(&"n".repeat(513)), Err(NamespaceError::TooLong(513)));
        assert!(Namespace::parse(&"n".repeat(512)).is_ok());
        assert_eq!(Namespace::parse("é"), Err(NamespaceError::NotAscii('é')));
        assert_eq!(Namespace::parse("a\0"), Err(NamespaceError::NotAscii('\0')));
        assert!("with space/and #".parse::<Namespace>().is_ok());
    }
}
