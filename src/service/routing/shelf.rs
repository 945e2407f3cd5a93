//! The versions of a classifier, seen from the service that answers with it: which there are, and letting one in.

use crate::registry::{VersionError, Versions};
use crate::task::service::ServiceName;
use crate::task::text::Mode;

use super::model::{ModelError, ModelSlot};
use super::{DOCUMENTS, LETTERS, MINISTRIES, Routing};

impl Routing {
    /// Code of the agency whose units these are.
    pub fn agency(&self) -> &str {
        self.given.tenant()
    }

    /// In which mode a service is where nobody has chosen one: as the settings say. Those without a setting are live.
    pub fn mode_of(&self, service: ServiceName) -> Mode {
        match service {
            ServiceName::Letters => self.settings.letters.mode,
            ServiceName::Documents => self.settings.documents.mode,
            ServiceName::Speech | ServiceName::Questions | ServiceName::IdentityDocuments => {
                Mode::Live
            }
        }
    }

    /// Versions of the classifier of this name; none for another name.
    pub fn versions(&self, name: &str) -> Option<&Versions> {
        self.slot(name).map(ModelSlot::versions)
    }

    /// Opens a version as if it were to answer; its hash.
    ///
    /// # Errors
    /// When it could not answer.
    pub fn try_version(&self, name: &str, number: u32) -> Result<String, ModelError> {
        let unknown =
            || VersionError::Unknown { name: name.to_owned(), wanted: number.to_string() };
        let slot = self.slot(name).ok_or_else(unknown)?;
        Ok(slot.open(number, &self.taxonomy.load(), self.today())?.info.sha256)
    }

    /// Lets a version answer, here at once and elsewhere at their next look; the one that answered before.
    ///
    /// # Errors
    /// When it is not there or the pointer cannot be written.
    pub fn let_in(&self, name: &str, number: u32) -> Result<Option<u32>, VersionError> {
        let unknown =
            || VersionError::Unknown { name: name.to_owned(), wanted: number.to_string() };
        let versions = self.versions(name).ok_or_else(unknown)?;
        let before = versions.active()?;
        versions.activate(number)?;
        self.refresh();
        Ok(before)
    }

    pub(super) fn slot(&self, name: &str) -> Option<&ModelSlot> {
        match name {
            LETTERS => Some(&self.letters),
            DOCUMENTS => Some(&self.documents),
            MINISTRIES => Some(&self.ministries),
            _ => None,
        }
    }
}
