//! What is asked for when a run is started.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Reads both sides and says which record is what.
    Analyze,
    /// Writes missing and changed records.
    Mirror,
    /// Writes missing records only.
    Reembed,
}

impl RunKind {
    /// The word on screens: `Analyze`, `Mirror`, `Re-embed`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Analyze => "Analyze",
            Self::Mirror => "Mirror",
            Self::Reembed => "Re-embed",
        }
    }

    /// The command that does the same: `analyze`, `mirror`, `reembed`.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Mirror => "mirror",
            Self::Reembed => "reembed",
        }
    }
}

/// When the vector that a changed record has in the target may stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// Every missing and changed record is embedded.
    #[default]
    Never,
    /// A changed record whose text is equal in source and target keeps the target's vector, whoever made it.
    SameText,
}

impl Reuse {
    /// The word on the command line: `never`, `same-text`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::SameText => "same-text",
        }
    }
}

impl FromStr for Reuse {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "never" => Ok(Self::Never),
            "same-text" => Ok(Self::SameText),
            other => Err(format!("unknown reuse policy {other:?}; use never or same-text")),
        }
    }
}

/// What is asked for when a run is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// What to do.
    pub kind: RunKind,
    /// The namespace; empty and `__default__` are the default namespace.
    pub namespace: String,
    /// Pay and write nothing, and say what a live run would do (law 4). An analysis is always dry.
    pub dry_run: bool,
    /// When vectors may stay.
    pub reuse: Reuse,
    /// Replace other values under the added key; without it they stay (law 5).
    pub overwrite_added: bool,
    /// Upper bound of records in a batch, where it is smaller than the configured bounds.
    pub batch_size: Option<u32>,
    /// The hash of the plan this run was started from: the run says at its end whether it still held.
    pub plan: Option<String>,
}

impl RunRequest {
    /// The `tain` command that asks for the same, quoted for a POSIX shell.
    pub fn command(&self) -> String {
        let mut words = vec!["tain".to_owned(), self.kind.command().to_owned()];
        let namespace = if self.namespace.is_empty() { "__default__" } else { &self.namespace };
        let mut options = Vec::new();
        if self.dry_run && self.kind != RunKind::Analyze {
            options.push("--dry-run".to_owned());
        }
        if self.reuse != Reuse::Never {
            options.push(format!("--reuse {}", self.reuse.as_str()));
        }
        if self.overwrite_added {
            options.push("--overwrite-added".to_owned());
        }
        if let Some(size) = self.batch_size {
            options.push(format!("--batch-size {size}"));
        }
        if let Some(plan) = &self.plan {
            options.push(format!("--plan {plan}"));
        }
        if namespace.starts_with('-') {
            // `--` ends the options, so they stand before it.
            words.append(&mut options);
            words.push("--".to_owned());
        }
        words.push(quoted(namespace));
        words.append(&mut options);
        words.join(" ")
    }
}

/// A word as a POSIX shell reads it: single quotes keep everything but themselves.
fn quoted(word: &str) -> String {
    if word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c)) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(namespace: &str, change: impl FnOnce(&mut RunRequest)) -> String {
        let mut request = RunRequest {
            kind: RunKind::Mirror,
            namespace: namespace.to_owned(),
            dry_run: false,
            reuse: Reuse::Never,
            overwrite_added: false,
            batch_size: None,
            plan: None,
        };
        change(&mut request);
        request.command()
    }

    #[test]
    fn a_request_is_a_command_that_a_shell_takes_as_it_is() {
        assert_eq!(command("articles", |_| {}), "tain mirror articles");
        assert_eq!(command("", |_| {}), "tain mirror __default__");
        assert_eq!(command("a b", |_| {}), "tain mirror 'a b'");
        assert_eq!(command("it's; rm", |_| {}), r"tain mirror 'it'\''s; rm'");
        let dashed = command("-x -- y", |request| request.dry_run = true);
        assert_eq!(dashed, "tain mirror --dry-run -- '-x -- y'");
        let all = command("a -- b", |request| {
            request.reuse = Reuse::SameText;
            request.overwrite_added = true;
            request.batch_size = Some(7);
            request.plan = Some("7c41".to_owned());
        });
        assert_eq!(
            all,
            "tain mirror 'a -- b' --reuse same-text --overwrite-added --batch-size 7 --plan 7c41"
        );
    }

    #[test]
    fn a_reuse_policy_is_read_as_it_is_written() {
        for reuse in [Reuse::Never, Reuse::SameText] {
            assert_eq!(reuse.as_str().parse(), Ok(reuse));
        }
        assert!("proven".parse::<Reuse>().is_err_and(|error| error.contains("never or same-text")));
    }
}
