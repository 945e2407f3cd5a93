//! Radicals that a font's map names instead of the characters that look the same: ⼾政 for 戶政, ⺠國 for 民國.

use unicode_normalization::UnicodeNormalization;

/// Of the supplement of radicals, which has hardly any decompositions: those that are a character of Traditional Chinese.
const SUPPLEMENT: [(char, char); 33] = [
    ('⺎', '兀'),
    ('⺐', '尢'),
    ('⺒', '巳'),
    ('⺓', '幺'),
    ('⺕', '彐'),
    ('⺙', '攵'),
    ('⺜', '日'),
    ('⺝', '月'),
    ('⺟', '母'),
    ('⺠', '民'),
    ('⺩', '王'),
    ('⺪', '疋'),
    ('⺬', '示'),
    ('⺮', '竹'),
    ('⺯', '糹'),
    ('⺶', '羊'),
    ('⺻', '聿'),
    ('⻁', '虎'),
    ('⻄', '西'),
    ('⻆', '角'),
    ('⻊', '足'),
    ('⻌', '辶'),
    ('⻍', '辶'),
    ('⻎', '辶'),
    ('⻑', '長'),
    ('⻗', '雨'),
    ('⻘', '青'),
    ('⻝', '食'),
    ('⻟', '飠'),
    ('⻡', '首'),
    ('⻣', '骨'),
    ('⻤', '鬼'),
    ('⻱', '龜'),
];

/// The text with ordinary characters for radicals.
pub fn fold(text: String) -> String {
    let is_radical = |ch: char| matches!(ch, '\u{2e80}'..='\u{2fd5}');
    if !text.chars().any(is_radical) {
        return text;
    }
    let folded = text.chars().map(|ch| match SUPPLEMENT.binary_search_by_key(&ch, |it| it.0) {
        Ok(found) => SUPPLEMENT.get(found).map_or(ch, |it| it.1),
        Err(_) if is_radical(ch) => [ch].into_iter().nfkc().next().unwrap_or(ch),
        Err(_) => ch,
    });
    folded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text.to_owned()), expected);
    }

    #[test]
    fn radicals_become_characters() {
        check("⼾政事務所,⺠國,⾝分證,⼆段", "戶政事務所,民國,身分證,二段");
        check("⾧⻑⻘⻄⿕⼀", "長長青西龠一");
        check("⺠ ﹕:Ａ⺀", "民 ﹕:Ａ⺀");
        check("戶政", "戶政");
        assert!(SUPPLEMENT.is_sorted_by_key(|it| it.0));
    }
}
