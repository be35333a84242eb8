//! The names that a request may hold.

use std::{fmt, str::FromStr};

/// The name of one index, alias or data stream.
///
/// It is no pattern and no list: what is updated must be named, and a reserved path (`_bulk`, `_all`) must never be
/// taken for an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexName(String);

/// The name of a field at the top of a document.
///
/// It has no dots: a partial update of `a.b` replaces `a` as a whole where `a` is a list, which would lose what is in
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldName(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no name of an index.
    #[error("{name:?} is no name of an index, alias or data stream: {why}")]
    Index {
        /// The text.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// It is no name of a field that can be updated.
    #[error("{name:?} is no field that can be updated: {why}")]
    Field {
        /// The text.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
}

impl IndexName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// If it is empty or longer than 255 bytes, begins with `_`, `-` or `+`, is `.` or `..`, or holds a capital, white
    /// space or one of `\ / * ? " < > | , # : %`: the rules of the service, and `%` besides, which begins date maths
    /// in a URL.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let why = if text.is_empty() {
            "it is empty"
        } else if text.len() > 255 {
            "it is longer than 255 bytes"
        } else if text.starts_with(['_', '-', '+']) {
            "it begins with `_`, `-` or `+`"
        } else if matches!(text, "." | "..") {
            "it is a path"
        } else if text.contains(|c: char| c.is_whitespace() || c.is_control() || "\\/*?\"<>|,#:%".contains(c))
        {
            "it holds a space or one of \\ / * ? \" < > | , # : %; name one index, without a pattern"
        } else if text.chars().any(char::is_uppercase) {
            "it holds a capital letter"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(NameError::Index { name: text.to_owned(), why })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// If it is empty, begins with `_` (the service's own fields), or holds a dot, `*` or a control character.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let why = if text.trim().is_empty() {
            "it is empty"
        } else if text.starts_with('_') {
            "fields that begin with `_` belong to the service"
        } else if text.contains('.') {
            "it lies inside an object, and a partial update could replace the whole object; use a field at the top"
        } else if text.contains(|c: char| c == '*' || c == ',' || c.is_control()) {
            "it holds `*`, a comma or a control character"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(NameError::Field { name: text.to_owned(), why })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IndexName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl FromStr for FieldName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_one_index() {
        for name in ["text-search-v0", ".ds-logs-2026.01.01-000001", "ä", "a+b"] {
            assert!(IndexName::parse(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "_all",
            "_bulk",
            "*",
            "a*",
            "a,b",
            "-a",
            "+a",
            "A",
            "a/b",
            "..",
            "a b",
            "<a-{now}>",
            "r:a",
            "%2a",
        ] {
            assert!(IndexName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_field_lies_at_the_top() {
        assert!(FieldName::parse("clearance_level").is_ok());
        for name in ["", " ", "_id", "_source", "meta.level", "clear*"] {
            assert!(FieldName::parse(name).is_err(), "{name}");
        }
    }
}
