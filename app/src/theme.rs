//! Light, dark, or as the system has it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    api::SetTheme,
    browser,
    components::icon::{Icon, Symbol},
};

/// The colours that the reader wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the operating system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// The word in the cookie and on `<html data-theme>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    const fn symbol(self) -> Symbol {
        match self {
            Self::System => Symbol::System,
            Self::Light => Symbol::Light,
            Self::Dark => Symbol::Dark,
        }
    }

    fn of_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word).unwrap_or_default()
    }

    /// The `Set-Cookie` value that keeps it for a year.
    pub fn cookie(self) -> String {
        format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", self.as_str())
    }

    /// The theme in a `Cookie` header.
    pub fn of_cookies(header: &str) -> Self {
        header
            .split(';')
            .find_map(|pair| pair.trim().strip_prefix("theme="))
            .map_or_else(Self::default, Self::of_word)
    }

    /// The theme of this page: from the request's cookie on the server, from `<html>` in the browser. Both are the same.
    #[cfg(feature = "ssr")]
    pub fn of_page() -> Self {
        use_context::<http::request::Parts>()
            .and_then(|parts| {
                let header = parts.headers.get(http::header::COOKIE)?;
                header.to_str().ok().map(Self::of_cookies)
            })
            .unwrap_or_default()
    }

    /// The theme of this page: from the request's cookie on the server, from `<html>` in the browser. Both are the same.
    #[cfg(not(feature = "ssr"))]
    pub fn of_page() -> Self {
        browser::theme().as_deref().map_or_else(Self::default, Self::of_word)
    }
}

/// Three buttons, of which one is pressed.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let keep = ServerAction::<SetTheme>::new();
    let chosen = RwSignal::new(Theme::of_page());
    let buttons = Theme::ALL.map(|theme| {
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.as_str()
                title=theme.label()
                aria-pressed=move || if chosen.get() == theme { "true" } else { "false" }
                on:click=move |_| {
                    chosen.set(theme);
                    browser::set_theme(theme.as_str());
                }
            >
                <Icon symbol=theme.symbol() />
                <span class="visually-hidden">{theme.label()}</span>
            </button>
        }
    });
    view! {
        <ActionForm action=keep attr:class="theme-switch">
            <fieldset>
                <legend class="visually-hidden">"Colours"</legend>
                {buttons.collect_view()}
            </fieldset>
        </ActionForm>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_names_a_theme_or_the_system_decides() {
        assert_eq!(Theme::of_cookies("a=b; theme=dark"), Theme::Dark);
        assert_eq!(Theme::of_cookies("theme=<script>"), Theme::System);
        assert_eq!(Theme::of_cookies(""), Theme::System);
    }
}
