//! The network that learns, on made-up weights: equal to the engine, with true gradients, learning, stopping, going on.

mod cross;
pub(crate) mod folder;
mod runs;

use candle_core::{Tensor, Var};
use fenwen::engine::{Array, EngineKind, OpenOptions, Values, open};
use fenwen::registry::VerifiedFile;
use fenwen::tensor::Tensor as Input;

use fenwen::base::{Chance, hex};

use super::batch::Batch;
use super::network::{HEAD_BIAS, HEAD_WEIGHTS, Layer};
use super::*;

/// Numbers of an embedding, of a branch, between the last layers.
#[derive(Clone, Copy)]
struct Sizes {
    width: usize,
    branch: usize,
    hidden: usize,
}

const TINY: Sizes = Sizes { width: 6, branch: 4, hidden: 3 };
const SMALL: Sizes = Sizes { width: 16, branch: 16, hidden: 16 };
/// Those that the engine takes.
const FULL: Sizes = Sizes { width: 512, branch: 256, hidden: 320 };

const N_CHUNKS: usize = 3;
const ROWS_PER_CHUNK: usize = 10;

/// Weights of a network of these sizes for 30 tokens.
fn arrays(sizes: Sizes, seed: u64) -> Arrays {
    let Sizes { width, branch, hidden } = sizes;
    let mut chance = Chance::new(seed);
    let mut arrays = Arrays::default();
    for idx in 1..=N_CHUNKS {
        let levels = (0..ROWS_PER_CHUNK * width).map(|_| u8::try_from(chance.below(64)).unwrap());
        let values = Values::U8(levels.collect());
        arrays.insert(&format!("q{idx}"), Array { shape: vec![ROWS_PER_CHUNK, width], values });
    }
    let mut add = |name: &str, shape: &[usize], values: Vec<f32>| {
        arrays.insert(name, Array { shape: shape.to_vec(), values: Values::F32(values) });
    };
    add("scale", &[N_CHUNKS], vec![0.1, 0.2, 0.3]);
    add("lo", &[N_CHUNKS], vec![-3.0, -6.0, -9.0]);
    let features = width + 3 * branch;
    let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
    for order in [2, 3, 5] {
        shapes.push((format!("proj{order}"), vec![width, branch]));
        for name in ["proj_b", "ln_g", "ln_b", "b1_", "b2_"] {
            shapes.push((format!("{name}{order}"), vec![branch]));
        }
        for name in ["w1_", "w2_"] {
            shapes.push((format!("{name}{order}"), vec![order * branch, branch]));
        }
    }
    for (name, shape) in [
        ("ln_g", vec![features]),
        ("ln_b", vec![features]),
        ("cnn_W", vec![features, width]),
        ("cnn_b", vec![width]),
        ("d0", vec![width, hidden]),
        ("p1", vec![width, hidden]),
        ("d1", vec![hidden, hidden]),
        ("d2", vec![hidden, width]),
        ("p3", vec![hidden, width]),
        ("d3", vec![width, width]),
    ] {
        shapes.push((name.to_owned(), shape));
    }
    for (name, shape) in shapes {
        let n_values = shape.iter().product();
        let scale = if shape.len() == 1 { 0.3 } else { 1.5 / (shape[0] as f32).sqrt() };
        let centre = if name.starts_with("ln_g") { 1.0 } else { 0.0 };
        let values = (0..n_values).map(|_| centre + (2.0 * chance.share() - 1.0) * scale);
        add(&name, &shape, values.collect());
    }
    arrays.insert("eps", Array { shape: Vec::new(), values: Values::F64(vec![1e-12]) });
    arrays
}

/// A network on these weights for all 30 tokens, with heads and deltas that are not zero.
fn network(arrays: &Arrays, n_classes: usize, dtype: DType) -> Network {
    let ids: Vec<u32> = (0..30).collect();
    let place = Place { device: Device::Cpu, dtype };
    let network = Network::new(arrays, &ids, n_classes, &place).unwrap();
    let mut chance = Chance::new(99);
    for name in [network::DELTAS, HEAD_WEIGHTS, HEAD_BIAS] {
        let var = &network.param(name).unwrap().var;
        let values: Vec<f32> = (0..var.elem_count()).map(|_| 2.0 * chance.share() - 1.0).collect();
        let tensor = Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap();
        var.set(&tensor.to_dtype(dtype).unwrap()).unwrap();
    }
    network
}

/// Texts of different lengths.
fn texts() -> Vec<Example> {
    let mut chance = Chance::new(5);
    [4, 1, 9, 2, 6]
        .iter()
        .zip([0, 2, 1, 1, 0])
        .map(|(len, label)| {
            let slots = (0..*len).map(|_| 1 + u32::try_from(chance.below(29)).unwrap());
            Example { slots: slots.collect(), label }
        })
        .collect()
}

/// The engine's embeddings of the texts, computed from a file of these weights.
fn by_engine(arrays: &Arrays, texts: &[Example]) -> Vec<f32> {
    let bytes = arrays.to_safetensors().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("encoder.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    let file = VerifiedFile::check(&path, &hex(&Sha256::digest(&bytes))).unwrap();
    let options = OpenOptions { engine: EngineKind::Candle, ..OpenOptions::default() };
    let mut model = open(&file, &options).unwrap();
    let longest = texts.iter().map(|it| it.slots.len()).max().unwrap();
    let mut ids = Vec::new();
    for text in texts {
        ids.extend(text.slots.iter().map(|it| i64::from(*it)));
        ids.resize(ids.len() + longest - text.slots.len(), 0);
    }
    let input = Input::i64([texts.len(), longest], ids).unwrap();
    let mut out = Vec::new();
    model.run(&[input], &mut |views| out = views[0].data().to_vec()).unwrap();
    out
}

#[test]
fn the_forward_pass_is_that_of_the_engine() {
    let mut arrays = arrays(FULL, 1);
    let network = network(&arrays, 3, DType::F32);
    let batch = Batch::new(&texts(), &network.place()).unwrap();
    let found = network.embed(&batch, &|_| true).unwrap();
    let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
    let deltas = network.param(network::DELTAS).unwrap().var.flatten_all().unwrap();
    let values = Values::F32(deltas.to_vec1().unwrap());
    arrays.insert("deltas", Array { shape: vec![30, FULL.width], values });
    let ids = Values::U32((0..30).collect());
    arrays.insert("delta_ids", Array { shape: vec![30], values: ids });
    let expected = by_engine(&arrays, &texts());
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "off by {worst}");
}

/// The loss with one number of a parameter moved by `by`.
fn moved(network: &Network, batch: &Batch, var: &Var, at: usize, by: f64) -> f64 {
    let before = var.as_tensor().copy().unwrap();
    let mut values: Vec<f64> = before.flatten_all().unwrap().to_vec1().unwrap();
    values[at] += by;
    var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    let loss = network.loss(batch, &|_| false).unwrap().to_scalar().unwrap();
    var.set(&before).unwrap();
    loss
}

#[test]
fn gradients_are_finite_differences() {
    let network = network(&arrays(TINY, 2), 3, DType::F64);
    let mut batch = Batch::new(&texts(), &network.place()).unwrap();
    batch.hide(0.3, &network, &mut Chance::new(8)).unwrap();
    let gradients = network.loss(&batch, &|_| true).unwrap().backward().unwrap();
    let mut chance = Chance::new(3);
    for param in network.params() {
        let gradient = gradients.get(&param.var).unwrap().flatten_all().unwrap();
        let gradient: Vec<f64> = gradient.to_vec1().unwrap();
        let largest = gradient.iter().map(|it| it.abs()).fold(0.0, f64::max);
        assert!(0.0 < largest, "nothing reaches `{}`", param.name);
        for _ in 0..12 {
            let at = chance.below(gradient.len());
            let step = 1e-6;
            let above = moved(&network, &batch, &param.var, at, step);
            let below = moved(&network, &batch, &param.var, at, -step);
            let expected = (above - below) / (2.0 * step);
            let off = (expected - gradient[at]).abs();
            assert!(
                off < 1e-7 + 1e-5 * expected.abs(),
                "`{}` at {at}: {expected} {}",
                param.name,
                gradient[at]
            );
        }
    }
}

#[test]
fn frozen_layers_have_no_gradient() {
    let network = network(&arrays(TINY, 2), 3, DType::F32);
    let batch = Batch::new(&texts(), &network.place()).unwrap();
    let learns = |layer| layer == Layer::Head || layer == Layer::Dense;
    let gradients = network.loss(&batch, &learns).unwrap().backward().unwrap();
    for param in network.params() {
        assert_eq!(gradients.get(&param.var).is_some(), learns(param.layer), "{}", param.name);
    }
}
