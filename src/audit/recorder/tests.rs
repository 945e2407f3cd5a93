//! The log over real files: durability, recovery, failure, retention, what tampering looks like.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;
use crate::audit::{CallEnd, CallRecord, Finding, Query, RowBody, Wrong, search, verify};
use crate::base::ManualClock;

const START: Duration = Duration::from_secs(1_795_000_000);

struct World {
    dir: TempDir,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> World {
        World { dir: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::at(START)) }
    }

    fn settings(&self) -> AuditSettings {
        let folder = self.dir.path().join("audit");
        let settings = AuditSettings::new(folder, self.dir.path().join("keys"), "n".to_owned());
        AuditSettings { min_free_mib: 0, ..settings }
    }

    fn open(&self) -> Recorder {
        self.open_with(self.settings())
    }

    fn open_with(&self, settings: AuditSettings) -> Recorder {
        Recorder::open(settings, Arc::<ManualClock>::clone(&self.clock)).unwrap()
    }

    fn chain(&self) -> std::path::PathBuf {
        self.dir.path().join("audit/n")
    }

    fn segment(&self) -> std::path::PathBuf {
        self.chain().join("00000000000000000001.jsonl")
    }

    #[track_caller]
    fn check(&self, expected: Option<Finding>) -> u64 {
        let key = AuditKey::open(&self.dir.path().join("keys")).unwrap().public();
        let reports = verify(&self.dir.path().join("audit"), &key).unwrap();
        let [report] = reports.as_slice() else { unreachable!("{reports:?}") };
        assert_eq!(report.finding, expected);
        report.last
    }

    fn rows(&self) -> Vec<RowBody> {
        let mut rows = Vec::new();
        let query =
            Query { time: Duration::ZERO..Duration::from_secs(1 << 33), ..Query::default() };
        let found = search(&self.dir.path().join("audit"), &query, |it| rows.push(it)).unwrap();
        assert_eq!(found.n_unreadable, 0);
        rows
    }
}

fn row() -> Row {
    Row::of_service(AuditEvent::SystemStarted, "serve")
}

fn fill(recorder: &Recorder, n: u64) {
    let waiting: Vec<Appended> = (0..n).map(|_| recorder.append(row())).collect();
    for appended in waiting {
        appended.wait().unwrap();
    }
}

#[test]
fn a_chain_goes_on_after_a_restart() {
    let world = World::new();
    let recorder = world.open();
    assert_eq!(recorder.append(row()).wait(), Ok(1));
    drop(recorder);
    let recorder = world.open();
    assert_eq!(recorder.append(row()).wait(), Ok(2));
    drop(recorder);
    assert_eq!(world.check(None), 2);
    let mode = |it: &Path| fs::metadata(it).unwrap().permissions().mode() & 0o777;
    for path in [world.segment(), world.chain().join("checkpoints.jsonl")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&world.chain()), 0o700);
}

#[tokio::test]
async fn calls_that_can_run_at_one_time_share_a_write() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    let recorder = &recorder;
    let is_shared = async || {
        let last = recorder.last() + 20;
        // What each sees when its own row is written: the last one's too.
        let seen = futures_util::future::join_all((1..=20).map(|_| async move {
            recorder.append(row()).await.unwrap();
            recorder.last()
        }));
        seen.await == [last; 20]
    };
    let mut n_shared = 0;
    for _ in 0..100 {
        n_shared += u32::from(is_shared().await);
    }
    // The thread may be at work for a moment, above all when it has just begun, but not most times.
    assert!(50 < n_shared, "{n_shared} of 100 times");
}

#[tokio::test]
async fn a_row_that_nobody_waits_for_is_written() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    drop(recorder.append(row()));
    let mut asked = recorder.append(row());
    assert_eq!((&mut asked).now_or_never(), None);
    drop(asked);
    recorder.close();
    assert_eq!(world.check(None), 2);
}

#[test]
fn callers_write_for_each_other_where_the_disk_is_not_waited_for() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    // The thread may be at work for a moment, above all when it has just begun, but not each time.
    let is_at_once = |_| {
        let mut appended = recorder.append(row());
        // Rows of others may gather first.
        let asked = (&mut appended).now_or_never().or_else(|| (&mut appended).now_or_never());
        let is_at_once = asked.is_some();
        // No more rows wait than may, however long the thread takes.
        asked.unwrap_or_else(|| appended.wait()).unwrap();
        is_at_once
    };
    assert!((0..100).any(is_at_once));
    recorder.append(row()).wait().unwrap();
    let before = recorder.last();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    recorder.append(row()).wait().unwrap();
                }
            });
        }
    });
    recorder.close();
    assert_eq!(recorder.append(row()).wait(), Err(NotWritten), "it has ended");
    assert_eq!(world.check(None), before + 800);
}

#[test]
fn who_found_another_writing_says_so() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    let desk = &recorder.desk;
    let writing = lock(&desk.writer);
    desk.write_waiting();
    assert!(!desk.is_missed.load(Ordering::Relaxed), "nothing waited");
    let mut appended = recorder.append(row());
    appended.turn.take();
    assert!(desk.is_missed.load(Ordering::Relaxed));
    drop(writing);
    appended.wait().unwrap();
}

#[test]
fn who_was_missed_looks_again() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    let desk = &recorder.desk;
    let looks_again = |_| {
        let mut rows: Vec<Appended> = (0..MAX_GROUP / 2).map(|_| recorder.append(row())).collect();
        let again = thread::scope(|scope| {
            let writing = scope.spawn(|| desk.write_group());
            while !writing.is_finished() && desk.try_writer().is_some() {
                thread::yield_now();
            }
            let mut late = recorder.append(row());
            late.turn.take();
            rows.push(late);
            writing.join().unwrap()
        });
        assert!(rows.into_iter().all(|it| it.wait().is_ok()));
        again
    };
    // The late one may come before that one begins, or after it has ended, but not each time.
    assert!((0..1000).any(looks_again));
}

#[test]
fn a_group_that_is_full_leaves_rows_to_write() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    let desk = &recorder.desk;
    let sizes = |_| {
        let rows: Vec<Appended> = (0..=MAX_GROUP).map(|_| recorder.append(row())).collect();
        let more = [desk.write_group(), desk.write_group(), desk.write_group()];
        assert!(rows.into_iter().all(|it| it.wait().is_ok()));
        more == [true, false, false]
    };
    // The thread may be at work for a moment, above all when it has just begun, but not each time.
    assert!((0..10).any(sizes));
}

#[test]
fn two_processes_write_two_chains() {
    let world = World::new();
    let (first, second) = (world.open(), world.open());
    assert_eq!((first.chain().0, second.chain().0), ("n", "n-2"));
    assert_eq!(first.append(row()).wait(), Ok(1));
    assert_eq!(second.append(row()).wait(), Ok(1));
    drop(first);
    assert_eq!(world.open().chain().0, "n");
}

#[test]
fn time_never_runs_backwards() {
    let world = World::new();
    let recorder = world.open();
    fill(&recorder, 1);
    drop(recorder);
    let earlier = World { dir: world.dir, clock: Arc::new(ManualClock::at(Duration::ZERO)) };
    let recorder = earlier.open();
    fill(&recorder, 1);
    drop(recorder);
    let times: Vec<String> = earlier.rows().into_iter().map(|it| it.ts).collect();
    assert_eq!(times, [crate::base::rfc3339(START), crate::base::rfc3339(START)]);
}

#[test]
fn rows_of_one_group_have_their_own_times() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    // Nobody is woken for them: they wait for the last one's owner.
    let waiting: Vec<Appended> = [0, 0, 5]
        .map(|millis| {
            world.clock.advance(Duration::from_millis(millis));
            recorder.append(row())
        })
        .into();
    for appended in waiting {
        appended.wait().unwrap();
    }
    recorder.close();
    let times: Vec<String> = world.rows().into_iter().map(|it| it.ts).collect();
    let expected = [0, 0, 5].map(|it| crate::base::rfc3339(START + Duration::from_millis(it)));
    assert_eq!(times, expected);
}

#[test]
fn an_unfinished_row_is_moved_aside_and_told() {
    let world = World::new();
    fill(&world.open(), 2);
    let whole = fs::read(world.segment()).unwrap();
    let torn = b"{\"body\":{\"acti";
    fs::write(world.segment(), [&whole[..], torn].concat()).unwrap();
    world.check(Some(Finding { seq: 3, wrong: Wrong::Unfinished }));
    let recorder = world.open();
    fill(&recorder, 1);
    drop(recorder);
    assert_eq!(world.check(None), 4);
    let told = &world.rows()[2];
    assert_eq!((told.event, told.count), (AuditEvent::AuditTorn, Some(torn.len() as u64)));
    let aside = world.segment().with_extension(format!("torn-{}", whole.len()));
    assert_eq!(fs::read(aside).unwrap(), torn);
}

#[test]
fn rows_that_cannot_be_written_are_refused_counted_and_told_later() {
    let world = World::new();
    let recorder = world.open();
    fill(&recorder, 1);
    let away = world.dir.path().join("away");
    fs::rename(world.chain(), &away).unwrap();
    fs::write(world.chain(), "no folder").unwrap();
    assert_eq!(recorder.append(row()).wait(), Err(NotWritten));
    assert!(!recorder.is_healthy());
    fs::remove_file(world.chain()).unwrap();
    fs::rename(&away, world.chain()).unwrap();
    assert_eq!(recorder.append(row()).wait(), Err(NotWritten), "a broken log is not tried at once");
    world.clock.advance(Duration::from_secs(1));
    // The writer looks by itself too: whoever comes first, the gap stands before the next row.
    assert_eq!(recorder.append(row()).wait(), Ok(3));
    assert!(recorder.is_healthy());
    drop(recorder);
    world.check(None);
    let rows = world.rows();
    assert_eq!((rows[1].event, rows[1].count), (AuditEvent::AuditGap, Some(2)));
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_log_that_was_removed_under_the_server_shows_the_hole() {
    let world = World::new();
    let recorder = world.open();
    fill(&recorder, 3);
    fs::remove_dir_all(world.chain()).unwrap();
    assert_eq!(recorder.append(row()).wait(), Err(NotWritten));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(recorder.append(row()).wait(), Ok(5));
    drop(recorder);
    world.check(Some(Finding { seq: 1, wrong: Wrong::Removed(3) }));
}

#[test]
fn a_log_that_does_not_wait_for_the_disk_notices_it_soon() {
    let world = World::new();
    let recorder = world.open_with(AuditSettings { commit: Commit::System, ..world.settings() });
    fill(&recorder, 3);
    fs::remove_dir_all(world.chain()).unwrap();
    world.clock.advance(Duration::from_millis(10));
    assert_eq!(recorder.append(row()).wait(), Err(NotWritten));
}

/// Whether a lone call writes at once, and of two more the first to be asked again for both; then whether the lone one ends so.
fn is_gathered() -> Option<bool> {
    let world = World::new();
    let settings = AuditSettings { commit: Commit::System, ..world.settings() };
    let recorder = Arc::new(world.open_with(settings));
    let clock: Arc<dyn Clock> = world.clock.clone();
    let open = || Box::pin(CallRecord::open(&recorder, &clock, row()));
    let lone = open().now_or_never()?.unwrap();
    let (mut second, mut third) = (open(), open());
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    let second = second.now_or_never()?.unwrap();
    let for_both = recorder.last() == 3;
    let third = third.now_or_never()?.unwrap();
    drop((second, third));
    lone.close(CallEnd { status: 200, ..CallEnd::default() }).now_or_never()?.unwrap();
    Some(for_both)
}

#[test]
fn rows_gather_where_there_are_several_calls() {
    // The thread may be at work for a moment, above all when it has just begun, but not each time.
    assert!((0..100).any(|_| is_gathered() == Some(true)));
}

#[test]
fn checkpoints_are_signed_by_number_by_time_and_at_the_end() {
    let world = World::new();
    let settings = AuditSettings { checkpoint: (3, Duration::from_secs(600)), ..world.settings() };
    let recorder = world.open_with(settings);
    let signed = || {
        let text = fs::read_to_string(world.chain().join("checkpoints.jsonl")).unwrap_or_default();
        text.lines().count()
    };
    // A row is answered before what is due is done, so the next row tells that it was.
    fill(&recorder, 2);
    fill(&recorder, 1);
    fill(&recorder, 1);
    assert_eq!(signed(), 1);
    world.clock.advance(Duration::from_secs(600));
    fill(&recorder, 1);
    fill(&recorder, 1);
    assert_eq!(signed(), 2);
    drop(recorder);
    assert_eq!(signed(), 3);
    world.check(None);
}

#[test]
fn many_rows_of_one_moment_may_be_unsigned_and_many_of_a_while_not() {
    let world = World::new();
    fill(&world.open(), 1);
    let checkpoint = (u64::MAX, Duration::from_secs(600));
    let settings = AuditSettings { checkpoint, commit: Commit::System, ..world.settings() };
    let recorder = world.open_with(settings);
    fill(&recorder, 3000);
    assert_eq!(world.check(None), 3001);
    world.clock.advance(Duration::from_secs(11));
    fill(&recorder, 1);
    world.check(Some(Finding { seq: 2, wrong: Wrong::Unsigned }));
    drop(recorder);
    world.check(None);
}

#[test]
fn segments_end_expire_and_leave_a_proof() {
    let world = World::new();
    let retention = Duration::from_secs(180 * 24 * 60 * 60);
    let settings = AuditSettings { segment_bytes: 1500, retention, ..world.settings() };
    let recorder = world.open_with(settings.clone());
    for _ in 0..20 {
        fill(&recorder, 1);
    }
    drop(recorder);
    let n_segments = || crate::audit::files::segments(&world.chain()).unwrap().len();
    let n_before = n_segments();
    assert!(3 < n_before, "{n_before}");
    world.check(None);
    world.clock.advance(retention - Duration::from_secs(1));
    let recorder = world.open_with(settings.clone());
    fill(&recorder, 1);
    drop(recorder);
    assert_eq!(world.rows().len(), 21, "nothing has expired");
    world.clock.advance(Duration::from_secs(2));
    let recorder = world.open_with(settings);
    fill(&recorder, 1);
    fill(&recorder, 1);
    drop(recorder);
    let rows = world.rows();
    let purged = rows.iter().find(|it| it.event == AuditEvent::AuditPurged).unwrap();
    assert_eq!(rows.len() as u64 + purged.count.unwrap(), 24);
    assert!(n_segments() < n_before);
    assert_eq!(world.check(None), 24);
    fs::remove_file(world.chain().join("start.jsonl")).unwrap();
    let gone = Wrong::Removed(purged.count.unwrap());
    world.check(Some(Finding { seq: 1, wrong: gone }));
}

#[test]
fn a_volume_without_room_is_refused() {
    let world = World::new();
    let settings = AuditSettings { min_free_mib: u64::MAX, ..world.settings() };
    let error = Recorder::open(settings, Arc::<ManualClock>::clone(&world.clock)).err().unwrap();
    assert!(error.to_string().contains("audit.min_free_mib"), "{error}");
}
