//! Metadata of every kind, over real HTTP and through a service that keeps numbers as 64-bit floats.

use protocol::{RunKind, RunState};
use sandbox::{NewRecord, Options};
use serde_json::{Value, json};

use crate::world::{NAMESPACE, World, request};

#[tokio::test]
async fn metadata_of_every_kind_round_trips() {
    let world = World::start(Options::default()).await;
    let metadata = json!({
        "text": "a text", "int": 1, "float": 1.5, "2^53": 9_007_199_254_740_992_u64, "beyond": 9_007_199_254_740_993_u64,
        "negative zero": -0.0, "huge": 1e21, "tiny": 5e-324, "third": 0.1 + 0.2, "min": i64::MIN,
        "bool": false, "empty": [], "list": ["a", "é", "日本", ""], "": "an empty key", "emoji": "🪞",
        "\"quoted\" \\ \n": "escapes \u{7} \u{2028}", "_under": "x", "string number": "1", "blank": "",
    });
    let record = NewRecord {
        id: "odd id#1 &+%/?=".to_owned(),
        metadata: metadata.as_object().expect("an object").clone(),
        sparse_values: Some(sandbox::Sparse { indices: vec![1, 4_294_967_295], values: vec![0.5, 1e-7] }),
        values: Some(vec![0.5; 8]),
    };
    let state = world.sandbox.state();
    state.put("source", NAMESPACE, vec![record]).expect("a valid record");
    let run = world.run(&request(RunKind::Mirror)).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    let read = |index| {
        let record = state.record(index, NAMESPACE, "odd id#1 &+%/?=").expect("an index").expect("a record");
        (serde_json::to_string(&record.metadata).expect("JSON"), record.sparse_values)
    };
    let (source, target) = (read("source"), read("target"));
    let without_level = |text: &str| {
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        let level = value.as_object_mut().expect("an object").remove("clearance_level");
        (value.to_string(), level)
    };
    assert_eq!(without_level(&target.0), (without_level(&source.0).0, Some(json!(1.0))));
    assert_eq!(source.1, target.1);
    assert!(target.0.contains("-0.0"), "{}", target.0);
    let again = world.run(&request(RunKind::Analyze)).await;
    assert!(!again.plan.expect("a plan").has_work());
}
