//! What an application becomes once it is approved: a registration, if everything that it asks for can be granted.

use std::time::Duration;

use crate::base::{Hours, Network};
use crate::policy::{Scope, Scopes};
use crate::store::clients::ClientRow;

use super::{Application, Member};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest list of an application, and longest of its texts in characters.
const MAX_ITEMS: usize = 64;
const MAX_TEXT: usize = 128;

/// Why an application cannot become a registration. Its text is for officers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}({value}):{what}")]
pub struct Unfit {
    /// The field of the application.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What is wrong with it, without repeating it.
    pub what: &'static str,
}

impl Application {
    /// The registration that it asks for, approved at `now`.
    ///
    /// # Errors
    /// With the first field that cannot be granted.
    pub fn row(&self, approver: &str, now: Duration) -> Result<ClientRow, Unfit> {
        self.check_names()?;
        self.check_conditions()?;
        let certificate = match &self.certificate_sha256 {
            None => None,
            Some(text) => Some(fingerprint(text).ok_or_else(|| {
                unfit("certificate_sha256", text, "應為憑證的 SHA-256,64 個十六進位數字")
            })?),
        };
        Ok(ClientRow {
            id: self.client_id.clone(),
            org: self.org.clone(),
            units: self.units.join("\n"),
            scopes: self.granted()?.to_string(),
            purposes: self.purposes.join(" "),
            hours: self.hours.clone(),
            networks: self.networks.join(" "),
            expires: self.valid_days.map(|it| now + DAY * u32::try_from(it).unwrap_or(u32::MAX)),
            certificate,
            partner: self.exchange_name.as_deref().and_then(Member::parse).map(|it| it.to_string()),
            is_active: true,
            approver: approver.to_owned(),
            created: now,
            used: now,
        })
    }

    /// The scopes that it asks for.
    ///
    /// # Errors
    /// When there is none, or one that does not exist.
    pub fn granted(&self) -> Result<Scopes, Unfit> {
        if self.scopes.is_empty() {
            return Err(unfit("scopes", "", "至少一項"));
        }
        let scope = |name: &String| -> Result<Scope, Unfit> {
            name.parse().map_err(|_| unfit("scopes", name, "沒有這項權限"))
        };
        self.scopes.iter().map(scope).collect()
    }

    fn check_names(&self) -> Result<(), Unfit> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = |it: &str| (1..=64).contains(&it.len()) && it.bytes().all(is_safe);
        if !is_name(&self.client_id) {
            return Err(unfit("client_id", &self.client_id, "應為 1 到 64 個英數字、- 或 _"));
        }
        if !is_name(&self.org) || self.org.contains('_') {
            return Err(unfit("org", &self.org, "應為 1 到 64 個英數字或 -"));
        }
        if self.purposes.is_empty() {
            return Err(unfit("purposes", "", "至少一項"));
        }
        for code in &self.purposes {
            let is_code =
                code.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
            if !is_name(code) || !is_code {
                return Err(unfit("purposes", code, "只可用 a-z、0-9 與 -"));
            }
        }
        for (field, list) in [
            ("units", &self.units),
            ("scopes", &self.scopes),
            ("purposes", &self.purposes),
            ("networks", &self.networks),
        ] {
            if MAX_ITEMS < list.len() {
                return Err(unfit(field, "", "不得多於 64 項"));
            }
        }
        let is_text = |it: &String| {
            it.chars().count() <= MAX_TEXT && !it.is_empty() && !it.chars().any(char::is_control)
        };
        match self.units.iter().find(|it| !is_text(it)) {
            Some(unit) => Err(unfit("units", unit, "每項應為 1 到 128 個字元,不得換行")),
            None => Ok(()),
        }
    }

    fn check_conditions(&self) -> Result<(), Unfit> {
        if let Some(network) = self.networks.iter().find(|it| it.parse::<Network>().is_err()) {
            return Err(unfit("networks", network, "應為網段,例如 10.1.0.0/16"));
        }
        if let Some(hours) = self.hours.as_ref().filter(|it| Hours::parse(it).is_none()) {
            return Err(unfit("hours", hours, "應如 08:00-18:00"));
        }
        if self.valid_days == Some(0) {
            return Err(unfit("valid_days", "0", "至少 1 天"));
        }
        match self.exchange_name.as_ref().filter(|it| Member::parse(it).is_none()) {
            Some(name) => Err(unfit("exchange_name", name, "應如 instance/class/member/subsystem")),
            None => Ok(()),
        }
    }
}

fn unfit(field: &'static str, value: &str, what: &'static str) -> Unfit {
    Unfit { field, value: value.to_owned(), what }
}

/// Reads a fingerprint as tools print it.
fn fingerprint(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|it| *it != ':').collect();
    let byte = |at: usize| digits.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.filter(|it| it.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> Application {
        Application {
            application_no: "AP-1".to_owned(),
            applied_by: "u-1".to_owned(),
            client_id: "mailbox".to_owned(),
            org: "301000000A".to_owned(),
            units: vec!["301000000A/民政司".to_owned()],
            scopes: vec!["letters:classify".to_owned()],
            purposes: vec!["petition-handling".to_owned()],
            hours: Some("08:00-18:00".to_owned()),
            networks: vec!["10.1.0.0/16".to_owned()],
            valid_days: Some(1),
            certificate_sha256: Some(format!("AB:{}", "cd".repeat(31))),
            exchange_name: Some("TW/GOV/301000000A/mailbox".to_owned()),
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Application), field: &str) {
        let mut it = application();
        change(&mut it);
        assert_eq!(it.row("u-2", Duration::ZERO).unwrap_err().field, field);
    }

    #[test]
    fn what_is_asked_for_is_granted_or_named() {
        let row = application().row("u-2", DAY).unwrap();
        assert_eq!((row.scopes.as_str(), row.expires), ("letters:classify", Some(2 * DAY)));
        assert_eq!(row.certificate.unwrap()[..2], [0xab, 0xcd]);
        let name = Some("TW/GOV/301000000A/%E5%88%86%e6%96%87".to_owned());
        let spelt = Application { exchange_name: name, ..application() };
        let partner = spelt.row("u-2", DAY).unwrap().partner;
        assert_eq!(partner.as_deref(), Some("TW/GOV/301000000A/分文"), "one spelling is kept");
        check(|it| it.client_id = "王小明".to_owned(), "client_id");
        check(|it| it.org = "a_b".to_owned(), "org");
        check(|it| it.units = vec!["a\nb".to_owned()], "units");
        check(|it| it.units = vec!["a".to_owned(); 65], "units");
        check(|it| it.scopes.clear(), "scopes");
        check(|it| it.scopes.push("letters:all".to_owned()), "scopes");
        check(|it| it.purposes.clear(), "purposes");
        check(|it| it.purposes.push("A".to_owned()), "purposes");
        check(|it| it.networks.push("somewhere".to_owned()), "networks");
        check(|it| it.hours = Some("8-18".to_owned()), "hours");
        check(|it| it.valid_days = Some(0), "valid_days");
        check(|it| it.certificate_sha256 = Some("ab".to_owned()), "certificate_sha256");
        check(|it| it.exchange_name = Some("TW".to_owned()), "exchange_name");
    }
}
