//! The console of a server under test.

use std::sync::Arc;

use fenwen::audit::Recorder;
use fenwen::base::Clock;
use fenwen::http::Pages;
use fenwen::identity::Gate;
use fenwen::service::Service;
use fenwen::service::jobs::Jobs;
use fenwen::service::reviews::Reviews;
use fenwen::store::Store;
use tempfile::TempDir;

/// Where people log in.
#[cfg(feature = "console")]
pub(crate) type Provider = Option<Arc<fenwen::identity::Logins>>;
/// Where people log in: nowhere.
#[cfg(not(feature = "console"))]
#[derive(Clone)]
pub(crate) struct Provider;

/// No place to log in.
#[cfg(feature = "console")]
pub(crate) fn nowhere() -> Provider {
    None
}

/// No place to log in.
#[cfg(not(feature = "console"))]
pub(crate) fn nowhere() -> Provider {
    Provider
}

/// Pages over what a server keeps; where nobody must be proven they are those of a demonstration.
#[cfg(feature = "console")]
pub(crate) fn over(
    data_dir: &TempDir,
    (service, jobs, reviews): (&Arc<Service>, &Arc<Jobs>, &Arc<Reviews>),
    (gate, audit): (&Arc<Gate>, &Arc<Recorder>),
    (store, clock): (&Store, Arc<dyn Clock>),
    logins: Provider,
) -> Option<Pages> {
    use fenwen::audit::AuditKey;
    use fenwen::console::{About, AuditFiles, ConsoleParts, KeptClass, KeptWords, pages};
    use fenwen::service::jobs::Blobs;
    use fenwen::service::privacy::Privacy;
    use fenwen::service::sources::Library;
    use fenwen::store::blobs::BlobFolder;

    let kept = |name| KeptWords {
        name,
        personal: "",
        kept: String::new(),
        range: String::new(),
        after: "",
    };
    let folder = data_dir.path();
    let key = AuditKey::open(&folder.join("keys")).unwrap().public();
    Some(pages(ConsoleParts {
        gate: Arc::clone(gate),
        service: Arc::clone(service),
        jobs: Arc::clone(jobs),
        reviews: Arc::clone(reviews),
        webhooks: super::webhooks_over(store.clone(), Arc::clone(&clock)),
        audit: Arc::clone(audit),
        audit_files: AuditFiles { folder: folder.join("audit"), key },
        library: Library::at(&folder.join("answers").join("sources")),
        classifiers: folder.join("classifiers"),
        about: About { node: "node-1".to_owned(), database: "SQLite", bus: "embedded" },
        privacy: Privacy {
            store: store.clone(),
            blobs: Blobs::new(store.clone(), Arc::new(BlobFolder::new(folder.join("blobs")))),
            clock: Arc::clone(&clock),
            agency: None,
        },
        classes: vec![KeptClass { zh: kept("稽核紀錄"), en: kept("Audit log") }],
        is_demo: !gate.is_required(),
        is_secure: false,
        takes_keys: true,
        logins,
        clock,
    }))
}

/// This build has none.
#[cfg(not(feature = "console"))]
pub(crate) fn over(
    _: &TempDir,
    _: (&Arc<Service>, &Arc<Jobs>, &Arc<Reviews>),
    _: (&Arc<Gate>, &Arc<Recorder>),
    _: (&Store, Arc<dyn Clock>),
    _: Provider,
) -> Option<Pages> {
    None
}
