//! Adding a field to a mapping: a step of its own, which a person asks for.

use http::Method;
use serde_json::{Value, json};
use upstream::{Endpoint, Http, Request};

use crate::{Connection, Error, FieldName, Reader};

/// Adds a field to an index's mapping. The key needs `manage` for it. An existing field cannot be changed: the service
/// refuses it.
#[derive(Debug, Clone)]
pub struct MappingEditor {
    reader: Reader,
    http: Http,
}

/// The type that a field is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number.
    Double,
    /// A string that is matched as a whole.
    Keyword,
    /// True or false.
    Boolean,
}

/// What may be sent.
static MAPPING: [Endpoint; 1] = [Endpoint { label: "add mapping", method: Method::PUT, path: "/*/_mapping" }];

impl FieldType {
    /// The type that fits a value: the one that `clearance_level: 1` should have is `integer`.
    #[must_use]
    pub fn for_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) if number.is_f64() => Some(Self::Double),
            Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
                Some(Self::Integer)
            }
            Value::Number(_) => Some(Self::Long),
            Value::String(_) => Some(Self::Keyword),
            Value::Bool(_) => Some(Self::Boolean),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Its name in a mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Double => "double",
            Self::Keyword => "keyword",
            Self::Boolean => "boolean",
        }
    }
}

impl MappingEditor {
    /// An editor. Nothing is sent.
    ///
    /// # Errors
    ///
    /// If the connection's options cannot be used.
    pub fn new(connection: &Connection, reader: &Reader) -> Result<Self, Error> {
        Ok(Self { reader: reader.clone(), http: connection.http(&MAPPING)? })
    }

    /// Adds the field to the index (to every index behind an alias). Documents are not touched.
    ///
    /// # Errors
    ///
    /// If the index does not exist, the key may not, or the field is there with another type.
    pub async fn add(&self, field: &FieldName, kind: FieldType) -> Result<(), Error> {
        self.reader.ensure_exists().await?;
        let body = json!({"properties": {field.as_str(): {"type": kind.name()}}}).to_string();
        let path = self.reader.path("_mapping");
        let request = Request::new(Method::PUT, path, Some(body.into()));
        self.http.json::<Value>(&request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_type() {
        let of = |value: Value| FieldType::for_value(&value).map(FieldType::name);
        assert_eq!(of(json!(1)), Some("integer"));
        assert_eq!(of(json!(5_000_000_000_i64)), Some("long"));
        assert_eq!(of(json!(1.5)), Some("double"));
        assert_eq!(of(json!("a")), Some("keyword"));
        assert_eq!(of(json!(true)), Some("boolean"));
        assert_eq!(of(json!(null)), None);
        assert_eq!(of(json!([1])), None);
    }
}
