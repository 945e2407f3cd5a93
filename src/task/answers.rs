//! Questions and answers: what is asked, and the approved source that is quoted.

use crate::base::{Date, Private};
use crate::task::idcard::ModelInfo;

/// Code points of a question, and of the one before it.
pub const MAX_QUESTION: usize = 1_000;
/// Sources that may be asked for.
pub const MAX_TOP_K: usize = 20;

/// An approved text to answer from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Identifies it through all its versions.
    pub id: String,
    /// From 1.
    pub version: u32,
    /// Heading above the question.
    pub title: Option<String>,
    /// The question that it answers.
    pub question: Option<String>,
    /// The text that is quoted.
    pub answer: String,
    /// Who answers for it.
    pub unit: Option<String>,
    /// Where it was published.
    pub link: Option<String>,
    /// First day on which it may be used.
    pub valid_from: Option<Date>,
    /// Last day on which it may be used.
    pub valid_to: Option<Date>,
}

impl Source {
    /// Whether it may be used on this day.
    pub fn is_valid_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|it| it <= day) && self.valid_to.is_none_or(|it| day <= it)
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerOrder {
    /// The question, at most [`MAX_QUESTION`] code points.
    pub question: Private<String>,
    /// The question before it in the same conversation.
    pub previous: Option<Private<String>>,
    /// Sources wanted, 1 to [`MAX_TOP_K`]; none: as configured.
    pub top_k: Option<usize>,
}

/// A source that may answer, and the piece of it that does.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// The source.
    pub source_id: String,
    /// Its version.
    pub version: u32,
    /// Its title, or its question where it has none.
    pub title: Option<String>,
    /// Who answers for it.
    pub unit: Option<String>,
    /// Where it was published.
    pub link: Option<String>,
    /// The piece, word for word.
    pub quote: String,
    /// First code point of the piece in the source's text.
    pub quote_start: usize,
    /// One past its last.
    pub quote_end: usize,
    /// Calibrated probability that the source answers the question, 0 to 1.
    pub score: f32,
}

/// Why a question is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No source shares a word with it.
    NothingFound,
    /// It names another county than the sources are about.
    OtherPlace,
    /// It names an agency of the state that the nearest source does not speak of.
    OtherAgency,
    /// The nearest source lacks most of what it asks about.
    WordsMissing,
    /// The nearest source is not like it enough.
    NotAlike,
    /// The service is in the shadow: what it found is kept to be compared.
    NotShown,
}

impl Refusal {
    /// Its code.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::NothingFound => "nothing_found",
            Refusal::OtherPlace => "other_place",
            Refusal::OtherAgency => "other_agency",
            Refusal::WordsMissing => "words_missing",
            Refusal::NotAlike => "not_alike",
            Refusal::NotShown => "not_shown",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Identifies it.
    pub id: String,
    /// Why the first source is not likely enough, so that a person takes over; none: it is.
    pub refusal: Option<Refusal>,
    /// Most likely first; empty when nothing has a word in common.
    pub citations: Vec<Citation>,
    /// Whether the question before was needed to understand this one.
    pub used_previous: bool,
    /// Whether only words were compared, not meanings.
    pub by_words_only: bool,
    /// Which index answered.
    pub index: ModelInfo,
}

/// A question that no source answered.
#[derive(Clone, Debug)]
pub struct UnansweredQuestion {
    /// Its answer's id.
    pub id: String,
    /// When it was asked: seconds since 1970-01-01T00:00:00Z.
    pub asked: u64,
    /// The source that came nearest.
    pub nearest: Option<String>,
    /// What was asked, personal data masked; none once its text has expired, and for all but the newest questions.
    pub masked: Option<Private<String>>,
}

/// Questions that no source answered, counted.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// Questions asked that are still kept.
    pub n_asked: usize,
    /// Those of them that no source answered.
    pub n_unanswered: usize,
    /// The newest of those first.
    pub items: Vec<UnansweredQuestion>,
}
