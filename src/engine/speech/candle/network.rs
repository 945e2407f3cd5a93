//! Whisper's encoder and decoder as candle operations.

use candle_core::{D, Device, Result, Tensor};

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

    /// [rows, width] → [heads, rows, HEAD].
    fn heads(rows: &Tensor) -> Result<Tensor> {
        let (n_rows, width) = rows.dims2()?;
        rows.reshape((n_rows, width / HEAD, HEAD))?.transpose(0, 1)?.contiguous()
    }

    /// Keys and values of rows, by head.
    fn memory(&self, rows: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok((
            Attention::heads(&self.key.forward(rows)?)?,
            Attention::heads(&self.value.forward(rows)?)?,
        ))
    }

    fn forward(
        &self,
        rows: &Tensor,
        (keys, values): &(Tensor, Tensor),
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let (n_rows, width) = rows.dims2()?;
        let queries = Attention::heads(&self.query.forward(rows)?)?;
        let scale = 1.0 / (HEAD as f64).sqrt();
        let mut scores = (queries.matmul(&keys.transpose(1, 2)?)? * scale)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let shares = softmax(&scores)?;
        let mixed = shares.matmul(values)?.transpose(0, 1)?.reshape((n_rows, width))?;
        self.out.forward(&mixed)
    }
}

fn softmax(scores: &Tensor) -> Result<Tensor> {
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

/// The weights; copies share them.
#[derive(Clone)]
pub(super) struct Network {
    convs: [Conv; 2],
    encoder_positions: Tensor,
    encoder: Vec<Block>,
    encoder_norm: Norm,
    embedding: Tensor,
    decoder_positions: Tensor,
    decoder: Vec<Block>,
    decoder_norm: Norm,
}

/// What the decoder remembers: of each layer, keys and values of the tokens so far and of the sound.
pub(super) struct Memory {
    n_tokens: usize,
    layers: Vec<Layer>,
}

struct Layer {
    own: Option<(Tensor, Tensor)>,
    sound: (Tensor, Tensor),
}

impl Network {
    pub(super) fn new(file: &WhisperFile<'_>) -> Result<Network> {
        let reader = Reader(file);
        let blocks = |side: &str| -> Result<Vec<Block>> {
            (0..)
                .map(|layer| format!("{side}.blocks.{layer}"))
                .take_while(|it| reader.tensor(&format!("{it}.mlp_ln.bias")).is_ok())
                .map(|it| reader.block(&it, side == "decoder"))
                .collect()
        };
        Ok(Network {
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

    /// [positions, width] of a mel picture [1, bands, looks]; two looks are one position.
    pub(super) fn encode(&self, mel: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.convs;
        let rows = second.forward(&first.forward(mel, 1)?, 2)?;
        let rows = rows.squeeze(0)?.t()?.contiguous()?;
        let mut rows = (&rows + self.encoder_positions.narrow(0, 0, rows.dim(0)?)?)?;
        for block in &self.encoder {
            let normed = block.attention_norm.forward(&rows)?;
            let memory = block.attention.memory(&normed)?;
            rows = block.thought(&(rows + block.attention.forward(&normed, &memory, None)?)?)?;
        }
        self.encoder_norm.forward(&rows)
    }

    /// A memory of the sound and of no token.
    pub(super) fn remember(&self, sound: &Tensor) -> Result<Memory> {
        let layers = self.decoder.iter().filter_map(|it| it.cross.as_ref());
        let layers = layers.map(|it| Ok(Layer { own: None, sound: it.1.memory(sound)? }));
        Ok(Memory { n_tokens: 0, layers: layers.collect::<Result<_>>()? })
    }

    /// The logits after each of the next tokens.
    pub(super) fn step(&self, tokens: &[u32], memory: &mut Memory) -> Result<Vec<Vec<f32>>> {
        self.read(tokens, memory)?.matmul(&self.embedding.t()?)?.to_vec2()
    }

    /// [tokens, width]: what becomes of the next tokens before they are compared with the vocabulary.
    pub(super) fn read(&self, tokens: &[u32], memory: &mut Memory) -> Result<Tensor> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let positions = self.decoder_positions.narrow(0, memory.n_tokens, tokens.len())?;
        let mut rows = (self.embedding.index_select(&ids, 0)? + positions)?;
        let mask = mask(tokens.len(), memory.n_tokens)?;
        for (block, layer) in self.decoder.iter().zip(&mut memory.layers) {
            let normed = block.attention_norm.forward(&rows)?;
            let (mut keys, mut values) = block.attention.memory(&normed)?;
            if let Some(before) = &layer.own {
                keys = Tensor::cat(&[&before.0, &keys], 1)?;
                values = Tensor::cat(&[&before.1, &values], 1)?;
            }
            let own = (keys, values);
            rows = (rows + block.attention.forward(&normed, &own, mask.as_ref())?)?;
            layer.own = Some(own);
            if let Some((norm, cross)) = &block.cross {
                let normed = norm.forward(&rows)?;
                rows = (rows + cross.forward(&normed, &layer.sound, None)?)?;
            }
            rows = block.thought(&rows)?;
        }
        memory.n_tokens += tokens.len();
        self.decoder_norm.forward(&rows)
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

/// Hides later tokens from earlier ones; one token sees all before it.
fn mask(n_new: usize, n_before: usize) -> Result<Option<Tensor>> {
    if n_new < 2 {
        return Ok(None);
    }
    let n_all = n_before + n_new;
    let hidden =
        |row: usize, column: usize| if n_before + row < column { f32::NEG_INFINITY } else { 0.0 };
    let values: Vec<f32> =
        (0..n_new).flat_map(|row| (0..n_all).map(move |column| hidden(row, column))).collect();
    Ok(Some(Tensor::from_vec(values, (n_new, n_all), &Device::Cpu)?))
}

struct Reader<'a, 'b>(&'a WhisperFile<'b>);

impl Reader<'_, '_> {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let values = self.0.values(name).map_err(candle_core::Error::wrap)?;
        Tensor::from_vec(values.data, values.shape, &Device::Cpu)
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
