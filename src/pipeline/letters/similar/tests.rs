//! Of near-duplicates: what is found, what leaves, and how good the estimate is.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::base::Chance;

use super::*;

const CAMPAIGN: &str = "敬愛的部長您好,我們是嘉禾市東湖里的居民,里內文德路口長期沒有號誌,已發生多次車禍,\
    懇請部長協助督促市政府儘速設置紅綠燈,以維護學童上下學的安全。";

fn sign(text: &str) -> Signature {
    Signature::of(text).unwrap_or_else(|| panic!("no signature of {text}"))
}

fn index(texts: &[(&str, &str)]) -> SimilarIndex {
    let mut index = SimilarIndex::new(100);
    for (id, text) in texts {
        index.insert(id, sign(text));
    }
    index
}

#[test]
fn letters_of_one_campaign_find_each_other() {
    let index = index(&[
        ("a", CAMPAIGN),
        ("b", "請問戶籍遷入需要準備哪些證件,可以委託他人辦理嗎,是否需要預約時間?"),
    ]);
    let signed = format!("{CAMPAIGN}陳情人 王小明 0912-345-678");
    let found = index.query(&sign(&signed), 0.5, 5);
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a"]);
    let dressed = CAMPAIGN.replace(',', "\n，  ").replace('。', "!!!");
    assert_eq!(index.query(&sign(&dressed), 0.99, 5).len(), 1);
    assert!(index.query(&sign("路燈不亮請派員修理,地點在中正路與民生路口附近"), 0.3, 5).is_empty());
}

#[test]
fn a_letter_that_says_little_is_told_by_its_subject_and_numbers_are_not_alike() {
    let similarity = |a: (&str, &str), b: (&str, &str)| {
        let of = |it: (&str, &str)| Signature::of_letter(it.0, it.1).unwrap();
        of(a).similarity(&of(b))
    };
    assert_eq!(similarity(("路燈不亮", "如主旨"), ("路燈不亮", "如主旨")), 1.0);
    assert!(similarity(("路燈不亮", "如主旨"), ("申請補發身分證", "如主旨")) < 0.5);
    assert!(
        similarity(("案號1140001234", "請問辦理進度"), ("案號1130098765", "請問辦理進度")) < 0.5
    );
    // A long body is the same letter under whatever subject, as those of a campaign are.
    let body = "本人反對該開發案,理由如下:一、破壞環境;二、影響交通;三、未依法召開說明會,請貴部審慎處理並書面回復。";
    assert_eq!(similarity(("陳情", body), ("反對開發", body)), 1.0);
    assert!(Signature::of_letter("\u{202E}", "。").is_none());
}

#[test]
fn the_estimate_is_near_the_truth() {
    let words: Vec<String> =
        (0..400).map(|idx| format!("字{}", char::from_u32(0x4E00 + idx * 7).unwrap())).collect();
    let whole = words.concat();
    // 800 and 600 characters, 593 shingles in common of 793.
    let part: String = whole.chars().take(600).collect();
    let found = sign(&whole).similarity(&sign(&part));
    assert!((found - 593.0 / 793.0).abs() < 0.15, "{found}");
    assert_eq!(sign(&whole).similarity(&sign(&whole)).to_bits(), 1.0_f32.to_bits());
}

/// Root of the mean squared error, and mean error, over pairs of texts of as many shingles in common as each has alone.
fn errors(n_shingles: u32) -> (f32, f32) {
    const N_PAIRS: u16 = 400;
    let mut chance = Chance::new(11);
    let (mut squares, mut sum) = (0.0, 0.0);
    for _ in 0..N_PAIRS {
        let mut drawn = |n: u32| -> String {
            let one = |_| 0x4E00 + u32::try_from(chance.below(20_000)).unwrap();
            (0..n).map(one).filter_map(char::from_u32).collect()
        };
        let window = u32::try_from(SHINGLE).unwrap() - 1;
        let common = drawn(n_shingles + window);
        let [one, other] = [(); 2].map(|()| format!("{common}{}", drawn(n_shingles)));
        let error = sign(&one).similarity(&sign(&other)) - 1.0 / 3.0;
        squares += error * error;
        sum += error;
    }
    ((squares / f32::from(N_PAIRS)).sqrt(), sum / f32::from(N_PAIRS))
}

#[test]
fn the_error_is_small_and_without_bias_at_every_length() {
    // More shingles than values, as many, few: the fewer, the more is borrowed.
    for n_shingles in [300, 100, 30, 5, 1] {
        let (deviation, bias) = errors(n_shingles);
        assert!(deviation < 0.065, "{n_shingles}: {deviation}");
        assert!(bias.abs() < 0.01, "{n_shingles}: {bias}");
    }
}

#[test]
fn the_oldest_leaves_first_and_ids_are_unique() {
    let mut index = SimilarIndex::new(2);
    for id in ["a", "b", "b", "c"] {
        index.insert(id, sign(CAMPAIGN));
    }
    let ids = |index: &SimilarIndex| -> Vec<String> {
        index.query(&sign(CAMPAIGN), 0.5, 9).into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ids(&index), ["c", "b"]);
    assert!(index.remove("c") && !index.remove("c") && !index.remove("a"));
    assert_eq!((ids(&index), index.len()), (vec!["b".to_owned()], 1));
    assert!(index.remove("b") && index.is_empty());
    assert!(index.places.iter().all(|it| it.id.is_none()));
}

#[test]
fn an_index_of_many_letters_is_the_one_that_grew() {
    const CAPACITY: usize = 300;
    let mut chance = Chance::new(5);
    let mut one = || {
        let signature = drawn(&mut chance);
        (format!("{}", chance.below(900)), signature)
    };
    let letters: Vec<_> = (0..1_000).map(|_| one()).collect();
    let mut grown = SimilarIndex::new(CAPACITY);
    for (id, signature) in &letters {
        grown.insert(id, signature.clone());
    }
    let asked = letters.clone();
    let index = SimilarIndex::of(CAPACITY, letters);
    assert_eq!((index.len(), index.n_buckets), (CAPACITY, 512), "as many as it needs");
    for (_, signature) in &asked {
        let found = index.query(signature, 0.0, usize::MAX);
        assert_eq!(found, grown.query(signature, 0.0, usize::MAX));
    }
}

#[test]
fn long_texts_and_big_campaigns_end_soon() {
    let start = Instant::now();
    let marks = format!("a{}", "\u{0301}".repeat(100_000));
    assert!(Signature::of(&marks).is_some());
    assert!(Signature::of(&"一".repeat(10 << 20)).is_some());
    assert!(Signature::of("\u{202E}。 ").is_none());
    let mut index = SimilarIndex::new(2_000);
    let signature = sign(CAMPAIGN);
    for id in 0..2_000 {
        index.insert(&id.to_string(), signature.clone());
    }
    assert_eq!(index.query(&signature, 0.5, 10).len(), 10);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// A signature of few values, so that letters agree in some bands.
fn drawn(chance: &mut Chance) -> Signature {
    let value = |_| u32::try_from(chance.below(4)).unwrap();
    let values: [u32; N_HASHES] = array::from_fn(value);
    Signature(values.as_chunks().0.try_into().unwrap())
}

/// What an index does that looks at every letter.
fn plainly(kept: &[(String, Signature)], signature: &Signature) -> Vec<Similar> {
    let all = kept.iter().rev();
    let like = |it: &&(String, Signature)| {
        it.1.0.iter().zip(&signature.0).any(|(one, other)| one == other)
    };
    let mut found: Vec<Similar> = all
        .filter(like)
        .map(|it| Similar { id: it.0.clone(), similarity: signature.similarity(&it.1) })
        .collect();
    found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    found
}

#[test]
fn it_grows_shrinks_and_goes_on_like_one_that_looks_at_everything() {
    const CAPACITY: usize = 300;
    let (mut chance, mut index) = (Chance::new(3), SimilarIndex::new(CAPACITY));
    // Numbers of places end, one day.
    index.first = NONE - 700;
    let mut kept: Vec<(String, Signature)> = Vec::new();
    for step in 0..2_000 {
        // Now and then one that there was.
        let earlier = kept.get(chance.below(3_000));
        let signature = earlier.map_or_else(|| drawn(&mut chance), |it| it.1.clone());
        let id = format!("{}", chance.below(900));
        assert_eq!(index.remove(&id), kept.iter().any(|it| it.0 == id));
        kept.retain(|it| it.0 != id);
        if step % 5 != 0 {
            index.insert(&id, signature.clone());
            kept.push((id, signature.clone()));
            kept.drain(..kept.len().saturating_sub(CAPACITY));
        }
        assert_eq!(index.len(), kept.len());
        let mut expected = plainly(&kept, &signature);
        assert_eq!(index.query(&signature, 0.0, usize::MAX), expected, "step {step}");
        expected.truncate(2);
        assert_eq!(index.query(&signature, 0.0, 2), expected, "step {step}");
    }
    assert!(index.first < NONE - 700 && index.places.len() <= index.n_buckets);
}

proptest! {
    #[test]
    fn a_letter_finds_itself(text in "\\PC{1,80}") {
        if let Some(signature) = Signature::of(&text) {
            let mut index = SimilarIndex::new(3);
            index.insert("x", signature.clone());
            prop_assert_eq!(index.query(&signature, 1.0, 1).len(), 1);
        }
    }
}
