//! Letters to the minister: what a classification takes and what it finds.

use crate::base::Private;
use crate::task::idcard::ModelInfo;

use super::text::{Automation, Evidence, Label, Mode, TextPlace};

/// Letters of one call.
pub const MAX_LETTERS: usize = 100;
/// Code points of a subject.
pub const MAX_SUBJECT: usize = 1_000;
/// Code points of a body.
pub const MAX_BODY: usize = 200_000;
/// Labels that may be asked for.
pub const MAX_TOP_K: usize = 20;

/// One letter, within its limits.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Letter {
    /// The caller's own id.
    pub external_id: Option<String>,
    /// Subject, at most [`MAX_SUBJECT`] code points.
    pub subject: Private<String>,
    /// Body, at most [`MAX_BODY`] code points.
    pub body: Private<String>,
    /// Where it came in.
    pub channel: Option<String>,
}

/// What is asked about letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterOrder {
    /// 1 to [`MAX_LETTERS`].
    pub letters: Vec<Letter>,
    /// Labels wanted, 1 to [`MAX_TOP_K`]; none: as configured.
    pub top_k: Option<usize>,
    /// Whether evidence is wanted.
    pub explain: bool,
    /// Version of the taxonomy that the caller expects.
    pub taxonomy: Option<String>,
}

/// What one letter gave.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterAnswer {
    /// Identifies the prediction.
    pub prediction_id: String,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// Most likely first.
    pub labels: Vec<Label>,
    /// The first label is not likely enough, or the letter says nothing.
    pub abstained: bool,
    /// How far the first label may be used.
    pub automation: Automation,
    /// Flags.
    pub flags: LetterFlags,
    /// What drove the first label, strongest first.
    pub evidence: Vec<Evidence>,
    /// SHA-256 of the subject and of the body as sent, lower-case hex.
    pub text_hashes: [String; 2],
    /// Personal data found.
    pub pii: Vec<PiiPlace>,
    /// Findings of personal data beyond those listed.
    pub n_pii_omitted: usize,
}

/// What an officer should know before opening a letter.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct LetterFlags {
    /// 檢舉, or the writer asks for secrecy.
    pub confidential_report: bool,
    /// An earlier letter that says nearly the same.
    pub repeated: Option<Repeated>,
    /// Nothing that could be handled.
    pub no_substance: bool,
    /// Probability that it is another ministry's, and whose; none without a model of ministries.
    pub not_our_remit: Option<Ministry>,
    /// Signs of danger: a person must see it at once.
    pub sensitive: bool,
    /// The writer calls it urgent, or names a day.
    pub urgent: bool,
    /// Reads like instructions to a machine; changes nothing.
    pub instruction_like: bool,
    /// The words that raised flags.
    pub marks: Vec<Marked>,
}

/// An earlier letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    /// Its prediction.
    pub prediction_id: String,
    /// Estimated similarity, 0 to 1.
    pub similarity: f32,
}

/// Whose matter it rather is.
#[derive(Clone, Debug, PartialEq)]
pub struct Ministry {
    /// The most likely other ministry.
    pub name: String,
    /// Probability that it is not ours, 0 to 1.
    pub score: f32,
}

/// Words that raised a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Name of the flag.
    pub flag: &'static str,
    /// Where.
    pub place: TextPlace,
}

/// A finding of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiiPlace {
    /// Of what kind.
    pub kind: &'static str,
    /// Where.
    pub place: TextPlace,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterAnswers {
    /// One for each letter, in order.
    pub items: Vec<LetterAnswer>,
    /// What answered.
    pub model: ModelInfo,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// How far answers are used.
    pub mode: Mode,
}
