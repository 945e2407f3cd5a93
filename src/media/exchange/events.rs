//! The one loop over XML: a pull reader that refuses what the exchange does not need before it is kept.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{ExchangeError, ExchangeLimits};

/// Most attributes of one element; the tag sets have at most one.
const MAX_ATTRIBUTES: usize = 16;

/// One step through a file.
pub(super) enum Step<'a> {
    /// The inside of `<!DOCTYPE …>`.
    Doctype(Cow<'a, str>),
    /// An element begins.
    Start(BytesStart<'a>),
    /// Text, references resolved; one run may come in several pieces.
    Text(Cow<'a, str>),
    /// The innermost element ends.
    End,
    /// The file ends, with everything closed.
    Done,
}

/// Steps through a decoded file under limits.
pub(super) struct Events<'a> {
    reader: Reader<&'a [u8]>,
    limits: ExchangeLimits,
    depth: usize,
    n_elements: usize,
    seen_doctype: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str, limits: &ExchangeLimits) -> Result<Events<'a>, ExchangeError> {
        if let Some((offset, _)) = text.char_indices().find(|(_, ch)| !is_legal(*ch)) {
            return Err(ExchangeError::Malformed {
                offset,
                what: "a character XML does not allow",
            });
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Ok(Events { reader, limits: *limits, depth: 0, n_elements: 0, seen_doctype: false })
    }

    /// The next step; comments, processing instructions and blanks around the root are passed over.
    pub(super) fn next(&mut self) -> Result<Step<'a>, ExchangeError> {
        loop {
            let event =
                self.reader.read_event().map_err(|_| self.malformed("tags do not fit together"))?;
            match event {
                Event::Start(start) => return self.start(start),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::End);
                }
                Event::Text(text) => {
                    let text = text.xml_content(XmlVersion::Implicit1_0);
                    if self.depth == 0 && text.trim().is_empty() {
                        continue;
                    }
                    return self.text(text);
                }
                Event::CData(text) => {
                    return self.text(text.xml_content(XmlVersion::Implicit1_0));
                }
                Event::GeneralRef(reference) => {
                    let ch = self.resolve(&reference)?;
                    return self.text(Cow::Owned(ch.to_string()));
                }
                Event::DocType(content) => {
                    return self.doctype(content.xml_content(XmlVersion::Implicit1_0));
                }
                Event::Eof => return self.done(),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => (),
            }
        }
    }

    fn start(&mut self, start: BytesStart<'a>) -> Result<Step<'a>, ExchangeError> {
        if self.depth == 0 && 0 < self.n_elements {
            return Err(self.malformed("a second root element"));
        }
        self.depth += 1;
        self.n_elements += 1;
        if self.limits.max_depth < self.depth {
            return Err(ExchangeError::TooLarge { what: "levels", limit: self.limits.max_depth });
        }
        if self.limits.max_elements < self.n_elements {
            let limit = self.limits.max_elements;
            return Err(ExchangeError::TooLarge { what: "elements", limit });
        }
        Ok(Step::Start(start))
    }

    fn text(&self, text: Cow<'a, str>) -> Result<Step<'a>, ExchangeError> {
        if self.depth == 0 {
            return Err(self.malformed("text outside the root element"));
        }
        Ok(Step::Text(text))
    }

    fn doctype(&mut self, content: Cow<'a, str>) -> Result<Step<'a>, ExchangeError> {
        if self.seen_doctype || 0 < self.n_elements {
            return Err(self.malformed("a misplaced document type declaration"));
        }
        self.seen_doctype = true;
        Ok(Step::Doctype(content))
    }

    fn done(&self) -> Result<Step<'a>, ExchangeError> {
        if 0 < self.depth {
            return Err(self.malformed("the file is cut off: an element does not end"));
        }
        if self.n_elements == 0 {
            return Err(ExchangeError::NotExchange);
        }
        Ok(Step::Done)
    }

    /// The character of `&#…;` or of one of the five entities that XML itself has.
    fn resolve(&self, reference: &BytesRef<'_>) -> Result<char, ExchangeError> {
        if reference.is_char_ref() {
            let ch = reference.resolve_char_ref().ok().flatten().filter(|ch| is_legal(*ch));
            return ch.ok_or_else(|| self.malformed("a reference to no character"));
        }
        predefined(reference)
            .ok_or_else(|| ExchangeError::EntityReference { offset: self.offset() })
    }

    /// The attributes of an element, values resolved.
    pub(super) fn attributes(
        &self,
        start: &BytesStart<'_>,
    ) -> Result<Vec<(String, String)>, ExchangeError> {
        let mut found: Vec<(String, String)> = Vec::new();
        // The reader's own check for duplicates is quadratic; ours runs over few.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| self.malformed("a malformed attribute"))?;
            let value = attribute
                .normalized_value_with(XmlVersion::Implicit1_0, 1, |_| None)
                .map_err(|_| ExchangeError::EntityReference { offset: self.offset() })?;
            let name = attribute.key.local_name().as_ref().to_owned();
            if found.iter().any(|it| it.0 == name) || !value.chars().all(is_legal) {
                return Err(self.malformed("a malformed attribute"));
            }
            if found.len() == MAX_ATTRIBUTES {
                return Err(ExchangeError::TooLarge { what: "attributes", limit: MAX_ATTRIBUTES });
            }
            found.push((name, value.into_owned()));
        }
        Ok(found)
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn malformed(&self, what: &'static str) -> ExchangeError {
        ExchangeError::Malformed { offset: self.offset(), what }
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// The characters of XML 1.0.
fn is_legal(ch: char) -> bool {
    matches!(ch, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}
