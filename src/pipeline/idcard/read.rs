//! From pixels to a page of upright, recognised lines: the stage that everything else of ID images stands on.

use std::f32::consts::PI;
use std::future::Future;
use std::sync::Arc;

use crate::media::{Homography, Pixels, Point, Quad};
use crate::task::idcard::Quality;
use crate::tensor::Tensor;

use super::crop::{Margin, Strip};
use super::detect::{self, DetectorInput, TextBox};
use super::line::{Glyph, Line, Page};
use super::orient;
use super::recognise::Reading;
use super::sample::Region;
use super::{locate, quality};

/// The networks that read a page, wherever they run.
///
/// Each method takes rows without a batch dimension and answers one result a row, in order.
pub trait Models: Send + Sync {
    /// Why a network could not answer.
    type Error: Send;
    /// Boxes of text, in the pixels of the input ([`detect::reduce`]).
    fn detect(
        &self,
        picture: Tensor,
    ) -> impl Future<Output = Result<Vec<TextBox>, Self::Error>> + Send;
    /// Probability of each line to be upside down ([`orient::reduce`]).
    fn classify(
        &self,
        lines: Vec<Tensor>,
    ) -> impl Future<Output = Result<Vec<f32>, Self::Error>> + Send;
    /// Characters of each line ([`super::recognise::Alphabet::reduce`]).
    fn recognise(
        &self,
        lines: Vec<Tensor>,
    ) -> impl Future<Output = Result<Vec<Reading>, Self::Error>> + Send;
}

/// Looks at one picture after the first, each closer than the one before.
const MAX_CLOSER_LOOKS: usize = 3;
/// Reduction by a look from which a closer one can show more.
const MIN_REDUCTION: f32 = 1.9;

/// Lines read worse than this, on the whole, may stand on their head after all: they are read the other way as well.
const MIN_LEGIBLE: f32 = 0.85;

/// How far a card may go on beyond the text seen, in heights of its largest line.
const REST_OVER_LINE: f32 = 7.0;

/// How a page is read. The default is what `eval` measured best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadOptions {
    /// Longer side of what the detector sees in one look.
    pub side: u32,
    /// A closer look is taken where the text fills less than this share of the longer side.
    pub zoom_below: f32,
    /// Space around a line.
    pub margin: Margin,
    /// Lines that tell which end is up, at most.
    pub n_orienting: usize,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            side: 736,
            zoom_below: 0.4,
            margin: Margin { ends: 0.0, sides: 0.0 },
            n_orienting: 8,
        }
    }
}

/// A picture, read.
pub struct PageReading {
    /// Lines, upright, in page coordinates.
    pub page: Page,
    /// From page coordinates to those of the picture.
    pub to_image: Homography,
    /// Clockwise rotation that makes the picture upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Corners of the card in the picture, in reading order; `None` when no border was found.
    pub corners: Option<Quad>,
    /// Technical quality of the picture.
    pub quality: Quality,
}

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    /// A network could not answer.
    #[error("a network of the reader did not answer")]
    Model(#[source] E),
    /// A stage broke off: a bug.
    #[error("a stage of the reader broke off")]
    Stage,
}

/// Finds, turns and reads every line of a picture.
///
/// Work on pixels leaves the runtime's threads; a picture without text is an empty page, not an error.
pub async fn read_page<M: Models>(
    pixels: Arc<Pixels>,
    models: &M,
    options: ReadOptions,
) -> Result<PageReading, ReadError<M::Error>> {
    let boxes = find_text(&pixels, models, &options).await?;
    let guessed = find_direction(&pixels, models, &boxes, &options).await?;
    let mut read = read_along(&pixels, models, &boxes, guessed, options.margin).await?;
    if legibility(&read.readings) < MIN_LEGIBLE {
        let opposite = if guessed <= 0.0 { guessed + PI } else { guessed - PI };
        let turned = read_along(&pixels, models, &boxes, opposite, options.margin).await?;
        if legibility(&read.readings) < legibility(&turned.readings) {
            read = turned;
        }
    }
    off_thread(move || assemble(&pixels, read)).await
}

/// Every line, read in one direction of the text.
struct Directed {
    direction: f32,
    quads: Vec<Quad>,
    readings: Vec<Reading>,
}

async fn read_along<M: Models>(
    pixels: &Arc<Pixels>,
    models: &M,
    boxes: &[TextBox],
    direction: f32,
    margin: Margin,
) -> Result<Directed, ReadError<M::Error>> {
    let quads: Vec<Quad> = boxes.iter().map(|it| it.quad(direction)).collect();
    let readings = read_lines(pixels, models, &quads, margin).await?;
    Ok(Directed { direction, quads, readings })
}

/// Mean confidence of the lines, each counted once: a long line of fillers reads well upside down too.
fn legibility(readings: &[Reading]) -> f32 {
    let of_line = |it: &Reading| {
        let sum: f32 = it.glyphs.iter().map(Glyph::confidence).sum();
        (!it.glyphs.is_empty()).then(|| sum / it.glyphs.len() as f32)
    };
    let lines: Vec<f32> = readings.iter().filter_map(of_line).collect();
    lines.iter().sum::<f32>() / lines.len().max(1) as f32
}

/// Puts what was read on a flat page: that of the card, or of the turned picture when no card was found.
fn assemble(pixels: &Pixels, read: Directed) -> PageReading {
    let Directed { direction, quads, readings } = read;
    let read: Vec<(Quad, Reading)> =
        quads.into_iter().zip(readings).filter(|(_, reading)| !reading.glyphs.is_empty()).collect();
    let quads: Vec<Quad> = read.iter().map(|(quad, _)| *quad).collect();
    let located = locate::locate(pixels, &quads, direction);
    let quality = quality::assess(pixels, &quads, &located);
    let layout = match located.corners.as_ref().and_then(Layout::of_card) {
        Some(layout) => layout,
        None => Layout::of_picture(pixels, direction),
    };
    let from_image = layout.to_image.inverse();
    let is_alone = located.n_cards <= 1;
    let lines = read
        .into_iter()
        .map(|(quad, Reading { glyphs })| Line { quad: from_image.apply_quad(&quad), glyphs })
        .filter(|line| is_alone || layout.holds(line.quad.center()))
        .collect();
    PageReading {
        page: Page { width: layout.width, height: layout.height, lines: in_reading_order(lines) },
        to_image: layout.to_image,
        rotation: orient::rotation_for(direction),
        corners: located.corners,
        quality,
    }
}

/// Sorts lines by row, and each row from left to right.
fn in_reading_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.quad.center().y.total_cmp(&b.quad.center().y));
    let mut sorted: Vec<Line> = Vec::with_capacity(lines.len());
    let mut row: Vec<Line> = Vec::new();
    for line in lines {
        let is_next_row = row
            .iter()
            .map(|it| it.quad.center().y)
            .reduce(f32::min)
            .is_some_and(|top| top + line.quad.height() / 2.0 < line.quad.center().y);
        if is_next_row {
            sorted.append(&mut row);
        }
        let place = row.partition_point(|it| it.quad.center().x <= line.quad.center().x);
        row.insert(place, line);
    }
    sorted.append(&mut row);
    sorted
}

/// Looks at the whole picture, and closer where the part with text is small.
///
/// What was seen from afar may be half of the text, so the whole is looked at again in more detail first, and a
/// closer look takes in as much again around the text.
async fn find_text<M: Models>(
    pixels: &Arc<Pixels>,
    models: &M,
    options: &ReadOptions,
) -> Result<Vec<TextBox>, ReadError<M::Error>> {
    let side = options.side;
    let mut region = Region::whole(pixels);
    let mut boxes = look_at(pixels, models, region, side).await?;
    let mut next_side = side * 3 / 2;
    for _ in 0..MAX_CLOSER_LOOKS {
        let has_more_detail = side as f32 * MIN_REDUCTION < region.long_side();
        if !has_more_detail || region.long_side() * options.zoom_below <= extent_of(&boxes) {
            break;
        }
        if next_side == side {
            let corners = boxes.iter().flat_map(|it| it.quad(it.angle).0);
            let Some(text) = Region::around(corners) else { break };
            let thickest = boxes.iter().map(|it| it.thickness).fold(0.0, f32::max);
            let margin = (text.long_side() / 2.0).max(thickest * REST_OVER_LINE);
            region = text.grown(margin, pixels);
        }
        let closer = look_at(pixels, models, region, next_side).await?;
        // Blurred text is seen better from afar.
        if amount_of(&boxes) <= amount_of(&closer) {
            boxes = closer;
        }
        next_side = side;
    }
    Ok(boxes)
}

/// Longer side of the part of the picture that holds all text; 0 without text.
fn extent_of(boxes: &[TextBox]) -> f32 {
    let corners = boxes.iter().flat_map(|it| it.quad(it.angle).0);
    Region::around(corners).map_or(0.0, |it| it.long_side())
}

/// How much text is seen: length times certainty.
fn amount_of(boxes: &[TextBox]) -> f32 {
    boxes.iter().map(|it| it.length * it.score).sum()
}

async fn look_at<M: Models>(
    pixels: &Arc<Pixels>,
    models: &M,
    region: Region,
    long_side: u32,
) -> Result<Vec<TextBox>, ReadError<M::Error>> {
    let prepared = {
        let pixels = Arc::clone(pixels);
        off_thread(move || detect::prepare(&pixels, region, long_side)).await?
    };
    let Some(DetectorInput { tensor, scale, offset }) = prepared else { return Ok(Vec::new()) };
    let boxes = models.detect(tensor).await.map_err(ReadError::Model)?;
    Ok(boxes.iter().map(|it| it.placed(scale, offset)).collect())
}

/// Direction of the text, -π to π: its axis from the boxes, its sense from a few of the longest lines.
async fn find_direction<M: Models>(
    pixels: &Arc<Pixels>,
    models: &M,
    boxes: &[TextBox],
    options: &ReadOptions,
) -> Result<f32, ReadError<M::Error>> {
    let axis = orient::text_axis(boxes);
    // Upright text slants upwards more often than it stands on its head: -π/2 to π/2 is the first guess.
    let forwards = if PI / 2.0 < axis { axis - PI } else { axis };
    let mut telling: Vec<TextBox> = boxes.to_vec();
    telling.sort_by(|a, b| (b.length * b.score).total_cmp(&(a.length * a.score)));
    telling.truncate(options.n_orienting);
    let rows = {
        let pixels = Arc::clone(pixels);
        off_thread(move || {
            let quads = telling.iter().map(|it| it.quad(forwards));
            quads.filter_map(|quad| orient::prepare(&pixels, &quad)).collect::<Vec<Tensor>>()
        })
        .await?
    };
    if rows.is_empty() {
        return Ok(forwards);
    }
    let upside_down = models.classify(rows).await.map_err(ReadError::Model)?;
    let turns = orient::is_upside_down(&upside_down);
    Ok(match (turns, forwards <= 0.0) {
        (false, _) => forwards,
        (true, true) => forwards + PI,
        (true, false) => forwards - PI,
    })
}

/// One reading for each quadrilateral; a line that cannot be cut out has none of its glyphs.
async fn read_lines<M: Models>(
    pixels: &Arc<Pixels>,
    models: &M,
    quads: &[Quad],
    margin: Margin,
) -> Result<Vec<Reading>, ReadError<M::Error>> {
    let (rows, kept) = {
        let (pixels, quads) = (Arc::clone(pixels), quads.to_vec());
        off_thread(move || {
            let cut = quads.iter().enumerate().filter_map(|(idx, quad)| {
                let strip = Strip::cut(&pixels, &margin.around(quad))?;
                Some((strip.tensor(0)?, idx))
            });
            cut.collect::<(Vec<Tensor>, Vec<usize>)>()
        })
        .await?
    };
    let mut readings = vec![Reading::default(); quads.len()];
    if rows.is_empty() {
        return Ok(readings);
    }
    let found = models.recognise(rows).await.map_err(ReadError::Model)?;
    for (idx, reading) in kept.into_iter().zip(found) {
        if let Some(place) = readings.get_mut(idx) {
            *place = reading;
        }
    }
    Ok(readings)
}

/// A flat page whose text runs left to right.
struct Layout {
    width: f32,
    height: f32,
    to_image: Homography,
}

impl Layout {
    fn of_card(corners: &Quad) -> Option<Layout> {
        let (width, height) = (corners.width(), corners.height());
        Some(Layout { width, height, to_image: Homography::onto(corners, width, height)? })
    }

    fn holds(&self, point: Point) -> bool {
        (0.0..self.width).contains(&point.x) && (0.0..self.height).contains(&point.y)
    }

    fn of_picture(pixels: &Pixels, direction: f32) -> Layout {
        let (width, height) = (pixels.width as f32, pixels.height as f32);
        let (sin, cos) = direction.sin_cos();
        let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
        let turned = corners.map(|(x, y)| Point { x: x * cos + y * sin, y: y * cos - x * sin });
        let page = Region::around(turned).unwrap_or(Region::whole(pixels));
        let back = |x: f32, y: f32| Point { x: x * cos - y * sin, y: x * sin + y * cos };
        let quad = Quad([
            back(page.left, page.top),
            back(page.right, page.top),
            back(page.right, page.bottom),
            back(page.left, page.bottom),
        ]);
        let to_image = Homography::onto(&quad, page.width(), page.height());
        Layout {
            width: page.width(),
            height: page.height(),
            to_image: to_image.unwrap_or(Homography::IDENTITY),
        }
    }
}

/// Runs work on pixels away from the runtime's own threads.
async fn off_thread<R: Send + 'static, E>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, ReadError<E>> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ReadError::Stage)
}
