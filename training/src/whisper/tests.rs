//! A tiny Whisper of made-up weights learns made-up clips: true gradients, the same again, going on, one served file.

mod runs;

use std::fs;

use candle_core::Tensor;
use fenwen::engine::speech::fake::tiny;
use fenwen::engine::speech::{Language, Lesson, WhisperPupil};

use fenwen::base::Chance;

use super::adapters::Adapters;
use super::recipe::{Target, WhisperPart};
use super::trainer::judge;
use super::*;

fn part(more: &str) -> WhisperPart {
    toml::from_str(&format!("kind = 'lora'\nrank = 2\n{more}")).unwrap()
}

/// A sound, a lesson about it, and adapters beside every kind of matrix that are not zero.
fn lesson(pupil: &WhisperPupil) -> (Tensor, Lesson, Adapters) {
    let sound = pupil.listen(&tiny::tone(440.0, 0.3)).unwrap();
    let lesson = pupil.lesson(Language::Mandarin, "甲乙 a", None);
    let targets = "targets = ['attention', 'cross-attention', 'mlp']";
    let adapters = Adapters::new(pupil, &part(targets), 5).unwrap();
    let mut chance = Chance::new(9);
    for (_, var) in adapters.vars() {
        let n_values = var.elem_count();
        let values: Vec<f32> = (0..n_values).map(|_| 0.6 * chance.share() - 0.3).collect();
        var.set(&Tensor::from_vec(values, var.shape(), var.device()).unwrap()).unwrap();
    }
    (sound, lesson, adapters)
}

#[test]
fn lessons_hold_text_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let pupil = WhisperPupil::open(&tiny::file(dir.path()).unwrap()).unwrap();
    let plain = pupil.lesson(Language::Mandarin, "甲a", None);
    let [jia, a] = [tiny::CHARACTERS, u32::from(b'a')];
    assert_eq!(plain.tokens, [50_258, 50_260, 50_359, 50_363, jia, a, 50_257]);
    assert_eq!(plain.n_given, 4);
    let timed = pupil.lesson(Language::English, "a", Some(1.5));
    assert_eq!(timed.tokens, [50_258, 50_259, 50_359, 50_364, a, 50_439, 50_257]);
    assert_eq!(timed.n_given, 3);
}

#[test]
fn gradients_are_finite_differences() {
    let dir = tempfile::tempdir().unwrap();
    let pupil = WhisperPupil::open(&tiny::file(dir.path()).unwrap()).unwrap();
    let (sound, lesson, adapters) = lesson(&pupil);
    let learner = adapters.beside(&pupil, true).unwrap();
    let judged = judge(&learner, &lesson, &sound).unwrap();
    let surrogate = judged.rows.mul(&judged.gradient).unwrap().sum_all().unwrap();
    let gradients = surrogate.backward().unwrap();
    let loss = || judge(&adapters.beside(&pupil, false).unwrap(), &lesson, &sound).unwrap().loss;
    for (name, var) in adapters.vars() {
        let gradient = gradients.get(var).unwrap().flatten_all().unwrap();
        let gradient: Vec<f32> = gradient.to_vec1().unwrap();
        let before: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        // Along the gradient: the change is its squared length, and single precision is enough to see it.
        let square: f32 = gradient.iter().map(|it| it * it).sum();
        assert!(0.0 < square, "nothing reaches `{name}`");
        let step = 0.002 / square.sqrt();
        let moved = |by: f32| {
            let values: Vec<f32> =
                before.iter().zip(&gradient).map(|(it, slope)| it + by * slope).collect();
            var.set(&Tensor::from_vec(values, var.shape(), var.device()).unwrap()).unwrap();
            loss()
        };
        let found = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        moved(0.0);
        let off = (found / f64::from(square) - 1.0).abs();
        assert!(off < 0.02, "`{name}`: {found} {square}");
    }
}

#[test]
fn adapters_of_zero_change_no_logit() {
    let dir = tempfile::tempdir().unwrap();
    let pupil = WhisperPupil::open(&tiny::file(dir.path()).unwrap()).unwrap();
    let (sound, lesson, drawn) = lesson(&pupil);
    let logits = |pupil: &WhisperPupil| -> Vec<f32> {
        let rows = pupil.read(&lesson.tokens, &sound).unwrap();
        let logits = rows.matmul(&pupil.embedding().t().unwrap()).unwrap();
        logits.flatten_all().unwrap().to_vec1().unwrap()
    };
    let fresh = Adapters::new(&pupil, &part(""), 1).unwrap();
    let off = |adapters: &Adapters| {
        let beside = logits(&adapters.beside(&pupil, true).unwrap());
        logits(&pupil).iter().zip(&beside).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    // Where something is learned, normalisation is several operations, which round otherwise than the one.
    assert!(off(&fresh) < 1e-4, "{}", off(&fresh));
    assert!(1e-2 < off(&drawn), "{}", off(&drawn));
    let count = |part: &WhisperPart| Adapters::new(&pupil, part, 1).unwrap().vars().count();
    assert_eq!((count(&part("")), Target::Mlp.modules().len()), (4, 2));
}

#[test]
fn merged_weights_say_what_the_adapters_said() {
    let dir = tempfile::tempdir().unwrap();
    let base = tiny::file(dir.path()).unwrap();
    let pupil = WhisperPupil::open(&base).unwrap();
    let (sound, lesson, adapters) = lesson(&pupil);
    let task = runs::task(dir.path(), "", false);
    let merged = output::merged(&task, &adapters).unwrap();
    let path = dir.path().join("merged.safetensors");
    candle_core::safetensors::save(&merged, &path).unwrap();
    let conversion = fenwen::registry::Conversion {
        recipe: fenwen::registry::Recipe::WhisperSafetensors,
        quantisation: fenwen::registry::Quantisation::F16,
    };
    let parts = [base.path().to_owned(), path];
    let served = fenwen::registry::convert_parts(conversion, &parts).unwrap();
    let served = tiny::verified(dir.path(), "served", &served).unwrap();
    let rows = |pupil: &WhisperPupil| -> Vec<f32> {
        pupil.read(&lesson.tokens, &sound).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let (expected, found) = (
        rows(&adapters.beside(&pupil, false).unwrap()),
        rows(&WhisperPupil::open(&served).unwrap()),
    );
    let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 0.02, "off by {worst}");
    assert!(rows(&pupil).iter().zip(&found).any(|(a, b)| 0.1 < (a - b).abs()));
}
