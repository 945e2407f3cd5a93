//! `fenwen transcribe`: recordings to text on this machine, without a server.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::config::Config;
use crate::pipeline::speech::{Observer, Resume};
use crate::task::speech::{
    MAX_TERM, MAX_TERMS, Rendition, Segment, SpeechOrder, SpeechProgress, Transcript,
};
use crate::wire::catalogue::Model;
use crate::wire::v1::transcript::{Form, Shown, TranscriptDocument};

use super::one_line;
use super::progress::say;
use super::recordings::{Recording, recordings};
use super::speech::LocalEars;
use super::summary::summary;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 錄音檔(WAV、MP3、FLAC、OGG/Opus、M4A、WebM)或資料夾(含子資料夾),可多個
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// 輸出格式;json 寫到標準輸出時,多個錄音或資料夾改為每行一份(JSON Lines),另加 file 欄
    #[arg(long, value_enum, default_value_t = FormName::Txt)]
    format: FormName,
    /// 遮蔽個人資料(redacted),或顯示全文(original)
    #[arg(long, value_enum, default_value_t = RenditionName::Redacted)]
    rendition: RenditionName,
    /// 輸出目錄:每個錄音寫成一個檔案,資料夾保留其下的路徑;未指定或為 - 時寫到標準輸出
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

/// Transcribes every recording; one that fails is told on standard error, and the others are gone on with.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let vocabulary = options.vocabulary.as_deref().map(read_vocabulary).transpose()?;
    let order = SpeechOrder {
        vocabulary: vocabulary.unwrap_or_default(),
        speakers: options.speakers.clone(),
        is_draft: false,
    };
    let recordings = recordings(&options.files)?;
    let ears = LocalEars::open(config)?;
    let work = Work {
        options,
        order: &order,
        is_single: recordings.len() == 1 && options.files.iter().all(|it| !it.is_dir()),
    };
    let hear = |recording: &Recording, bar: &mut Bar| {
        ears.transcribe_file(&recording.path, &order, bar)
            .map(|it| (it, Model::from(ears.model().clone())))
    };
    work.all(&recordings, hear, &mut std::io::stdout().lock())
}

/// What is to be done with every recording.
struct Work<'a> {
    options: &'a Options,
    order: &'a SpeechOrder,
    /// One file was named, no folder: what is written is the whole of its form.
    is_single: bool,
}

impl Work<'_> {
    /// Hears and writes one after another.
    ///
    /// # Errors
    /// Where standard output is closed; at the end when some failed, with their number.
    fn all(
        &self,
        recordings: &[Recording],
        mut hear: impl FnMut(&Recording, &mut Bar) -> anyhow::Result<(Transcript, Model)>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let mut n_failed = 0;
        for (number, recording) in (1..).zip(recordings) {
            let name = recording.path.display().to_string();
            let mut bar = Bar::new(&name);
            let heard = hear(recording, &mut bar);
            bar.0.finish_and_clear();
            let written = heard.and_then(|(transcript, model)| {
                for notice in &transcript.notices {
                    say(&format!("注意 {name}:{}", notice.message()));
                }
                let text = self.text(&name, &transcript, model)?;
                let Some(folder) = folder(self.options.out.as_deref()) else {
                    return Ok(Some(text));
                };
                write_into(folder, recording, self.options.format, &text).map(|()| None)
            });
            match written.with_context(|| format!("無法轉寫 {name}")) {
                Ok(text) => out.write_all(text.unwrap_or_default().as_bytes())?,
                Err(error) if self.is_single => return Err(error),
                Err(error) => {
                    n_failed += 1;
                    say(&one_line(&error));
                    continue;
                }
            }
            if !self.is_single {
                say(&format!("[{number}/{}] {name}", recordings.len()));
            }
        }
        ensure!(n_failed == 0, "{} 個錄音中有 {n_failed} 個無法轉寫", recordings.len());
        Ok(())
    }

    /// A recording in the form that is wanted.
    fn text(&self, name: &str, transcript: &Transcript, model: Model) -> anyhow::Result<String> {
        let rendition = match self.options.rendition {
            RenditionName::Redacted => Rendition::Redacted,
            RenditionName::Original => Rendition::Original,
        };
        let speakers = &self.order.speakers;
        let shown = Shown { transcript, rendition, speakers, corrected: None };
        Ok(match self.options.format.form() {
            None => summary(transcript, rendition, speakers),
            Some(Form::Json) => {
                let document = shown.document(model);
                let is_alone = self.is_single || folder(self.options.out.as_deref()).is_some();
                let json = if is_alone {
                    serde_json::to_string_pretty(&document)?
                } else {
                    serde_json::to_string(&Named { file: name, document })?
                };
                json + "\n"
            }
            Some(Form::Srt) => shown.srt(),
            Some(Form::Vtt) => shown.vtt(),
            Some(Form::Text) => shown.text(),
        })
    }
}

/// A document among others.
#[derive(Serialize)]
struct Named<'a> {
    file: &'a str,
    #[serde(flatten)]
    document: TranscriptDocument,
}

/// The folder to write into; none where standard output is meant.
fn folder(out: Option<&Path>) -> Option<&Path> {
    out.filter(|it| *it != Path::new("-"))
}

fn write_into(
    folder: &Path,
    recording: &Recording,
    form: FormName,
    text: &str,
) -> anyhow::Result<()> {
    // The whole name is kept: a.wav and a.mp3 may be different calls.
    let mut path = folder.join(&recording.place).into_os_string();
    path.push(".");
    path.push(form.extension());
    let path = PathBuf::from(path);
    let failed = || format!("無法寫入 {}", path.display());
    std::fs::create_dir_all(path.parent().unwrap_or(folder)).with_context(failed)?;
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

    /// What is written to standard output, and the failure, where recordings with an x in their names cannot be heard.
    fn run(format: FormName, out: Option<PathBuf>, paths: &[&str]) -> (String, Option<String>) {
        let files: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let recordings = recordings(&files).unwrap();
        let (rendition, vocabulary) = (RenditionName::Redacted, None);
        let options = Options { files, format, rendition, out, vocabulary, speakers: Vec::new() };
        let order = SpeechOrder::default();
        let work = Work { options: &options, order: &order, is_single: recordings.len() == 1 };
        let hear = |it: &Recording, _: &mut Bar| {
            ensure!(!it.path.to_string_lossy().contains('x'), "錄音檔是空的。");
            let model = ["m", "1", "0"].map(str::to_owned);
            let [name, version, sha256] = model;
            Ok((Transcript::default(), Model { name, version, sha256 }))
        };
        let mut written = Vec::new();
        let failure = work.all(&recordings, hear, &mut written).err();
        (String::from_utf8(written).unwrap(), failure.map(|it| one_line(&it)))
    }

    #[test]
    fn one_that_fails_ends_nothing_and_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let out = Some(dir.path().to_owned());
        let (_, failure) = run(FormName::Txt, out, &["a/1.wav", "x.wav", "b/1.wav", "2.wav"]);
        assert_eq!(failure.as_deref(), Some("4 個錄音中有 1 個無法轉寫"));
        for written in ["a/1.wav.txt", "b/1.wav.txt", "2.wav.txt"] {
            assert!(dir.path().join(written).is_file(), "{written}");
        }
        let (_, failure) = run(FormName::Txt, None, &["x.wav"]);
        assert_eq!(failure.as_deref(), Some("無法轉寫 x.wav:錄音檔是空的。"));
    }

    #[test]
    fn several_documents_are_a_line_each() {
        let (written, _) = run(FormName::Json, None, &["a/1.wav", "b/1.wav"]);
        let lines: Vec<serde_json::Value> =
            written.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let files: Vec<_> = lines.iter().filter_map(|it| it["file"].as_str()).collect();
        assert_eq!(files, ["a/1.wav", "b/1.wav"]);
        let (written, _) = run(FormName::Json, None, &["a/1.wav"]);
        let document: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert!(1 < written.lines().count() && document.get("file").is_none(), "{written}");
    }
}
