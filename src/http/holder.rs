//! Who holds a stream open: asked again every second, for meanwhile a session may end and a key be revoked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Extensions;

use crate::base::ErrorCode;
use crate::identity::Standing;
use crate::policy::{Denial, Principal, Route};
use crate::task::call::{CallContext, CallError};

use super::visitors::SessionId;
use super::{App, record, refuse};

/// How often it is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By what a stream was opened.
#[derive(Clone)]
pub(super) enum By {
    /// Nothing: in a demonstration nobody is proven.
    Nothing,
    /// The session of a person at the console.
    Session(SessionId),
    /// A credential of its own.
    Credential(Arc<Standing>),
}

/// Who holds a stream open, and by what. The guard gives one to each route that stays open.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) by: By,
    pub(super) principal: Arc<Principal>,
    pub(super) route: &'static Route,
    pub(super) address: IpAddr,
}

impl Holder {
    /// Of a request that the guard has let in.
    pub(super) fn of(extensions: &Extensions) -> Result<Holder, CallError> {
        let found = extensions.get::<Holder>().cloned();
        found.ok_or_else(|| refuse(ErrorCode::Internal, "系統發生錯誤。"))
    }

    /// Resolves with the reason when whoever holds it may not any longer; never while they may.
    pub(super) async fn refused(self, app: Arc<App>) -> CallError {
        if matches!(self.by, By::Nothing) {
            return std::future::pending().await;
        }
        loop {
            app.clock.wait(LOOK_EVERY).await;
            if let Err(denial) = self.look(&app).await {
                metrics::counter!("fenwen_refusals_total", "reason" => denial.as_str())
                    .increment(1);
                return self.told(denial);
            }
        }
    }

    /// The same for an answer that is on record as given: its end is put on record too.
    pub(super) async fn cut(self, app: Arc<App>, cx: CallContext) -> CallError {
        let error = self.clone().refused(Arc::clone(&app)).await;
        record::cut(&app, &cx, (&self.principal, self.route), &error).await;
        error
    }

    /// Notes that somebody is there: whoever speaks uses the session, though no request comes.
    pub(super) fn note_use(&self, app: &App) {
        if let (By::Session(session), Some(pages)) = (&self.by, &app.pages) {
            pages.sessions.note_use(*session);
        }
    }

    async fn look(&self, app: &App) -> Result<(), Denial> {
        match (&self.by, &app.pages) {
            (By::Nothing, _) => Ok(()),
            (By::Credential(standing), _) => app.gate.still(standing, self.route).await,
            (By::Session(session), Some(pages)) => {
                let principal = pages.sessions.right_now(*session, self.address).await?;
                app.gate.admit_local(&principal, self.route)
            }
            (By::Session(_), None) => Err(Denial::Expired),
        }
    }

    fn told(&self, denial: Denial) -> CallError {
        match (&self.by, denial) {
            (By::Session(_), Denial::Expired) => {
                refuse(ErrorCode::Unauthenticated, "登入已結束,請重新登入。")
            }
            _ => denial.into(),
        }
    }
}
