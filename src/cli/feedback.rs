//! `fenwen feedback export`: what officers decided, as a data set for training.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use crate::audit::AuditEvent;
use crate::base::{Clock, Private, SystemClock};
use crate::config::Config;
use crate::pipeline::letters::pii;
use crate::service::routing::{Lesson, lessons};
use crate::store::Store;

use super::audit::{by_operator, on_record};
use super::jobs;

/// What can be done with feedback.
#[derive(Debug, Subcommand)]
pub(super) enum FeedbackCommand {
    /// 匯出已有回饋且未逾期的文字與標籤(JSONL),作為 fenwen train --from-feedback 的資料
    Export {
        /// 服務:letters 或 documents
        #[arg(long, value_parser = ["letters", "documents"])]
        service: String,
        /// 有自己單位的機關代碼(設定檔的 tenants);未指定時為其他機關的回饋
        #[arg(long, value_name = "ORG")]
        tenant: Option<String>,
        /// 輸出檔;已存在時不覆寫
        #[arg(long, value_name = "FILE.jsonl")]
        out: PathBuf,
        /// 不遮蔽個人資料(預設以〔身分證字號〕等代替)
        #[arg(long)]
        with_personal_data: bool,
    },
}

/// How to export.
struct Export {
    service: String,
    tenant: Option<String>,
    mask: bool,
}

pub(super) fn run(command: FeedbackCommand, config: &Config) -> anyhow::Result<()> {
    let FeedbackCommand::Export { service, tenant, out, with_personal_data } = command;
    let export = Export { service, tenant, mask: !with_personal_data };
    let row = by_operator(AuditEvent::ExportMade, "feedback export");
    let n = on_record(config, row, |row| {
        let n = export.write(&jobs::store(config)?, &out)?;
        row.count = Some(n as u64);
        Ok(n)
    })?;
    writeln!(std::io::stdout(), "已匯出 {n} 筆至 {}。", out.display())?;
    Ok(())
}

impl Export {
    fn write(&self, store: &Store, path: &Path) -> anyhow::Result<usize> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file =
            BufWriter::new(file.with_context(|| format!("無法建立 {}", path.display()))?);
        let found = lessons(
            store,
            &self.service,
            self.tenant.as_deref(),
            SystemClock.unix_time().as_secs(),
        )?;
        for lesson in &found {
            writeln!(file, "{}", self.row(lesson))?;
        }
        file.flush()?;
        Ok(found.len())
    }

    /// A row of the data set.
    fn row(&self, lesson: &Lesson) -> serde_json::Value {
        let text = |text: &Private<String>| {
            let text = text.expose();
            if self.mask { pii::mask(text, &pii::find(text)) } else { text.clone() }
        };
        let (subject, body) = (text(&lesson.subject), text(&lesson.body));
        let both: Vec<&str> =
            [subject.as_str(), body.as_str()].into_iter().filter(|it| !it.is_empty()).collect();
        let origin = &lesson.origin;
        json!({
            "id": lesson.id, "text": both.join("\n"), "subject": subject, "body": body, "label": lesson.label,
            "provenance": {
                "source": "feedback", "service": self.service, "decision": origin.verdict,
                "predicted": lesson.predicted, "model_version": origin.model_version, "reason": origin.reason,
                "role": origin.role, "decided_at": origin.decided_at, "masked": self.mask,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::routing::Origin;

    #[test]
    fn personal_data_is_masked() {
        let lesson = Lesson {
            id: "1".to_owned(),
            subject: Private::new("補發".to_owned()),
            body: Private::new("我的身分證字號A123456789".to_owned()),
            label: "丙".to_owned(),
            predicted: Some("甲".to_owned()),
            origin: Origin {
                verdict: "corrected".to_owned(),
                reason: None,
                role: None,
                model_version: "3".to_owned(),
                decided_at: 1,
            },
        };
        let row = |mask| Export { service: "letters".to_owned(), tenant: None, mask }.row(&lesson);
        assert_eq!(row(true)["text"], "補發\n我的身分證字號〔身分證字號〕");
        assert_eq!(row(true)["provenance"]["predicted"], "甲");
        assert_eq!(row(false)["body"], "我的身分證字號A123456789");
    }
}
