//! What a server refuses, and in which words: a client that is too sure of itself is found out by the emulator only if
//! that refuses the same. Bare requests, since the crate itself sends none of these.

use std::sync::Arc;

use reqwest::Method;
use sandbox::Distribution;
use serde_json::{Value, json};

use super::{
    Outcome,
    bench::{Bench, LEVEL},
};

/// The status, and the type of the innermost error; that of a bulk request is its first item's.
async fn refused(bench: &Bench, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, reply) = bench.raw(method, path, Some(body).filter(|body| !body.is_null())).await;
    let text = |path: &str| reply.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let item = reply.pointer("/items/0").and_then(Value::as_object).and_then(|item| item.values().next());
    match item {
        Some(item) => {
            let status = item["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap();
            let kind = item.pointer("/error/type").and_then(Value::as_str);
            (status, kind.unwrap_or_default().to_owned())
        }
        None => (status, text("/error/root_cause/0/type").or_else(|| text("/error")).unwrap_or_default()),
    }
}

async fn check(bench: &Bench, what: &str, method: Method, path: &str, body: Value, expected: (u16, &str)) {
    let (status, kind) = refused(bench, method, path, body).await;
    assert_eq!((status, kind.as_str()), expected, "{what}");
}

fn lines(meta: &Value, document: &Value) -> Value {
    Value::String(format!("{meta}\n{document}\n"))
}

pub async fn a_bulk_request_that_makes_no_sense(bench: Arc<Bench>) -> Outcome {
    let index = bench.filled("nonsense", json!({}), &[("1", None, json!({"text": "a"}))]).await;
    let meta = |more: Value| {
        let mut meta = json!({"_index": index, "_id": "1"});
        more.as_object().unwrap().iter().for_each(|(key, value)| meta[key] = value.clone());
        json!({"update": meta})
    };
    let doc = json!({"doc": {"text": "b"}});
    let validation = (400, "action_request_validation_exception");
    let illegal = (400, "illegal_argument_exception");
    let unparsable = (400, "x_content_parse_exception");
    let long = "a".repeat(513);
    let rows = [
        ("without a line's end", Value::String(format!("{}\n{doc}", meta(json!({})))), illegal),
        ("without an action", Value::String("\n".into()), validation),
        ("with an unknown action", lines(&json!({"upsert": {"_index": index, "_id": "1"}}), &doc), illegal),
        ("a number without its term", lines(&meta(json!({"if_seq_no": 0})), &doc), validation),
        (
            "a number and retries",
            lines(&meta(json!({"if_seq_no": 0, "if_primary_term": 1, "retry_on_conflict": 3})), &doc),
            validation,
        ),
        ("an unknown parameter", lines(&meta(json!({"foo": 1})), &doc), illegal),
        ("an unknown field", lines(&meta(json!({})), &json!({"dok": {}})), unparsable),
        ("nothing to do", lines(&meta(json!({})), &json!({})), validation),
        ("a document that is none", lines(&meta(json!({})), &json!({"doc": 5})), unparsable),
        ("no index", lines(&json!({"update": {"_id": "1"}}), &doc), validation),
        ("no id", lines(&json!({"update": {"_index": index}}), &doc), validation),
        ("a long id", lines(&json!({"index": {"_index": index, "_id": long}}), &json!({})), validation),
        ("an empty id", lines(&json!({"index": {"_index": index, "_id": ""}}), &json!({})), illegal),
        (
            "one that is missing",
            lines(&json!({"update": {"_index": index, "_id": "2"}}), &doc),
            (404, "document_missing_exception"),
        ),
    ];
    for (what, body, expected) in rows {
        check(&bench, what, Method::POST, "/_bulk", body, expected).await;
    }
    let body = lines(&meta(json!({})), &doc);
    check(&bench, "an unknown parameter of all", Method::POST, "/_bulk?foo=1", body, illegal).await;
    assert_eq!(bench.all(&index).await["1"], *json!({"text": "a"}).as_object().unwrap());
    Outcome::Holds
}

pub async fn a_document_that_does_not_fit(bench: Arc<Bench>) -> Outcome {
    let mapping = json!({"properties": {"number": {"type": "long"}, "flag": {"type": "boolean"}, "words": {"type": "text"}}});
    let index = bench.index("unfit", json!({"mappings": mapping})).await;
    let parsing = match bench.kind {
        Distribution::Elasticsearch8 | Distribution::Serverless => "document_parsing_exception",
        _ => "mapper_parsing_exception",
    };
    let put = async |what: &str, document: Value| {
        refused(&bench, Method::PUT, &format!("/{index}/_doc/{what}?refresh=true"), document).await
    };
    // Each value of a list is mapped by itself, so that one of two kinds fits no field that is new.
    for (what, list) in [
        ("fraction-first", json!([0.1, 3])),
        ("whole-first", json!([3, 0.1])),
        ("text-first", json!(["a", 3])),
        ("text-last", json!([3, "a"])),
        ("flag-first", json!([true, 3])),
        ("object-first", json!([{"a": 1}, 3])),
        ("object-last", json!([3, {"a": 1}])),
        ("inside", json!([{"a": 0.5}, {"a": 3}])),
    ] {
        assert_eq!(
            put(what, json!({what: list})).await,
            (400, "illegal_argument_exception".into()),
            "{what}"
        );
    }
    for (what, document) in [
        ("words-as-number", json!({"number": "abc"})),
        ("flag-as-number", json!({"number": true})),
        ("beyond", json!({"number": 1e30})),
        ("number-as-flag", json!({"flag": 1})),
        ("object-as-words", json!({"words": {"a": 1}})),
        ("nameless", json!({"": 1})),
    ] {
        assert_eq!(put(what, document).await, (400, parsing.to_owned()), "{what}");
    }
    for (what, document) in [
        ("nulls", json!({"nulls": [null, 3, null]})),
        ("cut", json!({"number": 1.5})),
        ("spelled", json!({"number": "7"})),
        ("empty", json!({"number": ""})),
        ("alike", json!({"alike": [0.1, 3.0]})),
    ] {
        assert_eq!(put(what, document).await.0, 201, "{what}");
    }
    assert_eq!(bench.all(&index).await.len(), 5);
    Outcome::Holds
}

pub async fn a_question_that_makes_no_sense(bench: Arc<Bench>) -> Outcome {
    let properties = json!({LEVEL: {"type": "long"}, "flag": {"type": "boolean"}, "words": {"type": "text"}});
    let document = [("1", None, json!({LEVEL: 1, "flag": true, "words": "a"}))];
    let index = bench.filled("questions", json!({"mappings": {"properties": properties}}), &document).await;
    let parsing = (400, "parsing_exception");
    let illegal = (400, "illegal_argument_exception");
    let no_query = (400, "query_shard_exception");
    let validation = (400, "action_request_validation_exception");
    let search = [
        ("an unknown key", json!({"foo": 1}), parsing),
        ("a list", json!([1]), parsing),
        ("an unknown query", json!({"query": {"foo": {}}}), parsing),
        ("two queries", json!({"query": {"match_all": {}, "exists": {"field": "a"}}}), parsing),
        ("an unknown aggregation", json!({"aggs": {"a": {"foo": {}}}}), parsing),
        ("too many", json!({"size": 10_001}), illegal),
        ("an unknown order", json!({"sort": ["nope"]}), no_query),
        ("a place without an order", json!({"search_after": [1]}), illegal),
        ("a count of words", json!({"aggs": {"a": {"terms": {"field": "words"}}}}), illegal),
    ];
    for (what, body, expected) in search {
        check(&bench, what, Method::POST, &format!("/{index}/_search"), body, expected).await;
    }
    let count = |query: Value| json!({"query": query});
    for (what, body, expected) in [
        ("words for a number", count(json!({"term": {LEVEL: {"value": "abc"}}})), no_query),
        ("a flag for a number", count(json!({"term": {LEVEL: {"value": true}}})), no_query),
        ("more than words", count(json!({"range": {LEVEL: {"gt": "abc"}}})), no_query),
        ("a number for a flag", count(json!({"term": {"flag": {"value": 1}}})), no_query),
        ("more than a flag", count(json!({"range": {"flag": {"gt": 1}}})), no_query),
        ("a size", json!({"size": 1}), parsing),
    ] {
        check(&bench, what, Method::POST, &format!("/{index}/_count"), body, expected).await;
    }
    for (what, body) in [
        ("a fraction", count(json!({"term": {LEVEL: {"value": 1.5}}}))),
        ("more than a text", count(json!({"range": {"words": {"gt": 1}}}))),
    ] {
        check(&bench, what, Method::POST, &format!("/{index}/_count"), body, (200, "")).await;
    }
    let get = |path: &str| (Method::GET, path.to_owned(), Value::Null);
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), body);
    let no_index = (404, "index_not_found_exception");
    for (what, (method, path, body), expected) in [
        ("a parameter", post(&format!("/{index}/_search?foo=1"), json!({})), illegal),
        ("a parameter of a count", post(&format!("/{index}/_count?foo=1"), json!({})), illegal),
        ("another index", post("/missing-index/_search", json!({})), no_index),
        ("a mapping of another", get("/missing-index/_mapping"), no_index),
        ("fields of another", get("/missing-index/_field_caps?fields=a"), no_index),
        ("a refresh of another", post("/missing-index/_refresh", Value::Null), no_index),
        ("nothing to get", post("/_mget", json!({"docs": []})), validation),
    ] {
        check(&bench, what, method, &path, body, expected).await;
    }
    let plain = bench.plain_text(&format!("/{index}/_search"), "{}").await;
    assert_eq!(plain, (406, "Content-Type header [text/plain] is not supported".to_owned()));
    let put = |path: &str, body: Value| (Method::PUT, path.to_owned(), body);
    for (what, (method, path, body), expected) in [
        (
            "an index that is there",
            put(&format!("/{index}"), json!({})),
            (400, "resource_already_exists_exception"),
        ),
        ("an index with a capital", put("/Capital", json!({})), (400, "invalid_index_name_exception")),
        (
            "a type that there is not",
            put(&format!("/{index}/_mapping"), json!({"properties": {"q": {"type": "foo"}}})),
            (400, "mapper_parsing_exception"),
        ),
        (
            "another type",
            put(&format!("/{index}/_mapping"), json!({"properties": {LEVEL: {"type": "keyword"}}})),
            illegal,
        ),
    ] {
        check(&bench, what, method, &path, body, expected).await;
    }
    Outcome::Holds
}

pub async fn points_in_time_where_there_are_any(bench: Arc<Bench>) -> Outcome {
    let index = bench.index("points", json!({})).await;
    let (status, kind) =
        refused(&bench, Method::POST, &format!("/{index}/_pit?keep_alive=1m"), Value::Null).await;
    match bench.kind {
        Distribution::Elasticsearch8 | Distribution::Serverless => assert_eq!(status, 200),
        _ => {
            assert_eq!(status, 400);
            assert!(kind.starts_with("no handler found for uri"), "{kind}");
            return Outcome::Holds;
        }
    }
    let validation = (400, "action_request_validation_exception");
    check(&bench, "no time", Method::POST, &format!("/{index}/_pit"), Value::Null, validation).await;
    let reply = bench.must(Method::POST, &format!("/{index}/_pit?keep_alive=1m"), Value::Null).await;
    let pit = json!({"id": reply["id"], "keep_alive": "1m"});
    let path = format!("/{index}/_search");
    check(&bench, "an index besides", Method::POST, &path, json!({"pit": pit}), validation).await;
    bench.must(Method::DELETE, "/_pit", json!({"id": reply["id"]})).await;
    let lost = (404, "search_context_missing_exception");
    check(&bench, "one that was freed", Method::POST, "/_search", json!({"pit": pit}), lost).await;
    Outcome::Holds
}
