//! What the address of the page asks for, which is what stands in its form.

use leptos_router::params::ParamsMap;
use protocol::{DocumentScope, DocumentUpdate, RunRequest, UpdateMode, UpdatePreview};

use crate::{
    ApiError,
    api::{self, TypedUpdate},
    browser, links,
};

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether a preview is asked for.
    pub preview: bool,
    /// `some`, `without`, `too-long`; anything else is all.
    pub scope: String,
    /// One namespace a line.
    pub namespaces: String,
    /// Which documents.
    pub mode: UpdateMode,
    /// The field; empty is the configured one.
    pub field: String,
    /// Its value as JSON; empty is the configured one.
    pub value: String,
    /// Whether higher values are replaced, too.
    pub overwrite: bool,
    /// Whether the server updates by itself.
    pub server_side: bool,
}

impl Asked {
    /// What the address asks for.
    pub fn of(query: &ParamsMap) -> Self {
        let word = |name| query.get(name).unwrap_or_default();
        let is_on = |name| query.get(name).is_some_and(|word| word == "true");
        Self {
            preview: is_on("preview"),
            scope: word("scope"),
            namespaces: word("namespaces"),
            mode: if word("mode") == UpdateMode::All.as_str() {
                UpdateMode::All
            } else {
                UpdateMode::Missing
            },
            field: word("field").trim().to_owned(),
            value: word("value").trim().to_owned(),
            overwrite: is_on("overwrite"),
            server_side: is_on("server_side"),
        }
    }

    /// What stands in the form; nothing before there is one.
    pub fn of_form() -> Option<Self> {
        let is_on = |id: &str| browser::is_checked(id).unwrap_or_default();
        let typed =
            |id: &str| browser::input_value(id).map(|text| text.trim().to_owned()).unwrap_or_default();
        let scope = ["all", "some", "without", "too-long"]
            .into_iter()
            .find(|word| is_on(&format!("scope-{word}")))?;
        Some(Self {
            preview: true,
            scope: scope.to_owned(),
            namespaces: browser::text_value("namespaces").unwrap_or_default(),
            mode: if is_on("mode-all") { UpdateMode::All } else { UpdateMode::Missing },
            field: typed("field"),
            value: typed("value"),
            overwrite: is_on("overwrite"),
            server_side: is_on("server-side"),
        })
    }

    /// Whose documents.
    pub fn scope(&self) -> DocumentScope {
        links::scope_of(&self.scope, &self.namespaces)
    }

    /// Whether higher values are replaced; it means nothing where only missing values are written.
    pub fn overwrites(&self) -> bool {
        self.overwrite && self.mode == UpdateMode::All
    }

    /// What it does.
    pub fn update(&self) -> DocumentUpdate {
        let typed = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        DocumentUpdate {
            scope: self.scope(),
            mode: self.mode,
            field: typed(&self.field),
            value: typed(&self.value),
            server_side: self.server_side,
        }
    }

    /// The run that does it.
    pub fn request(&self) -> RunRequest {
        RunRequest { overwrite_added: self.overwrites(), ..RunRequest::update_documents(self.update()) }
    }

    /// The command that shows the same preview.
    pub fn command(&self) -> String {
        // Who does it makes no difference to what would be done.
        let asked = Self { server_side: false, ..self.clone() };
        asked.request().command().replacen(" update", " preview", 1)
    }

    /// The command that adds the field to the mapping.
    pub fn mapping_command(&self) -> String {
        let asked = Self { field: self.field.clone(), value: self.value.clone(), ..Self::default() };
        asked.request().command().replacen(" update --all-namespaces", " add-mapping", 1)
    }

    /// The address of the preview.
    pub fn address(&self) -> String {
        let mut address = links::preview(&self.scope());
        let mode = if self.mode == UpdateMode::All { self.mode.as_str() } else { "" };
        for (name, value) in [("mode", mode), ("field", &self.field), ("value", &self.value)] {
            address = links::with_any(&address, name, value);
        }
        for (name, is_on) in [("overwrite", self.overwrites()), ("server_side", self.server_side)] {
            address = links::with_any(&address, name, if is_on { "true" } else { "" });
        }
        address
    }
}

/// The preview that is asked for, if one is.
pub async fn preview(asked: Asked) -> Result<Option<UpdatePreview>, ApiError> {
    if !asked.preview {
        return Ok(None);
    }
    let overwrite = asked.overwrites();
    let scope = if asked.scope.is_empty() { "all".to_owned() } else { asked.scope };
    let Asked { namespaces, mode, field, value, .. } = asked;
    let update = TypedUpdate { scope, namespaces, mode, field, value };
    api::preview_update(update, overwrite).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_leads_back_to_what_was_asked() {
        let asked = Asked {
            scope: "some".to_owned(),
            namespaces: "a b\r\n\r\nc".to_owned(),
            mode: UpdateMode::All,
            field: "level".to_owned(),
            value: "2".to_owned(),
            overwrite: true,
            ..Asked::default()
        };
        assert_eq!(
            asked.address(),
            "/elasticsearch?preview=true&scope=some&namespaces=a%20b%0Ac&mode=all&field=level&value=2&overwrite=true"
        );
        assert_eq!(
            asked.command(),
            "tain elasticsearch preview --overwrite --mode all --field=level --value=2 'a b' c"
        );
        assert_eq!(asked.mapping_command(), "tain elasticsearch add-mapping --field=level --value=2");
        assert_eq!(Asked::default().mapping_command(), "tain elasticsearch add-mapping");
        let missing = Asked { mode: UpdateMode::Missing, ..asked };
        assert!(!missing.request().overwrite_added, "there is nothing to overwrite where nothing is");
        assert_eq!(Asked::default().address(), "/elasticsearch?preview=true");
    }
}
