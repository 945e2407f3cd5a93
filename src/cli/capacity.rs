//! `fenwen capacity`: how many workers so many calls need, from what was measured.

mod station;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Deserialize;

use station::{MAX_WORKERS, Station, Times, Unmet};

/// Workers of the table.
const WORKERS: [usize; 7] = [10, 30, 100, 300, 1_000, 3_000, MAX_WORKERS];

const MS_PER_HOUR: f64 = 3_600_000.0;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 實測數據(TOML),例如 eval/capacity/h200.toml 或 eval/capacity/two-cores.toml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// 只算其中一項
    #[arg(long, value_name = "NAME")]
    station: Option<String>,
    /// 每小時件數:算出所需的節點數;未指定時列出 10 到 10,000 個節點的容量
    #[arg(long, value_name = "CALLS", value_parser = positive)]
    per_hour: Option<f64>,
    /// 第 95 百分位的目標(毫秒);未指定時用檔案中的目標
    #[arg(long, value_name = "MS", value_parser = positive)]
    p95_ms: Option<f64>,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|it: &f64| 0.0 < *it && it.is_finite());
    number.ok_or_else(|| "須為大於 0 的數字".to_owned())
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measurements {
    /// Where and when it was measured.
    source: String,
    /// What one database carries.
    store: Option<StoreCost>,
    station: BTreeMap<String, Measured>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreCost {
    /// Where it was measured, where that was elsewhere.
    source: Option<String>,
    /// Jobs a second that one database carries from order to end.
    jobs_per_s: f64,
    /// Answers a second that one database keeps; not measured where it is missing.
    answers_per_s: Option<f64>,
}

impl StoreCost {
    /// Calls of an hour that one database carries; none where that was not measured.
    fn ceiling(&self, writes: Writes) -> Option<f64> {
        let per_s = match writes {
            Writes::Nothing => None,
            Writes::Job => Some(self.jobs_per_s),
            Writes::Answer => self.answers_per_s,
        };
        per_s.map(|it| it * MS_PER_HOUR / 1000.0)
    }
}

/// What each call writes to the database.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Writes {
    Nothing,
    Answer,
    Job,
}

/// What was measured of one kind of call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    title: String,
    /// Batches that a worker has in work at once.
    slots: usize,
    /// Rows of a batch, at most.
    batch: usize,
    /// Rows of a call.
    #[serde(default = "one")]
    rows: usize,
    /// Standard deviation of a batch's time, as a share of its mean.
    spread: f64,
    /// Milliseconds that 95 of 100 calls may take.
    p95_ms: f64,
    /// Whether each call is a job in the store.
    #[serde(default)]
    is_job: bool,
    /// Whether each answer is kept in the store.
    #[serde(default)]
    is_kept: bool,
    /// Rows of a batch and the milliseconds that it took.
    measured: Vec<(usize, f64)>,
}

fn one() -> usize {
    1
}

impl Measured {
    fn check(&self) -> Result<(), &'static str> {
        if [self.slots, self.batch, self.rows].contains(&0) || self.batch < self.rows {
            return Err("slots, batch and rows are 1 or more, and a batch holds a call");
        }
        let is_bad = |it: &f64| !it.is_finite() || *it < 0.0;
        if is_bad(&self.spread) || is_bad(&self.p95_ms) {
            return Err("spread and p95_ms are no numbers from 0");
        }
        match self.measured.iter().any(|(rows, ms)| *rows == 0 || is_bad(ms) || *ms == 0.0) {
            true => Err("measured has pairs of rows and milliseconds above 0"),
            false if self.measured.is_empty() => Err("measured is empty"),
            false => Ok(()),
        }
    }

    fn writes(&self) -> Writes {
        match (self.is_job, self.is_kept) {
            (true, _) => Writes::Job,
            (false, true) => Writes::Answer,
            (false, false) => Writes::Nothing,
        }
    }

    /// What was measured as a line, `fixed + each × rows`, of the least relative error, and the largest of these errors.
    fn fitted(&self) -> (Station, f64) {
        let points = || self.measured.iter().map(|&(rows, ms)| (rows as f64, ms));
        // Least squares of fixed × (1 / ms) + each × (rows / ms) = 1, by its normal equations.
        let sum = |of: fn(f64, f64) -> f64| -> f64 {
            points().map(|(rows, ms)| of(1.0 / ms, rows / ms)).sum()
        };
        let (inverse, share) = (sum(|inverse, _| inverse), sum(|_, share| share));
        let inverse_squared = sum(|inverse, _| inverse * inverse);
        let share_squared = sum(|_, share| share * share);
        let product = sum(|inverse, share| inverse * share);
        let determinant = inverse_squared * share_squared - product * product;
        let is_line = 1e-9 * inverse_squared * share_squared < determinant;
        let fixed = match is_line {
            true => (inverse * share_squared - share * product) / determinant,
            false => 0.0,
        };
        // Nothing is faster than in proportion.
        let fixed = fixed.max(0.0);
        let each = ((share - fixed * product) / share_squared).max(0.0);
        let error = points().map(|(rows, ms)| ((fixed + each * rows) / ms - 1.0).abs());
        let station = Station {
            slots: self.slots,
            batch: self.batch / self.rows,
            fixed_ms: fixed,
            each_ms: each * self.rows as f64,
            spread: self.spread,
        };
        (station, error.fold(0.0, f64::max))
    }
}

/// Prints what the measurements mean for so many calls, or so many workers.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let measurements = read(&options.file)?;
    let mut out = format!("{}\n", measurements.source);
    let mut n_shown = 0;
    for (name, measured) in &measurements.station {
        if options.station.as_ref().is_some_and(|it| it != name) {
            continue;
        }
        n_shown += 1;
        let (station, error) = measured.fitted();
        let target = options.p95_ms.unwrap_or(measured.p95_ms);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "\n## {}(`{name}`)\n\n一批 {:.1} + {:.2} × 件數 毫秒(與實測相差最多 {:.0} %),每節點同時 {} 批,每批至多 {} 件;\
             目標:95 % 於 {target:.0} 毫秒內。\n",
            measured.title,
            station.fixed_ms,
            station.each_ms,
            error * 100.0,
            station.slots,
            station.batch
        );
        match options.per_hour {
            Some(per_hour) => answer(&station, per_hour, target, &mut out)
                .with_context(|| format!("{name}:每小時 {per_hour:e} 件"))?,
            None => table(&station, target, &mut out),
        }
        database(&measurements, measured.writes(), options.per_hour, &mut out);
    }
    if n_shown == 0 {
        let names: Vec<&str> = measurements.station.keys().map(String::as_str).collect();
        bail!("{} 沒有這個站點:其中有 {}", options.file.display(), names.join(", "));
    }
    Ok(std::io::stdout().lock().write_all(out.as_bytes())?)
}

fn read(path: &Path) -> anyhow::Result<Measurements> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))?;
    let measurements: Measurements =
        toml::from_str(&text).with_context(|| format!("{} 的格式不符", path.display()))?;
    for (name, it) in &measurements.station {
        let checked = it.check();
        ensure!(
            checked.is_ok(),
            "{}: {name}: {}",
            path.display(),
            checked.err().unwrap_or_default()
        );
    }
    Ok(measurements)
}

/// What one database means for it: its workers share it, so that more of them do not help where it is the bound.
fn database(all: &Measurements, writes: Writes, per_hour: Option<f64>, out: &mut String) {
    if writes == Writes::Nothing {
        return;
    }
    let Some((store, ceiling)) = all.store.as_ref().and_then(|it| Some((it, it.ceiling(writes)?)))
    else {
        out.push_str(
            "\n未計入資料庫:檔案沒有它的實測(store)。節點共用一座資料庫,請先量測再決定節點數。\n",
        );
        return;
    };
    let source = store.source.as_ref().unwrap_or(&all.source);
    let _ = match per_hour {
        Some(per_hour) if ceiling < per_hour => writeln!(
            out,
            "\n警告:受限於資料庫。一座至多每小時 {ceiling:.0} 件({source}),每小時 {per_hour:.0} 件須分為 {:.0} 座;\
             只增加節點沒有幫助。",
            (per_hour / ceiling).ceil()
        ),
        Some(per_hour) => writeln!(
            out,
            "\n資料庫:為一座上限(每小時 {ceiling:.0} 件;{source})的 {:.0} %。",
            per_hour / ceiling * 100.0
        ),
        None => writeln!(
            out,
            "\n一座資料庫至多每小時 {ceiling:.0} 件({source});超過時須分為數座,只增加節點沒有幫助。"
        ),
    };
}

fn answer(station: &Station, per_hour: f64, target: f64, out: &mut String) -> anyhow::Result<()> {
    let _ = match station.workers_for(per_hour, target) {
        Ok((n, times)) => {
            writeln!(out, "每小時 {per_hour:.0} 件需要 {n} 個節點:{}。", said(&times))
        }
        Err(Unmet::TooSlow) => {
            writeln!(out, "做不到:沒有其他呼叫時,一件也需要更久。請放寬目標或改用較快的裝置。")
        }
        Err(Unmet::TooMany) => {
            bail!("所需的節點超過可推算的上限 {MAX_WORKERS} 個;請確認 --per-hour 的數字")
        }
    };
    Ok(())
}

fn said(it: &Times) -> String {
    let Times { mean, p50, p95, p99, busy } = it;
    let busy = busy * 100.0;
    format!("平均 {mean:.0}、p50 {p50:.0}、p95 {p95:.0}、p99 {p99:.0} 毫秒,使用率 {busy:.0} %")
}

fn table(station: &Station, target: f64, out: &mut String) {
    out.push_str("| 節點 | 每小時件數 | 每節點 | 使用率 | p50 毫秒 | p95 毫秒 | p99 毫秒 |\n|---:|---:|---:|---:|---:|---:|---:|\n");
    for n in WORKERS {
        let _ = match station.rate_for(n, target) {
            Some((rate, it)) => writeln!(
                out,
                "| {n} | {rate:.0} | {:.0} | {:.0} % | {:.0} | {:.0} | {:.0} |",
                rate / n as f64,
                it.busy * 100.0,
                it.p50,
                it.p95,
                it.p99
            ),
            None => writeln!(out, "| {n} | – | – | – | – | – | – |"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(pairs: &[(usize, f64)]) -> Measured {
        Measured {
            title: String::new(),
            slots: 1,
            batch: 64,
            rows: 2,
            spread: 0.0,
            p95_ms: 1.0,
            is_job: false,
            is_kept: false,
            measured: pairs.to_vec(),
        }
    }

    #[track_caller]
    fn check(pairs: &[(usize, f64)], fixed: f64, each: f64) {
        let (station, _) = measured(pairs).fitted();
        let found = [station.fixed_ms, station.each_ms];
        let near = found.iter().zip([fixed, each]).all(|(it, other)| (it - other).abs() < 1e-6);
        assert!(near, "{found:?}");
        assert_eq!(station.batch, 32);
    }

    #[test]
    fn a_line_is_found_again() {
        check(&[(1, 11.0), (16, 26.0), (64, 74.0)], 10.0, 2.0);
        check(&[(4, 8.0)], 0.0, 4.0);
        // No batch begins before it is given.
        check(&[(1, 1.0), (2, 3.0)], 0.0, 30.0 / 13.0);
    }

    #[test]
    fn a_file_that_means_nothing_is_refused() {
        assert!(measured(&[(1, 1.0)]).check().is_ok());
        for bad in [&[][..], &[(0, 1.0)], &[(1, 0.0)], &[(1, f64::NAN)]] {
            assert!(measured(bad).check().is_err());
        }
        assert!(Measured { batch: 1, ..measured(&[(1, 1.0)]) }.check().is_err());
    }
    /// What is said of a file's station at so many calls of an hour.
    #[track_caller]
    fn told(writes: Writes, per_hour: Option<f64>, store: Option<StoreCost>) -> String {
        let all = Measurements { source: "此機".to_owned(), store, station: BTreeMap::new() };
        let mut out = String::new();
        database(&all, writes, per_hour, &mut out);
        out
    }

    #[test]
    fn the_database_is_warned_of_where_it_is_the_bound() {
        let store = || StoreCost { source: None, jobs_per_s: 100.0, answers_per_s: Some(200.0) };
        let over = told(Writes::Job, Some(900_000.0), Some(store()));
        assert!(
            over.contains("警告") && over.contains("360000") && over.contains("3 座"),
            "{over}"
        );
        let under = told(Writes::Answer, Some(360_000.0), Some(store()));
        assert!(!under.contains("警告") && under.contains("50 %"), "{under}");
        assert!(told(Writes::Answer, None, Some(store())).contains("720000"));
        assert!(told(Writes::Job, None, None).contains("未計入資料庫"));
        let part = StoreCost { answers_per_s: None, ..store() };
        assert!(told(Writes::Answer, None, Some(part)).contains("未計入資料庫"));
        assert_eq!(told(Writes::Nothing, Some(1.0), Some(store())), "");
    }

    #[test]
    fn every_service_has_figures_and_a_database() {
        let mut names = Vec::new();
        for file in ["h200.toml", "two-cores.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("eval/capacity").join(file);
            let found = read(&path).unwrap();
            assert!(found.store.is_some(), "{file}");
            names.extend(found.station.into_keys());
        }
        for service in ["letters", "documents", "speech", "questions", "id-images"] {
            assert!(names.iter().any(|it| it.starts_with(service)), "{service}: {names:?}");
        }
    }
}
