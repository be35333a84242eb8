//! Documents in pages, for a person who turns them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use upstream::Request;

use crate::{
    Document, Error, Query, Reader,
    holding::{MOST, VECTORS, documents},
    wire::{self, SearchReply, Searched},
};

/// How long the server keeps the place of a list after each of its pages.
const KEEP_ALIVE: &str = "5m";

/// A page of the documents that match.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The documents, without fields that look like vectors.
    pub documents: Vec<Document>,
    /// How many match.
    pub total: u64,
    /// How many stand on the pages before.
    pub before: u64,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
    /// Whether all pages are of the moment of the first. Where they are not, documents that are changed between two
    /// pages may stand on both or on neither.
    pub is_one_snapshot: bool,
}

/// Where a page begins. It travels in addresses, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Place {
    /// In a point in time, behind the document with this place. It is left to expire when the last page was seen: the
    /// pages before it can still be looked at again.
    PointInTime { id: String, after: Vec<Value>, before: u64 },
    /// Behind so many documents, where points in time have no order: all that a server without them can be asked, and
    /// for the first 10,000 documents only.
    Position { before: u64 },
}

impl Reader {
    /// A page of the documents that match: the first one, or the one that begins where [`Listing::next`] said. `None`
    /// where that cannot be read, or the server no longer keeps the place: the list has to be begun anew.
    ///
    /// # Errors
    ///
    /// If a request fails, or not all shards answered (law 3).
    pub async fn page(
        &self,
        query: &Query,
        size: usize,
        next: Option<&str>,
    ) -> Result<Option<Listing>, Error> {
        let size = size.clamp(1, MOST);
        let place = match next {
            Some(next) => match serde_json::from_str(next) {
                Ok(place) => place,
                Err(_) => return Ok(None),
            },
            None => {
                let first = self.page_at(query, size, 0).await?;
                if behind(&first).is_none() {
                    // What one page holds needs no place between two.
                    return Ok(Some(Listing { is_one_snapshot: true, ..first }));
                }
                match self.ordered_point_in_time().await? {
                    Some(id) => Place::PointInTime { id, after: Vec::new(), before: 0 },
                    None => return Ok(Some(first)),
                }
            }
        };
        match place {
            Place::PointInTime { id, after, before } => {
                self.page_of_point_in_time(query, size, id, &after, before).await
            }
            Place::Position { before } => self.page_at(query, size, before).await.map(Some),
        }
    }

    async fn ordered_point_in_time(&self) -> Result<Option<String>, Error> {
        if self.server().has_ordered_pits() { self.point_in_time().await } else { Ok(None) }
    }

    async fn page_of_point_in_time(
        &self,
        query: &Query,
        size: usize,
        id: String,
        after: &[Value],
        before: u64,
    ) -> Result<Option<Listing>, Error> {
        let mut body = body(query, size);
        body["pit"] = json!({"id": id, "keep_alive": KEEP_ALIVE});
        body["sort"] = json!([{"_shard_doc": "asc"}]);
        if !after.is_empty() {
            body["search_after"] = json!(after);
        }
        let request =
            Request::post("/_search", body.to_string()).query("allow_partial_search_results", "false");
        let reply = match self.http().send(&request, wire::read_cursor).await.map_err(Error::from) {
            Ok(Searched::Whole(reply)) => reply,
            Ok(Searched::LostCursor) => return Ok(None),
            Err(error) if error.is_lost_cursor() => return Ok(None),
            Err(error) => return Err(error),
        };
        let id = reply.pit_id.clone().unwrap_or(id);
        let after = reply.hits.hits.last().map(|hit| hit.sort.clone()).unwrap_or_default();
        if after.is_empty() && !reply.hits.hits.is_empty() {
            return Err(self.nonsense("a sorted search gave a hit without its place"));
        }
        let mut listing = self.listing(reply, before)?;
        listing.next = behind(&listing).and_then(|before| Place::PointInTime { id, after, before }.text());
        listing.is_one_snapshot = true;
        Ok(Some(listing))
    }

    async fn page_at(&self, query: &Query, size: usize, before: u64) -> Result<Listing, Error> {
        let window = MOST as u64;
        // Whoever changes the number in an address gets the last page that may be asked for.
        let before = before.min(window - size as u64);
        let mut body = body(query, size);
        body["from"] = json!(before);
        body["sort"] = json!(["_doc"]);
        let mut listing = self.listing(self.search(&body).await?, before)?;
        listing.next = behind(&listing)
            .filter(|before| before + size as u64 <= window)
            .and_then(|before| Place::Position { before }.text());
        Ok(listing)
    }

    fn listing(&self, reply: SearchReply, before: u64) -> Result<Listing, Error> {
        let total = reply.total().ok_or_else(|| self.nonsense("the answer lacks the exact total"))?;
        Ok(Listing { documents: documents(reply), total, before, next: None, is_one_snapshot: false })
    }
}

fn body(query: &Query, size: usize) -> Value {
    json!({"size": size, "query": query.0, "_source": {"excludes": VECTORS}, "track_total_hits": true})
}

/// How many documents stand before the next page, if there is one.
fn behind(listing: &Listing) -> Option<u64> {
    let before = listing.before.saturating_add(listing.documents.len() as u64);
    (before < listing.total && !listing.documents.is_empty()).then_some(before)
}

impl Place {
    fn text(&self) -> Option<String> {
        // Strings and numbers: there is nothing in them that JSON cannot hold.
        serde_json::to_string(self).ok()
    }
}
