//! What the index makes of the two fields that matter.

use std::collections::BTreeMap;

use serde::Deserialize;
use upstream::Request;

use crate::{Error, FieldName, Reader};

/// How the field of the namespaces and the field of the value are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// The namespaces'.
    pub namespace: NamespaceField,
    /// The value's.
    pub value: ValueField,
}

/// How one namespace is told from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceField {
    /// By a keyword: the field itself, or the one beside it (`pinecone_namespace.keyword`).
    Exact {
        /// The field.
        field: FieldName,
        /// The one that is matched.
        matched: String,
    },
    /// No document has it.
    Absent {
        /// The field.
        field: FieldName,
    },
    /// Not at all: it is a text without a keyword.
    NotExact {
        /// The field.
        field: FieldName,
        /// Its type.
        kind: String,
    },
}

/// How the values are searched and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueField {
    /// Its types: none if no document has it, several if indexes differ.
    pub kinds: Vec<String>,
    /// Whether it can be searched.
    pub is_searchable: bool,
    /// The field in which a value is matched exactly.
    pub matched: String,
    /// The field by which values are counted, if they can be.
    pub counted: Option<String>,
}

#[derive(Deserialize)]
struct Reply {
    fields: BTreeMap<String, BTreeMap<String, Capabilities>>,
}

#[derive(Deserialize)]
struct Capabilities {
    searchable: bool,
    aggregatable: bool,
}

/// The types of field that hold numbers.
const NUMBERS: [&str; 9] =
    ["long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long"];

impl ValueField {
    pub(crate) fn of(
        name: &str,
        kinds: Vec<String>,
        is_searchable: bool,
        is_aggregatable: bool,
        keyword: Option<String>,
    ) -> Self {
        let counted = match (kinds.len(), is_aggregatable) {
            (1, true) => Some(name.to_owned()),
            // Types that differ cannot be counted together.
            (1, false) => keyword.clone(),
            _ => None,
        };
        let matched = match keyword {
            Some(keyword) if kinds.iter().any(|kind| kind == "text") => keyword,
            _ => name.to_owned(),
        };
        Self { kinds, is_searchable, matched, counted }
    }

    /// The field in which a value is matched exactly, to find documents by it.
    ///
    /// # Errors
    ///
    /// [`Error::NotExact`] if it is a text without a keyword beside it, of which only words are matched.
    pub fn exact(&self) -> Result<&str, Error> {
        let is_words = self.kinds.iter().any(|kind| kind == "text") && !self.matched.ends_with(".keyword");
        if is_words { Err(Error::NotExact { field: self.matched.clone() }) } else { Ok(&self.matched) }
    }

    /// Whether all its values are numbers, so that higher and lower mean something; true also if there are none yet.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.kinds.iter().all(|kind| NUMBERS.contains(&kind.as_str()))
    }

    /// Whether no document has it.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.kinds.is_empty()
    }
}

impl Fields {
    /// Asks the index how these fields are searched.
    ///
    /// # Errors
    ///
    /// If the request fails; the key needs `read` or `view_index_metadata`.
    pub async fn of(reader: &Reader, namespace: &FieldName, value: &FieldName) -> Result<Self, Error> {
        let names = format!("{namespace},{namespace}.keyword,{value},{value}.keyword");
        let request = Request::get(reader.path("_field_caps")).query("fields", &names);
        let reply: Reply = reader.http().json(&request).await?;
        Ok(Self {
            namespace: namespace_field(namespace, &reply),
            value: {
                let caps = reply.fields.get(value.as_str());
                let all = |of: fn(&Capabilities) -> bool| caps.is_some_and(|caps| caps.values().all(of));
                let kinds = caps.map(|caps| caps.keys().cloned().collect()).unwrap_or_default();
                ValueField::of(
                    value.as_str(),
                    kinds,
                    all(|caps| caps.searchable),
                    all(|caps| caps.aggregatable),
                    exact(&format!("{value}.keyword"), &reply),
                )
            },
        })
    }
}

/// The field, if it is a keyword in every index that has it.
fn exact(field: &str, reply: &Reply) -> Option<String> {
    let caps = reply.fields.get(field)?;
    let is_keyword = |(kind, caps): (&String, &Capabilities)| {
        matches!(kind.as_str(), "keyword" | "constant_keyword" | "wildcard")
            && caps.aggregatable
            && caps.searchable
    };
    caps.iter().all(is_keyword).then(|| field.to_owned())
}

fn namespace_field(field: &FieldName, reply: &Reply) -> NamespaceField {
    let matched = exact(field.as_str(), reply).or_else(|| exact(&format!("{field}.keyword"), reply));
    match (matched, reply.fields.get(field.as_str()).and_then(|caps| caps.keys().next())) {
        (Some(matched), _) => NamespaceField::Exact { field: field.clone(), matched },
        (None, None) => NamespaceField::Absent { field: field.clone() },
        (None, Some(kind)) => NamespaceField::NotExact { field: field.clone(), kind: kind.clone() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn namespace(json: Value) -> NamespaceField {
        namespace_field(&FieldName::parse("ns").unwrap(), &serde_json::from_value(json).unwrap())
    }

    #[test]
    fn a_namespace_is_matched_where_it_is_a_keyword() {
        let field = FieldName::parse("ns").unwrap();
        let text = json!({"text": {"searchable": true, "aggregatable": false}});
        let keyword = json!({"keyword": {"searchable": true, "aggregatable": true}});
        assert_eq!(
            namespace(json!({"fields": {"ns": text, "ns.keyword": keyword}})),
            NamespaceField::Exact { field: field.clone(), matched: "ns.keyword".into() }
        );
        assert_eq!(
            namespace(json!({"fields": {"ns": keyword}})),
            NamespaceField::Exact { field: field.clone(), matched: "ns".into() }
        );
        assert_eq!(namespace(json!({"fields": {}})), NamespaceField::Absent { field: field.clone() });
        assert_eq!(
            namespace(json!({"fields": {"ns": text}})),
            NamespaceField::NotExact { field, kind: "text".into() }
        );
    }

    #[test]
    fn capabilities_are_said_or_unknown() {
        let silent = json!({"fields": {"ns": {"keyword": {"searchable": true}}}});
        assert!(serde_json::from_value::<Reply>(silent).is_err());
        assert!(serde_json::from_value::<Reply>(json!({})).is_err());
    }

    #[test]
    fn types_that_differ_are_neither_counted_nor_compared() {
        let field = ValueField::of("f", vec!["long".into(), "keyword".into()], true, true, None);
        assert_eq!((field.counted.clone(), field.is_number()), (None, false));
        let field = ValueField::of("f", vec!["text".into()], true, false, Some("f.keyword".into()));
        assert_eq!((field.counted.as_deref(), field.matched.as_str()), (Some("f.keyword"), "f.keyword"));
        assert_eq!(field.exact().unwrap(), "f.keyword");
        assert!(ValueField::of("f", Vec::new(), false, false, None).is_number());
    }

    #[test]
    fn words_are_no_exact_match() {
        let field = |kinds: &[&str]| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            ValueField::of("f", kinds, true, false, None)
        };
        assert_eq!(field(&["keyword"]).exact().unwrap(), "f");
        assert!(matches!(field(&["text"]).exact(), Err(Error::NotExact { .. })));
        assert!(field(&["keyword", "text"]).exact().is_err(), "of one index only words would be matched");
    }
}
