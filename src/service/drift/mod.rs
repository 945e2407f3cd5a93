//! Drift: whether what is asked and answered now still looks like what a model was put to work on.
//!
//! The first answers of a version are its reference. A verdict needs both: samples that lie far apart, and a distance
//! that chance does not explain. Nothing of a text is kept or read for it. See ADR 18.

pub mod measure;
mod profile;

pub use profile::{Compared, Feature, Measure, Profile};

/// When samples lie so far apart that somebody must look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftSettings {
    /// First answers of a version that are its reference.
    pub n_reference: usize,
    /// Fewer answers say nothing.
    pub min_window: usize,
    /// Population stability index.
    pub psi: f64,
    /// Jensen–Shannon divergence, in bits.
    pub jensen_shannon: f64,
    /// Kolmogorov–Smirnov distance.
    pub ks: f64,
    /// Chance of one false alarm in a comparison of all features.
    pub p: f64,
}

impl Default for DriftSettings {
    fn default() -> DriftSettings {
        DriftSettings {
            n_reference: 1000,
            min_window: 200,
            psi: 0.2,
            jensen_shannon: 0.05,
            ks: 0.15,
            p: 0.001,
        }
    }
}

/// A comparison and what it means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// What was compared.
    pub compared: Compared,
    /// From where on it counts.
    pub threshold: f64,
    /// Whether it counts.
    pub is_alarm: bool,
}

impl DriftSettings {
    /// Compares a reference with a later sample.
    pub fn judge(&self, reference: &Profile, later: &Profile) -> Vec<Judged> {
        let found = reference.compare(later);
        // Both measures of shares are of one test. C. E. Bonferroni: each test has its part of the chance.
        let n_tests = found.iter().filter(|it| it.measure != Measure::JensenShannon).count();
        let p = self.p / n_tests.max(1) as f64;
        let judged = |compared: Compared| {
            let threshold = self.threshold(compared.measure);
            let is_alarm = threshold <= compared.value && compared.p < p;
            Judged { compared, threshold, is_alarm }
        };
        found.into_iter().map(judged).collect()
    }

    fn threshold(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Psi => self.psi,
            Measure::JensenShannon => self.jensen_shannon,
            Measure::Ks => self.ks,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Chance;
    use crate::store::{Observed, Shape};

    use super::*;

    /// The least of three numbers below `n`: small ones are frequent, large ones are rare.
    fn rare(n: usize, chance: &mut Chance) -> usize {
        chance.below(n).min(chance.below(n)).min(chance.below(n))
    }

    /// An answer of a population: thirty labels, some of them rare. `shift` of them are about something new, are longer,
    /// and are judged less surely.
    fn answer(chance: &mut Chance, shift: f32) -> Observed {
        let is_new = chance.share() < shift;
        let label = if is_new { 29 } else { rare(30, chance) };
        let confidence = 1.0 - chance.share().powi(if is_new { 1 } else { 3 });
        let n_chars = 40 + rare(if is_new { 4000 } else { 900 }, chance);
        let n_han = n_chars - n_chars * rare(20, chance) / 100;
        let labels = format!(r#"[["L{label}",{confidence}]]"#);
        let [n_chars, n_han] = [n_chars, n_han].map(|it| u32::try_from(it).unwrap());
        Observed { seq: 1, labels, shape: Some(Shape { n_chars, n_han }) }
    }

    fn sample(n: usize, shift: f32, chance: &mut Chance) -> Profile {
        Profile::of(&(0..n).map(|_| answer(chance, shift)).collect::<Vec<_>>())
    }

    #[test]
    fn a_resample_raises_no_alarm() {
        let settings = DriftSettings::default();
        for seed in 0..200 {
            let mut chance = Chance::new(seed);
            let reference = sample(1000, 0.0, &mut chance);
            for n in [200, 600] {
                let later = sample(n, 0.0, &mut chance);
                let judged = settings.judge(&reference, &later);
                let alarms: Vec<_> = judged.iter().filter(|it| it.is_alarm).collect();
                assert!(alarms.is_empty(), "{seed}, {n} answers: {alarms:?}");
            }
        }
    }

    #[test]
    fn a_shift_raises_an_alarm() {
        let settings = DriftSettings::default();
        for seed in 0..50 {
            let mut chance = Chance::new(seed);
            let reference = sample(1000, 0.0, &mut chance);
            let judged = settings.judge(&reference, &sample(200, 0.3, &mut chance));
            let alarms: Vec<_> = judged.iter().filter(|it| it.is_alarm).collect();
            let has = |it: Feature| alarms.iter().any(|alarm| alarm.compared.feature == it);
            assert!(has(Feature::Label), "{seed}: {judged:?}");
        }
    }

    #[test]
    fn far_apart_by_chance_or_certain_but_near_is_no_alarm() {
        let reference = Profile::of(&(0..1000).map(|n| plain(n % 10)).collect::<Vec<_>>());
        let check = |later: Vec<Observed>, expected: (bool, bool), is_alarm: bool| {
            let settings = DriftSettings { p: 0.05, ..DriftSettings::default() };
            let judged = settings.judge(&reference, &Profile::of(&later));
            let psi = judged.first().unwrap();
            let found = (psi.threshold <= psi.compared.value, psi.compared.p < 0.05);
            assert_eq!((found, psi.is_alarm), (expected, is_alarm), "{psi:?}");
        };
        // One answer in twenty has another label: near, and of ten thousand answers certain.
        let near = |n: usize| plain(if n.is_multiple_of(20) { 1 } else { n % 10 });
        check((0..10_000).map(near).collect(), (false, true), false);
        // Ten answers say nothing.
        check((0..10).map(|n| plain(n % 3)).collect(), (false, false), false);
        check((0..400).map(|n| plain(n % 2)).collect(), (true, true), true);
    }

    fn plain(label: usize) -> Observed {
        Observed { seq: 1, labels: format!(r#"[["L{label}",0.9]]"#), shape: None }
    }
}
