//! Documents of the search index, each folded until somebody wants to see it.

use leptos::prelude::*;
use protocol::{Document, DocumentScope, SettingsView};

use crate::{
    ApiError, api,
    components::table::{Column, Table},
    links,
};

const COLUMNS: &[Column] = &[Column::Text("Field"), Column::Text("Type"), Column::Text("Value")];

/// How documents and records name each other, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Naming {
    /// The field that an update adds.
    pub added: String,
    /// The field that names a document's namespace.
    pub namespace_field: String,
    /// The field that holds the record's id; empty where it is the document's own.
    pub id_field: String,
    /// Whether any certificate is believed.
    pub believes_any_certificate: bool,
}

impl Naming {
    /// As the settings say it.
    ///
    /// # Errors
    ///
    /// They could not be read.
    pub async fn read() -> Result<Self, ApiError> {
        Ok(Self::of(&api::settings().await?))
    }

    fn of(settings: &SettingsView) -> Self {
        // What has a default is always named; only the field of the id may be absent.
        let value = |name: &str| {
            let setting = settings.settings.iter().find(|setting| setting.name == name);
            setting.and_then(|setting| setting.value.clone()).unwrap_or_default()
        };
        Self {
            added: value("NEW_METADATA_KEY"),
            namespace_field: value("ELASTICSEARCH_NAMESPACE_FIELD"),
            id_field: value("ELASTICSEARCH_ID_FIELD"),
            believes_any_certificate: value("ELASTICSEARCH_VERIFY_CERTS") == "false",
        }
    }

    /// The page of the record that belongs to a document, where both its names are known.
    fn record(&self, document: &Document, scope: &DocumentScope) -> Option<String> {
        let namespace = match (scope, text(document, &self.namespace_field)) {
            (_, Some(namespace)) => namespace,
            (DocumentScope::Namespaces(names), None) if names.len() == 1 => names[0].clone(),
            _ => return None,
        };
        let id = if self.id_field.is_empty() { document.id.clone() } else { text(document, &self.id_field)? };
        Some(links::record(&namespace, &id))
    }
}

/// The text of a field, if it is one without anything that JSON writes differently.
fn text(document: &Document, key: &str) -> Option<String> {
    let value = &document.fields.iter().find(|field| field.key == key)?.value;
    let text = format::unquoted(&value.text);
    (value.cut == 0 && text != value.text).then(|| text.to_owned())
}

/// The list; one document alone is unfolded.
#[component]
pub fn DocumentList(
    /// The documents.
    documents: Vec<Document>,
    /// Whose they are.
    scope: DocumentScope,
    /// How they name their records, where that is known.
    naming: Option<Naming>,
) -> impl IntoView {
    let alone = documents.len() == 1;
    let items =
        documents.into_iter().map(|document| item(document, &scope, naming.as_ref(), alone)).collect_view();
    view! { <ul class="documents">{items}</ul> }.into_any()
}

fn item(document: Document, scope: &DocumentScope, naming: Option<&Naming>, open: bool) -> AnyView {
    let record = naming.and_then(|naming| naming.record(&document, scope));
    let level = naming.map(|naming| match document.fields.iter().find(|field| field.key == naming.added) {
        Some(field) => {
            view! { <span class="tag">{format!("{}: {}", field.key, field.value.text)}</span> }.into_any()
        }
        None => view! { <span class="faint">{format!("no {}", naming.added)}</span> }.into_any(),
    });
    let namespace = naming
        .and_then(|naming| text(&document, &naming.namespace_field))
        .map(|namespace| view! { <span class="soft break">{namespace}</span> });
    let Document { index, id, fields } = document;
    let fields_of = format!("Fields of {id}");
    let rows = fields
        .into_iter()
        .map(|field| {
            let cut = (field.value.cut > 0)
                .then(|| format!(" … {} more", format::counted(field.value.cut, "character", "characters")));
            view! {
                <tr>
                    <th scope="row" class="mono break">
                        {field.key}
                    </th>
                    <td class="soft">{field.value.kind.label()}</td>
                    <td class="wrap mono">
                        {field.value.text} {cut.map(|cut| view! { <span class="faint">{cut}</span> })}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <li>
            <details class="document" open=open>
                <summary>
                    <span class="mono break">{id}</span>
                    {namespace}
                    {level}
                </summary>
                <Table label=fields_of columns=COLUMNS class="list compact">
                    {rows}
                </Table>
                <p class="row">
                    {record.map(|href| view! { <a href=href>"Beside its record in source and target"</a> })}
                    <span class="soft">"in " <code>{index}</code> ", shown without its vectors"</span>
                </p>
            </details>
        </li>
    }
    .into_any()
}
