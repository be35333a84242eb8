//! Reading through an index.

use http::Method;
use serde_json::{Map, Value, json};
use upstream::{Kind, Request};

use crate::{
    Error, Query, Reader,
    wire::{self, Searched, WireHit},
};

/// A pass over all documents that match a query.
///
/// With a point in time and `search_after` where there is one (Elasticsearch from 7.12), with a scroll elsewhere. A
/// scan that is not [closed](Scan::close) is freed by the server after five minutes.
///
/// What an update would write, without writing:
///
/// ```
/// # use elasticsearch::{Error, Fields, Page, Reader, SourceFields, Task};
/// async fn dry_run(reader: &Reader, task: &Task, fields: &Fields) -> Result<Vec<String>, Error> {
///     let mut scan = reader.scan(task.remaining(fields)?, SourceFields::None, 1000);
///     let mut ids = Vec::new();
///     loop {
///         match scan.next().await? {
///             Page::Hits(hits) => ids.extend(hits.into_iter().map(|hit| hit.id)),
///             // The next page is the first one again.
///             Page::Lost => ids.clear(),
///             Page::End => return Ok(ids),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Scan {
    reader: Reader,
    query: Query,
    source: SourceFields,
    page: usize,
    cursor: Cursor,
    /// Whether a point in time was refused, so that it is a scroll from now on.
    is_scroll: bool,
}

/// What is read of each document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceFields {
    /// Nothing but where it is and its stamp.
    None,
    /// These fields.
    Only(Vec<String>),
}

#[derive(Debug)]
enum Cursor {
    Closed,
    PointInTime { id: String, after: Vec<Value> },
    Scroll { id: String },
}

/// Which version of a document was seen: an update that carries it fails when the document has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// `_seq_no`.
    pub seq_no: u64,
    /// `_primary_term`.
    pub primary_term: u64,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The index that holds it: the concrete one behind an alias.
    pub index: String,
    /// Its `_id`.
    pub id: String,
    /// Its routing; an update without it would look on the wrong shard.
    pub routing: Option<String>,
    /// Its version.
    pub stamp: Stamp,
    /// What was asked for of its `_source`.
    pub source: Map<String, Value>,
}

/// A step of a scan.
#[derive(Debug, Clone, PartialEq)]
pub enum Page {
    /// Some documents.
    Hits(Vec<Hit>),
    /// That was all.
    End,
    /// The server has lost its place. The next page begins anew, with what matches by then.
    Lost,
}

/// How long the server keeps the place between two pages.
const KEEP_ALIVE: &str = "5m";
/// The most hits of a page, which no index refuses (`index.max_result_window`).
const MOST_HITS: usize = 10_000;

impl Scan {
    pub(crate) fn new(reader: Reader, query: Query, source: SourceFields, page: usize) -> Self {
        let is_scroll = !reader.server().has_ordered_pits();
        Self { reader, query, source, page: page.clamp(1, MOST_HITS), cursor: Cursor::Closed, is_scroll }
    }

    /// The next page.
    ///
    /// Once it was [`Page::End`], the next call begins another pass.
    ///
    /// # Errors
    ///
    /// If a request failed for good, or not all shards answered.
    pub async fn next(&mut self) -> Result<Page, Error> {
        let page = match &self.cursor {
            Cursor::Closed if self.is_scroll => self.open_scroll().await,
            Cursor::Closed => match self.open_point_in_time().await? {
                true => self.page_of_point_in_time().await,
                false => self.open_scroll().await,
            },
            Cursor::PointInTime { .. } => self.page_of_point_in_time().await,
            Cursor::Scroll { .. } => self.page_of_scroll().await,
        };
        match page {
            Err(error) if error.is_lost_cursor() => {
                self.cursor = Cursor::Closed;
                Ok(Page::Lost)
            }
            page => page,
        }
    }

    /// Frees the server's place. Nothing is lost where that fails: the server frees it after five minutes.
    pub async fn close(&mut self) {
        let (path, body) = match std::mem::replace(&mut self.cursor, Cursor::Closed) {
            Cursor::Closed => return,
            Cursor::PointInTime { id, .. } => ("/_pit", json!({"id": id})),
            Cursor::Scroll { id } => ("/_search/scroll", json!({"scroll_id": [id]})),
        };
        let request = Request::new(Method::DELETE, path.to_owned(), Some(body.to_string().into()));
        if let Err(error) = self.reader.http_once().send(&request, |_| Ok(())).await {
            tracing::debug!(%error, "a cursor was not freed");
        }
    }

    /// Opens a point in time, or says that the server has none.
    async fn open_point_in_time(&mut self) -> Result<bool, Error> {
        let request = Request::post(self.reader.path("_pit"), "").query("keep_alive", KEEP_ALIVE);
        match self.reader.http().send(&request, wire::read_opened).await.map_err(Error::from) {
            Ok(id) => {
                self.cursor = Cursor::PointInTime { id, after: Vec::new() };
                Ok(true)
            }
            // A missing index is its own error and not this one.
            Err(error) if error.is_no_such_api() => {
                self.is_scroll = true;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn page_of_point_in_time(&mut self) -> Result<Page, Error> {
        let Cursor::PointInTime { id, after } = &mut self.cursor else { return Ok(Page::Lost) };
        let mut body = json!({
            "size": self.page,
            "pit": {"id": id, "keep_alive": KEEP_ALIVE},
            "query": self.query.0,
            "sort": [{"_shard_doc": "asc"}],
            "_source": self.source.json(),
            "seq_no_primary_term": true,
            "track_total_hits": false,
        });
        if !after.is_empty() {
            body["search_after"] = json!(after);
        }
        // Without a path: the index belongs to the point in time. Asking twice gives the same page twice.
        let request =
            Request::post("/_search", body.to_string()).query("allow_partial_search_results", "false");
        let reply = match self.reader.http().send(&request, wire::read_cursor).await? {
            Searched::Whole(reply) => reply,
            Searched::LostCursor => {
                self.cursor = Cursor::Closed;
                return Ok(Page::Lost);
            }
        };
        if let Some(newest) = reply.pit_id {
            *id = newest;
        }
        match reply.hits.hits.last() {
            None => {
                self.close().await;
                Ok(Page::End)
            }
            Some(last) if last.sort.is_empty() => {
                Err(self.reader.nonsense("a sorted search gave a hit without its place"))
            }
            Some(last) => {
                after.clone_from(&last.sort);
                self.hits(reply.hits.hits)
            }
        }
    }

    async fn open_scroll(&mut self) -> Result<Page, Error> {
        let body = json!({
            "size": self.page,
            "query": self.query.0,
            "sort": ["_doc"],
            "_source": self.source.json(),
            "seq_no_primary_term": true,
        });
        let request = Request::post(self.reader.path("_search"), body.to_string())
            .query("scroll", KEEP_ALIVE)
            .query("allow_partial_search_results", "false");
        let reply = self.reader.http().send(&request, wire::read_cursor).await?;
        self.scrolled(reply).await
    }

    /// The next page of a scroll moves the server's place on, so that a request whose answer was lost cannot be sent
    /// again: the page would be skipped. The scroll is begun anew instead.
    async fn page_of_scroll(&mut self) -> Result<Page, Error> {
        let Cursor::Scroll { id } = &self.cursor else { return Ok(Page::Lost) };
        let body = json!({"scroll": KEEP_ALIVE, "scroll_id": id}).to_string();
        let request = Request::post("/_search/scroll", body);
        match self.reader.http_once().send(&request, wire::read_cursor).await.map_err(Error::from) {
            Ok(reply) => self.scrolled(reply).await,
            Err(error) if error.is_transient() || *error.kind() == Kind::NotFound && !error.is_no_index() => {
                tracing::debug!(%error, "the scroll is begun anew");
                self.close().await;
                Ok(Page::Lost)
            }
            Err(error) => Err(error),
        }
    }

    async fn scrolled(&mut self, searched: Searched) -> Result<Page, Error> {
        let Searched::Whole(reply) = searched else {
            self.close().await;
            return Ok(Page::Lost);
        };
        let Some(id) = reply.scroll_id else {
            return Err(self.reader.nonsense("a scroll was answered without its id"));
        };
        self.cursor = Cursor::Scroll { id };
        if reply.hits.hits.is_empty() {
            self.close().await;
            return Ok(Page::End);
        }
        self.hits(reply.hits.hits)
    }

    fn hits(&self, hits: Vec<WireHit>) -> Result<Page, Error> {
        let hits: Option<Vec<Hit>> = hits.into_iter().map(|hit| Hit::of_wire(hit, &self.source)).collect();
        hits.map(Page::Hits)
            .ok_or_else(|| self.reader.nonsense("a document came without its sequence number or its source"))
    }
}

impl Hit {
    fn of_wire(hit: WireHit, asked: &SourceFields) -> Option<Self> {
        let stamp = Stamp { seq_no: hit.seq_no?, primary_term: hit.primary_term? };
        let source = match asked {
            SourceFields::None => Map::new(),
            SourceFields::Only(_) => hit.source?,
        };
        Some(Self { index: hit.index, id: hit.id, routing: hit.routing, stamp, source })
    }
}

impl SourceFields {
    fn json(&self) -> Value {
        match self {
            Self::None => json!(false),
            Self::Only(fields) => json!({"includes": fields}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_has_its_stamp_and_its_source() {
        let whole =
            json!({"_index": "idx", "_id": "a", "_seq_no": 1, "_primary_term": 1, "_source": {"level": 1}});
        let read = |hit: &Value, asked| Hit::of_wire(serde_json::from_value(hit.clone()).unwrap(), &asked);
        let level = || SourceFields::Only(vec!["level".to_owned()]);
        assert_eq!(read(&whole, level()).unwrap().source["level"], json!(1));
        for absent in ["_seq_no", "_primary_term", "_source"] {
            let mut hit = whole.clone();
            hit.as_object_mut().unwrap().remove(absent);
            assert_eq!(read(&hit, level()), None, "{absent}");
        }
    }
}
