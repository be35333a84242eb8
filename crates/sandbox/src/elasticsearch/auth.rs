//! Who calls, and what they may do.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::search::is_like;
use super::{Engine, Refusal};

/// An API key that was made here.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) cluster: Vec<String>,
    /// When it stops working.
    pub(crate) expires: Option<Instant>,
    /// Patterns of names, and the privileges on them.
    pub(crate) grants: Vec<(Vec<String>, Vec<String>)>,
}

/// Who calls.
#[derive(Clone)]
pub(crate) enum Caller {
    /// A user, or anybody where there is no security.
    Anyone { name: String },
    /// A key with privileges.
    Key { id: String, key: Key },
}

/// Refuses a call without a key or with a wrong one.
pub(crate) fn refuse(engine: &Engine, headers: &HeaderMap) -> Option<Response> {
    caller(engine, headers).err().map(IntoResponse::into_response)
}

fn unauthenticated(reason: &str) -> Refusal {
    Refusal::new(401, "security_exception", reason)
}

/// Who calls.
pub(crate) fn caller(engine: &Engine, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let inner = engine.inner();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if inner.distribution.is_opensearch() {
        return Ok(Caller::Anyone { name: "anonymous".to_owned() });
    }
    let Some(given) = given else {
        return Err(unauthenticated("missing authentication credentials for REST request [/]"));
    };
    let decode =
        |encoded: &str| STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(encoded) = given.strip_prefix("Basic ") {
        let pair = decode(encoded).unwrap_or_default();
        let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
        if password == "wrong" || password.is_empty() {
            return Err(unauthenticated(&format!(
                "unable to authenticate user [{user}] for REST request [/]"
            )));
        }
        return Ok(Caller::Anyone { name: user.to_owned() });
    }
    let Some(encoded) = given.strip_prefix("ApiKey ") else {
        return Err(unauthenticated("unable to authenticate with provided credentials"));
    };
    let Some(pair) = decode(encoded).filter(|pair| pair.contains(':')) else {
        // The sandbox takes any word for a key, unless it was told which.
        return match &engine.options.api_key {
            None if !encoded.contains(':') => Ok(default_key(engine, "sandbox")),
            Some(key) if key == encoded => Ok(default_key(engine, "sandbox")),
            _ => Err(unauthenticated("Illegal base64 character 3a")),
        };
    };
    let (id, secret) = pair.split_once(':').unwrap_or((&pair, ""));
    match (inner.keys.get(id), &engine.options.api_key) {
        (Some(key), _) if key.expires.is_some_and(|end| Instant::now() >= end) => {
            Err(Refusal::wrong_key("api key is expired"))
        }
        (Some(key), _) if key.secret == secret => Ok(Caller::Key { id: id.to_owned(), key: key.clone() }),
        (None, None) if inner.keys.is_empty() => Ok(default_key(engine, id)),
        (None, Some(key)) if *key == pair || key == encoded => Ok(default_key(engine, id)),
        (Some(_), _) => Err(Refusal::wrong_key(&format!("invalid credentials for API key [{id}]"))),
        _ => Err(Refusal::wrong_key(&format!("unable to find apikey with id {id}"))),
    }
}

/// The key that the sandbox was started with, or any where it was started with none.
fn default_key(engine: &Engine, id: &str) -> Caller {
    let key = Key {
        name: "sandbox".to_owned(),
        secret: String::new(),
        cluster: vec!["monitor".to_owned()],
        expires: None,
        grants: vec![(vec!["*".to_owned()], engine.options.privileges.clone())],
    };
    Caller::Key { id: id.to_owned(), key }
}

/// Whether privileges of these names include one.
fn include(given: &[String], wanted: &str) -> bool {
    given.iter().any(|given| {
        given == wanted
            || match given.as_str() {
                "all" => true,
                "write" => matches!(wanted, "index" | "create" | "create_doc" | "delete" | "auto_configure"),
                "manage" => matches!(
                    wanted,
                    "maintenance" | "view_index_metadata" | "create_index" | "auto_configure" | "monitor"
                ),
                _ => false,
            }
    })
}

impl Caller {
    pub(crate) fn may(&self, name: &str, privilege: &str) -> bool {
        match self {
            Self::Anyone { .. } => true,
            Self::Key { key, .. } => key.grants.iter().any(|(names, given)| {
                names.iter().any(|pattern| is_like(pattern, name)) && include(given, privilege)
            }),
        }
    }

    /// Whether it may see the name at all.
    pub(crate) fn sees(&self, name: &str) -> bool {
        ["read", "view_index_metadata", "index"].iter().any(|privilege| self.may(name, privilege))
    }

    pub(crate) fn may_write_anything(&self) -> bool {
        match self {
            Self::Anyone { .. } => true,
            Self::Key { key, .. } => key
                .grants
                .iter()
                .any(|(_, given)| ["index", "create", "delete"].iter().any(|wanted| include(given, wanted))),
        }
    }

    /// Refuses what is not allowed on all of these names.
    pub(crate) fn ensure(&self, names: &[&str], privilege: &str, action: &str) -> Result<(), Refusal> {
        if names.iter().all(|name| self.may(name, privilege)) {
            return Ok(());
        }
        Err(self.refuse(action, names, privilege))
    }

    /// Refuses what is not allowed on any of these names: a backing index, and its stream.
    pub(crate) fn ensure_any(&self, names: &[&str], privilege: &str, action: &str) -> Result<(), Refusal> {
        if names.iter().any(|name| self.may(name, privilege)) {
            return Ok(());
        }
        Err(self.refuse(action, names, privilege))
    }

    pub(crate) fn refuse(&self, action: &str, names: &[&str], privilege: &str) -> Refusal {
        Refusal::new(
            403,
            "security_exception",
            format!(
                "action [{action}] is unauthorized for {} on indices [{}], this action is granted by the index privileges [{privilege},all]",
                self.described(),
                names.join(",")
            ),
        )
    }

    pub(crate) fn ensure_cluster(&self, privilege: &str, action: &str) -> Result<(), Refusal> {
        if self.may_on_cluster(privilege) {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "security_exception",
            format!(
                "action [{action}] is unauthorized for {}, this action is granted by the cluster privileges [{privilege},manage,all]",
                self.described()
            ),
        ))
    }

    fn may_on_cluster(&self, privilege: &str) -> bool {
        match self {
            Self::Anyone { .. } => true,
            Self::Key { key, .. } => {
                key.cluster.iter().any(|given| given == privilege || given == "all" || given == "manage")
            }
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Anyone { name } => format!("user [{name}]"),
            Self::Key { id, .. } => format!("API key id [{id}] of user [elastic]"),
        }
    }

    /// `_security/_authenticate`.
    pub(crate) fn identity(&self) -> Value {
        match self {
            Self::Anyone { name } => {
                json!({"username": name, "enabled": true, "authentication_type": "realm"})
            }
            Self::Key { id, key } => json!({
                "username": "elastic", "enabled": true, "authentication_type": "api_key",
                "api_key": {"id": id, "name": key.name},
            }),
        }
    }

    /// `_has_privileges`.
    pub(crate) fn privileges(&self, wanted: &Value) -> Value {
        let mut index = json!({});
        let texts = |value: Option<&Value>| -> Vec<String> {
            let values = value.and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut all = true;
        for wanted in wanted.get("index").and_then(Value::as_array).into_iter().flatten() {
            for name in texts(wanted.get("names")) {
                for privilege in texts(wanted.get("privileges")) {
                    let may = self.may(&name, &privilege);
                    all &= may;
                    index[&name][&privilege] = json!(may);
                }
            }
        }
        let mut cluster = json!({});
        for privilege in texts(wanted.get("cluster")) {
            let may = self.may_on_cluster(&privilege);
            all &= may;
            cluster[&privilege] = json!(may);
        }
        json!({"username": "elastic", "has_all_requested": all, "cluster": cluster, "index": index, "application": {}})
    }
}

impl Key {
    /// A key from the body of a request for one.
    pub(crate) fn of_request(body: &Value, secret: String) -> Self {
        let texts = |value: Option<&Value>| -> Vec<String> {
            let values = value.and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let roles: Vec<&Value> = body
            .get("role_descriptors")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|roles| roles.values())
            .collect();
        let grants = roles
            .iter()
            .flat_map(|role| {
                role.get("indices")
                    .or_else(|| role.get("index"))
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            })
            .map(|grant| (texts(grant.get("names")), texts(grant.get("privileges"))));
        Self {
            name: body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            secret,
            expires: body
                .get("expiration")
                .and_then(Value::as_str)
                .and_then(time_span)
                .map(|after| Instant::now() + after),
            cluster: roles.iter().flat_map(|role| texts(role.get("cluster"))).collect(),
            // Without roles a key may what its maker may.
            grants: if roles.is_empty() {
                vec![(vec!["*".to_owned()], vec!["all".to_owned()])]
            } else {
                grants.collect()
            },
        }
    }
}

/// `1ms`, `30s`, `5m`, `2h` or `7d`.
fn time_span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let number: u32 = digits.parse().ok()?;
    let unit = match text.get(digits.len()..)? {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    Some(unit * number)
}
