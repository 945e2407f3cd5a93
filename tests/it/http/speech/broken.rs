//! Broken sound files at every door: each is answered with what to do, none with a 5xx, none hangs.

use std::path::Path;

use super::super::client::get;
use super::super::fake::Server;
use super::{TRANSCRIPTIONS, ended, job_id, post_form, wav, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_recordings_are_answered_and_the_server_lives() {
    let server = Server::open().await;
    let _worker = work(&server);
    let files = files();
    assert!(52 <= files.len(), "{}", files.len());
    for (name, bytes) in &files {
        let parts: [(&str, &[u8]); 2] = [("file", bytes), ("model", b"whisper-1")];
        let answer = post_form(server.addr, "/v1/audio/transcriptions", &parts).await;
        assert!(matches!(answer.status, 200 | 400 | 413 | 415 | 422), "{name}: {answer:?}");
        if answer.status != 200 {
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains('請') || message.contains("空的"), "{name}: {message}");
        }
        let answer = post_form(server.addr, TRANSCRIPTIONS, &parts[..1]).await;
        assert!(matches!(answer.status, 202 | 400 | 413 | 415 | 422), "{name}: {answer:?}");
        if answer.status == 202 {
            let id = job_id(&answer);
            let job = ended(&server, &id).await;
            assert!(matches!(job["state"].as_str(), Some("succeeded" | "failed")), "{name}: {job}");
            let shown = get(server.addr, &format!("{TRANSCRIPTIONS}/{id}")).await;
            assert!(matches!(shown.status, 200 | 400 | 413 | 415 | 422), "{name}: {shown:?}");
        }
    }
    assert_eq!(get(server.addr, "/healthz/ready").await.status, 200);
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio");
    let mut good = vec![("wav".to_owned(), wav(&[true, false]))];
    for kind in ["mp3", "flac", "m4a", "ogg", "opus", "webm", "aac"] {
        let bytes = std::fs::read(folder.join(format!("tone.{kind}"))).unwrap();
        good.push((kind.to_owned(), bytes));
    }
    for (kind, bytes) in &good {
        for permille in [5, 100, 500, 950] {
            let cut = bytes[..bytes.len() * permille / 1000].to_vec();
            files.push((format!("{kind}, {permille} ‰ of it"), cut));
        }
        for (step, offset) in [(7, 3), (101, 50)] {
            let mut changed = bytes.clone();
            changed.iter_mut().skip(offset).step_by(step).for_each(|it| *it ^= 0x5a);
            files.push((format!("{kind}, every {step}th byte changed"), changed));
        }
    }
    let mut header = |at: usize, value: &[u8], name: &str| {
        let mut bytes = wav(&[true]);
        bytes[at..at + value.len()].copy_from_slice(value);
        files.push((name.to_owned(), bytes));
    };
    header(22, &[0, 0], "no channel");
    header(22, &[0xff, 0xff], "65535 channels");
    header(24, &[0; 4], "no rate");
    header(24, &[0xff; 4], "a rate of 4 GHz");
    header(34, &[0, 0], "samples of no bits");
    header(34, &[0xff, 0xff], "samples of 65535 bits");
    header(20, &[0x99, 0x99], "an unknown coding");
    header(16, &[0xff; 4], "a format of 4 GiB");
    header(40, &[0xff; 4], "data of 4 GiB");
    files.push((
        "noise".to_owned(),
        (0..9999_u32).flat_map(|it| it.wrapping_mul(2_654_435_761).to_le_bytes()).collect(),
    ));
    files.push(("silence without end".to_owned(), wav(&[])));
    files.push(("AMR".to_owned(), b"#!AMR\n\x3c\x00".to_vec()));
    files
}
