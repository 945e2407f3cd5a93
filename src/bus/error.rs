//! Every way the bus can fail, for callers in the program and for operators.

use crate::base::{ErrorCode, Private};

use super::event::EventError;
use super::message::Headers;
use super::subject::SubjectError;

/// Why something did not go over the bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Nobody serves the subject.
    #[error("nobody serves `{0}`")]
    NoResponders(String),
    /// No answer came in time.
    #[error("no answer came in time")]
    Timeout,
    /// Whoever served the request answered with a failure.
    #[error("the request failed with {code}")]
    Remote {
        /// HTTP status of the failure.
        status: u16,
        /// Its number, such as `ER0210`.
        code: String,
        /// What was said about it, such as `retry-after`.
        headers: Headers,
        /// The problem document.
        problem: Private<Vec<u8>>,
    },
    /// Too much is waiting already; try again later.
    #[error("`{0}` is full")]
    Full(String),
    /// No stream takes the subject.
    #[error("no stream takes `{0}`")]
    Unroutable(String),
    /// Larger than one message may be.
    #[error("a message has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The bus is ending.
    #[error("the bus is closed")]
    Closed,
    /// The server's version has known holes.
    #[error("the server's version {found} has known vulnerabilities")]
    TooOld {
        /// What the server says.
        found: String,
    },
    /// No server answers.
    #[error("no bus answers at {url}")]
    Away {
        /// Where; without credentials.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refuses us, or nobody can tell where it is.
    #[error("failed to reach the bus at {url}")]
    Unreachable {
        /// Where; without credentials.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stream, consumer or service cannot be set up.
    #[error("failed to set up {what}")]
    SetUp {
        /// Which.
        what: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A subject or filter is malformed.
    #[error("malformed subject")]
    Subject(#[from] SubjectError),
    /// An event is malformed.
    #[error("malformed event")]
    Event(#[from] EventError),
}

impl BusError {
    /// The failure as a caller sees it.
    pub fn code(&self) -> ErrorCode {
        match self {
            BusError::Timeout => ErrorCode::Timeout,
            BusError::Full(_) => ErrorCode::Overloaded,
            BusError::TooLarge { .. } => ErrorCode::TooLarge,
            BusError::Remote { code, .. } => {
                let known = ErrorCode::ALL.into_iter().find(|it| it.number() == code);
                known.unwrap_or(ErrorCode::Internal)
            }
            BusError::NoResponders(_)
            | BusError::Closed
            | BusError::TooOld { .. }
            | BusError::Away { .. }
            | BusError::Unreachable { .. } => ErrorCode::Unavailable,
            BusError::Unroutable(_)
            | BusError::SetUp { .. }
            | BusError::Subject(_)
            | BusError::Event(_) => ErrorCode::Internal,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            BusError::NoResponders(_)
                | BusError::Timeout
                | BusError::Full(_)
                | BusError::Closed
                | BusError::Away { .. }
                | BusError::Unreachable { .. }
        )
    }

    /// What an operator can do, in Traditional Chinese.
    pub fn remedy(&self) -> &'static str {
        match self {
            BusError::NoResponders(_) => "確認提供該服務的節點已啟動並連上同一個匯流排",
            BusError::Timeout => "確認匯流排與提供服務的節點沒有過載,或放寬期限",
            BusError::Remote { .. } => "依錯誤代碼處理(docs/reference/error-codes.md)",
            BusError::Full(_) => "待處理的訊息已達上限,請增加處理節點後再試",
            BusError::Unroutable(_) => "執行 fenwen bus check 檢查串流",
            BusError::TooLarge { .. } => "大型內容請先上傳,訊息中只放 blob_id",
            BusError::Closed => "服務正在停止,請改送其他節點",
            BusError::TooOld { .. } => "請將 NATS 更新為 2.12.6 以上(或 2.11.15 以上的 2.11 版)",
            BusError::Away { .. } => "啟動 NATS,並檢查 bus.url 與防火牆設定",
            BusError::Unreachable { .. } => {
                "檢查 bus.url、憑證檔與防火牆設定;加密連線另核對 bus.ca 與伺服器憑證上的名稱"
            }
            BusError::SetUp { .. } => "檢查帳號對 JetStream 的權限與既有串流的設定",
            BusError::Subject(_) | BusError::Event(_) => "這是程式錯誤,請回報",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: BusError, code: ErrorCode, is_passing: bool) {
        assert_eq!((error.code(), error.is_passing()), (code, is_passing), "{error}");
    }

    #[test]
    fn every_failure_has_a_code_and_says_whether_it_passes() {
        check(BusError::Timeout, ErrorCode::Timeout, true);
        check(BusError::Full("x".into()), ErrorCode::Overloaded, true);
        check(BusError::Closed, ErrorCode::Unavailable, true);
        check(BusError::TooOld { found: "2.9.10".into() }, ErrorCode::Unavailable, false);
        let remote = |code: &str| BusError::Remote {
            status: 422,
            code: code.to_owned(),
            headers: Headers::new(),
            problem: Private::default(),
        };
        check(remote("ER0452"), ErrorCode::Classified, false);
        check(remote("ER9999"), ErrorCode::Internal, false);
    }
}
