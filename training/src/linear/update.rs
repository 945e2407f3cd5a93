//! Learns from officers' decisions: the classifier that answers, moved no further than the corrected texts ask for.
//!
//! The same squared-hinge problem as in training, with the distance measured from the planes that answer now
//! (`½ Σ (w − w₀)² / r + C Σ ξ²`): what is already right by a margin stays as it is, so that no old data is needed. The
//! more texts an n-gram was learned from, the better its weight is known and the less it moves: `r` falls from 1 for the
//! rarest n-grams to almost nothing for those of every text, and the bias stays.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use fenwen::base::{Clock, SystemClock};
use fenwen::cli::routing;
use fenwen::config::{Config, Overrides};
use fenwen::engine::linear::{LinearModel, LinearParts};
use fenwen::pipeline::classify::{Classifier, ClassifierFiles, DenseHead, Ranked};
use fenwen::pipeline::compose::Composed;
use fenwen::pipeline::letters::pii;
use fenwen::registry::LoadedVersion;
use fenwen::service::routing::{ActiveModel, Lesson, lessons};
use fenwen::task::text::TextField;

use super::corpus::{Counts, Gram, Weighing, count, index, shares, values};
use super::recipe::SolverPart;
use super::solver::{Examples, Plane, Settings, solve_all};
use super::write_folder;

/// Bias of a label that the classifier did not know: nothing speaks for it yet.
const UNKNOWN: f32 = -1.0;
/// Value of the constant feature: the bias stays where much more data has put it.
const CONSTANT: f32 = 0.01;
/// `√r` is the share of an n-gram's idf in the largest idf of its view and length to this power. With a
/// greater one corrections of what a classifier was sure of are not followed, with a smaller one letters about other things move.
const STIFFNESS: i32 = 2;
/// Cost of a correction that is not followed.
const COST: f32 = 10.0;
/// Corrected texts that a new n-gram must occur in: what one person wrote once is nobody's business.
const MIN_DF: usize = 2;

/// What to learn from, and where to.
#[derive(Debug, Default, Args)]
pub(crate) struct UpdateOptions {
    /// 由承辦人的回饋更新現用的分類模型:letters 或 documents
    #[arg(long, value_name = "SERVICE", value_parser = ["letters", "documents"])]
    from_feedback: Option<String>,
    /// 資料目錄(與 fenwen serve 相同)
    #[arg(long, value_name = "DIR", requires = "from_feedback")]
    data_dir: Option<PathBuf>,
    /// 設定檔(TOML)
    #[arg(long, value_name = "FILE", requires = "from_feedback")]
    config: Option<PathBuf>,
    /// 每一筆回饋的份量;越大改變越多
    #[arg(long, default_value_t = COST, requires = "from_feedback")]
    cost: f32,
}

impl UpdateOptions {
    /// Whether this is what was asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.from_feedback.is_some()
    }
}

/// Texts with the number of their label, and every label.
struct Lessons {
    /// One string for each input, personal data masked.
    texts: Vec<Vec<String>>,
    labels: Vec<usize>,
    /// Labels of the classifier, then those it did not know.
    classes: Vec<String>,
}

/// Reads the feedback, updates the active classifier and writes the next one to `out`.
pub(crate) fn run(options: &UpdateOptions, out: Option<&Path>) -> anyhow::Result<()> {
    let service = options.from_feedback.as_deref().context("--from-feedback is missing")?;
    let out = out.context("--out is missing: the folder to write the updated classifier to")?;
    ensure!(0.0 < options.cost && options.cost.is_finite(), "--cost must be positive");
    let start = Instant::now();
    let overrides = Overrides {
        file: options.config.clone(),
        data_dir: options.data_dir.clone(),
        ..Overrides::default()
    };
    let config = Config::read(&overrides)?;
    let (version, model) = routing::active(&config, service)?;
    let store = fenwen::cli::jobs::store(&config)?;
    let kept = lessons(&store, service, None, SystemClock.unix_time().as_secs())?;
    ensure!(!kept.is_empty(), "there is no feedback on `{service}` to learn from");
    let lessons = Lessons::new(&kept, &model);
    let parts = lessons.learn(model.classifier.linear().parts(), options.cost);
    let seconds = start.elapsed().as_secs_f64();
    let report = lessons.report(service, &version, model.classifier.encoder(), seconds);
    write(&version, &parts, &report, out)?;
    let n = lessons.texts.len();
    let shown = out.display();
    writeln!(
        std::io::stderr(),
        "{n} 筆回饋,{:.1} 秒,已寫入 {shown}。啟用:fenwen models activate {service} {shown}",
        start.elapsed().as_secs_f64()
    )?;
    Ok(())
}

/// Lessons as the solver sees them.
struct Counted {
    /// Texts as counts by feature number.
    texts: Vec<Counts>,
    /// √r of every feature.
    roots: Vec<f32>,
    /// The view of every feature that a text has.
    views: Vec<usize>,
}

impl Lessons {
    fn new(kept: &[Lesson], model: &ActiveModel) -> Lessons {
        let classifier = &model.classifier;
        let mut classes = classifier.labels().to_vec();
        let mut lessons = Lessons { texts: Vec::new(), labels: Vec::new(), classes: Vec::new() };
        for lesson in kept {
            let label = class_of(&lesson.label, model, &classes).unwrap_or_else(|| {
                classes.push(lesson.label.clone());
                classes.len() - 1
            });
            let [subject, body] = [&lesson.subject, &lesson.body]
                .map(|it| pii::mask(it.expose(), &pii::find(it.expose())));
            let fields = [(TextField::Subject, subject.as_str()), (TextField::Body(0), &body)];
            let composed = Composed::new(classifier.inputs(), &fields);
            lessons.texts.push(composed.texts().into_iter().map(str::to_owned).collect());
            lessons.labels.push(label);
        }
        Lessons { classes, ..lessons }
    }

    /// The parts of the updated model.
    fn learn(&self, mut parts: LinearParts, cost: f32) -> LinearParts {
        let n_before = parts.spec.classes.len();
        let Counted { texts, roots, views } = self.count(&mut parts);
        let shares = shares(&parts.spec);
        let weighing = Weighing { idf: &parts.idf, views: &views, shares: &shares };
        let width = self.classes.len();
        // Values are multiplied and weights divided by √r, so that the solver measures plain distances.
        let plane = |class: usize| match parts.bias.get(class) {
            Some(bias) => {
                let weights = parts.weights.iter().skip(class).step_by(n_before);
                Plane { weights: weights.zip(&roots).map(|it| it.0 / it.1).collect(), bias: *bias }
            }
            None => Plane { weights: vec![0.0; parts.keys.len()], bias: UNKNOWN },
        };
        let row = |counts: &Counts| -> Counts {
            let values = values(counts, &weighing).into_iter();
            values.map(|(number, value)| (number, value * roots[index(number)])).collect()
        };
        let examples = Examples {
            rows: texts.iter().map(row).collect(),
            weights: vec![1.0; self.texts.len()],
            n_features: parts.keys.len(),
            constant: CONSTANT,
            start: (0..width).map(plane).collect(),
        };
        let part = SolverPart { cost, ..SolverPart::default() };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let settings = Settings { part: &part, seed: 0, threads, done: &|| () };
        let planes = solve_all(&examples, &self.labels, width, &settings);
        parts.spec.classes = self.classes.clone();
        parts.bias = planes.iter().map(|it| it.bias).collect();
        parts.weights = (0..parts.keys.len())
            .zip(&roots)
            .flat_map(|(feature, root)| planes.iter().map(move |it| it.weights[feature] * root))
            .collect();
        parts
    }

    /// Counts the texts. N-grams that are new to the model are added to `parts` with the weight of its rarest one of
    /// that view and length.
    fn count(&self, parts: &mut LinearParts) -> Counted {
        let mut numbers: HashMap<u32, usize> = parts.keys.iter().copied().zip(0..).collect();
        let mut rarest: HashMap<(usize, usize), f32> = HashMap::new();
        let mut seen: HashMap<usize, (usize, usize)> = HashMap::new();
        let mut unknown: BTreeMap<u32, (usize, (usize, usize))> = BTreeMap::new();
        let mut counted = Vec::with_capacity(self.texts.len());
        for text in &self.texts {
            let text: Vec<&str> = text.iter().map(String::as_str).collect();
            let mut places: HashMap<u32, (usize, usize)> = HashMap::new();
            let keys =
                count(&parts.spec, &text, |Gram { key, view, order }| match numbers.get(&key) {
                    Some(number) => {
                        let most = rarest.entry((view, order)).or_default();
                        *most = most.max(parts.idf[*number]);
                        seen.insert(*number, (view, order));
                    }
                    None => drop(places.insert(key, (view, order))),
                });
            for (key, place) in places {
                unknown.entry(key).or_insert((0, place)).0 += 1;
            }
            counted.push(keys);
        }
        let mut views = vec![0; parts.keys.len()];
        for (key, (df, place)) in unknown {
            if let (Some(idf), true) = (rarest.get(&place), MIN_DF <= df) {
                numbers.insert(key, parts.keys.len());
                parts.keys.push(key);
                parts.idf.push(*idf);
                views.push(place.0);
                parts.weights.extend(std::iter::repeat_n(0.0, parts.spec.classes.len()));
            }
        }
        // What no text has does not move anyway.
        let mut roots = vec![1.0; parts.keys.len()];
        for (number, place) in seen {
            let share = rarest.get(&place).map_or(1.0, |it| parts.idf[number] / it);
            roots[number] = share.max(0.01).powi(STIFFNESS);
            views[number] = place.0;
        }
        let known = |keys: Vec<(u32, u32)>| -> Counts {
            let number = |key| u32::try_from(*numbers.get(key)?).ok();
            let mut counts: Counts =
                keys.iter().filter_map(|(key, n)| Some((number(key)?, *n as f32))).collect();
            counts.sort_unstable_by_key(|it| index(it.0));
            counts
        };
        Counted { texts: counted.into_iter().map(known).collect(), roots, views }
    }

    /// What the update was made from; no text is in it.
    fn report(
        &self,
        service: &str,
        version: &LoadedVersion,
        encoder: Option<&str>,
        seconds: f64,
    ) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for label in &self.labels {
            *counts.entry(&self.classes[*label]).or_default() += 1;
        }
        let rows: Vec<String> =
            counts.iter().map(|(label, n)| format!("| {label} | {n} |")).collect();
        format!(
            "# {service}:由回饋更新\n\n以第 {} 版(SHA-256 {})為基礎,{} 筆回饋,{seconds:.1} 秒。\
             校準與門檻沿用前版,未重新量測。{}\n\n| 標籤 | 回饋筆數 |\n|---|---|\n{}\n",
            version.number,
            version.sha256,
            self.texts.len(),
            encoder.map(frozen).unwrap_or_default(),
            rows.join("\n")
        )
    }
}

/// What an update does with the encoder that a classifier is fused with.
fn frozen(encoder: &str) -> String {
    format!(
        "只有線性模型學習;語句編碼器(SHA-256 {encoder})、它的標籤層與融合比重沿用前版,新標籤只由線性模型認得。\
         累積足夠回饋後,請以完整配方重新訓練。"
    )
}

/// The class that a label means: one of that name, else the first that names the same unit of today.
fn class_of(label: &str, model: &ActiveModel, classes: &[String]) -> Option<usize> {
    let by_name = classes.iter().position(|it| it == label);
    by_name.or_else(|| {
        let unit = |class| model.label(&Ranked { class, probability: 0.0 }).unit;
        (0..model.classifier.labels().len()).find(|class| unit(*class).as_deref() == Some(label))
    })
}

fn write(
    version: &LoadedVersion,
    parts: &LinearParts,
    report: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let mut files = version.files.clone();
    let before = files.get("linear.safetensors").map(Vec::as_slice).unwrap_or_default();
    let n_before = LinearModel::load(before)?.classes().len();
    files.insert("linear.safetensors".to_owned(), parts.to_bytes()?);
    files.insert("report.md".to_owned(), report.as_bytes().to_vec());
    if let Some(dense) = files.get_mut("dense.safetensors") {
        *dense = widened(dense, n_before, parts.spec.classes.len())?;
    }
    let file = |name: &str| files.get(name).map(Vec::as_slice);
    // What cannot be loaded is not written.
    Classifier::load(ClassifierFiles {
        linear: file("linear.safetensors").unwrap_or_default(),
        settings: file("classifier.json").unwrap_or_default(),
        dense: file("dense.safetensors"),
    })?;
    write_folder(out, &files.iter().map(|(name, it)| (name.as_str(), it.as_slice())).collect())
}

/// The head over the encoder with planes that say no to the labels it does not know.
fn widened(bytes: &[u8], n_before: usize, n_classes: usize) -> anyhow::Result<Vec<u8>> {
    let mut head = DenseHead::load(bytes, n_before)?;
    head.weights.resize(n_classes * head.width, 0.0);
    head.bias.resize(n_classes, UNKNOWN);
    Ok(head.to_bytes()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenwen::engine::linear::{LinearModel, LinearSpec, Scratch, View, grams};
    use fenwen::media::text::Normalised;
    use fenwen::pipeline::classify::{
        Confidence, Fusion, SETTINGS_FORMAT, Settings as ClassifierSettings,
    };

    /// Knows 土地 and 兵役.
    fn parts() -> LinearParts {
        let mut keys = Vec::new();
        for word in [['土', '地'], ['兵', '役']] {
            grams(&word, 0, 0b11, |key, _, _| keys.push(key));
        }
        let view = View { input: 0, head: None, orders: vec![1, 2], field: 0, share: None };
        LinearParts {
            spec: LinearSpec {
                inputs: vec!["text".to_owned()],
                views: vec![view],
                classes: ["地政司", "役政司"].map(str::to_owned).to_vec(),
            },
            idf: vec![1.5; keys.len()],
            weights: keys
                .iter()
                .enumerate()
                .flat_map(|it| if it.0 < 3 { [1.0, -1.0] } else { [-1.0, 1.0] })
                .collect(),
            keys,
            bias: vec![-0.5, -0.5],
        }
    }

    fn scores(parts: &LinearParts, text: &str) -> Vec<f32> {
        let model = LinearModel::load(&parts.to_bytes().unwrap()).unwrap();
        let text = Normalised::new(text);
        model.scores(&model.features(&[text.chars()], &mut Scratch::default()))
    }

    fn lessons(texts: &[&str], label: usize, classes: &[&str]) -> Lessons {
        Lessons {
            texts: texts.iter().map(|it| vec![(*it).to_owned()]).collect(),
            labels: vec![label; texts.len()],
            classes: classes.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    const CORRECTED: [&str; 3] = ["土地公廟的祭祀", "土地公廟會遶境", "里長與土地公廟"];

    #[test]
    fn corrections_change_similar_texts_and_leave_others() {
        let before = parts();
        assert!(scores(&before, "土地公廟")[1] < scores(&before, "土地公廟")[0]);
        let after = lessons(&CORRECTED, 1, &["地政司", "役政司"]).learn(parts(), COST);
        let unseen = scores(&after, "附近的土地公廟");
        assert!(unseen[0] < unseen[1], "{unseen:?}");
        let other = scores(&after, "兵役體檢");
        assert!(other[0] < other[1], "{other:?}");
        assert!(before.keys.len() < after.keys.len(), "公廟 is new");
    }

    /// A second view, of the beginning, has keys of its own and half of the norm; what is learned is what is served.
    #[test]
    fn views_with_shares_are_learned_as_they_are_served() {
        let mut before = parts();
        before.spec.views[0].share = Some(0.5);
        let head = View { head: Some(2), field: 1, ..before.spec.views[0].clone() };
        before.spec.views.push(head);
        grams(&['土', '地'], 1, 0b1, |key, _, _| before.keys.push(key));
        before.idf.resize(before.keys.len(), 0.2);
        before.weights.resize(before.keys.len() * 2, 0.1);
        let lessons = lessons(&CORRECTED, 1, &["地政司", "役政司"]);
        let views = lessons.count(&mut before.clone()).views;
        assert_eq!(views[before.keys.len() - 1], 1, "the last key is of the beginning");
        let after = lessons.learn(before, COST);
        let unseen = scores(&after, "土地公廟的附近");
        assert!(unseen[0] < unseen[1], "{unseen:?}");
    }

    /// Of a classifier that was sure of the opposite, for all that it knows.
    #[test]
    fn whoever_corrects_is_followed() {
        let mut sure = parts();
        sure.weights.iter_mut().for_each(|it| *it *= 4.0);
        let corrected = ["土地公廟的土地", "土地與土地公", "里長的土地"];
        let after = lessons(&corrected, 1, &["地政司", "役政司"]).learn(sure, COST);
        for text in corrected {
            let said = scores(&after, text);
            assert!(said[0] < said[1], "{text}: {said:?}");
        }
        let other = scores(&after, "兵役體檢");
        assert!(other[0] < other[1], "{other:?}");
    }

    #[test]
    fn a_label_that_was_unknown_is_learned() {
        let after = lessons(&CORRECTED, 2, &["地政司", "役政司", "宗教司"]).learn(parts(), COST);
        let unseen = scores(&after, "附近的土地公廟");
        assert!(unseen[0] < unseen[2] && unseen[1] < unseen[2], "{unseen:?}");
        let other = scores(&after, "兵役體檢");
        assert!(other[2] < other[1] && other[0] < other[1], "{other:?}");
    }

    #[test]
    fn what_one_text_alone_says_is_not_kept() {
        let one = lessons(&["土地公廟"], 1, &["地政司", "役政司"]).learn(parts(), COST);
        assert_eq!(one.keys, parts().keys);
    }

    #[test]
    fn the_same_feedback_gives_the_same_model() {
        let learn = || lessons(&CORRECTED, 1, &["地政司", "役政司"]).learn(parts(), COST);
        assert_eq!(learn().to_bytes().unwrap(), learn().to_bytes().unwrap());
    }

    /// A version that is fused with an encoder, as it is kept.
    fn fused_version() -> LoadedVersion {
        let confidence = Confidence::plain();
        let fusion = Fusion {
            encoder: "e".repeat(64),
            input: "text".to_owned(),
            weight: 0.5,
            confidence: confidence.clone(),
        };
        let settings =
            ClassifierSettings { format: SETTINGS_FORMAT, linear: confidence, fused: Some(fusion) };
        let head = DenseHead { width: 2, weights: vec![1.0; 4], bias: vec![0.5; 2] };
        let files = [
            ("linear.safetensors", parts().to_bytes().unwrap()),
            ("classifier.json", serde_json::to_vec(&settings).unwrap()),
            ("dense.safetensors", head.to_bytes().unwrap()),
        ];
        let files = files.map(|(name, bytes)| (name.to_owned(), bytes)).into();
        LoadedVersion { number: 3, sha256: "0".repeat(64), files }
    }

    #[test]
    fn the_encoder_of_a_classifier_stays_as_it_is() {
        let (dir, version) = (tempfile::tempdir().unwrap(), fused_version());
        let lessons = lessons(&CORRECTED, 2, &["地政司", "役政司", "宗教司"]);
        let encoder = "e".repeat(64);
        let report = lessons.report("letters", &version, Some(&encoder), 0.1);
        assert!(report.contains(&encoder) && report.contains("只有線性模型學習"), "{report}");
        assert!(!lessons.report("letters", &version, None, 0.1).contains("編碼器"));
        write(&version, &lessons.learn(parts(), COST), &report, dir.path()).unwrap();
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        assert_eq!(read("classifier.json"), version.files["classifier.json"]);
        let (linear, settings) = (read("linear.safetensors"), read("classifier.json"));
        let dense = read("dense.safetensors");
        let files = ClassifierFiles { linear: &linear, settings: &settings, dense: Some(&dense) };
        let classifier = Classifier::load(files).unwrap();
        assert_eq!(classifier.encoder(), Some(encoder.as_str()));
        assert_eq!(classifier.labels().len(), 3);
    }

    #[test]
    fn a_head_over_the_encoder_grows_with_the_labels() {
        let head = DenseHead { width: 2, weights: vec![1.0, 2.0], bias: vec![0.5] };
        let wide = widened(&head.to_bytes().unwrap(), 1, 2).unwrap();
        let wide = DenseHead::load(&wide, 2).unwrap();
        assert_eq!((wide.weights, wide.bias), (vec![1.0, 2.0, 0.0, 0.0], vec![0.5, UNKNOWN]));
    }
}
