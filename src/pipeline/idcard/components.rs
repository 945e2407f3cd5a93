//! Connected regions of a bitmap, their convex hulls, and the smallest rectangle around a hull.

use std::f32::consts::PI;

use crate::media::Point;

use super::detect::TextBox;

/// A horizontal run of set pixels: columns `start..end` of one row, member of region `region`.
struct Run {
    start: usize,
    end: usize,
    region: usize,
}

/// Convex hulls (of pixel centres) of the 8-connected regions of set pixels.
pub fn hulls(
    width: usize,
    height: usize,
    is_set: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<Point>> {
    let mut parents: Vec<usize> = Vec::new();
    let mut ends: Vec<(usize, Point)> = Vec::new();
    let mut above: Vec<Run> = Vec::new();
    for y in 0..height {
        let mut runs: Vec<Run> = Vec::new();
        let mut x = 0;
        let mut first_above = 0;
        while x < width {
            if !is_set(x, y) {
                x += 1;
                continue;
            }
            let start = x;
            while x < width && is_set(x, y) {
                x += 1;
            }
            while above.get(first_above).is_some_and(|run| run.end < start) {
                first_above += 1;
            }
            let mut region = None;
            for run in above[first_above..].iter().take_while(|run| run.start <= x) {
                let root = root_of(&mut parents, run.region);
                match region {
                    None => region = Some(root),
                    Some(other) => parents[root] = other,
                }
            }
            let region = region.unwrap_or_else(|| {
                parents.push(parents.len());
                parents.len() - 1
            });
            for column in [start, x - 1] {
                ends.push((region, Point { x: column as f32 + 0.5, y: y as f32 + 0.5 }));
            }
            runs.push(Run { start, end: x, region });
        }
        above = runs;
    }
    let mut regions: Vec<Vec<Point>> = vec![Vec::new(); parents.len()];
    for (region, point) in ends {
        regions[root_of(&mut parents, region)].push(point);
    }
    regions.iter().filter(|points| !points.is_empty()).map(|points| hull(points)).collect()
}

fn root_of(parents: &mut [usize], region: usize) -> usize {
    let mut root = region;
    while parents[root] != root {
        parents[root] = parents[parents[root]];
        root = parents[root];
    }
    root
}

/// Convex hull of points that come row by row, each row from left to right (Andrew's monotone chain).
pub fn hull(points: &[Point]) -> Vec<Point> {
    fn half<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
        let mut chain: Vec<Point> = Vec::new();
        for &point in points {
            while let [.., a, b] = chain[..] {
                if 0.0 < (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    }
    let mut around = half(points.iter());
    around.extend(half(points.iter().rev()));
    if around.is_empty() {
        around.extend(points.first());
    }
    around
}

/// The rectangle of least area around a convex hull, its score left at zero; `None` for no points.
pub fn smallest_box(hull: &[Point]) -> Option<TextBox> {
    let mut best: Option<(f32, TextBox)> = None;
    for (idx, &start) in hull.iter().enumerate() {
        let end = hull[(idx + 1) % hull.len()];
        let length = start.distance(end);
        let (cos, sin) = if length == 0.0 {
            (1.0, 0.0)
        } else {
            ((end.x - start.x) / length, (end.y - start.y) / length)
        };
        let (mut along, mut across) = ((f32::MAX, f32::MIN), (f32::MAX, f32::MIN));
        for point in hull {
            let (u, v) = (point.x * cos + point.y * sin, point.y * cos - point.x * sin);
            along = (along.0.min(u), along.1.max(u));
            across = (across.0.min(v), across.1.max(v));
        }
        let (width, height) = (along.1 - along.0, across.1 - across.0);
        if best.as_ref().is_some_and(|(area, _)| *area <= width * height) {
            continue;
        }
        let (u, v) = (f32::midpoint(along.0, along.1), f32::midpoint(across.0, across.1));
        let angle = sin.atan2(cos) + if width < height { PI / 2.0 } else { 0.0 };
        let text_box = TextBox {
            center: Point { x: u * cos - v * sin, y: u * sin + v * cos },
            length: width.max(height),
            thickness: width.min(height),
            angle: angle.rem_euclid(PI),
            score: 0.0,
        };
        best = Some((width * height, text_box));
    }
    best.map(|(_, text_box)| text_box)
}
