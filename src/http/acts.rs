//! Acts of people that stand in the audit log under a name of their own, beside the call that asked for them.

use crate::audit::{Actor, ActorKind, AuditEvent, Listener, Outcome, Row, Word};
use crate::base::rfc3339;
use crate::policy::{Kind, Principal};
use crate::service::privacy::Request;
use crate::task::call::CallError;
use crate::wire::v1::approvals::AskedResponse;

use super::record::not_recorded;
use super::{App, status};

/// An act, and who does it.
pub(super) struct Act {
    row: Row,
    by: String,
}

/// What was done, and what is recorded of it.
pub(super) struct Done<T> {
    pub(super) answer: T,
    pub(super) object: Option<Word>,
    pub(super) count: Option<u64>,
}

impl Act {
    /// What somebody does for whom no name is needed.
    pub(super) fn of(principal: &Principal, (event, action): (AuditEvent, &'static str)) -> Act {
        let name = if principal.kind == Kind::Local { "" } else { principal.name() };
        Act::named(principal, (event, action), name.to_owned())
    }

    /// What somebody does in a name of one's own: who has proven it cannot say otherwise, and whoever is local says it.
    ///
    /// # Errors
    /// Whoever is local says none.
    pub(super) fn signed(
        principal: &Principal,
        (event, action): (AuditEvent, &'static str),
        said: Option<&str>,
    ) -> Result<Act, CallError> {
        let by = match principal.kind {
            Kind::Local => word("/by", said.unwrap_or_default())?,
            Kind::System | Kind::Person => principal.name().to_owned(),
        };
        Ok(Act::named(principal, (event, action), by))
    }

    fn named(
        principal: &Principal,
        (event, action): (AuditEvent, &'static str),
        by: String,
    ) -> Act {
        let kind = match principal.kind {
            Kind::Person => ActorKind::Person,
            Kind::System | Kind::Local => ActorKind::System,
        };
        let id = Word::new(&principal.subject);
        let actor = id.map_or(Actor::unknown(), |id| Actor::of(kind, id));
        let actor = Actor { org: Word::new(&principal.org), ..actor };
        let row = Row {
            person: Word::new(&by),
            client: Word::new(&principal.client),
            ..Row::new(event, Listener::Api, actor, Word::of(action))
        };
        Act { row, by }
    }

    /// The same about a case.
    pub(super) fn about_case(mut self, case_no: Option<Word>) -> Act {
        self.row.case_no = case_no;
        self
    }

    /// In whose name.
    pub(super) fn by(&self) -> String {
        self.by.clone()
    }

    /// Records what became of it; only then it is answered.
    ///
    /// # Errors
    /// That of the act, or ER0530 when it cannot be recorded.
    pub(super) async fn end<T>(
        self,
        app: &App,
        done: Result<Done<T>, CallError>,
    ) -> Result<T, CallError> {
        let mut row = self.row;
        match &done {
            Ok(done) => {
                row.outcome = Some(Outcome::Success);
                row.object = done.object.clone();
                row.count = done.count;
            }
            Err(error) => row.outcome = Some(Outcome::of_status(status(error.code).as_u16())),
        }
        let written = app.audit.append(row).await;
        let done = done?;
        written.map_err(|_| not_recorded())?;
        Ok(done.answer)
    }
}

impl Done<()> {
    /// The end of an act on something that may not be there: `Ok(false)` when it is not.
    ///
    /// # Errors
    /// `unknown` when it is not there, `failed` of what failed.
    pub(super) fn if_there<E>(
        done: Result<bool, E>,
        object: Option<Word>,
        (unknown, failed): (impl FnOnce() -> CallError, impl FnOnce(E) -> CallError),
    ) -> Result<Done<()>, CallError> {
        match done {
            Ok(true) => Ok(Done { answer: (), object, count: None }),
            Ok(false) => Err(unknown()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// A text that may stand in a row: 1 to 128 characters on one line.
pub(super) fn word(pointer: &str, text: &str) -> Result<String, CallError> {
    let word = Word::new(text.trim()).map(|it| it.as_str().to_owned());
    word.ok_or_else(|| CallError::bad_value(pointer, "請填 1 到 128 個字元,不得換行。"))
}

/// A request as it is shown to somebody.
pub(super) fn asked(it: Request, principal: &Principal) -> AskedResponse {
    let own = principal.kind != Kind::Local && is_same(principal.name(), &it.asked.0);
    let state = match (&it.rejected, &it.approved, it.done) {
        (Some(_), ..) => "rejected",
        (None, None, _) => "waiting",
        (None, Some(_), None) => "approved",
        (None, Some(_), Some(_)) => "done",
    };
    let (approved_by, approved_at) = it.approved.unzip();
    let (rejected, rejection) = it.rejected.map(|it| ((it.by, it.at), it.reason)).unzip();
    let (rejected_by, rejected_at) = rejected.unzip();
    AskedResponse {
        state,
        reason: it.reason,
        asked_by: it.asked.0,
        asked_at: rfc3339(it.asked.1),
        approved_by,
        approved_at: approved_at.map(rfc3339),
        done_at: it.done.map(rfc3339),
        rejected_by,
        rejected_at: rejected_at.map(rfc3339),
        rejection,
        own,
    }
}

/// The store compares names the same way.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}
