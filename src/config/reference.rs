//! The reference of all settings, generated from the types, so that it cannot drift from them.

use std::fmt::Write;

use schemars::schema_for;
use serde_json::Value;

use super::Config;

impl Config {
    /// Markdown: one table row a key, with its default, its environment variable and its meaning.
    pub fn reference() -> String {
        let schema = schema_for!(Config).to_value();
        let defaults = serde_json::to_value(Config::default()).unwrap_or(Value::Null);
        let mut text = String::from(
            "# 設定參考\n\n本頁由 `fenwen config reference` 產生。優先順序:旗標 > 環境變數 > 設定檔 > 預設值。\n\n\
             | 設定 | 預設值 | 環境變數 | 說明 |\n|---|---|---|---|\n",
        );
        walk(&schema, &schema, &defaults, "", &mut text);
        text
    }
}

fn walk(root: &Value, node: &Value, defaults: &Value, path: &str, text: &mut String) {
    let Some(properties) = resolve(root, node).get("properties").and_then(Value::as_object) else {
        return;
    };
    for (key, property) in properties {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let default = defaults.get(key).unwrap_or(&Value::Null);
        if resolve(root, property).get("properties").is_some() {
            walk(root, property, default, &name, text);
            continue;
        }
        let meaning = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let variable = format!("FENWEN_{}", name.replace('.', "__").to_uppercase());
        let default = match default {
            Value::Null => "–".to_owned(),
            other => format!("`{other}`"),
        };
        let meaning = meaning.replace('\n', " ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {default} | `{variable}` | {meaning} |");
    }
}

/// Follows `$ref` (also inside `allOf`) into the definitions.
fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let reference = node
        .get("$ref")
        .or_else(|| node.pointer("/allOf/0/$ref"))
        .and_then(Value::as_str)
        .and_then(|it| it.strip_prefix('#'));
    reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(node)
}
