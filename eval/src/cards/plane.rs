//! Plane geometry: points and the mapping between two quadrilaterals.

/// A point of a plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec2 {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// A projective mapping of the plane.
#[derive(Clone, Copy, Debug)]
pub struct Homography([f32; 9]);

impl Homography {
    /// The mapping that takes the corners `from` to the corners `to`; `None` when the corners have no area.
    pub fn between(from: [Vec2; 4], to: [Vec2; 4]) -> Option<Self> {
        let mut rows = [[0.0_f64; 9]; 8];
        for (idx, (a, b)) in from.into_iter().zip(to).enumerate() {
            let (x, y) = (f64::from(a.x), f64::from(a.y));
            let (u, v) = (f64::from(b.x), f64::from(b.y));
            rows[2 * idx] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
            rows[2 * idx + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
        }
        let solution = solve(rows)?;
        let mut entries = [1.0_f32; 9];
        for (entry, value) in entries.iter_mut().zip(solution) {
            *entry = narrow(value);
        }
        Some(Self(entries))
    }

    /// Where `point` goes.
    pub fn apply(&self, point: Vec2) -> Vec2 {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let w = g * point.x + h * point.y + i;
        Vec2 { x: (a * point.x + b * point.y + c) / w, y: (d * point.x + e * point.y + f) / w }
    }
}

/// Gauss–Jordan elimination with pivoting over eight unknowns.
fn solve(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot =
            (column..8).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-12 {
            return None;
        }
        rows.swap(column, pivot);
        let divisor = rows[column][column];
        rows[column] = rows[column].map(|it| it / divisor);
        for row in 0..8 {
            if row != column {
                let factor = rows[row][column];
                for idx in column..9 {
                    rows[row][idx] -= factor * rows[column][idx];
                }
            }
        }
    }
    Some(rows.map(|row| row[8]))
}

#[expect(clippy::cast_possible_truncation, reason = "a coordinate needs no more than seven digits")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::{Homography, Vec2};

    fn quad(points: [(f32, f32); 4]) -> [Vec2; 4] {
        points.map(|(x, y)| Vec2 { x, y })
    }

    #[test]
    fn corners_go_to_corners_and_back() {
        let from = quad([(0.0, 0.0), (100.0, 0.0), (100.0, 60.0), (0.0, 60.0)]);
        let to = quad([(12.0, 7.0), (90.0, 3.0), (97.0, 66.0), (5.0, 58.0)]);
        let there = Homography::between(from, to).unwrap();
        let back = Homography::between(to, from).unwrap();
        for (a, b) in from.into_iter().zip(to) {
            let (c, d) = (there.apply(a), back.apply(there.apply(a)));
            assert!((c.x - b.x).hypot(c.y - b.y) < 1e-3 && (d.x - a.x).hypot(d.y - a.y) < 1e-3);
        }
    }

    #[test]
    fn a_line_is_no_quadrilateral() {
        let line = quad([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
        assert!(Homography::between(line, line).is_none());
    }
}
