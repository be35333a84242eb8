//! The suite of every store, run for SQLite.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod conformance;

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use store::{SqliteStore, Store};

struct Directory(tempfile::TempDir);

impl conformance::Place for Directory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async { Arc::new(SqliteStore::open(self.0.path()).await.unwrap()) as Arc<dyn Store> }.boxed()
    }
}

conformance!(Directory(tempfile::tempdir().unwrap()));
