//! Every role on every route, and what else decides.

use super::*;

fn policy() -> Policy {
    Policy { strong: vec!["hwk".to_owned()], strong_acr: vec!["aal3".to_owned()] }
}

fn caller(kind: Kind, scopes: Scopes) -> Principal {
    let local = Principal::local("mailbox".to_owned(), "301000000A".to_owned());
    Principal { kind, scopes, purposes: Purposes::Among(["a".to_owned()].into()), ..local }
}

const AUDIT: Route = Route {
    method: "GET",
    path: "/api/v1/audit/events",
    access: Access::Any(&[Scope::AuditRead]),
    personal: PersonalData::No,
    offered: Offered::Operators,
};

#[test]
fn each_row_is_there_once() {
    let rows: Vec<&Route> = ROUTES.iter().chain(GRPC).collect();
    for (idx, row) in rows.iter().enumerate() {
        assert_eq!(Route::find(row.method, row.path), Some(*row));
        let again = rows[..idx].iter().any(|it| (it.method, it.path) == (row.method, row.path));
        assert!(!again, "{row:?}");
    }
    assert_eq!(Route::find("HEAD", "/metrics"), Route::find("GET", "/metrics"));
    assert_eq!(Route::find("POST", "/metrics"), None);
}

/// Which roles may call a route, by their initials in the order of [`Role::ALL`].
fn who(route: &Route) -> String {
    let kind = |role| if role == Role::System { Kind::System } else { Kind::Person };
    let initial = |role: Role| role.as_str().chars().next().unwrap();
    let may =
        |role: &Role| policy().decide(Some(&caller(kind(*role), role.scopes())), route).is_ok();
    Role::ALL.into_iter().filter(may).map(initial).collect()
}

/// Methods of gRPC, by their names.
const GRPC_OPEN_TO: &[(&str, &str)] = &[
    ("ModelReady", "模介"),
    ("ModelMetadata", "模介"),
    ("ModelConfig", "模介"),
    ("ModelStatistics", "模介"),
    ("ModelInfer", "模介"),
    ("RepositoryIndex", "模介"),
    ("RepositoryModelLoad", ""),
    ("RepositoryModelUnload", ""),
    ("{method}", "模介"),
];

/// Who may use each route: 承辦人, 分文人員, 單位管理者, 模型管理者, 系統管理者, 稽核人員, 個資窗口, 介接系統.
const OPEN_TO: &[(&str, &str)] = &[
    ("POST /api/v1/identity-documents/recognitions", "承單介"),
    ("GET /api/v1/identity-documents/recognitions/{id}", "承單介"),
    ("POST /api/v1/identity-documents/recognitions/{id}/feedback", "承分單介"),
    ("POST /api/v1/identity-documents/recognitions/{id}/reveal", "承單介"),
    ("POST /api/v1/letters/classifications", "承分單介"),
    ("POST /api/v1/documents/dispatch-suggestions", "分單介"),
    ("POST /api/v1/speech/transcriptions", "承單介"),
    ("GET /api/v1/speech/transcriptions/{id}", "承單介"),
    ("GET /api/v1/speech/transcriptions/{id}/audio", "單"),
    ("PUT /api/v1/speech/transcriptions/{id}/segments/{number}/correction", "單"),
    ("DELETE /api/v1/speech/transcriptions/{id}/segments/{number}/correction", "單"),
    ("GET /api/v1/speech/stream", "承單介"),
    ("POST /v1/audio/transcriptions", "承單介"),
    ("POST /v1/embeddings", "模介"),
    ("GET /v1/models", "承單模介"),
    ("GET /v2/models/stats", "模介"),
    ("GET /v2/models/{name}", "模介"),
    ("GET /v2/models/{name}/config", "模介"),
    ("GET /v2/models/{name}/ready", "模介"),
    ("GET /v2/models/{name}/stats", "模介"),
    ("POST /v2/models/{name}/infer", "模介"),
    ("GET /v2/models/{name}/versions/{version}", "模介"),
    ("GET /v2/models/{name}/versions/{version}/config", "模介"),
    ("GET /v2/models/{name}/versions/{version}/ready", "模介"),
    ("GET /v2/models/{name}/versions/{version}/stats", "模介"),
    ("POST /v2/models/{name}/versions/{version}/infer", "模介"),
    ("POST /v2/repository/index", "模介"),
    // These need a strong login besides.
    ("POST /v2/repository/models/{name}/load", ""),
    ("POST /v2/repository/models/{name}/unload", ""),
    ("POST /api/v1/qa/answers", "承單介"),
    ("POST /api/v1/qa/suggestions", "承單介"),
    ("GET /api/v1/qa/unanswered", "單模"),
    ("GET /api/v1/predictions/{id}", "承分單介"),
    ("POST /api/v1/predictions/{id}/feedback", "承分單介"),
    ("GET /api/v1/statistics", "單模系"),
    ("GET /api/v1/statistics/drift", "單模系"),
    ("GET /api/v1/statistics/comparisons", "單模系"),
    ("GET /api/v1/taxonomy", "承分單模"),
    // These need a strong login besides.
    ("POST /api/v1/taxonomy/comparisons", ""),
    ("POST /api/v1/taxonomy/versions", ""),
    ("GET /api/v1/models/proposals", "單模系"),
    // These need a strong login besides.
    ("POST /api/v1/models/proposals", ""),
    ("GET /api/v1/models/proposals/{id}/comparison", "單模系"),
    ("POST /api/v1/models/proposals/{id}/approve", ""),
    ("POST /api/v1/models/proposals/{id}/reject", ""),
    ("GET /api/v1/modes", "單模系"),
    // This needs a strong login besides.
    ("PUT /api/v1/modes/{org}/{service}", ""),
    ("GET /api/v1/reviews", "承分單"),
    ("POST /api/v1/reviews/claim-next", "承分單"),
    ("POST /api/v1/reviews/accept", "承分單"),
    ("GET /api/v1/reviews/{id}", "承分單"),
    ("POST /api/v1/reviews/{id}/claim", "承分單"),
    ("POST /api/v1/reviews/{id}/extend", "承分單"),
    ("POST /api/v1/reviews/{id}/release", "承分單"),
    ("POST /api/v1/reviews/{id}/decision", "承分單"),
    ("POST /api/v1/reviews/{id}/undo", "承分單"),
    ("POST /api/v1/reviews/{id}/escalate", "承分單"),
    ("POST /api/v1/reviews/{id}/second-opinion", "分單"),
    ("POST /api/v1/jobs", "承分單介"),
    ("GET /api/v1/jobs", "承分單系介"),
    ("GET /api/v1/jobs/{id}", "承分單系介"),
    ("DELETE /api/v1/jobs/{id}", "承分單系介"),
    ("POST /api/v1/jobs/{id}/cancel", "承分單系介"),
    ("GET /api/v1/jobs/{id}/result", "承分單介"),
    ("GET /api/v1/jobs/{id}/events", "承分單系介"),
    ("POST /api/v1/blobs", "承分單介"),
    ("PUT /api/v1/blobs/{id}/parts/{number}", "承分單介"),
    ("POST /api/v1/blobs/{id}/complete", "承分單介"),
    ("GET /api/v1/blobs/{id}", "承分單介"),
    ("DELETE /api/v1/blobs/{id}", "承分單介"),
    ("POST /api/v1/webhooks", "介"),
    ("GET /api/v1/webhooks", "介"),
    ("GET /api/v1/webhooks/{id}", "介"),
    ("PATCH /api/v1/webhooks/{id}", "介"),
    ("DELETE /api/v1/webhooks/{id}", "介"),
    ("POST /api/v1/webhooks/{id}/rotate-secret", "介"),
    ("GET /api/v1/webhooks/{id}/deliveries", "介"),
    ("POST /api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", "介"),
    // These need a strong login besides.
    ("POST /api/v1/clients/applications", "系"),
    ("GET /api/v1/clients/applications", ""),
    ("GET /api/v1/clients/applications/{id}", "系"),
    ("POST /api/v1/clients/applications/{id}/approve", ""),
    ("POST /api/v1/clients/applications/{id}/reject", ""),
    ("GET /api/v1/clients", ""),
    ("POST /api/v1/clients/{id}/suspend", ""),
    ("POST /api/v1/clients/{id}/enable", ""),
    ("POST /api/v1/clients/{id}/keys", ""),
    ("DELETE /api/v1/clients/{id}/keys/{key_id}", ""),
    ("POST /api/v1/subjects/find", ""),
    ("POST /api/v1/subjects/copies", ""),
    ("GET /api/v1/subjects/erasures", ""),
    ("POST /api/v1/subjects/erasures", ""),
    ("POST /api/v1/subjects/erasures/{id}/approve", ""),
    ("POST /api/v1/subjects/erasures/{id}/reject", ""),
    ("GET /api/v1/subjects/holds", ""),
    ("POST /api/v1/subjects/holds", ""),
    ("POST /api/v1/subjects/holds/{id}/lift", ""),
];

#[test]
fn every_route_is_open_to_the_roles_that_need_it() {
    let check = |rows: &[Route], prefix: &str, expected: &[(&str, &str)]| {
        let guarded = rows.iter().filter(|it| it.access != Access::Open);
        let found: Vec<(String, String)> =
            guarded.map(|it| (format!("{} {}", it.method, it.path), who(it))).collect();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(route, who)| (route.strip_prefix(prefix).unwrap(), who.as_str()))
            .collect();
        assert_eq!(found, expected);
    };
    check(ROUTES, "", OPEN_TO);
    check(GRPC, "POST /inference.GRPCInferenceService/", GRPC_OPEN_TO);
}

#[test]
fn every_screen_is_seen_by_the_roles_that_need_it() {
    let expected = [
        ("/console", "承分單模系稽個介"),
        ("/console/try", "承分單介"),
        ("/console/letters", "承分單"),
        ("/console/documents", "承分單"),
        ("/console/recordings", "承單介"),
        ("/console/recordings/{id}", "承單介"),
        ("/console/calls", "承單介"),
        ("/console/cards", "承單介"),
        ("/console/answers", "單模"),
        ("/console/models", "單模系"),
        ("/console/models/comparison", "單模系"),
        ("/console/models/comparison/{id}", "單模系"),
        ("/console/taxonomy", "承分單模"),
        // These need a strong login besides.
        ("/console/clients", ""),
        ("/console/audit", ""),
        ("/console/resources", ""),
        ("/console/privacy", ""),
        ("/console/{*path}", "承分單模系稽個介"),
    ];
    let guarded = PAGES.iter().filter(|it| it.access != Access::Open);
    let found: Vec<(&str, String)> = guarded.map(|it| (it.path, who(it))).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(path, who)| (*path, who.as_str())).collect();
    assert_eq!(found, expected);
    for row in PAGES {
        assert_eq!(Route::page(row.method, row.path), Some(row));
        assert_eq!(row.personal, PersonalData::No, "{row:?}");
    }
}

#[test]
fn nobody_and_nothing_are_denied() {
    for route in ROUTES.iter().chain(GRPC) {
        let nobody = policy().decide(None, route);
        let nothing = policy().decide(Some(&caller(Kind::Person, Scopes::default())), route);
        let expected = if route.access == Access::Open {
            (Ok(()), Ok(()))
        } else {
            (Err(Denial::NoCredential), Err(Denial::Scope))
        };
        assert_eq!((nobody, nothing), expected, "{route:?}");
    }
    let forgotten = Route { access: Access::Any(&[]), ..AUDIT };
    let all = caller(Kind::Local, Scopes::all());
    assert_eq!(policy().decide(Some(&all), &forgotten), Err(Denial::Scope));
}

#[test]
fn administration_needs_a_strong_login() {
    let mut auditor = caller(Kind::Person, Role::Auditor.scopes());
    let decide = |it: &Principal| policy().decide(Some(it), &AUDIT);
    assert_eq!(decide(&auditor), Err(Denial::StrongLogin));
    auditor.login.amr = vec!["pwd".to_owned()];
    assert_eq!(decide(&auditor), Err(Denial::StrongLogin));
    auditor.login.amr.push("hwk".to_owned());
    assert_eq!(decide(&auditor), Ok(()));
    auditor.login = Assurance { amr: vec!["pwd".to_owned()], acr: Some("aal2".to_owned()) };
    assert_eq!(decide(&auditor), Err(Denial::StrongLogin));
    auditor.login.acr = Some("aal3".to_owned());
    assert_eq!(decide(&auditor), Ok(()));
    // A system has no login; but a person whom it acts for needs one.
    let mut system = caller(Kind::System, Role::Auditor.scopes());
    assert_eq!(decide(&system), Ok(()));
    system.acting_for = Some(ActingFor { subject: "u-1".to_owned(), is_authenticated: true });
    assert_eq!(decide(&system), Err(Denial::StrongLogin));
}

#[test]
fn a_purpose_that_is_not_named_must_be_the_only_one() {
    let route = Route::find("POST", "/v1/audio/transcriptions").unwrap();
    let mut system = caller(Kind::System, Role::System.scopes());
    let decide = |it: &Principal| policy().decide(Some(it), route);
    assert_eq!(decide(&system), Ok(()));
    for codes in [vec![], vec!["a".to_owned(), "b".to_owned()]] {
        system.purposes = Purposes::Among(codes.into());
        assert_eq!(decide(&system), Err(Denial::Purpose));
    }
}

#[test]
fn listeners_offer_what_they_are_for() {
    use Offered::{Clients, Everywhere, Operators};
    for (surface, expected) in [
        (Surface::All, [true, true, true]),
        (Surface::Public, [true, false, true]),
        (Surface::Exchange, [true, false, true]),
        (Surface::Admin, [false, true, true]),
    ] {
        let found = [Clients, Operators, Everywhere].map(|it| surface.offers(it));
        assert_eq!(found, expected, "{surface:?}");
    }
}
