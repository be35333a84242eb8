//! Updating by the server itself (`_update_by_query`): an option for those who want it.

use std::fmt;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use upstream::{Endpoint, Http, Request};

use crate::{Cause, Cleared, Connection, Error, Fields, Mode, Reader, Task};

/// Lets the server update the documents in a task of its own.
///
/// Its limits, against [`crate::Update`]: a failure that is no conflict ends it (what is done stays done); documents
/// are indexed whole, so that a final pipeline runs again; it needs scripts, and `manage` on the cluster to be
/// stopped; and a restart of the node loses it.
#[derive(Debug, Clone)]
pub struct ServerSide {
    reader: Reader,
    http: Http,
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
    /// Had the value.
    pub noops: u64,
    /// Changed meanwhile; they stay as the other writer left them.
    pub conflicts: u64,
    /// Why it ended before its time.
    pub failures: Vec<Cause>,
}

static SERVER_SIDE: [Endpoint; 3] = [
    Endpoint { label: "update by query", method: Method::POST, path: "/*/_update_by_query" },
    Endpoint { label: "task", method: Method::GET, path: "/_tasks/*" },
    Endpoint { label: "cancel", method: Method::POST, path: "/_tasks/*/_cancel" },
];

/// It decides again, on the newest source, what the query decided on the index: a value that came meanwhile stands.
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
                what: "updating on the server's side",
                server: reader.server().to_string(),
                why: "a task that was started could not be stopped there; leave --server-side out",
            });
        }
        Ok(Self { reader: reader.clone(), http: connection.http_once(&SERVER_SIDE)? })
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the index is gone, or the server refuses it (scripts may be forbidden). Sent once: after a failure it may or
    /// may not have been started.
    pub async fn start(&self, task: &Task, fields: &Fields) -> Result<TaskId, Error> {
        self.reader.ensure_exists().await?;
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
        let Started { task } = self.http.json(&request).await?;
        Ok(TaskId(task))
    }

    /// Asks how far it is.
    ///
    /// # Errors
    ///
    /// If the request failed; not found if the node that ran it has died.
    pub async fn status(&self, task: &TaskId) -> Result<ServerSideStatus, Error> {
        let path = format!("/_tasks/{}", Request::encoded(&task.0));
        let json: Value = self.http.json(&Request::get(path)).await?;
        Ok(status_of(&json))
    }

    /// Stops it; what is done stays done.
    ///
    /// # Errors
    ///
    /// If the request failed; the key needs `manage` on the cluster.
    pub async fn cancel(&self, task: &TaskId) -> Result<(), Error> {
        let path = format!("/_tasks/{}/_cancel", Request::encoded(&task.0));
        self.http.json::<Value>(&Request::post(path, "")).await?;
        Ok(())
    }
}

fn status_of(json: &Value) -> ServerSideStatus {
    let is_completed = json.get("completed").and_then(Value::as_bool).unwrap_or(false);
    let numbers = json.get("response").or_else(|| json.pointer("/task/status")).unwrap_or(&Value::Null);
    let number = |name: &str| numbers.get(name).and_then(Value::as_u64).unwrap_or(0);
    let failures = numbers.get("failures").and_then(Value::as_array).cloned().unwrap_or_default();
    let causes = failures.iter().filter_map(|failure| Cause::of_error(failure.get("cause")?));
    let error = json.get("error").and_then(Cause::of_error);
    ServerSideStatus {
        is_completed,
        total: number("total"),
        updated: number("updated"),
        noops: number("noops"),
        conflicts: number("version_conflicts"),
        failures: causes.chain(error).collect(),
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

    #[test]
    fn a_status_is_read_while_it_runs_and_when_it_has_ended() {
        let running = json!({"completed": false, "task": {"status": {"total": 10, "updated": 4, "noops": 1, "version_conflicts": 2}}});
        let status = status_of(&running);
        assert_eq!((status.is_completed, status.total, status.updated, status.conflicts), (false, 10, 4, 2));
        let ended = json!({"completed": true, "task": {"status": {"total": 1}}, "response": {"total": 10, "updated": 9, "noops": 0, "version_conflicts": 0,
            "failures": [{"index": "i", "id": "a", "cause": {"type": "t", "reason": "r"}, "status": 400}]}});
        let status = status_of(&ended);
        assert_eq!((status.is_completed, status.updated, status.failures.len()), (true, 9, 1));
        let broken = json!({"completed": true, "error": {"type": "script_exception", "reason": "no"}});
        assert_eq!(status_of(&broken).failures.len(), 1);
    }
}
