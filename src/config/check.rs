//! What a profile forbids, and what an operator should know.

use std::collections::BTreeSet;

use super::{Config, Profile, StoreEngine};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The server does not start.
    Fatal,
}

/// One finding about the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What is wrong and what to do, one sentence in Traditional Chinese.
    pub message: String,
}

impl Finding {
    /// Whether the server must not start.
    pub fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }

    /// One for which the server must not start.
    pub fn fatal(message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Fatal, message: message.into() }
    }

    pub(super) fn warning(message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, message: message.into() }
    }
}

impl Config {
    /// Checks the settings against the rules of their profile.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = self.check_ranges();
        if !self.server.listen.ip().is_loopback() {
            findings.push(Finding::fatal(format!(
                "server.listen = {}:只可監聽迴路介面(127.0.0.1 或 ::1);其他位址請以 [[listeners]] 設定並加密",
                self.server.listen
            )));
        }
        if self.speech.ffmpeg.as_ref().is_some_and(|it| it.is_relative()) {
            findings.push(Finding::fatal("speech.ffmpeg:請填絕對路徑,例如 /usr/bin/ffmpeg"));
        }
        for (idx, it) in self.listeners.iter().enumerate() {
            findings.extend(it.check(idx, self.profile));
        }
        findings.extend(self.review.check());
        findings.extend(self.drift.check());
        findings.extend(self.audit.check());
        findings.extend(self.check_retention());
        findings.extend(self.auth.check(self.profile));
        findings.extend(self.bus.check(self.profile));
        findings.extend(self.webhooks.check(self.profile));
        findings.extend(self.mail.check(self.profile));
        findings.extend(self.sms.check(self.profile));
        findings.extend(self.otlp.check(self.profile));
        findings.extend(self.store.check(self.profile));
        findings.extend(self.release.check(self.profile));
        findings.extend(self.scan.check());
        findings.extend(self.notices.check());
        findings.extend(self.models.check());
        findings.extend(self.warehouse.check(self.profile));
        if self.profile == Profile::Production {
            findings.extend(self.check_production());
        }
        findings
    }

    fn check_production(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.data_dir.is_none() {
            findings.push(Finding::fatal("data_dir:正式環境必須明確指定資料目錄"));
        }
        if self.models.store.is_none() {
            findings.push(Finding::fatal("models.store:正式環境必須明確指定模型庫目錄"));
        }
        for mirror in &self.models.mirrors {
            if mirror.starts_with("url:http://") {
                findings
                    .push(Finding::fatal(format!("models.mirrors:{mirror} 未加密,請改用 https")));
            }
        }
        if self.log.level == super::LogLevel::Debug {
            findings.push(Finding::warning("log.level = debug:正式環境建議使用 info"));
        }
        findings
    }

    /// What must not be 0.
    fn positive(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("server.max_connections", self.server.max_connections as u64),
            ("server.header_timeout_s", self.server.header_timeout_s),
            ("server.body_timeout_s", self.server.body_timeout_s),
            ("server.request_timeout_s", self.server.request_timeout_s),
            ("auth.idle_days", self.auth.idle_days),
            ("release.check_hours", self.release.check_hours),
            ("scan.timeout_s", self.scan.timeout_s),
            ("notices.refusals", self.notices.refusals.into()),
            ("notices.window_s", self.notices.window_s),
            ("notices.off_hours_reads", self.notices.off_hours_reads.into()),
            ("notices.off_hours_window_s", self.notices.off_hours_window_s),
            ("notices.audit_minutes", self.notices.audit_minutes),
            ("limits.image_bytes", self.limits.image_bytes as u64),
            ("limits.image_pixels", self.limits.image_pixels),
            ("limits.meta_bytes", self.limits.meta_bytes as u64),
            ("limits.json_bytes", self.limits.json_bytes as u64),
            ("letters.queue", self.letters.queue as u64),
            ("letters.threads", self.letters.threads as u64),
            ("letters.automation.reviewed", self.letters.automation.reviewed as u64),
            ("documents.automation.reviewed", self.documents.automation.reviewed as u64),
            ("bus.lease_s", self.bus.lease_s),
            ("bus.max_waiting", u64::from(self.bus.max_waiting)),
            ("webhooks.per_client", self.webhooks.per_client),
            ("jobs.slots", self.jobs.slots as u64),
            ("jobs.max_attempts", self.jobs.max_attempts.into()),
            ("jobs.lease_s", self.jobs.lease_s),
            ("jobs.max_queued", self.jobs.max_queued),
            ("jobs.per_minute", self.jobs.per_minute.into()),
            ("store.connections", self.store.connections as u64),
            ("idcard.queue", self.idcard.queue as u64),
        ]
        .into_iter()
    }

    /// The code of an agency becomes the name of a folder.
    fn check_tenants(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for tenant in &self.tenants {
            let org = &tenant.org;
            if org.is_empty() || !org.bytes().all(|it| it.is_ascii_alphanumeric()) {
                findings
                    .push(Finding::fatal(format!("tenants:機關代碼「{org}」只可有英文字母與數字")));
            }
            if !seen.insert(org) {
                findings.push(Finding::fatal(format!("tenants:機關「{org}」列了兩次")));
            }
        }
        findings
    }

    fn check_ranges(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.check_tenants();
        let zeros = self
            .positive()
            .filter(|&(_, value)| value == 0)
            .map(|(key, _)| Finding::fatal(format!("{key}:必須大於 0")));
        findings.extend(zeros);
        for (key, top_k) in [
            ("letters.top_k", self.letters.top_k),
            ("documents.top_k", self.documents.top_k),
            ("qa.top_k", self.qa.top_k),
        ] {
            if !(1..=20).contains(&top_k) {
                findings.push(Finding::fatal(format!("{key}:應為 1 到 20")));
            }
        }
        for (key, share) in [
            ("letters.automation.automatic_from", self.letters.automation.automatic_from),
            ("documents.automation.automatic_from", self.documents.automation.automatic_from),
        ] {
            if !(0.0..=1.0).contains(&share) {
                findings.push(Finding::fatal(format!("{key}:應為 0 到 1")));
            }
        }
        if self.store.engine == StoreEngine::Postgres && self.store.url.is_none() {
            findings.push(Finding::fatal("store.url:使用 PostgreSQL 時必須設定連線字串"));
        }
        if self.idcard.pixels_in_flight < self.limits.image_pixels {
            findings.push(Finding::fatal(
                "idcard.pixels_in_flight:不可小於 limits.image_pixels,否則最大的影像永遠無法受理",
            ));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fatal(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        config.check().into_iter().filter(Finding::is_fatal).map(|it| it.message).collect()
    }

    #[test]
    fn the_defaults_are_safe() {
        assert_eq!(fatal(|_| ()), [""; 0]);
    }

    #[test]
    fn nothing_listens_beyond_loopback_in_the_clear() {
        assert_eq!(fatal(|it| it.server.listen = ([0, 0, 0, 0], 80).into()).len(), 1);
    }

    #[test]
    fn production_wants_explicit_directories_and_encryption() {
        let findings = fatal(|it| {
            it.profile = Profile::Production;
            it.models.mirrors = vec!["url:http://mirror.example/".to_owned()];
        });
        assert_eq!(findings.len(), 4, "{findings:?}");
    }

    #[test]
    fn times_outside_the_approved_range_are_refused() {
        for (change, key) in [
            ((|it| it.retention.text_days = 0) as fn(&mut Config), "retention.text_days"),
            (|it| it.retention.text_days = 181, "retention.text_days"),
            (|it| it.retention.upload_hours = 73, "retention.upload_hours"),
            (|it| it.retention.transcript_days = 366, "retention.transcript_days"),
            (|it| it.retention.prediction_days = 29, "retention.prediction_days"),
            (|it| it.audit.retention_days = 179, "audit.retention_days"),
        ] {
            let findings = fatal(change);
            assert!(findings.iter().any(|it| it.starts_with(key)), "{key}: {findings:?}");
        }
        let shorter = |it: &mut Config| {
            (it.retention.text_days, it.retention.prediction_days) = (40, 39);
        };
        assert_eq!(fatal(shorter).len(), 1);
    }

    #[test]
    fn limits_must_admit_something() {
        assert_eq!(fatal(|it| it.idcard.queue = 0).len(), 1);
        assert_eq!(fatal(|it| it.letters.top_k = 21).len(), 1);
        assert_eq!(fatal(|it| it.idcard.pixels_in_flight = 1).len(), 1);
        assert_eq!(fatal(|it| it.jobs.slots = 0).len(), 1);
        assert_eq!(fatal(|it| it.audit.segment_mib = 0).len(), 1);
        assert_eq!(fatal(|it| it.notices.office_hours = "8-18".to_owned()).len(), 1);
        assert_eq!(fatal(|it| it.notices.office_hours = String::new()).len(), 0);
        assert_eq!(fatal(|it| it.audit.node = Some("a/b".to_owned())).len(), 1);
        assert_eq!(fatal(|it| it.store.engine = StoreEngine::Postgres).len(), 1);
    }
}
