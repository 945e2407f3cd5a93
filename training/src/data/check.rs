//! Whether data are what their manifests say: hash, rows and fields.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use fenwen::base::hex;
use sha2::{Digest, Sha256};

use super::manifest::{self, Manifest};
use super::rows;

/// Checks manifests (already read, so valid) and, with a folder, their files. Files that are not there are told, and
/// are no failure: data are never part of the repository.
pub(super) fn run(
    manifests: &[&Manifest],
    data: Option<&Path>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut n_wrong = 0;
    for it in manifests {
        writeln!(out, "{}\t說明檔正確", it.id)?;
        for file in &it.files {
            let Some(folder) = data else { continue };
            let path = folder.join(&file.name);
            if !path.try_exists()? {
                writeln!(out, "{}\t{}\t不在此處,略過", it.id, file.name)?;
                continue;
            }
            let problems = problems(it, file, &path)?;
            n_wrong += problems.len();
            if problems.is_empty() {
                writeln!(out, "{}\t{}\t正確", it.id, file.name)?;
            }
            for problem in problems {
                writeln!(out, "{}\t{}\t{problem}", it.id, file.name)?;
            }
        }
    }
    if 0 < n_wrong {
        bail!("有 {n_wrong} 處與說明檔不符");
    }
    Ok(())
}

fn problems(
    manifest: &Manifest,
    file: &manifest::File,
    path: &Path,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let sha256 = hash(path)?;
    if sha256 != file.sha256 {
        found.push(format!("雜湊不符:{sha256}"));
    }
    let rows = rows::read(path)?;
    if rows.len() != file.rows {
        found.push(format!("筆數不符:{}", rows.len()));
    }
    for field in manifest.schema.keys() {
        let n_missing = rows.iter().filter(|it| !it.contains_key(field)).count();
        if 0 < n_missing {
            found.push(format!("{n_missing} 筆缺少欄位 {field}"));
        }
    }
    let mut unknown: Vec<&String> = rows
        .iter()
        .flat_map(|it| it.keys())
        .filter(|it| !manifest.schema.contains_key(*it))
        .collect();
    unknown.sort();
    unknown.dedup();
    found.extend(unknown.into_iter().map(|it| format!("說明檔未載的欄位 {it}")));
    Ok(found)
}

fn hash(path: &Path) -> anyhow::Result<String> {
    let file = File::open(path).with_context(|| format!("無法開啟 {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n_read = reader.read(&mut buffer)?;
        match buffer.get(..n_read) {
            Some(part) if 0 < n_read => hasher.update(part),
            _ => return Ok(hex(&hasher.finalize())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str =
        "{\"part\": \"train\", \"text\": \"甲\"}\n{\"part\": \"dev\", \"text\": \"乙\"}\n";

    fn check(sha256: &str, n_rows: usize, fields: &[&str]) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jsonl"), ROWS).unwrap();
        let schema: String = fields.iter().map(|it| format!("{it} = 'x'\n")).collect();
        let text = format!(
            "id = 'x-v1'\ntitle = 't'\ntask = 'k'\nsource = 's'\nlicence = 'MIT'\nmay_ship_models = false\n\
             how_made = 'h'\nlabels = 'l'\n[personal_data]\nclass = 'none'\nstate = 'not_needed'\nnote = 'n'\n\
             [split]\nrule = 'r'\n[schema]\n{schema}[[file]]\nname = 'a.jsonl'\nsha256 = '{sha256}'\nrows = {n_rows}\n\
             [[file]]\nname = 'absent.jsonl'\nsha256 = '{sha256}'\nrows = 0\n"
        );
        std::fs::write(folder.path().join("x-v1.toml"), text).unwrap();
        let manifests = manifest::read_all(folder.path()).unwrap();
        let mut out = Vec::new();
        let chosen: Vec<&Manifest> = manifests.iter().collect();
        let result = run(&chosen, Some(folder.path()), &mut out);
        (result.is_ok(), String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_difference_is_told() {
        let right = hex(&Sha256::digest(ROWS));
        let (is_right, told) = check(&right, 2, &["part", "text"]);
        assert!(is_right && told.contains("不在此處"), "{told}");
        let wrong = "0".repeat(64);
        let (is_right, told) = check(&wrong, 3, &["part", "label"]);
        assert!(!is_right);
        for problem in ["雜湊不符", "筆數不符:2", "2 筆缺少欄位 label", "說明檔未載的欄位 text"]
        {
            assert!(told.contains(problem), "{problem}: {told}");
        }
    }
}
