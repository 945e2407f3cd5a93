//! What a caller may be granted, one by one: the closed list of scopes.

use std::fmt;
use std::str::FromStr;

/// No scope has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such scope")]
pub struct UnknownScope;

macro_rules! scopes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One thing that may be granted. Closed: what has no scope cannot be granted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Scope {
            /// Every scope, in the order of documents.
            pub const ALL: &[Scope] = &[$(Scope::$variant),+];

            /// Its name in tokens and registrations.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Scope::$variant => $name,)+
                }
            }
        }
    };
}

scopes! {
    /// Classify letters.
    LettersClassify = "letters:classify",
    /// See predictions of letters.
    LettersRead = "letters:read",
    /// Review letters.
    LettersReview = "letters:review",
    /// See letters of informers (檢舉) and confidential ones.
    LettersConfidential = "letters:confidential",
    /// Ask where a document goes.
    DocumentsDispatch = "documents:dispatch",
    /// See predictions of documents.
    DocumentsRead = "documents:read",
    /// Review documents.
    DocumentsReview = "documents:review",
    /// Have recordings transcribed.
    SpeechTranscribe = "speech:transcribe",
    /// Read unredacted transcripts.
    SpeechRead = "speech:read",
    /// Review transcripts.
    SpeechReview = "speech:review",
    /// Listen to recordings.
    SpeechAudio = "speech:audio",
    /// Ask questions.
    QaAsk = "qa:ask",
    /// Manage the library of answers.
    QaManage = "qa:manage",
    /// Have ID images read.
    IdRecognize = "id:recognize",
    /// See what was read of ID images.
    IdRead = "id:read",
    /// See ID images.
    IdImage = "id:image",
    /// Say what was decided on a prediction.
    FeedbackWrite = "feedback:write",
    /// See jobs.
    JobsRead = "jobs:read",
    /// Cancel jobs.
    JobsCancel = "jobs:cancel",
    /// See models and their figures.
    ModelsRead = "models:read",
    /// Propose a version of a model.
    ModelsPropose = "models:propose",
    /// Approve a version of a model that somebody else proposed, and choose in which mode agencies have services.
    ModelsApprove = "models:approve",
    /// Have models compute on inputs of one's own: vectors of texts, tensors.
    ModelsInfer = "models:infer",
    /// Load and unload models for that.
    ModelsManage = "models:manage",
    /// See taxonomies.
    TaxonomiesRead = "taxonomies:read",
    /// Change taxonomies.
    TaxonomiesWrite = "taxonomies:write",
    /// Work on the review queue.
    ReviewsWork = "reviews:work",
    /// Give reviews to others.
    ReviewsAssign = "reviews:assign",
    /// Read the audit log.
    AuditRead = "audit:read",
    /// Export the audit log.
    AuditExport = "audit:export",
    /// Handle requests of persons about their data.
    PrivacyHandle = "privacy:handle",
    /// Hand over applications of systems that want to be clients.
    ClientsApply = "clients:apply",
    /// Register and suspend clients.
    ClientsAdmin = "clients:admin",
    /// Operate the service.
    OpsAdmin = "ops:admin",
    /// Export tables for the warehouse.
    ExportsRun = "exports:run",
}

impl Scope {
    /// Whether a person needs a strong login for it (FIDO or a certificate): administration, models, audit, privacy.
    pub fn needs_strong_login(self) -> bool {
        matches!(
            self,
            Scope::ModelsPropose
                | Scope::ModelsApprove
                | Scope::ModelsManage
                | Scope::TaxonomiesWrite
                | Scope::AuditRead
                | Scope::AuditExport
                | Scope::PrivacyHandle
                | Scope::ClientsAdmin
                | Scope::OpsAdmin
                | Scope::ExportsRun
        )
    }
}

impl Scope {
    /// What a job of a service needs; `None` when there is no such service.
    pub fn of_job(service: &str) -> Option<Scope> {
        match service {
            "letters" => Some(Scope::LettersClassify),
            "documents" => Some(Scope::DocumentsDispatch),
            "speech" => Some(Scope::SpeechTranscribe),
            "identity-documents" => Some(Scope::IdRecognize),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Scope, UnknownScope> {
        Scope::ALL.iter().copied().find(|it| it.as_str() == name).ok_or(UnknownScope)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u64);

impl Scopes {
    /// Every scope.
    pub fn all() -> Scopes {
        Scope::ALL.iter().copied().collect()
    }

    /// Whether `scope` is one of them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u64) != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Scopes) -> Scopes {
        Scopes(self.0 & other.0)
    }

    /// Those that are in either.
    #[must_use]
    pub fn or(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    /// They, in the order of documents.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |it| self.has(*it))
    }

    /// Names between spaces; what is no scope of ours is left out, for tokens may name scopes of others too.
    pub fn of_known(names: &str) -> Scopes {
        names.split_ascii_whitespace().filter_map(|it| it.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Scopes {
        Scopes(scopes.into_iter().fold(0, |bits, it| bits | 1 << it as u64))
    }
}

/// Names between spaces.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sets_go_both_ways() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
            assert_eq!(Scopes::from_iter([*scope]).iter().collect::<Vec<_>>(), [*scope]);
        }
        assert_eq!(Scopes::all().iter().count(), Scope::ALL.len());
        let two = Scopes::of_known("jobs:read openid letters:classify");
        assert_eq!(two.to_string(), "letters:classify jobs:read");
        assert_eq!(two.and(Scopes::of_known("jobs:read")).to_string(), "jobs:read");
        assert_eq!(two.or(Scopes::of_known("qa:ask")).iter().count(), 3);
        assert_eq!("jobs:write".parse::<Scope>(), Err(UnknownScope));
    }
}
