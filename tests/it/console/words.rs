//! The catalogue of words: Chinese has the marks of Chinese, as officers write it.

use std::path::Path;

/// The strings of a file of the catalogue.
fn strings(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

fn is_han(ch: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&ch)
}

/// Marks of another script beside a character.
fn is_mixed(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let is_mark = |ch: char| ",:;?!()".contains(ch);
    chars
        .windows(2)
        .any(|it| (is_han(it[0]) && is_mark(it[1])) || (is_mark(it[0]) && is_han(it[1])))
}

#[test]
fn chinese_has_its_own_marks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/text");
    let mut n_chinese = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("\\\""), "{path:?}: a quotation mark inside a word");
        for word in strings(&text).into_iter().filter(|it| it.contains(is_han)) {
            n_chinese += 1;
            assert!(!is_mixed(word), "{path:?}: {word}");
        }
    }
    assert!(500 < n_chinese, "{n_chinese}");
}
