//! Traces (W3C Trace Context): what a call belongs to, and the spans of this process on their way to a collector.
//!
//! A span has a name, times and codes of our own: nothing that a caller wrote. It is kept in a bounded queue from which
//! an exporter takes; where nobody exports, nothing is kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hex;

/// Spans that wait for the exporter; the next one is dropped.
const MAX_WAITING: usize = 4096;

/// Bit of the flags that says that somebody wants to see the spans.
const SAMPLED: u8 = 1;

/// The trace that something belongs to, and the span that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    flags: u8,
}

impl TraceContext {
    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; of a later version what it has in common with this one.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let mut parts = text.split('-');
        let [version] = bytes::<1>(parts.next()?)?;
        let trace = bytes::<16>(parts.next()?)?;
        let span = bytes::<8>(parts.next()?)?;
        let [flags] = bytes::<1>(parts.next()?)?;
        let is_whole = version != 0 || parts.next().is_none();
        let is_valid = version != 0xff && is_whole && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(TraceContext { trace, span, flags: flags & SAMPLED })
    }

    /// Whether somebody wants to see the spans.
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The trace in 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        hex(&self.trace)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace), hex(&self.span), self.flags)
    }
}

/// Bytes of lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut found = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    let digit = |it: u8| match it {
        b'0'..=b'9' => Some(it - b'0'),
        b'a'..=b'f' => Some(it - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in found.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = 16 * digit(high)? + digit(low)?;
    }
    Some(found)
}

/// A span that has begun: its own place in the trace, and the span that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its own; what it causes belongs to this.
    pub context: TraceContext,
    /// The span that caused it.
    pub parent: Option<[u8; 8]>,
}

/// Which part a span has in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// It answers a call.
    Server,
    /// It works on what was asked before.
    Consumer,
}

/// A value of a span: of our own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A name or code.
    Text(String),
    /// A number.
    Number(i64),
}

/// A span that has ended. Times are since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What was done: the template of a route, the name of an operation.
    pub name: String,
    /// Which part it has.
    pub kind: SpanKind,
    /// Its place in the trace.
    pub begun: Begun,
    /// When it began.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// Names and values.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Whether it failed, and not for a fault of the caller.
    pub is_error: bool,
}

/// Where spans go. Cheap to clone; the default keeps nothing.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<Kept>>);

struct Kept {
    /// Of 65,536 calls whose caller says nothing, so many are recorded.
    share: u32,
    waiting: Mutex<VecDeque<Span>>,
    n_dropped: AtomicU64,
}

impl Spans {
    /// Keeps spans for an exporter; `share` of the calls whose caller does not say whether it wants to see them.
    pub fn keeping(share: f64) -> Spans {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the share is clamped to the range"
        )]
        let share = (share.clamp(0.0, 1.0) * 65_536.0) as u32;
        Spans(Some(Arc::new(Kept {
            share,
            waiting: Mutex::default(),
            n_dropped: AtomicU64::new(0),
        })))
    }

    /// Begins a span of whatever `caller` belongs to, with 16 bytes of a fresh id. `None` where nothing is kept.
    pub fn begin(&self, caller: Option<TraceContext>, fresh: [u8; 16]) -> Option<Begun> {
        let kept = self.0.as_ref()?;
        // The second half of our ids is chance; it is never zero, for it holds the variant.
        let mut span = [0; 8];
        span.copy_from_slice(&fresh[8..]);
        if let Some(caller) = caller {
            let context = TraceContext { span, ..caller };
            return Some(Begun { context, parent: Some(caller.span) });
        }
        let chance = u32::from(u16::from_be_bytes([fresh[14], fresh[15]]));
        let flags = if chance < kept.share { SAMPLED } else { 0 };
        Some(Begun { context: TraceContext { trace: fresh, span, flags }, parent: None })
    }

    /// Keeps a span that somebody wants to see, unless too many wait.
    pub fn record(&self, span: Span) {
        let Some(kept) = self.0.as_ref().filter(|_| span.begun.context.is_sampled()) else {
            return;
        };
        let mut waiting = lock(&kept.waiting);
        if waiting.len() < MAX_WAITING {
            waiting.push_back(span);
        } else {
            kept.n_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The oldest spans that wait, `limit` at most, and how many were dropped since this was asked last.
    pub fn take(&self, limit: usize) -> (Vec<Span>, u64) {
        let Some(kept) = &self.0 else { return (Vec::new(), 0) };
        let mut waiting = lock(&kept.waiting);
        let n_taken = waiting.len().min(limit);
        (waiting.drain(..n_taken).collect(), kept.n_dropped.swap(0, Ordering::Relaxed))
    }
}

fn lock(waiting: &Mutex<VecDeque<Span>>) -> MutexGuard<'_, VecDeque<Span>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Spans(on)" } else { "Spans(off)" })
    }
}

impl PartialEq for Spans {
    fn eq(&self, other: &Spans) -> bool {
        self.0.as_ref().map(Arc::as_ptr) == other.0.as_ref().map(Arc::as_ptr)
    }
}

impl Eq for Spans {}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const FRESH: [u8; 16] = [1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 0x80, 0];

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = TraceContext::parse(text).map(|it| it.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn only_a_context_is_read_and_nothing_else_is_handed_on() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        check(&good, Some(&good));
        check(&good.replace("-01", "-03"), Some(&good));
        check(&good.replace("00-4", "cc-4"), Some(&good));
        check(&format!("{}-what-comes-later", good.replace("00-4", "01-4")), Some(&good));
        check(&format!("{good}-more"), None);
        for bad in [
            "",
            "garbage",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            check(bad, None);
        }
    }

    fn span(begun: Begun) -> Span {
        Span {
            name: "GET /healthz/live".to_owned(),
            kind: SpanKind::Server,
            begun,
            start: Duration::ZERO,
            end: Duration::ZERO,
            attributes: Vec::new(),
            is_error: false,
        }
    }

    #[test]
    fn a_call_belongs_to_the_trace_of_its_caller_or_to_its_own() {
        let spans = Spans::keeping(1.0);
        let caller = TraceContext::parse(&format!("00-{TRACE}-00f067aa0ba902b7-01")).unwrap();
        let begun = spans.begin(Some(caller), FRESH).unwrap();
        assert_eq!(begun.context.to_string(), format!("00-{TRACE}-890a0b0c0d0e8000-01"));
        assert_eq!(begun.parent, Some(caller.span));
        let alone = spans.begin(None, FRESH).unwrap();
        assert_eq!((alone.context.trace, alone.parent), (FRESH, None));
        assert_eq!(Spans::default().begin(Some(caller), FRESH), None);
    }

    #[test]
    fn what_nobody_wants_to_see_is_not_kept() {
        let unwanted = TraceContext::parse(&format!("00-{TRACE}-00f067aa0ba902b7-00"));
        for (share, caller, n_kept) in
            [(1.0, unwanted, 0), (1.0, None, 1), (0.0, None, 0), (0.4, None, 0), (0.6, None, 1)]
        {
            let spans = Spans::keeping(share);
            spans.record(span(spans.begin(caller, FRESH).unwrap()));
            assert_eq!(spans.take(9).0.len(), n_kept, "{share} {caller:?}");
        }
    }

    #[test]
    fn the_queue_is_bounded_and_tells_what_it_dropped() {
        let spans = Spans::keeping(1.0);
        let begun = spans.begin(None, FRESH).unwrap();
        (0..MAX_WAITING + 3).for_each(|_| spans.record(span(begun)));
        let (taken, n_dropped) = spans.take(10);
        assert_eq!((taken.len(), n_dropped), (10, 3));
        let (taken, n_dropped) = spans.take(usize::MAX);
        assert_eq!((taken.len(), n_dropped), (MAX_WAITING - 10, 0));
    }
}
