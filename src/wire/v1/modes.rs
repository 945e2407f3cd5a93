//! In which mode agencies have services.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::rfc3339;
use crate::task::call::CallError;
use crate::task::service::{ServiceMode, ServiceName};
use crate::task::text::Mode;

use super::body;

/// Most bytes of a request.
pub const MAX_BYTES: usize = 4 << 10;

/// A mode to choose. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "shadow", "reason": "試辦前先行比對", "by": "u-88"}))]
pub struct ModeRequest {
    /// `off`, `shadow`, `pilot` or `live`; `default`: as the settings of the service say.
    #[schema(pattern = "^(off|shadow|pilot|live|default)$")]
    pub mode: String,
    /// Why: 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub reason: String,
    /// Who chooses it: only where callers are not proven.
    pub by: Option<String>,
}

/// In which mode an agency has a service.
#[derive(Serialize, ToSchema)]
pub struct ModeResponse {
    /// Code of the agency.
    #[schema(example = "301000000A")]
    pub org: String,
    /// `letters`, `documents`, `speech`, `qa` or `identity-documents`.
    #[schema(example = "letters")]
    pub service: &'static str,
    /// `off`: calls are refused with ER0312. `shadow`: answers are kept to be compared, and not answered. `pilot`: answered
    /// to the units that try it. `live`: answered to all.
    #[schema(example = "shadow")]
    pub mode: &'static str,
    /// Why it was chosen; null where the settings say so.
    #[schema(required = true, example = "試辦前先行比對")]
    pub reason: Option<String>,
    /// Who chose it.
    #[schema(required = true, example = "u-88")]
    pub changed_by: Option<String>,
    /// When.
    #[schema(required = true, example = "2026-11-27T01:02:03Z")]
    pub changed_at: Option<String>,
}

/// The mode of a service where nobody has chosen one.
#[derive(Serialize, ToSchema)]
pub struct DefaultMode {
    /// The service.
    #[schema(example = "letters")]
    pub service: &'static str,
    /// As the settings say.
    #[schema(example = "pilot")]
    pub mode: &'static str,
    /// The modes that may be chosen.
    pub modes: Vec<&'static str>,
}

/// Modes that were chosen, and those of everybody else.
#[derive(Serialize, ToSchema)]
pub struct ModeList {
    /// Chosen ones, by agency and service.
    pub items: Vec<ModeResponse>,
    /// Those of agencies for which none was chosen.
    pub defaults: Vec<DefaultMode>,
}

impl From<ServiceMode> for ModeResponse {
    fn from(it: ServiceMode) -> ModeResponse {
        let (reason, by) = it.choice.as_ref().map(|it| (it.reason.clone(), it.by.clone())).unzip();
        ModeResponse {
            org: it.org,
            service: it.service.as_str(),
            mode: it.mode.as_str(),
            reason,
            changed_by: by,
            changed_at: it.choice.map(|it| rfc3339(it.at)),
        }
    }
}

impl DefaultMode {
    /// Of a service.
    pub fn new(service: ServiceName, mode: Mode) -> DefaultMode {
        let modes = service.modes().iter().map(|it| it.as_str()).collect();
        DefaultMode { service: service.as_str(), mode: mode.as_str(), modes }
    }
}

/// The name of what the settings say.
const DEFAULT: &str = "default";

/// Reads a [`ModeRequest`] about a service, with the mode that it asks for: none for what the settings say.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], service: ServiceName) -> Result<(Option<Mode>, ModeRequest), CallError> {
    let request: ModeRequest = body::parse(json, "", &[""])?;
    if request.mode == DEFAULT {
        return Ok((None, request));
    }
    let found = Mode::parse(&request.mode).filter(|it| service.modes().contains(it));
    let Some(mode) = found else {
        let names: Vec<&str> = service.modes().iter().map(|it| it.as_str()).collect();
        let detail = format!("「{}」可選:{}、{DEFAULT}。", service.title(), names.join("、"));
        return Err(CallError::bad_value("/mode", detail));
    };
    Ok((Some(mode), request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: ServiceName, mode: &str, expected: Result<Option<Mode>, &str>) {
        let json = format!(r#"{{"mode":{mode},"reason":"試辦"}}"#);
        let found = parse(json.as_bytes(), service).map(|it| it.0);
        let found = found.map_err(|error| error.errors[0].pointer.clone());
        assert_eq!(found, expected.map_err(str::to_owned), "{mode}");
    }

    #[test]
    fn only_modes_of_the_service_are_read() {
        check(ServiceName::Letters, "\"shadow\"", Ok(Some(Mode::Shadow)));
        check(ServiceName::Speech, "\"off\"", Ok(Some(Mode::Off)));
        check(ServiceName::Letters, "\"default\"", Ok(None));
        check(ServiceName::Letters, "null", Err("/mode"));
        check(ServiceName::Speech, "\"shadow\"", Err("/mode"));
        check(ServiceName::Letters, "\"on\"", Err("/mode"));
        check(ServiceName::Letters, "7", Err("/mode"));
    }
}
