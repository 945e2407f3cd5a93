//! Envelopes, and what events must not say.

use super::*;
use crate::base::{Date, Private};
use crate::media::{Point, Quad};
use crate::store::Store;
use crate::store::blobs::BlobMeta;
use crate::store::jobs::{NewJob, Payload, Submitted};
use crate::task::answers::{Answer, Citation, Refusal};
use crate::task::documents::{
    DispatchDeadline, DispatchReason, OfficerSuggestion, Role, UnitSuggestion,
};
use crate::task::idcard::{
    DocumentType, Field, FieldName, FieldStatus, IdAnswer, ModelInfo, Quality, Recognition, Timings,
};
use crate::task::letters::{LetterAnswer, LetterAnswers, LetterFlags};
use crate::task::prediction::Verdict;
use crate::task::service::ServiceName;
use crate::task::text::{Automation, Label, Mode, TextField, TextPlace};

/// Stands in every place that may hold what a caller or a citizen wrote.
const CANARY: &str = "CANARY-王小明-A123456789";

fn model() -> ModelInfo {
    ModelInfo { name: "letters".into(), version: "3".into(), sha256: "0".repeat(64) }
}

fn label() -> Label {
    Label { code: "RIS-02".into(), name: "戶籍登記".into(), unit: None, score: 0.912_345 }
}

fn letter() -> Event {
    let answer = LetterAnswer {
        prediction_id: "019a".into(),
        external_id: Some(CANARY.into()),
        labels: vec![label(); 5],
        abstained: false,
        automation: Automation::Suggest,
        flags: LetterFlags::default(),
        evidence: Vec::new(),
        text_hashes: [CANARY.into(), CANARY.into()],
        pii: Vec::new(),
        n_pii_omitted: 0,
    };
    let answers = LetterAnswers {
        items: Vec::new(),
        model: model(),
        taxonomy_version: "2026-10".into(),
        mode: Mode::Pilot,
    };
    Event::LetterClassified(LetterClassified::new(&answer, &answers))
}

fn document() -> Event {
    let place = TextPlace { field: TextField::Subject, start: 0, end: 1 };
    let answer = crate::task::documents::DispatchAnswer {
        prediction_id: "019b".into(),
        external_id: Some(CANARY.into()),
        units: vec![UnitSuggestion {
            unit: "301000000A/戶政司".into(),
            name: "戶政司".into(),
            score: 1.0,
            role: Role::Main,
        }],
        labels: vec![label()],
        officers: vec![OfficerSuggestion { id: CANARY.into(), score: 1.0, basis: Vec::new() }],
        excluded: vec![(CANARY.into(), "差假")],
        abstained: false,
        automation: Automation::Suggest,
        reasons: vec![
            DispatchReason::OwnNumber { number: CANARY.into(), place },
            DispatchReason::PriorCase { reference: CANARY.into() },
        ],
        deadline: DispatchDeadline {
            date: Date::from_unix_days(0),
            working_days: None,
            calendar_complete: true,
            rule: "",
        },
        out_of_remit: false,
        ministry: None,
        model: model(),
        taxonomy_version: "2026-10".into(),
        mode: Mode::Live,
    };
    Event::DocumentDispatched(DocumentDispatched::new(&answer))
}

fn identity() -> Event {
    let quad = Quad([Point { x: 0.0, y: 0.0 }; 4]);
    let field = Field {
        name: FieldName::Name,
        value: Some(Private::new(CANARY.into())),
        raw: Private::new(CANARY.into()),
        confidence: 1.0,
        quad,
        checks: Vec::new(),
        status: FieldStatus::Verified,
        repair: None,
    };
    let recognition = Recognition {
        document_type: DocumentType::TwNationalIdFront,
        type_score: 1.0,
        rotation: 0,
        corners: None,
        quality: Quality {
            sharpness: 1.0,
            glare: 0.0,
            cropped: false,
            resolution_ok: true,
            n_cards: 1,
            recapture_suspected: false,
            retake: Vec::new(),
        },
        fields: vec![field],
        mrz: None,
        lines: Vec::new(),
        face: None,
        redacted_png: Some(Private::new(CANARY.as_bytes().to_vec())),
    };
    let timings = Timings { queue: Duration::ZERO, decode: Duration::ZERO, infer: Duration::ZERO };
    let answer = IdAnswer { recognition, size: (1, 1), timings };
    Event::IdentityRecognised(IdentityRecognised::new("019c", &[answer], &model()))
}

fn question() -> Event {
    let citation = Citation {
        source_id: CANARY.into(),
        version: 1,
        title: Some(CANARY.into()),
        unit: Some(CANARY.into()),
        link: Some(CANARY.into()),
        quote: CANARY.into(),
        quote_start: 0,
        quote_end: 1,
        score: 0.1,
    };
    let answer = Answer {
        id: "019f".into(),
        refusal: Some(Refusal::NotAlike),
        citations: vec![citation],
        used_previous: false,
        by_words_only: true,
        index: model(),
    };
    Event::QuestionUnanswered(QuestionUnanswered::new(&answer, Refusal::NotAlike, "301000000A"))
}

/// One of each type.
fn samples() -> Vec<Event> {
    let mut samples = vec![
        letter(),
        document(),
        identity(),
        question(),
        Event::FeedbackReceived(FeedbackReceived::new("019a", Verdict::Corrected)),
        Event::SpeechTranscribed(SpeechTranscribed {
            job_id: "019d".into(),
            audio_seconds: 183.4,
            segments: 41,
            low_confidence_ratio: 0.07,
            model: (&model()).into(),
        }),
        Event::TranscriptCorrected(TranscriptCorrected {
            job_id: "019d".into(),
            segment: 3,
            version: 1,
            change: "corrected".into(),
        }),
        Event::ExportReady(ExportReady {
            export_id: "019e".into(),
            day: "2026-11-23".into(),
            tables: 8,
            rows: 1,
            manifest_sha256: "0".repeat(64),
        }),
        Event::ModelActivated(ModelActivated {
            model: (&model()).into(),
            previous_version: None,
            sha256: "0".repeat(64),
        }),
        Event::ModeChanged(ModeChanged::new(ServiceName::Letters, Mode::Shadow)),
        Event::NoticeRaised(NoticeRaised { kind: "dead-letters".into() }),
    ];
    samples.extend(JobState::ALL.map(|state| {
        Event::JobChanged(JobChanged {
            job_id: "019d".into(),
            service: "speech".into(),
            operation: "transcribe".into(),
            state,
            attempt: 1,
            error: None,
        })
    }));
    samples
}

fn circumstances() -> Circumstances {
    Circumstances {
        id: "019a9f4e5d7c7d3e9c550d6a3f2b1c00".into(),
        org: "301000000A".into(),
        time: Duration::from_millis(1_795_401_067_412),
        about: Some("predictions/019a".into()),
        correlation: Some("019a9f4e".into()),
        ..Circumstances::default()
    }
}

#[test]
fn no_event_says_what_somebody_wrote() {
    for event in samples() {
        let (subject, event) = event.envelope(&circumstances()).unwrap();
        let json = String::from_utf8(event.to_json().unwrap()).unwrap();
        for piece in ["CANARY", "王小明", "A123456789"] {
            assert!(!json.contains(piece) && !subject.as_str().contains(piece), "{json}");
        }
    }
}

#[test]
fn every_type_has_its_sample_its_schema_and_its_subject() {
    let mut names: Vec<String> = samples().iter().map(Event::name).collect();
    let mut described: Vec<String> = Event::types().iter().map(|it| it.name_of("speech")).collect();
    names.sort_unstable();
    described.sort_unstable();
    assert_eq!(names, described);
    for (sample, name) in samples().iter().map(|it| (it, it.name())) {
        let kind = Event::types().iter().find(|it| it.name_of("speech") == name).unwrap();
        let (subject, event) = sample.envelope(&circumstances()).unwrap();
        assert_eq!(event.kind(), kind.kind("speech"));
        assert_eq!(subject.as_str(), format!("moi.ai.v1.evt.301000000A.{name}"));
        assert_eq!(event.data_schema(), kind.schema["$id"].as_str());
        check_keys(&serde_json::to_value(sample).unwrap(), &kind.schema);
    }
}

#[test]
fn the_store_tells_of_jobs_in_the_same_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory(folder.path()).unwrap();
    let now = Duration::from_millis(1_795_401_067_412);
    let job = NewJob {
        id: "019d".into(),
        org: "301000000A".into(),
        client: "mailbox".into(),
        service: "speech".into(),
        operation: "transcribe".into(),
        lane: "speech".into(),
        priority: 0,
        max_attempts: 1,
        input: Payload::Inline(Box::new(store.inline_blob(input(now), b"{}").unwrap())),
        attached: None,
        purpose: None,
        case_no: None,
        correlation: "019a9f4e".into(),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        subjects: Vec::new(),
        created: now,
        input_expires: 2 * now,
        expires: 2 * now,
    };
    let submitted = store.submit(job, None, 9).wait().unwrap();
    let Submitted::New(job) = submitted else { unreachable!("{submitted:?}") };
    let row = store.outbox_pending(9).wait().unwrap().remove(0);
    let of = Circumstances {
        id: row.id.clone(),
        org: job.org.clone(),
        time: now,
        about: Some("jobs/019d".into()),
        correlation: Some(job.correlation.clone()),
        trace_parent: job.traceparent.clone(),
        sequence: Some("1".into()),
        ..Circumstances::default()
    };
    let expected = Event::JobChanged(JobChanged::of(&job)).outbox_row(&of).unwrap();
    let json = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    assert_eq!(json(&row.body), json(&expected.body));
    assert_eq!((row.subject, row.created), (expected.subject, expected.created));
}

fn input(now: Duration) -> BlobMeta {
    BlobMeta {
        id: "019e".into(),
        org: "301000000A".into(),
        client: "mailbox".into(),
        kind: "input".into(),
        media_type: "application/json".into(),
        size: 2,
        sha256: None,
        created: now,
        expires: 2 * now,
    }
}

/// Every key of the data is in the schema, and every required key is in the data.
#[track_caller]
fn check_keys(data: &Value, schema: &Value) {
    let properties = schema["properties"].as_object().unwrap();
    let data = data.as_object().unwrap();
    assert!(data.keys().all(|it| properties.contains_key(it)), "{data:?}");
    let required = schema["required"].as_array().unwrap();
    assert!(required.iter().all(|it| data.contains_key(it.as_str().unwrap())), "{data:?}");
}

#[test]
fn the_envelope() {
    let (_, event) = letter().envelope(&circumstances()).unwrap();
    let json: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
    assert_eq!(json["source"], "/moi/ai/letters");
    assert_eq!(json["time"], "2026-11-23T02:31:07.412Z");
    assert_eq!(json["orgcode"], "301000000A");
    assert_eq!(json["subject"], "predictions/019a");
    assert_eq!(json["data"]["labels"].as_array().unwrap().len(), 3);
    assert_eq!(json["data"]["labels"][0]["score"], 0.9123);
    assert!(json.get("causationid").is_none());
    let other = Circumstances { org: "not a code".into(), ..circumstances() };
    assert!(matches!(letter().envelope(&other), Err(BusError::Subject(_))));
}
