//! The state of a namespace or a run, in one of the words that the whole app uses.

use leptos::prelude::*;
use protocol::{Counts, RunKind, RunRequest, RunState};

use crate::components::icon::{Icon, Symbol};

/// How something stands. The words, colours and icons are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is left to do.
    InSync,
    /// What was asked for is done; whether anything else is left to do was not looked at.
    Done,
    /// The counts on both sides are as expected.
    Verified,
    /// Something is left to do.
    ChangesPending,
    /// At work.
    Running,
    /// At work for the last time: what is in flight is brought home.
    Cancelling,
    /// Stopping at a checkpoint: what is in flight is brought home.
    Pausing,
    /// Stopped at a checkpoint, and waits to be resumed.
    Paused,
    /// Its process is gone; it waits to be resumed.
    Interrupted,
    /// Ended, and someone should look.
    NeedsAttention,
    /// Stopped on request.
    Cancelled,
    /// Ended by an error.
    Failed,
    /// A service did not answer.
    Unknown,
}

impl Standing {
    /// How a run stands, as far as its counters tell.
    pub fn of_run(state: RunState, request: &RunRequest, counts: &Counts) -> Self {
        match state {
            RunState::Running => Self::Running,
            RunState::Cancelling => Self::Cancelling,
            RunState::Pausing => Self::Pausing,
            RunState::Paused => Self::Paused,
            RunState::Interrupted => Self::Interrupted,
            RunState::DoneWithFailures => Self::NeedsAttention,
            RunState::Cancelled => Self::Cancelled,
            RunState::Failed => Self::Failed,
            RunState::Done => {
                let (missing, changed) = if request.dry_run {
                    (counts.missing, counts.changed)
                } else {
                    (
                        counts.missing.saturating_sub(counts.migrated),
                        counts.changed.saturating_sub(counts.updated),
                    )
                };
                // A re-embedding leaves changed records alone on purpose, and has still done its work.
                let left = if request.kind == RunKind::Reembed { missing } else { missing + changed };
                // A dry run has found documents that a live one would write.
                let left = left + if request.dry_run { counts.documents.to_update } else { 0 };
                // A re-embedding compares no metadata, and a second attempt sees only what had failed.
                let saw_all = request.kind != RunKind::Reembed && request.retry.is_none();
                match left {
                    0 if saw_all => Self::InSync,
                    0 => Self::Done,
                    _ => Self::ChangesPending,
                }
            }
        }
    }

    /// The word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::InSync => "In sync",
            Self::Done => "Done",
            Self::Verified => "Verified",
            Self::ChangesPending => "Changes pending",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::Pausing => "Pausing",
            Self::Paused => "Paused",
            Self::Interrupted => "Interrupted",
            Self::NeedsAttention => "Needs attention",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::InSync | Self::Done | Self::Verified => "pill c-in-sync",
            Self::ChangesPending => "pill c-update",
            Self::Running | Self::Cancelling | Self::Pausing => "pill moving c-accent",
            Self::Paused | Self::Interrupted | Self::NeedsAttention => "pill c-attention",
            Self::Failed => "pill c-failed",
            Self::Cancelled | Self::Unknown => "pill c-unknown",
        }
    }

    const fn symbol(self) -> Symbol {
        match self {
            Self::InSync | Self::Done | Self::Verified => Symbol::Check,
            Self::ChangesPending => Symbol::Changes,
            Self::Running | Self::Cancelling | Self::Pausing => Symbol::Turning,
            Self::Paused => Symbol::Pause,
            Self::Interrupted => Symbol::Interrupted,
            Self::NeedsAttention => Symbol::Warning,
            Self::Cancelled => Symbol::Stop,
            Self::Failed => Symbol::Cross,
            Self::Unknown => Symbol::Question,
        }
    }
}

/// The word in its colour, with its icon.
#[component]
pub fn Pill(
    /// How it stands.
    standing: Standing,
) -> impl IntoView {
    view! {
        <span class=standing.class()>
            <Icon symbol=standing.symbol() />
            {standing.label()}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: RunKind, dry_run: bool) -> RunRequest {
        RunRequest { dry_run, ..RunRequest::new(kind, "") }
    }

    #[test]
    fn a_dry_run_that_found_work_is_never_in_sync() {
        let counts = Counts { missing: 3, changed: 1, migrated: 3, updated: 1, ..Counts::default() };
        let standing = |kind, dry| Standing::of_run(RunState::Done, &request(kind, dry), &counts);
        assert_eq!(standing(RunKind::Mirror, false), Standing::InSync);
        assert_eq!(standing(RunKind::Mirror, true), Standing::ChangesPending);
        assert_eq!(standing(RunKind::Analyze, true), Standing::ChangesPending);
    }

    #[test]
    fn a_reembedding_does_not_answer_for_changed_records() {
        let counts = Counts { missing: 3, changed: 1, migrated: 3, ..Counts::default() };
        assert_eq!(
            Standing::of_run(RunState::Done, &request(RunKind::Reembed, false), &counts),
            Standing::Done
        );
        let retry =
            RunRequest { retry: Some(protocol::RunId("r1".to_owned())), ..request(RunKind::Mirror, false) };
        assert_eq!(Standing::of_run(RunState::Done, &retry, &Counts::default()), Standing::Done);
    }
}
