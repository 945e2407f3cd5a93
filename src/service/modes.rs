//! In which mode each agency has each service: as somebody has chosen, else as the settings say.
//!
//! Calls ask a copy in memory. It is read anew every second, and at once where a mode is chosen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::base::{Clock, ErrorCode};
use crate::bus::BusError;
use crate::store::{ModeRow, Store, StoreError};
use crate::task::call::{CallError, Origin};
use crate::task::service::{Choice, ServiceMode, ServiceName};
use crate::task::text::Mode;

use super::events::{Circumstances, Event, ModeChanged};
use super::tenants::Tenants;

/// Modes of services.
pub struct Modes {
    store: Store,
    tenants: Arc<Tenants>,
    clock: Arc<dyn Clock>,
    /// What was chosen; none before it could be read.
    chosen: ArcSwapOption<BTreeMap<String, BTreeMap<ServiceName, ServiceMode>>>,
}

/// A mode to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeOrder {
    /// Code of the agency.
    pub org: String,
    /// The service.
    pub service: ServiceName,
    /// The mode; none for what the settings say.
    pub mode: Option<Mode>,
    /// Why.
    pub reason: String,
    /// Who chooses it.
    pub by: String,
}

/// Why a mode is not chosen.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Nobody could be told.
    #[error("failed to tell that a service is in another mode")]
    Told(#[from] BusError),
}

impl Modes {
    /// Over a store; what was chosen is read when somebody asks for it by [`Modes::refresh`].
    pub fn new(store: Store, tenants: Arc<Tenants>, clock: Arc<dyn Clock>) -> Modes {
        Modes { store, tenants, clock, chosen: ArcSwapOption::empty() }
    }

    /// Reads what was chosen.
    ///
    /// # Errors
    /// When the store fails: then what was read before goes on to hold.
    pub fn refresh(&self) -> Result<(), StoreError> {
        self.take(self.store.modes().wait()?);
        Ok(())
    }

    /// The mode in which an agency has a service.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when it is not known what was chosen: what is switched off stays so.
    pub fn of(&self, org: &str, service: ServiceName) -> Result<Mode, CallError> {
        let chosen = self.chosen.load();
        let Some(chosen) = chosen.as_ref() else {
            let message = "各機關的服務階段尚未讀取,請稍後再試。";
            return Err(
                CallError::new(ErrorCode::Unavailable, message).retry_after(Duration::from_secs(1))
            );
        };
        let own = chosen.get(org).and_then(|it| it.get(&service));
        Ok(own.map_or_else(|| self.by_default(org, service), |it| it.mode))
    }

    /// The same, where calls are answered.
    ///
    /// # Errors
    /// [`ErrorCode::SwitchedOff`] with the remedy, and those of [`Modes::of`].
    pub fn require_on(&self, org: &str, service: ServiceName) -> Result<Mode, CallError> {
        match self.of(org, service)? {
            Mode::Off => {
                let title = service.title();
                let message = format!(
                    "貴機關的「{title}」目前停用,請洽模型管理者於主控台「模型與評測」的「服務階段」開放。"
                );
                Err(CallError::new(ErrorCode::SwitchedOff, message))
            }
            mode => Ok(mode),
        }
    }

    /// The mode in which an agency has a service where nobody has chosen one.
    pub fn by_default(&self, org: &str, service: ServiceName) -> Mode {
        self.tenants.of(org).mode_of(service)
    }

    /// Every mode that was chosen, of an agency or of all, as the store has them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, agency: Option<&str>) -> Result<Vec<ServiceMode>, StoreError> {
        let rows = self.store.modes().await?.into_iter();
        Ok(rows.filter_map(read).filter(|it| agency.is_none_or(|own| own == it.org)).collect())
    }

    /// Chooses a mode, tells of it, and goes by it from now on; other nodes follow at their next look.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn choose(
        &self,
        order: ModeOrder,
        origin: &Origin,
    ) -> Result<ServiceMode, ModeError> {
        let ModeOrder { org, service, mode, reason, by } = order;
        let at = self.clock.unix_time();
        let by_default = self.by_default(&org, service);
        let event = Event::ModeChanged(ModeChanged::new(service, mode.unwrap_or(by_default)));
        let about = format!("modes/{org}/{}", service.as_str());
        // It is the event of the agency whose service it is, whoever chose.
        let of = Origin { org: org.clone(), ..origin.clone() };
        let told = event.outbox_row(&Circumstances::of(&of, about, self.clock.as_ref()))?;
        match mode {
            Some(mode) => {
                let (org, mode) = (org.clone(), mode.as_str().to_owned());
                let service = service.as_str().to_owned();
                let (reason, by) = (reason.clone(), by.clone());
                let row = ModeRow { org, service, mode, reason, by, at };
                self.store.set_mode(row, told).await?;
            }
            None => self.store.unset_mode(&org, service.as_str(), told).await?,
        }
        self.take(self.store.modes().await?);
        let choice = mode.map(|_| Choice { reason, by, at });
        Ok(ServiceMode { org, service, mode: mode.unwrap_or(by_default), choice })
    }

    fn take(&self, rows: Vec<ModeRow>) {
        let mut chosen: BTreeMap<String, BTreeMap<ServiceName, ServiceMode>> = BTreeMap::new();
        for it in rows.into_iter().filter_map(read) {
            chosen.entry(it.org.clone()).or_default().insert(it.service, it);
        }
        self.chosen.store(Some(Arc::new(chosen)));
    }
}

/// A row as it is meant; none of a service that this program does not know. A mode that it does not know is none in which
/// it may answer.
fn read(row: ModeRow) -> Option<ServiceMode> {
    let service = ServiceName::parse(&row.service)?;
    let known = Mode::parse(&row.mode).filter(|it| service.modes().contains(it));
    let choice = Some(Choice { reason: row.reason, by: row.by, at: row.at });
    Some(ServiceMode { org: row.org, service, mode: known.unwrap_or(Mode::Off), choice })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, mode: &str, expected: Option<Mode>) {
        let row = ModeRow {
            org: "301000000A".to_owned(),
            service: service.to_owned(),
            mode: mode.to_owned(),
            reason: "試辦".to_owned(),
            by: "u-1".to_owned(),
            at: Duration::from_secs(1),
        };
        assert_eq!(read(row).map(|it| it.mode), expected, "{service} {mode}");
    }

    #[test]
    fn what_is_not_known_is_off() {
        check("letters", "shadow", Some(Mode::Shadow));
        check("letters", "canary", Some(Mode::Off));
        check("speech", "shadow", Some(Mode::Off));
        check("speech", "live", Some(Mode::Live));
        check("faces", "live", None);
    }
}
