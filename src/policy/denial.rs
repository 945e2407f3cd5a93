//! Why a call is refused, and what its caller is told.

use std::time::Duration;

use crate::base::ErrorCode;
use crate::task::call::CallError;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is no credential.
    NoCredential,
    /// The credential is malformed, unknown, forged, or not for us.
    BadCredential,
    /// The credential was good once, or is not good yet.
    Expired,
    /// Too many bad credentials; for so long.
    Locked(Duration),
    /// The client is suspended, has lapsed, or was not used for long.
    Suspended,
    /// The client may not call at this hour.
    Hours,
    /// The client may not call from that address.
    Network,
    /// No scope of the caller allows it.
    Scope,
    /// The person must log in with a stronger factor.
    StrongLogin,
    /// The exchange names no client that is registered.
    UnknownPartner,
    /// The purpose is not approved for the client.
    Purpose,
    /// This listener does not offer the route.
    Place,
    /// A page of another site opened the connection in somebody's browser.
    Origin,
    /// Who calls cannot be found out now.
    Unavailable,
}

impl Denial {
    /// Its name in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Denial::NoCredential => "no-credential",
            Denial::BadCredential => "bad-credential",
            Denial::Expired => "expired",
            Denial::Locked(_) => "locked",
            Denial::Suspended => "suspended",
            Denial::Hours => "hours",
            Denial::Network => "network",
            Denial::Scope => "scope",
            Denial::StrongLogin => "strong-login",
            Denial::UnknownPartner => "unknown-partner",
            Denial::Purpose => "purpose",
            Denial::Place => "place",
            Denial::Origin => "origin",
            Denial::Unavailable => "unavailable",
        }
    }

    /// Which failure it is.
    pub fn code(self) -> ErrorCode {
        match self {
            Denial::NoCredential | Denial::BadCredential | Denial::Expired => {
                ErrorCode::Unauthenticated
            }
            Denial::Locked(_) => ErrorCode::Locked,
            Denial::Suspended
            | Denial::Hours
            | Denial::Network
            | Denial::Scope
            | Denial::StrongLogin
            | Denial::Origin => ErrorCode::Forbidden,
            Denial::UnknownPartner => ErrorCode::UnknownPartner,
            Denial::Purpose => ErrorCode::PurposeRefused,
            Denial::Place => ErrorCode::NotFound,
            Denial::Unavailable => ErrorCode::Unavailable,
        }
    }

    /// The `www-authenticate` header that tells a client what is missing (RFC 6750, RFC 9470).
    pub fn challenge(self) -> Option<&'static str> {
        match self {
            Denial::NoCredential => Some(r#"Bearer realm="fenwen""#),
            Denial::BadCredential | Denial::Expired => {
                Some(r#"Bearer realm="fenwen", error="invalid_token""#)
            }
            Denial::Scope => Some(r#"Bearer realm="fenwen", error="insufficient_scope""#),
            Denial::StrongLogin => {
                Some(r#"Bearer realm="fenwen", error="insufficient_user_authentication""#)
            }
            _ => None,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Denial::NoCredential => "請以 Authorization: Bearer 附上存取權杖或 API 金鑰。",
            Denial::BadCredential => "憑證無效,請重新取得存取權杖,或確認 API 金鑰。",
            Denial::Expired => "憑證已逾期或尚未生效,請重新取得存取權杖。",
            Denial::Locked(_) => "憑證錯誤次數過多,請修正後依 Retry-After 再試。",
            Denial::Suspended => "此介接系統已停用或逾期,請洽系統管理者。",
            Denial::Hours => "此介接系統不可在這個時段使用,請洽系統管理者。",
            Denial::Network => "此介接系統不可從這個位址使用,請洽系統管理者。",
            Denial::Scope => "此介接系統沒有這項權限,請洽系統管理者申請。",
            Denial::StrongLogin => "這項功能須以 FIDO 或憑證登入,請重新登入。",
            Denial::UnknownPartner => "交換平臺所稱的介接系統尚未登記,請先申請介接。",
            Denial::Purpose => "特定目的不在此介接系統核准的範圍,請更正或申請。",
            Denial::Place => "沒有這個路徑。",
            Denial::Origin => "瀏覽器須由本系統的頁面連線;前方代理請保留 Host 標頭。",
            Denial::Unavailable => "目前無法驗證身分,請稍後再試。",
        }
    }
}

impl From<Denial> for CallError {
    fn from(denial: Denial) -> CallError {
        let error = CallError::new(denial.code(), denial.message());
        match denial {
            Denial::Locked(time) => error.retry_after(time),
            _ => error,
        }
    }
}
