//! Sessions under a clock of the test's own, at two nodes that hear of each other.

use super::*;
use crate::base::ManualClock;
use crate::policy::{Kind, Method, Purposes, Scopes};

/// 2026-11-23T00:00:00Z.
const MORNING: Duration = Duration::from_secs(1_795_392_000);

/// Proves nobody, and keeps what nodes tell.
#[derive(Default)]
struct Fake {
    told: Mutex<Vec<SignOut>>,
    is_down: std::sync::atomic::AtomicBool,
}

impl Fake {
    fn fails(&self, is_down: bool) {
        self.is_down.store(is_down, std::sync::atomic::Ordering::SeqCst);
    }

    fn told(&self) -> Result<MutexGuard<'_, Vec<SignOut>>, Denial> {
        let is_down = self.is_down.load(std::sync::atomic::Ordering::SeqCst);
        if is_down { Err(Denial::Unavailable) } else { Ok(self.told.lock().unwrap()) }
    }
}

impl Prover for Fake {
    fn prove<'a>(
        &'a self,
        _: &'a Secret<String>,
        _: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<(SignedIn, Principal), Denial>> {
        std::future::ready(Err(Denial::BadCredential)).boxed()
    }

    fn again<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        _: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>> {
        let SignedIn::Person { principal, .. } = signed_in else { unreachable!() };
        std::future::ready(Ok(Principal::clone(principal))).boxed()
    }

    fn right_now<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>> {
        self.again(signed_in, address)
    }

    fn tell_sign_out(&self, ended: SignOut) -> BoxFuture<'_, Result<(), Denial>> {
        std::future::ready(self.told().map(|mut it| it.push(ended))).boxed()
    }

    fn sign_outs(&self, from: Duration) -> BoxFuture<'_, Result<Vec<SignOut>, Denial>> {
        let found = self.told().map(|it| it.iter().filter(|it| from <= it.at).cloned().collect());
        std::future::ready(found).boxed()
    }
}

fn person(subject: &str, sid: &str) -> SignedIn {
    let principal = Principal {
        kind: Kind::Person,
        subject: subject.to_owned(),
        client: "console".to_owned(),
        org: "301000000A".to_owned(),
        unit_paths: Vec::new(),
        scopes: Scopes::all(),
        purposes: Purposes::Any,
        has_hours: false,
        authenticated_by: Method::Login,
        login: Default::default(),
        acting_for: None,
    };
    SignedIn::Person { principal: Box::new(principal), sid: Some(sid.to_owned()) }
}

struct World {
    clock: Arc<ManualClock>,
    prover: Arc<Fake>,
}

impl World {
    fn new() -> World {
        World { clock: Arc::new(ManualClock::at(MORNING)), prover: Arc::default() }
    }

    fn node(&self) -> SessionTable {
        let prover: Arc<dyn Prover> = Arc::<Fake>::clone(&self.prover);
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        SessionTable::new(prover, clock, Cookies { is_secure: false })
    }
}

fn begin(node: &SessionTable, who: SignedIn) -> SessionId {
    hash(node.begin(who).unwrap().expose())
}

fn is_open(node: &SessionTable, id: SessionId) -> bool {
    node.right_now(id, [192, 0, 2, 7].into()).now_or_never().unwrap().is_ok()
}

fn catch_up(node: &SessionTable) {
    node.catch_up().now_or_never().unwrap();
}

#[test]
fn what_ends_at_one_node_ends_at_the_others() {
    let world = World::new();
    let [here, there] = [world.node(), world.node()];
    catch_up(&there);
    let [own, other] = [&here, &there].map(|it| begin(it, person("u-1", "s-1")));
    let elsewhere = begin(&there, person("u-1", "s-2"));
    let end = |subject: Option<&str>, sid: Option<&str>| {
        let told = here.end_everywhere(subject.map(str::to_owned), sid.map(str::to_owned));
        told.now_or_never().unwrap()
    };
    assert_eq!(end(None, Some("s-1")), Ok(()));
    assert!(!is_open(&here, own) && is_open(&there, other), "told, not heard yet");
    catch_up(&there);
    assert!(!is_open(&there, other) && is_open(&there, elsewhere), "only the one that was meant");
    assert_eq!(end(Some("u-1"), None), Ok(()));
    catch_up(&there);
    assert!(!is_open(&there, elsewhere), "all of a person");

    // What was heard counts once: whoever comes back stays.
    let [back, own] = [&there, &here].map(|it| begin(it, person("u-1", "s-3")));
    for node in [&there, &here] {
        catch_up(node);
    }
    assert!(is_open(&there, back) && is_open(&here, own));
}

#[test]
fn what_was_told_while_a_node_could_not_read_is_heard_later() {
    let world = World::new();
    let [here, there] = [world.node(), world.node()];
    catch_up(&there);
    let open = begin(&there, person("u-1", "s-1"));
    assert_eq!(here.end_everywhere(None, Some("s-1".to_owned())).now_or_never(), Some(Ok(())));
    world.prover.fails(true);
    catch_up(&there);
    assert!(is_open(&there, open));
    let failed = here.end_everywhere(None, Some("s-2".to_owned())).now_or_never().unwrap();
    assert_eq!(failed, Err(Denial::Unavailable));
    // It is down for a while; the session is used all the time.
    world.clock.advance(OVERLAP + Duration::from_secs(60));
    there.note_use(open);
    world.prover.fails(false);
    catch_up(&there);
    assert!(!is_open(&there, open));
}

#[test]
fn to_be_asked_for_is_no_use_and_to_speak_is() {
    let world = World::new();
    let node = world.node();
    let [asked, spoken] = ["s-1", "s-2"].map(|it| begin(&node, person("u-1", it)));
    world.clock.advance(IDLE / 2);
    assert!(is_open(&node, asked));
    node.note_use(spoken);
    world.clock.advance(IDLE / 2);
    assert!(!is_open(&node, asked) && is_open(&node, spoken));
    world.clock.advance(IDLE / 2);
    node.note_use(asked);
    assert!(!is_open(&node, asked), "what is over stays over");
}
