//! The WebAssembly entry: it takes over the page that the server has rendered, and nothing else.

/// Called by the page's script once the module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    // The tests, and anyone who wants to know, wait for this mark before they click.
    let root =
        web_sys::window().and_then(|window| window.document()).and_then(|page| page.document_element());
    if let Some(root) = root {
        // The attribute's name is a constant and valid, so this cannot fail.
        let _ = root.set_attribute("data-hydrated", "true");
    }
}
