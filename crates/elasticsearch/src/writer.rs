//! Writing to an index that was checked.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use upstream::{Endpoint, Http, Kind, Meter, Request};

use crate::{
    Action, Cleared, Connection, Error, ItemOutcome, Reader, Task,
    bulk::{FILTER_PATH, read_outcomes},
};

/// Partially updates documents of an index that passed the [pre-check](crate::Precheck), and refreshes it. It cannot
/// delete (law 2): neither a method does, nor would the HTTP client below it send one.
///
/// ```compile_fail,E0599
/// async fn delete(writer: &elasticsearch::Writer) {
///     writer.delete("id").await;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Writer {
    reader: Reader,
    cleared: Cleared,
    once: Http,
    /// How long the server takes to show writes to searches by itself.
    refresh_interval: Duration,
}

/// Whether searches show all writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// They do.
    Yes,
    /// The key may not refresh (it lacks `maintenance`); the usual interval was waited for instead.
    Waited,
}

/// What may be sent to write.
static WRITES: [Endpoint; 2] = [
    Endpoint { label: "bulk", method: Method::POST, path: "/_bulk" },
    Endpoint { label: "refresh", method: Method::POST, path: "/*/_refresh" },
];

impl Writer {
    /// A writer. Nothing is sent.
    ///
    /// # Errors
    ///
    /// If the connection's options cannot be used.
    pub fn new(connection: &Connection, reader: &Reader, cleared: Cleared) -> Result<Self, Error> {
        // What `index.refresh_interval` is where nobody has set it.
        let refresh_interval = Duration::from_secs(if reader.server().is_serverless { 5 } else { 1 });
        Ok(Self { reader: reader.clone(), cleared, once: connection.http_once(&WRITES)?, refresh_interval })
    }

    /// The same for an index whose `index.refresh_interval` is not the usual one (a second; five on Elastic
    /// serverless): so long [`Writer::refresh`] waits where it may not refresh.
    #[must_use]
    pub fn with_refresh_interval(self, refresh_interval: Duration) -> Self {
        Self { refresh_interval, ..self }
    }

    /// A clone that counts in this meter; connections stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: &Meter) -> Self {
        Self {
            reader: self.reader.with_meter(meter),
            cleared: self.cleared.clone(),
            once: self.once.with_meter(meter.clone()),
            refresh_interval: self.refresh_interval,
        }
    }

    /// The reader of the same index.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What the pre-check allowed.
    #[must_use]
    pub fn cleared(&self) -> &Cleared {
        &self.cleared
    }

    /// Sends partial updates in one request, once, and says what became of each, in the order given.
    ///
    /// An action on an index that was not checked is refused without being sent, since a write to one that does not
    /// exist would create it.
    ///
    /// # Errors
    ///
    /// If the request failed. Unless the server refused it, the updates may or may not have been done; sent again,
    /// those that were are conflicts.
    pub async fn bulk(&self, task: &Task, actions: &[Action]) -> Result<Vec<ItemOutcome>, Error> {
        if let Some(stray) = actions.iter().find(|action| !self.cleared.allows(&action.index)) {
            return Err(Error::NoIndex { index: stray.index.clone() });
        }
        if actions.is_empty() {
            return Ok(Vec::new());
        }
        let document = task.document();
        let mut body = String::with_capacity(actions.iter().map(|action| action.size(&document)).sum());
        for action in actions {
            action.write(&document, &mut body);
        }
        let request = Request::post_lines("/_bulk", body).query("filter_path", FILTER_PATH);
        Ok(self.once.send(&request, |response| read_outcomes(response, actions)).await?)
    }

    /// Makes all writes visible to searches; where the key may not, waits as long as the server usually takes.
    ///
    /// # Errors
    ///
    /// If the request failed for another reason.
    pub async fn refresh(&self) -> Result<Refreshed, Error> {
        let request = Request::post(self.reader.path("_refresh"), "");
        match self.once.json::<Value>(&request).await {
            Ok(_) => Ok(Refreshed::Yes),
            Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::Unavailable) => {
                tokio::time::sleep(self.refresh_interval).await;
                Ok(Refreshed::Waited)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credentials;

    #[tokio::test]
    async fn the_client_of_a_writer_refuses_all_that_is_no_update() {
        let connection = Connection::new("http://127.0.0.1:9".parse().unwrap(), Credentials::Anonymous);
        let http = connection.http_once(&WRITES).unwrap();
        for (method, path) in [
            (Method::DELETE, "/idx"),
            (Method::DELETE, "/idx/_doc/1"),
            (Method::POST, "/idx/_delete_by_query"),
            (Method::POST, "/idx/_update_by_query"),
            (Method::POST, "/idx/_doc"),
            (Method::PUT, "/idx/_doc/1"),
            (Method::PUT, "/idx"),
            (Method::PUT, "/idx/_mapping"),
            (Method::PUT, "/_bulk"),
            (Method::POST, "/idx/_bulk"),
            (Method::POST, "/_reindex"),
            (Method::POST, "/_bulk/../_reindex"),
        ] {
            let error = http.json::<()>(&Request::new(method, path.into(), None)).await.unwrap_err();
            assert_eq!(*error.kind(), Kind::NotAllowed, "{error}");
        }
    }
}
