//! `fenwen feedback export`: what officers decided, as a data set for training.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::base::{Clock, SystemClock};
use crate::config::Config;
use crate::pipeline::letters::pii;
use crate::store::{Labelled, Store};

/// What can be done with feedback.
#[derive(Debug, Subcommand)]
pub(super) enum FeedbackCommand {
    /// 匯出已有回饋且未逾期的文字與標籤(JSONL),作為 fenwen train --from-feedback 的資料
    Export {
        /// 服務:letters 或 documents
        #[arg(long, value_parser = ["letters", "documents"])]
        service: String,
        /// 輸出檔;已存在時不覆寫
        #[arg(long, value_name = "FILE.jsonl")]
        out: PathBuf,
        /// 不遮蔽個人資料(預設以〔身分證字號〕等代替)
        #[arg(long)]
        with_personal_data: bool,
    },
}

/// What was sealed of a letter or document.
#[derive(Deserialize)]
struct Kept {
    subject: String,
    body: String,
}

/// How to export.
struct Export {
    service: String,
    mask: bool,
}

pub(super) fn run(command: FeedbackCommand, config: &Config) -> anyhow::Result<()> {
    let FeedbackCommand::Export { service, out, with_personal_data } = command;
    let export = Export { service, mask: !with_personal_data };
    let n = export.write(&Store::open(&config.data_dir())?, &out)?;
    writeln!(std::io::stdout(), "已匯出 {n} 筆至 {}。", out.display())?;
    Ok(())
}

impl Export {
    fn write(&self, store: &Store, path: &Path) -> anyhow::Result<usize> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file =
            BufWriter::new(file.with_context(|| format!("failed to create {}", path.display()))?);
        let mut n = 0;
        store.labelled(&self.service, SystemClock.unix_time().as_secs(), |row| {
            if let Some(line) = self.row(&row)? {
                writeln!(file, "{line}")?;
                n += 1;
            }
            Ok::<(), anyhow::Error>(())
        })?;
        file.flush()?;
        Ok(n)
    }

    /// A row of the data set; none for what has no label.
    fn row(&self, row: &Labelled) -> anyhow::Result<Option<serde_json::Value>> {
        let given: Vec<(String, f32)> = serde_json::from_str(&row.given)?;
        let predicted = given.first().map(|it| it.0.clone());
        let label = match row.verdict.as_str() {
            "discarded" => None,
            "accepted" => row.label.clone().or_else(|| predicted.clone()),
            _ => row.label.clone(),
        };
        let Some(label) = label else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(row.text.expose())?;
        let text = |text: &str| {
            if self.mask { pii::mask(text, &pii::find(text)) } else { text.to_owned() }
        };
        let (subject, body) = (text(&kept.subject), text(&kept.body));
        let both: Vec<&str> =
            [subject.as_str(), body.as_str()].into_iter().filter(|it| !it.is_empty()).collect();
        Ok(Some(json!({
            "id": row.id, "text": both.join("\n"), "subject": subject, "body": body, "label": label,
            "provenance": {
                "source": "feedback", "service": self.service, "decision": row.verdict, "predicted": predicted,
                "model_version": row.version, "reason": row.reason, "role": row.role,
                "decided_at": row.created, "masked": self.mask,
            },
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Private;

    fn check(verdict: &str, label: Option<&str>, expected: Option<&str>) {
        let export = Export { service: "letters".to_owned(), mask: true };
        let text = json!({"subject": "補發", "body": "我的身分證字號A123456789"}).to_string();
        let row = Labelled {
            id: "1".to_owned(),
            text: Private::new(text.into_bytes()),
            label: label.map(str::to_owned),
            given: r#"[["甲",0.5],["乙",0.25]]"#.to_owned(),
            verdict: verdict.to_owned(),
            reason: None,
            role: None,
            version: "3".to_owned(),
            created: 1,
        };
        let found = export.row(&row).unwrap();
        assert_eq!(found.as_ref().map(|it| it["label"].as_str().unwrap()), expected);
        if let Some(row) = found {
            assert_eq!(row["text"], "補發\n我的身分證字號〔身分證字號〕");
            assert_eq!(row["provenance"]["predicted"], "甲");
        }
    }

    #[test]
    fn feedback_becomes_labelled_rows() {
        check("corrected", Some("丙"), Some("丙"));
        check("accepted", None, Some("甲"));
        check("accepted", Some("乙"), Some("乙"));
        check("discarded", None, None);
    }
}
