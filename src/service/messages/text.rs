//! What messages say: the kind of thing and where to look, and nothing of a case or a person.

use std::time::Duration;

use serde_json::Value;

use crate::base::{Date, TAIWAN_OFFSET};
use crate::service::notices::NoticeKind;

/// Kind of the message that tells officers what waits for them.
pub const WAITING: &str = "reviews-waiting";

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In a few words.
    pub subject: String,
    /// All of it.
    pub text: String,
    /// In one line, for telephones.
    pub short: String,
}

/// What a message says of this kind, queued at this time, with where people look.
pub fn said(kind: &str, body: &str, at: Duration, link: Option<&str>) -> Said {
    let message = message(kind, body);
    let what = message.split(';').next().unwrap_or(&message);
    let subject = format!("〔分文〕{what}");
    let when = clock_in_taiwan(at);
    let look = link.map(|it| format!("請至操作介面查看:{it}\n")).unwrap_or_default();
    let text = format!(
        "{message}。\n時間:{when}\n{look}\n本信由系統自動寄出,不含個案內容與個人資料,請勿回覆。\n"
    );
    let link = link.map(|it| format!(" {it}")).unwrap_or_default();
    Said { subject, text, short: format!("〔分文〕{message}{link}") }
}

fn message(kind: &str, body: &str) -> String {
    if kind == WAITING {
        let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let count = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
        return match (count("open"), count("overdue")) {
            (n_open, 0) => format!("{n_open} 件待複審"),
            (n_open, n_overdue) => format!("{n_open} 件待複審,其中 {n_overdue} 件已逾期限"),
        };
    }
    let known = NoticeKind::ALL.into_iter().find(|it| it.as_str() == kind);
    // A newer node may tell of a kind that this one does not know.
    known.map_or("有事項須維運人員處理", NoticeKind::message).to_owned()
}

/// Day and minute in Taiwan.
fn clock_in_taiwan(at: Duration) -> String {
    let of_day = (at + TAIWAN_OFFSET).as_secs() % (24 * 60 * 60);
    format!("{} {:02}:{:02}", Date::in_taiwan(at), of_day / 3600, of_day / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1_795_402_800);
    const LINK: Option<&str> = Some("https://fenwen.example/console");

    #[test]
    fn a_notice_says_what_and_where_to_look() {
        let said = said("audit-broken", "{}", AT, LINK);
        assert_eq!(said.subject, "〔分文〕稽核紀錄驗證不符");
        let begun = "稽核紀錄驗證不符;請保全檔案並執行 fenwen audit verify。\n時間:2026-11-23 11:00\n請至操作介面查看:https://fenwen.example/console\n";
        assert!(said.text.starts_with(begun), "{}", said.text);
        assert!(said.short.ends_with("fenwen audit verify https://fenwen.example/console"));
    }

    #[track_caller]
    fn check(kind: &str, body: &str, expected: &str) {
        assert_eq!(said(kind, body, AT, None).short, format!("〔分文〕{expected}"), "{kind}");
    }

    #[test]
    fn what_waits_is_counted_and_what_is_unknown_is_told_all_the_same() {
        check(WAITING, r#"{"open":3,"overdue":0}"#, "3 件待複審");
        check(WAITING, r#"{"open":3,"overdue":2}"#, "3 件待複審,其中 2 件已逾期限");
        check("something-newer", "{}", "有事項須維運人員處理");
    }
}
