//! Finds the holder's face on an upright page (YuNet, `models/yunet-face`).

use crate::media::{Homography, Pixels, Point, Quad};
use crate::tensor::{Tensor, View};

use super::crop::Strip;
use super::sample::Region;

/// Side of the network's square input, in pixels.
pub const SIDE: u32 = 640;
/// Distances between the places that the network looks from, in pixels; one group of outputs for each.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Least score of a face. Portraits on cards score above 0.8; patterns on them below 0.5.
const MIN_SCORE: f32 = 0.6;
/// Largest side of a face in pixels of the input; more is no measure but noise.
const MAX_SIDE: f32 = 2.0 * SIDE as f32;

/// A face in the pixels of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    /// Middle.
    pub center: Point,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// 0 to 1.
    pub score: f32,
}

/// A page as the network takes it: [3, 640, 640], blue first, levels 0 to 255; the page fills the upper left.
///
/// `to_image` leads from page coordinates (`width` × `height`) to the picture. Answers the pixels of the input for one
/// of the page as well.
pub fn prepare(
    pixels: &Pixels,
    to_image: &Homography,
    (width, height): (f32, f32),
) -> Option<(Tensor, f32)> {
    let longest = width.max(height);
    if longest < 1.0 {
        return None;
    }
    let side = longest.max(1.0);
    let square =
        Quad([(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)].map(|(x, y)| Point { x, y }));
    let area = to_image.apply_quad(&square);
    let strip = Strip::cut_area(pixels, &area, [SIDE, SIDE])?;
    Some((strip.levels()?, SIDE as f32 / side))
}

/// The best face of the network's outputs: classes, objects and boxes of every stride, in this order.
///
/// The centre lies at the offset from the place, the size is the exponential of the output, both in strides; the
/// score is the geometric mean of both probabilities (Wu, Peng and Yu 2023, "YuNet", section 3).
pub fn reduce(outputs: &[View<'_>]) -> Option<FaceBox> {
    let n_strides = STRIDES.len();
    let group = |kind: usize| outputs.get(kind * n_strides..(kind + 1) * n_strides);
    let (classes, objects, boxes) = (group(0)?, group(1)?, group(2)?);
    let faces = STRIDES.iter().zip(classes).zip(objects).zip(boxes);
    faces
        .filter_map(|(((stride, classes), objects), boxes)| {
            best_of(*stride, classes.data(), objects.data(), boxes.data())
        })
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
}

/// Cards print small ghosts of the portrait: the large face is the holder's.
fn weight(face: &FaceBox) -> f32 {
    face.score * face.width * face.height
}

fn best_of(stride: usize, classes: &[f32], objects: &[f32], boxes: &[f32]) -> Option<FaceBox> {
    let per_row = SIDE as usize / stride;
    let (boxes, _) = boxes.as_chunks::<4>();
    let step = stride as f32;
    let places = classes.iter().zip(objects).zip(boxes).enumerate();
    places
        .filter_map(|(idx, ((class, object), [right, down, width, height]))| {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            let face = FaceBox {
                center: Point {
                    x: ((idx % per_row) as f32 + right) * step,
                    y: ((idx / per_row) as f32 + down) * step,
                },
                width: width.exp() * step,
                height: height.exp() * step,
                score,
            };
            let is_sound = face.width < MAX_SIDE && face.height < MAX_SIDE;
            (MIN_SCORE <= score && is_sound).then_some(face)
        })
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
}

impl FaceBox {
    /// The face on the page, cut to it; `scale` is pixels of the input for one of the page.
    pub fn on_page(&self, scale: f32, (width, height): (f32, f32)) -> Option<Quad> {
        let Point { x, y } = self.center;
        let (dx, dy) = (self.width / 2.0, self.height / 2.0);
        let corners = [(x - dx, y - dy), (x + dx, y + dy)].map(|(x, y)| Point {
            x: (x / scale).clamp(0.0, width),
            y: (y / scale).clamp(0.0, height),
        });
        let Region { left, top, right, bottom } = Region::around(corners)?;
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        Some(Quad(corners.map(|(x, y)| Point { x, y })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs without any face, of one kind after the other.
    fn silent() -> Vec<Vec<f32>> {
        let n_places = STRIDES.map(|stride| (SIDE as usize / stride).pow(2));
        [1, 1, 4, 10]
            .iter()
            .flat_map(|per_place| n_places.map(|n_places| vec![0.0; n_places * per_place]))
            .collect()
    }

    fn found(outputs: &[Vec<f32>]) -> Option<FaceBox> {
        let shapes: Vec<[usize; 1]> = outputs.iter().map(|it| [it.len()]).collect();
        let views: Vec<View<'_>> = outputs
            .iter()
            .zip(&shapes)
            .map(|(data, shape)| View::new(shape, data).unwrap())
            .collect();
        reduce(&views)
    }

    #[test]
    fn the_largest_sure_face_is_found_where_its_place_says() {
        let mut outputs = silent();
        assert_eq!(found(&outputs), None);
        let mut put = |stride_idx: usize, idx: usize, score: f32, size: f32| {
            outputs[stride_idx][idx] = score;
            outputs[3 + stride_idx][idx] = score;
            outputs[6 + stride_idx][idx * 4..idx * 4 + 4].copy_from_slice(&[0.5, 0.25, size, size]);
        };
        put(0, 81, 0.9, 0.0);
        put(1, 42, 0.9, 1.0);
        put(2, 7, 0.4, 2.0);
        let face = found(&outputs).unwrap();
        assert_eq!(face.center, Point { x: 2.5 * 16.0, y: 1.25 * 16.0 });
        assert!((face.width - 16.0 * 1f32.exp()).abs() < 1e-3 && (face.score - 0.9).abs() < 1e-6);
        assert!(reduce(&[]).is_none());
    }

    #[test]
    fn a_face_is_cut_to_its_page() {
        let center = Point { x: 10.0, y: 20.0 };
        let face = FaceBox { center, width: 40.0, height: 20.0, score: 1.0 };
        let quad = face.on_page(0.5, (100.0, 50.0)).unwrap();
        assert_eq!(quad.0[0], Point { x: 0.0, y: 20.0 });
        assert_eq!(quad.0[2], Point { x: 60.0, y: 50.0 });
    }

    #[test]
    fn the_page_fills_the_upper_left() {
        let pixels = Pixels { width: 200, height: 100, rgb: vec![90; 200 * 100 * 3] };
        let (tensor, scale) = prepare(&pixels, &Homography::IDENTITY, (200.0, 100.0)).unwrap();
        assert_eq!((tensor.shape(), scale), (&[3, 640, 640][..], 3.2));
        assert_eq!(tensor.as_f32().unwrap()[0], 90.0);
        assert!(prepare(&pixels, &Homography::IDENTITY, (0.0, 0.0)).is_none());
    }
}
