//! A made-up pile of letters, grouped end to end.

use super::*;
use fenwen::base::Chance;

/// 60 letters about three things, one blank row, one without an id.
fn pile() -> String {
    let words = [
        ["路燈不亮", "路燈故障", "路燈閃爍", "路燈毀損"],
        ["補發身分證", "身分證遺失", "換發身分證", "身分證照片"],
        ["替代役抽籤", "替代役申請", "替代役體檢", "替代役役期"],
    ];
    let mut chance = Chance::new(4);
    let mut lines = String::from("{\"id\": \"blank\", \"text\": \" \"}\n");
    for idx in 0..60 {
        let topic = idx % 3;
        let mut said = String::new();
        for _ in 0..3 {
            said += words[topic][chance.below(4)];
            said += [",請問要多久", ",請儘速處理", ",謝謝", ",如何辦理"][chance.below(4)];
        }
        let id = if idx == 0 { String::new() } else { format!("\"id\": \"L{idx}\", ") };
        lines += &format!("{{{id}\"text\": \"{said}\", \"unit\": \"{topic}\"}}\n");
    }
    lines
}

fn options(file: PathBuf) -> Options {
    Options {
        file,
        text: vec!["text".to_owned()],
        label: Some("unit".to_owned()),
        id: "id".to_owned(),
        method: Method::Kmeans,
        space: Space::Ngram,
        clusters: Some(3),
        distance: None,
        linkage: None,
        seed: 7,
        out: None,
        json: true,
        examples: false,
    }
}

fn told(options: &Options) -> String {
    let mut out = Vec::new();
    run(options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_issues_of_a_pile_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    std::fs::write(&file, pile()).unwrap();
    let out = folder.path().join("b.jsonl");
    let options = Options { out: Some(out.clone()), ..options(file) };
    let report: Value = serde_json::from_str(&told(&options)).unwrap();
    assert_eq!((&report["n_rows"], &report["n_blank"]), (&json!(60), &json!(1)));
    assert_eq!((&report["purity"], &report["nmi"]), (&json!(1.0), &json!(1.0)));
    let groups = report["groups"].as_array().unwrap();
    let first: Vec<&str> = groups.iter().map(|it| it["terms"][0].as_str().unwrap()).collect();
    for word in ["路燈", "身分證", "替代役"] {
        assert!(first.contains(&word), "{first:?}");
    }
    assert!(groups.iter().all(|it| it["size"] == 20 && it["examples"].is_null()));
    let rows = rows::read(&out).unwrap();
    assert_eq!((rows.len(), &rows[0]["id"], &rows[1]["id"]), (60, &json!(2), &json!("L1")));
    assert_eq!(rows[0]["cluster"], rows[3]["cluster"]);
    // The same again, and the same from merging.
    assert_eq!(told(&options), told(&options));
    let merged = Options { method: Method::Agglomerative, ..options };
    let report: Value = serde_json::from_str(&told(&merged)).unwrap();
    assert_eq!(report["purity"], 1.0);
    let near = Options { clusters: None, distance: Some(1.1), ..merged };
    let report: Value = serde_json::from_str(&told(&near)).unwrap();
    assert_eq!(report["groups"].as_array().unwrap().len(), 3);
}

#[test]
fn letters_are_shown_on_demand_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    std::fs::write(&file, pile() + "{\"text\": \"路燈不亮,電話0912345678\"}\n").unwrap();
    let options = Options { json: false, clusters: None, ..options(file) };
    let table = told(&options);
    assert!(table.contains("純度") && table.contains("路燈"), "{table}");
    assert!(!table.contains('「'), "{table}");
    let shown = told(&Options { examples: true, ..options });
    assert!(shown.contains('「') && !shown.contains("0912345678"), "{shown}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    std::fs::write(&file, pile()).unwrap();
    let error = |options: Options| run(&options, &mut Vec::new()).unwrap_err().to_string();
    let plain = || options(file.clone());
    assert!(error(Options { distance: Some(1.0), ..plain() }).contains("agglomerative"));
    assert!(error(Options { text: vec!["body".to_owned()], ..plain() }).contains("body"));
    assert!(error(Options { clusters: Some(61), ..plain() }).contains("60"));
}
