//! Roles of people and systems, and the scopes that each brings.

use std::str::FromStr;

use super::{Scope as S, Scopes};

/// What somebody is in this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 承辦人: works on cases.
    Officer,
    /// 分文人員: sends documents and letters on.
    Dispatcher,
    /// 單位管理者: leads a unit.
    UnitManager,
    /// 模型管理者: proposes or approves models.
    ModelManager,
    /// 系統管理者: registers clients and operates the service.
    SystemAdministrator,
    /// 稽核人員: reads the audit log.
    Auditor,
    /// 個資窗口: handles requests of persons about their data.
    PrivacyOfficer,
    /// 介接系統: a system that calls the services.
    System,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] = [
        Role::Officer,
        Role::Dispatcher,
        Role::UnitManager,
        Role::ModelManager,
        Role::SystemAdministrator,
        Role::Auditor,
        Role::PrivacyOfficer,
        Role::System,
    ];

    /// Its name in Traditional Chinese, as in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Officer => "承辦人",
            Role::Dispatcher => "分文人員",
            Role::UnitManager => "單位管理者",
            Role::ModelManager => "模型管理者",
            Role::SystemAdministrator => "系統管理者",
            Role::Auditor => "稽核人員",
            Role::PrivacyOfficer => "個資窗口",
            Role::System => "介接系統",
        }
    }

    /// What it brings. That who proposes a model does not approve the same one is a rule about the model.
    pub fn scopes(self) -> Scopes {
        let own = match self {
            Role::Officer => OFFICER,
            Role::Dispatcher => DISPATCHER,
            Role::UnitManager => UNIT_MANAGER,
            Role::ModelManager => MODEL_MANAGER,
            Role::SystemAdministrator => SYSTEM_ADMINISTRATOR,
            Role::Auditor => AUDITOR,
            Role::PrivacyOfficer => PRIVACY_OFFICER,
            Role::System => SYSTEM,
        };
        let own: Scopes = own.iter().copied().collect();
        if self == Role::UnitManager { own.or(Role::Officer.scopes()) } else { own }
    }

    /// Whether it sees what persons sent in: then a person has it in units. The others are for the whole agency.
    pub fn is_in_cases(self) -> bool {
        match self {
            Role::Officer | Role::Dispatcher | Role::UnitManager | Role::System => true,
            Role::ModelManager
            | Role::SystemAdministrator
            | Role::Auditor
            | Role::PrivacyOfficer => false,
        }
    }
}

const OFFICER: &[S] = &[
    S::LettersClassify,
    S::LettersRead,
    S::LettersReview,
    S::DocumentsRead,
    S::DocumentsReview,
    S::SpeechTranscribe,
    S::SpeechRead,
    S::QaAsk,
    S::IdRecognize,
    S::IdRead,
    S::FeedbackWrite,
    S::JobsRead,
    S::JobsCancel,
    S::TaxonomiesRead,
    S::ReviewsWork,
];

const DISPATCHER: &[S] = &[
    S::LettersClassify,
    S::LettersRead,
    S::LettersReview,
    S::DocumentsDispatch,
    S::DocumentsRead,
    S::DocumentsReview,
    S::FeedbackWrite,
    S::JobsRead,
    S::JobsCancel,
    S::TaxonomiesRead,
    S::ReviewsWork,
    S::ReviewsAssign,
];

const UNIT_MANAGER: &[S] = &[
    S::LettersConfidential,
    S::DocumentsDispatch,
    S::SpeechReview,
    S::SpeechAudio,
    S::QaManage,
    S::IdImage,
    S::ModelsRead,
    S::TaxonomiesWrite,
    S::ReviewsAssign,
];

const MODEL_MANAGER: &[S] = &[
    S::ModelsRead,
    S::ModelsPropose,
    S::ModelsApprove,
    S::ModelsInfer,
    S::ModelsManage,
    S::TaxonomiesRead,
    S::TaxonomiesWrite,
    S::QaManage,
];

const SYSTEM_ADMINISTRATOR: &[S] =
    &[S::JobsRead, S::JobsCancel, S::ModelsRead, S::ClientsAdmin, S::OpsAdmin];

const AUDITOR: &[S] = &[S::AuditRead, S::AuditExport];

const PRIVACY_OFFICER: &[S] = &[S::PrivacyHandle];

const SYSTEM: &[S] = &[
    S::LettersClassify,
    S::LettersRead,
    S::DocumentsDispatch,
    S::DocumentsRead,
    S::SpeechTranscribe,
    S::SpeechRead,
    S::QaAsk,
    S::IdRecognize,
    S::IdRead,
    S::ModelsInfer,
    S::FeedbackWrite,
    S::JobsRead,
    S::JobsCancel,
];

/// No role has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such role")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Role, UnknownRole> {
        Role::ALL.into_iter().find(|it| it.as_str() == name).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `role` brings none of `scopes`.
    fn check(role: Role, scopes: &[S]) {
        for scope in scopes {
            assert!(!role.scopes().has(*scope), "{role:?} {scope}");
        }
    }

    #[test]
    fn duties_are_separate() {
        let reads = [S::AuditRead, S::AuditExport];
        let others: Vec<S> = S::ALL.iter().copied().filter(|it| !reads.contains(it)).collect();
        check(Role::Auditor, &others);
        for role in Role::ALL.into_iter().filter(|it| *it != Role::Auditor) {
            check(role, &reads);
        }
        let content = [
            S::IdImage,
            S::IdRead,
            S::SpeechRead,
            S::SpeechAudio,
            S::LettersRead,
            S::LettersConfidential,
            S::DocumentsRead,
        ];
        check(Role::SystemAdministrator, &content);
        check(Role::ModelManager, &content);
        check(Role::PrivacyOfficer, &[S::ClientsAdmin, S::OpsAdmin]);
        for role in Role::ALL.into_iter().filter(|it| *it != Role::SystemAdministrator) {
            check(role, &[S::ClientsAdmin, S::OpsAdmin]);
        }
    }

    #[test]
    fn whoever_reviews_cases_has_them_in_units() {
        for role in Role::ALL {
            let reads = [S::ReviewsWork, S::LettersRead, S::DocumentsRead, S::IdRead];
            let is_in_cases = reads.iter().any(|it| role.scopes().has(*it));
            assert_eq!(role.is_in_cases(), is_in_cases, "{role:?}");
        }
    }

    #[test]
    fn a_system_brings_nothing_that_needs_a_person() {
        assert!(!Role::System.scopes().iter().any(S::needs_strong_login));
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }
}
