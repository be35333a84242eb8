//! The indexes against the sandbox, which judges independently.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use futures::TryStreamExt;
use pinecone::{Connection, EncodedRecord, ListPage, Metadata, Namespace, Options, SourceIndex, TargetIndex};
use sandbox::{Generate, IndexOptions, NewRecord, Sandbox};
use upstream::{Jitter, Retry};

async fn sandbox() -> Sandbox {
    let options = sandbox::Options {
        source: IndexOptions::dense("old", 3),
        target: IndexOptions::dense("new", 4),
        ..sandbox::Options::default()
    };
    sandbox::start(options).await.unwrap()
}

fn connection(sandbox: &Sandbox) -> Connection {
    let retry = Retry { retries: 2, ..Retry::default() };
    // Without jitter there is no wait between attempts.
    let http = upstream::Options { retry, jitter: Jitter::new(|| 0.0), ..upstream::Options::default() };
    Connection {
        api_key: "key".into(),
        controller: sandbox.url().parse().unwrap(),
        options: Options { http, ..Options::default() },
    }
}

#[tokio::test]
async fn a_write_is_visible_once_its_number_is_indexed() {
    let sandbox = sandbox().await;
    let target = TargetIndex::connect(&connection(&sandbox), "new").await.unwrap();
    let namespace = Namespace::parse("ns").unwrap();
    let indexed = async || target.max_indexed_lsn(&namespace, 4).await.unwrap();
    let listed = async || target.list(&namespace).try_concat().await.unwrap();
    sandbox.state().add_fault("upsert:visibility-delay,ms=3600000".parse().unwrap());
    let record = EncodedRecord::new("a", &[1.0, 2.0, 3.0, 4.0], None, &Metadata::new()).unwrap();
    let written = target.upsert(&namespace, vec![record]).await.unwrap().lsn.unwrap();
    assert!(indexed().await.unwrap() < written);
    assert!(listed().await.is_empty());
    // What the sandbox's own handle writes lets everything before it be seen.
    let other = NewRecord { id: "b".to_owned(), ..NewRecord::default() };
    sandbox.state().put("target", "ns", vec![other]).unwrap();
    assert!(indexed().await.unwrap() >= written);
    assert_eq!(listed().await, ["a", "b"]);
    assert_eq!(sandbox.state().main_calls(sandbox::Endpoint::Embed).requests, 0);
    assert_eq!(sandbox.state().calls("source", sandbox::Endpoint::Fetch).unwrap().requests, 0);
}

#[tokio::test]
async fn a_listing_that_broke_off_is_taken_up_at_the_page_that_failed() {
    let sandbox = sandbox().await;
    sandbox.state().generate("source", "ns", Generate { count: 450, ..Generate::default() }).unwrap();
    let source = SourceIndex::connect(&connection(&sandbox), "old").await.unwrap();
    let namespace = Namespace::parse("ns").unwrap();
    let whole: Vec<String> = source.list(&namespace).try_concat().await.unwrap();
    assert_eq!(whole.len(), 450);
    sandbox.state().add_fault("source.list:503@page=3".parse().unwrap());
    let mut pages: Vec<ListPage> = Vec::new();
    let mut stream = Box::pin(source.list_from(&namespace, None));
    let broken = loop {
        match stream.try_next().await {
            Ok(page) => pages.push(page.unwrap()),
            Err(error) => break error,
        }
    };
    assert!(broken.to_string().contains("503"), "{broken}");
    assert_eq!(pages.len(), 2);
    sandbox.state().clear_faults();
    let before = sandbox.state().calls("source", sandbox::Endpoint::List).unwrap().requests;
    let token = pages[1].next.clone();
    let rest: Vec<ListPage> = source.list_from(&namespace, token).try_collect().await.unwrap();
    assert_eq!(sandbox.state().calls("source", sandbox::Endpoint::List).unwrap().requests - before, 3);
    pages.extend(rest);
    assert_eq!(pages.into_iter().flat_map(|page| page.ids).collect::<Vec<_>>(), whole);
    sandbox.state().add_fault("list:expired-token".parse().unwrap());
    let expired = source.list_from(&namespace, Some("old".to_owned())).try_collect::<Vec<_>>().await;
    assert!(expired.unwrap_err().is_token_refused());
    sandbox.state().clear_faults();
    sandbox.state().add_fault("list:repeated-token@page=2".parse().unwrap());
    let circle = source.list(&namespace).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(circle, pinecone::Error::RepeatedToken { .. }), "{circle}");
}

#[tokio::test]
async fn an_upsert_that_is_too_large_is_halved_and_poison_stands_alone() {
    for too_large in ["upsert:too-large,bytes=500000", "upsert:too-large,bytes=500000,code=400"] {
        let sandbox = sandbox().await;
        let target = TargetIndex::connect(&connection(&sandbox), "new").await.unwrap();
        let namespace = Namespace::parse("ns").unwrap();
        sandbox.state().add_fault(too_large.parse().unwrap());
        sandbox.state().add_fault("upsert:poison-record,marker=r0123".parse().unwrap());
        let metadata = Metadata::from_iter([("text".to_owned(), "x".repeat(5_000).into())]);
        let records = (0..300)
            .map(|number| {
                EncodedRecord::new(&format!("r{number:04}"), &[1.0, 0.0, 0.0, 0.0], None, &metadata).unwrap()
            })
            .collect();
        let outcome = target.upsert(&namespace, records).await.unwrap();
        assert_eq!(outcome.written, 299, "{too_large}");
        assert_eq!(outcome.refused.iter().map(|refused| refused.id.as_str()).collect::<Vec<_>>(), ["r0123"]);
        assert!(outcome.refused[0].message.starts_with("Metadata value must be"), "{too_large}");
    }
}
