//! Applications of systems, as the platform of online applications hands them over: what each asks for.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::SCHEMA_ROOT;

/// Applications of one file.
const MAX_APPLICATIONS: usize = 200;

/// Why a file of applications is refused. The text repeats nothing of it but the names of its fields.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// Not JSON, or a field is missing, unknown or of another kind.
    #[error("`{path}` does not fit the form of applications (line {line})")]
    Malformed {
        /// The field.
        path: String,
        /// Its line.
        line: usize,
    },
    /// It is of another form.
    #[error("`schema` is not `client-application.v1`")]
    Schema,
    /// Too many, or none.
    #[error("a file has 1 to {MAX_APPLICATIONS} applications")]
    Count,
}

/// A file of applications.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Applications {
    /// 格式:`client-application.v1`。
    pub schema: String,
    /// 各件申請。
    #[schemars(length(min = 1, max = 200))]
    pub applications: Vec<Application>,
}

/// What one system asks for. Persons are named by the id of their account, not by their name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// 申請編號。
    pub application_no: String,
    /// 申請人的帳號,不得為核准人。
    pub applied_by: String,
    /// 介接系統代碼:1 到 64 個英數字、- 或 _。
    pub client_id: String,
    /// 機關代碼。
    pub org: String,
    /// 可見的單位路徑;空白為全機關。
    #[serde(default)]
    pub units: Vec<String>,
    /// 權限,至少一項,例如 `letters:classify`。
    #[schemars(length(min = 1))]
    pub scopes: Vec<String>,
    /// 特定目的代碼,至少一項。
    #[schemars(length(min = 1))]
    pub purposes: Vec<String>,
    /// 可使用的時段(臺灣時間),例如 `08:00-18:00`。
    #[serde(default)]
    pub hours: Option<String>,
    /// 可使用的網段。
    #[serde(default)]
    pub networks: Vec<String>,
    /// 幾天後到期。
    #[serde(default)]
    pub valid_days: Option<u64>,
    /// 用戶端憑證的 SHA-256(十六進位)。
    #[serde(default)]
    pub certificate_sha256: Option<String>,
    /// 在資料交換平臺上的名稱:instance/class/member/subsystem。
    #[serde(default)]
    pub exchange_name: Option<String>,
}

impl Applications {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`ApplicationError`].
    pub fn parse(text: &str) -> Result<Applications, ApplicationError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read: Result<Applications, _> = serde_path_to_error::deserialize(&mut reader);
        let read = read.map_err(|it| ApplicationError::Malformed {
            path: it.path().to_string(),
            line: it.inner().line(),
        })?;
        let rest = reader.end();
        rest.map_err(|it| ApplicationError::Malformed { path: ".".to_owned(), line: it.line() })?;
        if read.schema != "client-application.v1" {
            return Err(ApplicationError::Schema);
        }
        match read.applications.len() {
            1..=MAX_APPLICATIONS => Ok(read),
            _ => Err(ApplicationError::Count),
        }
    }

    /// The JSON Schema of a file, as committed in `docs/reference/client-application.v1.json`.
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft07().into_generator();
        let mut schema = generator.into_root_schema_for::<Applications>().to_value();
        if let Some(object) = schema.as_object_mut() {
            let id = format!("{SCHEMA_ROOT}/client-application.v1");
            object.insert("$id".to_owned(), Value::String(id));
            object.insert("title".to_owned(), Value::String("介接系統的申請".to_owned()));
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"application_no": "AP-1", "applied_by": "u-1", "client_id": "c", "org": "A",
        "scopes": ["letters:classify"], "purposes": ["petition-handling"]}"#;

    fn file(applications: &str) -> String {
        format!(r#"{{"schema": "client-application.v1", "applications": [{applications}]}}"#)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = Applications::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_file_is_read_whole_or_refused_without_repeating_it() {
        let read = Applications::parse(&file(ONE)).unwrap();
        assert_eq!(read.applications[0].client_id, "c");
        check(&file(&ONE.replace("\"org\"", "\"owner\"")), "applications[0]");
        check(&file(&ONE.replace("\"A\"", "7")), "applications[0].org");
        check(&file(ONE).replace("client-application.v1", "v2"), "`schema`");
        check(&file(""), "1 to 200");
        check(&format!("{} x", file(ONE)), "`.`");
        let secret = file(&ONE.replace("\"u-1\"", "[\"王小明\"]"));
        let error = Applications::parse(&secret).unwrap_err().to_string();
        assert!(!error.contains('王'), "{error}");
    }
}
