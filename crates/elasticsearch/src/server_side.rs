//! Updating by the server itself (`_update_by_query`): an option for those who want it.

use std::{fmt, time::Duration};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use upstream::{Endpoint, Http, Kind, Request};

use crate::{Cause, Cleared, Connection, Error, Fields, Mode, Reader, Task};

/// Lets the server update the documents in a task of its own.
///
/// Its limits, against [`crate::Update`]: a failure that is no conflict ends it (what is done stays done); documents
/// are indexed whole, so that a final pipeline runs again; it needs scripts, and `manage` on the cluster to be
/// stopped; and a restart of the node loses it.
#[derive(Debug, Clone)]
pub struct ServerSide {
    reader: Reader,
    /// Sends each request once: what starts a task would start another one.
    once: Http,
    /// Asks again: a task goes on whether its server answers or not.
    tasks: Http,
}

/// A task of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskId(String);

/// How far a task of the server is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerSideStatus {
    /// Whether it has ended.
    pub is_completed: bool,
    /// Documents that it found.
    pub total: u64,
    /// Updated.
    pub updated: u64,
    /// Found by the query, which saw no value in them or a lower one, and left alone by the script, which read another
    /// in their source: it is not indexed.
    pub noops: u64,
    /// Changed meanwhile; they stay as the other writer left them.
    pub conflicts: u64,
    /// Why it ended before its time.
    pub failures: Vec<Cause>,
}

static START: [Endpoint; 1] =
    [Endpoint { label: "update by query", method: Method::POST, path: "/*/_update_by_query" }];

static TASKS: [Endpoint; 2] = [
    Endpoint { label: "task", method: Method::GET, path: "/_tasks/*" },
    Endpoint { label: "cancel", method: Method::POST, path: "/_tasks/*/_cancel" },
];

/// How often a task that was cancelled is asked whether it has ended.
const ENDING: Duration = Duration::from_millis(100);

const UPDATING: &str = "updating on the server's side";

/// It decides again, on the source, what the query decided on the index: a value that is not indexed stands.
const SCRIPT: &str = "def v = ctx._source[params.f]; \
    boolean empty = v == null || (v instanceof List && v.isEmpty()); \
    if (!empty && (v == params.v || params.keep || (params.no_lower && !(v instanceof Number && v < params.v)))) \
    { ctx.op = 'noop' } else { ctx._source[params.f] = params.v }";

#[derive(Deserialize)]
struct Started {
    task: String,
}

impl ServerSide {
    /// Prepares it; nothing is sent. The pre-check must have allowed it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] on Elastic serverless, where a task that was started cannot be stopped.
    pub fn new(connection: &Connection, reader: &Reader, _: &Cleared) -> Result<Self, Error> {
        if reader.server().is_serverless {
            return Err(Error::Unsupported {
                what: UPDATING,
                server: reader.server().to_string(),
                why: "a task that was started could not be stopped there; leave --server-side out",
            });
        }
        let (once, tasks) = (connection.http_once(&START)?, connection.http(&TASKS)?);
        Ok(Self { reader: reader.clone(), once, tasks })
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the index is gone, the key could not stop it, or the server refuses it (scripts may be forbidden). Sent once: after a failure it may or
    /// may not have been started.
    pub async fn start(&self, task: &Task, fields: &Fields) -> Result<TaskId, Error> {
        self.reader.ensure_exists().await?;
        if self.reader.may_stop_tasks().await? == Some(false) {
            return Err(Error::Unsupported {
                what: UPDATING,
                server: self.reader.server().to_string(),
                why: "the key lacks `manage` on the cluster, without which a task that was started could not be \
                      stopped; leave --server-side out, or use a key that has it",
            });
        }
        let query = task.remaining(fields)?.0;
        let body = json!({
            "query": query,
            "script": {"lang": "painless", "source": SCRIPT, "params": {
                "f": task.field.as_str(), "v": task.value, "keep": task.mode == Mode::Missing,
                "no_lower": task.mode == Mode::All,
            }},
        });
        let request = Request::post(self.reader.path("_update_by_query"), body.to_string())
            .query("wait_for_completion", "false")
            .query("conflicts", "proceed")
            .query("slices", "auto")
            .query("scroll_size", "1000")
            // The default pipeline must not run again; a final one always does.
            .query("pipeline", "_none");
        let Started { task } = self.once.json(&request).await?;
        Ok(TaskId(task))
    }

    /// Asks how far it is.
    ///
    /// # Errors
    ///
    /// If the request failed; not found if the node that ran it has died.
    pub async fn status(&self, task: &TaskId) -> Result<ServerSideStatus, Error> {
        let path = format!("/_tasks/{}", Request::encoded(&task.0));
        let reply: TaskReply = self.tasks.json(&Request::get(path)).await?;
        status_of(reply).ok_or_else(|| self.reader.nonsense("a task without numbers"))
    }

    /// Stops it; what is done stays done.
    ///
    /// # Errors
    ///
    /// If the request failed; the key needs `manage` on the cluster.
    pub async fn cancel(&self, task: &TaskId) -> Result<(), Error> {
        let path = format!("/_tasks/{}/_cancel", Request::encoded(&task.0));
        self.tasks.json::<Value>(&Request::post(path, "")).await?;
        Ok(())
    }

    /// Stops it, and waits until it has ended: after a cancel, it finishes what it is writing. Says how far it came;
    /// `None` of one that the server does not know, or no more.
    ///
    /// # Errors
    ///
    /// As [`ServerSide::cancel`] and [`ServerSide::status`]. It may be writing on then.
    pub async fn end(&self, task: &TaskId) -> Result<Option<ServerSideStatus>, Error> {
        known(self.cancel(task).await)?;
        loop {
            match known(self.status(task).await)? {
                Some(status) if !status.is_completed => sleep(ENDING).await,
                ended => return Ok(ended),
            }
        }
    }
}

/// What is said of a task; `None` if the server does not know it.
fn known<T>(said: Result<T, Error>) -> Result<Option<T>, Error> {
    match said {
        Err(error) if *error.kind() == Kind::NotFound => Ok(None),
        said => said.map(Some),
    }
}

/// The answer of `_tasks`: `response` and `error` only when it has ended.
#[derive(Deserialize)]
struct TaskReply {
    completed: bool,
    task: TaskView,
    response: Option<Numbers>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct TaskView {
    status: Option<Numbers>,
}

#[derive(Deserialize)]
struct Numbers {
    total: u64,
    updated: u64,
    noops: u64,
    version_conflicts: u64,
    #[serde(default)]
    failures: Vec<Value>,
}

/// `None` where it has no numbers: neither an end, nor a way so far, nor an error.
fn status_of(reply: TaskReply) -> Option<ServerSideStatus> {
    let TaskReply { completed, task, response, error } = reply;
    let numbers = response.or(task.status);
    if numbers.is_none() && error.is_none() {
        return None;
    }
    let mut status = ServerSideStatus { is_completed: completed, ..ServerSideStatus::default() };
    if let Some(numbers) = numbers {
        (status.total, status.updated) = (numbers.total, numbers.updated);
        (status.noops, status.conflicts) = (numbers.noops, numbers.version_conflicts);
        // One that failed in writing has a cause, one that failed in searching a reason.
        let cause = |failure: &Value| {
            Cause::said(failure.get("cause").or_else(|| failure.get("reason")).unwrap_or(failure))
        };
        status.failures = numbers.failures.iter().map(cause).collect();
    }
    status.failures.extend(error.as_ref().map(Cause::said));
    Some(status)
}

/// As it was displayed: for a process that goes on with what another one began.
impl From<String> for TaskId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &Value) -> Option<ServerSideStatus> {
        status_of(serde_json::from_value(json.clone()).unwrap())
    }

    #[test]
    fn a_status_is_read_while_it_runs_and_when_it_has_ended() {
        let numbers = json!({"total": 10, "updated": 4, "noops": 1, "version_conflicts": 2});
        let status = read(&json!({"completed": false, "task": {"status": numbers}})).unwrap();
        assert_eq!((status.is_completed, status.total, status.updated, status.conflicts), (false, 10, 4, 2));
        let ended = json!({"completed": true, "task": {"status": numbers}, "response": {
            "total": 10, "updated": 9, "noops": 0, "version_conflicts": 0, "failures": [
                {"index": "i", "id": "a", "cause": {"type": "t", "reason": "r"}, "status": 400},
                {"shard": 0, "index": "i", "reason": {"type": "s", "reason": "q"}},
                {"odd": 1},
            ],
        }});
        let status = read(&ended).unwrap();
        assert_eq!((status.is_completed, status.updated), (true, 9));
        let words: Vec<String> = status.failures.iter().map(Cause::message).collect();
        assert_eq!(words, ["r (t)", "q (s)", r#"{"odd":1}"#]);
        let broken =
            json!({"completed": true, "task": {}, "error": {"type": "script_exception", "reason": "no"}});
        assert_eq!(read(&broken).unwrap().failures.len(), 1);
    }

    #[test]
    fn a_status_without_its_numbers_is_none() {
        assert_eq!(read(&json!({"completed": false, "task": {}})), None);
        for odd in [
            json!({"task": {}}),
            json!({"completed": true}),
            json!({"completed": true, "task": {}, "response": {"total": 1}}),
        ] {
            assert!(serde_json::from_value::<TaskReply>(odd.clone()).is_err(), "{odd}");
        }
    }
}
