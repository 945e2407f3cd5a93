//! The conformance suite of the store: one list of cases, run on each engine.

mod applications;
mod bells;
mod blobs;
#[cfg(feature = "s3")]
mod bucket;
mod clients;
mod drift;
mod duties;
#[cfg(all(feature = "jwt", feature = "postgres", feature = "tls"))]
mod encrypted;
mod fairness;
mod inspect;
mod jobs;
mod keys;
mod messages;
mod modes;
#[cfg(feature = "postgres")]
mod outbox;
mod predictions;
mod promotions;
mod retention;
mod reviews;
mod sign_outs;
mod subjects;
mod warehouse;
mod webhooks;

use std::path::Path;
use std::time::Duration;

use fenwen::store::blobs::BlobMeta;
use fenwen::store::jobs::{Claim, Job, NewJob, Payload, Submitted};
use fenwen::store::{Keep, Purged, Store};
use tempfile::TempDir;

/// A store of its own, empty.
struct Fixture {
    folder: TempDir,
    store: Store,
    /// Address of its database, for PostgreSQL.
    #[cfg(feature = "postgres")]
    url: Option<String>,
}

impl Fixture {
    fn sqlite() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Fixture {
            folder,
            store,
            #[cfg(feature = "postgres")]
            url: None,
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let url = crate::servers::fresh_database();
        let store = Store::connect(folder.path(), &url, 4).unwrap();
        Fixture { folder, store, url: Some(url) }
    }

    /// The same store after a restart of the program.
    fn reopened(self) -> Fixture {
        let Fixture { folder, store, .. } = self;
        drop(store);
        #[cfg(feature = "postgres")]
        if let Some(url) = self.url {
            let store = Store::connect(folder.path(), &url, 4).unwrap();
            return Fixture { folder, store, url: Some(url) };
        }
        let store = Store::open(folder.path()).unwrap();
        Fixture {
            folder,
            store,
            #[cfg(feature = "postgres")]
            url: None,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Runs each case on each engine.
macro_rules! cases {
    ($($module:ident::$case:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $case() { super::$module::$case(super::Fixture::sqlite()); })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[test] fn $case() { super::$module::$case(super::Fixture::postgres()); })*
        }
    };
}

cases! {
    bells::whoever_writes_the_outbox_rings,
    predictions::what_is_kept_comes_back_and_expires,
    predictions::many_are_kept_together_in_their_order,
    predictions::the_newest_of_a_service_come_first,
    predictions::feedback_is_appended_and_the_latest_counts,
    predictions::versions_of_taxonomies_are_added_only,
    jobs::a_job_runs_and_ends_with_its_result,
    jobs::a_late_worker_is_refused,
    jobs::a_lease_that_was_renewed_is_not_over,
    jobs::every_way_to_end,
    jobs::a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told,
    jobs::the_dead_may_be_queued_again,
    jobs::a_key_brings_one_job,
    jobs::a_hundred_at_once_bring_one_job,
    jobs::a_refused_job_leaves_its_key_free,
    jobs::each_change_is_in_the_outbox_once_and_in_order,
    jobs::events_carry_no_content,
    jobs::a_job_that_has_expired_is_gone,
    jobs::jobs_are_listed_newest_first,
    jobs::two_workers_never_get_one_job,
    fairness::agencies_take_turns,
    fairness::a_place_in_the_queue_is_that_of_the_turns,
    fairness::priority_orders_the_jobs_of_one_agency_only,
    fairness::a_paused_job_waits_for_its_time,
    fairness::thousands_of_jobs_delay_another_by_one,
    fairness::a_worker_gets_the_lanes_that_it_asked_for,
    inspect::a_look_changes_nothing_and_tells_what_a_start_would,
    inspect::a_look_refuses_what_a_start_would,
    blobs::parts_come_in_any_order_and_again,
    blobs::a_wrong_blob_is_not_closed,
    blobs::no_part_changes_while_a_blob_is_closed,
    blobs::a_part_that_came_in_between_closes_nothing,
    blobs::an_exchanged_part_does_not_open,
    blobs::a_destroyed_blob_leaves_nothing,
    blobs::a_large_result_lies_in_files,
    drift::answers_are_seen_without_their_texts,
    drift::the_first_figures_of_a_day_stay,
    drift::what_expires_soon_is_counted,
    warehouse::a_day_is_exported_without_what_it_was_about,
    warehouse::a_day_begins_at_midnight_in_taiwan,
    webhooks::a_receiver_is_kept_changed_and_deleted,
    webhooks::a_client_has_so_many_and_sees_its_own,
    webhooks::secrets_are_sealed_and_renewed,
    webhooks::events_go_to_those_who_want_them,
    webhooks::a_delivery_is_queued_once_taken_once_and_logged,
    webhooks::a_receiver_that_is_switched_off_loses_what_is_due,
    webhooks::two_senders_never_get_one_delivery,
    webhooks::settled_deliveries_are_purged,
    modes::a_mode_takes_the_place_of_the_one_before,
    modes::answers_lie_beside_the_last_word_on_them,
    sign_outs::sign_outs_are_read_by_time_and_forgotten_after_a_day_of_work,
    messages::a_message_is_queued_once_taken_once_and_recorded,
    messages::two_nodes_never_send_one_message,
    messages::settled_messages_are_purged,
    clients::a_client_is_kept_switched_and_deleted,
    clients::keys_go_with_their_client,
    applications::an_application_and_its_client_come_together,
    applications::one_sender_has_so_many_waiting,
    duties::one_has_a_duty_until_its_lease_runs_out,
    duties::one_of_two_relays_publishes,
    retention::each_class_is_gone_at_its_limit,
    retention::a_text_goes_before_its_prediction_and_feedback_last,
    retention::what_was_destroyed_is_in_no_file,
    retention::a_hold_stops_the_purge_until_it_is_lifted,
    retention::a_round_is_bounded_and_the_next_goes_on,
    retention::files_that_a_crash_left_are_deleted_later,
    keys::a_new_key_seals_and_the_old_one_still_opens,
    keys::what_was_sealed_without_a_number_opens,
    keys::keys_are_put_away_when_nothing_needs_them,
    keys::a_rotation_goes_on_while_others_write,
    subjects::a_person_is_found_in_every_writing,
    subjects::two_persons_erase_and_nothing_is_left,
    subjects::a_hold_stops_an_erasure,
    subjects::what_came_after_the_approval_stays,
    subjects::an_agency_erases_its_own_rows_only,
    subjects::an_agency_holds_its_own_rows_only,
    subjects::a_rejected_erasure_waits_no_more,
    promotions::one_proposes_and_another_approves,
    promotions::what_was_rejected_is_not_approved,
    promotions::a_version_waits_once,
    reviews::pages_cover_each_item_once_in_order,
    reviews::what_is_not_to_be_seen_is_not_there,
    reviews::an_item_is_held_by_lease,
    reviews::the_next_item_is_what_is_due_then_the_least_sure,
    reviews::two_officers_never_get_or_decide_one_item,
    reviews::a_decision_is_taken_back_or_settled_once,
    reviews::what_is_escalated_waits_for_those_who_may_assign,
    reviews::a_second_opinion_is_another_officers,
    reviews::feedback_from_elsewhere_closes_items,
    reviews::texts_are_sealed_and_erased_after_the_decision,
}

/// Noon of some day.
const NOON: Duration = Duration::from_secs(1_795_402_800);
const SECOND: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(30);

fn meta(id: &str, size: u64) -> BlobMeta {
    BlobMeta {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        client: "mailbox".to_owned(),
        kind: "input".to_owned(),
        media_type: "application/json".to_owned(),
        size,
        sha256: None,
        created: NOON,
        expires: NOON + 100 * SECOND,
    }
}

/// A job with an input of its own.
fn new_job(store: &Store, id: &str) -> NewJob {
    let input = store.inline_blob(meta(&format!("in-{id}"), 5), b"INPUT").unwrap();
    NewJob {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        client: "mailbox".to_owned(),
        service: "letters".to_owned(),
        operation: "classify".to_owned(),
        lane: "letters".to_owned(),
        priority: 0,
        max_attempts: 3,
        attached: None,
        input: Payload::Inline(Box::new(input)),
        purpose: Some("petition-handling".to_owned()),
        case_no: None,
        correlation: "c-1".to_owned(),
        traceparent: None,
        subjects: Vec::new(),
        created: NOON,
        input_expires: NOON + 100 * SECOND,
        expires: NOON + 100 * SECOND,
    }
}

#[track_caller]
fn submit(store: &Store, job: NewJob) -> Job {
    match store.submit(job, None, u64::MAX >> 1).wait().unwrap() {
        Submitted::New(job) => *job,
        other => unreachable!("{other:?}"),
    }
}

/// How long what has no limit of its own is kept.
const KEEP: Keep = Keep {
    feedback: Duration::from_secs(1000),
    events: Duration::from_secs(2000),
    deliveries: Duration::from_secs(3000),
    review_texts: Duration::from_secs(3000),
    reviews: Duration::from_secs(3000),
};

/// One round of erasing.
fn purge(store: &Store, now: Duration) -> Purged {
    store.purge(now, KEEP).wait().unwrap()
}

/// Jobs for worker `owner` at `now`, `limit` at most.
fn claim(store: &Store, owner: &str, now: Duration, limit: usize) -> Vec<Job> {
    let lanes = vec!["letters".to_owned()];
    let claim = Claim { lanes, owner: owner.to_owned(), limit, now, lease: LEASE };
    store.claim(claim).wait().unwrap()
}
