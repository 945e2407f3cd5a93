//! `fenwen clients review`: the sheet of all registrations that a person signs off; it is kept, and its signature shows
//! that nobody changed it since.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::audit::{AuditEvent, AuditKey, Word};
use crate::base::{Clock, SystemClock, rfc3339};
use crate::cli::approval::named;
use crate::cli::audit::{by_operator, on_record, settings};
use crate::cli::jobs;
use crate::config::Config;
use crate::store::clients::{ClientKey, ClientRow};

use super::state;

/// Signs a new sheet off, or checks one that was.
pub(super) fn run(
    by: Option<String>,
    verify: Option<PathBuf>,
    config: &Config,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if let Some(path) = verify {
        check(&path, config)?;
        writeln!(out, "與簽署時相符。")?;
        return Ok(());
    }
    let path = sign_off(&by.unwrap_or_default(), config)?;
    writeln!(
        out,
        "已簽署並保存 {};請核對各列,不再需要者以 fenwen clients suspend 停用。",
        path.display()
    )?;
    Ok(())
}

/// Writes the sheet and its signature, on record; where it lies.
fn sign_off(by: &str, config: &Config) -> anyhow::Result<PathBuf> {
    let row = by_operator(AuditEvent::ClientsReviewed, "clients review");
    on_record(config, row, |row| {
        row.person = named(by)?;
        let store = jobs::store(config)?;
        let (clients, keys) = (store.clients().wait()?, store.client_keys().wait()?);
        row.count = Some(clients.len() as u64);
        let now = SystemClock.unix_time();
        let sheet = sheet((&clients, &keys), by, now);
        let signature = AuditKey::open(&settings(config).keys)?.sign(sheet.as_bytes());
        let folder = config.data_dir().join("reviews");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("無法建立 {}", folder.display()))?;
        let name = format!("clients-{}", rfc3339(now).replace(':', ""));
        row.object = Word::new(&format!("reviews/{name}"));
        let path = folder.join(format!("{name}.md"));
        write(&path, &sheet)?;
        write(&path.with_extension("md.sig"), &signature)?;
        Ok(path)
    })
}

/// Checks that a sheet is as it was signed off.
fn check(path: &Path, config: &Config) -> anyhow::Result<()> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))
    };
    let (sheet, signature) = (read(path)?, read(&path.with_extension("md.sig"))?);
    let key = AuditKey::open(&settings(config).keys)?.public();
    ensure!(
        key.has_signed(sheet.as_bytes(), signature.trim()),
        "{} 於核可後遭更動:請由備份取回",
        path.display()
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut it| it.write_all(text.as_bytes()))
        .with_context(|| format!("無法寫入 {}", path.display()))
}

/// One row a registration, with everything that it may do.
fn sheet((clients, keys): (&[ClientRow], &[ClientKey]), by: &str, now: Duration) -> String {
    let mut text = format!(
        "# 介接系統清查表\n\n- 清查時間:{}\n- 清查人:{by}\n- 介接系統:{} 個\n\n\
         | 代碼 | 機關 | 狀態 | 權限 | 特定目的 | 單位 | 時段 | 網段 | 金鑰 | 最近使用 | 到期 | 核准人 |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        rfc3339(now),
        clients.len(),
    );
    for it in clients {
        let n_keys = keys.iter().filter(|key| key.client == it.id).count();
        let cells = [
            it.id.clone(),
            it.org.clone(),
            state(it, now).to_owned(),
            it.scopes.clone(),
            it.purposes.clone(),
            it.units.replace('\n', " "),
            it.hours.clone().unwrap_or_default(),
            it.networks.clone(),
            n_keys.to_string(),
            rfc3339(it.used),
            it.expires.map_or(String::new(), rfc3339),
            it.approver.clone(),
        ];
        // What somebody typed must not make columns or rows of its own.
        let cells = cells.map(|cell| cell.replace(['|', '\n', '\r'], " "));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_what_a_client_may_and_stays_one_row() {
        let client = ClientRow {
            id: "mailbox".to_owned(),
            org: "301000000A".to_owned(),
            units: "a\nb".to_owned(),
            scopes: "letters:classify".to_owned(),
            purposes: "petition-handling".to_owned(),
            hours: None,
            networks: String::new(),
            expires: Some(Duration::from_secs(1)),
            certificate: None,
            partner: None,
            is_active: true,
            approver: "u-1 | x\n| y".to_owned(),
            created: Duration::ZERO,
            used: Duration::ZERO,
        };
        let text = sheet((&[client], &[]), "王資安", Duration::from_secs(2));
        let row = text.lines().last().unwrap();
        let expected = "| mailbox | 301000000A | expired | letters:classify | petition-handling | a b |  |  | 0 | ";
        assert!(row.starts_with(expected), "{row}");
        assert_eq!(row.matches('|').count(), 13, "{row}");
        assert!(text.contains("清查人:王資安"), "{text}");
    }
}
