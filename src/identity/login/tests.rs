//! Who a person is, by the claims of a provider. Whole logins are tested against a provider by others.

use serde_json::json;

use super::*;

fn names() -> ClaimNames {
    ClaimNames { org: "org".to_owned(), units: "unit_path".to_owned(), roles: "roles".to_owned() }
}

fn found(others: Value) -> Option<Person> {
    let mut claims = json!({ "sub": "u-1", "exp": 9, "aud": "fenwen", "amr": ["hwk"] });
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    person(serde_json::from_value(claims).unwrap(), &names())
}

#[test]
fn roles_bring_scopes_and_one_that_is_unknown_brings_none() {
    let officer = found(json!({ "org": "301000000A", "roles": "承辦人", "name": "甲" })).unwrap();
    assert_eq!(officer.principal.scopes, Role::Officer.scopes());
    assert_eq!((officer.name.as_str(), officer.principal.kind), ("甲", Kind::Person));
    let both = json!({ "org": "301000000A", "roles": ["稽核人員", "市長", "承辦人"] });
    let both = found(both).unwrap().principal;
    assert_eq!(both.scopes, Role::Officer.scopes().or(Role::Auditor.scopes()));
    assert_eq!((both.amr, both.unit_paths), (vec!["hwk".to_owned()], Vec::<String>::new()));
    let units =
        json!({ "org": "301000000A", "roles": ["承辦人"], "unit_path": ["301000000A/民政司"] });
    assert_eq!(found(units).unwrap().principal.unit_paths, ["301000000A/民政司"]);
}

#[test]
fn whoever_has_no_role_or_agency_is_not_let_in() {
    for others in [
        json!({ "org": "301000000A" }),
        json!({ "org": "301000000A", "roles": ["市長"] }),
        json!({ "org": "301000000A", "roles": 7 }),
        json!({ "roles": ["承辦人"] }),
        json!({ "org": "", "roles": ["承辦人"] }),
        json!({ "org": "a/b", "roles": ["承辦人"] }),
        json!({ "org": ["301000000A\n"], "roles": ["承辦人"] }),
    ] {
        assert_eq!(found(others.clone()), None, "{others}");
    }
}
