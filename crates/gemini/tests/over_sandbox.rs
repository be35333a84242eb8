//! The client against the sandbox, which judges independently.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use gemini::{Error, Gemini, Model, Options, Quotas, TaskType};
use sandbox::Sandbox;
use upstream::{Jitter, Kind, Retry};

async fn sandbox() -> Sandbox {
    sandbox::start(sandbox::Options::default()).await.unwrap()
}

fn client(sandbox: &Sandbox) -> Gemini {
    let model = Model::new("gemini-embedding-001", 8, TaskType::RetrievalDocument).unwrap();
    let options = Options {
        retry: Retry { retries: 2, ..Retry::default() },
        // Without jitter there is no wait between attempts.
        jitter: Jitter::new(|| 0.0),
        ..Options::default()
    };
    let url = sandbox.url().parse().unwrap();
    Gemini::new("key".into(), &url, model, Quotas::default(), options).unwrap()
}

#[tokio::test]
async fn what_is_no_embedding_is_never_given_out() {
    let texts = ["one", "two", "three"];
    for fault in [
        "embed:missing-embeddings,count=1",
        "embed:extra-embeddings,count=1",
        "embed:wrong-dimension,dimension=7",
        "embed:zero-vector",
        "embed:null-value",
        "embed:nan-value",
        "embed:huge-value",
        "embed:cut-body",
    ] {
        let sandbox = sandbox().await;
        let client = client(&sandbox);
        let right = client.embed(&texts).await.unwrap();
        sandbox.state().add_fault(format!("{fault}@first=1").parse().unwrap());
        assert_eq!(client.embed(&texts).await.unwrap(), right, "{fault}");
        sandbox.state().clear_faults();
        sandbox.state().add_fault(fault.parse().unwrap());
        let error = client.embed(&texts).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Malformed, "{fault}: {error}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_halved_and_poison_stands_alone() {
    for code in [400, 413] {
        let sandbox = sandbox().await;
        sandbox.state().add_fault(format!("embed:too-large,bytes=3000,code={code}").parse().unwrap());
        sandbox.state().add_fault("embed:poison-text,marker=number 7 ".parse().unwrap());
        let texts: Vec<String> = (0..50).map(|number| format!("the text number {number} of fifty")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let results = client(&sandbox).embed(&texts).await.unwrap();
        let refused: Vec<usize> = (0..50).filter(|number| results[*number].is_err()).collect();
        assert_eq!(refused, [7], "{code}");
    }
}

#[tokio::test]
async fn errors_of_the_key_and_of_the_day_end_it_at_once() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    sandbox.state().add_fault("embed:expired-key@from=2".parse().unwrap());
    client.embed(&["one"]).await.unwrap();
    assert!(client.embed(&["two"]).await.unwrap_err().is_key());
    sandbox.state().clear_faults();
    sandbox.state().add_fault("embed:daily-quota".parse().unwrap());
    let error: Error = client.embed(&["two"]).await.unwrap_err();
    assert!(error.is_quota());
    // 2026-11-21 06:27 UTC is 22:27 in Los Angeles.
    assert_eq!(error.quota_resets_at(1_795_242_420_000), Some(1_795_248_000_000));
    assert_eq!(sandbox.state().main_calls(sandbox::Endpoint::Embed).requests, 3, "nothing is tried again");
}
