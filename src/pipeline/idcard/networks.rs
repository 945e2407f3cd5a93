//! The networks of ID images, each on its own queue, bound to the deadline of one call.

use crate::base::Deadline;
use crate::batch::{ModelHandle, RunError};
use crate::engine::EngineError;
use crate::tensor::Tensor;

use super::detect::TextBox;
use super::face::FaceBox;
use super::read::Models;
use super::recognise::Reading;

/// Handles to the networks that read a card.
#[derive(Clone, Debug)]
pub struct Networks {
    /// Text detection: boxes of one picture ([`super::detect::reduce`]).
    pub detector: ModelHandle<Vec<TextBox>>,
    /// Line direction: probability to be upside down ([`super::orient::reduce`]).
    pub classifier: ModelHandle<f32>,
    /// Line recognition; `None` when the network's classes are not those of its dictionary.
    pub recogniser: ModelHandle<Option<Reading>>,
    /// Face detection: the holder's face ([`super::face::reduce`]).
    pub face_finder: ModelHandle<Option<FaceBox>>,
}

impl Networks {
    /// The networks for one call, whose rows are worthless after `deadline`.
    pub fn until(&self, deadline: Deadline) -> NetworksUntil<'_> {
        NetworksUntil { networks: self, deadline }
    }

    /// Proves that every network works.
    pub async fn check(&self, deadline: Deadline) -> Result<(), RunError> {
        self.detector.check(deadline).await?;
        self.classifier.check(deadline).await?;
        self.recogniser.check(deadline).await?;
        self.face_finder.check(deadline).await
    }
}

/// [`Networks`] with the deadline of one call.
#[derive(Clone, Copy, Debug)]
pub struct NetworksUntil<'a> {
    networks: &'a Networks,
    deadline: Deadline,
}

impl NetworksUntil<'_> {
    /// The holder's face on a page ([`super::face::prepare`]).
    pub async fn find_face(&self, page: Tensor) -> Result<Option<FaceBox>, RunError> {
        self.networks.face_finder.run(page, self.deadline).await
    }
}

impl Models for NetworksUntil<'_> {
    type Error = RunError;

    async fn detect(&self, picture: Tensor) -> Result<Vec<TextBox>, RunError> {
        self.networks.detector.run(picture, self.deadline).await
    }

    async fn classify(&self, lines: Vec<Tensor>) -> Result<Vec<f32>, RunError> {
        self.networks.classifier.run_all(lines, self.deadline).await
    }

    async fn recognise(&self, lines: Vec<Tensor>) -> Result<Vec<Reading>, RunError> {
        let readings = self.networks.recogniser.run_all(lines, self.deadline).await?;
        let readings: Option<Vec<Reading>> = readings.into_iter().collect();
        readings.ok_or_else(|| {
            EngineError::Failed(
                "the recogniser's classes are not those of its dictionary".to_owned(),
            )
            .into()
        })
    }
}
