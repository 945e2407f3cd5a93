//! Messages as clients write them, and damaged ones.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::protobuf::written::{field, packed, scalar};
use crate::task::infer::{
    CallTime, Datatype, ModelStatistics, TensorCall, TensorModelInfo, TensorPort,
};
use crate::tensor::Tensor;
use crate::wire::v2::Reply;

fn model() -> TensorModelInfo {
    let port = |name: &str, datatype| TensorPort {
        name: name.to_owned(),
        datatype,
        dims: Some(vec![None, Some(2)]),
    };
    TensorModelInfo {
        name: "pair".to_owned(),
        version: "3".to_owned(),
        versions: vec!["3".to_owned()],
        platform: "onnx",
        takes_rows: true,
        inputs: vec![port("x", Datatype::Fp32), port("ids", Datatype::Int64)],
        outputs: vec![port("y", Datatype::Fp32), port("z", Datatype::Fp32)],
    }
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn input(name: &str, datatype: &str, contents: &[Vec<u8>]) -> Vec<u8> {
    let head = [field(1, name.as_bytes()), field(2, datatype.as_bytes()), packed(3, &[1, 2])];
    field(5, &[head.concat(), contents.concat()].concat())
}

/// `x` and `ids` with their elements in the message.
fn typed() -> Vec<Vec<u8>> {
    vec![
        field(1, b"pair"),
        field(3, b"r-1"),
        input("ids", "INT64", &[field(5, &packed(3, &[7, u64::MAX]))]),
        input("x", "FP32", &[field(5, &field(6, &floats(&[1.0, -2.0])))]),
        field(6, &field(1, b"z")),
    ]
}

/// The same with elements beside the inputs.
fn raw() -> Vec<Vec<u8>> {
    let ids: Vec<u8> = [7_i64, -1].iter().flat_map(|it| it.to_le_bytes()).collect();
    vec![
        input("ids", "INT64", &[]),
        input("x", "FP32", &[]),
        field(7, &ids),
        field(7, &floats(&[1.0, -2.0])),
    ]
}

#[test]
fn tensors_are_typed_or_raw() {
    let inputs = vec![
        Tensor::f32([1, 2], vec![1.0, -2.0]).unwrap(),
        Tensor::i64([1, 2], vec![7, -1]).unwrap(),
    ];
    let reply = Reply { id: Some("r-1".to_owned()), outputs: vec![(1, true)] };
    let call = TensorCall { inputs: inputs.clone(), timeout: None, reply };
    assert_eq!(parse(&typed().concat(), &model()), Ok(call));
    let reply = Reply { id: None, outputs: vec![(0, true), (1, true)] };
    assert_eq!(parse(&raw().concat(), &model()), Ok(TensorCall { inputs, timeout: None, reply }));
}

#[test]
fn what_is_not_understood_is_refused_by_its_place() {
    let check = |message: &[Vec<u8>], code: ErrorCode, expected: &str| {
        let error = parse(&message.concat(), &model()).unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
        assert!(error.message.starts_with(expected), "{}", error.message);
    };
    let with = |more: Vec<u8>| [typed(), vec![more]].concat();
    let entry = parameter(b"sequence_id", &scalar(5, 1));
    check(&with(entry.clone()), ErrorCode::UnknownField, "/parameters");
    let negative = parameter(b"timeout", &scalar(2, u64::MAX));
    check(&with(negative), ErrorCode::BadValue, "/parameters/timeout");
    let text = parameter(b"priority", &field(3, b"1"));
    check(&with(text), ErrorCode::BadValue, "/parameters/priority");
    check(&with(field(9, b"")), ErrorCode::UnknownField, "/9");
    check(&with(field(6, &field(1, b"a"))), ErrorCode::BadValue, "/outputs/1/name");
    check(&with(field(6, &field(1, b"z"))), ErrorCode::BadValue, "/outputs/1/name");
    check(&with(field(6, &field(2, b""))), ErrorCode::UnknownField, "/outputs/1/parameters");
    check(&with(field(3, b"a\n")), ErrorCode::BadValue, "/id");
    check(&with(field(3, b"\xff")), ErrorCode::BadValue, "/id");
    check(&with(input("x", "FP32", &[])), ErrorCode::BadValue, "/inputs/2/data");
    check(&with(field(7, b"")), ErrorCode::BadValue, "/raw_input_contents");
    check(&typed()[..3], ErrorCode::BadValue, "/inputs");
    let both = [typed(), vec![field(7, b""), field(7, b"")]].concat();
    check(&both, ErrorCode::BadValue, "/inputs/0/data");
    let only = |name: &str, datatype: &str, more: Vec<u8>| [input(name, datatype, &[more])];
    check(&only("a", "FP32", vec![]), ErrorCode::BadValue, "/inputs/0/name");
    check(&only("x", "FP16", vec![]), ErrorCode::BadValue, "/inputs/0/datatype");
    check(&only("x", "FP32", scalar(3, 1)), ErrorCode::BadValue, "/inputs/0/shape");
    check(&only("x", "FP32", scalar(3, u64::MAX)), ErrorCode::BadValue, "/inputs/0/shape");
    check(&only("x", "FP32", packed(3, &[1; 15])), ErrorCode::BadValue, "/inputs/0/shape");
    check(&only("x", "FP32", field(5, &field(8, b""))), ErrorCode::BadValue, "/inputs/0/data");
    check(&only("x", "FP32", entry), ErrorCode::UnknownField, "/inputs/0/parameters");
    check(&vec![field(7, b""); MAX_FIELDS + 1], ErrorCode::BadValue, "");
    check(&[vec![0x2a, 0x7f]], ErrorCode::BadValue, "內容不是");
    let wide = field(2, b"FP32");
    let wide = [field(1, b"x"), wide, packed(3, &[1 << 40, 1 << 40])].concat();
    check(&[field(5, &wide)], ErrorCode::BadValue, "/inputs/0/shape");
}

/// An entry of a request's or a tensor's parameters.
fn parameter(key: &[u8], value: &[u8]) -> Vec<u8> {
    field(4, &[field(1, key), field(2, value)].concat())
}

#[test]
fn a_request_may_ask_for_its_time_and_a_priority() {
    let check = |more: Vec<u8>, expected: Option<Duration>| {
        let found = parse(&[raw().concat(), more].concat(), &model());
        assert_eq!(found.map(|it| it.timeout), Ok(expected));
    };
    let priority = parameter(b"priority", &scalar(5, 1));
    check(priority.clone(), None);
    let timeout = parameter(b"timeout", &scalar(2, 1500));
    check([timeout, priority].concat(), Some(Duration::from_micros(1500)));
    check(parameter(b"timeout", &scalar(5, 0)), None);
}

#[test]
fn small_messages_name_a_model() {
    let named = |name: &str, version: Option<&str>| Named {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    };
    assert_eq!(parse_target(&typed().concat()), Ok(named("pair", None)));
    assert_eq!(parse_named(&field(1, b"a")), Ok(named("a", None)));
    let both = [field(1, b"a"), field(2, b"3")].concat();
    assert_eq!(parse_named(&both), Ok(named("a", Some("3"))));
    assert_eq!(parse_target(&both), Ok(named("a", Some("3"))));
    assert_eq!(parse_named(&field(2, b"")), Ok(Named::default()));
    assert!(parse_named(&field(3, b"")).is_err() && parse_named(&scalar(1, 1)).is_err());
    assert!(parse_nothing(b"").is_ok() && parse_nothing(&field(1, b"")).is_err());
}

#[test]
fn the_repository_has_no_name_and_models_no_settings() {
    assert_eq!(parse_index(b""), Ok(false));
    assert_eq!(parse_index(&[field(1, b""), scalar(2, 1)].concat()), Ok(true));
    assert!(parse_index(&field(1, b"other")).is_err());
    let change = |key: &[u8]| [field(2, b"a"), field(3, &field(1, key))].concat();
    assert_eq!(parse_change(&change(b"unload_dependents")), Ok("a".to_owned()));
    assert!(parse_change(&change(b"config")).is_err());
    assert!(parse_change(&field(3, b"")).is_err());
    assert!(parse_change(&field(1, b"other")).is_err());
}

#[test]
fn rows_are_left_out_of_the_configuration() {
    let port = |dims: u64, kind: u64, name: &[u8]| {
        [field(1, name), scalar(2, kind), packed(dims, &[2])].concat()
    };
    let config = [
        field(1, b"pair"),
        field(2, b"onnx"),
        scalar(4, 1024),
        field(5, &port(4, 11, b"x")),
        field(5, &port(4, 9, b"ids")),
        field(6, &port(3, 11, b"y")),
        field(6, &port(3, 11, b"z")),
    ];
    assert_eq!(model_config(&(&model()).into()), field(1, &config.concat()));
}

#[test]
fn statistics_have_the_published_numbers() {
    let spent = |n_calls, nanos| CallTime { n_calls, time: Duration::from_nanos(nanos) };
    let found = ModelStatistics {
        name: "pair".to_owned(),
        version: "3".to_owned(),
        last: Duration::from_millis(7),
        n_rows: 5,
        n_runs: 2,
        answered: spent(3, 90),
        failed: spent(1, 4),
    };
    let duration = |number, count, ns| field(number, &[scalar(1, count), scalar(2, ns)].concat());
    let expected = [
        field(1, b"pair"),
        field(2, b"3"),
        scalar(3, 7),
        scalar(4, 5),
        scalar(5, 2),
        field(6, &[duration(1, 3, 90), duration(2, 1, 4)].concat()),
    ];
    let found = model_statistics(&[found].into_iter().collect());
    assert_eq!(found, field(1, &expected.concat()));
}

#[test]
fn answers_are_raw() {
    let y = Tensor::f32([1, 2], vec![0.5, f32::INFINITY]).unwrap();
    let z = Tensor::f32([1], vec![3.0]).unwrap();
    let reply = Reply { id: Some("r".to_owned()), outputs: vec![(1, true), (0, true)] };
    let output = |name: &[u8], shape: &[u64]| {
        field(5, &[field(1, name), field(2, b"FP32"), packed(3, shape)].concat())
    };
    let expected = [
        field(1, b"pair"),
        field(2, b"3"),
        field(3, b"r"),
        output(b"z", &[1]),
        output(b"y", &[1, 2]),
        field(6, &floats(&[3.0])),
        field(6, &floats(&[0.5, f32::INFINITY])),
    ];
    assert_eq!(write(&model(), &reply, &[y, z]), expected.concat());
}

proptest! {
    #[test]
    fn damaged_requests_never_panic(cut in 0_usize..200, idx in 0_usize..200, byte in any::<u8>()) {
        let mut bytes = [typed().concat(), raw().concat()].concat();
        let idx = idx % bytes.len();
        bytes[idx] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let _ = (parse(&bytes, &model()), parse_target(&bytes), parse_change(&bytes));
    }
}
