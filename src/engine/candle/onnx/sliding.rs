//! Lowers convolutions, pools and resizing: their windows and weights, and what of them is not served.

use candle_core::Tensor;

use crate::engine::candle::onnx::lower::Lowering;
use crate::engine::candle::onnx::op::Op;
use crate::engine::candle::onnx::window::{Convolution, Method, Pool, Transposed, Window};

/// Largest side, step or margin of a window.
const MAX_SIDE: i64 = 1024;

pub(super) fn convolution(lowering: &Lowering<'_>) -> Result<Op, String> {
    let attributes = &lowering.node.attributes;
    attributes.only(&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"])?;
    let weights = lowering.floats(1)?;
    let &[n_out, n_in, height, width] = weights.shape.as_slice() else {
        return Err(format!("weights of {} dimensions", weights.shape.len()));
    };
    let window = window(lowering, Some([height, width]))?;
    let group = attributes.integer("group", 1)?;
    let method = if group != 1 {
        if usize::try_from(group).ok() != Some(n_out) || n_in != 1 {
            return Err(format!("{group} groups that are no single channels"));
        }
        Method::Depthwise
    } else if window == (Window { size: [1; 2], stride: [1; 2], pads: [0; 4] }) {
        Method::Pointwise
    } else if window.stride[0] == window.stride[1] {
        Method::General
    } else {
        return Err(format!("strides {:?} of a convolution of all channels", window.stride));
    };
    let mut bias = bias(lowering, n_out)?;
    let weight = lowering.weights(1)?;
    if method == Method::Depthwise && bias.is_none() {
        let zeros = Tensor::zeros(n_out, weight.dtype(), weight.device());
        bias = Some(zeros.map_err(|err| err.to_string())?);
    }
    Ok(Op::Convolution(Convolution { method, window, weight, bias }))
}

pub(super) fn transposed(lowering: &Lowering<'_>) -> Result<Op, String> {
    let attributes = &lowering.node.attributes;
    attributes.only(&["dilations", "group", "kernel_shape", "pads", "strides"])?;
    let weights = lowering.floats(1)?;
    let &[_, n_out, height, width] = weights.shape.as_slice() else {
        return Err(format!("weights of {} dimensions", weights.shape.len()));
    };
    let window = window(lowering, Some([height, width]))?;
    if window.stride != window.size || window.pads != [0; 4] {
        return Err("windows that overlap or leave gaps".to_owned());
    }
    if attributes.integer("group", 1)? != 1 {
        return Err("groups".to_owned());
    }
    Ok(Op::Transposed(Transposed { weight: lowering.weights(1)?, bias: bias(lowering, n_out)? }))
}

pub(super) fn pool(lowering: &Lowering<'_>) -> Result<Op, String> {
    let attributes = &lowering.node.attributes;
    let mut known = vec!["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"];
    let pool = if lowering.node.operator == "MaxPool" {
        known.push("storage_order");
        Pool::Greatest
    } else {
        known.push("count_include_pad");
        Pool::Mean
    };
    attributes.only(&known)?;
    if attributes.integer("ceil_mode", 0)? != 0 {
        return Err("sizes rounded up".to_owned());
    }
    let window = window(lowering, None)?;
    let [top, left, bottom, right] = window.pads;
    if pool == Pool::Mean && window.pads != [0; 4] {
        return Err("a mean with margins".to_owned());
    }
    if window.size[0] <= top.max(bottom) || window.size[1] <= left.max(right) {
        return Err("margins as large as the window".to_owned());
    }
    Ok(Op::Pool(pool, window))
}

/// Enlarging by whole factors that are powers of two, for which every way to find the nearest pixel agrees.
pub(super) fn upsample(lowering: &Lowering<'_>) -> Result<Op, String> {
    let attributes = &lowering.node.attributes;
    attributes.only(&[
        "coordinate_transformation_mode",
        "cubic_coeff_a",
        "mode",
        "nearest_mode",
    ])?;
    for (name, default, served) in [
        ("mode", "nearest", "nearest"),
        ("coordinate_transformation_mode", "half_pixel", "asymmetric"),
        ("nearest_mode", "round_prefer_floor", "floor"),
    ] {
        let value = attributes.text(name, default)?;
        if value != served {
            return Err(format!("{name} `{value}`"));
        }
    }
    if 3 < lowering.inputs.len() {
        return Err("sizes instead of scales".to_owned());
    }
    let scales = lowering.floats(2)?.floats().unwrap_or_default();
    let factor = |scale: f32| [1_u8, 2, 4, 8, 16].into_iter().find(|it| f32::from(*it) == scale);
    match *scales {
        [1.0, 1.0, down, right] => match (factor(down), factor(right)) {
            (Some(down), Some(right)) => Ok(Op::Upsample([down.into(), right.into()])),
            _ => Err(format!("scales {down} and {right}")),
        },
        _ => Err("scales of rows or channels".to_owned()),
    }
}

fn bias(lowering: &Lowering<'_>, n_out: usize) -> Result<Option<Tensor>, String> {
    if lowering.inputs.get(2).copied().flatten().is_none() {
        return Ok(None);
    }
    if lowering.floats(2)?.shape != [n_out] {
        return Err("a bias for another number of channels".to_owned());
    }
    lowering.weights(2).map(Some)
}

/// The window that the attributes describe, of the size of the weights where there are some.
fn window(lowering: &Lowering<'_>, size: Option<[usize; 2]>) -> Result<Window, String> {
    let attributes = &lowering.node.attributes;
    let numbers = |name: &str, least: i64, len: usize| {
        let Some(values) = attributes.integers(name)? else { return Ok(None) };
        let good = values.len() == len && values.iter().all(|it| (least..=MAX_SIDE).contains(it));
        let numbers = values.iter().map(|it| usize::try_from(*it).unwrap_or_default()).collect();
        if good { Ok(Some(numbers)) } else { Err(format!("{name} {values:?}")) }
    };
    let pair = |name: &str| -> Result<Option<[usize; 2]>, String> {
        let values: Option<Vec<usize>> = numbers(name, 1, 2)?;
        Ok(values.and_then(|it| it.try_into().ok()))
    };
    if pair("dilations")?.unwrap_or([1; 2]) != [1; 2] {
        return Err("dilations".to_owned());
    }
    let size = match (pair("kernel_shape")?, size) {
        (Some(said), Some(size)) if said != size => {
            return Err("weights of another size than the window".to_owned());
        }
        (said, size) => size.or(said).ok_or("without a size of the window")?,
    };
    if size.iter().any(|it| !(1..=1024).contains(it)) {
        return Err(format!("a window of size {size:?}"));
    }
    let stride = pair("strides")?.unwrap_or([1; 2]);
    let pads: Option<Vec<usize>> = numbers("pads", 0, 4)?;
    let pads: Option<[usize; 4]> = pads.and_then(|it| it.try_into().ok());
    let whole = [size[0] - 1, size[1] - 1];
    let half = whole.map(|it| it / 2);
    let rest = [whole[0] - half[0], whole[1] - half[1]];
    let pads = match attributes.text("auto_pad", "NOTSET")? {
        "NOTSET" => pads.unwrap_or_default(),
        "VALID" => [0; 4],
        // With steps it would depend on the picture.
        "SAME_UPPER" if stride == [1; 2] => [half[0], half[1], rest[0], rest[1]],
        "SAME_LOWER" if stride == [1; 2] => [rest[0], rest[1], half[0], half[1]],
        other => return Err(format!("margins `{other}` with strides {stride:?}")),
    };
    Ok(Window { size, stride, pads })
}
