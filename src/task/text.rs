//! What letters and documents share: places in the text sent, labels, and the words behind an answer.

/// A field of the text sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    /// 主旨.
    Subject,
    /// The body; of a document the paragraph with this index, of a letter always 0.
    Body(usize),
    /// A cited number that the caller listed, by its index.
    CitedNumber(usize),
}

impl TextField {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            TextField::Subject => "subject",
            TextField::Body(_) => "body",
            TextField::CitedNumber(_) => "cited_numbers",
        }
    }

    /// Which of several: paragraphs and numbers are lists.
    pub fn index(self) -> Option<usize> {
        match self {
            TextField::Subject => None,
            TextField::Body(idx) | TextField::CitedNumber(idx) => Some(idx),
        }
    }
}

/// A piece of a field: Unicode code points, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextPlace {
    /// The field.
    pub field: TextField,
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// One label of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// As the model was trained with.
    pub code: String,
    /// In words.
    pub name: String,
    /// Path of the unit that handles it; none when the label names no unit of today.
    pub unit: Option<String>,
    /// Calibrated probability, 0 to 1.
    pub score: f32,
}

/// Words that drove the first label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Where.
    pub place: TextPlace,
    /// What they added to the score.
    pub weight: f32,
}

/// How far an answer may be used before a person has read the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Automation {
    /// 建議: shown beside the others.
    #[default]
    Suggest,
    /// 預選: chosen beforehand, a person confirms.
    Preselect,
    /// 自動: the calling system may apply it; a person reviews samples and can always correct it.
    Automatic,
}

impl Automation {
    /// Every level.
    pub const ALL: [Automation; 3] =
        [Automation::Suggest, Automation::Preselect, Automation::Automatic];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Automation::Suggest => "suggest",
            Automation::Preselect => "preselect",
            Automation::Automatic => "automatic",
        }
    }
}

/// How far the answers of a service are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// 停用: calls are refused.
    Off,
    /// 影子: answers are kept to be compared, and shown to nobody.
    Shadow,
    /// 試辦: shown to named units.
    #[default]
    Pilot,
    /// 導入: shown to all.
    Live,
}

impl Mode {
    /// Every mode, the narrowest first.
    pub const ALL: [Mode; 4] = [Mode::Off, Mode::Shadow, Mode::Pilot, Mode::Live];

    /// The mode of a wire name.
    pub fn parse(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Shadow => "shadow",
            Mode::Pilot => "pilot",
            Mode::Live => "live",
        }
    }
}
