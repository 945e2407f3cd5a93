//! What officers wrote in the place of what was heard: each change with who and when, the newest of each segment counts,
//! and it can be taken back. What was heard stays as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{ErrorCode, Private};
use crate::pipeline::speech::correct::{Change, MAX_CHARS, MAX_HEARD, correct, unmasked};
use crate::service::subjects::{self, Identifier};
use crate::task::call::CallError;
use crate::task::speech::{CorrectedSegment, Rendition, Segment};

/// The form that is written here.
const VERSION: u32 = 1;

/// Changes of one transcript, those taken back too.
const MAX_EDITS: usize = 5000;

/// Every change of one transcript, the oldest first. No `Debug`: it holds somebody's words.
#[derive(Default)]
pub struct Corrections {
    edits: Vec<Edit>,
}

/// Who changes a transcript, and when: since 1970-01-01T00:00:00Z.
pub struct Editor {
    /// Code, never a name.
    pub by: String,
    /// When.
    pub at: Duration,
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    edits: Vec<Edit>,
}

/// One change: another text for a segment, or none where the change before is taken back.
#[derive(Serialize, Deserialize)]
struct Edit {
    #[serde(rename = "s")]
    segment: usize,
    #[serde(rename = "t")]
    text: Option<String>,
    #[serde(rename = "b")]
    by: String,
    #[serde(rename = "a")]
    at: u64,
}

/// A transcript's segments as they are shown: the texts that count, and what is told of each that was corrected.
pub struct Corrected {
    /// All segments.
    pub segments: Vec<Segment>,
    /// Those that were corrected, by place.
    pub about: BTreeMap<usize, CorrectedSegment>,
}

impl Corrections {
    /// Reads what [`Corrections::encode`] wrote.
    ///
    /// # Errors
    /// When it was not written here.
    pub fn decode(json: &[u8]) -> Result<Corrections, CallError> {
        let form: Form = serde_json::from_slice(json).map_err(|_| unreadable())?;
        if form.version == VERSION {
            Ok(Corrections { edits: form.edits })
        } else {
            Err(unreadable())
        }
    }

    /// As it is kept: JSON.
    ///
    /// # Errors
    /// Never for corrections.
    pub fn encode(self) -> Result<Private<Vec<u8>>, CallError> {
        let form = Form { version: VERSION, edits: self.edits };
        serde_json::to_vec(&form).map(Private::new).map_err(|_| unreadable())
    }

    /// The segments with the texts that count; `heard` are those that were heard, with their personal data found.
    ///
    /// The changes of a segment are made one after another, so that what one of them hid is hidden by the next.
    pub fn apply(&self, heard: Vec<Segment>) -> Corrected {
        let counting = self.counting();
        let mut about = BTreeMap::new();
        for (idx, edits) in &counting {
            let (Some(segment), Some(last)) = (heard.get(*idx), edits.last()) else { continue };
            let (by, at) = (last.by.clone(), Duration::from_millis(last.at));
            about.insert(*idx, CorrectedSegment { heard: segment.clone(), by, at });
        }
        let mut segments = heard;
        for round in 0..counting.values().map(Vec::len).max().unwrap_or(0) {
            let changes: Vec<Change<'_>> = counting
                .iter()
                .filter_map(|(idx, edits)| {
                    Some(Change { idx: *idx, text: edits.get(round)?.text.as_deref()? })
                })
                .collect();
            correct(&mut segments, &changes);
        }
        Corrected { segments, about }
    }

    /// Writes another text for a segment of those that are shown now; `rendition` says which text was changed.
    ///
    /// # Errors
    /// With the place of what is wrong.
    pub fn write(
        &mut self,
        (shown, idx): (&[Segment], usize),
        (rendition, text): (Rendition, &str),
        editor: Editor,
    ) -> Result<(), CallError> {
        let segment = shown.get(idx).ok_or_else(no_segment)?;
        if MAX_HEARD < segment.text.expose().chars().count() {
            return Err(CallError::new(ErrorCode::TooLarge, "這一句過長,無法更正。"));
        }
        let text = match rendition {
            Rendition::Original => text.to_owned(),
            Rendition::Redacted => unmasked(segment, text).ok_or_else(|| {
                let detail =
                    "遮蔽標記只能保留或刪除,不可增加或調換次序;要更改其內容請改以原文更正。";
                CallError::bad_value("/text", detail)
            })?,
        };
        // What a mask stands for may be longer than the mask.
        if 2 * MAX_CHARS < text.chars().count() {
            return Err(CallError::bad_value("/text", format!("不可超過 {MAX_CHARS} 個字元。")));
        }
        if *segment.text.expose() == text {
            return Err(CallError::bad_value("/text", "與目前的文字相同。"));
        }
        self.add(Edit { segment: idx, text: Some(text), by: editor.by, at: millis(editor.at) })
    }

    /// Takes the newest text of a segment back: the one before it counts again.
    ///
    /// # Errors
    /// When there is no such segment, or it was not corrected.
    pub fn take_back(
        &mut self,
        (shown, idx): (&[Segment], usize),
        editor: Editor,
    ) -> Result<(), CallError> {
        shown.get(idx).ok_or_else(no_segment)?;
        if !self.counting().contains_key(&idx) {
            return Err(CallError::new(ErrorCode::Conflict, "這一句沒有可復原的更正。"));
        }
        self.add(Edit { segment: idx, text: None, by: editor.by, at: millis(editor.at) })
    }

    fn add(&mut self, edit: Edit) -> Result<(), CallError> {
        if MAX_EDITS <= self.edits.len() {
            let message = "這件逐字稿的更正已達上限,無法再更正。";
            return Err(CallError::new(ErrorCode::TooLarge, message));
        }
        self.edits.push(edit);
        Ok(())
    }

    /// By segment the changes that were not taken back, the oldest first.
    fn counting(&self) -> BTreeMap<usize, Vec<&Edit>> {
        let mut counting: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
        for edit in &self.edits {
            let of_segment = counting.entry(edit.segment).or_default();
            if edit.text.is_some() {
                of_segment.push(edit);
            } else {
                of_segment.pop();
            }
        }
        counting.retain(|_, edits| !edits.is_empty());
        counting
    }
}

impl Corrected {
    /// Whom the texts that count mention.
    pub fn mentions(&self) -> Vec<Identifier> {
        subjects::identifiers_spoken(&self.segments)
    }
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

fn no_segment() -> CallError {
    CallError::new(ErrorCode::NotFound, "逐字稿沒有這一句。")
}

fn unreadable() -> CallError {
    CallError::new(ErrorCode::Internal, "逐字稿的更正無法讀取。")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::speech::redact;
    use crate::task::speech::SpokenLanguage;

    fn heard(texts: &[&str]) -> Vec<Segment> {
        let segment = |text: &&str| Segment {
            channel: 0,
            start: 0,
            end: 1000,
            language: SpokenLanguage::Mandarin,
            text: Private::new((*text).to_owned()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 0.5,
        };
        let mut segments: Vec<Segment> = texts.iter().map(segment).collect();
        redact::redact(&mut segments);
        segments
    }

    fn editor(by: &str) -> Editor {
        Editor { by: by.to_owned(), at: Duration::from_secs(7) }
    }

    /// Each step writes a text for the first segment, or takes one back; the text that is shown in the end.
    #[track_caller]
    fn check(steps: &[Option<&str>], expected: &str) {
        let mut corrections = Corrections::default();
        for step in steps {
            let shown = corrections.apply(heard(&["電話0912345678"])).segments;
            let done = match step {
                Some(text) => {
                    corrections.write((&shown, 0), (Rendition::Redacted, text), editor("u-1"))
                }
                None => corrections.take_back((&shown, 0), editor("u-2")),
            };
            done.unwrap();
        }
        let kept = corrections.encode().unwrap();
        let found = Corrections::decode(kept.expose()).unwrap().apply(heard(&["電話0912345678"]));
        assert_eq!(found.segments[0].shown(Rendition::Original), expected);
        let about = found.about.get(&0).map(|it| it.heard.shown(Rendition::Redacted));
        let is_corrected = expected != "電話0912345678";
        assert_eq!(
            about,
            is_corrected.then(|| "電話〔行動電話〕".to_owned()),
            "what was heard stays"
        );
    }

    #[test]
    fn the_newest_text_counts_until_it_is_taken_back() {
        check(&[Some("我的電話〔行動電話〕")], "我的電話0912345678");
        check(&[Some("我的電話〔行動電話〕"), Some("您的電話〔行動電話〕")], "您的電話0912345678");
        check(&[Some("我的"), Some("您的"), None], "我的");
        check(&[Some("我的"), Some("您的"), None, None], "電話0912345678");
        check(&[Some("我的"), None, Some("您的")], "您的");
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let shown = heard(&["電話0912345678"]);
        let mut corrections = Corrections::default();
        let mut refused = |idx: usize, rendition, text: &str| {
            let found = corrections.write((&shown, idx), (rendition, text), editor("u-1"));
            found.err().map(|it| it.code)
        };
        assert_eq!(refused(1, Rendition::Original, "x"), Some(ErrorCode::NotFound));
        let same = refused(0, Rendition::Redacted, "電話〔行動電話〕");
        assert_eq!(same, Some(ErrorCode::BadValue));
        let twice = refused(0, Rendition::Redacted, "〔行動電話〕〔行動電話〕");
        assert_eq!(twice, Some(ErrorCode::BadValue));
        let long = "長".repeat(2 * MAX_CHARS + 1);
        assert_eq!(refused(0, Rendition::Original, &long), Some(ErrorCode::BadValue));
        let back = corrections.take_back((&shown, 0), editor("u-1"));
        assert_eq!(back.err().map(|it| it.code), Some(ErrorCode::Conflict));
        for bad in [&b""[..], b"{}", br#"{"version":2,"edits":[]}"#] {
            assert!(Corrections::decode(bad).is_err());
        }
    }

    #[test]
    fn whom_a_corrected_text_mentions_is_found() {
        let mut corrections = Corrections::default();
        let text = (Rendition::Original, "我是A123456789");
        corrections.write((&heard(&["我是誰"]), 0), text, editor("u-1")).unwrap();
        let found = corrections.apply(heard(&["我是誰"])).mentions();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].value.expose(), "A123456789");
    }
}
