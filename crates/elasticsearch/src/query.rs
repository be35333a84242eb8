//! Which documents: the queries of every mode.

use serde_json::{Value, json};

use crate::{Error, FieldName, Fields, NamespaceField};

/// Some of an index's documents, as the service's query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query(pub(crate) Value);

/// What Pinecone calls the namespace that has no name.
const DEFAULT_NAMESPACE: &str = "__default__";

/// Whose documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of the index.
    All,
    /// Those of these namespaces. `__default__` are those without a namespace, with an empty one, and with that name.
    Namespaces(Vec<String>),
    /// Those without a namespace.
    WithoutNamespace,
    /// Those whose namespace is too long for the field that can be matched.
    NamespaceTooLong,
    /// These documents.
    Ids(Vec<String>),
}

/// Which of them are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Those without a value.
    Missing,
    /// Those without a value, and those with a lower one. A higher value stands, and so does one that cannot be
    /// compared (law 5).
    All,
    /// Every one whose value is another: higher values are lowered. Only for a person who says so.
    AllOverwriting,
}

/// What is to be done: this value in this field, of these documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The field.
    pub field: FieldName,
    /// Its value: a number, a string or a boolean.
    pub value: Value,
    /// Whose documents.
    pub scope: Scope,
    /// Which of them.
    pub mode: Mode,
}

impl Query {
    /// All documents.
    #[must_use]
    pub fn all() -> Self {
        Self(json!({"match_all": {}}))
    }

    pub(crate) fn both(filters: &[Value], none_of: &[Value]) -> Self {
        Self(json!({"bool": {"filter": filters, "must_not": none_of}}))
    }
}

impl Scope {
    /// The documents of the scope.
    ///
    /// # Errors
    ///
    /// [`Error::NamespaceNotExact`] if namespaces cannot be told from each other.
    pub fn query(&self, fields: &Fields) -> Result<Query, Error> {
        Ok(match self {
            Self::All => Query::all(),
            Self::Ids(ids) => Query(json!({"ids": {"values": ids}})),
            Self::Namespaces(names) if names.iter().any(|name| name == DEFAULT_NAMESPACE) => {
                let without = Self::WithoutNamespace.query(fields)?.0;
                let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
                names.push("");
                match &fields.namespace {
                    NamespaceField::Exact { matched, .. } => {
                        let named = json!({"terms": {matched.as_str(): names}});
                        Query(json!({"bool": {"should": [named, without], "minimum_should_match": 1}}))
                    }
                    NamespaceField::Absent { .. } => Query(without),
                    NamespaceField::NotExact { field, kind } => return Err(not_exact(field, kind)),
                }
            }
            Self::Namespaces(names) => match &fields.namespace {
                NamespaceField::Exact { matched, .. } => Query(json!({"terms": {matched.as_str(): names}})),
                NamespaceField::Absent { field } => Query(json!({"terms": {field.as_str(): names}})),
                NamespaceField::NotExact { field, kind } => return Err(not_exact(field, kind)),
            },
            Self::WithoutNamespace => match &fields.namespace {
                NamespaceField::Exact { field, matched } => Query::both(
                    &[json!({"match_all": {}})],
                    &[exists(field.as_str()), exists(matched), ignored(field.as_str())],
                ),
                NamespaceField::Absent { .. } => Query::all(),
                NamespaceField::NotExact { field, .. } => {
                    Query::both(&[json!({"match_all": {}})], &[exists(field.as_str())])
                }
            },
            Self::NamespaceTooLong => match &fields.namespace {
                NamespaceField::Exact { field, matched } => too_long(field, matched),
                NamespaceField::Absent { .. } | NamespaceField::NotExact { .. } => {
                    Query(json!({"match_none": {}}))
                }
            },
        })
    }
}

impl Task {
    /// The documents of the scope that are still to be updated. What is done leaves it, which is what makes a run
    /// resumable without a cursor.
    ///
    /// # Errors
    ///
    /// [`Error::NamespaceNotExact`].
    pub fn remaining(&self, fields: &Fields) -> Result<Query, Error> {
        let scope = self.scope.query(fields)?.0;
        let mut none_of = vec![self.has_value(fields)];
        match self.mode {
            Mode::Missing => none_of = self.has_any(),
            Mode::All => match self.is_higher() {
                Some(higher) if fields.value.is_number() => {
                    none_of.extend([higher, ignored(self.field.as_str())]);
                }
                // What cannot be compared stands.
                _ => none_of = self.has_any(),
            },
            Mode::AllOverwriting => {}
        }
        Ok(Query::both(&[scope], &none_of))
    }

    /// The documents of the scope that are left out: they have another value, which stands in this mode.
    ///
    /// # Errors
    ///
    /// [`Error::NamespaceNotExact`].
    pub fn left_out(&self, fields: &Fields) -> Result<Query, Error> {
        let scope = self.scope.query(fields)?.0;
        Ok(Query::both(&[scope], &[self.has_value(fields), self.remaining(fields)?.0]))
    }

    /// Whether a document has the value, among others perhaps.
    pub(crate) fn has_value(&self, fields: &Fields) -> Value {
        json!({"term": {fields.value.matched.as_str(): {"value": self.value}}})
    }

    /// Whether a document has any value. A value that could not be indexed is not seen by `exists`, but listed.
    pub(crate) fn has_any(&self) -> Vec<Value> {
        vec![exists(self.field.as_str()), ignored(self.field.as_str())]
    }

    /// Whether a document has a higher value; `None` if the value is no number.
    pub(crate) fn is_higher(&self) -> Option<Value> {
        self.value.is_number().then(|| json!({"range": {self.field.as_str(): {"gt": self.value}}}))
    }

    /// Whether an update would write to a document that [remains](Task::remaining) and holds this under the field. The
    /// query does not see a value that is not indexed.
    #[must_use]
    pub fn would_write(&self, held: Option<&Value>) -> bool {
        self.decide(held) == Decision::Write
    }

    /// What is to be done with a document that holds this under the field now.
    pub(crate) fn decide(&self, held: Option<&Value>) -> Decision {
        let values: Vec<&Value> = match held {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.iter().filter(|value| !value.is_null()).collect(),
            Some(value) => vec![value],
        };
        if values.iter().any(|value| same(value, &self.value)) {
            return Decision::Already;
        }
        let may_write = match self.mode {
            _ if values.is_empty() => true,
            Mode::Missing => false,
            Mode::AllOverwriting => true,
            Mode::All => values.iter().all(|value| is_lower(value, &self.value)),
        };
        if may_write { Decision::Write } else { Decision::Keep }
    }
}

/// What is to be done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Write the value.
    Write,
    /// It has the value.
    Already,
    /// It has another, which stands.
    Keep,
}

/// Whether the service would index both as the same: `1`, `1.0` and `"1"`.
fn same(a: &Value, b: &Value) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => text(a) == text(b),
    }
}

fn is_lower(held: &Value, value: &Value) -> bool {
    matches!((number(held), number(value)), (Some(held), Some(value)) if held < value)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn exists(field: &str) -> Value {
    json!({"exists": {"field": field}})
}

pub(crate) fn ignored(field: &str) -> Value {
    json!({"term": {"_ignored": field}})
}

pub(crate) fn too_long(field: &FieldName, matched: &str) -> Query {
    let field = field.as_str();
    if field == matched {
        return Query(ignored(field));
    }
    Query::both(&[exists(field)], &[exists(matched)])
}

fn not_exact(field: &FieldName, kind: &str) -> Error {
    Error::NamespaceNotExact { field: field.to_string(), kind: kind.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueField;

    fn task(mode: Mode) -> Task {
        Task { field: FieldName::parse("level").unwrap(), value: json!(2), scope: Scope::All, mode }
    }

    fn fields(kinds: &[&str]) -> Fields {
        let field = FieldName::parse("ns").unwrap();
        Fields {
            namespace: NamespaceField::Exact { field, matched: "ns.keyword".into() },
            value: ValueField::of(
                "level",
                kinds.iter().map(|kind| (*kind).to_owned()).collect(),
                true,
                true,
                None,
            ),
        }
    }

    #[test]
    fn a_decision_never_lowers() {
        use Decision::{Already, Keep, Write};
        let table = [
            (json!(null), Write, Write, Write),
            (json!([]), Write, Write, Write),
            (json!([null]), Write, Write, Write),
            (json!(2), Already, Already, Already),
            (json!(2.0), Already, Already, Already),
            (json!("2"), Already, Already, Already),
            (json!([1, 2]), Already, Already, Already),
            (json!(1), Keep, Write, Write),
            (json!("1"), Keep, Write, Write),
            (json!(3), Keep, Keep, Write),
            (json!([1, 3]), Keep, Keep, Write),
            (json!("secret"), Keep, Keep, Write),
            (json!({"a": 1}), Keep, Keep, Write),
            (json!(true), Keep, Keep, Write),
        ];
        for (held, missing, all, overwriting) in table {
            assert_eq!(task(Mode::Missing).decide(Some(&held)), missing, "{held}");
            assert_eq!(task(Mode::All).decide(Some(&held)), all, "{held}");
            assert_eq!(task(Mode::AllOverwriting).decide(Some(&held)), overwriting, "{held}");
        }
        assert_eq!(task(Mode::Missing).decide(None), Write);
    }

    #[test]
    fn higher_values_are_left_out_unless_overwriting() {
        let range = r#""range":{"level":{"gt":2}}"#;
        let query = |mode, kinds| task(mode).remaining(&fields(kinds)).unwrap().0.to_string();
        assert!(query(Mode::All, &["long"]).contains(range));
        assert!(!query(Mode::AllOverwriting, &["long"]).contains(range));
        // Words have no order that means anything: whatever is there stands.
        assert_eq!(query(Mode::All, &["keyword"]), query(Mode::Missing, &["keyword"]));
        assert!(query(Mode::Missing, &["long"]).contains("_ignored"));
    }

    #[test]
    fn the_default_namespace_has_three_spellings() {
        let scope =
            |name: &str| Scope::Namespaces(vec![name.to_owned()]).query(&fields(&["long"])).unwrap().0;
        let default = scope("__default__");
        assert_eq!(default["bool"]["should"][0], json!({"terms": {"ns.keyword": ["__default__", ""]}}));
        assert_eq!(
            default["bool"]["should"][1],
            Scope::WithoutNamespace.query(&fields(&["long"])).unwrap().0
        );
        assert_eq!(scope("a"), json!({"terms": {"ns.keyword": ["a"]}}));
    }
}
