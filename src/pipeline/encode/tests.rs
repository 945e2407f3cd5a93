//! Encoding with a made-up tokenizer and network: order, padding, truncation, failure.

use std::sync::Mutex;
use std::time::Duration;

use crate::base::{Clock, SystemClock};
use crate::batch::{BatchPolicy, BatchSpec};
use crate::engine::fake::FakeModel;
use crate::engine::{TensorModel, TokenLimits};
use crate::tensor::Data;

use super::*;

/// A SentencePiece model of the pieces `<unk>`, `<s>`, `</s>`, space, 甲 and 乙.
fn tokenizer() -> Tokenizer {
    let pieces = [("<unk>", 2_u8), ("<s>", 3), ("</s>", 3), ("\u{2581}", 1), ("甲", 1), ("乙", 1)];
    let mut model = Vec::new();
    for (text, kind) in pieces {
        let len = u8::try_from(text.len()).unwrap();
        let piece =
            [&[10, len], text.as_bytes(), &[21], &(-1.0_f32).to_le_bytes(), &[24, kind]].concat();
        model.extend([10, u8::try_from(piece.len()).unwrap()]);
        model.extend(piece);
    }
    Tokenizer::read(&model).unwrap()
}

/// Answers each row of ids with their sum and their number, padding left out.
fn summing() -> FakeModel {
    FakeModel::computing(|input| {
        let Data::I64(ids) = input.data() else { panic!("floats") };
        let rows = ids.chunks_exact(input.shape()[1]);
        let numbers = |row: &[i64]| {
            let n_ids = row.iter().rposition(|id| *id != 0).map_or(0, |last| last + 1);
            [row.iter().sum::<i64>() as f32, n_ids as f32]
        };
        let out: Vec<f32> = rows.flat_map(numbers).collect();
        Ok(Tensor::f32([out.len() / 2, 2], out).unwrap())
    })
    .with_integer_input()
}

fn encoder(model: FakeModel, limits: TokenLimits) -> Encoder {
    let spec = BatchSpec {
        name: "encoder".to_owned(),
        policy: BatchPolicy { max_rows: 4, max_cost: 100, max_padding: 3.0 },
        queue_rows: 100,
        queue_cost: 10_000,
        probe: None,
        clock: Arc::new(SystemClock),
    };
    let model = ModelHandle::spawn(vec![Box::new(model) as _], spec, reduce).unwrap();
    Encoder::new(Arc::new(tokenizer().with_limits(limits)), model)
}

fn soon() -> Deadline {
    SystemClock.now() + Duration::from_secs(30)
}

#[tokio::test]
async fn texts_get_their_own_vectors() {
    let encoder = encoder(summing(), TokenLimits::default());
    // <s>, space, the characters, </s>.
    let found = encoder.queue(&["甲乙"], soon()).unwrap().await.unwrap().remove(0);
    assert_eq!(found, Embedding { values: vec![15.0, 5.0], n_tokens: 5, is_truncated: false });
    let all = encoder.queue(&["甲", "甲乙乙甲", "", "丙"], soon()).unwrap().await.unwrap();
    let values: Vec<&[f32]> = all.iter().map(|it| it.values.as_slice()).collect();
    assert_eq!(values, [[10.0, 4.0], [24.0, 7.0], [3.0, 3.0], [6.0, 4.0]]);
    let waiting = move || encoder.encode_all_blocking(&["甲", "甲乙乙甲", "", "丙"], soon());
    assert_eq!(tokio::task::spawn_blocking(waiting).await.unwrap().unwrap(), all);
}

#[tokio::test]
async fn a_long_text_is_cut_and_says_so() {
    let limits = TokenLimits { max_chars: 1000, max_tokens: 8 };
    let encoder = encoder(summing(), limits);
    let found = encoder.queue(&[&"甲".repeat(5000)], soon()).unwrap().await.unwrap().remove(0);
    let values = vec![1.0 + 3.0 + 5.0 * 4.0 + 2.0, 8.0];
    assert_eq!(found, Embedding { values, n_tokens: 8, is_truncated: true });
    assert_eq!(format!("{found:?}"), "Embedding[2]");
}

#[tokio::test]
async fn a_failure_is_told() {
    let model = FakeModel::failing().with_integer_input();
    let encoder = encoder(model, TokenLimits::default());
    let error = encoder.queue(&["甲"], soon()).unwrap().await.unwrap_err();
    assert!(matches!(error, EncodeError::Run(RunError::Engine(_))), "{error:?}");
}

fn bulk(models: Vec<FakeModel>) -> BulkEncoder {
    let boxed = |model| Box::new(model) as Box<dyn TensorModel>;
    BulkEncoder::new(Arc::new(tokenizer()), models.into_iter().map(boxed).collect())
}

#[test]
fn bulk_keeps_the_order_of_the_texts() {
    let texts: Vec<String> = (0..500).map(|idx| "甲".repeat(idx * 37 % 200)).collect();
    let done = Mutex::new(0);
    let found = bulk(vec![summing(), summing()])
        .encode(&texts, |n_texts| *done.lock().unwrap() += n_texts)
        .unwrap();
    assert_eq!((found.width, found.n_truncated, *done.lock().unwrap()), (2, 0, 500));
    for (text, row) in texts.iter().zip(found.rows()) {
        let n_chars = text.chars().count() as f32;
        let expected =
            if n_chars == 0.0 { [3.0, 3.0] } else { [6.0 + 4.0 * n_chars, 3.0 + n_chars] };
        assert_eq!(row, expected);
    }
    let none: [&str; 0] = [];
    assert!(bulk(vec![summing()]).encode(&none, |_| ()).unwrap().values.is_empty());
}

#[test]
fn bulk_batches_are_bounded() {
    let shapes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shapes);
    let model = FakeModel::computing(move |input| {
        seen.lock().unwrap().push(input.shape().to_vec());
        Ok(Tensor::f32([input.shape()[0], 1], vec![0.0; input.shape()[0]]).unwrap())
    });
    let texts: Vec<String> = (0..100).map(|idx| "甲".repeat(idx * 11 % 1000)).collect();
    bulk(vec![model.with_integer_input()]).encode(&texts, |_| ()).unwrap();
    let shapes = shapes.lock().unwrap();
    assert!(shapes.iter().all(|it| it[0] <= 32 && it[0] * it[1] <= 4096), "{shapes:?}");
    assert_eq!(shapes.iter().map(|it| it[0]).sum::<usize>(), 100);
}

#[test]
fn a_bulk_failure_is_told() {
    let texts = ["甲"; 200];
    assert!(bulk(vec![FakeModel::failing().with_integer_input()]).encode(&texts, |_| ()).is_err());
}
