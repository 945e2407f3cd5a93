//! Names and terms that are likely to be said: a prompt that leans the decode towards them.

use std::sync::Arc;

/// Characters of the prompt at most: the model sees some two hundred tokens, and a long prompt disturbs it.
const MAX_PROMPT: usize = 120;

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

/// Whether a decode only repeats its prompt, as it does where nobody speaks.
pub fn is_echo(text: &str, prompt: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|it| it.is_alphanumeric()).collect::<String>();
    let (text, prompt) = (plain(text), plain(prompt));
    // One term alone may well be said.
    8 <= text.chars().count() && prompt.contains(&text)
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
            assert_eq!(is_echo(text, "國土管理署、戶政司、役政司。"), expected, "{text}");
        };
        check("國土管理署,戶政司,役政司", true);
        check("國土管理署", false);
        check("國土管理署和戶政司在哪裡", false);
    }
}
