//! Where a setting's value comes from: default < `tain.toml` < `.env` < environment < flag.
//!
//! The environment wins over `.env`, as python-dotenv has it, so that one command can be run with another value; both
//! win over `tain.toml`, which is the file that is checked in and shared.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use super::{
    dotenv,
    variables::{Group, VARIABLES, Variable, by_toml_key, closest_toml_key},
};

/// Everything that settings are read from. Tests make their own; the program calls [`Sources::of_process`].
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The process environment.
    pub environment: HashMap<String, String>,
    /// Where `.env` and `tain.toml` are looked for.
    pub directory: PathBuf,
    /// This file instead of `.env`; then it must be there.
    pub env_file: Option<PathBuf>,
    /// This file instead of `tain.toml`; then it must be there.
    pub config_file: Option<PathBuf>,
    /// What flags say, by variable name.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The process's own environment and working directory. This is the only place that reads them.
    pub fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { environment, directory: PathBuf::from("."), ..Self::default() }
    }

    /// The same without any setting of a service: for the demo, which must not reach a real service even where a real
    /// key is set. `directory` takes the place of the working directory, so that no file is found.
    #[must_use]
    pub fn without_services(mut self, directory: PathBuf) -> Self {
        for variable in VARIABLES.iter().filter(|variable| variable.group != Group::Tain) {
            for name in names(variable) {
                self.environment.remove(name);
            }
        }
        Self { environment: self.environment, directory, ..Self::default() }
    }
}

/// Which layer a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is set.
    Default,
    /// `tain.toml`.
    ConfigFile,
    /// `.env`.
    DotEnv,
    /// The process environment.
    Environment,
    /// The command line.
    Flag,
}

impl Origin {
    /// The word in `tain config`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ConfigFile => "tain.toml",
            Self::DotEnv => ".env",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// A setting with its value as text and where that came from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which setting.
    pub variable: &'static Variable,
    /// The name under which it was set, if that was another one.
    pub alias: Option<&'static str>,
    /// The layer.
    pub origin: Origin,
    /// Every value is kept as a secret, so that none has to be remembered to be one.
    value: Option<SecretString>,
}

impl Entry {
    /// The value as text; `None` where nothing is set and there is no default.
    pub fn text(&self) -> Option<&str> {
        self.value.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The value, where it is a secret that is set.
    pub fn secret(&self) -> Option<SecretString> {
        self.value.clone()
    }

    /// What may be shown: the value, without a password that an address holds; of a secret that it is set and, where it
    /// is long enough to give nothing away, its last four characters.
    pub fn shown(&self) -> String {
        match self.text() {
            None => "not set".to_owned(),
            Some(text) if self.variable.secret => describe_secret(text),
            Some(text) => without_password(text),
        }
    }

    /// The name that the user knows it by.
    pub fn name(&self) -> &'static str {
        self.alias.unwrap_or(self.variable.name)
    }
}

/// `https://user:password@host` as `https://…@host`. Such an address is refused, but shown before. It need not be an
/// address that anyone could read: a password may hold a slash, and the scheme may have been forgotten. So everything
/// between the scheme and the last `@` goes, where a colon stands in it.
fn without_password(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@').filter(|(before, _)| before.contains(':')) else {
        return text.to_owned();
    };
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    format!("{}…@{host}", scheme.unwrap_or_default())
}

fn describe_secret(text: &str) -> String {
    let length = text.chars().count();
    if length < 12 {
        return "set".to_owned();
    }
    let tail: String = text.chars().skip(length - 4).collect();
    format!("set, ends in …{tail}")
}

/// Why the files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A file that was named, or that is there, cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// `.env` is not understood.
    #[error("cannot read {}: {source}", path.display())]
    DotEnv {
        /// Which.
        path: PathBuf,
        /// Where.
        source: dotenv::UnclosedQuote,
    },
    /// `tain.toml` is not TOML. The parser's message quotes the line, which may hold a key: only its place is kept.
    #[error("{} is not valid TOML at line {line}: {message}", path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, in the parser's words.
        message: String,
    },
    /// A key that nobody reads would be a setting that silently does nothing.
    #[error("{} has the unknown key {key:?}; {}", path.display(), remedy(.suggestion.as_deref()))]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// The key.
        key: String,
        /// A key that is like it.
        suggestion: Option<String>,
    },
    /// A value of a type that no setting has.
    #[error("{key} in {} is {found}; give a string, a number or true/false", path.display())]
    ValueType {
        /// Which file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it is.
        found: &'static str,
    },
}

fn remedy(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!("did you mean {suggestion}?"),
        None => "`tain config` lists the known ones, which are written in lowercase here".to_owned(),
    }
}

type Layer = HashMap<String, String>;

/// Reads all layers and gives one entry for each variable, in the order of [`VARIABLES`]. An empty value is unset.
///
/// # Errors
///
/// A file that cannot be read or that is not understood.
pub fn entries(sources: &Sources) -> Result<Vec<Entry>, LayerError> {
    let config_file = read_config_file(sources)?;
    let dot_env = read_dot_env(sources)?;
    let flags: Layer =
        sources.flags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let layers = [
        (Origin::Flag, &flags),
        (Origin::Environment, &sources.environment),
        (Origin::DotEnv, &dot_env),
        (Origin::ConfigFile, &config_file),
    ];
    let home = data_home(&sources.environment);
    let entries = VARIABLES.iter().map(|variable| {
        let mut entry = entry(variable, &layers);
        if variable.name == "TAIN_DATA_DIR" && entry.value.is_none() {
            entry.value = home.as_ref().map(|home| home.join("tain").display().to_string().into());
        }
        entry
    });
    Ok(entries.collect())
}

/// Where the user's data is kept (XDG Base Directory Specification): `$XDG_DATA_HOME`, or `~/.local/share`.
fn data_home(environment: &Layer) -> Option<PathBuf> {
    let directory = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    directory("XDG_DATA_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/share")))
}

fn names(variable: &Variable) -> impl Iterator<Item = &'static str> {
    std::iter::once(variable.name).chain(variable.aliases.iter().copied())
}

fn entry(variable: &'static Variable, layers: &[(Origin, &Layer)]) -> Entry {
    for (origin, layer) in layers {
        for name in names(variable) {
            if let Some(value) = layer.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()) {
                let alias = (name != variable.name).then_some(name);
                return Entry { variable, alias, origin: *origin, value: Some(value.into()) };
            }
        }
    }
    Entry { variable, alias: None, origin: Origin::Default, value: variable.default.map(Into::into) }
}

/// The text of a file; `None` if it is not there and nobody asked for it by name.
fn read(
    named: Option<&Path>,
    directory: &Path,
    usual: &str,
) -> Result<Option<(PathBuf, String)>, LayerError> {
    let path = named.map_or_else(|| directory.join(usual), Path::to_path_buf);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LayerError::Unreadable { path, source }),
    }
}

fn read_dot_env(sources: &Sources) -> Result<Layer, LayerError> {
    let Some((path, text)) = read(sources.env_file.as_deref(), &sources.directory, ".env")? else {
        return Ok(Layer::new());
    };
    let pairs =
        dotenv::parse(&text, &sources.environment).map_err(|source| LayerError::DotEnv { path, source })?;
    Ok(pairs.into_iter().collect())
}

fn read_config_file(sources: &Sources) -> Result<Layer, LayerError> {
    let Some((path, text)) = read(sources.config_file.as_deref(), &sources.directory, "tain.toml")? else {
        return Ok(Layer::new());
    };
    let table: BTreeMap<String, toml::Value> = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        LayerError::Toml { path: path.clone(), line, message: error.message().to_owned() }
    })?;
    table
        .into_iter()
        .map(|(key, value)| {
            let Some(variable) = by_toml_key(&key) else {
                let suggestion = closest_toml_key(&key);
                return Err(LayerError::UnknownKey { path: path.clone(), key, suggestion });
            };
            let text = toml_text(variable, &value).map_err(|found| LayerError::ValueType {
                path: path.clone(),
                key,
                found,
            })?;
            Ok((variable.name.to_owned(), text))
        })
        .collect()
}

/// A TOML value as the text that the environment would hold. TOML has types of its own, so what is JSON in the
/// environment is written plainly here: `new_metadata_value = "public"` is a string and `= 1` a number.
fn toml_text(variable: &Variable, value: &toml::Value) -> Result<String, &'static str> {
    let json = variable.name == "NEW_METADATA_VALUE";
    match value {
        toml::Value::String(text) if json => Ok(serde_json::Value::from(text.as_str()).to_string()),
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(switch) => Ok(switch.to_string()),
        toml::Value::Array(items) if json => {
            let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            items
                .map(|items| serde_json::Value::from(items).to_string())
                .ok_or("a list of other things than strings")
        }
        toml::Value::Array(_) => Err("a list"),
        toml::Value::Table(_) => Err("a table"),
        toml::Value::Datetime(_) => Err("a date"),
    }
}
