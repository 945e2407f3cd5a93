//! One row: closed fields, bounded words, one canonical form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::SCHEMA_ROOT;

use super::AuditEvent;

/// Longest word, in characters.
const MAX_WORD: usize = 128;

/// A short text that may stand in a row: 1 to 128 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// A word of ours.
    pub const fn of(text: &'static str) -> Word {
        Word(Cow::Borrowed(text))
    }

    /// A word of somebody else; none when it is empty, too long, or holds a control character.
    pub fn new(text: &str) -> Option<Word> {
        let is_short = (1..=MAX_WORD).contains(&text.chars().take(MAX_WORD + 1).count());
        let is_plain = !text.chars().any(char::is_control);
        (is_short && is_plain).then(|| Word(Cow::Owned(text.to_owned())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Listener {
    /// HTTP.
    Api,
    /// The enterprise bus.
    Bus,
    /// The command line.
    Cli,
    /// Nobody called: the service itself.
    System,
}

/// Kind of an actor.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A client system.
    System,
    /// A person.
    Person,
    /// Who works at the command line of the machine.
    Operator,
    /// The service itself.
    Service,
    /// Nobody knows.
    Unknown,
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Its id, such as the name of a client.
    pub id: Word,
    /// Code of its agency.
    pub org: Option<Word>,
    /// Path of its unit.
    pub unit: Option<Word>,
    /// Only said by somebody in front of us, not proven to us.
    pub asserted: bool,
}

impl Actor {
    /// The service itself.
    pub fn service() -> Actor {
        Actor::of(ActorKind::Service, Word::of("fenwen"))
    }

    /// Somebody who did not say who it is.
    pub fn unknown() -> Actor {
        Actor::of(ActorKind::Unknown, Word::of("unknown"))
    }

    /// An actor without an agency.
    pub fn of(kind: ActorKind, id: Word) -> Actor {
        Actor { kind, id, org: None, unit: None, asserted: false }
    }
}

/// Which of the two rows of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before it is worked on.
    Open,
    /// After it was.
    Close,
}

/// How it ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As asked.
    Success,
    /// The caller may not.
    Denied,
    /// What was asked is wrong or too much.
    Refused,
    /// A failure on our side.
    Failed,
    /// The time was over.
    Timeout,
    /// The caller left before the answer.
    Abandoned,
}

impl Outcome {
    /// The outcome of a call that was answered with an HTTP status.
    pub fn of_status(status: u16) -> Outcome {
        match status {
            0..=399 => Outcome::Success,
            401 | 403 => Outcome::Denied,
            408 | 504 => Outcome::Timeout,
            499 => Outcome::Abandoned,
            400..=498 => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }
}

/// What is recorded; number, time and node are added when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What happened.
    pub event: AuditEvent,
    /// Where it came in.
    pub listener: Listener,
    /// Who.
    pub actor: Actor,
    /// What was asked for: a method and the template of a path, an operation, a command.
    pub action: Word,
    /// Which of the rows of a call.
    pub phase: Option<Phase>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Who did it, as told at the command line, where the account of the machine is the actor, or by the exchange: nobody
    /// proves that.
    pub person: Option<Word>,
    /// Address of the peer.
    pub ip: Option<IpAddr>,
    /// Client system.
    pub client: Option<Word>,
    /// What it was done to, such as `jobs/019a…`: our own ids only.
    pub object: Option<Word>,
    /// Code of the purpose.
    pub purpose: Option<Word>,
    /// Number of the case, as the caller gave it.
    pub case_no: Option<Word>,
    /// Status of the answer, as in HTTP.
    pub status: Option<u16>,
    /// Code of the failure.
    pub reason: Option<Word>,
    /// The call.
    pub request_id: Option<Word>,
    /// The caller's trace.
    pub trace_id: Option<Word>,
    /// Id of the message in the exchange.
    pub xroad_id: Option<Word>,
    /// For whom the client of the exchange asks.
    pub xroad_party: Option<Word>,
    /// Id of the request in the exchange.
    pub xroad_request_id: Option<Word>,
    /// Read while offices were closed.
    pub is_off_hours: bool,
    /// How long it took.
    pub duration: Option<Duration>,
    /// How many, where things were counted.
    pub count: Option<u64>,
    /// How many of each kind, where they were told apart.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Row {
    /// A row with nothing but these.
    pub fn new(event: AuditEvent, listener: Listener, actor: Actor, action: Word) -> Row {
        Row {
            event,
            listener,
            actor,
            action,
            phase: None,
            outcome: None,
            person: None,
            ip: None,
            client: None,
            object: None,
            purpose: None,
            case_no: None,
            status: None,
            reason: None,
            request_id: None,
            trace_id: None,
            xroad_id: None,
            xroad_party: None,
            xroad_request_id: None,
            is_off_hours: false,
            duration: None,
            count: None,
            counts: BTreeMap::new(),
        }
    }

    /// Something that the service itself did.
    pub fn of_service(event: AuditEvent, action: &'static str) -> Row {
        Row::new(event, Listener::System, Actor::service(), Word::of(action))
    }

    /// Appends the row, its texts borrowed, in canonical form (RFC 8785): the fields of [`RowBody`] are in the order of their names, and every
    /// number is a whole one below 2⁵³.
    pub(super) fn write(&self, out: &mut Vec<u8>, node: &str, ts: &str) {
        let ip = self.ip.map(|it| it.to_string());
        let body = RowBody {
            action: self.action.as_str(),
            actor: ActorBody {
                asserted: self.actor.asserted,
                id: self.actor.id.as_str(),
                org: text(self.actor.org.as_ref()),
                kind: self.actor.kind,
                unit: text(self.actor.unit.as_ref()),
            },
            case_no: text(self.case_no.as_ref()),
            client: text(self.client.as_ref()),
            count: self.count.map(whole),
            counts: self.counts.iter().map(|(kind, n)| ((*kind).to_owned(), whole(*n))).collect(),
            duration_ms: self
                .duration
                .map(|it| whole(u64::try_from(it.as_millis()).unwrap_or(u64::MAX))),
            event: self.event,
            ip: ip.as_deref(),
            listener: self.listener,
            node,
            object: text(self.object.as_ref()),
            off_hours: self.is_off_hours,
            outcome: self.outcome,
            person: text(self.person.as_ref()),
            phase: self.phase,
            purpose: text(self.purpose.as_ref()),
            reason: text(self.reason.as_ref()),
            request_id: text(self.request_id.as_ref()),
            status: self.status,
            trace_id: text(self.trace_id.as_ref()),
            ts,
            xroad_id: text(self.xroad_id.as_ref()),
            xroad_party: text(self.xroad_party.as_ref()),
            xroad_request_id: text(self.xroad_request_id.as_ref()),
        };
        // Nothing in this type fails to be written, and memory takes it.
        let _ = serde_json::to_writer(out, &body);
    }
}

fn text(word: Option<&Word>) -> Option<&str> {
    word.map(Word::as_str)
}

/// The largest whole number that every reader of JSON keeps exactly.
fn whole(number: u64) -> u64 {
    number.min((1 << 53) - 1)
}

/// An actor, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ActorBody")]
pub struct ActorBody<T = String> {
    /// 僅由前方系統陳述,未經本服務驗證。
    pub asserted: bool,
    /// 識別碼。
    #[schemars(length(min = 1, max = 128))]
    pub id: T,
    /// 機關代碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub org: Option<T>,
    /// 種類。
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// 單位路徑。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub unit: Option<T>,
}

/// A row, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RowBody")]
pub struct RowBody<T = String> {
    /// 動作:方法與路徑樣板、作業名稱或指令。
    #[schemars(length(min = 1, max = 128))]
    pub action: T,
    /// 行為人。
    pub actor: ActorBody<T>,
    /// 案號,依呼叫端所給。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub case_no: Option<T>,
    /// 介接系統。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub client: Option<T>,
    /// 數量。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// 各類的數量。
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// 歷時(毫秒)。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// 事件。
    pub event: AuditEvent,
    /// 對方位址。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 45))]
    pub ip: Option<T>,
    /// 入口。
    pub listener: Listener,
    /// 節點。
    #[schemars(length(min = 1, max = 64))]
    pub node: T,
    /// 對象,只有本服務自己的識別碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub object: Option<T>,
    /// 於非上班時間讀取保存的個資。
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_hours: bool,
    /// 結果。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// 指令所稱的申請人、提案人或核准人,或資料交換訊息所稱的使用者,未經本服務驗證。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub person: Option<T>,
    /// 呼叫之前(open)或之後(close)。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// 目的代碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub purpose: Option<T>,
    /// 錯誤代碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub reason: Option<T>,
    /// 請求識別碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub request_id: Option<T>,
    /// 回覆的狀態碼,同 HTTP。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// 呼叫端的追蹤碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub trace_id: Option<T>,
    /// 時間:RFC 3339、UTC、至毫秒;同一條鏈不倒退。
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"))]
    pub ts: T,
    /// 資料交換訊息的識別碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub xroad_id: Option<T>,
    /// 資料交換訊息所代表的機關或團體。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub xroad_party: Option<T>,
    /// 資料交換請求的識別碼。
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub xroad_request_id: Option<T>,
}

/// The JSON Schema of a row, as committed in `docs/reference/audit-row.v1.json`.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<RowBody>().to_value();
    if let Some(object) = schema.as_object_mut() {
        let id = format!("{SCHEMA_ROOT}/audit-row.v1");
        object.insert("$id".to_owned(), Value::String(id));
        object.insert("title".to_owned(), Value::String("稽核紀錄的一列".to_owned()));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Row {
        let word = |text: &str| Word::new(text);
        Row {
            phase: Some(Phase::Close),
            outcome: Some(Outcome::Success),
            person: word("王承辦"),
            ip: Some([127, 0, 0, 1].into()),
            client: word("mailbox"),
            object: word("jobs/019a"),
            purpose: word("petition"),
            case_no: word("案"),
            status: Some(200),
            reason: word("ER0210"),
            request_id: word("r"),
            trace_id: word("t"),
            xroad_id: word("x"),
            xroad_party: word("GOV/p"),
            xroad_request_id: word("y"),
            duration: Some(Duration::from_millis(7)),
            count: Some(u64::MAX),
            counts: BTreeMap::from([("texts", 3), ("blobs", u64::MAX)]),
            is_off_hours: true,
            ..Row::of_service(AuditEvent::ApiCalled, "POST /api")
        }
    }

    #[test]
    fn a_row_is_canonical() {
        let mut row = full();
        row.actor.org = Word::new("301000000A");
        row.actor.unit = Word::new("民政司");
        row.case_no = Word::new("案\"\\/é😀");
        let mut body = Vec::new();
        row.write(&mut body, "n", "2026-01-01T00:00:00.000Z");
        // A map of `serde_json` is in the order of its names.
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(String::from_utf8(body.clone()).unwrap(), value.to_string());
        assert_eq!(value["count"], (1_u64 << 53) - 1);
        assert_eq!(value["case_no"], "案\"\\/é😀");
        assert!(serde_json::from_slice::<RowBody>(&body).is_ok());
        let mut bare = Vec::new();
        Row::of_service(AuditEvent::SystemStarted, "serve").write(&mut bare, "n", "t");
        let expected = r#"{"action":"serve","actor":{"asserted":false,"id":"fenwen","type":"service"},"event":"system.started","listener":"system","node":"n","ts":"t"}"#;
        assert_eq!(String::from_utf8(bare).unwrap(), expected);
    }

    fn check(text: &str, is_word: bool) {
        assert_eq!(Word::new(text).is_some(), is_word, "{text:?}");
    }

    #[test]
    fn words_are_bounded() {
        check("案號 7", true);
        check(&"甲".repeat(128), true);
        for bad in ["", "a\nb", "\u{7f}", &"a".repeat(129)] {
            check(bad, false);
        }
    }

    #[test]
    fn every_status_has_an_outcome() {
        let found = [101, 202, 400, 403, 404, 408, 429, 499, 500, 503, 504].map(Outcome::of_status);
        let expected = [
            Outcome::Success,
            Outcome::Success,
            Outcome::Refused,
            Outcome::Denied,
            Outcome::Refused,
            Outcome::Timeout,
            Outcome::Refused,
            Outcome::Abandoned,
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Timeout,
        ];
        assert_eq!(found, expected);
    }
}
