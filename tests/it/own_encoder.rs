//! A classifier that brings an encoder of its own: taken in with it, served, signed, and refused where it is another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use fenwen::base::hex;
use fenwen::cli::encoder;
use fenwen::config::{Config, Overrides};
use fenwen::engine::{
    Array, EngineKind, OpenOptions, Tokenizer, Values, open_replicas, read_arrays,
};
use fenwen::pipeline::encode::BulkEncoder;
use fenwen::registry::VerifiedFile;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::http::texts::{LETTERS, classifier, letter, post};
use crate::support::{ENCODER, Server, TOKENIZER, pulled};

/// A folder as `fenwen train` writes it.
struct Trained {
    out: PathBuf,
    /// Name of the encoder.
    id: String,
    /// SHA-256 of its weights.
    sha256: String,
    /// Its vector of the text below.
    vector: Vec<f32>,
}

const TEXT: &str = "土地";

impl Trained {
    /// The common encoder with other embeddings of the tokens of the text, and a classifier for which it speaks louder
    /// than words.
    fn new(folder: &Path) -> Trained {
        let tokenizer = Arc::new(Tokenizer::open(&pulled(TOKENIZER)).unwrap());
        let mut ids = tokenizer.tokenize(TEXT).ids;
        ids.sort_unstable();
        let deltas = (0..ids.len() * 512).map(|idx| (idx % 7) as f32 * 0.05).collect();
        let mut arrays = read_arrays(&pulled(ENCODER)).unwrap();
        let shape = vec![ids.len(), 512];
        arrays.insert("deltas", Array { shape, values: Values::F32(deltas) });
        arrays.insert("delta_ids", Array { shape: vec![ids.len()], values: Values::U32(ids) });
        let bytes = arrays.to_safetensors().unwrap();
        let sha256 = hex(&Sha256::digest(&bytes));
        let (id, out) = (format!("own-{}", &sha256[..8]), folder.join("out"));
        let place = out.join(&id);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("encoder.safetensors"), &bytes).unwrap();
        fs::copy(pulled(TOKENIZER).path(), place.join("sp.model")).unwrap();
        fs::write(place.join("CARD.md"), "# own\n").unwrap();
        let file = |role: &str, name: &str, n_bytes: usize, sha256: &str| {
            format!(
                "[[file]]\nrole = \"{role}\"\nname = \"{name}\"\nbytes = {n_bytes}\nsha256 = \"{sha256}\"\n\
                 sources = [\"dir:{id}\"]\n"
            )
        };
        let manifest = format!(
            "schema = 1\nid = \"{id}\"\nversion = \"1\"\ntask = \"sentence-embedding\"\nengine = \"candle\"\n\
             licence = \"Apache-2.0\"\nprovenance = \"a test\"\n{}{}",
            file("weights", "encoder.safetensors", bytes.len(), &sha256),
            file("tokenizer", "sp.model", 2_527_207, TOKENIZER),
        );
        fs::write(place.join("model.toml"), manifest).unwrap();

        let weights = VerifiedFile::check(&place.join("encoder.safetensors"), &sha256).unwrap();
        let options = OpenOptions { engine: EngineKind::Candle, ..OpenOptions::default() };
        let models = open_replicas(&weights, &options, 1).unwrap();
        let mut bulk = BulkEncoder::new(tokenizer, models);
        let vector = bulk.encode(&[TEXT], |_| ()).unwrap().values;
        classifier::write_fused(&out, &sha256, &vector);
        Trained { out, id, sha256, vector }
    }

    /// Takes it in as the classifier of letters.
    fn activate(&self, data: &Path) -> Output {
        fenwen(data, &["models", "activate", "letters", self.out.to_str().unwrap()])
    }

    /// Where its weights lie when it is taken in.
    fn weights(&self, data: &Path) -> PathBuf {
        data.join("encoders").join(&self.id).join("encoder.safetensors")
    }
}

/// Runs a command on a machine whose store of models is empty.
fn fenwen(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.args(arguments).args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data).output().unwrap()
}

#[track_caller]
fn told(output: &Output, is_well: bool) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.success(), is_well, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_is_served_with_the_encoder_that_it_brings() {
    let dir = tempfile::tempdir().unwrap();
    let trained = Trained::new(dir.path());
    let data = dir.path().join("data");
    told(&trained.activate(&data), true);
    assert!(trained.weights(&data).is_file());
    let listed = told(&fenwen(&data, &["models", "verify", &trained.id]), true);
    assert!(listed.contains(&trained.id), "{listed}");

    let server = Server::start(&data);
    let answer = post(server.addr, LETTERS, &letter(TEXT, "")).await.json();
    let item = &answer["items"][0];
    // The words say 地政司.
    assert_eq!(item["labels"][0]["code"], json!("戶政司"), "{answer}");
    assert_eq!(item["model"]["version"], "1");
    server.stop();
}

#[test]
fn another_encoder_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let trained = Trained::new(dir.path());
    let data = dir.path().join("data");
    classifier::write_fused(&trained.out, &"ab".repeat(32), &trained.vector);
    let said = told(&trained.activate(&data), false);
    assert!(said.contains("abab") && said.contains("fenwen models pull"), "{said}");
    assert!(!trained.weights(&data).is_file());

    // One that was taken in and changed afterwards is not opened.
    classifier::write_fused(&trained.out, &trained.sha256, &trained.vector);
    told(&trained.activate(&data), true);
    let mut bytes = fs::read(trained.weights(&data)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(trained.weights(&data), &bytes).unwrap();
    let said = told(&fenwen(&data, &["models", "verify", &trained.id]), false);
    assert!(said.contains(&trained.id), "{said}");
    // Taken in again it is whole again.
    told(&trained.activate(&data), true);
    assert_ne!(fs::read(trained.weights(&data)).unwrap(), bytes);
}

#[test]
fn what_is_not_signed_is_not_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let trained = Trained::new(dir.path());
    let data = dir.path().join("data");
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (key, draft, manifest) = (path("release.key"), path("draft"), path("release.toml"));
    let line = told(&fenwen(&data, &["release", "key", "--key", &key]), true);
    let line = line.split('"').nth(1).unwrap().to_owned();
    let pins = [format!("release.public_key={line}"), format!("release.manifest={manifest}")];
    let pins = ["--set", &pins[0], "--set", &pins[1]];
    let sign = ["release", "sign", "--key", &key, "--out", &manifest, "--by", "王資安"];
    told(&fenwen(&data, &sign), true);
    let out = trained.out.to_str().unwrap().to_owned();
    let activate = [&["models", "activate", "letters", &out][..], &pins].concat();
    let said = told(&fenwen(&data, &activate), false);
    assert!(said.contains(&trained.id) && said.contains("signed release"), "{said}");
    assert!(!trained.weights(&data).is_file());

    // Taken in where nothing is pinned, it is in the draft; signed, it is as good as any.
    told(&trained.activate(&data), true);
    told(&fenwen(&data, &["release", "draft", "--out", &draft]), true);
    assert!(fs::read_to_string(&draft).unwrap().contains(&format!("{} = ", trained.id)));
    told(&fenwen(&data, &[&sign[..], &["--draft", &draft]].concat()), true);
    let verify = [&["release", "verify"][..], &pins].concat();
    told(&fenwen(&data, &verify), true);
    fs::write(trained.weights(&data), b"other").unwrap();
    let said = told(&fenwen(&data, &verify), false);
    assert!(said.contains(&format!("models/{}", trained.id)), "{said}");
}

/// What `fenwen eval classify --model DIR` opens.
#[test]
fn the_encoder_beside_a_classifier_is_found_without_an_installation() {
    let dir = tempfile::tempdir().unwrap();
    let trained = Trained::new(dir.path());
    let data_dir = Some(dir.path().join("data"));
    let config = Config::read(&Overrides { data_dir, ..Overrides::default() }).unwrap();
    let mut bulk = encoder::open_bulk_of(&config, &trained.sha256, &trained.out).unwrap();
    assert_eq!(bulk.encode(&[TEXT], |_| ()).unwrap().values, trained.vector);
    let mut common = encoder::open_bulk_of(&config, ENCODER, &trained.out).unwrap();
    assert_ne!(common.encode(&[TEXT], |_| ()).unwrap().values, trained.vector);
    let error = encoder::open_bulk_of(&config, &"ab".repeat(32), &trained.out).err().unwrap();
    assert!(format!("{error:#}").contains("fenwen models pull"), "{error:#}");
}
