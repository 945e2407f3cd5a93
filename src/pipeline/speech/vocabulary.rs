//! Names and terms that are likely to be said: a prompt that leans the decode towards them.

use std::sync::Arc;

/// Characters of the prompt at most: the model sees some two hundred tokens, and a long prompt disturbs it.
const MAX_PROMPT: usize = 120;

/// What stands between the terms or sentences of a prompt.
const BETWEEN: [char; 5] = ['、', '。', '\u{ff01}', '\u{ff1f}', '\n'];

/// The prompt for a list of terms; none without a term.
///
/// The model continues its prompt, so this is a sentence that could have been said before, with as many terms as fit.
pub fn prompt(terms: &[String]) -> Option<Arc<str>> {
    let mut listed = String::new();
    let mut n_chars = 0;
    for term in terms.iter().map(|it| it.trim()).filter(|it| !it.is_empty()) {
        n_chars += term.chars().count() + 1;
        if MAX_PROMPT < n_chars {
            break;
        }
        if !listed.is_empty() {
            listed.push('、');
        }
        listed.push_str(term);
    }
    (!listed.is_empty()).then(|| Arc::from(format!("{listed}。")))
}

/// Whether a decode only repeats its prompt, as it does where nobody speaks. One term or sentence of it may well be said, when
/// the model `is_sure`.
pub fn is_echo(text: &str, prompt: &str, is_sure: bool) -> bool {
    let plain = |text: &str| text.chars().filter(|it| it.is_alphanumeric()).collect::<String>();
    let text = plain(text);
    if text.chars().count() < 8 || !plain(prompt).contains(&text) {
        return false;
    }
    !is_sure || !prompt.split(BETWEEN).any(|term| plain(term).contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_become_a_prompt() {
        let check = |terms: &[&str], expected: Option<&str>| {
            let terms: Vec<String> = terms.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(prompt(&terms).as_deref(), expected);
        };
        check(&[], None);
        check(&[" ", ""], None);
        check(&["國土管理署", "戶政司 "], Some("國土管理署、戶政司。"));
        let long = "甲".repeat(119);
        check(&[&long, "乙"], Some(&format!("{long}。")));
    }

    #[test]
    fn an_echo_of_the_prompt_is_no_speech() {
        let check = |text: &str, expected| {
            let prompt = "國土管理署、戶政司、冬天我的肥肉不會被看見。";
            assert_eq!([true, false].map(|it| is_echo(text, prompt, it)), expected, "{text}");
        };
        check("國土管理署,戶政司,冬天我的", [true, true]);
        check("國土管理署", [false, false]);
        check("國土管理署和戶政司在哪裡", [false, false]);
        check("冬天我的肥肉不會被看見。", [false, true]);
    }
}
