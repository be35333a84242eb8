//! `tain elasticsearch`: the search index, and the access level on its documents.

use futures::TryStreamExt as _;
use protocol::{DocumentNumbers, DocumentUpdate, DocumentsLook, Findings, Severity, UpdatePreview};
use serde::Serialize;

use super::{Context, run};
use crate::{
    cli::{self, ElasticsearchCommand, Selection, check_request},
    connections::{COMMAND_PATIENCE, Connections},
    documents,
    exit::{Exit, Failure},
    output::{look_report, note, preview_report, print, print_json, search_index_report},
};

/// Does what the command line asks for.
///
/// # Errors
///
/// Why it could not be done.
pub async fn elasticsearch(context: &Context, arguments: cli::ElasticsearchArgs) -> Result<Exit, Failure> {
    match arguments.command {
        ElasticsearchCommand::Status => status(context).await,
        ElasticsearchCommand::Namespaces => namespaces(context).await,
        ElasticsearchCommand::Documents(arguments) => list(context, &arguments).await,
        ElasticsearchCommand::Preview(selection) => preview(context, &selection).await,
        ElasticsearchCommand::Update(update) => {
            require_meaning(&update.selection)?;
            run::run(context, update.request(), update.yes).await
        }
        ElasticsearchCommand::AddMapping(arguments) => add_mapping(context, &arguments).await,
        ElasticsearchCommand::Check(argument) => run::run(context, check_request(&argument), true).await,
    }
}

async fn status(context: &Context) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    // Whether it can be reached at all decides how the command ends; what is known is shown in any case.
    let search = tokio::time::timeout(COMMAND_PATIENCE, connections.search());
    let search = match search.await {
        Ok(search) => search.map(drop).map_err(Failure::from),
        Err(_) => Err(Failure::service("the search index did not answer")),
    };
    let Some(view) = Box::pin(documents::status(&connections, COMMAND_PATIENCE)).await else {
        return search.map(|()| Exit::Done);
    };
    if context.style.json {
        print_json(&view)?;
    } else {
        print(&search_index_report(&view, context.style))?;
    }
    search?;
    let (Some(_), Some(findings)) = (view.numbers.known(), view.precheck.known()) else {
        return Ok(Exit::ServiceFailed);
    };
    Ok(exit_of(findings))
}

/// What stands in the way is to be put right on this side.
fn exit_of(findings: &Findings) -> Exit {
    if findings.is_clear() { Exit::Done } else { Exit::Usage }
}

/// A line of `tain elasticsearch namespaces --json`.
#[derive(Serialize)]
struct Row<'a> {
    /// `namespace`, `without_namespace`, `namespace_too_long` or `total`.
    kind: &'static str,
    /// The name, of a namespace.
    namespace: Option<&'a str>,
    /// Documents without a value.
    without: u64,
    #[serde(flatten)]
    numbers: &'a DocumentNumbers,
}

async fn namespaces(context: &Context) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    let look = documents::look(&connections, COMMAND_PATIENCE).await?;
    if context.style.json {
        for row in rows(&look) {
            print_json(&row)?;
        }
    } else {
        print(&look_report(&look))?;
    }
    if !look.is_one_snapshot {
        note(
            "warning: this server has no points in time, so that the namespaces were counted one after the other",
        );
    }
    Ok(Exit::Done)
}

impl<'a> Row<'a> {
    const fn new(kind: &'static str, namespace: Option<&'a str>, numbers: &'a DocumentNumbers) -> Self {
        Self { kind, namespace, without: numbers.without(), numbers }
    }
}

fn rows(look: &DocumentsLook) -> impl Iterator<Item = Row<'_>> {
    let namespaces =
        look.namespaces.iter().map(|row| Row::new("namespace", Some(&row.namespace), &row.numbers));
    namespaces.chain([
        Row::new("without_namespace", None, &look.without_namespace),
        Row::new("namespace_too_long", None, &look.namespace_too_long),
        Row::new("total", None, &look.total),
    ])
}

/// The ids of documents, a line each; as JSON with the index that holds the document.
async fn list(context: &Context, arguments: &cli::DocumentsArgs) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    let mut names = Box::pin(documents::names(&connections, &arguments.query()).await?);
    while let Some(page) = names.try_next().await? {
        for name in page {
            if context.style.json {
                print_json(&name)?;
            } else {
                print(&format::one_line(&name.id))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn preview(context: &Context, selection: &Selection) -> Result<Exit, Failure> {
    require_meaning(selection)?;
    let connections = context.connections()?;
    let preview = look_ahead(&connections, &selection.update(), selection.overwrite).await?;
    if context.style.json {
        print_json(&preview)?;
    } else {
        print(&preview_report(&preview, context.style))?;
    }
    Ok(exit_of(&preview.precheck))
}

/// What an update would do.
async fn look_ahead(
    connections: &Connections,
    update: &DocumentUpdate,
    overwrite: bool,
) -> Result<UpdatePreview, Failure> {
    Ok(documents::preview(connections, update, overwrite, COMMAND_PATIENCE).await?)
}

/// What an update would do, unless something stands in its way: then no run is begun.
///
/// # Errors
///
/// What stands in the way, with what to do about it.
pub(super) async fn require_clear(
    connections: &Connections,
    update: &DocumentUpdate,
    overwrite: bool,
) -> Result<UpdatePreview, Failure> {
    let preview = look_ahead(connections, update, overwrite).await?;
    let stops = preview.precheck.findings.iter().filter(|finding| finding.severity == Severity::Stop);
    let reasons: Vec<String> = stops
        .map(|finding| {
            let index = finding.index.as_ref().map(|index| format!("{index}: ")).unwrap_or_default();
            format::one_line(&format!("{index}{}; {}", finding.message, finding.remedy))
        })
        .collect();
    if reasons.is_empty() {
        return Ok(preview);
    }
    let command = if preview.precheck.is_mended_by_mapping {
        "\n  `tain elasticsearch add-mapping` adds the field to the mapping"
    } else {
        ""
    };
    Err(Failure::usage(format!("nothing was written:\n  {}{command}", reasons.join("\n  "))))
}

async fn add_mapping(context: &Context, arguments: &cli::AddMapping) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    connections.search_endpoint()?;
    let config = connections.config();
    let field = arguments.added.field.as_deref().unwrap_or(&config.mirror.added_key);
    let question = format!(
        "Add the field {} to the mapping of {}? It cannot be taken out again; documents are not touched.",
        format::one_line(field),
        config.elasticsearch.index
    );
    if !arguments.yes && !run::ask(context, &question) {
        return Ok(Exit::Cancelled);
    }
    let done = documents::add_mapping(&connections, &arguments.added.update(), COMMAND_PATIENCE).await?;
    if context.style.json {
        print_json(&Done { message: &done })?;
    } else {
        print(&done)?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Done<'a> {
    message: &'a str,
}

/// A switch that would silently do nothing is a misunderstanding.
fn require_meaning(selection: &Selection) -> Result<(), Failure> {
    if selection.overwrite && selection.mode == cli::ModeArg::Missing {
        return Err(Failure::usage(
            "--overwrite replaces values, and documents with a value are left alone; add --mode all",
        ));
    }
    Ok(())
}
