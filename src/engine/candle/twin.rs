//! The sentence encoder as an ONNX graph, for other runtimes: the same weights, padded rows with a mask.

use crate::engine::candle::graph::{Graph, Kind, ValueInfo};
use crate::engine::candle::weights::{Affine, Deltas, Matrix, NGRAMS, Ngram, Norm, WIDTH, Weights};

/// The graph as an ONNX file: input `ids` [rows, tokens], output `embedding` [rows, 512].
pub(super) fn encode(weights: &Weights) -> Vec<u8> {
    let mut twin = Twin { graph: Graph::default(), epsilon: weights.epsilon };
    twin.constants();
    let embedded = twin.embed(weights);
    twin.mask();
    let features = twin.features(weights, &embedded);
    let mean = twin.pool(weights, &features);
    twin.head(weights, &mean);
    let ids = ValueInfo { name: "ids", kind: Kind::I64, dims: ["rows", "tokens"] };
    let embedding = ValueInfo { name: "embedding", kind: Kind::F32, dims: ["rows", "512"] };
    twin.graph.finish(&ids, &embedding)
}

struct Twin {
    graph: Graph,
    epsilon: f32,
}

impl Twin {
    fn constants(&mut self) {
        let graph = &mut self.graph;
        for (name, value) in [("i0", 0), ("i1", 1)] {
            graph.integers(name, &[], &[value]);
        }
        graph.integers("axis1", &[1], &[1]);
        graph.integers("axis2", &[1], &[2]);
        for (name, value) in [("f0", 0.0), ("f1", 1.0), ("epsilon", self.epsilon)] {
            graph.floats(name, &[1], &[value]);
        }
    }

    /// Embeddings of all ids: levels of the table, scaled and shifted row by row.
    fn embed(&mut self, weights: &Weights) -> String {
        let table = &weights.table;
        let n_rows = table.len();
        let mut levels = Vec::with_capacity(n_rows * WIDTH);
        let (mut scales, mut shifts) = (Vec::new(), Vec::new());
        for (row, scale, shift) in table.rows() {
            levels.extend_from_slice(row);
            scales.push(scale);
            shifts.push(shift);
        }
        let graph = &mut self.graph;
        graph.bytes("levels", &[n_rows, WIDTH], &levels);
        graph.floats("scales", &[n_rows, 1], &scales);
        graph.floats("shifts", &[n_rows, 1], &shifts);
        let level = graph.add("Gather", &["levels", "ids"]);
        let level = graph.cast_to_float(&level);
        let scale = graph.add("Gather", &["scales", "ids"]);
        let shift = graph.add("Gather", &["shifts", "ids"]);
        let scaled = graph.add("Mul", &[&level, &scale]);
        let shifted = graph.add("Add", &[&scaled, &shift]);
        self.add_deltas(&table.deltas, shifted)
    }

    /// Adds what fine-tuning added to the embeddings: row 0 is zeros, for tokens that it left alone.
    fn add_deltas(&mut self, deltas: &Deltas, embedded: String) -> String {
        if deltas.rows.is_empty() {
            return embedded;
        }
        let graph = &mut self.graph;
        let slots: Vec<i64> = deltas.slots.iter().map(|it| i64::from(*it)).collect();
        graph.integers("slots", &[slots.len()], &slots);
        let rows = [vec![0.0; WIDTH], deltas.rows.clone()].concat();
        graph.floats("deltas", &[rows.len() / WIDTH, WIDTH], &rows);
        let slot = graph.add("Gather", &["slots", "ids"]);
        let delta = graph.add("Gather", &["deltas", &slot]);
        graph.add("Add", &[&embedded, &delta])
    }

    /// `length` [rows, 1]: the place of the last id that is not 0; `mask` [rows, tokens, 1]: 1 up to there.
    fn mask(&mut self) {
        let graph = &mut self.graph;
        let shape = graph.add("Shape", &["ids"]);
        let n_tokens = graph.add("Gather", &[&shape, "i1"]);
        let places = graph.add("Range", &["i0", &n_tokens, "i1"]);
        let counts = graph.add("Add", &[&places, "i1"]);
        let is_zero = graph.add("Equal", &["ids", "i0"]);
        let ends = graph.add("Where", &[&is_zero, "i1", &counts]);
        let last = graph.reduce_max(&ends, 1);
        let is_inside = graph.add("Less", &[&places, &last]);
        let flat = graph.add("Where", &[&is_inside, "f1", "f0"]);
        graph.named("mask", "Unsqueeze", &[&flat, "axis2"]);
        let length = graph.cast_to_float(&last);
        graph.named("length", "Identity", &[&length]);
    }

    fn features(&mut self, weights: &Weights, embedded: &str) -> String {
        let projected = self.affine("projection", &weights.projection, embedded);
        let projected = self.normalise("projection_norm", &weights.projection_norm, &projected);
        let projected = self.graph.add("Mul", &[&projected, "mask"]);
        let branches = self.graph.split(&projected, 2, NGRAMS.len());
        let mut parts = vec![embedded.to_owned()];
        let all = weights.branches.iter().zip(NGRAMS).zip(branches);
        for (([first, second], ngram), mut branch) in all {
            for (number, convolution) in [(1, first), (2, second)] {
                let name = format!("convolution{number}_{}", ngram.order);
                branch = self.convolution(&name, convolution, ngram, &branch);
            }
            parts.push(branch);
        }
        self.graph.concat(&parts, 2)
    }

    /// x + max(0, window(x) × matrix + bias), zero beyond the text's end.
    fn convolution(&mut self, name: &str, affine: &Affine, ngram: Ngram, rows: &str) -> String {
        let (left, right) = (ngram.left, ngram.order - 1 - ngram.left);
        let pads = [0, left, 0, 0, right, 0].map(|it| i64::try_from(it).unwrap_or_default());
        let pads_name = format!("{name}.pads");
        self.graph.integers(&pads_name, &[6], &pads);
        let padded = self.graph.add("Pad", &[rows, &pads_name]);
        let order = i64::try_from(ngram.order).unwrap_or_default();
        let mut neighbours = Vec::new();
        for start in 0..order {
            let (from, to) = (format!("{name}.from{start}"), format!("{name}.to{start}"));
            // The last neighbour's slice runs to the end, the others' end as far before it as they begin before.
            let end = if start + 1 == order { i64::from(i32::MAX) } else { start + 1 - order };
            self.graph.integers(&from, &[1], &[start]);
            self.graph.integers(&to, &[1], &[end]);
            neighbours.push(self.graph.add("Slice", &[&padded, &from, &to, "axis1"]));
        }
        let windows = self.graph.concat(&neighbours, 2);
        let product = self.affine(name, affine, &windows);
        let active = self.graph.add("Relu", &[&product]);
        let sum = self.graph.add("Add", &[&active, rows]);
        self.graph.add("Mul", &[&sum, "mask"])
    }

    fn pool(&mut self, weights: &Weights, features: &str) -> String {
        let normal = self.normalise("feature_norm", &weights.feature_norm, features);
        let inside = self.graph.add("Mul", &[&normal, "mask"]);
        let sums = self.graph.reduce_sum(&inside, "axis1", false);
        let product = self.product("pool", &weights.pool.matrix, &sums);
        self.graph.floats("pool.bias", &[WIDTH], &weights.pool.bias);
        let bias = self.graph.add("Mul", &["length", "pool.bias"]);
        let total = self.graph.add("Add", &[&product, &bias]);
        let root = self.graph.add("Sqrt", &["length"]);
        self.graph.add("Div", &[&total, &root])
    }

    fn head(&mut self, weights: &Weights, mean: &str) {
        let entered = self.product("enter", &weights.enter, mean);
        let hidden = self.detour("middle", &weights.middle, &entered);
        let hidden = self.graph.add("Relu", &[&hidden]);
        let left = self.product("leave", &weights.leave, &hidden);
        let out = self.detour("last", &weights.last, &left);
        let out = self.graph.add("Tanh", &[&out]);
        let squares = self.graph.add("Mul", &[&out, &out]);
        let square = self.graph.reduce_sum(&squares, "axis1", true);
        let square = self.graph.add("Max", &[&square, "epsilon"]);
        let length = self.graph.add("Sqrt", &[&square]);
        self.graph.named("embedding", "Div", &[&out, &length]);
    }

    /// Of two halves, the second plus the product of the first's positive part.
    fn detour(&mut self, name: &str, matrix: &Matrix, rows: &str) -> String {
        let halves = self.graph.split(rows, 1, 2);
        let [first, second] = halves.as_slice() else { return String::new() };
        let active = self.graph.add("Relu", &[first]);
        let product = self.product(name, matrix, &active);
        self.graph.add("Add", &[second, &product])
    }

    fn product(&mut self, name: &str, matrix: &Matrix, rows: &str) -> String {
        let weight = format!("{name}.weight");
        self.graph.floats(&weight, &[matrix.n_in, matrix.n_out], &matrix.values);
        self.graph.add("MatMul", &[rows, &weight])
    }

    fn affine(&mut self, name: &str, affine: &Affine, rows: &str) -> String {
        let product = self.product(name, &affine.matrix, rows);
        let bias = format!("{name}.bias");
        self.graph.floats(&bias, &[affine.bias.len()], &affine.bias);
        self.graph.add("Add", &[&product, &bias])
    }

    fn normalise(&mut self, name: &str, norm: &Norm, rows: &str) -> String {
        let (gain, bias) = (format!("{name}.gain"), format!("{name}.bias"));
        self.graph.floats(&gain, &[norm.gain.len()], &norm.gain);
        self.graph.floats(&bias, &[norm.bias.len()], &norm.bias);
        self.graph.layer_normalization(&[rows, &gain, &bias], self.epsilon)
    }
}
