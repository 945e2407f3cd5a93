//! Settings of the console.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pages for officers and operators.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// 是否提供操作介面;否則首頁只有說明。
    pub enabled: bool,
    /// 是否可用介接金鑰登入操作介面。
    pub sign_in_with_key: bool,
}

impl Default for Console {
    fn default() -> Console {
        Console { enabled: true, sign_in_with_key: true }
    }
}
