//! The network against a plain computation of the same, text by text, on made-up weights.

use super::weights::{Affine, BRANCH, Deltas, FEATURES, HIDDEN, Matrix, NGRAMS, Norm, Table};
use super::*;

const N_CHUNKS: usize = 3;
const ROWS_PER_CHUNK: usize = 5;

/// A small generator of numbers between -1 and 1 (xorshift).
struct Numbers(u64);

impl Numbers {
    fn step(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn next(&mut self) -> f32 {
        (self.step() % 2001) as f32 / 1000.0 - 1.0
    }

    /// Six bits each.
    fn levels(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| u8::try_from(self.step() % 64).unwrap()).collect()
    }

    fn vector(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| self.next() * scale).collect()
    }

    fn matrix(&mut self, n_in: usize, n_out: usize) -> Matrix {
        let scale = 1.5 / (n_in as f32).sqrt();
        Matrix { n_in, n_out, values: self.vector(n_in * n_out, scale) }
    }

    fn affine(&mut self, n_in: usize, n_out: usize) -> Affine {
        Affine { matrix: self.matrix(n_in, n_out), bias: self.vector(n_out, 0.3) }
    }

    fn norm(&mut self, len: usize) -> Norm {
        Norm { gain: self.vector(len, 1.0), bias: self.vector(len, 0.2) }
    }

    fn weights(&mut self) -> Weights {
        let table = Table {
            chunks: (0..N_CHUNKS).map(|_| self.levels(ROWS_PER_CHUNK * WIDTH)).collect(),
            scales: vec![0.1, 0.2, 0.3],
            shifts: vec![-3.0, -6.0, -9.0],
            rows_per_chunk: ROWS_PER_CHUNK,
            deltas: Deltas::default(),
        };
        let branches =
            NGRAMS.map(|ngram| [(); 2].map(|()| self.affine(ngram.order * BRANCH, BRANCH)));
        Weights {
            table,
            projection: self.affine(WIDTH, 3 * BRANCH),
            projection_norm: self.norm(3 * BRANCH),
            branches,
            feature_norm: self.norm(FEATURES),
            pool: self.affine(FEATURES, WIDTH),
            enter: self.matrix(WIDTH, 2 * HIDDEN),
            middle: self.matrix(HIDDEN, HIDDEN),
            leave: self.matrix(HIDDEN, 2 * WIDTH),
            last: self.matrix(WIDTH, WIDTH),
            epsilon: 1e-12,
        }
    }
}

/// The whole computation for one text, written as plainly as possible.
fn plain(weights: &Weights, ids: &[usize]) -> Vec<f32> {
    let mut features: Vec<Vec<f32>> = Vec::new();
    let mut projected = Vec::new();
    for id in ids {
        let mut embedding = Vec::new();
        assert!(weights.table.look_up(*id, &mut embedding));
        let row = affine(&embedding, &weights.projection);
        projected.push(norm(&row, &weights.projection_norm));
        features.push(embedding);
    }
    for (idx, (convolutions, ngram)) in weights.branches.iter().zip(NGRAMS).enumerate() {
        let columns = idx * BRANCH..(idx + 1) * BRANCH;
        let mut branch: Vec<Vec<f32>> =
            projected.iter().map(|row| row[columns.clone()].to_vec()).collect();
        for convolution in convolutions {
            let before = branch.clone();
            for (at, row) in branch.iter_mut().enumerate() {
                let mut window = Vec::new();
                for place in at..at + ngram.order {
                    let neighbour = place.checked_sub(ngram.left).and_then(|it| before.get(it));
                    window.extend_from_slice(neighbour.unwrap_or(&vec![0.0; BRANCH]));
                }
                let product = affine(&window, convolution);
                *row = before[at].iter().zip(product).map(|(x, y)| x + y.max(0.0)).collect();
            }
        }
        features.iter_mut().zip(branch).for_each(|(row, more)| row.extend(more));
    }
    let mut sums = vec![0.0; FEATURES];
    for row in &features {
        let row = norm(row, &weights.feature_norm);
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let root = (ids.len() as f32).sqrt();
    let mean: Vec<f32> = product(&sums, &weights.pool.matrix)
        .iter()
        .zip(&weights.pool.bias)
        .map(|(sum, bias)| (sum + ids.len() as f32 * bias) / root)
        .collect();
    head(weights, &mean)
}

fn head(weights: &Weights, mean: &[f32]) -> Vec<f32> {
    let (detour, direct) = halves(product(mean, &weights.enter), HIDDEN);
    let middle = product(&relu(&detour), &weights.middle);
    let hidden = relu(&sum(&direct, &middle));
    let (detour, direct) = halves(product(&hidden, &weights.leave), WIDTH);
    let out = sum(&direct, &product(&relu(&detour), &weights.last));
    let out: Vec<f32> = out.iter().map(|it| it.tanh()).collect();
    let length = out.iter().map(|it| it * it).sum::<f32>().sqrt();
    out.iter().map(|it| it / length).collect()
}

fn halves(mut values: Vec<f32>, at: usize) -> (Vec<f32>, Vec<f32>) {
    let second = values.split_off(at);
    (values, second)
}

fn relu(values: &[f32]) -> Vec<f32> {
    values.iter().map(|it| it.max(0.0)).collect()
}

fn sum(one: &[f32], other: &[f32]) -> Vec<f32> {
    one.iter().zip(other).map(|(a, b)| a + b).collect()
}

fn product(row: &[f32], matrix: &Matrix) -> Vec<f32> {
    let mut out = vec![0.0; matrix.n_out];
    for (value, weights) in row.iter().zip(matrix.values.chunks_exact(matrix.n_out)) {
        out.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
    }
    out
}

fn affine(row: &[f32], affine: &Affine) -> Vec<f32> {
    sum(&product(row, &affine.matrix), &affine.bias)
}

fn norm(row: &[f32], norm: &Norm) -> Vec<f32> {
    let n_values = row.len() as f32;
    let mean = row.iter().sum::<f32>() / n_values;
    let variance = row.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / n_values;
    let scaled = row.iter().map(|it| (it - mean) / (variance + 1e-12).sqrt());
    scaled.zip(&norm.gain).zip(&norm.bias).map(|((it, gain), bias)| it * gain + bias).collect()
}

fn model(threads: usize) -> CandleModel {
    let network = Network::new(Numbers(7).weights()).unwrap();
    CandleModel::new(Arc::new(network), threads).unwrap()
}

fn run(model: &mut CandleModel, shape: [usize; 2], ids: Vec<i64>) -> Result<Vec<f32>, EngineError> {
    let mut out = Vec::new();
    let input = Tensor::i64(shape, ids).unwrap();
    model.run(&[input], &mut |views| {
        assert_eq!(views[0].shape(), [shape[0], WIDTH]);
        out = views[0].data().to_vec();
    })?;
    Ok(out)
}

#[track_caller]
fn check_close(one: &[f32], other: &[f32], tolerance: f32) {
    assert_eq!(one.len(), other.len());
    let worst = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
fn the_network_computes_what_it_says() {
    let weights = Numbers(7).weights();
    let mut model = model(1);
    for ids in [vec![1, 2], vec![2], vec![1, 0, 14, 3, 9, 9, 0, 2], vec![5; 40]] {
        let expected = plain(&weights, &ids);
        let row = ids.iter().map(|id| i64::try_from(*id).unwrap()).collect();
        let found = run(&mut model, [1, ids.len()], row).unwrap();
        check_close(&found, &expected, 1e-5);
        let length: f32 = found.iter().map(|it| it * it).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
}

#[test]
fn deltas_are_added_to_the_embeddings_of_their_tokens() {
    let n_tokens = N_CHUNKS * ROWS_PER_CHUNK;
    let take = |ids: &[u32], n_rows: usize| {
        let mut arrays = Arrays::default();
        let (shape, values) = (vec![ids.len()], Values::U32(ids.to_vec()));
        arrays.insert("delta_ids", Array { shape, values });
        let rows = (0..n_rows).flat_map(|row| vec![row as f32 + 0.5; WIDTH]).collect();
        arrays.insert("deltas", Array { shape: vec![n_rows, WIDTH], values: Values::F32(rows) });
        Deltas::take(&mut arrays, n_tokens)
    };
    let mut table = Numbers(7).weights().table;
    let look_up = |table: &Table, id| {
        let mut values = vec![9.0];
        assert!(table.look_up(id, &mut values));
        values
    };
    let before = [3, 14, 2].map(|id| look_up(&table, id));
    table.deltas = take(&[3, 14], 2).unwrap();
    for ((id, before), delta) in [3, 14, 2].into_iter().zip(before).zip([0.5, 1.5, 0.0]) {
        let after = look_up(&table, id);
        assert_eq!((after[0], after[1] - before[1]), (9.0, delta));
        check_close(
            &after[1..],
            &before[1..].iter().map(|it| it + delta).collect::<Vec<_>>(),
            1e-5,
        );
    }
    assert_eq!(Deltas::take(&mut Arrays::default(), n_tokens), Ok(Deltas::default()));
    for (ids, n_rows) in [(vec![15], 1), (vec![3, 3], 2), (vec![1, 2], 1)] {
        assert!(take(&ids, n_rows).is_err(), "{ids:?}");
    }
}

#[test]
fn a_row_gives_the_same_alone_and_among_others() {
    // Enough rows for several groups, of different lengths, with unknown tokens (0) inside.
    let lens: Vec<usize> = (0..40).map(|idx| 3 + idx * 7 % 30).collect();
    let longest = *lens.iter().max().unwrap();
    let mut ids = Vec::new();
    for (idx, len) in lens.iter().enumerate() {
        let row = (0..len - 1).map(|at| i64::try_from((at * 5 + idx) % 15).unwrap());
        ids.extend(row.chain([2]).chain((*len..longest).map(|_| 0)));
    }
    for threads in [1, 3] {
        let mut model = model(threads);
        let together = run(&mut model, [lens.len(), longest], ids.clone()).unwrap();
        for (idx, row) in ids.chunks(longest).enumerate() {
            let alone = run(&mut model, [1, lens[idx]], row[..lens[idx]].to_vec()).unwrap();
            check_close(&alone, &together[idx * WIDTH..(idx + 1) * WIDTH], 1e-5);
        }
    }
}

#[test]
fn groups_keep_order_and_bounds() {
    let rows: Vec<Vec<usize>> = [10, 300, 100, 500, 1].map(|len| vec![len; len]).to_vec();
    let lens = |threads| -> Vec<Vec<usize>> {
        let groups = group(&rows, threads);
        let texts = |batch: &Batch| batch.texts.iter().map(|text| batch.ids[text.start]).collect();
        groups.iter().map(texts).collect()
    };
    assert_eq!(lens(1), [vec![10, 300], vec![100], vec![500], vec![1]]);
    assert_eq!(lens(8), [vec![10], vec![300], vec![100], vec![500], vec![1]]);
}

#[test]
fn unfit_rows_are_refused() {
    let mut model = model(1);
    for ids in [vec![0, 0], vec![1, 15], vec![-1, 2]] {
        let error = run(&mut model, [1, 2], ids).unwrap_err();
        assert!(matches!(error, EngineError::BadInput(_)), "{error}");
    }
    let long = run(&mut model, [1, MAX_TEXT + 1], vec![2; MAX_TEXT + 1]).unwrap_err();
    assert!(matches!(long, EngineError::BadInput(_)), "{long}");
    let floats = Tensor::f32([1, 2], vec![1.0, 2.0]).unwrap();
    assert!(model.run(&[floats], &mut |_| ()).is_err());
}

#[test]
fn another_device_computes_the_same() {
    let mut weights = Numbers(7).weights();
    let n_tokens = N_CHUNKS * ROWS_PER_CHUNK;
    weights.table.deltas.slots = (0..n_tokens).map(|id| u32::from(id == 9)).collect();
    weights.table.deltas.rows = vec![0.25; WIDTH];
    let device = candle_core::Device::Cpu;
    {
        let dtype = candle_core::DType::F32;
        let model = gpu::GpuModel::open(&weights, &device, dtype, 2).unwrap().pop();
        let rows: [&[i64]; 3] = [&[1, 0, 14, 3, 9, 9, 2], &[2, 0, 0, 0, 0, 0, 0], &[5; 7]];
        let mut out = Vec::new();
        let input = Tensor::i64([3, 7], rows.concat()).unwrap();
        model.unwrap().run(&[input], &mut |views| out = views[0].data().to_vec()).unwrap();
        for (row, found) in rows.iter().zip(out.chunks_exact(WIDTH)) {
            let len = row.iter().rposition(|id| *id != 0).unwrap() + 1;
            let ids: Vec<usize> =
                row[..len].iter().map(|id| usize::try_from(*id).unwrap()).collect();
            check_close(found, &plain(&weights, &ids), 1e-5);
        }
    }
}
