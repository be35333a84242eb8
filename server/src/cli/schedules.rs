//! The grammar of `tain schedules`.

use clap::{ArgGroup, Args, Subcommand};
use protocol::{DocumentUpdate, RunKind, RunRequest, ScheduleSpec, Timing};

use super::{KindArg, NamespacesArg, RunOptions, request};
use crate::schedules::timing;

/// What `tain schedules` takes.
#[derive(Debug, Args)]
pub struct SchedulesArgs {
    /// What to do with schedules.
    #[command(subcommand)]
    pub command: Option<SchedulesCommand>,
}

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum SchedulesCommand {
    /// List schedules with their next and their last run (also without a word)
    List,
    /// Make a schedule; its runs start while `tain serve` is at work
    Add(Box<AddSchedule>),
    /// Show a schedule and its next times
    Show(ScheduleArg),
    /// Let a schedule start runs
    Enable(ScheduleArg),
    /// Keep a schedule from starting runs; one that is at work goes on
    Disable(ScheduleArg),
    /// Remove a schedule; its runs stay
    Remove(ScheduleArg),
    /// Do a schedule's run here and now, whether it is due or enabled or not
    Run(RunSchedule),
}

/// A schedule.
#[derive(Debug, Clone, Args)]
pub struct ScheduleArg {
    /// The schedule's id, or the beginning of it
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Which schedule's run to do.
#[derive(Debug, Clone, Args)]
pub struct RunSchedule {
    /// Which one.
    #[command(flatten)]
    pub schedule: ScheduleArg,
    /// Do not ask before writing (nothing is asked with --json, or where there is no terminal)
    #[arg(long, short)]
    pub yes: bool,
}

/// What a new schedule does and when.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("timing").args(["every", "cron"]).required(true))]
pub struct AddSchedule {
    /// The namespaces.
    #[command(flatten)]
    pub namespace: NamespacesArg,
    /// A name for people
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub name: String,
    /// So long after the last start: 90s, 15m, 6h, 1d; a minute at least
    #[arg(long, value_name = "INTERVAL", value_parser = timing::parse_interval)]
    pub every: Option<Timing>,
    /// At these times, in UTC: minute, hour, day of month, month, day of week; '*/15 * * * *' is every 15 minutes
    #[arg(long, value_name = "EXPRESSION", value_parser = timing::parse_expression)]
    pub cron: Option<Timing>,
    /// What its runs do
    #[arg(long, value_enum, default_value = "mirror")]
    pub kind: KindArg,
    /// How its runs read, compare and write.
    #[command(flatten)]
    pub run: RunOptions,
    /// End each run with the search index: write the added field into the documents of the namespace that lack it
    #[arg(long)]
    pub elasticsearch: bool,
    /// Only look: its runs write nothing and pay nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Start nothing until it is enabled
    #[arg(long)]
    pub disabled: bool,
}

impl AddSchedule {
    /// What is asked for; `None` without a timing, which the grammar does not let through.
    pub fn spec(&self) -> Option<ScheduleSpec> {
        let timing = self.every.clone().or_else(|| self.cron.clone())?;
        Some(ScheduleSpec {
            name: self.name.clone(),
            timing,
            request: self.request(),
            enabled: !self.disabled,
        })
    }

    fn request(&self) -> RunRequest {
        let kind = RunKind::from(self.kind);
        RunRequest {
            documents: self.elasticsearch.then(DocumentUpdate::default),
            ..request(kind, &self.namespace, &self.run, self.dry_run || kind == RunKind::Analyze, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use protocol::Reuse;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(words: &[&str]) -> Result<ScheduleSpec, String> {
        let words = ["tain", "schedules", "add"].iter().chain(words);
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Schedules(SchedulesArgs { command: Some(SchedulesCommand::Add(add)) }) => {
                Ok(add.spec().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_schedule_is_a_timing_and_a_run() {
        let spec = parse(&["articles", "--every", "15m", "--name", "Nightly", "--disabled"]).unwrap();
        assert_eq!(spec.timing, Timing::Every(900));
        assert_eq!((spec.name.as_str(), spec.enabled), ("Nightly", false));
        assert_eq!(spec.request, RunRequest::new(RunKind::Mirror, "articles"));

        let words =
            ["--all-namespaces", "--include=team-*", "--exclude", "*-test", "--cron", " 0  6 * * MON "];
        let more = ["--kind", "reembed", "--reuse", "same-text", "--overwrite-added", "--batch-size", "7"];
        let spec = parse(&[&words[..], &more[..]].concat()).unwrap();
        assert_eq!(spec.timing, Timing::Cron("0 6 * * MON".to_owned()));
        let request = spec.request;
        assert_eq!(
            (request.kind, request.reuse, request.batch_size),
            (RunKind::Reembed, Reuse::SameText, Some(7))
        );
        assert!(request.overwrite_added && spec.enabled);
        assert_eq!(request.namespaces.unwrap().exclude, ["*-test"]);
        assert_eq!(request.documents, None);
        let also = parse(&["a", "--every=1d", "--elasticsearch"]).unwrap().request;
        assert_eq!(also.documents, Some(DocumentUpdate::default()));
        assert!(parse(&["a", "--every=1d", "--kind=analyze"]).unwrap().request.dry_run);
    }

    /// The words of a line as a shell reads them, where nothing but single quotes means anything.
    fn words_of(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for c in line.chars() {
            match c {
                '\'' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words
    }

    #[test]
    fn the_command_of_a_schedule_makes_the_same_schedule() {
        for words in [
            &["--every=15m", "--name=-night", "articles"][..],
            &["--cron", "30 2 * * 1-5", "--name=Nightly", "--disabled", "articles", "--dry-run"],
            &["--every=1d", "--kind=reembed", "--all-namespaces", "--include=team-*", "--elasticsearch"],
            &["--every=90s", "--kind=analyze", "--reuse=same-text", "--", "-odd"],
            &["--every=7d", "--kind=levels", "articles"],
            &["--every=6h", "--dry-run", "--overwrite-added", "--batch-size=7", "--", "-odd"],
        ] {
            let spec = parse(words).unwrap();
            let command = spec.command();
            let shown = words_of(&command);
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            let again = parse(&shown[3..]).unwrap_or_else(|error| panic!("{command}: {error}"));
            assert_eq!(again, spec, "{words:?} became {command}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (words, named) in [
            (&["articles"][..], "--every"),
            (&["articles", "--every", "15m", "--cron", "* * * * *"], "--cron"),
            (&["--every", "15m"], "NAMESPACE"),
            (&["articles", "--all-namespaces", "--every", "15m"], "--all-namespaces"),
            (&["articles", "--include", "a*", "--every", "15m"], "--include"),
            (&["articles", "--every", "15"], "15m, 6h or 1d"),
            (&["articles", "--every", "0s"], "the shortest is 60 s"),
            (&["articles", "--cron", "0 0 30 2 *"], "30th of February"),
            (&["articles", "--cron", "0 */15 * * * *"], "five fields"),
        ] {
            let error = parse(words).expect_err("it is wrong");
            assert!(error.contains(named), "{words:?}: {error}");
        }
    }
}
