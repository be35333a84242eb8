//! What every implementation of the store has to do, written against the trait. [`conformance!`] makes the tests of one.

mod findings;
mod ledger;
mod made;
mod pages;
mod prune;
mod runs;
mod schedules;
mod together;

use std::sync::Arc;

use futures::future::BoxFuture;
use store::Store;

pub use self::{findings::*, ledger::*, pages::*, prune::*, runs::*, schedules::*, together::*};

/// A place that holds one store, empty at first.
pub trait Place: Send + Sync {
    /// Another handle on the store, as another process would have it.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>>;
}

/// Runs every test of the suite on places that an expression makes.
#[macro_export]
macro_rules! conformance {
    ($place:expr => $($test:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::conformance::$test(&$place).await;
            }
        )*
    };
    ($place:expr) => {
        $crate::conformance! { $place =>
            a_run_comes_back_as_it_was_committed,
            what_a_view_holds_is_bounded,
            the_log_alone_may_move,
            a_replayed_event_is_kept_once,
            a_run_begins_once,
            nothing_is_written_for_a_run_that_is_not_there,
            runs_are_listed_newest_first_and_narrowed,
            the_list_of_runs_is_paged_to_its_end,
            a_plan_is_found_by_its_hash,
            a_question_is_answered_once,
            a_run_that_stops_forgets_what_it_was_asked,
            what_is_found_is_pending_until_it_is_settled,
            a_record_is_behind_each_of_its_counts,
            a_reset_forgets_all_but_what_was_written,
            a_plan_is_read_with_its_digests,
            a_run_of_a_plan_takes_over_what_it_leaves_alone,
            texts_come_once_and_in_order,
            failures_are_replaced_searched_and_paged,
            the_log_is_searched_and_paged,
            pages_hold_what_a_naive_model_says,
            pending_pages_hold_what_a_naive_model_says,
            the_ledger_knows_the_last_vector_of_each_record,
            a_run_knows_what_it_has_paid_for,
            schedules_are_kept_changed_and_removed,
            no_change_of_a_schedule_is_lost,
            a_tick_is_won_once,
            a_commit_is_whole_or_not_there,
            two_handles_write_at_once,
            a_question_is_answered_by_one_of_many,
            old_runs_lose_their_records_and_failed_ones_go,
            a_log_is_cut_to_its_newest_lines,
            the_oldest_runs_go_first,
            what_is_needed_stays,
            a_plan_that_was_forgotten_is_no_empty_plan,
        }
    };
}
