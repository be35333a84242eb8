//! One set of checks for the emulator and for real servers.

pub mod bench;
mod connecting;
mod looking;
mod mappings;
mod refusing;
mod scanning;
mod updating;
mod writing;

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use bench::Bench;
use futures::FutureExt;

/// How a check ended, if it did not panic.
pub enum Outcome {
    /// It holds.
    Holds,
    /// The server lacks what it is about.
    LeftOut(&'static str),
}

type Check = fn(Arc<Bench>) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

macro_rules! checks {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((stringify!($name), |bench| Box::pin($module::$name(bench)))),*]
    };
}

const CHECKS: &[(&str, Check)] = checks![
    connecting::the_server_is_known,
    connecting::an_index_that_is_not_there_is_never_made,
    connecting::wrong_credentials_are_told,
    connecting::an_expired_key_is_told,
    connecting::a_key_with_the_least_privileges_does_everything_but_delete,
    connecting::a_key_for_another_index_sees_nothing,
    connecting::a_key_without_writing_is_stopped,
    looking::everything_is_counted_at_one_moment,
    looking::hundreds_of_namespaces_are_all_found,
    looking::a_preview_counts_what_a_task_would_do,
    looking::samples_and_documents_are_found,
    looking::a_list_is_turned_page_by_page,
    looking::a_namespace_that_is_a_text_is_not_guessed_at,
    scanning::every_document_is_seen_once,
    scanning::a_scan_sees_the_moment_it_began,
    writing::every_outcome_is_told_apart,
    writing::documents_keep_their_routing,
    writing::a_document_is_changed_in_the_one_field,
    updating::only_missing_values_are_written,
    updating::lower_values_are_raised_and_higher_ones_stand,
    updating::somebody_else_always_wins,
    updating::it_goes_on_where_it_was_stopped,
    updating::an_alias_of_two_indexes,
    updating::a_data_stream,
    updating::the_server_updates_by_itself,
    mappings::every_type_of_field,
    mappings::a_strict_mapping_is_mended,
    mappings::a_mapping_that_is_added_does_not_index_what_is_there,
    mappings::fields_that_are_not_searched,
    mappings::a_full_mapping,
    mappings::a_source_that_is_not_kept,
    mappings::every_block,
    mappings::values_that_exists_does_not_see,
    refusing::a_bulk_request_that_makes_no_sense,
    refusing::a_document_that_does_not_fit,
    refusing::a_question_that_makes_no_sense,
    refusing::points_in_time_where_there_are_any,
];

/// Runs every check against a server, prints a line for each, and panics if one fails.
pub async fn run(bench: Bench) {
    let bench = Arc::new(bench);
    let only: Option<&'static str> = option_env!("TAIN_CHECK");
    let mut failed = Vec::new();
    for (name, check) in CHECKS.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        let outcome = AssertUnwindSafe(check(Arc::clone(&bench))).catch_unwind().await;
        let line = match outcome {
            Ok(Outcome::Holds) => "holds".to_owned(),
            Ok(Outcome::LeftOut(why)) => format!("left out: {why}"),
            Err(_) => {
                failed.push(*name);
                "FAILS".to_owned()
            }
        };
        println!("contract | {} | {name} | {line}", bench.name);
    }
    bench.stop().await;
    assert!(failed.is_empty(), "{} of {} checks fail: {failed:?}", failed.len(), CHECKS.len());
}
