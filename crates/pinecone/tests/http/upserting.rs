//! Writing records.

use super::*;

fn record(id: &str) -> EncodedRecord {
    EncodedRecord::new(id, &[0.6, 0.8], None, &Metadata::new()).unwrap()
}

fn records(count: usize) -> Vec<EncodedRecord> {
    (0..count).map(|number| record(&format!("{number:05}"))).collect()
}

fn ids(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Takes records, but no more than so many bytes, and none whose id is poison.
struct Index {
    bytes: usize,
    poison: Vec<String>,
    refusal: ResponseTemplate,
}

impl Respond for Index {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let ids = ids(request);
        if request.body.len() > self.bytes || ids.iter().any(|id| self.poison.contains(id)) {
            return self.refusal.clone();
        }
        json(200, json!({"upsertedCount": ids.len()}))
            .insert_header("x-pinecone-request-lsn", ids.len().to_string())
    }
}

async fn index(bytes: usize, poison: &[&str], refusal: ResponseTemplate) -> MockServer {
    let server = server().await;
    answer(&server, "POST", "/vectors/upsert", Index { bytes, poison: strings(poison), refusal }).await;
    server
}

async fn written(server: &MockServer) -> Vec<String> {
    let mut written = Vec::new();
    for request in requests_to(server, "/vectors/upsert").await {
        written.extend(ids(&request));
    }
    written
}

#[tokio::test]
async fn records_are_written_in_order_and_the_lsn_is_kept() {
    let server = index(usize::MAX, &[], text(500, "")).await;
    let outcome = target(&server).await.upsert(&ns("n\"s"), records(3)).await.unwrap();
    assert_eq!((outcome.written, outcome.lsn), (3, Some(3)));
    assert!(outcome.refused.is_empty());
    let request = requests_to(&server, "/vectors/upsert").await.remove(0);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["namespace"], "n\"s");
    assert_eq!(body["vectors"][0], json!({"id": "00000", "values": [0.6, 0.8]}));
    target(&server).await.upsert(&ns(""), records(1)).await.unwrap();
    let body: Value = serde_json::from_slice(&requests_to(&server, "/vectors/upsert").await[1].body).unwrap();
    assert_eq!(body.get("namespace"), None);
    assert_eq!(target(&server).await.upsert(&ns(""), Vec::new()).await.unwrap().written, 0);
    assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 2);
}

#[tokio::test]
async fn requests_keep_the_limits() {
    let server = index(2_000_000, &[], text(413, "")).await;
    let target = target(&server).await;
    assert_eq!(target.upsert(&ns("ns"), records(2500)).await.unwrap().written, 2500);
    assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3);
    let large = Metadata::from_iter([("text".to_owned(), Value::from("x".repeat(40_000)))]);
    let large: Vec<_> = (0..120)
        .map(|number| EncodedRecord::new(&format!("l{number:03}"), &[0.6, 0.8], None, &large).unwrap())
        .collect();
    assert_eq!(target.upsert(&ns("ns"), large).await.unwrap().written, 120);
    // 49 of them fit into 2 MB.
    assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3 + 3);
    let written = written(&server).await;
    assert_eq!(written.len(), 2620);
    assert!(written.is_sorted());
}

#[tokio::test]
async fn what_is_too_large_is_halved() {
    for refusal in [
        text(413, "<html><title>413 Payload Too Large</title>"),
        rpc(400, 11, "Error, message length too large: found 2097153 bytes, the limit is: 2097152 bytes"),
        rpc(400, 3, "Request size 3MB exceeds the maximum supported size of 2MB"),
        text(400, "request too large"),
    ] {
        let server = index(20_000, &[], refusal).await;
        let outcome = target(&server).await.upsert(&ns("ns"), records(1000)).await.unwrap();
        assert_eq!(outcome.written, 1000);
        assert_eq!(outcome.lsn, Some(500));
        // 1,000 records have 38 KB.
        assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3);
    }
    let server = index(10, &[], text(413, "")).await;
    let outcome = target(&server).await.upsert(&ns("ns"), records(2)).await.unwrap();
    assert_eq!((outcome.written, outcome.refused.len()), (0, 2));
}

#[tokio::test]
async fn a_poison_record_stands_alone_in_the_end() {
    let message = "Metadata value must be a string, number, boolean or list of strings, got '{\"a\":1.0}' for field 'f'";
    let server = index(usize::MAX, &["00007", "00008", "00063"], rpc(400, 3, message)).await;
    let outcome = target(&server).await.upsert(&ns("ns"), records(64)).await.unwrap();
    assert_eq!(outcome.written, 61);
    let refused = |id: &str| Refused { id: id.into(), message: message.into() };
    assert_eq!(outcome.refused, [refused("00007"), refused("00008"), refused("00063")]);
    let requests = requests_to(&server, "/vectors/upsert").await;
    assert!(requests.len() <= 1 + 3 * 2 * 6, "{}", requests.len());
}

#[tokio::test]
async fn wrong_dimensions_are_refused_without_a_request() {
    let server = index(usize::MAX, &[], text(500, "")).await;
    let wrong = EncodedRecord::new("wrong", &[1.0], None, &Metadata::new()).unwrap();
    let outcome =
        target(&server).await.upsert(&ns("ns"), vec![record("a"), wrong, record("b")]).await.unwrap();
    assert_eq!(outcome.written, 2);
    assert_eq!(outcome.refused[0].id, "wrong");
    assert!(outcome.refused[0].message.contains("1 values and the index takes 2"), "{outcome:?}");
    assert_eq!(written(&server).await, ["a", "b"]);
}

#[tokio::test]
async fn what_is_not_about_records_ends_it_and_says_what_was_done() {
    for (refusal, kind) in [
        (text(400, "Invalid API version"), Kind::Refused),
        (rpc(400, 3, "WRITE_TO_ALIAS: ns is an alias"), Kind::Refused),
        (text(401, "Unauthorized"), Kind::Unauthorized),
        (text(402, "Payment required"), Kind::Refused),
        (rpc(403, 7, "storage quota"), Kind::Forbidden),
        (rpc(409, 6, "conflict"), Kind::Refused),
        (text(503, ""), Kind::Unavailable),
        (
            text(429, "You've reached your write unit limit for the current month."),
            Kind::QuotaExhausted { period: Period::Month, resume_after: None },
        ),
        (json(200, json!({"upsertedCount": 999})), Kind::Malformed),
        (json(200, json!({})), Kind::Malformed),
        (text(200, ""), Kind::Malformed),
    ] {
        let server = index(usize::MAX, &["01500"], refusal).await;
        let failed = target(&server).await.upsert(&ns("ns"), records(2000)).await.unwrap_err();
        assert_eq!((failed.before.written, failed.before.lsn), (1000, Some(1000)));
        assert_eq!(*failed.error.kind(), kind);
        assert_eq!(failed.to_string(), failed.error.to_string());
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let server = server().await;
    Mock::given(path("/vectors/upsert")).respond_with(text(504, "")).up_to_n_times(2).mount(&server).await;
    let rest = Index { bytes: usize::MAX, poison: Vec::new(), refusal: text(500, "") };
    answer(&server, "POST", "/vectors/upsert", rest).await;
    let meter = Meter::new();
    let target = target(&server).await.with_meter(meter.clone());
    assert_eq!(target.upsert(&ns("ns"), records(2)).await.unwrap().written, 2);
    let stats = &meter.snapshot()[0];
    assert_eq!((stats.service.as_str(), stats.endpoint.as_str()), ("target", "upsert"));
    assert_eq!((stats.requests, stats.retried), (3, 2));
    assert!(meter.drain_notes()[0].message.starts_with("idx: upsert failed (504), trying again in"));
}

#[tokio::test]
async fn the_lsn_has_an_older_name_too() {
    let server = server().await;
    let response = json(200, json!({"upsertedCount": 1})).insert_header("x-pinecone-lsn-committed", "17");
    answer(&server, "POST", "/vectors/upsert", response).await;
    assert_eq!(target(&server).await.upsert(&ns("ns"), records(1)).await.unwrap().lsn, Some(17));
}
