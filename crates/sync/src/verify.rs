//! Counting both sides after a run, and explaining the difference.

use std::{sync::atomic::Ordering, time::Duration};

use protocol::{Counts, Reading, Verification};
use tokio::time::{Instant, sleep};

use crate::{
    context::Context,
    ports::{PortError, ReadIndex, WriteIndex},
};

/// Statistics lag behind writes, so they are asked again until they show what was written, or patience ends.
///
/// A count is never taken as proof that two namespaces are equal: it can only confirm that nothing was lost on the way.
/// `listed_again` of the migrated records were there when the target was listed, and what has vanished since is not
/// expected there: where it was migrated again, it is among the migrated ones.
pub(crate) async fn verify<S: ReadIndex, T: WriteIndex>(
    context: &Context<S, T>,
    listed_again: u64,
) -> Verification {
    let counts = context.recorder.counts();
    let expected = counts.target_listed + counts.migrated - listed_again - counts.vanished;
    let deadline = Instant::now() + context.settings.verify_patience;
    let source = async { reading(context.source.count(&context.namespace).await) };
    let (source, target, visible) =
        futures::join!(source, settled(context, expected, deadline), visible(context, deadline));
    let confirmed = target == Reading::Known(expected) && visible == Visible::Yes;
    let failed = counts.failed_missing + counts.unreadable;
    let summary = summary(&counts, &target, expected, &visible, context.target.name());
    Verification {
        source,
        target,
        expected_target: expected,
        no_text: counts.no_text,
        failed,
        orphans: counts.orphans,
        confirmed,
        summary,
    }
}

/// The target's count: the expected one as soon as it shows, or what it is when patience ends.
async fn settled<S, T: ReadIndex>(context: &Context<S, T>, expected: u64, deadline: Instant) -> Reading<u64> {
    let mut pause = Duration::from_millis(100);
    loop {
        let target = reading(context.target.count(&context.namespace).await);
        let is_settled = match &target {
            Reading::Known(count) => *count == expected,
            // The client has already tried again for as long as that makes sense.
            Reading::Unknown(_) => true,
        };
        if is_settled || Instant::now() + pause >= deadline {
            return target;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Whether the last write of a run can be seen.
#[derive(Debug, PartialEq, Eq)]
enum Visible {
    Yes,
    /// Not by the time at which patience ended.
    NotYet,
    /// It could not be asked for, with the reason.
    Unknown(String),
}

/// Whether the last write of this run can be seen. A count says nothing about updates, and whoever looks at a record
/// right after the run must not see the old one.
async fn visible<S, T: WriteIndex>(context: &Context<S, T>, deadline: Instant) -> Visible {
    let written = context.written.load(Ordering::Relaxed);
    let mut pause = Duration::from_millis(100);
    if written == 0 {
        return Visible::Yes;
    }
    loop {
        match context.target.visible(&context.namespace).await {
            Ok(Some(visible)) if visible < written => {}
            // An index that does not tell is taken at its count.
            Ok(_) => return Visible::Yes,
            // The client has already tried again for as long as that makes sense.
            Err(error) => return Visible::Unknown(error.message),
        }
        if Instant::now() + pause >= deadline {
            return Visible::NotYet;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn reading(count: Result<u64, PortError>) -> Reading<u64> {
    match count {
        Ok(count) => Reading::Known(count),
        Err(error) => Reading::Unknown(error.message),
    }
}

fn summary(counts: &Counts, target: &Reading<u64>, expected: u64, visible: &Visible, name: &str) -> String {
    let held = match target {
        Reading::Unknown(reason) => {
            return format!(
                "the records in {name} could not be counted ({reason}): analyze again to be sure"
            );
        }
        Reading::Known(held) => *held,
    };
    if held != expected {
        return format!(
            "{name} counts {} records where {} were expected: it has not caught up yet, or somebody else writes to it; \
             analyze again to be sure",
            format::count(held),
            format::count(expected)
        );
    }
    let unseen = match visible {
        Visible::Yes => None,
        Visible::NotYet => Some("does not show the last updates yet".to_owned()),
        Visible::Unknown(reason) => {
            Some(format!("did not tell whether it shows the last updates ({reason})"))
        }
    };
    if let Some(unseen) = unseen {
        return format!(
            "{name} holds {} records as expected, but {unseen}: analyze again to be sure",
            format::count(held)
        );
    }
    let mut reasons = Vec::new();
    if counts.no_text > 0 {
        reasons.push(format!("{} without text", format::count(counts.no_text)));
    }
    if counts.failed > 0 {
        reasons.push(format!("{} failed", format::count(counts.failed)));
    }
    if counts.orphans > 0 {
        reasons.push(format!("{} only in the target", format::count(counts.orphans)));
    }
    let explained = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    if counts.source_listed == 0 && counts.in_both > 0 {
        return format!("{name} holds {} records as expected{explained}", format::count(held));
    }
    format!(
        "{name} holds {} records as expected; the source was listed with {}{explained}",
        format::count(held),
        format::count(counts.source_listed)
    )
}
