//! A small Whisper in three forms gives one file, and what is broken is refused.
#![expect(clippy::cast_possible_truncation, reason = "a small network")]

use super::quantise::BLOCK;
use super::*;

const WIDTH: usize = 64;

/// The names of a network of one layer a side, in whisper.cpp's order.
fn names() -> Vec<String> {
    let attention = |it: &str| -> Vec<String> {
        [
            "query.weight",
            "query.bias",
            "key.weight",
            "value.weight",
            "value.bias",
            "out.weight",
            "out.bias",
        ]
        .iter()
        .map(|part| format!("{it}.{part}"))
        .collect()
    };
    let pair = |it: &str| vec![format!("{it}.weight"), format!("{it}.bias")];
    let mut names = vec!["encoder.positional_embedding".to_owned()];
    names.extend(pair("encoder.conv1"));
    for side in ["encoder", "decoder"] {
        let block = |it: Vec<String>| it.into_iter().map(move |it| format!("{side}.blocks.0.{it}"));
        names.extend(block(pair("attn_ln")));
        names.extend(block(attention("attn")));
        if side == "decoder" {
            names.extend(block(attention("cross_attn")));
        }
        names.extend(block(pair("mlp_ln")));
        names.extend(block(pair("mlp.0")));
    }
    names
}

fn shape(name: &str) -> Vec<usize> {
    match name {
        "encoder.positional_embedding" => vec![3, WIDTH],
        "encoder.conv1.weight" => vec![WIDTH, 2, 3],
        "encoder.conv1.bias" => vec![WIDTH, 1],
        _ if name.ends_with("ln.weight") || name.ends_with(".bias") => vec![WIDTH],
        _ => vec![WIDTH, WIDTH],
    }
}

/// A value that a half holds exactly and that tells name and place.
fn value(name: &str, idx: usize) -> f32 {
    let salt: usize = name.bytes().map(usize::from).sum();
    ((salt * 7 + idx * 13) % 512) as f32 / 256.0 - 1.0
}

struct Known;

impl Weights for Known {
    fn tensor(&self, name: &str) -> Result<Values, ConvertError> {
        if !names().iter().any(|it| it == name) {
            return Err(ConvertError::Tensor(name.to_owned()));
        }
        let shape = shape(name);
        let data = (0..shape.iter().product()).map(|idx| value(name, idx)).collect();
        Ok(Values { shape, data })
    }
}

/// A frame: a GGML file whose tensors have the right names and hardly any content.
fn frame() -> Vec<u8> {
    let mut bytes = 0x6767_6d6c_u32.to_le_bytes().to_vec();
    let header = [51_865_u32, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 2009];
    bytes.extend(header.iter().flat_map(|it| it.to_le_bytes()));
    bytes.extend([2_u32, 3].iter().flat_map(|it| it.to_le_bytes()));
    bytes.extend([0x11; 24]);
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend([3_u32.to_le_bytes().as_slice(), b"abc", &1_u32.to_le_bytes(), b"d"].concat());
    for name in names() {
        bytes.extend([1_u32, name.len() as u32, 0, 1].iter().flat_map(|it| it.to_le_bytes()));
        bytes.extend(name.as_bytes());
        bytes.extend([0; 4]);
    }
    bytes
}

fn known_file(quantisation: Quantisation) -> Vec<u8> {
    let frame = frame();
    ggml::write(&ggml::File::read(&frame).unwrap(), &Known, quantisation).unwrap()
}

fn run(
    recipe: Recipe,
    quantisation: Quantisation,
    parts: &[&[u8]],
) -> Result<Vec<u8>, ConvertError> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> =
        (0..parts.len()).map(|it| folder.path().join(it.to_string())).collect();
    for (path, part) in paths.iter().zip(parts) {
        fs::write(path, part).unwrap();
    }
    convert(Conversion { recipe, quantisation }, &paths)
}

#[test]
fn the_written_file_reads_back() {
    let bytes = known_file(Quantisation::F16);
    let file = ggml::File::read(&bytes).unwrap();
    for name in names() {
        let (found, expected) = (file.tensor(&name).unwrap(), Known.tensor(&name).unwrap());
        assert_eq!(found.shape, expected.shape, "{name}");
        assert_eq!(found.data, expected.data, "{name}");
    }
    assert_eq!(&bytes[4 + 2 * 4..4 + 3 * 4], (WIDTH as u32).to_le_bytes());
    assert_eq!(&bytes[4 + 4 * 4..4 + 5 * 4], 1_u32.to_le_bytes());
    assert_eq!(run(Recipe::WhisperGgml, Quantisation::F16, &[&bytes]).unwrap(), bytes);
}

/// CTranslate2's file of the same network.
fn ct2_file() -> Vec<u8> {
    let mut arrays: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    for name in names() {
        let place = whisper::ct2_place(&name).unwrap();
        let values = Known.tensor(&name).unwrap();
        if !arrays.iter().any(|it| it.0 == place.array) {
            let mut shape = values.shape.clone();
            if name == "encoder.conv1.bias" {
                shape.pop();
            }
            shape[0] *= place.parts;
            let data = vec![0.0; shape.iter().product()];
            arrays.push((place.array.clone(), shape, data));
        }
        let (_, shape, data) = arrays.iter_mut().find(|it| it.0 == place.array).unwrap();
        let len: usize = shape.iter().product::<usize>() / place.parts;
        data[place.part * len..(place.part + 1) * len].copy_from_slice(&values.data);
    }
    let text = |it: &str| [&(it.len() as u16 + 1).to_le_bytes(), it.as_bytes(), b"\0"].concat();
    let mut bytes = 6_u32.to_le_bytes().to_vec();
    bytes.extend(text("WhisperSpec"));
    bytes.extend([3, arrays.len() as u32].iter().flat_map(|it| it.to_le_bytes()));
    for (name, shape, data) in arrays {
        bytes.extend(text(&name));
        bytes.push(shape.len() as u8);
        bytes.extend(shape.iter().flat_map(|it| (*it as u32).to_le_bytes()));
        bytes.push(4);
        bytes.extend((data.len() as u32 * 2).to_le_bytes());
        bytes.extend(data.iter().flat_map(|it| half::from_f32(*it).to_le_bytes()));
    }
    bytes
}

#[test]
fn ctranslate2_in_pieces_gives_the_same_file() {
    let (frame, ct2) = (frame(), ct2_file());
    let (head, tail) = ct2.split_at(ct2.len() / 3);
    for quantisation in [Quantisation::F16, Quantisation::Q8_0, Quantisation::Q5_1] {
        let made = run(Recipe::WhisperCt2, quantisation, &[&frame, head, tail]).unwrap();
        assert!(made == known_file(quantisation), "{quantisation:?}");
    }
}

/// Safetensors of the same network, with one more layer on the side `deeper`.
fn safetensors_file(deeper: &str) -> Vec<u8> {
    let mut names = names();
    let block = format!("{deeper}.blocks.0.");
    let more: Vec<String> = names
        .iter()
        .filter_map(|it| it.strip_prefix(&block))
        .map(|it| format!("{deeper}.blocks.1.{it}"))
        .collect();
    names.extend(more);
    let first = |name: &str| name.replace(".blocks.1.", ".blocks.0.");
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = names
        .iter()
        .map(|name| {
            let values = Known.tensor(&first(name)).unwrap();
            let data = values.data.iter().flat_map(|it| it.to_le_bytes()).collect();
            (name.clone(), values.shape, data)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, data)| {
        let dtype = ::safetensors::Dtype::F32;
        (name, ::safetensors::tensor::TensorView::new(dtype, shape.clone(), data).unwrap())
    });
    ::safetensors::serialize(views, None).unwrap()
}

#[test]
fn safetensors_give_the_same_file() {
    let (frame, weights) = (frame(), safetensors_file("none"));
    for quantisation in [Quantisation::F16, Quantisation::Q8_0] {
        let made = run(Recipe::WhisperSafetensors, quantisation, &[&frame, &weights]).unwrap();
        assert!(made == known_file(quantisation), "{quantisation:?}");
    }
}

#[test]
fn each_side_has_its_own_layers() {
    let check = |deeper, expected: [u32; 2]| {
        let parts = [frame(), safetensors_file(deeper)];
        let parts = [parts[0].as_slice(), &parts[1]];
        let made = run(Recipe::WhisperSafetensors, Quantisation::F16, &parts).unwrap();
        let number =
            |slot: usize| u32::from_le_bytes(made[4 + 4 * slot..8 + 4 * slot].try_into().unwrap());
        assert_eq!([number(4), number(8)], expected, "{deeper}");
        let file = ggml::File::read(&made).unwrap();
        let n_second = file.tensor_names().filter(|it| it.contains(".blocks.1.")).count();
        assert_eq!(
            n_second,
            names().iter().filter(|it| it.starts_with(&format!("{deeper}.blocks"))).count()
        );
    };
    check("encoder", [2, 1]);
    check("decoder", [1, 2]);
}

#[test]
fn quantised_blocks_are_as_ggml_lays_them_out() {
    let block: Vec<f32> = (0..BLOCK).map(|it| it as f32 - 4.0).collect();
    let mut q8 = Vec::new();
    Quantisation::Q8_0.append(&block, &mut q8);
    assert_eq!(q8.len(), 34);
    assert_eq!(half::to_f32(u16::from_le_bytes([q8[0], q8[1]])), 0.212_646_48);
    assert_eq!([q8[2].cast_signed(), q8[33].cast_signed()], [-19, 127]);
    let mut q5 = Vec::new();
    Quantisation::Q5_1.append(&block, &mut q5);
    assert_eq!(q5.len(), 24);
    assert_eq!(&q5[..8], [0x00, 0x3c, 0x00, 0xc4, 0x00, 0x00, 0xff, 0xff]);
    assert_eq!(&q5[8..10], [0x00, 0x11]);
    assert_eq!(Quantisation::Q5_1.values(&q5), block);
    let back = Quantisation::Q8_0.values(&q8);
    assert!(back.iter().zip(&block).all(|(a, b)| (a - b).abs() < 0.12), "{back:?}");
}

#[test]
fn what_is_broken_is_refused() {
    let (frame, ct2) = (frame(), ct2_file());
    let check = |recipe, parts: &[&[u8]], expected: &str| {
        let error = run(recipe, Quantisation::F16, parts).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(Recipe::WhisperGgml, &[], "other parts");
    check(Recipe::WhisperCt2, &[&frame], "other parts");
    check(Recipe::WhisperOnnx, &[&frame, b""], "other parts");
    check(Recipe::WhisperGgml, &[&ct2], "GGML");
    check(Recipe::WhisperGgml, &[&frame[..frame.len() - 1]], "GGML");
    check(Recipe::WhisperCt2, &[&frame, &ct2[..ct2.len() / 2]], "CTranslate2");
    check(Recipe::WhisperCt2, &[&frame, &frame], "CTranslate2");
    check(Recipe::WhisperOnnx, &[&frame, b"\xff", b"\xff"], "ONNX");
    check(Recipe::WhisperOnnx, &[&frame, b"", b""], "encoder.positional_embedding");
    check(Recipe::WhisperSafetensors, &[&frame], "other parts");
    check(Recipe::WhisperSafetensors, &[&frame, b"{}"], "safetensors");
}
