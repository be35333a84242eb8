//! Settings with their types, checked: what is here can be used without a second look.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use elasticsearch::{Credentials, Endpoint, EndpointError, FieldName, IndexName, NameError};
use gemini::{Model, TaskType};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::{layers::Entry, variables::VARIABLES};

/// The two indexes and how fast they may be asked.
#[derive(Debug, Clone)]
pub struct Pinecone {
    /// `PINECONE_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `PINECONE_OLD_INDEX`.
    pub source: String,
    /// `PINECONE_NEW_INDEX`; never the same as the source.
    pub target: String,
    /// `PINECONE_CONTROLLER_HOST`.
    pub controller: Url,
    /// `PINECONE_LIST_PER_SECOND`.
    pub list_per_second: u64,
    /// `PINECONE_FETCH_PER_SECOND`.
    pub fetch_per_second: u64,
    /// `PINECONE_UPSERT_PER_SECOND`.
    pub upsert_per_second: u64,
    /// `PINECONE_UPSERT_BYTES_PER_SECOND`.
    pub upsert_bytes_per_second: u64,
}

/// The embedding service.
#[derive(Debug, Clone)]
pub struct Gemini {
    /// `GOOGLE_AI_API_KEY`, `GEMINI_API_KEY` or `GOOGLE_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `GOOGLE_GEMINI_BASE_URL`.
    pub base_url: Url,
    /// `GEMINI_EMBEDDING_MODEL`, `GEMINI_OUTPUT_DIMENSIONS` and `GEMINI_TASK_TYPE`.
    pub model: Model,
    /// `GEMINI_TEXTS_PER_MINUTE`.
    pub texts_per_minute: u64,
    /// `GEMINI_TOKENS_PER_MINUTE`.
    pub tokens_per_minute: u64,
}

/// What a mirror does.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// `DEFAULT_NAMESPACE`; may be empty.
    pub default_namespace: String,
    /// `TEXT_METADATA_KEY`.
    pub text_key: String,
    /// `NEW_METADATA_KEY`.
    pub added_key: String,
    /// `NEW_METADATA_VALUE`: a number, a string, a boolean or a list of strings.
    pub added_value: Value,
    /// `QUERY_BATCH_SIZE`.
    pub fetch_batch: u32,
    /// `EMBEDDING_BATCH_SIZE`.
    pub embed_batch: u32,
    /// `UPSERT_BATCH_SIZE`.
    pub upsert_batch: u32,
    /// `BATCH_DELAY`.
    pub batch_delay: Duration,
}

/// The search index.
#[derive(Debug, Clone)]
pub struct Elasticsearch {
    /// `ELASTICSEARCH_ENDPOINT`; where it is not set, there is no search index.
    pub endpoint: Option<Endpoint>,
    /// `ELASTICSEARCH_API_KEY`, or `ELASTICSEARCH_USERNAME` and `ELASTICSEARCH_PASSWORD`.
    pub credentials: Credentials,
    /// `ELASTICSEARCH_CA_CERT`; read when the cluster is connected to.
    pub ca_certificate: Option<PathBuf>,
    /// `ELASTICSEARCH_VERIFY_CERTS`.
    pub verifies_certificates: bool,
    /// `ELASTICSEARCH_INDEX`.
    pub index: IndexName,
    /// `ELASTICSEARCH_NAMESPACE_FIELD`.
    pub namespace_field: FieldName,
    /// `ELASTICSEARCH_ID_FIELD`; `None` where the record's id is the document's `_id`.
    pub id_field: Option<FieldName>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The two indexes.
    pub pinecone: Pinecone,
    /// The embedding service.
    pub gemini: Gemini,
    /// What a mirror does.
    pub mirror: Mirror,
    /// The search index.
    pub elasticsearch: Elasticsearch,
    /// `TAIN_LISTEN`.
    pub listen: SocketAddr,
    /// `TAIN_DATA_DIR`.
    pub data_dir: PathBuf,
    /// `TAIN_LOG`; `None` where each command has its own default.
    pub log: Option<String>,
    /// `TAIN_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// All of them as they were read, to be shown.
    pub entries: Vec<Entry>,
}

/// Settings that cannot be used, each as a sentence that names the variable, where it was set, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Invalid(pub Vec<String>);

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    ///
    /// All settings that cannot be used, not only the first one.
    pub fn new(entries: &[Entry]) -> Result<Self, Invalid> {
        let mut reader = Reader { entries, problems: Vec::new() };
        match read(&mut reader) {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(Invalid(reader.problems)),
        }
    }

    /// Whether all services are on this machine: then they are the sandbox's, and screens say so.
    pub fn is_sandbox(&self) -> bool {
        let search = self.elasticsearch.endpoint.as_ref().map(address);
        is_loopback(&self.pinecone.controller)
            && is_loopback(&self.gemini.base_url)
            && search.is_none_or(|search| search.as_ref().is_some_and(is_loopback))
    }

    /// What is missing, as sentences that name the variable to set.
    pub fn missing_keys(&self) -> Vec<String> {
        let pinecone = self.pinecone.api_key.is_none().then_some(MISSING_PINECONE_KEY);
        let gemini = self.gemini.api_key.is_none().then_some(MISSING_GEMINI_KEY);
        pinecone.into_iter().chain(gemini).map(str::to_owned).collect()
    }
}

/// What whoever needs the key of the indexes is told.
pub const MISSING_PINECONE_KEY: &str = "PINECONE_API_KEY is not set; set it in the environment or in .env, or try `tain demo`, which needs no key";
/// What whoever needs the key of the embedding service is told.
pub const MISSING_GEMINI_KEY: &str = "GOOGLE_AI_API_KEY is not set (GEMINI_API_KEY and GOOGLE_API_KEY are read too); \
     set it in the environment or in .env, or try `tain demo`, which needs no key";

/// What whoever needs the search index is told.
pub const MISSING_ELASTICSEARCH: &str = "ELASTICSEARCH_ENDPOINT is not set; set it in the environment or in .env, with \
     ELASTICSEARCH_API_KEY beside it, or try `tain demo`, which needs neither";

fn address(endpoint: &Endpoint) -> Option<Url> {
    Url::parse(endpoint.as_str()).ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Everything is read before anything is given up, so that all problems are found at once.
fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let source = reader.text("PINECONE_OLD_INDEX");
    let target = reader.text("PINECONE_NEW_INDEX");
    if source == target {
        reader.refuse(
            "PINECONE_NEW_INDEX",
            "which is the source too",
            "name another index: tain never writes to its source",
        );
    }
    let controller = reader.url("PINECONE_CONTROLLER_HOST");
    let list_per_second = reader.number("PINECONE_LIST_PER_SECOND", 1..=100_000);
    let fetch_per_second = reader.number("PINECONE_FETCH_PER_SECOND", 1..=100_000);
    let upsert_per_second = reader.number("PINECONE_UPSERT_PER_SECOND", 1..=100_000);
    // No less than one upsert of the largest size, 2 MB: a bucket that never fills that far would never let one pass.
    let upsert_bytes_per_second =
        reader.number("PINECONE_UPSERT_BYTES_PER_SECOND", 2_000_000..=100_000_000_000);

    let base_url = reader.url("GOOGLE_GEMINI_BASE_URL");
    let model = reader.model();
    // No fewer tokens than the longest text that a model reads: a smaller bucket would never let it pass.
    let texts_per_minute = reader.number("GEMINI_TEXTS_PER_MINUTE", 1..=100_000_000);
    let tokens_per_minute = reader.number("GEMINI_TOKENS_PER_MINUTE", 8_192..=100_000_000_000);

    let text_key = reader.metadata_key("TEXT_METADATA_KEY");
    let added_key = reader.metadata_key("NEW_METADATA_KEY");
    if text_key.is_some() && text_key == added_key {
        reader.refuse("NEW_METADATA_KEY", "which is the key of the text too", "name another key");
    }
    let added_value = reader.metadata_value("NEW_METADATA_VALUE");
    let fetch_batch = reader.number("QUERY_BATCH_SIZE", 1..=1_000);
    let embed_batch = reader.number("EMBEDDING_BATCH_SIZE", 1..=100);
    let upsert_batch = reader.number("UPSERT_BATCH_SIZE", 1..=1_000);
    let batch_delay = reader.seconds("BATCH_DELAY");

    let elasticsearch = reader.elasticsearch();

    let listen = reader.address("TAIN_LISTEN");
    let data_dir = reader.text("TAIN_DATA_DIR").map(PathBuf::from);
    if data_dir.is_none() {
        reader.problems.push("TAIN_DATA_DIR is not set and there is no home directory; set it".to_owned());
    }
    let log_format = reader.log_format();

    Some(Config {
        pinecone: Pinecone {
            api_key: reader.secret("PINECONE_API_KEY"),
            source: source?,
            target: target?,
            controller: controller?,
            list_per_second: list_per_second?,
            fetch_per_second: fetch_per_second?,
            upsert_per_second: upsert_per_second?,
            upsert_bytes_per_second: upsert_bytes_per_second?,
        },
        gemini: Gemini {
            api_key: reader.secret("GOOGLE_AI_API_KEY"),
            base_url: base_url?,
            model: model?,
            texts_per_minute: texts_per_minute?,
            tokens_per_minute: tokens_per_minute?,
        },
        mirror: Mirror {
            default_namespace: reader.text("DEFAULT_NAMESPACE").unwrap_or_default(),
            text_key: text_key?,
            added_key: added_key?,
            added_value: added_value?,
            fetch_batch: fetch_batch?,
            embed_batch: embed_batch?,
            upsert_batch: upsert_batch?,
            batch_delay: batch_delay?,
        },
        elasticsearch: elasticsearch?,
        listen: listen?,
        data_dir: data_dir?,
        log: reader.text("TAIN_LOG"),
        log_format: log_format?,
        entries: reader.entries.to_vec(),
    })
}

/// Reads settings and collects what is wrong with them: `None` is returned exactly where a problem was added.
struct Reader<'a> {
    entries: &'a [Entry],
    problems: Vec<String>,
}

impl Reader<'_> {
    fn entry(&self, name: &str) -> Option<&Entry> {
        let entry = self.entries.iter().find(|entry| entry.variable.name == name);
        debug_assert!(entry.is_some(), "{name} is not in the table of {} variables", VARIABLES.len());
        entry
    }

    fn text(&self, name: &str) -> Option<String> {
        self.entry(name)?.text().map(str::to_owned)
    }

    fn secret(&self, name: &str) -> Option<SecretString> {
        self.entry(name)?.secret()
    }

    /// Adds a problem: `QUERY_BATCH_SIZE from .env is "0", which is …; give …`.
    fn refuse(&mut self, name: &str, which: &str, remedy: &str) {
        let problem = match self.entry(name) {
            Some(entry) => {
                let (label, shown) = (entry.origin.label(), entry.shown());
                format!("{} from {label} is {shown:?}, {which}; {remedy}", entry.name())
            }
            None => format!("{name} is missing"),
        };
        self.problems.push(problem);
    }

    fn number<N>(&mut self, name: &str, allowed: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + std::fmt::Display,
    {
        let number = self.text(name)?.parse().ok().filter(|number| allowed.contains(number));
        if number.is_none() {
            let remedy = format!("give a whole number from {} to {}", allowed.start(), allowed.end());
            self.refuse(name, "which cannot be used", &remedy);
        }
        number
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        let seconds = self.text(name)?.parse().ok().filter(|seconds| (0.0..=3_600.0).contains(seconds));
        if seconds.is_none() {
            self.refuse(name, "which cannot be used", "give seconds from 0 to 3600, `0.5` for half a second");
        }
        seconds.map(Duration::from_secs_f64)
    }

    fn url(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        // The official clients take a bare host name too.
        let with_scheme = if text.contains("://") { text } else { format!("https://{text}") };
        let url = Url::parse(&with_scheme)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        match url {
            None => {
                self.refuse(name, "which is not an http or https address", "write it as https://host");
                None
            }
            // The value is not shown: it holds a password.
            Some(url) if url.password().is_some() || !url.username().is_empty() => {
                self.problems.push(format!(
                    "{name} holds a user name or a password; take it out, the key is sent apart"
                ));
                None
            }
            Some(url) if !upstream::is_safe_for_keys(&url) => {
                self.refuse(name, "over which a key must not be sent", "use https, or http on this machine");
                None
            }
            url => url,
        }
    }

    fn model(&mut self) -> Option<Model> {
        let dimensions = self.number("GEMINI_OUTPUT_DIMENSIONS", 1..=3_072);
        let task_type = match self.text("GEMINI_TASK_TYPE")?.to_ascii_uppercase().parse::<TaskType>() {
            Ok(task_type) => Some(task_type),
            Err(error) => {
                self.refuse("GEMINI_TASK_TYPE", "which cannot be used", &error.to_string());
                None
            }
        };
        let id = self.text("GEMINI_EMBEDDING_MODEL")?;
        match Model::new(&id, dimensions?, task_type?) {
            Ok(model) => Some(model),
            Err(error) => {
                self.refuse("GEMINI_EMBEDDING_MODEL", "which cannot be used", &error.to_string());
                None
            }
        }
    }

    /// Pinecone takes any key that does not begin with `$`.
    fn metadata_key(&mut self, name: &str) -> Option<String> {
        let key = self.text(name)?;
        if key.starts_with('$') {
            self.refuse(name, "which Pinecone refuses", "name a key that does not begin with `$`");
            return None;
        }
        Some(key)
    }

    /// Pinecone takes numbers, strings, booleans and lists of strings.
    fn metadata_value(&mut self, name: &str) -> Option<Value> {
        let text = self.text(name)?;
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            let remedy = format!("a string is written with its quotes: {name}='{}'", Value::from(text));
            self.refuse(name, "which is not JSON", &remedy);
            return None;
        };
        let carried = match &value {
            Value::Number(_) | Value::String(_) | Value::Bool(_) => true,
            Value::Array(items) => items.iter().all(Value::is_string),
            Value::Null | Value::Object(_) => false,
        };
        if !carried {
            self.refuse(
                name,
                "which Pinecone cannot hold",
                "give a number, a string, true, false or a list of strings",
            );
            return None;
        }
        Some(value)
    }

    fn elasticsearch(&mut self) -> Option<Elasticsearch> {
        let credentials = self.credentials();
        let endpoint = self.endpoint(!matches!(credentials, Some(Credentials::Anonymous)));
        let verifies_certificates = self.switch("ELASTICSEARCH_VERIFY_CERTS");
        let index = self.parsed("ELASTICSEARCH_INDEX", "name one index, alias or data stream");
        let field = "name a field at the top of the documents";
        let namespace_field = self.parsed("ELASTICSEARCH_NAMESPACE_FIELD", field);
        let id_field = match self.text("ELASTICSEARCH_ID_FIELD").as_deref() {
            None | Some("" | "_id") => Some(None),
            Some(_) => self.parsed("ELASTICSEARCH_ID_FIELD", field).map(Some),
        };
        Some(Elasticsearch {
            endpoint: endpoint?,
            credentials: credentials?,
            ca_certificate: self.text("ELASTICSEARCH_CA_CERT").map(PathBuf::from),
            verifies_certificates: verifies_certificates?,
            index: index?,
            namespace_field: namespace_field?,
            id_field: id_field?,
        })
    }

    /// The key wins over the user: where both are set, it may do less.
    fn credentials(&mut self) -> Option<Credentials> {
        let (user, password) = ("ELASTICSEARCH_USERNAME", "ELASTICSEARCH_PASSWORD");
        if let Some(key) = self.secret("ELASTICSEARCH_API_KEY") {
            return Some(Credentials::ApiKey(key));
        }
        match (self.text(user), self.secret(password)) {
            (None, None) => Some(Credentials::Anonymous),
            (Some(username), Some(password)) => Some(Credentials::Basic { username, password }),
            (username, _) => {
                let (set, missing) = if username.is_some() { (user, password) } else { (password, user) };
                self.problems.push(format!("{set} is set without {missing}; set both, or neither"));
                None
            }
        }
    }

    fn endpoint(&mut self, with_credentials: bool) -> Option<Option<Endpoint>> {
        let name = "ELASTICSEARCH_ENDPOINT";
        let Some(text) = self.text(name) else { return Some(None) };
        match Endpoint::parse(&text) {
            Ok(endpoint)
                if with_credentials
                    && !address(&endpoint).is_some_and(|url| upstream::is_safe_for_keys(&url)) =>
            {
                self.refuse(name, "over which a key must not be sent", "use https, or http on this machine");
                None
            }
            Ok(endpoint) => Some(Some(endpoint)),
            // The value is not shown: it holds a password.
            Err(EndpointError::HoldsCredentials) => {
                self.problems.push(format!(
                    "{name} holds a user name or a password; set ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD \
                     instead"
                ));
                None
            }
            Err(EndpointError::Neither(_) | EndpointError::Unsafe(_)) => {
                let remedy = "write it as https://host:9243, or as the Cloud ID that Elastic Cloud shows";
                self.refuse(name, "which is neither an address nor a Cloud ID", remedy);
                None
            }
        }
    }

    fn switch(&mut self, name: &str) -> Option<bool> {
        match self.text(name)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.refuse(name, "which is neither true nor false", "write true or false");
                None
            }
        }
    }

    fn parsed<T>(&mut self, name: &str, remedy: &str) -> Option<T>
    where
        T: FromStr<Err = NameError>,
    {
        match self.text(name)?.parse() {
            Ok(parsed) => Some(parsed),
            Err(NameError::Index { why, .. } | NameError::Field { why, .. }) => {
                self.refuse(name, &format!("which cannot be used: {why}"), remedy);
                None
            }
        }
    }

    fn address(&mut self, name: &str) -> Option<SocketAddr> {
        let text = self.text(name)?;
        let address = text.replace("localhost:", "127.0.0.1:").parse().ok();
        if address.is_none() {
            self.refuse(name, "which is not an address with a port", "write it as 127.0.0.1:3000");
        }
        address
    }

    fn log_format(&mut self) -> Option<LogFormat> {
        let name = "TAIN_LOG_FORMAT";
        match self.text(name)?.as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => {
                self.refuse(name, "which is not a format", "use text or json");
                None
            }
        }
    }
}
