//! The `_source` of a document, small enough for a million of them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

/// The fields of a document, in the order of their names. The names are shared by all documents of an index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source(Box<[(Arc<str>, Value)]>);

/// The names of the fields at the top of an index's documents.
#[derive(Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

impl Source {
    pub(crate) fn new(fields: Map<String, Value>, names: &mut Names) -> Self {
        let mut fields: Vec<(Arc<str>, Value)> =
            fields.into_iter().map(|(name, value)| (names.shared(&name), value)).collect();
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self(fields.into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let place = self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub(crate) fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}
