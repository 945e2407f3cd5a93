//! The journal of the library: events as lines of JSON. A line that was cut off by a crash is no event.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::Date;
use crate::task::answers::Source;

use super::{Change, LibraryError, Provenance};

/// Most bytes of a journal: some hundred thousand sources.
const MAX_BYTES: u64 = 1 << 30;

/// Something that happened to a source.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// A version was brought in.
    Import {
        #[serde(flatten)]
        change: ChangeRow,
        source: Box<SourceRow>,
        file: String,
        format: String,
        sha256: String,
    },
    /// A version may be quoted.
    Approve {
        #[serde(flatten)]
        change: ChangeRow,
        id: String,
        version: u32,
    },
    /// No version may be quoted any more.
    Retire {
        #[serde(flatten)]
        change: ChangeRow,
        id: String,
    },
}

/// Who and when.
#[derive(Serialize, Deserialize)]
pub(super) struct ChangeRow {
    by: String,
    at: u64,
}

impl ChangeRow {
    fn new(change: &Change) -> ChangeRow {
        ChangeRow { by: change.by.clone(), at: change.at }
    }

    pub(super) fn to_change(&self) -> Change {
        Change { by: self.by.clone(), at: self.at }
    }
}

/// A source as it is written; also a line of an index's `sources.jsonl`.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::service) struct SourceRow {
    pub(super) id: String,
    pub(super) version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<String>,
    answer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_to: Option<String>,
}

impl SourceRow {
    pub(in crate::service) fn new(source: Source) -> SourceRow {
        let Source { id, version, title, question, answer, unit, link, valid_from, valid_to } =
            source;
        let day = |it: Option<Date>| it.map(|it| it.to_string());
        let (valid_from, valid_to) = (day(valid_from), day(valid_to));
        SourceRow { id, version, title, question, answer, unit, link, valid_from, valid_to }
    }

    pub(in crate::service) fn to_source(&self) -> Source {
        let day = |it: &Option<String>| it.as_deref().and_then(Date::parse_iso);
        let it = self.clone();
        Source {
            valid_from: day(&it.valid_from),
            valid_to: day(&it.valid_to),
            id: it.id,
            version: it.version,
            title: it.title,
            question: it.question,
            answer: it.answer,
            unit: it.unit,
            link: it.link,
        }
    }
}

impl Event {
    pub(super) fn import(source: Source, provenance: &Provenance, change: &Change) -> Event {
        Event::Import {
            change: ChangeRow::new(change),
            source: Box::new(SourceRow::new(source)),
            file: provenance.file.clone(),
            format: provenance.format.to_owned(),
            sha256: provenance.sha256.clone(),
        }
    }

    pub(super) fn approve(source: &Source, change: &Change) -> Event {
        let (id, version) = (source.id.clone(), source.version);
        Event::Approve { change: ChangeRow::new(change), id, version }
    }

    pub(super) fn retire(id: &str, change: &Change) -> Event {
        Event::Retire { change: ChangeRow::new(change), id: id.to_owned() }
    }
}

/// The events of a journal, oldest first; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Event>, LibraryError> {
    let failed = |action| {
        let path = path.to_owned();
        move |source| LibraryError::File { action, path, source }
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(failed("open"))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed("read"))?;
    let mut events = Vec::new();
    for (idx, line) in whole(&bytes).split_inclusive(|it| *it == b'\n').enumerate() {
        let event = serde_json::from_slice(line)
            .map_err(|_| LibraryError::Damaged { path: path.to_owned(), line: idx + 1 })?;
        events.push(event);
    }
    Ok(events)
}

/// Adds events in one write, after the last whole line, and waits until the disk has them.
pub(super) fn append(path: &Path, events: &[Event]) -> Result<(), LibraryError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event)?;
        text.push(b'\n');
    }
    let written = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let end = whole(&bytes).len() as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(&text)?;
        file.sync_all()
    };
    let failed = |source| LibraryError::File { action: "write", path: path.to_owned(), source };
    written().map_err(failed)
}

/// The lines that were written to their end.
fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
    bytes.get(..end).unwrap_or_default()
}
