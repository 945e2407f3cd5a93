//! Keys, conditions and locks of clients, under a clock of the test's own.

use super::*;
use crate::base::ManualClock;
use crate::identity::NewKey;
use crate::store::clients::{ClientKey, ClientRow};

/// 2026-11-23T00:00:00Z: eight in the morning in Taiwan.
const MORNING: Duration = Duration::from_secs(1_795_392_000);
const IDLE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    gate: Arc<Gate>,
    header: String,
}

fn row() -> ClientRow {
    ClientRow {
        id: "mailbox".to_owned(),
        org: "301000000A".to_owned(),
        units: "301000000A/民政司".to_owned(),
        scopes: "letters:classify jobs:read".to_owned(),
        purposes: "petition-handling".to_owned(),
        hours: None,
        networks: String::new(),
        expires: None,
        certificate: None,
        partner: Some("TW/GOV/301000000A/mailbox".to_owned()),
        is_active: true,
        approver: "u-1".to_owned(),
        created: MORNING,
        used: MORNING,
    }
}

fn world(accepts_demo_keys: bool, change: impl FnOnce(&mut ClientRow)) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory(folder.path()).unwrap();
    let clock = Arc::new(ManualClock::at(MORNING));
    let mut client = row();
    change(&mut client);
    assert!(store.add_client(client).wait().unwrap());
    let key = NewKey::generate(true).unwrap();
    let kept = ClientKey {
        id: key.id,
        client: "mailbox".to_owned(),
        hash: key.hash,
        is_demo: true,
        created: MORNING,
    };
    assert!(store.add_client_key(kept).wait().unwrap());
    let settings =
        GateSettings { is_required: true, accepts_demo_keys, idle: IDLE, issuers: Vec::new() };
    let policy = Policy { strong: Vec::new(), strong_acr: Vec::new() };
    let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let gate = Gate::new(settings, policy, store.clone(), ticking);
    let header = format!("Bearer {}", key.text.expose());
    World { _folder: folder, store, clock, gate, header }
}

impl World {
    fn admit<'a>(&'a self, change: impl FnOnce(&mut Shown<'a>)) -> Result<Principal, Denial> {
        let mut shown = Shown {
            authorization: Some(&self.header),
            address: Some([192, 0, 2, 7].into()),
            certificate: None,
            surface: Surface::Public,
            exchange: (None, None),
        };
        change(&mut shown);
        let route = Route::find("POST", "/api/v1/letters/classifications").unwrap();
        let admitted = futures_util::FutureExt::now_or_never(self.gate.admit(shown, route));
        admitted.unwrap().map(|it| it.unwrap())
    }

    fn good(&self) -> Result<(), Denial> {
        self.admit(|_| ()).map(drop)
    }

    fn bad(&self) -> Result<(), Denial> {
        self.admit(|it| it.authorization = Some("Bearer x")).map(drop)
    }
}

#[test]
fn a_good_key_brings_what_is_registered() {
    let world = world(true, |_| ());
    let found = world.admit(|_| ()).unwrap();
    assert_eq!((found.kind, found.authenticated_by), (Kind::System, Method::ApiKey));
    assert_eq!((found.client.as_str(), found.org.as_str()), ("mailbox", "301000000A"));
    assert_eq!(found.unit_paths, ["301000000A/民政司"]);
    assert_eq!(found.scopes.to_string(), "letters:classify jobs:read");
}

#[test]
fn what_is_no_credential_is_refused() {
    let world = world(true, |_| ());
    assert_eq!(world.admit(|it| it.authorization = None).map(drop), Err(Denial::NoCredential));
    for bad in ["", "Bearer", "Bearer ", "Basic eA==", "Bearer fwk_0000000000000000_x"] {
        let found = world.admit(|it| {
            it.authorization = Some(bad);
            it.address = None;
        });
        assert_eq!(found.map(drop), Err(Denial::BadCredential), "{bad}");
    }
    let strict = self::world(false, |_| ());
    assert_eq!(strict.good(), Err(Denial::BadCredential), "a key for demonstrations");
}

#[test]
fn conditions_of_a_client_hold() {
    fn check(change: impl FnOnce(&mut ClientRow), expected: Denial) {
        assert_eq!(world(true, change).good(), Err(expected));
    }
    check(|it| it.is_active = false, Denial::Suspended);
    check(|it| it.expires = Some(MORNING), Denial::Suspended);
    check(|it| it.used = MORNING - IDLE, Denial::Suspended);
    check(|it| it.networks = "10.0.0.0/8 192.0.3.0/24".to_owned(), Denial::Network);
    check(|it| it.hours = Some("09:00-18:00".to_owned()), Denial::Hours);
    check(|it| it.certificate = Some(vec![1]), Denial::BadCredential);
    check(|it| it.scopes = "jobs:read".to_owned(), Denial::Scope);
    // A condition that cannot be read is not taken for none.
    check(|it| it.hours = Some("always".to_owned()), Denial::BadCredential);
    let open = world(true, |it| {
        it.networks = "192.0.2.0/24".to_owned();
        it.hours = Some("08:00-18:00".to_owned());
        it.certificate = Some(vec![1]);
    });
    assert!(open.admit(|it| it.certificate = Some(&[1])).is_ok());
}

#[test]
fn suspending_acts_within_a_minute_and_enabling_too() {
    let world = world(true, |_| ());
    assert_eq!(world.good(), Ok(()));
    let now = world.clock.unix_time();
    assert!(world.store.set_client_active("mailbox", false, now).wait().unwrap());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.good(), Err(Denial::Suspended));
    assert!(world.store.set_client_active("mailbox", true, now).wait().unwrap());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.good(), Ok(()));
    world.clock.advance(2 * NOTED);
    assert_eq!(world.good(), Ok(()));
    let used = world.store.clients().wait().unwrap()[0].used;
    assert_eq!(used, world.clock.unix_time(), "the use is noted");
    assert!(world.store.delete_client("mailbox").wait().unwrap());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.good(), Err(Denial::BadCredential));
}

#[test]
fn five_bad_credentials_lock_an_address_for_fifteen_minutes() {
    let world = world(true, |_| ());
    for _ in 0..5 {
        assert_eq!(world.bad(), Err(Denial::BadCredential));
    }
    assert_eq!(world.good(), Err(Denial::Locked(Duration::from_secs(900))));
    let elsewhere = world.admit(|it| it.address = Some([192, 0, 2, 8].into()));
    assert!(elsewhere.is_ok());
    world.clock.advance(Duration::from_secs(899));
    assert_eq!(world.good(), Err(Denial::Locked(Duration::from_secs(1))));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.good(), Ok(()));
}

#[test]
fn five_bad_secrets_lock_a_key_wherever_they_come_from() {
    let world = world(true, |_| ());
    let bad = format!("{}x", world.header);
    for last in 0..5 {
        let found = world.admit(|it| {
            it.authorization = Some(&bad);
            it.address = Some([192, 0, 2, 20 + last].into());
        });
        assert_eq!(found.map(drop), Err(Denial::BadCredential));
    }
    assert!(matches!(world.good(), Err(Denial::Locked(_))));
}

#[test]
fn the_exchange_is_believed_on_its_listener_only() {
    let world = world(true, |_| ());
    let name = "TW/GOV/301000000A/mailbox";
    let of = |surface, client: Option<&str>| {
        let client = client.map(str::to_owned);
        world.admit(|it| {
            it.authorization = None;
            it.surface = surface;
            it.exchange = (client.as_deref().map(|_| name), Some("u-88"));
        })
    };
    let found = of(Surface::Exchange, Some(name)).unwrap();
    assert_eq!((found.subject.as_str(), found.client.as_str()), (name, "mailbox"));
    assert_eq!(found.acting_for.map(|it| it.is_authenticated), Some(false));
    assert_eq!(of(Surface::Public, Some(name)).map(drop), Err(Denial::NoCredential));
    assert_eq!(of(Surface::Exchange, None).map(drop), Err(Denial::NoCredential));
    let unknown = world.admit(|it| {
        it.surface = Surface::Exchange;
        it.exchange = (Some("TW/GOV/379000000A/x"), None);
    });
    assert_eq!(unknown.map(drop), Err(Denial::UnknownPartner));
}

#[test]
fn a_name_at_the_exchange_that_two_clients_have_is_nobodys() {
    let spelt = |text: &str| Some(format!("TW/GOV/301000000A/{text}"));
    let world = world(true, |it| it.partner = spelt("%E5%88%86%E6%96%87"));
    let other = ClientRow { id: "other".to_owned(), partner: spelt("分文"), ..row() };
    assert!(world.store.add_client(other).wait().unwrap());
    let name = spelt("分文");
    let found = world.admit(|it| {
        it.surface = Surface::Exchange;
        it.exchange = (name.as_deref(), None);
    });
    assert_eq!(found.map(drop), Err(Denial::UnknownPartner));
}

#[test]
fn a_key_made_just_now_is_known_within_a_second() {
    let world = world(true, |_| ());
    assert_eq!(world.good(), Ok(()));
    let key = NewKey::generate(true).unwrap();
    let kept = ClientKey {
        id: key.id,
        client: "mailbox".to_owned(),
        hash: key.hash,
        is_demo: true,
        created: MORNING,
    };
    assert!(world.store.add_client_key(kept).wait().unwrap());
    let header = format!("Bearer {}", key.text.expose());
    let known = || world.admit(|it| it.authorization = Some(&header)).map(drop);
    assert_eq!(known(), Err(Denial::BadCredential));
    world.clock.advance(RECENT);
    assert_eq!(known(), Ok(()));
}

#[test]
fn whoever_was_let_in_is_asked_again() {
    fn check(change: impl FnOnce(&World), expected: Denial) {
        let world = world(true, |_| ());
        let route = Route::find("GET", "/api/v1/jobs/{id}/events").unwrap();
        let principal = Arc::new(world.admit(|_| ()).unwrap());
        let shown = Shown {
            authorization: Some(&world.header),
            address: Some([192, 0, 2, 7].into()),
            certificate: None,
            surface: Surface::Public,
            exchange: (None, None),
        };
        let standing = Standing::of(&shown, principal);
        let still =
            || futures_util::FutureExt::now_or_never(world.gate.still(&standing, route)).unwrap();
        assert_eq!(still(), Ok(()));
        change(&world);
        assert_eq!(still(), Ok(()), "within the second");
        world.clock.advance(RECENT);
        assert_eq!(still(), Err(expected));
    }
    check(
        |it| {
            let key = it.store.client_keys().wait().unwrap().remove(0);
            assert!(it.store.delete_client_key(&key.id).wait().unwrap());
        },
        Denial::Expired,
    );
    let remove = |it: &World| assert!(it.store.delete_client("mailbox").wait().unwrap());
    check(remove, Denial::Expired);
    check(
        |it| {
            let now = it.clock.unix_time();
            assert!(it.store.set_client_active("mailbox", false, now).wait().unwrap());
        },
        Denial::Suspended,
    );
    check(
        |it| {
            let keys = it.store.client_keys().wait().unwrap();
            remove(it);
            let narrowed = ClientRow { scopes: "letters:classify".to_owned(), ..row() };
            assert!(it.store.add_client(narrowed).wait().unwrap());
            for key in keys {
                assert!(it.store.add_client_key(key).wait().unwrap());
            }
        },
        Denial::Scope,
    );
}
