//! Tables of text (CSV): which character parts their columns, and whether a quotation mark would swallow rows.

use std::ops::RangeInclusive;

/// What may stand between columns.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The separator that the head has most of, outside quotation marks; a comma where it has none.
pub fn separator(text: &str) -> char {
    let head = text.lines().next().unwrap_or_default();
    let count = |separator: char| {
        let mut in_quotes = false;
        let outside = head.chars().filter(|ch| {
            in_quotes ^= *ch == '"';
            !in_quotes && *ch == separator
        });
        outside.count()
    };
    let most = SEPARATORS.into_iter().rev().max_by_key(|it| count(*it));
    most.unwrap_or(',')
}

/// The lines from a quotation mark that does not end its cell to where that shows, counted from 1: the rows between
/// would become part of the cell. None when every mark ends.
pub fn open_quote(text: &str, separator: char) -> Option<RangeInclusive<usize>> {
    let mut chars = text.chars().peekable();
    let (mut line, mut is_cell_start) = (1, true);
    while let Some(ch) = chars.next() {
        if is_cell_start && ch == '"' {
            let began = line;
            loop {
                match chars.next() {
                    Some('"') if chars.next_if_eq(&'"').is_some() => (),
                    Some('"') => break,
                    Some('\n') => line += 1,
                    Some(_) => (),
                    None => return Some(began..=line),
                }
            }
            while chars.next_if_eq(&' ').is_some() {}
            let is_end = |ch: &char| matches!(*ch, '\r' | '\n') || *ch == separator;
            if !chars.peek().is_none_or(is_end) {
                return Some(began..=line);
            }
            is_cell_start = false;
            continue;
        }
        line += usize::from(ch == '\n');
        is_cell_start = ch == separator || matches!(ch, '\r' | '\n');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_that_do_not_end_are_found() {
        let check = |text: &str, expected: Option<RangeInclusive<usize>>| {
            assert_eq!(open_quote(text, separator(text)), expected, "{text}");
        };
        check("a,b\n\"1 \"\"x\"\"\n2\" ,3\n", None);
        check("a,b\n5\" disk,3\n", None);
        check("a,b\n1,\"2\n3,4\n", Some(2..=4));
        check("a,b\n1,\"2\n3,\"4\"\n5,6\n", Some(2..=3));
        check("a;b\n\"1\";2\n", None);
    }
}
