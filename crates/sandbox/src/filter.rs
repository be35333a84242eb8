//! Filters on metadata: `{"year":{"$gte":2020},"tags":{"$in":["a"]}}`.

use serde_json::Value;

use crate::metadata::{Metadata, MetadataValue};

/// A parsed filter.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Field(String, Test),
}

#[derive(Debug)]
pub(crate) enum Test {
    Equal(MetadataValue),
    NotEqual(MetadataValue),
    Compare(Comparison, f64),
    In(Vec<MetadataValue>),
    NotIn(Vec<MetadataValue>),
    Exists(bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The most values in a `$in` or `$nin`.
const MOST_VALUES: usize = 10_000;

impl Filter {
    /// Reads a filter; an empty object matches everything.
    ///
    /// # Errors
    /// The message of the 400 that the service answers.
    pub(crate) fn read(json: &Value) -> Result<Self, String> {
        let Value::Object(map) = json else {
            return Err(format!("Illegal filter: expected an object, got {json}"));
        };
        let mut all = Vec::new();
        for (key, value) in map {
            match key.as_str() {
                "$and" => all.push(Self::All(read_list(key, value)?)),
                "$or" => all.push(Self::Any(read_list(key, value)?)),
                operator if operator.starts_with('$') => {
                    return Err(format!("Illegal filter: unknown operator {operator}"));
                }
                field => read_field(field, value, &mut all)?,
            }
        }
        Ok(Self::All(all))
    }

    /// Whether it matches everything, so that nobody need look at a record.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::All(filters) if filters.is_empty())
    }

    /// Whether a record with this metadata matches.
    pub(crate) fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(metadata)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(metadata)),
            Self::Field(field, test) => test.matches(metadata.get(field)),
        }
    }
}

impl Test {
    fn matches(&self, value: Option<&MetadataValue>) -> bool {
        match self {
            Self::Equal(wanted) => value.is_some_and(|value| equal(value, wanted)),
            Self::NotEqual(wanted) => !value.is_some_and(|value| equal(value, wanted)),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|wanted| equal(value, wanted))),
            Self::NotIn(wanted) => {
                !value.is_some_and(|value| wanted.iter().any(|wanted| equal(value, wanted)))
            }
            Self::Exists(wanted) => value.is_some() == *wanted,
            Self::Compare(comparison, bound) => match value {
                Some(MetadataValue::Number(number)) => match comparison {
                    Comparison::Greater => number > bound,
                    Comparison::GreaterOrEqual => number >= bound,
                    Comparison::Less => number < bound,
                    Comparison::LessOrEqual => number <= bound,
                },
                _ => false,
            },
        }
    }
}

/// Equality as filters mean it: a list of strings equals each of its members.
fn equal(value: &MetadataValue, wanted: &MetadataValue) -> bool {
    match (value, wanted) {
        (MetadataValue::Strings(items), MetadataValue::String(wanted)) => items.contains(wanted),
        _ => value == wanted,
    }
}

fn read_list(operator: &str, value: &Value) -> Result<Vec<Filter>, String> {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().map(Filter::read).collect(),
        _ => Err(format!("Illegal filter: {operator} takes a list of filters")),
    }
}

fn read_field(field: &str, value: &Value, all: &mut Vec<Filter>) -> Result<(), String> {
    let mut push = |test| all.push(Filter::Field(field.to_owned(), test));
    let Value::Object(tests) = value else {
        push(Test::Equal(read_scalar("$eq", value)?));
        return Ok(());
    };
    for (operator, value) in tests {
        push(match operator.as_str() {
            "$eq" => Test::Equal(read_scalar(operator, value)?),
            "$ne" => Test::NotEqual(read_scalar(operator, value)?),
            "$gt" => Test::Compare(Comparison::Greater, read_number(operator, value)?),
            "$gte" => Test::Compare(Comparison::GreaterOrEqual, read_number(operator, value)?),
            "$lt" => Test::Compare(Comparison::Less, read_number(operator, value)?),
            "$lte" => Test::Compare(Comparison::LessOrEqual, read_number(operator, value)?),
            "$in" => Test::In(read_values(operator, value)?),
            "$nin" => Test::NotIn(read_values(operator, value)?),
            "$exists" => Test::Exists(
                value.as_bool().ok_or_else(|| "Illegal filter: $exists takes a boolean".to_owned())?,
            ),
            _ => return Err(format!("Illegal filter: unknown operator {operator}")),
        });
    }
    Ok(())
}

fn read_scalar(operator: &str, value: &Value) -> Result<MetadataValue, String> {
    match value {
        Value::String(text) => Ok(MetadataValue::String(text.clone())),
        Value::Bool(value) => Ok(MetadataValue::Boolean(*value)),
        Value::Number(number) if number.as_f64().is_some() => {
            Ok(MetadataValue::Number(number.as_f64().unwrap_or_default()))
        }
        other => Err(format!("Illegal filter: {operator} takes a string, number or boolean, got {other}")),
    }
}

fn read_number(operator: &str, value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("Illegal filter: {operator} takes a number, got {value}"))
}

fn read_values(operator: &str, value: &Value) -> Result<Vec<MetadataValue>, String> {
    let items = value.as_array().ok_or_else(|| format!("Illegal filter: {operator} takes a list"))?;
    if items.len() > MOST_VALUES {
        return Err(format!("Illegal filter: {operator} takes at most {MOST_VALUES} values"));
    }
    items.iter().map(|item| read_scalar(operator, item)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::NullMetadata;

    #[test]
    fn every_operator_means_what_the_service_means() {
        let metadata = json!({"year": 2024, "lang": "de", "public": true, "tags": ["a", "b"]});
        let Value::Object(map) = metadata else { unreachable!() };
        let metadata = crate::metadata::read(map, NullMetadata::Strip).unwrap();
        for (filter, matches) in [
            (json!({}), true),
            (json!({"year": 2024.0}), true),
            (json!({"year": "2024"}), false),
            (json!({"year": {"$gt": 2023, "$lt": 2025}}), true),
            (json!({"year": {"$gte": 2025}}), false),
            (json!({"year": {"$lte": 2024}}), true),
            (json!({"tags": "a"}), true),
            (json!({"tags": {"$in": ["x", "b"]}}), true),
            (json!({"tags": {"$nin": ["x"]}}), true),
            (json!({"lang": {"$ne": "de"}}), false),
            (json!({"absent": {"$ne": "de"}}), true),
            (json!({"absent": {"$exists": false}}), true),
            (json!({"public": {"$exists": true}}), true),
            (json!({"$or": [{"lang": "en"}, {"public": true}]}), true),
            (json!({"$and": [{"lang": "en"}, {"public": true}]}), false),
        ] {
            assert_eq!(Filter::read(&filter).unwrap().matches(&metadata), matches, "{filter}");
        }
        for filter in [
            json!([]),
            json!({"$not": {}}),
            json!({"a": {"$like": "b"}}),
            json!({"$or": []}),
            json!({"a": null}),
        ] {
            assert!(Filter::read(&filter).is_err(), "{filter}");
        }
    }
}
