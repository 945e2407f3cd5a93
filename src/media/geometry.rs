//! Points and quadrilaterals in image coordinates (pixels, origin at the top left, y down).

/// A point; pixel centres lie at half-integer coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl Point {
    /// Distance to another point.
    pub fn distance(self, other: Point) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point `share` of the way towards `other`: 0 is here, 1 is there.
    pub fn towards(self, other: Point, share: f32) -> Point {
        Point { x: self.x + (other.x - self.x) * share, y: self.y + (other.y - self.y) * share }
    }
}

/// A quadrilateral, in reading order of its content: top left, top right, bottom right, bottom left.
///
/// For a text line the first edge is the top of the text, so a line printed upside down starts at its bottom right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// Mean length of the first edge (top) and the one opposite.
    pub fn width(&self) -> f32 {
        let [p0, p1, p2, p3] = self.0;
        (p0.distance(p1) + p3.distance(p2)) / 2.0
    }

    /// Mean length of the left and right edges.
    pub fn height(&self) -> f32 {
        let [p0, p1, p2, p3] = self.0;
        (p0.distance(p3) + p1.distance(p2)) / 2.0
    }

    /// Mean of the corners.
    pub fn center(&self) -> Point {
        let [p0, p1, p2, p3] = self.0;
        Point { x: (p0.x + p1.x + p2.x + p3.x) / 4.0, y: (p0.y + p1.y + p2.y + p3.y) / 4.0 }
    }

    /// Area; positive when the corners run clockwise as seen on the screen.
    pub fn area(&self) -> f32 {
        let [p0, p1, p2, p3] = self.0;
        let (a, b) = ((p2.x - p0.x, p2.y - p0.y), (p3.x - p1.x, p3.y - p1.y));
        (a.0 * b.1 - a.1 * b.0) / 2.0
    }

    /// Whether every corner turns clockwise by more than a hair, with finite coordinates.
    pub fn is_convex(&self) -> bool {
        (0..4).all(|idx| {
            let [a, b, c] = [0, 1, 2].map(|step| self.0[(idx + step) % 4]);
            let cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
            cross.is_finite() && 1e-3 < cross
        })
    }

    /// Whether a point lies inside; corners may run either way round, the shape must be convex.
    pub fn contains(&self, point: Point) -> bool {
        let sides = [0, 1, 2, 3].map(|idx| {
            let (a, b) = (self.0[idx], self.0[(idx + 1) % 4]);
            (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x)
        });
        sides.iter().all(|it| 0.0 <= *it) || sides.iter().all(|it| *it <= 0.0)
    }

    /// The same quadrilateral whose first corner is the one `n_steps` further on.
    pub fn starting_at(&self, n_steps: usize) -> Quad {
        Quad([0, 1, 2, 3].map(|idx| self.0[(idx + n_steps) % 4]))
    }
}
