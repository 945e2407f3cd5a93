//! Letters, documents and questions: the classifiers and the index that answer, the rules beside them, the store.
//!
//! Everything here blocks and runs on the threads of the text pool. A classifier is swapped while calls go on: each
//! call keeps the one it began with.

mod answers;
mod automation;
mod cards;
mod comparison;
mod documents;
mod drift;
mod encoder;
pub mod index;
mod lessons;
mod letters;
mod model;
mod predictions;
mod replay;
mod shelf;
mod similar;
mod taxonomy;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::base::priority::yielding;
use crate::base::{Clock, Date, Deadline, ErrorCode};
use crate::pipeline::classify::Workspace;
use crate::pipeline::documents::deadline::Calendar;
use crate::pipeline::documents::number::PrefixTable;
use crate::pipeline::documents::taxonomy::Taxonomy;
use crate::pipeline::letters::similar::SimilarIndex;
use crate::registry::{Trust, VersionError, Versions};
use crate::service::reviews::ReviewRules;
use crate::store::{Store, StoreError};
use crate::task::call::{CallError, Task};
use crate::task::idcard::ModelInfo;
use crate::task::prediction::ServiceStatistics;
use crate::task::service::ServiceName;
use crate::task::text::Mode;

pub use automation::AutomationRules;
pub use encoder::{Embeddings, EncoderError, Encoders, TextEncoder};
pub use lessons::{Lesson, LessonError, Origin, lessons};
pub use model::{ActiveModel, ModelError};

use index::{ActiveIndex, IndexFileError, IndexSlot};
use model::ModelSlot;

/// Names of the classifiers.
pub const CLASSIFIERS: [&str; 3] = [LETTERS, DOCUMENTS, MINISTRIES];
/// Letters → label.
pub const LETTERS: &str = "letters";
/// Documents → unit.
pub const DOCUMENTS: &str = "documents";
/// Questions → source; not a classifier, but kept among the predictions.
pub const ANSWERS: &str = "qa";
/// ID images → kinds and fields; no classifier here either, but kept among the predictions.
pub const CARDS: &str = "identity-documents";
/// Any text → ministry, to tell what is not ours.
pub const MINISTRIES: &str = "ministries";

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Manners of one of the services.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSettings {
    /// Labels or sources answered when the caller does not say.
    pub top_k: usize,
    /// How far answers are used.
    pub mode: Mode,
    /// Which of them need not be read anew.
    pub automation: AutomationRules,
}

/// Manners of all services.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutingSettings {
    /// What this node has: for others no classifier is opened.
    pub services: Vec<ServiceName>,
    /// Of letters.
    pub letters: TextSettings,
    /// Of documents.
    pub documents: TextSettings,
    /// Of questions.
    pub answers: TextSettings,
    /// Days that texts and their signatures are kept.
    pub text_days: u64,
    /// Days that predictions are kept without them.
    pub prediction_days: u64,
    /// Similarity from which a letter repeats an earlier one, 0 to 1.
    pub repeated_from: f32,
    /// Newest letters that are compared.
    pub n_compared: usize,
    /// Probability from which a further unit is co-handling.
    pub co_from: f32,
    /// Probability from which a document is another ministry's.
    pub foreign_from: f32,
    /// Which answers officers review.
    pub review: ReviewRules,
    /// Whether built-in sources answer questions until an index was built.
    pub has_examples: bool,
}

impl Default for RoutingSettings {
    /// Every service; three labels of letters, five of documents, three sources; texts 30 days, predictions three years; half for
    /// near-duplicates and other ministries; no reviews, no examples.
    fn default() -> RoutingSettings {
        let settings = |top_k| TextSettings {
            top_k,
            mode: Mode::Pilot,
            automation: AutomationRules::default(),
        };
        RoutingSettings {
            services: ServiceName::ALL.to_vec(),
            letters: settings(3),
            documents: settings(5),
            answers: settings(3),
            text_days: 30,
            prediction_days: 3 * 365,
            repeated_from: 0.5,
            n_compared: 100_000,
            co_from: 0.2,
            foreign_from: 0.5,
            review: ReviewRules::default(),
            has_examples: false,
        }
    }
}

/// What the services are made of.
pub struct RoutingParts {
    /// The agency that they serve alone; none for the house, which serves everybody else.
    pub tenant: Option<String>,
    /// Where classifiers lie: `data_dir/classifiers`, or `data_dir/tenants/<agency>/classifiers`.
    pub classifiers: PathBuf,
    /// Where the library of sources and its indexes lie: `data_dir/answers`.
    pub answers: PathBuf,
    /// Whose classifiers may answer.
    pub trust: Trust,
    /// Opens the encoder of a classifier that is fused with one, or of the index.
    pub encoders: Arc<dyn Encoders>,
    /// Where predictions are kept.
    pub store: Store,
    /// Units.
    pub taxonomy: Taxonomy,
    /// Working days.
    pub calendar: Calendar,
    /// Whose a number is.
    pub prefixes: PrefixTable,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Manners.
    pub settings: RoutingSettings,
}

/// The services of text.
pub struct Routing {
    letters: ModelSlot,
    documents: ModelSlot,
    ministries: ModelSlot,
    answers: IndexSlot,
    encoders: Arc<dyn Encoders>,
    /// Letters to each agency.
    similar: Mutex<BTreeMap<String, SimilarIndex>>,
    promises: Mutex<BTreeMap<&'static str, ServiceStatistics>>,
    store: Store,
    /// The units of the settings.
    given: Arc<Taxonomy>,
    /// Whose versions of the units may hold.
    trust: Trust,
    /// Those that hold: the given ones, or a version that was added.
    taxonomy: ArcSwap<Taxonomy>,
    /// The version of the units that does not hold although its day has come: why is logged once.
    refused: Mutex<Option<String>>,
    calendar: Calendar,
    prefixes: PrefixTable,
    clock: Arc<dyn Clock>,
    settings: RoutingSettings,
}

/// Why the services cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RoutingError {
    /// What is kept cannot be read.
    #[error("failed to read what is kept")]
    Store(#[from] StoreError),
    /// A pointer to a classifier cannot be read.
    #[error("failed to look for classifiers")]
    Versions(#[from] VersionError),
    /// The built-in examples of sources.
    #[error("failed to read the built-in examples")]
    Examples(#[from] IndexFileError),
}

impl Routing {
    /// Opens the active classifiers and the index of near-duplicates. A classifier that cannot be opened is reported in
    /// the log, and its service answers that it is not ready.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    pub fn open(parts: RoutingParts) -> Result<Arc<Routing>, RoutingError> {
        let slot = |name: &str| {
            let versions = Versions::at(&parts.classifiers, name).trusting(parts.trust.clone());
            let versions = versions.of_agency(parts.tenant.clone());
            // Which ministry a text is for is the same question for everybody; which unit, is not.
            let is_own = parts.tenant.is_some() && name != MINISTRIES;
            let versions = if is_own { versions.without_built_in() } else { versions };
            ModelSlot::new(versions, (name, parts.tenant.clone()), Arc::clone(&parts.encoders))
        };
        let has_letters = parts.settings.services.contains(&ServiceName::Letters);
        let n_read = if has_letters { parts.settings.n_compared } else { 0 };
        let tenant = parts.tenant.as_deref();
        let similar = yielding(|| similar::indexes(&parts.store, LETTERS, tenant, n_read))?;
        let has_examples = parts.settings.has_examples;
        let examples = has_examples.then(ActiveIndex::of_examples).transpose()?;
        let given = Arc::new(parts.taxonomy);
        let routing = Routing {
            letters: slot(LETTERS),
            documents: slot(DOCUMENTS),
            ministries: slot(MINISTRIES),
            answers: IndexSlot::new(&parts.answers, Arc::clone(&parts.encoders), examples),
            encoders: parts.encoders,
            similar: Mutex::new(similar),
            promises: Mutex::default(),
            store: parts.store,
            trust: parts.trust,
            taxonomy: ArcSwap::new(Arc::clone(&given)),
            given,
            refused: Mutex::default(),
            calendar: parts.calendar,
            prefixes: parts.prefixes,
            clock: parts.clock,
            settings: parts.settings,
        };
        routing.refresh_taxonomy()?;
        routing.refresh();
        routing.remeasure();
        Ok(Arc::new(routing))
    }

    /// Looks whether other versions are to answer, and swaps them in; a broken one is logged and the old one stays.
    pub fn refresh(&self) {
        let taxonomy = self.taxonomy.load_full();
        let has = |service| self.settings.services.contains(&service);
        let (letters, documents) = (has(ServiceName::Letters), has(ServiceName::Documents));
        let slots = [
            (&self.letters, letters),
            (&self.documents, documents),
            (&self.ministries, letters || documents),
        ];
        for (slot, _) in slots.into_iter().filter(|it| it.1) {
            slot.refresh(&taxonomy, self.today());
        }
        if has(ServiceName::Questions) {
            self.answers.refresh();
        }
    }

    /// Forgets predictions whose texts were erased, so that no letter is said to repeat one.
    pub fn forget(&self, ids: &[String]) {
        let mut similar = self.similar();
        for index in similar.values_mut() {
            for id in ids {
                index.remove(id);
            }
        }
    }

    /// The classifier of a service, if one is active.
    pub fn model(&self, task: Task) -> Option<Arc<ActiveModel>> {
        match task {
            Task::Letters => self.letters.get(),
            Task::Documents => self.documents.get(),
            Task::IdCard | Task::Answers | Task::Predictions | Task::Embeddings => None,
        }
    }

    /// Refuses where no classifier is active, with the remedy.
    pub(super) fn require_model(&self, task: Task) -> Result<(), CallError> {
        let name = match task {
            Task::Letters => LETTERS,
            Task::Documents => DOCUMENTS,
            Task::Answers => return self.answers.require().map(drop),
            Task::IdCard | Task::Predictions | Task::Embeddings => return Ok(()),
        };
        if self.model(task).is_some() {
            return Ok(());
        }
        Err(CallError::new(
            ErrorCode::Unavailable,
            format!("尚未啟用 {name} 的分類模型,請先執行:fenwen models activate {name} DIR"),
        ))
    }

    fn today(&self) -> Date {
        Date::in_taiwan(self.clock.unix_time())
    }

    fn similar(&self) -> MutexGuard<'_, BTreeMap<String, SimilarIndex>> {
        self.similar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promises(&self) -> MutexGuard<'_, BTreeMap<&'static str, ServiceStatistics>> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn require_time(&self, deadline: Deadline) -> Result<(), CallError> {
        if self.clock.now() < deadline { Ok(()) } else { Err(CallError::timeout()) }
    }
}

thread_local! {
    static WORKSPACE: Cell<Option<Box<Workspace>>> = const { Cell::new(None) };
}

/// Runs `work` with this thread's workspace. One that a panic has left half-way is not used again.
fn with_workspace<R>(work: impl FnOnce(&mut Workspace) -> R) -> R {
    let mut workspace = WORKSPACE.take().unwrap_or_default();
    let result = work(&mut workspace);
    WORKSPACE.set(Some(workspace));
    result
}

/// A failure on our side: the log has the reason, the caller a sentence.
fn internal(error: &dyn std::error::Error) -> CallError {
    tracing::error!(reason = chain(error), "a text was not answered");
    CallError::new(ErrorCode::Internal, "系統發生錯誤。")
}

/// An error and its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    chain
}

/// What is answered for a model.
fn info(model: &ActiveModel) -> ModelInfo {
    model.info.clone()
}
