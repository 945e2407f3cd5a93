//! The part of 模型與評測 about modes: in which each agency has each service, and who may choose. Its script asks the API.

use crate::console::format;
use crate::console::shell::Visit;
use crate::console::text::quality::ModesText;
use crate::policy::Scope;
use crate::service::proposals::StoreError;
use crate::task::service::{ServiceMode, ServiceName};
use crate::task::text::Mode;

/// What the page shows of modes.
pub(super) struct ModesView {
    /// Those that were chosen.
    pub(super) rows: Vec<ModeLine>,
    /// Services and their modes where none was chosen.
    pub(super) defaults: Vec<(&'static str, &'static str, &'static str)>,
    /// Name, title and meaning of each mode; the last one forgets the choice.
    pub(super) modes: [(&'static str, &'static str, &'static str); 5],
    /// Name and title of each service, and the names of its modes.
    pub(super) services: Vec<(&'static str, &'static str, String)>,
    pub(super) may_choose: bool,
    /// The only agency that may be chosen for; empty for any.
    pub(super) own: String,
    /// What stands in the form at first: the agency of whoever asks.
    pub(super) org: String,
    /// What was just done.
    pub(super) did: &'static str,
}

/// A mode that was chosen.
pub(super) struct ModeLine {
    pub(super) org: String,
    pub(super) service: &'static str,
    pub(super) title: &'static str,
    pub(super) mode: &'static str,
    pub(super) said: &'static str,
    pub(super) tone: &'static str,
    pub(super) reason: String,
    pub(super) changed: String,
}

/// What somebody sees.
pub(super) async fn view(visit: &Visit, t: &ModesText) -> Result<ModesView, StoreError> {
    let principal = visit.principal.as_deref();
    let house = visit.console.house();
    let agency = principal.and_then(|it| it.agency(house));
    let modes = visit.console.service.modes();
    let found = modes.list(agency).await?;
    let default = |it: ServiceName| {
        let (mode, tone) = said(modes.by_default(agency.unwrap_or(house), it), t);
        (title(it, t), mode, tone)
    };
    let service = |it: ServiceName| {
        let modes: Vec<&str> = it.modes().iter().map(|it| it.as_str()).collect();
        (it.as_str(), title(it, t), modes.join(" "))
    };
    Ok(ModesView {
        rows: found.into_iter().map(|it| line(it, t)).collect(),
        defaults: ServiceName::ALL.map(default).into(),
        modes: [
            ("off", t.off, t.off_means),
            ("shadow", t.shadow, t.shadow_means),
            ("pilot", t.pilot, t.pilot_means),
            ("live", t.live, t.live_means),
            ("default", t.by_default, t.by_default_means),
        ],
        services: ServiceName::ALL.map(service).into(),
        may_choose: principal.is_some_and(|it| it.scopes.has(Scope::ModelsApprove)),
        own: agency.unwrap_or_default().to_owned(),
        org: principal.map_or(String::new(), |it| it.org.clone()),
        did: if visit.query.get("did") == Some("mode") { t.did_mode } else { "" },
    })
}

fn line(it: ServiceMode, t: &ModesText) -> ModeLine {
    let (said, tone) = said(it.mode, t);
    let (reason, changed) = it.choice.map_or((String::new(), String::new()), |it| {
        let changed = format!("{} {}", it.by, format::moment(it.at));
        (it.reason, changed)
    });
    ModeLine {
        org: it.org,
        service: it.service.as_str(),
        title: title(it.service, t),
        mode: it.mode.as_str(),
        said,
        tone,
        reason,
        changed,
    }
}

/// A mode in words, and the tone in which they are said.
pub(super) fn said(mode: Mode, t: &ModesText) -> (&'static str, &'static str) {
    match mode {
        Mode::Off => (t.off, "bad"),
        Mode::Shadow => (t.shadow, "warn"),
        Mode::Pilot => (t.pilot, ""),
        Mode::Live => (t.live, "good"),
    }
}

/// A service in words.
pub(super) fn title(service: ServiceName, t: &ModesText) -> &'static str {
    match service {
        ServiceName::Letters => t.letters,
        ServiceName::Documents => t.documents,
        ServiceName::Speech => t.speech,
        ServiceName::Questions => t.qa,
        ServiceName::IdentityDocuments => t.identity,
    }
}
