//! Every setting with its effective value and where it came from, and whether the services can be used.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{LearnedLimit, Service, ServiceTest, SettingView, SettingsView};

use crate::{
    ApiError, api, browser,
    components::{
        command::Command,
        icon::{Icon, Symbol},
        notice::{Notice, Skeleton, Tone},
        table::{Column, Table},
    },
    links,
    pages::not_found::PageError,
};

const COLUMNS: &[Column] = &[Column::Text("Setting"), Column::Text("Value"), Column::Text("From")];

/// What the address calls a service.
const fn word(service: Service) -> &'static str {
    match service {
        Service::Source => "source",
        Service::Target => "target",
        Service::Gemini => "gemini",
        Service::Elasticsearch => "elasticsearch",
    }
}

/// The page.
#[component]
pub fn ConfigurationPage() -> impl IntoView {
    let query = use_query_map();
    let settings = Resource::new(|| (), |()| api::settings());
    let (search, is_changed) = query.with_untracked(|query| {
        (query.get("search").unwrap_or_default(), query.get("only").is_some_and(|only| only == "changed"))
    });
    let filter = Filter { search: RwSignal::new(search), changed: RwSignal::new(is_changed) };
    view! {
        <Title text="Configuration" />
        <header class="head">
            <div>
                <h1>"Configuration"</h1>
                <p class="soft">
                    "What tain works with, and where each value came from; keys stay on the server"
                </p>
            </div>
            <Command line="tain config" />
        </header>
        <Transition fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match settings.await {
                    Ok(settings) => show(settings, filter),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn show(settings: SettingsView, filter: Filter) -> AnyView {
    let SettingsView { settings, problems, limits } = settings;
    let problems = (!problems.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Attention title="The configuration is not complete">
                <ul class="plain">
                    {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
            </Notice>
        }
    });
    view! {
        {problems}
        <Services limits />
        <Settings settings filter />
        <p class="soft">
            "A value is taken from the first of these that has one: a flag, the environment, "
            <code>".env"</code> ", " <code>"tain.toml"</code>
            ", the default. The server reads them when it starts; to change one, set it there and start it again."
        </p>
    }
    .into_any()
}

/// The services, each with a test of its own. Without a script a test is an address, whose page holds the answer.
#[component]
fn Services(limits: Vec<LearnedLimit>) -> impl IntoView {
    let query = use_query_map();
    // What the address asks for: only then does the page itself test, and wait for it.
    let asked = Memo::new(move |_| query.with(|query| query.get("test")).unwrap_or_default());
    let rows = Service::ALL.map(|service| view! { <ServiceRow service asked /> }).collect_view();
    let known = limits.into_iter().map(limit).collect::<Vec<_>>();
    let limits = if known.is_empty() {
        view! {
            <p class="soft">
                "None yet. What the services say about their limits while runs are at work is kept here; it wins over the configured limits."
            </p>
        }
        .into_any()
    } else {
        view! { <dl class="facts">{known}</dl> }.into_any()
    };
    view! {
        <div class="columns">
            <section class="panel" aria-labelledby="services">
                <header>
                    <h2 id="services">"Services"</h2>
                    <span class="soft">"a test connects, authenticates and reads; it pays nothing"</span>
                </header>
                <ul class="services">{rows}</ul>
                <footer>
                    <Command line="tain config check" />
                </footer>
            </section>
            <section class="panel" aria-labelledby="limits">
                <header>
                    <h2 id="limits">"Limits learned"</h2>
                </header>
                <div class="body">{limits}</div>
            </section>
        </div>
    }
    .into_any()
}

fn limit(limit: LearnedLimit) -> AnyView {
    view! {
        <div>
            <dt>{limit.service}</dt>
            <dd>{limit.message}</dd>
        </div>
    }
    .into_any()
}

#[component]
fn ServiceRow(service: Service, asked: Memo<String>) -> impl IntoView {
    let asked_for = Memo::new(move |_| asked.with(|asked| asked == word(service) || asked == "all"));
    let by_address = Resource::new(
        move || asked_for.get(),
        move |asked| async move {
            match asked {
                true => Some(api::test_service(service).await),
                false => None,
            }
        },
    );
    let test = Action::new(move |&service: &Service| api::test_service(service));
    let pending = test.pending();
    let href = links::with(links::CONFIGURATION, "test", word(service));
    let answer = move || match test.value().get() {
        _ if pending.get() => view! { <p class="soft">"Testing…"</p> }.into_any(),
        Some(result) => answer(result),
        None => Suspend::new(async move {
            match by_address.await {
                Some(result) => answer(result),
                None => view! { <p class="faint">"not tested"</p> }.into_any(),
            }
        })
        .into_any(),
    };
    view! {
        <li class="service">
            <div>
                <h3>{service.label()}</h3>
                <div aria-live="polite">
                    <Transition fallback=|| {
                        view! { <p class="soft">"Testing…"</p> }
                    }>{answer}</Transition>
                </div>
            </div>
            <a
                class="button small"
                href=href
                aria-label=format!("Test {}", service.label())
                on:click=move |event| {
                    event.prevent_default();
                    test.dispatch(service);
                }
            >
                "Test"
            </a>
        </li>
    }
    .into_any()
}

/// The answer in words.
fn answer(result: Result<ServiceTest, ApiError>) -> AnyView {
    let (class, symbol, word, words, took) = match result {
        Ok(ServiceTest { is_usable: true, message, millis, .. }) => {
            ("tested c-in-sync", Symbol::Check, "Works", message, Some(millis))
        }
        Ok(ServiceTest { message, millis, .. }) => {
            ("tested c-failed", Symbol::Cross, "Cannot be used", message, Some(millis))
        }
        Err(error) => ("tested c-unknown", Symbol::Question, "Unknown", error.to_string(), None),
    };
    view! {
        <p class=class>
            <Icon symbol />
            <span>
                <strong class="tinted">{word}</strong>
                " "
                <span class="break">{words}</span>
                {took.map(|millis| view! { <span class="faint">{format!(" · {} ms", format::count(millis))}</span> })}
            </span>
        </p>
    }
    .into_any()
}

/// Which settings are shown.
#[derive(Debug, Clone, Copy)]
struct Filter {
    /// Whose name, key, value or meaning holds this.
    search: RwSignal<String>,
    /// Only those that are not at their default.
    changed: RwSignal<bool>,
}

impl Filter {
    fn takes(self, setting: &SettingView) -> bool {
        let search = self.search.get().trim().to_lowercase();
        let texts = [
            &setting.name,
            &setting.toml_key,
            &setting.help,
            &setting.group,
            &setting.origin,
            setting.value.as_ref().unwrap_or(&setting.name),
        ];
        (!self.changed.get() || setting.origin != "default")
            && (search.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&search)))
    }
}

/// All settings, by group.
#[component]
fn Settings(settings: Vec<SettingView>, filter: Filter) -> impl IntoView {
    let total = settings.len() as u64;
    let all = StoredValue::new(settings);
    let shown = Memo::new(move |_| {
        all.with_value(|all| all.iter().filter(|setting| filter.takes(setting)).cloned().collect::<Vec<_>>())
    });
    // A reader may have typed before the page was hydrated.
    Effect::new(move |_| {
        if let Some(text) = browser::input_value("settings-search") {
            filter.search.set(text);
        }
        if let Some(on) = browser::is_checked("settings-changed") {
            filter.changed.set(on);
        }
    });
    let heading = move || {
        let number = shown.with(Vec::len) as u64;
        if number == total {
            format::counted(total, "setting", "settings")
        } else {
            format!("{} of {}", format::count(number), format::counted(total, "setting", "settings"))
        }
    };
    let groups = move || {
        let mut groups: Vec<(String, Vec<SettingView>)> = Vec::new();
        for setting in shown.get() {
            match groups.last_mut() {
                Some((name, settings)) if *name == setting.group => settings.push(setting),
                _ => groups.push((setting.group.clone(), vec![setting])),
            }
        }
        if groups.is_empty() {
            return view! { <p class="soft">"No setting matches."</p> }.into_any();
        }
        groups.into_iter().map(|(name, settings)| group(name, settings)).collect_view().into_any()
    };
    view! {
        <section class="stack wide" aria-labelledby="settings">
            <div class="settings-head">
                <h2 id="settings" aria-live="polite">
                    {heading}
                </h2>
                <form method="get" action=links::CONFIGURATION role="search" class="row filter" aria-label="Filter the settings">
                    <input
                        id="settings-search"
                        type="search"
                        name="search"
                        placeholder="Filter"
                        aria-label="Filter the settings"
                        value=filter.search.get_untracked()
                        on:input:target=move |event| filter.search.set(event.target().value())
                    />
                    <label class="check">
                        <input
                            type="checkbox"
                            id="settings-changed"
                            name="only"
                            value="changed"
                            checked=filter.changed.get_untracked()
                            on:change:target=move |event| filter.changed.set(event.target().checked())
                        />
                        "Only what is set"
                    </label>
                    <noscript>
                        <button type="submit" class="button">
                            "Filter"
                        </button>
                    </noscript>
                </form>
            </div>
            {groups}
        </section>
    }
    .into_any()
}

fn group(name: String, settings: Vec<SettingView>) -> AnyView {
    let rows = settings.into_iter().map(row).collect_view();
    let label = name.clone();
    // A region that scrolls has a name of its own.
    let table = match name.as_str() {
        "Pinecone" => "Settings of Pinecone",
        "Gemini" => "Settings of Gemini",
        "Mirror" => "Settings of the mirror",
        "Elasticsearch" => "Settings of Elasticsearch",
        _ => "Settings of tain",
    };
    view! {
        <section class="panel" aria-label=label>
            <header>
                <h3 class="group">{name}</h3>
            </header>
            <Table label=table columns=COLUMNS class="list cards settings">
                {rows}
            </Table>
        </section>
    }
    .into_any()
}

fn row(setting: SettingView) -> AnyView {
    let SettingView { name, toml_key, value, origin, is_secret, help, .. } = setting;
    let value = match value {
        None => view! { <span class="faint">"not set"</span> }.into_any(),
        Some(value) if is_secret => view! {
            <span class="secret">
                <Icon symbol=Symbol::Lock />
                {value}
            </span>
        }
        .into_any(),
        Some(value) if value.is_empty() => view! { <span class="faint">"empty"</span> }.into_any(),
        Some(value) => view! { <code class="break">{value}</code> }.into_any(),
    };
    let is_default = origin == "default";
    let origin = if is_default {
        view! { <span class="faint">{origin}</span> }.into_any()
    } else {
        view! { <span class="tag">{origin}</span> }.into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <code class="break">{name}</code>
                <small class="wrap first-letter">{help}</small>
                <small class="mono">{toml_key}</small>
            </th>
            <td class="wrap">{value}</td>
            <td>{origin}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_looks_at_everything_that_is_shown() {
        let owner = Owner::new();
        owner.set();
        let setting = SettingView {
            group: "Gemini".to_owned(),
            name: "GEMINI_TASK_TYPE".to_owned(),
            toml_key: "gemini.task_type".to_owned(),
            value: Some("RETRIEVAL_DOCUMENT".to_owned()),
            origin: "default".to_owned(),
            is_secret: false,
            help: "what the embeddings are for".to_owned(),
        };
        let takes = |search: &str, changed| {
            let filter = Filter { search: RwSignal::new(search.to_owned()), changed: RwSignal::new(changed) };
            filter.takes(&setting)
        };
        for search in ["", " task ", "retrieval", "EMBEDDINGS", "gemini.task", "default"] {
            assert!(takes(search, false), "{search}");
        }
        assert!(!takes("pinecone", false) && !takes("", true));
    }
}
