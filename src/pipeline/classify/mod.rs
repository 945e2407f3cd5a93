//! Text → ranked labels with calibrated probabilities, whether a person must decide, and why.
//!
//! [`Classifier`] joins a linear model, optionally a head over a sentence encoder's embedding (the caller computes the
//! embedding and hands it in), and the calibration that training measured out of fold.

mod dense;
mod evidence;
mod path;
mod settings;

use crate::engine::linear::{Features, LinearError, LinearModel, Scratch};
use crate::media::text::Normalised;

pub use dense::{DenseHead, fuse};
pub use evidence::Span;
pub use path::{Hierarchy, Place, is_below};
pub use settings::{Confidence, Fusion, SETTINGS_FORMAT, Settings};

/// Why a classifier cannot be loaded or asked. No text holds what was classified.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The linear model.
    #[error("failed to load the linear model")]
    Linear(#[from] LinearError),
    /// `classifier.json` is no such file.
    #[error("failed to read the classifier's settings")]
    Json(#[from] serde_json::Error),
    /// The head over the embedding is no such file.
    #[error("failed to load the encoder's head")]
    Tensors(#[from] safetensors::SafeTensorError),
    /// Something in them is not possible.
    #[error("{0}")]
    Settings(&'static str),
    /// The embedding does not fit.
    #[error("an embedding of {width} finite numbers is needed")]
    Embedding {
        /// What the head takes.
        width: usize,
    },
}

/// The files of a classifier.
#[derive(Clone, Copy)]
pub struct ClassifierFiles<'a> {
    /// `linear.safetensors`.
    pub linear: &'a [u8],
    /// `classifier.json`.
    pub settings: &'a [u8],
    /// `dense.safetensors`, where there is one.
    pub dense: Option<&'a [u8]>,
}

/// A trained classifier. Shared between threads; every caller brings its own [`Workspace`].
#[derive(Debug)]
pub struct Classifier {
    linear: LinearModel,
    settings: Settings,
    dense: Option<DenseHead>,
    /// Index of the input that is embedded.
    embedded: usize,
    hierarchy: Hierarchy,
}

/// Working memory of one thread; no `Debug`, it holds the last text.
#[derive(Default)]
pub struct Workspace {
    texts: Vec<Normalised>,
    scratch: Scratch,
    features: Features,
    scores: Vec<f32>,
}

/// What is asked about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Labels wanted, most likely first.
    pub top_k: usize,
    /// Evidence spans wanted; 0 saves the work.
    pub spans: usize,
}

/// One label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Index in [`Classifier::labels`].
    pub class: usize,
    /// Calibrated.
    pub probability: f32,
}

/// The answer for one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The most likely labels, best first.
    pub ranked: Vec<Ranked>,
    /// The unit above the labels that is sure while none of them is; then the unit is the answer.
    pub unit: Option<Place>,
    /// A person must decide: neither the first label nor its unit is likely enough for the promised precision, or
    /// nothing of the text is known to the model.
    pub requires_human: bool,
    /// What drove the first label, strongest first.
    pub evidence: Vec<Span>,
}

impl Classifier {
    /// Loads a classifier from its files.
    ///
    /// # Errors
    /// When one of them is damaged, or they do not belong together.
    pub fn load(files: ClassifierFiles<'_>) -> Result<Classifier, ClassifyError> {
        let linear = LinearModel::load(files.linear)?;
        let settings = Settings::read(files.settings)?;
        let n_classes = linear.classes().len();
        let dense = files.dense.map(|it| DenseHead::load(it, n_classes)).transpose()?;
        if dense.is_some() != settings.fused.is_some() {
            return Err(ClassifyError::Settings(
                "the settings and the encoder's head do not belong together",
            ));
        }
        let embedded = match &settings.fused {
            None => 0,
            Some(fusion) => {
                let place = linear.spec().inputs.iter().position(|it| *it == fusion.input);
                place.ok_or(ClassifyError::Settings("the embedded text is none of the inputs"))?
            }
        };
        let hierarchy = Hierarchy::new(linear.classes());
        Ok(Classifier { linear, settings, dense, embedded, hierarchy })
    }

    /// Labels; a label may be a path `unit/section`.
    pub fn labels(&self) -> &[String] {
        self.linear.classes()
    }

    /// Names of the texts it takes, in order.
    pub fn inputs(&self) -> &[String] {
        &self.linear.spec().inputs
    }

    /// The linear model.
    pub fn linear(&self) -> &LinearModel {
        &self.linear
    }

    /// What training measured.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// SHA-256 of the weights of the encoder that it can use.
    pub fn encoder(&self) -> Option<&str> {
        self.settings.fused.as_ref().map(|it| it.encoder.as_str())
    }

    /// The one of `texts` (one for each input) that the encoder is to embed.
    pub fn embedded<'a>(&self, texts: &[&'a str]) -> &'a str {
        texts.get(self.embedded).copied().unwrap_or_default()
    }

    /// Length of the embedding that it can use.
    pub fn embedding_width(&self) -> Option<usize> {
        self.dense.as_ref().map(|it| it.width)
    }

    /// Classifies one text, given as one string for each input; missing ones are empty.
    ///
    /// `embedding` is the encoder's, of [`Classifier::embedding_width`] numbers; without it (or without a head for it)
    /// the linear model answers alone, with its own calibration.
    ///
    /// # Errors
    /// When the embedding does not fit.
    pub fn classify(
        &self,
        texts: &[&str],
        embedding: Option<&[f32]>,
        ask: Ask,
        workspace: &mut Workspace,
    ) -> Result<Decision, ClassifyError> {
        let (scores, confidence) = self.scores(texts, embedding, workspace)?;
        let probabilities = confidence.probabilities(&scores);
        let order = best(&scores, ask.top_k.max(2));
        let ranked: Vec<Ranked> = order
            .iter()
            .take(ask.top_k)
            .map(|class| Ranked { class: *class, probability: probabilities[*class] })
            .collect();
        let first = order.first().copied();
        let likely = first
            .is_some_and(|it| confidence.threshold_of(&self.labels()[it]) <= probabilities[it]);
        let evidence = match first {
            Some(first) if 0 < ask.spans => {
                self.evidence(first, order.get(1).copied(), ask.spans, workspace)
            }
            _ => Vec::new(),
        };
        let is_known = !workspace.features.is_empty();
        let unit = match confidence.unit_threshold {
            Some(threshold) if !likely && is_known => {
                self.hierarchy.back_off(&probabilities, threshold)
            }
            _ => None,
        };
        let requires_human = !is_known || (!likely && unit.is_none());
        Ok(Decision { ranked, unit, requires_human, evidence })
    }

    /// The scores of every class, and the confidence they are to be read with.
    fn scores(
        &self,
        texts: &[&str],
        embedding: Option<&[f32]>,
        workspace: &mut Workspace,
    ) -> Result<(Vec<f32>, &Confidence), ClassifyError> {
        workspace.texts.resize_with(texts.len(), Normalised::default);
        for (kept, text) in workspace.texts.iter_mut().zip(texts) {
            kept.refill(text);
        }
        let inputs: Vec<&[char]> = workspace.texts.iter().map(Normalised::chars).collect();
        let Workspace { scratch, features, scores, .. } = workspace;
        self.linear.features_into(&inputs, scratch, features);
        self.linear.scores_into(features, scratch, scores);
        match (embedding, &self.dense, &self.settings.fused) {
            (Some(embedding), Some(head), Some(fusion)) => {
                let dense = head.scores(embedding)?;
                Ok((fuse(scores, &dense, fusion.weight), &fusion.confidence))
            }
            _ => Ok((scores.clone(), &self.settings.linear)),
        }
    }

    fn evidence(
        &self,
        class: usize,
        runner_up: Option<usize>,
        limit: usize,
        workspace: &mut Workspace,
    ) -> Vec<Span> {
        let inputs: Vec<&[char]> = workspace.texts.iter().map(Normalised::chars).collect();
        let Workspace { features, scratch, .. } = workspace;
        let contributions = self.linear.explain(&inputs, features, (class, runner_up), scratch);
        evidence::spans(&workspace.texts, &contributions, limit)
    }
}

/// The places of the `n` largest scores, largest first; of those alike the earlier one first.
fn best(scores: &[f32], n: usize) -> Vec<usize> {
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let mut places: Vec<usize> = (0..scores.len()).collect();
    if n < places.len() {
        places.select_nth_unstable_by(n, order);
        places.truncate(n);
    }
    places.sort_unstable_by(order);
    places
}

#[cfg(test)]
mod tests;
