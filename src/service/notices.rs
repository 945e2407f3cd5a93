//! What somebody must look at: one board, from which the log, the metrics, the first page and the bus are told.
//!
//! A notice says what kind of thing it is about and our own name of it, never what somebody wrote or who a person is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{Clock, RequestId};
use crate::store::Store;

use super::events::{Circumstances, Event, NoticeRaised};

/// Callers whose refusals are counted at one time; the one that was refused longest ago is forgotten.
const MAX_CALLERS: usize = 1024;
/// Notices on the board; the oldest goes.
const MAX_NOTICES: usize = 64;
/// Whose events they are.
const HOUSE: &str = "301000000A";

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Something is not as it was signed.
    ReleaseRefused,
    /// One caller is refused again and again.
    RepeatedRefusals,
    /// The audit log is not what was written.
    AuditBroken,
    /// Something that is kept cannot be unsealed.
    NotUnsealed,
    /// Jobs were given up.
    DeadLetters,
    /// The disk is nearly full.
    DiskNearlyFull,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 6] = [
        NoticeKind::ReleaseRefused,
        NoticeKind::RepeatedRefusals,
        NoticeKind::AuditBroken,
        NoticeKind::NotUnsealed,
        NoticeKind::DeadLetters,
        NoticeKind::DiskNearlyFull,
    ];

    /// Its name in events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::ReleaseRefused => "release-refused",
            NoticeKind::RepeatedRefusals => "repeated-refusals",
            NoticeKind::AuditBroken => "audit-broken",
            NoticeKind::NotUnsealed => "not-unsealed",
            NoticeKind::DeadLetters => "dead-letters",
            NoticeKind::DiskNearlyFull => "disk-nearly-full",
        }
    }

    /// In words, with the remedy.
    pub fn message(self) -> &'static str {
        match self {
            NoticeKind::ReleaseRefused => {
                "有項目與發行簽章不符,已拒絕採用;請執行 fenwen release verify"
            }
            NoticeKind::RepeatedRefusals => "同一來源連續被拒;請查稽核紀錄,必要時停用該介接系統",
            NoticeKind::AuditBroken => "稽核紀錄驗證不符;請保全檔案並執行 fenwen audit verify",
            NoticeKind::NotUnsealed => "有資料無法解密;請檢查金鑰目錄並執行 fenwen doctor",
            NoticeKind::DeadLetters => {
                "有工作多次失敗後放棄;請執行 fenwen jobs list 查明後重新排隊"
            }
            NoticeKind::DiskNearlyFull => "磁碟空間即將用盡;請清出空間或加大磁碟",
        }
    }
}

/// Something that somebody must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What kind.
    pub kind: NoticeKind,
    /// Our own name of what it is about, such as `models/letters/3`.
    pub object: String,
    /// Since when: since 1970-01-01T00:00:00Z.
    pub since: Duration,
}

/// From when a caller is refused too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalLimit {
    /// Refusals.
    pub refusals: u32,
    /// Within this time.
    pub window: Duration,
}

impl Default for RefusalLimit {
    /// 20 in five minutes.
    fn default() -> RefusalLimit {
        RefusalLimit { refusals: 20, window: Duration::from_secs(300) }
    }
}

/// The board.
pub struct Notices {
    store: Store,
    clock: Arc<dyn Clock>,
    limit: RefusalLimit,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    open: BTreeMap<(NoticeKind, String), Duration>,
    /// When the window of a caller began, and its refusals in it.
    callers: BTreeMap<String, (Duration, u32)>,
}

impl Notices {
    /// An empty board.
    pub fn new(store: Store, clock: Arc<dyn Clock>, limit: RefusalLimit) -> Arc<Notices> {
        Arc::new(Notices { store, clock, limit, board: Mutex::default() })
    }

    /// Puts a notice on the board, and tells of it unless it is there already.
    pub fn raise(&self, kind: NoticeKind, object: &str) {
        let now = self.clock.unix_time();
        let mut board = self.board();
        if board.open.contains_key(&(kind, object.to_owned())) {
            return;
        }
        board.open.insert((kind, object.to_owned()), now);
        if MAX_NOTICES < board.open.len() {
            let oldest = board.open.iter().min_by_key(|it| it.1).map(|it| it.0.clone());
            oldest.and_then(|it| board.open.remove(&it));
        }
        report(&board, kind);
        drop(board);
        metrics::counter!("fenwen_notices_total", "kind" => kind.as_str()).increment(1);
        tracing::error!(kind = kind.as_str(), object, "somebody must look at this");
        self.tell(kind, now);
    }

    /// Takes notices of a kind off the board, but for those about these.
    pub fn settle(&self, kind: NoticeKind, still: &[String]) {
        let mut board = self.board();
        board.open.retain(|(of, object), _| *of != kind || still.contains(object));
        report(&board, kind);
    }

    /// Counts a refusal of a caller: raises a notice when there are too many in a while.
    pub fn refused(&self, caller: &str) {
        let now = self.clock.unix_time();
        let RefusalLimit { refusals, window } = self.limit;
        let mut board = self.board();
        let counted = board.callers.entry(caller.to_owned()).or_insert((now, 0));
        if counted.0 + window <= now {
            *counted = (now, 0);
        }
        counted.1 = counted.1.saturating_add(1);
        let is_too_often = counted.1 == refusals;
        if MAX_CALLERS < board.callers.len() {
            let oldest = board.callers.iter().min_by_key(|it| it.1.0).map(|it| it.0.clone());
            oldest.and_then(|it| board.callers.remove(&it));
        }
        drop(board);
        if is_too_often {
            self.raise(NoticeKind::RepeatedRefusals, caller);
        }
    }

    /// Takes callers off the board that have behaved for a window.
    pub fn forgive(&self) {
        let (now, window) = (self.clock.unix_time(), self.limit.window);
        let mut board = self.board();
        board.callers.retain(|_, (begun, _)| now < *begun + window);
        let still: Vec<String> = board.callers.keys().cloned().collect();
        drop(board);
        self.settle(NoticeKind::RepeatedRefusals, &still);
    }

    /// What is on the board, by kind.
    pub fn open(&self) -> Vec<Notice> {
        let board = self.board();
        let notice = |((kind, object), since): (&(NoticeKind, String), &Duration)| Notice {
            kind: *kind,
            object: object.clone(),
            since: *since,
        };
        board.open.iter().map(notice).collect()
    }

    /// For people: each kind once, with its remedy.
    pub fn messages(&self) -> Vec<String> {
        let board = self.board();
        let is_open = |kind: &NoticeKind| board.open.keys().any(|it| it.0 == *kind);
        NoticeKind::ALL.into_iter().filter(is_open).map(|it| it.message().to_owned()).collect()
    }

    /// Tells the bus, and whoever sends mail and messages from there. What it is about stays here.
    fn tell(&self, kind: NoticeKind, now: Duration) {
        let event = Event::NoticeRaised(NoticeRaised { kind: kind.as_str().to_owned() });
        let id = RequestId::at(now).to_string();
        let of = Circumstances { id, org: HOUSE.to_owned(), time: now, ..Circumstances::default() };
        match event.outbox_row(&of) {
            // It is written soon; nobody waits for it, and the log has it anyway.
            Ok(row) => drop(self.store.tell(row)),
            Err(error) => tracing::error!(reason = %error, "an event of a notice was lost"),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(board: &Board, kind: NoticeKind) {
    let n_open = board.open.keys().filter(|it| it.0 == kind).count();
    metrics::gauge!("fenwen_notices_open", "kind" => kind.as_str()).set(n_open as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ManualClock;

    fn notices(dir: &std::path::Path) -> (Arc<Notices>, Arc<ManualClock>, Store) {
        let clock = Arc::new(ManualClock::at(Duration::from_secs(1_800_000_000)));
        let store = Store::open(dir).unwrap();
        let limit = RefusalLimit { refusals: 3, window: Duration::from_secs(60) };
        let notices = Notices::new(store.clone(), Arc::<ManualClock>::clone(&clock), limit);
        (notices, clock, store)
    }

    /// What waits for the bus, once everything before is written: reads pass writes that nobody waits for.
    fn told(store: &Store) -> Vec<crate::store::OutboxRow> {
        store.promoted("none", Duration::ZERO).wait().unwrap();
        store.outbox_pending(9).wait().unwrap()
    }

    fn objects(notices: &Notices) -> Vec<String> {
        notices.open().into_iter().map(|it| it.object).collect()
    }

    #[test]
    fn a_notice_is_told_once_until_it_is_settled() {
        let dir = tempfile::tempdir().unwrap();
        let (notices, _, store) = notices(dir.path());
        for object in ["a", "a", "b"] {
            notices.raise(NoticeKind::AuditBroken, object);
        }
        notices.raise(NoticeKind::DeadLetters, "jobs");
        assert_eq!(objects(&notices), ["a", "b", "jobs"]);
        assert_eq!(notices.messages().len(), 2, "each kind once");
        let rows = told(&store);
        assert_eq!(rows.len(), 3);
        assert!(rows[0].subject.ends_with("operation.notice.raised"), "{}", rows[0].subject);
        assert!(!rows[0].body.contains("\"a\""), "what it is about stays here: {}", rows[0].body);
        notices.settle(NoticeKind::AuditBroken, &["b".to_owned()]);
        assert_eq!(objects(&notices), ["b", "jobs"]);
        notices.raise(NoticeKind::AuditBroken, "a");
        assert_eq!(told(&store).len(), 4, "it came back");
    }

    #[test]
    fn whoever_is_refused_too_often_is_noticed_and_forgiven() {
        let dir = tempfile::tempdir().unwrap();
        let (notices, clock, _) = notices(dir.path());
        let refuse = |caller: &str, times: usize| (0..times).for_each(|_| notices.refused(caller));
        refuse("a", 2);
        refuse("b", 2);
        clock.advance(Duration::from_secs(61));
        refuse("a", 2);
        assert_eq!(objects(&notices), [""; 0], "not within one window");
        refuse("a", 1);
        assert_eq!(objects(&notices), ["a"]);
        refuse("a", 9);
        notices.forgive();
        assert_eq!(objects(&notices), ["a"]);
        clock.advance(Duration::from_secs(60));
        notices.forgive();
        assert_eq!(objects(&notices), [""; 0]);
    }

    #[test]
    fn the_board_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let (notices, clock, _) = notices(dir.path());
        for n in 0..=MAX_NOTICES {
            notices.raise(NoticeKind::NotUnsealed, &n.to_string());
            clock.advance(Duration::from_secs(1));
        }
        let open = objects(&notices);
        assert!(open.len() == MAX_NOTICES && !open.contains(&"0".to_owned()));
    }
}
