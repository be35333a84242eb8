//! The read side of an index, shared by source and target.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use upstream::{Http, Kind, Meter, Pacer, Request, Unusable};

use crate::{
    Error, IndexDescription, LIST_PAGE, MAX_FETCH_IDS, Metadata, Namespace, Quotas, SparseValues,
    batch::ranges,
    wire::{self, MetadataPart, NamespacesPage, RpcStatus, Whole, missing, read_fetched},
};

/// The read operations of an index. [`crate::SourceIndex`] and [`crate::TargetIndex`] deref to it; it cannot be made
/// in another way, and it cannot write.
#[derive(Debug, Clone)]
pub struct Reader {
    http: Http,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    description: IndexDescription,
    list: Pacer,
    fetch: Pacer,
    stats: Pacer,
    /// How long the URL of a fetch may be: lowered when one is refused for its length.
    url_bytes: AtomicUsize,
}

/// A record without its dense values.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedMetadata {
    /// Its id.
    pub id: String,
    /// Its metadata; empty if it has none.
    pub metadata: Metadata,
    /// Its sparse values, if it has any.
    pub sparse_values: Option<SparseValues>,
}

/// A whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedRecord {
    /// Its id.
    pub id: String,
    /// Its dense values; empty if it has none.
    pub values: Vec<f32>,
    /// Its metadata; empty if it has none.
    pub metadata: Metadata,
    /// Its sparse values, if it has any.
    pub sparse_values: Option<SparseValues>,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Its ids; it may have none.
    pub ids: Vec<String>,
    /// The token that this page was asked for with; `None` for the first page.
    pub token: Option<String>,
    /// The token that the next page is asked for with; `None` if this is the last one.
    pub next: Option<String>,
}

/// The statistics of an index. They lag behind writes, so they prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStats {
    /// Records by namespace.
    pub namespaces: BTreeMap<Namespace, u64>,
    /// Records in all.
    pub total: u64,
    /// How many values a dense vector has; `None` for an index of sparse vectors.
    pub dimension: Option<u32>,
}

/// A namespace and how many records it holds. The count lags behind writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceSummary {
    /// Which.
    pub name: Namespace,
    /// How many records.
    pub record_count: u64,
}

/// How long the URL of a fetch may be. Undocumented; proxies on the way stop at 8 KB at the least.
const URL_BYTES: usize = 6_500;
/// It is never lowered beyond this.
const SHORTEST_URL_BYTES: usize = 700;
/// How many parts of one fetch are under way at a time, if its URL is too long for one.
const PARTS_AT_A_TIME: usize = 4;

impl Reader {
    pub(crate) fn new(http: Http, description: IndexDescription, quotas: &Quotas) -> Self {
        let shared = Shared {
            description,
            list: Pacer::per_second(quotas.list_per_second, "list requests"),
            fetch: Pacer::per_second(quotas.fetch_per_second, "fetch requests"),
            stats: Pacer::per_second(quotas.stats_per_second, "requests for statistics"),
            url_bytes: AtomicUsize::new(URL_BYTES),
        };
        Self { http, shared: Arc::new(shared) }
    }

    pub(crate) fn with_meter(&self, meter: Meter) -> Self {
        Self { http: self.http.with_meter(meter), shared: Arc::clone(&self.shared) }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// What the control plane said about the index.
    #[must_use]
    pub fn description(&self) -> &IndexDescription {
        &self.shared.description
    }

    /// What the index has taught about its limits so far, for people; nothing as long as it has said nothing.
    #[must_use]
    pub fn learned(&self) -> Vec<String> {
        let Shared { list, fetch, stats, url_bytes, .. } = &*self.shared;
        let mut learned: Vec<String> = [list, fetch, stats].into_iter().filter_map(Pacer::learned).collect();
        let url_bytes = url_bytes.load(Ordering::Relaxed);
        if url_bytes < URL_BYTES {
            learned.push(format!("{url_bytes} bytes in the address of a fetch: a longer one was refused"));
        }
        learned
    }

    /// The ids of a namespace, page by page, ascending bytewise and each once.
    ///
    /// The order is asserted within and across pages; an id that repeats the one before it is dropped, since a
    /// listing is a set. A namespace that does not exist is empty. The next page is asked for when it is polled for.
    /// The stream ends after an error, and only a stream that ended without one was a whole listing (law 3).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfOrder`], [`Error::RepeatedToken`], [`Error::TokenRefused`], or a failed request.
    pub fn list(
        &self,
        namespace: &Namespace,
    ) -> impl Stream<Item = Result<Vec<String>, Error>> + Send + 'static + use<> {
        self.list_from(namespace, None).map_ok(|page| page.ids)
    }

    /// A listing that can be taken up again: from the page of a token, or from the beginning. Otherwise like
    /// [`Reader::list`].
    ///
    /// The order is asserted from the first id that is seen: that it comes after those of an earlier stream is for
    /// the caller to know. A token may have expired ([`Error::TokenRefused`]); then only a listing from the beginning
    /// helps.
    ///
    /// # Errors
    ///
    /// As [`Reader::list`].
    pub fn list_from(
        &self,
        namespace: &Namespace,
        token: Option<String>,
    ) -> impl Stream<Item = Result<ListPage, Error>> + Send + 'static + use<> {
        let index = self.shared.description.name.clone();
        let mut last: Option<String> = None;
        // An error found here must end the stream, as an error of a request does.
        let mut broken = false;
        self.pages(namespace, token)
            .map(move |page| {
                let page = page
                    .and_then(|page| Ok(ListPage { ids: in_order(&index, &mut last, page.ids)?, ..page }));
                let ended = std::mem::replace(&mut broken, page.is_err());
                (!ended).then_some(page)
            })
            .take_while(|page| std::future::ready(page.is_some()))
            .filter_map(std::future::ready)
    }

    /// The ids of a namespace as the service gives them, for a listing that is to be sorted elsewhere. Otherwise
    /// like [`Reader::list`].
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedToken`], [`Error::TokenRefused`], or a failed request.
    pub fn list_unordered(
        &self,
        namespace: &Namespace,
    ) -> impl Stream<Item = Result<Vec<String>, Error>> + Send + 'static + use<> {
        self.pages(namespace, None).map_ok(|page| page.ids)
    }

    /// The pages from the one of a token on, as the service gives them.
    fn pages(
        &self,
        namespace: &Namespace,
        token: Option<String>,
    ) -> impl Stream<Item = Result<ListPage, Error>> + Send + 'static + use<> {
        let reader = self.clone();
        let namespace = namespace.clone();
        let mut tokens = Tokens::default();
        if let Some(token) = &token {
            tokens.is_new(token);
        }
        stream::try_unfold(Some((token, tokens)), move |cursor| {
            let (reader, namespace) = (reader.clone(), namespace.clone());
            async move {
                let Some((token, mut tokens)) = cursor else { return Ok(None) };
                let (ids, next) = reader.list_page(&namespace, token.as_deref()).await?;
                if next.as_ref().is_some_and(|next| !tokens.is_new(next)) {
                    return Err(reader.repeated_token(namespace.as_str()));
                }
                let cursor = next.clone().map(|next| (Some(next), tokens));
                Ok(Some((ListPage { ids, token, next }, cursor)))
            }
        })
    }

    async fn list_page(
        &self,
        namespace: &Namespace,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let mut request = in_namespace(Request::get("/vectors/list"), namespace)
            .query("limit", &LIST_PAGE.to_string())
            .paced(&self.shared.list, 1);
        if let Some(token) = token {
            request = request.query("paginationToken", token);
        }
        match self.http.send(&request, wire::ListPage::read).await {
            // Only at the beginning: a namespace that vanishes in the middle was not listed.
            Err(error) if token.is_none() && is_no_namespace(&error) => Ok((Vec::new(), None)),
            Err(error) if token.is_some() && error.status() == Some(400) => {
                Err(Error::TokenRefused { index: self.shared.description.name.clone(), error })
            }
            answer => Ok(answer?),
        }
    }

    /// The metadata and sparse values of records. The dense values are skipped while parsing.
    ///
    /// One request if its URL is short enough, otherwise several, a few at a time; ids that do not exist are absent
    /// from the result, and so are all of a namespace that does not exist. The order of the result means nothing.
    ///
    /// # Errors
    ///
    /// If any of the requests failed: never a part of the records.
    pub async fn fetch_metadata(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<FetchedMetadata>, Error> {
        let entries = self.fetch::<MetadataPart>(namespace, ids).await?;
        Ok(entries
            .into_iter()
            .map(|(id, MetadataPart { metadata, sparse_values })| FetchedMetadata {
                id,
                metadata: metadata.unwrap_or_default(),
                sparse_values,
            })
            .collect())
    }

    /// Whole records; otherwise like [`Reader::fetch_metadata`]. A hundred records of 3,072 values are 4 MB.
    ///
    /// # Errors
    ///
    /// If any of the requests failed: never a part of the records.
    pub async fn fetch_records(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<FetchedRecord>, Error> {
        let entries = self.fetch::<Whole>(namespace, ids).await?;
        Ok(entries
            .into_iter()
            .map(|(id, Whole { values, metadata, sparse_values })| FetchedRecord {
                id,
                values: values.unwrap_or_default(),
                metadata: metadata.unwrap_or_default(),
                sparse_values,
            })
            .collect())
    }

    async fn fetch<T: DeserializeOwned + Send>(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<(String, T)>, Error> {
        let limit = self.shared.url_bytes.load(Ordering::Relaxed);
        let room = limit.saturating_sub(self.url_overhead(namespace));
        let sizes = ids.iter().map(|id| url_bytes(id));
        let mut parts: Vec<Vec<(String, T)>> = stream::iter(ranges(sizes, MAX_FETCH_IDS, room))
            .map(|range| self.fetch_part(namespace, &ids[range]))
            .buffered(PARTS_AT_A_TIME)
            .try_collect()
            .await?;
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => Ok(parts.into_iter().flatten().collect()),
        }
    }

    /// One request, and two of half the length wherever one is too long for somebody on the way.
    async fn fetch_part<T: DeserializeOwned>(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<(String, T)>, Error> {
        let mut records = Vec::new();
        let mut pending = vec![ids];
        while let Some(ids) = pending.pop() {
            match self.fetch_once(namespace, ids).await {
                Ok(part) if records.is_empty() => records = part,
                Ok(part) => records.extend(part),
                Err(error) if is_no_namespace(&error) => {}
                Err(error) if ids.len() > 1 && is_too_long(&error) => {
                    let half = ids.iter().map(|id| url_bytes(id)).sum::<usize>() / 2;
                    let limit = (self.url_overhead(namespace) + half).max(SHORTEST_URL_BYTES);
                    self.shared.url_bytes.fetch_min(limit, Ordering::Relaxed);
                    let (first, second) = ids.split_at(ids.len() / 2);
                    pending.extend([second, first]);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(records)
    }

    async fn fetch_once<T: DeserializeOwned>(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<(String, T)>, upstream::Error> {
        let mut request =
            in_namespace(Request::get("/vectors/fetch"), namespace).paced(&self.shared.fetch, 1);
        for id in ids {
            request = request.query("ids", id);
        }
        let asked: HashSet<&str> = ids.iter().map(String::as_str).collect();
        self.http
            .send(&request, |response| {
                let records = read_fetched::<T>(response)?;
                match records.iter().find(|(id, _)| !asked.contains(id.as_str())) {
                    Some((id, _)) => Err(Unusable(format!("record {id:?} was not asked for"))),
                    None => Ok(records),
                }
            })
            .await
    }

    /// The bytes of the URL of a fetch besides its ids.
    fn url_overhead(&self, namespace: &Namespace) -> usize {
        "https:///vectors/fetch?namespace=".len()
            + self.shared.description.host.len()
            + namespace.parameter().map_or(0, Request::encoded_len)
    }

    /// How many records each namespace holds, as far as the index knows yet.
    ///
    /// # Errors
    ///
    /// If the request failed.
    pub async fn stats(&self) -> Result<IndexStats, Error> {
        let request = Request::post("/describe_index_stats", "{}").paced(&self.shared.stats, 1);
        let stats = self
            .http
            .send(&request, |response| {
                let stats: wire::Stats = serde_json::from_slice(&response.body)?;
                let counted = stats.namespaces.ok_or_else(|| missing("namespaces"))?;
                let mut namespaces = BTreeMap::new();
                for (name, wire::NamespaceStats { vector_count }) in counted {
                    let name = Namespace::parse(&name).map_err(|error| Unusable(error.to_string()))?;
                    *namespaces.entry(name).or_default() += vector_count.0;
                }
                let total =
                    stats.total_vector_count.map_or_else(|| namespaces.values().sum(), |total| total.0);
                Ok(IndexStats { namespaces, total, dimension: stats.dimension.filter(|size| *size > 0) })
            })
            .await?;
        Ok(stats)
    }

    /// All namespaces, sorted. Where the endpoint does not exist, they are taken from the statistics.
    ///
    /// # Errors
    ///
    /// If a request failed.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceSummary>, Error> {
        let mut found: BTreeMap<Namespace, u64> = BTreeMap::new();
        let mut tokens = Tokens::default();
        let mut token: Option<String> = None;
        loop {
            let mut request = Request::get("/namespaces").query("limit", "100").paced(&self.shared.stats, 1);
            if let Some(token) = &token {
                request = request.query("paginationToken", token);
            }
            let (page, next) = match self.http.send(&request, NamespacesPage::read).await {
                Err(error) if token.is_none() && matches!(error.status(), Some(404 | 405 | 501)) => {
                    found = self.stats().await?.namespaces;
                    (Vec::new(), None)
                }
                answer => answer?,
            };
            for entry in page {
                // A name that this program could not send back is of no use to anyone.
                if let Ok(name) = Namespace::parse(&entry.name) {
                    *found.entry(name).or_default() += entry.record_count.0;
                }
            }
            match next {
                Some(next) if tokens.is_new(&next) => token = Some(next),
                Some(_) => return Err(self.repeated_token("the namespaces")),
                None => break,
            }
        }
        Ok(found.into_iter().map(|(name, record_count)| NamespaceSummary { name, record_count }).collect())
    }

    fn repeated_token(&self, namespace: &str) -> Error {
        Error::RepeatedToken { index: self.shared.description.name.clone(), namespace: namespace.to_owned() }
    }
}

/// The page tokens that were seen, by their hashes: a listing of ten million records has a hundred thousand.
#[derive(Default)]
struct Tokens(HashSet<u64>);

impl Tokens {
    fn is_new(&mut self, token: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}

/// The page if its ids ascend from the last one of the page before, without ids that repeat the one before them.
fn in_order(index: &str, last: &mut Option<String>, mut page: Vec<String>) -> Result<Vec<String>, Error> {
    page.dedup();
    if last.is_some() && page.first() == last.as_ref() {
        page.remove(0);
    }
    let mut previous = last.as_ref();
    for id in &page {
        if let Some(previous) = previous.filter(|previous| *previous > id) {
            return Err(Error::OutOfOrder {
                index: index.to_owned(),
                previous: previous.clone(),
                found: id.clone(),
            });
        }
        previous = Some(id);
    }
    if let Some(id) = page.last() {
        *last = Some(id.clone());
    }
    Ok(page)
}

pub(crate) fn in_namespace(request: Request, namespace: &Namespace) -> Request {
    match namespace.parameter() {
        Some(name) => request.query("namespace", name),
        None => request,
    }
}

/// What an id adds to the URL of a fetch.
fn url_bytes(id: &str) -> usize {
    "&ids=".len() + Request::encoded_len(id)
}

/// Whether a 404 says that the namespace does not exist, and not that a proxy does not know the way.
pub(crate) fn is_no_namespace(error: &upstream::Error) -> bool {
    const NOT_FOUND: i32 = 5;
    *error.kind() == Kind::NotFound
        && RpcStatus::read(error).is_some_and(|status| {
            status.code == NOT_FOUND && status.message.to_ascii_lowercase().contains("namespace")
        })
}

/// Whether a fetch was refused for its length.
fn is_too_long(error: &upstream::Error) -> bool {
    let talks_about_length = || {
        let message = error.message().to_ascii_lowercase();
        ["too long", "too large", "length", "uri"].iter().any(|word| message.contains(word))
    };
    *error.kind() == Kind::TooLarge || (error.status() == Some(400) && talks_about_length())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(last: &mut Option<String>, ids: &[&str]) -> Result<Vec<String>, Error> {
        in_order("old", last, ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn ids_ascend_bytewise_within_and_across_pages() {
        let mut last = None;
        assert_eq!(page(&mut last, &["A", "Z", "a"]).unwrap(), ["A", "Z", "a"]);
        assert_eq!(page(&mut last, &[]).unwrap(), [""; 0]);
        assert_eq!(page(&mut last, &["a", "a", "b"]).unwrap(), ["b"]);
        let error = page(&mut last, &["c", "b"]).unwrap_err();
        assert_eq!(error.to_string(), r#"old: the listing is not in order: "b" came after "c""#);
        assert!(error.is_out_of_order());
        assert!(page(&mut last, &["a"]).unwrap_err().is_out_of_order());
    }
}
