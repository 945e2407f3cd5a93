//! From an application to a client: one person applies, another approves, keys are issued, and what went wrong is suspended.

use crate::base::RequestId;
use crate::policy::{Scope, Scopes};
use crate::store::clients::{ClientKey, ClientRow};
use crate::store::{ApplicationRow, Applied, Approval, Rejection, Request, StoreError};

use super::{Gate, Registration};
use crate::identity::{Application, NewKey, NoRandomness, Unfit, shares_partner};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum OnboardingError {
    /// It asks for what cannot be granted.
    #[error("the application cannot be granted")]
    Unfit(#[from] Unfit),
    /// A client of this id, or of this name at the exchange, is registered.
    #[error("the id or the name at the exchange is taken")]
    Taken,
    /// One of the same system waits already.
    #[error("an application of the system waits already")]
    Waits,
    /// Too many of the same sender wait.
    #[error("too many applications of the sender wait")]
    TooMany,
    /// Nothing of this id, or it is another agency's.
    #[error("there is none of this id")]
    Unknown,
    /// Whoever applied or handed it over approves it.
    #[error("whoever applied cannot approve")]
    SamePerson,
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A key could not be made.
    #[error("failed to make a key")]
    Key(#[from] NoRandomness),
    /// What is kept of an application cannot be read.
    #[error("an application cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// What somebody may do with applications and clients: those of an agency, or of all without one.
#[derive(Clone, Copy)]
pub struct Onboarding<'a> {
    pub(super) gate: &'a Gate,
    pub(super) agency: Option<&'a str>,
}

impl Gate {
    /// Applications and clients of an agency; those of all without one.
    pub fn onboarding<'a>(&'a self, agency: Option<&'a str>) -> Onboarding<'a> {
        Onboarding { gate: self, agency }
    }
}

impl Registration {
    /// Whether whoever administers clients issues its keys and lets it call again; what is more powerful than that is
    /// looked after at the machine.
    pub fn is_plain(&self) -> bool {
        require_plain(self).is_ok()
    }
}

impl Onboarding<'_> {
    /// Keeps an application, handed over by `sender`, for another person's approval.
    ///
    /// # Errors
    /// When it asks for what cannot be granted over HTTP, or its client is there or waits already.
    pub async fn apply(
        &self,
        it: &Application,
        sender: &str,
    ) -> Result<ApplicationRow, OnboardingError> {
        let now = self.gate.clock.unix_time();
        // The approver is not known yet: nothing else of the row depends on who that will be.
        let row = it.row("", now)?;
        if let Some(scope) = it.granted()?.iter().find(|it| is_privileged(*it)) {
            let what = "這項權限只能在主機上登記(fenwen clients add)";
            return Err(Unfit { field: "scopes", value: scope.to_string(), what }.into());
        }
        if !self.means(&row.org) {
            let what = "只能申請自己機關的介接系統";
            return Err(Unfit { field: "org", value: row.org, what }.into());
        }
        let registered = self.gate.store.clients().await?;
        let is_taken = |other: &ClientRow| other.id == row.id || shares_partner(other, &row);
        if registered.iter().any(is_taken) {
            return Err(OnboardingError::Taken);
        }
        let request = Request {
            id: RequestId::at(now).to_string(),
            reason: it.application_no.clone(),
            asked: (it.applied_by.clone(), now),
            approved: None,
            done: None,
            rejected: None,
        };
        let (org, client, content) = (row.org, row.id, serde_json::to_string(it)?);
        let kept = ApplicationRow { request, sender: sender.to_owned(), org, client, content };
        match self.gate.store.apply(kept.clone()).await? {
            Applied::Kept => Ok(kept),
            Applied::Waits => Err(OnboardingError::Waits),
            Applied::TooMany => Err(OnboardingError::TooMany),
        }
    }

    /// Every application, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn applications(&self) -> Result<Vec<ApplicationRow>, OnboardingError> {
        let mut found = self.gate.store.applications().await?;
        found.retain(|it| self.means(&it.org));
        Ok(found)
    }

    /// One application.
    ///
    /// # Errors
    /// When there is none.
    pub async fn application(&self, id: &str) -> Result<ApplicationRow, OnboardingError> {
        let found = self.applications().await?.into_iter().find(|it| it.request.id == id);
        found.ok_or(OnboardingError::Unknown)
    }

    /// Approves an application in the name of `by`: its client is registered.
    ///
    /// # Errors
    /// When it does not wait, `by` applied or handed it over, or its id is taken meanwhile.
    pub async fn approve(&self, id: &str, by: &str) -> Result<ApplicationRow, OnboardingError> {
        let found = self.application(id).await?;
        let now = self.gate.clock.unix_time();
        let application: Application = serde_json::from_str(&found.content)?;
        let client = application.row(by, now)?;
        // A name that was registered before one spelling was kept is not found by the database.
        let registered = self.gate.store.clients().await?;
        if registered.iter().any(|it| shares_partner(it, &client)) {
            return Err(OnboardingError::Taken);
        }
        match self.gate.store.approve_application(id, by, now, client).await? {
            Approval::Approved => Ok(found),
            Approval::SamePerson => Err(OnboardingError::SamePerson),
            Approval::Taken => Err(OnboardingError::Taken),
            Approval::Unknown | Approval::Held => Err(OnboardingError::Unknown),
        }
    }

    /// Rejects an application in the name of `by`, who may be whoever applied.
    ///
    /// # Errors
    /// When it does not wait.
    pub async fn reject(
        &self,
        id: &str,
        (reason, by): (String, String),
    ) -> Result<ApplicationRow, OnboardingError> {
        let found = self.application(id).await?;
        let rejection = Rejection { by, at: self.gate.clock.unix_time(), reason };
        match self.gate.store.reject_application(id, rejection).await? {
            true => Ok(found),
            false => Err(OnboardingError::Unknown),
        }
    }

    /// Every client, by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients(&self) -> Result<Vec<Registration>, OnboardingError> {
        let mut found = self.gate.registrations().await?;
        found.retain(|it| self.means(&it.org));
        Ok(found)
    }

    /// Suspends a client, or lets it call again.
    ///
    /// # Errors
    /// When there is none.
    pub async fn set_active(&self, id: &str, is_active: bool) -> Result<(), OnboardingError> {
        let client = self.client(id).await?;
        if is_active {
            require_plain(&client)?;
        }
        let now = self.gate.clock.unix_time();
        match self.gate.store.set_client_active(id, is_active, now).await? {
            true => Ok(()),
            false => Err(OnboardingError::Unknown),
        }
    }

    /// A new key of a client, to be shown once.
    ///
    /// # Errors
    /// When there is no such client, or its scopes are for the machine's operators to give.
    pub async fn issue_key(&self, id: &str) -> Result<NewKey, OnboardingError> {
        require_plain(&self.client(id).await?)?;
        let is_demo = self.gate.settings.accepts_demo_keys;
        let key = NewKey::generate(is_demo)?;
        let created = self.gate.clock.unix_time();
        let (client, hash) = (id.to_owned(), key.hash.clone());
        let kept = ClientKey { id: key.id.clone(), client, hash, is_demo, created };
        match self.gate.store.add_client_key(kept).await? {
            true => Ok(key),
            false => Err(OnboardingError::Unknown),
        }
    }

    /// Revokes a key of a client.
    ///
    /// # Errors
    /// When there is none.
    pub async fn revoke_key(&self, id: &str, key: &str) -> Result<(), OnboardingError> {
        let client = self.client(id).await?;
        let is_own = client.keys.iter().any(|it| it.0 == key);
        match is_own && self.gate.store.delete_client_key(key).await? {
            true => Ok(()),
            false => Err(OnboardingError::Unknown),
        }
    }

    async fn client(&self, id: &str) -> Result<Registration, OnboardingError> {
        let found = self.clients().await?.into_iter().find(|it| it.id == id);
        found.ok_or(OnboardingError::Unknown)
    }

    fn means(&self, org: &str) -> bool {
        self.agency.is_none_or(|it| it == org)
    }
}

/// Whether a scope is given at the machine only.
fn is_privileged(scope: Scope) -> bool {
    scope.needs_strong_login() || scope == Scope::ClientsApply
}

/// Whoever administers clients makes nobody more powerful than that: what needs a strong login is given at the machine.
fn require_plain(client: &Registration) -> Result<(), OnboardingError> {
    let scopes = Scopes::of_known(&client.scopes);
    match scopes.iter().find(|it| is_privileged(*it)) {
        Some(scope) => {
            let what = "具有這項權限的介接系統只能在主機上處理";
            Err(Unfit { field: "scopes", value: scope.to_string(), what }.into())
        }
        None => Ok(()),
    }
}
