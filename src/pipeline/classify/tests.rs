//! A small model made by hand, asked end to end.

use super::*;
use crate::engine::linear::{LinearModel, LinearParts, LinearSpec, View, grams};

/// One feature for each of these; it speaks for the class of its place.
const WORDS: [&str; 3] = ["土地", "兵役", "戶籍"];

fn linear() -> Vec<u8> {
    let mut keys = Vec::new();
    for word in WORDS {
        let chars: Vec<char> = word.chars().collect();
        grams(&chars, 0, 0b10, |key, _, _| keys.push(key));
    }
    let weights = vec![1.0, -0.5, -0.5, -0.5, 1.0, -0.5, -0.5, -0.5, 1.0];
    let spec = LinearSpec {
        inputs: vec!["subject".to_owned(), "body".to_owned()],
        views: [0, 1]
            .map(|input| View { input, head: None, orders: vec![2], field: 0, share: None })
            .to_vec(),
        classes: ["地政司", "役政司", "戶政司"].map(str::to_owned).to_vec(),
    };
    LinearParts { spec, keys, idf: vec![1.0; 3], weights, bias: vec![0.0; 3] }.to_bytes().unwrap()
}

fn settings(threshold: f32, fused: Option<f32>) -> Vec<u8> {
    let confidence = Confidence { temperature: 0.5, threshold, ..Confidence::plain() };
    let fused = fused.map(|weight| Fusion {
        encoder: "0".repeat(64),
        input: "body".to_owned(),
        weight,
        confidence: confidence.clone(),
    });
    let settings = Settings { format: SETTINGS_FORMAT, linear: confidence, fused };
    serde_json::to_vec(&settings).unwrap()
}

fn classifier(threshold: f32) -> Classifier {
    let (linear, settings) = (linear(), settings(threshold, None));
    Classifier::load(ClassifierFiles { linear: &linear, settings: &settings, dense: None }).unwrap()
}

const ASK: Ask = Ask { top_k: 3, spans: 3 };

fn decide(classifier: &Classifier, texts: &[&str]) -> Decision {
    classifier.classify(texts, None, ASK, &mut Workspace::default()).unwrap()
}

#[test]
fn labels_are_ranked_with_probabilities() {
    let decision = decide(&classifier(0.5), &["請問兵役", "土地與兵役"]);
    assert_eq!(decision.ranked[0].class, 1);
    assert_eq!(decision.ranked.len(), 3);
    let sum: f32 = decision.ranked.iter().map(|it| it.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert!(!decision.requires_human);
    assert!(decide(&classifier(0.99), &["請問兵役"]).requires_human);
}

#[test]
fn an_unknown_text_is_for_a_person() {
    for text in ["", "\0\u{202e}", "天氣如何"] {
        assert!(decide(&classifier(0.0), &[text]).requires_human, "{text:?}");
    }
}

#[test]
fn evidence_is_where_the_original_says_it() {
    let text = "Ａ\u{200b}  想問\u{301}兵\u{200d}役的事,土地";
    let decision = decide(&classifier(0.0), &["", &format!("兵役 {text}")]);
    assert_eq!(decision.ranked[0].class, 1);
    let chars: Vec<char> = format!("兵役 {text}").chars().collect();
    for span in &decision.evidence {
        let place = usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap();
        let said: String = chars[place].iter().collect();
        assert_eq!((span.input, said.replace('\u{200d}', "")), (1, "兵役".to_owned()));
    }
    assert_eq!(decision.evidence.len(), 2);
}

#[test]
fn deleting_evidence_lowers_the_score() {
    let classifier = classifier(0.0);
    let text = "戶籍謄本與土地登記,兵役,戶籍遷入";
    let before = decide(&classifier, &[text]);
    let class = before.ranked[0].class;
    let kept: Vec<char> = text
        .chars()
        .zip(0..)
        .filter(|(_, place)| {
            !before.evidence.iter().any(|it| it.start <= *place && *place < it.end)
        })
        .map(|(ch, _)| ch)
        .collect();
    assert!(kept.len() < text.chars().count());
    let after = decide(&classifier, &[&kept.iter().collect::<String>()]);
    let after = after.ranked.iter().find(|it| it.class == class).unwrap();
    assert!(after.probability < before.ranked[0].probability);
}

#[test]
fn an_embedding_may_change_the_answer() {
    let head =
        DenseHead { width: 2, weights: vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0], bias: vec![0.0; 3] };
    let (linear, settings, dense) = (linear(), settings(0.0, Some(2.0)), head.to_bytes().unwrap());
    let files = ClassifierFiles { linear: &linear, settings: &settings, dense: Some(&dense) };
    let classifier = Classifier::load(files).unwrap();
    let mut workspace = Workspace::default();
    let mut first = |embedding: Option<&[f32]>| {
        classifier.classify(&["兵役"], embedding, ASK, &mut workspace).map(|it| it.ranked[0].class)
    };
    assert_eq!(first(None).unwrap(), 1);
    assert_eq!(first(Some(&[3.0, 0.0])).unwrap(), 2);
    assert!(matches!(first(Some(&[1.0])), Err(ClassifyError::Embedding { width: 2 })));
    assert!(Classifier::load(ClassifierFiles { dense: None, ..files }).is_err());
    assert_eq!(classifier.embedded(&["主旨", "說明"]), "說明");
    assert_eq!(classifier.encoder(), Some("0".repeat(64).as_str()));
    let other = String::from_utf8(settings.clone()).unwrap().replace("\"body\"", "\"text\"");
    let other = ClassifierFiles { settings: other.as_bytes(), ..files };
    assert!(Classifier::load(other).is_err());
}

#[test]
fn a_sure_unit_stands_for_unsure_sections() {
    let mut parts = LinearModel::load(&linear()).unwrap().parts();
    parts.spec.classes =
        ["部/地政司/一科", "部/地政司/二科", "部/戶政司"].map(str::to_owned).to_vec();
    let linear = parts.to_bytes().unwrap();
    let confidence = Confidence {
        temperature: 0.5,
        threshold: 0.8,
        unit_threshold: Some(0.8),
        ..Confidence::plain()
    };
    let settings = Settings { format: SETTINGS_FORMAT, linear: confidence, fused: None };
    let settings = serde_json::to_vec(&settings).unwrap();
    let files = ClassifierFiles { linear: &linear, settings: &settings, dense: None };
    let classifier = Classifier::load(files).unwrap();
    // Of the first section, of the second, of both, of two units.
    let check = |text: &str, unit: Option<&str>, requires_human: bool| {
        let decision = decide(&classifier, &[text]);
        let found = (decision.unit.as_ref().map(|it| it.path.as_str()), decision.requires_human);
        assert_eq!(found, (unit, requires_human), "{text}");
    };
    check("土地", None, false);
    check("土地與兵役", Some("部/地政司"), false);
    check("土地與戶籍", None, true);
    check("天氣如何", None, true);
}

#[test]
fn hostile_texts_are_decided_quickly() {
    let classifier = classifier(0.5);
    let texts = ["兵".repeat(3_000_000), format!("兵役{}", "\u{301}".repeat(100_000))];
    for text in &texts {
        let decision = decide(&classifier, &[text]);
        assert_eq!(decision.ranked.len(), 3);
    }
}
