//! Runs every command of the book, as printed, against a server of its own with the pulled models.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Block, blocks, docs, pages};
use crate::support::{DETECTOR, pulled};

/// Where the book says that the server is.
const ADDRESS: &str = "127.0.0.1:8080";

/// Folders of a host that the book names; below the test's folder they are the test's.
const HOST_FOLDERS: &[&str] = &["/etc/fenwen", "/backup", "/media", "/srv"];

/// Longest time of a page, in seconds: a command that hangs fails.
const PAGE_LIMIT: &str = "120";

/// Before the commands of a page. `curl` fails where the server refuses.
const HEAD: &str = "set -eEuo pipefail\n\
    trap 'echo \"failed: $AT\" >&2' ERR\n\
    curl() { command curl --fail-with-body --no-progress-meter \"$@\"; }\n";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that looks as the book says, and a server over it.
struct World {
    folder: tempfile::TempDir,
    address: String,
    _server: Server,
}

impl World {
    fn start() -> World {
        // Says what to do where the models are missing.
        pulled(DETECTOR);
        let folder = tempfile::tempdir().unwrap();
        for host_folder in HOST_FOLDERS {
            fs::create_dir_all(folder.path().join(&host_folder[1..])).unwrap();
        }
        fs::write(folder.path().join("etc/fenwen/fenwen.toml"), "profile = \"demo\"\n").unwrap();
        furnish(&folder.path().join("work"));
        let mut serve = fenwen(folder.path());
        serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let log = fs::File::create(folder.path().join("server.log")).unwrap();
        let mut server = Server(serve.stderr(log).spawn().unwrap());
        let lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
        let ready = lines.map(|it| it.unwrap()).find(|it| it.contains("已就緒")).unwrap();
        let address = ready.split("http://").nth(1).unwrap().split('/').next().unwrap();
        // The safe in which the keys lie, as the handbook wants it.
        symlink(folder.path().join("data/keys"), folder.path().join("media/keys")).unwrap();
        World { address: address.to_owned(), folder, _server: server }
    }

    /// A text of the book with its places put into this world.
    fn placed(&self, code: &str) -> String {
        let mut code = code.replace(ADDRESS, &self.address);
        for host_folder in HOST_FOLDERS {
            let here = self.folder.path().join(&host_folder[1..]);
            code = code.replace(host_folder, here.to_str().unwrap());
        }
        code
    }

    /// Runs the blocks of a page in one shell; what failed, if anything.
    fn run(&self, page: &str, run: &[&Block]) -> Result<(), String> {
        let mut script = HEAD.to_owned();
        for block in run {
            writeln!(script, "AT={page}:{}\n{}", block.line, self.placed(&block.code)).unwrap();
        }
        let mut shell = Command::new("timeout");
        shell.args([PAGE_LIMIT, "bash", "-c", &script]);
        let output = in_world(shell, self.folder.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{page}: {}\n{}", output.status, String::from_utf8_lossy(&said))),
        }
    }
}

fn beside() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_fenwen")).parent().unwrap().to_owned()
}

fn fenwen(folder: &Path) -> Command {
    in_world(Command::new(env!("CARGO_BIN_EXE_fenwen")), folder)
}

/// With the data, the program and the working directory of the world.
#[expect(clippy::disallowed_methods, reason = "the path of programs is the environment's")]
fn in_world(mut command: Command, folder: &Path) -> Command {
    let path = std::env::var("PATH").unwrap();
    command
        .env("FENWEN_DATA_DIR", folder.join("data"))
        .env("PATH", format!("{}:{path}", beside().display()))
        .current_dir(folder.join("work"))
        .stdin(Stdio::null());
    command
}

/// The files that the book's commands name.
fn furnish(work: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(work).unwrap();
    for name in ["deploy", "eval", "models", "tests", "training"] {
        symlink(root.join(name), work.join(name)).unwrap();
    }
    let card = root.join("tests/data/idcard/tw_national_id_front.jpg");
    fs::copy(card, work.join("card.jpg")).unwrap();
    fs::write(work.join("call.wav"), tone()).unwrap();
    fs::write(work.join("letters.jsonl"), letters()).unwrap();
    let faq = "question,answer,unit\n身分證遺失怎麼補發?,請攜帶印章與照片至戶政事務所補發。,戶政司\n\
               出生登記要帶什麼?,請攜帶出生證明書與戶口名簿。,戶政司\n";
    fs::write(work.join("faq.csv"), faq).unwrap();
}

/// Letters of two units, different enough to be told apart and from each other.
fn letters() -> String {
    let topics = [
        ("戶政司", ["戶籍遷入登記", "身分證補發", "戶口名簿換發", "出生登記"]),
        ("地政司", ["土地所有權移轉", "地籍圖重測", "地價稅疑義", "建物測量"]),
    ];
    let ends = [
        "要帶什麼證件",
        "費用多少錢",
        "可以委託他人嗎",
        "多久可以辦好",
        "哪裡可以辦理",
        "能不能線上申請",
    ];
    let mut rows = String::new();
    for (unit, subjects) in topics {
        for subject in subjects {
            for (idx, end) in ends.iter().enumerate() {
                let text = format!("請問{subject}{end},我是第 {idx} 次來信詢問這件事。");
                writeln!(rows, "{}", serde_json::json!({ "text": text, "unit": unit })).unwrap();
            }
        }
    }
    rows
}

/// Two seconds of 440 Hz, as a WAV file of 16 kHz.
fn tone() -> Vec<u8> {
    const RATE: u32 = 16_000;
    let n_bytes = RATE * 2 * 2;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + n_bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    file.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    file.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(n_bytes.to_le_bytes());
    for idx in 0..RATE * 2 {
        let turn = f64::from(idx) * 440.0 / f64::from(RATE);
        let value = (turn * std::f64::consts::TAU).sin() * 9_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "it is below 9,000")]
        file.extend((value as i16).to_le_bytes());
    }
    file
}

#[test]
#[expect(clippy::print_stdout, reason = "what was not run is told")]
fn every_command_runs_as_printed() {
    let world = World::start();
    let is_there = |needs: &str| beside().join(format!("fenwen-{needs}")).is_file();
    let (mut n_run, mut left_out, mut failed) = (0, Vec::new(), Vec::new());
    for page in pages() {
        let found = blocks(&fs::read_to_string(docs().join(&page)).unwrap());
        let mut run = Vec::new();
        for block in &found {
            match (&block.refused, &block.needs) {
                (Some(reason), _) => left_out.push(format!("{page}:{}: {reason}", block.line)),
                (_, Some(needs)) if !is_there(needs) => {
                    left_out.push(format!("{page}:{}: fenwen-{needs} is not built", block.line));
                }
                _ => run.push(block),
            }
        }
        n_run += run.len();
        failed.extend(world.run(&page, &run).err());
    }
    println!("{n_run} blocks ran; {} did not:\n{}", left_out.len(), left_out.join("\n"));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(left_out.len() < n_run, "more of the book is left out than run");
}
