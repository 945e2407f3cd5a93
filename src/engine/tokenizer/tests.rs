//! A tokenizer made by hand: segmentation, normalisation, limits, damaged files.

use proptest::prelude::*;

use super::*;
use crate::base::protobuf::written::{field, float, scalar};

fn piece(text: &str, score: f32, kind: u8) -> Vec<u8> {
    field(1, &[field(1, text.as_bytes()), float(2, score), scalar(3, kind.into())].concat())
}

/// A map from byte sequences to replacements, as darts-clone lays it out, every node with a block of its own.
fn charsmap(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut units = vec![0_u32; 256];
    let mut texts = Vec::new();
    let mut blocks = vec![(Vec::new(), 0_usize)];
    for (key, replacement) in entries {
        let mut node = 0;
        for len in 1..=key.len() {
            let byte = key.as_bytes()[len - 1];
            let path = key.as_bytes()[..len - 1].to_vec();
            let block = match blocks.iter().find(|(it, _)| *it == path) {
                Some((_, block)) => *block,
                None => {
                    let block = units.len();
                    units.resize(block + 256, 0);
                    blocks.push((path, block));
                    units[node] |= u32::try_from(node ^ block).unwrap() << 10;
                    block
                }
            };
            node = block ^ usize::from(byte);
            units[node] |= u32::from(byte);
        }
        // A block for the children, whose first unit is the value.
        let block = units.len();
        units.resize(block + 256, 0);
        blocks.push((key.as_bytes().to_vec(), block));
        units[node] |= 0x100 | u32::try_from(node ^ block).unwrap() << 10;
        units[block] = 0x8000_0000 | u32::try_from(texts.len()).unwrap();
        texts.extend_from_slice(replacement.as_bytes());
        texts.push(0);
    }
    let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    [u32::try_from(trie.len()).unwrap().to_le_bytes().as_slice(), &trie, &texts].concat()
}

fn model() -> Vec<u8> {
    let pieces = [
        piece("<unk>", 0.0, 2),
        piece("<s>", 0.0, 3),
        piece("</s>", 0.0, 3),
        piece("▁", -4.0, 1),
        piece("地", -5.0, 1),
        piece("政", -5.0, 1),
        piece("地政", -6.0, 1),
        piece("政司", -5.5, 1),
        piece("司", -5.0, 1),
        piece("a", -3.0, 1),
        piece("<", -3.0, 1),
    ];
    let map = charsmap(&[("Ａ", "a"), ("　", " "), ("\t", " "), ("㊀", "地 政"), ("\u{7}", "")]);
    [pieces.concat(), field(3, &field(2, &map))].concat()
}

fn tokenizer() -> Tokenizer {
    Tokenizer::read(&model()).unwrap()
}

#[test]
fn the_most_likely_pieces_win() {
    #[track_caller]
    fn check(text: &str, expected: &[u32]) {
        let tokens = tokenizer().tokenize(text);
        let [first, middle @ .., last] = tokens.ids.as_slice() else { panic!("{tokens:?}") };
        assert_eq!((*first, *last, tokens.is_truncated), (1, 2, false));
        assert_eq!(middle, expected, "{text}");
    }
    check("地政", &[3, 6]);
    // 地 + 政司 costs 10.5, 地政 + 司 costs 11.
    check("地政司", &[3, 4, 7]);
    check("地x政司", &[3, 4, 0, 7]);
    // Normalisation: a full-width letter, spaces of any kind, a replacement with a space in it, one that is nothing.
    check(" \t地　　政\t", &[3, 4, 3, 5]);
    check("Ａ", &[3, 9]);
    check("㊀", &[3, 4, 3, 5]);
    check("地\u{7}政", &[3, 6]);
    check("", &[0]);
    check("　\t ", &[0]);
    check("\u{7}", &[0]);
    // The name of a control piece is plain text.
    check("</s>", &[3, 10, 0, 0, 0]);
}

#[test]
fn what_is_left_out_is_reported() {
    let limits = TokenLimits { max_chars: 4, max_tokens: 100 };
    let by_chars = tokenizer().with_limits(limits);
    assert!(!by_chars.tokenize("aaa").is_truncated);
    let cut = by_chars.tokenize("aaaa");
    assert_eq!((cut.ids, cut.is_truncated), (vec![1, 3, 9, 9, 9, 2], true));

    let limits = TokenLimits { max_chars: 100, max_tokens: 5 };
    let by_tokens = tokenizer().with_limits(limits);
    assert!(!by_tokens.tokenize("aa").is_truncated);
    let cut = by_tokens.tokenize("aaa");
    assert_eq!((cut.ids, cut.is_truncated), (vec![1, 3, 9, 9, 2], true));
}

#[test]
fn a_huge_text_costs_no_more_than_the_limit() {
    let tokens = tokenizer().tokenize(&"地".repeat(10 << 20));
    assert_eq!(tokens.ids.len(), tokenizer().limits().max_tokens);
    assert!(tokens.is_truncated);
    // Spaces vanish one by one, however many there are.
    let tokens = tokenizer().tokenize(&format!("{}地", "\t".repeat(1 << 20)));
    assert_eq!((tokens.ids, tokens.is_truncated), (vec![1, 3, 4, 2], false));
}

#[test]
fn other_and_damaged_models_are_refused() {
    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let error = Tokenizer::read(bytes).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let model = model();
    check(&model[..model.len() - 1], "damaged");
    check(b"", "missing");
    check(&[model.clone(), field(2, &scalar(3, 2))].concat(), "not a unigram model");
    check(&[model.clone(), field(2, &[0x98, 0x02, 1])].concat(), "falls back to bytes");
    check(&[model.clone(), field(3, &scalar(4, 0))].concat(), "keeps extra spaces");
    check(&[model.clone(), field(3, &field(2, &[255; 8]))].concat(), "map of characters");
    check(&[model.clone(), piece(&"長".repeat(65), 0.0, 1)].concat(), "too long");
    check(&[model, piece("長", f32::NAN, 1)].concat(), "no number");
}

proptest! {
    #[test]
    fn every_text_has_tokens(text in any::<String>()) {
        let tokens = tokenizer().tokenize(&text);
        prop_assert!(3 <= tokens.ids.len() && tokens.ids.iter().all(|id| *id < 11));
    }

    #[test]
    fn never_panics_on_damaged_models(idx in any::<usize>(), byte in any::<u8>(), text in ".{0,40}") {
        let mut bytes = model();
        let idx = idx % bytes.len();
        bytes[idx] = byte;
        if let Ok(tokenizer) = Tokenizer::read(&bytes) {
            tokenizer.tokenize(&text);
        }
    }
}
