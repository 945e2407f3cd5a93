//! Time of one question after another: encoded, looked for, quoted.

use std::time::Instant;

use anyhow::Result;
use fenwen::cli::{encoder, qa::encode};
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::answers::index::{Asked, Vectors};
use fenwen::service::routing::index::{ActiveIndex, pack, versions};
use fenwen::task::answers::Source;
use serde::Serialize;

use super::data::{Part, Row};

/// Questions that are not counted, and those that are.
const WARM_UP: usize = 20;
const COUNTED: usize = 300;

/// Milliseconds a question, one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Time {
    /// Sources in the index.
    pub n_sources: usize,
    /// Milliseconds from the files of a version, hashes checked, to an index that answers.
    pub open_ms: f64,
    /// Half of the questions took less.
    pub p50_ms: f64,
    /// 95 of a hundred took less.
    pub p95_ms: f64,
}

/// Measures on `n_sources`: the rows' answers, again and again with their sentences in another order, so that words and
/// lengths are those of real sources.
///
/// # Errors
/// When the encoder cannot be opened or run.
pub fn measure(
    rows: &[Row],
    outside: &[(String, Part)],
    n_sources: usize,
    words_only: bool,
) -> Result<Time> {
    let sources = filled(rows, n_sources);
    let config = if words_only { None } else { Some(Config::load(&Overrides::default())?) };
    let few = sources.get(..rows.len().min(n_sources)).unwrap_or_default();
    let vectors = config.as_ref().map(|it| encode(it, few)).transpose()?;
    // Products take as long whatever the numbers are.
    let vectors = vectors.map(|it| {
        let cycle = |numbers: &[f32], n| numbers.iter().copied().cycle().take(n).collect();
        let n = 2 * sources.len();
        Vectors {
            width: it.width,
            values: cycle(&it.values, n * it.width),
            nearness: cycle(&it.nearness, n),
        }
    });
    let folder = tempfile::tempdir()?;
    let (packed, answers) = (folder.path().join("packed"), folder.path().join("answers"));
    std::fs::create_dir(&packed)?;
    for (name, bytes) in pack(sources, vectors.as_ref().map(|it| ("", it)))? {
        std::fs::write(packed.join(name), bytes)?;
    }
    let versions = versions(&answers);
    let number = versions.add(&packed)?;
    let begun = Instant::now();
    let index = ActiveIndex::open(&versions.load(number)?)?.index;
    let open_ms = begun.elapsed().as_secs_f64() * 1e3;
    let mut bulk = config.as_ref().map(encoder::open_bulk).transpose()?;
    let texts =
        rows.iter().map(|it| it.question.as_str()).chain(outside.iter().map(|it| it.0.as_str()));
    let mut times = Vec::with_capacity(COUNTED);
    for (idx, text) in texts.cycle().take(WARM_UP + COUNTED).enumerate() {
        let begun = Instant::now();
        let text = index.asked(text);
        let encoded = bulk.as_mut().map(|it| it.encode(&[text.as_str()], |_| ())).transpose()?;
        let vector = encoded.as_ref().map(|it| it.values.as_slice());
        index.answer(Asked { text: &text, vector }, super::TODAY, 3)?;
        if WARM_UP <= idx {
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |hundredths: usize| times.get(times.len() * hundredths / 100).copied().unwrap_or(0.0);
    Ok(Time { n_sources, open_ms, p50_ms: at(50), p95_ms: at(95) })
}

fn filled(rows: &[Row], n_sources: usize) -> Vec<Source> {
    let source = |(idx, row): (usize, &Row)| {
        let mut sentences: Vec<&str> = row.answer.split_inclusive(['。', '\n']).collect();
        let n_sentences = sentences.len().max(1);
        sentences.rotate_left((idx / rows.len().max(1)) % n_sentences);
        Source { id: idx.to_string(), version: 1, answer: sentences.concat(), ..Source::default() }
    };
    rows.iter().cycle().take(n_sources).enumerate().map(source).collect()
}
