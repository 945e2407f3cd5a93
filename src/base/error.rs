//! Every way a call can fail, as seen by a caller.

/// The closed set of failures. HTTP statuses and bus reply codes are derived from it, in one place each.
///
/// Numbers below 0300 are those of the state's own interface rules; the rest are ours (`docs/reference/error-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// There is no such thing.
    NotFound,
    /// An unknown query parameter.
    UnknownParameter,
    /// A value is missing, malformed or out of range.
    BadValue,
    /// An unknown field.
    UnknownField,
    /// The method does not fit the path.
    MethodNotAllowed,
    /// No credential, or one that is not accepted.
    Unauthenticated,
    /// Too many bad credentials came from there; locked for a while.
    Locked,
    /// The caller may not do this.
    Forbidden,
    /// The exchange names a client that is not registered.
    UnknownPartner,
    /// The service is switched off for the caller's agency.
    SwitchedOff,
    /// The purpose is missing or not approved for the client.
    PurposeRefused,
    /// Too much work is waiting, or the deadline cannot be met; retry later.
    Overloaded,
    /// The body or a part of it is larger than the limit.
    TooLarge,
    /// The declared or detected media type is not accepted.
    UnsupportedMedia,
    /// The content is refused: broken, hostile or over a decoding limit.
    ContentRefused,
    /// The virus scanner refuses the file.
    Infected,
    /// The document is classified: dropped unread.
    Classified,
    /// An idempotency key was used for another call.
    KeyReused,
    /// What is asked does not fit the state that a thing is in.
    Conflict,
    /// The thing was changed since the caller saw it.
    PreconditionFailed,
    /// The caller does not say which version it saw.
    PreconditionRequired,
    /// A bug or an unexpected condition on our side.
    Internal,
    /// A model is not loaded or not healthy, or the server is draining.
    Unavailable,
    /// The audit log cannot be written: what touches personal data is not done.
    Unrecorded,
    /// The deadline passed before the work was done.
    Timeout,
    /// The client sent its body too slowly.
    SlowClient,
}

impl ErrorCode {
    /// Every code, for documentation and for tests.
    pub const ALL: [ErrorCode; 26] = [
        ErrorCode::NotFound,
        ErrorCode::UnknownParameter,
        ErrorCode::BadValue,
        ErrorCode::UnknownField,
        ErrorCode::MethodNotAllowed,
        ErrorCode::Unauthenticated,
        ErrorCode::Forbidden,
        ErrorCode::UnknownPartner,
        ErrorCode::SwitchedOff,
        ErrorCode::PurposeRefused,
        ErrorCode::Overloaded,
        ErrorCode::Locked,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMedia,
        ErrorCode::ContentRefused,
        ErrorCode::Infected,
        ErrorCode::Classified,
        ErrorCode::KeyReused,
        ErrorCode::Conflict,
        ErrorCode::PreconditionFailed,
        ErrorCode::PreconditionRequired,
        ErrorCode::Internal,
        ErrorCode::Unavailable,
        ErrorCode::Unrecorded,
        ErrorCode::Timeout,
        ErrorCode::SlowClient,
    ];

    /// The number shown to callers.
    pub fn number(self) -> &'static str {
        match self {
            ErrorCode::NotFound => "ER0100",
            ErrorCode::UnknownParameter => "ER0200",
            ErrorCode::BadValue => "ER0210",
            ErrorCode::UnknownField => "ER0220",
            ErrorCode::MethodNotAllowed => "ER0110",
            ErrorCode::Unauthenticated => "ER0300",
            ErrorCode::Locked => "ER0301",
            ErrorCode::Forbidden => "ER0310",
            ErrorCode::UnknownPartner => "ER0311",
            ErrorCode::SwitchedOff => "ER0312",
            ErrorCode::PurposeRefused => "ER0320",
            ErrorCode::Overloaded => "ER0429",
            ErrorCode::TooLarge => "ER0430",
            ErrorCode::UnsupportedMedia => "ER0440",
            ErrorCode::ContentRefused => "ER0450",
            ErrorCode::Infected => "ER0451",
            ErrorCode::Classified => "ER0452",
            ErrorCode::KeyReused => "ER0400",
            ErrorCode::Conflict => "ER0410",
            ErrorCode::PreconditionFailed => "ER0420",
            ErrorCode::PreconditionRequired => "ER0421",
            ErrorCode::Internal => "ER0500",
            ErrorCode::Unavailable => "ER0510",
            ErrorCode::Unrecorded => "ER0530",
            ErrorCode::Timeout => "ER0520",
            ErrorCode::SlowClient => "ER0521",
        }
    }

    /// A short title in Traditional Chinese.
    pub fn title(self) -> &'static str {
        match self {
            ErrorCode::NotFound => "查無資料",
            ErrorCode::UnknownParameter => "未定義的參數",
            ErrorCode::BadValue => "輸入的參數內容格式錯誤",
            ErrorCode::UnknownField => "未定義的欄位",
            ErrorCode::MethodNotAllowed => "不支援的方法",
            ErrorCode::Unauthenticated => "未通過身分驗證",
            ErrorCode::Locked => "憑證錯誤次數過多,暫時鎖定",
            ErrorCode::Forbidden => "沒有權限",
            ErrorCode::UnknownPartner => "未登記的交換介接系統",
            ErrorCode::SwitchedOff => "此服務未對貴機關開放",
            ErrorCode::PurposeRefused => "特定目的未填或未經核准",
            ErrorCode::Overloaded => "系統忙碌,請稍後再試",
            ErrorCode::TooLarge => "內容過大",
            ErrorCode::UnsupportedMedia => "不支援的媒體類型",
            ErrorCode::ContentRefused => "內容無法處理",
            ErrorCode::Infected => "檔案含有惡意程式",
            ErrorCode::Classified => "不受理密等公文",
            ErrorCode::KeyReused => "冪等鍵已用於其他請求",
            ErrorCode::Conflict => "目前狀態不允許",
            ErrorCode::PreconditionFailed => "資料已變更",
            ErrorCode::PreconditionRequired => "未附 If-Match",
            ErrorCode::Internal => "系統發生錯誤",
            ErrorCode::Unavailable => "服務尚未就緒",
            ErrorCode::Unrecorded => "稽核紀錄無法寫入",
            ErrorCode::Timeout => "處理逾時",
            ErrorCode::SlowClient => "接收逾時",
        }
    }
}
