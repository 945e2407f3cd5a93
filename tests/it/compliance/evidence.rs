//! What shows that a requirement is met, and whether it is there.

use serde::{Deserialize, Deserializer};

use super::{read, root};
use crate::source::code_only;

/// One thing that is named as evidence.
pub(super) enum Evidence {
    /// A test function, by its file.
    Test { file: String, function: String },
    /// A document, or a heading in it.
    Doc { file: String, heading: Option<String> },
    /// A setting of the reference.
    Setting(String),
    /// A target of the Makefile.
    Make(String),
    /// Another system does it, and why.
    Sibling { who: String, why: String },
}

impl Evidence {
    /// `file::function`.
    pub(super) fn test(text: &str) -> Evidence {
        let (file, function) = text.split_once("::").unwrap_or((text, ""));
        Evidence::Test { file: file.to_owned(), function: function.to_owned() }
    }

    /// A target's name.
    pub(super) fn make(target: &str) -> Evidence {
        Evidence::Make(target.to_owned())
    }

    fn parse(text: &str) -> Option<Evidence> {
        let (kind, rest) = text.split_once(':')?;
        Some(match kind {
            "test" => Evidence::test(rest),
            "doc" => {
                let (file, heading) = match rest.split_once('#') {
                    Some((file, heading)) => (file, Some(heading.to_owned())),
                    None => (rest, None),
                };
                Evidence::Doc { file: file.to_owned(), heading }
            }
            "setting" => Evidence::Setting(rest.to_owned()),
            "make" => Evidence::make(rest),
            "sibling" => {
                let (who, why) = rest.split_once(':')?;
                Evidence::Sibling { who: who.to_owned(), why: why.to_owned() }
            }
            _ => return None,
        })
    }

    /// Whether this project shows it: a test, a document, or a check that runs.
    pub(super) fn is_ours(&self) -> bool {
        !matches!(self, Evidence::Sibling { .. })
    }

    /// What is wrong with it, if anything.
    pub(super) fn missing(&self) -> Option<String> {
        let is_there = match self {
            Evidence::Test { file, function } => is_test(file, function),
            Evidence::Doc { file, heading } => has_heading(file, heading.as_deref()),
            Evidence::Setting(key) => {
                read("docs/reference/config.md").contains(&format!("| `{key}` |"))
            }
            Evidence::Make(target) => {
                read("Makefile").lines().any(|it| it.starts_with(&format!("{target}:")))
            }
            Evidence::Sibling { who, why } => !who.is_empty() && !why.is_empty(),
        };
        (!is_there).then(|| format!("{} does not exist", self.text()))
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        match self {
            Evidence::Test { file, function } => format!("test:{file}::{function}"),
            Evidence::Doc { file, heading: Some(heading) } => format!("doc:{file}#{heading}"),
            Evidence::Doc { file, heading: None } => format!("doc:{file}"),
            Evidence::Setting(key) => format!("setting:{key}"),
            Evidence::Make(target) => format!("make:{target}"),
            Evidence::Sibling { who, why } => format!("sibling:{who}:{why}"),
        }
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Evidence, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is no evidence"));
        Evidence::parse(&text).ok_or_else(wrong)
    }
}

/// Whether the file has the function as a test of its own, or as a case of its folder's suite.
fn is_test(file: &str, function: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(root().join(file)) else { return false };
    let code = code_only(&text);
    let Some(at) = definition(&code, function) else { return false };
    let before = code[..at].rsplit(['}', ';']).next().unwrap_or("");
    before.contains("test]") || before.contains("test(") || is_case(file, function)
}

/// Where `fn function` begins.
fn definition(code: &str, function: &str) -> Option<usize> {
    let name = format!("fn {function}");
    let ends = |rest: &str| rest.starts_with(['(', '<']);
    code.match_indices(&name).map(|(at, _)| at).find(|at| ends(&code[at + name.len()..]))
}

/// Whether a suite beside the file lists the function in its macro.
fn is_case(file: &str, function: &str) -> bool {
    let Some((folder, _)) = file.rsplit_once('/') else { return false };
    ["mod.rs", "suite.rs"].iter().any(|name| {
        let path = root().join(folder).join(name);
        let code = code_only(&std::fs::read_to_string(path).unwrap_or_default());
        code.match_indices(function).any(|(at, _)| {
            let (before, after) = (&code[..at], &code[at + function.len()..]);
            before.ends_with([':', ' '])
                && !before.ends_with("fn ")
                && after.starts_with([',', ')'])
        })
    })
}

fn has_heading(file: &str, heading: Option<&str>) -> bool {
    let Ok(text) = std::fs::read_to_string(root().join(file)) else { return false };
    heading.is_none_or(|wanted| {
        let headings = text.lines().filter(|it| it.starts_with('#'));
        headings.map(|it| it.trim_start_matches('#').trim()).any(|it| it == wanted)
    })
}

#[test]
fn what_is_not_there_is_seen() {
    let own = "tests/it/compliance/evidence.rs";
    for (text, is_there) in [
        (format!("test:{own}::what_is_not_there_is_seen"), true),
        (format!("test:{own}::has_heading"), false),
        (format!("test:{own}::what_is_not"), false),
        ("test:tests/it/none.rs::a".to_owned(), false),
        ("test:tests/it/store/jobs.rs::a_late_worker_is_refused".to_owned(), true),
        ("test:tests/it/store/jobs.rs::submit".to_owned(), false),
        ("test:tests/it/bus/suite.rs::the_report_names_everything".to_owned(), true),
        ("doc:README.md#fenwen".to_owned(), false),
        ("doc:docs/operate/audit.md#事件".to_owned(), true),
        ("doc:docs/operate/none.md".to_owned(), false),
        ("setting:profile".to_owned(), true),
        ("setting:prof".to_owned(), false),
        ("make:check".to_owned(), true),
        ("make:chec".to_owned(), false),
        ("sibling:a:".to_owned(), false),
    ] {
        let evidence = Evidence::parse(&text).unwrap();
        assert_eq!(evidence.missing().is_none(), is_there, "{text}");
        assert_eq!(evidence.text(), text);
    }
    for text in ["", "test", "file:a", "sibling:a"] {
        assert!(Evidence::parse(text).is_none(), "{text}");
    }
}
