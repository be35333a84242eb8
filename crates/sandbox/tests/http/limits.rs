//! Rate limits and quotas.

use futures::future::join_all;
use reqwest::Method;
use sandbox::{GeminiQuota, Options, RateLimitBody, Switches};
use serde_json::{Value, json};

use crate::support::{Answer, Fixture, records};

/// Two hundred calls at once, of an endpoint that allows five a second: some must be refused, on any machine.
async fn rush(fixture: &Fixture) -> Vec<Answer> {
    fixture.upsert("ns", records(1)).await;
    let body = json!({"namespace": "ns", "filter": {"n": 0}});
    let call = || fixture.scratch(Method::POST, "/vectors/fetch_by_metadata", Some(body.clone()));
    join_all((0..200).map(|_| call())).await
}

#[tokio::test]
async fn what_is_too_fast_is_refused_as_json() {
    let fixture = Fixture::start(Options { rate_limits: true, ..Options::default() }).await;
    let answers = rush(&fixture).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() <= 195);
    for answer in refused {
        assert_eq!(answer.json()["code"], 8);
        assert!(answer.message().contains("max fetch by metadata requests per second for namespace ns"));
        assert_eq!(answer.header("retry-after"), None);
    }
}

#[tokio::test]
async fn or_as_text_with_the_time_to_wait() {
    let switches =
        Switches { rate_limit_body: RateLimitBody::Text, retry_after: true, ..Switches::default() };
    let fixture = Fixture::start(Options { rate_limits: true, switches, ..Options::default() }).await;
    let answers = rush(&fixture).await;
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert!(refused.text.starts_with("Request failed. You've reached the max"));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

async fn embed(fixture: &Fixture, texts: usize) -> Answer {
    let request =
        json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "12345678"}]}});
    let requests: Value = (0..texts).map(|_| request.clone()).collect();
    let path = "/v1beta/models/gemini-embedding-001:batchEmbedContents";
    fixture.main(Method::POST, path, Some(json!({"requests": requests}))).await
}

fn quota_id(answer: &Answer) -> String {
    let details = answer.json()["error"]["details"].clone();
    details[1]["violations"][0]["quotaId"].as_str().unwrap_or_else(|| panic!("{details}")).to_owned()
}

#[tokio::test]
async fn the_quota_counts_texts_and_tokens_and_says_when_to_come_back() {
    let quota =
        GeminiQuota { texts_per_minute: Some(10), tokens_per_minute: Some(18), texts_per_day: Some(12) };
    let fixture = Fixture::start(Options { gemini_quota: quota, ..Options::default() }).await;
    assert_eq!(embed(&fixture, 11).await.status, 429);
    assert_eq!(embed(&fixture, 8).await.status, 200);
    let texts = embed(&fixture, 3).await;
    assert_eq!((texts.status, &texts.json()["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    assert!(quota_id(&texts).starts_with("EmbedContentRequestsPerMinute"));
    let retry = texts.json()["error"]["details"][2]["retryDelay"].clone();
    let seconds: f64 = retry.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    assert!((0.0..=60.0).contains(&seconds), "{seconds}");
    let tokens = embed(&fixture, 2).await;
    assert!(quota_id(&tokens).starts_with("EmbedContentInputTokensPerMinute"));
    assert!(quota_id(&embed(&fixture, 5).await).starts_with("EmbedContentRequestsPerDay"));
    // What was refused did not count.
    assert_eq!(embed(&fixture, 1).await.status, 200);
    assert_eq!(fixture.state.embedded().texts, 9);
}

#[tokio::test]
async fn details_can_be_missing() {
    let quota = GeminiQuota { texts_per_minute: Some(1), ..GeminiQuota::default() };
    let switches = Switches { quota_details: false, ..Switches::default() };
    let fixture = Fixture::start(Options { gemini_quota: quota, switches, ..Options::default() }).await;
    let answer = embed(&fixture, 2).await;
    assert_eq!((answer.status, answer.json()["error"].get("details")), (429, None));
}
