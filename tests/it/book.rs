//! The book: its pages are there, its links lead somewhere, its commands say whether they can be run.
//!
//! A fenced block of `sh` is run as it is printed, one of `console` in its lines behind `$ `. What cannot run where tests
//! run says why: `sh,no-run:REASON`. What needs the trainer beside the program says `sh,needs:train`.

#[cfg(all(
    feature = "candle",
    feature = "ort",
    feature = "parquet",
    feature = "rten",
    feature = "whisper"
))]
mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::generated;

/// Folders whose every page is in the book.
const WHOLE: &[&str] = &["guide", "howto", "operate"];

/// Words at the start of a line that make it a command.
const PROGRAMS: &[&str] = &["fenwen ", "curl ", "$ "];

/// A fenced block of commands.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// The line of its fence, from 1.
    pub(crate) line: usize,
    /// Why it is not run.
    pub(crate) refused: Option<String>,
    /// What must be there to run it.
    pub(crate) needs: Option<String>,
    /// Its commands.
    pub(crate) code: String,
}

/// The folder of the documents.
pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The pages of the book in order, as paths below `docs`.
pub(crate) fn pages() -> Vec<String> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    links(&summary).into_iter().filter(|it| !it.is_empty()).collect()
}

/// The targets of the links of a text, outside of its fenced blocks.
fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        for piece in line.split("](").skip(1).filter(|_| !is_code) {
            found.extend(piece.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// The fenced blocks of a text: line, info string and lines, without the indentation of the fence.
fn fences(text: &str) -> Vec<(usize, String, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((idx, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let body = lines.by_ref().map(|(_, it)| it).take_while(|it| it.trim_start() != "```");
        let body = body.map(|it| it.get(indent..).unwrap_or("").to_owned()).collect();
        found.push((idx + 1, info.to_owned(), body));
    }
    found
}

/// The blocks of commands of a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for (line, info, body) in fences(text) {
        let (language, rest) = info.split_once(',').unwrap_or((&info, ""));
        let code = match language {
            "sh" => body.join("\n"),
            "console" => commands(&body),
            _ => continue,
        };
        let after = |word: &str| rest.strip_prefix(word).map(str::to_owned);
        found.push(Block { line, refused: after("no-run:"), needs: after("needs:"), code });
    }
    found
}

/// What a person types in a session: the lines behind `$ `, and those that go on from them.
fn commands(lines: &[String]) -> String {
    let mut typed: Vec<&str> = Vec::new();
    for line in lines {
        let goes_on = typed.last().is_some_and(|it| it.ends_with('\\'));
        typed.extend(line.strip_prefix("$ ").or(goes_on.then_some(line.as_str())));
    }
    typed.join("\n")
}

#[test]
fn blocks_are_found() {
    let text = "a\n```sh\nfenwen x\n```\n   ```sh,no-run:too long\n   curl \\\n     y\n   ```\n\
                ```json\n{}\n```\n```console\n$ one \\\n  two\nsaid\n$ three\n```\n```sh,needs:train\nz\n```";
    let block = |line, refused: Option<&str>, needs: Option<&str>, code: &str| Block {
        line,
        refused: refused.map(str::to_owned),
        needs: needs.map(str::to_owned),
        code: code.to_owned(),
    };
    let expected = [
        block(2, None, None, "fenwen x"),
        block(5, Some("too long"), None, "curl \\\n  y"),
        block(12, None, None, "one \\\n  two\nthree"),
        block(18, None, Some("train"), "z"),
    ];
    assert_eq!(blocks(text), expected);
}

#[test]
fn every_page_is_in_the_book() {
    let pages: BTreeSet<String> = pages().into_iter().collect();
    for page in &pages {
        assert!(docs().join(page).is_file(), "docs/SUMMARY.md names {page}, which is not there");
    }
    let mut missing = Vec::new();
    let mut folders: Vec<PathBuf> = WHOLE.iter().map(|it| docs().join(it)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(docs()).unwrap().to_str().unwrap();
            if !pages.contains(name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "add to docs/SUMMARY.md: {missing:?}");
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let path = docs().join(&page);
        for target in links(&fs::read_to_string(&path).unwrap()) {
            let file = target.split('#').next().unwrap();
            let is_here = !file.is_empty() && !file.contains(':');
            if is_here && !path.parent().unwrap().join(file).try_exists().unwrap() {
                dead.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere: {dead:#?}");
}

/// A command in a block of no language would escape the test that runs them.
#[test]
fn every_block_says_what_it_is() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(docs().join(&page)).unwrap();
        for (line, info, body) in fences(&text) {
            let (language, rest) = info.split_once(',').unwrap_or((&info, ""));
            let is_known = match language {
                "sh" | "console" => {
                    rest.is_empty()
                        || rest == "needs:train"
                        || 8 < rest.len() && rest.starts_with("no-run:")
                }
                _ => {
                    rest.is_empty()
                        && !body.iter().any(|it| PROGRAMS.iter().any(|p| it.starts_with(p)))
                }
            };
            if !is_known {
                wrong.push(format!("{page}:{line}: ```{info}"));
            }
        }
    }
    assert!(wrong.is_empty(), "write `sh`, `console` or `sh,no-run:REASON`: {wrong:#?}");
}

/// The end of the table of contents is made of the headings of `docs/adr`.
#[test]
fn the_list_of_decisions_is_current() {
    const HEAD: &str = "- [決策紀錄 Decisions]()\n";
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    let (before, _) = summary.split_once(HEAD).unwrap();
    let names = fs::read_dir(docs().join("adr")).unwrap();
    let names: BTreeSet<String> =
        names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    let line = |name: &String| {
        let text = fs::read_to_string(docs().join("adr").join(name)).unwrap();
        let title = text.lines().next().unwrap().trim_start_matches("# ");
        format!("  - [{title}](adr/{name})\n")
    };
    let list: String = names.iter().map(line).collect();
    generated::check("docs/SUMMARY.md", &format!("{before}{HEAD}{list}"));
}
