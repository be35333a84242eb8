//! The namespaces of both indexes and of the search index, side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use pinecone::{IndexStats, Namespace};
use protocol::{DocumentsLook, NamespaceRow, Namespaces, Reading};

use crate::{connections::Connections, documents};

/// What every side says about its namespaces, each by itself.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Records by namespace in the source.
    pub source: Reading<BTreeMap<String, u64>>,
    /// Records by namespace in the target.
    pub target: Reading<BTreeMap<String, u64>>,
    /// Documents by namespace in the search index; `None` if none is configured.
    pub documents: Option<Reading<BTreeMap<String, u64>>>,
}

/// Asks all sides at once. One that does not answer within this time is unknown.
pub async fn read(connections: &Connections, patience: Duration) -> Sides {
    let documents = async {
        connections.search_endpoint().ok()?;
        Some(match documents::look(connections, patience).await {
            Ok(look) => by_namespace(&look),
            Err(error) => Reading::Unknown(error.to_string()),
        })
    };
    let ((source, target), documents) = tokio::join!(connections.stats_within(patience), documents);
    Sides { source: of_index(source), target: of_index(target), documents }
}

fn of_index(stats: Reading<IndexStats>) -> Reading<BTreeMap<String, u64>> {
    match stats {
        Reading::Known(stats) => Reading::Known(
            stats.namespaces.into_iter().map(|(name, records)| (name.to_string(), records)).collect(),
        ),
        Reading::Unknown(reason) => Reading::Unknown(reason),
    }
}

/// Documents by namespace. Those without one, or with an empty one, are those of the default namespace.
fn by_namespace(look: &DocumentsLook) -> Reading<BTreeMap<String, u64>> {
    let (without, too_long) = (look.without_namespace.documents, look.namespace_too_long.documents);
    if look.namespaces.is_empty() && look.total.documents > without + too_long {
        let reason = "the field of the namespaces has no keyword, so that one cannot be told from another; \
                      `tain elasticsearch status` says more";
        return Reading::Unknown(reason.to_owned());
    }
    let mut documents: BTreeMap<String, u64> = BTreeMap::new();
    let default = (without > 0).then(|| (String::new(), without));
    let named = look.namespaces.iter().map(|row| (row.namespace.clone(), row.numbers.documents));
    for (name, number) in default.into_iter().chain(named) {
        let name = if name.is_empty() { Namespace::default().to_string() } else { name };
        *documents.entry(name).or_default() += number;
    }
    Reading::Known(documents)
}

impl Sides {
    /// The union of all sides, ordered by name, and why a side is unknown as a whole. `names` are those of source,
    /// target and search index.
    pub fn compare(&self, names: [&str; 3]) -> Namespaces {
        let all = [Some(&self.source), Some(&self.target), self.documents.as_ref()];
        let union: BTreeSet<&String> =
            all.into_iter().flatten().filter_map(Reading::known).flat_map(BTreeMap::keys).collect();
        let rows = union.into_iter().map(|namespace| self.row(namespace)).collect();
        Namespaces { rows, problems: self.problems(names) }
    }

    /// One namespace on all sides.
    pub fn row(&self, namespace: &str) -> NamespaceRow {
        NamespaceRow {
            name: namespace.to_owned(),
            source: count_of(&self.source, namespace),
            target: count_of(&self.target, namespace),
            documents: self.documents.as_ref().map(|documents| count_of(documents, namespace)),
        }
    }

    /// Why a side is unknown, in words.
    pub fn problems(&self, names: [&str; 3]) -> Vec<String> {
        let [source, target, search] = names;
        [
            ("source", source, Some(&self.source)),
            ("target", target, Some(&self.target)),
            ("search index", search, self.documents.as_ref()),
        ]
        .into_iter()
        .filter_map(|(side, name, counts)| match counts? {
            Reading::Known(_) => None,
            Reading::Unknown(reason) => Some(format!("the {side} {name} could not be read: {reason}")),
        })
        .collect()
    }
}

/// What a side has in a namespace; `Known(None)` if it does not exist there.
fn count_of(counts: &Reading<BTreeMap<String, u64>>, namespace: &str) -> Reading<Option<u64>> {
    match counts {
        Reading::Known(counts) => Reading::Known(counts.get(namespace).copied()),
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{DocumentNamespace, DocumentNumbers};

    use super::*;

    fn numbers(documents: u64) -> DocumentNumbers {
        DocumentNumbers { documents, ..DocumentNumbers::default() }
    }

    fn look(total: u64, namespaces: &[(&str, u64)], without: u64) -> DocumentsLook {
        let namespaces = namespaces.iter().map(|(name, documents)| DocumentNamespace {
            namespace: (*name).to_owned(),
            numbers: numbers(*documents),
        });
        DocumentsLook {
            total: numbers(total),
            namespaces: namespaces.collect(),
            without_namespace: numbers(without),
            namespace_too_long: numbers(0),
            is_one_snapshot: true,
        }
    }

    #[test]
    fn documents_without_a_namespace_are_those_of_the_default_one() {
        let counts = by_namespace(&look(10, &[("", 1), ("__default__", 2), ("a", 3)], 4));
        let counts = counts.known().unwrap();
        assert_eq!(counts, &BTreeMap::from([("__default__".to_owned(), 7), ("a".to_owned(), 3)]));
    }

    #[test]
    fn namespaces_that_cannot_be_told_apart_are_unknown_and_not_none() {
        assert!(by_namespace(&look(10, &[], 4)).known().is_none());
        assert_eq!(by_namespace(&look(0, &[], 0)).known(), Some(&BTreeMap::new()));
        assert_eq!(by_namespace(&look(4, &[], 4)).known().unwrap()["__default__"], 4);
    }

    #[test]
    fn a_namespace_of_the_search_index_alone_has_a_row_too() {
        let counts = |namespaces: &[(&str, u64)]| {
            let counts = namespaces.iter().map(|(name, number)| ((*name).to_owned(), *number));
            Reading::Known(counts.collect::<BTreeMap<_, _>>())
        };
        let sides = Sides {
            source: counts(&[("a", 1)]),
            target: Reading::Unknown("no answer".to_owned()),
            documents: Some(counts(&[("b", 2)])),
        };
        let compared = sides.compare(["old", "new", "search"]);
        assert_eq!(compared.problems, ["the target new could not be read: no answer"]);
        let [a, b] = compared.rows.as_slice() else { panic!("{:?}", compared.rows) };
        assert_eq!((a.source.known(), a.documents.as_ref().unwrap().known()), (Some(&Some(1)), Some(&None)));
        assert_eq!((b.source.known(), b.target.known()), (Some(&None), None));
        assert_eq!(b.documents.as_ref().unwrap().known(), Some(&Some(2)));
    }
}
