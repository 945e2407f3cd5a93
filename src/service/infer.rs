//! Inference on tensors: which models are loaded for callers, and their calls. Each has a queue of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::base::{Deadline, ErrorCode, TraceContext};
use crate::batch;
use crate::engine::{Element, Port, Signature};
use crate::task::call::{CallContext, CallError};
use crate::task::infer::{
    Datatype, KnownModel, ListedModel, ModelStatistics, TensorModelInfo, TensorPort, Trial,
};

mod call;
mod loaded;
mod networks;
mod room;
mod split;
mod tally;
mod trial;

pub use networks::{NetworkError, Networks, OpenedNetwork};

use loaded::Loaded;
use networks::not_opened;
use trial::{Chosen, Served, Shadows};

/// Bytes of a body for which a call takes one place.
const PLACE_BYTES: u64 = 64 << 10;
/// Places of a call that announced no length: 16 MiB.
const MOST_PLACES: u32 = 256;
/// Places of all models' calls that are not answered: bodies of 128 MiB, each of which may need as much again.
const PLACES: u32 = 8 * MOST_PLACES;

/// What else is wanted of the models that are loaded for callers.
#[derive(Clone, Debug, Default)]
pub struct InferSettings {
    /// Versions beside those that answer.
    pub trials: Vec<Trial>,
    /// Bytes of the files of all models that are loaded at one time; none for as many as there are.
    pub max_bytes: Option<u64>,
}

/// The models that are loaded for callers.
pub struct Infer {
    networks: Arc<dyn Networks>,
    settings: InferSettings,
    /// Calls so far: by it a model knows when it was last called.
    n_calls: AtomicU64,
    loaded: Mutex<BTreeMap<String, Served>>,
    shadows: Arc<Shadows>,
    /// One model at a time is loaded or unloaded.
    changing: Arc<tokio::sync::Mutex<()>>,
    places: Arc<Semaphore>,
}

/// A call that is admitted, before it is known which model it is for; dropping it gives the place back.
pub struct InferEntry(OwnedSemaphorePermit);

impl InferEntry {
    /// Gives back what a call of `n_bytes` does not need: its length is known now.
    pub fn shrink(&mut self, n_bytes: usize) {
        let needed = n_places(n_bytes as u64) as usize;
        drop(self.0.split(self.0.num_permits().saturating_sub(needed)));
    }
}

/// A call that has its place; dropping it gives the place back.
pub struct InferPlace {
    chosen: Chosen,
    shadows: Arc<Shadows>,
    _places: [OwnedSemaphorePermit; 2],
}

impl InferPlace {
    /// What the model takes and gives.
    pub fn info(&self) -> &Arc<TensorModelInfo> {
        &self.chosen.loaded.info
    }
}

/// Which model is meant, and which of its versions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Its name.
    pub name: &'a str,
    /// This version and no other.
    pub version: Option<&'a str>,
    /// What the call belongs to: calls of one case are answered by one version.
    pub case: &'a str,
}

impl<'a> From<&'a str> for Asked<'a> {
    fn from(name: &'a str) -> Asked<'a> {
        Asked { name, ..Asked::default() }
    }
}

/// The case of a call: its caller's trace, or the call itself.
pub fn case_of(cx: &CallContext) -> String {
    let trace = cx.origin.trace_parent.as_deref().and_then(TraceContext::parse);
    trace.map_or_else(|| cx.request_id.to_string(), TraceContext::trace_id)
}

impl Infer {
    /// Nothing is loaded, no other version is tried, and all models have room.
    pub fn new(networks: Arc<dyn Networks>) -> Arc<Infer> {
        Infer::with(networks, InferSettings::default())
    }

    /// The same with settings of one's own.
    pub fn with(networks: Arc<dyn Networks>, settings: InferSettings) -> Arc<Infer> {
        Arc::new(Infer {
            networks,
            settings,
            n_calls: AtomicU64::new(0),
            loaded: Mutex::default(),
            shadows: Arc::default(),
            changing: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES as usize)),
        })
    }

    /// The models that can be loaded, by name, and whether they are.
    pub fn list(&self) -> Vec<ListedModel> {
        let loaded = self.loaded();
        let mut listed = Vec::new();
        for model in self.networks.known() {
            let served = loaded.get(&model.name);
            listed.push(ListedModel { model: model.clone(), is_loaded: served.is_some() });
            if let Some(candidate) = self.candidate(&model.name) {
                let is_loaded =
                    served.is_some_and(|it| it.version(Some(&candidate.version)).is_some());
                let model = KnownModel { name: model.name.clone(), ..candidate.clone() };
                listed.push(ListedModel { model, is_loaded });
            }
        }
        listed
    }

    /// What a loaded model takes and gives.
    ///
    /// # Errors
    /// When there is no such model or version, or it is not loaded.
    pub fn info(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Arc<TensorModelInfo>, CallError> {
        let found = self.served(name, version)?;
        let found = found.version(version).ok_or_else(|| not_loaded(name))?;
        Ok(Arc::clone(&found.info))
    }

    /// What the versions of a loaded model have done since; of all loaded models where no name is given.
    ///
    /// # Errors
    /// As of [`Infer::info`].
    pub fn statistics(&self, asked: Option<Asked<'_>>) -> Result<Vec<ModelStatistics>, CallError> {
        let Some(Asked { name, version, .. }) = asked else {
            let loaded = self.loaded();
            let every = loaded.values().flat_map(Served::versions);
            return Ok(every.map(|it| it.statistics()).collect());
        };
        let served = self.served(name, version)?;
        let wanted = served.versions().filter(|it| version.is_none_or(|v| v == it.info.version));
        let found: Vec<_> = wanted.map(|it| it.statistics()).collect();
        if found.is_empty() { Err(not_loaded(name)) } else { Ok(found) }
    }

    /// Takes places for a call before its body is read, as many as the largest body needs; refuses at once when there
    /// are too few.
    ///
    /// # Errors
    /// As of [`Infer::info`], and when too much is in flight.
    pub fn admit<'a>(&self, asked: impl Into<Asked<'a>>) -> Result<InferPlace, CallError> {
        self.admit_announced(asked, u64::MAX)
    }

    /// As [`Infer::admit`], for a body of at most `n_bytes`: small calls leave room for many.
    ///
    /// # Errors
    /// The same.
    pub fn admit_announced<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        n_bytes: u64,
    ) -> Result<InferPlace, CallError> {
        self.admit_to(self.enter(n_bytes)?, asked)
    }

    /// Takes places for a call of at most `n_bytes` whose body says which model is meant.
    ///
    /// # Errors
    /// When too much is in flight.
    pub fn enter(&self, n_bytes: u64) -> Result<InferEntry, CallError> {
        Ok(InferEntry(taken(&self.places, n_places(n_bytes))?))
    }

    /// The places at the model that was meant.
    ///
    /// # Errors
    /// As of [`Infer::info`], and when too much of this model's is in flight.
    pub fn admit_to<'a>(
        &self,
        entry: InferEntry,
        asked: impl Into<Asked<'a>>,
    ) -> Result<InferPlace, CallError> {
        let asked = asked.into();
        let served = self.served(asked.name, asked.version)?;
        served.called(self.n_calls.fetch_add(1, Ordering::Relaxed));
        let chosen = served.choose(&asked).ok_or_else(|| not_loaded(asked.name))?;
        let n_places = u32::try_from(entry.0.num_permits()).unwrap_or(MOST_PLACES);
        let places = [entry.0, taken(&chosen.loaded.calls, n_places)?];
        Ok(InferPlace { chosen, shadows: Arc::clone(&self.shadows), _places: places })
    }

    /// Loads a model; one that is loaded stays as it is. Where it would be too much, those that were not called for longest
    /// are unloaded first.
    ///
    /// # Errors
    /// When there is no such model, its files are not here, it is larger than what there is room for, it cannot be opened, or
    /// not by the deadline.
    pub async fn load(self: &Arc<Self>, name: &str, deadline: Deadline) -> Result<(), CallError> {
        let known = self.known(name)?.clone();
        let (sender, receiver) = oneshot::channel();
        let infer = Arc::clone(self);
        let work = async {
            let guard = Arc::clone(&self.changing).lock_owned().await;
            if self.loaded().contains_key(name) {
                return Ok(());
            }
            let runtime = Handle::current();
            let load = move || {
                let has_room = runtime.block_on(infer.make_room(&known, deadline));
                let outcome = has_room.and_then(|()| infer.open(&known));
                drop(guard);
                // The caller may have left meanwhile; the model stays.
                let _ = sender.send(outcome);
            };
            let thread = thread::Builder::new().name("load".to_owned()).spawn(load);
            thread.map_err(|error| failed(name, &error))?;
            receiver.await.unwrap_or_else(|_| Err(failed(name, &"the thread panicked")))
        };
        let loaded = tokio::time::timeout_at(deadline.into(), work).await;
        loaded.unwrap_or_else(|_| Err(CallError::timeout()))
    }

    /// Unloads a model: new calls are refused from now on; resolves when those in flight are answered.
    ///
    /// # Errors
    /// When there is no such model, it is not loaded, or calls are still in flight at the deadline.
    pub async fn unload(&self, name: &str, deadline: Deadline) -> Result<(), CallError> {
        self.known(name)?;
        let Some(loaded) = self.loaded().remove(name) else { return Err(not_loaded(name)) };
        for calls in loaded.calls() {
            let drained = calls.acquire_many(PLACES);
            if tokio::time::timeout_at(deadline.into(), drained).await.is_err() {
                return Err(CallError::timeout());
            }
        }
        Ok(())
    }

    /// Opens a model with the version that is tried beside it. Where that one cannot answer, the other answers alone.
    fn open(&self, known: &KnownModel) -> Result<(), CallError> {
        let name = known.name.as_str();
        let stable = self.opened(known, known)?;
        let served = match self.tried(name) {
            Some((tried, trial)) => Served::trying(stable, tried, trial),
            None => Served::alone(stable),
        };
        tracing::info!(model = name, "a model is loaded for tensors");
        served.called(self.n_calls.fetch_add(1, Ordering::Relaxed));
        self.loaded().insert(name.to_owned(), served);
        Ok(())
    }

    /// Opens a model of the registry, which callers know as `shown`.
    fn opened(&self, known: &KnownModel, shown: &KnownModel) -> Result<Loaded, CallError> {
        let name = known.name.as_str();
        let opened = self.networks.open(name).map_err(|error| not_opened(name, &error))?;
        let Some(signature) = opened.copies.first().map(|it| it.signature().clone()) else {
            return Err(failed(name, &"no copy was made"));
        };
        Loaded::new(info(shown, &signature), opened).map_err(|error| failed(name, &error))
    }

    /// The version that is tried beside a model, opened.
    fn tried(&self, name: &str) -> Option<(Loaded, &Trial)> {
        let trial = self.settings.trials.iter().find(|it| it.model == name)?;
        let candidate = self.candidate(name)?;
        let shown = KnownModel { name: name.to_owned(), ..candidate.clone() };
        match self.opened(candidate, &shown) {
            Ok(tried) => Some((tried, trial)),
            Err(error) => {
                let (reason, candidate) = (error.message, trial.candidate.as_str());
                tracing::error!(model = name, candidate, reason, "a version is not tried");
                None
            }
        }
    }

    /// The version that is tried beside a model.
    fn candidate(&self, name: &str) -> Option<&KnownModel> {
        let trial = self.settings.trials.iter().find(|it| it.model == name)?;
        self.networks.known().iter().find(|it| it.name == trial.candidate)
    }

    fn known(&self, name: &str) -> Result<&KnownModel, CallError> {
        let found = self.networks.known().iter().find(|it| it.name == name);
        found.ok_or_else(no_such_model)
    }

    /// A loaded model, which may have this version.
    fn served(&self, name: &str, version: Option<&str>) -> Result<Served, CallError> {
        let known = self.known(name)?;
        let is_there = |it: &str| {
            it == known.version || self.candidate(name).is_some_and(|tried| it == tried.version)
        };
        if version.is_some_and(|it| !is_there(it)) {
            return Err(no_such_model());
        }
        self.loaded().get(name).cloned().ok_or_else(|| not_loaded(name))
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Served>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn info(known: &KnownModel, signature: &Signature) -> TensorModelInfo {
    let input = |it: &Port| port(it, it.element);
    // Engines show outputs as floats, whatever the graph says.
    let output = |it: &Port| port(it, Some(Element::F32));
    TensorModelInfo {
        name: known.name.clone(),
        version: known.version.clone(),
        versions: vec![known.version.clone()],
        platform: known.platform,
        takes_rows: batch::takes_rows(signature),
        inputs: signature.inputs.iter().map(input).collect(),
        outputs: signature.outputs.iter().map(output).collect(),
    }
}

fn port(port: &Port, element: Option<Element>) -> TensorPort {
    let datatype = match element {
        Some(Element::I64) => Datatype::Int64,
        Some(Element::F32) | None => Datatype::Fp32,
    };
    TensorPort { name: port.name.clone(), datatype, dims: port.dims.clone() }
}

fn no_such_model() -> CallError {
    let message = "沒有這個模型或版本;POST /v2/repository/index 列出可用的模型。";
    CallError::new(ErrorCode::NotFound, message)
}

fn not_loaded(name: &str) -> CallError {
    let message = format!("模型尚未載入,請先呼叫 POST /v2/repository/models/{name}/load。");
    CallError::new(ErrorCode::Conflict, message)
}

/// Places of a call of at most `n_bytes`.
fn n_places(n_bytes: u64) -> u32 {
    u32::try_from(n_bytes.div_ceil(PLACE_BYTES)).unwrap_or(MOST_PLACES).clamp(1, MOST_PLACES)
}

fn taken(places: &Arc<Semaphore>, n_places: u32) -> Result<OwnedSemaphorePermit, CallError> {
    Arc::clone(places).try_acquire_many_owned(n_places).map_err(|_| overloaded())
}

fn overloaded() -> CallError {
    CallError::new(ErrorCode::Overloaded, "目前請求過多,請稍後再試。")
        .retry_after(Duration::from_secs(1))
}

/// A failure on our side: the log has the reason, the caller a sentence.
fn failed(what: &str, reason: &dyn std::fmt::Display) -> CallError {
    tracing::error!(what, %reason, "a model for tensors failed");
    CallError::new(ErrorCode::Internal, "系統發生錯誤,原因請見伺服器紀錄。")
}
