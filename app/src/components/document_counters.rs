//! What a run did to the documents of the search index, as it moves.

use leptos::prelude::*;
use protocol::{Category, Counts, DocumentScope, Holding, RunHead, RunKind};

use crate::{
    components::counters::{CategoryFigure, Figure},
    links,
    live::Live,
};

/// The figures of the documents: the row of their run, or the further row of a mirroring that ends with them.
pub fn document_figures(
    live: Live,
    head: &RunHead,
    counts: Memo<Counts>,
    rate: Memo<Option<u64>>,
) -> AnyView {
    let request = &head.request;
    let id = request.namespaces.is_none().then(|| head.id.clone());
    let is_own = request.kind == RunKind::Documents;
    // Beside records, a word has to say that these are documents.
    let label = move |category: Category| {
        let word = category.of_update();
        match category {
            _ if is_own => word.to_owned(),
            // The conflicts are kept, not the documents.
            Category::DocumentsKept => format!("documents: {word}"),
            _ => format!("documents {word}"),
        }
    };
    let of = Signal::derive(move || {
        let word = label(Category::DocumentsUpdated);
        counts.with(|counts| match counts.documents.to_update {
            0 => word,
            whole => format!("{word} of {}", format::count(whole)),
        })
    });
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let figures = if request.dry_run {
        view! {
            <CategoryFigure
                id=id.clone()
                counts
                category=Category::DocumentsToUpdate
                label=label(Category::DocumentsToUpdate)
            />
        }
        .into_any()
    } else {
        view! {
            <CategoryFigure id=id.clone() counts category=Category::DocumentsUpdated label=of />
            <CategoryFigure
                id=id.clone()
                counts
                category=Category::DocumentsAlready
                label=label(Category::DocumentsAlready)
            />
            <CategoryFigure
                id=id.clone()
                counts
                category=Category::DocumentsKept
                label=label(Category::DocumentsKept)
            />
            <CategoryFigure
                id=id.clone()
                counts
                category=Category::DocumentsGone
                label=label(Category::DocumentsGone)
            />
        }
        .into_any()
    };
    let own = is_own.then(|| {
        view! {
            <CategoryFigure id counts category=Category::Failed label="failed" />
            {move || {
                (!over.get())
                    .then(|| {
                        view! {
                            <Figure
                                number=move || rate.get().map_or_else(|| "–".to_owned(), format::rate)
                                label="documents a second"
                            />
                        }
                    })
            }}
        }
    });
    let scope = request.document_scope();
    let unindexed =
        request.namespaces.is_none().then(|| links::records(&head.id, Category::DocumentsUnindexed));
    view! {
        <div class="body figures" class:further=!is_own role="group">
            {figures}
            {own}
        </div>
        {move || counts.with(|counts| beside(counts, scope.as_ref(), unindexed.clone()))}
    }
    .into_any()
}

/// What the whole is, and what is left out of it, in words; its numbers lead to the documents of the scope, and those
/// that are not indexed to their own list.
fn beside(counts: &Counts, scope: Option<&DocumentScope>, unindexed: Option<String>) -> Option<AnyView> {
    let documents = counts.documents;
    if documents.in_scope == 0 {
        return None;
    }
    let listed = |words: String, holding: Holding| match scope {
        Some(scope) => view! { <a href=links::documents(scope, &holding)>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    let whole = listed(format::counted(documents.in_scope, "document", "documents"), Holding::Anything);
    let left_out = (documents.left_out > 0).then(|| {
        let words = if documents.left_out == 1 {
            " left out: it holds a higher value, or one that cannot be compared, and keeps it."
        } else {
            " left out: they hold a higher value, or one that cannot be compared, and keep it."
        };
        let number = listed(format::count(documents.left_out), Holding::Something);
        view! { " " {number} {words} }
    });
    let unindexed = (documents.unindexed > 0).then(|| {
        let number = match unindexed {
            Some(href) => view! { <a href=href>{format::count(documents.unindexed)}</a> }.into_any(),
            None => format::count(documents.unindexed).into_any(),
        };
        let words = if documents.unindexed == 1 {
            " left as it is: it holds a value that is not indexed, so that no search finds it."
        } else {
            " left as they are: they hold a value that is not indexed, so that no search finds it."
        };
        view! { " " {number} {words} }
    });
    let unrecorded = (documents.unrecorded > 0).then(|| {
        format!(
            " {} found done when the run went on: written by requests that were under way when it was interrupted, or by somebody else.",
            format::counted(documents.unrecorded, "document was", "documents were")
        )
    });
    Some(
        view! {
            <p class="figures-note soft">{whole} " in scope when it began." {left_out} {unindexed} {unrecorded}</p>
        }
        .into_any(),
    )
}
