//! What would happen, before the first write.

mod mapping;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value};
use upstream::Request;

use crate::{Error, Fields, Privileges, Product, Reader, Task};

/// What the pre-check of a task found, the gravest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precheck {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What the key may do.
    pub privileges: Privileges,
    /// The concrete indexes behind the name.
    indices: BTreeSet<String>,
}

/// Something to know before writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// A short name that does not change: `dynamic_strict`.
    pub code: &'static str,
    /// The concrete index; `None` if it is about the key or the server.
    pub index: Option<String>,
    /// What it is.
    pub message: String,
    /// What to do about it; empty if nothing need be done.
    pub remedy: String,
    /// Whether adding the field to the mapping ([`crate::MappingEditor`]) is the remedy.
    pub is_mended_by_mapping: bool,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing may be written.
    Stop,
    /// It can be gone on with, knowing this.
    Warning,
    /// Good to know.
    Note,
}

/// The permission to write: only a pre-check gives it. It names the concrete indexes, and no other is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    indices: Arc<BTreeSet<String>>,
}

/// A pre-check that found a reason to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing was written: {}", reasons(.0))]
pub struct Stopped(pub Precheck);

fn reasons(precheck: &Precheck) -> String {
    let stops = precheck.findings.iter().filter(|finding| finding.severity == Severity::Stop);
    stops.map(|finding| format!("{}; {}", finding.message, finding.remedy)).collect::<Vec<_>>().join(" · ")
}

impl Cleared {
    /// Whether this index may be written to.
    #[must_use]
    pub fn allows(&self, index: &str) -> bool {
        self.indices.contains(index)
    }

    /// The indexes.
    pub fn indices(&self) -> impl Iterator<Item = &str> {
        self.indices.iter().map(String::as_str)
    }
}

impl Precheck {
    /// The permission to write, if nothing speaks against it.
    ///
    /// # Errors
    ///
    /// [`Stopped`] with the whole pre-check.
    pub fn clear(self) -> Result<Cleared, Stopped> {
        if self.findings.iter().any(|finding| finding.severity == Severity::Stop) || self.indices.is_empty() {
            return Err(Stopped(self));
        }
        Ok(Cleared { indices: Arc::new(self.indices) })
    }

    /// The concrete indexes behind the name.
    pub fn indices(&self) -> impl Iterator<Item = &str> {
        self.indices.iter().map(String::as_str)
    }

    /// Whether the field must be added to the mapping first, and that would be enough.
    #[must_use]
    pub fn is_mended_by_mapping(&self) -> bool {
        let mut stops = self.findings.iter().filter(|finding| finding.severity == Severity::Stop).peekable();
        stops.peek().is_some() && stops.all(|finding| finding.is_mended_by_mapping)
    }
}

impl Finding {
    fn new(
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            index: None,
            message: message.into(),
            remedy: remedy.into(),
            is_mended_by_mapping: false,
        }
    }

    fn stop(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Stop, code, message, remedy)
    }

    fn warning(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message, remedy)
    }

    fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message, "")
    }

    fn mended_by_mapping(self) -> Self {
        Self { is_mended_by_mapping: true, ..self }
    }

    fn at(self, index: &str) -> Self {
        Self { index: Some(index.to_owned()), ..self }
    }
}

/// The mapping of an index, as the server sends it.
#[derive(Deserialize)]
struct Mapping {
    mappings: Map<String, Value>,
}

/// The settings of an index, flat.
#[derive(Deserialize)]
struct Settings {
    settings: Map<String, Value>,
}

impl Reader {
    /// Checks what an update would do: to every concrete index its mapping, settings and blocks, and what the key may.
    /// Nothing is written.
    ///
    /// # Errors
    ///
    /// If the index does not exist, or a request failed.
    pub async fn precheck(&self, task: &Task, fields: &Fields) -> Result<Precheck, Error> {
        self.ensure_exists().await?;
        let mappings: BTreeMap<String, Mapping> =
            self.http().json(&Request::get(self.path("_mapping"))).await?;
        let indices: BTreeSet<String> = mappings.keys().cloned().collect();
        let names: Vec<String> = indices.iter().cloned().collect();
        let privileges = self.privileges(&names).await?;
        let settings = self.settings().await?;
        let mut findings = Vec::new();
        if indices.is_empty() {
            findings.push(Finding::stop(
                "no_index_behind",
                format!("there is no index behind {}", self.index()),
                "name an index, or an alias of one",
            ));
        }
        for (index, mapping) in &mappings {
            let mapping = &mapping.mappings;
            let settings = match &settings {
                None => None,
                Some(all) => Some(all.get(index).map(|one| &one.settings).ok_or_else(|| {
                    self.nonsense(format!("it showed the mapping of {index} and not its settings"))
                })?),
            };
            let found = mapping::findings(mapping, settings, task)
                .into_iter()
                .chain(settings::findings(settings))
                .chain(data_stream(index, mapping, task, &privileges));
            findings.extend(found.map(|finding| finding.at(index)));
        }
        if settings.is_none() {
            findings.push(Finding::note(
                "settings_unknown",
                "the key may not see the settings, so blocks are unknown",
            ));
        }
        if indices.len() > 1 {
            let names = names.join(", ");
            findings.push(Finding::note(
                "several_indices",
                format!("{} stands for {} indexes: {names}", self.index(), indices.len()),
            ));
        }
        if !fields.value.is_absent() && !fields.value.is_searchable {
            findings.push(Finding::stop(
                "not_searchable",
                format!(
                    "the field {} cannot be searched, so that an update would never be seen to be done",
                    task.field
                ),
                "map it as a searchable field in a new index",
            ));
        }
        findings.extend(of_privileges(&privileges, self.server().product));
        findings.sort_by(|a, b| (a.severity, &a.index, a.code).cmp(&(b.severity, &b.index, b.code)));
        Ok(Precheck { findings, privileges, indices })
    }

    /// The settings of every concrete index, flat; `None` if the key may not see them.
    async fn settings(&self) -> Result<Option<BTreeMap<String, Settings>>, Error> {
        let request = Request::get(self.path("_settings")).query("flat_settings", "true");
        match self.http().json(&request).await.map_err(Error::from) {
            Ok(settings) => Ok(Some(settings)),
            Err(error) if error.is_no_such_api() || *error.kind() == upstream::Kind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The first value in a backing index changes its mapping, which `index` allows for plain indexes only.
fn data_stream(
    index: &str,
    mapping: &Map<String, Value>,
    task: &Task,
    privileges: &Privileges,
) -> Option<Finding> {
    let is_mapped = mapping.get("properties").is_some_and(|fields| fields.get(task.field.as_str()).is_some());
    let may_map = !matches!(privileges, Privileges::Known { manage: false, .. });
    (index.starts_with(".ds-") && !is_mapped && !may_map).then(|| {
        Finding::warning(
            "data_stream_mapping",
            "it belongs to a data stream, where the first value of a new field needs more than the privilege index",
            "add the field to the mapping first, with a key that has manage",
        )
        .mended_by_mapping()
    })
}

fn of_privileges(privileges: &Privileges, product: Product) -> Vec<Finding> {
    let Privileges::Known { read, index, maintenance, delete, create_index, .. } = *privileges else {
        let who = if product == Product::OpenSearch { "OpenSearch" } else { "the server" };
        return vec![Finding::note(
            "privileges_unknown",
            format!("{who} does not say what the credentials may do"),
        )];
    };
    let mut findings = Vec::new();
    if !read {
        findings.push(Finding::stop(
            "no_read",
            "the key may not read every index behind the name",
            "give it the index privilege read on them",
        ));
    }
    if !index {
        findings.push(Finding::stop(
            "no_write",
            "the key may not update documents of every index behind the name",
            "give it the index privilege index on them (not write, which may also delete)",
        ));
    }
    if delete {
        findings.push(Finding::warning(
            "may_delete",
            "the key may delete documents, which tain never does",
            "a key with read, index, view_index_metadata and maintenance is enough",
        ));
    }
    if create_index {
        findings.push(Finding::warning(
            "may_create",
            "the key may create indexes, so that nothing but tain's own check keeps a mistyped name from making one",
            "a key with read, index, view_index_metadata and maintenance is enough",
        ));
    }
    if !maintenance {
        findings.push(Finding::note(
            "no_refresh",
            "the key may not refresh (maintenance), so tain waits for the server's own refresh before it counts",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn precheck(findings: Vec<Finding>) -> Precheck {
        Precheck { findings, privileges: Privileges::Unknown, indices: BTreeSet::from(["idx".to_owned()]) }
    }

    #[test]
    fn only_a_pre_check_without_a_stop_clears() {
        let cleared = precheck(vec![Finding::warning("w", "m", "r")]).clear().unwrap();
        assert!(cleared.allows("idx"));
        assert!(!cleared.allows("other"));
        let stopped = precheck(vec![Finding::stop("s", "it is strict", "add it")]).clear().unwrap_err();
        assert_eq!(stopped.to_string(), "nothing was written: it is strict; add it");
        assert!(!stopped.0.is_mended_by_mapping());
        assert!(precheck(vec![Finding::stop("s", "m", "r").mended_by_mapping()]).is_mended_by_mapping());
        assert!(!precheck(Vec::new()).is_mended_by_mapping());
    }

    #[test]
    fn a_mapping_that_is_not_shown_is_not_an_empty_one() {
        let read = |json: Value| serde_json::from_value::<Mapping>(json).is_ok();
        assert!(read(json!({"mappings": {}})));
        assert!(!read(json!({})) && !read(json!({"mappings": null})));
        assert!(serde_json::from_value::<Settings>(json!({})).is_err());
    }

    #[test]
    fn a_key_that_may_too_much_is_told_so() {
        let known = |index, delete| Privileges::Known {
            read: true,
            index,
            view_metadata: true,
            maintenance: true,
            delete,
            create_index: false,
            manage: false,
        };
        let codes = |privileges| {
            of_privileges(&privileges, Product::Elasticsearch)
                .iter()
                .map(|finding| finding.code)
                .collect::<Vec<_>>()
        };
        assert!(codes(known(true, false)).is_empty());
        assert_eq!(codes(known(true, true)), ["may_delete"]);
        assert_eq!(codes(known(false, false)), ["no_write"]);
    }
}
