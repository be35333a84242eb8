//! How to reach a cluster.

use std::{str::FromStr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use upstream::{Config, Http, Kind, Options, Response, Retry, Timeouts, Trust, Verdict};
use url::Url;

use crate::{Cause, Error};

/// The key under which requests are counted.
const SERVICE: &str = "elasticsearch";

/// A cluster: where it is and who asks.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who asks.
    pub credentials: Credentials,
    /// Timeouts, retries, and whose certificates are believed ([`Trust::PlatformAnd`] for a CA of one's own;
    /// [`Trust::Anybody`] only if a person says so).
    pub options: Options,
}

/// The address of a cluster, safe for a key unless it is asked for without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no address of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is neither a URL nor a Cloud ID.
    #[error("{0:?} is neither an https address nor a Cloud ID (name:base64)")]
    Neither(String),
    /// A key would travel in the open.
    #[error("{0} is not safe for a key: use https, or http on this machine")]
    Unsafe(String),
    /// The URL holds a user and a password.
    #[error("the address of the cluster must not hold a user or a password; give them by themselves")]
    HoldsCredentials,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An API key of Elasticsearch: as Kibana shows it ("encoded"), or `id:key`, which is encoded here.
    ApiKey(SecretString),
    /// A user.
    Basic {
        /// Its name.
        username: String,
        /// Its password.
        password: SecretString,
    },
    /// Nobody: a server without security.
    Anonymous,
}

impl Connection {
    /// A connection with usual options: 10 s to connect, 120 s for an answer (a bulk request waits a minute for a
    /// shard that is moving).
    #[must_use]
    pub fn new(endpoint: Endpoint, credentials: Credentials) -> Self {
        let timeouts = Timeouts {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(120),
            total: Duration::from_secs(120),
        };
        Self { endpoint, credentials, options: Options { timeouts, ..Options::default() } }
    }

    /// The same, believing certificates that this CA (PEM) has signed, too.
    #[must_use]
    pub fn with_ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.options.trust = Trust::PlatformAnd(pem.into());
        self
    }

    /// A client that may send what is on this list, and tries again what failed.
    pub(crate) fn http(&self, allowed: &'static [upstream::Endpoint]) -> Result<Http, Error> {
        self.client(allowed, self.options.clone(), classify)
    }

    /// A client that sends each request once and leaves it to the caller what a failure or a 429 means: for requests
    /// that do something else the second time.
    pub(crate) fn http_once(&self, allowed: &'static [upstream::Endpoint]) -> Result<Http, Error> {
        let options = Options { retry: Retry::never(), ..self.options.clone() };
        self.client(allowed, options, classify_once)
    }

    fn client(
        &self,
        allowed: &'static [upstream::Endpoint],
        options: Options,
        classify: fn(&Response) -> Verdict,
    ) -> Result<Http, Error> {
        let base_url = self.endpoint.0.clone();
        let credentials = match self.credentials.header() {
            Some(_) if !upstream::is_safe_for_keys(&base_url) => {
                return Err(EndpointError::Unsafe(base_url.to_string()).into());
            }
            Some(value) => vec![(header::AUTHORIZATION, value)],
            None => Vec::<(HeaderName, SecretString)>::new(),
        };
        let config = Config {
            service: SERVICE.to_owned(),
            name: "Elasticsearch".to_owned(),
            base_url,
            credentials,
            headers: Vec::new(),
            allowed,
            classify: Some(Arc::new(classify)),
            options,
        };
        Ok(Http::new(config)?)
    }
}

impl Credentials {
    /// The value of the `Authorization` header.
    fn header(&self) -> Option<SecretString> {
        match self {
            Self::ApiKey(key) => {
                let key = key.expose_secret().trim();
                // Base64 has no colon, so that one tells the two spellings apart.
                let encoded = if key.contains(':') { STANDARD.encode(key) } else { key.to_owned() };
                Some(format!("ApiKey {encoded}").into())
            }
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose_secret());
                Some(format!("Basic {}", STANDARD.encode(pair)).into())
            }
            Self::Anonymous => None,
        }
    }
}

/// A block is never worth another try, whatever its status: some are 429, and would be waited out for ever.
fn classify(response: &Response) -> Verdict {
    let cause = Cause::of_body(&String::from_utf8_lossy(&response.body));
    if cause.is_some_and(|cause| cause.is_block()) {
        Verdict::Permanent(Kind::Refused)
    } else {
        Verdict::ByStatus
    }
}

/// The same; and a 429 is a failure like a 503.
fn classify_once(response: &Response) -> Verdict {
    match classify(response) {
        Verdict::ByStatus if response.status == StatusCode::TOO_MANY_REQUESTS => {
            Verdict::Permanent(Kind::Unavailable)
        }
        verdict => verdict,
    }
}

impl Endpoint {
    /// Reads a URL, or a Cloud ID as Elastic Cloud shows it (`name:base64` of `domain$elasticsearch$kibana`).
    ///
    /// # Errors
    ///
    /// If it is neither, or holds credentials.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let url = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
            _ => of_cloud_id(text).ok_or_else(|| EndpointError::Neither(text.to_owned()))?,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::HoldsCredentials);
        }
        Ok(Self(url))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

/// `name:base64(domain[:port]$elasticsearch-id[:port]$kibana-id)` as `https://elasticsearch-id.domain[:port]`.
fn of_cloud_id(text: &str) -> Option<Url> {
    let (_, encoded) = text.rsplit_once(':')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let mut parts = decoded.split('$');
    let (domain, id) = (parts.next()?, parts.next()?);
    let port_of =
        |text: &str| text.split_once(':').map(|(name, port)| (name.to_owned(), Some(port.to_owned())));
    let (domain, port) = port_of(domain).unwrap_or((domain.to_owned(), None));
    let (id, own_port) = port_of(id).unwrap_or((id.to_owned(), None));
    if domain.is_empty() || id.is_empty() || !domain.contains('.') {
        return None;
    }
    let port = own_port.or(port).unwrap_or_else(|| "443".to_owned());
    Url::parse(&format!("https://{id}.{domain}:{port}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_or_a_cloud_id() {
        assert_eq!(
            Endpoint::parse(" https://es.example:9243 ").unwrap().as_str(),
            "https://es.example:9243/"
        );
        let id = format!("my cluster:{}", STANDARD.encode("eu-west-1.aws.found.io$0ea1$f00d"));
        assert_eq!(Endpoint::parse(&id).unwrap().as_str(), "https://0ea1.eu-west-1.aws.found.io/");
        let id = format!("c:{}", STANDARD.encode("us.gcp.cloud.es.io:9243$0ea1$f00d"));
        assert_eq!(Endpoint::parse(&id).unwrap().as_str(), "https://0ea1.us.gcp.cloud.es.io:9243/");
        for text in ["", "es.example", "name:####", "ftp://es.example", "a:b"] {
            assert!(matches!(Endpoint::parse(text), Err(EndpointError::Neither(_))), "{text}");
        }
        assert_eq!(Endpoint::parse("https://u:p@es.example").unwrap_err(), EndpointError::HoldsCredentials);
    }

    #[test]
    fn both_spellings_of_a_key_are_one() {
        let header = |key: &str| {
            Credentials::ApiKey(key.into()).header().map(|value| value.expose_secret().to_owned()).unwrap()
        };
        assert_eq!(header("id:key"), format!("ApiKey {}", STANDARD.encode("id:key")));
        assert_eq!(header("aWQ6a2V5\n"), "ApiKey aWQ6a2V5");
    }

    #[test]
    fn a_key_does_not_travel_in_the_open_and_is_shown_nowhere() {
        let endpoint = Endpoint::parse("http://es.example").unwrap();
        let connection = Connection::new(endpoint.clone(), Credentials::ApiKey("a:secret".into()));
        assert!(matches!(connection.http(&[]), Err(Error::Endpoint(EndpointError::Unsafe(_)))));
        assert!(!format!("{connection:?}").contains("secret"));
        assert!(Connection::new(endpoint, Credentials::Anonymous).http(&[]).is_ok());
    }
}
