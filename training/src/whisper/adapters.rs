//! The adapters: what learns. Each stands beside a matrix of the decoder, which stays as it is.

use anyhow::Context;
use candle_core::{Device, Tensor, Var};
use fenwen::engine::speech::{Adapter, WhisperPupil};

use fenwen::base::Chance;

use super::recipe::WhisperPart;

/// All adapters of a run, always in the same order.
pub(crate) struct Adapters {
    pairs: Vec<Pair>,
    scale: f64,
}

struct Pair {
    /// Name of the matrix.
    name: String,
    down: Var,
    up: Var,
}

impl Adapters {
    /// Adapters that do nothing yet: the way down is drawn, the way up is zero.
    pub(crate) fn new(
        pupil: &WhisperPupil,
        part: &WhisperPart,
        seed: u64,
    ) -> anyhow::Result<Adapters> {
        let mut chance = Chance::new(seed);
        let mut pairs = Vec::new();
        for layer in 0..pupil.n_layers() {
            for module in part.targets.iter().flat_map(|it| it.modules()) {
                let name = format!("decoder.blocks.{layer}.{module}");
                let matrix = pupil.matrix(&name).with_context(|| format!("no matrix `{name}`"))?;
                let (n_out, n_in) = matrix.dims2()?;
                #[expect(clippy::cast_possible_truncation, reason = "to single precision")]
                let bound = (1.0 / (n_in as f64).sqrt()) as f32;
                let draws = (0..part.rank * n_in).map(|_| bound * (2.0 * chance.share() - 1.0));
                let down =
                    Tensor::from_vec(draws.collect::<Vec<_>>(), (part.rank, n_in), &Device::Cpu)?;
                let up = Tensor::zeros((n_out, part.rank), down.dtype(), &Device::Cpu)?;
                let (down, up) = (Var::from_tensor(&down)?, Var::from_tensor(&up)?);
                pairs.push(Pair { name, down, up });
            }
        }
        Ok(Adapters { pairs, scale: part.scale() })
    }

    /// Everything that learns, with its name.
    pub(crate) fn vars(&self) -> impl Iterator<Item = (String, &Var)> {
        self.pairs.iter().flat_map(|it| {
            [(format!("{}.down", it.name), &it.down), (format!("{}.up", it.name), &it.up)]
        })
    }

    /// How much each counts.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// `pupil` with the adapters beside its matrices; what they learn later shows in it. Only one that `learns` has
    /// gradients, and costs them.
    pub(crate) fn beside(
        &self,
        pupil: &WhisperPupil,
        learns: bool,
    ) -> anyhow::Result<WhisperPupil> {
        let value =
            |it: &Var| if learns { it.as_tensor().clone() } else { it.as_detached_tensor() };
        let adapter = |it: &Pair| {
            let (down, up) = (value(&it.down), value(&it.up));
            (it.name.clone(), Adapter { down, up, scale: self.scale })
        };
        Ok(pupil.with(self.pairs.iter().map(adapter))?)
    }

    /// What is to be added to a tensor by whisper.cpp's name; none when no adapter stands beside it.
    pub(crate) fn delta(&self, tensor: &str) -> anyhow::Result<Option<Vec<f32>>> {
        let name = tensor.strip_suffix(".weight").unwrap_or_default();
        let Some(pair) = self.pairs.iter().find(|it| it.name == name) else { return Ok(None) };
        let (down, up) = (pair.down.as_detached_tensor(), pair.up.as_detached_tensor());
        let matrix = Adapter { down, up, scale: self.scale }.matrix()?;
        Ok(Some(matrix.flatten_all()?.to_vec1()?))
    }
}
