//! Agent assist: what was said in a telephone call so far, and the sources that may answer what was asked.

use std::time::Duration;

use crate::base::Private;
use crate::task::answers::Citation;
use crate::task::idcard::ModelInfo;

/// Utterances of a call that may be given at once; the newest count, earlier ones may be left out.
pub const MAX_UTTERANCES: usize = 2_000;
/// Code points of an utterance.
pub const MAX_UTTERANCE: usize = 1_000;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Who called.
    Citizen,
    /// Who answers the line.
    Agent,
    /// Not known.
    Unknown,
}

/// Words said without a break by one speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Since the call began.
    pub start: Duration,
    /// Since the call began.
    pub end: Duration,
    /// Who.
    pub speaker: Speaker,
    /// The words.
    pub text: Private<String>,
}

/// A call whose questions are to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOrder {
    /// What was said so far, at most [`MAX_UTTERANCES`], in order.
    pub utterances: Vec<Utterance>,
    /// Sources wanted for each question; none: as configured.
    pub top_k: Option<usize>,
}

/// A question that was asked in a call, and the sources that may answer it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// When it was begun, since the call began.
    pub start: Duration,
    /// When it was ended.
    pub end: Duration,
    /// Its words; those of the sentence before too where it is short.
    pub question: Private<String>,
    /// Whether the first source is likely enough.
    pub is_answered: bool,
    /// Most likely first.
    pub citations: Vec<Citation>,
}

/// A question in a live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveQuestion {
    /// Number of the finished utterance in which it ends.
    pub id: u64,
    /// When it was begun, since the stream began.
    pub start: Duration,
    /// When it was ended.
    pub end: Duration,
    /// Its words, personal data masked; those of the sentence before too where it is short.
    pub text: Private<String>,
}

/// What an agent is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestions {
    /// The newest questions, oldest first.
    pub items: Vec<Suggestion>,
    /// Whether only words were compared, not meanings.
    pub by_words_only: bool,
    /// Which index answered.
    pub index: ModelInfo,
}
