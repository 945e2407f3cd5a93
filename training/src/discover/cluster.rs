//! Groups of like vectors: K-means from K-means++ starts, or merging the nearest again and again.

use anyhow::ensure;
use clap::ValueEnum;
use kodama::linkage;
use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::distance::Euclid;

/// Starts of K-means; the tightest result is kept.
const N_RUNS: usize = 2;
/// Rounds of one start, at most.
const MAX_ROUNDS: u64 = 60;
/// Movement of all centres together at which a run ends: some rows of ten thousand still change sides.
const TOLERANCE: f32 = 0.02;
/// Most rows that are merged: their distances take 400 MB.
pub(super) const MAX_MERGED: usize = 14_000;
/// Rows whose distances are computed at a time.
const BLOCK: usize = 256;

/// How groups are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// K-means(K-means++ 起始);適合大量資料
    Kmeans,
    /// 階層式合併;可用距離門檻,資料量有上限
    Agglomerative,
}

impl Method {
    /// Name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Kmeans => "kmeans",
            Method::Agglomerative => "agglomerative",
        }
    }
}

/// Which distance of two groups decides whether they are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Linkage {
    /// 合併後組內差異增加最少者(大小較平均)
    Ward,
    /// 兩群各筆之間的平均距離
    Average,
    /// 兩群各筆之間的最大距離
    Complete,
}

/// Where merging ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    /// At so many groups.
    Groups(usize),
    /// When the nearest two are farther apart.
    Distance(f32),
}

/// The group of each row, by size: 0 is the largest, the first row decides between groups of one size.
pub(super) fn kmeans(
    vectors: &Array2<f32>,
    n_groups: usize,
    seed: u64,
) -> anyhow::Result<Vec<usize>> {
    let n_rows = vectors.nrows();
    ensure!((2..=n_rows).contains(&n_groups), "群數應介於 2 與 {n_rows} 之間");
    let data = DatasetBase::from(vectors.view());
    let model = KMeans::params_with(n_groups, Xoshiro256PlusPlus::seed_from_u64(seed), Euclid)
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(N_RUNS)
        .max_n_iterations(MAX_ROUNDS)
        .tolerance(TOLERANCE)
        .fit(&data)?;
    let groups: Array1<usize> = model.predict(&data);
    Ok(by_size(&groups.to_vec()))
}

/// As [`kmeans`], by merging.
pub(super) fn merge(
    vectors: &Array2<f32>,
    linkage: Linkage,
    stop: Stop,
) -> anyhow::Result<Vec<usize>> {
    let n_rows = vectors.nrows();
    ensure!(n_rows <= MAX_MERGED, too_many(n_rows));
    if let Stop::Groups(n_groups) = stop {
        ensure!((1..=n_rows).contains(&n_groups), "群數應介於 1 與 {n_rows} 之間");
    }
    let method = match linkage {
        Linkage::Ward => kodama::Method::Ward,
        Linkage::Average => kodama::Method::Average,
        Linkage::Complete => kodama::Method::Complete,
    };
    let tree = self::linkage(&mut distances(vectors), n_rows, method);
    let mut parents: Vec<usize> = (0..2 * n_rows).collect();
    for (step, merged) in tree.steps().iter().zip(n_rows..) {
        let goes_on = match stop {
            Stop::Groups(n_groups) => n_groups < 2 * n_rows - merged,
            Stop::Distance(distance) => step.dissimilarity <= distance,
        };
        if !goes_on {
            break;
        }
        parents[step.cluster1] = merged;
        parents[step.cluster2] = merged;
    }
    let root = |mut row: usize| {
        while parents[row] != row {
            row = parents[row];
        }
        row
    };
    Ok(by_size(&(0..n_rows).map(root).collect::<Vec<usize>>()))
}

/// Why so many rows are not merged.
pub(super) fn too_many(n_rows: usize) -> String {
    let n_bytes = n_rows * n_rows.saturating_sub(1) / 2 * size_of::<f32>();
    format!(
        "{n_rows} 筆超過階層式分群的上限 {MAX_MERGED} 筆(兩兩距離需 {} MB),請改用 --method kmeans,或先抽樣",
        n_bytes >> 20
    )
}

/// Euclidean distances of unit vectors: of rows 0 and 1, 0 and 2, … 1 and 2, …
fn distances(vectors: &Array2<f32>) -> Vec<f32> {
    let n_rows = vectors.nrows();
    let mut distances = Vec::with_capacity(n_rows * n_rows.saturating_sub(1) / 2);
    for start in (0..n_rows).step_by(BLOCK) {
        let end = (start + BLOCK).min(n_rows);
        let block = vectors.slice(s![start..end, ..]);
        let products = block.dot(&vectors.slice(s![start.., ..]).t());
        for (row, products) in products.axis_iter(Axis(0)).enumerate() {
            let after = products.iter().skip(row + 1);
            distances.extend(after.map(|it| (2.0 - 2.0 * it).max(0.0).sqrt()));
        }
    }
    distances
}

/// Renumbers groups by size.
fn by_size(groups: &[usize]) -> Vec<usize> {
    let n_groups = groups.iter().max().map_or(0, |it| it + 1);
    let mut found: Vec<(usize, usize)> = vec![(0, usize::MAX); n_groups];
    for (row, group) in groups.iter().enumerate() {
        found[*group].0 += 1;
        found[*group].1 = found[*group].1.min(row);
    }
    let mut order: Vec<usize> = (0..n_groups).filter(|it| 0 < found[*it].0).collect();
    order.sort_by_key(|it| (std::cmp::Reverse(found[*it].0), found[*it].1));
    let mut numbers = vec![0; n_groups];
    for (number, group) in order.into_iter().enumerate() {
        numbers[group] = number;
    }
    groups.iter().map(|it| numbers[*it]).collect()
}

/// Cosine of each row with the centre of its group.
pub(super) fn closeness(vectors: &Array2<f32>, groups: &[usize]) -> Vec<f32> {
    let n_groups = groups.iter().max().map_or(0, |it| it + 1);
    let mut centres = Array2::<f32>::zeros((n_groups, vectors.ncols()));
    for (row, group) in vectors.axis_iter(Axis(0)).zip(groups) {
        let mut centre = centres.row_mut(*group);
        centre += &row;
    }
    let norm = |it: ArrayView1<'_, f32>| it.dot(&it).sqrt().max(f32::MIN_POSITIVE);
    let norms: Vec<f32> = centres.axis_iter(Axis(0)).map(norm).collect();
    let rows = vectors.axis_iter(Axis(0)).zip(groups);
    rows.map(|(row, group)| row.dot(&centres.row(*group)) / norms[*group]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projection::normalise;

    /// Three bundles of 20, 5 and 5 directions.
    fn bundles() -> Array2<f32> {
        let mut values = Vec::new();
        for row in 0..30_u8 {
            let bundle = usize::from(row % 6).saturating_sub(3);
            let mut vector = [0.1, 0.1, 0.1, f32::from(row) / 100.0];
            vector[bundle] = 1.0;
            normalise(&mut vector);
            values.extend(vector);
        }
        Array2::from_shape_vec((30, 4), values).unwrap()
    }

    fn sizes(groups: &[usize]) -> Vec<usize> {
        let n_groups = groups.iter().max().unwrap() + 1;
        (0..n_groups).map(|it| groups.iter().filter(|group| **group == it).count()).collect()
    }

    #[test]
    fn bundles_are_found_by_every_method() {
        let vectors = bundles();
        let found = kmeans(&vectors, 3, 1).unwrap();
        assert_eq!(sizes(&found), [20, 5, 5]);
        assert_eq!(found, kmeans(&vectors, 3, 1).unwrap());
        for linkage in [Linkage::Ward, Linkage::Average, Linkage::Complete] {
            assert_eq!(merge(&vectors, linkage, Stop::Groups(3)).unwrap(), found);
            assert_eq!(merge(&vectors, linkage, Stop::Distance(0.6)).unwrap(), found);
        }
        let all = merge(&vectors, Linkage::Average, Stop::Distance(9.0)).unwrap();
        assert_eq!(sizes(&all), [30]);
        let none = merge(&vectors, Linkage::Average, Stop::Groups(30)).unwrap();
        assert_eq!(none, (0..30).collect::<Vec<usize>>());
    }

    #[test]
    fn the_middle_is_closest() {
        let vectors = Array2::from_shape_vec((3, 2), vec![1.0, 0.0, 0.8, 0.6, 0.0, 1.0]).unwrap();
        let found = closeness(&vectors, &[0, 0, 0]);
        assert!(found[0] < found[1] && found[2] < found[1], "{found:?}");
        assert_eq!(closeness(&vectors, &[0, 1, 2]), [1.0, 1.0, 1.0]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let vectors = bundles();
        assert!(kmeans(&vectors, 1, 1).is_err() && kmeans(&vectors, 31, 1).is_err());
        assert!(merge(&vectors, Linkage::Ward, Stop::Groups(31)).is_err());
        let many = Array2::zeros((MAX_MERGED + 1, 1));
        let error = merge(&many, Linkage::Ward, Stop::Groups(2)).unwrap_err().to_string();
        assert!(error.contains("kmeans"), "{error}");
    }
}
