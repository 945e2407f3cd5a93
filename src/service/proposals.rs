//! Which versions of models may answer: one person proposes a version that is there, another approves or rejects it.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, RequestId};
use crate::bus::BusError;
use crate::registry::VersionError;
use crate::store::{Request, Store};
use crate::task::call::{CallError, Origin};
use crate::task::comparison::Replay;

use super::events::{Circumstances, Event, ModelActivated, ModelName};
use super::routing::{CLASSIFIERS, ModelError, Routing};
use super::tenants::Tenants;

pub use crate::store::{Approval, Promotion, Rejection, StoreError};

/// Proposals of versions.
#[derive(Clone)]
pub struct Proposals {
    /// Where they are kept.
    pub store: Store,
    /// Whose classifiers they are of.
    pub tenants: Arc<Tenants>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The agency whose models are meant; none for those of all, as the house sees them.
    pub agency: Option<String>,
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A folder of versions.
    #[error("failed to look at the versions")]
    Versions(#[from] VersionError),
    /// There is no such model, or it is another agency's.
    #[error("no model of this name")]
    NoModel,
    /// The version is not there, or it could not answer.
    #[error("the version is refused")]
    Refused(#[source] ModelError),
    /// The version answers already.
    #[error("the version answers already")]
    Answers,
    /// Somebody has proposed the version, and it waits.
    #[error("the version is proposed already")]
    Waits,
    /// The version is not the one that was proposed.
    #[error("the version is not what was proposed")]
    Changed,
    /// An approval that does not count.
    #[error("the proposal was not approved: {0:?}")]
    NotApproved(Approval),
    /// The version answers, but nobody is told.
    #[error("failed to tell that another version answers")]
    Told(#[from] BusError),
    /// The version is not compared with the one that answers.
    #[error("the versions are not compared")]
    NotCompared(#[source] CallError),
    /// The work was cut.
    #[error("the work was cut")]
    Cut,
}

/// The versions of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// `letters`, or `A04000000G/letters`.
    pub model: String,
    /// Numbers, the oldest first; 0 is part of the program.
    pub versions: Vec<u32>,
    /// The one that answers.
    pub active: Option<u32>,
}

/// Where a model is.
#[derive(Clone)]
struct Place {
    routing: Arc<Routing>,
    name: String,
}

impl Proposals {
    /// The same for somebody of this agency; for the house without one.
    pub fn of(&self, agency: Option<&str>) -> Proposals {
        Proposals { agency: agency.map(str::to_owned), ..self.clone() }
    }

    /// Names of the models that are meant.
    pub fn models(&self) -> Vec<String> {
        let of = |org: &str| CLASSIFIERS.map(|name| format!("{org}/{name}"));
        let own = self.tenants.agencies().flat_map(of);
        let all = CLASSIFIERS.into_iter().map(str::to_owned).chain(own);
        all.filter(|it| self.means(it)).collect()
    }

    /// Every proposal, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Promotion>, ProposalError> {
        let mut found = self.store.promotions().await?;
        found.retain(|it| self.means(&it.model));
        Ok(found)
    }

    /// The versions of a model.
    ///
    /// # Errors
    /// When there is no such model, or its folder cannot be read.
    pub async fn shelf(&self, model: &str) -> Result<Shelf, ProposalError> {
        let Place { routing, name } = self.place(model)?;
        let model = model.to_owned();
        blocking(move || {
            let versions = routing.versions(&name).ok_or(ProposalError::NoModel)?;
            Ok(Shelf { model, versions: versions.list()?, active: versions.active()? })
        })
        .await
    }

    /// Proposes, in the name of `by`, that a version answers. It waits for another person.
    ///
    /// # Errors
    /// When it answers already, waits already, or could not answer.
    pub async fn propose(
        &self,
        (model, version): (&str, u32),
        (reason, by): (String, String),
    ) -> Result<Promotion, ProposalError> {
        if self.shelf(model).await?.active == Some(version) {
            return Err(ProposalError::Answers);
        }
        let sha256 = self.place(model)?.open(version).await?;
        let now = self.clock.unix_time();
        let request = Request {
            id: RequestId::at(now).to_string(),
            reason,
            asked: (by, now),
            approved: None,
            done: None,
            rejected: None,
        };
        let model = model.to_owned();
        let promotion = Promotion { request, model, version, sha256 };
        if !self.store.propose_promotion(promotion.clone()).await? {
            return Err(ProposalError::Waits);
        }
        Ok(promotion)
    }

    /// Approves a proposal in the name of `by` and lets its version answer. One that was approved before and cut short
    /// is gone on with.
    ///
    /// # Errors
    /// When the approval does not count, or the version could not answer or is not what was proposed.
    pub async fn approve(
        &self,
        id: &str,
        by: &str,
        origin: &Origin,
    ) -> Result<Promotion, ProposalError> {
        let proposed = self.find(id).await?;
        let place = self.place(&proposed.model)?;
        if place.open(proposed.version).await? != proposed.sha256 {
            return Err(ProposalError::Changed);
        }
        let was_cut_short = proposed.request.approved.is_some() && proposed.request.done.is_none();
        match self.store.approve_promotion(id, by, self.now()).await? {
            Approval::Approved => (),
            Approval::Unknown if was_cut_short => (),
            other => return Err(ProposalError::NotApproved(other)),
        }
        let before = place.let_in(proposed.version).await?;
        self.store.promoted(id, self.now()).await?;
        let event = activated(&proposed, before);
        let about = format!("models/{}", proposed.model);
        let circumstances = Circumstances::of(origin, about, self.clock.as_ref());
        self.store.tell(event.outbox_row(&circumstances)?).await?;
        Ok(proposed)
    }

    /// Rejects a proposal in the name of `by`, who may be whoever proposed it.
    ///
    /// # Errors
    /// When none waits under this id.
    pub async fn reject(
        &self,
        id: &str,
        (reason, by): (String, String),
    ) -> Result<Promotion, ProposalError> {
        let proposed = self.find(id).await?;
        let rejection = Rejection { by, at: self.now(), reason };
        match self.store.reject_promotion(id, rejection).await? {
            true => Ok(proposed),
            false => Err(ProposalError::NotApproved(Approval::Unknown)),
        }
    }

    /// What the version of a proposal says to texts that officers have decided on, beside the one that answers; with the
    /// name of the model.
    ///
    /// # Errors
    /// When there is no such proposal, or either version cannot answer.
    pub async fn compare(&self, id: &str) -> Result<(String, Replay), ProposalError> {
        let Promotion { model, version, .. } = self.find(id).await?;
        let Place { routing, name } = self.place(&model)?;
        let tenant = model.split_once('/').map(|it| it.0.to_owned());
        let work = move || {
            let replay = routing.replay(&name, version, tenant.as_deref());
            replay.map_err(ProposalError::NotCompared)
        };
        Ok((model, blocking(work).await?))
    }

    async fn find(&self, id: &str) -> Result<Promotion, ProposalError> {
        let found = self.list().await?.into_iter().find(|it| it.request.id == id);
        found.ok_or(ProposalError::NotApproved(Approval::Unknown))
    }

    /// Whether a model is meant: an agency's own, or any for the house.
    fn means(&self, model: &str) -> bool {
        self.agency.as_deref().is_none_or(|it| model.split_once('/').is_some_and(|at| at.0 == it))
    }

    fn place(&self, model: &str) -> Result<Place, ProposalError> {
        if !self.means(model) {
            return Err(ProposalError::NoModel);
        }
        let (routing, name) = match model.split_once('/') {
            Some((org, name)) => (self.tenants.own(org).ok_or(ProposalError::NoModel)?, name),
            None => (self.tenants.house(), model),
        };
        routing.versions(name).ok_or(ProposalError::NoModel)?;
        Ok(Place { routing: Arc::clone(routing), name: name.to_owned() })
    }

    fn now(&self) -> Duration {
        self.clock.unix_time()
    }
}

impl Place {
    /// Opens a version; its hash.
    async fn open(&self, number: u32) -> Result<String, ProposalError> {
        let Place { routing, name } = self.clone();
        let opened = move || routing.try_version(&name, number).map_err(ProposalError::Refused);
        blocking(opened).await
    }

    async fn let_in(&self, number: u32) -> Result<Option<u32>, ProposalError> {
        let Place { routing, name } = self.clone();
        blocking(move || Ok(routing.let_in(&name, number)?)).await
    }
}

/// Reads files where that keeps nobody waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProposalError> + Send + 'static,
) -> Result<T, ProposalError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ProposalError::Cut))
}

/// That another version answers.
fn activated(it: &Promotion, before: Option<u32>) -> Event {
    let (org, name) = it.model.split_once('/').unzip();
    let named = |number: u32| match org {
        Some(org) => format!("{org}/{number}"),
        None => number.to_string(),
    };
    let name = name.unwrap_or(&it.model).to_owned();
    Event::ModelActivated(ModelActivated {
        model: ModelName { name, version: named(it.version) },
        previous_version: before.map(named),
        sha256: it.sha256.clone(),
    })
}
