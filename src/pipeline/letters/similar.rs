//! Near-duplicates of recent letters: MinHash over character shingles, with an index that grows to a fixed size.
//!
//! The hashes come of one permutation (Li, Owen, Zhang: *One Permutation Hashing*, NIPS 2012), each shingle is hashed once
//! and not once for every value; what stays empty is filled from the rest so that the estimate has no bias (Shrivastava:
//! *Optimal Densification for Fast and Accurate Minwise Hashing*, ICML 2017).
//!
//! Only signatures and ids are kept, never text: a signature cannot be read back. The same texts inserted in the same
//! order give the same answers.

use std::array;
use std::collections::{HashMap, VecDeque};

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
/// Characters of a body from which on it tells a letter from others by itself.
const TELLING: usize = 40;
/// Version of the signature: hashes of another one cannot be compared.
const VERSION: u32 = 3;
/// What no shingle fell into.
const EMPTY: u64 = u64::MAX;

/// Values of one band.
type Band = [u32; BAND_ROWS];

/// What a text is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature([Band; N_BANDS]);

impl Signature {
    /// The signature of a text; none when it has no letter or digit.
    ///
    /// Width, case, blanks, marks and punctuation do not count; digits count as one another.
    pub fn of(text: &str) -> Option<Signature> {
        let chars = folded(text).map(|ch| if ch.is_numeric() { '0' } else { ch });
        Signature::over(&chars.take(MAX_CHARS).collect::<Vec<_>>())
    }

    /// The signature of a letter: of its body, and of what it is about where the body says little (如主旨). Digits count as
    /// what they are: a case with another number is another case.
    pub fn of_letter(subject: &str, body: &str) -> Option<Signature> {
        let mut chars: Vec<char> = folded(body).take(MAX_CHARS).collect();
        if chars.len() < TELLING {
            chars.extend(folded(subject).take(MAX_CHARS - chars.len()));
        }
        Signature::over(&chars)
    }

    fn over(chars: &[char]) -> Option<Signature> {
        if chars.is_empty() {
            return None;
        }
        // One that comes again changes no minimum.
        let mut smallest = [EMPTY; N_HASHES];
        for shingle in chars.windows(SHINGLE.min(chars.len())).map(hash) {
            let value = &mut smallest[share(shingle)];
            *value = (*value).min(shingle >> 32);
        }
        let value = |idx: usize| u32::try_from(lent(&smallest, idx)).unwrap_or(u32::MAX);
        let band = |band| array::from_fn(|row| value(band * BAND_ROWS + row));
        Some(Signature(array::from_fn(band)))
    }

    /// Estimated Jaccard similarity of the two texts' shingles, 0 to 1; its standard error is at most 0.051, of the
    /// shortest 0.065.
    pub fn similarity(&self, other: &Signature) -> f32 {
        let pairs = self.0.as_flattened().iter().zip(other.0.as_flattened());
        let n_equal: u16 = pairs.map(|(a, b)| u16::from(a == b)).sum();
        f32::from(n_equal) / f32::from(u16::try_from(N_HASHES).unwrap_or(u16::MAX))
    }

    /// The signature as bytes, to be kept; its version first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let values = self.0.as_flattened().iter().copied();
        std::iter::once(VERSION).chain(values).flat_map(u32::to_le_bytes).collect()
    }

    /// The signature that [`Signature::to_bytes`] wrote; none of another version or length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Signature> {
        let (words, rest) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|it| u32::from_le_bytes(*it)).collect();
        let (version, values) = words.split_first()?;
        let (bands, others) = values.as_chunks::<BAND_ROWS>();
        let fits = *version == VERSION && others.is_empty() && rest.is_empty();
        fits.then(|| bands.try_into().ok().map(Signature))?
    }
}

/// Letters and digits of a text, whatever their width and case.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let chars = text.chars().take(MAX_CHARS).nfkc().flat_map(char::to_lowercase);
    chars.filter(|ch| ch.is_alphanumeric())
}

/// A letter found to be like another.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Its id.
    pub id: String,
    /// Estimated similarity, 0 to 1.
    pub similarity: f32,
}

impl Similar {
    fn new(place: &Place, similarity: f32) -> Option<Similar> {
        Some(Similar { id: place.id.clone()?, similarity })
    }
}

/// What the index has of a letter that came: places are numbered in the order of their letters.
#[derive(Debug)]
struct Place {
    /// Id of the letter; none when it was taken out.
    id: Option<String>,
    signature: Signature,
    /// For each band the place before this one in its bucket.
    before: [u32; N_BANDS],
}

/// No place.
const NONE: u32 = u32::MAX;
/// Fewest buckets of a band; a power of two.
const MIN_BUCKETS: usize = 64;
/// Places of one bucket that are looked at: other letters than those of the band may share it.
const MAX_STEPS: usize = 1024;

/// The newest letters, up to a fixed number. About 700 bytes each.
///
/// Each band has buckets by its hash, a bucket has its newest place, and every place has the one before: to add a letter
/// costs one write a band, and what leaves is not looked for, because its number is less than that of the first place.
#[derive(Debug)]
pub struct SimilarIndex {
    capacity: usize,
    places: VecDeque<Place>,
    /// Number of the first place.
    first: u32,
    by_id: HashMap<String, u32>,
    /// The newest place of each bucket, band by band; it may have left.
    newest: Vec<u32>,
    n_buckets: usize,
}

impl SimilarIndex {
    /// An empty index that keeps the newest `capacity` letters.
    pub fn new(capacity: usize) -> SimilarIndex {
        SimilarIndex {
            capacity: capacity.max(1),
            places: VecDeque::new(),
            first: 0,
            by_id: HashMap::new(),
            newest: vec![NONE; N_BANDS * MIN_BUCKETS],
            n_buckets: MIN_BUCKETS,
        }
    }

    /// An index of these letters, oldest first, that keeps the newest `capacity`; none is placed twice while it grows.
    pub fn of(capacity: usize, letters: Vec<(String, Signature)>) -> SimilarIndex {
        let mut index = SimilarIndex::new(capacity);
        index.spread(letters.len().min(index.capacity));
        for (id, signature) in letters {
            index.insert(&id, signature);
        }
        index
    }

    /// Letters kept.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no letter is kept.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Adds a letter, in place of the one of the same id; the oldest leaves when the index is full.
    pub fn insert(&mut self, id: &str, signature: Signature) {
        self.remove(id);
        while self.capacity <= self.by_id.len() && self.drop_first() {}
        if self.n_buckets <= self.places.len() || self.next() == NONE {
            self.renumber();
        }
        self.add(id.to_owned(), signature);
    }

    /// Takes a letter out, such as one whose writer had it erased; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(number) = self.by_id.remove(id) else { return false };
        let place = self.at(number).and_then(|it| self.places.get_mut(it));
        place.and_then(|it| it.id.take()).is_some()
    }

    /// The letters at least `threshold` similar, most similar first and newest first among equals; at most `limit`.
    pub fn query(&self, signature: &Signature, threshold: f32, limit: usize) -> Vec<Similar> {
        // The same letter agrees in every band: where there are enough of it, none in another band is more like it, nor
        // as much and newer. A campaign asks for nothing else.
        let same = |it: &(u32, &Place)| it.1.signature == *signature;
        let same: Vec<(u32, &Place)> =
            self.agreeing(signature, 0).filter(same).take(limit).collect();
        if same.len() == limit {
            let similar = |(_, place): (u32, &Place)| Similar::new(place, 1.0);
            return same.into_iter().filter_map(similar).collect();
        }
        let mut candidates: Vec<(u32, &Place)> =
            (0..N_BANDS).flat_map(|band| self.agreeing(signature, band)).collect();
        candidates.sort_unstable_by_key(|it| it.0);
        candidates.dedup_by_key(|it| it.0);
        let mut found: Vec<(f32, u32, &Place)> = candidates
            .into_iter()
            .map(|(number, place)| (signature.similarity(&place.signature), number, place))
            .filter(|it| threshold <= it.0)
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        found.truncate(limit);
        found.into_iter().filter_map(|(it, _, place)| Similar::new(place, it)).collect()
    }

    /// Places of the letters that agree in a band, newest first, as many as are compared; with their numbers.
    fn agreeing(&self, signature: &Signature, band: usize) -> impl Iterator<Item = (u32, &Place)> {
        let rows = signature.0[band];
        let numbered = |number: u32| Some((number, self.place(number)?));
        let newest = self.newest.get(self.bucket(band, rows)).copied().unwrap_or(NONE);
        let bucket = std::iter::successors(numbered(newest), move |it| numbered(it.1.before[band]));
        let agrees = move |it: &(u32, &Place)| it.1.id.is_some() && it.1.signature.0[band] == rows;
        bucket.take(MAX_STEPS).filter(agrees).take(MAX_CANDIDATES)
    }

    /// Adds a letter that is not there, in the newest place.
    fn add(&mut self, id: String, signature: Signature) {
        let number = self.next();
        let mut before = [NONE; N_BANDS];
        for (band, (rows, before)) in signature.0.iter().zip(&mut before).enumerate() {
            let bucket = self.bucket(band, *rows);
            if let Some(newest) = self.newest.get_mut(bucket) {
                *before = std::mem::replace(newest, number);
            }
        }
        self.by_id.insert(id.clone(), number);
        self.places.push_back(Place { id: Some(id), signature, before });
    }

    /// Gives the first place up, with its letter; false when there is none.
    fn drop_first(&mut self) -> bool {
        let Some(place) = self.places.pop_front() else { return false };
        self.first += 1;
        if let Some(id) = place.id {
            self.by_id.remove(&id);
        }
        true
    }

    /// Numbers the letters anew, without the places of those that were taken out, over as many buckets as they need.
    fn renumber(&mut self) {
        let places = std::mem::take(&mut self.places);
        self.spread(self.by_id.len());
        self.by_id.clear();
        self.first = 0;
        for place in places {
            if let Some(id) = place.id {
                self.add(id, place.signature);
            }
        }
    }

    /// Empties the buckets, as many as `n_letters` need.
    fn spread(&mut self, n_letters: usize) {
        self.n_buckets = (n_letters + 1).next_power_of_two().max(MIN_BUCKETS);
        self.newest.clear();
        self.newest.resize(N_BANDS * self.n_buckets, NONE);
    }

    /// Where a bucket is among the newest places.
    fn bucket(&self, band: usize, rows: Band) -> usize {
        let hash = rows.iter().fold(0, |hash, it| mix(hash ^ u64::from(*it)));
        // A power of two of buckets: the upper bits do not matter.
        let bucket = usize::try_from(hash & u64::from(NONE)).unwrap_or(0) & (self.n_buckets - 1);
        band * self.n_buckets + bucket
    }

    /// Number of the next place.
    fn next(&self) -> u32 {
        u32::try_from(self.places.len()).map_or(NONE, |it| self.first.saturating_add(it))
    }

    fn place(&self, number: u32) -> Option<&Place> {
        self.places.get(self.at(number)?)
    }

    /// Where the place of a number is; none when it has left.
    fn at(&self, number: u32) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

/// Which of the values a hash counts for, by its lower half: all are as likely.
fn share(hash: u64) -> usize {
    let n_hashes = u64::try_from(N_HASHES).unwrap_or(u64::MAX);
    let share = ((hash & u64::from(u32::MAX)) * n_hashes) >> 32;
    usize::try_from(share).unwrap_or(0)
}

/// A value, or of one that is empty the value that it borrows: places are tried in an order that is the same for all texts.
/// There must be one that is not empty.
fn lent(values: &[u64; N_HASHES], idx: usize) -> u64 {
    let mut seed = u64::try_from(idx).unwrap_or(u64::MAX);
    let mut value = values[idx];
    while value == EMPTY {
        seed = mix(seed);
        value = values[share(seed)];
    }
    value
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
mod tests;
