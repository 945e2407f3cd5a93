//! Settings of messages to people: mail, and short messages to telephones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

use super::{Finding, Profile};

/// What names every kind that is not named.
const OTHERS: &str = "default";

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// 先以明文連線,再以 STARTTLS 加密;伺服器不支援時不寄。
    #[default]
    Starttls,
    /// 一開始即以 TLS 連線。
    Tls,
    /// 不加密,只供本機的郵件轉送程式。
    None,
}

/// Officers who are told what waits for them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// 機關代碼。
    #[serde(default = "house")]
    pub org: String,
    /// 單位路徑,例如 `301000000A/戶政司`;未設定時為全機關。
    #[serde(default)]
    pub unit: Option<String>,
    /// 收件人。
    pub to: Vec<String>,
}

fn house() -> String {
    "301000000A".to_owned()
}

/// Mail.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// 郵件伺服器名稱;未設定時不寄信。
    pub host: Option<String>,
    /// 連接埠:STARTTLS 通常為 587,TLS 為 465。
    pub port: u16,
    /// 加密方式:`starttls`、`tls` 或 `none`(只供本機)。
    pub security: MailSecurity,
    /// 簽發郵件伺服器憑證的 CA(PEM),系統信任者之外另加。
    pub ca: Option<PathBuf>,
    /// 帳號;未設定時不登入。
    pub user: Option<String>,
    /// 寄信帳號的密鑰。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret<String>>,
    /// 寄件人,例如 `分文 <fenwen@example.gov.tw>`。
    pub from: Option<String>,
    /// 信件結尾的操作介面網址。
    pub link: Option<String>,
    /// 各種通知的收件人:通知代碼 = 信箱的清單;`default` 為其餘各種。
    pub recipients: BTreeMap<String, Vec<String>>,
    /// 每個上班日告知待複審件數的收件人:`org`、`unit`、`to`。
    pub waiting: Vec<Waiting>,
    /// 上班日幾點起(臺灣時間)告知待複審件數。
    pub waiting_hour: u64,
    /// 同一種通知在幾分鐘之內只寄一次。
    pub quiet_minutes: u64,
}

impl Default for Mail {
    fn default() -> Mail {
        Mail {
            host: None,
            port: 587,
            security: MailSecurity::default(),
            ca: None,
            user: None,
            secret: None,
            from: None,
            link: None,
            recipients: BTreeMap::new(),
            waiting: Vec::new(),
            waiting_hour: 8,
            quiet_minutes: 10,
        }
    }
}

/// How fields of a short message are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmsForm {
    /// 表單(`application/x-www-form-urlencoded`)。
    #[default]
    Form,
    /// JSON 物件。
    Json,
}

/// Header that carries the secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmsHeader {
    /// 不用標頭(可在 `sms.fields` 用 `{secret}`)。
    #[default]
    None,
    /// `authorization`。
    Authorization,
    /// `x-api-key`。
    XApiKey,
}

/// Short messages to telephones, over HTTP.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sms {
    /// 簡訊服務的 HTTPS 網址;未設定時不發簡訊。位址的限制與 webhook 相同(`webhooks.allowed_networks`)。
    pub url: Option<String>,
    /// 欄位的寫法:`form` 或 `json`。
    pub form: SmsForm,
    /// 各欄位的內容:`{to}`、`{text}`、`{id}`、`{secret}` 會被取代。
    pub fields: BTreeMap<String, String>,
    /// 放密鑰的標頭:`none`、`authorization` 或 `x-api-key`。
    pub secret_header: SmsHeader,
    /// 密鑰;用於 `authorization` 時須含方式,例如 `Bearer …`。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret<String>>,
    /// 各種通知的收訊人:通知代碼 = 門號的清單;`default` 為其餘各種。
    pub recipients: BTreeMap<String, Vec<String>>,
}

impl Mail {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(host) = &self.host else {
            if !self.recipients.is_empty() || !self.waiting.is_empty() {
                findings.push(Finding::fatal("mail.host:有收件人而未設定郵件伺服器"));
            }
            return findings;
        };
        if !cfg!(feature = "mail") {
            findings.push(Finding::fatal("mail.host:本程式未含寄信功能,請改用完整版"));
        }
        if self.from.is_none() {
            findings.push(Finding::fatal("mail.from:寄信須有寄件人"));
        }
        if self.user.is_some() != self.secret.is_some() {
            findings.push(Finding::fatal("mail.user 與 mail.secret 必須一併設定"));
        }
        let is_here = ["localhost", "127.0.0.1", "::1"].contains(&host.as_str());
        if self.security == MailSecurity::None && self.secret.is_some() && !is_here {
            findings.push(Finding::fatal("mail.security = none:不可以明文送出密鑰"));
        }
        if self.security == MailSecurity::None && profile == Profile::Production && !is_here {
            findings
                .push(Finding::fatal("mail.security = none:正式環境只可用於本機的郵件轉送程式"));
        }
        if 23 < self.waiting_hour {
            findings.push(Finding::fatal("mail.waiting_hour:應為 0 到 23"));
        }
        let waiting = self.waiting.iter().flat_map(|it| &it.to);
        let wrong = addresses(&self.recipients).chain(waiting).find(|it| !it.contains('@'));
        if wrong.is_some() {
            findings.push(Finding::fatal("mail.recipients、mail.waiting:收件人應為電子郵件信箱"));
        }
        findings
    }

    /// Who gets which kind, and who gets every other.
    pub fn by_kind(&self) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
        by_kind(&self.recipients)
    }
}

impl Sms {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(url) = &self.url else {
            if !self.recipients.is_empty() {
                findings.push(Finding::fatal("sms.url:有收訊人而未設定簡訊服務的網址"));
            }
            return findings;
        };
        if !cfg!(feature = "webhooks") {
            findings.push(Finding::fatal("sms.url:本程式未含 HTTPS 用戶端,請改用完整版"));
        }
        if profile == Profile::Production && !url.starts_with("https://") {
            findings.push(Finding::fatal("sms.url:正式環境必須為 https"));
        }
        let holds = |name: &str| self.fields.values().any(|it| it.contains(name));
        if !holds("{to}") || !holds("{text}") {
            findings.push(Finding::fatal("sms.fields:須有放 {to} 與 {text} 的欄位"));
        }
        let is_used = self.secret_header != SmsHeader::None || holds("{secret}");
        if is_used != self.secret.is_some() {
            findings.push(Finding::fatal(
                "sms.secret:有密鑰須說明放在哪裡(sms.secret_header 或 {secret}),反之亦然",
            ));
        }
        if addresses(&self.recipients).any(|it| !is_number(it)) {
            findings.push(Finding::fatal("sms.recipients:收訊人應為門號,例如 0912000000"));
        }
        findings
    }

    /// Who gets which kind, and who gets every other.
    pub fn by_kind(&self) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
        by_kind(&self.recipients)
    }
}

/// Whether a text is the number of a telephone, as people write it.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let n_digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = rest.bytes().all(|it| it.is_ascii_digit() || b"- ".contains(&it));
    (3..=15).contains(&n_digits) && is_plain
}

fn addresses(recipients: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = &String> {
    recipients.values().flatten()
}

fn by_kind(
    recipients: &BTreeMap<String, Vec<String>>,
) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let mut named = recipients.clone();
    let others = named.remove(OTHERS).unwrap_or_default();
    (named, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        toml::from_str(text).unwrap()
    }

    #[track_caller]
    fn check(findings: Vec<Finding>, words: &[&str]) {
        let found: Vec<String> = findings.into_iter().map(|it| it.message).collect();
        let found: Vec<&String> = found.iter().filter(|it| !it.contains("本程式未含")).collect();
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (message, word) in found.iter().zip(words) {
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn mail_is_refused_unless_it_can_be_sent_safely() {
        use Profile::{Demo, Production};
        check(Mail::default().check(Production), &[]);
        check(mail("[recipients]\ndefault = [\"a@b\"]").check(Demo), &["mail.host"]);
        let good = "host = \"mail.example\"\nfrom = \"a@b\"\n";
        check(mail(good).check(Production), &[]);
        check(mail("host = \"mail.example\"").check(Demo), &["mail.from"]);
        check(mail(&format!("{good}user = \"u\"")).check(Demo), &["mail.user"]);
        let plain = format!("{good}security = \"none\"\n");
        check(mail(&plain).check(Demo), &[]);
        check(mail(&plain).check(Production), &["只可用於本機"]);
        let with_secret = format!("{plain}user = \"u\"\nsecret = \"p\"");
        check(mail(&with_secret).check(Demo), &["明文"]);
        check(mail(&plain.replace("mail.example", "127.0.0.1")).check(Production), &[]);
        check(mail(&format!("{good}waiting_hour = 24")).check(Demo), &["waiting_hour"]);
        check(mail(&format!("{good}[recipients]\ndefault = [\"ops\"]")).check(Demo), &["信箱"]);
    }

    #[test]
    fn a_secret_of_short_messages_has_a_place() {
        use Profile::{Demo, Production};
        let sms = |text: &str| -> Sms { toml::from_str(text).unwrap() };
        let good = "url = \"https://sms.example/\"\nfields = {to = \"{to}\", text = \"{text}\"}\n";
        check(sms(good).check(Production), &[]);
        check(sms(&format!("{good}secret = \"s\"")).check(Demo), &["sms.secret"]);
        check(sms(&format!("{good}secret_header = \"x-api-key\"")).check(Demo), &["sms.secret"]);
        let with = format!("{good}secret_header = \"authorization\"\nsecret = \"Bearer s\"");
        check(sms(&with).check(Production), &[]);
        check(sms(&good.replace("https", "http")).check(Production), &["https"]);
        check(sms("url = \"https://sms.example/\"").check(Demo), &["sms.fields"]);
        check(sms("[recipients]\ndefault = [\"0900\"]").check(Demo), &["sms.url"]);
        let to = |number: &str| sms(&format!("{good}[recipients]\ndefault = [\"{number}\"]"));
        for number in ["0912000000", "+886912000000", "0912-000-000", "1996"] {
            check(to(number).check(Demo), &[]);
        }
        for number in ["abc", "", "0912000000a", "+", "0912,0913", "０９１２００００００"]
        {
            check(to(number).check(Demo), &["sms.recipients"]);
        }
    }

    #[test]
    fn every_kind_that_is_not_named_has_recipients_of_its_own() {
        let (named, others) =
            mail("[recipients]\ndefault = [\"a@b\"]\naudit-broken = [\"c@d\"]").by_kind();
        assert_eq!(others, ["a@b"]);
        assert_eq!(
            named.into_iter().collect::<Vec<_>>(),
            [("audit-broken".to_owned(), vec!["c@d".to_owned()])]
        );
    }
}
