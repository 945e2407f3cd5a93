//! `fenwen models`: list, pull, verify, show and clean up models.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use indicatif::HumanBytes;
use serde_json::json;

use super::approval::Asking;
use super::progress::{Bars, Lines};
use super::versions::VersionCommand;
use super::words::chain;
use crate::config::{Config, NodeService};
use crate::registry::{
    Model, ModelId, ModelManifest, ModelRegistry, ModelState, ModelTask, Progress, PullReport,
    RegistryError, Settings,
};

/// What can be done with models.
#[derive(Debug, clap::Subcommand)]
pub enum ModelsCommand {
    /// 列出已知的模型,以及檔案是否在本機且正確
    List {
        /// 以 JSON 輸出
        #[arg(long)]
        json: bool,
    },
    /// 下載並驗證模型;未指名時為這個節點的服務(server.services、speech.model)所需者
    Pull {
        /// 要下載的模型
        ids: Vec<String>,
        /// 下載所有已知的模型
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// 先在這個資料夾尋找:以檔名或 SHA-256 命名的模型檔、wheel、npm 封存檔,或另一台機器的模型庫
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// 重新計算模型檔案的雜湊;未指名時為本機所有的模型
    Verify {
        /// 要驗證的模型
        ids: Vec<String>,
    },
    /// 在本機裝置執行模型,與其標準答案比對
    Check {
        /// 要比對的模型;未指名時為所有有標準答案者
        ids: Vec<String>,
    },
    /// 顯示模型說明卡
    Card {
        /// 模型名稱
        id: String,
    },
    /// 將 candle 模型轉為其他引擎可用的 ONNX 模型:含計算圖、說明檔與說明卡的資料夾
    Export {
        /// 模型名稱
        id: String,
        /// 寫入的說明檔資料夾(models.manifests);模型在其中有自己的資料夾
        #[arg(long, value_name = "DIR")]
        onnx: PathBuf,
    },
    /// 移除沒有模型使用的檔案與未完成的下載
    Gc {
        /// 只列出將移除的項目
        #[arg(long)]
        dry_run: bool,
    },
    /// 匯入訓練好的分類模型資料夾,成為下一版並啟用(示範模式;正式環境用 propose 與 approve)
    Activate {
        /// letters、documents 或 ministries
        name: String,
        /// 有自己單位的機關代碼(設定檔的 tenants)
        #[arg(long, value_name = "ORG")]
        tenant: Option<String>,
        /// fenwen train 的輸出目錄
        dir: PathBuf,
    },
    /// 提案:匯入訓練好的分類模型資料夾成為下一版,待另一人核准後啟用
    Propose {
        /// letters、documents 或 ministries
        name: String,
        /// 有自己單位的機關代碼(設定檔的 tenants)
        #[arg(long, value_name = "ORG")]
        tenant: Option<String>,
        /// fenwen train 的輸出目錄
        dir: PathBuf,
        /// Who proposes it, and why
        #[command(flatten)]
        asking: Asking,
    },
    /// 核准提案並立即啟用
    Approve {
        /// 提案代碼
        id: String,
        /// 核准人,不得為提案人
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// 駁回提案;提案人也可撤回自己的提案
    Reject {
        /// 提案代碼
        id: String,
        /// 理由,不得含個人資料
        #[arg(long)]
        reason: String,
        /// 駁回人
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// 列出提案:模型、版本、提案人、核准人
    Proposals,
    /// 回復分類模型的前一版
    Rollback {
        /// letters、documents 或 ministries
        name: String,
        /// 有自己單位的機關代碼(設定檔的 tenants)
        #[arg(long, value_name = "ORG")]
        tenant: Option<String>,
    },
    /// 列出分類模型的版本;* 為使用中
    Versions {
        /// letters、documents 或 ministries
        name: String,
        /// 有自己單位的機關代碼(設定檔的 tenants)
        #[arg(long, value_name = "ORG")]
        tenant: Option<String>,
    },
}

impl ModelsCommand {
    /// The command on classifiers that this is, or the command as it was.
    pub(super) fn versions(self) -> Result<VersionCommand, ModelsCommand> {
        match self {
            ModelsCommand::Activate { name, tenant, dir } => {
                Ok(VersionCommand::Activate { name, tenant, folder: dir })
            }
            ModelsCommand::Propose { name, tenant, dir, asking } => {
                Ok(VersionCommand::Propose { name, tenant, folder: dir, asking })
            }
            ModelsCommand::Approve { id, by } => Ok(VersionCommand::Approve { id, by }),
            ModelsCommand::Reject { id, reason, by } => {
                Ok(VersionCommand::Reject { id, reason, by })
            }
            ModelsCommand::Proposals => Ok(VersionCommand::Proposals),
            ModelsCommand::Rollback { name, tenant } => {
                Ok(VersionCommand::RollBack { name, tenant })
            }
            ModelsCommand::Versions { name, tenant } => Ok(VersionCommand::List { name, tenant }),
            other => Err(other),
        }
    }
}

/// What the registry needs of the configuration.
pub(super) fn settings(config: &Config) -> anyhow::Result<Settings> {
    let mut settings = Settings::at(config.model_store());
    settings.manifests.clone_from(&config.models.manifests);
    settings.trained.push(super::encoder::trained(config));
    settings.hub_token.clone_from(&config.models.token);
    settings.trust = super::release::trust(config)?;
    for mirror in &config.models.mirrors {
        settings.mirrors.push(mirror.parse()?);
    }
    Ok(settings)
}

/// What decides which models a node opens.
#[derive(Clone, Copy)]
pub struct Needs<'a> {
    services: &'a [NodeService],
    /// The model that hears.
    speech: &'a str,
}

impl<'a> Needs<'a> {
    /// Those of a node with these settings.
    pub fn of(config: &'a Config) -> Needs<'a> {
        Needs { services: &config.server.services, speech: &config.speech.model }
    }

    /// Refuses a node that would hear with a model that nobody knows.
    fn check(self, registry: &ModelRegistry) -> anyhow::Result<()> {
        let hears = registry.models().map(|it| &it.manifest);
        let hears = hears.filter(|it| it.task == ModelTask::SpeechRecognition);
        let known: Vec<&str> = hears.map(|it| it.id.as_str()).collect();
        anyhow::ensure!(
            known.contains(&self.speech) || !self.services.contains(&NodeService::Speech),
            "speech.model「{}」不是已知的語音模型;已知的有 {}",
            self.speech,
            known.join("、")
        );
        Ok(())
    }

    fn has(self, manifest: &ModelManifest) -> bool {
        use NodeService as S;
        let among = |services: &[S]| services.iter().any(|it| self.services.contains(it));
        match manifest.task {
            ModelTask::TextDetection
            | ModelTask::TextRecognition
            | ModelTask::LineOrientation
            | ModelTask::PageOrientation
            | ModelTask::FaceDetection => manifest.default && among(&[S::IdentityDocuments]),
            ModelTask::SentenceEmbedding => {
                manifest.default && among(&[S::Letters, S::Documents, S::Qa])
            }
            ModelTask::VoiceActivity => manifest.default && among(&[S::Speech]),
            ModelTask::SpeechRecognition => {
                manifest.id.as_str() == self.speech && among(&[S::Speech])
            }
            ModelTask::TextClassification | ModelTask::Runtime => manifest.default,
        }
    }
}

/// Runs a command; results go to standard output, progress to standard error.
pub(super) fn run(command: ModelsCommand, config: &Config) -> anyhow::Result<()> {
    let (settings, needs) = (settings(config)?, Needs::of(config));
    let progress: Box<dyn Progress> =
        if std::io::stderr().is_terminal() { Box::new(Bars::default()) } else { Box::new(Lines) };
    run_with(command, settings, needs, &*progress, &mut std::io::stdout().lock())
}

/// Runs a command; results go to `out`.
pub fn run_with(
    command: ModelsCommand,
    settings: Settings,
    needs: Needs<'_>,
    progress: &dyn Progress,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match command {
        ModelsCommand::List { json } => list(&ModelRegistry::open(settings)?, json, out),
        ModelsCommand::Pull { ids, all, from } => {
            let settings = match from {
                Some(folder) => settings.with_dir_first(folder),
                None => settings,
            };
            pull(
                &ModelRegistry::open(settings)?,
                &Wanted { ids, needs: (!all).then_some(needs) },
                progress,
                out,
            )
        }
        ModelsCommand::Verify { ids } => verify(&ModelRegistry::open(settings)?, &ids, out),
        ModelsCommand::Card { id } => {
            let registry = ModelRegistry::open(settings)?;
            Ok(writeln!(out, "{}", registry.model(&id)?.card.trim_end())?)
        }
        ModelsCommand::Export { id, onnx } => {
            let folder = super::export::run(&ModelRegistry::open(settings)?, &id, &onnx)?;
            Ok(writeln!(out, "已寫入 {}", folder.display())?)
        }
        ModelsCommand::Gc { dry_run } => {
            gc(&ModelRegistry::open(settings)?, dry_run, progress, out)
        }
        ModelsCommand::Check { .. } => anyhow::bail!("檢查時須開啟推論引擎"),
        ModelsCommand::Activate { .. }
        | ModelsCommand::Propose { .. }
        | ModelsCommand::Approve { .. }
        | ModelsCommand::Reject { .. }
        | ModelsCommand::Proposals
        | ModelsCommand::Rollback { .. }
        | ModelsCommand::Versions { .. } => {
            anyhow::bail!("分類器保存於資料目錄,不在模型庫")
        }
    }
}

/// Which models are meant: those named, else those of a node, else all.
struct Wanted<'a> {
    ids: Vec<String>,
    needs: Option<Needs<'a>>,
}

impl Wanted<'_> {
    fn of(&self, registry: &ModelRegistry) -> Result<Vec<ModelId>, RegistryError> {
        if !self.ids.is_empty() {
            let known = |id: &String| registry.model(id).map(|model| model.manifest.id.clone());
            return self.ids.iter().map(known).collect();
        }
        let is_needed = |it: &&Model| self.needs.is_none_or(|needs| needs.has(&it.manifest));
        let models = registry.models().filter(is_needed);
        Ok(models.map(|model| model.manifest.id.clone()).collect())
    }
}

fn list(registry: &ModelRegistry, as_json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if as_json {
        let rows: Result<Vec<_>, RegistryError> =
            registry.models().map(|model| json_row(registry, model)).collect();
        return Ok(writeln!(out, "{:#}", serde_json::Value::from(rows?))?);
    }
    let mut rows = vec![["模型", "版本", "用途", "大小", "狀態", "授權"].map(str::to_owned)];
    for model in registry.models() {
        let manifest = &model.manifest;
        rows.push([
            manifest.id.to_string(),
            manifest.version.clone(),
            manifest.task.to_string(),
            HumanBytes(manifest.n_bytes()).to_string(),
            in_words(&registry.check(manifest.id.as_str())?, manifest.is_embedded()).to_owned(),
            manifest.licence.clone(),
        ]);
    }
    write_table(&rows, out)
}

fn json_row(registry: &ModelRegistry, model: &Model) -> Result<serde_json::Value, RegistryError> {
    let manifest = &model.manifest;
    let state = match registry.check(manifest.id.as_str())? {
        ModelState::Ready => "ready",
        ModelState::Missing => "missing",
        ModelState::Broken(_) => "broken",
        ModelState::Foreign => "unsupported",
    };
    Ok(json!({
        "id": manifest.id.as_str(),
        "version": manifest.version,
        "task": manifest.task.to_string(),
        "bytes": manifest.n_bytes(),
        "state": state,
        "licence": manifest.licence,
        "default": manifest.default,
    }))
}

fn pull(
    registry: &ModelRegistry,
    wanted: &Wanted,
    progress: &dyn Progress,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if let (true, Some(needs)) = (wanted.ids.is_empty(), wanted.needs) {
        needs.check(registry)?;
    }
    let PullReport { ready, foreign, failed } = registry.pull(&wanted.of(registry)?, progress)?;
    for id in &foreign {
        writeln!(out, "略過 {id}：不適用於此平台")?;
    }
    if !ready.is_empty() {
        writeln!(out, "已就緒：{}", joined(&ready))?;
    }
    for (id, error) in &failed {
        writeln!(out, "失敗 {id}：{}", chain(error))?;
        if let RegistryError::Unobtainable { attempts, .. } = error {
            for (source, error) in attempts {
                writeln!(out, "  {source}：{}", chain(error))?;
            }
        }
    }
    let failed: Vec<ModelId> = failed.into_iter().map(|(id, _)| id).collect();
    anyhow::ensure!(failed.is_empty(), "無法下載 {}", joined(&failed));
    Ok(())
}

fn verify(registry: &ModelRegistry, ids: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let wanted = Wanted { ids: ids.to_vec(), needs: None }.of(registry)?;
    let mut bad = Vec::new();
    for id in wanted {
        let state = registry.check(id.as_str())?;
        let is_embedded = registry.model(id.as_str())?.manifest.is_embedded();
        writeln!(out, "{}\t{id}", in_words(&state, is_embedded))?;
        if let ModelState::Broken(error) = &state {
            writeln!(out, "  {}", chain(error))?;
        }
        let is_bad = match state {
            ModelState::Ready | ModelState::Foreign => false,
            // A model nobody asked for by name need not be here.
            ModelState::Missing => !ids.is_empty() && !is_embedded,
            ModelState::Broken(_) => true,
        };
        if is_bad {
            bad.push(id);
        }
    }
    anyhow::ensure!(bad.is_empty(), "無法使用:{};請執行 `fenwen models pull`", joined(&bad));
    Ok(())
}

fn gc(
    registry: &ModelRegistry,
    dry_run: bool,
    progress: &dyn Progress,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let removed = registry.collect(dry_run, progress).context("無法清理模型庫")?;
    let verb = if dry_run { "可移除" } else { "已移除" };
    for leftover in &removed {
        writeln!(out, "{verb} {}（{}）", leftover.path.display(), HumanBytes(leftover.n_bytes))?;
    }
    let n_bytes = removed.iter().map(|leftover| leftover.n_bytes).sum();
    Ok(writeln!(out, "{verb} {} 個項目，共 {}", removed.len(), HumanBytes(n_bytes))?)
}

fn in_words(state: &ModelState, is_embedded: bool) -> &'static str {
    match state {
        ModelState::Missing if is_embedded => "內建",
        ModelState::Ready => "就緒",
        ModelState::Missing => "未下載",
        ModelState::Broken(_) => "毀損",
        ModelState::Foreign => "不適用",
    }
}

fn joined(ids: &[ModelId]) -> String {
    ids.iter().map(ModelId::as_str).collect::<Vec<&str>>().join(", ")
}

fn write_table<const N: usize>(rows: &[[String; N]], out: &mut dyn Write) -> anyhow::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - columns(cell) + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Terminal columns of a text: two for a Chinese character.
fn columns(text: &str) -> usize {
    text.chars().map(|ch| if ch.is_ascii() { 1 } else { 2 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_chinese_in_them() {
        let rows = [["模型", "a"], ["abc", "b"]].map(|row| row.map(str::to_owned));
        let mut out = Vec::new();
        write_table(&rows, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "模型  a\nabc   b\n");
    }

    #[track_caller]
    fn check_needs(change: impl Fn(&mut Config), expected: &[&str]) {
        let mut config = Config::default();
        change(&mut config);
        let dir = tempfile::tempdir().unwrap();
        let registry = ModelRegistry::open(Settings::at(dir.path().to_owned())).unwrap();
        let wanted = Wanted { ids: Vec::new(), needs: Some(Needs::of(&config)) };
        let mut found = wanted.of(&registry).unwrap();
        found.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        assert_eq!(found.iter().map(ModelId::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_node_pulls_what_its_services_need() {
        let only = |service| move |config: &mut Config| config.server.services = vec![service];
        let (runtime, ear, texts) = ("onnxruntime", "silero-vad", "use-multilingual-v3");
        let [cls, det, rec] = ["ppocr-line-cls", "ppocrv6-small-det", "ppocrv6-small-rec"];
        let face = "yunet-face";
        check_needs(|_| (), &[runtime, cls, det, rec, ear, texts, "whisper-base", face]);
        check_needs(only(NodeService::Letters), &[runtime, texts]);
        check_needs(only(NodeService::Qa), &[runtime, texts]);
        check_needs(only(NodeService::IdentityDocuments), &[runtime, cls, det, rec, face]);
        check_needs(only(NodeService::Speech), &[runtime, ear, "whisper-base"]);
        let small = |config: &mut Config| {
            only(NodeService::Speech)(config);
            config.speech.model = "whisper-small".to_owned();
        };
        check_needs(small, &[runtime, ear, "whisper-small"]);
    }
}
