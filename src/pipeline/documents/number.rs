//! Our own 文號 in a document: a reply that cites it goes back to the unit that wrote it, before any model is asked.
//!
//! The table of prefixes is data (`prefixes.toml`, versioned) and may be replaced by a tenant's own.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::media::exchange::DocumentNumber;
use crate::pipeline::fold::{Folded, Span};

const PREFIXES: &str = include_str!("prefixes.toml");

/// Characters before a number in which words may say that it is answered (復貴部114年11月5日台內戶字第…號函).
const REPLY_WINDOW: usize = 24;
/// Words that say so.
const REPLY_WORDS: &[&str] =
    &["復", "覆", "貴部", "大部", "鈞部", "貴署", "鈞署", "大署", "貴司", "貴所", "貴中心"];
/// What follows a number that is quoted for what it says, and not answered.
const QUOTED: &[&str] = &["函釋", "令釋", "解釋", "釋示", "函示"];
/// Characters after which a prefix may begin.
const STOPS: &[char] = &[
    '日', '依', '據', '復', '覆', '部', '署', '司', '所', '府', '以', '年', '月', '函', '與', '及',
    '按', '照',
];

static CITATION: LazyLock<Regex> = LazyLock::new(citation_pattern);
static DEFAULT: LazyLock<Option<PrefixTable>> = LazyLock::new(|| PrefixTable::parse(PREFIXES).ok());

#[expect(clippy::expect_used, reason = "a constant pattern; a test compiles it")]
fn citation_pattern() -> Regex {
    Regex::new(r"([㐀-鿿]{1,14}(?:\([0-9一二三四五六七八九十○〇]{1,4}\)[㐀-鿿]{1,8})?) ?字 ?(?:第 ?)?([0-9]{7,12})(?:-[0-9]{1,2})? ?號")
        .expect("a constant pattern is valid")
}

/// Why a table of prefixes is refused.
#[derive(Debug, thiserror::Error)]
pub enum PrefixError {
    /// Not the expected TOML.
    #[error("failed to parse the table of prefixes")]
    Malformed(#[from] toml::de::Error),
    /// A row with both or neither of `unit` and `ministry`, or without words.
    #[error("row {row} of the table of prefixes names no single owner")]
    Owner {
        /// Row, from 1.
        row: usize,
    },
    /// The same words twice.
    #[error("row {row} of the table of prefixes repeats words")]
    Repeated {
        /// Row, from 1.
        row: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefixFile {
    version: String,
    prefix: Vec<PrefixRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefixRow {
    words: Vec<String>,
    unit: Option<String>,
    ministry: Option<String>,
}

/// Whose number it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A unit path of ours.
    Unit(String),
    /// Written by a unit that has since moved to another ministry.
    Moved {
        /// That ministry.
        ministry: String,
    },
}

/// Which unit wrote a number, by its 字.
#[derive(Clone, Debug)]
pub struct PrefixTable {
    version: String,
    /// Folded words, whether more may follow, and the owner; longest words first.
    rows: Vec<(String, bool, Owner)>,
}

impl Default for PrefixTable {
    /// A table that knows nobody.
    fn default() -> PrefixTable {
        PrefixTable { version: "0".to_owned(), rows: Vec::new() }
    }
}

impl PrefixTable {
    /// The ministry's table, part of the program.
    pub fn ministry() -> Option<&'static PrefixTable> {
        DEFAULT.as_ref()
    }

    /// Reads a table.
    pub fn parse(text: &str) -> Result<PrefixTable, PrefixError> {
        let file: PrefixFile = toml::from_str(text)?;
        let mut rows: Vec<(String, bool, Owner)> = Vec::new();
        for (idx, row) in file.prefix.into_iter().enumerate() {
            let number = idx + 1;
            let owner = match (row.unit, row.ministry) {
                (Some(unit), None) => Owner::Unit(unit),
                (None, Some(ministry)) => Owner::Moved { ministry },
                _ => return Err(PrefixError::Owner { row: number }),
            };
            for word in &row.words {
                let folded = Folded::new(word.trim_end_matches('*')).as_str().to_owned();
                if folded.is_empty() {
                    return Err(PrefixError::Owner { row: number });
                }
                if rows.iter().any(|it| it.0 == folded) {
                    return Err(PrefixError::Repeated { row: number });
                }
                rows.push((folded, word.ends_with('*'), owner.clone()));
            }
        }
        rows.sort_by_key(|it| std::cmp::Reverse(it.0.chars().count()));
        Ok(PrefixTable { version: file.version, rows })
    }

    /// Version of the table.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The owner of a 字, without 字; none when it is not ours.
    pub fn owner(&self, prefix: &str) -> Option<&Owner> {
        let folded = Folded::new(prefix.trim());
        let fits = |it: &&(String, bool, Owner)| {
            folded.as_str().strip_prefix(it.0.as_str()).is_some_and(|rest| rest.is_empty() || it.1)
        };
        self.rows.iter().find(fits).map(|it| &it.2)
    }

    /// The citations of our own numbers in a text, in order.
    pub fn citations(&self, text: &str) -> Vec<Citation> {
        let folded = Folded::new(text);
        let whole = folded.as_str();
        let mut found = Vec::new();
        for captures in CITATION.captures_iter(whole) {
            let (Some(all), Some(words)) = (captures.get(0), captures.get(1)) else { continue };
            let Some((start, owner)) = self.owned_part(words.as_str()) else { continue };
            let start = words.start() + start;
            let Some(cited) = whole.get(start..all.end()) else { continue };
            let Some(number) = DocumentNumber::parse(cited) else { continue };
            let before: Vec<char> =
                whole.get(..start).unwrap_or_default().chars().rev().take(REPLY_WINDOW).collect();
            let before: String = before.into_iter().rev().collect();
            let after = whole.get(all.end()..).unwrap_or_default();
            // What precedes in the same sentence only.
            let sentence = before.rsplit(['。', ';', '；', '\n']).next().unwrap_or_default();
            found.push(Citation {
                number,
                owner: owner.clone(),
                span: folded.span(start..all.end()),
                is_answered: REPLY_WORDS.iter().any(|it| sentence.contains(it))
                    && !QUOTED.iter().any(|it| after.trim_start().starts_with(it)),
            });
        }
        found
    }

    /// The longest tail of the words before 字 that is a prefix of ours: 復貴部114年11月5日|台內戶.
    fn owned_part(&self, words: &str) -> Option<(usize, &Owner)> {
        let starts = words.char_indices().map(|it| it.0);
        let candidates = starts.filter(|start| {
            let before = words.get(..*start).and_then(|it| it.chars().next_back());
            before.is_none_or(|ch| STOPS.contains(&ch) || !ch.is_alphanumeric())
        });
        candidates.filter_map(|start| Some((start, self.owner(words.get(start..)?)?))).next()
    }

    /// The unit that a reply goes back to; none when the document answers no number of ours, or several of different
    /// owners.
    pub fn decide(&self, texts: &[&str]) -> Option<Decision> {
        let mut decision: Option<Decision> = None;
        for (idx, text) in texts.iter().enumerate() {
            for citation in self.citations(text).into_iter().filter(|it| it.is_answered) {
                match &decision {
                    Some(first) if first.citation.owner != citation.owner => return None,
                    Some(_) => (),
                    None => decision = Some(Decision { text: idx, citation }),
                }
            }
        }
        decision
    }
}

/// One number of ours in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The number.
    pub number: DocumentNumber,
    /// Whose it is.
    pub owner: Owner,
    /// Where it stands.
    pub span: Span,
    /// Whether the words before it say that it is answered.
    pub is_answered: bool,
}

/// What the exact rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which of the texts holds the citation, from 0.
    pub text: usize,
    /// The first citation.
    pub citation: Citation,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> &'static PrefixTable {
        PrefixTable::ministry().unwrap()
    }

    fn unit(name: &str) -> Owner {
        Owner::Unit(format!("301000000A/{name}"))
    }

    #[test]
    fn the_longest_prefix_wins() {
        let check = |prefix: &str, expected: Option<Owner>| {
            assert_eq!(table().owner(prefix).cloned(), expected, "{prefix}");
        };
        check("台內戶", Some(unit("戶政司")));
        check("臺內戶", Some(unit("戶政司")));
        check("台內警", Some(unit("警政署")));
        check("台內警大", Some(unit("中央警察大學")));
        check("移署出陸建", Some(unit("移民署")));
        check("營署園", Some(unit("國家公園署")));
        check("營署建管", Some(unit("國土管理署")));
        check("台內社", Some(Owner::Moved { ministry: "衛生福利部".to_owned() }));
        check("內授國建管", Some(unit("國土管理署")));
        check("國署計", Some(unit("國土管理署")));
        check("消署預", Some(unit("消防署")));
        check("台內宗", Some(unit("宗教及禮制司")));
        check("內授役甄", Some(unit("役政司")));
        check("府民戶", None);
        check("內", None);
        check("", None);
        assert_eq!(table().version(), "2026-11-29");
    }

    #[test]
    fn a_number_is_known_without_every_word_of_its_form() {
        for text in [
            "復貴部台內戶字1140123456號函",
            "復貴部台內戶 字第 1140123456 號函",
            "復貴部台內戶字 第1140123456號函",
        ] {
            let found = table().decide(&[text]).map(|it| it.citation.owner);
            assert_eq!(found, Some(unit("戶政司")), "{text}");
        }
    }

    #[test]
    fn a_reply_goes_back_to_the_writer() {
        let check = |text: &str, expected: Option<(Owner, &str)>| {
            let found = table().decide(&["主旨", text]);
            let found = found.map(|it| (it.citation.owner, it.citation.number.printed()));
            assert_eq!(found, expected.map(|(owner, number)| (owner, number.to_owned())), "{text}");
        };
        check(
            "復貴部114年11月5日台內戶字第1140123456號函。",
            Some((unit("戶政司"), "台內戶字第1140123456號")),
        );
        check(
            "復　鈞部１１４年１１月５日臺內地字第１１４０１２３４５６號函",
            Some((unit("地政司"), "台內地字第1140123456號")),
        );
        check(
            "覆貴署移署出陸建字第1140123456號書函",
            Some((unit("移民署"), "移署出陸建字第1140123456號")),
        );
        check("依內政部台內營字第0950807676號函釋辦理", None);
        check("復貴府府民戶字第1140123456號函", None);
        check("查貴部95年12月1日台內營字第0950807676號函釋略以", None);
        check("復貴部台內戶字第1140123456號及台內地字第1140123457號函", None);
        check(
            "復貴部台內戶字第1140123456號及台內戶字第1140123457號函",
            Some((unit("戶政司"), "台內戶字第1140123456號")),
        );
    }

    #[test]
    fn citations_say_where_and_whether_they_are_answered() {
        let text = "依台內營字第0950807676號函;復貴部台內戶字第1140123456-1號函";
        let found = table().citations(text);
        let answered: Vec<bool> = found.iter().map(|it| it.is_answered).collect();
        assert_eq!(answered, [false, true]);
        let cited: String = text
            .chars()
            .skip(found[1].span.start)
            .take(found[1].span.end - found[1].span.start)
            .collect();
        assert_eq!(cited, "台內戶字第1140123456-1號");
        assert_eq!(found[1].number.branch.as_deref(), Some("1"));
    }

    #[test]
    fn wrong_tables_are_refused() {
        let check = |rows: &str| PrefixTable::parse(&format!("version = 'x'\n{rows}")).is_err();
        assert!(check("[[prefix]]\nwords = ['甲']"));
        assert!(check("[[prefix]]\nwords = ['甲']\nunit = 'u'\nministry = 'm'"));
        assert!(check("[[prefix]]\nwords = ['甲', '甲*']\nunit = 'u'"));
        assert!(check("[[prefix]]\nwords = ['*']\nunit = 'u'"));
        assert!(check("x = 1"));
        assert!(!check("[[prefix]]\nwords = ['甲']\nunit = 'u'"));
    }
}
