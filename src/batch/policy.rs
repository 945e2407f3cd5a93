//! Which waiting rows run next, together. Pure: no clock, no channel, no model.

use std::time::{Duration, Instant};

use crate::base::Deadline;

/// Who waits for a row. Earlier classes go first; every class is served in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A person waits for the answer.
    #[default]
    Interactive,
    /// A job with many rows.
    Bulk,
    /// Work that never delays any other, such as trying a new model beside the old one.
    Background,
}

impl Priority {
    /// How long a row of this class stands back for earlier classes; then it goes before all that came later.
    pub fn patience(self) -> Duration {
        match self {
            Priority::Interactive => Duration::from_secs(2),
            Priority::Bulk => Duration::from_secs(20),
            Priority::Background => Duration::from_secs(120),
        }
    }
}

/// Limits of one batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchPolicy {
    /// Most rows in a batch, at least 1.
    pub max_rows: usize,
    /// Most elements in a batch, padding included. A row that alone exceeds it runs alone.
    pub max_cost: usize,
    /// Most padded elements for one real element; 1 lets only rows of equal length together.
    pub max_padding: f64,
}

impl BatchPolicy {
    /// Every row alone: right for a processor unless a measurement says otherwise.
    pub const SINGLE: BatchPolicy =
        BatchPolicy { max_rows: 1, max_cost: usize::MAX, max_padding: 1.0 };
    /// Rows that may be considered for one batch, most urgent first.
    pub const LOOK_AHEAD: usize = 64;
}

/// What the policy knows of a waiting row.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its class.
    pub priority: Priority,
    /// When it joined the queue.
    pub queued_at: Instant,
    /// When nobody waits for it any more.
    pub deadline: Deadline,
    /// Only rows with equal signs may share a batch.
    pub kind: RowKind,
    /// Size of the last dimension, the one that may be padded.
    pub len: usize,
}

/// What must be equal among the rows of a batch: the element type, and all dimensions but the last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKind {
    /// Whether the elements are floats.
    pub float: bool,
    /// Dimensions, the last one left out.
    pub lead: Box<[usize]>,
}

impl RowKind {
    /// Elements for each step along the last dimension.
    pub fn elements(&self) -> usize {
        self.lead.iter().product()
    }
}

impl Waiting {
    /// What the row costs alone: its elements.
    pub fn cost(&self) -> usize {
        self.kind.elements().saturating_mul(self.len)
    }

    /// Order of service, smallest first.
    ///
    /// A row whose patience has ended joins the first class with a due time in the past; rows that come later have
    /// theirs in the future. Hence only the finitely many rows already there can go before it: none starves.
    fn urgency(&self, now: Instant) -> (Priority, Instant, Instant) {
        let due = self.queued_at + self.priority.patience();
        let class = if due <= now { Priority::Interactive } else { self.priority };
        (class, due.min(self.deadline), self.queued_at)
    }
}

impl BatchPolicy {
    /// Chooses the rows of the next batch by their index in `queue`: the most urgent row, then the next urgent ones
    /// that go well with it. Empty only if the queue is.
    ///
    /// Never waits for company: an idle processor helps nobody.
    pub fn choose(&self, queue: &[Waiting], now: Instant) -> Vec<usize> {
        let mut order: Vec<usize> = (0..queue.len()).collect();
        let urgency = |idx: &usize| queue.get(*idx).map(|it| (it.urgency(now), *idx));
        if Self::LOOK_AHEAD < order.len() {
            order.select_nth_unstable_by_key(Self::LOOK_AHEAD - 1, urgency);
            order.truncate(Self::LOOK_AHEAD);
        }
        order.sort_unstable_by_key(urgency);
        let mut rows = order.into_iter().filter_map(|idx| Some((idx, queue.get(idx)?)));
        let Some((first_idx, first)) = rows.next() else { return Vec::new() };
        let mut batch = Shape { n_rows: 1, longest: first.len, total: first.len };
        let mut chosen = vec![first_idx];
        for (idx, row) in rows {
            if self.max_rows <= chosen.len() {
                break;
            }
            let wider = batch.with(row.len);
            if row.kind == first.kind && self.permits(&wider, first.kind.elements()) {
                batch = wider;
                chosen.push(idx);
            }
        }
        chosen
    }

    fn permits(&self, batch: &Shape, elements: usize) -> bool {
        let padded = batch.longest.saturating_mul(batch.n_rows);
        batch.n_rows <= self.max_rows
            && padded.saturating_mul(elements) <= self.max_cost
            && (padded == batch.total || padded as f64 <= self.max_padding * batch.total as f64)
    }
}

/// A batch along its last dimension.
struct Shape {
    n_rows: usize,
    longest: usize,
    total: usize,
}

impl Shape {
    fn with(&self, len: usize) -> Shape {
        Shape {
            n_rows: self.n_rows + 1,
            longest: self.longest.max(len),
            total: self.total.saturating_add(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: BatchPolicy = BatchPolicy { max_rows: 4, max_cost: 1000, max_padding: 1.15 };

    /// A row of `len` that joined `waited` seconds ago and whose caller waits another `left` seconds.
    fn row(priority: Priority, len: usize, waited: u64, left: u64) -> impl Fn(Instant) -> Waiting {
        move |now| Waiting {
            priority,
            queued_at: now - Duration::from_secs(waited),
            deadline: now + Duration::from_secs(left),
            kind: RowKind { float: true, lead: Box::new([2]) },
            len,
        }
    }

    fn rows(lens: &[usize]) -> Vec<Waiting> {
        let now = Instant::now();
        lens.iter().map(|&len| row(Priority::Interactive, len, 0, 60)(now)).collect()
    }

    #[track_caller]
    fn check_lens(lens: &[usize], expected: &[usize]) {
        let queue = rows(lens);
        assert_eq!(POLICY.choose(&queue, Instant::now()), expected);
    }

    #[test]
    fn fills_a_batch_with_rows_of_like_length() {
        check_lens(&[], &[]);
        check_lens(&[10], &[0]);
        check_lens(&[10, 10, 10], &[0, 1, 2]);
        check_lens(&[10, 10, 10, 10, 10], &[0, 1, 2, 3]);
        check_lens(&[10, 40, 11, 80, 10], &[0, 2, 4]);
        check_lens(&[100, 90, 50], &[0, 1]);
    }

    #[test]
    fn cost_counts_padding_and_an_oversized_row_runs_alone() {
        check_lens(&[200, 200, 200], &[0, 1]);
        check_lens(&[5000, 5000], &[0]);
    }

    #[test]
    fn unlike_rows_stay_apart() {
        let mut queue = rows(&[10, 10, 10]);
        queue[1].kind.lead = Box::new([3]);
        queue[2].kind.float = false;
        assert_eq!(POLICY.choose(&queue, Instant::now()), [0]);
    }

    #[track_caller]
    fn check_first(queue: &[&dyn Fn(Instant) -> Waiting], expected: usize) {
        let now = Instant::now() + Duration::from_secs(3600);
        let queue: Vec<Waiting> = queue.iter().map(|it| it(now)).collect();
        assert_eq!(BatchPolicy::SINGLE.choose(&queue, now), [expected]);
    }

    #[test]
    fn the_most_urgent_goes_first() {
        use Priority::{Background, Bulk, Interactive};
        check_first(&[&row(Interactive, 1, 0, 9), &row(Interactive, 1, 0, 1)], 1);
        check_first(&[&row(Interactive, 1, 0, 9), &row(Interactive, 1, 1, 9)], 1);
        check_first(&[&row(Bulk, 1, 0, 1), &row(Interactive, 1, 0, 9)], 1);
        check_first(&[&row(Background, 1, 9, 9), &row(Bulk, 1, 0, 9)], 1);
        check_first(&[&row(Interactive, 1, 0, 9), &row(Bulk, 1, 21, 900)], 1);
        check_first(&[&row(Interactive, 1, 0, 9), &row(Background, 1, 121, 9000)], 1);
    }

    fn any_queue() -> impl Strategy<Value = Vec<(u8, u64, u64, usize, usize)>> {
        proptest::collection::vec(
            (0_u8..3, 0_u64..300_000, 1_u64..90_000, 1_usize..3, 1_usize..400),
            0..150,
        )
    }

    fn waiting(
        now: Instant,
        (class, waited, left, lead, len): (u8, u64, u64, usize, usize),
    ) -> Waiting {
        let priority = [Priority::Interactive, Priority::Bulk, Priority::Background];
        Waiting {
            priority: priority[usize::from(class)],
            queued_at: now - Duration::from_millis(waited),
            deadline: now + Duration::from_millis(left),
            kind: RowKind { float: true, lead: Box::new([lead]) },
            len,
        }
    }

    proptest! {
        #[test]
        fn every_choice_is_legal(queue in any_queue()) {
            let now = Instant::now() + Duration::from_secs(3600);
            let queue: Vec<Waiting> = queue.into_iter().map(|it| waiting(now, it)).collect();
            let chosen = POLICY.choose(&queue, now);
            prop_assert_eq!(chosen.is_empty(), queue.is_empty());
            prop_assert!(chosen.len() <= POLICY.max_rows);
            let mut unique = chosen.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), chosen.len());
            if let Some(&first) = chosen.first() {
                let most_urgent = queue.iter().map(|it| it.urgency(now)).min();
                prop_assert_eq!(Some(queue[first].urgency(now)), most_urgent);
                let lens: Vec<usize> = chosen.iter().map(|&idx| queue[idx].len).collect();
                let padded = lens.iter().max().unwrap() * lens.len();
                let real: usize = lens.iter().sum();
                prop_assert!(padded as f64 <= POLICY.max_padding * real as f64);
                prop_assert!(chosen.iter().all(|&idx| queue[idx].kind == queue[first].kind));
                prop_assert!(chosen.len() == 1 || padded * queue[first].kind.elements() <= POLICY.max_cost);
            }
        }

        /// One row runs per second, every second an interactive row with an early deadline joins.
        #[test]
        fn no_row_starves(queue in any_queue(), class in 0_u8..3) {
            let start = Instant::now() + Duration::from_secs(3600);
            let mut queue: Vec<Waiting> = queue.into_iter().map(|it| waiting(start, it)).collect();
            let watched = waiting(start, (class, 0, 90_000_000, 2, 77));
            queue.push(watched.clone());
            let bound = queue.len() as u64 + 122;
            let mut served = false;
            for second in 0..=bound {
                let now = start + Duration::from_secs(second);
                queue.push(waiting(now, (0, 0, 500, 1, 5)));
                queue.retain(|it| now < it.deadline);
                for idx in BatchPolicy::SINGLE.choose(&queue, now) {
                    served |= queue.remove(idx) == watched;
                }
            }
            prop_assert!(served);
        }
    }
}
