//! Who a person is, by the claims of a provider. Whole logins are tested against a provider by others.

use serde_json::json;

use super::*;

fn names() -> ClaimNames {
    ClaimNames { org: "org".to_owned(), units: "unit_path".to_owned(), roles: "roles".to_owned() }
}

fn found(others: Value) -> Result<Person, LoginError> {
    let mut claims = json!({ "sub": "u-1", "exp": 9, "aud": "fenwen", "amr": ["hwk"] });
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    person(serde_json::from_value(claims).unwrap(), &names())
}

#[test]
fn roles_bring_scopes_and_one_that_is_unknown_brings_none() {
    let officer = json!({ "org": "301000000A", "roles": "承辦人", "name": "甲",
        "unit_path": "301000000A/民政司" });
    let officer = found(officer).unwrap();
    assert_eq!(officer.principal.scopes, Role::Officer.scopes());
    assert_eq!((officer.name.as_str(), officer.principal.kind), ("甲", Kind::Person));
    let both = json!({ "org": "301000000A", "roles": ["稽核人員", "市長", "承辦人"],
        "unit_path": ["301000000A/民政司"] });
    let both = found(both).unwrap().principal;
    assert_eq!(both.scopes, Role::Officer.scopes().or(Role::Auditor.scopes()));
    assert_eq!(
        (both.login.amr, both.unit_paths),
        (vec!["hwk".to_owned()], vec!["301000000A/民政司".to_owned()])
    );
}

#[test]
fn whoever_is_in_cases_has_units_and_the_whole_agency_only_where_that_is_said() {
    let check = |role: &str, units: Value, expected: Result<&[&str], LoginError>| {
        let mut claims = json!({ "org": "301000000A", "roles": [role] });
        if !units.is_null() {
            claims["unit_path"] = units.clone();
        }
        let found = found(claims).map(|it| it.principal.unit_paths);
        let expected = expected.map(|all| all.iter().map(|&it| it.to_owned()).collect());
        assert_eq!(found, expected, "{role} {units}");
    };
    let civil = "301000000A/民政司";
    for role in ["承辦人", "分文人員", "單位管理者", "介接系統"] {
        check(role, json!([civil, 7]), Ok(&[civil]));
        check(role, json!("301000000A"), Ok(&[]));
        check(role, json!([civil, "301000000A"]), Ok(&[]));
        for none in [
            Value::Null,
            json!(7),
            json!([]),
            json!([7]),
            json!({ "path": civil }),
            json!(""),
            json!("民政司"),
            json!("301000000A/"),
            json!("301000000B/民政司"),
            json!("379000000A"),
        ] {
            check(role, none, Err(LoginError::NoUnit));
        }
    }
    for role in ["系統管理者", "稽核人員", "模型管理者", "個資窗口"] {
        check(role, Value::Null, Ok(&[]));
        check(role, json!(civil), Ok(&[civil]));
    }
    let both = json!({ "org": "301000000A", "roles": ["稽核人員", "承辦人"] });
    assert_eq!(found(both), Err(LoginError::NoUnit), "no role is taken away unsaid");
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
        assert_eq!(found(others.clone()), Err(LoginError::NoRole), "{others}");
    }
}
