//! The services of text of every agency: its own where it has units of its own, else those of the house.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::routing::Routing;

/// Which services answer whom.
pub struct Tenants {
    house: Arc<Routing>,
    own: BTreeMap<String, Arc<Routing>>,
}

impl Tenants {
    /// Services by the code of their agency, and those for everybody else.
    pub fn new(house: Arc<Routing>, own: BTreeMap<String, Arc<Routing>>) -> Arc<Tenants> {
        Arc::new(Tenants { house, own })
    }

    /// One for everybody.
    pub fn house_only(house: Arc<Routing>) -> Arc<Tenants> {
        Tenants::new(house, BTreeMap::new())
    }

    /// Those that answer an agency.
    pub fn of(&self, org: &str) -> &Arc<Routing> {
        self.own.get(org).unwrap_or(&self.house)
    }

    /// Those of an agency that has its own.
    pub fn own(&self, org: &str) -> Option<&Arc<Routing>> {
        self.own.get(org)
    }

    /// Codes of the agencies that have their own.
    pub fn agencies(&self) -> impl Iterator<Item = &str> {
        self.own.keys().map(String::as_str)
    }

    /// Those of the house.
    pub fn house(&self) -> &Arc<Routing> {
        &self.house
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Routing>> {
        std::iter::once(&self.house).chain(self.own.values())
    }

    /// Forgets predictions whose texts were erased, whoever asked for them.
    pub fn forget(&self, ids: &[String]) {
        self.all().for_each(|it| it.forget(ids));
    }
}
