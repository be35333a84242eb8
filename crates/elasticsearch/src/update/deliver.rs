//! Sending a batch, and finding the document for which it is refused.

use upstream::Kind;

use super::Pending;
use crate::{Action, Cause, Error, ItemOutcome, Task, Writer};

/// What became of a batch.
pub(super) struct Delivered {
    /// What became of its documents, as far as the server says.
    pub(super) items: Vec<(Pending, ItemOutcome)>,
    /// Documents of which nothing is known: to be sent again.
    pub(super) again: Vec<Pending>,
    /// Why.
    pub(super) trouble: Option<Trouble>,
}

/// Why a request did not get through.
pub(super) enum Trouble {
    /// The server asks to slow down. Nothing was done.
    Throttled { why: String },
    /// It is too large, with so many documents and bytes.
    TooLarge { documents: usize },
    /// No answer, a lost one or a 5xx: it may or may not have been done.
    Lost(Error),
    /// It cannot go on.
    Fatal(Error),
}

/// Sends a batch. One that is refused as a whole for a document in it is bisected until that document stands alone,
/// and its neighbours are updated (law 9).
pub(super) async fn deliver(writer: &Writer, task: &Task, batch: Vec<Pending>) -> Delivered {
    let mut delivered =
        Delivered { items: Vec::with_capacity(batch.len()), again: Vec::new(), trouble: None };
    let (batch, strays): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|pending| writer.cleared().allows(&pending.action.index));
    let unchecked = || Cause {
        kind: String::new(),
        reason: "its index came after the pre-check; start again to have it checked".to_owned(),
    };
    delivered.items.extend(strays.into_iter().map(|stray| (stray, ItemOutcome::Refused(unchecked()))));
    let mut stack = vec![batch];
    while let Some(mut batch) = stack.pop() {
        let actions: Vec<Action> = batch.iter().map(|pending| pending.action.clone()).collect();
        let error = match writer.bulk(task, &actions).await {
            Ok(outcomes) => {
                delivered.items.extend(batch.into_iter().zip(outcomes));
                continue;
            }
            Err(error) => error,
        };
        let is_for_a_document = error.status() == Some(400) || is_too_large(&error);
        if is_for_a_document && batch.len() == 1 {
            let cause = error
                .cause()
                .cloned()
                .unwrap_or_else(|| Cause { kind: String::new(), reason: error.to_string() });
            delivered.items.extend(batch.pop().map(|pending| (pending, ItemOutcome::Refused(cause))));
            continue;
        }
        if error.status() == Some(400) {
            let second = batch.split_off(batch.len() / 2);
            stack.extend([second, batch]);
            continue;
        }
        let trouble = trouble_of(error, batch.len());
        if matches!(trouble, Trouble::Lost(_)) {
            batch.iter_mut().for_each(|pending| pending.is_in_doubt = true);
        }
        delivered.again.extend(batch);
        delivered.again.extend(stack.drain(..).rev().flatten());
        delivered.trouble = Some(trouble);
    }
    delivered
}

fn is_too_large(error: &Error) -> bool {
    *error.kind() == Kind::TooLarge
}

fn trouble_of(error: Error, documents: usize) -> Trouble {
    match error {
        error if is_too_large(&error) => Trouble::TooLarge { documents },
        error if error.status() == Some(429) => Trouble::Throttled { why: error.to_string() },
        error if error.is_transient() => Trouble::Lost(error),
        error => Trouble::Fatal(error),
    }
}
