//! Affine maps of the plane as PDF writes them: six numbers, row vectors.

use lopdf::Object;

/// `[a b c d e f]`: x′ = a·x + c·y + e, y′ = b·x + d·y + f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix(pub(super) [f64; 6]);

impl Matrix {
    /// Changes nothing.
    pub(super) const IDENTITY: Matrix = Matrix([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// Moves by this much.
    pub(super) fn shift(x: f64, y: f64) -> Matrix {
        Matrix([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Six numbers of a file.
    pub(super) fn of(objects: &[Object]) -> Option<Matrix> {
        let mut matrix = Matrix::IDENTITY;
        for (place, object) in matrix.0.iter_mut().zip(objects) {
            *place = f64::from(object.as_float().ok()?);
        }
        (objects.len() == 6).then_some(matrix)
    }

    /// This map, then `next`.
    pub(super) fn then(&self, next: &Matrix) -> Matrix {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, next.0);
        Matrix([
            a * p + b * r,
            a * q + b * s,
            c * p + d * r,
            c * q + d * s,
            e * p + f * r + t,
            e * q + f * s + u,
        ])
    }

    /// Where a point goes.
    pub(super) fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let (dx, dy) = self.turn(x, y);
        (dx + self.0[4], dy + self.0[5])
    }

    /// What a direction becomes.
    pub(super) fn turn(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, ..] = self.0;
        (a * x + c * y, b * x + d * y)
    }
}
