"""What can go wrong, as exceptions: one class for each code of the API, and a few for what never reached it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import JobResponse


class FenwenError(Exception):
    """Base of everything that this package raises for a call."""


class ConnectionFailed(FenwenError):
    """The server could not be reached, or the connection broke. The text names the kind of failure, never content."""


class DeadlineExceeded(FenwenError):
    """The time for the call is over (`timeout` in seconds), tries and pauses included."""


class DecodeError(FenwenError):
    """An answer is not as the API's description says."""

    def __init__(self, place: str) -> None:
        super().__init__(f"answer is not as described at {place or '/'}")
        self.place = place
        """JSON pointer to what is wrong."""


class JobFailed(FenwenError):
    """A job ended without a result: failed, cancelled or dead."""

    def __init__(self, job: JobResponse) -> None:
        super().__init__(f"job {job.job_id} {job.state}" + (f": {job.error}" if job.error else ""))
        self.job = job
        """The job; `job.error` is the code of the failure."""


@dataclass(frozen=True)
class FieldProblem:
    """A wrong value in a request."""

    pointer: str
    """JSON pointer to the value."""
    code: str
    """Code of the failure."""
    detail: str
    """What is expected, in Chinese; never the value."""


class ApiError(FenwenError):
    """The server refused or failed a call (problem+json, RFC 9457). Subclasses stand for codes."""

    code: str
    """Code of the kind, such as `ER0210`; empty when the answer was no problem document."""
    status: int
    """HTTP status."""
    title: str
    """The kind in words, in Chinese."""
    detail: str
    """This occurrence in words, in Chinese, with what to do where the server knows; never content of the request."""
    remedy: str
    """What to do about this kind of failure, in Chinese."""
    errors: list[FieldProblem]
    """Which values are wrong."""
    request_id: str
    """The call's id in the server's logs and audit records; say it when you ask for help."""
    trace_id: str
    """Trace of the call."""
    retry_after: float | None
    """Seconds after which the server may be asked again, when it says so."""

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        def text(name: str) -> str:
            found = document.get(name)
            return found if isinstance(found, str) else ""

        self.status = status
        self.code = text("code")
        self.title = text("title")
        self.detail = text("detail") or text("message")
        self.remedy = text("remedy") or REMEDIES.get(self.code, "請將 request_id 提供給系統管理者。")
        self.trace_id = text("trace_id")
        named = text("instance").rpartition(":")[2] or text("request_id")
        self.request_id = named or headers.get("x-request-id", "")
        self.retry_after = seconds(headers.get("retry-after"))
        found = document.get("errors")
        rows = [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []
        self.errors = [
            FieldProblem(*(str(it.get(name, "")) for name in ("pointer", "code", "detail"))) for it in rows
        ]
        said = self.detail or self.title or f"HTTP {status}"
        super().__init__(f"{self.code or status} {said} (request {self.request_id})")


class NotFound(ApiError):
    """ER0100: there is no such thing, it has expired, or it is another client's."""


class MethodNotAllowed(ApiError):
    """ER0110."""


class BadRequest(ApiError):
    """ER0200, ER0210, ER0220: a parameter, value or field is wrong; `errors` says which."""


class Unauthenticated(ApiError):
    """ER0300: no credential, or one that is wrong or has expired."""


class Locked(ApiError):
    """ER0301: too many wrong credentials; never tried again by itself."""


class Forbidden(ApiError):
    """ER0310, ER0311: no permission; ER0312: the service is switched off for your agency."""


class PurposeRefused(Forbidden):
    """ER0320: the purpose is missing, or not approved for this client."""


class KeyReused(ApiError):
    """ER0400: the Idempotency-Key was used for another request."""


class Conflict(ApiError):
    """ER0410: the state of the thing does not allow it, or a model or an index was never set up."""


class PreconditionFailed(ApiError):
    """ER0420: somebody has changed it since."""


class PreconditionRequired(ApiError):
    """ER0421: If-Match is missing."""


class Overloaded(ApiError):
    """ER0429: over the quota, or the server is busy."""


class TooLarge(ApiError):
    """ER0430."""


class UnsupportedMedia(ApiError):
    """ER0440: another media type or kind of file is needed."""


class ContentRefused(ApiError):
    """ER0450: the file is broken or cannot be read."""


class Infected(ContentRefused):
    """ER0451: the virus scanner refuses the file."""


class Classified(ContentRefused):
    """ER0452: a classified document; it was dropped unread."""


class ServerError(ApiError):
    """ER0500, or a status from 500 on without a code."""


class Unavailable(ServerError):
    """ER0510: the store or a model is away, or the server is about to end."""


class ServerTimeout(ServerError):
    """ER0520: the server could not answer within its deadline."""


class SlowUpload(ApiError):
    """ER0521: the content did not arrive in time."""


class Unrecorded(ServerError):
    """ER0530: the audit record could not be written, so nothing is answered."""


CLASSES: dict[str, type[ApiError]] = {
    "ER0100": NotFound,
    "ER0110": MethodNotAllowed,
    "ER0200": BadRequest,
    "ER0210": BadRequest,
    "ER0220": BadRequest,
    "ER0300": Unauthenticated,
    "ER0301": Locked,
    "ER0310": Forbidden,
    "ER0311": Forbidden,
    "ER0312": Forbidden,
    "ER0320": PurposeRefused,
    "ER0400": KeyReused,
    "ER0410": Conflict,
    "ER0420": PreconditionFailed,
    "ER0421": PreconditionRequired,
    "ER0429": Overloaded,
    "ER0430": TooLarge,
    "ER0440": UnsupportedMedia,
    "ER0450": ContentRefused,
    "ER0451": Infected,
    "ER0452": Classified,
    "ER0500": ServerError,
    "ER0510": Unavailable,
    "ER0520": ServerTimeout,
    "ER0521": SlowUpload,
    "ER0530": Unrecorded,
}
"""The exception of each code; a test compares the codes with docs/reference/error-codes.md."""

REMEDIES = {
    "ER0100": "請確認識別碼;資料可能已逾保存期限,或屬於其他介接系統。",
    "ER0110": "請更新用戶端套件,或查閱 API 文件。",
    "ER0200": "請移除未定義的參數,或更新用戶端套件。",
    "ER0210": "請依 errors 所列位置修正內容後再送。",
    "ER0220": "請依 errors 所列位置移除未定義的欄位,或更新用戶端套件。",
    "ER0300": "請確認 API 金鑰或存取權杖;逾期時請更換。",
    "ER0301": "請修正憑證,待鎖定解除後再試。",
    "ER0310": "請向系統管理者申請所需權限,並確認可用時段與網段。",
    "ER0311": "請向系統管理者登記交換介接系統。",
    "ER0312": "請洽模型管理者於「模型與評測」開放此服務。",
    "ER0320": "請填寫已核准的特定目的(purpose),或申請核准。",
    "ER0400": "請為不同的請求使用不同的 Idempotency-Key。",
    "ER0410": "請查詢目前狀態後再處理;尚未安裝模型或建立索引者,請通知系統管理者。",
    "ER0420": "請重新讀取後再變更。",
    "ER0421": "請附上先前讀到的版本。",
    "ER0429": "請依 retry_after 稍後再試。",
    "ER0430": "請縮小內容,或改用分段上傳。",
    "ER0440": "請改送支援的格式。",
    "ER0450": "請確認檔案完整,重新匯出或拍攝後再送。",
    "ER0451": "請以防毒軟體檢查來源電腦後重新取得檔案。",
    "ER0452": "密等公文請依規定以人工處理。",
    "ER0500": "請將 request_id 提供給系統管理者。",
    "ER0510": "請稍後再試;持續發生時,請通知系統管理者確認模型與儲存區。",
    "ER0520": "請縮小內容、放寬期限,或改以工作處理。",
    "ER0521": "請確認網路後重送。",
    "ER0530": "請稍後再試,並通知系統管理者檢查稽核紀錄的儲存空間。",
}
"""What to do about each code."""


def api_error(status: int, document: object, headers: Mapping[str, str]) -> ApiError:
    """The exception of a failed answer; `document` is its JSON, in either of the API's shapes, or anything else."""
    found: Mapping[str, Any] = document if isinstance(document, dict) else {}
    if isinstance(found.get("error"), dict):
        found = found["error"]
    code = found.get("code")
    kind = CLASSES.get(code) if isinstance(code, str) else None
    return (kind or (ServerError if 500 <= status else ApiError))(status, found, headers)


def seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; None for a date, which this server does not send."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
