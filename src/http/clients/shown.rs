//! What is read of an application, and how applications and clients are shown.

use std::time::Duration;

use crate::base::{ErrorCode, rfc3339};
use crate::identity::{Application, KeptApplication, Registration};
use crate::policy::{Kind, Principal};
use crate::task::call::CallError;
use crate::wire::v1::clients::{
    ApplicationRequest, ApplicationResponse, ClientResponse, KeyResponse,
};

use crate::http::acts::{asked as request_shown, is_same, word};

/// What is asked for.
///
/// # Errors
/// When the number or the applicant is no word; the rest is checked where it is granted.
pub(super) fn asked(it: ApplicationRequest) -> Result<Application, CallError> {
    Ok(Application {
        application_no: word("/application_no", &it.application_no)?,
        applied_by: word("/applied_by", &it.applied_by)?,
        client_id: it.client_id,
        org: it.org,
        units: it.units,
        scopes: it.scopes,
        purposes: it.purposes,
        hours: it.hours,
        networks: it.networks,
        valid_days: it.valid_days,
        certificate_sha256: it.certificate_sha256,
        exchange_name: it.exchange_name,
    })
}

/// An application, as it is shown to somebody.
///
/// # Errors
/// When what is kept of it cannot be read.
pub(super) fn response(
    it: KeptApplication,
    principal: &Principal,
) -> Result<ApplicationResponse, CallError> {
    let content: Application = serde_json::from_str(&it.content).map_err(|error| {
        tracing::error!(reason = %error, "an application cannot be read");
        CallError::new(ErrorCode::Internal, "系統發生錯誤。")
    })?;
    let mut request = request_shown(it.request.clone(), principal);
    request.own |= principal.kind != Kind::Local && is_same(principal.name(), &it.sender);
    Ok(ApplicationResponse {
        application_id: it.request.id,
        application_no: content.application_no,
        client_id: content.client_id,
        org: content.org,
        units: content.units,
        scopes: content.scopes,
        purposes: content.purposes,
        hours: content.hours,
        networks: content.networks,
        valid_days: content.valid_days,
        certificate: content.certificate_sha256.is_some(),
        exchange_name: content.exchange_name,
        sent_by: it.sender,
        request,
    })
}

/// A client, as it is shown to operators.
pub(super) fn registered(it: Registration, now: Duration) -> ClientResponse {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    let state = match it.expires {
        _ if !it.is_active => "suspended",
        Some(expires) if expires <= now => "expired",
        _ => "active",
    };
    let key = |(key_id, created, demo): (String, Duration, bool)| KeyResponse {
        key_id,
        created_at: rfc3339(created),
        demo,
    };
    ClientResponse {
        state,
        units: it.units.lines().map(str::to_owned).collect(),
        scopes: words(&it.scopes),
        purposes: words(&it.purposes),
        networks: words(&it.networks),
        client_id: it.id,
        org: it.org,
        hours: it.hours,
        expires_at: it.expires.map(rfc3339),
        exchange_name: it.partner,
        approved_by: it.approver,
        used_at: rfc3339(it.used),
        keys: it.keys.into_iter().map(key).collect(),
    }
}
