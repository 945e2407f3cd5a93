//! What takes two persons at the command line: a name and a reason when it is asked for, another name when it is approved.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::audit::{Row, Word};
use crate::base::{RequestId, rfc3339};
use crate::store::{Approval, Request};

use super::retention::require_name;

/// Who asks for something, and why.
#[derive(Debug, Args)]
pub struct Asking {
    /// 理由或公文文號,不得含個人資料
    #[arg(long)]
    reason: String,
    /// 申請人(提案人)
    #[arg(long, value_name = "NAME")]
    by: String,
}

impl Asking {
    /// The request, made at `now`; the row of the audit log names who asks.
    pub(super) fn request(self, now: Duration, row: &mut Row) -> anyhow::Result<Request> {
        require_name(&self.reason).context("--reason")?;
        row.person = named(&self.by)?;
        let id = RequestId::at(now).to_string();
        let asked = (self.by, now);
        Ok(Request { id, reason: self.reason, asked, approved: None, done: None, rejected: None })
    }
}

/// A person's name in the audit log.
pub(super) fn named(by: &str) -> anyhow::Result<Option<Word>> {
    require_name(by).context("--by")?;
    Ok(Word::new(by))
}

/// Refuses what was not approved; `was_cut_short` tells whether an approval was given before and cut short, `list` is the
/// command that shows what waits.
pub(super) fn require(approval: Approval, was_cut_short: bool, list: &str) -> anyhow::Result<()> {
    match approval {
        Approval::Approved => Ok(()),
        // An approval that was cut short is gone on with.
        Approval::Unknown if was_cut_short => Ok(()),
        Approval::Unknown => bail!("沒有這件待核可的申請:請見 `{list}`"),
        Approval::SamePerson => bail!("申請人不得自行核可,須由另一人為之"),
        Approval::Taken => bail!("所申請的項目已被使用"),
        Approval::Held => bail!("受保全限制:請見 `fenwen retention holds`"),
    }
}

/// Who asked, who approved, and whether it is done, on one line.
pub(super) fn line(it: &Request) -> String {
    let approved = it.approved.as_ref().map(|(by, at)| format!("{by} {}", rfc3339(*at)));
    let rejected = it.rejected.as_ref().map_or(String::new(), |it| {
        format!(" rejected={} {} why={}", it.by, rfc3339(it.at), it.reason)
    });
    format!(
        "{} asked={} {} approved={} done={} reason={}{rejected}",
        it.id,
        it.asked.0,
        rfc3339(it.asked.1),
        approved.unwrap_or("-".to_owned()),
        it.done.map_or("-".to_owned(), rfc3339),
        it.reason
    )
}
