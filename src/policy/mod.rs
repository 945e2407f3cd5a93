//! Who may do what: scopes, roles, the table of routes, and the one place that decides. Deny by default.
//!
//! Everything here is computation: who calls is found out elsewhere, and the answer is carried out elsewhere.

mod denial;
mod principal;
mod role;
mod routes;
mod scope;

pub use denial::Denial;
pub use principal::{ActingFor, Assurance, Kind, Method, Principal, Purposes};
pub use role::{Role, UnknownRole};
pub use routes::{Access, GRPC, Offered, PAGES, PersonalData, ROUTES, Route};
pub use scope::{Scope, Scopes, UnknownScope};

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Everything, on the loopback interface.
    All,
    /// Clients.
    Public,
    /// Operators.
    Admin,
    /// The security server of the exchange.
    Exchange,
}

impl Surface {
    /// Whether a route is offered here.
    pub fn offers(self, offered: Offered) -> bool {
        match self {
            Surface::All => true,
            Surface::Public | Surface::Exchange => offered != Offered::Operators,
            Surface::Admin => offered != Offered::Clients,
        }
    }
}

/// The rules.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Methods of login (RFC 8176) that count as strong.
    pub strong: Vec<String>,
    /// Classes of login (`acr`) that count as strong whatever their methods.
    pub strong_acr: Vec<String>,
}

impl Policy {
    /// Whether a login counts as strong.
    fn is_strong(&self, login: &Assurance) -> bool {
        let by_class = login.acr.as_ref().is_some_and(|it| self.strong_acr.contains(it));
        by_class || login.amr.iter().any(|it| self.strong.contains(it))
    }

    /// Whether `principal` may call `route`; nobody is `None`.
    ///
    /// # Errors
    /// With the reason. What is not allowed expressly is denied.
    pub fn decide(&self, principal: Option<&Principal>, route: &Route) -> Result<(), Denial> {
        if route.access == Access::Open {
            return Ok(());
        }
        let principal = principal.ok_or(Denial::NoCredential)?;
        let is_allowed = match route.access {
            Access::Open | Access::Known => true,
            Access::Client => principal.kind != Kind::Person,
            Access::Any(scopes) => scopes.iter().any(|it| principal.scopes.has(*it)),
        };
        if !is_allowed {
            return Err(Denial::Scope);
        }
        let is_strong = || self.is_strong(&principal.login);
        let is_person = principal.kind == Kind::Person || principal.acting_for.is_some();
        if is_person && route.needs_strong_login() && !is_strong() {
            return Err(Denial::StrongLogin);
        }
        match (route.personal, &principal.purposes) {
            (PersonalData::Implied, Purposes::Among(codes)) if codes.len() != 1 => {
                Err(Denial::Purpose)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
