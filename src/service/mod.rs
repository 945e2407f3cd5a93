//! The one door: every call of every transport is admitted, weighed, decoded and answered here.
//!
//! A call takes a place before its body is read, and its share of the pixel budget after the header of the picture
//! is. What cannot be answered in time is refused at once. Dropping a call's future gives everything back.

mod admission;
mod claim;
pub mod drift;
pub mod events;
pub mod infer;
pub mod jobs;
pub mod messages;
pub mod modes;
pub mod notices;
#[cfg(feature = "otlp")]
pub mod otlp;
mod picture;
mod pool;
pub mod privacy;
pub mod proposals;
pub mod relay;
pub mod retention;
pub mod reviews;
mod rounds;
pub mod routing;
pub mod scan;
pub mod sources;
pub mod speech;
pub mod subjects;
pub mod tenants;
mod texts;
pub mod webhooks;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::OwnedSemaphorePermit;

use crate::base::{Clock, ErrorCode, Private};
use crate::media::Pixels;
use crate::store::Store;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::idcard::{
    Health, IdAnswer, IdCall, IdImage, Load, ModelInfo, RecogniseId, Timings, Wanted,
};
use crate::task::service::ServiceName;
use crate::task::text::Mode;

pub use claim::ClaimCheck;
pub use picture::PictureFiles;
pub use texts::Unread;

use admission::Admission;
use events::{Circumstances, Event, IdentityRecognised};
use infer::Infer;
use modes::Modes;
use notices::Notices;
use pool::{Lane, Pool, PoolError};
use routing::ActiveModel;
use scan::Scanner;
use speech::Speech;
use tenants::Tenants;

/// Bounds of what is worked on at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Calls admitted and not answered; the next one is refused.
    pub max_in_flight: u32,
    /// Pixels of all admitted calls; a call beyond is refused, unless it is alone.
    pub max_admitted_pixels: u64,
    /// Pixels decoded at one time (three bytes each, and as many while decoding); a picture beyond waits.
    pub max_decoded_pixels: u64,
    /// Threads that decode.
    pub decode_threads: usize,
    /// Calls of letters, documents and predictions admitted and not answered; the next one is refused.
    pub max_texts_in_flight: u32,
    /// Threads that read letters and documents.
    pub text_threads: usize,
    /// What a refused caller is told to wait.
    pub retry_after: Duration,
}

impl Default for ServiceLimits {
    /// 32 calls, 640 million pixels admitted, 48 million decoded, 2 threads; 64 calls of texts, 2 threads; 1 s.
    fn default() -> ServiceLimits {
        ServiceLimits {
            max_in_flight: 32,
            max_admitted_pixels: 640_000_000,
            max_decoded_pixels: 48_000_000,
            decode_threads: 2,
            max_texts_in_flight: 64,
            text_threads: 2,
            retry_after: Duration::from_secs(1),
        }
    }
}

/// Turns a picture file into pixels. Called on the decoding threads only.
pub trait Decode: Send + Sync {
    /// Reads the header: width and height as displayed.
    fn probe(&self, file: &[u8]) -> Result<(u32, u32), CallError>;

    /// Decodes the whole picture, upright.
    fn decode(&self, file: &[u8]) -> Result<Pixels, CallError>;
}

/// What a service is made of.
pub struct ServiceParts {
    /// What this node has; calls of the others are refused, their jobs are taken in for other nodes.
    pub services: Vec<ServiceName>,
    /// Recognises ID images, where that is one of them.
    pub recogniser: Option<Arc<dyn RecogniseId>>,
    /// Decodes picture files.
    pub decoder: Arc<dyn Decode>,
    /// Letters and documents, by agency.
    pub tenants: Arc<Tenants>,
    /// Where events wait to be told.
    pub store: Store,
    /// Recordings.
    pub speech: Arc<Speech>,
    /// Models that callers reach with tensors of their own.
    pub models: Arc<Infer>,
    /// Looks at files before they are read.
    pub scanner: Scanner,
    /// What somebody must look at.
    pub notices: Arc<Notices>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// The door. Cheap to share behind an `Arc`.
pub struct Service {
    services: Vec<ServiceName>,
    recogniser: Option<Arc<dyn RecogniseId>>,
    decoder: Arc<dyn Decode>,
    tenants: Arc<Tenants>,
    modes: Modes,
    store: Store,
    speech: Arc<Speech>,
    models: Arc<Infer>,
    scanner: Scanner,
    notices: Arc<Notices>,
    clock: Arc<dyn Clock>,
    admission: Admission,
    pool: Pool,
    texts: Pool,
}

/// How busy the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Calls admitted and not answered.
    pub calls: usize,
    /// Their pixels, as far as the headers have been read.
    pub pixels: u64,
}

impl Service {
    /// Starts the decoding threads and opens the door.
    pub fn start(parts: ServiceParts, limits: ServiceLimits) -> io::Result<Arc<Service>> {
        // Two pictures a call at most: the pool never refuses what admission has accepted.
        let max_waiting = 2 * limits.max_in_flight as usize;
        let (store, clock) = (parts.store.clone(), Arc::clone(&parts.clock));
        let modes = Modes::new(store, Arc::clone(&parts.tenants), clock);
        // Where that fails nothing is answered until it succeeds: what is off must stay off.
        if let Err(error) = modes.refresh() {
            tracing::error!(reason = %error, "the modes of services were not read");
        }
        Ok(Arc::new(Service {
            services: parts.services,
            recogniser: parts.recogniser,
            decoder: parts.decoder,
            tenants: parts.tenants,
            modes,
            store: parts.store,
            speech: parts.speech,
            models: parts.models,
            scanner: parts.scanner,
            notices: parts.notices,
            clock: parts.clock,
            admission: Admission::new(&limits),
            pool: Pool::start("decode", limits.decode_threads, max_waiting)?,
            texts: Pool::start("text", limits.text_threads, limits.max_texts_in_flight as usize)?,
        }))
    }

    /// Takes a place for a call before its body is read; refuses at once when there is none.
    pub fn admit(self: &Arc<Self>, cx: &CallContext, task: Task) -> Result<Admitted, CallError> {
        let org = &cx.origin.org;
        let mode = match ServiceName::of(task) {
            Some(service) => self.modes.require_on(org, service)?,
            None => Mode::Live,
        };
        self.require_here(task)?;
        let place = self.admission.enter(task)?;
        match task {
            Task::IdCard => require_ready(&self.recogniser()?.health())?,
            Task::Letters
            | Task::Documents
            | Task::Answers
            | Task::Predictions
            | Task::Embeddings => {
                self.tenants.of(org).require_model(task)?;
            }
        }
        Ok(Admitted { service: Arc::clone(self), cx: cx.clone(), mode, place })
    }

    /// Whether calls are accepted, and if not, why (in English, for operators).
    pub fn health(&self) -> Health {
        if self.admission.is_draining() {
            return Health::Unavailable("the server is draining".to_owned());
        }
        self.recogniser.as_ref().map_or(Health::Ready, |it| it.health())
    }

    /// Whether this node has a service.
    pub fn has(&self, service: ServiceName) -> bool {
        self.services.contains(&service)
    }

    /// Refuses what other nodes answer.
    fn require_here(&self, task: Task) -> Result<(), CallError> {
        match ServiceName::of(task) {
            Some(service) if !self.has(service) => Err(elsewhere(service)),
            _ => Ok(()),
        }
    }

    fn recogniser(&self) -> Result<&Arc<dyn RecogniseId>, CallError> {
        self.recogniser.as_ref().ok_or_else(|| elsewhere(ServiceName::IdentityDocuments))
    }

    /// Whether ID images are read here, now.
    pub fn reads_cards(&self) -> bool {
        self.recogniser.is_some() && self.health() == Health::Ready
    }

    /// Which models recognise ID images, where this node has that service.
    pub fn idcard_model(&self) -> Option<ModelInfo> {
        self.recogniser.as_ref().map(|it| it.model())
    }

    /// The house's classifier of letters or documents, if one is active.
    pub fn classifier(&self, task: Task) -> Option<Arc<ActiveModel>> {
        self.tenants.house().model(task)
    }

    /// Recordings.
    pub fn speech(&self) -> &Arc<Speech> {
        &self.speech
    }

    /// The same for an agency's call; refuses where it is switched off.
    ///
    /// # Errors
    /// Those of [`Modes::require_on`].
    pub fn speech_for(&self, org: &str) -> Result<&Arc<Speech>, CallError> {
        self.modes.require_on(org, ServiceName::Speech)?;
        Ok(&self.speech)
    }

    /// In which mode each agency has each service.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Models that callers reach with tensors of their own.
    pub fn models(&self) -> &Arc<Infer> {
        &self.models
    }

    /// The index that answers questions, if one is active, and what an operator should know of it.
    pub fn answers(&self) -> (Option<ModelInfo>, Option<String>) {
        self.tenants.house().answers()
    }

    /// Looks at files before they are read.
    pub fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// What somebody must look at.
    pub fn notices(&self) -> &Arc<Notices> {
        &self.notices
    }

    /// How busy the service is.
    pub fn occupancy(&self) -> Occupancy {
        Occupancy { calls: self.admission.n_calls(), pixels: self.admission.pixels() }
    }

    /// Whether new calls are refused because the server is about to end.
    pub fn is_draining(&self) -> bool {
        self.admission.is_draining()
    }

    /// From now on every new call is refused; those admitted go on.
    pub fn begin_drain(&self) {
        self.admission.begin_drain();
    }

    /// Resolves when the last admitted call is answered or dropped.
    pub async fn drained(&self) {
        self.admission.empty().await;
    }

    fn pool_error(&self, error: PoolError) -> CallError {
        match error {
            PoolError::Full => self.admission.overloaded(),
            PoolError::Panicked => CallError::new(ErrorCode::Internal, "系統發生錯誤。"),
        }
    }
}

/// The refusal of a call that other nodes answer.
fn elsewhere(service: ServiceName) -> CallError {
    let title = service.title();
    let later = match service {
        ServiceName::Letters | ServiceName::Documents => {
            ",或加上 Prefer: respond-async,由那些節點處理"
        }
        _ => "",
    };
    let message = format!(
        "這個節點(依其角色與 server.services)不提供{title},請改送提供此服務的節點{later}。"
    );
    CallError::new(ErrorCode::Unavailable, message)
}

fn require_ready(health: &Health) -> Result<(), CallError> {
    match health {
        Health::Ready => Ok(()),
        Health::Unavailable(_) => {
            Err(CallError::new(ErrorCode::Unavailable, "辨識模型尚未就緒,請稍後再試。")
                .retry_after(Duration::from_secs(5)))
        }
    }
}

/// A call that has its place. Dropping it gives the place back.
pub struct Admitted {
    service: Arc<Service>,
    cx: CallContext,
    /// In which mode the caller's agency has what it asks for.
    mode: Mode,
    place: OwnedSemaphorePermit,
}

/// One picture on its way: the file, and its size by its header.
struct Probed {
    file: Arc<Private<Vec<u8>>>,
    size: (u32, u32),
}

impl Probed {
    fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }
}

impl Admitted {
    /// Recognises the pictures of a call; one answer each, in order. The first failure fails the call.
    pub async fn recognise_id(self, call: IdCall) -> Result<Vec<IdAnswer>, CallError> {
        let answered = tokio::time::timeout_at(self.cx.deadline.into(), self.answer(call)).await;
        let answers = answered.unwrap_or_else(|_| Err(CallError::timeout()))?;
        self.keep(&answers).await;
        drop(self.place);
        for answer in &answers {
            let kind = answer.recognition.document_type.as_str();
            metrics::counter!("fenwen_identity_documents_total", "type" => kind).increment(1);
        }
        Ok(answers)
    }

    /// Keeps which kinds and fields were read, and tells of it, in one commit. Where that fails the caller is answered all
    /// the same.
    async fn keep(&self, answers: &[IdAnswer]) {
        let Some(model) = self.service.idcard_model() else { return };
        let id = self.cx.request_id.to_string();
        let routing = self.service.tenants.of(&self.cx.origin.org);
        let kept = routing.recognised(&self.cx, self.mode, answers, &model);
        let event = Event::IdentityRecognised(IdentityRecognised::new(&id, answers, &model));
        let about = format!("recognitions/{id}");
        let of = Circumstances::of(&self.cx.origin, about, self.service.clock.as_ref());
        let lost = match event.outbox_row(&of) {
            Ok(told) => match self.service.store.keep(vec![kept], vec![told]) {
                Ok(reply) => reply.await.err().map(|it| it.to_string()),
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = lost {
            tracing::error!(reason, "the record of a recognition was lost");
        }
    }

    async fn answer(&self, call: IdCall) -> Result<Vec<IdAnswer>, CallError> {
        let IdCall { pictures, wanted } = call;
        for picture in &pictures {
            self.service.scanner.check(picture).await?;
        }
        let probed = try_join_all(pictures.into_iter().map(|file| self.probe(file))).await?;
        let pixels: Vec<u64> = probed.iter().map(Probed::pixels).collect();
        let weight = self.service.admission.weigh(pixels.len(), pixels.iter().sum())?;
        self.require_in_time(weight.pictures_ahead, &pixels)?;
        let answers = try_join_all(probed.into_iter().map(|it| self.recognise(it, wanted))).await;
        drop(weight);
        answers
    }

    async fn probe(&self, file: Private<Vec<u8>>) -> Result<Probed, CallError> {
        let file = Arc::new(file);
        let (decoder, shared) = (Arc::clone(&self.service.decoder), Arc::clone(&file));
        let probe = move || decoder.probe(shared.expose());
        let size = self.service.pool.run(Lane::Short, probe).await;
        let size = size.map_err(|error| self.service.pool_error(error))??;
        Ok(Probed { file, size })
    }

    /// Refuses now what would be answered after the deadline.
    fn require_in_time(&self, pictures_ahead: usize, pixels: &[u64]) -> Result<(), CallError> {
        let Some(&last) = pixels.last() else { return Ok(()) };
        let load = Load { pictures_ahead: pictures_ahead + pixels.len() - 1, pixels: last };
        let needed = self.service.recogniser()?.estimate(load);
        let left = self.cx.deadline.saturating_duration_since(self.service.clock.now());
        if needed <= left {
            return Ok(());
        }
        Err(CallError::new(ErrorCode::Overloaded, "目前無法在期限內完成,請稍後再試或放寬期限。")
            .retry_after((needed - left).max(Duration::from_secs(1))))
    }

    async fn recognise(&self, picture: Probed, wanted: Wanted) -> Result<IdAnswer, CallError> {
        let service = &self.service;
        let clock = Arc::clone(&service.clock);
        let arrived = clock.now();
        let size = picture.size;
        let memory = service.admission.memory(picture.pixels()).await?;
        let decoder = Arc::clone(&service.decoder);
        // The memory permit travels with the pixels, so that it is held even when the caller leaves meanwhile.
        let decode = move || {
            let begun = clock.now();
            let pixels = decoder.decode(picture.file.expose());
            (pixels, memory, begun, clock.now())
        };
        let decoded = service.pool.run(Lane::Long, decode).await;
        let (pixels, memory, begun, ended) = decoded.map_err(|it| service.pool_error(it))?;
        let image = IdImage { pixels: Arc::new(pixels?), wanted };
        let recognition = service.recogniser()?.recognise(image, self.cx.deadline).await?;
        drop(memory);
        let timings = Timings {
            queue: begun.saturating_duration_since(arrived),
            decode: ended.saturating_duration_since(begun),
            infer: service.clock.now().saturating_duration_since(ended),
        };
        Ok(IdAnswer { recognition, size, timings })
    }
}
