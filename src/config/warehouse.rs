//! Settings of the export for the data warehouse.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, Finding, Profile};

/// Where exported days go.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Warehouse {
    /// 匯出之後再送往的 S3 相容儲存桶;`bucket` 未設定時不送。與 `store.s3` 分開,內容不加密。
    pub s3: Bucket,
}

impl Warehouse {
    /// Whether exported days are brought to a bucket.
    pub fn delivers(&self) -> bool {
        !self.s3.bucket.is_empty()
    }

    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        if self.delivers() { self.s3.check("warehouse.s3", profile) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    #[track_caller]
    fn check(change: impl FnOnce(&mut Bucket), words: &[&str]) {
        let mut warehouse = Warehouse::default();
        change(&mut warehouse.s3);
        let found = warehouse.check(Profile::Production);
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (finding, word) in found.iter().zip(words) {
            assert!(finding.message.starts_with(&format!("warehouse.s3.{word}")), "{finding:?}");
        }
    }

    #[test]
    fn a_bucket_is_named_whole_and_reached_over_tls() {
        check(|_| (), &[]);
        check(|it| it.bucket = "w".to_owned(), &["endpoint", "access_key", "secret_key"]);
        let whole = |it: &mut Bucket, endpoint: &str| {
            (it.bucket, it.access_key) = ("w".to_owned(), "A".to_owned());
            it.endpoint = endpoint.to_owned();
            it.secret_key = Some(Secret::new("k".to_owned()));
        };
        check(|it| whole(it, "https://s3.example.gov.tw"), &[]);
        check(|it| whole(it, "http://s3.example.gov.tw"), &["endpoint"]);
    }
}
