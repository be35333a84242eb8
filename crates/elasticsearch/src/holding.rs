//! Looking for documents by what they hold.

use serde_json::{Value, json};

use crate::{Document, Error, FieldName, Fields, Query, Reader, Scope, query::exists, query::ignored};

/// What documents hold under a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Holding {
    /// Whatever.
    Anything,
    /// No value.
    Nothing,
    /// Some value, be it one that could not be indexed.
    Something,
    /// This value, among others perhaps.
    Value(Value),
}

/// Some of the documents that match, and how many there are, of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Some of them, without fields that look like vectors.
    pub documents: Vec<Document>,
    /// How many match.
    pub total: u64,
}

impl Query {
    /// The documents of a scope that hold this under a field.
    ///
    /// # Errors
    ///
    /// [`Error::NamespaceNotExact`].
    pub fn holding(
        scope: &Scope,
        field: &FieldName,
        holding: &Holding,
        fields: &Fields,
    ) -> Result<Self, Error> {
        let scope = scope.query(fields)?;
        let any = [exists(field.as_str()), ignored(field.as_str())];
        Ok(match holding {
            Holding::Anything => scope,
            Holding::Nothing => Self::both(&[scope.0], &any),
            Holding::Something => Self::both(&[scope.0, json!({"bool": {"should": any}})], &[]),
            Holding::Value(value) => {
                let has_value = json!({"term": {fields.value.matched.as_str(): {"value": value}}});
                Self::both(&[scope.0, has_value], &[])
            }
        })
    }

    /// Of these documents, the ones with these ids.
    #[must_use]
    pub fn with_ids(self, ids: &[String]) -> Self {
        Self::both(&[self.0, json!({"ids": {"values": ids}})], &[])
    }
}

impl Reader {
    /// Some of the documents that match, at most 1,000, and how many there are.
    ///
    /// # Errors
    ///
    /// If the request fails, or not all shards answered (law 3).
    pub async fn find(&self, query: &Query, size: usize) -> Result<Found, Error> {
        let body = json!({
            "size": size.min(1000), "query": query.0, "_source": {"excludes": crate::reader::VECTORS},
            "track_total_hits": true,
        });
        let reply = self.search(&body).await?;
        let total = reply.total().ok_or_else(|| self.nonsense("the answer lacks the exact total"))?;
        Ok(Found { documents: crate::reader::documents(reply), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NamespaceField, ValueField};

    #[test]
    fn documents_are_found_by_what_they_hold() {
        let field = FieldName::parse("level").unwrap();
        let fields = Fields {
            namespace: NamespaceField::Absent { field: FieldName::parse("ns").unwrap() },
            value: ValueField::of("level", vec!["long".to_owned()], true, true, None),
        };
        let query = |holding| Query::holding(&Scope::All, &field, &holding, &fields).unwrap().0.to_string();
        assert_eq!(query(Holding::Anything), r#"{"match_all":{}}"#);
        assert!(query(Holding::Nothing).contains(r#""must_not":[{"exists":{"field":"level"}}"#));
        assert!(query(Holding::Something).contains(r#""should":[{"exists":{"field":"level"}}"#));
        assert!(query(Holding::Value(json!(2))).contains(r#"{"term":{"level":{"value":2}}}"#));
        let one = Query::all().with_ids(&["a".to_owned()]).0.to_string();
        assert!(one.contains(r#"{"ids":{"values":["a"]}}"#), "{one}");
    }
}
