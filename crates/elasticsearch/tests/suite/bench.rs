//! A server under test, and a bare client for what the crate itself cannot do.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use elasticsearch::{
    Cleared, Cluster, Connection, Credentials, FieldName, Fields, Finding, IndexName, Limits, Mode, Precheck,
    Progress, Reader, Scope, Step, Task, Update, Writer,
};
use reqwest::Method;
use sandbox::{Distribution, Sandbox};
use serde_json::{Map, Value, json};
use upstream::{Jitter, Retry};

/// A server under test.
pub struct Bench {
    /// Its name in the table.
    pub name: String,
    /// What it is.
    pub kind: Distribution,
    /// Whether it has security.
    pub is_secured: bool,
    /// The emulator, if it is that.
    pub sandbox: Option<Sandbox>,
    url: String,
    user: Option<(String, String)>,
    client: reqwest::Client,
    ca: Option<Vec<u8>>,
    numbered: AtomicU64,
}

/// The field that is written.
pub const LEVEL: &str = "clearance_level";
/// The field of the namespaces.
pub const NAMESPACE: &str = "pinecone_namespace";

#[expect(clippy::disallowed_methods, reason = "the checks need what the crate cannot send")]
fn client(ca: Option<&[u8]>) -> reqwest::Client {
    let certificates = ca.map(|pem| reqwest::Certificate::from_pem(pem).unwrap());
    reqwest::Client::builder().tls_certs_merge(certificates).build().unwrap()
}

impl Bench {
    /// A server at this address; `user` is its administrator, if it has security.
    pub fn new(
        name: String,
        kind: Distribution,
        url: String,
        user: Option<(String, String)>,
        sandbox: Option<Sandbox>,
    ) -> Self {
        let is_secured = user.is_some();
        Self {
            name,
            kind,
            is_secured,
            sandbox,
            url,
            user,
            client: client(None),
            ca: None,
            numbered: AtomicU64::new(0),
        }
    }

    /// The same, believing certificates that this CA has signed.
    pub fn with_ca(self, ca: Option<Vec<u8>>) -> Self {
        Self { client: client(ca.as_deref()), ca, ..self }
    }

    pub async fn stop(&self) {
        if let Some(sandbox) = &self.sandbox {
            sandbox.shutdown().cancel();
        }
    }

    pub fn is_real(&self) -> bool {
        self.sandbox.is_none()
    }

    /// A name that no other check has.
    pub fn unique(&self, what: &str) -> String {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        format!("{what}-{}-{number}", std::process::id())
    }

    pub async fn raw(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.raw_as(None, method, path, body).await
    }

    /// A bare request, as somebody with this API key.
    pub async fn raw_as(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request = match (key, &self.user) {
            (Some(key), _) => request.header("authorization", format!("ApiKey {key}")),
            (None, Some((user, password))) => request.basic_auth(user, Some(password)),
            (None, None) => request,
        };
        request = match body {
            Some(Value::String(lines)) => request.header("content-type", "application/x-ndjson").body(lines),
            Some(body) => request.json(&body),
            None => request,
        };
        #[expect(clippy::disallowed_methods, reason = "the checks need what the crate cannot send")]
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The status and the error of a request that says that its body is plain text.
    pub async fn plain_text(&self, path: &str, body: &'static str) -> (u16, String) {
        let mut request =
            self.client.post(format!("{}{path}", self.url)).header("content-type", "text/plain");
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password));
        }
        #[expect(clippy::disallowed_methods, reason = "the checks need what the crate cannot send")]
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        (status, reply["error"].as_str().unwrap().to_owned())
    }

    pub async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        // A request that takes no body is refused when it has one.
        let (status, reply) = self.raw(method, path, Some(body).filter(|body| !body.is_null())).await;
        assert!((200..300).contains(&status), "{path}: {status}: {reply}");
        reply
    }

    /// Makes an index and answers its name.
    pub async fn index(&self, what: &str, body: Value) -> String {
        let name = self.unique(what);
        self.must(Method::PUT, &format!("/{name}"), body).await;
        name
    }

    /// Writes whole documents: id, routing, source.
    pub async fn put(&self, index: &str, documents: &[(&str, Option<&str>, Value)]) {
        let mut lines = String::new();
        for (id, routing, source) in documents {
            let mut meta = json!({"_index": index, "_id": id});
            if let Some(routing) = routing {
                meta["routing"] = json!(routing);
            }
            lines.push_str(&format!("{}\n{source}\n", json!({"index": meta})));
        }
        let reply = self.must(Method::POST, "/_bulk?refresh=true", Value::String(lines)).await;
        assert_eq!(reply["errors"], json!(false), "{reply}");
    }

    /// Makes an index with these documents.
    pub async fn filled(&self, what: &str, body: Value, documents: &[(&str, Option<&str>, Value)]) -> String {
        let name = self.index(what, body).await;
        self.put(&name, documents).await;
        name
    }

    /// Every document by its id, of an index with no more than 10,000.
    pub async fn all(&self, index: &str) -> BTreeMap<String, Map<String, Value>> {
        self.must(Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
        let body = json!({"size": 10_000, "query": {"match_all": {}}, "sort": ["_doc"]});
        let reply = self.must(Method::POST, &format!("/{index}/_search"), body).await;
        let hits = reply.pointer("/hits/hits").and_then(Value::as_array).unwrap();
        let hit = |hit: &Value| {
            let source = hit.get("_source").and_then(Value::as_object).cloned().unwrap_or_default();
            (hit["_id"].as_str().unwrap().to_owned(), source)
        };
        hits.iter().map(hit).collect()
    }

    /// The level of every document.
    pub async fn levels(&self, index: &str) -> BTreeMap<String, Value> {
        let all = self.all(index).await;
        all.into_iter().map(|(id, source)| (id, source.get(LEVEL).cloned().unwrap_or_default())).collect()
    }

    pub fn connection_as(&self, credentials: Credentials) -> Connection {
        let mut connection = Connection::new(self.url.parse().unwrap(), credentials);
        if let Some(ca) = &self.ca {
            connection = connection.with_ca_certificate(ca.clone());
        }
        connection.options.retry = Retry { retries: 1, ..Retry::default() };
        connection.options.jitter = Jitter::new(|| 0.0);
        connection
    }

    pub fn connection(&self) -> Connection {
        self.connection_as(match &self.user {
            Some((username, password)) => {
                Credentials::Basic { username: username.clone(), password: password.clone().into() }
            }
            None => Credentials::Anonymous,
        })
    }

    pub async fn reader(&self, index: &str) -> Reader {
        self.reader_as(&self.connection(), index).await
    }

    pub async fn reader_as(&self, connection: &Connection, index: &str) -> Reader {
        let cluster = Cluster::connect(connection).await.unwrap();
        cluster.index(&IndexName::parse(index).unwrap()).await.unwrap()
    }

    pub async fn precheck(&self, index: &str, task: &Task) -> Precheck {
        let reader = self.reader(index).await;
        let fields = fields(&reader).await;
        reader.precheck(task, &fields).await.unwrap()
    }

    /// A writer that passed the pre-check, and the fields.
    pub async fn writer(&self, index: &str, task: &Task) -> (Writer, Fields) {
        self.writer_as(&self.connection(), index, task).await
    }

    pub async fn writer_as(&self, connection: &Connection, index: &str, task: &Task) -> (Writer, Fields) {
        let reader = self.reader_as(connection, index).await;
        let fields = fields(&reader).await;
        let cleared: Cleared = reader.precheck(task, &fields).await.unwrap().clear().unwrap();
        (Writer::new(connection, &reader, cleared).unwrap(), fields)
    }

    pub async fn update(&self, index: &str, task: Task, limits: Limits) -> Update {
        let (writer, fields) = self.writer(index, &task).await;
        Update::start(writer, task, &fields, limits).await.unwrap()
    }

    /// Updates to the end, and answers the progress and the steps.
    pub async fn updated(&self, index: &str, task: Task) -> (Progress, Vec<Step>) {
        let update = self.update(index, task, Limits::default()).await;
        let mut steps = Vec::new();
        let progress = update
            .run(|step| {
                steps.push(step.clone());
                true
            })
            .await
            .unwrap();
        (progress, steps)
    }
}

pub async fn fields(reader: &Reader) -> Fields {
    Fields::of(reader, &FieldName::parse(NAMESPACE).unwrap(), &level()).await.unwrap()
}

pub fn level() -> FieldName {
    FieldName::parse(LEVEL).unwrap()
}

pub fn task(mode: Mode) -> Task {
    task_of(mode, json!(1), Scope::All)
}

pub fn task_of(mode: Mode, value: Value, scope: Scope) -> Task {
    Task { field: level(), value, scope, mode }
}

/// Documents `d0`, `d1`, … with a text and a namespace.
pub fn plain(count: usize) -> Vec<(String, Value)> {
    (0..count)
        .map(|number| (format!("d{number}"), json!({"text": format!("text {number}"), NAMESPACE: "ns"})))
        .collect()
}

pub fn borrowed(documents: &[(String, Value)]) -> Vec<(&str, Option<&str>, Value)> {
    documents.iter().map(|(id, source)| (id.as_str(), None, source.clone())).collect()
}

/// The mapping that dynamic mapping makes of the two fields.
pub fn mapped(level: &str) -> Value {
    json!({"mappings": {"properties": {
        NAMESPACE: {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}},
        LEVEL: {"type": level},
    }}})
}

/// Findings that are not about the credentials: the administrator may too much.
pub fn findings(precheck: &Precheck) -> Vec<&Finding> {
    let quiet = ["privileges_unknown", "may_delete", "may_create"];
    precheck.findings.iter().filter(|finding| !quiet.contains(&finding.code)).collect()
}

pub fn codes(precheck: &Precheck) -> Vec<&'static str> {
    findings(precheck).into_iter().map(|finding| finding.code).collect()
}
