//! Why a change of an item was refused, in words for officers.

use std::time::Duration;

use crate::base::{ErrorCode, TAIWAN_OFFSET};
use crate::store::reviews::{ReviewChange, ReviewReason, ReviewRow, ReviewState};
use crate::task::call::CallError;

/// What was wanted.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// To take an item.
    Claim,
    /// Something that takes holding it.
    Held,
    /// To take a decision back, within this time of it.
    Undo(Duration),
}

/// The item after a change; else why the change did not happen.
pub(super) fn done(
    officer: &str,
    changed: ReviewChange,
    (wanted, now): (Wanted, Duration),
) -> Result<ReviewRow, CallError> {
    match changed {
        ReviewChange::Done(row) => Ok(*row),
        ReviewChange::Missing => Err(missing()),
        ReviewChange::Stale(row) => {
            let message = format!("{}請重新載入。", situation(officer, &row, now));
            Err(CallError::new(ErrorCode::PreconditionFailed, message))
        }
        ReviewChange::Refused(row) => Err(refused(match wanted {
            Wanted::Claim => unclaimed(officer, &row, now),
            Wanted::Held => unheld(officer, &row, now),
            Wanted::Undo(window) => {
                let seconds = window.as_secs();
                format!("只能在 {seconds} 秒內復原自己的決定;之後如需更正,請對該預測送出回饋。")
            }
        })),
    }
}

fn unclaimed(officer: &str, row: &ReviewRow, now: Duration) -> String {
    if row.not_by.as_deref() == Some(officer) {
        return "第二意見須由另一位承辦人提出。".to_owned();
    }
    if row.state != ReviewState::Decided
        && row.held(now).is_none()
        && row.reason == ReviewReason::Escalated
    {
        return "這筆已陳核,須由具指派權限者處理。".to_owned();
    }
    format!("{}請改做下一筆。", situation(officer, row, now))
}

/// Why nothing can be done with an item by an officer who does not hold it.
fn unheld(officer: &str, row: &ReviewRow, now: Duration) -> String {
    let is_others = row.held(now).is_some_and(|(holder, _)| holder != officer);
    if is_others || row.state == ReviewState::Decided {
        return format!("{}請改做下一筆。", situation(officer, row, now));
    }
    match row.state {
        ReviewState::Claimed => "保留時間已過,請重新取得這筆後再處理。".to_owned(),
        _ => "請先取得這筆,再處理。".to_owned(),
    }
}

/// Where an item stands, as seen by an officer.
fn situation(officer: &str, row: &ReviewRow, now: Duration) -> String {
    let by = row.decided.as_ref().map(|it| it.by.as_deref());
    match (by, row.held(now)) {
        (Some(Some(by)), _) if by == officer => "這筆您已經決定(可能在另一個視窗),".to_owned(),
        (Some(_), _) => "這筆已由他人決定,".to_owned(),
        (None, Some((holder, _))) if holder == officer => "這筆已在另一個視窗變更,".to_owned(),
        (None, Some((_, until))) => format!("這筆由他人處理中,保留至 {},", clock_time(until)),
        (None, None) => "這筆的內容已變更,".to_owned(),
    }
}

/// `14:05` in Taiwan.
fn clock_time(at: Duration) -> String {
    let seconds = (at + TAIWAN_OFFSET).as_secs();
    format!("{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60)
}

/// There is no such item, or it is not the officer's to see.
pub(super) fn missing() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這筆複審,或不在您的權限範圍。")
}

/// The item is in no state for that.
pub(super) fn refused(message: impl Into<String>) -> CallError {
    CallError::new(ErrorCode::Conflict, message)
}
