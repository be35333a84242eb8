//! What only a browser can do. Without `hydrate` these functions do nothing, so components call them unconditionally,
//! and only from `Effect`s and event handlers.

#[cfg(feature = "hydrate")]
mod real {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{
        Document, FocusOptions, HtmlDialogElement, HtmlElement, HtmlInputElement, HtmlSelectElement,
        HtmlTextAreaElement,
    };

    fn page() -> Option<Document> {
        web_sys::window()?.document()
    }

    fn html() -> Option<HtmlElement> {
        page()?.document_element()?.dyn_into().ok()
    }

    fn element(id: &str) -> Option<HtmlElement> {
        page()?.get_element_by_id(id)?.dyn_into().ok()
    }

    fn dialog(id: &str) -> Option<HtmlDialogElement> {
        page()?.get_element_by_id(id)?.dyn_into().ok()
    }

    /// Milliseconds since 1970 by the browser's clock.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the clock is after 1970 and whole"
    )]
    pub fn now() -> Option<u64> {
        Some(js_sys::Date::now() as u64)
    }

    /// Minutes east of Greenwich at a moment, where the reader is.
    #[expect(clippy::cast_possible_truncation, reason = "offsets are whole minutes within a day")]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay below 2^53 until the year 287396")]
    pub fn offset(at: u64) -> i32 {
        -(js_sys::Date::new(&(at as f64).into()).get_timezone_offset() as i32)
    }

    /// Calls `tick` every `millis` milliseconds while the calling component lives.
    pub fn every(millis: u64, tick: impl Fn() + 'static) {
        if let Ok(handle) = set_interval_with_handle(tick, Duration::from_millis(millis)) {
            on_cleanup(move || handle.clear());
        }
    }

    /// Puts text on the clipboard; `done` learns whether it worked.
    pub fn copy(text: String, done: impl Fn(bool) + 'static) {
        leptos::task::spawn_local(async move {
            let Some(window) = web_sys::window() else { return };
            let written = window.navigator().clipboard().write_text(&text);
            done(wasm_bindgen_futures::JsFuture::from(written).await.is_ok());
        });
    }

    /// Moves the focus to an element.
    pub fn focus(id: &str) {
        if let Some(element) = element(id) {
            // It fails on a detached element only.
            let _ = element.focus();
        }
    }

    /// Moves the focus to an element and leaves the page scrolled as it is: the router knows where it was.
    pub fn focus_in_place(id: &str) {
        if let Some(element) = element(id) {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            // It fails on a detached element only.
            let _ = element.focus_with_options(&options);
        }
    }

    /// Opens a dialog where the browser does not know `command`. It waits until the click is over, so that a browser that
    /// does know it has opened the dialog by then.
    pub fn open_dialog(id: String) {
        let open = move || {
            if let Some(dialog) = dialog(&id).filter(|dialog| !dialog.open()) {
                // It fails on a detached element only, and then there is nothing to open.
                let _ = dialog.show_modal();
            }
        };
        set_timeout(open, Duration::ZERO);
    }

    /// Closes a dialog, likewise.
    pub fn close_dialog(id: String) {
        let close = move || {
            if let Some(dialog) = dialog(&id).filter(HtmlDialogElement::open) {
                dialog.close();
            }
        };
        set_timeout(close, Duration::ZERO);
    }

    /// Whether a question stands open.
    pub fn is_asking() -> bool {
        page().is_some_and(|page| page.query_selector("dialog[open]").is_ok_and(|found| found.is_some()))
    }

    /// The theme of the page.
    pub fn theme() -> Option<String> {
        html()?.get_attribute("data-theme")
    }

    /// Changes the theme of the page.
    pub fn set_theme(theme: &str) {
        if let Some(html) = html() {
            // The attribute's name is a constant and valid, so this cannot fail.
            let _ = html.set_attribute("data-theme", theme);
        }
    }

    /// Whether an element is scrolled to its end, and may be kept there.
    pub fn at_end(id: &str) -> bool {
        page()
            .and_then(|page| page.get_element_by_id(id))
            .is_some_and(|list| list.scroll_top() + list.client_height() + 24 >= list.scroll_height())
    }

    /// Scrolls an element to its end.
    pub fn scroll_to_end(id: &str) {
        if let Some(list) = page().and_then(|page| page.get_element_by_id(id)) {
            list.set_scroll_top(list.scroll_height());
        }
    }

    /// What stands in an input: a reader may have typed before the page was hydrated.
    pub fn input_value(id: &str) -> Option<String> {
        let input: HtmlInputElement = page()?.get_element_by_id(id)?.dyn_into().ok()?;
        Some(input.value())
    }

    /// What stands in a field of several lines.
    pub fn text_value(id: &str) -> Option<String> {
        let field: HtmlTextAreaElement = page()?.get_element_by_id(id)?.dyn_into().ok()?;
        Some(field.value())
    }

    /// What is chosen in a list.
    pub fn select_value(id: &str) -> Option<String> {
        let select: HtmlSelectElement = page()?.get_element_by_id(id)?.dyn_into().ok()?;
        Some(select.value())
    }

    /// Whether a checkbox or radio button is on.
    pub fn is_checked(id: &str) -> Option<bool> {
        let input: HtmlInputElement = page()?.get_element_by_id(id)?.dyn_into().ok()?;
        Some(input.checked())
    }

    /// The address of the progress socket.
    pub fn socket_address() -> Option<String> {
        let location = web_sys::window()?.location();
        let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
        Some(format!("{scheme}://{}/ws", location.host().ok()?))
    }
}

#[cfg(feature = "hydrate")]
pub use real::*;

#[cfg(not(feature = "hydrate"))]
mod absent {
    //! On the server there is no browser.

    pub fn now() -> Option<u64> {
        None
    }

    pub fn offset(_at: u64) -> i32 {
        0
    }

    pub fn every(_millis: u64, _tick: impl Fn() + 'static) {}

    pub fn copy(_text: String, _done: impl Fn(bool) + 'static) {}

    pub fn focus(_id: &str) {}

    pub fn focus_in_place(_id: &str) {}

    pub fn open_dialog(_id: String) {}

    pub fn close_dialog(_id: String) {}

    pub fn is_asking() -> bool {
        false
    }

    pub fn set_theme(_theme: &str) {}

    pub fn at_end(_id: &str) -> bool {
        false
    }

    pub fn scroll_to_end(_id: &str) {}

    pub fn input_value(_id: &str) -> Option<String> {
        None
    }

    pub fn text_value(_id: &str) -> Option<String> {
        None
    }

    pub fn select_value(_id: &str) -> Option<String> {
        None
    }

    pub fn is_checked(_id: &str) -> Option<bool> {
        None
    }
}

#[cfg(not(feature = "hydrate"))]
pub use absent::*;
