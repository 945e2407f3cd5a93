//! `fenwen transcribe`: recordings to text on this machine, without a server.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::Config;
use crate::pipeline::speech::{Observer, Resume};
use crate::task::speech::{
    MAX_TERM, MAX_TERMS, Rendition, Segment, SpeechOrder, SpeechProgress, Transcript,
};
use crate::wire::v1::transcript::{Form, Shown};

use super::speech::LocalEars;
use super::summary::summary;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 錄音檔(WAV、MP3、FLAC、OGG/Opus、M4A、WebM),可多個
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// 輸出格式
    #[arg(long, value_enum, default_value_t = FormName::Txt)]
    format: FormName,
    /// 遮蔽個人資料(redacted),或顯示全文(original)
    #[arg(long, value_enum, default_value_t = RenditionName::Redacted)]
    rendition: RenditionName,
    /// 輸出目錄:每個錄音寫成一個檔案;未指定或為 - 時寫到標準輸出
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// 專有詞彙檔(每行一個),使辨識偏向這些詞
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// 各聲道的說話者,以逗號分隔,例如 民眾,專員
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    speakers: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormName {
    Txt,
    Json,
    Srt,
    Vtt,
    /// 摘要:摘錄原句與時間
    Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RenditionName {
    Redacted,
    Original,
}

impl FormName {
    /// None for the summary, which is no form of the whole.
    fn form(self) -> Option<Form> {
        match self {
            FormName::Txt => Some(Form::Text),
            FormName::Json => Some(Form::Json),
            FormName::Srt => Some(Form::Srt),
            FormName::Vtt => Some(Form::Vtt),
            FormName::Summary => None,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            FormName::Txt => "txt",
            FormName::Json => "json",
            FormName::Srt => "srt",
            FormName::Vtt => "vtt",
            FormName::Summary => "summary.txt",
        }
    }
}

/// Transcribes every file; the first failure ends the command.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let vocabulary = options.vocabulary.as_deref().map(read_vocabulary).transpose()?;
    let order = SpeechOrder {
        vocabulary: vocabulary.unwrap_or_default(),
        speakers: options.speakers.clone(),
        is_draft: false,
    };
    let ears = LocalEars::open(config)?;
    for path in &options.files {
        let name = path.display().to_string();
        let mut bar = Bar::new(&name);
        let transcript = ears.transcribe_file(path, &order, &mut bar);
        bar.0.finish_and_clear();
        let transcript = transcript.with_context(|| format!("無法轉寫 {name}"))?;
        let text = written(&transcript, &order, options, &ears)?;
        match folder(options.out.as_deref()) {
            Some(folder) => write_into(folder, path, options.format, &text)?,
            None => std::io::stdout().lock().write_all(text.as_bytes())?,
        }
    }
    Ok(())
}

/// The folder to write into; none where standard output is meant.
fn folder(out: Option<&Path>) -> Option<&Path> {
    out.filter(|it| *it != Path::new("-"))
}

fn written(
    transcript: &Transcript,
    order: &SpeechOrder,
    options: &Options,
    ears: &LocalEars,
) -> anyhow::Result<String> {
    let rendition = match options.rendition {
        RenditionName::Redacted => Rendition::Redacted,
        RenditionName::Original => Rendition::Original,
    };
    let shown = Shown { transcript, rendition, speakers: &order.speakers, corrected: None };
    Ok(match options.format.form() {
        None => summary(transcript, rendition, &order.speakers),
        Some(Form::Json) => {
            let document = shown.document(ears.model().clone().into());
            serde_json::to_string_pretty(&document)? + "\n"
        }
        Some(Form::Srt) => shown.srt(),
        Some(Form::Vtt) => shown.vtt(),
        Some(Form::Text) => shown.text(),
    })
}

fn write_into(folder: &Path, recording: &Path, form: FormName, text: &str) -> anyhow::Result<()> {
    let Some(name) = recording.file_name() else { bail!("有錄音沒有檔名") };
    // The whole name is kept: a.wav and a.mp3 may be different calls.
    let path = folder.join(format!("{}.{}", name.to_string_lossy(), form.extension()));
    let failed = || format!("無法寫入 {}", path.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    std::fs::write(&path, text).with_context(failed)
}

fn read_vocabulary(path: &Path) -> anyhow::Result<Vec<String>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))?;
    let terms = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let terms: Vec<String> = terms.map(str::to_owned).collect();
    let is_short = terms.iter().all(|it| it.chars().count() <= MAX_TERM);
    ensure!(
        terms.len() <= MAX_TERMS && is_short,
        "詞彙檔最多 {MAX_TERMS} 個詞,每個詞最多 {MAX_TERM} 字"
    );
    Ok(terms)
}

/// Shows on standard error how far a recording is.
struct Bar(ProgressBar);

impl Bar {
    fn new(name: &str) -> Bar {
        let bar = ProgressBar::new(0);
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        // A constant; should it be wrong, the plain style still shows progress.
        let style = ProgressStyle::with_template("{msg} {bar:30} {percent}% 剩餘 {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Bar(bar.with_style(style).with_message(name.to_owned()))
    }
}

impl Observer for Bar {
    fn heard(&mut self, _segments: &[Segment], _resume: &Resume) {}

    fn progress(&mut self, progress: SpeechProgress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_output() {
        let check = |out: Option<&str>, expected: Option<&str>| {
            assert_eq!(folder(out.map(Path::new)), expected.map(Path::new));
        };
        check(None, None);
        check(Some("-"), None);
        check(Some("./-"), Some("./-"));
        check(Some("transcripts"), Some("transcripts"));
    }
}
