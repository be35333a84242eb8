//! What a pre-check of the search index found, and the one thing that tain can mend.

use leptos::prelude::*;
use protocol::{AddedMetadata, Finding, Findings, Reading, Severity};

use crate::{
    api::AddMapping,
    components::{
        command::Command,
        dialog::{Dialog, Opener, confirming},
        icon::{Icon, Symbol},
        notice::{Notice, Tone},
    },
};

const MAPPING: &str = "confirm-mapping";

/// The panel of the findings, the gravest first.
#[component]
pub fn FindingsPanel(
    /// What was found.
    precheck: Reading<Findings>,
    /// The field and the value for which it was asked.
    added: AddedMetadata,
    /// The index, alias or data stream.
    index: String,
    /// The command that adds the mapping.
    line: String,
    /// The action that adds it.
    mend: ServerAction<AddMapping>,
) -> impl IntoView {
    let findings = match precheck {
        Reading::Known(findings) => findings,
        Reading::Unknown(why) => {
            return view! {
                <Notice tone=Tone::Attention title="Whether documents may be written is unknown">
                    {why}
                    " A run makes the same check before it writes anything."
                </Notice>
            }
            .into_any();
        }
    };
    let is_clear = findings.is_clear();
    let mendable = findings.is_mended_by_mapping;
    let title = if is_clear { "Ready to be written" } else { "Nothing can be written yet" };
    let count = |severity, word, words| {
        let number = findings.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        (number > 0).then(|| format::counted(number, word, words))
    };
    let counted = [
        count(Severity::Stop, "stop", "stops"),
        count(Severity::Warning, "warning", "warnings"),
        count(Severity::Note, "note", "notes"),
    ];
    let counted = counted.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let many = findings.indices.len() > 1;
    let nothing = findings.findings.is_empty().then(|| {
        view! {
            <li class="finding c-in-sync">
                <Icon symbol=Symbol::Check />
                <div>
                    <strong>
                        "The mapping takes " <code>{format!("{}: {}", added.key, added.value)}</code>
                        ", and the key may do what is needed."
                    </strong>
                </div>
            </li>
        }
    });
    let items = findings.findings.into_iter().map(|finding| item(finding, many)).collect_view();
    let mapping = mendable.then(|| view! { <MappingForm added index line mend /> });
    view! {
        <section class="panel" aria-labelledby="precheck">
            <header>
                <h2 id="precheck">{title}</h2>
                <span class="soft">
                    {if counted.is_empty() { "pre-check of mapping and key".to_owned() } else { counted }}
                </span>
            </header>
            <ul class="findings">{nothing} {items}</ul>
            {mapping}
        </section>
        {move || match mend.value().get() {
            Some(Ok(done)) => {
                view! {
                    <Notice tone=Tone::Good title="The mapping was extended">
                        {done}
                    </Notice>
                }
                    .into_any()
            }
            Some(Err(error)) => refused(error.to_string()),
            None => ().into_any(),
        }}
    }
    .into_any()
}

fn refused(error: String) -> AnyView {
    view! {
        <Notice tone=Tone::Failed title="The mapping was not changed">
            {error}
        </Notice>
    }
    .into_any()
}

fn item(finding: Finding, many: bool) -> AnyView {
    let (class, symbol, word) = match finding.severity {
        Severity::Stop => ("finding c-failed", Symbol::Cross, "Stop"),
        Severity::Warning => ("finding c-attention", Symbol::Warning, "Warning"),
        Severity::Note => ("finding c-accent", Symbol::Info, "Note"),
    };
    let index = finding.index.filter(|_| many);
    view! {
        <li class=class>
            <Icon symbol />
            <div>
                <p>
                    <strong class="tinted">{word}</strong>
                    " "
                    <span class="first-letter">{finding.message}</span>
                    {index.map(|index| view! { <span class="soft">" in " <code>{index}</code></span> })}
                </p>
                {(!finding.remedy.is_empty()).then(|| view! { <p class="soft first-letter">{finding.remedy}</p> })}
            </div>
            <code class="faint">{finding.code}</code>
        </li>
    }
    .into_any()
}

/// The one step that mends it, after a question of its own.
#[component]
fn MappingForm(
    added: AddedMetadata,
    index: String,
    line: String,
    mend: ServerAction<AddMapping>,
) -> impl IntoView {
    let AddedMetadata { key, value } = added;
    let answer = confirming(MAPPING, "Add the mapping", mend.pending());
    view! {
        <footer>
            <ActionForm action=mend attr:class="row">
                <input type="hidden" name="field" value=key.clone() />
                <input type="hidden" name="value" value=value.clone() />
                <Opener dialog=MAPPING class="button" disabled=mend.pending()>
                    "Add the mapping…"
                </Opener>
                <span>"A step of its own: it adds the field to the mapping and touches no document, so that what documents hold already is not indexed by it."</span>
                <Dialog id=MAPPING title=format!("Change the mapping of {index}?") answer>
                    <dl class="facts">
                        <div>
                            <dt>"Index"</dt>
                            <dd class="break">{index.clone()}</dd>
                        </div>
                        <div>
                            <dt>"New field"</dt>
                            <dd class="mono break">{key}</dd>
                        </div>
                        <div>
                            <dt>"For values like"</dt>
                            <dd class="mono">{value}</dd>
                        </div>
                    </dl>
                    <p class="soft">
                        "A field cannot be taken out of a mapping again. No document is changed by it, and the key needs the privilege "
                        <code>"manage"</code> " for it."
                    </p>
                    <Command line />
                </Dialog>
            </ActionForm>
        </footer>
    }
    .into_any()
}
