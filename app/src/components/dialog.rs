//! A question that has to be answered before something happens.

use leptos::prelude::*;

use crate::browser;

/// The button that opens a dialog. It is the browser's own command where there is one, so it works before hydration too.
#[component]
pub fn Opener(
    /// The dialog's id.
    #[prop(into)]
    dialog: String,
    /// The button's classes.
    #[prop(default = "button")]
    class: &'static str,
    /// Whether the button is off.
    #[prop(into, default = false.into())]
    disabled: Signal<bool>,
    /// What stands on the button.
    children: Children,
) -> impl IntoView {
    let opened = dialog.clone();
    view! {
        <button
            type="button"
            class=class
            aria-haspopup="dialog"
            command="show-modal"
            commandfor=opened
            disabled=move || disabled.get()
            on:click=move |_| browser::open_dialog(dialog.clone())
        >
            {children()}
        </button>
    }
}

/// The button that does it: it sends the form with the word that it was asked for.
pub fn confirming(dialog: &str, label: &'static str, pending: impl Into<Signal<bool>>) -> AnyView {
    answering(dialog, label, "button primary", pending)
}

/// The same for what is dangerous.
pub fn confirming_danger(dialog: &str, label: &'static str, pending: impl Into<Signal<bool>>) -> AnyView {
    answering(dialog, label, "button danger", pending)
}

/// The question is answered by the click: whatever comes of it, a refusal above all, stands on the page and not behind it.
fn answering(
    dialog: &str,
    label: &'static str,
    class: &'static str,
    pending: impl Into<Signal<bool>>,
) -> AnyView {
    let (dialog, pending) = (dialog.to_owned(), pending.into());
    view! {
        <button
            type="submit"
            class=class
            name="confirmed"
            value="true"
            disabled=move || pending.get()
            on:click=move |_| browser::close_dialog(dialog.clone())
        >
            {label}
        </button>
    }
    .into_any()
}

/// A modal dialog. `children` are its text; `answer` is the button that does it, see [`confirming`], beside the one that closes the dialog.
#[component]
pub fn Dialog(
    /// Its id; one dialog of an id on a page.
    #[prop(into)]
    id: String,
    /// The question.
    #[prop(into)]
    title: Signal<String>,
    /// What stands on the button that does nothing.
    #[prop(default = "Not now")]
    refuse: &'static str,
    /// The button that does it.
    answer: AnyView,
    /// What the answer means.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let (labelled_by, closed, closing) = (heading.clone(), id.clone(), id.clone());
    view! {
        <dialog id=id class="dialog" aria-labelledby=labelled_by>
            <h2 id=heading>{move || title.get()}</h2>
            <div class="dialog-text">{children()}</div>
            <div class="dialog-answers">
                <button
                    type="button"
                    class="button"
                    command="close"
                    commandfor=closed
                    on:click=move |_| browser::close_dialog(closing.clone())
                >
                    {refuse}
                </button>
                {answer}
            </div>
        </dialog>
    }
}
