//! A server over a recogniser that answers when the test says so.

mod bus;
mod door;
mod ears;
mod encoder;
mod networks;
pub(crate) mod pages;
mod recogniser;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fenwen::audit::{AuditSettings, Recorder};
use fenwen::base::{Clock, SystemClock};
use fenwen::cli::kinds::{self, TextKind};
use fenwen::http::{App, AppParts, Ended, HttpOptions, Tls, serve};
#[cfg(feature = "jwt")]
use fenwen::identity::IssuerSettings;
use fenwen::identity::{Gate, GateSettings};
use fenwen::pipeline::documents::deadline::Calendar;
use fenwen::pipeline::documents::number::PrefixTable;
use fenwen::pipeline::documents::taxonomy::Taxonomy;
use fenwen::policy::{Policy, Surface};
use fenwen::registry::Trust;
use fenwen::service::infer::Infer;
use fenwen::service::jobs::{Blobs, JobParts, JobSettings, Jobs};
use fenwen::service::notices::{Limit, Notices, Office};
use fenwen::service::reviews::{ReviewRules, ReviewSettings, Reviews};
use fenwen::service::routing::{Routing, RoutingParts, RoutingSettings};
use fenwen::service::scan::Scanner;
use fenwen::service::speech::Speech;
use fenwen::service::tenants::Tenants;
use fenwen::service::webhooks::{Guard, WebhookSettings, Webhooks};
use fenwen::service::{PictureFiles, Service, ServiceLimits, ServiceParts};
use fenwen::store::Store;
use fenwen::store::blobs::BlobFolder;
use fenwen::task::idcard::RecogniseId;
use fenwen::task::infer::Trial;
use fenwen::task::service::ServiceName;
use fenwen::wire::v1::meta::PurposeRule;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::speech::FakeEar;

use door::Door;
use ears::speech_of;
use encoder::FakeEncoders;

pub(crate) use encoder::{ENCODER, N_SOCIAL, SOCIAL};
pub(crate) use networks::FakeNetworks;
pub(crate) use recogniser::{FakeRecogniser, PANIC_WIDTH};

/// An audit log below a folder.
pub(crate) fn audit_in(folder: &Path) -> Arc<Recorder> {
    let (audit, keys) = (folder.join("audit"), folder.join("keys"));
    let settings = AuditSettings::new(audit, keys, "node".to_owned());
    let settings = AuditSettings { min_free_mib: 0, ..settings };
    Arc::new(Recorder::open(settings, Arc::new(SystemClock)).unwrap())
}

/// A running server.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) service: Arc<Service>,
    pub(crate) recogniser: Arc<FakeRecogniser>,
    /// Letters and documents.
    pub(crate) routing: Arc<Routing>,
    /// Jobs; nothing works on them unless the test does.
    pub(crate) jobs: Arc<Jobs>,
    /// What waits for officers; nothing settles unless the test does.
    pub(crate) reviews: Arc<Reviews>,
    /// What the server keeps.
    pub(crate) store: Store,
    /// Proves callers.
    pub(crate) gate: Arc<Gate>,
    /// Where its calls are recorded.
    pub(crate) audit: Arc<Recorder>,
    /// Recordings.
    pub(crate) ear: Arc<FakeEar>,
    clock: Arc<SkippingClock>,
    /// Holds what the server keeps.
    pub(crate) data_dir: tempfile::TempDir,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<Ended>>,
}

impl Server {
    pub(crate) async fn start(
        recogniser: Arc<FakeRecogniser>,
        limits: ServiceLimits,
        options: HttpOptions,
    ) -> Server {
        let ear = FakeEar::with_permits(usize::MAX / 2);
        Server::start_with(recogniser, Some(ear), limits, options).await
    }

    /// With an ear that its test lets hear.
    pub(crate) async fn with_ear(ear: Arc<FakeEar>) -> Server {
        let limits = ServiceLimits::default();
        Server::start_with(FakeRecogniser::open(), Some(ear), limits, options()).await
    }

    /// Without a model of speech.
    pub(crate) async fn deaf() -> Server {
        let limits = ServiceLimits::default();
        Server::start_with(FakeRecogniser::open(), None, limits, options()).await
    }

    pub(crate) async fn start_with(
        recogniser: Arc<FakeRecogniser>,
        ear: Option<Arc<FakeEar>>,
        limits: ServiceLimits,
        options: HttpOptions,
    ) -> Server {
        let door = Door::to(gate_settings(false));
        Server::start_behind(door, recogniser, ear, (limits, options)).await
    }

    /// As [`Server::open`], where callers must be proven.
    pub(crate) async fn guarded() -> Server {
        Server::guarded_at(Surface::All, None).await
    }

    /// The same at a listener that offers less, or is encrypted.
    pub(crate) async fn guarded_at(surface: Surface, tls: Option<Arc<Tls>>) -> Server {
        Server::guarded_with((surface, tls), options()).await
    }

    /// The same where connections may come from some networks only.
    pub(crate) async fn guarded_for(networks: Vec<fenwen::base::Network>) -> Server {
        let door = Door { networks, ..Door::to(gate_settings(true)) };
        let manners = (ServiceLimits::default(), options());
        Server::start_behind(door, FakeRecogniser::open(), None, manners).await
    }

    /// As [`Server::guarded`], while offices are closed.
    pub(crate) async fn guarded_off_hours(office: Office) -> Server {
        let door = Door { office: Some(office), ..Door::to(gate_settings(true)) };
        let manners = (ServiceLimits::default(), options());
        Server::start_behind(door, FakeRecogniser::open(), None, manners).await
    }

    /// As [`Server::guarded`], with this ear.
    pub(crate) async fn guarded_hearing(ear: Arc<FakeEar>) -> Server {
        let manners = (ServiceLimits::default(), options());
        let door = Door::to(gate_settings(true));
        Server::start_behind(door, FakeRecogniser::open(), Some(ear), manners).await
    }

    /// As [`Server::guarded`], with other limits.
    pub(crate) async fn guarded_with(
        (surface, tls): (Surface, Option<Arc<Tls>>),
        options: HttpOptions,
    ) -> Server {
        let ear = FakeEar::with_permits(usize::MAX / 2);
        let limits = ServiceLimits::default();
        let door = Door { surface, tls, ..Door::to(gate_settings(true)) };
        Server::start_behind(door, FakeRecogniser::open(), Some(ear), (limits, options)).await
    }

    /// The same where tokens of issuers count.
    #[cfg(feature = "jwt")]
    pub(crate) async fn guarded_by(
        issuers: Vec<IssuerSettings>,
        provider: pages::Provider,
    ) -> Server {
        let ear = FakeEar::with_permits(usize::MAX / 2);
        let limits = ServiceLimits::default();
        let gate = GateSettings { issuers, ..gate_settings(true) };
        let door = Door { provider, ..Door::to(gate) };
        Server::start_behind(door, FakeRecogniser::open(), Some(ear), (limits, options())).await
    }

    /// As [`Server::open`], with a scanner in front of files.
    pub(crate) async fn scanned_by(scanner: Scanner) -> Server {
        let ear = FakeEar::with_permits(usize::MAX / 2);
        let limits = ServiceLimits::default();
        let door = Door { scanner, ..Door::to(gate_settings(false)) };
        Server::start_behind(door, FakeRecogniser::open(), Some(ear), (limits, options())).await
    }

    /// As [`Server::open`], of a node that has these services only.
    pub(crate) async fn having(services: &[ServiceName]) -> Server {
        let door = Door { services: services.to_vec(), ..Door::to(gate_settings(false)) };
        let manners = (ServiceLimits::default(), options());
        Server::start_behind(door, FakeRecogniser::open(), None, manners).await
    }

    /// As [`Server::open`], where another version of a model is tried.
    pub(crate) async fn trying(trial: Trial) -> Server {
        let ear = FakeEar::with_permits(usize::MAX / 2);
        let door = Door { trials: vec![trial], ..Door::to(gate_settings(false)) };
        let manners = (ServiceLimits::default(), options());
        Server::start_behind(door, FakeRecogniser::open(), Some(ear), manners).await
    }

    async fn start_behind(
        door: Door,
        recogniser: Arc<FakeRecogniser>,
        ear: Option<Arc<FakeEar>>,
        (limits, options): (ServiceLimits, HttpOptions),
    ) -> Server {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let skipping = Arc::new(SkippingClock::default());
        let speech = speech_of(ear.clone(), &door.services, Arc::clone(&clock));
        let data_dir = tempfile::tempdir().unwrap();
        let store = Store::open(data_dir.path()).unwrap();
        let settings = RoutingSettings { services: door.services.clone(), ..reviewing() };
        let routing = routing_over(store.clone(), data_dir.path(), Arc::clone(&clock), settings);
        let offer = (&recogniser, door.services.clone());
        let parts = parts_of(offer, (&routing, &store), speech, &clock);
        let models = Infer::with(FakeNetworks::new(), door.trying());
        let watched = (Limit::default(), door.office.clone());
        let notices = Notices::watching(store.clone(), Arc::clone(&clock), watched);
        let parts = ServiceParts { scanner: door.scanner.clone(), models, notices, ..parts };
        let service = Service::start(parts, limits).unwrap();
        let texts = text_kind(Arc::clone(&service), Arc::clone(&clock), options.purpose.clone());
        let ticking: Arc<dyn Clock> = Arc::<SkippingClock>::clone(&skipping);
        let jobs = jobs_over(store.clone(), data_dir.path(), &texts, Arc::clone(&ticking));
        let gate = gate_over(store.clone(), door.gate.clone(), Arc::clone(&ticking));
        let audit = audit_in(data_dir.path());
        let reviews = reviews_over(store.clone(), &routing, &skipping);
        let shown = (&service, &jobs, &reviews);
        let kept = (&store, ticking);
        let pages = pages::over(&data_dir, shown, (&gate, &audit), kept, door.provider.clone());
        let app = App::new(AppParts {
            service: Arc::clone(&service),
            jobs: Arc::clone(&jobs),
            reviews: Arc::clone(&reviews),
            webhooks: webhooks_over(store.clone(), Arc::clone(&clock)),
            pages,
            gate: Arc::clone(&gate),
            audit: Arc::clone(&audit),
            clock,
            asyncapi: fenwen::rpc::asyncapi(),
            options,
        });
        let (addr, sender, running) = serving(door, app).await;
        Server {
            addr,
            service,
            recogniser,
            routing,
            jobs,
            reviews,
            store,
            gate,
            audit,
            ear: ear.unwrap_or_else(|| FakeEar::with_permits(0)),
            clock: skipping,
            data_dir,
            shutdown: Some(sender),
            running,
        }
    }

    /// With a recogniser that answers at once, and lenient about the purpose.
    pub(crate) async fn open() -> Server {
        Server::start(FakeRecogniser::open(), ServiceLimits::default(), options()).await
    }

    /// As [`Server::open`], with other options.
    pub(crate) async fn with_options(change: impl FnOnce(&mut HttpOptions)) -> Server {
        let mut options = options();
        change(&mut options);
        Server::start(FakeRecogniser::open(), ServiceLimits::default(), options).await
    }

    /// Lets time pass for jobs.
    pub(crate) fn skip(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    /// Asks the server to end.
    pub(crate) fn begin_shutdown(&mut self) {
        let _ = self.shutdown.take().unwrap().send(());
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Ended {
        tokio::time::timeout(super::client::WATCHDOG, self.running).await.unwrap().unwrap().unwrap()
    }
}

/// Serves on a free port until told to stop.
async fn serving(
    door: Door,
    app: Arc<App>,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<std::io::Result<Ended>>) {
    let (listener, addr) = door.listener().await;
    let (sender, receiver) = oneshot::channel();
    let running = tokio::spawn(serve(vec![listener], app, async {
        let _ = receiver.await;
    }));
    (addr, sender, running)
}

fn parts_of(
    (recogniser, services): (&Arc<FakeRecogniser>, Vec<ServiceName>),
    (routing, store): (&Arc<Routing>, &Store),
    speech: Arc<Speech>,
    clock: &Arc<dyn Clock>,
) -> ServiceParts {
    ServiceParts {
        recogniser: services
            .contains(&ServiceName::IdentityDocuments)
            .then(|| Arc::clone(recogniser) as Arc<dyn RecogniseId>),
        services,
        decoder: Arc::new(PictureFiles::default()),
        tenants: Tenants::house_only(Arc::clone(routing)),
        store: store.clone(),
        speech,
        models: Infer::new(FakeNetworks::new()),
        scanner: Scanner::off(),
        notices: Notices::new(store.clone(), Arc::clone(clock), Limit::default()),
        clock: Arc::clone(clock),
    }
}

fn text_kind(service: Arc<Service>, clock: Arc<dyn Clock>, rule: PurposeRule) -> TextKind {
    TextKind { service, clock, rule, time: Duration::from_secs(60), max_bytes: 16 << 20 }
}

fn jobs_over(store: Store, data_dir: &Path, texts: &TextKind, clock: Arc<dyn Clock>) -> Arc<Jobs> {
    let folder = BlobFolder::new(data_dir.join("blobs"));
    Jobs::new(JobParts {
        store: store.clone(),
        blobs: Blobs::new(store, Arc::new(folder)),
        kinds: kinds::all(texts),
        clock,
        settings: JobSettings::default(),
    })
}

/// Default manners, and every answer waits for an officer.
fn reviewing() -> RoutingSettings {
    let review = ReviewRules { is_enabled: true, ..ReviewRules::default() };
    RoutingSettings { review, ..RoutingSettings::default() }
}

/// Reviews over a store, by a clock of the test's.
fn reviews_over(store: Store, routing: &Arc<Routing>, clock: &Arc<SkippingClock>) -> Arc<Reviews> {
    let clock: Arc<dyn Clock> = Arc::<SkippingClock>::clone(clock);
    let settings = ReviewSettings::default();
    let tenants = Tenants::house_only(Arc::clone(routing));
    Arc::new(Reviews { store, tenants, clock, settings })
}

/// After how long without a call a client is suspended.
const IDLE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

fn gate_settings(is_required: bool) -> GateSettings {
    GateSettings { is_required, accepts_demo_keys: true, idle: IDLE, issuers: Vec::new() }
}

/// A gate over the registrations of a store.
fn gate_over(store: Store, settings: GateSettings, clock: Arc<dyn Clock>) -> Arc<Gate> {
    Gate::new(
        settings,
        Policy { strong: vec!["hwk".to_owned()], strong_acr: Vec::new() },
        store,
        clock,
    )
}

/// A gate that asks nobody who they are.
pub(crate) fn open_gate(store: Store) -> Arc<Gate> {
    let settings = gate_settings(false);
    gate_over(store, settings, Arc::new(SystemClock))
}

/// Three webhooks a client; nothing sends them unless the test does.
fn webhooks_over(store: Store, clock: Arc<dyn Clock>) -> Webhooks {
    let settings = WebhookSettings { is_sending: true, most: 3, ..WebhookSettings::default() };
    Webhooks { store, guard: loopback(), clock, settings }
}

/// Lets webhooks lead to receivers of tests.
pub(crate) fn loopback() -> Guard {
    Guard { allowed: vec!["127.0.0.0/8".parse().unwrap()], allow_plain: true }
}

/// The machine's clock, and seconds that a test has skipped.
#[derive(Debug, Default)]
struct SkippingClock(AtomicU64);

impl Clock for SkippingClock {
    fn unix_time(&self) -> Duration {
        SystemClock.unix_time() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn now(&self) -> std::time::Instant {
        SystemClock.now() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        SystemClock.wait(time)
    }
}

/// Letters and documents over a folder, with the built-in rules and whatever classifiers the folder has.
pub(crate) fn routing(data_dir: &Path, clock: Arc<dyn Clock>) -> Arc<Routing> {
    routing_with(data_dir, clock, RoutingSettings::default())
}

/// The same with manners of one's own.
pub(crate) fn routing_with(
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    settings: RoutingSettings,
) -> Arc<Routing> {
    routing_over(Store::open(data_dir).unwrap(), data_dir, clock, settings)
}

fn routing_over(
    store: Store,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    settings: RoutingSettings,
) -> Arc<Routing> {
    Routing::open(RoutingParts { settings, ..parts_over(store, data_dir, clock) }).unwrap()
}

/// What the house's services over a folder are made of.
pub(crate) fn parts_over(store: Store, data_dir: &Path, clock: Arc<dyn Clock>) -> RoutingParts {
    RoutingParts {
        tenant: None,
        classifiers: data_dir.join("classifiers"),
        answers: data_dir.join("answers"),
        trust: Trust::default(),
        encoders: Arc::new(FakeEncoders),
        store,
        taxonomy: Taxonomy::ministry().unwrap(),
        calendar: Calendar::default(),
        prefixes: PrefixTable::ministry().unwrap().clone(),
        clock,
        settings: RoutingSettings::default(),
    }
}

/// Options without a grace period, lenient about the purpose.
pub(crate) fn options() -> HttpOptions {
    HttpOptions {
        purpose: PurposeRule::Optional,
        drain_grace: Duration::ZERO,
        ..HttpOptions::default()
    }
}

/// Lets other tasks run until `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::client::WATCHDOG, wait).await.unwrap();
}

/// A valid PNG of that width and 2 rows.
pub(crate) fn png(width: u32) -> Vec<u8> {
    let mut file = Vec::new();
    image::RgbImage::new(width, 2)
        .write_to(&mut std::io::Cursor::new(&mut file), image::ImageFormat::Png)
        .unwrap();
    file
}
