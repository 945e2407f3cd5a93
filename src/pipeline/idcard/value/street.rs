//! The grammar of an address below the district: a number goes before each unit, and letters are hardly ever printed.

use crate::media::text::is_han;

/// What may follow a number.
const UNITS: &str = "鄰段巷弄號樓之室層路街道線";
/// What a number may follow: the parts of an address that end before it.
const BEFORE_NUMBER: &str = "里村鄰路街道段巷弄號樓之";
/// Figures that count sections of a road.
const HAN_FIGURES: &str = "一二三四五六七八九十";
/// From this many on, letters in a row are no part of an address but what is printed across it.
const MIN_NOISE: usize = 3;

/// The address with foreign letters dropped and units mended where only one is possible; `None` when it is sound as read.
pub(super) fn mended(address: &str) -> Option<String> {
    let mut chars: Vec<char> = address.chars().collect();
    drop_letters(&mut chars);
    for idx in 0..chars.len() {
        if let (Some(unit), Some(at)) = (only_unit(&chars, idx), chars.get_mut(idx)) {
            *at = unit;
        }
    }
    let mended: String = chars.into_iter().collect();
    (mended != address).then_some(mended)
}

/// Reads a letter among figures as the figure like it; drops letters in a row, a stamp or a watermark.
fn drop_letters(chars: &mut Vec<char>) {
    let mut kept: Vec<char> = Vec::with_capacity(chars.len());
    let mut rest = chars.as_slice();
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|ch| ch.is_ascii_alphabetic()).count();
        let (letters, after) = rest.split_at(run.max(1));
        rest = after;
        if run == 0 {
            kept.push(*first);
            continue;
        }
        let begins = kept.last().is_some_and(|ch| ch.is_ascii_digit());
        let ends = after.first().is_some_and(|ch| ch.is_ascii_digit() || UNITS.contains(*ch));
        let is_placed = begins || kept.last().is_some_and(|ch| BEFORE_NUMBER.contains(*ch));
        match figure(*first).filter(|_| run == 1 && is_placed && ends) {
            Some(figure) => kept.push(figure),
            None if MIN_NOISE <= run || (2 <= run && begins && ends) => (),
            None => kept.extend(letters),
        }
    }
    *chars = kept;
}

fn figure(letter: char) -> Option<char> {
    match letter {
        'O' | 'o' | 'D' | 'Q' => Some('0'),
        'I' | 'l' | 'i' => Some('1'),
        'Z' | 'z' => Some('2'),
        'S' | 's' => Some('5'),
        _ => None,
    }
}

/// The one unit that can stand at a place where a character stands that is none.
fn only_unit(chars: &[char], idx: usize) -> Option<char> {
    chars.get(idx).filter(|ch| is_han(**ch) && !is_known(**ch))?;
    let before = chars.get(..idx)?;
    let after = chars.get(idx + 1..)?;
    let n_figures = before.iter().rev().take_while(|ch| ch.is_ascii_digit()).count();
    let n_han = before.iter().rev().take_while(|ch| HAN_FIGURES.contains(**ch)).count();
    let ahead = |n: usize| before.len().checked_sub(n + 1).and_then(|at| before.get(at)).copied();
    let next_figures = after.iter().take_while(|ch| ch.is_ascii_digit()).count();
    let next_unit = after.get(next_figures).copied().filter(|_| 0 < next_figures);
    match (ahead(n_figures), ahead(n_han)) {
        (Some('里' | '村'), _) if (1..=3).contains(&n_figures) => Some('鄰'),
        (_, Some('路' | '街' | '道')) if n_han == 1 && 0 < next_figures => Some('段'),
        (Some('路' | '街' | '道' | '段'), _) if 0 < n_figures && next_unit == Some('弄') => {
            Some('巷')
        }
        (Some('巷'), _) if 0 < n_figures && next_unit == Some('號') => Some('弄'),
        (Some('路' | '街' | '道' | '段' | '巷' | '弄' | '鄰'), _)
            if 0 < n_figures && after.is_empty() =>
        {
            Some('號')
        }
        _ => None,
    }
}

fn is_known(ch: char) -> bool {
    UNITS.contains(ch) || HAN_FIGURES.contains(ch) || BEFORE_NUMBER.contains(ch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: &str, expected: &str) {
        assert_eq!(mended(read).as_deref().unwrap_or(read), expected);
        assert_eq!(mended(expected), None, "what is sound stays: {expected}");
    }

    #[test]
    fn letters_across_an_address_are_dropped() {
        check(
            "福德里009鄰建國北路五段153巷1sSP1弄335號三樓",
            "福德里009鄰建國北路五段153巷11弄335號三樓",
        );
        check("中正區徐州SPECIMEN路5號", "中正區徐州路5號");
        check("徐州路I2O號", "徐州路120號");
        check("徐州路5號B1", "徐州路5號B1");
        check("徐州路5號A棟3樓之2", "徐州路5號A棟3樓之2");
    }

    #[test]
    fn a_unit_is_mended_where_only_one_is_possible() {
        check("崇學里024鄱民族路一段309巷684號", "崇學里024鄰民族路一段309巷684號");
        check("新生里014那成功路一段686號", "新生里014鄰成功路一段686號");
        check("新生村14邵12號", "新生村14鄰12號");
        check("成功路一叚686號", "成功路一段686號");
        check("成功路30恭5弄6號", "成功路30巷5弄6號");
        check("成功路30巷5升6號", "成功路30巷5弄6號");
        check("成功路30巷6號", "成功路30巷6號");
        check("成功路686虎", "成功路686號");
        check("成功路二段三號", "成功路二段三號");
        check("新生里12號", "新生里12號");
        check("東里路3之1號5樓之2", "東里路3之1號5樓之2");
    }
}
