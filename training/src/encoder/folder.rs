//! The folder of an encoder that was trained with a classifier: weights, tokenizer, manifest and card, as the registry
//! of models takes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use fenwen::base::hex;
use fenwen::engine::Tokenizer;
use fenwen::pipeline::classify::DenseHead;
use fenwen::registry::{ModelManifest, VerifiedFile};
use sha2::{Digest as _, Sha256};

use crate::linear::confidence::Scored;

use super::cross::{Cross, Learned};
use super::output::{
    TOLERANCE, WEIGHTS, difference, head, open, rename, weights, write_synced, write_whole,
};
use super::trainer;

/// The tokenizer's file.
const TOKENIZER: &str = "sp.model";
/// Texts whose scores by the engine are compared with those of training.
const N_COMPARED: usize = 512;
/// A text about nobody, for the golden answer.
const GOLDEN: &str = "內政部地政司辦理不動產登記";
/// Numbers of its embedding that the manifest holds.
const GOLDEN_POINTS: [usize; 6] = [0, 1, 100, 200, 300, 511];

/// An encoder that was written.
pub(crate) struct Written {
    /// Its name, which tells it from those of other trainings, so that a classifier can be rolled back to.
    pub(crate) id: String,
    /// SHA-256 of its weights.
    pub(crate) sha256: String,
    /// The head over its vectors.
    pub(crate) head: DenseHead,
    /// Greatest difference between a score of training and one of the engine.
    pub(crate) difference: f32,
}

/// The name of an encoder whose weights have this hash.
fn id(name: &str, sha256: &str) -> String {
    format!("{name}-{}", sha256.get(..8).unwrap_or_default())
}

impl Learned {
    /// Writes the encoder of all rows under `out`, once the engine that serves gives texts the scores that training
    /// gives them. `name` is that of the recipe.
    pub(crate) fn write(
        &self,
        cross: &Cross<'_>,
        name: &str,
        out: &Path,
    ) -> anyhow::Result<Written> {
        fs::create_dir_all(out).with_context(|| format!("failed to create {}", out.display()))?;
        let bytes = weights(cross.base, &self.vocabulary, &self.network)?.to_safetensors()?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let (id, head) = (id(name, &sha256), head(&self.network)?);
        let folder = out.join(&id);
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create {}", folder.display()))?;
        let partial = folder.join(format!("{WEIGHTS}.partial"));
        write_synced(&partial, &bytes)?;
        let file = VerifiedFile::check(&partial, &sha256)?;
        let (difference, golden) = self.compare(cross, &file, &head)?;
        ensure!(
            difference <= TOLERANCE,
            "the engine's scores differ from training's by {difference}"
        );
        rename(&partial, &folder.join(WEIGHTS))?;
        write_whole(&folder, TOKENIZER, &cross.base.pieces)?;
        let written = Written { id, sha256, head, difference };
        write_whole(&folder, "CARD.md", card(cross, &written).as_bytes())?;
        let manifest = manifest(cross, &written, bytes.len()) + &golden;
        ModelManifest::parse(&manifest)?;
        // Last: without it the folder is no model.
        write_whole(&folder, "model.toml", manifest.as_bytes())?;
        Ok(written)
    }

    /// The greatest difference of a score between engine and training, and the golden answer of the engine.
    fn compare(
        &self,
        cross: &Cross<'_>,
        file: &VerifiedFile,
        head: &DenseHead,
    ) -> anyhow::Result<(f32, String)> {
        let tokenizer = Arc::new(Tokenizer::read(&cross.base.pieces)?);
        let mut encoder = open(file, Arc::clone(&tokenizer), cross.threads)?;
        let every = cross.texts.len().div_ceil(N_COMPARED).max(1);
        let texts: Vec<&str> = cross.texts.iter().copied().step_by(every).collect();
        let embeddings = encoder.encode(&texts, |_| ())?;
        let mut by_engine = Vec::with_capacity(texts.len());
        for embedding in embeddings.rows() {
            by_engine.push(Scored { scores: head.scores(embedding)?, label: 0 });
        }
        let slots = |text: &&str| super::batch::Example {
            slots: self.vocabulary.slots(&tokenizer.tokenize(text).ids),
            label: 0,
        };
        let examples: Vec<_> = texts.iter().map(slots).collect();
        let difference = difference(&by_engine, &trainer::scores(&self.network, &examples)?);
        let golden = encoder.encode(&[GOLDEN], |_| ())?;
        let ids = tokenizer.tokenize(GOLDEN).ids;
        Ok((difference, golden_answer(&ids, &golden.values)))
    }
}

fn golden_answer(ids: &[u32], values: &[f32]) -> String {
    let point = |at: &usize| Some(format!("[{at}, {:.6}]", values.get(*at)?));
    let points: Vec<String> = GOLDEN_POINTS.iter().filter_map(point).collect();
    format!(
        "\n[golden_text]\ntext = \"{GOLDEN}\"\nids = {ids:?}\noutput_shape = [1, {}]\npoints = [{}]\ntolerance = 0.001\n",
        values.len(),
        points.join(", ")
    )
}

fn manifest(cross: &Cross<'_>, written: &Written, n_bytes: usize) -> String {
    let Cross { base, part, texts, .. } = cross;
    let Written { id, sha256, .. } = written;
    let mut text = String::new();
    let _ = write!(
        text,
        "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\ntask = \"sentence-embedding\"\nengine = \"candle\"\n\
         licence = {licence}\nprovenance = \"{model} (SHA-256 {base}), fine-tuned on {n} labelled texts together with the \
         classifier that names it by its hash\"\n",
        version = sha256.get(..12).unwrap_or_default(),
        licence = toml::Value::String(base.licence.clone()),
        model = part.model,
        base = base.sha256,
        n = texts.len(),
    );
    let pieces = hex(&Sha256::digest(&base.pieces));
    for (role, name, n_bytes, sha256) in [
        ("weights", WEIGHTS, n_bytes, sha256),
        ("tokenizer", TOKENIZER, base.pieces.len(), &pieces),
    ] {
        let _ = write!(
            text,
            "\n[[file]]\nrole = \"{role}\"\nname = \"{name}\"\nbytes = {n_bytes}\nsha256 = \"{sha256}\"\n\
             sources = [\"dir:{id}\"]\n"
        );
    }
    text + "\n# Padding costs the candle engine nothing: rows are computed without it.\n[batch]\nmax_rows = 32\n\
            max_values = 4096\n\n[batch.cuda]\nmax_rows = 512\nmax_values = 131072\n"
}

fn card(cross: &Cross<'_>, written: &Written) -> String {
    let Cross { base, part, texts, n_classes, n_folds, .. } = cross;
    let Written { id, sha256, difference, .. } = written;
    format!(
        "# {id}\n\n以 `{model}`(SHA-256 `{base}`)為基礎,與分類模型一同微調的語句編碼器:{n} 筆文字、{n_classes} 個標籤,\
         先學標籤層 {head} 回,再學全部 {all} 回。僅供同一次訓練的分類模型使用,該模型以下列 SHA-256 指定它。\
         基礎模型授權:{licence};訓練資料的授權與限制另計。\n\n\
         | 檔案 | 內容 |\n|---|---|\n| `{WEIGHTS}` | 權重;SHA-256 `{sha256}` |\n\
         | `{TOKENIZER}` | 斷詞器,與基礎模型相同 |\n\n\
         `fenwen models activate` 與 `propose` 匯入分類模型時會一併匯入。單獨安裝:以上一層目錄為 `models.manifests`,執行 \
         `fenwen models pull {id} --from <本目錄>`。舊版分類模型回復時需要它自己的編碼器:換版後請勿移除。\n\n\
         權重學自訓練文字,字詞出現與否可能可由權重推知;訓練資料不得公開時,權重亦不得公開。\n\n\
         與分類模型融合的成效、{n_folds} 折交叉驗證的結果見分類模型的 `report.md`。推論引擎與訓練的最大分數差 {difference:.1e}。\n",
        model = part.model,
        base = base.sha256,
        n = texts.len(),
        head = part.head_epochs,
        all = part.epochs,
        licence = base.licence,
    )
}
