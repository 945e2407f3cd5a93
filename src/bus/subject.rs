//! Subjects: the addresses on the bus, and the filters that select them.

use std::fmt;

/// What every subject of this service begins with.
pub const ROOT: &str = "moi.ai.v1";

/// Characters of a whole subject.
const MAX_CHARS: usize = 255;
/// Tokens of a subject.
const MAX_TOKENS: usize = 16;
/// Characters of one token.
const MAX_TOKEN: usize = 64;

/// Why a text is no subject or filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Longer than 255 characters or 16 tokens, or empty.
    #[error("a subject has 1 to 16 tokens and at most 255 characters")]
    Length,
    /// A token is empty, longer than 64 characters or has other characters than `A-Za-z0-9-`.
    #[error("token {0} of a subject is not 1 to 64 letters, digits or hyphens")]
    Token(usize),
    /// `>` stands before the last token.
    #[error("`>` may stand at the end of a filter only")]
    Rest,
}

/// An address: tokens of letters, digits and hyphens between dots, no wildcards.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// Reads a subject.
    ///
    /// # Errors
    /// See [`SubjectError`]; wildcards are refused.
    pub fn parse(text: &str) -> Result<Subject, SubjectError> {
        check_length(text)?;
        check_tokens(text, |_, _| false)?;
        Ok(Subject(text.to_owned()))
    }

    /// Requests: `moi.ai.v1.rpc.<service>.<operation>`.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn rpc(service: &str, operation: &str) -> Result<Subject, SubjectError> {
        Subject::parse(&format!("{ROOT}.rpc.{service}.{operation}"))
    }

    /// Commands that become jobs: `moi.ai.v1.job.<service>.<operation>`.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn job(service: &str, operation: &str) -> Result<Subject, SubjectError> {
        Subject::parse(&format!("{ROOT}.job.{service}.{operation}"))
    }

    /// Events: `moi.ai.v1.evt.<orgcode>.<service>.<noun>.<past>`; `name` is the part after the organisation.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn event(org: &str, name: &str) -> Result<Subject, SubjectError> {
        Subject::parse(&format!("{ROOT}.evt.{org}.{name}"))
    }

    /// Whether it is one of [`Subject::job`]: the only ones under which somebody's content is sent to a stream.
    pub fn is_command(&self) -> bool {
        let rest = self.0.strip_prefix(ROOT).and_then(|it| it.strip_prefix(".job."));
        rest.is_some()
    }

    /// Where messages go when they are given up whose subject is none.
    #[cfg(feature = "nats")]
    pub(super) fn of_other_dead_letters() -> Subject {
        Subject(format!("{ROOT}.dlq.other.message"))
    }

    /// Where messages of this subject go when they are given up: `moi.ai.v1.dlq.<service>.<operation or noun>`.
    pub fn dead_letters(&self) -> Subject {
        let rest = self.0.strip_prefix(ROOT).and_then(|it| it.strip_prefix('.')).unwrap_or("");
        let tokens: Vec<&str> = rest.split('.').collect();
        let (service, operation) = match *tokens.as_slice() {
            ["job", service, operation] => (service, operation),
            ["evt", _, service, noun, ..] => (service, noun),
            _ => ("other", "message"),
        };
        Subject(format!("{ROOT}.dlq.{service}.{operation}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Selects subjects: `*` stands for any one token, `>` at the end for one or more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter(String);

impl Filter {
    /// Reads a filter; every subject is one.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn parse(text: &str) -> Result<Filter, SubjectError> {
        check_length(text)?;
        let n_tokens = text.split('.').count();
        if text.split('.').take(n_tokens - 1).any(|it| it == ">") {
            return Err(SubjectError::Rest);
        }
        check_tokens(text, |idx, token| token == "*" || (token == ">" && idx + 1 == n_tokens))?;
        Ok(Filter(text.to_owned()))
    }

    /// Whether it selects `subject`.
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut tokens = subject.0.split('.');
        for wanted in self.0.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                (_, None) => return false,
                (wanted, Some(token)) if wanted != "*" && wanted != token => return false,
                (_, Some(_)) => (),
            }
        }
        tokens.next().is_none()
    }

    /// Whether everything that `other` selects is selected by this filter, too.
    pub fn covers(&self, other: &Filter) -> bool {
        let mut others = other.0.split('.');
        for wanted in self.0.split('.') {
            match (wanted, others.next()) {
                (">", Some(_)) => return true,
                (_, None) | (_, Some(">")) => return false,
                (wanted, Some(token)) if wanted != "*" && wanted != token => return false,
                (_, Some(_)) => (),
            }
        }
        others.next().is_none()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Subject> for Filter {
    fn from(subject: Subject) -> Filter {
        Filter(subject.0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_length(text: &str) -> Result<(), SubjectError> {
    let is_short = text.len() <= MAX_CHARS && text.split('.').count() <= MAX_TOKENS;
    if text.is_empty() || !is_short { Err(SubjectError::Length) } else { Ok(()) }
}

fn check_tokens(text: &str, is_wild: impl Fn(usize, &str) -> bool) -> Result<(), SubjectError> {
    for (idx, token) in text.split('.').enumerate() {
        if !is_token(token) && !is_wild(idx, token) {
            return Err(SubjectError::Token(idx));
        }
    }
    Ok(())
}

/// Whether `text` may be one token: 1 to 64 letters, digits or hyphens.
pub fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), SubjectError>) {
        assert_eq!(Subject::parse(text).map(|_| ()), expected, "{text}");
    }

    #[test]
    fn subjects_are_plain_tokens() {
        check("moi.ai.v1.rpc.letters.classify", Ok(()));
        check("moi.ai.v1.evt.301000000A.letters.classification.completed", Ok(()));
        check("a", Ok(()));
        check("", Err(SubjectError::Length));
        check(&"a.".repeat(16), Err(SubjectError::Length));
        check(&"a".repeat(256), Err(SubjectError::Length));
        check(&"a".repeat(65), Err(SubjectError::Token(0)));
        for bad in ["a..b", "a.*", "a.>", "a.b c", "a.字", "a.b\r\n", "a.$x", "a.b_c"] {
            check(bad, Err(SubjectError::Token(1)));
        }
    }

    fn check_filter(text: &str, subject: &str, expected: bool) {
        let subject = Subject::parse(subject).unwrap();
        let filter = Filter::parse(text).unwrap();
        assert_eq!(filter.matches(&subject), expected, "{text} on {subject}");
        assert!(!expected || filter.covers(&subject.into()), "{text}");
    }

    #[test]
    fn filters_select() {
        check_filter("a.b", "a.b", true);
        check_filter("a.b", "a.b.c", false);
        check_filter("a.b.c", "a.b", false);
        check_filter("a.*", "a.b", true);
        check_filter("a.*", "a.b.c", false);
        check_filter("a.*.c", "a.b.c", true);
        check_filter("*.*", "a.b", true);
        check_filter("a.>", "a.b.c", true);
        check_filter("a.>", "a", false);
        check_filter(">", "a", true);
        check_filter("a.>", "b.c", false);
        assert_eq!(Filter::parse("a.>.b"), Err(SubjectError::Rest));
        assert_eq!(Filter::parse("a.b*"), Err(SubjectError::Token(1)));
    }

    fn check_covers(text: &str, other: &str, expected: bool) {
        let (filter, other) = (Filter::parse(text).unwrap(), Filter::parse(other).unwrap());
        assert_eq!(filter.covers(&other), expected, "{text} over {other}");
    }

    #[test]
    fn filters_cover_filters() {
        check_covers("a.>", "a.*.c", true);
        check_covers("a.>", "a.>", true);
        check_covers("a.*", "a.>", false);
        check_covers("a.*", "a.*", true);
        check_covers("a.b", "a.*", false);
        check_covers("a.>", ">", false);
    }

    #[test]
    fn dead_letters_have_their_own_subjects() {
        for (from, to) in [
            ("moi.ai.v1.job.speech.transcribe", "moi.ai.v1.dlq.speech.transcribe"),
            (
                "moi.ai.v1.evt.301000000A.letters.classification.completed",
                "moi.ai.v1.dlq.letters.classification",
            ),
            ("elsewhere", "moi.ai.v1.dlq.other.message"),
        ] {
            assert_eq!(Subject::parse(from).unwrap().dead_letters().as_str(), to);
        }
    }
}
