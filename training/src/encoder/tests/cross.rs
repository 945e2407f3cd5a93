//! Encoders of folds: nothing of a row reaches its own scores, and a run that broke off goes on.

use std::path::Path;

use super::folder::base;
use super::*;
use crate::encoder::cross::{Cross, Learned};

const TEXTS: [&str; 8] = [
    "土地登記",
    "兵役抽籤",
    "土地測量",
    "兵役體檢",
    "登記土地",
    "抽籤兵役",
    "測量土地",
    "體檢兵役",
];

fn part() -> EncoderPart {
    toml::from_str(
        "kind = 'fine-tune'\nhead_epochs = 1\nepochs = 2\nbatch_size = 2\nlearning_rate = 0.01\n\
         head_learning_rate = 0.05\ndropout = 0.1\ntoken_dropout = 0.1",
    )
    .unwrap()
}

/// A base of few numbers; the second seed makes other weights under the same name.
fn small(seed: u64) -> Base {
    Base { arrays: arrays(SMALL, seed), ..base() }
}

fn cross<'a>(base: &'a Base, part: &'a EncoderPart, folder: &Path, resume: bool) -> Cross<'a> {
    Cross {
        base,
        part,
        seed: 5,
        texts: TEXTS.to_vec(),
        labels: (0..8).map(|it| it % 2).collect(),
        folds: (0..8).map(|it| it / 2 % 2).collect(),
        n_folds: 2,
        n_classes: 2,
        checkpoints: folder.join("checkpoints"),
        threads: 1,
        resume,
    }
}

/// The scores of the rows of a fold.
fn of_fold(learned: &Learned, fold: usize) -> Vec<&Vec<f32>> {
    (0..8).filter(|it| it / 2 % 2 == fold).map(|it| &learned.scores[it]).collect()
}

#[test]
fn no_row_teaches_its_own_scores() {
    let (dir, base, part) = (tempfile::tempdir().unwrap(), small(4), part());
    let as_it_is = cross(&base, &part, dir.path(), false).learn().unwrap();
    assert!(as_it_is.scores.iter().all(|it| it.len() == 2));
    assert_eq!(as_it_is.curves.iter().map(Vec::len).collect::<Vec<usize>>(), [3, 3, 3]);
    let mut wrong = cross(&base, &part, dir.path(), false);
    // Every label of the first fold is turned round.
    for row in (0..8).filter(|it| it / 2 % 2 == 0) {
        wrong.labels[row] = 1 - wrong.labels[row];
    }
    let wrong = wrong.learn().unwrap();
    assert_eq!(of_fold(&wrong, 0), of_fold(&as_it_is, 0));
    assert_ne!(of_fold(&wrong, 1), of_fold(&as_it_is, 1));
}

#[test]
fn a_run_goes_on_behind_the_folds_that_are_done() {
    let (dir, part) = (tempfile::tempdir().unwrap(), part());
    let (base, other) = (small(4), small(7));
    let whole = cross(&base, &part, dir.path(), false).learn().unwrap();
    let broken_off = || {
        for kept in ["scores-1", "all"] {
            std::fs::remove_dir_all(dir.path().join("checkpoints").join(kept)).unwrap();
        }
    };
    broken_off();
    let resumed = cross(&base, &part, dir.path(), true).learn().unwrap();
    assert_eq!(resumed.scores, whole.scores);
    broken_off();
    // From other weights the first fold would have other scores, if it were not kept.
    let kept = cross(&other, &part, dir.path(), true).learn().unwrap();
    assert_eq!(of_fold(&kept, 0), of_fold(&whole, 0));
    assert_ne!(of_fold(&kept, 1), of_fold(&whole, 1));
    let again = cross(&other, &part, dir.path(), false).learn().unwrap();
    assert_ne!(of_fold(&again, 0), of_fold(&whole, 0), "without --resume all begins anew");
}

#[test]
fn folds_of_another_run_are_refused() {
    let (dir, base, part) = (tempfile::tempdir().unwrap(), small(4), part());
    cross(&base, &part, dir.path(), false).learn().unwrap();
    let mut other = cross(&base, &part, dir.path(), true);
    other.labels[0] = 1;
    let error = other.learn().err().unwrap();
    assert!(error.to_string().contains("another recipe"), "{error}");
}
