//! 發文字號 and 文號: the parts of a document's number, and how it is printed.

use super::date::digit;
use super::tree::Element;

/// Digits of the year in front of a serial number since the 104 rules: 第114·0123456號.
const YEAR_DIGITS: usize = 3;
/// Least digits of a number that begins with its year.
const MIN_WITH_YEAR: usize = 10;

/// A document's number, such as 台內戶字第1140123456號.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentNumber {
    /// 字: the words before 字第, without 字; empty for a bare number.
    pub prefix: String,
    /// 年度 of the Republic, when stated or when the number is long enough to begin with it.
    pub year: Option<u16>,
    /// 流水號, digits without the year.
    pub serial: String,
    /// 支號, when there is one.
    pub branch: Option<String>,
}

impl DocumentNumber {
    /// Reads the printed form: words, 字第 (or 字 alone), digits, 號. Blanks do not count, digits may be full-width or Chinese.
    pub fn parse(text: &str) -> Option<DocumentNumber> {
        let compact: String = text.chars().filter(|ch| !ch.is_whitespace()).collect();
        let compact = compact.strip_suffix('號').unwrap_or(&compact);
        let parted = compact.rsplit_once('第').or_else(|| compact.rsplit_once('字'));
        let (prefix, digits) = match parted {
            Some((prefix, digits)) => (prefix.strip_suffix('字').unwrap_or(prefix), digits),
            None => ("", compact),
        };
        let (digits, branch) = match digits.split_once(['-', '之', '–']) {
            Some((digits, branch)) => (digits, ascii(branch)),
            None => (digits, String::new()),
        };
        let digits = ascii(digits);
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let (year, serial) = split_year(&digits);
        let branch = (!branch.is_empty()).then_some(branch);
        Some(DocumentNumber { prefix: prefix.to_owned(), year, serial, branch })
    }

    /// The number without words: year, serial and branch side by side.
    pub fn digits(&self) -> String {
        let year = self.year.map(|it| format!("{it:03}")).unwrap_or_default();
        let branch = self.branch.as_deref().unwrap_or_default();
        format!("{year}{}{branch}", self.serial)
    }

    /// As printed on the document.
    pub fn printed(&self) -> String {
        if self.prefix.is_empty() {
            return self.digits();
        }
        format!("{}字第{}號", self.prefix, self.digits())
    }
}

/// Reads 發文字號 or 收文字號: 字 and 文號, or the whole as 文字.
pub(super) fn read(element: &Element) -> Option<DocumentNumber> {
    let Some(number) = element.child(&["文號"]) else {
        return DocumentNumber::parse(&element.worded());
    };
    let prefix = element.text_of(&["字"]);
    let prefix = prefix.strip_suffix("字第").or(prefix.strip_suffix('字')).unwrap_or(&prefix);
    read_parts(number, prefix)
}

/// Reads 文號: 年度, 流水號, 支號, or all of it as text.
pub(super) fn read_parts(number: &Element, prefix: &str) -> Option<DocumentNumber> {
    let serial = ascii(&number.text_of(&["流水號"]));
    if serial.is_empty() {
        let parsed = DocumentNumber::parse(&number.text())?;
        return Some(DocumentNumber { prefix: prefix.to_owned(), ..parsed });
    }
    let stated = ascii(&number.text_of(&["年度", "年度號"]));
    let branch = ascii(&number.text_of(&["支號"]));
    let (year, serial) = match stated.parse() {
        Ok(year) => (Some(year), serial),
        Err(_) => split_year(&serial),
    };
    // Systems that have no branches write 0.
    let branch = (!branch.is_empty() && branch != "0").then_some(branch);
    Some(DocumentNumber { prefix: prefix.to_owned(), year, serial, branch })
}

/// The year at the head of a number of ten digits or more, and the rest.
fn split_year(digits: &str) -> (Option<u16>, String) {
    let head = digits.get(..YEAR_DIGITS).filter(|_| MIN_WITH_YEAR <= digits.len());
    let year = head.and_then(|it| it.parse().ok()).filter(|it| (80..=200).contains(it));
    let serial = if year.is_some() { digits.get(YEAR_DIGITS..) } else { Some(digits) };
    (year, serial.unwrap_or_default().to_owned())
}

/// Digits in any writing → ASCII; other characters stay, blanks go.
fn ascii(text: &str) -> String {
    let chars = text.chars().filter(|ch| !ch.is_whitespace());
    chars.map(|ch| digit(ch).and_then(|it| char::from_digit(it, 10)).unwrap_or(ch)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, prefix: &str, year: Option<u16>, rest: &str, printed: &str) {
        let number = DocumentNumber::parse(text).unwrap_or_else(|| panic!("no number in {text}"));
        let branch = number.branch.clone().map(|it| format!("-{it}")).unwrap_or_default();
        let found = (number.prefix.as_str(), number.year, format!("{}{branch}", number.serial));
        assert_eq!(found, (prefix, year, rest.to_owned()), "{text}");
        assert_eq!(number.printed(), printed, "{text}");
    }

    #[test]
    fn as_printed() {
        check("台內戶字第1140123456號", "台內戶", Some(114), "0123456", "台內戶字第1140123456號");
        check(
            "台內戶字第１１４０１２３４５６號",
            "台內戶",
            Some(114),
            "0123456",
            "台內戶字第1140123456號",
        );
        check(
            "府都新字第11430012300號",
            "府都新",
            Some(114),
            "30012300",
            "府都新字第11430012300號",
        );
        check("台內營字第0950807676號", "台內營", Some(95), "0807676", "台內營字第0950807676號");
        check(
            "台(九一)內戶字第九一○一二三四號",
            "台(九一)內戶",
            None,
            "9101234",
            "台(九一)內戶字第9101234號",
        );
        check(
            "台內戶字第 1140123456-1 號",
            "台內戶",
            Some(114),
            "0123456-1",
            "台內戶字第11401234561號",
        );
        check("1140123456", "", Some(114), "0123456", "1140123456");
    }

    #[test]
    fn other_text_is_no_number() {
        for text in ["", "台內戶字第號", "如說明", "第三條", "字第12a號"] {
            assert_eq!(DocumentNumber::parse(text), None, "{text}");
        }
    }
}
