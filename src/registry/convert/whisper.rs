//! Where other forms of Whisper keep the tensors that whisper.cpp names.

/// Side, layer and the rest of the name of a tensor inside a block: `encoder.blocks.3.mlp.0.bias`.
pub(super) fn block(name: &str) -> Option<(&str, usize, &str)> {
    let (side, rest) = name.split_once(".blocks.")?;
    let (layer, rest) = rest.split_once('.')?;
    Some((side, layer.parse().ok()?, rest))
}

/// A tensor inside an array: the `part`-th of `parts` equal pieces of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) array: String,
    pub(super) part: usize,
    pub(super) parts: usize,
}

/// Where CTranslate2 keeps a tensor: query, key and value are stacked.
pub(super) fn ct2_place(name: &str) -> Option<Place> {
    let (owner, kind) = name.rsplit_once('.')?;
    let (path, part, parts) = match block(owner) {
        Some((side, layer, module)) => {
            let (path, part, parts) = match module {
                "attn_ln" => ("self_attention/layer_norm", 0, 1),
                "attn.query" => ("self_attention/linear_0", 0, 3),
                "attn.key" => ("self_attention/linear_0", 1, 3),
                "attn.value" => ("self_attention/linear_0", 2, 3),
                "attn.out" => ("self_attention/linear_1", 0, 1),
                "cross_attn_ln" => ("attention/layer_norm", 0, 1),
                "cross_attn.query" => ("attention/linear_0", 0, 1),
                "cross_attn.key" => ("attention/linear_1", 0, 2),
                "cross_attn.value" => ("attention/linear_1", 1, 2),
                "cross_attn.out" => ("attention/linear_2", 0, 1),
                "mlp_ln" => ("ffn/layer_norm", 0, 1),
                "mlp.0" => ("ffn/linear_0", 0, 1),
                "mlp.2" => ("ffn/linear_1", 0, 1),
                _ => return None,
            };
            (format!("{side}/layer_{layer}/{path}"), part, parts)
        }
        None => {
            let path = match owner {
                "encoder.conv1" => "encoder/conv1",
                "encoder.conv2" => "encoder/conv2",
                "encoder.ln_post" => "encoder/layer_norm",
                "decoder.ln" => "decoder/layer_norm",
                "decoder.token_embedding" => "decoder/embeddings",
                "encoder" => "encoder/position_encodings",
                "decoder" => "decoder/position_encodings",
                _ => return None,
            };
            (path.to_owned(), 0, 1)
        }
    };
    let kind = match (kind, path.ends_with("layer_norm")) {
        ("weight", true) => "gamma",
        ("bias", true) => "beta",
        ("positional_embedding", _) => "encodings",
        (kind, _) => kind,
    };
    Some(Place { array: format!("{path}/{kind}"), part, parts })
}

/// Where the ONNX export of the transformers library keeps a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnnxPlace {
    /// An array by its name.
    Array(String),
    /// The quantised weight of an operator, by the operator's name.
    Operator(String),
    /// The same, stored with rows and columns exchanged.
    Transposed(String),
}

pub(super) fn onnx_place(name: &str) -> Option<OnnxPlace> {
    let (owner, kind) = name.rsplit_once('.')?;
    let Some((side, layer, module)) = block(owner) else {
        return Some(match (owner, kind) {
            ("encoder.conv1" | "encoder.conv2", "weight") => {
                OnnxPlace::Operator(format!("/{}/Conv", owner.strip_prefix("encoder.")?))
            }
            ("encoder.conv1" | "encoder.conv2", _) => {
                OnnxPlace::Array(format!("{}.{kind}", owner.strip_prefix("encoder.")?))
            }
            ("encoder.ln_post" | "decoder.ln", _) => OnnxPlace::Array(format!("layer_norm.{kind}")),
            ("decoder.token_embedding", _) => OnnxPlace::Array("embed_tokens.weight".to_owned()),
            ("encoder" | "decoder", _) => OnnxPlace::Array("embed_positions.weight".to_owned()),
            _ => return None,
        });
    };
    let module = match module {
        "attn_ln" => "self_attn_layer_norm",
        "attn.query" => "self_attn.q_proj",
        "attn.key" => "self_attn.k_proj",
        "attn.value" => "self_attn.v_proj",
        "attn.out" => "self_attn.out_proj",
        "cross_attn_ln" => "encoder_attn_layer_norm",
        "cross_attn.query" => "encoder_attn.q_proj",
        "cross_attn.key" => "encoder_attn.k_proj",
        "cross_attn.value" => "encoder_attn.v_proj",
        "cross_attn.out" => "encoder_attn.out_proj",
        "mlp_ln" => "final_layer_norm",
        "mlp.0" => "fc1",
        "mlp.2" => "fc2",
        _ => return None,
    };
    if kind == "bias" || module.ends_with("layer_norm") {
        return Some(OnnxPlace::Array(format!("layers.{layer}.{module}.{kind}")));
    }
    let prefix = if side == "decoder" { "/model/decoder" } else { "" };
    let path = module.replace('.', "/");
    Some(OnnxPlace::Transposed(format!("{prefix}/layers.{layer}/{path}/MatMul")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let ct2 = |name: &str| ct2_place(name).map(|it| (it.array, it.part, it.parts));
        let place = |array: &str, part, parts| Some((array.to_owned(), part, parts));
        assert_eq!(
            ct2("decoder.blocks.11.cross_attn.value.bias"),
            place("decoder/layer_11/attention/linear_1/bias", 1, 2)
        );
        assert_eq!(
            ct2("encoder.blocks.0.attn_ln.weight"),
            place("encoder/layer_0/self_attention/layer_norm/gamma", 0, 1)
        );
        assert_eq!(
            ct2("encoder.positional_embedding"),
            place("encoder/position_encodings/encodings", 0, 1)
        );
        assert_eq!(ct2("decoder.blocks.0.new.bias"), None);
        let operator =
            OnnxPlace::Transposed("/model/decoder/layers.2/encoder_attn/k_proj/MatMul".into());
        assert_eq!(onnx_place("decoder.blocks.2.cross_attn.key.weight"), Some(operator));
        let array = OnnxPlace::Array("layers.2.fc1.bias".into());
        assert_eq!(onnx_place("encoder.blocks.2.mlp.0.bias"), Some(array));
    }
}
