//! The classifier that answers for one name, and its replacement by another version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use serde::Deserialize;

use crate::base::Date;
use crate::base::priority::yielding;
use crate::pipeline::classify::{Classifier, ClassifierFiles, ClassifyError, Place, Ranked};
use crate::pipeline::documents::taxonomy::{Mapping, Taxonomy};
use crate::registry::{LoadedVersion, VersionError, Versions};
use crate::task::idcard::ModelInfo;
use crate::task::text::Label;

use super::encoder::{EncoderError, Encoders, TextEncoder};

/// Why a version cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its files.
    #[error("failed to read the version")]
    Version(#[from] VersionError),
    /// What is in them.
    #[error("failed to load the classifier")]
    Classifier(#[from] ClassifyError),
    /// `labels.json` is no such file.
    #[error("failed to read `labels.json`")]
    Labels(#[from] serde_json::Error),
    /// Its sentence encoder.
    #[error("the classifier's encoder is not available")]
    Encoder(#[from] EncoderError),
}

/// A row of `labels.json`: what a label means beside its code.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelRow {
    name: String,
    unit: Option<String>,
}

/// A classifier that answers.
pub struct ActiveModel {
    /// It.
    pub classifier: Classifier,
    /// Its name, version and hash.
    pub info: ModelInfo,
    /// Name and unit of each class.
    labels: Vec<(String, Option<String>)>,
    /// The same of each place above classes.
    places: BTreeMap<String, (String, Option<String>)>,
    /// Codes of classes and places whose unit is no more, and is nobody else's here.
    gone: BTreeSet<String>,
    /// Labels of units that were split: a person chooses among what they are today.
    split: BTreeSet<String>,
    /// What its fusion needs; without it the linear model answers alone.
    pub(super) encoder: Option<Arc<dyn TextEncoder>>,
}

impl ActiveModel {
    /// Opens a version whose hashes were checked, without its encoder: what it answers so is the linear model's.
    ///
    /// # Errors
    /// When the classifier or its table of labels is broken.
    pub fn open(
        name: &str,
        version: &LoadedVersion,
        taxonomy: &Taxonomy,
        today: Date,
    ) -> Result<ActiveModel, ModelError> {
        let file = |name: &str| version.files.get(name).map(Vec::as_slice);
        let classifier = Classifier::load(ClassifierFiles {
            linear: file("linear.safetensors").unwrap_or_default(),
            settings: file("classifier.json").unwrap_or_default(),
            dense: file("dense.safetensors"),
        })?;
        let rows: BTreeMap<String, LabelRow> = match file("labels.json") {
            Some(bytes) => serde_json::from_slice(bytes)?,
            None => BTreeMap::new(),
        };
        let (mut gone, mut split) = (BTreeSet::new(), BTreeSet::new());
        let mut describe = |code: &String| {
            let row = rows.get(code);
            let named = row.map_or(Some(code.as_str()), |it| it.unit.as_deref());
            let meant = named.map(|it| taxonomy.map(it, None, today));
            match meant {
                Some(Mapping::Gone | Mapping::Left { .. }) => _ = gone.insert(code.clone()),
                Some(Mapping::Split { .. }) => _ = split.insert(code.clone()),
                _ => (),
            }
            let unit = meant.and_then(main_of);
            let last = || unit.as_deref().unwrap_or(code).rsplit('/').next().unwrap_or(code);
            (row.map_or_else(|| last().to_owned(), |it| it.name.clone()), unit)
        };
        let labels = classifier.labels().iter().map(&mut describe).collect();
        let above = classifier
            .labels()
            .iter()
            .flat_map(|it| it.match_indices('/').map(|(end, _)| it[..end].to_owned()));
        let places = above.map(|it| (it.clone(), describe(&it))).collect();
        let info = ModelInfo {
            name: name.to_owned(),
            version: version.number.to_string(),
            sha256: version.sha256.clone(),
        };
        Ok(ActiveModel { classifier, info, labels, places, gone, split, encoder: None })
    }

    /// The same with the encoder that its classifier is fused with, where it is.
    ///
    /// # Errors
    /// When that encoder is not available.
    pub fn with_encoder(self, encoders: &dyn Encoders) -> Result<ActiveModel, ModelError> {
        let encoder = self.classifier.encoder().map(|it| encoders.open(it)).transpose()?;
        Ok(ActiveModel { encoder, ..self })
    }

    /// A ranked class as a label.
    pub fn label(&self, ranked: &Ranked) -> Label {
        let code = self.classifier.labels().get(ranked.class).cloned().unwrap_or_default();
        let (name, unit) = self.labels.get(ranked.class).cloned().unwrap_or_default();
        Label { code, name, unit, score: ranked.probability }
    }

    /// Whether a label names a unit that is no more, and whose cases nobody here has: a person says whose they are.
    pub fn is_gone(&self, label: &Label) -> bool {
        self.has_gone(&label.code)
    }

    /// The same of a code.
    pub fn has_gone(&self, code: &str) -> bool {
        self.gone.contains(code)
    }

    /// The unit that a class means today.
    pub fn unit_of(&self, code: &str) -> Option<String> {
        let class = self.classifier.labels().iter().position(|it| it == code)?;
        self.labels.get(class)?.1.clone()
    }

    /// Whether a person must say whose a label's cases are: its unit is no more, or was split.
    pub fn needs_choice(&self, label: &Label) -> bool {
        self.is_gone(label) || self.split.contains(&label.code)
    }

    /// Every class as a label without a score, by code.
    pub fn all_labels(&self) -> Vec<Label> {
        let codes = self.classifier.labels().iter().zip(&self.labels);
        let label = |(code, (name, unit)): (&String, &(String, Option<String>))| Label {
            code: code.clone(),
            name: name.clone(),
            unit: unit.clone(),
            score: 0.0,
        };
        let mut labels: Vec<Label> = codes.map(label).collect();
        labels.sort_by(|one, other| one.code.cmp(&other.code));
        labels
    }

    /// A place above classes as a label.
    pub fn place(&self, place: &Place) -> Label {
        let (name, unit) = self.places.get(&place.path).cloned().unwrap_or_default();
        Label { code: place.path.clone(), name, unit, score: place.probability }
    }
}

/// The unit that a label means; the main one of a unit that was split.
pub(super) fn main_of(meant: Mapping) -> Option<String> {
    match meant {
        Mapping::Unit(path) | Mapping::Split { main: path, .. } => Some(path),
        Mapping::Left { .. } | Mapping::Gone | Mapping::Unknown => None,
    }
}

/// The place of the classifier of one name.
pub(super) struct ModelSlot {
    name: String,
    /// Whose versions these are, where they are not the house's: it stands before their numbers.
    tenant: Option<String>,
    versions: Versions,
    current: ArcSwapOption<ActiveModel>,
    encoders: Arc<dyn Encoders>,
    /// What was looked at last: the version, the day and the version of the units, whether or not it could be opened.
    seen: Mutex<Option<(u32, Date, String)>>,
}

impl ModelSlot {
    pub(super) fn new(
        versions: Versions,
        (name, tenant): (&str, Option<String>),
        encoders: Arc<dyn Encoders>,
    ) -> ModelSlot {
        ModelSlot {
            name: name.to_owned(),
            tenant,
            versions,
            current: ArcSwapOption::empty(),
            encoders,
            seen: Mutex::default(),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<ActiveModel>> {
        self.current.load_full()
    }

    /// Opens the version that the pointer names unless it was looked at today with these units. Units change on days, so
    /// that a new day opens the version again.
    pub(super) fn refresh(&self, taxonomy: &Taxonomy, today: Date) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match self.versions.active() {
            Ok(Some(number)) => number,
            Ok(None) => return,
            Err(error) => return self.report(&error),
        };
        let is_known = |it: &(u32, Date, String)| {
            (it.0, it.1) == (number, today) && it.2 == taxonomy.version()
        };
        if seen.as_ref().is_some_and(is_known) {
            return;
        }
        *seen = Some((number, today, taxonomy.version().to_owned()));
        let open = |number| self.open(number, taxonomy, today);
        match open(number) {
            Ok(model) => self.answer(model),
            Err(error) => {
                self.report(&error);
                // A process that was answering goes on with what it has; one that begins looks for what it had.
                // A pointer to nothing is a mistake that somebody must mend.
                let is_there = !matches!(error, ModelError::Version(VersionError::Unknown { .. }));
                if is_there && self.get().is_none() {
                    let earlier = self.versions.let_in_before(number).unwrap_or_default();
                    if let Some(model) = earlier.into_iter().find_map(|it| open(it).ok()) {
                        self.answer(model);
                    }
                }
            }
        }
    }

    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Opens a version as it is when it answers.
    ///
    /// # Errors
    /// When it could not answer.
    pub(super) fn open(
        &self,
        number: u32,
        taxonomy: &Taxonomy,
        today: Date,
    ) -> Result<ActiveModel, ModelError> {
        let model = yielding(|| {
            let version = self.versions.load(number)?;
            ActiveModel::open(&self.name, &version, taxonomy, today)
        })?;
        let mut model = model.with_encoder(self.encoders.as_ref())?;
        if let Some(tenant) = &self.tenant {
            model.info.version = format!("{tenant}/{number}");
        }
        Ok(model)
    }

    fn answer(&self, model: ActiveModel) {
        tracing::info!(name = self.name, version = model.info.version, "a classifier answers");
        self.current.store(Some(Arc::new(model)));
    }

    fn report(&self, error: &dyn std::error::Error) {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(name = self.name, reason = %error, cause, "a classifier is refused; the one before stays");
    }
}
