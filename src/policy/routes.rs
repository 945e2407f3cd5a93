//! The table of routes: what each needs. A route without a row fails the tests, and so does a row without a route.

use super::Scope::{self, *};

/// What a route needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: descriptions and health.
    Open,
    /// A client system, for what is its own.
    Client,
    /// Whoever is proven.
    Known,
    /// One of these scopes.
    Any(&'static [Scope]),
}

/// What a route has to do with personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalData {
    /// Nothing.
    No,
    /// It takes some, and the call names its purpose.
    Named,
    /// It takes some, and has no place for a purpose: the client's only one is meant.
    Implied,
    /// It shows what was taken under a purpose named then.
    Kept,
}

/// Where a route is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// To clients.
    Clients,
    /// To operators.
    Operators,
    /// To both.
    Everywhere,
}

/// A route and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// In capitals.
    pub method: &'static str,
    /// Template, as in the description.
    pub path: &'static str,
    /// What it needs.
    pub access: Access,
    /// Whether personal data is taken or shown.
    pub personal: PersonalData,
    /// Where it is offered.
    pub offered: Offered,
}

impl Route {
    /// The row of a route; a HEAD is a GET.
    pub fn find(method: &str, path: &str) -> Option<&'static Route> {
        Route::among(ROUTES, method, path)
    }

    /// The row of a page for people.
    pub fn page(method: &str, path: &str) -> Option<&'static Route> {
        Route::among(PAGES, method, path)
    }

    fn among(rows: &'static [Route], method: &str, path: &str) -> Option<&'static Route> {
        let method = if method == "HEAD" { "GET" } else { method };
        rows.iter().find(|it| it.method == method && it.path == path)
    }

    /// Whether a person needs a strong login: when every scope that opens it does.
    pub fn needs_strong_login(&self) -> bool {
        matches!(self.access, Access::Any(scopes) if scopes.iter().all(|it| it.needs_strong_login()))
    }
}

/// Scopes of whoever may have given an input or see a result.
const OWNING: Access = Access::Any(&[
    LettersClassify,
    LettersRead,
    DocumentsDispatch,
    DocumentsRead,
    SpeechTranscribe,
    SpeechRead,
    IdRecognize,
    IdRead,
]);

/// Scopes of whoever may give an input.
const SENDING: Access =
    Access::Any(&[LettersClassify, DocumentsDispatch, SpeechTranscribe, IdRecognize]);

/// Every route of the description.
pub const ROUTES: &[Route] = &[
    named("POST", "/api/v1/identity-documents/recognitions", &[IdRecognize]),
    named("POST", "/api/v1/letters/classifications", &[LettersClassify]),
    named("POST", "/api/v1/documents/dispatch-suggestions", &[DocumentsDispatch]),
    named("POST", "/api/v1/speech/transcriptions", &[SpeechTranscribe]),
    kept("GET", "/api/v1/speech/transcriptions/{id}", Access::Any(&[SpeechTranscribe, SpeechRead])),
    kept("GET", "/api/v1/speech/transcriptions/{id}/audio", Access::Any(&[SpeechAudio])),
    named("GET", "/api/v1/speech/stream", &[SpeechTranscribe]),
    Route {
        personal: PersonalData::Implied,
        ..named("POST", "/v1/audio/transcriptions", &[SpeechTranscribe])
    },
    named("POST", "/api/v1/qa/answers", &[QaAsk]),
    named("POST", "/api/v1/qa/suggestions", &[QaAsk]),
    kept("GET", "/api/v1/qa/unanswered", Access::Any(&[QaManage])),
    plain("GET", "/api/v1/predictions/{id}", Access::Any(&[LettersRead, DocumentsRead])),
    plain("POST", "/api/v1/predictions/{id}/feedback", Access::Any(&[FeedbackWrite])),
    plain("GET", "/api/v1/statistics", Access::Any(&[ModelsRead])),
    Route { personal: PersonalData::Named, ..plain("POST", "/api/v1/jobs", SENDING) },
    plain("GET", "/api/v1/jobs", Access::Any(&[JobsRead])),
    plain("GET", "/api/v1/jobs/{id}", Access::Any(&[JobsRead])),
    plain("DELETE", "/api/v1/jobs/{id}", Access::Any(&[JobsCancel])),
    plain("POST", "/api/v1/jobs/{id}/cancel", Access::Any(&[JobsCancel])),
    kept("GET", "/api/v1/jobs/{id}/result", OWNING),
    plain("GET", "/api/v1/jobs/{id}/events", Access::Any(&[JobsRead])),
    plain("POST", "/api/v1/blobs", SENDING),
    kept("PUT", "/api/v1/blobs/{id}/parts/{number}", SENDING),
    plain("POST", "/api/v1/blobs/{id}/complete", SENDING),
    plain("DELETE", "/api/v1/blobs/{id}", SENDING),
    plain("POST", "/api/v1/webhooks", Access::Client),
    plain("GET", "/api/v1/webhooks", Access::Client),
    plain("GET", "/api/v1/webhooks/{id}", Access::Client),
    plain("PATCH", "/api/v1/webhooks/{id}", Access::Client),
    plain("DELETE", "/api/v1/webhooks/{id}", Access::Client),
    plain("POST", "/api/v1/webhooks/{id}/rotate-secret", Access::Client),
    plain("GET", "/api/v1/webhooks/{id}/deliveries", Access::Client),
    plain("POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", Access::Client),
    open("/api/v1/services", Offered::Everywhere),
    open("/openapi.json", Offered::Everywhere),
    open("/asyncapi.yaml", Offered::Everywhere),
    open("/schemas/{file}", Offered::Everywhere),
    open("/", Offered::Everywhere),
    open("/healthz/live", Offered::Operators),
    open("/healthz/ready", Offered::Operators),
    open("/metrics", Offered::Operators),
];

/// Pages for people, and the files that they are made of. They are in no description.
pub const PAGES: &[Route] = &[
    open("/docs", Offered::Everywhere),
    open("/docs/", Offered::Everywhere),
    open("/docs/{file}", Offered::Everywhere),
    open("/console/assets/{file}", Offered::Everywhere),
    open("/console/samples/{file}", Offered::Everywhere),
    open("/console/login", Offered::Everywhere),
    Route { method: "POST", ..open("/console/login", Offered::Everywhere) },
    Route { method: "POST", ..open("/console/logout", Offered::Everywhere) },
    page("/console", Access::Known),
    page("/console/try", Access::Any(TRYING)),
    page("/console/recordings", LISTENING),
    page("/console/recordings/{id}", LISTENING),
    page("/console/cards", Access::Any(&[IdRecognize])),
    page("/console/answers", Access::Any(&[QaManage])),
    page("/console/models", Access::Any(&[ModelsRead])),
    page("/console/clients", Access::Any(&[ClientsAdmin])),
    page("/console/audit", Access::Any(&[AuditRead])),
    page("/console/resources", Access::Any(&[OpsAdmin])),
];

/// Scopes of whoever may try one of the services.
const TRYING: &[Scope] =
    &[LettersClassify, DocumentsDispatch, SpeechTranscribe, IdRecognize, QaAsk];

/// Scopes of whoever may read transcripts.
const LISTENING: Access = Access::Any(&[SpeechTranscribe, SpeechRead]);

const fn plain(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { method, path, access, personal: PersonalData::No, offered: Offered::Clients }
}

const fn named(method: &'static str, path: &'static str, scopes: &'static [Scope]) -> Route {
    Route { personal: PersonalData::Named, ..plain(method, path, Access::Any(scopes)) }
}

const fn kept(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { personal: PersonalData::Kept, ..plain(method, path, access) }
}

const fn page(path: &'static str, access: Access) -> Route {
    Route { offered: Offered::Everywhere, ..plain("GET", path, access) }
}

const fn open(path: &'static str, offered: Offered) -> Route {
    Route { offered, ..plain("GET", path, Access::Open) }
}
