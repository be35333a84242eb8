//! The command that does the same as the button beside it.

use leptos::prelude::*;

use crate::{
    browser,
    components::icon::{Icon, Symbol},
};

/// `tain check articles`: a command over these words, each as a shell reads it.
pub fn command_over(command: &str, words: &[&str]) -> String {
    // `--` ends the options: what follows is none, whatever it begins with.
    let end = if words.iter().any(|word| word.starts_with('-')) { " --" } else { "" };
    let words: Vec<String> = words.iter().map(|word| protocol::quoted(word)).collect();
    format!("tain {command}{end} {}", words.join(" "))
}

/// A command line and a button that copies it.
#[component]
pub fn Command(
    /// The whole line.
    #[prop(into)]
    line: Signal<String>,
) -> impl IntoView {
    // The line that was copied: once it changes, the word is no longer true.
    let copied = RwSignal::new(None::<String>);
    let is_copied = move || copied.get().is_some_and(|copied| copied == line.get());
    view! {
        <div class="command-row">
            <code class="command" tabindex="0" aria-label="The same as a command">
                {move || line.get()}
            </code>
            <button
                type="button"
                class="button quiet needs-script"
                title="Copy this command"
                on:click=move |_| {
                    let text = line.get_untracked();
                    browser::copy(
                        text.clone(),
                        move |worked| {
                            let _ = copied.try_set(worked.then(|| text.clone()));
                        },
                    );
                }
            >
                <Icon symbol=Symbol::Copy />
                <span aria-live="polite">{move || if is_copied() { "Copied" } else { "Copy" }}</span>
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_by_a_shell_as_it_is_meant() {
        assert_eq!(command_over("check", &["articles"]), "tain check articles");
        assert_eq!(command_over("record", &["a b", "-x"]), "tain record -- 'a b' -x");
    }
}
