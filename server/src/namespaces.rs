//! The namespaces of both indexes, side by side.

use std::collections::BTreeSet;

use pinecone::{IndexStats, Namespace};
use protocol::{NamespaceRow, Namespaces, Reading};

/// The namespaces of both indexes, ordered by name.
pub fn compare(
    source: &Reading<IndexStats>,
    target: &Reading<IndexStats>,
    names: (&str, &str),
) -> Namespaces {
    let all =
        [source, target].into_iter().filter_map(Reading::known).flat_map(|stats| stats.namespaces.keys());
    let rows = all
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|namespace| NamespaceRow {
            name: namespace.to_string(),
            source: count_of(source, namespace),
            target: count_of(target, namespace),
            documents: None,
        })
        .collect();
    Namespaces { rows, problems: problems(source, target, names) }
}

/// Why a side is unknown, in words.
pub fn problems(
    source: &Reading<IndexStats>,
    target: &Reading<IndexStats>,
    names: (&str, &str),
) -> Vec<String> {
    [("source", names.0, source), ("target", names.1, target)]
        .into_iter()
        .filter_map(|(side, name, stats)| match stats {
            Reading::Known(_) => None,
            Reading::Unknown(reason) => Some(format!("the {side} {name} could not be read: {reason}")),
        })
        .collect()
}

/// The records of a namespace in one index; `Known(None)` if it does not exist there.
pub fn count_of(stats: &Reading<IndexStats>, namespace: &Namespace) -> Reading<Option<u64>> {
    match stats {
        Reading::Known(stats) => Reading::Known(stats.namespaces.get(namespace).copied()),
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    }
}
