//! Rows to learn from, and the batches that are made of them: without padding, of like length.

use candle_core::{Result, Tensor};

use fenwen::base::Chance;

use super::network::{Network, ORDERS, Place};
use super::recipe::EncoderPart;

/// A text as slots of the vocabulary, and the class it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// At least one.
    pub(crate) slots: Vec<u32>,
    /// Its class.
    pub(crate) label: u32,
}

/// Some texts, one after another, and all that a pass needs to know about them.
pub(crate) struct Batch {
    /// Slots of all tokens.
    pub(crate) slots: Tensor,
    /// For each branch the neighbours of each token, one past the last token for none.
    pub(crate) windows: [Tensor; 3],
    /// [texts, tokens]: 1 / √n where a token of n belongs to the text.
    pub(crate) pooling: Tensor,
    /// [texts, 1]: √n.
    pub(crate) roots: Tensor,
    /// Classes.
    pub(crate) labels: Tensor,
    /// [texts, width]: what the head sees of the embeddings; none: all of it.
    pub(crate) mask: Option<Tensor>,
    /// Texts.
    pub(crate) n_texts: usize,
}

/// The batches of one round: every example once, in random order, those of like length together.
pub(crate) fn shuffled(
    examples: &[Example],
    part: &EncoderPart,
    chance: &mut Chance,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..examples.len()).collect();
    chance.shuffle(&mut order);
    let mut batches = Vec::new();
    for bucket in order.chunks_mut(part.batch_size * part.bucket) {
        bucket.sort_by_key(|it| examples[*it].slots.len());
        batches.extend(bucket.chunks(part.batch_size).map(<[usize]>::to_vec));
    }
    chance.shuffle(&mut batches);
    batches
}

/// Batches of all examples in their order, for scores.
pub(crate) fn in_order(n_examples: usize, batch_size: usize) -> Vec<Vec<usize>> {
    let order: Vec<usize> = (0..n_examples).collect();
    order.chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect()
}

/// The examples without some of their tokens; the first and the last, which frame a text, stay.
pub(crate) fn thinned(examples: &[&Example], share: f32, chance: &mut Chance) -> Vec<Example> {
    let thin = |example: &&Example| {
        let last = example.slots.len() - 1;
        let mut stays = |at: usize| at == 0 || at == last || share <= chance.share();
        let slots = example.slots.iter().enumerate().filter(|(at, _)| stays(*at));
        Example { slots: slots.map(|it| *it.1).collect(), label: example.label }
    };
    examples.iter().map(thin).collect()
}

impl Batch {
    /// A batch of these examples.
    pub(crate) fn new(examples: &[Example], place: &Place) -> Result<Batch> {
        let device = &place.device;
        let slots: Vec<u32> = examples.iter().flat_map(|it| it.slots.iter().copied()).collect();
        let (n_texts, n_tokens) = (examples.len(), slots.len());
        let mut pooling = vec![0.0_f64; n_texts * n_tokens];
        let mut roots = Vec::with_capacity(n_texts);
        let mut start = 0;
        for (text, example) in examples.iter().enumerate() {
            let root = (example.slots.len() as f64).sqrt();
            let end = start + example.slots.len();
            pooling[text * n_tokens + start..text * n_tokens + end].fill(1.0 / root);
            roots.push(root);
            start = end;
        }
        let labels: Vec<u32> = examples.iter().map(|it| it.label).collect();
        let windows = |order| -> Result<Tensor> {
            let windows = windows(examples, order);
            let n_windows = windows.len();
            Tensor::from_vec(windows, n_windows, device)
        };
        Ok(Batch {
            slots: Tensor::from_vec(slots, n_tokens, device)?,
            windows: [windows(ORDERS[0])?, windows(ORDERS[1])?, windows(ORDERS[2])?],
            pooling: Tensor::from_vec(pooling, (n_texts, n_tokens), device)?
                .to_dtype(place.dtype)?,
            roots: Tensor::from_vec(roots, (n_texts, 1), device)?.to_dtype(place.dtype)?,
            labels: Tensor::from_vec(labels, n_texts, device)?,
            mask: None,
            n_texts,
        })
    }

    /// Hides a share of the numbers of each embedding from the head, and enlarges the others to make up for it.
    pub(crate) fn hide(
        &mut self,
        share: f32,
        network: &Network,
        chance: &mut Chance,
    ) -> Result<()> {
        if share <= 0.0 {
            return Ok(());
        }
        let kept = 1.0 / (1.0 - share);
        let values = (0..self.n_texts * network.width())
            .map(|_| if chance.share() < share { 0.0 } else { kept })
            .collect();
        let place = network.place();
        let mask = Tensor::from_vec(values, (self.n_texts, network.width()), &place.device)?;
        self.mask = Some(mask.to_dtype(place.dtype)?);
        Ok(())
    }
}

/// The rows of the neighbours of every token, `order` for each, the number of tokens where there is none.
fn windows(examples: &[Example], order: usize) -> Vec<u32> {
    let n_tokens: usize = examples.iter().map(|it| it.slots.len()).sum();
    let left = (order - 1) / 2;
    let mut windows = Vec::with_capacity(n_tokens * order);
    let mut start = 0;
    for example in examples {
        let end = start + example.slots.len();
        for token in start..end {
            for place in token..token + order {
                let row = place.checked_sub(left).filter(|it| (start..end).contains(it));
                windows.push(u32::try_from(row.unwrap_or(n_tokens)).unwrap_or(u32::MAX));
            }
        }
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(lens: &[usize]) -> Vec<Example> {
        lens.iter().map(|len| Example { slots: vec![7; *len], label: 0 }).collect()
    }

    fn part(batch_size: usize, bucket: usize) -> EncoderPart {
        toml::from_str(&format!("kind = 'fine-tune'\nbatch_size = {batch_size}\nbucket = {bucket}"))
            .unwrap()
    }

    #[test]
    fn every_row_comes_once_among_its_like() {
        let lens: Vec<usize> = (0..103).map(|it| 3 + it * 37 % 50).collect();
        let examples = examples(&lens);
        let batches = shuffled(&examples, &part(4, 100), &mut Chance::new(3));
        assert_eq!(batches.len(), 26);
        let mut all = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..103).collect::<Vec<usize>>());
        for batch in &batches {
            let lens: Vec<usize> = batch.iter().map(|it| examples[*it].slots.len()).collect();
            assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 3, "{lens:?}");
        }
        assert_eq!(batches, shuffled(&examples, &part(4, 100), &mut Chance::new(3)));
        assert_ne!(batches, shuffled(&examples, &part(4, 100), &mut Chance::new(4)));
        assert_eq!(shuffled(&examples, &part(4, 2), &mut Chance::new(3)).len(), 26);
    }

    #[test]
    fn neighbours_stay_in_their_text() {
        let texts = examples(&[2, 1]);
        assert_eq!(windows(&texts, 2), [0, 1, 1, 3, 2, 3]);
        assert_eq!(windows(&texts, 3), [3, 0, 1, 0, 1, 3, 3, 2, 3]);
    }

    #[test]
    fn thinning_keeps_the_frame() {
        let example = Example { slots: (0..1000).collect(), label: 5 };
        let thin = thinned(&[&example], 0.25, &mut Chance::new(1)).remove(0);
        assert!((700..800).contains(&thin.slots.len()), "{}", thin.slots.len());
        assert_eq!((thin.slots.first(), thin.slots.last(), thin.label), (Some(&0), Some(&999), 5));
        assert!(thin.slots.is_sorted());
    }
}
