//! Another version of a model beside the one that answers: it answers a share of the cases, and computes the others again
//! where nobody hears it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::base::Deadline;
use crate::task::call::CallError;
use crate::task::infer::Trial;
use crate::tensor::Tensor;

use super::Asked;
use super::loaded::{Loaded, Outputs};

/// Calls that nobody hears, at one time; the next ones are left out.
const MOST_SHADOWS: usize = 4;

/// How far two numbers may lie apart, as a share of the larger of them or of 1, to be called the same.
const TOLERANCE: f32 = 1e-3;

/// A loaded model: the version that answers, and the one that is tried.
#[derive(Clone)]
pub(super) struct Served {
    stable: Arc<Loaded>,
    candidate: Option<Candidate>,
    /// Number of its newest call.
    last_call: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Candidate {
    loaded: Arc<Loaded>,
    percent: u8,
    is_shadow: bool,
}

/// The version that answers a call.
pub(super) struct Chosen {
    /// It.
    pub(super) loaded: Arc<Loaded>,
    /// The one that computes the same, unheard.
    pub(super) shadow: Option<Arc<Loaded>>,
    /// Whether two versions are compared.
    is_counted: bool,
}

impl Served {
    /// One version.
    pub(super) fn alone(stable: Loaded) -> Served {
        Served { stable: Arc::new(stable), candidate: None, last_call: Arc::default() }
    }

    /// Two, unless the other takes or gives something else.
    pub(super) fn trying(stable: Loaded, tried: Loaded, trial: &Trial) -> Served {
        let (own, other) = (&stable.info, &tried.info);
        let is_alike = (&own.inputs, &own.outputs, own.takes_rows)
            == (&other.inputs, &other.outputs, other.takes_rows);
        if !is_alike {
            let (model, candidate) = (own.name.as_str(), trial.candidate.as_str());
            tracing::error!(
                model,
                candidate,
                "a version that takes or gives something else is not tried"
            );
            return Served::alone(stable);
        }
        let versions = vec![own.version.clone(), other.version.clone()];
        let stable = Arc::new(stable.telling(versions.clone()));
        let candidate = Candidate {
            loaded: Arc::new(tried.telling(versions)),
            percent: trial.percent,
            is_shadow: trial.is_shadow,
        };
        Served { stable, candidate: Some(candidate), last_call: Arc::default() }
    }

    /// Notes a call by its number.
    pub(super) fn called(&self, number: u64) {
        self.last_call.fetch_max(number, Ordering::Relaxed);
    }

    /// Number of its newest call.
    pub(super) fn last_call(&self) -> u64 {
        self.last_call.load(Ordering::Relaxed)
    }

    /// A version; without one that which answers.
    pub(super) fn version(&self, version: Option<&str>) -> Option<&Arc<Loaded>> {
        let Some(version) = version else { return Some(&self.stable) };
        self.versions().find(|it| it.info.version == version)
    }

    /// The version for a call: the same for all calls of a case. Who names a version gets it, and no other computes.
    pub(super) fn choose(&self, asked: &Asked<'_>) -> Option<Chosen> {
        let is_counted = self.candidate.is_some();
        let just =
            |loaded: &Arc<Loaded>| Chosen { loaded: Arc::clone(loaded), shadow: None, is_counted };
        if asked.version.is_some() {
            return self.version(asked.version).map(just);
        }
        let Some(candidate) = &self.candidate else { return Some(just(&self.stable)) };
        if lot(asked) < candidate.percent {
            return Some(just(&candidate.loaded));
        }
        let shadow = candidate.is_shadow.then(|| Arc::clone(&candidate.loaded));
        Some(Chosen { shadow, ..just(&self.stable) })
    }

    /// Every version: the one that answers, and the one that is tried.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        let tried = self.candidate.as_ref().map(|it| &it.loaded);
        [Some(&self.stable), tried].into_iter().flatten()
    }

    /// Places of the calls in flight.
    pub(super) fn calls(&self) -> Vec<Arc<Semaphore>> {
        self.versions().map(|it| Arc::clone(&it.calls)).collect()
    }
}

impl Chosen {
    /// Counts a call by the version that answered it, where there are two.
    pub(super) fn count<T>(&self, outcome: &Result<T, CallError>) {
        if self.is_counted {
            let outcome = if outcome.is_ok() { "answered" } else { "failed" };
            count("fenwen_model_calls_total", &self.loaded, outcome);
        }
    }
}

/// Below a hundred, always the same for a case and a model.
fn lot(asked: &Asked<'_>) -> u8 {
    let hash = Sha256::new().chain_update(asked.name).chain_update([0]).chain_update(asked.case);
    let first = hash.finalize().first_chunk::<8>().map_or(0, |it| u64::from_be_bytes(*it));
    u8::try_from(first % 100).unwrap_or(0)
}

fn count(metric: &'static str, loaded: &Loaded, outcome: &'static str) {
    let (model, version) = (loaded.info.name.clone(), loaded.info.version.clone());
    let labels = [("model", model), ("version", version), ("outcome", outcome.to_owned())];
    metrics::counter!(metric, &labels).increment(1);
}

/// Counts a call that nobody hears.
fn count_shadow(loaded: &Loaded, outcome: &'static str) {
    count("fenwen_shadow_calls_total", loaded, outcome);
}

/// The calls that nobody hears.
pub(super) struct Shadows {
    running: Mutex<JoinSet<()>>,
    places: Arc<Semaphore>,
}

impl Default for Shadows {
    fn default() -> Shadows {
        Shadows { running: Mutex::default(), places: Arc::new(Semaphore::new(MOST_SHADOWS)) }
    }
}

impl Shadows {
    /// A place for a call that nobody hears; none while enough are at work. To be called in a runtime.
    pub(super) fn place(self: &Arc<Self>, loaded: &Arc<Loaded>, until: Deadline) -> Option<Shadow> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            count_shadow(loaded, "skipped");
            return None;
        };
        Some(Shadow {
            loaded: Arc::clone(loaded),
            inputs: Vec::new(),
            until,
            place,
            shadows: Arc::clone(self),
            runtime: Handle::current(),
        })
    }
}

/// A call that nobody hears.
pub(super) struct Shadow {
    loaded: Arc<Loaded>,
    inputs: Vec<Tensor>,
    until: Deadline,
    place: OwnedSemaphorePermit,
    shadows: Arc<Shadows>,
    runtime: Handle,
}

impl Shadow {
    /// On a copy of these inputs.
    pub(super) fn of(self, inputs: &[Tensor]) -> Shadow {
        Shadow { inputs: inputs.to_vec(), ..self }
    }

    /// Computes, once the caller's answer is there, and counts whether it comes to the same. Returns at once.
    pub(super) fn compare_with(self, answered: Arc<Vec<Tensor>>) {
        let Shadow { loaded, inputs, until, place, shadows, runtime } = self;
        let work = async move {
            let outputs = loaded.run(inputs, until).await.and_then(Outputs::whole);
            let outcome = match outputs {
                Ok(outputs) if is_same(&answered, &outputs) => "same",
                Ok(_) => "other",
                Err(_) => "failed",
            };
            count_shadow(&loaded, outcome);
            drop(place);
        };
        let mut running = shadows.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are let go of.
        while running.try_join_next().is_some() {}
        running.spawn_on(work, &runtime);
    }
}

/// Whether outputs have the same shapes and, nearly, the same numbers.
fn is_same(one: &[Tensor], other: &[Tensor]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| match (one.as_f32(), other.as_f32()) {
            (Some(a), Some(b)) => {
                one.shape() == other.shape() && a.iter().zip(b).all(|(a, b)| is_near(*a, *b))
            }
            _ => one == other,
        })
}

fn is_near(one: f32, other: f32) -> bool {
    let scale = one.abs().max(other.abs()).max(1.0);
    one.to_bits() == other.to_bits() || (one - other).abs() <= TOLERANCE * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_lie_together_are_the_same() {
        let check = |a: &[f32], b: &[f32], expected| {
            let tensor = |values: &[f32]| Tensor::f32([values.len()], values.to_vec()).unwrap();
            assert_eq!(is_same(&[tensor(a)], &[tensor(b)]), expected, "{a:?} {b:?}");
        };
        check(&[1.0, 2000.0], &[1.0005, 2001.0], true);
        check(&[1.0, 2000.0], &[1.01, 2000.0], false);
        check(&[f32::NAN, f32::INFINITY], &[f32::NAN, f32::INFINITY], true);
        check(&[f32::NAN], &[1.0], false);
        check(&[1.0], &[1.0, 1.0], false);
    }

    #[test]
    fn a_case_has_one_lot_of_a_model_and_cases_are_spread() {
        let of = |name, case: &str| lot(&Asked { name, version: None, case });
        assert_eq!(of("same", "case 7"), of("same", "case 7"));
        let n_low = (0..1000).filter(|it| of("same", &it.to_string()) < 30).count();
        assert!((250..350).contains(&n_low), "{n_low}");
        let n_alike =
            (0..1000).filter(|it| of("same", &it.to_string()) == of("other", &it.to_string()));
        assert!(n_alike.count() < 50);
    }
}
