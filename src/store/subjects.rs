//! The index of subjects: which rows mention somebody, found by a pseudonym that needs a key of its own.
//!
//! An identifier is never kept: its HMAC is. Whoever has the database but not `keys/subject.key` cannot even try numbers.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::{IdNumber, Private, hex};

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::value::{Row, owned, values};
use super::{SUBJECT_CHECK, Store, StoreError};

/// What identifies somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentifierKind {
    /// 統一編號、統一證號
    IdNumber,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
}

impl IdentifierKind {
    fn as_str(self) -> &'static str {
        match self {
            IdentifierKind::IdNumber => "id_number",
            IdentifierKind::Phone => "phone",
            IdentifierKind::Email => "email",
        }
    }
}

/// An identifier as found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Of which kind.
    pub kind: IdentifierKind,
    /// As written.
    pub value: Private<String>,
}

impl Identifier {
    /// Whether it has the form of its kind: the shape of an identity number, 5 to 20 digits without a letter, or
    /// something on both sides of one `@`.
    pub fn has_form(&self) -> bool {
        let Some(text) = normalised(self) else { return false };
        match self.kind {
            IdentifierKind::IdNumber => IdNumber::shape(&text).is_some(),
            IdentifierKind::Phone => {
                let is_letter = |ch: char| ch.is_alphabetic() && !matches!(ch, '轉' | '分' | '機');
                (5..=20).contains(&text.len()) && !self.value.expose().contains(is_letter)
            }
            IdentifierKind::Email => text.split_once('@').is_some_and(|(name, domain)| {
                !name.is_empty() && !domain.is_empty() && !domain.contains('@')
            }),
        }
    }

    /// Whether it can be right: the check digit of an identity number holds, a mobile number is whole, and an address
    /// has a domain. One that is not may still stand in a text, as somebody wrote it.
    pub fn is_sound(&self) -> bool {
        let Some(text) = normalised(self) else { return false };
        match self.kind {
            IdentifierKind::IdNumber => IdNumber::checksum_holds(&text),
            IdentifierKind::Phone => !text.starts_with("09") || text.len() == 10,
            IdentifierKind::Email => text.contains('.'),
        }
    }
}

/// The pseudonym of an identifier: 64 hexadecimal digits that only the key can make.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A pseudonym as written before; none when it cannot be one.
    pub fn parse(text: &str) -> Option<Subject> {
        let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Subject(text.to_owned()))
    }
}

/// What a row that mentions somebody is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// A prediction, by its id.
    Prediction(String),
    /// A job, by its id.
    Job(String),
}

impl Mention {
    /// Kind and id, as in the database.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Mention::Prediction(id) => ("prediction", id),
            Mention::Job(id) => ("job", id),
        }
    }

    pub(super) fn read(kind: &str, id: String) -> Result<Mention, StoreError> {
        match kind {
            "prediction" => Ok(Mention::Prediction(id)),
            "job" => Ok(Mention::Job(id)),
            _ => Err(StoreError::Shape),
        }
    }
}

/// The key of pseudonyms.
pub(super) struct SubjectKey(Hmac<Sha256>);

impl SubjectKey {
    pub(super) fn new(key: &[u8]) -> Result<SubjectKey, StoreError> {
        Hmac::new_from_slice(key).map(SubjectKey).map_err(|_| StoreError::Sealed)
    }

    /// The pseudonym by which a database shows that it belongs to this key.
    pub(super) fn check(&self) -> Result<Subject, StoreError> {
        let value = Private::new(SUBJECT_CHECK.to_owned());
        let check = Identifier { kind: IdentifierKind::Email, value };
        self.pseudonym(&check).ok_or(StoreError::Sealed)
    }

    /// Refuses to be the key of a database that shows another pseudonym; `path` is where the key lies.
    pub(super) fn require(&self, shown: &[u8], path: PathBuf) -> Result<(), StoreError> {
        if self.check()?.as_str().as_bytes() == shown {
            return Ok(());
        }
        Err(StoreError::Key { path, what: "the index of subjects was made with another key" })
    }

    fn pseudonym(&self, identifier: &Identifier) -> Option<Subject> {
        let value = normalised(identifier)?;
        let mut mac = self.0.clone();
        mac.update(identifier.kind.as_str().as_bytes());
        mac.update(b":");
        mac.update(value.as_bytes());
        Some(Subject(hex(&mac.finalize().into_bytes())))
    }
}

/// One writing of an identifier for all that mean the same: width, case, spaces, separators, country code and
/// extension do not matter. None when nothing is left.
fn normalised(identifier: &Identifier) -> Option<String> {
    let folded = identifier.value.expose().chars().map(|ch| match ch {
        // Full-width forms stand 0xFEE0 after the others.
        '！'..='～' => char::from_u32(u32::from(ch) - 0xFEE0).unwrap_or(ch),
        _ => ch,
    });
    let text: String = match identifier.kind {
        IdentifierKind::IdNumber => {
            folded.filter(char::is_ascii_alphanumeric).map(|ch| ch.to_ascii_uppercase()).collect()
        }
        IdentifierKind::Email => {
            folded.filter(|ch| !ch.is_whitespace()).flat_map(char::to_lowercase).collect()
        }
        IdentifierKind::Phone => {
            let is_end = |ch: &char| !matches!(ch, '#' | '轉' | '分');
            let digits: String = folded.take_while(is_end).filter(char::is_ascii_digit).collect();
            match digits.strip_prefix("886") {
                Some(rest) if 8 <= rest.len() => format!("0{}", rest.trim_start_matches('0')),
                _ => digits,
            }
        }
    };
    (!text.is_empty()).then_some(text)
}

impl Store {
    /// The pseudonym of an identifier; none for one without a letter or digit.
    pub fn subject(&self, identifier: &Identifier) -> Option<Subject> {
        self.subject_key.pseudonym(identifier)
    }

    /// Those of many, each once.
    pub fn subjects(&self, identifiers: &[Identifier]) -> Vec<Subject> {
        let mut found: Vec<Subject> =
            identifiers.iter().filter_map(|it| self.subject(it)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What mentions somebody, the oldest first, and when it was noted (since 1970-01-01T00:00:00Z).
    ///
    /// # Errors
    /// When the database fails.
    pub fn mentions(&self, subject: &Subject) -> Reply<Vec<(Mention, Duration)>> {
        self.call(Kind::Read, subject.clone(), |subject, tx| mentions(subject, tx).boxed())
    }

    /// The same of rows of an agency only. A row that is gone is of none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn mentions_in(&self, subject: &Subject, org: &str) -> Reply<Vec<(Mention, Duration)>> {
        self.call(Kind::Read, (subject.clone(), org.to_owned()), |(subject, org), tx| {
            mentions_in(subject, org, tx).boxed()
        })
    }
}

pub(super) async fn mentions(
    subject: &Subject,
    tx: &mut dyn Tx,
) -> Result<Vec<(Mention, Duration)>, StoreError> {
    let select = "SELECT kind, object, created FROM subject_ref WHERE subject = $1
        ORDER BY created, object";
    tx.rows(select, values![subject.as_str()]).await?.into_iter().map(mention).collect()
}

pub(super) async fn mentions_in(
    subject: &Subject,
    org: &str,
    tx: &mut dyn Tx,
) -> Result<Vec<(Mention, Duration)>, StoreError> {
    let select = "SELECT kind, object, created FROM subject_ref WHERE subject = $1 AND (
            EXISTS (SELECT 1 FROM prediction WHERE subject_ref.kind = 'prediction'
                AND prediction.id = subject_ref.object AND prediction.org = $2)
            OR EXISTS (SELECT 1 FROM job WHERE subject_ref.kind = 'job'
                AND job.id = subject_ref.object AND job.org = $2))
        ORDER BY created, object";
    tx.rows(select, values![subject.as_str(), org]).await?.into_iter().map(mention).collect()
}

fn mention(mut row: Row) -> Result<(Mention, Duration), StoreError> {
    let kind: String = row.take()?;
    Ok((Mention::read(&kind, row.take()?)?, time(row.take()?)))
}

/// Notes that a row mentions somebody.
pub(super) fn note(
    subjects: &[Subject],
    (kind, object): (&str, &str),
    created: Duration,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO subject_ref(subject, kind, object, created) VALUES($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    for subject in subjects {
        tx.write(insert, owned![subject.as_str(), kind, object, ms(created)])?;
    }
    Ok(())
}

/// Forgets whom a row mentions.
pub(super) async fn forget(kind: &str, object: &str, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let delete = "DELETE FROM subject_ref WHERE kind = $1 AND object = $2";
    tx.execute(delete, values![kind, object]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(kind: IdentifierKind, texts: &[&str]) {
        let key = SubjectKey::new(&[7; 32]).unwrap();
        let of = |text: &str| {
            let value = Private::new(text.to_owned());
            key.pseudonym(&Identifier { kind, value }).unwrap()
        };
        for text in texts {
            assert_eq!(of(text), of(texts[0]), "{text}");
        }
        assert_ne!(of(texts[0]), of("B2"), "another one");
        assert!(Subject::parse(of(texts[0]).as_str()).is_some());
    }

    #[test]
    fn writings_of_one_identifier_are_one_subject() {
        same(IdentifierKind::IdNumber, &["A123456789", "a123456789", "Ａ１２３ 456-789"]);
        let phones =
            ["0912345678", "0912-345-678", "+886 912 345 678", "886912345678", "0912345678#12"];
        same(IdentifierKind::Phone, &phones);
        same(
            IdentifierKind::Phone,
            &["(02)2356-5000", "+886-2-23565000", "０２２３５６５０００ 轉 8"],
        );
        same(IdentifierKind::Email, &["Ming@Example.tw", "ming@example.TW", "ming＠example.tw"]);
    }

    #[test]
    fn what_is_no_identifier_is_told_and_what_cannot_be_right_is_doubted() {
        let check = |kind, text: &str, expected| {
            let it = Identifier { kind, value: Private::new(text.to_owned()) };
            assert_eq!((it.has_form(), it.is_sound()), expected, "{kind:?} {text}");
        };
        let (id, phone, email) =
            (IdentifierKind::IdNumber, IdentifierKind::Phone, IdentifierKind::Email);
        for text in ["A123456789", "ａ１２３ 456-789", "A800000014", "AB12345677"] {
            check(id, text, (true, true));
        }
        check(id, "A123456780", (true, false));
        for text in ["A12345678", "0912345678", "王小明", "A323456789", ""] {
            check(id, text, (false, false));
        }
        for text in [
            "0912-345-678",
            "(02)2356-5000",
            "+886 2 23565000",
            "02-23565000轉8",
            "+1 650 253 0000",
        ] {
            check(phone, text, (true, true));
        }
        check(phone, "0912-345-67", (true, false));
        check(phone, "+886 912 345 6789", (true, false));
        check(phone, "A123456789", (false, true));
        check(phone, "119", (false, true));
        check(phone, " ", (false, false));
        check(email, "Ming＠example.tw", (true, true));
        check(email, "ming@localhost", (true, false));
        check(email, "ming.example.tw", (false, true));
        check(email, "@example.tw", (false, true));
        check(email, "a@b@example.tw", (false, true));
    }

    #[test]
    fn kinds_and_keys_tell_subjects_apart() {
        let of = |key: u8, kind| {
            let value = Private::new("0912345678".to_owned());
            SubjectKey::new(&[key; 32]).unwrap().pseudonym(&Identifier { kind, value })
        };
        assert_ne!(of(1, IdentifierKind::Phone), of(2, IdentifierKind::Phone));
        assert_ne!(of(1, IdentifierKind::Phone), of(1, IdentifierKind::IdNumber));
        let value = Private::new("—".to_owned());
        let empty = Identifier { kind: IdentifierKind::Phone, value };
        assert_eq!(SubjectKey::new(&[1; 32]).unwrap().pseudonym(&empty), None);
        assert_eq!(Subject::parse("A123456789"), None);
    }
}
