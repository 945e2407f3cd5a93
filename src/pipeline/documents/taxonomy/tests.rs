//! The ministry's units through two reorganisations, and files that are refused.

use super::*;

fn day(text: &str) -> Date {
    Date::parse_iso(text).unwrap()
}

fn ministry() -> Taxonomy {
    Taxonomy::ministry().unwrap()
}

fn unit(name: &str) -> Mapping {
    Mapping::Unit(format!("301000000A/{name}"))
}

fn split(main: &str, others: &[&str]) -> Mapping {
    let path = |name: &&str| format!("301000000A/{name}");
    Mapping::Split { main: path(&main), others: others.iter().map(path).collect() }
}

#[test]
fn units_on_a_day() {
    let taxonomy = ministry();
    let first_level = |date: &str| -> Vec<String> {
        taxonomy.children(taxonomy.tenant(), day(date)).map(|it| it.name().to_owned()).collect()
    };
    let now = first_level("2026-11-24");
    assert_eq!(now.len(), 25, "{now:?}");
    for name in ["國土管理署", "國家公園署", "宗教及禮制司", "法制處"] {
        assert!(now.iter().any(|it| it == name), "{name}");
        assert!(!first_level("2023-09-19").iter().any(|it| it == name), "{name}");
    }
    for name in ["營建署", "役政署", "法規委員會"] {
        assert!(first_level("2023-09-19").iter().any(|it| it == name), "{name}");
    }
    assert!(first_level("2013-07-22").iter().any(|it| it == "社會司"));
    assert!(!first_level("2013-07-23").iter().any(|it| it == "社會司"));
}

#[test]
fn sections_are_those_of_the_rules() {
    let taxonomy = ministry();
    let count =
        |name: &str| taxonomy.children(&format!("301000000A/{name}"), day("2026-11-24")).count();
    let expected = [
        ("綜合規劃司", 7),
        ("民政司", 6),
        ("戶政司", 5),
        ("地政司", 10),
        ("宗教及禮制司", 5),
        ("合作及人民團體司", 5),
        ("役政司", 6),
        ("資訊服務司", 7),
        ("秘書處", 6),
        ("人事處", 4),
        ("政風處", 3),
        ("會計處", 6),
        ("統計處", 3),
        ("法制處", 5),
        ("替代役訓練及管理中心", 10),
        ("國土管理署", 10),
        ("國家公園署", 4),
    ];
    for (name, n_sections) in expected {
        assert_eq!(count(name), n_sections, "{name}");
    }
    assert!(taxonomy.unit("301000000A/地政司/第十科").is_some());
    assert!(taxonomy.unit("301000000A/警政署/交通組/第三科").is_some());
    let scoped = taxonomy.at(day("2026-11-24")).filter(|it| !it.name().starts_with('第'));
    assert!(scoped.into_iter().all(|it| !it.scope.is_empty()));
}

#[test]
fn old_labels_are_followed_to_today() {
    let check = |label: &str, then: Option<&str>, expected: Mapping| {
        let found = ministry().map(label, then.map(day), day("2026-11-24"));
        assert_eq!(found, expected, "{label} {then:?}");
    };
    check("戶政司", None, unit("戶政司"));
    check("301000000A/戶政司/第一科", None, unit("戶政司/第一科"));
    check("戶政司", Some("2006-05-01"), unit("戶政司"));
    check("營建署", None, split("國土管理署", &["國家公園署"]));
    check("301000000A/營建署", Some("2008-01-01"), split("國土管理署", &["國家公園署"]));
    check("役政署", Some("2008-01-01"), split("役政司", &["替代役訓練及管理中心"]));
    check("入出國及移民署", Some("2010-01-01"), unit("移民署"));
    check("移民署", Some("2010-01-01"), unit("移民署"));
    check("移民署", None, unit("移民署"));
    check("法規會", Some("2010-01-01"), unit("法制處"));
    check("合作及人民團體司籌備處", Some("2015-01-01"), unit("合作及人民團體司"));
    check("民政司", Some("2010-01-01"), split("民政司", &["宗教及禮制司"]));
    check("民政司", None, unit("民政司"));
    check("民政司", Some("2024-01-01"), unit("民政司"));
    for label in ["社會司", "兒童局", "家防會"] {
        check(label, None, Mapping::Left { ministry: "衛生福利部".to_owned() });
    }
    check("第一科", None, Mapping::Unknown);
    check("教育部", None, Mapping::Unknown);
    check("", None, Mapping::Unknown);
}

#[test]
fn a_label_is_followed_only_to_the_day_asked_for() {
    let found = ministry().map("營建署", Some(day("2008-01-01")), day("2020-01-01"));
    assert_eq!(found, unit("營建署"));
}

#[test]
fn merges_and_chains() {
    let taxonomy = Taxonomy::parse(
        "version = '1'\ntenant = 'T'\nname = 'n'\n\
         [[unit]]\npath = 'T/a'\nto = '2000-01-01'\n[[unit]]\npath = 'T/b'\nto = '2000-01-01'\n\
         [[unit]]\npath = 'T/c'\nfrom = '2000-01-01'\nto = '2010-01-01'\n\
         [[unit]]\npath = 'T/d'\nfrom = '2010-01-01'\nto = '2025-01-01'\n\
         [[unit]]\npath = 'T/e'\nfrom = '2010-01-01'\nto = '2025-01-01'\n\
         [[unit]]\npath = 'T/f'\nfrom = '2025-01-01'\n\
         [[change]]\non = '2025-01-01'\nfrom = ['T/d', 'T/e']\nto = ['T/f']\n\
         [[change]]\non = '2010-01-01'\nfrom = ['T/c']\nto = ['T/d', 'T/e']\n\
         [[change]]\non = '2000-01-01'\nfrom = ['T/a', 'T/b']\nto = ['T/c']\n",
    )
    .unwrap();
    let map = |label, at| taxonomy.map(label, None, day(at));
    assert_eq!(map("a", "2005-01-01"), Mapping::Unit("T/c".to_owned()));
    let split = Mapping::Split { main: "T/d".to_owned(), others: vec!["T/e".to_owned()] };
    assert_eq!(map("b", "2020-01-01"), split);
    assert_eq!(map("c", "2020-01-01"), split);
    assert_eq!(map("a", "2030-01-01"), Mapping::Unit("T/f".to_owned()));
}

#[test]
fn what_was_closed_and_not_followed_is_its_parents_or_nobodys() {
    let taxonomy = Taxonomy::parse(
        "version = '1'\ntenant = 'T'\nname = 'n'\n\
         [[unit]]\npath = 'T/a'\nto = '2000-01-01'\n[[unit]]\npath = 'T/a/x'\nto = '2000-01-01'\n\
         [[unit]]\npath = 'T/b'\n[[unit]]\npath = 'T/b/x'\nto = '2000-01-01'\n\
         [[unit]]\npath = 'T/c'\nto = '1990-01-01'\n\
         [[change]]\non = '1990-01-01'\nfrom = ['T/c']\nto = ['T/a', 'T/b/x']\n",
    )
    .unwrap();
    let map = |label, then: Option<&str>, at| taxonomy.map(label, then.map(day), day(at));
    let unit = |path: &str| Mapping::Unit(path.to_owned());
    assert_eq!(map("T/a", None, "1999-12-31"), unit("T/a"));
    assert_eq!(map("T/a", None, "2000-01-01"), Mapping::Gone);
    assert_eq!(map("a", Some("1999-01-01"), "2000-01-01"), Mapping::Gone);
    assert_eq!(map("T/a/x", None, "2000-01-01"), Mapping::Gone);
    assert_eq!(map("T/b/x", None, "2000-01-01"), unit("T/b"));
    assert_eq!(map("c", None, "2000-01-01"), unit("T/b"), "of those that followed it one is left");
}

#[test]
fn back_off_goes_up_to_the_first_level() {
    let found: Vec<&str> = back_off("301000000A/戶政司/第一科").collect();
    assert_eq!(found, ["301000000A/戶政司/第一科", "301000000A/戶政司"]);
    assert_eq!(parent("301000000A"), None);
}

#[test]
fn wrong_files_are_refused() {
    let check = |rows: &str| {
        let text = format!("version = '1'\ntenant = 'T'\nname = 'n'\n{rows}");
        Taxonomy::parse(&text).map(|_| ()).unwrap_err().to_string()
    };
    let unit = |rest: &str| format!("[[unit]]\n{rest}\n");
    assert!(check("x = 1").contains("parse"));
    assert!(check(&unit("path = 'X/a'")).contains("X/a"));
    assert!(check(&unit("path = 'T'")).contains("`T`"));
    assert!(check(&unit("path = 'T/'")).contains("path"));
    assert!(check(&unit("path = 'T/a/b'")).contains("T/a/b"));
    assert!(check(&(unit("path = 'T/a'") + &unit("path = 'T/a'"))).contains("T/a"));
    assert!(check(&unit("path = 'T/a'\nfrom = '2020-13-01'")).contains("day"));
    assert!(check(&unit("path = 'T/a'\nfrom = '2020-01-02'\nto = '2020-01-01'")).contains("day"));
    let change = |rest: &str| unit("path = 'T/a'") + "[[change]]\non = '2020-01-01'\n" + rest;
    assert!(check(&change("from = ['T/x']\nto = ['T/a']")).contains("2020-01-01"));
    assert!(check(&change("from = ['T/a']")).contains("change"));
    assert!(check(&change("from = ['T/a']\nto = ['T/a']\nministry = 'm'")).contains("change"));
    assert!(check(&change("from = []\nto = ['T/a']")).contains("change"));
}
