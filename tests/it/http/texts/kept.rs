//! What outlives a call: the index of near-duplicates, predictions until they expire, versions through the commands.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fenwen::base::{Date, ManualClock, Private, RequestId, SystemClock};
use fenwen::pipeline::documents::unit_tree::from_csv;
use fenwen::service::routing::{Routing, RoutingSettings};
use fenwen::task::call::CallContext;
use fenwen::task::documents::{DispatchAnswer, DispatchDocument, DispatchOrder};
use fenwen::task::letters::{Letter, LetterAnswer, LetterOrder};
use fenwen::task::prediction::{Feedback, Verdict};
use fenwen::task::text::{Automation, Mode};

use super::super::fake::{routing, routing_with};
use super::classifier;

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A call with all the time that a clock of a test may take.
pub(in crate::http) fn cx(org: Option<&str>) -> CallContext {
    let request_id = RequestId::fresh(&SystemClock);
    let origin = Arc::new(fenwen::wire::call::origin(request_id, org, None).unwrap());
    let deadline = Instant::now() + 400 * DAY;
    CallContext { request_id, deadline, origin, purposes: None, said: Arc::default() }
}

fn classify(routing: &Routing, body: &str) -> LetterAnswer {
    classify_for(None, routing, body)
}

fn classify_for(org: Option<&str>, routing: &Routing, body: &str) -> LetterAnswer {
    let body = Private::new(body.to_owned());
    let letters = vec![Letter { body, ..Letter::default() }];
    let order = LetterOrder { letters, top_k: None, explain: true, taxonomy: None };
    routing.letters(order, &cx(org), Mode::Pilot).unwrap().items.remove(0)
}

fn dispatch(routing: &Routing, subject: &str, cited_numbers: &[&str]) -> DispatchAnswer {
    let document = DispatchDocument {
        external_id: None,
        priority: fenwen::media::exchange::Priority::Fast,
        subject: Private::new(subject.to_owned()),
        body: Vec::new(),
        cited_numbers: cited_numbers.iter().map(|&it| it.to_owned()).collect(),
        received: None,
        due: None,
    };
    let order = DispatchOrder {
        document,
        top_k: None,
        with_officers: false,
        officers: Vec::new(),
        earlier: Vec::new(),
    };
    routing.document(order, &cx(None), Mode::Pilot).unwrap()
}

#[test]
fn a_unit_that_is_no_more_is_not_suggested() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["letters", "documents"] {
        classifier::activate(dir.path(), name, &classifier::UNITS);
    }
    let routing = routing(dir.path(), Arc::new(ManualClock::at(20_000 * DAY)));
    let number = "台內戶字第1130123456號";
    let residence = Some("301000000A/戶政司");
    let letter = |text: &str| {
        let found = classify(&routing, text);
        (found.labels.first().unwrap().unit.clone(), found.abstained)
    };
    let document = |text: &str, numbers: &[&str]| {
        let found = dispatch(&routing, text, numbers);
        (found.units.first().map(|it| it.unit.clone()), found.abstained)
    };
    let text = "請問戶籍謄本的申請怎麼辦理";
    let land = "請問土地徵收補償費的發放日期";
    for found in [letter(text), document(text, &[]), document(land, &[number])] {
        assert_eq!((found.0.as_deref(), found.1), (residence, false));
    }
    // A table that no longer has it, and no change that says who follows.
    let table = "單位代碼,上級單位代碼,單位名稱\n1,301000000A,地政司\n2,301000000A,役政司\n";
    let today = Date::parse_iso("2024-10-04").unwrap();
    let next = from_csv(table, &routing.taxonomy(), "next", today).unwrap();
    assert_eq!(routing.add_taxonomy(&next, today).unwrap().version, "next");
    for found in [letter(text), document(text, &[]), document(land, &[number])] {
        assert_eq!(found, (None, true));
    }
    assert!(dispatch(&routing, text, &[]).labels.iter().any(|it| it.code == "戶政司"));
    let still = Some("301000000A/地政司".to_owned());
    assert_eq!(letter(land), (still.clone(), false));
    assert_eq!(document(land, &[]), (still, false));
}

#[test]
fn near_duplicates_survive_a_restart_and_expire() {
    let dir = tempfile::tempdir().unwrap();
    classifier::activate(dir.path(), "letters", &classifier::UNITS);
    let clock = Arc::new(ManualClock::at(20_000 * DAY));
    let open = || routing(dir.path(), Arc::<ManualClock>::clone(&clock));
    let text = "土地徵收補償費的發放日期遲遲沒有通知,請協助查明";
    let first = classify(&open(), text);
    let again = open();
    let repeated = classify(&again, text).flags.repeated.unwrap();
    assert_eq!(repeated.prediction_id, first.prediction_id);
    let (own, other) = (cx(None).origin.org.clone(), "379000000A");
    assert_eq!(classify_for(Some(other), &again, text).flags.repeated, None, "another agency's");
    assert!(again.prediction_of(&first.prediction_id, other).is_err());
    clock.advance(30 * DAY);
    assert!(again.prediction_of(&first.prediction_id, &own).is_ok(), "without its text");
    again.forget(std::slice::from_ref(&first.prediction_id));
    let second = classify(&again, text).flags.repeated.unwrap();
    assert_ne!(second.prediction_id, first.prediction_id);
    clock.advance(3 * 365 * DAY);
    assert!(again.prediction_of(&first.prediction_id, &own).is_err());
}

#[test]
fn another_ministry_is_named_where_a_model_knows() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["letters", "documents"] {
        classifier::activate(dir.path(), name, &classifier::UNITS);
    }
    classifier::activate(dir.path(), "ministries", &["內政部", "國防部", "內政部"]);
    let routing = routing(dir.path(), Arc::new(ManualClock::at(20_000 * DAY)));
    let foreign = dispatch(&routing, "兵役", &[]);
    assert!(foreign.out_of_remit);
    assert_eq!(foreign.ministry.unwrap().name, "國防部");
    let own = dispatch(&routing, "土地", &[]);
    assert!(!own.out_of_remit && own.ministry.is_none());
    assert_eq!(classify(&routing, "兵役").flags.not_our_remit.unwrap().name, "國防部");
    assert_eq!(classify(&routing, " ").flags.not_our_remit, None, "of nothing nothing is said");
}

#[test]
fn answers_are_only_suggested_once_reviews_break_the_promise() {
    let dir = tempfile::tempdir().unwrap();
    classifier::activate(dir.path(), "letters", &classifier::UNITS);
    let mut settings = RoutingSettings::default();
    settings.letters.automation.default = Automation::Preselect;
    let open = || {
        let clock = Arc::new(ManualClock::at(20_000 * DAY));
        routing_with(dir.path(), clock, settings.clone())
    };
    let routing = open();
    assert_eq!(classify(&routing, "你好").automation, Automation::Suggest);
    let review = |verdict, label: Option<&str>| {
        let answer = classify(&routing, "請問兵役的徵集令延期申請怎麼辦理");
        let feedback = Feedback {
            verdict,
            label: label.map(str::to_owned),
            unit: None,
            reason: None,
            decided_by: None,
            role: None,
        };
        routing.feedback(&answer.prediction_id, feedback, &cx(None).origin).unwrap();
        answer.automation
    };
    for _ in 0..20 {
        assert_eq!(review(Verdict::Accepted, None), Automation::Preselect);
    }
    for _ in 0..10 {
        assert_eq!(review(Verdict::Corrected, Some("地政司")), Automation::Preselect);
    }
    assert_eq!(review(Verdict::Accepted, None), Automation::Suggest);
    let found = routing.statistics().into_iter().find(|it| it.service == "letters").unwrap();
    assert_eq!((found.n_reviewed, found.promise.n_right), (31, 21));
    // What was reviewed outlives a restart, and a new version begins anew.
    assert_eq!(
        classify(&open(), "請問兵役的徵集令延期申請怎麼辦理").automation,
        Automation::Suggest
    );
    classifier::activate(dir.path(), "letters", &classifier::UNITS);
    assert_eq!(
        classify(&open(), "請問兵役的徵集令延期申請怎麼辦理").automation,
        Automation::Preselect
    );
}

fn fenwen(data_dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .unwrap()
}

#[test]
fn commands_activate_list_roll_back_and_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let trained = dir.path().join("trained");
    std::fs::create_dir(&trained).unwrap();
    classifier::write(&trained, &classifier::UNITS);
    let trained = trained.to_str().unwrap();
    for _ in 0..2 {
        assert!(fenwen(dir.path(), &["models", "activate", "letters", trained]).status.success());
    }
    std::fs::write(dir.path().join("trained/classifier.json"), b"{}").unwrap();
    let refused = fenwen(dir.path(), &["models", "activate", "letters", trained]);
    assert!(!refused.status.success());
    assert!(fenwen(dir.path(), &["models", "rollback", "letters"]).status.success());
    assert!(fenwen(dir.path(), &["models", "rollback", "letters"]).status.success());
    assert!(!fenwen(dir.path(), &["models", "rollback", "letters"]).status.success());
    let listed = fenwen(dir.path(), &["models", "versions", "letters"]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let marks: Vec<&str> = listed.lines().map(|it| it.get(..3).unwrap()).collect();
    assert_eq!(marks, ["* 0", "  1", "  2"]);
    assert!(!fenwen(dir.path(), &["models", "versions", "../x"]).status.success());
}

#[test]
fn feedback_is_exported_once_and_masked() {
    let dir = tempfile::tempdir().unwrap();
    classifier::activate(dir.path(), "letters", &classifier::UNITS);
    let routing = routing(dir.path(), Arc::new(fenwen::base::SystemClock));
    let id = classify(&routing, "土地登記,電話0912345678").prediction_id;
    let feedback = fenwen::task::prediction::Feedback {
        verdict: fenwen::task::prediction::Verdict::Corrected,
        label: Some("役政司".to_owned()),
        unit: None,
        reason: None,
        decided_by: None,
        role: None,
    };
    routing.feedback(&id, feedback, &cx(None).origin).unwrap();
    let out = dir.path().join("feedback.jsonl");
    let export = ["feedback", "export", "--service", "letters", "--out", out.to_str().unwrap()];
    assert!(fenwen(dir.path(), &export).status.success());
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("\"label\":\"役政司\"") && text.contains("土地登記"), "{text}");
    assert!(!text.contains("0912345678"));
    assert!(!fenwen(dir.path(), &export).status.success(), "a file is never overwritten");
}

#[test]
fn a_version_that_is_missing_is_told_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("classifiers/letters")).unwrap();
    std::fs::write(dir.path().join("classifiers/letters/active"), "7\n").unwrap();
    let routing = routing(dir.path(), Arc::new(fenwen::base::SystemClock));
    let letters = vec![Letter::default()];
    let order = LetterOrder { letters, top_k: None, explain: false, taxonomy: None };
    let error = routing.letters(order, &cx(None), Mode::Pilot).err().unwrap();
    assert_eq!(error.code, fenwen::base::ErrorCode::Unavailable);
    assert!(error.message.contains("fenwen models activate letters DIR"), "{error}");
}
