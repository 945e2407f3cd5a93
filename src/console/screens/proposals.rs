//! The part of 模型與評測 about proposals: which wait, and who may do what with them. Its script asks the API.

use std::time::Duration;

use crate::console::format;
use crate::console::shell::Visit;
use crate::console::text::manage::ModelsText;
use crate::policy::{Kind, Principal, Scope};
use crate::service::proposals::{Promotion, ProposalError};

/// Proposals that are listed.
const MOST: usize = 50;

/// What the page shows of proposals.
pub(super) struct ProposalsView {
    /// The newest first.
    pub(super) items: Vec<ProposalView>,
    pub(super) may_propose: bool,
    /// Models that may be proposed: their names.
    pub(super) models: Vec<String>,
    /// Whoever is local says who it is; others have proven it.
    pub(super) is_local: bool,
    /// Name, title, text and button of each question.
    pub(super) dialogs: [(&'static str, &'static str, &'static str, &'static str); 2],
    /// What was just done.
    pub(super) did: &'static str,
}

/// A proposal.
pub(super) struct ProposalView {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) reason: String,
    pub(super) asked: String,
    pub(super) decided: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) may_approve: bool,
    pub(super) may_reject: bool,
    pub(super) is_own: bool,
}

/// What somebody sees.
pub(super) async fn view(visit: &Visit, t: &ModelsText) -> Result<ProposalsView, ProposalError> {
    let principal = visit.principal.as_deref();
    let agency = principal.and_then(|it| it.agency(visit.console.house()));
    let proposals = visit.console.proposals.of(agency);
    let has = |scope| principal.is_some_and(|it| it.scopes.has(scope));
    let own = principal.filter(|it| it.kind != Kind::Local).map(Principal::name);
    let may_decide = has(Scope::ModelsApprove);
    let found = proposals.list().await?.into_iter().rev().take(MOST);
    let models = proposals.models();
    Ok(ProposalsView {
        items: found.map(|it| proposal(it, (own, may_decide), t)).collect(),
        may_propose: has(Scope::ModelsPropose) && !models.is_empty(),
        models,
        is_local: own.is_none(),
        dialogs: [
            ("approve", t.approve_title, t.approve_lead, t.approve),
            ("reject", t.reject_title, t.reject_lead, t.reject),
        ],
        did: match visit.query.get("did") {
            Some("propose") => t.did_propose,
            Some("approve") => t.did_approve,
            Some("reject") => t.did_reject,
            _ => "",
        },
    })
}

fn proposal(
    it: Promotion,
    (own, may_decide): (Option<&str>, bool),
    t: &ModelsText,
) -> ProposalView {
    let Promotion { request, model, version, .. } = it;
    let by = |(name, at): &(String, Duration)| format!("{name} {}", format::moment(*at));
    // The store compares them the same way.
    let is_own = own.is_some_and(|own| own.trim().eq_ignore_ascii_case(request.asked.0.trim()));
    let rejected = request.rejected.as_ref();
    let why = rejected.map(|it| format!("{} {} – {}", it.by, format::moment(it.at), it.reason));
    let (state, tone) = match (rejected, &request.approved, request.done) {
        (Some(_), ..) => (t.rejected, ""),
        (None, None, _) => (t.waits, "warn"),
        (None, Some(_), None) => (t.at_work, "warn"),
        (None, Some(_), Some(_)) => (t.let_in, "good"),
    };
    let is_open = request.done.is_none() && rejected.is_none();
    ProposalView {
        model: format!("{model} {version}"),
        asked: by(&request.asked),
        decided: request.approved.as_ref().map(by).or(why).unwrap_or("–".to_owned()),
        may_approve: may_decide && is_open && !is_own,
        may_reject: may_decide && is_open && request.approved.is_none(),
        is_own: is_open && is_own,
        state,
        tone,
        id: request.id,
        reason: request.reason,
    }
}
