//! What somebody must look at: one board, from which the log, the metrics, the first page and the bus are told.
//!
//! A notice says what kind of thing it is about and our own name of it, never what somebody wrote or who a person is.

mod counter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{Clock, Date, Hours, RequestId};
use crate::pipeline::documents::deadline::Calendar;
use crate::store::Store;

use super::events::{Circumstances, Event, NoticeRaised};

use counter::Counter;

pub use counter::Limit;

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
    /// One account reads much of what is kept of persons while offices are closed.
    OffHoursReading,
    /// The audit log is not what was written.
    AuditBroken,
    /// Something that is kept cannot be unsealed.
    NotUnsealed,
    /// Jobs were given up.
    DeadLetters,
    /// The disk is nearly full.
    DiskNearlyFull,
    /// A model computes on the processor: the card did not take it.
    OnProcessor,
    /// The server of the bus is not there.
    BusAway,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 9] = [
        NoticeKind::ReleaseRefused,
        NoticeKind::RepeatedRefusals,
        NoticeKind::OffHoursReading,
        NoticeKind::AuditBroken,
        NoticeKind::NotUnsealed,
        NoticeKind::DeadLetters,
        NoticeKind::DiskNearlyFull,
        NoticeKind::OnProcessor,
        NoticeKind::BusAway,
    ];

    /// Its name in events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::ReleaseRefused => "release-refused",
            NoticeKind::RepeatedRefusals => "repeated-refusals",
            NoticeKind::OffHoursReading => "off-hours-reading",
            NoticeKind::AuditBroken => "audit-broken",
            NoticeKind::NotUnsealed => "not-unsealed",
            NoticeKind::DeadLetters => "dead-letters",
            NoticeKind::DiskNearlyFull => "disk-nearly-full",
            NoticeKind::OnProcessor => "on-processor",
            NoticeKind::BusAway => "bus-away",
        }
    }

    /// In words, with the remedy.
    pub fn message(self) -> &'static str {
        match self {
            NoticeKind::ReleaseRefused => {
                "有項目與發行簽章不符,已拒絕採用;請執行 fenwen release verify"
            }
            NoticeKind::RepeatedRefusals => "同一來源連續被拒;請查稽核紀錄,必要時停用該介接系統",
            NoticeKind::OffHoursReading => {
                "同一帳號於非上班時間大量讀取個資;請以 fenwen audit report 查明是否為職務所需"
            }
            NoticeKind::AuditBroken => "稽核紀錄驗證不符;請保全檔案並執行 fenwen audit verify",
            NoticeKind::NotUnsealed => "有資料無法解密;請檢查金鑰目錄並執行 fenwen doctor",
            NoticeKind::DeadLetters => {
                "有工作多次失敗後放棄;請執行 fenwen jobs list 查明後重新排隊"
            }
            NoticeKind::DiskNearlyFull => "磁碟空間即將用盡;請清出空間或加大磁碟",
            NoticeKind::OnProcessor => {
                "有模型無法在 GPU 上開啟,改由 CPU 計算;原因見伺服器紀錄,請檢查 GPU 後重新啟動"
            }
            NoticeKind::BusAway => {
                "匯流排未連線:HTTP 照常服務,事件連上後補送;請執行 fenwen bus check"
            }
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

/// When offices are open, and how much may be read while they are not.
#[derive(Clone, Debug)]
pub struct Office {
    /// Hours of a working day.
    pub hours: Hours,
    /// Which days are worked.
    pub calendar: Calendar,
    /// From when one account reads too much outside of that.
    pub reads: Limit,
}

impl Office {
    fn is_open(&self, now: Duration) -> bool {
        self.hours.has(now) && self.calendar.is_working_day(Date::in_taiwan(now))
    }
}

/// The board.
pub struct Notices {
    store: Store,
    clock: Arc<dyn Clock>,
    office: Option<Office>,
    board: Mutex<Board>,
}

struct Board {
    open: BTreeMap<(NoticeKind, String), Duration>,
    refusals: Counter,
    readers: Counter,
}

impl Notices {
    /// An empty board, where it does not matter when offices are open.
    pub fn new(store: Store, clock: Arc<dyn Clock>, refusals: Limit) -> Arc<Notices> {
        Notices::watching(store, clock, (refusals, None))
    }

    /// An empty board; whoever reads much while an office is closed is noticed too.
    pub fn watching(
        store: Store,
        clock: Arc<dyn Clock>,
        (refusals, office): (Limit, Option<Office>),
    ) -> Arc<Notices> {
        let reads = office.as_ref().map(|it| it.reads).unwrap_or_default();
        let (refusals, readers) = (Counter::new(refusals), Counter::new(reads));
        let board = Mutex::new(Board { open: BTreeMap::new(), refusals, readers });
        Arc::new(Notices { store, clock, office, board })
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
        let is_too_often = self.board().refusals.count(caller, caller, now);
        if is_too_often {
            self.raise(NoticeKind::RepeatedRefusals, caller);
        }
    }

    /// Whether offices are closed now; never where that does not matter.
    pub fn is_off_hours(&self) -> bool {
        self.office.as_ref().is_some_and(|it| !it.is_open(self.clock.unix_time()))
    }

    /// Counts that an account reads what is kept of persons, where offices are closed: raises a notice about its client
    /// when that is much in a while.
    pub fn read(&self, client: &str, account: &str) {
        if !self.is_off_hours() {
            return;
        }
        let (now, object) = (self.clock.unix_time(), format!("clients/{client}"));
        let is_much = self.board().readers.count(&format!("{client} {account}"), &object, now);
        if is_much {
            self.raise(NoticeKind::OffHoursReading, &object);
        }
    }

    /// Takes callers off the board that have behaved for a window.
    pub fn forgive(&self) {
        let now = self.clock.unix_time();
        let mut board = self.board();
        let (refused, reading) = (board.refusals.forgive(now), board.readers.forgive(now));
        drop(board);
        self.settle(NoticeKind::RepeatedRefusals, &refused);
        self.settle(NoticeKind::OffHoursReading, &reading);
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

    /// Whether a notice of this kind is on the board.
    pub fn has(&self, kind: NoticeKind) -> bool {
        self.board().open.keys().any(|it| it.0 == kind)
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
        let limit = Limit { times: 3, window: Duration::from_secs(60) };
        let hours = Hours::parse("08:00-18:00").unwrap();
        let holiday = "from = \"2027-01-18\"\nto = \"2027-01-18\"\nholidays = [\"2027-01-18\"]";
        let calendar = Calendar::from_toml(holiday).unwrap();
        let watched = (limit, Some(Office { hours, calendar, reads: limit }));
        let shared = Arc::<ManualClock>::clone(&clock);
        (Notices::watching(store.clone(), shared, watched), clock, store)
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
    fn whoever_reads_much_while_offices_are_closed_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (notices, clock, _) = notices(dir.path());
        let hour = Duration::from_secs(3600);
        let read = |account: &str, times: usize| {
            (0..times).for_each(|_| notices.read("console", account));
            objects(&notices)
        };
        // It is Friday, 2027-01-15 at 16:00 in Taiwan.
        assert_eq!((notices.is_off_hours(), read("u-1", 9)), (false, Vec::new()));
        clock.advance(2 * hour);
        assert!(notices.is_off_hours());
        assert_eq!((read("u-1", 2), read("u-2", 2)), (Vec::new(), Vec::new()), "each alone");
        assert_eq!(read("u-1", 1), ["clients/console"]);
        assert_eq!(notices.open()[0].kind, NoticeKind::OffHoursReading);
        clock.advance(Duration::from_secs(60));
        notices.forgive();
        assert_eq!(objects(&notices), [""; 0]);
        // Saturday at 10:00, Monday at 10:00, which is a holiday here, and Tuesday.
        clock.advance(16 * hour);
        assert!(notices.is_off_hours(), "a weekend");
        clock.advance(48 * hour);
        assert!(notices.is_off_hours(), "a holiday");
        clock.advance(24 * hour);
        assert!(!notices.is_off_hours());
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
