//! Looking for documents by what they hold.

use serde_json::{Value, json};

use crate::{
    Document, Error, FieldName, Fields, Query, Reader, Scope,
    query::{exists, ignored},
    wire::SearchReply,
};

/// Documents that a server finds at once, unless it was told otherwise (`index.max_result_window`).
pub(crate) const MOST: usize = 10_000;
/// Fields whose names look like a vector's: a person wants to read the rest.
pub(crate) const VECTORS: [&str; 4] = ["*vector*", "*embedding*", "values", "sparse_values"];

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

    /// Of these documents, the ones that hold one of these values in a field that is
    /// [matched exactly](crate::ValueField::exact): for an index whose `_id` is not the record's.
    #[must_use]
    pub fn with_values(self, field: &str, values: &[String]) -> Self {
        Self::both(&[self.0, json!({"terms": {field: values}})], &[])
    }
}

impl Reader {
    /// Some of the documents that match, at most 1,000, and how many there are.
    ///
    /// # Errors
    ///
    /// If the request fails, or not all shards answered (law 3).
    pub async fn find(&self, query: &Query, size: usize) -> Result<Found, Error> {
        let excluded = json!({"excludes": VECTORS});
        self.found(query, size.min(1000), &excluded).await
    }

    /// These fields of all documents that match, as they were at the last refresh.
    ///
    /// # Errors
    ///
    /// If more than 10,000 match, the request fails, or not all shards answered (law 3).
    pub async fn find_all(&self, query: &Query, fields: &[&str]) -> Result<Vec<Document>, Error> {
        let Found { documents, total } = self.found(query, MOST, &json!(fields)).await?;
        if documents.len() as u64 == total {
            return Ok(documents);
        }
        let index = self.index();
        Err(self
            .nonsense(format!("{total} documents of {index} matched at once, where it gives {MOST} at most")))
    }

    async fn found(&self, query: &Query, size: usize, source: &Value) -> Result<Found, Error> {
        let body = json!({"size": size, "query": query.0, "_source": source, "track_total_hits": true});
        let reply = self.search(&body).await?;
        let total = reply.total().ok_or_else(|| self.nonsense("the answer lacks the exact total"))?;
        Ok(Found { documents: documents(reply), total })
    }
}

pub(crate) fn documents(reply: SearchReply) -> Vec<Document> {
    let hits = reply.hits.hits.into_iter();
    hits.map(|hit| Document { index: hit.index, id: hit.id, source: hit.source.unwrap_or_default() })
        .collect()
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
