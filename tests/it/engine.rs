//! The runtimes on the real models: what they say of themselves, and that they agree.

use fenwen::engine::{
    Device, EngineError, EngineKind, OpenOptions, TensorModel, check_ort_device, open, read_header,
};
use fenwen::registry::{FileRole, ModelRegistry, Settings};
use fenwen::tensor::{Tensor, View};

use crate::support::{DETECTOR, ONNX_RUNTIME, RECOGNISER, pulled};

fn options(engine: EngineKind) -> OpenOptions {
    let ort_library = Some(pulled(ONNX_RUNTIME));
    OpenOptions { engine, ort_library, ..OpenOptions::default() }
}

fn model(sha256: &str, engine: EngineKind) -> Box<dyn TensorModel> {
    open(&pulled(sha256), &options(engine)).unwrap()
}

/// A picture-like tensor, different for each `seed`.
fn input(shape: &[usize], seed: usize) -> Tensor {
    let n_elements: usize = shape.iter().product();
    let element = |idx: usize| ((idx * (seed + 1)) as f32 * 0.37).sin() * 0.8;
    Tensor::f32(shape, (0..n_elements).map(element).collect()).unwrap()
}

fn run(model: &mut dyn TensorModel, input: Tensor) -> (Vec<usize>, Vec<f32>) {
    let mut output = None;
    let mut keep = |views: &[View<'_>]| {
        output = Some((views[0].shape().to_vec(), views[0].data().to_vec()));
    };
    model.run(&[input], &mut keep).unwrap();
    output.unwrap()
}

#[track_caller]
fn check_close(one: &[f32], other: &[f32]) {
    assert_eq!(one.len(), other.len());
    let worst = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-3, "off by {worst}");
}

#[track_caller]
fn check_runtimes_agree(sha256: &str, shape: &[usize]) {
    let (ort_shape, ort) = run(model(sha256, EngineKind::Ort).as_mut(), input(shape, 0));
    let (rten_shape, rten) = run(model(sha256, EngineKind::Rten).as_mut(), input(shape, 0));
    assert_eq!(ort_shape, rten_shape);
    check_close(&ort, &rten);
}

#[test]
fn runtimes_agree_on_the_detector() {
    check_runtimes_agree(DETECTOR, &[1, 3, 160, 224]);
}

#[test]
fn runtimes_agree_on_the_recogniser() {
    check_runtimes_agree(RECOGNISER, &[1, 3, 48, 160]);
}

#[test]
fn a_runtime_that_has_no_card_says_so_and_computes_on_the_processor() {
    let on_card = OpenOptions { device: Device::Cuda(0), ..options(EngineKind::Ort) };
    for refused in [check_ort_device(&on_card), open(&pulled(DETECTOR), &on_card).map(drop)]
        .map(Result::unwrap_err)
    {
        assert!(
            matches!(&refused, EngineError::Load(reason) if reason.contains("CUDA")),
            "{refused}"
        );
    }
    let (shape, _) = run(model(DETECTOR, EngineKind::Ort).as_mut(), input(&[1, 3, 160, 224], 0));
    assert_eq!(shape[2..], [160, 224]);
}

#[test]
fn every_model_gives_its_golden_answer() {
    let registry = ModelRegistry::open(Settings::at("/nowhere")).unwrap();
    let mut n_checked = 0;
    for model in registry.models().filter(|it| it.manifest.default) {
        let Some(golden) = &model.manifest.golden else { continue };
        let weights = model.manifest.files.iter().find(|it| it.role == FileRole::Weights).unwrap();
        for engine in [EngineKind::Ort, EngineKind::Rten] {
            let input = Tensor::f32(golden.shape, golden.input()).unwrap();
            let (shape, values) = run(self::model(weights.sha256.as_str(), engine).as_mut(), input);
            assert_eq!(
                golden.difference(&shape, &values),
                None,
                "{} {engine:?}",
                model.manifest.id
            );
            n_checked += 1;
        }
    }
    assert_eq!(n_checked, 6);
}

#[test]
fn a_row_of_a_batch_equals_the_row_alone() {
    for engine in [EngineKind::Ort, EngineKind::Rten] {
        let mut model = model(RECOGNISER, engine);
        let rows: Vec<Tensor> = (0..3).map(|seed| input(&[1, 3, 48, 96], seed)).collect();
        let stacked: Vec<f32> = rows.iter().flat_map(|it| it.as_f32().unwrap().to_vec()).collect();
        let (shape, together) = run(model.as_mut(), Tensor::f32([3, 3, 48, 96], stacked).unwrap());
        assert_eq!(shape[0], 3);
        let len = together.len() / 3;
        for (row, row_together) in rows.into_iter().zip(together.chunks_exact(len)) {
            let (_, alone) = run(model.as_mut(), row);
            check_close(&alone, row_together);
        }
    }
}

#[test]
fn unfit_inputs_are_refused_before_the_runtime() {
    for engine in [EngineKind::Ort, EngineKind::Rten] {
        let mut model = model(RECOGNISER, engine);
        let signature = model.signature();
        assert_eq!((signature.inputs.len(), signature.outputs.len()), (1, 1));
        let mut refused = |inputs: &[Tensor]| {
            let err = model.run(inputs, &mut |_| ()).unwrap_err();
            assert!(matches!(err, EngineError::BadInput(_)), "{err:?}");
        };
        refused(&[]);
        refused(&[input(&[1, 4, 48, 96], 0)]);
        refused(&[input(&[3, 48, 96], 0)]);
        refused(&[Tensor::i64([1, 3, 48, 2], vec![0; 288]).unwrap()]);
    }
}

#[test]
fn the_recogniser_carries_its_dictionary() {
    let header = read_header(&pulled(RECOGNISER)).unwrap();
    assert_eq!(header.metadata["character"].lines().count(), 18_708);
    assert!(read_header(&pulled(DETECTOR)).is_ok());
}

#[test]
fn what_is_no_model_or_no_library_is_refused() {
    let library = pulled(ONNX_RUNTIME);
    for engine in [EngineKind::Ort, EngineKind::Rten] {
        let err = open(&library, &options(engine)).err().unwrap();
        assert!(matches!(err, EngineError::Graph(_)), "{err:?}");
    }
    let wrong = OpenOptions { ort_library: Some(pulled(DETECTOR)), ..OpenOptions::default() };
    let err = open(&pulled(DETECTOR), &wrong).err().unwrap();
    assert!(matches!(err, EngineError::Library(_)), "{err:?}");
    let none = OpenOptions::default();
    assert!(matches!(open(&pulled(DETECTOR), &none).err(), Some(EngineError::Library(_))));
}
