//! Everything on a card that is not text to be read: security lines, portraits, emblems, bar codes, the specimen mark.

use crate::cards::canvas::{Canvas, Colour, Rect, solid, wash};
use crate::cards::chance::Chance;
use crate::cards::pixel;
use crate::cards::sheet::{Print, Sheet, UNIT};
use crate::cards::typeface::Face;

/// Fills the canvas with a soft change between four corner colours.
pub fn tint(canvas: &mut Canvas, corners: [Colour; 4]) {
    let (width, height) = (canvas.width, canvas.height);
    for y in 0..height {
        let down = y as f32 / height as f32;
        for x in 0..width {
            let right = x as f32 / width as f32;
            let pixel = &mut canvas.pixels[y * width + x];
            for (channel, value) in pixel.iter_mut().enumerate() {
                let [a, b, c, d] = corners.map(|it| f32::from(it[channel]));
                let top = a + (b - a) * right;
                let bottom = d + (c - d) * right;
                *value = pixel::byte(top + (bottom - top) * down);
            }
        }
    }
}

/// Draws interlaced waves over the whole canvas.
pub fn waves(canvas: &mut Canvas, chance: &mut Chance, colours: &[Colour], alpha: f32) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    for colour in colours {
        let spacing = chance.range(11.0, 17.0);
        let (swing, length) = (chance.range(8.0, 30.0), chance.range(120.0, 320.0));
        let (beat, phase) = (chance.range(1.2, 3.1), chance.range(0.0, 6.0));
        let mut base = -swing;
        while base < height + swing {
            let mut x = 0.0;
            while x < width {
                let turn = x / length * std::f32::consts::TAU + phase;
                let y = base + swing * turn.sin() * (turn / beat + base / 90.0).cos();
                canvas.point(x, y, wash(*colour, alpha));
                x += 1.0;
            }
            base += spacing;
        }
    }
}

/// Draws a rosette of `petals` around a centre.
pub fn rosette(canvas: &mut Canvas, centre: (f32, f32), radius: f32, look: (Colour, f32, u32)) {
    let (colour, alpha, petals) = look;
    for ring in 0..7 {
        let ring = ring as f32;
        let steps = pixel::floor(radius * 7.0);
        for step in 0..steps {
            let turn = step as f32 / steps as f32 * std::f32::consts::TAU;
            let wave = (turn * petals as f32 + ring * 0.45).sin();
            let r = radius * (0.62 + 0.05 * ring + (0.3 - 0.03 * ring) * wave);
            canvas.point(centre.0 + r * turn.cos(), centre.1 + r * turn.sin(), wash(colour, alpha));
        }
    }
}

/// A cartoon head and shoulders, which is nobody.
pub fn portrait(canvas: &mut Canvas, chance: &mut Chance, frame: Rect, woman: bool) {
    let grounds = [[236, 240, 245], [214, 228, 242], [245, 245, 243], [226, 236, 230]];
    let skins = [[238, 204, 178], [228, 188, 158], [244, 214, 190], [206, 164, 132]];
    let hairs = [[32, 28, 30], [58, 42, 34], [88, 84, 82], [44, 34, 28]];
    let cloths = [[52, 64, 92], [120, 46, 52], [60, 60, 62], [222, 222, 226], [46, 88, 74]];
    let (ground, skin) = (*chance.pick(&grounds), *chance.pick(&skins));
    let (hair, cloth) = (*chance.pick(&hairs), *chance.pick(&cloths));
    let mut inner = Canvas::new(
        pixel::index(frame.right - frame.left),
        pixel::index(frame.bottom - frame.top),
        ground,
    );
    let (width, height) = (inner.width as f32, inner.height as f32);
    let oval = |cx: f32, cy: f32, rx: f32, ry: f32| Rect {
        left: (cx - rx) * width,
        top: cy * height - ry * width,
        right: (cx + rx) * width,
        bottom: cy * height + ry * width,
    };
    if woman {
        inner.ellipse(oval(0.5, 0.5, 0.34, 0.46), solid(hair));
    }
    inner.ellipse(oval(0.5, 1.06, 0.52, 0.42), solid(cloth));
    inner.rect(Rect::sized(width * 0.4, height * 0.6, width * 0.2, height * 0.2), solid(skin));
    inner.ellipse(oval(0.5, 0.8, 0.12, 0.1), solid(skin));
    inner.ellipse(oval(0.5, 0.37, 0.28, 0.31), solid(hair));
    inner.ellipse(oval(0.5, 0.46, 0.235, 0.31), solid(skin));
    inner.ellipse(oval(0.5, 0.27, 0.22, 0.1), solid(hair));
    let squint = chance.range(0.016, 0.026);
    let glasses = chance.odds(0.25);
    for x in [0.405, 0.595] {
        inner.ellipse(oval(x, 0.445, 0.045, squint), solid([250, 250, 248]));
        inner.ellipse(oval(x, 0.445, 0.021, 0.021), solid([30, 24, 22]));
        let brow = [(x - 0.055) * width, (x + 0.055) * width, height * 0.4];
        inner.line((brow[0], brow[2]), (brow[1], brow[2]), width * 0.016, solid(hair));
        if glasses {
            inner.ellipse(oval(x, 0.45, 0.085, 0.07), wash([60, 60, 70], 0.25));
        }
    }
    let nose = wash([150, 100, 80], 0.6);
    inner.line((width * 0.5, height * 0.46), (width * 0.485, height * 0.55), width * 0.012, nose);
    inner.ellipse(oval(0.5, 0.625, 0.075, 0.018), solid([176, 84, 80]));
    place(canvas, &inner, frame, chance.range(0.86, 0.97));
}

/// Copies `inner` into `canvas`, letting a little of the printed ground through.
fn place(canvas: &mut Canvas, inner: &Canvas, frame: Rect, alpha: f32) {
    let (left, top) = (pixel::floor(frame.left), pixel::floor(frame.top));
    for y in 0..inner.height {
        for x in 0..inner.width {
            let (Ok(dx), Ok(dy)) = (i32::try_from(x), i32::try_from(y)) else { continue };
            canvas.dot(left + dx, top + dy, wash(inner.pixels[y * inner.width + x], alpha));
        }
    }
}

/// A Code 39-like bar code of `text`; its bars are right in look, not meant to be scanned.
pub fn bar_code(canvas: &mut Canvas, frame: Rect, text: &str) {
    let mut bars = Vec::new();
    for byte in format!("*{text}*").bytes() {
        for bit in 0..9 {
            bars.push(if (u32::from(byte) * 37 >> bit) & 1 == 1 { 2.4 } else { 1.0 });
        }
        bars.push(1.0);
    }
    let unit = (frame.right - frame.left) / bars.iter().sum::<f32>();
    let mut x = frame.left;
    for (idx, width) in bars.iter().enumerate() {
        if idx % 10 % 2 == 0 && idx % 10 != 9 {
            canvas.rect(Rect { left: x, right: x + width * unit, ..frame }, solid([25, 25, 28]));
        }
        x += width * unit;
    }
}

/// A gold contact plate.
pub fn chip(canvas: &mut Canvas, frame: Rect) {
    canvas.rect(frame, solid([204, 172, 96]));
    let line = wash([120, 92, 40], 0.9);
    canvas.frame(frame, 2.0, line);
    let (width, height) = (frame.right - frame.left, frame.bottom - frame.top);
    for part in [0.33, 0.66] {
        let y = frame.top + height * part;
        canvas.line((frame.left, y), (frame.right, y), 1.6, line);
        let x = frame.left + width * part;
        canvas.line((x, frame.top), (x, frame.bottom), 1.6, line);
    }
    let middle = Rect::sized(
        frame.left + width * 0.36,
        frame.top + height * 0.22,
        width * 0.28,
        height * 0.56,
    );
    canvas.rect(middle, solid([214, 184, 110]));
    canvas.frame(middle, 1.6, line);
}

/// A patch that shines in all colours, as a hologram does in a photo.
pub fn hologram(canvas: &mut Canvas, chance: &mut Chance, frame: Rect) {
    let phase = chance.range(0.0, 6.0);
    let alpha = chance.range(0.10, 0.24);
    let (width, height) = (frame.right - frame.left, frame.bottom - frame.top);
    for y in 0..pixel::floor(height) {
        for x in 0..pixel::floor(width) {
            let (fx, fy) = (x as f32 / width, y as f32 / height);
            let edge = 1.0 - (2.0 * fx - 1.0).hypot(2.0 * fy - 1.0);
            if edge <= 0.0 {
                continue;
            }
            let turn = phase + 7.0 * fx + 4.0 * fy;
            let hue = [0.0, 2.1, 4.2].map(|it| pixel::byte(150.0 + 100.0 * (turn + it).sin()));
            let (px, py) = (pixel::floor(frame.left) + x, pixel::floor(frame.top) + y);
            canvas.dot(px, py, wash(hue, alpha * (edge * 3.0).min(1.0)));
        }
    }
}

/// Marks the sheet 「樣本 SPECIMEN」 in small faint print, so that no picture can pass for a document.
pub fn specimen(sheet: &mut Sheet<'_>, chance: &mut Chance) {
    let colour = *chance.pick(&[[150, 60, 60], [90, 90, 120], [110, 110, 110]]);
    let print = Print::new(Face::Sung, 17.0, colour).faint(0.30);
    let (height, indent) = (sheet.height(), chance.range(0.0, 120.0));
    for row in 0..4 {
        let y = height * (0.2 + 0.235 * row as f32) + chance.jitter(8.0);
        let mut x = 30.0 + indent + if row % 2 == 0 { 0.0 } else { 160.0 };
        while x < 930.0 {
            sheet.label((x, y), print, "樣本 SPECIMEN");
            x += 330.0;
        }
    }
}

/// The plum blossom that government documents carry.
pub fn blossom(canvas: &mut Canvas, centre: (f32, f32), radius: f32, colour: Colour) {
    for petal in 0..5 {
        let turn = (petal as f32 / 5.0 - 0.25) * std::f32::consts::TAU;
        let (x, y) = (centre.0 + radius * 0.58 * turn.cos(), centre.1 + radius * 0.58 * turn.sin());
        let size = radius * 0.84;
        canvas.ellipse(Rect::sized(x - size / 2.0, y - size / 2.0, size, size), wash(colour, 0.5));
    }
}

/// Units of layout as canvas pixels.
pub fn units(rect: Rect) -> Rect {
    rect.scaled(UNIT)
}
