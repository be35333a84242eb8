//! Reading through an index.

use std::{collections::BTreeMap, sync::Arc};

use elasticsearch::{Hit, Page, Query, Reader, SourceFields};
use serde_json::json;

use super::{
    Outcome,
    bench::{Bench, LEVEL, borrowed, plain},
};

async fn everything(reader: &Reader, source: SourceFields, page: usize) -> Vec<Hit> {
    let mut scan = reader.scan(Query::all(), source, page);
    let mut hits = Vec::new();
    loop {
        match scan.next().await.unwrap() {
            Page::Hits(page) => hits.extend(page),
            Page::End => return hits,
            Page::Lost => panic!("lost"),
        }
    }
}

pub async fn every_document_is_seen_once(bench: Arc<Bench>) -> Outcome {
    let documents = plain(3210);
    let index =
        bench.filled("scan", json!({"settings": {"number_of_shards": 3}}), &borrowed(&documents)).await;
    let reader = bench.reader(&index).await;
    for page in [107, 1000, 3210, 10_000] {
        let hits = everything(&reader, SourceFields::None, page).await;
        assert_eq!(hits.len(), 3210, "{page}");
        let ids: BTreeMap<&str, &Hit> = hits.iter().map(|hit| (hit.id.as_str(), hit)).collect();
        assert_eq!(ids.len(), 3210, "{page}");
        assert!(hits.iter().all(|hit| hit.source.is_empty() && hit.index == index));
    }
    let hits = everything(&reader, SourceFields::Only(vec!["text".into()]), 1000).await;
    assert!(hits.iter().all(|hit| hit.source.keys().collect::<Vec<_>>() == ["text"]));
    Outcome::Holds
}

pub async fn a_scan_sees_the_moment_it_began(bench: Arc<Bench>) -> Outcome {
    let documents = plain(50);
    let index = bench.filled("moment", json!({}), &borrowed(&documents)).await;
    let reader = bench.reader(&index).await;
    let mut scan = reader.scan(Query::all(), SourceFields::None, 20);
    let Page::Hits(first) = scan.next().await.unwrap() else { panic!("no hits") };
    assert_eq!(first.len(), 20);
    bench.put(&index, &[("later", None, json!({LEVEL: 1}))]).await;
    let mut count = first.len();
    while let Page::Hits(page) = scan.next().await.unwrap() {
        assert!(page.iter().all(|hit| hit.id != "later"));
        count += page.len();
    }
    assert_eq!(count, 50);
    // Another pass begins anew.
    let Page::Hits(first) = scan.next().await.unwrap() else { panic!("no hits") };
    assert_eq!(first.len(), 20);
    scan.close().await;
    Outcome::Holds
}
