//! The whole of fenwen over a model of known cost: every caller proven by its key, every call on the audit log, counted
//! and numbered, through the same HTTP, service and queue as with a network.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use fenwen::audit::{AuditSettings, Commit, Recorder};
use fenwen::base::{Clock, SystemClock};
use fenwen::batch::{BatchPolicy, BatchSpec};
use fenwen::engine::TensorModel;
use fenwen::engine::fake::FakeModel;
use fenwen::http::{App, AppParts, HttpOptions, Listener, serve as serve_http};
use fenwen::identity::{Gate, GateSettings};
use fenwen::pipeline::documents::deadline::Calendar;
use fenwen::pipeline::documents::number::PrefixTable;
use fenwen::pipeline::documents::taxonomy::Taxonomy;
use fenwen::policy::Policy;
use fenwen::registry::Trust;
use fenwen::service::infer::{Infer, NetworkError, Networks, OpenedNetwork};
use fenwen::service::jobs::{Blobs, JobParts, JobSettings, Jobs};
use fenwen::service::notices::{Limit, Notices};
use fenwen::service::reviews::{ReviewSettings, Reviews};
use fenwen::service::routing::{
    EncoderError, Encoders, Routing, RoutingParts, RoutingSettings, TextEncoder,
};
use fenwen::service::scan::Scanner;
use fenwen::service::speech::Speech;
use fenwen::service::tenants::Tenants;
use fenwen::service::webhooks::{Guard, WebhookSettings, Webhooks};
use fenwen::service::{PictureFiles, Service, ServiceLimits, ServiceParts};
use fenwen::store::Store;
use fenwen::store::blobs::BlobFolder;
use fenwen::task::infer::KnownModel;
use tokio::net::TcpListener;

use super::work::{Work, Worker};
use super::{Durability, ServerArgs};

/// Name of the model.
const MODEL: &str = "load";

/// Time in which the model is loaded.
const LOAD_TIME: Duration = Duration::from_secs(10);

pub(super) async fn serve(
    args: &ServerArgs,
    data_dir: &Path,
    durability: Durability,
) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(data_dir).context("failed to open the store")?;
    let house = Tenants::house_only(house(&store, data_dir, &clock)?);
    let models = Infer::new(Arc::new(OneNetwork::new(args)));
    models.load(MODEL, clock.now() + LOAD_TIME).await.map_err(|it| anyhow::anyhow!(it.message))?;
    let parts = ServiceParts {
        services: Vec::new(),
        recogniser: None,
        decoder: Arc::new(PictureFiles::default()),
        tenants: Arc::clone(&house),
        store: store.clone(),
        speech: Speech::deaf("no speech here".to_owned(), Arc::clone(&clock)),
        models,
        notices: Notices::new(store.clone(), Arc::clone(&clock), Limit::default()),
        scanner: Scanner::off(),
        clock: Arc::clone(&clock),
    };
    let app = App::new(AppParts {
        service: Service::start(parts, ServiceLimits::default())?,
        jobs: Jobs::new(JobParts {
            store: store.clone(),
            blobs: Blobs::new(store.clone(), Arc::new(BlobFolder::new(data_dir.join("blobs")))),
            kinds: Vec::new(),
            clock: Arc::clone(&clock),
            settings: JobSettings::default(),
        }),
        reviews: Arc::new(Reviews {
            store: store.clone(),
            tenants: house,
            clock: Arc::clone(&clock),
            settings: ReviewSettings::default(),
        }),
        webhooks: webhooks(store.clone(), Arc::clone(&clock)),
        audit: audit(data_dir, durability)?,
        gate: gate(store, Arc::clone(&clock)),
        pages: None,
        asyncapi: String::new(),
        options: HttpOptions::default(),
        clock,
    });
    let listener = Listener::plain(TcpListener::bind(args.listen).await?);
    serve_http(vec![listener], app, std::future::pending()).await?;
    Ok(())
}

fn house(store: &Store, data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<Routing>> {
    Ok(Routing::open(RoutingParts {
        tenant: None,
        classifiers: data_dir.join("classifiers"),
        answers: data_dir.join("answers"),
        encoders: Arc::new(Nobody),
        store: store.clone(),
        taxonomy: Taxonomy::ministry()?,
        calendar: Calendar::default(),
        prefixes: PrefixTable::ministry().context("no table of prefixes")?.clone(),
        clock: Arc::clone(clock),
        settings: RoutingSettings { services: Vec::new(), ..RoutingSettings::default() },
        trust: Trust::default(),
    })?)
}

fn audit(data_dir: &Path, durability: Durability) -> Result<Arc<Recorder>> {
    let (folder, keys) = (data_dir.join("audit"), data_dir.join("keys"));
    let commit = match durability {
        Durability::Disk => Commit::Disk,
        Durability::System => Commit::System,
    };
    let settings = AuditSettings::new(folder, keys, "bench".to_owned());
    let settings = AuditSettings { commit, ..settings };
    Ok(Arc::new(Recorder::open(settings, Arc::new(SystemClock))?))
}

/// Callers must be proven, as in production; keys of a demonstration count.
fn gate(store: Store, clock: Arc<dyn Clock>) -> Arc<Gate> {
    let settings = GateSettings {
        is_required: true,
        accepts_demo_keys: true,
        idle: Duration::from_secs(90 * 24 * 60 * 60),
        issuers: Vec::new(),
    };
    Gate::new(settings, Policy { strong: Vec::new(), strong_acr: Vec::new() }, store, clock)
}

fn webhooks(store: Store, clock: Arc<dyn Clock>) -> Webhooks {
    let guard = Guard { allowed: Vec::new(), allow_plain: false };
    Webhooks { store, guard, clock, settings: WebhookSettings::default() }
}

/// The one model.
struct OneNetwork {
    known: Vec<KnownModel>,
    work: Work,
    worker: Mutex<Option<Worker>>,
}

impl OneNetwork {
    fn new(args: &ServerArgs) -> OneNetwork {
        OneNetwork {
            known: vec![KnownModel {
                name: MODEL.to_owned(),
                version: "1".to_owned(),
                platform: "onnx",
                n_bytes: 0,
            }],
            work: args.work,
            worker: Mutex::new(Some(Worker::new(args.work, &args.count))),
        }
    }
}

impl Networks for OneNetwork {
    fn known(&self) -> &[KnownModel] {
        &self.known
    }

    fn check(&self, _: &str) -> Result<(), NetworkError> {
        Ok(())
    }

    fn open(&self, _: &str) -> Result<OpenedNetwork, NetworkError> {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut worker = worker.ok_or(NetworkError::NotPulled)?;
        let model = FakeModel::computing_while(move |input, wanted| {
            worker.compute(input.shape().first().copied().unwrap_or_default(), wanted)?;
            Ok(input.clone())
        });
        let copies: Vec<Box<dyn TensorModel>> = vec![Box::new(model)];
        let policy =
            BatchPolicy { max_rows: self.work.max_rows(), max_cost: usize::MAX, max_padding: 1.0 };
        let spec = BatchSpec {
            name: MODEL.to_owned(),
            policy,
            queue_rows: 4096,
            queue_cost: 1 << 28,
            probe: None,
            clock: Arc::new(SystemClock),
        };
        Ok(OpenedNetwork { copies, spec })
    }
}

/// No other models: nothing of this is asked for.
struct Nobody;

impl Encoders for Nobody {
    fn open(&self, _: &str) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        self.installed()
    }

    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        Err(EncoderError::Other { wanted: String::new(), found: String::new() })
    }
}
