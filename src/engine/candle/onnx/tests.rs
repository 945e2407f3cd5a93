//! Each operator against values computed by hand, folding, and what is refused.

mod sketch;

use proptest::prelude::*;

use self::sketch::Setting::{Float, Floats, Integer, Integers, Text};
use self::sketch::{Settings, Sketch};
use super::op::{Op, Unary};
use super::*;

/// Dimensions and elements.
type Given<'a> = (&'a [usize], &'a [f32]);

fn planned(bytes: &[u8]) -> Result<Plan, EngineError> {
    let header = crate::engine::onnx::read(bytes)?;
    plan(bytes, &header, &Device::Cpu)
}

/// The same, of an output.
type Output = (Vec<usize>, Vec<f32>);

fn run_all(bytes: &[u8], (shape, values): Given<'_>) -> Result<Vec<Output>, EngineError> {
    let input = Tensor::f32(shape, values.to_vec()).unwrap();
    let mut outputs = Vec::new();
    compute(&planned(bytes)?, &[input], &Wanted::default(), &mut outputs).map_err(run_error)?;
    let views = outputs.iter().map(|it| it.view().unwrap());
    Ok(views.map(|it| (it.shape().to_vec(), it.data().to_vec())).collect())
}

#[track_caller]
fn check_model(bytes: &[u8], input: Given<'_>, (shape, values): Given<'_>) {
    let outputs = run_all(bytes, input).unwrap();
    let [(got_shape, got)] = outputs.as_slice() else { panic!("{} outputs", outputs.len()) };
    assert_eq!(got_shape, shape);
    let worst = got.iter().zip(values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(got.len() == values.len() && worst < 1e-5, "{got:?}");
}

/// One operator, whose other inputs are constants of floats.
#[track_caller]
fn check(
    operator: &str,
    settings: Settings<'_>,
    input: Given<'_>,
    constants: &[Given<'_>],
    expected: Given<'_>,
) {
    let names = ["x", "a", "b", "c", "d"];
    let mut sketch = Sketch::new();
    for (name, (shape, values)) in names[1..].iter().zip(constants) {
        let dims: Vec<i64> = shape.iter().map(|it| i64::try_from(*it).unwrap()).collect();
        sketch = sketch.floats(name, &dims, values);
    }
    sketch = sketch.node(operator, &names[..=constants.len()], "y", settings);
    check_model(&sketch.finish(&["y"]), input, expected);
}

/// Whole numbers from 1 on.
fn count(len: u8) -> Vec<f32> {
    (1..=len).map(f32::from).collect()
}

const ROW: &[usize] = &[1, 4];

#[test]
fn functions_of_each_element() {
    #[track_caller]
    fn check_row(operator: &str, settings: Settings<'_>, input: [f32; 4], expected: [f32; 4]) {
        check(operator, settings, (ROW, &input), &[], (ROW, &expected));
    }
    check_row("Relu", &[], [-1.0, 0.0, 2.0, -3.0], [0.0, 0.0, 2.0, 0.0]);
    check_row("Sqrt", &[], [0.0, 1.0, 4.0, 9.0], [0.0, 1.0, 2.0, 3.0]);
    check_row("Erf", &[], [0.0, 1.0, -1.0, 9.0], [0.0, 0.842_700_8, -0.842_700_8, 1.0]);
    check_row("Sigmoid", &[], [0.0, 2.0, -200.0, 200.0], [0.5, 0.880_797, 0.0, 1.0]);
    let settings = [("alpha", Float(0.5)), ("beta", Float(0.25))];
    check_row("HardSigmoid", &settings, [-1.0, 0.0, 1.0, 2.0], [0.0, 0.25, 0.75, 1.0]);
    check_row("HardSigmoid", &[], [-1.0, 0.0, 1.0, 9.0], [0.3, 0.5, 0.7, 1.0]);
    check_row("Identity", &[], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn two_inputs() {
    let input: Given<'_> = (&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let row: Given<'_> = (&[2], &[2.0, 4.0]);
    let number: Given<'_> = (&[], &[2.0]);
    #[track_caller]
    fn check_both(operator: &str, [input, other]: [Given<'_>; 2], expected: [f32; 4]) {
        check(operator, &[], input, &[other], (&[2, 2], &expected));
    }
    check_both("Add", [input, row], [3.0, 6.0, 5.0, 8.0]);
    check_both("Add", [input, number], [3.0, 4.0, 5.0, 6.0]);
    check_both("Sub", [input, row], [-1.0, -2.0, 1.0, 0.0]);
    check_both("Sub", [input, number], [-1.0, 0.0, 1.0, 2.0]);
    check_both("Mul", [input, row], [2.0, 8.0, 6.0, 16.0]);
    check_both("Mul", [input, number], [2.0, 4.0, 6.0, 8.0]);
    check_both("Div", [input, row], [0.5, 0.5, 1.5, 1.0]);
    check_both("Div", [input, number], [0.5, 1.0, 1.5, 2.0]);
    check_both("Pow", [input, number], [1.0, 4.0, 9.0, 16.0]);
    check_both("Pow", [input, (&[], &[3.0])], [1.0, 8.0, 27.0, 64.0]);
    check_both("MatMul", [input, (&[2, 2], &[0.0, 1.0, 1.0, 2.0])], [2.0, 5.0, 4.0, 11.0]);
    let turned = Sketch::new().floats("a", &[], &[12.0]).node("Div", &["a", "x"], "y", &[]);
    check_model(&turned.finish(&["y"]), input, (&[2, 2], &[12.0, 6.0, 4.0, 3.0]));
    let clip = [(&[][..], &[2.0][..]), (&[], &[3.0])];
    check("Clip", &[], input, &clip, (&[2, 2], &[2.0, 2.0, 3.0, 3.0]));
}

#[test]
fn products_of_stacks() {
    let transposed = [("perm", Integers(&[0, 2, 1]))];
    let graph = Sketch::new().node("Transpose", &["x"], "t", &transposed).node(
        "MatMul",
        &["x", "t"],
        "y",
        &[],
    );
    let expected = [5.0, 11.0, 11.0, 25.0, 61.0, 83.0, 83.0, 113.0];
    check_model(&graph.finish(&["y"]), (&[2, 2, 2], &count(8)), (&[2, 2, 2], &expected));
    let matrix: Given<'_> = (&[2, 1], &[1.0, 10.0]);
    let expected: Given<'_> = (&[2, 2, 1], &[21.0, 43.0, 65.0, 87.0]);
    check("MatMul", &[], (&[2, 2, 2], &count(8)), &[matrix], expected);
}

#[test]
fn convolutions_of_all_channels() {
    let picture: Given<'_> = (&[1, 1, 3, 3], &count(9));
    let ones: Given<'_> = (&[1, 1, 2, 2], &[1.0, 1.0, 1.0, 1.0]);
    let plain: Given<'_> = (&[1, 1, 2, 2], &[12.0, 16.0, 24.0, 28.0]);
    check("Conv", &[], picture, &[ones], plain);
    let (uneven, same) = ([("pads", Integers(&[0, 0, 1, 1]))], [("auto_pad", Text("SAME_UPPER"))]);
    let sums = [12.0, 16.0, 9.0, 24.0, 28.0, 15.0, 15.0, 17.0, 9.0];
    check("Conv", &uneven, picture, &[ones], (&[1, 1, 3, 3], &sums));
    check("Conv", &same, picture, &[ones], (&[1, 1, 3, 3], &sums));
    let lower = [("auto_pad", Text("SAME_LOWER"))];
    let sums = [1.0, 3.0, 5.0, 5.0, 12.0, 16.0, 11.0, 24.0, 28.0];
    check("Conv", &lower, picture, &[ones], (&[1, 1, 3, 3], &sums));
    let wide = [("pads", Integers(&[1, 1, 1, 1])), ("strides", Integers(&[2, 2]))];
    check("Conv", &wide, picture, &[ones], (&[1, 1, 2, 2], &[1.0, 5.0, 11.0, 28.0]));
    // Two pictures of two channels, by 1 × 1 windows and a bias.
    let weights: Given<'_> = (&[1, 2, 1, 1], &[1.0, 10.0]);
    let bias: Given<'_> = (&[1], &[100.0]);
    let expected: Given<'_> = (&[2, 1, 1, 2], &[131.0, 142.0, 175.0, 186.0]);
    check("Conv", &[], (&[2, 2, 1, 2], &count(8)), &[weights, bias], expected);
}

#[test]
fn convolutions_of_single_channels() {
    let pictures: Given<'_> = (&[1, 2, 2, 3], &count(12));
    let weights: Given<'_> = (&[2, 1, 1, 3], &[1.0, 2.0, 3.0, 0.0, 1.0, 0.0]);
    let settings = [("group", Integer(2)), ("pads", Integers(&[0, 1, 0, 1]))];
    let first = [8.0, 14.0, 8.0, 23.0, 32.0, 17.0];
    let expected: Vec<f32> = first.into_iter().chain(count(12).split_off(6)).collect();
    check("Conv", &settings, pictures, &[weights], (&[1, 2, 2, 3], &expected));
    // Down by 2, to the right by 1, with a margin at the top and the left only, and a bias.
    let settings =
        [("group", Integer(2)), ("strides", Integers(&[2, 1])), ("pads", Integers(&[1, 1, 0, 0]))];
    let weights: Given<'_> = (&[2, 1, 2, 2], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let bias: Given<'_> = (&[2], &[0.0, 100.0]);
    let expected = [1.0, 2.0, 3.0, 100.0, 107.0, 108.0];
    check("Conv", &settings, pictures, &[weights, bias], (&[1, 2, 1, 3], &expected));
    // A window of 5 × 5 over one of 3 × 3: everything is in sight of the middle.
    let settings = [("group", Integer(2)), ("pads", Integers(&[2, 2, 2, 2]))];
    let two: Vec<f32> = count(9).into_iter().chain(vec![1.0; 9]).collect();
    let weights: Given<'_> = (&[2, 1, 5, 5], &[1.0; 50]);
    let expected: Vec<f32> = [45.0; 9].into_iter().chain([9.0; 9]).collect();
    check("Conv", &settings, (&[1, 2, 3, 3], &two), &[weights], (&[1, 2, 3, 3], &expected));
    // Down and to the right by 2.
    let settings = [("group", Integer(2)), ("strides", Integers(&[2, 2]))];
    let weights: Given<'_> = (&[2, 1, 1, 1], &[1.0, 2.0]);
    let expected = [1.0, 3.0, 7.0, 9.0, 2.0, 2.0, 2.0, 2.0];
    check("Conv", &settings, (&[1, 2, 3, 3], &two), &[weights], (&[1, 2, 2, 2], &expected));
}

#[test]
fn blocks_of_pixels() {
    let weights: Given<'_> = (&[2, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 10.0]);
    let bias: Given<'_> = (&[1], &[0.5]);
    let settings = [("strides", Integers(&[2, 2]))];
    let expected = [1.5, 2.5, 2.5, 4.5, 3.5, 34.5, 6.5, 48.5];
    let pictures: Given<'_> = (&[1, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
    check("ConvTranspose", &settings, pictures, &[weights, bias], (&[1, 1, 2, 4], &expected));
    let settings = [
        ("mode", Text("nearest")),
        ("coordinate_transformation_mode", Text("asymmetric")),
        ("nearest_mode", Text("floor")),
    ];
    let constants = [(&[0][..], &[][..]), (&[4], &[1.0, 1.0, 2.0, 4.0])];
    let rows = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
    let rows: Vec<f32> = [rows, rows].concat();
    check("Resize", &settings, (&[1, 1, 1, 2], &[1.0, 2.0]), &constants, (&[1, 1, 2, 8], &rows));
}

#[test]
fn pools_and_means() {
    let picture: Given<'_> =
        (&[1, 1, 3, 3], &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0]);
    let window = ("kernel_shape", Integers(&[2, 2]));
    check("MaxPool", &[window], picture, &[], (&[1, 1, 2, 2], &[-1.0, -2.0, -4.0, -5.0]));
    let same = [window, ("auto_pad", Text("SAME_UPPER"))];
    check("MaxPool", &same, picture, &[], picture);
    let uneven = [("kernel_shape", Integers(&[3, 2])), ("strides", Integers(&[3, 2]))];
    check("AveragePool", &uneven, picture, &[], (&[1, 1, 1, 1], &[-4.5]));
    check("GlobalAveragePool", &[], picture, &[], (&[1, 1, 1, 1], &[-5.0]));
    let flat = [("axes", Integers(&[-1])), ("keepdims", Integer(0))];
    check("ReduceMean", &flat, picture, &[], (&[1, 1, 3], &[-2.0, -5.0, -8.0]));
    let kept = [("axes", Integers(&[2, 3]))];
    check("ReduceMean", &kept, picture, &[], (&[1, 1, 1, 1], &[-5.0]));
}

#[test]
fn softmax_runs_over_all_that_follows_its_axis() {
    let thirds = [0.25, 0.25, 0.25, 0.25];
    let input: Given<'_> = (&[2, 2, 1], &[3.0, 3.0, 700.0, 700.0]);
    check("Softmax", &[("axis", Integer(2))], input, &[], (&[2, 2, 1], &[1.0; 4]));
    check("Softmax", &[], input, &[], (&[2, 2, 1], &[0.5; 4]));
    let alike: Given<'_> = (&[2, 2, 1], &[7.0; 4]);
    check("Softmax", &[("axis", Integer(0))], alike, &[], (&[2, 2, 1], &thirds));
    let ratio = 3.0_f32.ln();
    check(
        "Softmax",
        &[("axis", Integer(-1))],
        (&[1, 2], &[0.0, ratio]),
        &[],
        (&[1, 2], &[0.25, 0.75]),
    );
}

#[test]
fn shapes_are_computed_on_the_host() {
    // The first dimension of x, whatever it is, and the rest as one, by way of its shape.
    let graph = Sketch::new()
        .integers("zero", &[0])
        .integers("one", &[1])
        .integers("rest", &[-1])
        .node("Shape", &["x"], "shape", &[])
        .node("Cast", &["shape"], "narrow", &[("to", Integer(6))])
        .node("Slice", &["narrow", "zero", "one", "zero", "one"], "first", &[])
        .node("Squeeze", &["first"], "number", &[("axes", Integers(&[0]))])
        .node("Unsqueeze", &["number"], "list", &[("axes", Integers(&[0]))])
        .node("Concat", &["list", "rest"], "target", &[("axis", Integer(0))])
        .node("Reshape", &["x", "target"], "y", &[]);
    let (input, expected) = (count(12), count(12));
    check_model(&graph.finish(&["y"]), (&[2, 3, 2], &input), (&[2, 6], &expected));
}

#[test]
fn parts_are_cut_turned_and_joined() {
    let graph = Sketch::new()
        .integers("from", &[1])
        .integers("to", &[i64::MAX])
        .integers("axis", &[-1])
        .node("Slice", &["x", "from", "to", "axis"], "part", &[])
        .node("Concat", &["x", "part"], "whole", &[("axis", Integer(-1))])
        .node("Transpose", &["whole"], "y", &[("perm", Integers(&[1, 0]))]);
    let expected = [1.0, 3.0, 2.0, 4.0, 2.0, 4.0];
    check_model(&graph.finish(&["y"]), (&[2, 2], &count(4)), (&[3, 2], &expected));
}

#[test]
fn constants_of_nodes_are_folded() {
    let graph = Sketch::new()
        .integers("shape", &[1, 2, 1])
        .node("Constant", &[], "row", &[("value", Floats(&[1.0, 2.0]))])
        .node("Reshape", &["row", "shape"], "column", &[])
        .node("Mul", &["x", "column"], "y", &[])
        .finish(&["y"]);
    check_model(&graph, (&[1, 2, 2], &count(4)), (&[1, 2, 2], &[1.0, 2.0, 6.0, 8.0]));
    assert_eq!(planned(&graph).unwrap().steps.len(), 1);
}

/// A convolution of two channels, then what `follow` adds, which ends in `y`.
fn after_convolution(follow: impl FnOnce(Sketch) -> Sketch, outputs: &[&str]) -> Vec<u8> {
    let sketch = Sketch::new()
        .floats("w", &[2, 1, 2, 1], &[1.0, -2.0, 0.5, 3.0])
        .floats("scale", &[2], &[2.0, 0.5])
        .floats("bias", &[2], &[1.0, -1.0])
        .floats("mean", &[2], &[0.5, -0.25])
        .floats("variance", &[2], &[4.0, 0.25])
        .floats("shift", &[1, 2, 1, 1], &[0.125, -0.5])
        .node("Conv", &["x", "w"], "c", &[]);
    follow(sketch).finish(outputs)
}

#[test]
fn what_follows_a_convolution_is_folded_into_it() {
    let follow = |sketch: Sketch| {
        sketch
            .node("Add", &["c", "shift"], "s", &[])
            .node("BatchNormalization", &["s", "scale", "bias", "mean", "variance"], "n", &[])
            .node("Add", &["shift", "n"], "y", &[])
    };
    let (folded, open) =
        (after_convolution(follow, &["y"]), after_convolution(follow, &["y", "c"]));
    assert_eq!(planned(&folded).unwrap().steps.len(), 1);
    // With its own result shown, the convolution has to stay as it is.
    assert_eq!(planned(&open).unwrap().steps.len(), 2 + 2);
    let input: Given<'_> = (&[1, 1, 3, 1], &[1.0, 2.0, 5.0]);
    let one = run_all(&folded, input).unwrap().remove(0);
    let other = run_all(&open, input).unwrap().remove(0);
    assert_eq!(one.0, other.0);
    let worst = one.1.iter().zip(&other.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{one:?} {other:?}");
    // (1 − 4 + 0.125 − 0.5) ÷ 2 × 2 + 1 + 0.125, the variance being 4 but for epsilon.
    assert!((one.1[0] - -2.25).abs() < 1e-4, "{one:?}");
}

#[test]
fn gelu_becomes_one_step() {
    let gelu = |half: f32| {
        Sketch::new()
            .floats("root", &[], &[std::f32::consts::SQRT_2])
            .floats("one", &[], &[1.0])
            .floats("half", &[], &[half])
            .node("Div", &["x", "root"], "d", &[])
            .node("Erf", &["d"], "e", &[])
            .node("Add", &["e", "one"], "a", &[])
            .node("Mul", &["x", "a"], "m", &[])
            .node("Mul", &["m", "half"], "y", &[])
            .finish(&["y"])
    };
    let plan = planned(&gelu(0.5)).unwrap();
    assert!(matches!(plan.steps.as_slice(), [step] if matches!(step.op, Op::Unary(Unary::Gelu))));
    let input: Given<'_> = (ROW, &[0.0, 1.0, -1.0, 4.0]);
    let expected = [0.0, 0.841_345, -0.158_655, 3.999_873];
    check_model(&gelu(0.5), input, (ROW, &expected));
    check_model(&gelu(1.0), input, (ROW, &expected.map(|it| it * 2.0)));
    assert_eq!(planned(&gelu(1.0)).unwrap().steps.len(), 5);
}

#[test]
fn what_does_not_run_is_refused_by_name() {
    #[track_caller]
    fn refused(operator: &str, settings: Settings<'_>, part: &str) {
        let graph = Sketch::new()
            .floats("w", &[4, 2, 3, 3], &[0.0; 72])
            .node(operator, &["x", "w"], "y", settings)
            .finish(&["y"]);
        let Err(EngineError::Unsupported(text)) = planned(&graph) else { panic!("{operator}") };
        assert!(
            text.starts_with(&format!("operator `{operator}` of node `node of y`: ")),
            "{text}"
        );
        assert!(text.contains(part), "{text}");
    }
    refused("LSTM", &[], "not implemented");
    refused("Conv", &[("group", Integer(2))], "2 groups");
    refused("Conv", &[("strides", Integers(&[2, 1]))], "strides");
    refused("Conv", &[("strides", Integers(&[0, 1]))], "strides");
    refused("Conv", &[("pads", Integers(&[0, -1, 0, 0]))], "pads");
    refused("Conv", &[("dilations", Integers(&[2, 2]))], "dilations");
    refused("Conv", &[("kernel_shape", Integers(&[2, 2]))], "another size");
    refused("Conv", &[("unknown", Integer(2))], "attribute `unknown`");
    refused("ConvTranspose", &[("strides", Integers(&[2, 2]))], "overlap");
    refused(
        "AveragePool",
        &[("kernel_shape", Integers(&[2, 2])), ("pads", Integers(&[1; 4]))],
        "margins",
    );
    refused(
        "MaxPool",
        &[("kernel_shape", Integers(&[2, 2])), ("ceil_mode", Integer(1))],
        "rounded",
    );
    refused("Resize", &[("mode", Text("linear"))], "mode `linear`");
    refused("Reshape", &[], "floats for integers");
    refused("Cast", &[("to", Integer(7))], "to type 7");
    refused("Pow", &[], "exponent");
}

#[test]
fn graphs_out_of_order_are_refused() {
    let node = || Sketch::new().node("Relu", &["x"], "y", &[]);
    let load_error =
        |sketch: Sketch| matches!(planned(&sketch.finish(&["y"])), Err(EngineError::Load(_)));
    assert!(!load_error(node()));
    assert!(load_error(node().node("Relu", &["later"], "z", &[])));
    assert!(load_error(node().node("Relu", &["z"], "z", &[])));
    assert!(load_error(node().node("Relu", &["x"], "y", &[])));
    assert!(load_error(Sketch::new()));
    assert!(load_error(node().floats("w", &[3], &[1.0, 2.0])));
    let unsupported = |bytes: Vec<u8>| matches!(planned(&bytes), Err(EngineError::Unsupported(_)));
    assert!(unsupported(node().opset(13).finish(&["y"])));
    assert!(unsupported(node().input("ids", 7).finish(&["y"])));
    assert!(unsupported(Sketch::new().node("Shape", &["x"], "y", &[]).finish(&["y"])));
}

#[test]
fn a_constant_among_the_inputs_is_no_input() {
    let sketch = Sketch::new().input("w", 1).floats("w", &[1], &[2.0]);
    let plan = planned(&sketch.node("Mul", &["x", "w"], "y", &[]).finish(&["y"])).unwrap();
    let names: Vec<&str> = plan.signature.inputs.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["x"]);
}

#[test]
fn values_that_would_be_too_large_are_refused() {
    let graph = Sketch::new()
        .node("Transpose", &["x"], "t", &[("perm", Integers(&[1, 0]))])
        .node("Mul", &["x", "t"], "y", &[])
        .finish(&["y"]);
    let column = vec![1.0; 1 << 16];
    let err = run_all(&graph, (&[1 << 16, 1], &column)).unwrap_err();
    assert!(matches!(err, EngineError::BadInput(_)), "{err:?}");
    let small =
        Sketch::new().floats("w", &[1, 1, 3, 3], &[0.0; 9]).node("Conv", &["x", "w"], "y", &[]);
    let err = run_all(&small.finish(&["y"]), (&[1, 1, 2, 2], &[0.0; 4])).unwrap_err();
    assert!(matches!(err, EngineError::Failed(_)), "{err:?}");
}

proptest! {
    #[test]
    fn never_panics_on_damaged_models(
        cut in 0_usize..8,
        idx in 0_usize..4096,
        byte in any::<u8>(),
    ) {
        let follow = |sketch: Sketch| {
            sketch
                .integers("shape", &[1, -1])
                .node("BatchNormalization", &["c", "scale", "bias", "mean", "variance"], "n", &[])
                .node("MaxPool", &["n"], "p", &[("kernel_shape", Integers(&[2, 1]))])
                .node("Reshape", &["p", "shape"], "r", &[])
                .node("Softmax", &["r"], "y", &[("axis", Integer(1))])
        };
        let mut bytes = after_convolution(follow, &["y"]);
        let idx = idx % bytes.len();
        bytes[idx] = byte;
        if cut == 0 {
            bytes.truncate(idx);
        }
        let _ = run_all(&bytes, (&[1, 1, 4, 3], &[1.0; 12]));
    }
}
