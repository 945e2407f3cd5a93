//! The whole of it: one picture in, one [`Recognition`] out.

use std::sync::Arc;

use crate::base::{Date, Deadline, ErrorCode, Private};
use crate::batch::RunError;
use crate::media::{Pixels, Quad};
use crate::task::idcard::{Field, FieldName, IdImage, ReadLine, Recognition};

use super::face;
use super::networks::{Networks, NetworksUntil};
use super::read::{PageReading, ReadError, ReadOptions, read_page};
use super::redact::{self, WriteError};
use super::{Calibration, Document, interpret_with};

/// Reads ID images. Cheap to clone; holds models, never callers, transports or storage.
#[derive(Clone, Debug)]
pub struct IdCardPipeline {
    /// The networks.
    pub networks: Networks,
    /// How pages are read.
    pub options: ReadOptions,
    /// From raw scores of fields to probabilities.
    pub calibration: Arc<Calibration>,
}

/// Why a picture has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The picture could not be read.
    #[error("reading the picture failed")]
    Read(#[from] ReadError<RunError>),
    /// The redacted picture could not be written.
    #[error("writing the redacted picture failed")]
    Redact(#[from] WriteError),
    /// A stage broke off: a bug.
    #[error("a stage broke off")]
    Stage,
}

impl PipelineError {
    /// What the caller is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            PipelineError::Read(ReadError::Model(RunError::Expired)) => ErrorCode::Timeout,
            PipelineError::Read(ReadError::Model(RunError::Busy)) => ErrorCode::Overloaded,
            PipelineError::Read(ReadError::Model(RunError::Closed)) => ErrorCode::Unavailable,
            _ => ErrorCode::Internal,
        }
    }
}

impl IdCardPipeline {
    /// Reads one picture; worthless after `deadline`. `today` bounds dates and decides centuries.
    pub async fn recognise(
        &self,
        image: IdImage,
        today: Date,
        deadline: Deadline,
    ) -> Result<Recognition, PipelineError> {
        let pixels = image.pixels;
        let networks = self.networks.until(deadline);
        let page = read_page(Arc::clone(&pixels), &networks, self.options).await?;
        let face = match image.wanted.face {
            true => find_face(&pixels, &page, &networks).await?,
            false => None,
        };
        let calibration = Arc::clone(&self.calibration);
        let work = move || {
            let mut recognition = recognition(page, today, &calibration);
            recognition.face = face;
            if image.wanted.redacted_image {
                recognition.redacted_png = Some(redacted(&pixels, &recognition)?);
            }
            Ok(recognition)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PipelineError::Stage)?
    }
}

/// The holder's face, in the coordinates of the picture.
async fn find_face(
    pixels: &Arc<Pixels>,
    page: &PageReading,
    networks: &NetworksUntil<'_>,
) -> Result<Option<Quad>, PipelineError> {
    let (pixels, to_image) = (Arc::clone(pixels), page.to_image);
    let size = (page.page.width, page.page.height);
    let prepare = move || face::prepare(&pixels, &to_image, size);
    let prepared = tokio::task::spawn_blocking(prepare).await.map_err(|_| PipelineError::Stage)?;
    let Some((input, scale)) = prepared else { return Ok(None) };
    let found = networks.find_face(input).await.map_err(ReadError::Model)?;
    let on_page = found.and_then(|it| it.on_page(scale, size));
    Ok(on_page.map(|quad| page.to_image.apply_quad(&quad)))
}

/// What a page says, in the coordinates of the picture.
fn recognition(reading: PageReading, today: Date, calibration: &Calibration) -> Recognition {
    let PageReading { page, to_image, rotation, corners, quality } = reading;
    let Document { document_type, type_score, mut fields, mrz } =
        interpret_with(&page, today, calibration);
    for field in &mut fields {
        field.quad = to_image.apply_quad(&field.quad);
    }
    let lines = page.lines.iter().map(|line| ReadLine {
        text: Private::new(line.text()),
        confidence: line.confidence(),
        quad: to_image.apply_quad(&line.quad),
    });
    Recognition {
        document_type,
        type_score,
        rotation,
        corners,
        quality,
        fields,
        mrz,
        lines: lines.collect(),
        face: None,
        redacted_png: None,
    }
}

/// The picture with every number and the whole machine-readable zone painted over.
fn redacted(pixels: &Pixels, recognition: &Recognition) -> Result<Private<Vec<u8>>, PipelineError> {
    let numbers = recognition.fields.iter().filter(|it| is_number(it)).map(|it| it.quad);
    let zone = recognition.lines.iter().filter(|it| it.text.expose().contains("<<"));
    let secrets: Vec<_> = numbers.chain(zone.map(|it| it.quad)).collect();
    Ok(Private::new(redact::redacted(pixels, &secrets)?))
}

fn is_number(field: &Field) -> bool {
    matches!(
        field.name,
        FieldName::IdNumber
            | FieldName::CardNumber
            | FieldName::ResidenceNo
            | FieldName::PassportNo
            | FieldName::ControlNumber
    )
}
