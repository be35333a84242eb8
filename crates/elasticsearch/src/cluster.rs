//! Which server it is, and which indexes it shows.

use std::fmt;

use http::Method;
use serde::Deserialize;
use upstream::{Endpoint, Http, Kind, Meter, Request, Unusable};

use crate::{Connection, Error, IndexName, Reader, wire};

/// What may be sent to read: nothing of it changes a document, an index or a setting.
///
/// The two `DELETE`s free a cursor (a point in time, a scroll), which holds no document.
pub(crate) static READS: [Endpoint; 20] = [
    Endpoint { label: "info", method: Method::GET, path: "/" },
    Endpoint { label: "exists", method: Method::HEAD, path: "/*" },
    Endpoint { label: "indices", method: Method::GET, path: "/_resolve/index/*" },
    Endpoint { label: "indices", method: Method::GET, path: "/_cat/indices" },
    Endpoint { label: "fields", method: Method::GET, path: "/*/_field_caps" },
    Endpoint { label: "mapping", method: Method::GET, path: "/*/_mapping" },
    Endpoint { label: "settings", method: Method::GET, path: "/*/_settings" },
    Endpoint { label: "count", method: Method::POST, path: "/*/_count" },
    Endpoint { label: "search", method: Method::POST, path: "/*/_search" },
    Endpoint { label: "search", method: Method::POST, path: "/_search" },
    Endpoint { label: "scroll", method: Method::POST, path: "/_search/scroll" },
    Endpoint { label: "free", method: Method::DELETE, path: "/_search/scroll" },
    Endpoint { label: "open", method: Method::POST, path: "/*/_pit" },
    Endpoint { label: "open", method: Method::POST, path: "/*/_search/point_in_time" },
    Endpoint { label: "free", method: Method::DELETE, path: "/_pit" },
    Endpoint { label: "get", method: Method::POST, path: "/_mget" },
    Endpoint { label: "privileges", method: Method::POST, path: "/_security/user/_has_privileges" },
    Endpoint { label: "key", method: Method::GET, path: "/_security/_authenticate" },
    Endpoint { label: "tasks", method: Method::GET, path: "/_tasks/*" },
    Endpoint { label: "health", method: Method::GET, path: "/_cluster/health" },
];

/// A cluster that can be read.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) http: Http,
    /// Sends each request once.
    pub(crate) once: Http,
    server: Server,
}

/// What is known of a server. Nothing of it is sure where `GET /` is forbidden.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// Whose it is.
    pub product: Product,
    /// Its version in the server's own words; that of Elastic serverless says nothing.
    pub version: Option<String>,
    /// Whether it is Elastic serverless.
    pub is_serverless: bool,
    /// The cluster's name.
    pub cluster: Option<String>,
}

/// A distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
    /// It did not say.
    #[default]
    Unknown,
}

/// An index, alias or data stream that the key may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ResolvedKind,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResolvedKind {
    /// An index.
    Index,
    /// One or more indexes by another name.
    Alias,
    /// A data stream.
    DataStream,
}

/// The answer of `_resolve/index`.
#[derive(Deserialize)]
struct ResolveReply {
    indices: Vec<Named>,
    aliases: Vec<Named>,
    data_streams: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(alias = "index", alias = "alias")]
    name: String,
}

#[derive(Deserialize)]
struct Info {
    cluster_name: Option<String>,
    version: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    number: Option<String>,
    distribution: Option<String>,
    build_flavor: Option<String>,
}

impl Cluster {
    /// Finds out which server it is.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, or the credentials are wrong. That the key may not ask which server it is, is none.
    pub async fn connect(connection: &Connection) -> Result<Self, Error> {
        let (http, once) = (connection.http(&READS)?, connection.http_once(&READS)?);
        let server = identify(&http).await?;
        Ok(Self { http, once, server })
    }

    /// A clone that counts in this meter; connections stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: &Meter) -> Self {
        Self {
            http: self.http.with_meter(meter.clone()),
            once: self.once.with_meter(meter.clone()),
            server: self.server.clone(),
        }
    }

    /// Which server it is.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The indexes, aliases and data streams that the key may see, by name, without those of the system.
    ///
    /// # Errors
    ///
    /// If the server offers no way to list them, or the key may not.
    pub async fn indices(&self) -> Result<Vec<Resolved>, Error> {
        let resolved: Result<ResolveReply, _> = self.http.json(&Request::get("/_resolve/index/*")).await;
        let mut found = match resolved.map_err(Error::from) {
            Ok(reply) => resolved_of(reply),
            Err(error) if error.is_no_such_api() => {
                let request = Request::get("/_cat/indices").query("format", "json").query("h", "index");
                let indices: Vec<Named> = self.http.json(&request).await?;
                resolved_of(ResolveReply { indices, aliases: Vec::new(), data_streams: Vec::new() })
            }
            Err(error) => return Err(error),
        };
        found.retain(|resolved| !resolved.name.starts_with('.'));
        found.sort_by(|a, b| a.name.cmp(&b.name).then(a.kind.cmp(&b.kind)));
        Ok(found)
    }

    /// A reader of an index, alias or data stream that exists.
    ///
    /// # Errors
    ///
    /// [`Error::NoIndex`], [`Error::NotVisible`], or a failed request.
    pub async fn index(&self, name: &IndexName) -> Result<Reader, Error> {
        let request = Request::new(Method::HEAD, format!("/{}", Request::encoded(name.as_str())), None);
        let names_itself = match self.http.send(&request, |response| Ok(names_itself(response))).await {
            Ok(names_itself) => names_itself,
            Err(error) => {
                return Err(match error.kind() {
                    Kind::NotFound => Error::NoIndex { index: name.to_string() },
                    Kind::Forbidden => self.why_forbidden(name).await,
                    _ => error.into(),
                });
            }
        };
        let mut cluster = self.clone();
        if cluster.server.product == Product::Unknown && names_itself {
            cluster.server.product = Product::Elasticsearch;
        }
        Ok(Reader::new(cluster, name.clone()))
    }

    /// The answer to `HEAD` has no body, and a block of the metadata is a 403 as well.
    async fn why_forbidden(&self, name: &IndexName) -> Error {
        let request = Request::get(format!("/{}/_mapping", Request::encoded(name.as_str())));
        match self.http.send(&request, |_| Ok(())).await.map_err(Error::from) {
            Err(error @ Error::Blocked { .. }) => error,
            _ => Error::NotVisible { index: name.to_string() },
        }
    }
}

async fn identify(http: &Http) -> Result<Server, Error> {
    let read = |response: &upstream::Response| {
        // Not every server says it in the same way, and none must say it at all.
        let info: Info = wire::read(response).unwrap_or(Info { cluster_name: None, version: None });
        Ok::<_, Unusable>((info, names_itself(response)))
    };
    match http.send(&Request::get("/"), read).await {
        Ok((info, names_itself)) => Ok(Server::of(info, names_itself)),
        // A key for one index may not ask, and some servers do not answer.
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound | Kind::Refused) => {
            Ok(Server::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// Elasticsearch says its name in every answer since 7.14.
fn names_itself(response: &upstream::Response) -> bool {
    response.headers.get("x-elastic-product").is_some_and(|value| value == "Elasticsearch")
}

fn resolved_of(reply: ResolveReply) -> Vec<Resolved> {
    let kinds = [
        (reply.indices, ResolvedKind::Index),
        (reply.aliases, ResolvedKind::Alias),
        (reply.data_streams, ResolvedKind::DataStream),
    ];
    let of = |(named, kind): (Vec<Named>, ResolvedKind)| {
        named.into_iter().map(move |Named { name }| Resolved { name, kind })
    };
    kinds.into_iter().flat_map(of).collect()
}

impl Server {
    fn of(info: Info, names_itself: bool) -> Self {
        let Info { cluster_name, version } = info;
        let version = version.unwrap_or(Version { number: None, distribution: None, build_flavor: None });
        let product = match version.distribution.as_deref() {
            Some("opensearch") => Product::OpenSearch,
            _ if names_itself => Product::Elasticsearch,
            // Elasticsearch before 7.14 names itself by its flavour alone, which OpenSearch never had.
            _ if version.build_flavor.is_some() => Product::Elasticsearch,
            _ => Product::Unknown,
        };
        let is_serverless = version.build_flavor.as_deref() == Some("serverless");
        Self {
            product,
            version: version.number.filter(|_| !is_serverless),
            is_serverless,
            cluster: cluster_name,
        }
    }

    /// Whether points in time can be read through in the order of `_shard_doc`: Elasticsearch from 7.12. A server that
    /// is not known for it is not tried: before 7.10 the same path would be a document's.
    pub(crate) fn has_ordered_pits(&self) -> bool {
        match (self.product, self.number()) {
            _ if self.is_serverless => true,
            // It named itself, so that it is 7.14 at least.
            (Product::Elasticsearch, None) => true,
            (Product::Elasticsearch, Some(number)) => number >= (7, 12),
            _ => false,
        }
    }

    fn number(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.as_deref()?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.product {
            _ if self.is_serverless => "Elastic serverless",
            Product::Elasticsearch => "Elasticsearch",
            Product::OpenSearch => "OpenSearch",
            Product::Unknown => "an Elasticsearch or OpenSearch that does not say its version",
        };
        match &self.version {
            Some(version) => write!(f, "{name} {version}"),
            None => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(json: Value, header: bool) -> Server {
        Server::of(serde_json::from_value(json).unwrap(), header)
    }

    #[test]
    fn a_server_is_known_by_what_it_says() {
        let old = of(json!({"version": {"number": "7.0.0", "build_flavor": "default"}}), false);
        assert_eq!((old.to_string().as_str(), old.has_ordered_pits()), ("Elasticsearch 7.0.0", false));
        let new = of(json!({"version": {"number": "8.19.21", "build_flavor": "default"}}), true);
        assert_eq!((new.to_string().as_str(), new.has_ordered_pits()), ("Elasticsearch 8.19.21", true));
        let serverless = of(json!({"version": {"number": "8.11.0", "build_flavor": "serverless"}}), true);
        assert_eq!(
            (serverless.to_string().as_str(), serverless.has_ordered_pits()),
            ("Elastic serverless", true)
        );
        let open = of(json!({"version": {"number": "3.8.0", "distribution": "opensearch"}}), false);
        assert_eq!((open.to_string().as_str(), open.has_ordered_pits()), ("OpenSearch 3.8.0", false));
        assert!(of(json!({}), true).has_ordered_pits());
        assert!(!Server::default().has_ordered_pits());
    }

    #[test]
    fn a_list_that_lacks_a_kind_is_no_list() {
        let whole =
            json!({"indices": [{"name": "a"}], "aliases": [{"name": "b"}], "data_streams": [{"name": "c"}]});
        let read = |json: &Value| serde_json::from_value::<ResolveReply>(json.clone()).map(resolved_of);
        assert_eq!(read(&whole).unwrap().len(), 3);
        for absent in ["indices", "aliases", "data_streams"] {
            let mut json = whole.clone();
            json.as_object_mut().unwrap().remove(absent);
            assert!(read(&json).is_err(), "{absent}");
        }
        assert!(read(&json!({"indices": [{}], "aliases": [], "data_streams": []})).is_err());
    }

    #[tokio::test]
    async fn the_client_of_a_reader_refuses_all_that_is_no_read() {
        let connection = Connection::new(
            "http://127.0.0.1:9".parse().unwrap(),
            crate::Credentials::ApiKey("a:key".into()),
        );
        let http = connection.http(&READS).unwrap();
        for (method, path) in [
            (Method::POST, "/_bulk"),
            (Method::POST, "/idx/_bulk"),
            (Method::DELETE, "/idx"),
            (Method::DELETE, "/idx/_doc/1"),
            (Method::POST, "/idx/_delete_by_query"),
            (Method::POST, "/idx/_update_by_query"),
            (Method::POST, "/idx/_update/1"),
            (Method::PUT, "/idx/_doc/1"),
            (Method::POST, "/idx/_doc"),
            (Method::PUT, "/idx"),
            (Method::PUT, "/idx/_mapping"),
            (Method::PUT, "/idx/_settings"),
            (Method::POST, "/idx/_close"),
            (Method::POST, "/_aliases"),
            (Method::POST, "/_reindex"),
            (Method::DELETE, "/_search/scroll/_all"),
            (Method::DELETE, "/_search/point_in_time"),
            (Method::DELETE, "/_all"),
            (Method::POST, "/idx/_search/../_bulk"),
            (Method::POST, "/idx/%2e%2e/_bulk"),
            (Method::POST, "/_tasks/a:1/_cancel"),
            (Method::POST, "/_security/api_key"),
        ] {
            let error = http.json::<()>(&Request::new(method, path.into(), None)).await.unwrap_err();
            assert_eq!(*error.kind(), Kind::NotAllowed, "{error}");
            assert_eq!(error.attempts(), 0);
        }
    }
}
