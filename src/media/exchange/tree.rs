//! A small tree of one file, bounded by the limits that [`Events`] holds.

use super::doctype::{self, Doctype};
use super::events::{Events, Step};
use super::{ExchangeError, ExchangeLimits};

/// An element with what is inside it. No `Debug`: it holds somebody's document.
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// Text directly inside, pieces joined.
    text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The value of an attribute, trimmed.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|it| it.0 == name).map(|it| it.1.trim())
    }

    /// The first child of one of these names.
    pub(super) fn child(&self, names: &[&str]) -> Option<&Element> {
        self.children.iter().find(|it| names.contains(&it.name.as_str()))
    }

    /// All children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |it| it.name == name)
    }

    /// Text directly inside: lines trimmed of layout blanks, empty lines dropped.
    pub(super) fn text(&self) -> String {
        let lines = self.text.lines().map(str::trim).filter(|it| !it.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// `<name><文字>…</文字></name>`, or the text directly inside.
    pub(super) fn worded(&self) -> String {
        let worded: Vec<String> =
            self.all("文字").map(Element::text).filter(|it| !it.is_empty()).collect();
        if worded.is_empty() { self.text() } else { worded.join("\n") }
    }

    /// The text of the first child of one of these names; empty when there is none.
    pub(super) fn text_of(&self, names: &[&str]) -> String {
        self.child(names).map(Element::text).unwrap_or_default()
    }

    /// A code: `代碼="…"`, or the text.
    pub(super) fn code(&self) -> String {
        match self.attribute("代碼") {
            Some(code) if !code.is_empty() => code.to_owned(),
            _ => self.text(),
        }
    }
}

/// Reads a whole file.
pub(super) fn read(
    text: &str,
    limits: &ExchangeLimits,
) -> Result<(Doctype, Element), ExchangeError> {
    let mut events = Events::new(text, limits)?;
    let mut declared = Doctype::default();
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match events.next()? {
            Step::Doctype(content) => declared = doctype::read(&content, limits)?,
            Step::Start(start) => open.push(Element {
                name: start.local_name().as_ref().to_owned(),
                attributes: events.attributes(&start)?,
                text: String::new(),
                children: Vec::new(),
            }),
            Step::Text(piece) => {
                if let Some(inner) = open.last_mut() {
                    inner.text.push_str(&piece);
                }
            }
            Step::End => {
                let Some(element) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Step::Done => return root.map(|it| (declared, it)).ok_or(ExchangeError::NotExchange),
        }
    }
}
