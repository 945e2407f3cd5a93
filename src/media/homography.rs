//! Plane projective transforms: between a picture and what was photographed flat.

use super::{Point, Quad};

/// A projective map of the plane. Invariant: invertible and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Homography {
    rows: [[f64; 3]; 3],
}

impl Homography {
    /// The map that leaves every point where it is.
    pub const IDENTITY: Homography =
        Homography { rows: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };

    /// The map from a `width` × `height` rectangle at the origin onto `quad`, corner by corner.
    ///
    /// `None` for an empty rectangle or a quadrilateral that is not strictly convex.
    pub fn onto(quad: &Quad, width: f32, height: f32) -> Option<Homography> {
        if !(quad.is_convex() && 0.0 < width && 0.0 < height) {
            return None;
        }
        let [p0, p1, p2, p3] = quad.0.map(|it| (f64::from(it.x), f64::from(it.y)));
        // The unit square onto the quadrilateral (Heckbert 1989, section 2.2.3).
        let (dx1, dy1) = (p1.0 - p2.0, p1.1 - p2.1);
        let (dx2, dy2) = (p3.0 - p2.0, p3.1 - p2.1);
        let (sx, sy) = (p0.0 - p1.0 + p2.0 - p3.0, p0.1 - p1.1 + p2.1 - p3.1);
        let det = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        let (w, v) = (f64::from(width), f64::from(height));
        Homography {
            rows: [
                [(p1.0 - p0.0 + g * p1.0) / w, (p3.0 - p0.0 + h * p3.0) / v, p0.0],
                [(p1.1 - p0.1 + g * p1.1) / w, (p3.1 - p0.1 + h * p3.1) / v, p0.1],
                [g / w, h / v, 1.0],
            ],
        }
        .checked()
    }

    /// Where a point goes; far away, but finite, for points beyond the horizon.
    #[expect(clippy::cast_possible_truncation, reason = "coordinates are pixels")]
    pub fn apply(&self, point: Point) -> Point {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let [a, b, c] = self.rows.map(|row| row[0] * x + row[1] * y + row[2]);
        let c = if c.abs() < 1e-9 { 1e-9_f64.copysign(c) } else { c };
        Point { x: (a / c) as f32, y: (b / c) as f32 }
    }

    /// Where the corners of a quadrilateral go.
    pub fn apply_quad(&self, quad: &Quad) -> Quad {
        Quad(quad.0.map(|it| self.apply(it)))
    }

    /// The map back.
    pub fn inverse(&self) -> Homography {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.rows;
        let adjugate = [
            [e * i - f * h, c * h - b * i, b * f - c * e],
            [f * g - d * i, a * i - c * g, c * d - a * f],
            [d * h - e * g, b * g - a * h, a * e - b * d],
        ];
        // A common factor changes nothing but the sign of the denominator near the horizon.
        let scale = if adjugate[2][2].abs() < 1e-12 { 1.0 } else { adjugate[2][2] };
        Homography { rows: adjugate.map(|row| row.map(|it| it / scale)) }
    }

    fn checked(self) -> Option<Homography> {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.rows;
        let det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
        (det.is_finite() && 1e-12 < det.abs()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYSTONE: Quad = Quad([
        Point { x: 10.0, y: 12.0 },
        Point { x: 205.0, y: 20.0 },
        Point { x: 190.0, y: 130.0 },
        Point { x: 22.0, y: 121.0 },
    ]);

    #[track_caller]
    fn check(found: Point, expected: Point) {
        let near = (found.x - expected.x).abs() + (found.y - expected.y).abs() < 1e-2;
        assert!(near, "{found:?} is not {expected:?}");
    }

    #[test]
    fn corners_go_to_corners_and_back() {
        let map = Homography::onto(&KEYSTONE, 85.6, 54.0).unwrap();
        let flat = [(0.0, 0.0), (85.6, 0.0), (85.6, 54.0), (0.0, 54.0)];
        for ((x, y), corner) in flat.into_iter().zip(KEYSTONE.0) {
            check(map.apply(Point { x, y }), corner);
            check(map.inverse().apply(corner), Point { x, y });
        }
    }

    #[test]
    fn degenerate_quads_have_no_map() {
        let point = Quad([Point { x: 3.0, y: 3.0 }; 4]);
        let [a, b, c, d] = KEYSTONE.0;
        assert_eq!(Homography::onto(&point, 10.0, 10.0), None);
        assert_eq!(Homography::onto(&Quad([a, c, b, d]), 10.0, 10.0), None);
        assert_eq!(Homography::onto(&KEYSTONE, 0.0, 10.0), None);
        let nowhere = Quad([a, b, c, Point { x: f32::NAN, y: 0.0 }]);
        assert_eq!(Homography::onto(&nowhere, 10.0, 10.0), None);
    }
}
