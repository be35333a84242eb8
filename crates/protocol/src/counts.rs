//! The counters of a run, and the kinds of records behind them.

use serde::{Deserialize, Serialize};

/// Every counter of a run. All count records unless they say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Listed in the source so far.
    pub source_listed: u64,
    /// Listed in the target so far.
    pub target_listed: u64,
    /// Whether both listings have ended: until then the numbers below are not the whole truth.
    pub listed: bool,
    /// Ids in the source only, read or not.
    pub only_source: u64,
    /// Ids in both, compared or not.
    pub in_both: u64,
    /// In the target only.
    pub orphans: u64,
    /// In both, compared metadata equal.
    pub in_sync: u64,
    /// Missing, with text.
    pub missing: u64,
    /// Changed, with text.
    pub changed: u64,
    /// Missing or changed, without text: skipped.
    pub no_text: u64,
    /// Missing records that were written.
    pub migrated: u64,
    /// Changed records that were written.
    pub updated: u64,
    /// Records that failed, for whatever reason.
    pub failed: u64,
    /// Of those, the missing ones.
    pub failed_missing: u64,
    /// Of those, the changed ones.
    pub failed_changed: u64,
    /// Of those, the ones that were listed but that a fetch did not return.
    pub unreadable: u64,
    /// Texts that the embedding service answered for: they are paid.
    pub embedded: u64,
    /// Records that took the vector of an equal text of the same run.
    pub folded: u64,
    /// Records that kept the target's vector.
    pub reused: u64,
    /// Estimated tokens of the embedded texts.
    pub tokens: u64,
    /// Texts that are longer than the model reads.
    pub over_long: u64,
    /// Records to be written that hold another value under the added key, which stays.
    pub kept: u64,
    /// Records to be written whose other value under the added key is replaced.
    pub overwritten: u64,
    /// Records of a plan (or of the failures that are tried again) that the source no longer holds.
    pub gone: u64,
    /// Records of a plan that turned out to be something else than was planned: their text or metadata changed, they
    /// are in sync by now, or they came into the target meanwhile.
    pub moved: u64,
    /// Counted in the target by the listing or by the plan, and not found there when they were read again.
    pub vanished: u64,
    /// Documents of the search index.
    pub documents: DocumentCounts,
}

/// What a run did to the documents of the search index. All count documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentCounts {
    /// In the scope of the run, when it began.
    pub in_scope: u64,
    /// Of those, the ones to be updated, when it began; in a dry run, the ones that were listed.
    pub to_update: u64,
    /// Of those in scope, the ones with another value that the mode leaves as it is: a higher one, or one that cannot be
    /// compared (law 5).
    pub left_out: u64,
    /// Have the value now and had not.
    pub updated: u64,
    /// Had got the value by themselves when their turn came.
    pub already: u64,
    /// Got another value from somebody else meanwhile, which stands.
    pub kept: u64,
    /// Hold a value that is not indexed, which stands: counting takes them for lacking one. A dry run finds them too.
    pub unindexed: u64,
    /// Were deleted by somebody else meanwhile.
    pub gone: u64,
    /// Were refused. They are among [`Counts::failed`], too.
    pub failed: u64,
    /// Were found done when the run went on: by requests that were under way when its process ended, or by somebody
    /// else. Which ones they are is not known.
    pub unrecorded: u64,
}

impl DocumentCounts {
    /// Those of which it is known what became of them.
    pub const fn handled(&self) -> u64 {
        self.updated + self.already + self.kept + self.unindexed + self.gone + self.failed + self.unrecorded
    }

    fn add(&mut self, other: &Self) {
        let Self {
            in_scope,
            to_update,
            left_out,
            updated,
            already,
            kept,
            unindexed,
            gone,
            failed,
            unrecorded,
        } = *other;
        self.in_scope += in_scope;
        self.to_update += to_update;
        self.left_out += left_out;
        self.updated += updated;
        self.already += already;
        self.kept += kept;
        self.unindexed += unindexed;
        self.gone += gone;
        self.failed += failed;
        self.unrecorded += unrecorded;
    }
}

impl Counts {
    /// What was paid for and written; everything else is 0. It stays true when the listings have to be read again.
    #[must_use]
    pub fn written(&self) -> Self {
        Self {
            migrated: self.migrated,
            updated: self.updated,
            embedded: self.embedded,
            folded: self.folded,
            reused: self.reused,
            tokens: self.tokens,
            ..Self::default()
        }
    }

    /// Records of the source of which it is known what they are.
    pub const fn compared(&self) -> u64 {
        self.in_sync + self.missing + self.changed + self.no_text + self.unreadable + self.gone
    }

    /// Adds every counter of another one; `listed` holds if it holds in either.
    pub fn add(&mut self, other: &Self) {
        // Taken apart, so that a new counter cannot be forgotten here.
        let Self {
            source_listed,
            target_listed,
            listed,
            only_source,
            in_both,
            orphans,
            in_sync,
            missing,
            changed,
            no_text,
            migrated,
            updated,
            failed,
            failed_missing,
            failed_changed,
            unreadable,
            embedded,
            folded,
            reused,
            tokens,
            over_long,
            kept,
            overwritten,
            gone,
            moved,
            vanished,
            documents,
        } = other;
        self.listed |= listed;
        self.documents.add(documents);
        for (sum, more) in [
            (&mut self.source_listed, source_listed),
            (&mut self.target_listed, target_listed),
            (&mut self.only_source, only_source),
            (&mut self.in_both, in_both),
            (&mut self.orphans, orphans),
            (&mut self.in_sync, in_sync),
            (&mut self.missing, missing),
            (&mut self.changed, changed),
            (&mut self.no_text, no_text),
            (&mut self.migrated, migrated),
            (&mut self.updated, updated),
            (&mut self.failed, failed),
            (&mut self.failed_missing, failed_missing),
            (&mut self.failed_changed, failed_changed),
            (&mut self.unreadable, unreadable),
            (&mut self.embedded, embedded),
            (&mut self.folded, folded),
            (&mut self.reused, reused),
            (&mut self.tokens, tokens),
            (&mut self.over_long, over_long),
            (&mut self.kept, kept),
            (&mut self.overwritten, overwritten),
            (&mut self.gone, gone),
            (&mut self.moved, moved),
            (&mut self.vanished, vanished),
        ] {
            *sum += more;
        }
    }
}

/// The kinds of records that a count leads to (law 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// In both, equal.
    InSync,
    /// In the source only, with text.
    Missing,
    /// In both, different, with text.
    Changed,
    /// Without text.
    NoText,
    /// In the target only.
    Orphan,
    /// Holds another value under the added key.
    Kept,
    /// Longer than the model reads.
    OverLong,
    /// Failed.
    Failed,
    /// Missing, and written by this run.
    Migrated,
    /// Changed, and written by this run.
    Updated,
    /// In the plan, but no longer in the source.
    Gone,
    /// Found to be something else than was planned.
    Moved,
    /// A document that a live run would update; listed by dry runs.
    DocumentsToUpdate,
    /// A document that has the value now and had not.
    DocumentsUpdated,
    /// A document that had got the value by itself.
    DocumentsAlready,
    /// A document that got another value meanwhile, which stands.
    DocumentsKept,
    /// A document with a value that is not indexed, which stands.
    DocumentsUnindexed,
    /// A document that was deleted meanwhile, by somebody else.
    DocumentsGone,
}

impl Category {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Self::InSync,
        Self::Missing,
        Self::Changed,
        Self::NoText,
        Self::Orphan,
        Self::Kept,
        Self::OverLong,
        Self::Failed,
        Self::Migrated,
        Self::Updated,
        Self::Gone,
        Self::Moved,
        Self::DocumentsToUpdate,
        Self::DocumentsUpdated,
        Self::DocumentsAlready,
        Self::DocumentsKept,
        Self::DocumentsUnindexed,
        Self::DocumentsGone,
    ];

    /// How many records of a run are in the category.
    pub const fn count(self, counts: &Counts) -> u64 {
        match self {
            Self::InSync => counts.in_sync,
            Self::Missing => counts.missing,
            Self::Changed => counts.changed,
            Self::NoText => counts.no_text,
            Self::Orphan => counts.orphans,
            Self::Kept => counts.kept,
            Self::OverLong => counts.over_long,
            Self::Failed => counts.failed,
            Self::Migrated => counts.migrated,
            Self::Updated => counts.updated,
            Self::Gone => counts.gone,
            Self::Moved => counts.moved,
            Self::DocumentsToUpdate => counts.documents.to_update,
            Self::DocumentsUpdated => counts.documents.updated,
            Self::DocumentsAlready => counts.documents.already,
            Self::DocumentsKept => counts.documents.kept,
            Self::DocumentsUnindexed => counts.documents.unindexed,
            Self::DocumentsGone => counts.documents.gone,
        }
    }

    /// Whether its ids are those of documents of the search index, and not of records.
    pub const fn is_of_documents(self) -> bool {
        matches!(
            self,
            Self::DocumentsToUpdate
                | Self::DocumentsUpdated
                | Self::DocumentsAlready
                | Self::DocumentsKept
                | Self::DocumentsUnindexed
                | Self::DocumentsGone
        )
    }

    /// What an update of documents calls its counters, in the app and on the command line; those that it lacks have the
    /// name of their list.
    pub const fn of_update(self) -> &'static str {
        match self {
            Self::DocumentsToUpdate => "to update",
            Self::DocumentsUpdated => "updated",
            Self::DocumentsAlready => "already there",
            Self::DocumentsKept => "conflicts kept",
            Self::DocumentsGone => "gone meanwhile",
            _ => self.slug(),
        }
    }

    /// The category's place in URLs: `in-sync`, `to-migrate`, ...
    pub const fn slug(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Missing => "to-migrate",
            Self::Changed => "to-update",
            Self::NoText => "no-text",
            Self::Orphan => "only-in-target",
            Self::Kept => "kept-level",
            Self::OverLong => "over-long",
            Self::Failed => "failed",
            Self::Migrated => "migrated",
            Self::Updated => "updated",
            Self::Gone => "gone",
            Self::Moved => "not-as-planned",
            Self::DocumentsToUpdate => "documents-to-update",
            Self::DocumentsUpdated => "documents-updated",
            Self::DocumentsAlready => "documents-already",
            Self::DocumentsKept => "documents-kept",
            Self::DocumentsUnindexed => "documents-unindexed",
            Self::DocumentsGone => "documents-gone",
        }
    }

    /// The category of a slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_leads_back_to_its_category() {
        for category in Category::ALL {
            assert_eq!(Category::from_slug(category.slug()), Some(category));
        }
        assert_eq!(Category::from_slug("nonsense"), None);
    }
}
