//! `fenwen models export`: a candle model as an ONNX model that takes its place on other engines.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use crate::base::hex;
use crate::engine;
use crate::registry::{FileRole, ModelEngine, ModelFile, ModelRegistry, VerifiedModel};

/// Writes `folder/<id>/{<id>.onnx, model.toml, CARD.md}` and names that folder.
///
/// With `models.manifests = folder` and after `fenwen models pull <id>` the ONNX engines serve the model.
pub(super) fn run(registry: &ModelRegistry, id: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let model = registry.verified(id)?;
    ensure!(
        model.manifest().engine == ModelEngine::Candle,
        "模型「{id}」不在 candle 上執行:沒有可轉出的內容"
    );
    let weights = model.file(FileRole::Weights).context("模型未指定權重")?;
    let graph = engine::export_onnx(weights)?;
    let folder = folder.join(id);
    fs::create_dir_all(&folder).with_context(|| format!("無法建立資料夾 {}", folder.display()))?;
    let folder = fs::canonicalize(&folder)?;
    let manifest = manifest(&model, &graph, &folder)?;
    for (name, content) in [
        (format!("{id}.onnx"), graph.as_slice()),
        ("model.toml".to_owned(), manifest.as_bytes()),
        ("CARD.md".to_owned(), registry.model(id)?.card.as_bytes()),
    ] {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("無法寫入 {}", path.display()))?;
    }
    Ok(folder)
}

/// The manifest of the same model on ONNX: other weights, all else as it was.
fn manifest(model: &VerifiedModel, graph: &[u8], folder: &Path) -> anyhow::Result<String> {
    let manifest = model.manifest();
    let id = &manifest.id;
    let sha256 = hex(&Sha256::digest(graph));
    let text = |value: &str| toml::Value::from(value).to_string();
    let mut out = String::new();
    writeln!(out, "schema = 1")?;
    writeln!(out, "id = {}", text(id.as_str()))?;
    writeln!(out, "version = {}", text(&format!("{}-onnx", manifest.version)))?;
    writeln!(out, "task = {}", text(&manifest.task.to_string()))?;
    writeln!(out, "engine = \"onnx\"\ndefault = {}", manifest.default)?;
    writeln!(out, "licence = {}", text(&manifest.licence))?;
    let provenance = format!("{}; written as ONNX by fenwen", manifest.provenance);
    writeln!(out, "provenance = {}", text(&provenance))?;
    let source = format!("dir:{}", folder.display());
    writeln!(out, "\n[[file]]\nrole = \"weights\"\nname = {}", text(&format!("{id}.onnx")))?;
    writeln!(out, "bytes = {}\nsha256 = \"{sha256}\"", graph.len())?;
    writeln!(out, "sources = [{}]", text(&source))?;
    for file in manifest.files.iter().filter(|it| it.role == FileRole::Tokenizer) {
        write_file(&mut out, file)?;
    }
    for archive in &manifest.archives {
        let package = text(&archive.package.to_string());
        writeln!(out, "\n[[archive]]\npackage = {package}\nbytes = {}", archive.bytes)?;
    }
    Ok(out)
}

fn write_file(out: &mut String, file: &ModelFile) -> std::fmt::Result {
    let text = |value: &str| toml::Value::from(value).to_string();
    writeln!(out, "\n[[file]]\nrole = \"tokenizer\"\nname = {}", text(&file.name))?;
    writeln!(out, "bytes = {}\nsha256 = \"{}\"", file.bytes, file.sha256)?;
    let sources: Vec<String> = file.sources.iter().map(|it| text(&it.to_string())).collect();
    writeln!(out, "sources = [{}]", sources.join(", "))
}
