//! A run beside an earlier one.

use protocol::{RunComparison, RunFilter, RunHead, RunId, RunSide, RunSummary};
use store::StoreError;

use super::{Runs, StartError};

/// How many earlier runs are offered to compare with.
const EARLIER: usize = 20;

impl Runs {
    /// A run beside the one that is named, or beside the newest earlier one like it.
    ///
    /// # Errors
    ///
    /// There is no such run, or the store could not be read.
    pub async fn compare(&self, id: &RunId, with: Option<&RunId>) -> Result<RunComparison, StartError> {
        let run = self.side(id).await?;
        let earlier = self.earlier(&run.summary.head).await?;
        let with = match with.or_else(|| earlier.first().map(|row| &row.head.id)) {
            Some(with) => Some(self.side(with).await?),
            None => None,
        };
        Ok(RunComparison { run, with, earlier })
    }

    async fn side(&self, id: &RunId) -> Result<RunSide, StartError> {
        let view = self.view(id).await?.ok_or_else(|| StartError::UnknownRun(id.clone()))?;
        Ok(view.into())
    }

    /// Runs like this one that began before it, newest first.
    async fn earlier(&self, head: &RunHead) -> Result<Vec<RunSummary>, StoreError> {
        let mut filter = RunFilter {
            kind: Some(head.request.kind),
            namespace: head.request.namespace.clone(),
            before: Some(head.id.clone()),
            ..RunFilter::default()
        };
        let mut earlier = Vec::new();
        loop {
            let page = self.list(&filter).await?;
            earlier.extend(page.runs.into_iter().filter(|row| row.head.is_like(head)));
            filter.before = page.next;
            if filter.before.is_none() || earlier.len() >= EARLIER {
                earlier.truncate(EARLIER);
                return Ok(earlier);
            }
        }
    }
}
