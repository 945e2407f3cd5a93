//! Who calls, once it is proven.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::{Denial, Scope, Scopes};

/// What kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client system.
    System,
    /// A person at the console.
    Person,
    /// Whoever reaches the loopback interface of a demonstration.
    Local,
}

/// How a caller was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It was not.
    Nothing,
    /// By an API key.
    ApiKey,
    /// By a signed token.
    Token,
    /// By the exchange's security server, which names it.
    Exchange,
    /// By a login at the provider.
    Login,
}

impl Method {
    /// Its name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Nothing => "none",
            Method::ApiKey => "api-key",
            Method::Token => "token",
            Method::Exchange => "exchange",
            Method::Login => "login",
        }
    }
}

/// Purposes that a client may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purposes {
    /// Any.
    Any,
    /// One of these.
    Among(Arc<[String]>),
}

/// The person behind a system's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActingFor {
    /// Id of the person, as the issuer or the client says.
    pub subject: String,
    /// Whether the issuer of the token vouches for it; else the client only says so.
    pub is_authenticated: bool,
}

/// A caller and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What kind.
    pub kind: Kind,
    /// Id of the system or person, as its issuer has it.
    pub subject: String,
    /// The client system: for shares, quotas and what may be seen.
    pub client: String,
    /// Code of the agency.
    pub org: String,
    /// Units below which it may see rows; the whole agency when empty.
    pub unit_paths: Vec<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// What it may do it for.
    pub purposes: Purposes,
    /// Whether the hours in which it may call were approved: it is not measured by those of offices.
    pub has_hours: bool,
    /// How it was proven.
    pub authenticated_by: Method,
    /// How the person's login was proven.
    pub login: Assurance,
    /// The person behind the call, if it is told.
    pub acting_for: Option<ActingFor>,
}

/// How a login was proven, as the issuer says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Assurance {
    /// Methods (`amr`, RFC 8176). Some issuers write one as a text and not as a list.
    #[serde(default, deserialize_with = "one_or_many")]
    pub amr: Vec<String>,
    /// Class (`acr`, OpenID Connect Core 2), such as a level of assurance.
    pub acr: Option<String>,
}

fn one_or_many<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Methods {
        Many(Vec<String>),
        One(String),
    }
    Ok(match Methods::deserialize(json)? {
        Methods::Many(all) => all,
        Methods::One(it) => it.split_ascii_whitespace().map(str::to_owned).collect(),
    })
}

impl Principal {
    /// Whoever reaches the loopback interface of a demonstration: everything is allowed.
    pub fn local(client: String, org: String) -> Principal {
        Principal {
            kind: Kind::Local,
            subject: client.clone(),
            client,
            org,
            unit_paths: Vec::new(),
            scopes: Scopes::all(),
            purposes: Purposes::Any,
            has_hours: false,
            authenticated_by: Method::Nothing,
            login: Assurance::default(),
            acting_for: None,
        }
    }

    /// Requires a scope beyond those of the route: where the content of a call decides.
    ///
    /// # Errors
    /// [`Denial::Scope`].
    pub fn require(&self, scope: Scope) -> Result<(), Denial> {
        if self.scopes.has(scope) { Ok(()) } else { Err(Denial::Scope) }
    }

    /// Under which name it asks for something or approves it: the person whom the issuer vouches for, or else itself.
    /// Whom a client only says it acts for would make one client two persons.
    pub fn name(&self) -> &str {
        let person = self.acting_for.as_ref().filter(|it| it.is_authenticated);
        person.map_or(&self.subject, |it| &it.subject)
    }

    /// The agency that it may act for where rows of persons or models of agencies are meant: its own; none, which is
    /// all, for whoever belongs to the `house`. Units do not matter: a request of a person is for the whole agency.
    pub fn agency(&self, house: &str) -> Option<&str> {
        (self.org != house).then_some(self.org.as_str())
    }

    /// Whether a row of an agency, and of a unit (`301000000A/民政司/第三科`) where it has one, may be seen.
    ///
    /// A unit's own path and all below it are seen; a path that only begins with the same letters is not.
    pub fn sees(&self, org: &str, unit_path: Option<&str>) -> bool {
        if self.org != org {
            return false;
        }
        let Some(path) = unit_path.filter(|_| !self.unit_paths.is_empty()) else {
            return self.unit_paths.is_empty();
        };
        let is_below = |own: &String| {
            path.strip_prefix(own.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        self.unit_paths.iter().any(is_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &[&str], org: &str, unit_path: Option<&str>, expected: bool) {
        let mut principal = Principal::local("a".to_owned(), "301000000A".to_owned());
        principal.unit_paths = own.iter().map(|&it| it.to_owned()).collect();
        assert_eq!(principal.sees(org, unit_path), expected, "{own:?} {org} {unit_path:?}");
    }

    #[test]
    fn rows_are_seen_from_their_unit_and_above() {
        check(&[], "301000000A", None, true);
        check(&[], "301000000A", Some("301000000A/民政司"), true);
        check(&[], "379000000A", None, false);
        let civil = ["301000000A/民政司"];
        check(&civil, "301000000A", Some("301000000A/民政司"), true);
        check(&civil, "301000000A", Some("301000000A/民政司/第三科"), true);
        check(&civil, "301000000A", Some("301000000A/民政司第三科"), false);
        check(&civil, "301000000A", Some("301000000A/戶政司"), false);
        check(&civil, "379000000A", Some("301000000A/民政司"), false);
        // Whoever sees some units only sees no row that belongs to none.
        check(&civil, "301000000A", None, false);
        check(&["301000000A/戶政司", civil[0]], "301000000A", Some(civil[0]), true);
    }

    #[test]
    fn one_client_is_not_two_persons() {
        let mut principal = Principal::local("mailbox".to_owned(), "301000000A".to_owned());
        assert_eq!(principal.name(), "mailbox");
        let subject = "u-1".to_owned();
        principal.acting_for =
            Some(ActingFor { subject: subject.clone(), is_authenticated: false });
        assert_eq!(principal.name(), "mailbox", "nobody vouches for the person");
        principal.acting_for = Some(ActingFor { subject, is_authenticated: true });
        assert_eq!(principal.name(), "u-1");
    }

    #[test]
    fn the_house_acts_for_all_and_an_agency_for_itself() {
        let mut principal = Principal::local("a".to_owned(), "379000000A".to_owned());
        assert_eq!(principal.agency("301000000A"), Some("379000000A"));
        principal.unit_paths = vec!["379000000A/民政局".to_owned()];
        assert_eq!(principal.agency("301000000A"), Some("379000000A"));
        principal.org = "301000000A".to_owned();
        assert_eq!(principal.agency("301000000A"), None);
    }
}
