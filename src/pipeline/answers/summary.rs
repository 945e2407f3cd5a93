//! Summary of a call: the sentences that say most of it, word for word, with their times. Nothing is written anew.
//!
//! Sentences are chosen one by one: those that share rare terms with the whole call, less what was chosen already
//! (maximal marginal relevance; Carbonell and Goldstein, SIGIR 1998). Questions and figures count more, greetings less.

use crate::task::assist::Utterance;

use super::lexical::{LexicalIndex, Query};
use super::transcript::{SaidSentence, sentences};

/// How much a sentence loses for what was already chosen, 0 to 1.
const REDUNDANCY: f32 = 0.7;
/// Code points below which a sentence says nothing (好。謝謝。).
const LEAST: usize = 6;
/// Most sentences that are compared: a call of some hours.
const MAX_SENTENCES: usize = 4_000;
/// Openings and closings of a call.
const PHRASES: [&str; 7] = ["您好", "謝謝", "不客氣", "再見", "很高興為您服務", "請稍等", "請稍候"];
/// What a matter or its settlement is told by.
const CUES: [&str; 10] =
    ["請問", "想問", "怎麼", "如何", "需要", "攜帶", "申請", "期限", "地址", "電話"];

/// The sentences of a call that sum it up, in the order in which they were said; at most `most`.
pub fn summarise(utterances: &[Utterance], most: usize) -> Vec<SaidSentence> {
    let mut said = sentences(utterances);
    said.retain(|it| it.text.expose().chars().nth(LEAST - 1).is_some());
    said.truncate(MAX_SENTENCES);
    let texts: Vec<&str> = said.iter().map(|it| it.text.expose().as_str()).collect();
    let index = LexicalIndex::build(texts.iter().copied());
    let queries: Vec<Query> = texts.iter().map(|it| Query::new(it)).collect();
    let mut values: Vec<f32> = queries
        .iter()
        .zip(&texts)
        .map(|(query, text)| {
            let mut shares = vec![0.0; texts.len()];
            index.add_scores(query, &mut shares);
            shares.iter().sum::<f32>().ln_1p() * factor(text)
        })
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let best = (0..values.len())
            .max_by(|a, b| value(&values, *a).total_cmp(&value(&values, *b)).then(b.cmp(a)));
        let Some(best) = best.filter(|it| 0.0 < value(&values, *it)) else { break };
        chosen.push(best);
        let mut shares = vec![0.0; texts.len()];
        if let Some(query) = queries.get(best) {
            index.add_scores(query, &mut shares);
        }
        let most_alike = shares.get(best).copied().unwrap_or(1.0).max(f32::MIN_POSITIVE);
        for (value, share) in values.iter_mut().zip(shares) {
            *value *= 1.0 - REDUNDANCY * (share / most_alike).min(1.0);
        }
        if let Some(value) = values.get_mut(best) {
            *value = 0.0;
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().filter_map(|it| said.get(it).cloned()).collect()
}

fn value(values: &[f32], idx: usize) -> f32 {
    values.get(idx).copied().unwrap_or(0.0)
}

/// What kind of sentence it is.
fn factor(text: &str) -> f32 {
    let has = |words: &[&str]| words.iter().any(|it| text.contains(it));
    let has_figure =
        text.chars().any(|it| it.is_ascii_digit() || "一二三四五六七八九十百千".contains(it));
    let mut factor = 1.0;
    if has(&CUES) || text.ends_with(['?', '\u{ff1f}']) {
        factor *= 1.5;
    }
    if has_figure {
        factor *= 1.2;
    }
    if has(&PHRASES) {
        factor *= 0.3;
    }
    factor
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Private;
    use crate::task::assist::Speaker;

    fn call(lines: &[&str]) -> Vec<Utterance> {
        let line = |(idx, text): (u64, &&str)| Utterance {
            start: Duration::from_secs(10 * idx),
            end: Duration::from_secs(10 * idx + 8),
            speaker: Speaker::Unknown,
            text: Private::new((*text).to_owned()),
        };
        (0..).zip(lines).map(line).collect()
    }

    const CALL: [&str; 8] = [
        "1996您好很高興為您服務。",
        "我想問身分證遺失了要怎麼補發身分證?",
        "好的請稍等。",
        "身分證補發需要攜帶戶口名簿和相片到戶政事務所。",
        "身分證補發要攜帶戶口名簿跟相片。",
        "今天天氣真的很熱對不對。",
        "規費是新臺幣兩百元,當天就可以領。",
        "謝謝再見祝您愉快。",
    ];

    #[test]
    fn matter_and_settlement_are_quoted_in_their_order() {
        let utterances = call(&CALL);
        let found = summarise(&utterances, 3);
        let texts: Vec<&str> = found.iter().map(|it| it.text.expose().as_str()).collect();
        assert!(texts.iter().all(|it| CALL.contains(it)), "word for word: {texts:?}");
        assert!(texts.contains(&CALL[1]), "{texts:?}");
        let same = texts.iter().filter(|it| it.contains("戶口名簿")).count();
        assert_eq!(same, 1, "nothing twice: {texts:?}");
        assert!(!texts.iter().any(|it| it.contains("謝謝") || it.contains("您好")), "{texts:?}");
        assert!(found.is_sorted_by_key(|it| it.start));
    }

    #[test]
    fn a_short_call_is_not_padded() {
        assert_eq!(summarise(&call(&["好。", "嗯。"]), 5), []);
        assert_eq!(summarise(&call(&CALL[1..2]), 5).len(), 1);
        assert_eq!(summarise(&call(&CALL), 0), []);
        assert_eq!(summarise(&[], 5), []);
    }
}
