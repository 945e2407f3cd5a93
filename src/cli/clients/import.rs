//! `fenwen clients import`: applications of the platform of online applications become registrations, once somebody
//! else than the applicant approves; first it only says what would happen.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::audit::{AuditEvent, Row, Word};
use crate::base::{Clock, SystemClock};
use crate::cli::approval::named;
use crate::cli::audit::{by_operator, on_record};
use crate::cli::jobs;
use crate::config::Config;
use crate::identity::{Application, Applications, shares_partner};
use crate::store::Store;
use crate::store::clients::ClientRow;

/// Largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What becomes of an application.
enum Fate {
    /// It is registered.
    New(Box<ClientRow>),
    /// It is registered already, as it asks for.
    Same,
    /// It cannot be, for this reason.
    Refused(String),
}

/// Reads a file and says what becomes of each application; registers them with `applies`, unless
/// one of them cannot be.
pub(super) fn run(
    file: &Path,
    (approver, applies): (&str, bool),
    config: &Config,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    named(approver).context("--approved-by")?;
    let applications = read(file)?.applications;
    let store = jobs::store(config)?;
    let now = SystemClock.unix_time();
    let fates = fates(&applications, approver, &store.clients().wait()?, now);
    let mut n_refused = 0;
    for (it, fate) in applications.iter().zip(&fates) {
        let (no, id, org) = (&it.application_no, &it.client_id, &it.org);
        match fate {
            Fate::New(row) => {
                let (scopes, purposes) = (&row.scopes, &row.purposes);
                writeln!(out, "{no} {id} {org} 登記:權限 {scopes};特定目的 {purposes}")?;
            }
            Fate::Same => writeln!(out, "{no} {id} {org} 已登記,內容相同")?,
            Fate::Refused(reason) => {
                n_refused += 1;
                writeln!(out, "{no} {id} {org} 不可登記:{reason}")?;
            }
        }
    }
    ensure!(n_refused == 0, "{} 件申請中有 {n_refused} 件不符:未登記任何一件", fates.len());
    if !applies {
        writeln!(out, "以上為試算,尚未登記;確認後加上 --apply。")?;
        return Ok(());
    }
    for (it, fate) in applications.iter().zip(fates) {
        if let Fate::New(row) = fate {
            register(it, *row, &store, config)?;
        }
    }
    writeln!(out, "已登記;以 fenwen clients key <代碼> 製發金鑰。")?;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Applications> {
    let failed = || format!("無法讀取 {}", file.display());
    let size = std::fs::metadata(file).with_context(failed)?.len();
    ensure!(size <= MAX_FILE, "{} 大於 {MAX_FILE} 位元組", file.display());
    let text = std::fs::read_to_string(file).with_context(failed)?;
    Applications::parse(&text).with_context(failed)
}

/// What becomes of each, those before it in the file included.
fn fates(
    applications: &[Application],
    approver: &str,
    registered: &[ClientRow],
    now: Duration,
) -> Vec<Fate> {
    let mut known: Vec<ClientRow> = registered.to_vec();
    let mut fates = Vec::new();
    for it in applications {
        let fate = fate(it, approver, &known, now);
        if let Fate::New(row) = &fate {
            known.push(ClientRow::clone(row));
        }
        fates.push(fate);
    }
    fates
}

fn fate(it: &Application, approver: &str, known: &[ClientRow], now: Duration) -> Fate {
    if it.applied_by == approver {
        return Fate::Refused("申請人不得核准自己的申請".to_owned());
    }
    let row = match it.row(approver, now) {
        Ok(row) => row,
        Err(error) => return Fate::Refused(error.to_string()),
    };
    let is_taken = |other: &&ClientRow| shares_partner(other, &row);
    match known.iter().find(|other| other.id == row.id) {
        Some(other) if is_same(other, &row) => Fate::Same,
        Some(_) => Fate::Refused("已登記而內容不同;請先刪除原登記,或改用其他代碼".to_owned()),
        None => match known.iter().find(is_taken) {
            Some(other) => Fate::Refused(format!("交換平臺名稱已由 {} 使用", other.id)),
            None => Fate::New(Box::new(row)),
        },
    }
}

/// Whether one is registered as the other asks for; when, by whom and until when do not count.
fn is_same(one: &ClientRow, other: &ClientRow) -> bool {
    let of = |it: &ClientRow| {
        let texts = [&it.org, &it.units, &it.scopes, &it.purposes, &it.networks].map(Clone::clone);
        (texts, it.hours.clone(), it.certificate.clone())
    };
    let has_one_name = one.partner == other.partner || shares_partner(one, other);
    has_one_name && of(one) == of(other)
}

fn register(
    it: &Application,
    row: ClientRow,
    store: &Store,
    config: &Config,
) -> anyhow::Result<()> {
    let id = row.id.clone();
    let record = Row {
        object: Word::new(&format!("clients/{id}")),
        case_no: Word::new(&it.application_no),
        person: named(&row.approver)?,
        ..by_operator(AuditEvent::ClientRegistered, "clients import")
    };
    on_record(config, record, |_| {
        ensure!(store.add_client(row).wait()?, "「{id}」或其交換平臺名稱已被使用");
        Ok(())
    })
}
