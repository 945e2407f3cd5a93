//! A small RGB canvas: what a printed card needs and no more.

use crate::cards::pixel;

/// A colour, red, green and blue.
pub type Colour = [u8; 3];

/// A rectangle in canvas pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl Rect {
    /// The rectangle at (`left`, `top`) with the given size.
    pub fn sized(left: f32, top: f32, width: f32, height: f32) -> Self {
        Self { left, top, right: left + width, bottom: top + height }
    }

    /// The smallest rectangle around both.
    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The rectangle with all coordinates multiplied.
    pub fn scaled(self, by: f32) -> Self {
        Self {
            left: self.left * by,
            top: self.top * by,
            right: self.right * by,
            bottom: self.bottom * by,
        }
    }

    /// The rectangle grown by `margin` on every side.
    pub fn grown(self, margin: f32) -> Self {
        Self {
            left: self.left - margin,
            top: self.top - margin,
            right: self.right + margin,
            bottom: self.bottom + margin,
        }
    }

    /// The four corners, clockwise from the top left.
    pub fn corners(self) -> [(f32, f32); 4] {
        [
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        ]
    }
}

/// Ink: a colour and how much of it covers the ground, 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    /// Colour.
    pub colour: Colour,
    /// Cover.
    pub alpha: f32,
}

/// Opaque ink.
pub fn solid(colour: Colour) -> Ink {
    Ink { colour, alpha: 1.0 }
}

/// Ink that lets the ground through.
pub fn wash(colour: Colour, alpha: f32) -> Ink {
    Ink { colour, alpha }
}

/// A picture of `width` × `height` pixels.
#[derive(Clone)]
pub struct Canvas {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row-major.
    pub pixels: Vec<Colour>,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self { width, height, pixels: vec![colour; width * height] }
    }

    /// Puts `ink` on one pixel; nothing outside the canvas.
    pub fn dot(&mut self, x: i32, y: i32, ink: Ink) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let pixel = &mut self.pixels[y * self.width + x];
        for (under, over) in pixel.iter_mut().zip(ink.colour) {
            let (below, above) = (f32::from(*under), f32::from(over));
            *under = pixel::byte(below + (above - below) * ink.alpha.clamp(0.0, 1.0));
        }
    }

    /// Fills a rectangle, with soft edges where they fall between pixels.
    pub fn rect(&mut self, rect: Rect, ink: Ink) {
        let cover = |low: f32, high: f32, at: i32| {
            let at = at as f32;
            (high.min(at + 1.0) - low.max(at)).clamp(0.0, 1.0)
        };
        for y in pixel::floor(rect.top)..=pixel::floor(rect.bottom) {
            let rows = cover(rect.top, rect.bottom, y);
            for x in pixel::floor(rect.left)..=pixel::floor(rect.right) {
                let alpha = ink.alpha * rows * cover(rect.left, rect.right, x);
                self.dot(x, y, Ink { alpha, ..ink });
            }
        }
    }

    /// Draws the edge of a rectangle, `width` pixels wide.
    pub fn frame(&mut self, rect: Rect, width: f32, ink: Ink) {
        let Rect { left, top, right, bottom } = rect;
        self.rect(Rect { left, top, right, bottom: top + width }, ink);
        self.rect(Rect { left, top: bottom - width, right, bottom }, ink);
        self.rect(Rect { left, top, right: left + width, bottom }, ink);
        self.rect(Rect { left: right - width, top, right, bottom }, ink);
    }

    /// Fills the ellipse inside a rectangle, with a soft edge.
    pub fn ellipse(&mut self, inside: Rect, ink: Ink) {
        let (cx, cy) = ((inside.left + inside.right) / 2.0, (inside.top + inside.bottom) / 2.0);
        let (rx, ry) = ((inside.right - inside.left) / 2.0, (inside.bottom - inside.top) / 2.0);
        if rx <= 0.0 || ry <= 0.0 {
            return;
        }
        for y in pixel::floor(inside.top)..=pixel::floor(inside.bottom) {
            for x in pixel::floor(inside.left)..=pixel::floor(inside.right) {
                let (dx, dy) = ((x as f32 + 0.5 - cx) / rx, (y as f32 + 0.5 - cy) / ry);
                let outside = (dx.hypot(dy) - 1.0) * rx.min(ry);
                let alpha = ink.alpha * (0.5 - outside).clamp(0.0, 1.0);
                self.dot(x, y, Ink { alpha, ..ink });
            }
        }
    }

    /// Puts a thin soft point at a fractional place; many of them make a curve.
    pub fn point(&mut self, x: f32, y: f32, ink: Ink) {
        let (left, top) = (pixel::floor(x - 0.5), pixel::floor(y - 0.5));
        let (fx, fy) = (x - 0.5 - left as f32, y - 0.5 - top as f32);
        for (dx, wx) in [(0, 1.0 - fx), (1, fx)] {
            for (dy, wy) in [(0, 1.0 - fy), (1, fy)] {
                self.dot(left + dx, top + dy, Ink { alpha: ink.alpha * wx * wy, ..ink });
            }
        }
    }

    /// Draws a straight line `width` pixels wide.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, ink: Ink) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-3);
        let around = Rect {
            left: from.0.min(to.0),
            top: from.1.min(to.1),
            right: from.0.max(to.0),
            bottom: from.1.max(to.1),
        }
        .grown(width);
        for y in pixel::floor(around.top)..=pixel::floor(around.bottom) {
            for x in pixel::floor(around.left)..=pixel::floor(around.right) {
                let (px, py) = (x as f32 + 0.5 - from.0, y as f32 + 0.5 - from.1);
                let along = ((px * dx + py * dy) / length).clamp(0.0, length) / length;
                let away = (px - along * dx).hypot(py - along * dy);
                let alpha = ink.alpha * (width / 2.0 - away + 0.5).clamp(0.0, 1.0);
                self.dot(x, y, Ink { alpha, ..ink });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Canvas, Rect, solid};

    fn darkness(draw: impl Fn(&mut Canvas)) -> f32 {
        let mut canvas = Canvas::new(20, 20, [255; 3]);
        draw(&mut canvas);
        canvas.pixels.iter().map(|it| f32::from(255 - it[0]) / 255.0).sum()
    }

    #[test]
    fn shapes_cover_their_area() {
        let ink = solid([0; 3]);
        let check = |area: f32, expected: f32, slack: f32| {
            assert!((area - expected).abs() < slack, "{area} instead of {expected}");
        };
        check(darkness(|it| it.rect(Rect::sized(2.5, 3.0, 4.0, 5.25), ink)), 21.0, 0.3);
        check(darkness(|it| it.ellipse(Rect::sized(2.0, 2.0, 10.0, 10.0), ink)), 78.5, 1.5);
        check(darkness(|it| it.line((2.0, 10.0), (18.0, 10.0), 2.0, ink)), 33.0, 3.0);
        check(darkness(|it| it.point(3.3, 4.8, ink)), 1.0, 0.02);
        check(darkness(|it| it.rect(Rect::sized(-30.0, -30.0, 10.0, 10.0), ink)), 0.0, 0.01);
    }
}
