//! The control API, loading, generating and saving.

use std::io::Write;

use reqwest::Method;
use sandbox::{Endpoint, Error, Generate, IndexOptions, Options, Page, start};
use serde_json::{Value, json};

use crate::support::{Fixture, records};

#[tokio::test]
async fn the_state_counts_what_was_asked() {
    let fixture = Fixture::start(Options::default()).await;
    fixture.upsert("ns", records(3)).await;
    fixture.list("namespace=ns&limit=2").await;
    fixture.scratch(Method::GET, "/vectors/list?limit=0", None).await;
    let state = fixture.main(Method::GET, "/sandbox/state", None).await.json();
    let scratch = &state["indexes"][2];
    assert_eq!(scratch["namespaces"], json!({"ns": 3}));
    assert_eq!(scratch["calls"]["upsert"]["items"], 3);
    assert_eq!(
        (&scratch["calls"]["list"]["requests"], &scratch["calls"]["list"]["failed"]),
        (&json!(3), &json!(1))
    );
    assert_eq!((&scratch["calls"]["list"]["items"], &state["forbidden_calls"]), (&json!(3), &json!(0)));
    assert!(scratch["calls"]["list"]["bytes_out"].as_u64().unwrap() > 0);
    let requests = fixture.main(Method::GET, "/sandbox/requests", None).await.json();
    assert_eq!(requests.as_array().unwrap().len(), 4);
    assert_eq!(requests[3]["status"], 400);
    fixture.main(Method::DELETE, "/sandbox/counters", None).await;
    assert_eq!(fixture.state.calls("scratch", Endpoint::List).unwrap().requests, 0);
}

#[tokio::test]
async fn records_are_put_patched_read_and_removed() {
    let fixture = Fixture::start(Options::default()).await;
    let place = |records: Value| Some(json!({"index": "source", "namespace": "ns", "records": records}));
    let put = json!([{"id": "a", "metadata": {"text": "one", "n": 1}}, {"id": "b", "metadata": {}}]);
    assert_eq!(fixture.main(Method::PUT, "/sandbox/records", place(put)).await.json(), json!({"records": 2}));
    let patch = json!([{"id": "a", "set": {"n": 2, "l": ["x"]}, "remove": ["text"]}]);
    fixture.main(Method::PATCH, "/sandbox/records", place(patch)).await;
    let path = "/sandbox/records?index=source&namespace=ns&limit=1";
    let read = fixture.main(Method::GET, path, None).await.json();
    assert_eq!(read, json!({"records": [{"id": "a", "metadata": {"l": ["x"], "n": 2.0}}]}));
    let read = fixture.main(Method::GET, &format!("{path}&offset=1&values=true"), None).await.json();
    assert_eq!(read["records"][0]["values"].as_array().unwrap().len(), 1536);
    let nobody =
        fixture.main(Method::PATCH, "/sandbox/records", place(json!([{"id": "none", "set": {}}]))).await;
    assert_eq!(nobody.json(), json!({"error": "record none is not valid: it does not exist"}));
    let remove = json!({"index": "source", "namespace": "ns", "ids": ["a"]});
    fixture.main(Method::DELETE, "/sandbox/records", Some(remove)).await;
    assert_eq!(fixture.state.namespaces("source").unwrap(), [("ns".to_owned(), 1)].into());
    assert_eq!(fixture.state.forbidden_calls(), 0);
    assert_eq!(fixture.main(Method::GET, "/sandbox/records?index=none", None).await.status, 404);
}

#[tokio::test]
async fn json_lines_are_loaded_with_derived_values() {
    let fixture = Fixture::start(Options::default()).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, r#"{{"id":"a","metadata":{{"text":"one"}}}}"#).unwrap();
    writeln!(file, r#"{{"id":"b","text":"two","number":2}}"#).unwrap();
    writeln!(file).unwrap();
    writeln!(file, r#"{{"id":"c","namespace":"other","values":[1,0,0,0],"metadata":{{}}}}"#).unwrap();
    assert_eq!(fixture.sandbox.load_jsonl("scratch", "ns", file.path()).await.unwrap(), 3);
    assert_eq!(fixture.list("namespace=ns").await, ["a", "b"]);
    assert_eq!(fixture.list("namespace=other").await, ["c"]);
    let record = fixture.state.record("scratch", "ns", "b").unwrap().unwrap();
    assert_eq!(record.metadata.keys().collect::<Vec<_>>(), ["number", "text"]);
    assert_eq!(record.values.len(), 4);
    writeln!(file, "{{}}").unwrap();
    let error = fixture.sandbox.load_jsonl("scratch", "ns", file.path()).await.unwrap_err();
    assert!(matches!(error, Error::Line { line: 5, .. }), "{error}");
}

#[tokio::test]
async fn synthetic_records_behave_like_any_other() {
    let fixture = Fixture::start(Options::default()).await;
    let generate = |index: &str, more: Value| {
        let mut body = json!({"index": index, "namespace": "big", "count": 250, "text_words": 5});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fixture.main(Method::POST, "/sandbox/generate", Some(body))
    };
    assert_eq!(generate("source", json!({})).await.json(), json!({"records": 250}));
    let added = json!({"metadata": {"clearance_level": 1}, "skip_every": 10, "change_every": 7});
    assert_eq!(generate("target", added).await.json(), json!({"records": 225}));
    assert_eq!(generate("target", json!({"misspelled": 1})).await.status, 400);
    let source = fixture.state.records("source", "big", Page::ALL).unwrap();
    let mut changed = 0;
    for old in source {
        let Some(mut new) = fixture.state.record("target", "big", &old.id).unwrap() else { continue };
        assert!(new.metadata.remove("clearance_level").is_some());
        changed += usize::from(new.metadata != old.metadata);
    }
    // The multiples of 7, less those that are multiples of 10 as well.
    assert_eq!(changed, 250 / 7 - 250 / 70);
    let host = fixture.sandbox.index_url("target").unwrap();
    let fetched =
        fixture.call(Method::GET, format!("{host}/vectors/fetch?namespace=big&ids=synthetic-00000003"), None);
    let fetched = fetched.await.unwrap().json();
    let values = fetched.pointer("/vectors/synthetic-00000003/values").unwrap();
    let shown = fixture.state.record("target", "big", "synthetic-00000003").unwrap().unwrap();
    assert_eq!(serde_json::from_value::<Vec<f32>>(values.clone()).unwrap(), shown.values);
}

#[tokio::test]
async fn a_reset_brings_back_the_start() {
    let fixture = Fixture::start(Options { sample: true, ..Options::default() }).await;
    let before = fixture.state.overview();
    fixture.upsert("ns", records(3)).await;
    fixture.state.remove("source", "help-centre", vec!["accident#1".to_owned()]).unwrap();
    fixture.main(Method::POST, "/sandbox/reset", None).await;
    assert_eq!(fixture.state.overview(), before);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the sandbox is judged without our own client")]
async fn a_web_page_cannot_drive_it() {
    let fixture = Fixture::start(Options::default()).await;
    let url = format!("{}/sandbox/reset", fixture.sandbox.url());
    let answer = fixture.client.post(url).header("origin", "https://example.com").send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn records_survive_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        Options { data: Some(directory.path().join("state.jsonl")), sample: true, ..Options::default() };
    let first = Fixture::start(options.clone()).await;
    first.upsert("ns", records(3)).await;
    first.state.generate("scratch", "big", Generate { count: 5, ..Generate::default() }).unwrap();
    first.state.remove("source", "help-centre", vec!["accident#1".to_owned()]).unwrap();
    let with_values = Page { values: true, ..Page::ALL };
    let read = |fixture: &Fixture| {
        let mut all = Vec::new();
        for (index, namespace) in
            [("scratch", "ns"), ("scratch", "big"), ("source", "help-centre"), ("target", "")]
        {
            all.push(fixture.state.records(index, namespace, with_values).unwrap());
        }
        all
    };
    let saved = read(&first);
    first.sandbox.stop().await;

    let second = Fixture::start(options.clone()).await;
    assert_eq!(read(&second), saved);
    assert_eq!(second.upsert("ns", records(1)).await.header("x-pinecone-request-lsn"), Some("2"));
    second.sandbox.stop().await;

    let other = Options { source: IndexOptions::dense("gflops-serverless", 8), ..options };
    assert!(matches!(start(other).await.err(), Some(Error::OtherIndexes { .. })));
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let same = Options { source: IndexOptions::dense("askdona", 8), ..Options::default() };
    assert!(matches!(start(same).await.err(), Some(Error::SameName { .. })));
    let none = Options { source: IndexOptions::dense("old", 0), ..Options::default() };
    assert!(matches!(start(none).await.err(), Some(Error::Dimension { .. })));
    let running = start(Options::default()).await.unwrap();
    let port = running.url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(matches!(start(Options { port, ..Options::default() }).await.err(), Some(Error::Bind { .. })));
}
