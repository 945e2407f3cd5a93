//! Near-duplicates of recent letters: MinHash over character shingles, with an index that grows to a fixed size.
//!
//! Only signatures and ids are kept, never text: a signature cannot be read back. The same texts inserted in the same
//! order give the same index, byte for byte.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Characters of one shingle; what lies apart by more than half of these is no near-duplicate (`docs` of the data
/// rules: eight characters, Jaccard above one half).
const SHINGLE: usize = 8;
/// Bands of the signature; letters that agree in any one band are compared.
const N_BANDS: usize = 32;
/// Values of one band. With 32 bands of 3, a pair of Jaccard 0.5 is compared with probability 0.986, one of 0.2 with
/// 0.23.
const BAND_ROWS: usize = 3;
const N_HASHES: usize = N_BANDS * BAND_ROWS;
/// Most characters of a letter that are looked at.
const MAX_CHARS: usize = 32_768;
/// Newest letters of one band that are compared; a campaign of thousands needs no more to be recognised.
const MAX_CANDIDATES: usize = 64;
/// Version of the signature: hashes of another one cannot be compared.
const VERSION: u32 = 1;

/// What a text is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(Vec<u32>);

impl Signature {
    /// The signature of a text; none when it has no letter or digit.
    ///
    /// Width, case, blanks, marks and punctuation do not count; digits count as one another.
    pub fn of(text: &str) -> Option<Signature> {
        let chars: Vec<char> = text
            .chars()
            .take(MAX_CHARS)
            .nfkc()
            .flat_map(char::to_lowercase)
            .filter(|ch| ch.is_alphanumeric())
            .map(|ch| if ch.is_numeric() { '0' } else { ch })
            .take(MAX_CHARS)
            .collect();
        if chars.is_empty() {
            return None;
        }
        let shingles: BTreeSet<u64> = if chars.len() < SHINGLE {
            BTreeSet::from([hash(&chars)])
        } else {
            chars.windows(SHINGLE).map(hash).collect()
        };
        let smallest = |salt: usize| {
            let salt = mix(u64::try_from(salt).unwrap_or(u64::MAX));
            let values = shingles.iter().map(|it| mix(it ^ salt) >> 32);
            values.min().and_then(|it| u32::try_from(it).ok()).unwrap_or(u32::MAX)
        };
        Some(Signature((0..N_HASHES).map(smallest).collect()))
    }

    /// Estimated Jaccard similarity of the two texts' shingles, 0 to 1; its standard error is at most 0.051.
    pub fn similarity(&self, other: &Signature) -> f32 {
        let n_equal = self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
        let n_equal = u16::try_from(n_equal).unwrap_or(u16::MAX);
        f32::from(n_equal) / f32::from(u16::try_from(N_HASHES).unwrap_or(u16::MAX))
    }

    /// The signature as bytes, to be kept; its version first.
    pub fn to_bytes(&self) -> Vec<u8> {
        std::iter::once(VERSION).chain(self.0.iter().copied()).flat_map(u32::to_le_bytes).collect()
    }

    /// The signature that [`Signature::to_bytes`] wrote; none of another version or length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Signature> {
        let (words, rest) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|it| u32::from_le_bytes(*it)).collect();
        let (version, values) = words.split_first()?;
        let fits = *version == VERSION && values.len() == N_HASHES && rest.is_empty();
        fits.then(|| Signature(values.to_vec()))
    }

    fn bands(&self) -> impl Iterator<Item = (usize, u32)> {
        let bands = self.0.chunks_exact(BAND_ROWS).enumerate();
        bands.map(|(idx, rows)| {
            let key = rows.iter().fold(0, |key, it| mix(key ^ u64::from(*it)));
            (idx, u32::try_from(key >> 32).unwrap_or(u32::MAX))
        })
    }
}

/// A letter found to be like another.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Its id.
    pub id: String,
    /// Estimated similarity, 0 to 1.
    pub similarity: f32,
}

/// One letter of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    id: String,
    signature: Signature,
}

/// What is written to disk: the letters from oldest to newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    entries: Vec<Entry>,
}

/// The newest letters, up to a fixed number. About one kilobyte each.
#[derive(Debug)]
pub struct SimilarIndex {
    capacity: usize,
    next: u64,
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<String, u64>,
    /// For each band, keys with the letters that have them.
    bands: Vec<BTreeSet<(u32, u64)>>,
}

impl SimilarIndex {
    /// An empty index that keeps the newest `capacity` letters.
    pub fn new(capacity: usize) -> SimilarIndex {
        SimilarIndex {
            capacity: capacity.max(1),
            next: 0,
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            bands: vec![BTreeSet::new(); N_BANDS],
        }
    }

    /// Letters kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no letter is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a letter, in place of the one of the same id; the oldest leaves when the index is full.
    pub fn insert(&mut self, id: &str, signature: Signature) {
        self.remove(id);
        while self.capacity <= self.entries.len() {
            let Some(oldest) = self.entries.first_key_value().map(|it| it.1.id.clone()) else {
                break;
            };
            self.remove(&oldest);
        }
        let seq = self.next;
        self.next += 1;
        for (band, key) in signature.bands() {
            if let Some(band) = self.bands.get_mut(band) {
                band.insert((key, seq));
            }
        }
        self.by_id.insert(id.to_owned(), seq);
        self.entries.insert(seq, Entry { id: id.to_owned(), signature });
    }

    /// Takes a letter out, such as one whose writer had it erased; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(seq) = self.by_id.remove(id) else { return false };
        let Some(entry) = self.entries.remove(&seq) else { return false };
        for (band, key) in entry.signature.bands() {
            if let Some(band) = self.bands.get_mut(band) {
                band.remove(&(key, seq));
            }
        }
        true
    }

    /// The letters at least `threshold` similar, most similar first and newest first among equals; at most `limit`.
    pub fn query(&self, signature: &Signature, threshold: f32, limit: usize) -> Vec<Similar> {
        let mut candidates = BTreeSet::new();
        for (band, key) in signature.bands() {
            let Some(band) = self.bands.get(band) else { continue };
            let same = band.range((key, 0)..=(key, u64::MAX)).rev();
            candidates.extend(same.take(MAX_CANDIDATES).map(|it| it.1));
        }
        let mut found: Vec<(f32, u64, &str)> = candidates
            .into_iter()
            .filter_map(|seq| {
                let entry = self.entries.get(&seq)?;
                let similarity = signature.similarity(&entry.signature);
                (threshold <= similarity).then_some((similarity, seq, entry.id.as_str()))
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        found.truncate(limit);
        found
            .into_iter()
            .map(|(similarity, _, id)| Similar { id: id.to_owned(), similarity })
            .collect()
    }

    /// What to write to disk.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { version: VERSION, entries: self.entries.values().cloned().collect() }
    }

    /// The index that a snapshot was taken of; none when it is of another version or its signatures are damaged.
    pub fn restore(snapshot: Snapshot, capacity: usize) -> Option<SimilarIndex> {
        let is_whole = |it: &Entry| it.signature.0.len() == N_HASHES;
        if snapshot.version != VERSION || !snapshot.entries.iter().all(is_whole) {
            return None;
        }
        let mut index = SimilarIndex::new(capacity);
        for entry in snapshot.entries {
            index.insert(&entry.id, entry.signature);
        }
        Some(index)
    }
}

/// FNV-1a over code points, finished by a mix: short shingles differ in few bits.
fn hash(chars: &[char]) -> u64 {
    let start = 0xCBF2_9CE4_8422_2325_u64;
    mix(chars.iter().fold(start, |sum, ch| {
        (sum ^ u64::from(u32::from(*ch))).wrapping_mul(0x0000_0100_0000_01B3)
    }))
}

/// A bijection of 64 bits that spreads every input bit (the finisher of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

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
        assert!(
            index.query(&sign("路燈不亮請派員修理,地點在中正路與民生路口附近"), 0.3, 5).is_empty()
        );
    }

    #[test]
    fn the_estimate_is_near_the_truth() {
        let words: Vec<String> = (0..400)
            .map(|idx| format!("字{}", char::from_u32(0x4E00 + idx * 7).unwrap()))
            .collect();
        let whole = words.concat();
        // 800 and 600 characters, 593 shingles in common of 793.
        let part: String = whole.chars().take(600).collect();
        let found = sign(&whole).similarity(&sign(&part));
        assert!((found - 593.0 / 793.0).abs() < 0.15, "{found}");
        assert_eq!(sign(&whole).similarity(&sign(&whole)).to_bits(), 1.0_f32.to_bits());
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
        assert!(index.bands.iter().all(BTreeSet::is_empty));
    }

    #[test]
    fn a_snapshot_restores_the_same_index() {
        let index = index(&[("a", CAMPAIGN), ("b", "另一封完全不同的信,談的是國民年金與勞保")]);
        let json = serde_json::to_string(&index.snapshot()).unwrap();
        assert!(!json.contains("東湖"));
        let snapshot: Snapshot = serde_json::from_str(&json).unwrap();
        let restored = SimilarIndex::restore(snapshot.clone(), 100).unwrap();
        assert_eq!(restored.snapshot(), snapshot);
        assert_eq!(restored.query(&sign(CAMPAIGN), 0.5, 5), index.query(&sign(CAMPAIGN), 0.5, 5));
        assert!(SimilarIndex::restore(Snapshot { version: 9, ..snapshot.clone() }, 9).is_none());
        let mut damaged = snapshot;
        damaged.entries[0].signature.0.pop();
        assert!(SimilarIndex::restore(damaged, 9).is_none());
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
}
