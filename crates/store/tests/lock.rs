//! The lock between processes. The second process is this test binary itself, started again to hold the lock until
//! its standard input closes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use protocol::RunId;
use store::{Holder, LockError, acquire, hold_run, run_is_held};

fn holder(run: &str) -> Holder {
    Holder { run: run.into(), pid: std::process::id(), host: "here".into(), since: 1_700_000_000_000 }
}

fn held_by(error: LockError) -> Option<Holder> {
    match error {
        LockError::Held { holder, .. } => holder,
        other => panic!("expected a held lock, got {other}"),
    }
}

#[test]
fn the_second_is_told_who_holds_it() {
    let data = tempfile::tempdir().unwrap();
    let lock = acquire(data.path(), "askdona", "articles", &holder("one")).unwrap();
    let refused = acquire(data.path(), "askdona", "articles", &holder("two")).unwrap_err();
    assert_eq!(held_by(refused), Some(holder("one")));
    drop(lock);
    let lock = acquire(data.path(), "askdona", "articles", &holder("two")).unwrap();
    let refused = acquire(data.path(), "askdona", "articles", &holder("three")).unwrap_err();
    assert_eq!(held_by(refused), Some(holder("two")));
    drop(lock);
}

#[test]
fn other_namespaces_and_targets_are_free() {
    let data = tempfile::tempdir().unwrap();
    let _lock = acquire(data.path(), "askdona", "articles", &holder("one")).unwrap();
    let _other = acquire(data.path(), "askdona", "", &holder("two")).unwrap();
    let _index = acquire(data.path(), "other", "articles", &holder("three")).unwrap();
    // The boundary between index and namespace counts.
    let _a = acquire(data.path(), "ab", "c", &holder("four")).unwrap();
    let _b = acquire(data.path(), "a", "bc", &holder("five")).unwrap();
}

#[test]
fn any_name_can_be_locked() {
    let data = tempfile::tempdir().unwrap();
    let long = "ü/..\0".repeat(200);
    let _lock = acquire(data.path(), "askdona", &long, &holder("one")).unwrap();
    assert!(acquire(data.path(), "askdona", &long, &holder("two")).is_err());
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = acquire(&file, "askdona", "articles", &holder("one")).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn the_death_of_the_holder_frees_the_lock() {
    let data = tempfile::tempdir().unwrap();
    let (mut child, input, pid) = spawn_holder(data.path());
    let refused = acquire(data.path(), "askdona", "articles", &holder("mine")).unwrap_err();
    assert_eq!(held_by(refused).map(|holder| holder.pid), Some(pid));

    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    let lock = acquire(data.path(), "askdona", "articles", &holder("mine")).unwrap();
    let refused = acquire(data.path(), "askdona", "articles", &holder("other")).unwrap_err();
    assert_eq!(held_by(refused), Some(holder("mine")), "the dead holder's name is gone");
    drop(lock);
}

#[test]
fn a_run_is_held_by_one() {
    let data = tempfile::tempdir().unwrap();
    let run = |name: &str| RunId(name.to_owned());
    assert!(!run_is_held(data.path(), &run("m-1")));
    let lock = hold_run(data.path(), &run("m-1")).unwrap();
    assert!(run_is_held(data.path(), &run("m-1")));
    let refused = hold_run(data.path(), &run("m-1")).unwrap_err();
    assert!(matches!(refused, LockError::RunHeld { run } if run.0 == "m-1"));
    assert!(!run_is_held(data.path(), &run("m-2")));
    let _any = hold_run(data.path(), &run("../../\u{fc}/..")).unwrap();
    drop(lock);
    assert!(!run_is_held(data.path(), &run("m-1")));
    drop(hold_run(data.path(), &run("m-1")).unwrap());
}

#[test]
fn whoever_looks_at_a_run_does_not_keep_others_from_holding_it() {
    let data = tempfile::tempdir().unwrap();
    let run = RunId("m-1".to_owned());
    let done = std::sync::atomic::AtomicBool::new(false);
    let done = &done;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    run_is_held(data.path(), &run);
                }
            });
        }
        let held = (0..2_000).all(|_| {
            let lock = hold_run(data.path(), &run);
            lock.is_ok() && run_is_held(data.path(), &run)
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(held, "a look was taken for a holder");
    });
}

#[test]
fn the_death_of_a_process_tells_that_its_runs_are_interrupted() {
    let data = tempfile::tempdir().unwrap();
    let (mut child, input, _) = spawn_holder(data.path());
    let run = RunId("child".to_owned());
    assert!(run_is_held(data.path(), &run));
    assert!(hold_run(data.path(), &run).is_err());
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    assert!(!run_is_held(data.path(), &run));
    drop(hold_run(data.path(), &run).unwrap());
}

fn spawn_holder(data: &Path) -> (Child, ChildStdin, u32) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "holder_process", "--nocapture"])
        .env("STORE_TEST_DATA", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("HELD")), "the child never held the lock");
    let pid = child.id();
    (child, input, pid)
}

#[test]
#[ignore = "this is the other process of the tests about the death of a process"]
#[expect(clippy::disallowed_methods, reason = "the parent process says in the environment what to lock")]
fn holder_process() {
    let Ok(data) = std::env::var("STORE_TEST_DATA") else { return };
    let _lock = acquire(Path::new(&data), "askdona", "articles", &holder("child")).unwrap();
    let _run = hold_run(Path::new(&data), &RunId("child".to_owned())).unwrap();
    println!("HELD");
    std::io::stdout().flush().unwrap();
    // Until the parent goes away or kills this process.
    drop(std::io::stdin().lines().next());
}
