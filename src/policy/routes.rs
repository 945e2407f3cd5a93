//! The table of routes: what each needs. A route without a row fails the tests, and so does a row without a route.

use super::Scope as S;

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
    Any(&'static [S]),
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
        Route::among(ROUTES, method, path).or_else(|| Route::among(GRPC, method, path))
    }

    /// The row of a page for people.
    pub fn page(method: &str, path: &str) -> Option<&'static Route> {
        Route::among(PAGES, method, path)
    }

    fn among(rows: &'static [Route], method: &str, path: &str) -> Option<&'static Route> {
        let method = if method == "HEAD" { "GET" } else { method };
        // Paths first: most differ in their length already, methods do not.
        rows.iter().find(|it| it.path == path && it.method == method)
    }

    /// Whether it shows what is kept of persons: whoever calls it reads that.
    pub fn reads_kept(&self) -> bool {
        let shows = ["/reveal", "/claim", "/claim-next", "/subjects/find", "/subjects/copies"];
        (self.method == "GET" && self.personal == PersonalData::Kept)
            || shows.iter().any(|it| self.path.ends_with(it))
    }

    /// Whether what it answers goes on for as long as somebody listens: who that is is asked again meanwhile.
    pub fn stays_open(&self) -> bool {
        let open =
            ["/api/v1/speech/stream", "/api/v1/jobs/{id}/events", "/v1/audio/transcriptions"];
        open.contains(&self.path)
    }

    /// Whether a person needs a strong login: when every scope that opens it does.
    pub fn needs_strong_login(&self) -> bool {
        matches!(self.access, Access::Any(scopes) if scopes.iter().all(|it| it.needs_strong_login()))
    }
}

/// Scopes of whoever may have given an input or see a result.
const OWNING: Access = Access::Any(&[
    S::LettersClassify,
    S::LettersRead,
    S::DocumentsDispatch,
    S::DocumentsRead,
    S::SpeechTranscribe,
    S::SpeechRead,
    S::IdRecognize,
    S::IdRead,
]);

/// Scopes of whoever may give an input.
const SENDING: Access =
    Access::Any(&[S::LettersClassify, S::DocumentsDispatch, S::SpeechTranscribe, S::IdRecognize]);

/// Scopes of whoever may hand over an application, and see what became of it.
const APPLYING: &[S] = &[S::ClientsApply, S::ClientsAdmin];

/// Scopes of whoever approves applications and looks after clients.
const ADMINISTERING: &[S] = &[S::ClientsAdmin];

/// Scopes of whoever may see which models take tensors.
const MODELS: Access = Access::Any(&[S::ModelsInfer, S::ModelsManage]);

/// Path of a method of the Open Inference Protocol.
macro_rules! grpc {
    ($method:literal) => {
        concat!("/inference.GRPCInferenceService/", $method)
    };
}

/// Every route of the description.
pub const ROUTES: &[Route] = &[
    named("POST", "/api/v1/identity-documents/recognitions", &[S::IdRecognize]),
    plain(
        "GET",
        "/api/v1/identity-documents/recognitions/{id}",
        // Who may only have images read sees what that one has asked for.
        Access::Any(&[S::IdRecognize, S::IdRead]),
    ),
    plain(
        "POST",
        "/api/v1/identity-documents/recognitions/{id}/feedback",
        Access::Any(&[S::FeedbackWrite]),
    ),
    Route {
        // Without the record nothing is shown.
        personal: PersonalData::Implied,
        ..plain(
            "POST",
            "/api/v1/identity-documents/recognitions/{id}/reveal",
            Access::Any(&[S::IdRecognize]),
        )
    },
    named("POST", "/api/v1/letters/classifications", &[S::LettersClassify]),
    named("POST", "/api/v1/documents/dispatch-suggestions", &[S::DocumentsDispatch]),
    named("POST", "/api/v1/speech/transcriptions", &[S::SpeechTranscribe]),
    kept(
        "GET",
        "/api/v1/speech/transcriptions/{id}",
        Access::Any(&[S::SpeechTranscribe, S::SpeechRead]),
    ),
    kept("GET", "/api/v1/speech/transcriptions/{id}/audio", Access::Any(&[S::SpeechAudio])),
    named(
        "PUT",
        "/api/v1/speech/transcriptions/{id}/segments/{number}/correction",
        &[S::SpeechReview],
    ),
    kept(
        "DELETE",
        "/api/v1/speech/transcriptions/{id}/segments/{number}/correction",
        Access::Any(&[S::SpeechReview]),
    ),
    named("GET", "/api/v1/speech/stream", &[S::SpeechTranscribe]),
    Route {
        personal: PersonalData::Implied,
        ..named("POST", "/v1/audio/transcriptions", &[S::SpeechTranscribe])
    },
    Route { personal: PersonalData::Implied, ..named("POST", "/v1/embeddings", &[S::ModelsInfer]) },
    // Whoever may call one of the models that are listed.
    plain("GET", "/v1/models", Access::Any(&[S::SpeechTranscribe, S::ModelsInfer])),
    open("/v2", Offered::Clients),
    open("/v2/health/live", Offered::Everywhere),
    open("/v2/health/ready", Offered::Everywhere),
    plain("GET", "/v2/models/stats", MODELS),
    plain("GET", "/v2/models/{name}", MODELS),
    plain("GET", "/v2/models/{name}/config", MODELS),
    plain("GET", "/v2/models/{name}/ready", MODELS),
    plain("GET", "/v2/models/{name}/stats", MODELS),
    Route {
        personal: PersonalData::Implied,
        ..named("POST", "/v2/models/{name}/infer", &[S::ModelsInfer])
    },
    plain("GET", "/v2/models/{name}/versions/{version}", MODELS),
    plain("GET", "/v2/models/{name}/versions/{version}/config", MODELS),
    plain("GET", "/v2/models/{name}/versions/{version}/ready", MODELS),
    plain("GET", "/v2/models/{name}/versions/{version}/stats", MODELS),
    Route {
        personal: PersonalData::Implied,
        ..named("POST", "/v2/models/{name}/versions/{version}/infer", &[S::ModelsInfer])
    },
    plain("POST", "/v2/repository/index", MODELS),
    plain("POST", "/v2/repository/models/{name}/load", Access::Any(&[S::ModelsManage])),
    plain("POST", "/v2/repository/models/{name}/unload", Access::Any(&[S::ModelsManage])),
    named("POST", "/api/v1/qa/answers", &[S::QaAsk]),
    named("POST", "/api/v1/qa/suggestions", &[S::QaAsk]),
    kept("GET", "/api/v1/qa/unanswered", Access::Any(&[S::QaManage])),
    plain("GET", "/api/v1/predictions/{id}", Access::Any(&[S::LettersRead, S::DocumentsRead])),
    plain("POST", "/api/v1/predictions/{id}/feedback", Access::Any(&[S::FeedbackWrite])),
    plain("GET", "/api/v1/statistics", Access::Any(&[S::ModelsRead])),
    plain("GET", "/api/v1/statistics/drift", Access::Any(&[S::ModelsRead])),
    plain("GET", "/api/v1/statistics/comparisons", Access::Any(&[S::ModelsRead])),
    plain("GET", "/api/v1/taxonomy", Access::Any(&[S::TaxonomiesRead])),
    plain("POST", "/api/v1/taxonomy/comparisons", Access::Any(&[S::TaxonomiesWrite])),
    plain("POST", "/api/v1/taxonomy/versions", Access::Any(&[S::TaxonomiesWrite])),
    Route {
        offered: Offered::Everywhere,
        ..plain("GET", "/api/v1/models/proposals", Access::Any(&[S::ModelsRead]))
    },
    Route {
        offered: Offered::Everywhere,
        ..plain("POST", "/api/v1/models/proposals", Access::Any(&[S::ModelsPropose]))
    },
    Route {
        offered: Offered::Everywhere,
        ..plain("GET", "/api/v1/models/proposals/{id}/comparison", Access::Any(&[S::ModelsRead]))
    },
    approving("/api/v1/models/proposals/{id}/approve"),
    approving("/api/v1/models/proposals/{id}/reject"),
    Route {
        offered: Offered::Everywhere,
        ..plain("GET", "/api/v1/modes", Access::Any(&[S::ModelsRead]))
    },
    Route {
        offered: Offered::Everywhere,
        ..plain("PUT", "/api/v1/modes/{org}/{service}", Access::Any(&[S::ModelsApprove]))
    },
    kept("GET", "/api/v1/reviews", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/claim-next", Access::Any(&[S::ReviewsWork])),
    plain("POST", "/api/v1/reviews/accept", Access::Any(&[S::ReviewsWork])),
    kept("GET", "/api/v1/reviews/{id}", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/claim", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/extend", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/release", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/decision", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/undo", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/escalate", Access::Any(&[S::ReviewsWork])),
    kept("POST", "/api/v1/reviews/{id}/second-opinion", Access::Any(&[S::ReviewsAssign])),
    Route { personal: PersonalData::Named, ..plain("POST", "/api/v1/jobs", SENDING) },
    plain("GET", "/api/v1/jobs", Access::Any(&[S::JobsRead])),
    plain("GET", "/api/v1/jobs/{id}", Access::Any(&[S::JobsRead])),
    plain("DELETE", "/api/v1/jobs/{id}", Access::Any(&[S::JobsCancel])),
    plain("POST", "/api/v1/jobs/{id}/cancel", Access::Any(&[S::JobsCancel])),
    kept("GET", "/api/v1/jobs/{id}/result", OWNING),
    plain("GET", "/api/v1/jobs/{id}/events", Access::Any(&[S::JobsRead])),
    plain("POST", "/api/v1/blobs", SENDING),
    kept("PUT", "/api/v1/blobs/{id}/parts/{number}", SENDING),
    plain("POST", "/api/v1/blobs/{id}/complete", SENDING),
    plain("GET", "/api/v1/blobs/{id}", SENDING),
    plain("DELETE", "/api/v1/blobs/{id}", SENDING),
    plain("POST", "/api/v1/webhooks", Access::Client),
    plain("GET", "/api/v1/webhooks", Access::Client),
    plain("GET", "/api/v1/webhooks/{id}", Access::Client),
    plain("PATCH", "/api/v1/webhooks/{id}", Access::Client),
    plain("DELETE", "/api/v1/webhooks/{id}", Access::Client),
    plain("POST", "/api/v1/webhooks/{id}/rotate-secret", Access::Client),
    plain("GET", "/api/v1/webhooks/{id}/deliveries", Access::Client),
    plain("POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", Access::Client),
    onboarding("POST", "/api/v1/clients/applications", APPLYING),
    onboarding("GET", "/api/v1/clients/applications", ADMINISTERING),
    onboarding("GET", "/api/v1/clients/applications/{id}", APPLYING),
    onboarding("POST", "/api/v1/clients/applications/{id}/approve", ADMINISTERING),
    onboarding("POST", "/api/v1/clients/applications/{id}/reject", ADMINISTERING),
    onboarding("GET", "/api/v1/clients", ADMINISTERING),
    onboarding("POST", "/api/v1/clients/{id}/suspend", ADMINISTERING),
    onboarding("POST", "/api/v1/clients/{id}/enable", ADMINISTERING),
    onboarding("POST", "/api/v1/clients/{id}/keys", ADMINISTERING),
    onboarding("DELETE", "/api/v1/clients/{id}/keys/{key_id}", ADMINISTERING),
    of_person("POST", "/api/v1/subjects/find"),
    of_person("POST", "/api/v1/subjects/copies"),
    of_person("GET", "/api/v1/subjects/erasures"),
    of_person("POST", "/api/v1/subjects/erasures"),
    of_person("POST", "/api/v1/subjects/erasures/{id}/approve"),
    of_person("POST", "/api/v1/subjects/erasures/{id}/reject"),
    of_person("GET", "/api/v1/subjects/holds"),
    of_person("POST", "/api/v1/subjects/holds"),
    of_person("POST", "/api/v1/subjects/holds/{id}/lift"),
    open("/api/v1/services", Offered::Everywhere),
    open("/openapi.json", Offered::Everywhere),
    open("/openapi/{file}", Offered::Everywhere),
    open("/asyncapi.yaml", Offered::Everywhere),
    open("/apis.json", Offered::Everywhere),
    open("/schemas/{file}", Offered::Everywhere),
    open("/", Offered::Everywhere),
    open("/healthz/live", Offered::Everywhere),
    open("/healthz/ready", Offered::Everywhere),
    open("/metrics", Offered::Operators),
];

/// Methods of gRPC, which the description of HTTP does not know: each needs what the route of the same meaning needs.
pub const GRPC: &[Route] = &[
    Route { method: "POST", ..open(grpc!("ServerLive"), Offered::Everywhere) },
    Route { method: "POST", ..open(grpc!("ServerReady"), Offered::Everywhere) },
    Route { method: "POST", ..open(grpc!("ServerMetadata"), Offered::Clients) },
    plain("POST", grpc!("ModelReady"), MODELS),
    plain("POST", grpc!("ModelMetadata"), MODELS),
    plain("POST", grpc!("ModelConfig"), MODELS),
    plain("POST", grpc!("ModelStatistics"), MODELS),
    Route {
        personal: PersonalData::Implied,
        ..named("POST", grpc!("ModelInfer"), &[S::ModelsInfer])
    },
    plain("POST", grpc!("RepositoryIndex"), MODELS),
    plain("POST", grpc!("RepositoryModelLoad"), Access::Any(&[S::ModelsManage])),
    plain("POST", grpc!("RepositoryModelUnload"), Access::Any(&[S::ModelsManage])),
    // Those that are not there: only who may call the others is told so.
    plain("POST", grpc!("{method}"), MODELS),
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
    open("/console/login/start", Offered::Everywhere),
    open("/console/login/callback", Offered::Everywhere),
    Route { method: "POST", ..open("/console/logout", Offered::Everywhere) },
    Route { method: "POST", ..open("/console/logout/back-channel", Offered::Everywhere) },
    page("/console", Access::Known),
    page("/console/try", Access::Any(TRYING)),
    page("/console/letters", REVIEWING),
    page("/console/documents", REVIEWING),
    page("/console/recordings", LISTENING),
    page("/console/recordings/{id}", LISTENING),
    page("/console/calls", Access::Any(&[S::SpeechTranscribe])),
    page("/console/cards", Access::Any(&[S::IdRecognize])),
    page("/console/answers", Access::Any(&[S::QaManage])),
    page("/console/models", Access::Any(&[S::ModelsRead])),
    page("/console/models/comparison", Access::Any(&[S::ModelsRead])),
    page("/console/models/comparison/{id}", Access::Any(&[S::ModelsRead])),
    page("/console/taxonomy", Access::Any(&[S::TaxonomiesRead])),
    page("/console/clients", Access::Any(&[S::ClientsAdmin])),
    page("/console/audit", Access::Any(&[S::AuditRead])),
    page("/console/resources", Access::Any(&[S::OpsAdmin])),
    page("/console/privacy", Access::Any(&[S::PrivacyHandle])),
    page("/console/{*path}", Access::Known),
];

/// Scopes of whoever may try one of the services.
const TRYING: &[S] =
    &[S::LettersClassify, S::DocumentsDispatch, S::SpeechTranscribe, S::IdRecognize, S::QaAsk];

/// Scopes of whoever decides on what waits.
const REVIEWING: Access = Access::Any(&[S::ReviewsWork]);

/// Scopes of whoever may read transcripts.
const LISTENING: Access = Access::Any(&[S::SpeechTranscribe, S::SpeechRead]);

const fn plain(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { method, path, access, personal: PersonalData::No, offered: Offered::Clients }
}

const fn named(method: &'static str, path: &'static str, scopes: &'static [S]) -> Route {
    Route { personal: PersonalData::Named, ..plain(method, path, Access::Any(scopes)) }
}

const fn kept(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { personal: PersonalData::Kept, ..plain(method, path, access) }
}

/// What is done for a person, at either listener: the console is at both.
const fn of_person(method: &'static str, path: &'static str) -> Route {
    Route { offered: Offered::Everywhere, ..kept(method, path, Access::Any(&[S::PrivacyHandle])) }
}

/// What makes a client of a system: applied for from anywhere, administered where operators are.
const fn onboarding(method: &'static str, path: &'static str, scopes: &'static [S]) -> Route {
    let offered = if scopes.len() == 1 { Offered::Operators } else { Offered::Everywhere };
    Route { offered, ..plain(method, path, Access::Any(scopes)) }
}

/// What decides on another's proposal of a model.
const fn approving(path: &'static str) -> Route {
    Route { offered: Offered::Everywhere, ..plain("POST", path, Access::Any(&[S::ModelsApprove])) }
}

const fn page(path: &'static str, access: Access) -> Route {
    Route { offered: Offered::Everywhere, ..plain("GET", path, access) }
}

const fn open(path: &'static str, offered: Offered) -> Route {
    Route { offered, ..plain("GET", path, Access::Open) }
}
