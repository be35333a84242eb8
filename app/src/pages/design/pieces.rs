//! States, messages, actions, fields, tables.

use leptos::prelude::*;
use protocol::{Category, NamespacePatterns, Reading, Reuse};

use super::{
    catalogue::{Group, Specimen},
    samples,
};
use crate::{
    ApiError,
    components::{
        Count, Read,
        command::Command,
        dialog::{Dialog, Opener},
        fields::{FieldError, OverwriteField, PatternFields, Patterns, ReuseField, invalid},
        icon::{Icon, Symbol},
        notice::{Empty, Notice, Skeleton, Tone},
        paging::{Pager, Search},
        pill::{Pill, Standing},
        state_bar::{StateBar, StateCounts, StateTable},
        stepper::{Stage, Stepper},
        table::{Column, Table},
    },
};

const STANDINGS: [Standing; 13] = [
    Standing::InSync,
    Standing::Done,
    Standing::Verified,
    Standing::ChangesPending,
    Standing::Running,
    Standing::Pausing,
    Standing::Cancelling,
    Standing::Paused,
    Standing::Interrupted,
    Standing::NeedsAttention,
    Standing::Cancelled,
    Standing::Failed,
    Standing::Unknown,
];

/// How things stand.
pub fn state() -> Group {
    let pills = STANDINGS.map(|standing| view! { <Pill standing /> }).collect_view();
    let bars = [
        ("a plan", StateCounts::from(&samples::plan())),
        (
            "one record among a million",
            StateCounts { in_sync: 1_000_000, missing: 1, orphans: 1, ..StateCounts::default() },
        ),
        ("all in sync", StateCounts { in_sync: 18_120, ..StateCounts::default() }),
        (
            "with records that could not be read",
            StateCounts {
                in_sync: 40,
                changed: 30,
                no_text: 20,
                unreadable: 20,
                orphans: 30,
                ..StateCounts::default()
            },
        ),
        ("nothing on either side", StateCounts::default()),
    ]
    .map(|(what, state)| {
        view! {
            <div class="stack">
                <p class="faint">{what}</p>
                <StateBar state run=samples::id() />
            </div>
        }
    })
    .collect_view();
    Group {
        name: "State",
        specimens: vec![
            Specimen::new(
                "Pill",
                "How a namespace or a run stands, in one of eleven words with a fixed colour and icon. Unknown never looks like 0.",
                "<Pill standing=Standing::of_run(state, &request, &counts) />",
                view! { <div class="row">{pills}</div> },
            ),
            Specimen::new(
                "State bar",
                "A namespace in one picture, for lists and cards. With a run, the legend leads to its records. Signs and hatching say what colour does; the smallest part stays visible.",
                "<StateBar state=&plan run=id />",
                view! { <div class="stack wide">{bars}</div> },
            ),
            Specimen::new(
                "State table",
                "The same with what becomes of the records: for a plan.",
                "<StateTable state=&plan run=id />",
                view! { <div class="stack"><StateTable state=&samples::plan() run=samples::id() /></div> },
            ),
            Specimen::new(
                "Count and Read",
                "A count leads to its records; nothing leads nowhere. What could not be read is the word unknown, with the reason.",
                r#"<Count run category number /> <Read reading absent="none" />"#,
                view! {
                    <dl class="facts">
                        <div><dt>"To migrate"</dt> <dd><Count run=samples::id() category=Category::Missing number=1_012 /></dd></div>
                        <div><dt>"Failed"</dt> <dd><Count run=samples::id() category=Category::Failed number=0 /></dd></div>
                        <div><dt>"Records"</dt> <dd><Read reading=Reading::Known(Some(18_120)) absent="none" /></dd></div>
                        <div><dt>"Target"</dt> <dd><Read reading=Reading::Known(None) absent="none" /></dd></div>
                        <div>
                            <dt>"Documents"</dt>
                            <dd><Read reading=Reading::Unknown("text-search-v0 did not answer".to_owned()) absent="none" /></dd>
                        </div>
                    </dl>
                },
            ),
            Specimen::wide(
                "Stepper",
                "Where one stands on a way of several pages: done, here, ahead.",
                "<Stepper at=Stage::Plan end=\"Verify\" scope=address />",
                view! { <Stepper at=Stage::Plan end="Verify" scope=Some("/mirror".to_owned()) /> },
            ),
        ],
    }
}

/// What the page says.
pub fn messages() -> Group {
    Group {
        name: "Messages",
        specimens: vec![
            Specimen::new(
                "Notice",
                "What happened, what is still true, what to do. A failure is read out at once.",
                r#"<Notice tone=Tone::Failed title="The run was not started">{error.to_string()}</Notice>"#,
                view! {
                    <div class="stack">
                        <Notice tone=Tone::Info title="The plan is two hours old">"Analyze again to see what has changed since."</Notice>
                        <Notice tone=Tone::Good title="The target holds every record" />
                        <Notice tone=Tone::Attention title="Not everything could be read">
                            "askdona did not answer. Its numbers are shown as unknown."
                        </Notice>
                        <Notice tone=Tone::Failed title="The run was not started">
                            "Another run holds the namespace. "
                            <a href="/runs">"Open the run that holds it"</a>
                        </Notice>
                    </div>
                },
            ),
            Specimen::new(
                "Empty",
                "Says what will be here, and has the one button that fills it.",
                r#"<Empty title="No run yet"><a class="button primary" href=links::MIRROR>…</a></Empty>"#,
                view! {
                    <Empty title="No run yet">
                        <p class="soft">"Analyses and mirrors will be listed here, newest first."</p>
                        <a class="button primary" href="/mirror">
                            "Mirror a namespace"
                        </a>
                    </Empty>
                },
            ),
            Specimen::new(
                "Skeleton",
                "The outline of the page that is coming, while it loads.",
                "<Suspense fallback=|| view! { <Skeleton panels=2 /> }>",
                view! { <Skeleton panels=1 /> },
            ),
        ],
    }
}

/// What can be done.
pub fn actions() -> Group {
    let answer =
        view! { <button type="button" class="button primary">"Start the live run"</button> }.into_any();
    Group {
        name: "Actions",
        specimens: vec![
            Specimen::new(
                "Button",
                "One primary action a page. Three dots: it asks before it acts.",
                r#"<button type="submit" class="button primary">"Analyze"</button>"#,
                view! {
                    <div class="row">
                        <button type="button" class="button primary">"Analyze"</button>
                        <button type="button" class="button">"Pause"</button>
                        <button type="button" class="button danger">"Cancel…"</button>
                        <button type="button" class="button small">"Retry failed…"</button>
                        <a class="button quiet" href="/"><Icon symbol=Symbol::Download /> "Download"</a>
                        <button type="button" class="button primary" disabled=true>"Starting…"</button>
                        <button type="button" class="button" disabled=true>"Pause"</button>
                    </div>
                },
            ),
            Specimen::new(
                "Command",
                "Every action shows the command that does the same.",
                "<Command line=request.command() />",
                view! { <Command line="tain mirror help-centre --plan 7c41 --dry-run" /> },
            ),
            Specimen::new(
                "Switch and segments",
                "A switch is on or off at once; segments show one of several views.",
                r#"<label class="switch"><input type="checkbox" role="switch" />…</label>"#,
                view! {
                    <div class="row">
                        <label class="switch"><input type="checkbox" role="switch" checked=true /> <b>"Dry run"</b></label>
                        <label class="switch"><input type="checkbox" role="switch" /> <b>"Dry run"</b></label>
                        <div class="segments" role="group" aria-label="Level">
                            <button type="button" aria-pressed="true">"All"</button>
                            <button type="button" aria-pressed="false">"Warnings"</button>
                            <button type="button" aria-pressed="false">"Errors"</button>
                        </div>
                    </div>
                },
            ),
            Specimen::new(
                "Dialog",
                "One question before something is written, with the names of what it writes to. The browser's own, so Escape closes it and the focus returns.",
                "<Opener dialog=ID>\"Start…\"</Opener> <Dialog id=ID title answer>…</Dialog>",
                view! {
                    <Opener dialog="question">"Start…"</Opener>
                    <Dialog id="question" title="Write to askdona?" answer>
                        <dl class="facts">
                            <div><dt>"Target index"</dt> <dd>"askdona"</dd></div>
                            <div><dt>"Namespace"</dt> <dd class="mono break">"help-centre"</dd></div>
                        </dl>
                    </Dialog>
                },
            ),
        ],
    }
}

/// What can be entered.
pub fn forms() -> Group {
    let refused = Signal::stored(Some(ApiError::Invalid {
        field: "namespace".to_owned(),
        message: "A namespace has at most 512 characters.".to_owned(),
    }));
    let patterns =
        Patterns::new(&NamespacePatterns { include: vec!["help-*".to_owned()], exclude: Vec::new() });
    Group {
        name: "Forms",
        specimens: vec![
            Specimen::new(
                "Field",
                "A label, the input, a hint and what is wrong with it, in words and tied to the input. Every form works without a script.",
                "aria-describedby=\"namespace-hint namespace-error\" aria-invalid=invalid(errors, \"namespace\")",
                view! {
                    <div class="stack wide">
                        <div class="field">
                            <label for="plain">"Namespace"</label>
                            <input id="plain" name="plain" class="mono" placeholder="__default__" aria-describedby="plain-hint" />
                            <p class="hint" id="plain-hint">"source 18,120 · target 17,655"</p>
                        </div>
                        <div class="field">
                            <label for="namespace">"Namespace"</label>
                            <input
                                id="namespace"
                                name="namespace"
                                class="mono"
                                value="…"
                                aria-describedby="namespace-error"
                                aria-invalid=invalid(refused, "namespace")
                            />
                            <FieldError errors=refused field="namespace" />
                        </div>
                        <div class="field">
                            <label for="size">"Batch size " <span class="faint">"optional"</span></label>
                            <input id="size" name="size" class="narrow" type="number" min="1" placeholder="50" />
                        </div>
                        <div class="field">
                            <label for="every">"Every"</label>
                            <select id="every" name="every"><option>"day"</option><option>"week"</option></select>
                        </div>
                    </div>
                },
            ),
            Specimen::new(
                "Choice fields",
                "Each choice says what it means. What is dangerous is folded and says so.",
                "<ReuseField reuse /> <OverwriteField overwrite key />",
                view! {
                    <div class="stack wide">
                        <ReuseField reuse=RwSignal::new(Reuse::Proven) />
                        <OverwriteField overwrite=RwSignal::new(true) key="clearance_level" />
                    </div>
                },
            ),
            Specimen::new(
                "Pattern fields",
                "Which namespaces a run takes.",
                "<PatternFields patterns errors />",
                view! {
                    <div class="stack wide">
                        <PatternFields patterns errors=Signal::stored(None) />
                    </div>
                },
            ),
        ],
    }
}

const COLUMNS: &[Column] =
    &[Column::Text("Namespace"), Column::Number("Source"), Column::Number("Target"), Column::Text("State")];

/// What is listed.
pub fn data() -> Group {
    let rows = [
        ("help-centre", "18,120", "17,655", Standing::ChangesPending),
        ("billing", "240,018", "240,018", Standing::InSync),
        ("__default__", "1,204", "unknown", Standing::Unknown),
    ]
    .map(|(name, source, target, standing)| {
        let class = if target == "unknown" { "unknown" } else { "" };
        view! {
            <tr>
                <th scope="row" class="mono"><a href="/mirror">{name}</a></th>
                <td class="num">{source}</td>
                <td class="num"><span class=class>{target}</span></td>
                <td><Pill standing /></td>
            </tr>
        }
    })
    .collect_view();
    Group {
        name: "Data",
        specimens: vec![
            Specimen::new(
                "Panel",
                "What belongs together, with one heading. What goes with the heading stands at its end.",
                r#"<section class="panel" aria-labelledby="cost"><header><h2 id="cost">…</h2></header><div class="body">…</div></section>"#,
                view! {
                    <section class="panel" aria-labelledby="cost">
                        <header>
                            <h2 id="cost">"What it takes"</h2>
                            <span class="soft">"as of 10:42"</span>
                        </header>
                        <div class="body">
                            <dl class="facts">
                                <div>
                                    <dt>"Embeddings to pay"</dt>
                                    <dd>"1,021" <small>"183 vectors kept: text unchanged"</small></dd>
                                </div>
                                <div><dt>"Time"</dt> <dd>"≈ 24 s" <small>"held by Gemini: 3,000 texts a minute"</small></dd></div>
                            </dl>
                        </div>
                        <footer>"Nothing is written by an analysis."</footer>
                    </section>
                },
            ),
            Specimen::new(
                "Figures",
                "The few numbers that matter most.",
                r#"<div class="figures"><div class="figure"><b>"641"</b><span>"migrated of 1,012"</span></div></div>"#,
                view! {
                    <div class="figures">
                        <div class="figure"><b>"641"</b> <span>"migrated of 1,012"</span></div>
                        <div class="figure"><b><a href="/">"31"</a></b> <span>"skipped, no text"</span></div>
                        <div class="figure c-failed alarming"><b><a href="/">"2"</a></b> <span>"failed"</span></div>
                    </div>
                },
            ),
            Specimen::new(
                "Table",
                "Scrolls in a region of its own, so that the page never does. Long lists come in pages.",
                "<Table label=\"Namespaces\" columns=COLUMNS>{rows}</Table>",
                view! {
                    <div class="panel">
                        <Table label="Namespaces" columns=COLUMNS>
                            {rows}
                        </Table>
                    </div>
                },
            ),
            Specimen::new(
                "Search and pager",
                "Plain addresses: they work without a script, can be kept and sent on.",
                "<Search action search label /> <Pager address later next />",
                view! {
                    <div class="stack">
                        <Search action="/runs" search="help" label="Search the runs" />
                        <Pager address="/runs" later=true next=Some("2".to_owned()) />
                    </div>
                },
            ),
            Specimen::new(
                "Tag",
                "A word about the thing beside it: a type, a mode. Never a state.",
                r#"<span class="tag">"read-only"</span>"#,
                view! { <div class="row"><span class="tag">"sandbox"</span> <span class="tag">"string"</span></div> },
            ),
        ],
    }
}
