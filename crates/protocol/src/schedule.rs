//! Schedules: runs that start by themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RunId, RunKind, RunRequest, RunState, quoted};

/// Names one schedule in URLs and on the command line: lowercase letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScheduleId(pub String);

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a schedule's runs start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Every so many seconds, counted from the last start.
    Every(u64),
    /// A cron expression of five fields (minute, hour, day of month, month, day of week), in UTC.
    Cron(String),
}

/// What is asked for when a schedule is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// A name for people; may be empty.
    pub name: String,
    /// When its runs start.
    pub timing: Timing,
    /// What they do: one namespace, or all that match.
    pub request: RunRequest,
    /// Whether it starts runs at all.
    pub enabled: bool,
}

impl ScheduleSpec {
    /// The command that makes the same schedule.
    pub fn command(&self) -> String {
        let timing = match &self.timing {
            Timing::Every(seconds) => {
                let (number, unit) = interval(*seconds);
                format!("--every {number}{}", &unit[..1])
            }
            Timing::Cron(expression) => format!("--cron {}", quoted(expression)),
        };
        // A name may begin like an option, so it stands behind its sign.
        let name =
            if self.name.is_empty() { String::new() } else { format!(" --name={}", quoted(&self.name)) };
        let off = if self.enabled { "" } else { " --disabled" };
        // What a run's own command says after its verb, a schedule's says after its options.
        let work = self.request.command();
        let verb = self.request.kind.command();
        let kind = match self.request.kind {
            RunKind::Mirror => String::new(),
            RunKind::Levels => " --kind levels".to_owned(),
            RunKind::Analyze | RunKind::Reembed | RunKind::Documents => format!(" --kind {verb}"),
        };
        let rest = work.strip_prefix("tain ").and_then(|work| work.strip_prefix(verb)).unwrap_or_default();
        format!("tain schedules add {timing}{name}{off}{kind}{rest}")
    }
}

/// The units of an interval: the word, and its seconds.
pub const INTERVAL_UNITS: [(&str, u64); 4] =
    [("seconds", 1), ("minutes", 60), ("hours", 3_600), ("days", 86_400)];

/// An interval as people give it: a number of the largest unit that divides it.
pub fn interval(seconds: u64) -> (u64, &'static str) {
    let [smallest, ..] = INTERVAL_UNITS;
    let divides = |unit: &(&str, u64)| seconds.is_multiple_of(unit.1);
    let (unit, length) = INTERVAL_UNITS.into_iter().rev().find(divides).unwrap_or(smallest);
    (seconds / length, unit)
}

/// The last run that a schedule started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run; `None` if it could not be started.
    pub run: Option<RunId>,
    /// How it stands.
    pub state: Option<RunState>,
    /// When it was started, or tried: milliseconds since 1970, UTC.
    pub at: u64,
    /// Why it could not be started, or was skipped, in words.
    pub note: Option<String>,
}

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name in URLs.
    pub id: ScheduleId,
    /// What it does and when.
    pub spec: ScheduleSpec,
    /// When it was made: milliseconds since 1970, UTC.
    pub created_at: u64,
    /// When it starts its next run: milliseconds since 1970, UTC. `None` while it is not enabled.
    pub next_at: Option<u64>,
    /// The last run that it started or tried to start.
    pub last: Option<LastRun>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DocumentUpdate, NamespacePatterns};

    #[test]
    fn an_interval_is_in_its_largest_unit() {
        assert_eq!(interval(900), (15, "minutes"));
        assert_eq!(interval(7_200), (2, "hours"));
        assert_eq!(interval(86_400), (1, "days"));
        assert_eq!(interval(90), (90, "seconds"));
    }

    #[test]
    fn a_schedule_has_a_command() {
        let mut spec = ScheduleSpec {
            name: "it's night".to_owned(),
            timing: Timing::Cron("0 3 * * *".to_owned()),
            request: RunRequest::new(RunKind::Mirror, "help-centre"),
            enabled: true,
        };
        assert_eq!(
            spec.command(),
            r"tain schedules add --cron '0 3 * * *' --name='it'\''s night' help-centre"
        );
        spec.name = String::new();
        spec.timing = Timing::Every(7_200);
        spec.request.namespaces = Some(NamespacePatterns::default());
        spec.request.documents = Some(DocumentUpdate::default());
        assert_eq!(spec.command(), "tain schedules add --every 2h --all-namespaces --elasticsearch");
        spec.timing = Timing::Every(90);
        spec.request = RunRequest::new(RunKind::Analyze, "-x");
        assert_eq!(spec.command(), "tain schedules add --every 90s --kind analyze -- -x");
        spec.request = RunRequest::new(RunKind::Levels, "a");
        assert_eq!(spec.command(), "tain schedules add --every 90s --kind levels a");
    }
}
