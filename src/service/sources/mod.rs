//! The library of sources: who brought which text in, who approved it, who retired it. Only approved texts are quoted.
//!
//! `ROOT/journal.jsonl` is only appended to, one event a line; what it adds up to is computed when it is read. A changed
//! text is a new version: the approved one goes on answering until the new one is approved in its place.

mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::base::hex;
use crate::media::sources::SourceDraft;
use crate::task::answers::Source;

use journal::Event;

pub(super) use journal::SourceRow;

const LOCK: &str = ".lock";
/// Hex digits of an id that is made from the text.
const ID_DIGITS: usize = 16;

/// Why the library cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A folder or file.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no event, or one that contradicts those before.
    #[error("line {line} of `{}` is damaged", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An event that cannot be written.
    #[error("failed to write an event")]
    Event(#[from] serde_json::Error),
    /// An id that is empty, long or not visible.
    #[error("source {0}: an id has 1 to 64 visible characters without blanks")]
    Id(usize),
    /// Two sources of one file have the same id.
    #[error("source {0} has the id of one before it in the file")]
    Twice(usize),
    /// No version of this id is in the state that the change needs.
    #[error("no {needed} version of source `{id}`")]
    State {
        /// The source.
        id: String,
        /// `draft`, or `draft or approved`.
        needed: &'static str,
    },
}

/// Whether a version may be quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Brought in, not yet approved.
    Draft,
    /// May be quoted.
    Approved,
    /// May not be quoted any more.
    Retired,
}

impl SourceState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceState::Draft => "draft",
            SourceState::Approved => "approved",
            SourceState::Retired => "retired",
        }
    }
}

/// Where a version came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Name of the file, without its folder.
    pub file: String,
    /// Form of the file.
    pub format: &'static str,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

/// A version of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceVersion {
    /// The text.
    pub source: Source,
    /// Whether it may be quoted.
    pub state: SourceState,
    /// Who changed the state last, and when: seconds since 1970-01-01T00:00:00Z.
    pub changed: Change,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Id of the officer.
    pub by: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub at: u64,
}

/// Every version of every source, by id; the newest version last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Vec<SourceVersion>>);

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Sources that were not known.
    pub n_new: usize,
    /// Known sources with another text.
    pub n_changed: usize,
    /// Known sources with the same text.
    pub n_same: usize,
    /// Ids of new and changed ones, in the order of the file.
    pub ids: Vec<String>,
}

impl Sources {
    /// Every version, by id, the oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &SourceVersion> {
        self.0.values().flatten()
    }

    /// The approved version of each source that has one, by id.
    pub fn approved(&self) -> Vec<Source> {
        let approved = self.versions().filter(|it| it.state == SourceState::Approved);
        approved.map(|it| it.source.clone()).collect()
    }

    fn newest(&self, id: &str) -> Option<&SourceVersion> {
        self.0.get(id)?.last()
    }

    /// Takes an event into account; false when it contradicts those before.
    fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::Import { change, source, .. } => {
                let versions = self.0.entry(source.id.clone()).or_default();
                if usize::try_from(source.version).ok() != Some(versions.len() + 1) {
                    return false;
                }
                // A draft that nobody approved is replaced by the newer one.
                for before in versions.iter_mut().filter(|it| it.state == SourceState::Draft) {
                    before.state = SourceState::Retired;
                }
                let (source, changed) = (source.to_source(), change.to_change());
                versions.push(SourceVersion { source, state: SourceState::Draft, changed });
                true
            }
            Event::Approve { change, id, version } => {
                let Some(versions) = self.0.get_mut(id) else { return false };
                let changed = change.to_change();
                for it in versions.iter_mut() {
                    if it.source.version == *version {
                        *it = SourceVersion {
                            state: SourceState::Approved,
                            changed: changed.clone(),
                            ..it.clone()
                        };
                    } else if it.state == SourceState::Approved {
                        it.state = SourceState::Retired;
                        it.changed = changed.clone();
                    }
                }
                versions.iter().any(|it| it.source.version == *version)
            }
            Event::Retire { change, id } => {
                let Some(versions) = self.0.get_mut(id) else { return false };
                for it in versions.iter_mut().filter(|it| it.state != SourceState::Retired) {
                    it.state = SourceState::Retired;
                    it.changed = change.to_change();
                }
                true
            }
        }
    }
}

/// The library in a folder.
#[derive(Clone, Debug)]
pub struct Library {
    root: PathBuf,
}

impl Library {
    /// The library in `root`; nothing is read or made yet.
    pub fn at(root: &Path) -> Library {
        Library { root: root.to_owned() }
    }

    /// Everything that was brought in.
    ///
    /// # Errors
    /// When the journal cannot be read or is damaged.
    pub fn load(&self) -> Result<Sources, LibraryError> {
        let path = self.journal();
        let mut sources = Sources::default();
        for (line, event) in (1..).zip(journal::read(&path)?) {
            if !sources.apply(&event) {
                return Err(LibraryError::Damaged { path, line });
            }
        }
        Ok(sources)
    }

    /// Brings drafts in. A text that is known, and was not retired, is left alone.
    ///
    /// # Errors
    /// When an id is refused or used twice, or the journal cannot be changed; then nothing is brought in.
    pub fn import(
        &self,
        drafts: &[SourceDraft],
        provenance: &Provenance,
        change: &Change,
    ) -> Result<Imported, LibraryError> {
        let _lock = self.lock()?;
        let known = self.load()?;
        let mut imported = Imported::default();
        let (mut events, mut seen) = (Vec::new(), BTreeSet::new());
        for (draft, number) in drafts.iter().zip(1..) {
            let id = id(draft, number, &seen)?;
            if !seen.insert(id.clone()) {
                // Without an id of its own, the same text under the same heading is the same source.
                match draft.id {
                    Some(_) => return Err(LibraryError::Twice(number)),
                    None => continue,
                }
            }
            let newest = known.newest(&id);
            let version = newest.map_or(1, |it| it.source.version + 1);
            let source = source(draft, id, version);
            match newest {
                Some(it) if it.state != SourceState::Retired && is_same(&it.source, &source) => {
                    imported.n_same += 1;
                    continue;
                }
                Some(_) => imported.n_changed += 1,
                None => imported.n_new += 1,
            }
            imported.ids.push(source.id.clone());
            events.push(Event::import(source, provenance, change));
        }
        journal::append(&self.journal(), &events)?;
        Ok(imported)
    }

    /// Lets drafts be quoted; an approved version of the same source is retired. Returns how many.
    ///
    /// # Errors
    /// When one of them has no draft; then none is approved.
    pub fn approve(&self, ids: &[String], change: &Change) -> Result<usize, LibraryError> {
        self.change(ids, "draft", |it| {
            let is_draft = it.state == SourceState::Draft;
            is_draft.then(|| Event::approve(&it.source, change))
        })
    }

    /// Takes sources back, drafts and approved versions alike. Returns how many.
    ///
    /// # Errors
    /// When one of them has neither; then none is taken back.
    pub fn retire(&self, ids: &[String], change: &Change) -> Result<usize, LibraryError> {
        self.change(ids, "draft or approved", |it| {
            let is_alive = it.state != SourceState::Retired;
            is_alive.then(|| Event::retire(&it.source.id, change))
        })
    }

    fn change(
        &self,
        ids: &[String],
        needed: &'static str,
        event: impl Fn(&SourceVersion) -> Option<Event>,
    ) -> Result<usize, LibraryError> {
        let _lock = self.lock()?;
        let known = self.load()?;
        let ids: BTreeSet<&String> = ids.iter().collect();
        let mut events = Vec::with_capacity(ids.len());
        for id in ids {
            let versions = known.0.get(id).map(Vec::as_slice).unwrap_or_default();
            let found = versions.iter().rev().find_map(&event);
            events.push(found.ok_or_else(|| LibraryError::State { id: id.clone(), needed })?);
        }
        journal::append(&self.journal(), &events)?;
        Ok(events.len())
    }

    fn journal(&self) -> PathBuf {
        self.root.join("journal.jsonl")
    }

    /// Keeps other commands out until dropped.
    fn lock(&self) -> Result<File, LibraryError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| LibraryError::File { action, path, source }
        };
        std::fs::create_dir_all(&self.root).map_err(failed("create the folder", &self.root))?;
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        Ok(file)
    }
}

/// The draft's own id, or one made of its heading; of its text too where that heading was seen.
fn id(draft: &SourceDraft, number: usize, seen: &BTreeSet<String>) -> Result<String, LibraryError> {
    if let Some(id) = &draft.id {
        let is_safe = |ch: char| !ch.is_whitespace() && !ch.is_control();
        let is_id = (1..=64).contains(&id.chars().count()) && id.chars().all(is_safe);
        return if is_id { Ok(id.clone()) } else { Err(LibraryError::Id(number)) };
    }
    let heads: Vec<&str> = [&draft.title, &draft.question, &draft.unit]
        .into_iter()
        .map(|it| it.as_deref().unwrap_or_default())
        .collect();
    let has_heading = draft.title.is_some() || draft.question.is_some();
    let by_heading = made_id(&heads.join("\n"));
    if has_heading && !seen.contains(&by_heading) {
        return Ok(by_heading);
    }
    Ok(made_id(&[heads.join("\n").as_str(), &draft.answer].join("\n")))
}

fn made_id(text: &str) -> String {
    hex(&Sha256::digest(text)).chars().take(ID_DIGITS).collect()
}

fn source(draft: &SourceDraft, id: String, version: u32) -> Source {
    let SourceDraft { id: _, title, question, answer, unit, link, valid_from, valid_to } =
        draft.clone();
    Source { id, version, title, question, answer, unit, link, valid_from, valid_to }
}

fn is_same(known: &Source, new: &Source) -> bool {
    Source { version: new.version, ..known.clone() } == *new
}

#[cfg(test)]
mod tests;
