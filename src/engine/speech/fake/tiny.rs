//! A Whisper of one layer a side and one head, with weights that a seed decides.

use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::base::{Chance, hex};
use crate::registry::VerifiedFile;

const WIDTH: usize = 64;
const N_TOKENS: usize = 51_865;
/// Bands and frequencies of the mel filters.
const MEL: [usize; 2] = [80, 201];
/// Positions of the decoder: few, so that a decode that finds no end is soon over.
const POSITIONS: usize = 32;
/// Characters that are tokens.
const KNOWN: &str = "甲乙丙丁";
/// The first token of a character: those of bytes and of the beginnings of characters come before.
pub const CHARACTERS: u32 = 260;

/// A tone of so many hertz.
pub fn tone(hertz: f32, seconds: f32) -> Vec<f32> {
    let n_samples = (0..).take_while(|it| *it as f32 / 16_000.0 < seconds);
    n_samples.map(|it| 0.5 * (std::f32::consts::TAU * hertz * it as f32 / 16_000.0).sin()).collect()
}

/// The file, written into `folder`.
///
/// # Errors
/// When it cannot be written.
pub fn file(folder: &Path) -> io::Result<VerifiedFile> {
    verified(folder, "tiny.ggml", &bytes())
}

/// Any file, written into `folder` under a name.
///
/// # Errors
/// When it cannot be written.
pub fn verified(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<VerifiedFile> {
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    VerifiedFile::check(&path, &hex(&Sha256::digest(bytes))).map_err(io::Error::other)
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

/// The content of the file.
pub fn bytes() -> Vec<u8> {
    let header = [N_TOKENS, 1500, WIDTH, 1, 1, POSITIONS, WIDTH, 1, 1, MEL[0], 1];
    let mut out = 0x6767_6d6c_u32.to_le_bytes().to_vec();
    out.extend(header.into_iter().chain(MEL).flat_map(number));
    // Each band takes two neighbouring frequencies and a half.
    for at in 0..MEL[0] * MEL[1] {
        let is_in = (at % MEL[1]) * 2 / 5 == at / MEL[1];
        out.extend((f32::from(u8::from(is_in)) * 0.02).to_le_bytes());
    }
    let mut tokens: Vec<Vec<u8>> = (0..=u8::MAX).map(|it| vec![it]).collect();
    let characters = || KNOWN.chars().map(|it| it.to_string().into_bytes());
    tokens.extend(characters().map(|it| it.into_iter().take(2).collect()));
    tokens.extend(characters());
    out.extend(number(tokens.len()));
    for token in tokens {
        out.extend(number(token.len()));
        out.extend(token);
    }
    let mut chance = Chance::new(3);
    for (name, shape) in tensors() {
        out.extend([shape.len(), name.len(), 0].into_iter().flat_map(number));
        out.extend(shape.iter().rev().flat_map(|it| number(*it)));
        out.extend(name.as_bytes());
        let centre =
            if name.ends_with("ln.weight") || name.contains("ln_post.weight") { 1.0 } else { 0.0 };
        let spread = match shape.as_slice() {
            [_, n_in] if 1 < *n_in => 1.7 / (*n_in as f32).sqrt(),
            [_, n_in, width] => 1.7 / ((n_in * width) as f32).sqrt(),
            _ => 0.1,
        };
        let n_values = shape.iter().product::<usize>();
        let values = (0..n_values).map(|_| centre + spread * (2.0 * chance.share() - 1.0));
        out.extend(values.flat_map(f32::to_le_bytes));
    }
    out
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut all = Vec::new();
    let mut add = |name: &str, shape: &[usize]| all.push((name.to_owned(), shape.to_vec()));
    add("encoder.positional_embedding", &[1500, WIDTH]);
    add("encoder.conv1.weight", &[WIDTH, MEL[0], 3]);
    add("encoder.conv1.bias", &[WIDTH, 1]);
    add("encoder.conv2.weight", &[WIDTH, WIDTH, 3]);
    add("encoder.conv2.bias", &[WIDTH, 1]);
    add("decoder.positional_embedding", &[POSITIONS, WIDTH]);
    add("decoder.token_embedding.weight", &[N_TOKENS, WIDTH]);
    for norm in ["encoder.ln_post", "decoder.ln"] {
        add(&format!("{norm}.weight"), &[WIDTH]);
        add(&format!("{norm}.bias"), &[WIDTH]);
    }
    for side in ["encoder", "decoder"] {
        let block = format!("{side}.blocks.0");
        let own = [("attn_ln", "attn"), ("cross_attn_ln", "cross_attn")];
        for (norm, attention) in own.into_iter().take(if side == "decoder" { 2 } else { 1 }) {
            add(&format!("{block}.{norm}.weight"), &[WIDTH]);
            add(&format!("{block}.{norm}.bias"), &[WIDTH]);
            for part in ["query", "key", "value", "out"] {
                add(&format!("{block}.{attention}.{part}.weight"), &[WIDTH, WIDTH]);
                if part != "key" {
                    add(&format!("{block}.{attention}.{part}.bias"), &[WIDTH]);
                }
            }
        }
        add(&format!("{block}.mlp_ln.weight"), &[WIDTH]);
        add(&format!("{block}.mlp_ln.bias"), &[WIDTH]);
        for (part, shape) in [("mlp.0", [4 * WIDTH, WIDTH]), ("mlp.2", [WIDTH, 4 * WIDTH])] {
            add(&format!("{block}.{part}.weight"), &shape);
            add(&format!("{block}.{part}.bias"), &shape[..1]);
        }
    }
    all
}
