//! Drift as a server sees it: answers are kept, the reference is made of the first ones, and a night finds what changed.

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::{Chance, Clock, ManualClock, Private};
use fenwen::cli::drift::look;
use fenwen::service::drift::DriftSettings;
use fenwen::service::routing::Routing;
use fenwen::service::tenants::Tenants;
use fenwen::store::{NewPrediction, Shape, Store};
use fenwen::task::call::Task;
use fenwen::task::drift::{Advice, ServiceDrift};

use crate::http::fake::parts_over;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Fixture {
    store: Store,
    routing: Arc<Routing>,
    tenants: Arc<Tenants>,
    clock: Arc<ManualClock>,
    n_kept: usize,
    _folder: tempfile::TempDir,
}

/// Letters of a population; `shift` of them are of another one.
struct Letters {
    n: usize,
    shift: f32,
}

impl Fixture {
    fn open() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Duration::from_secs(1_795_401_067)));
        let store = Store::open(folder.path()).unwrap();
        let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let routing = Routing::open(parts_over(store.clone(), folder.path(), ticking)).unwrap();
        let tenants = Tenants::house_only(Arc::clone(&routing));
        Fixture { store, routing, tenants, clock, n_kept: 0, _folder: folder }
    }

    fn keep(&mut self, letters: Letters, chance: &mut Chance) {
        let model = self.routing.model(Task::Letters).unwrap().info.clone();
        let created = self.clock.unix_time().as_secs();
        let one = |n: usize, chance: &mut Chance| {
            let is_new = chance.share() < letters.shift;
            let label = if is_new { 1 } else { chance.below(12) };
            let confidence = 1.0 - chance.share().powi(if is_new { 1 } else { 3 });
            let n_chars = 50 + chance.below(if is_new { 3000 } else { 500 });
            let n_han = n_chars - chance.below(20);
            let [n_chars, n_han] = [n_chars, n_han].map(|it| u32::try_from(it).unwrap());
            NewPrediction {
                id: format!("{n:032x}"),
                org: "301000000A".to_owned(),
                service: "letters",
                model: [&model.name, &model.version, &model.sha256].map(Clone::clone),
                taxonomy: "t".to_owned(),
                labels: format!(r#"[["L{label}",{confidence}]]"#),
                text: Private::new(b"{}".to_vec()),
                signature: None,
                subjects: Vec::new(),
                shape: Some(Shape { n_chars, n_han }),
                case_no: None,
                mode: None,
                made_by: None,
                created,
                text_expires: created + 1,
                expires: created + 1000 * DAY.as_secs(),
            }
        };
        let kept = (0..letters.n).map(|n| one(self.n_kept + n, chance)).collect();
        self.n_kept += letters.n;
        self.store.keep(kept, Vec::new()).unwrap().wait().unwrap();
    }

    /// What a night finds that is new: comparisons, and alarms among them.
    fn night(&self) -> (usize, usize) {
        self.clock.advance(DAY);
        let found = look(&self.tenants, &DriftSettings::default()).unwrap();
        (found.len(), found.iter().filter(|it| it.is_alarm).count())
    }

    fn letters(&self) -> ServiceDrift {
        let found = self.routing.drift(30).unwrap();
        found.into_iter().find(|it| it.service == "letters").unwrap()
    }
}

#[test]
fn an_injected_shift_is_found_in_the_next_night() {
    for seed in 0..5 {
        let mut chance = Chance::new(seed);
        let mut fixture = Fixture::open();
        fixture.keep(Letters { n: 1000, shift: 0.0 }, &mut chance);
        assert_eq!(fixture.night(), (0, 0), "there is only a reference yet");
        assert_eq!(fixture.letters().advice(), Advice::Wait);
        fixture.keep(Letters { n: 300, shift: 0.0 }, &mut chance);
        assert_eq!(fixture.night(), (11, 0), "{seed}: a resample");
        assert_eq!(fixture.letters().advice(), Advice::Nothing);
        fixture.keep(Letters { n: 300, shift: 0.4 }, &mut chance);
        let (n, n_alarms) = fixture.night();
        assert!(n == 11 && 0 < n_alarms, "{seed}: {n} {n_alarms}");
        let drift = fixture.letters();
        assert_eq!(drift.advice(), Advice::Look);
        let features: Vec<&str> = drift.alarms().map(|it| it.feature.as_str()).collect();
        for feature in ["label", "length"] {
            assert!(features.contains(&feature), "{seed}: {features:?}");
        }
        assert_eq!(drift.figures.len(), 22, "two nights are kept");
    }
}

#[test]
fn a_day_is_looked_at_once_and_a_quiet_one_with_those_before() {
    let mut chance = Chance::new(1);
    let mut fixture = Fixture::open();
    fixture.keep(Letters { n: 1150, shift: 0.0 }, &mut chance);
    assert_eq!(fixture.night(), (0, 0), "150 answers say nothing");
    fixture.keep(Letters { n: 60, shift: 0.0 }, &mut chance);
    assert_eq!(fixture.night(), (11, 0));
    assert_eq!(fixture.letters().figures[0].n, [1000, 200], "with those of the day before");
    let again = look(&fixture.tenants, &DriftSettings::default()).unwrap();
    assert!(again.is_empty(), "another node has looked: {again:?}");
}

#[test]
fn the_reference_outlives_its_answers() {
    let mut chance = Chance::new(2);
    let mut fixture = Fixture::open();
    fixture.keep(Letters { n: 1000, shift: 0.0 }, &mut chance);
    fixture.night();
    let version = fixture.letters().model.version;
    let kept = fixture.store.drift_reference("letters", &version).wait().unwrap().unwrap();
    assert!(kept.last == 1000 && !kept.body.contains("301000000A"), "{}", kept.body);
    // What would be the reference now is not.
    fixture.keep(Letters { n: 1500, shift: 0.5 }, &mut chance);
    assert!(0 < fixture.night().1);
    assert_eq!(fixture.store.drift_reference("letters", &version).wait().unwrap().unwrap(), kept);
}
