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
        seed: u64,
        bar: &ProgressBar,
    ) -> anyhow::Result<Array2<f32>> {
        let (values, width) = match self {
            Space::Ngram => (ngrams(texts, seed, bar), WIDTH),
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

fn ngrams(texts: &[&str], seed: u64, bar: &ProgressBar) -> Vec<f32> {
    // Pairs and triples that occur in one text only tell nothing about its likeness to others.
    let views = [ViewPart { orders: vec![2, 3], weights: Vec::new(), head: None, min_df: 2 }];
    let rows: Vec<Vec<&str>> = texts.iter().map(|it| vec![*it]).collect();
    let corpus = Corpus::new(&spec(&views, &["text".to_owned()], &[]), &views, &rows);
    let all: Vec<usize> = (0..texts.len()).collect();
    let idf = corpus.idf(&all);
    let projection = Projection { seed, width: WIDTH };
    let mut vectors = Vec::with_capacity(texts.len() * WIDTH);
    for text in all {
        vectors.extend(projection.apply(&corpus, &corpus.values(text, &idf)));
        bar.inc(1);
    }
    vectors
}
