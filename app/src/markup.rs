//! Text where leptos does not make text of it by itself.

/// What stands inside a `<title>` or a `<textarea>`. The server of leptos 0.8 writes both as they are, so that a namespace
/// called `</title><meta …>` would become markup; the browser sets them as text, where nothing must be replaced.
pub fn text_only(text: String) -> String {
    #[cfg(feature = "ssr")]
    return html_escape::encode_text(&text).into_owned();
    #[cfg(not(feature = "ssr"))]
    text
}
