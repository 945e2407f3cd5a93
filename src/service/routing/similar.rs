//! The indexes of near-duplicates, made again from what is kept.

use std::collections::BTreeMap;

use crate::pipeline::letters::similar::{Signature, SimilarIndex};
use crate::store::{Store, StoreError};

/// Signatures read at one time: a database at work has others to answer too.
const PAGE: usize = 1_000;

/// The index of each agency, or of `tenant` only, from the newest `n_read` signatures of a service.
///
/// # Errors
/// When the database fails.
pub(super) fn indexes(
    store: &Store,
    service: &str,
    tenant: Option<&str>,
    n_read: usize,
) -> Result<BTreeMap<String, SimilarIndex>, StoreError> {
    let mut letters: BTreeMap<String, Vec<(String, Signature)>> = BTreeMap::new();
    let (mut before, mut n_left) = (u64::MAX, n_read);
    while n_left > 0 {
        let limit = n_left.min(PAGE);
        let page = store.signatures(service, before, limit).wait()?;
        n_left = if page.len() < limit { 0 } else { n_left - limit };
        for it in page {
            before = it.seq;
            if tenant.is_none_or(|tenant| tenant == it.org)
                && let Some(signature) = Signature::from_bytes(&it.bytes)
            {
                letters.entry(it.org).or_default().push((it.id, signature));
            }
        }
    }
    let index = |(org, newest_first): (String, Vec<_>)| {
        let oldest_first = newest_first.into_iter().rev();
        (org, SimilarIndex::of(n_read, oldest_first.collect()))
    };
    Ok(letters.into_iter().map(index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Private;
    use crate::store::NewPrediction;

    fn letter(number: usize) -> NewPrediction {
        let text = format!("第{number}次來信");
        NewPrediction {
            id: number.to_string(),
            org: ["a", "b"][number % 2].to_owned(),
            service: "letters",
            model: [const { String::new() }; 3],
            taxonomy: String::new(),
            labels: "[]".to_owned(),
            text: Private::new(Vec::new()),
            signature: Signature::of(&text).map(|it| it.to_bytes()),
            subjects: Vec::new(),
            shape: None,
            case_no: None,
            mode: None,
            made_by: None,
            created: 0,
            text_expires: 9,
            expires: 9,
        }
    }

    #[test]
    fn every_page_is_read_and_the_oldest_is_the_first_to_leave() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let n_letters = 2 * PAGE + 4;
        let letters = (0..n_letters).map(letter).collect();
        store.keep(letters, Vec::new()).unwrap().wait().unwrap();
        let sizes = |tenant, n_read| {
            let found = indexes(&store, "letters", tenant, n_read).unwrap();
            found.into_iter().map(|(org, index)| (org, index.len())).collect::<Vec<_>>()
        };
        let both = |size| vec![("a".to_owned(), size), ("b".to_owned(), size)];
        assert_eq!(sizes(None, usize::MAX), both(PAGE + 2));
        assert_eq!(sizes(None, PAGE + 2), both(PAGE / 2 + 1));
        assert_eq!(sizes(None, 0), []);
        assert_eq!(sizes(Some("a"), usize::MAX), [("a".to_owned(), PAGE + 2)]);

        let mut index = indexes(&store, "letters", None, 4).unwrap().remove("a").unwrap();
        let [oldest, newest] = [4, 2].map(|it| (n_letters - it).to_string());
        for new in ["x", "y", "z"] {
            index.insert(new, Signature::of(new).unwrap());
        }
        assert!(!index.remove(&oldest) && index.remove(&newest) && index.len() == 3);
    }
}
