//! Who serves which subject.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Shared;
use crate::bus::gate::Gate;
use crate::bus::message::{Answerer, Handle, ServiceSpec};
use crate::bus::subject::Subject;

/// The members that serve.
#[derive(Default)]
pub(super) struct Registry {
    members: BTreeMap<Subject, Vec<Member>>,
    next_id: u64,
    n_chosen: usize,
}

/// One member for one subject.
#[derive(Clone)]
pub(super) struct Member {
    id: u64,
    service: Arc<ServiceSpec>,
    /// Who answers.
    pub(super) answer: Answerer,
    /// Requests that it is answering.
    pub(super) gate: Gate,
}

impl Registry {
    /// The next member in turn.
    pub(super) fn choose(&mut self, subject: &Subject) -> Option<Member> {
        let members = self.members.get(subject)?;
        self.n_chosen = self.n_chosen.wrapping_add(1);
        members.get(self.n_chosen.checked_rem(members.len())?).cloned()
    }

    /// Name and version of each service, once.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let members = self.members.values().flatten();
        let mut names: Vec<(String, String)> =
            members.map(|it| (it.service.name.clone(), it.service.version.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    fn remove(&mut self, id: u64) {
        for members in self.members.values_mut() {
            members.retain(|it| it.id != id);
        }
    }
}

/// Takes the member out when it is dropped.
struct Registration {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.registry().remove(self.id);
    }
}

/// Adds a member for every endpoint of a service.
pub(super) fn serve(shared: &Arc<Shared>, spec: &ServiceSpec) -> Handle {
    let gate = Gate::new();
    let service = Arc::new(spec.clone());
    let mut registry = shared.registry();
    registry.next_id += 1;
    let id = registry.next_id;
    for endpoint in &spec.endpoints {
        let (answer, gate) = (Arc::clone(&endpoint.answer), gate.clone());
        let member = Member { id, service: Arc::clone(&service), answer, gate };
        registry.members.entry(endpoint.subject.clone()).or_default().push(member);
    }
    drop(registry);
    let registration = Registration { shared: Arc::clone(shared), id };
    let (sender, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        // An error means that the handle is gone; both end the service.
        let _ = stopped.await;
        drop(registration);
        gate.empty().await;
    });
    Handle::of(task, move || drop(sender))
}
