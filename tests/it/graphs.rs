//! The networks of ID images on candle: the same numbers as ONNX Runtime, whatever the batch and the size.

use fenwen::engine::{
    EngineError, EngineKind, OpenOptions, TensorModel, Wanted, open, open_replicas,
};
use fenwen::tensor::{Tensor, View};

use crate::support::{CLASSIFIER, DETECTOR, FACE_FINDER, ONNX_RUNTIME, RECOGNISER, pulled};

fn options(engine: EngineKind) -> OpenOptions {
    let ort_library = Some(pulled(ONNX_RUNTIME));
    OpenOptions { engine, ort_library, ..OpenOptions::default() }
}

fn model(sha256: &str, engine: EngineKind) -> Box<dyn TensorModel> {
    open(&pulled(sha256), &options(engine)).unwrap()
}

/// A picture of numbers between -1 and 1, by xorshift.
fn picture(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut number = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % 2001) as f32 / 1000.0 - 1.0
    };
    Tensor::f32(shape, (0..shape.iter().product()).map(|_| number()).collect()).unwrap()
}

/// Dimensions and elements of every output.
fn run(model: &mut dyn TensorModel, input: Tensor) -> Vec<(Vec<usize>, Vec<f32>)> {
    let mut outputs = Vec::new();
    let mut keep = |views: &[View<'_>]| {
        outputs = views.iter().map(|it| (it.shape().to_vec(), it.data().to_vec())).collect();
    };
    model.run(&[input], &mut keep).unwrap();
    outputs
}

#[track_caller]
fn check(sha256: &str, shapes: &[&[usize]]) {
    let (mut ort, mut candle) = (model(sha256, EngineKind::Ort), model(sha256, EngineKind::Candle));
    let (wanted, got) = (ort.signature(), candle.signature());
    assert_eq!(wanted.inputs, got.inputs);
    let names = |it: &fenwen::engine::Signature| -> Vec<String> {
        it.outputs.iter().map(|port| port.name.clone()).collect()
    };
    assert_eq!(names(wanted), names(got));
    for (seed, shape) in (1..).zip(shapes) {
        let wanted = run(ort.as_mut(), picture(shape, seed));
        let got = run(candle.as_mut(), picture(shape, seed));
        assert_eq!(wanted.len(), got.len());
        for ((wanted_shape, wanted), (got_shape, got)) in wanted.iter().zip(&got) {
            assert_eq!(wanted_shape, got_shape);
            let worst = wanted.iter().zip(got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 1e-3, "{shape:?}: off by {worst}");
        }
    }
}

#[test]
fn the_detector() {
    let shapes = [[1, 3, 64, 96], [1, 3, 160, 128], [3, 3, 64, 96], [3, 3, 96, 64]];
    check(DETECTOR, &shapes.each_ref().map(|it| it.as_slice()));
}

#[test]
fn the_recogniser() {
    let shapes = [[1, 3, 48, 96], [1, 3, 48, 168], [3, 3, 48, 96], [3, 3, 48, 72]];
    check(RECOGNISER, &shapes.each_ref().map(|it| it.as_slice()));
}

#[test]
fn the_classifier_of_lines() {
    let shapes = [[1, 3, 48, 192], [1, 3, 48, 96], [3, 3, 48, 192], [3, 3, 48, 96]];
    check(CLASSIFIER, &shapes.each_ref().map(|it| it.as_slice()));
}

/// Its size is fixed.
#[test]
fn the_face_finder() {
    check(FACE_FINDER, &[&[1, 3, 640, 640]]);
}

#[test]
fn copies_and_threads_give_the_same() {
    let one = run(model(CLASSIFIER, EngineKind::Candle).as_mut(), picture(&[2, 3, 48, 96], 7));
    let options = OpenOptions { threads: 2, ..options(EngineKind::Candle) };
    for mut copy in open_replicas(&pulled(CLASSIFIER), &options, 2).unwrap() {
        let other = run(copy.as_mut(), picture(&[2, 3, 48, 96], 7));
        let pairs = one[0].1.iter().zip(&other[0].1);
        assert!(pairs.map(|(a, b)| (a - b).abs()).all(|it| it < 1e-5));
    }
}

#[test]
fn a_run_that_nobody_waits_for_ends_early_and_the_next_one_does_not() {
    for engine in [EngineKind::Ort, EngineKind::Candle] {
        let mut model = model(CLASSIFIER, engine);
        let before = run(model.as_mut(), picture(&[1, 3, 48, 96], 7));
        let nobody = Wanted::default();
        nobody.give_up();
        let mut shown = false;
        let given_up =
            model.run_while(&[picture(&[1, 3, 48, 96], 7)], &nobody, &mut |_| shown = true);
        assert_eq!((given_up, shown), (Err(EngineError::Unwanted), false), "{engine:?}");
        assert_eq!(run(model.as_mut(), picture(&[1, 3, 48, 96], 7)), before, "{engine:?}");
    }
}

#[test]
fn unfit_inputs_and_files_are_refused() {
    let mut model = model(RECOGNISER, EngineKind::Candle);
    for input in [picture(&[1, 4, 48, 96], 1), picture(&[3, 48, 96], 1)] {
        let err = model.run(&[input], &mut |_| ()).unwrap_err();
        assert!(matches!(err, EngineError::BadInput(_)), "{err:?}");
    }
    let err = open(&pulled(ONNX_RUNTIME), &options(EngineKind::Candle)).err().unwrap();
    assert!(matches!(err, EngineError::Load(_)), "{err:?}");
}
