//! Inference on tensors: which models are loaded for callers, and their calls. Each has a queue of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::base::{Deadline, ErrorCode};
use crate::batch::{BatchSpec, ModelHandle, RowOutput, RunError, SpawnError};
use crate::engine::{Element, Port, Signature, TensorModel};
use crate::task::call::CallError;
use crate::task::infer::{Datatype, KnownModel, ListedModel, TensorModelInfo, TensorPort};
use crate::tensor::{Data, ShapeError, Tensor};

use super::pool::Lane;
use super::{Service, Unread};

/// Bytes of a body for which a call takes one place.
const PLACE_BYTES: u64 = 64 << 10;
/// Places of a call that announced no length: 16 MiB.
const MOST_PLACES: u32 = 256;
/// Places of all models' calls that are not answered: bodies of 128 MiB, each of which may need as much again.
const PLACES: u32 = 8 * MOST_PLACES;
/// Rows of one call that wait at one time.
const ROWS_AT_ONCE: usize = 32;
/// Most elements of an answer: 64 MiB of floats.
const MAX_OUTPUT: usize = 1 << 24;

/// Opens models of the registry that take tensors.
pub trait Networks: Send + Sync {
    /// Those that there are.
    fn known(&self) -> &[KnownModel];

    /// Opens copies of one of them. Blocks for seconds.
    ///
    /// # Errors
    /// When its files are not here, or it cannot be opened.
    fn open(&self, name: &str) -> Result<OpenedNetwork, NetworkError>;
}

/// An opened model.
pub struct OpenedNetwork {
    /// Its copies.
    pub copies: Vec<Box<dyn TensorModel>>,
    /// How its queue behaves. Rows are padded nowhere: an output would tell of others' rows.
    pub spec: BatchSpec,
}

/// Why a model is not opened.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Its files are not here.
    #[error("its files are not here: fenwen models pull gets them")]
    NotPulled,
    /// It cannot be opened.
    #[error("it cannot be opened: {reason}")]
    Open {
        /// Why, the whole chain.
        reason: String,
    },
}

type Handle = ModelHandle<Vec<Tensor>>;

/// A model that answers.
struct Loaded {
    info: Arc<TensorModelInfo>,
    handle: Option<Handle>,
    /// Places of the calls in flight.
    calls: Arc<Semaphore>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // Dropping the last handle waits for the threads: whoever drops this may be asynchronous.
        if let Some(handle) = self.handle.take() {
            let dropped = thread::Builder::new().name("unload".to_owned()).spawn(|| drop(handle));
            if dropped.is_err() {
                tracing::warn!("a model was unloaded without a thread of its own");
            }
        }
    }
}

/// The models that are loaded for callers.
pub struct Infer {
    networks: Arc<dyn Networks>,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
    /// One model at a time is loaded or unloaded.
    changing: Arc<tokio::sync::Mutex<()>>,
    places: Arc<Semaphore>,
}

/// A call that has its place; dropping it gives the place back.
pub struct InferPlace {
    loaded: Arc<Loaded>,
    _places: [OwnedSemaphorePermit; 2],
}

impl InferPlace {
    /// What the model takes and gives.
    pub fn info(&self) -> &Arc<TensorModelInfo> {
        &self.loaded.info
    }
}

impl Infer {
    /// Nothing is loaded.
    pub fn new(networks: Arc<dyn Networks>) -> Arc<Infer> {
        Arc::new(Infer {
            networks,
            loaded: Mutex::default(),
            changing: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES as usize)),
        })
    }

    /// The models that can be loaded, by name, and whether they are.
    pub fn list(&self) -> Vec<ListedModel> {
        let loaded = self.loaded();
        let listed = |it: &KnownModel| ListedModel {
            model: it.clone(),
            is_loaded: loaded.contains_key(&it.name),
        };
        self.networks.known().iter().map(listed).collect()
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
        Ok(Arc::clone(&self.find(name, version)?.info))
    }

    /// Takes places for a call before its body is read, as many as the largest body needs; refuses at once when there
    /// are too few.
    ///
    /// # Errors
    /// As of [`Infer::info`], and when too much is in flight.
    pub fn admit(&self, name: &str, version: Option<&str>) -> Result<InferPlace, CallError> {
        self.admit_announced(name, version, u64::MAX)
    }

    /// As [`Infer::admit`], for a body of at most `n_bytes`: small calls leave room for many.
    ///
    /// # Errors
    /// The same.
    pub fn admit_announced(
        &self,
        name: &str,
        version: Option<&str>,
        n_bytes: u64,
    ) -> Result<InferPlace, CallError> {
        let loaded = self.find(name, version)?;
        let n_places = u32::try_from(n_bytes.div_ceil(PLACE_BYTES)).unwrap_or(MOST_PLACES);
        let n_places = n_places.clamp(1, MOST_PLACES);
        let taken = |places: &Arc<Semaphore>| {
            Arc::clone(places).try_acquire_many_owned(n_places).map_err(|_| overloaded())
        };
        let places = [taken(&self.places)?, taken(&loaded.calls)?];
        Ok(InferPlace { loaded, _places: places })
    }

    /// Loads a model; one that is loaded stays as it is.
    ///
    /// # Errors
    /// When there is no such model, its files are not here, it cannot be opened, or not by the deadline.
    pub async fn load(self: &Arc<Self>, name: &str, deadline: Deadline) -> Result<(), CallError> {
        let known = self.known(name)?.clone();
        let (sender, receiver) = oneshot::channel();
        let infer = Arc::clone(self);
        let work = async {
            let guard = Arc::clone(&self.changing).lock_owned().await;
            if self.loaded().contains_key(name) {
                return Ok(());
            }
            let load = move || {
                let outcome = infer.open(&known);
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
        let calls = Arc::clone(&loaded.calls);
        let drained = tokio::time::timeout_at(deadline.into(), calls.acquire_many(PLACES)).await;
        match drained {
            Ok(_) => Ok(()),
            Err(_) => Err(CallError::timeout()),
        }
    }

    fn open(&self, known: &KnownModel) -> Result<(), CallError> {
        let name = known.name.as_str();
        let opened = self.networks.open(name).map_err(|error| match error {
            NetworkError::NotPulled => CallError::new(
                ErrorCode::Unavailable,
                format!("模型檔尚未下載,請先執行:fenwen models pull {name}"),
            ),
            error => failed(name, &error),
        })?;
        let Some(signature) = opened.copies.first().map(|it| it.signature().clone()) else {
            return Err(failed(name, &"no copy was made"));
        };
        let handle =
            Handle::spawn(opened.copies, opened.spec, reduce).map_err(|error| match error {
                SpawnError::Signature(_) => CallError::new(
                    ErrorCode::Conflict,
                    "這個模型不只一個輸入或批次大小固定,無法以張量直接呼叫。",
                ),
                error => failed(name, &error),
            })?;
        let loaded = Loaded {
            info: Arc::new(info(known, &signature)),
            handle: Some(handle),
            calls: Arc::new(Semaphore::new(PLACES as usize)),
        };
        tracing::info!(model = name, "a model is loaded for tensors");
        self.loaded().insert(name.to_owned(), Arc::new(loaded));
        Ok(())
    }

    fn known(&self, name: &str) -> Result<&KnownModel, CallError> {
        let found = self.networks.known().iter().find(|it| it.name == name);
        found.ok_or_else(no_such_model)
    }

    fn find(&self, name: &str, version: Option<&str>) -> Result<Arc<Loaded>, CallError> {
        let known = self.known(name)?;
        if version.is_some_and(|it| it != known.version) {
            return Err(no_such_model());
        }
        self.loaded().get(name).cloned().ok_or_else(|| not_loaded(name))
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Loaded>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Computes on tensors: `read` makes them of the body, `write` an answer of what the model gave; both run on the
    /// pool of texts, unless they are so small that going there costs more.
    ///
    /// # Errors
    /// Those of `read` and `write`; when the model is overloaded, late or cannot compute on this.
    pub async fn infer<F, W, T, A>(
        &self,
        place: InferPlace,
        body: Unread<F>,
        write: W,
        deadline: Deadline,
    ) -> Result<A, CallError>
    where
        F: FnOnce() -> Result<(Vec<Tensor>, T), CallError> + Send + 'static,
        W: FnOnce(&T, &[Tensor]) -> Result<A, CallError> + Send + 'static,
        T: Send + 'static,
        A: Send + 'static,
    {
        let work = async {
            let read = move || {
                let (inputs, reply) = (body.read)()?;
                Ok::<_, CallError>((rows(inputs)?, reply))
            };
            let lane = if body.n_bytes <= SHORT_BYTES { Lane::Short } else { Lane::Long };
            let (rows, reply) = if body.n_bytes <= INLINE_BYTES {
                read()?
            } else {
                self.texts.run(lane, read).await.map_err(|it| self.pool_error(it))??
            };
            place.require_in_time(&rows, deadline.saturating_duration_since(self.clock.now()))?;
            let found = place.run(rows, deadline).await?;
            let n_elements: usize = found.iter().flatten().map(n_elements_of).sum();
            let written = move || write(&reply, &stacked(found)?);
            if n_elements <= INLINE_ELEMENTS {
                return written();
            }
            self.texts.run(lane, written).await.map_err(|it| self.pool_error(it))?
        };
        let answered = tokio::time::timeout_at(deadline.into(), work).await;
        answered.unwrap_or_else(|_| Err(CallError::timeout()))
    }
}

/// Bytes of a body that is read at once, without a change of threads.
const INLINE_BYTES: usize = 8 << 10;

/// Elements of an answer that is written at once.
const INLINE_ELEMENTS: usize = 1024;

/// Bytes of a body up to which its call overtakes.
const SHORT_BYTES: usize = 64 << 10;

impl InferPlace {
    /// Refuses now what would be answered after `left`, behind all that waits.
    fn require_in_time(&self, rows: &[Tensor], left: Duration) -> Result<(), CallError> {
        let cost = rows.iter().map(n_elements_of).sum();
        let needed = self.loaded.handle.as_ref().map_or(Duration::ZERO, |it| it.estimate(cost));
        if needed <= left {
            return Ok(());
        }
        let message = "目前無法在期限內完成,請稍後再試或放寬期限。";
        let later = (needed - left).max(Duration::from_secs(1));
        Err(CallError::new(ErrorCode::Overloaded, message).retry_after(later))
    }

    /// The outputs of each row.
    async fn run(
        &self,
        mut rows: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Vec<Vec<Tensor>>, CallError> {
        let Some(handle) = &self.loaded.handle else { return Err(overloaded()) };
        let mut found: Vec<Vec<Tensor>> = Vec::with_capacity(rows.len());
        let mut n_elements = 0_usize;
        while !rows.is_empty() {
            let later = rows.split_off(rows.len().min(ROWS_AT_ONCE));
            let outputs = handle.run_all(std::mem::replace(&mut rows, later), deadline).await;
            let outputs = outputs.map_err(|error| refusal(&self.loaded.info.name, error))?;
            n_elements += outputs.iter().flatten().map(n_elements_of).sum::<usize>();
            if MAX_OUTPUT < n_elements {
                let message = "輸出超過 64 MiB,請減少一次的筆數。";
                return Err(CallError::new(ErrorCode::TooLarge, message));
            }
            found.extend(outputs);
        }
        Ok(found)
    }
}

/// What a model's queue makes of a row: its outputs, whole.
fn reduce(row: RowOutput<'_>) -> Vec<Tensor> {
    let owned = row.views.iter().map(|it| Tensor::f32(it.shape(), it.data().to_vec()));
    // A view's shape fits its elements.
    owned.filter_map(Result::ok).collect()
}

/// The rows of the one input that a queue takes.
fn rows(inputs: Vec<Tensor>) -> Result<Vec<Tensor>, CallError> {
    let Some(input) = inputs.into_iter().next() else { return Ok(Vec::new()) };
    let Some((&n_rows, shape)) = input.shape().split_first() else { return Ok(Vec::new()) };
    let shape = shape.to_vec();
    let split = if n_rows == 1 {
        input.reshaped(shape).map(|it| vec![it])
    } else {
        let n_elements = n_elements_of(&input) / n_rows.max(1);
        match input.data() {
            Data::F32(values) => parts(values, n_elements, |it| Tensor::f32(shape.clone(), it)),
            Data::I64(values) => parts(values, n_elements, |it| Tensor::i64(shape.clone(), it)),
        }
    };
    split.map_err(|error| failed("rows", &error))
}

fn parts<T: Clone>(
    values: &[T],
    n_elements: usize,
    built: impl Fn(Vec<T>) -> Result<Tensor, ShapeError>,
) -> Result<Vec<Tensor>, ShapeError> {
    values.chunks(n_elements.max(1)).map(|it| built(it.to_vec())).collect()
}

/// The outputs of all rows, each under one shape.
fn stacked(rows: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>, CallError> {
    let n_rows = rows.len();
    let mut stacked: Vec<(Vec<usize>, Vec<f32>)> = Vec::new();
    for (row_idx, row) in rows.iter().enumerate() {
        for (idx, output) in row.iter().enumerate() {
            if row_idx == 0 {
                stacked.push((output.shape().to_vec(), Vec::new()));
            }
            match (stacked.get_mut(idx), output.as_f32()) {
                (Some((shape, values)), Some(found)) if shape == output.shape() => {
                    values.extend_from_slice(found);
                }
                _ => return Err(failed("outputs", &"rows of one shape gave outputs of several")),
            }
        }
    }
    let whole = stacked.into_iter().map(|(shape, values)| {
        let shape: Vec<usize> = [n_rows].into_iter().chain(shape).collect();
        Tensor::f32(shape, values)
    });
    whole.collect::<Result<_, _>>().map_err(|error| failed("outputs", &error))
}

fn n_elements_of(tensor: &Tensor) -> usize {
    tensor.shape().iter().product()
}

fn info(known: &KnownModel, signature: &Signature) -> TensorModelInfo {
    let input = |it: &Port| port(it, it.element);
    // Engines show outputs as floats, whatever the graph says.
    let output = |it: &Port| port(it, Some(Element::F32));
    TensorModelInfo {
        name: known.name.clone(),
        version: known.version.clone(),
        platform: known.platform,
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

fn refusal(name: &str, error: RunError) -> CallError {
    match error {
        RunError::Expired => CallError::timeout(),
        RunError::Busy => overloaded(),
        RunError::Closed => CallError::new(ErrorCode::Unavailable, "模型正在卸載,請稍後再試。"),
        RunError::Engine(reason) => {
            tracing::warn!(model = name, %reason, "a model could not compute on tensors");
            let message = "模型無法計算這個形狀或內容的輸入,請核對 GET /v2/models/{name} 的說明。";
            CallError::new(ErrorCode::ContentRefused, message)
        }
        RunError::Panicked => failed(name, &error),
    }
}

fn no_such_model() -> CallError {
    let message = "沒有這個模型或版本;POST /v2/repository/index 列出可用的模型。";
    CallError::new(ErrorCode::NotFound, message)
}

fn not_loaded(name: &str) -> CallError {
    let message = format!("模型尚未載入,請先呼叫 POST /v2/repository/models/{name}/load。");
    CallError::new(ErrorCode::Unavailable, message)
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
