//! Whisper's encoder and decoder as candle operations: several windows at a time, on any device.
//!
//! Rows of all windows lie one after another, [windows × rows, width]; only attention tells them apart.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};

use crate::registry::WhisperFile;

/// Numbers of one attention head, in every Whisper.
const HEAD: usize = 64;

/// What is learned beside a matrix that stays as it is: rows × downᵀ × upᵀ × scale is added to its product (LoRA).
#[derive(Clone)]
pub struct Adapter {
    /// [rank, in].
    pub down: Tensor,
    /// [out, rank].
    pub up: Tensor,
    /// How strongly it counts.
    pub scale: f64,
}

impl Adapter {
    /// The matrix [out, in] that adding it to the matrix beside it makes the adapter superfluous.
    ///
    /// # Errors
    /// When its parts do not fit each other.
    pub fn matrix(&self) -> Result<Tensor> {
        self.up.matmul(&self.down)? * self.scale
    }

    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        rows.matmul(&self.down.t()?)?.matmul(&self.up.t()?)? * self.scale
    }
}

#[derive(Clone)]
struct Linear {
    /// [out, in].
    weight: Tensor,
    bias: Option<Tensor>,
    adapter: Option<Adapter>,
}

impl Linear {
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let mut product = rows.matmul(&self.weight.t()?)?;
        if let Some(adapter) = &self.adapter {
            product = (product + adapter.forward(rows)?)?;
        }
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

#[derive(Clone)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        // In one operation, which has no gradient.
        if !rows.track_op() {
            return layer_norm(&rows.contiguous()?, &self.weight, &self.bias, 1e-5);
        }
        let centred = rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
        centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

#[derive(Clone)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl Attention {
    fn linear_mut(&mut self, part: &str) -> Option<&mut Linear> {
        match part {
            "query" => Some(&mut self.query),
            "key" => Some(&mut self.key),
            "value" => Some(&mut self.value),
            "out" => Some(&mut self.out),
            _ => None,
        }
    }

    /// [windows × rows, width] → [windows, heads, rows, HEAD].
    fn heads(rows: &Tensor, n_windows: usize) -> Result<Tensor> {
        let (n_rows, width) = rows.dims2()?;
        let shape = (n_windows, n_rows / n_windows.max(1), width / HEAD, HEAD);
        rows.reshape(shape)?.transpose(1, 2)?.contiguous()
    }

    /// Keys and values of rows, by window and head.
    fn memory(&self, rows: &Tensor, n_windows: usize) -> Result<(Tensor, Tensor)> {
        Ok((
            Attention::heads(&self.key.forward(rows)?, n_windows)?,
            Attention::heads(&self.value.forward(rows)?, n_windows)?,
        ))
    }

    fn forward(
        &self,
        rows: &Tensor,
        (keys, values): &(Tensor, Tensor),
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let queries = Attention::heads(&self.query.forward(rows)?, keys.dim(0)?)?;
        let scale = 1.0 / (HEAD as f64).sqrt();
        let mut scores = (queries.matmul(&keys.transpose(2, 3)?)? * scale)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let mixed = softmax(&scores)?.matmul(values)?;
        self.out.forward(&mixed.transpose(1, 2)?.reshape(rows.shape())?)
    }
}

fn softmax(scores: &Tensor) -> Result<Tensor> {
    if !scores.track_op() {
        return softmax_last_dim(scores);
    }
    let powers = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

#[derive(Clone)]
struct Block {
    attention_norm: Norm,
    attention: Attention,
    /// Of the decoder only: it attends to the sound.
    cross: Option<(Norm, Attention)>,
    norm: Norm,
    wide: Linear,
    narrow: Linear,
}

impl Block {
    fn linear_mut(&mut self, module: &str) -> Option<&mut Linear> {
        let cross = self.cross.as_mut().map(|it| &mut it.1);
        match module {
            "mlp.0" => Some(&mut self.wide),
            "mlp.2" => Some(&mut self.narrow),
            _ => match module.split_once('.')? {
                ("attn", part) => self.attention.linear_mut(part),
                ("cross_attn", part) => cross?.linear_mut(part),
                _ => None,
            },
        }
    }

    fn thought(&self, rows: &Tensor) -> Result<Tensor> {
        let wide = self.wide.forward(&self.norm.forward(rows)?)?.gelu_erf()?;
        rows + self.narrow.forward(&wide)?
    }
}

#[derive(Clone)]
struct Conv {
    weight: Tensor,
    bias: Tensor,
}

impl Conv {
    fn forward(&self, rows: &Tensor, stride: usize) -> Result<Tensor> {
        rows.conv1d(&self.weight, 1, stride, 1, 1)?.broadcast_add(&self.bias)?.gelu_erf()
    }
}

/// Windows that are encoded at a time: their attention to each other's positions takes memory.
const ENCODED: usize = 16;

/// The weights; copies share them.
#[derive(Clone)]
pub(super) struct Network {
    device: Device,
    /// What it computes in.
    dtype: DType,
    convs: [Conv; 2],
    encoder_positions: Tensor,
    encoder: Vec<Block>,
    encoder_norm: Norm,
    embedding: Tensor,
    decoder_positions: Tensor,
    decoder: Vec<Block>,
    decoder_norm: Norm,
}

/// What the encoder heard in some windows.
#[derive(Clone)]
pub(super) struct Sound {
    /// [windows, positions, width].
    rows: Tensor,
    /// [windows, 1, 1, positions]: hides the positions after a window's end; none when all are equally long.
    mask: Option<Tensor>,
}

impl Sound {
    /// Of one window, [positions, width].
    pub(super) fn of(rows: &Tensor) -> Result<Sound> {
        Ok(Sound { rows: rows.unsqueeze(0)?, mask: None })
    }

    /// Of the only window, [positions, width].
    pub(super) fn single(&self) -> Result<Tensor> {
        self.rows.squeeze(0)
    }
}

/// What the decoder remembers: of each layer, keys and values of the tokens so far and of the sound.
pub(super) struct Memory {
    n_tokens: usize,
    layers: Vec<Layer>,
    sound_mask: Option<Tensor>,
}

struct Layer {
    own: Option<(Tensor, Tensor)>,
    sound: (Tensor, Tensor),
}

impl Memory {
    /// Keeps these windows only, in this order.
    pub(super) fn keep(&mut self, windows: &[u32]) -> Result<()> {
        let Some(first) = self.layers.first() else { return Ok(()) };
        let windows = Tensor::new(windows, first.sound.0.device())?;
        let pick = |it: &Tensor| it.index_select(&windows, 0);
        for layer in &mut self.layers {
            layer.sound = (pick(&layer.sound.0)?, pick(&layer.sound.1)?);
            layer.own = match &layer.own {
                Some((keys, values)) => Some((pick(keys)?, pick(values)?)),
                None => None,
            };
        }
        self.sound_mask = self.sound_mask.as_ref().map(pick).transpose()?;
        Ok(())
    }
}

impl Network {
    /// Puts the weights on a device, to compute in `dtype`.
    pub(super) fn new(file: &WhisperFile<'_>, device: &Device, dtype: DType) -> Result<Network> {
        let reader = Reader { file, device, dtype };
        let blocks = |side: &str| -> Result<Vec<Block>> {
            (0..)
                .map(|layer| format!("{side}.blocks.{layer}"))
                .take_while(|it| reader.tensor(&format!("{it}.mlp_ln.bias")).is_ok())
                .map(|it| reader.block(&it, side == "decoder"))
                .collect()
        };
        Ok(Network {
            device: device.clone(),
            dtype,
            convs: [reader.conv("encoder.conv1")?, reader.conv("encoder.conv2")?],
            encoder_positions: reader.tensor("encoder.positional_embedding")?,
            encoder: blocks("encoder")?,
            encoder_norm: reader.norm("encoder.ln_post")?,
            embedding: reader.tensor("decoder.token_embedding.weight")?,
            decoder_positions: reader.tensor("decoder.positional_embedding")?,
            decoder: blocks("decoder")?,
            decoder_norm: reader.norm("decoder.ln")?,
        })
    }

    /// Positions of the decoder.
    pub(super) fn max_tokens(&self) -> usize {
        self.decoder_positions.dims().first().copied().unwrap_or_default()
    }

    /// What is heard in windows, from their mel pictures [1, bands, looks]; two looks are one position.
    ///
    /// A window gives the same alone and among others.
    pub(super) fn encode(&self, mels: &[Tensor]) -> Result<Sound> {
        let looks = mels.iter().map(|it| it.dim(2)).collect::<Result<Vec<usize>>>()?;
        let most = looks.iter().copied().max().unwrap_or_default();
        let mut sounds = Vec::new();
        let mut masks = Vec::new();
        for (mels, looks) in mels.chunks(ENCODED).zip(looks.chunks(ENCODED)) {
            let pictures = mels
                .iter()
                .zip(looks)
                .map(|(mel, it)| mel.to_dtype(self.dtype)?.pad_with_zeros(2, 0, most - it));
            let pictures = Tensor::cat(&pictures.collect::<Result<Vec<_>>>()?, 0)?;
            let lens: Vec<usize> = looks.iter().map(|it| it / 2).collect();
            let mask = self.length_mask(&lens, most / 2)?;
            sounds.push(self.encode_equal(&pictures, mask.as_ref())?);
            masks.push(mask);
        }
        let is_uneven = masks.iter().any(Option::is_some);
        let mask = if is_uneven {
            let lens: Vec<usize> = looks.iter().map(|it| it / 2).collect();
            self.length_mask(&lens, most / 2)?
        } else {
            None
        };
        Ok(Sound { rows: Tensor::cat(&sounds, 0)?, mask })
    }

    /// [windows, positions, width] of pictures [windows, bands, looks].
    fn encode_equal(&self, pictures: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let [first, second] = &self.convs;
        let rows = second.forward(&first.forward(pictures, 1)?, 2)?;
        let rows = rows.transpose(1, 2)?.contiguous()?;
        let shape = rows.dims3()?;
        let (n_windows, n_positions, width) = shape;
        let rows = rows.broadcast_add(&self.encoder_positions.narrow(0, 0, n_positions)?)?;
        let mut rows = rows.reshape((n_windows * n_positions, width))?;
        for block in &self.encoder {
            let normed = block.attention_norm.forward(&rows)?;
            let memory = block.attention.memory(&normed, n_windows)?;
            rows = block.thought(&(rows + block.attention.forward(&normed, &memory, mask)?)?)?;
        }
        self.encoder_norm.forward(&rows)?.reshape(shape)
    }

    /// Hides what lies beyond each window's length; none when nothing does.
    fn length_mask(&self, lens: &[usize], most: usize) -> Result<Option<Tensor>> {
        if lens.iter().all(|it| *it == most) {
            return Ok(None);
        }
        let hidden = |len: usize, at: usize| if len <= at { f32::NEG_INFINITY } else { 0.0 };
        let values: Vec<f32> =
            lens.iter().flat_map(|len| (0..most).map(|at| hidden(*len, at))).collect();
        let mask = Tensor::from_vec(values, (lens.len(), 1, 1, most), &self.device)?;
        mask.to_dtype(self.dtype).map(Some)
    }

    /// A memory of the sound and of no token.
    pub(super) fn remember(&self, sound: &Sound) -> Result<Memory> {
        let (n_windows, n_positions, width) = sound.rows.dims3()?;
        let rows = sound.rows.reshape((n_windows * n_positions, width))?;
        let layers = self.decoder.iter().filter_map(|it| it.cross.as_ref());
        let layers =
            layers.map(|it| Ok(Layer { own: None, sound: it.1.memory(&rows, n_windows)? }));
        let layers = layers.collect::<Result<_>>()?;
        Ok(Memory { n_tokens: 0, layers, sound_mask: sound.mask.clone() })
    }

    /// For rows [windows, width] of [`Network::read`], the logits of what comes next.
    pub(super) fn logits(&self, rows: &Tensor) -> Result<Vec<Vec<f32>>> {
        rows.matmul(&self.embedding.t()?)?.to_dtype(DType::F32)?.to_vec2()
    }

    /// [windows, tokens, width]: what becomes of the next tokens, equally many for each window, before they are
    /// compared with the vocabulary.
    pub(super) fn read(&self, tokens: &[u32], memory: &mut Memory) -> Result<Tensor> {
        let n_windows = memory.layers.first().map_or(Ok(1), |it| it.sound.0.dim(0))?;
        let n_new = tokens.len() / n_windows.max(1);
        let ids = Tensor::new(tokens, &self.device)?;
        let positions = self.decoder_positions.narrow(0, memory.n_tokens, n_new)?;
        let rows = self.embedding.index_select(&ids, 0)?;
        let width = rows.dim(1)?;
        let rows = rows.reshape((n_windows, n_new, width))?.broadcast_add(&positions)?;
        let mut rows = rows.reshape((n_windows * n_new, width))?;
        let mask = self.later_mask(n_new, memory.n_tokens)?;
        let sound_mask = memory.sound_mask.as_ref();
        for (block, layer) in self.decoder.iter().zip(&mut memory.layers) {
            let normed = block.attention_norm.forward(&rows)?;
            let (mut keys, mut values) = block.attention.memory(&normed, n_windows)?;
            if let Some(before) = &layer.own {
                keys = Tensor::cat(&[&before.0, &keys], 2)?;
                values = Tensor::cat(&[&before.1, &values], 2)?;
            }
            let own = (keys, values);
            rows = (rows + block.attention.forward(&normed, &own, mask.as_ref())?)?;
            layer.own = Some(own);
            if let Some((norm, cross)) = &block.cross {
                let normed = norm.forward(&rows)?;
                rows = (rows + cross.forward(&normed, &layer.sound, sound_mask)?)?;
            }
            rows = block.thought(&rows)?;
        }
        memory.n_tokens += n_new;
        self.decoder_norm.forward(&rows)?.reshape((n_windows, n_new, width))
    }

    /// Hides later tokens from earlier ones; one token sees all before it.
    fn later_mask(&self, n_new: usize, n_before: usize) -> Result<Option<Tensor>> {
        if n_new < 2 {
            return Ok(None);
        }
        let n_all = n_before + n_new;
        let hidden = |row: usize, column: usize| {
            if n_before + row < column { f32::NEG_INFINITY } else { 0.0 }
        };
        let values: Vec<f32> =
            (0..n_new).flat_map(|row| (0..n_all).map(move |column| hidden(row, column))).collect();
        Tensor::from_vec(values, (n_new, n_all), &self.device)?.to_dtype(self.dtype).map(Some)
    }

    /// [vocabulary, width]: what tokens are compared with.
    pub(super) fn embedding(&self) -> &Tensor {
        &self.embedding
    }

    /// Layers of the decoder.
    pub(super) fn n_layers(&self) -> usize {
        self.decoder.len()
    }

    /// The matrix of a decoder's layer, by the name that whisper.cpp gives it without `.weight`.
    pub(super) fn matrix(&self, name: &str) -> Option<Tensor> {
        let (layer, module) = place(name)?;
        let mut block = self.decoder.get(layer)?.clone();
        block.linear_mut(module).map(|it| it.weight.clone())
    }

    /// Puts an adapter beside a matrix; none when there is no such matrix.
    pub(super) fn adapt(&mut self, name: &str, adapter: Adapter) -> Option<()> {
        let (layer, module) = place(name)?;
        self.decoder.get_mut(layer)?.linear_mut(module)?.adapter = Some(adapter);
        Some(())
    }
}

/// The layer and the rest of `decoder.blocks.3.attn.query`.
fn place(name: &str) -> Option<(usize, &str)> {
    let (layer, module) = name.strip_prefix("decoder.blocks.")?.split_once('.')?;
    Some((layer.parse().ok()?, module))
}

struct Reader<'a, 'b> {
    file: &'a WhisperFile<'b>,
    device: &'a Device,
    dtype: DType,
}

impl Reader<'_, '_> {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let values = self.file.values(name).map_err(candle_core::Error::wrap)?;
        Tensor::from_vec(values.data, values.shape, self.device)?.to_dtype(self.dtype)
    }

    fn linear(&self, name: &str) -> Result<Linear> {
        let bias = self.tensor(&format!("{name}.bias")).ok();
        let weight = self.tensor(&format!("{name}.weight"))?;
        Ok(Linear { weight, bias, adapter: None })
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        let weight = self.tensor(&format!("{name}.weight"))?;
        Ok(Norm { weight, bias: self.tensor(&format!("{name}.bias"))? })
    }

    fn attention(&self, name: &str) -> Result<Attention> {
        Ok(Attention {
            query: self.linear(&format!("{name}.query"))?,
            key: self.linear(&format!("{name}.key"))?,
            value: self.linear(&format!("{name}.value"))?,
            out: self.linear(&format!("{name}.out"))?,
        })
    }

    fn block(&self, name: &str, is_decoder: bool) -> Result<Block> {
        let cross = if is_decoder {
            let norm = self.norm(&format!("{name}.cross_attn_ln"))?;
            Some((norm, self.attention(&format!("{name}.cross_attn"))?))
        } else {
            None
        };
        Ok(Block {
            attention_norm: self.norm(&format!("{name}.attn_ln"))?,
            attention: self.attention(&format!("{name}.attn"))?,
            cross,
            norm: self.norm(&format!("{name}.mlp_ln"))?,
            wide: self.linear(&format!("{name}.mlp.0"))?,
            narrow: self.linear(&format!("{name}.mlp.2"))?,
        })
    }

    fn conv(&self, name: &str) -> Result<Conv> {
        // [width, 1]: one number for every position.
        let bias = self.tensor(&format!("{name}.bias"))?;
        Ok(Conv { weight: self.tensor(&format!("{name}.weight"))?, bias })
    }
}
