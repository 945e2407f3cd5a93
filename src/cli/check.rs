//! `fenwen models check`: the models on this machine's device against the golden answers of their manifests.

use std::io::Write;

use anyhow::{Context, ensure};

use crate::config::Config;
use crate::engine::{Placement, TensorModel};
use crate::registry::{Model, ModelState};
use crate::tensor::Tensor;

use super::encoder;
use super::networks::Opener;

/// Checks the models named, else all that are here and have a golden answer; one line each.
pub(super) fn run(ids: &[String], config: &Config) -> anyhow::Result<()> {
    let opener = Opener::new(config)?;
    let registry = opener.registry();
    for id in ids {
        registry.model(id)?;
    }
    let mut out = std::io::stdout().lock();
    let (mut n_checked, mut n_wrong) = (0, 0);
    for model in registry.models() {
        let manifest = &model.manifest;
        let id = &manifest.id;
        let has_answer = manifest.golden.is_some() || manifest.golden_text.is_some();
        let is_named = ids.iter().any(|it| it == id.as_str());
        let is_here = || -> anyhow::Result<bool> {
            Ok(matches!(registry.check(id.as_str())?, ModelState::Ready))
        };
        if !has_answer || !is_named && (!ids.is_empty() || !is_here()?) {
            continue;
        }
        n_checked += 1;
        match difference(&opener, model)? {
            None => writeln!(out, "{id}:與標準答案相符({})", opener.device())?,
            Some(what) => {
                n_wrong += 1;
                writeln!(out, "{id}:不符:{what}({})", opener.device())?;
            }
        }
    }
    ensure!(0 < n_checked, "沒有可檢驗的模型:請先執行 fenwen models pull");
    ensure!(n_wrong == 0, "{n_wrong} 個模型與標準答案不符");
    Ok(())
}

/// The first difference to the golden answer, in words.
fn difference(opener: &Opener, model: &Model) -> anyhow::Result<Option<String>> {
    let manifest = &model.manifest;
    let verified = opener.verified(manifest.id.as_str())?;
    let placement = Placement { sessions: 1, ..opener.placement() };
    let mut copy = opener.copies(&verified, placement)?.pop().context("未能建立模型副本")?;
    if let Some(golden) = &manifest.golden {
        let input = Tensor::f32(golden.shape, golden.input())?;
        let (shape, values) = run_once(copy.as_mut(), input)?;
        return Ok(golden.difference(&shape, &values));
    }
    let Some(golden) = &manifest.golden_text else { return Ok(None) };
    let ids = encoder::tokenizer(&verified)?.tokenize(&golden.text).ids;
    let input = Tensor::i64([1, ids.len()], ids.iter().map(|it| i64::from(*it)).collect())?;
    let (shape, values) = run_once(copy.as_mut(), input)?;
    Ok(golden.difference(&ids, &shape, &values))
}

/// Shape and values of the first output.
fn run_once(model: &mut dyn TensorModel, input: Tensor) -> anyhow::Result<(Vec<usize>, Vec<f32>)> {
    let mut output = None;
    model.run(&[input], &mut |views| {
        output = views.first().map(|it| (it.shape().to_vec(), it.data().to_vec()));
    })?;
    output.context("模型沒有輸出")
}
