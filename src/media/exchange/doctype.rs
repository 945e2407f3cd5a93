//! The document type declaration: names of the DTD and of attachments; everything else in it is refused.

use super::{ExchangeError, ExchangeLimits};

/// Most bytes of a declared name.
const MAX_NAME: usize = 255;

/// What a file's `<!DOCTYPE …>` says. Nothing in it is ever opened.
#[derive(Debug, Default)]
pub(super) struct Doctype {
    /// The DTD's file name.
    pub(super) dtd: Option<String>,
    /// Declared files: attachments, and the roster.
    pub(super) entities: Vec<Entity>,
}

/// `<!ENTITY name SYSTEM "file" NDATA notation>`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) notation: String,
}

/// Reads the inside of a declaration.
pub(super) fn read(content: &str, limits: &ExchangeLimits) -> Result<Doctype, ExchangeError> {
    let mut scanner = Scanner { rest: content };
    scanner.word()?;
    let mut doctype = Doctype { dtd: scanner.external_id()?, ..Doctype::default() };
    scanner.skip_blanks();
    if !scanner.take("[") {
        return if scanner.rest.is_empty() { Ok(doctype) } else { Err(malformed()) };
    }
    loop {
        scanner.skip_blanks();
        if scanner.take("]") {
            scanner.skip_blanks();
            return if scanner.rest.is_empty() { Ok(doctype) } else { Err(malformed()) };
        }
        if scanner.take("<!--") {
            scanner.skip_past("-->")?;
        } else if scanner.take("<?") {
            scanner.skip_past("?>")?;
        } else if scanner.take("<!ENTITY") {
            doctype.entities.push(scanner.entity()?);
            if limits.max_entities < doctype.entities.len() {
                let limit = limits.max_entities;
                return Err(ExchangeError::TooLarge { what: "entities", limit });
            }
        } else if scanner.take("<!NOTATION") {
            scanner.blank()?;
            scanner.word()?;
            scanner.external_id()?;
            scanner.close()?;
        } else if scanner.rest.starts_with('%') {
            return Err(ExchangeError::ParameterEntity);
        } else {
            return Err(malformed());
        }
    }
}

fn malformed() -> ExchangeError {
    ExchangeError::Malformed { offset: 0, what: "the document type declaration is not understood" }
}

/// What is left to read of a declaration.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// After `<!ENTITY`.
    fn entity(&mut self) -> Result<Entity, ExchangeError> {
        self.blank()?;
        if self.rest.starts_with('%') {
            return Err(ExchangeError::ParameterEntity);
        }
        let name = self.word()?.to_owned();
        self.skip_blanks();
        if self.rest.starts_with(['"', '\'']) {
            return Err(ExchangeError::InternalEntity);
        }
        let file = self.external_id()?.ok_or_else(malformed)?;
        self.skip_blanks();
        if !self.take("NDATA") {
            return Err(ExchangeError::ExternalEntity);
        }
        self.blank()?;
        let notation = self.word()?.to_owned();
        self.close()?;
        Ok(Entity { name, file, notation })
    }

    /// `SYSTEM "…"` or `PUBLIC "…" "…"`, if there is one; the last part of the path that it names.
    fn external_id(&mut self) -> Result<Option<String>, ExchangeError> {
        self.skip_blanks();
        let literal = if self.take("SYSTEM") {
            self.literal()?
        } else if self.take("PUBLIC") {
            let public = self.literal()?;
            self.skip_blanks();
            if self.rest.starts_with(['"', '\'']) { self.literal()? } else { public }
        } else {
            return Ok(None);
        };
        let name = literal.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        if name.chars().any(char::is_control) || MAX_NAME < name.len() {
            return Err(malformed());
        }
        Ok(Some(name.to_owned()))
    }

    fn literal(&mut self) -> Result<&'a str, ExchangeError> {
        self.skip_blanks();
        let quote = self.rest.chars().next().filter(|it| matches!(it, '"' | '\''));
        let quote = quote.ok_or_else(malformed)?;
        let (inside, rest) =
            self.rest.get(1..).and_then(|it| it.split_once(quote)).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(inside)
    }

    /// A name: up to a blank or a mark of the syntax.
    fn word(&mut self) -> Result<&'a str, ExchangeError> {
        self.skip_blanks();
        let ends =
            |ch: char| ch.is_whitespace() || matches!(ch, '<' | '>' | '[' | ']' | '"' | '\'');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() || MAX_NAME < word.len() {
            return Err(malformed());
        }
        self.rest = rest;
        Ok(word)
    }

    fn blank(&mut self) -> Result<(), ExchangeError> {
        if !self.rest.starts_with(char::is_whitespace) {
            return Err(malformed());
        }
        self.skip_blanks();
        Ok(())
    }

    fn close(&mut self) -> Result<(), ExchangeError> {
        self.skip_blanks();
        if self.take(">") { Ok(()) } else { Err(malformed()) }
    }

    fn skip_past(&mut self, end: &str) -> Result<(), ExchangeError> {
        self.rest = self.rest.split_once(end).ok_or_else(malformed)?.1;
        Ok(())
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, dtd: Option<&str>, entities: &[(&str, &str, &str)]) {
        let doctype = read(content, &ExchangeLimits::default()).unwrap();
        let found: Vec<(&str, &str, &str)> = doctype
            .entities
            .iter()
            .map(|it| (it.name.as_str(), it.file.as_str(), it.notation.as_str()))
            .collect();
        assert_eq!((doctype.dtd.as_deref(), found.as_slice()), (dtd, entities), "{content}");
    }

    #[test]
    fn names_of_the_dtd_and_of_attachments() {
        check("函", None, &[]);
        check("函 SYSTEM \"104_2_utf8.dtd\"", Some("104_2_utf8.dtd"), &[]);
        check("函 PUBLIC '-//x' '99_2_big5.dtd' [ ]", Some("99_2_big5.dtd"), &[]);
        check(
            "函 SYSTEM '104_2_utf8.dtd' [\n<!ENTITY 表單 SYSTEM \"1.sw\" NDATA DI>\n<!-- > ] -->\n\
             <!ENTITY ATTCH1 SYSTEM \"file:///etc/passwd\" NDATA _X><!NOTATION DI SYSTEM \"\">\n\
             <!NOTATION _X SYSTEM \"\">\n]",
            Some("104_2_utf8.dtd"),
            &[("表單", "1.sw", "DI"), ("ATTCH1", "passwd", "_X")],
        );
    }

    #[test]
    fn everything_that_could_expand_is_refused() {
        let check = |content: &str, expected: ExchangeError| {
            assert_eq!(
                read(content, &ExchangeLimits::default()).unwrap_err(),
                expected,
                "{content}"
            );
        };
        check("a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]", ExchangeError::ExternalEntity);
        check("a [<!ENTITY x PUBLIC 'p' 's'>]", ExchangeError::ExternalEntity);
        check("a [<!ENTITY x 'text'>]", ExchangeError::InternalEntity);
        check("a [<!ENTITY % x SYSTEM 's'>]", ExchangeError::ParameterEntity);
        check("a [<!ENTITY % x 'y'> %x;]", ExchangeError::ParameterEntity);
        check("a [%x;]", ExchangeError::ParameterEntity);
        for content in ["", "a [", "a [<!ELEMENT a ANY>]", "a x", "a [] x", "a [<!ENTITY x>]"] {
            check(content, malformed());
        }
        let many = format!("a [{}]", "<!ENTITY x SYSTEM 'f' NDATA n>".repeat(257));
        check(&many, ExchangeError::TooLarge { what: "entities", limit: 256 });
    }
}
