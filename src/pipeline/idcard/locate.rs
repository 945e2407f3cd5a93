//! Where the card lies: its four edges, searched outwards from the text in a small copy of the picture.
//!
//! Text says where a card is and how it is turned, so an edge is the straight line beyond the text across which
//! the colour changes most, in the same sense along its whole length. Texture of a table cancels out; a border
//! does not.

use crate::media::{Pixels, Point, Quad};

use super::sample::{self, Region};

/// Longer side of the copy that is searched.
const SEARCH_SIDE: f32 = 480.0;
/// Samples along an edge.
const N_SAMPLES: usize = 48;
/// Slopes tried on either side of the text's direction, and the step between them.
const N_SLOPES: i32 = 10;
const SLOPE_STEP: f32 = 0.0175;
/// Levels (0 to 255) by which the mean colour must change across an edge.
const MIN_CONTRAST: f32 = 7.0;
/// Share of the samples that must change in the sense of the mean.
const MIN_AGREEMENT: f32 = 0.75;
/// Proportions of cards (85.6 × 54 mm) and passport pages (125 × 88 mm), upright or lying, seen at an angle.
const RATIOS: [(f32, f32); 2] = [(1.2, 2.0), (0.58, 0.85)];
/// Boxes of text on either side of a gap that may be two cards.
const MIN_BOXES: usize = 3;

/// Cards in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Corners of the card with most text, in picture coordinates and reading order; `None` without a border.
    pub corners: Option<Quad>,
    /// Cards seen; 0 without text.
    pub n_cards: u32,
    /// Whether a part of the card lies outside the picture.
    pub is_cut_off: bool,
}

/// Finds the card around lines of text that run along `direction` (radians, clockwise from the x axis).
pub fn locate(pixels: &Pixels, lines: &[Quad], direction: f32) -> Located {
    let nothing = Located { corners: None, n_cards: 0, is_cut_off: false };
    let Some(search) = Search::new(pixels, direction) else { return nothing };
    let boxes: Vec<Region> = lines.iter().filter_map(|it| search.in_frame(it)).collect();
    let Some(text) = around_all(&boxes) else { return nothing };
    let (corners, n_cards) = match search.card_around(&text) {
        Some(corners) => (Some(corners), 1),
        None => match search.two_cards(&boxes) {
            Some(corners) => (Some(corners), 2),
            None => (None, 1),
        },
    };
    let is_cut_off = match &corners {
        Some(corners) => leaves(pixels, corners),
        None => lines.iter().any(|line| touches_edge(pixels, line)),
    };
    Located { corners: corners.map(|it| clamped(pixels, &it)), n_cards, is_cut_off }
}

/// A small copy of the picture, addressed in a frame whose x axis is the direction of the text.
struct Search {
    small: Pixels,
    /// Pixels of the picture per pixel of the copy.
    scale: f32,
    sin: f32,
    cos: f32,
}

/// A side of a card in the frame: the line `offset + slope * along`.
#[derive(Clone, Copy)]
struct Edge {
    offset: f32,
    slope: f32,
    middle: f32,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Top,
    Right,
    Bottom,
    Left,
}

#[derive(Clone, Copy)]
enum Axis {
    Across,
    Down,
}

impl Search {
    fn new(pixels: &Pixels, direction: f32) -> Option<Search> {
        let whole = Region::whole(pixels);
        let scale = (whole.long_side() / SEARCH_SIDE).max(1.0);
        let size =
            [whole.width(), whole.height()].map(|it| sample::round_to_u32(it / scale).max(1));
        let small = sample::reduced(pixels, whole, size)?;
        let (sin, cos) = direction.sin_cos();
        Some(Search { small, scale, sin, cos })
    }

    fn in_frame(&self, quad: &Quad) -> Option<Region> {
        Region::around(quad.0.map(|Point { x, y }| {
            let (x, y) = (x / self.scale, y / self.scale);
            Point { x: x * self.cos + y * self.sin, y: y * self.cos - x * self.sin }
        }))
    }

    /// A point of the frame in the copy.
    fn in_copy(&self, Point { x, y }: Point) -> Point {
        Point { x: x * self.cos - y * self.sin, y: x * self.sin + y * self.cos }
    }

    fn level(&self, at: Point) -> Option<[f32; 3]> {
        let Point { x, y } = self.in_copy(at);
        let (width, height) = (self.small.width as f32, self.small.height as f32);
        if !(0.0 <= x && x < width && 0.0 <= y && y < height) {
            return None;
        }
        let idx = sample::index(y) * self.small.width as usize + sample::index(x);
        self.small.rgb.as_chunks::<3>().0.get(idx).map(|it| it.map(f32::from))
    }

    /// Corners, in the picture, of the card around a block of text.
    fn card_around(&self, text: &Region) -> Option<Quad> {
        let [top, right, bottom, left] = [Side::Top, Side::Right, Side::Bottom, Side::Left]
            .map(|side| self.strongest_edge(text, side));
        let (top, right, bottom, left) = (top?, right?, bottom?, left?);
        let frame = Quad([
            crossing(top, left),
            crossing(top, right),
            crossing(bottom, right),
            crossing(bottom, left),
        ]);
        let corners = Quad(frame.0.map(|it| {
            let Point { x, y } = self.in_copy(it);
            Point { x: x * self.scale, y: y * self.scale }
        }));
        let ratio = corners.width() / corners.height().max(1.0);
        let is_card = RATIOS.iter().any(|(low, high)| (*low..*high).contains(&ratio));
        (corners.is_convex() && is_card).then_some(corners)
    }

    /// Splits the text at its widest gap, down or across, and takes both parts for cards if both have borders.
    fn two_cards(&self, boxes: &[Region]) -> Option<Quad> {
        [Axis::Across, Axis::Down].into_iter().find_map(|axis| {
            let (before, after) = split_at_widest_gap(boxes, axis)?;
            let first = self.card_around(&around_all(&before)?)?;
            let second = self.card_around(&around_all(&after)?)?;
            Some(if before.len() < after.len() { second } else { first })
        })
    }

    fn strongest_edge(&self, text: &Region, side: Side) -> Option<Edge> {
        let is_level = matches!(side, Side::Top | Side::Bottom);
        let (start, end) = if is_level { (text.left, text.right) } else { (text.top, text.bottom) };
        let (from, outwards) = match side {
            Side::Top => (text.top, -1.0),
            Side::Bottom => (text.bottom, 1.0),
            Side::Left => (text.left, -1.0),
            Side::Right => (text.right, 1.0),
        };
        let reach = sample::round_to_u32(text.long_side() * 0.9);
        let middle = f32::midpoint(start, end);
        let mut best: Option<(f32, Edge)> = None;
        for step in 1..reach {
            for tilt in -N_SLOPES..=N_SLOPES {
                let edge = Edge {
                    offset: from + outwards * step as f32,
                    slope: tilt as f32 * SLOPE_STEP,
                    middle,
                };
                let Some(strength) = self.strength(&edge, (start, end), is_level) else { continue };
                if best.as_ref().is_none_or(|(found, _)| *found < strength) {
                    best = Some((strength, edge));
                }
            }
        }
        best.map(|(_, edge)| edge)
    }

    /// How much the colour changes across an edge; `None` when too little, not everywhere, or out of sight.
    fn strength(&self, edge: &Edge, (start, end): (f32, f32), is_level: bool) -> Option<f32> {
        const ACROSS: f32 = 1.5;
        let mut sum = [0.0_f32; 3];
        let mut changes = [[0.0_f32; 3]; N_SAMPLES];
        let mut n_seen = 0;
        for idx in 0..N_SAMPLES {
            let along = start + (end - start) * (idx as f32 + 0.5) / N_SAMPLES as f32;
            let across = edge.at(along);
            let [inner, outer] = [across - ACROSS, across + ACROSS].map(|across| {
                self.level(if is_level {
                    Point { x: along, y: across }
                } else {
                    Point { x: across, y: along }
                })
            });
            let (Some(inner), Some(outer)) = (inner, outer) else { continue };
            let change = [0, 1, 2].map(|channel| outer[channel] - inner[channel]);
            changes[n_seen] = change;
            n_seen += 1;
            sum = [0, 1, 2].map(|channel| sum[channel] + change[channel]);
        }
        if n_seen < N_SAMPLES * 3 / 4 {
            return None;
        }
        let changes = &changes[..n_seen];
        let channel = (0..3).max_by(|&a, &b| sum[a].abs().total_cmp(&sum[b].abs()))?;
        let mean = sum[channel] / n_seen as f32;
        let n_agreeing =
            changes.iter().filter(|it| MIN_CONTRAST / 2.0 < it[channel] * mean.signum()).count();
        let agrees = MIN_AGREEMENT * n_seen as f32 <= n_agreeing as f32;
        (agrees && MIN_CONTRAST <= mean.abs()).then_some(mean.abs())
    }
}

impl Edge {
    fn at(&self, along: f32) -> f32 {
        self.offset + self.slope * (along - self.middle)
    }
}

/// Where a level edge (y as a function of x) meets an upright one (x as a function of y).
fn crossing(level: Edge, upright: Edge) -> Point {
    // x = upright(y) and y = level(x); slopes are small, so the product of both is far from 1.
    let base = level.offset - level.slope * level.middle;
    let y = (base + level.slope * (upright.offset - upright.slope * upright.middle))
        / (1.0 - level.slope * upright.slope);
    Point { x: upright.at(y), y }
}

fn around_all(boxes: &[Region]) -> Option<Region> {
    Region::around(
        boxes
            .iter()
            .flat_map(|it| [Point { x: it.left, y: it.top }, Point { x: it.right, y: it.bottom }]),
    )
}

fn split_at_widest_gap(boxes: &[Region], axis: Axis) -> Option<(Vec<Region>, Vec<Region>)> {
    let extent = |it: &Region| match axis {
        Axis::Across => (it.left, it.right),
        Axis::Down => (it.top, it.bottom),
    };
    let mut sorted = boxes.to_vec();
    sorted.sort_by(|a, b| extent(a).0.total_cmp(&extent(b).0));
    let mut reached = f32::MIN;
    let mut widest: Option<(f32, usize)> = None;
    for (idx, region) in sorted.iter().enumerate() {
        let (start, end) = extent(region);
        let gap = start - reached;
        let is_balanced = MIN_BOXES <= idx && MIN_BOXES <= sorted.len() - idx;
        if is_balanced && 0.0 < gap && widest.is_none_or(|(found, _)| found < gap) {
            widest = Some((gap, idx));
        }
        reached = reached.max(end);
    }
    let (_, idx) = widest?;
    let after = sorted.split_off(idx);
    Some((sorted, after))
}

/// Whether a corner lies outside the picture by more than the search can tell.
fn leaves(pixels: &Pixels, corners: &Quad) -> bool {
    let slack = corners.width() * 0.01;
    let (right, bottom) = (pixels.width as f32 + slack, pixels.height as f32 + slack);
    corners.0.iter().any(|it| it.x < -slack || right < it.x || it.y < -slack || bottom < it.y)
}

fn touches_edge(pixels: &Pixels, line: &Quad) -> bool {
    let slack = line.height() * 0.1;
    let (right, bottom) = (pixels.width as f32 - slack, pixels.height as f32 - slack);
    line.0.iter().any(|it| it.x < slack || right < it.x || it.y < slack || bottom < it.y)
}

fn clamped(pixels: &Pixels, corners: &Quad) -> Quad {
    Quad(corners.0.map(|it| Point {
        x: it.x.clamp(0.0, pixels.width as f32),
        y: it.y.clamp(0.0, pixels.height as f32),
    }))
}
