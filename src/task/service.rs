//! The services as agencies have them: each of an agency is in one mode.

use std::time::Duration;

use super::call::Task;
use super::text::Mode;

/// A service that an agency may have, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceName {
    /// 信件智能分類.
    Letters,
    /// 電子公文智能分文.
    Documents,
    /// 語音轉寫.
    Speech,
    /// 客戶問答.
    Questions,
    /// 證件影像辨識.
    IdentityDocuments,
}

impl ServiceName {
    /// Every service.
    pub const ALL: [ServiceName; 5] = [
        ServiceName::Letters,
        ServiceName::Documents,
        ServiceName::Speech,
        ServiceName::Questions,
        ServiceName::IdentityDocuments,
    ];

    /// The service that a call is of; none where it computes on what its caller brings, or asks for what was kept.
    pub fn of(task: Task) -> Option<ServiceName> {
        match task {
            Task::Letters => Some(ServiceName::Letters),
            Task::Documents => Some(ServiceName::Documents),
            Task::Answers => Some(ServiceName::Questions),
            Task::IdCard => Some(ServiceName::IdentityDocuments),
            Task::Predictions | Task::Embeddings => None,
        }
    }

    /// Whether its calls may become jobs.
    pub fn has_jobs(self) -> bool {
        match self {
            ServiceName::Letters | ServiceName::Documents | ServiceName::Speech => true,
            ServiceName::Questions | ServiceName::IdentityDocuments => false,
        }
    }

    /// The service of a wire name.
    pub fn parse(name: &str) -> Option<ServiceName> {
        ServiceName::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceName::Letters => "letters",
            ServiceName::Documents => "documents",
            ServiceName::Speech => "speech",
            ServiceName::Questions => "qa",
            ServiceName::IdentityDocuments => "identity-documents",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            ServiceName::Letters => "信件智能分類",
            ServiceName::Documents => "電子公文智能分文",
            ServiceName::Speech => "語音轉寫",
            ServiceName::Questions => "客戶問答",
            ServiceName::IdentityDocuments => "證件影像辨識",
        }
    }

    /// The modes that it may be in. What was heard or read of an image is nothing that somebody else decides later: with
    /// nothing to compare it with there is no shadow of it.
    pub fn modes(self) -> &'static [Mode] {
        match self {
            ServiceName::Letters | ServiceName::Documents | ServiceName::Questions => &Mode::ALL,
            ServiceName::Speech | ServiceName::IdentityDocuments => {
                &[Mode::Off, Mode::Pilot, Mode::Live]
            }
        }
    }
}

/// How an agency has a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMode {
    /// Code of the agency.
    pub org: String,
    /// The service.
    pub service: ServiceName,
    /// The mode.
    pub mode: Mode,
    /// Who chose it, why and when; none where the settings say so.
    pub choice: Option<Choice>,
}

/// Who chose a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When: since 1970-01-01T00:00:00Z.
    pub at: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for service in ServiceName::ALL {
            assert_eq!(ServiceName::parse(service.as_str()), Some(service));
            assert!(service.modes().contains(&Mode::Off) && service.modes().contains(&Mode::Live));
        }
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
        }
        assert_eq!((Mode::parse("on"), ServiceName::parse("faces")), (None, None));
    }
}
