//! How much two quadrilaterals share.

use crate::cards::truth::Spot;

/// Area of a polygon; positive when its corners run clockwise on a picture.
fn area(polygon: &[Spot]) -> f32 {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f32>() / 2.0
}

/// The share of the smaller of two convex polygons that lies in the other, 0 to 1.
pub fn share(a: &[Spot], b: &[Spot]) -> f32 {
    let (a, b) = (clockwise(a), clockwise(b));
    let smaller = area(&a).min(area(&b));
    if smaller <= 0.0 { 0.0 } else { (area(&clip(a, &b)) / smaller).clamp(0.0, 1.0) }
}

fn clockwise(polygon: &[Spot]) -> Vec<Spot> {
    let mut corners = polygon.to_vec();
    if area(&corners) < 0.0 {
        corners.reverse();
    }
    corners
}

/// The part of `subject` inside the convex polygon `window` (Sutherland and Hodgman).
fn clip(subject: Vec<Spot>, window: &[Spot]) -> Vec<Spot> {
    let mut kept = subject;
    for (from, to) in window.iter().zip(window.iter().cycle().skip(1)) {
        let side = |it: &Spot| {
            (to[0] - from[0]) * (it[1] - from[1]) - (to[1] - from[1]) * (it[0] - from[0])
        };
        let mut next = Vec::new();
        for (a, b) in kept.iter().zip(kept.iter().cycle().skip(1)) {
            let (here, there) = (side(a), side(b));
            if here >= 0.0 {
                next.push(*a);
            }
            if (here < 0.0) != (there < 0.0) {
                let along = here / (here - there);
                next.push([a[0] + (b[0] - a[0]) * along, a[1] + (b[1] - a[1]) * along]);
            }
        }
        kept = next;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Spot, share};

    fn square(x: f32, y: f32, size: f32) -> [Spot; 4] {
        [[x, y], [x + size, y], [x + size, y + size], [x, y + size]]
    }

    fn check(a: [Spot; 4], b: [Spot; 4], expected: f32) {
        assert!((share(&a, &b) - expected).abs() < 1e-4, "{} instead of {expected}", share(&a, &b));
        assert!((share(&b, &a) - expected).abs() < 1e-4);
    }

    #[test]
    fn shares_are_of_the_smaller_one() {
        check(square(0.0, 0.0, 10.0), square(0.0, 0.0, 10.0), 1.0);
        check(square(0.0, 0.0, 10.0), square(5.0, 0.0, 10.0), 0.5);
        check(square(0.0, 0.0, 10.0), square(2.0, 2.0, 4.0), 1.0);
        check(square(0.0, 0.0, 10.0), square(20.0, 0.0, 10.0), 0.0);
        let mut turned = square(5.0, 0.0, 10.0);
        turned.reverse();
        check(square(0.0, 0.0, 10.0), turned, 0.5);
        check(square(0.0, 0.0, 10.0), [[3.0, 3.0]; 4], 0.0);
    }
}
