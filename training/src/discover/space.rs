//! Texts as unit vectors: projected n-grams, or the sentence encoder's.

use anyhow::Context;
use clap::ValueEnum;
use fenwen::cli::encoder;
use fenwen::config::{Config, Overrides};
use indicatif::ProgressBar;
use ndarray::Array2;

use crate::linear::corpus::{Corpus, spec};
use crate::linear::recipe::ViewPart;
use crate::projection::{Projection, normalise};

/// Numbers of a projected text.
const WIDTH: usize = 512;

/// In which space texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Space {
    /// 字元片段(不需模型)
    Ngram,
    /// 語意向量(需先下載句子編碼模型)
    Encoder,
}

impl Space {
    /// Name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Space::Ngram => "ngram",
            Space::Encoder => "encoder",
        }
    }

    /// One unit vector a row.
    pub(super) fn vectors(
        self,
        texts: &[&str],
        draw: Draw,
        bar: &ProgressBar,
    ) -> anyhow::Result<Array2<f32>> {
        let (values, width) = match self {
            Space::Ngram => (ngrams(texts, draw, bar), WIDTH),
            Space::Encoder => {
                let config = Config::load(&Overrides::default())?;
                let mut encoder = encoder::open_bulk(&config).context(
                    "無法開啟句子編碼模型;請先執行 fenwen models pull,或改用 --space ngram",
                )?;
                let done = |n_texts| bar.inc(u64::try_from(n_texts).unwrap_or(0));
                let mut found = encoder.encode(texts, done)?;
                let width = found.width.max(1);
                found.values.chunks_mut(width).for_each(normalise);
                (found.values, width)
            }
        };
        Ok(Array2::from_shape_vec((texts.len(), width), values)?)
    }
}

/// How n-grams are drawn into vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    /// Of the projection.
    pub(super) seed: u64,
    /// Groups that are looked for.
    pub(super) n_groups: usize,
}

impl Draw {
    /// Share of the texts up to which an n-gram may tell groups apart: twice a group's even share. What is in more of
    /// them (how to, may I, the city's name) would only tell ways of asking apart.
    fn max_share(self) -> f32 {
        (2.0 / self.n_groups.max(1) as f32).min(0.5)
    }
}

fn ngrams(texts: &[&str], draw: Draw, bar: &ProgressBar) -> Vec<f32> {
    // Pairs and triples that occur in one text only tell nothing about its likeness to others.
    let views = [ViewPart { min_df: 2, ..ViewPart::of(&[2, 3]) }];
    let rows: Vec<Vec<&str>> = texts.iter().map(|it| vec![*it]).collect();
    let corpus = Corpus::new(&spec(&views, &["text".to_owned()], &[]), &views, &rows);
    let all: Vec<usize> = (0..texts.len()).collect();
    let mut idf = corpus.idf(&all);
    let n_texts = texts.len() as f32;
    let max_df = (draw.max_share() * n_texts).floor();
    // As `Corpus::idf` weighs what is in so many texts.
    let least = ((1.0 + n_texts) / (1.0 + max_df)).ln() + 1.0;
    idf.iter_mut().filter(|it| **it < least).for_each(|it| *it = 0.0);
    let projection = Projection { seed: draw.seed, width: WIDTH };
    let mut vectors = Vec::with_capacity(texts.len() * WIDTH);
    for text in all {
        vectors.extend(projection.apply(&corpus, &corpus.values(text, &idf)));
        bar.inc(1);
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(n_groups: usize) -> f32 {
        let mut texts = vec!["請問如何補發身分證", "請問如何申請路燈維修"];
        texts.extend(["請問如何申請", "請問如何辦理", "身分證", "路燈維修", "補發", "辦理"]);
        let vectors =
            Space::Ngram.vectors(&texts, Draw { seed: 7, n_groups }, &ProgressBar::hidden());
        let vectors = vectors.unwrap();
        vectors.row(0).dot(&vectors.row(1))
    }

    #[test]
    fn ways_of_asking_are_no_likeness_among_many_groups() {
        // Half of the texts begin alike.
        assert!(0.2 < likeness(2), "{}", likeness(2));
        assert!(likeness(8).abs() < 0.15, "{}", likeness(8));
    }
}
