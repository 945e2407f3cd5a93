//! 密等 as a printed document states it: a label in its head or in a table, and what stands beside or below it.

use super::Secrecy;

/// Labels of a grade, longer ones before those that they begin with.
const LABELS: [&str; 11] = [
    "密等及解密條件或保密期限",
    "密等及解密條件",
    "密等及保密期限",
    "公文密等",
    "文件密等",
    "文書密等",
    "保密等級",
    "機密等級",
    "密等級",
    "密等",
    "密級",
];
/// Labels of what some systems fill with the grade itself.
const TERMS: [&str; 2] = ["解密條件或保密期限", "解密條件"];
/// Labels beside which nothing is stated: the next one follows at once.
const FIELDS: [&str; 18] = [
    "解密條件或保密期限",
    "解密條件",
    "保密期限",
    "速別",
    "附件",
    "受文者",
    "發文日期",
    "發文字號",
    "文號",
    "主旨",
    "說明",
    "正本",
    "副本",
    "檔號",
    "保存年限",
    "承辦人",
    "地址",
    "電話",
];
/// Grades, higher ones before those that they end with.
const GRADES: [Secrecy; 4] =
    [Secrecy::TopSecret, Secrecy::HighlySecret, Secrecy::Secret, Secrecy::Confidential];
/// Words of an ordinary document, longer ones first.
const ORDINARY: [&str; 4] = ["普通件", "普通", "一般", "無"];
/// Lines below an empty label that may hold its value: those of a table whose cells are lines of their own.
const BELOW: usize = 6;
/// Characters of such a line, at most.
const MAX_CELL: usize = 24;

/// What a character stands after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Nothing,
    Blank,
    Line,
}

/// A character that is no blank.
#[derive(Clone, Copy)]
struct Mark {
    ch: char,
    gap: Gap,
}

impl Secrecy {
    /// What a printed document states beside or below 密等; ordinary when it states nothing.
    ///
    /// What is beside the label and not known to be 普通 counts as classified. A sentence about secrecy is no label: that begins
    /// a line or follows a blank or a mark, and a colon, a blank or the end of its line follows it.
    pub fn printed(text: &str) -> Secrecy {
        let marks = marks(text);
        let stated = (0..marks.len()).filter_map(|at| stated_at(&marks, at));
        stated.max().unwrap_or(Secrecy::Ordinary)
    }
}

/// The characters of a text; blanks between those of a word do not count, so much are they spread out.
fn marks(text: &str) -> Vec<Mark> {
    let mut gap = Gap::Line;
    let mut found = Vec::new();
    for ch in text.chars() {
        match ch {
            '\n' | '\r' | '\u{c}' => gap = Gap::Line,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => (),
            _ if ch.is_whitespace() => gap = if gap == Gap::Line { gap } else { Gap::Blank },
            _ => {
                found.push(Mark { ch, gap });
                gap = Gap::Nothing;
            }
        }
    }
    found
}

/// What a label here states; none where there is no label.
fn stated_at(marks: &[Mark], at: usize) -> Option<Secrecy> {
    let (before, rest) = marks.split_at_checked(at)?;
    let is_after_letter = before.last().is_some_and(|it| it.ch.is_alphanumeric());
    if rest.first()?.gap == Gap::Nothing && is_after_letter {
        return None;
    }
    if let Some(rest) = after(rest, &LABELS) {
        return beside(rest);
    }
    let value = after_colon(after(rest, &TERMS)?)?;
    Some(Secrecy::of_terms(&head(own_line(value))))
}

/// What follows one of the words.
fn after<'a>(marks: &'a [Mark], words: &[&str]) -> Option<&'a [Mark]> {
    words.iter().find_map(|word| {
        let mut rest = marks.iter();
        word.chars().all(|ch| rest.next().is_some_and(|it| it.ch == ch)).then_some(rest.as_slice())
    })
}

fn after_colon(marks: &[Mark]) -> Option<&[Mark]> {
    marks.split_first().filter(|(first, _)| is_colon(first.ch)).map(|(_, rest)| rest)
}

fn is_colon(ch: char) -> bool {
    matches!(ch, ':' | '\u{FF1A}' | '\u{FE30}' | '\u{FE55}' | '\u{2236}')
}

/// Up to where the next line begins.
fn own_line(marks: &[Mark]) -> &[Mark] {
    let end = marks.iter().position(|it| it.gap == Gap::Line).unwrap_or(marks.len());
    marks.get(..end).unwrap_or_default()
}

/// Up to the first colon, without blanks.
fn head(line: &[Mark]) -> String {
    line.iter().map(|it| it.ch).take_while(|ch| !is_colon(*ch)).collect()
}

/// Up to the next blank, without the marks around it.
fn cell(marks: &[Mark]) -> String {
    let n_others = marks.iter().skip(1).take_while(|it| it.gap == Gap::Nothing).count();
    let cell: String = marks.iter().take(n_others + 1).map(|it| it.ch).collect();
    cell.trim_matches(|ch: char| !ch.is_alphanumeric()).to_owned()
}

/// What a label states of which this is the rest of the text; none when it turns out to be part of a sentence.
fn beside(rest: &[Mark]) -> Option<Secrecy> {
    let value = match after_colon(rest) {
        Some(value) => value,
        None if rest.first().is_some_and(|it| it.gap == Gap::Nothing) => {
            // Cells of a table that touch, and marks that hold the grade: 密等密, 密等(密).
            return Some(Secrecy::read(&cell(rest))).filter(|it| GRADES.contains(it));
        }
        None => rest,
    };
    let line = own_line(value);
    let stated = of_line(line).or_else(|| below(value.get(line.len()..)?));
    Some(stated.unwrap_or(Secrecy::Ordinary))
}

/// The grade that a line beside a label begins with; none when it is empty or the next label.
fn of_line(line: &[Mark]) -> Option<Secrecy> {
    let head = head(line);
    let first = cell(line);
    if head.is_empty() || FIELDS.contains(&head.as_str()) || FIELDS.contains(&first.as_str()) {
        return None;
    }
    let ends = |word: &str| {
        let next = line.get(word.chars().count());
        next.is_none_or(|it| it.gap != Gap::Nothing || !it.ch.is_alphanumeric())
    };
    let ordinary = ORDINARY.iter().find(|it| head.starts_with(**it) && ends(it));
    if let Some(rest) = ordinary.and_then(|it| head.strip_prefix(it)) {
        // 一般 公務機密 is not ordinary; a label that follows may have the character.
        let rest =
            LABELS.iter().chain(&FIELDS).fold(rest.to_owned(), |rest, it| rest.replace(it, ""));
        return Some(Secrecy::of_terms(&rest));
    }
    Some(GRADES.into_iter().find(|it| head.starts_with(it.name())).unwrap_or(Secrecy::Unclear))
}

/// The grade in the lines below an empty label; they end where the next label does.
fn below(rest: &[Mark]) -> Option<Secrecy> {
    let mut rest = rest;
    for _ in 0..BELOW {
        let (first, others) = rest.split_first()?;
        let n_others = own_line(others).len();
        let (line, next) = rest.split_at_checked(n_others + 1)?;
        if MAX_CELL < line.len() || line.iter().any(|it| is_colon(it.ch)) {
            return None;
        }
        rest = next;
        let mut cells = vec![String::from(first.ch)];
        for mark in own_line(others) {
            match cells.last_mut() {
                Some(cell) if mark.gap == Gap::Nothing => cell.push(mark.ch),
                _ => cells.push(String::from(mark.ch)),
            }
        }
        if let Some(stated) = cells.iter().filter_map(|it| of_cell(it)).max() {
            return Some(stated);
        }
    }
    None
}

/// The grade that a cell holds: 密, 機密(一年), 一般公務機密.
fn of_cell(cell: &str) -> Option<Secrecy> {
    let words = cell.split(|ch: char| !ch.is_alphanumeric()).next().unwrap_or_default();
    match Secrecy::read(words) {
        Secrecy::Unclear if words.ends_with("機密") => Some(Secrecy::Unclear),
        Secrecy::Unclear | Secrecy::Ordinary => None,
        stated => Some(stated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Secrecy) {
        let text = format!("嘉禾市政府 函\n{text}\n主旨:密碼");
        assert_eq!(Secrecy::printed(&text), expected, "{text}");
    }

    #[test]
    fn ordinary_documents_and_sentences_about_secrecy() {
        for text in [
            "密等及解密條件或保密期限:",
            "密等及解密條件或保密期限:普通",
            "密等及解密條件或保密期限：\n附件:保密切結書",
            "密　　等： 普 通",
            "速別:普通件　密等:普通　附件:保密切結書",
            "速　　別：速件　密　　等：普通　附　　件：保密切結書 1 份",
            "密等:　附件:保密切結書",
            "密等:普通 解密條件或保密期限:",
            "密等\n普通\n附件\n無",
            "速別 密等 附件\n速件 普通 無",
            "解密條件或保密期限:",
            "機密等級:一般",
            "密等:無",
            "本案密等:密",
            "密等(普通)",
            "密等、密件及其他",
            "本案屬密件,請循密件程序辦理。",
            "密件應雙封套封裝。密件之密等應標明於封面。",
            "密等核定後不得任意變更。密等之變更應經核准。",
            "列為機密等級之文書,應予密封。",
            "請於會場保密\n等級由主席決定",
            "所稱密等:指文書之等級",
        ] {
            check(text, Secrecy::Ordinary);
        }
    }

    #[test]
    fn every_way_of_printing_a_grade() {
        for text in [
            "密等及解密條件或保密期限:密",
            "密等及解密條件或保密期限: 密,115年1月1日解密",
            "密等及解密條件或保密\n期限:密",
            "密 等 : 密",
            "密　　等：密",
            "密等︰密",
            "密等 密",
            "密等密",
            "密等(密) 速別速件",
            "密等 密 速別 速件",
            "密等\n密",
            "密\n等\n密",
            "密等及解密條件或保密期限:\n密(115年1月1日解密)\n附件:無",
            "速別:速件　密等:密",
            "請查照。密等:密",
            "速別 密等 附件\n速件 密 無",
            "速別\n密等\n附件\n速件\n密件\n無",
            "公文密等:密件",
        ] {
            check(text, Secrecy::Confidential);
        }
        check("保密等級:機密", Secrecy::Secret);
        check("(密等:極機密)", Secrecy::HighlySecret);
        check("密等:普通\n密等:絕對機密", Secrecy::TopSecret);
        for text in [
            "密等及解密條件或保密期限:一般公務機密",
            "密等及解密條件或保密期限:一般 公務機密",
            "密等:國家機密",
            "密等:限閱",
            "密等:■普通 □密",
            "密等 一般公務機密",
            "密等\n一般公務機密",
            "密級:內部使用",
            "密等:普通 解密條件:公布後解密",
            "解密條件或保密期限:密,附件抽存後解密",
        ] {
            check(text, Secrecy::Unclear);
        }
    }
}
