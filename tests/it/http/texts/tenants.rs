//! Agencies with units of their own: their calls are answered by their classifiers, everybody else's by the house's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fenwen::base::{ErrorCode, ManualClock, Private};
use fenwen::pipeline::documents::number::PrefixTable;
use fenwen::pipeline::documents::taxonomy::Taxonomy;
use fenwen::service::routing::{Routing, RoutingParts, lessons};
use fenwen::service::tenants::Tenants;
use fenwen::store::Store;
use fenwen::task::call::CallError;
use fenwen::task::letters::{Letter, LetterAnswers, LetterOrder};
use fenwen::task::prediction::{Feedback, Verdict};
use fenwen::task::text::Mode;

use super::super::fake::parts_over;
use super::classifier;
use super::kept::cx;

const POLICE: &str = "A04000000G";
/// An agency without units of its own.
const HOUSE: &str = "A01000000A";
const UNITS: &str = "version = '1'\ntenant = 'A04000000G'\nname = '警政署'\n\
    [[unit]]\npath = 'A04000000G/交通組'\n[[unit]]\npath = 'A04000000G/保安組'\n\
    [[unit]]\npath = 'A04000000G/戶口組'\n";

/// The services of the house and of the police over a folder.
fn open(data_dir: &Path) -> Arc<Tenants> {
    let store = Store::open(data_dir).unwrap();
    let parts = || {
        parts_over(store.clone(), data_dir, Arc::new(ManualClock::at(20_000 * super::kept::DAY)))
    };
    let police = RoutingParts {
        tenant: Some(POLICE.to_owned()),
        classifiers: data_dir.join("tenants").join(POLICE).join("classifiers"),
        taxonomy: Taxonomy::parse(UNITS).unwrap(),
        prefixes: PrefixTable::default(),
        ..parts()
    };
    let police = BTreeMap::from([(POLICE.to_owned(), Routing::open(police).unwrap())]);
    Tenants::new(Routing::open(parts()).unwrap(), police)
}

fn ask(tenants: &Tenants, org: &str) -> Result<LetterAnswers, CallError> {
    let body = Private::new("請問兵役的徵集令延期申請怎麼辦理".to_owned());
    let letters = vec![Letter { body, ..Letter::default() }];
    let order = LetterOrder { letters, top_k: None, explain: false, taxonomy: None };
    tenants.of(org).letters(order, &cx(Some(org)), Mode::Pilot)
}

#[test]
fn each_agency_is_answered_from_its_own_units() {
    let dir = tempfile::tempdir().unwrap();
    classifier::activate(dir.path(), "letters", &classifier::UNITS);
    // The built-in classifier knows the ministry's units only: it never answers for an agency with its own.
    let refused = ask(&open(dir.path()), POLICE).err().unwrap();
    assert_eq!(refused.code, ErrorCode::Unavailable);

    let own = dir.path().join("tenants").join(POLICE);
    classifier::activate(&own, "letters", &["交通組", "保安組", "戶口組"]);
    let tenants = open(dir.path());
    let first = |org: &str| ask(&tenants, org).unwrap().items.remove(0);
    let label = first(POLICE).labels.remove(0);
    assert_eq!(label.unit.as_deref(), Some("A04000000G/保安組"));
    assert_eq!(first(HOUSE).labels[0].code, "役政司");
    let ids = [POLICE, HOUSE].map(|org| {
        let id = first(org).prediction_id;
        let verdict = Verdict::Accepted;
        let feedback = Feedback {
            verdict,
            label: None,
            unit: None,
            reason: None,
            decided_by: None,
            role: None,
        };
        tenants.of(org).feedback(&id, feedback, &cx(Some(org)).origin).unwrap();
        id
    });
    let taught = |tenant| {
        let store = Store::open(dir.path()).unwrap();
        let found = lessons(&store, "letters", tenant, 0).unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(
        [taught(Some(POLICE)), taught(None)],
        ids.map(|it| vec![it]),
        "nobody learns from others"
    );
    let kept = tenants.of(POLICE).prediction_of(&first(POLICE).prediction_id, POLICE).unwrap();
    assert_eq!(kept.model.version, "A04000000G/1");
}

#[test]
fn commands_name_the_agency() {
    let dir = tempfile::tempdir().unwrap();
    let trained = dir.path().join("trained");
    std::fs::create_dir(&trained).unwrap();
    classifier::write(&trained, &["交通組", "保安組", "戶口組"]);
    let (units, config) = (dir.path().join("units.toml"), dir.path().join("fenwen.toml"));
    std::fs::write(&units, UNITS).unwrap();
    let settings = format!("[[tenants]]\norg = '{POLICE}'\ntaxonomy = '{}'\n", units.display());
    std::fs::write(&config, settings).unwrap();
    let fenwen = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_fenwen"))
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(dir.path())
            .args(arguments)
            .output()
            .unwrap()
    };
    let trained = trained.to_str().unwrap();
    let activate =
        |tenant: &str| fenwen(&["models", "activate", "letters", trained, "--tenant", tenant]);
    let done = activate(POLICE);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(dir.path().join("tenants").join(POLICE).join("classifiers/letters/1").is_dir());
    let listed = fenwen(&["models", "versions", "letters", "--tenant", POLICE]).stdout;
    assert_eq!(String::from_utf8_lossy(&listed).lines().count(), 1, "no built-in version");
    let house = fenwen(&["models", "versions", "letters"]).stdout;
    assert!(String::from_utf8_lossy(&house).starts_with("* 0"));
    let unknown = activate("Z9");
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("[[tenants]]"));
}
