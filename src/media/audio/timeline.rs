//! When packets are due by the timestamps of their container: what was lost between two of them is missing time.

use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Milliseconds that packets may be late without anything being lost: containers round, and clocks drift.
const SLACK: u64 = 60;
/// Seconds that may be missing at once; timestamps that leap further are not believed.
const MAX_MISSING: u64 = 600;

/// The time of one track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    /// Seconds of a tick; none where the container does not say.
    base: Option<TimeBase>,
    /// Samples a second of what is decoded; 0 until it is known, when nothing is missing yet.
    rate: u32,
    /// When the first packet was due, in ticks.
    origin: Option<i64>,
    /// Samples since then: heard, or missing and filled.
    n_samples: u64,
    /// Samples that may yet be filled: what the size of the file makes believable.
    room: u64,
    /// The first moment of a packet and the last, in ticks.
    ends: Option<(i64, i64)>,
}

impl Timeline {
    pub(super) fn new(base: Option<TimeBase>) -> Timeline {
        Timeline { base, rate: 0, origin: None, n_samples: 0, room: 0, ends: None }
    }

    /// From here on the rate is known, and in how many seconds of sound the file is believed.
    pub(super) fn start(&mut self, rate: u32, seconds: u64) {
        self.rate = rate;
        self.room = seconds.saturating_mul(rate.into());
    }

    /// Seconds from the beginning of the first packet to the end of the last.
    pub(super) fn seconds(&self) -> Option<f64> {
        let (first, last) = self.ends?;
        let ticks = u64::try_from(last.checked_sub(first)?).ok()?;
        Some(self.base?.calc_duration(ticks.into())?.as_secs_f64())
    }

    /// Samples that are missing before this packet.
    pub(super) fn missing(&mut self, packet: &Packet) -> u64 {
        let pts = packet.pts.get();
        let end = pts.saturating_add_unsigned(packet.dur.get());
        let (first, last) = self.ends.unwrap_or((pts, end));
        self.ends = Some((first.min(pts), last.max(end)));
        let origin = *self.origin.get_or_insert(pts);
        let due = pts.checked_sub(origin).and_then(|it| u64::try_from(it).ok());
        let missing = due.and_then(|it| self.samples(it)?.checked_sub(self.n_samples));
        let most = self.room.min(MAX_MISSING * u64::from(self.rate));
        let Some(missing) = missing.filter(|it| *it <= most) else {
            // From here on time is counted anew.
            (self.origin, self.n_samples) = (Some(pts), 0);
            return 0;
        };
        if missing * 1000 < SLACK * u64::from(self.rate) {
            return 0;
        }
        self.n_samples += missing;
        self.room -= missing;
        missing
    }

    /// A packet was decoded into so many samples. By its own account it may last longer: what a coder puts before the
    /// sound is cut off.
    pub(super) fn heard(&mut self, packet: &Packet, n_samples: u64) {
        let lasting = self.samples(packet.dur.get()).unwrap_or(0);
        self.n_samples += if lasting == 0 { n_samples } else { lasting };
        self.room = self.room.saturating_sub(n_samples);
    }

    fn samples(&self, ticks: u64) -> Option<u64> {
        let base = self.base?;
        let scaled = u128::from(ticks) * u128::from(base.numer.get()) * u128::from(self.rate);
        u64::try_from(scaled / u128::from(base.denom.get())).ok()
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::units::{Duration, Timestamp};

    use super::*;

    /// Packets of 20 ms at 8 kHz, each due at so many milliseconds: samples that are missing before each.
    #[track_caller]
    fn check(due: &[i64], expected: &[u64]) {
        let mut time = Timeline::new(TimeBase::try_new(1, 1000));
        time.start(8_000, 3_600);
        let missing = |at: &i64| {
            let packet = Packet::new(0, Timestamp::new(*at), Duration::ZERO, Vec::new());
            let missing = time.missing(&packet);
            time.heard(&packet, 160);
            missing
        };
        assert_eq!(due.iter().map(missing).collect::<Vec<_>>(), expected, "{due:?}");
    }

    #[test]
    fn what_was_lost_is_missing() {
        check(&[0, 20, 40], &[0, 0, 0]);
        check(&[500, 520, 540], &[0, 0, 0]);
        // Two packets that were lost are within the slack, a third is not.
        check(&[0, 20, 80, 120, 140], &[0, 0, 0, 480, 0]);
        check(&[0, 1_020, 1_040], &[0, 8_000, 0]);
    }

    #[test]
    fn timestamps_that_leap_are_not_believed() {
        check(&[0, 700_000, 700_020, 701_040], &[0, 0, 0, 8_000]);
        check(&[5_000, 0, 20, 1_040], &[0, 0, 0, 8_000]);
        check(&[0, i64::MAX, i64::MIN, 0], &[0, 0, 0, 0]);
        // No more than the file is believed to hold.
        let mut time = Timeline::new(TimeBase::try_new(1, 1));
        time.start(8_000, 10);
        let packet = |at| Packet::new(0, Timestamp::new(at), Duration::ZERO, Vec::new());
        let missing = [0, 8, 16].map(|it| time.missing(&packet(it)));
        assert_eq!(missing, [0, 64_000, 0]);
        assert_eq!(time.seconds(), Some(16.0));
    }
}
