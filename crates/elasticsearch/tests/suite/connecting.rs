//! Who the server is, who we are, and what we may.

use std::{sync::Arc, time::Duration};

use elasticsearch::{
    Cluster, Credentials, Error, IndexName, Limits, Mode, Privileges, Product, Refreshed, ResolvedKind,
    ServerSide, Update, Writer,
};
use reqwest::Method;
use sandbox::Distribution;
use serde_json::{Value, json};
use upstream::Kind;

use super::{
    Outcome,
    bench::{Bench, borrowed, codes, fields, plain, task},
};

pub async fn the_server_is_known(bench: Arc<Bench>) -> Outcome {
    let index = bench.index("known", json!({})).await;
    let reader = bench.reader(&index).await;
    let expected = match bench.kind {
        Distribution::OpenSearch2 | Distribution::OpenSearch3 => Product::OpenSearch,
        _ => Product::Elasticsearch,
    };
    assert_eq!(reader.server().product, expected, "{}", reader.server());
    assert_eq!(reader.server().is_serverless, bench.kind == Distribution::Serverless);
    let cluster = Cluster::connect(&bench.connection()).await.unwrap();
    let alias = bench.unique("by-another-name");
    let action = json!({"actions": [{"add": {"index": index, "alias": alias}}]});
    bench.must(Method::POST, "/_aliases", action).await;
    let names = cluster.indices().await.unwrap();
    let is_there = |name: &str, kind| names.iter().any(|found| found.name == name && found.kind == kind);
    assert!(is_there(&index, ResolvedKind::Index), "{names:?}");
    // Elasticsearch 7.0 lists no aliases in that way.
    assert!(bench.kind == Distribution::Elasticsearch7 || is_there(&alias, ResolvedKind::Alias), "{names:?}");
    Outcome::Holds
}

pub async fn an_index_that_is_not_there_is_never_made(bench: Arc<Bench>) -> Outcome {
    let name = bench.unique("typo");
    let cluster = Cluster::connect(&bench.connection()).await.unwrap();
    let error = cluster.index(&IndexName::parse(&name).unwrap()).await.unwrap_err();
    assert!(matches!(&error, Error::NoIndex { index } if *index == name), "{error}");

    // It is deleted between the pre-check and the update, and again between two steps.
    let documents = plain(10);
    let index = bench.filled("vanishing", json!({}), &borrowed(&documents)).await;
    let (writer, fields) = bench.writer(&index, &task(Mode::Missing)).await;
    if bench.is_real() {
        bench.must(Method::DELETE, &format!("/{index}"), Value::Null).await;
        let error = Update::start(writer, task(Mode::Missing), &fields, Limits::default()).await.unwrap_err();
        assert!(matches!(error, Error::NoIndex { .. }), "{error}");
        let (status, _) = bench.raw(Method::HEAD, &format!("/{index}"), None).await;
        assert_eq!(status, 404);
    }
    let (status, _) = bench.raw(Method::HEAD, &format!("/{name}"), None).await;
    assert_eq!(status, 404);
    Outcome::Holds
}

pub async fn wrong_credentials_are_told(bench: Arc<Bench>) -> Outcome {
    if !bench.is_secured {
        return Outcome::LeftOut("it has no security");
    }
    bench.must(Method::POST, "/_security/api_key", json!({"name": "any"})).await;
    let wrong = [
        Credentials::ApiKey("nobody:nothing".into()),
        Credentials::Basic { username: "tain".into(), password: "wrong".into() },
        Credentials::Anonymous,
    ];
    for credentials in wrong {
        let error = Cluster::connect(&bench.connection_as(credentials)).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Unauthorized, "{error}");
        assert!(!error.to_string().contains("nothing"), "{error}");
        println!("error | {} | wrong credentials | {error}", bench.name);
    }
    Outcome::Holds
}

pub async fn an_expired_key_is_told(bench: Arc<Bench>) -> Outcome {
    if !bench.is_secured {
        return Outcome::LeftOut("it has no security");
    }
    let body = json!({"name": "short-lived", "expiration": "1ms"});
    let reply = bench.must(Method::POST, "/_security/api_key", body).await;
    let encoded = reply["encoded"].as_str().unwrap().to_owned();
    let connection = bench.connection_as(Credentials::ApiKey(encoded.into()));
    let error = loop {
        match Cluster::connect(&connection).await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(*error.kind(), Kind::Unauthorized, "{error}");
    println!("error | {} | expired key | {error}", bench.name);
    assert!(error.to_string().contains("expired"), "{error}");
    Outcome::Holds
}

/// An API key, in both spellings.
async fn key(bench: &Bench, index: &str, privileges: &[&str]) -> (String, String) {
    let role = json!({"cluster": ["monitor"], "indices": [{"names": [index], "privileges": privileges}]});
    let body = json!({"name": "clearance", "role_descriptors": {"r": role}});
    let reply = bench.must(Method::POST, "/_security/api_key", body).await;
    let text = |key: &str| reply.get(key).and_then(Value::as_str).unwrap().to_owned();
    (text("encoded"), format!("{}:{}", text("id"), text("api_key")))
}

pub async fn a_key_with_the_least_privileges_does_everything_but_delete(bench: Arc<Bench>) -> Outcome {
    if !bench.is_secured {
        return Outcome::LeftOut("it has no security");
    }
    let documents = plain(30);
    let index = bench.filled("least", json!({}), &borrowed(&documents)).await;
    let (encoded, pair) = key(&bench, &index, &["read", "index", "view_index_metadata", "maintenance"]).await;
    for spelling in [encoded.clone(), pair] {
        let connection = bench.connection_as(Credentials::ApiKey(spelling.into()));
        let reader = bench.reader_as(&connection, &index).await;
        assert_eq!(reader.identity().await.unwrap().as_deref(), Some("clearance"));
        let fields = fields(&reader).await;
        let precheck = reader.precheck(&task(Mode::Missing), &fields).await.unwrap();
        assert!(precheck.findings.is_empty(), "{:?}", precheck.findings);
        assert!(matches!(
            precheck.privileges,
            Privileges::Known { read: true, index: true, delete: false, .. }
        ));
        reader.look(&fields, &super::bench::level()).await.unwrap();
        let writer = Writer::new(&connection, &reader, precheck.clear().unwrap()).unwrap();
        assert_eq!(writer.refresh().await.unwrap(), Refreshed::Yes);
        // A task of the server that this key could not stop is not started.
        let started = match ServerSide::new(&connection, &reader, writer.cleared()) {
            Ok(server_side) => server_side.start(&task(Mode::Missing), &fields).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(matches!(started, Err(Error::Unsupported { .. })), "{started:?}");
        let update = Update::start(writer, task(Mode::Missing), &fields, Limits::default()).await.unwrap();
        update.run(|_| true).await.unwrap();
    }
    assert!(bench.levels(&index).await.values().all(|level| *level == json!(1)));
    // The server itself refuses what tain has no request for.
    let as_key = Some(encoded.as_str());
    let (status, _) = bench.raw_as(as_key, Method::DELETE, &format!("/{index}/_doc/d1"), None).await;
    assert_eq!(status, 403);
    let (status, _) = bench.raw_as(as_key, Method::DELETE, &format!("/{index}"), None).await;
    assert_eq!(status, 403);
    let lines = format!("{}\n", json!({"delete": {"_index": index, "_id": "d1"}}));
    let (_, reply) = bench.raw_as(as_key, Method::POST, "/_bulk", Some(Value::String(lines))).await;
    assert_eq!(reply.pointer("/items/0/delete/status"), Some(&json!(403)), "{reply}");
    // And with it a mistyped name makes no index.
    let typo = bench.unique("typo");
    let lines = format!("{}\n{}\n", json!({"update": {"_index": typo, "_id": "x"}}), json!({"doc": {}}));
    let (_, reply) = bench.raw_as(as_key, Method::POST, "/_bulk", Some(Value::String(lines))).await;
    assert_eq!(reply.pointer("/items/0/update/status"), Some(&json!(403)), "{reply}");
    assert_eq!(bench.all(&index).await.len(), 30);
    Outcome::Holds
}

pub async fn a_key_for_another_index_sees_nothing(bench: Arc<Bench>) -> Outcome {
    if !bench.is_secured {
        return Outcome::LeftOut("it has no security");
    }
    let index = bench.index("unseen", json!({})).await;
    let (encoded, _) = key(&bench, "elsewhere", &["read", "view_index_metadata"]).await;
    let connection = bench.connection_as(Credentials::ApiKey(encoded.into()));
    let cluster = Cluster::connect(&connection).await.unwrap();
    let error = cluster.index(&IndexName::parse(&index).unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::NotVisible { .. }), "{error}");
    assert!(cluster.indices().await.unwrap().iter().all(|found| found.name != index));
    Outcome::Holds
}

pub async fn a_key_without_writing_is_stopped(bench: Arc<Bench>) -> Outcome {
    if !bench.is_secured {
        return Outcome::LeftOut("it has no security");
    }
    let documents = plain(3);
    let index = bench.filled("readonly", json!({}), &borrowed(&documents)).await;
    let (encoded, _) = key(&bench, &index, &["read", "view_index_metadata"]).await;
    let connection = bench.connection_as(Credentials::ApiKey(encoded.into()));
    let reader = bench.reader_as(&connection, &index).await;
    let precheck = reader.precheck(&task(Mode::Missing), &fields(&reader).await).await.unwrap();
    assert_eq!(codes(&precheck), ["no_write", "no_refresh"]);
    precheck.clear().unwrap_err();
    // A permission that was given to another key does not help: the server says no to the whole request.
    let (writer, _) = bench.writer(&index, &task(Mode::Missing)).await;
    let writer = Writer::new(&connection, &reader, writer.cleared().clone()).unwrap();
    let writer = writer.with_refresh_interval(Duration::ZERO);
    let fields = fields(&reader).await;
    let update = Update::start(writer.clone(), task(Mode::Missing), &fields, Limits::default());
    let error = update.await.unwrap().run(|_| true).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Forbidden, "{error}");
    assert_eq!(writer.refresh().await.unwrap(), Refreshed::Waited);
    assert!(bench.levels(&index).await.values().all(Value::is_null));
    Outcome::Holds
}
