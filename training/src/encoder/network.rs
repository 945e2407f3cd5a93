//! The sentence encoder and its head as a network that learns: ordinary candle operations over variables.
//!
//! It computes what `fenwen`'s engine computes, without the fused operations that have no gradient. Token embeddings
//! stay quantised: what is learned about a token is a delta that is added to its embedding. Every size comes from the
//! weights, so that tests can do with a few numbers.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use candle_core::{D, DType, Device, Result, Tensor, Var};
use fenwen::engine::{Arrays, Values};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::table;

/// Tokens that the branches see, and those of them before the token in question.
pub(crate) const ORDERS: [usize; 3] = [2, 3, 5];

/// Parts of the network that learn, or stay as they are, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layer {
    /// Token embeddings.
    Table,
    /// From an embedding to the branches, and its norm.
    Projection,
    /// The convolutions of the branches.
    Convolutions,
    /// The norm of the features and what makes one vector of their sum.
    Pooling,
    /// The layers between that vector and the embedding of the text.
    Dense,
    /// One hyperplane for each label.
    Head,
}

/// Name of the deltas of the token embeddings, of the head's hyperplanes and of their biases among the parameters.
pub(crate) const DELTAS: &str = "deltas";
pub(crate) const HEAD_WEIGHTS: &str = "head.weights";
pub(crate) const HEAD_BIAS: &str = "head.bias";

/// Something that learns.
pub(crate) struct Param {
    /// Name in the encoder's file, or one of the above.
    pub(crate) name: String,
    /// Part that it belongs to.
    pub(crate) layer: Layer,
    /// Its value.
    pub(crate) var: Var,
}

/// The network.
pub(crate) struct Network {
    params: Vec<Param>,
    by_name: BTreeMap<String, usize>,
    /// Embeddings of the tokens that occur, by their slot.
    base: Tensor,
    epsilon: f64,
    n_classes: usize,
}

/// Where and with which numbers a network computes.
#[derive(Clone)]
pub(crate) struct Place {
    /// Processor or graphics card.
    pub(crate) device: Device,
    /// 32-bit floats; 64 bits where gradients are checked.
    pub(crate) dtype: DType,
}

/// Which layers learn in a pass; the others are constants to it, and cost no gradient.
pub(crate) type Learns<'a> = &'a dyn Fn(Layer) -> bool;

impl Network {
    /// A network with the weights of `arrays` and a head of zeros, for texts of the tokens `ids` (ascending) alone.
    pub(crate) fn new(
        arrays: &Arrays,
        ids: &[u32],
        n_classes: usize,
        place: &Place,
    ) -> anyhow::Result<Network> {
        ensure!(arrays.get("delta_ids").is_none(), "the encoder was fine-tuned before");
        let (rows, width) = table::embeddings(arrays, ids)?;
        let base = Tensor::from_vec(rows, (ids.len(), width), &place.device)?;
        let mut network = Network {
            params: Vec::new(),
            by_name: BTreeMap::new(),
            base: base.to_dtype(place.dtype)?,
            epsilon: epsilon(arrays)?,
            n_classes,
        };
        for (name, layer) in names() {
            let array = arrays.get(&name).with_context(|| format!("there is no array `{name}`"))?;
            let Values::F32(values) = &array.values else {
                anyhow::bail!("array `{name}` holds no floats");
            };
            let tensor = Tensor::from_slice(values, array.shape.as_slice(), &place.device)?;
            network.add(name, layer, &tensor.to_dtype(place.dtype)?)?;
        }
        let zeros = |shape: &[usize]| Tensor::zeros(shape, place.dtype, &place.device);
        network.add(DELTAS.to_owned(), Layer::Table, &zeros(&[ids.len(), width])?)?;
        network.add(HEAD_WEIGHTS.to_owned(), Layer::Head, &zeros(&[n_classes, width])?)?;
        network.add(HEAD_BIAS.to_owned(), Layer::Head, &zeros(&[n_classes])?)?;
        Ok(network)
    }

    fn add(&mut self, name: String, layer: Layer, tensor: &Tensor) -> anyhow::Result<()> {
        let var = Var::from_tensor(tensor)?;
        self.by_name.insert(name.clone(), self.params.len());
        self.params.push(Param { name, layer, var });
        Ok(())
    }

    /// Everything that can learn, always in the same order.
    pub(crate) fn params(&self) -> &[Param] {
        &self.params
    }

    /// The parameter of this name.
    pub(crate) fn param(&self, name: &str) -> Result<&Param> {
        let found = self.by_name.get(name).and_then(|it| self.params.get(*it));
        found.ok_or_else(|| candle_core::Error::Msg(format!("there is no parameter `{name}`")))
    }

    /// Numbers of an embedding.
    pub(crate) fn width(&self) -> usize {
        self.base.dims().last().copied().unwrap_or(0)
    }

    /// Labels.
    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Where it computes.
    pub(crate) fn place(&self) -> Place {
        Place { device: self.base.device().clone(), dtype: self.base.dtype() }
    }

    /// The embeddings of the texts of a batch, [texts, width], each of length 1.
    pub(crate) fn embed(&self, batch: &Batch, learns: Learns<'_>) -> Result<Tensor> {
        let pass = Pass { network: self, learns };
        let features = pass.features(batch)?;
        let normal = pass.normalise(&features, &["ln_g"], &["ln_b"])?;
        let bias = pass.get("cnn_b")?.unsqueeze(0)?;
        let mean = (pass.product(&batch.pooling.matmul(&normal)?, "cnn_W")?
            + batch.roots.matmul(&bias)?)?;
        let detour = pass.product(&pass.product(&mean, "d0")?.relu()?, "d1")?;
        let hidden = (pass.product(&mean, "p1")? + detour)?.relu()?;
        let detour = pass.product(&pass.product(&hidden, "d2")?.relu()?, "d3")?;
        let out = (pass.product(&hidden, "p3")? + detour)?.tanh()?;
        let lengths = out.sqr()?.sum_keepdim(D::Minus1)?.maximum(self.epsilon)?.sqrt()?;
        out.broadcast_div(&lengths)
    }

    /// One score for each label, [texts, labels].
    pub(crate) fn scores(&self, batch: &Batch, learns: Learns<'_>) -> Result<Tensor> {
        let mut embedding = self.embed(batch, learns)?;
        if let Some(mask) = &batch.mask {
            embedding = (embedding * mask)?;
        }
        let pass = Pass { network: self, learns };
        let product = embedding.matmul(&pass.get(HEAD_WEIGHTS)?.t()?)?;
        product.broadcast_add(&pass.get(HEAD_BIAS)?)
    }

    /// The mean cross-entropy of a batch.
    pub(crate) fn loss(&self, batch: &Batch, learns: Learns<'_>) -> Result<Tensor> {
        cross_entropy(&self.scores(batch, learns)?, &batch.labels)
    }
}

/// The mean of -ln(softmax) at the labels.
pub(crate) fn cross_entropy(scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let shifted = scores.broadcast_sub(&scores.max_keepdim(1)?.detach())?;
    let sums = shifted.exp()?.sum_keepdim(1)?.log()?;
    let own = shifted.gather(&labels.unsqueeze(1)?, 1)?;
    (sums - own)?.mean_all()
}

/// One computation of a network.
struct Pass<'a> {
    network: &'a Network,
    learns: Learns<'a>,
}

impl Pass<'_> {
    fn get(&self, name: &str) -> Result<Tensor> {
        let param = self.network.param(name)?;
        let learns = (self.learns)(param.layer);
        Ok(if learns { param.var.as_tensor().clone() } else { param.var.as_detached_tensor() })
    }

    fn product(&self, rows: &Tensor, name: &str) -> Result<Tensor> {
        rows.matmul(&self.get(name)?)
    }

    fn affine(&self, rows: &Tensor, weights: &str, bias: &str) -> Result<Tensor> {
        self.product(rows, weights)?.broadcast_add(&self.get(bias)?)
    }

    /// What is known of each token and its neighbours.
    fn features(&self, batch: &Batch) -> Result<Tensor> {
        let base = self.network.base.index_select(&batch.slots, 0)?;
        let embedded = (base + self.get(DELTAS)?.index_select(&batch.slots, 0)?)?;
        let mut projected = Vec::new();
        for order in ORDERS {
            let (weights, bias) = (format!("proj{order}"), format!("proj_b{order}"));
            projected.push(self.affine(&embedded, &weights, &bias)?);
        }
        let width = projected[0].dim(1)?;
        let (gains, biases) =
            (ORDERS.map(|it| format!("ln_g{it}")), ORDERS.map(|it| format!("ln_b{it}")));
        let projected = self.normalise(&Tensor::cat(&projected, 1)?, &gains, &biases)?;
        let mut parts = vec![embedded];
        for ((idx, order), windows) in ORDERS.into_iter().enumerate().zip(&batch.windows) {
            let mut branch = projected.narrow(1, idx * width, width)?.contiguous()?;
            for number in [1, 2] {
                branch = self.convolution(&branch, windows, (number, order))?;
            }
            parts.push(branch);
        }
        Tensor::cat(&parts, 1)
    }

    /// x + max(0, window(x) × matrix + bias); the row after the last one is the zeros beyond the ends of a text.
    fn convolution(
        &self,
        rows: &Tensor,
        windows: &Tensor,
        (number, order): (usize, usize),
    ) -> Result<Tensor> {
        let (n_rows, width) = rows.dims2()?;
        let zeros = Tensor::zeros((1, width), rows.dtype(), rows.device())?;
        let padded = Tensor::cat(&[rows, &zeros], 0)?;
        let windows = padded.index_select(windows, 0)?.reshape((n_rows, order * width))?;
        let (weights, bias) = (format!("w{number}_{order}"), format!("b{number}_{order}"));
        rows + self.affine(&windows, &weights, &bias)?.relu()?
    }

    /// Layer normalisation; gain and bias come in parts.
    fn normalise(
        &self,
        rows: &Tensor,
        gains: &[impl AsRef<str>],
        biases: &[impl AsRef<str>],
    ) -> Result<Tensor> {
        let centred = rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let deviation = variance.affine(1.0, self.network.epsilon)?.sqrt()?;
        centred
            .broadcast_div(&deviation)?
            .broadcast_mul(&self.joined(gains)?)?
            .broadcast_add(&self.joined(biases)?)
    }

    fn joined(&self, names: &[impl AsRef<str>]) -> Result<Tensor> {
        let parts =
            names.iter().map(|it| self.get(it.as_ref())).collect::<Result<Vec<Tensor>>>()?;
        Tensor::cat(&parts, 0)
    }
}

/// The arrays of the encoder's file that learn, with the layer they belong to.
pub(crate) fn names() -> Vec<(String, Layer)> {
    let mut names = Vec::new();
    for order in ORDERS {
        for name in ["proj", "proj_b", "ln_g", "ln_b"] {
            names.push((format!("{name}{order}"), Layer::Projection));
        }
    }
    for order in ORDERS {
        for name in ["w1_", "b1_", "w2_", "b2_"] {
            names.push((format!("{name}{order}"), Layer::Convolutions));
        }
    }
    let own = |name: &str, layer| (name.to_owned(), layer);
    names.extend(["ln_g", "ln_b", "cnn_W", "cnn_b"].map(|it| own(it, Layer::Pooling)));
    names.extend(["d0", "p1", "d1", "d2", "p3", "d3"].map(|it| own(it, Layer::Dense)));
    names
}

fn epsilon(arrays: &Arrays) -> anyhow::Result<f64> {
    match arrays.get("eps").map(|it| &it.values) {
        Some(Values::F64(values)) if values.len() == 1 && 0.0 < values[0] => Ok(values[0]),
        _ => anyhow::bail!("there is no array `eps` of one positive number"),
    }
}
