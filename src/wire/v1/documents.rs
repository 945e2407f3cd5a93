//! Documents, the request: `POST /api/v1/documents/dispatch-suggestions`, as JSON or as an exchange file.

mod form;
mod grade;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::media::exchange::{self, Exchange, ExchangeError, ExchangeLimits, Priority, Secrecy};
use crate::task::call::CallError;
use crate::task::documents::{
    CaseTie, DispatchDocument, DispatchOrder, EarlierCase, MAX_BODY, MAX_ENTRIES, MAX_SUBJECT,
    OfficerState,
};
use crate::task::letters::MAX_TOP_K;

use super::body;
use super::id::VisibleId;
use super::meta::{PurposeAsk, check_purpose};
use super::text::CasePurpose;

pub use form::{ExchangeMeta, parse_form};

/// A document to dispatch. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": {"code": "official-document", "case_no": "1140067890"},
    "document": {"external_id": "1140067890", "issuer": {"org": "379000000A", "name": "臺北市政府"}, "doc_type": "函",
        "priority": "速件", "secrecy": "普通", "subject": "檢送本市戶政事務所遷入登記疑義一案", "body": ["說明:一、…"],
        "attachments": [{"name": "附件1.pdf", "pages": 3}], "cited_numbers": ["台內戶字第1140123456號"]},
    "options": {"top_k": 5, "level": "officer"},
    "officers": [{"officer_id": "u-1023", "unit": "301000000A/戶政司/第二科", "duties": ["遷入登記"], "open_cases": 12}],
}))]
pub struct DispatchRequest {
    /// Why the document is read. May be left out in the demo profile.
    pub purpose: Option<CasePurpose>,
    /// The document.
    pub document: Document,
    /// What to answer.
    #[serde(default)]
    pub options: DispatchOptions,
    /// Officers to choose from; ids, never names.
    #[serde(default)]
    pub officers: Vec<Officer>,
    /// Earlier cases, newest first.
    #[serde(default)]
    pub prior_cases: Vec<PriorCase>,
}

/// A document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Your id, answered as it is: at most 64 characters.
    pub external_id: Option<VisibleId>,
    /// 發文機關.
    pub issuer: Option<Issuer>,
    /// 文別.
    pub doc_type: Option<String>,
    /// 速別: 最速件, 速件, 普通件 or 限期公文.
    #[serde(default)]
    #[schema(pattern = "^(最速件|速件|普通件|限期公文)?$")]
    pub priority: String,
    /// 密等: above 普通 the document is refused unread.
    #[serde(default)]
    pub secrecy: String,
    /// 主旨: at most 1,000 code points.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub subject: String,
    /// Paragraphs: at most 200,000 code points together.
    #[serde(default)]
    pub body: Vec<String>,
    /// Attachments, by name only.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Numbers that the document answers, such as 台內戶字第1140123456號.
    #[serde(default)]
    pub cited_numbers: Vec<VisibleId>,
    /// When it was received: a day, or RFC 3339; today when absent.
    pub received_at: Option<String>,
    /// The day that a 限期公文 states.
    pub due_on: Option<String>,
}

/// Who sent a document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// 機關代碼.
    pub org: Option<String>,
    /// Name.
    pub name: Option<String>,
}

/// An attachment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Pages.
    #[schema(format = "uint32")]
    pub pages: Option<u32>,
}

/// What to answer.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DispatchOptions {
    /// Units and officers wanted, each 1 to 20.
    #[serde(deserialize_with = "body::whole")]
    #[schema(minimum = 1, maximum = 20)]
    pub top_k: Option<usize>,
    /// `unit` or `officer`; officers need `officers`.
    #[schema(example = "officer", pattern = "^(unit|officer)$")]
    pub level: Option<String>,
}

/// An officer as your system knows one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// Id, never a name: at most 64 characters.
    pub officer_id: VisibleId,
    /// Path of the unit.
    pub unit: String,
    /// Words of the duties.
    #[serde(default)]
    pub duties: Vec<String>,
    /// Cases not yet closed.
    #[serde(default)]
    #[schema(format = "uint32")]
    pub open_cases: u32,
    /// Away.
    #[serde(default)]
    pub on_leave: bool,
    /// Must not handle this matter.
    #[serde(default)]
    pub conflict: bool,
}

/// An earlier case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorCase {
    /// Its number: at most 64 characters.
    pub reference: VisibleId,
    /// Who handled it.
    pub officer_id: VisibleId,
    /// `cited_number`, `same_applicant` or `similar`.
    #[schema(example = "similar", pattern = "^(cited_number|same_applicant|similar)$")]
    pub tie: String,
    /// Of a like text, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub similarity: Option<f32>,
}

/// In which form a document comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// A [`DispatchRequest`].
    Json,
    /// A DI file of the exchange.
    Exchange,
}

impl DocumentFormat {
    /// The form with this media type (lower case, without parameters).
    pub fn of(media_type: &str) -> Option<DocumentFormat> {
        match media_type {
            "application/json" => Some(DocumentFormat::Json),
            "application/xml" | "text/xml" => Some(DocumentFormat::Exchange),
            _ => None,
        }
    }

    /// Reads a document in this form.
    ///
    /// # Errors
    /// As [`parse`] and [`parse_exchange`].
    pub fn parse(
        self,
        bytes: &[u8],
        ask: impl Into<PurposeAsk>,
    ) -> Result<DispatchOrder, CallError> {
        match self {
            DocumentFormat::Json => parse(bytes, ask),
            DocumentFormat::Exchange => {
                ask.into().check_implied()?;
                parse_exchange(bytes)
            }
        }
    }
}

/// Reads a JSON request.
///
/// # Errors
/// With the place of what is wrong, never its value; a document above 普通 is refused before it is read.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<DispatchOrder, CallError> {
    // What is no JSON at all is told in detail by the strict reading.
    if grade::highest(json).is_some_and(|it| it != Secrecy::Ordinary) {
        return Err(classified());
    }
    let objects = [
        "",
        "/purpose",
        "/document",
        "/document/issuer",
        "/options",
        "/officers/*",
        "/prior_cases/*",
    ];
    let request: DispatchRequest = body::parse(json, "", &objects)?;
    let purpose = request.purpose.map(Into::into);
    check_purpose(purpose.as_ref(), &ask.into(), "")?;
    let choices = (request.options, request.officers, request.prior_cases);
    order(request.document.checked()?, choices)
}

/// A document with what to answer of it, and from what.
fn order(
    document: DispatchDocument,
    (options, officers, prior_cases): (DispatchOptions, Vec<Officer>, Vec<PriorCase>),
) -> Result<DispatchOrder, CallError> {
    let DispatchOptions { top_k, level } = options;
    body::require_top_k(top_k, MAX_TOP_K)?;
    if !level.as_ref().is_none_or(|it| it == "unit" || it == "officer") {
        return Err(CallError::bad_value("/options/level", "應為 unit 或 officer。"));
    }
    require_few(officers.len(), "/officers")?;
    require_few(prior_cases.len(), "/prior_cases")?;
    let officers = officers.into_iter().enumerate();
    let earlier = prior_cases.into_iter().enumerate();
    Ok(DispatchOrder {
        document,
        top_k,
        with_officers: level.as_deref() != Some("unit"),
        officers: officers.map(|(idx, it)| it.checked(idx)).collect::<Result<_, _>>()?,
        earlier: earlier.map(|(idx, it)| it.checked(idx)).collect::<Result<_, _>>()?,
    })
}

/// Reads a DI file.
///
/// # Errors
/// As [`parse`]; also for a file that is no main text.
pub fn parse_exchange(file: &[u8]) -> Result<DispatchOrder, CallError> {
    let document = match exchange::parse(file, &ExchangeLimits::default()) {
        Ok(Exchange::Document(document)) => document,
        Ok(Exchange::Classified(_)) => return Err(classified()),
        Ok(Exchange::Roster(_)) => {
            let message = "檔案是交換表單(SW),請傳送本文檔(DI)。";
            return Err(CallError::new(ErrorCode::ContentRefused, message));
        }
        Err(error) => return Err(refused(&error)),
    };
    let body: Vec<String> = document.body().lines().map(str::to_owned).collect();
    require_lengths(&document.subject, &body)?;
    Ok(DispatchOrder {
        document: DispatchDocument {
            external_id: document.numbers.first().map(exchange::DocumentNumber::printed),
            priority: document.priority,
            subject: Private::new(document.subject),
            body: body.into_iter().map(Private::new).collect(),
            cited_numbers: Vec::new(),
            received: None,
            due: None,
        },
        top_k: None,
        with_officers: false,
        officers: Vec::new(),
        earlier: Vec::new(),
    })
}

fn classified() -> CallError {
    CallError::new(
        ErrorCode::Classified,
        "本服務只受理普通公文;內容未讀取,已捨棄。請循密件程序辦理。",
    )
}

fn refused(error: &ExchangeError) -> CallError {
    CallError::new(error.code(), error.remedy())
}

fn require_few(len: usize, at: &str) -> Result<(), CallError> {
    if len <= MAX_ENTRIES {
        return Ok(());
    }
    Err(CallError::bad_value(at, format!("不可超過 {MAX_ENTRIES} 筆。")))
}

fn require_lengths(subject: &str, body: &[String]) -> Result<(), CallError> {
    body::require_short(subject, MAX_SUBJECT, "/document/subject")?;
    let n_chars: usize = body.iter().map(|it| it.chars().count()).sum();
    if n_chars <= MAX_BODY {
        return Ok(());
    }
    Err(CallError::bad_value("/document/body", format!("合計不可超過 {MAX_BODY} 個字元。")))
}

impl Document {
    fn checked(self) -> Result<DispatchDocument, CallError> {
        require_few(self.cited_numbers.len(), "/document/cited_numbers")?;
        require_few(self.attachments.len(), "/document/attachments")?;
        require_few(self.body.len(), "/document/body")?;
        require_lengths(&self.subject, &self.body)?;
        let priority = Priority::read(&self.priority);
        if priority == Priority::Unclear {
            let detail = "應為最速件、速件、普通件或限期公文;未載速別請留空。";
            return Err(CallError::bad_value("/document/priority", detail));
        }
        let received = body::require_day(self.received_at.as_ref(), "/document/received_at")?;
        let due = body::require_day(self.due_on.as_ref(), "/document/due_on")?;
        Ok(DispatchDocument {
            external_id: self.external_id.map(String::from),
            priority,
            subject: Private::new(self.subject),
            body: self.body.into_iter().map(Private::new).collect(),
            cited_numbers: self.cited_numbers.into_iter().map(String::from).collect(),
            received,
            due,
        })
    }
}

impl Officer {
    fn checked(self, idx: usize) -> Result<OfficerState, CallError> {
        let at = |field: &str| format!("/officers/{idx}/{field}");
        body::require_short(&self.unit, 256, &at("unit"))?;
        require_few(self.duties.len(), &at("duties"))?;
        for duty in &self.duties {
            body::require_short(duty, 256, &at("duties"))?;
        }
        Ok(OfficerState {
            id: self.officer_id.into(),
            unit: self.unit,
            duties: self.duties,
            n_open: self.open_cases,
            on_leave: self.on_leave,
            conflict: self.conflict,
        })
    }
}

impl PriorCase {
    fn checked(self, idx: usize) -> Result<EarlierCase, CallError> {
        let at = |field: &str| format!("/prior_cases/{idx}/{field}");
        let tie = match (self.tie.as_str(), self.similarity) {
            ("cited_number", _) => CaseTie::CitedNumber,
            ("same_applicant", _) => CaseTie::SameApplicant,
            ("similar", Some(similarity)) if (0.0..=1.0).contains(&similarity) => {
                CaseTie::Similar(similarity)
            }
            ("similar", _) => {
                return Err(CallError::bad_value(at("similarity"), "應為 0 到 1 的數值。"));
            }
            _ => {
                let detail = "應為 cited_number、same_applicant 或 similar。";
                return Err(CallError::bad_value(at("tie"), detail));
            }
        };
        Ok(EarlierCase { reference: self.reference.into(), officer: self.officer_id.into(), tie })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    fn check(json: &str, expected: Option<(ErrorCode, &str)>) {
        let found = parse(json.as_bytes(), PurposeRule::Optional).err().map(|error| {
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            (error.code, error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default())
        });
        assert_eq!(found, expected.map(|(code, at)| (code, at.to_owned())), "{json}");
    }

    #[test]
    fn good_and_bad_requests() {
        let bad = |at| Some((ErrorCode::BadValue, at));
        check(r#"{"document":{"subject":"甲"}}"#, None);
        check(r#"{"document":{"subject":"甲","secrecy":"普通","body":["乙"]}}"#, None);
        check(r#"{"document":{"SECRET":"甲"}}"#, Some((ErrorCode::UnknownField, "/document")));
        check(r#"{"document":[]}"#, bad("/document"));
        check(r#"{"document":{"body":"SECRET"}}"#, bad("/document/body"));
        check(r#"{"document":{"priority":" 最速 "}}"#, None);
        check(r#"{"document":{"priority":"急件SECRET"}}"#, bad("/document/priority"));
        check(r#"{"document":{"secrecy":7}}"#, bad("/document/secrecy"));
        check(r#"{"document":{"cited_numbers":[""]}}"#, bad("/document/cited_numbers/0"));
        check(r#"{"document":{},"options":{"level":"SECRET"}}"#, bad("/options/level"));
        let case = |tie: &str| {
            format!(
                r#"{{"document":{{}},"prior_cases":[{{"reference":"1","officer_id":"u",{tie}}}]}}"#
            )
        };
        check(&case(r#""tie":"similar","similarity":0.5"#), None);
        check(&case(r#""tie":"similar","similarity":1.5"#), bad("/prior_cases/0/similarity"));
        check(&case(r#""tie":"SECRET""#), bad("/prior_cases/0/tie"));
    }

    #[test]
    fn no_second_grade_hides_the_first() {
        let classified = Some((ErrorCode::Classified, ""));
        for grades in [["密", "普通"], ["普通", "密"]] {
            let [first, second] = grades.map(|it| format!(r#""secrecy":"{it}""#));
            check(&format!(r#"{{"document":{{{first},{second}}}}}"#), classified);
            check(&format!(r#"{{"document":{{{first}}},"document":{{{second}}}}}"#), classified);
            check(
                &format!(r#"{{"document":[],"document":{{"secrecy":7,{first},{second}}}}}"#),
                classified,
            );
        }
        let twice = r#"{"document":{"secrecy":"普通","secrecy":"普通"}}"#;
        check(twice, Some((ErrorCode::BadValue, "/document/secrecy")));
    }

    #[test]
    fn classified_documents_are_refused_whatever_else_is_wrong() {
        for grade in ["密", "機密", "極機密", "絕對機密", "其他"] {
            let json = format!(r#"{{"document":{{"secrecy":"{grade}","body":"not a list"}}}}"#);
            check(&json, Some((ErrorCode::Classified, "")));
        }
    }
}
