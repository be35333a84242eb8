//! A sandbox and a bare HTTP client that talks to it.

use reqwest::Method;
use reqwest::header::HeaderMap;
use sandbox::{IndexOptions, Options, Sandbox, State, start};
use serde_json::{Value, json};

/// A sandbox with one more index, `scratch`, of four dimensions.
pub struct Fixture {
    pub sandbox: Sandbox,
    pub state: State,
    pub client: reqwest::Client,
    pub version: &'static str,
    pub key: &'static str,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn message(&self) -> String {
        let json = self.json();
        let message = json.get("message").or_else(|| json.pointer("/error/message"));
        message.and_then(Value::as_str).unwrap_or_else(|| panic!("no message: {json}")).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Fixture {
    pub async fn start(options: Options) -> Self {
        let options = Options {
            more_indexes: vec![
                IndexOptions::dense("scratch", 4),
                IndexOptions::sparse("sparse"),
                IndexOptions::document("documents", 4),
            ],
            ..options
        };
        let sandbox = start(options).await.unwrap();
        let state = sandbox.state();
        Self { sandbox, state, client: client(), version: "2025-10", key: "key" }
    }

    /// Calls the main port.
    pub async fn main(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call(method, format!("{}{path}", self.sandbox.url()), body).await.unwrap()
    }

    /// Calls the data plane of `scratch`.
    pub async fn scratch(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.try_scratch(method, path, body).await.unwrap()
    }

    /// The same where the connection may break.
    pub async fn try_scratch(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        self.call(method, format!("{}{path}", self.sandbox.index_url("scratch").unwrap()), body).await
    }

    #[expect(clippy::disallowed_methods, reason = "the sandbox is judged without our own client")]
    pub async fn call(&self, method: Method, url: String, body: Option<Value>) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .request(method, url)
            .header("api-key", self.key)
            .header("x-goog-api-key", self.key)
            .header("x-pinecone-api-version", self.version);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    /// Posts a text as it is.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is judged without our own client")]
    pub async fn post_text(&self, url: &str, text: &'static str) -> Answer {
        let response = self.client.post(url).body(text).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// Upserts records into a namespace of `scratch`.
    pub async fn upsert(&self, namespace: &str, vectors: Value) -> Answer {
        let body = json!({"namespace": namespace, "vectors": vectors});
        self.scratch(Method::POST, "/vectors/upsert", Some(body)).await
    }

    /// All ids of a namespace of `scratch`, page by page.
    pub async fn list(&self, query: &str) -> Vec<String> {
        let (mut ids, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.scratch(Method::GET, &format!("/vectors/list?{query}{token}"), None).await.json();
            ids.extend(ids_of(&page));
            match page.pointer("/pagination/next").and_then(Value::as_str) {
                Some(next) => token = format!("&paginationToken={}", next.replace('=', "%3D")),
                None => return ids,
            }
        }
    }
}

/// The ids of a page.
pub fn ids_of(page: &Value) -> Vec<String> {
    let vectors = page["vectors"].as_array().unwrap_or_else(|| panic!("{page}"));
    vectors.iter().map(|vector| vector["id"].as_str().unwrap().to_owned()).collect()
}

/// A client that neither retries nor keeps connections, so that a broken one breaks one call.
#[expect(clippy::disallowed_methods, reason = "the sandbox is judged without our own client")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).retry(reqwest::retry::never()).build().unwrap()
}

/// `count` records `r000`, `r001`, … with a number in their metadata.
pub fn records(count: usize) -> Value {
    (0..count)
        .map(|n| json!({"id": format!("r{n:03}"), "values": [1.0, 0.5, n, 0.25], "metadata": {"n": n}}))
        .collect()
}
