//! The life of a job.

use std::collections::BTreeSet;
use std::thread;

use fenwen::store::Store;
use fenwen::store::jobs::{
    Beat, Ending, IdempotencyKey, Job, JobFilter, JobState, Payload, Submitted, Success,
};
use serde_json::Value;

use super::{Fixture, LEASE, NOON, SECOND, claim, meta, new_job, purge, submit};

fn finish(store: &Store, job: &Job, ending: Ending) -> Option<Job> {
    store.finish(&job.id, job.fence, ending, NOON + SECOND).wait().unwrap()
}

pub(super) fn result(store: &Store, id: &str) -> Payload {
    Payload::Inline(Box::new(store.inline_blob(meta(id, 6), b"RESULT").unwrap()))
}

fn succeeded(store: &Store, id: &str) -> Ending {
    let payload = result(store, id);
    Ending::Succeeded(Success { payload, told: None, figures: None, subjects: Vec::new() })
}

fn beat(job: &Job, now: std::time::Duration) -> Beat {
    let id = job.id.clone();
    Beat { id, fence: job.fence, now, lease: LEASE, progress: None, checkpoint: None }
}

fn state(store: &Store, id: &str) -> JobState {
    store.job(id).wait().unwrap().unwrap().state
}

fn key(fingerprint: &[u8], answer: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        key: "k-1".to_owned(),
        route: "jobs",
        fingerprint: fingerprint.to_vec(),
        answer: answer.as_bytes().to_vec(),
        expires: NOON + 50 * SECOND,
    })
}

pub(super) fn a_job_runs_and_ends_with_its_result(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(submit(store, new_job(store, "a")).state, JobState::Queued);
    let fixture = fixture.reopened();
    let store = &fixture.store;
    let job = claim(store, "w-1", NOON, 1).remove(0);
    assert_eq!((job.id.as_str(), job.attempt, job.fence), ("a", 1, 1));
    assert_eq!(job.owner.as_deref(), Some("w-1"));
    assert_eq!(job.lease_until, Some(NOON + LEASE));
    let checkpoint = Some(store.inline_blob(meta("check", 3), b"abc").unwrap());
    let sign = Beat { progress: Some(0.5), checkpoint, ..beat(&job, NOON + SECOND) };
    let kept = store.beat(sign).wait().unwrap().unwrap();
    assert_eq!((kept.progress, kept.lease_until), (Some(0.5), Some(NOON + SECOND + LEASE)));
    assert_eq!(store.job("a").wait().unwrap().unwrap().checkpoint.as_deref(), Some("check"));
    let ended = finish(store, &job, succeeded(store, "out")).unwrap();
    assert_eq!((ended.state, ended.progress), (JobState::Succeeded, Some(1.0)));
    assert_eq!(ended.finished, Some(NOON + SECOND));
    let blob = store.blob("out").wait().unwrap().unwrap();
    assert_eq!(store.inline_content(&blob).unwrap().unwrap().expose(), b"RESULT");
    assert!(store.blob("check").wait().unwrap().is_none(), "nobody needs it any longer");
    assert!(claim(store, "w-1", NOON + 9 * SECOND, 1).is_empty());
}

pub(super) fn a_late_worker_is_refused(fixture: Fixture) {
    let store = &fixture.store;
    submit(store, new_job(store, "a"));
    let first = claim(store, "w-1", NOON, 1).remove(0);
    let over = NOON + LEASE;
    assert!(store.expired(over - SECOND).wait().unwrap().is_empty());
    let expired = store.expired(over).wait().unwrap().remove(0);
    let again = Ending::Retry(over, "ER0520".to_owned());
    assert!(store.finish_expired(&expired, again, over).wait().unwrap().is_some());
    let second = claim(store, "w-2", over, 1).remove(0);
    assert!(first.fence < second.fence && second.attempt == 2);
    assert!(store.beat(beat(&first, over)).wait().unwrap().is_none());
    assert!(finish(store, &first, succeeded(store, "old")).is_none());
    assert!(store.blob("old").wait().unwrap().is_none(), "no result of a late worker");
    assert!(finish(store, &second, succeeded(store, "new")).is_some());
    assert!(finish(store, &second, Ending::Failed("ER0500".to_owned())).is_none(), "once");
    assert_eq!(state(store, "a"), JobState::Succeeded);
}

pub(super) fn a_lease_that_was_renewed_is_not_over(fixture: Fixture) {
    let store = &fixture.store;
    submit(store, new_job(store, "a"));
    let job = claim(store, "w-1", NOON, 1).remove(0);
    let over = NOON + LEASE;
    let expired = store.expired(over).wait().unwrap().remove(0);
    assert!(store.beat(beat(&job, over)).wait().unwrap().is_some());
    let again = Ending::Retry(over, "ER0520".to_owned());
    assert!(store.finish_expired(&expired, again, over).wait().unwrap().is_none());
    assert_eq!(state(store, "a"), JobState::Running);
}

pub(super) fn every_way_to_end(fixture: Fixture) {
    let store = &fixture.store;
    let code = || "ER0500".to_owned();
    let endings = [
        (Ending::Failed(code()), JobState::Failed, 1, true),
        (Ending::Cancelled, JobState::Cancelled, 1, false),
        (Ending::Dead(code()), JobState::Dead, 1, true),
        (Ending::Retry(NOON + 9 * SECOND, code()), JobState::Queued, 1, true),
        (Ending::GivenBack, JobState::Queued, 0, false),
    ];
    for (idx, (ending, state, attempt, has_error)) in endings.into_iter().enumerate() {
        submit(store, new_job(store, &format!("{idx}")));
        let job = claim(store, "w-1", NOON, 1).remove(0);
        let ended = finish(store, &job, ending).unwrap();
        assert_eq!((ended.state, ended.attempt), (state, attempt), "{idx}");
        assert_eq!((ended.error.is_some(), ended.owner), (has_error, None), "{idx}");
        assert_eq!(ended.finished.is_some(), state.is_final(), "{idx}");
    }
}

pub(super) fn a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told(fixture: Fixture) {
    let store = &fixture.store;
    let cancel = |id: &str| store.cancel(id, NOON).wait().unwrap();
    assert_eq!(cancel("a"), None);
    submit(store, new_job(store, "a"));
    let job = cancel("a").unwrap();
    assert_eq!((job.state, job.finished), (JobState::Cancelled, Some(NOON)));
    assert!(claim(store, "w-1", NOON, 1).is_empty());
    submit(store, new_job(store, "b"));
    let job = claim(store, "w-1", NOON, 1).remove(0);
    assert_eq!(cancel("b").unwrap().state, JobState::Running);
    let version = cancel("b").unwrap().version;
    assert_eq!(cancel("b").unwrap().version, version, "once is enough");
    assert!(store.beat(beat(&job, NOON)).wait().unwrap().unwrap().cancel_requested);
    assert_eq!(finish(store, &job, Ending::Cancelled).unwrap().state, JobState::Cancelled);
    assert_eq!(cancel("b").unwrap().state, JobState::Cancelled);
}

pub(super) fn the_dead_may_be_queued_again(fixture: Fixture) {
    let store = &fixture.store;
    submit(store, new_job(store, "a"));
    assert!(store.requeue("a", NOON).wait().unwrap().is_none(), "it waits already");
    let job = claim(store, "w-1", NOON, 1).remove(0);
    finish(store, &job, Ending::Dead("ER0500".to_owned()));
    let rows = store.outbox_pending(9).wait().unwrap();
    assert_eq!(rows.last().unwrap().subject, "moi.ai.v1.dlq.letters.classify");
    let letter = told(store).pop().unwrap();
    assert_eq!((&letter["deadreason"], &letter["deaddeliveries"]), (&"ER0500".into(), &1.into()));
    assert_eq!(letter["deadsubject"], "moi.ai.v1.job.letters.classify");
    assert_eq!((&letter["subject"], &letter["data"]["state"]), (&"jobs/a".into(), &"dead".into()));
    let again = store.requeue("a", NOON + 5 * SECOND).wait().unwrap().unwrap();
    assert_eq!((again.state, again.attempt, again.error), (JobState::Queued, 0, None));
    let second = claim(store, "w-1", NOON + 5 * SECOND, 1).remove(0);
    assert_eq!((second.attempt, second.fence), (1, 2), "the fence goes on rising");
}

pub(super) fn a_key_brings_one_job(fixture: Fixture) {
    let store = &fixture.store;
    let send = |id: &str, fingerprint: &[u8], answer: &str| {
        let job = new_job(store, id);
        store.submit(job, key(fingerprint, answer), 99).wait().unwrap()
    };
    assert!(matches!(send("a", b"one", "first"), Submitted::New(_)));
    assert_eq!(send("b", b"one", "second"), Submitted::Again(b"first".to_vec()));
    assert_eq!(send("c", b"other", "third"), Submitted::KeyMisused);
    let answered = |client: &str, after_s: u32| {
        let found =
            store.answered_under(client, ("k-1", "jobs"), NOON + after_s * SECOND).wait().unwrap();
        found.map(|it| (it.fingerprint, it.answer))
    };
    assert_eq!(answered("mailbox", 49), Some((b"one".to_vec(), b"first".to_vec())));
    assert_eq!((answered("mailbox", 50), answered("dispatch", 0)), (None, None));
    assert!(store.job("b").wait().unwrap().is_none());
    assert!(store.blob("in-b").wait().unwrap().is_none(), "no input without its job");
    let mut late = new_job(store, "d");
    late.created = NOON + 50 * SECOND;
    let answer = store.submit(late, key(b"other", "late"), 99).wait().unwrap();
    assert!(matches!(answer, Submitted::New(_)), "the key has expired");
    let mut other = new_job(store, "e");
    other.client = "dispatch".to_owned();
    let answer = store.submit(other, key(b"other", "e"), 99).wait().unwrap();
    assert!(matches!(answer, Submitted::New(_)), "each client has its own keys");
}

pub(super) fn a_hundred_at_once_bring_one_job(fixture: Fixture) {
    let store = &fixture.store;
    let send = |idx: usize| {
        let answer = format!("answer {idx}");
        store.submit(new_job(store, &format!("{idx}")), key(b"same", &answer), 999)
    };
    let replies: Vec<_> = (0..100).map(send).collect();
    let mut answers = BTreeSet::new();
    let mut accepted = Vec::new();
    for (idx, reply) in replies.into_iter().enumerate() {
        match reply.wait().unwrap() {
            Submitted::New(_) => accepted.push(format!("answer {idx}").into_bytes()),
            Submitted::Again(answer) => _ = answers.insert(answer),
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(accepted.len(), 1);
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), accepted);
    let all = JobFilter { limit: 999, ..JobFilter::default() };
    assert_eq!(store.jobs(all).wait().unwrap().len(), 1);
}

pub(super) fn a_refused_job_leaves_its_key_free(fixture: Fixture) {
    let store = &fixture.store;
    submit(store, new_job(store, "a"));
    let refused = store.submit(new_job(store, "b"), key(b"x", "b"), 1).wait().unwrap();
    assert_eq!(refused, Submitted::TooMany { queued: 1 });
    let mut without = new_job(store, "c");
    without.input = Payload::Blob("nowhere".to_owned());
    let refused = store.submit(without, key(b"x", "c"), 9).wait().unwrap();
    assert_eq!(refused, Submitted::NoInput);
    let accepted = store.submit(new_job(store, "d"), key(b"x", "d"), 9).wait().unwrap();
    assert!(matches!(accepted, Submitted::New(_)));
}

/// Bodies of all events that wait, as JSON.
fn told(store: &Store) -> Vec<Value> {
    let rows = store.outbox_pending(999).wait().unwrap();
    let parse = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    rows.iter()
        .map(|row| {
            let body = parse(&row.body);
            assert_eq!(body["id"], row.id);
            body
        })
        .collect()
}

pub(super) fn each_change_is_in_the_outbox_once_and_in_order(fixture: Fixture) {
    let store = &fixture.store;
    submit(store, new_job(store, "a"));
    let job = claim(store, "w-1", NOON, 1).remove(0);
    store.beat(Beat { progress: Some(0.5), ..beat(&job, NOON) }).wait().unwrap();
    finish(store, &job, Ending::Retry(NOON, "ER0510".to_owned()));
    let job = claim(store, "w-1", NOON + SECOND, 1).remove(0);
    finish(store, &job, succeeded(store, "out"));
    let expected = ["queued", "started", "queued", "started", "succeeded"];
    let rows = store.outbox_pending(999).wait().unwrap();
    let subjects: Vec<&str> = rows.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(subjects, expected.map(|it| format!("moi.ai.v1.evt.301000000A.letters.job.{it}")));
    let ids: BTreeSet<&str> = rows.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids.len(), 5);
    let last = told(store).pop().unwrap();
    assert_eq!(last["type"], "tw.gov.moi.ai.letters.job.succeeded.v1");
    assert_eq!(last["dataref"], "/api/v1/jobs/a/result");
    assert_eq!(last["data"]["state"], "succeeded");
    let first: Vec<String> = rows[..2].iter().map(|it| it.id.clone()).collect();
    store.outbox_published(first.clone(), 7).wait().unwrap();
    store.outbox_published(first, 8).wait().unwrap();
    assert_eq!(store.outbox_pending(2).wait().unwrap(), rows[2..4]);
    let events = store.job_events("a", 0).wait().unwrap();
    let seen: Vec<(u64, &str)> = events.iter().map(|it| (it.version, it.state.as_str())).collect();
    let expected = [
        (1, "queued"),
        (2, "running"),
        (3, "running"),
        (4, "queued"),
        (5, "running"),
        (6, "succeeded"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(store.job_events("a", 5).wait().unwrap(), events[5..]);
}

pub(super) fn events_carry_no_content(fixture: Fixture) {
    let store = &fixture.store;
    let mut job = new_job(store, "a");
    job.case_no = Some("CANARY-CASE".to_owned());
    job.purpose = Some("canary-purpose".to_owned());
    job.client = "canary-client".to_owned();
    submit(store, job);
    let job = claim(store, "canary-owner", NOON, 1).remove(0);
    finish(store, &job, succeeded(store, "canary-blob"));
    for row in store.outbox_pending(9).wait().unwrap() {
        let text = format!("{} {}", row.subject, row.body).to_lowercase();
        assert!(!text.contains("canary") && !text.contains("input"), "{text}");
    }
}

pub(super) fn a_job_that_has_expired_is_gone(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["a", "b"] {
        submit(store, new_job(store, id));
    }
    let job = claim(store, "w-1", NOON, 1).remove(0);
    finish(store, &job, Ending::Cancelled);
    let purge = |now| purge(store, now).jobs;
    assert_eq!(purge(NOON + 99 * SECOND), 0);
    assert_eq!(purge(NOON + 100 * SECOND), 1);
    assert!(store.job(&job.id).wait().unwrap().is_none());
    assert!(store.job_events(&job.id, 0).wait().unwrap().is_empty());
    assert_eq!(state(store, "b"), JobState::Queued, "a job that waits is not deleted");
    assert_eq!(told(store).len(), 4, "what was not published stays");
}

pub(super) fn jobs_are_listed_newest_first(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["a", "b", "c"] {
        let mut job = new_job(store, id);
        job.org = if id == "b" { "379000000A".to_owned() } else { job.org };
        submit(store, job);
    }
    let list = |filter: JobFilter| -> Vec<String> {
        store.jobs(filter).wait().unwrap().into_iter().map(|it| it.id).collect()
    };
    let all = || JobFilter { limit: 2, ..JobFilter::default() };
    assert_eq!(list(all()), ["c", "b"]);
    let before = store.job("b").wait().unwrap().unwrap().seq;
    assert_eq!(list(JobFilter { before: Some(before), ..all() }), ["a"]);
    assert_eq!(list(JobFilter { org: Some("379000000A".to_owned()), ..all() }), ["b"]);
    assert_eq!(list(JobFilter { state: Some(JobState::Dead), ..all() }), [""; 0]);
    let queue = store.queue("letters", "letters", "classify").wait().unwrap();
    assert_eq!((queue.n_queued(), queue.n_running(), queue.mean), (3, 0, None));
    let job = claim(store, "w-1", NOON, 1).remove(0);
    finish(store, &job, succeeded(store, "out"));
    let queue = store.queue("letters", "letters", "classify").wait().unwrap();
    assert_eq!((queue.n_queued(), queue.n_running(), queue.mean), (2, 0, Some(SECOND)));
}

pub(super) fn two_workers_never_get_one_job(fixture: Fixture) {
    let store = &fixture.store;
    let replies: Vec<_> =
        (0..60).map(|idx| store.submit(new_job(store, &format!("{idx}")), None, 999)).collect();
    replies.into_iter().for_each(|it| _ = it.wait().unwrap());
    let work = |name: &'static str| {
        let store = store.clone();
        thread::spawn(move || {
            let mut mine = Vec::new();
            loop {
                let claimed = claim(&store, name, NOON, 2);
                if claimed.is_empty() {
                    return mine;
                }
                for job in claimed {
                    assert!(finish(&store, &job, Ending::Cancelled).is_some());
                    mine.push(job.id);
                }
            }
        })
    };
    let workers = ["w-1", "w-2", "w-3", "w-4"].map(work);
    let mut all: Vec<String> = workers.into_iter().flat_map(|it| it.join().unwrap()).collect();
    // A worker that finds every row held by others gives up early; what is left is there for the next.
    all.extend(claim(store, "w-5", NOON, 99).into_iter().map(|it| it.id));
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (60, 60));
}
