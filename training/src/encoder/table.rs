//! The quantised table of token embeddings, and which of its tokens occur in the training texts.

use anyhow::{Context, ensure};
use fenwen::engine::{Array, Arrays, Values};

/// The tokens that occur, ascending; a token's place here is its slot.
pub(crate) struct Vocabulary {
    ids: Vec<u32>,
}

impl Vocabulary {
    /// The tokens of these texts.
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a [u32]>) -> Vocabulary {
        let mut ids: Vec<u32> = texts.into_iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        Vocabulary { ids }
    }

    /// The tokens.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The slots of a text's tokens; those that do not occur are left out.
    pub(crate) fn slots(&self, text: &[u32]) -> Vec<u32> {
        let slot = |id: &u32| u32::try_from(self.ids.binary_search(id).ok()?).ok();
        text.iter().filter_map(slot).collect()
    }
}

/// The embeddings of `ids`, one after another, and the numbers of one.
///
/// Token `id` is row `id / n` of chunk `id % n`, scaled and shifted as its chunk is.
pub(crate) fn embeddings(arrays: &Arrays, ids: &[u32]) -> anyhow::Result<(Vec<f32>, usize)> {
    let (scales, shifts) = (floats(arrays, "scale")?, floats(arrays, "lo")?);
    let chunks = (1..=scales.len())
        .map(|idx| levels(arrays, &format!("q{idx}")))
        .collect::<anyhow::Result<Vec<(&[u8], usize)>>>()?;
    let width = chunks.first().map_or(0, |it| it.1);
    ensure!(0 < width && shifts.len() == scales.len(), "the table of embeddings is damaged");
    let mut values = Vec::with_capacity(ids.len() * width);
    for id in ids {
        let id = usize::try_from(*id)?;
        let (chunk_idx, start) = (id % chunks.len(), id / chunks.len() * width);
        let row = chunks[chunk_idx].0.get(start..start + width);
        let row = row.with_context(|| format!("there is no token {id}"))?;
        let (scale, shift) = (scales[chunk_idx], shifts[chunk_idx]);
        values.extend(row.iter().map(|level| f32::from(*level) * scale + shift));
    }
    Ok((values, width))
}

fn floats<'a>(arrays: &'a Arrays, name: &str) -> anyhow::Result<&'a [f32]> {
    match arrays.get(name).map(|it| &it.values) {
        Some(Values::F32(values)) => Ok(values),
        _ => anyhow::bail!("there is no array `{name}` of floats"),
    }
}

fn levels<'a>(arrays: &'a Arrays, name: &str) -> anyhow::Result<(&'a [u8], usize)> {
    match arrays.get(name) {
        Some(Array { shape, values: Values::U8(values) }) if shape.len() == 2 => {
            Ok((values, shape[1]))
        }
        _ => anyhow::bail!("there is no array `{name}` of rows of bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_slots() {
        let vocabulary = Vocabulary::of([[9, 1].as_slice(), &[4, 9]]);
        assert_eq!(vocabulary.ids(), [1, 4, 9]);
        assert_eq!(vocabulary.slots(&[9, 2, 1, 9]), [2, 0, 2]);
    }
}
