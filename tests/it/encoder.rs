//! The sentence encoder with its real weights: the reference's tokens and vectors, on every engine.

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::{Clock, SystemClock};
use fenwen::batch::{BatchPolicy, BatchSpec, ModelHandle};
use fenwen::engine::{
    Array, EngineKind, OpenOptions, TensorModel, Tokenizer, Values, export_onnx, open,
    open_replicas, read_arrays,
};
use fenwen::pipeline::encode::{self, BulkEncoder, Encoder};
use fenwen::registry::{ModelRegistry, Settings, VerifiedFile};
use fenwen::tensor::{Tensor, View};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{ENCODER, ONNX_RUNTIME, TOKENIZER, pulled};

/// Text, token ids and first eight numbers, computed by the reference (tests/data/encoder/README.md).
struct Case {
    text: String,
    ids: Vec<u32>,
    values: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let case = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        Case {
            text: row["text"].as_str().unwrap().to_owned(),
            ids: serde_json::from_value(row["ids"].take()).unwrap(),
            values: serde_json::from_value(row["values"].take()).unwrap(),
        }
    };
    include_str!("../data/encoder/golden.jsonl").lines().map(case).collect()
}

fn tokenizer() -> Tokenizer {
    Tokenizer::open(&pulled(TOKENIZER)).unwrap()
}

fn candle(threads: usize) -> Box<dyn TensorModel> {
    let options = OpenOptions { engine: EngineKind::Candle, threads, ..OpenOptions::default() };
    open(&pulled(ENCODER), &options).unwrap()
}

/// All rows at once, padded; the vectors one after another.
fn run(model: &mut dyn TensorModel, rows: &[Vec<u32>]) -> Vec<f32> {
    let longest = rows.iter().map(Vec::len).max().unwrap();
    let padded = |row: &Vec<u32>| {
        let mut ids: Vec<i64> = row.iter().map(|id| i64::from(*id)).collect();
        ids.resize(longest, 0);
        ids
    };
    let input = Tensor::i64([rows.len(), longest], rows.iter().flat_map(padded).collect()).unwrap();
    let mut out = Vec::new();
    model
        .run(&[input], &mut |views: &[View<'_>]| {
            assert_eq!(views[0].shape(), [rows.len(), 512]);
            out = views[0].data().to_vec();
        })
        .unwrap();
    out
}

#[track_caller]
fn check_close(one: &[f32], other: &[f32], tolerance: f32) {
    assert_eq!(one.len(), other.len());
    let worst = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
fn tokens_and_vectors_are_those_of_the_reference() {
    let (tokenizer, mut model) = (tokenizer(), candle(1));
    for case in cases() {
        let tokens = tokenizer.tokenize(&case.text);
        assert_eq!(tokens.ids, case.ids, "{}", case.text);
        let values = run(model.as_mut(), &[tokens.ids]);
        check_close(&values[..8], &case.values, 1e-3);
    }
}

#[test]
fn the_manifest_holds_a_true_golden_answer() {
    let registry = ModelRegistry::open(Settings::at("/nowhere")).unwrap();
    let model = registry.model("use-multilingual-v3").unwrap();
    let golden = model.manifest.golden_text.clone().unwrap();
    let tokens = tokenizer().tokenize(&golden.text);
    let values = run(candle(1).as_mut(), std::slice::from_ref(&tokens.ids));
    assert_eq!(golden.difference(&tokens.ids, &[1, 512], &values), None);
}

#[test]
fn a_row_of_a_batch_equals_the_row_alone() {
    let rows: Vec<Vec<u32>> = cases().into_iter().map(|it| it.ids).collect();
    for threads in [1, 2] {
        let mut model = candle(threads);
        let together = run(model.as_mut(), &rows);
        for (row, row_together) in rows.iter().zip(together.chunks_exact(512)) {
            let alone = run(model.as_mut(), std::slice::from_ref(row));
            check_close(&alone, row_together, 1e-5);
        }
    }
}

#[test]
fn onnx_engines_serve_the_same_network() {
    let graph = export_onnx(&pulled(ENCODER)).unwrap();
    let sha256 = fenwen::base::hex(&Sha256::digest(&graph));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("encoder.onnx");
    std::fs::write(&path, &graph).unwrap();
    let file = VerifiedFile::check(&path, &sha256).unwrap();
    let rows: Vec<Vec<u32>> = cases().into_iter().map(|it| it.ids).collect();
    let expected = run(candle(1).as_mut(), &rows);
    for engine in [EngineKind::Ort, EngineKind::Rten] {
        let ort_library = Some(pulled(ONNX_RUNTIME));
        let options = OpenOptions { engine, ort_library, ..OpenOptions::default() };
        let mut model = open(&file, &options).unwrap();
        check_close(&run(model.as_mut(), &rows), &expected, 1e-3);
        let last = rows.last().unwrap().clone();
        check_close(&run(model.as_mut(), &[last]), &expected[expected.len() - 512..], 1e-3);
    }
}

#[test]
fn fine_tuned_weights_are_served_too() {
    let rows: Vec<Vec<u32>> = cases().into_iter().map(|it| it.ids).collect();
    let plain = run(candle(1).as_mut(), &rows);
    let dir = tempfile::tempdir().unwrap();
    let written = |name: &str, bytes: &[u8]| {
        let sha256 = fenwen::base::hex(&Sha256::digest(bytes));
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        VerifiedFile::check(&path, &sha256).unwrap()
    };
    let served = |file: &VerifiedFile, engine| {
        let options = OpenOptions { engine, ..OpenOptions::default() };
        run(open(file, &options).unwrap().as_mut(), &rows)
    };
    let mut arrays = read_arrays(&pulled(ENCODER)).unwrap();
    let same = written("same", &arrays.to_safetensors().unwrap());
    assert_eq!(served(&same, EngineKind::Candle), plain);

    let mut ids = rows.concat();
    ids.sort_unstable();
    ids.dedup();
    let deltas = (0..ids.len() * 512).map(|idx| (idx % 7) as f32 * 0.05).collect();
    let shape = vec![ids.len(), 512];
    arrays.insert("deltas", Array { shape, values: Values::F32(deltas) });
    arrays.insert("delta_ids", Array { shape: vec![ids.len()], values: Values::U32(ids) });
    let tuned = written("tuned", &arrays.to_safetensors().unwrap());
    let expected = served(&tuned, EngineKind::Candle);
    assert!(expected.iter().zip(&plain).any(|(a, b)| 0.01 < (a - b).abs()));
    let graph = written("graph", &export_onnx(&tuned).unwrap());
    check_close(&served(&graph, EngineKind::Rten), &expected, 1e-3);
}

#[tokio::test]
async fn texts_are_encoded_one_by_one_and_in_bulk() {
    let tokenizer = Arc::new(tokenizer());
    let options = OpenOptions { engine: EngineKind::Candle, ..OpenOptions::default() };
    let models = open_replicas(&pulled(ENCODER), &options, 2).unwrap();
    let mut bulk = BulkEncoder::new(Arc::clone(&tokenizer), models);
    let texts: Vec<String> = cases().into_iter().map(|it| it.text).collect();
    let together = bulk.encode(&texts, |_| ()).unwrap();
    assert_eq!((together.width, together.n_truncated), (512, 0));

    let spec = BatchSpec {
        name: "encoder".to_owned(),
        policy: BatchPolicy { max_rows: 8, max_cost: 4096, max_padding: 2.0 },
        queue_rows: 64,
        queue_cost: 1 << 20,
        probe: None,
        clock: Arc::new(SystemClock),
    };
    let encoder =
        Encoder::new(tokenizer, ModelHandle::spawn(vec![candle(1)], spec, encode::reduce).unwrap());
    let deadline = SystemClock.now() + Duration::from_secs(60);
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embeddings = encoder.queue(&all, deadline).unwrap().await.unwrap();
    for (embedding, row) in embeddings.iter().zip(together.rows()) {
        check_close(&embedding.values, row, 1e-5);
    }
    let long =
        encoder.queue(&[&"地政".repeat(1 << 20)], deadline).unwrap().await.unwrap().remove(0);
    assert!(long.is_truncated && long.values.len() == 512);
}
