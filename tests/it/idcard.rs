//! Real models on synthetic cards: every fixture is read exactly, by every engine, in and out of process, over HTTP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fenwen::cli::local::LocalReader;
use fenwen::config::{Config, Overrides};
use serde::Deserialize;
use serde_json::Value;

use crate::support::Server;

/// What is printed on a fixture; the other keys are for the evaluation.
#[derive(Deserialize)]
struct Truth {
    document_type: String,
    fields: BTreeMap<String, Printed>,
    mrz: Option<Zone>,
}

#[derive(Deserialize)]
struct Printed {
    value: String,
}

#[derive(Deserialize)]
struct Zone {
    lines: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/idcard")
}

fn truths() -> Vec<Truth> {
    let text = std::fs::read_to_string(folder().join("truth.jsonl")).unwrap();
    let truths: Vec<Truth> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(truths.len(), 6);
    truths
}

fn truth(document_type: &str) -> Truth {
    truths().into_iter().find(|it| it.document_type == document_type).unwrap()
}

fn picture(document_type: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{document_type}.jpg"))).unwrap()
}

fn reader(set: &[&str]) -> LocalReader {
    let set = set.iter().map(|&pair| pair.to_owned()).collect();
    let config = Config::load(&Overrides { set, ..Overrides::default() }).unwrap();
    LocalReader::open(&config).unwrap()
}

fn read(reader: &LocalReader, file: &[u8]) -> Value {
    let reading = reader.read(file).unwrap();
    serde_json::to_value(reader.document(reading.answer).unwrap()).unwrap()
}

/// Values by field name, full-width digits folded.
fn values(document: &Value) -> BTreeMap<String, String> {
    let fields = document["fields"].as_array().unwrap().iter();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    fields.map(|it| (text(&it["name"]), text(&it["value"]))).collect()
}

/// The document must be what is printed: type, every field, MRZ lines with all check digits.
#[track_caller]
fn check(document: &Value, truth: &Truth) {
    let document_type = &truth.document_type;
    assert_eq!(document["document"]["type"], *document_type);
    let found = values(document);
    for (name, printed) in &truth.fields {
        let value: String = printed.value.chars().map(narrow).collect();
        assert_eq!(found.get(name), Some(&value), "{document_type}: {name}");
    }
    let Some(zone) = &truth.mrz else { return };
    let mrz = &document["mrz"];
    let lines: Vec<&str> =
        mrz["lines"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(lines, zone.lines, "{document_type}");
    for (name, ok) in mrz["check_digits"].as_object().unwrap() {
        assert_ne!(ok, &Value::Bool(false), "{document_type}: check digit {name}");
    }
}

fn narrow(ch: char) -> char {
    match ch {
        '０'..='９' => char::from_u32(ch as u32 - '０' as u32 + '0' as u32).unwrap(),
        other => other,
    }
}

#[test]
fn every_fixture_is_read_exactly() {
    let reader = reader(&["engine.onnx=ort"]);
    for truth in truths() {
        check(&read(&reader, &picture(&truth.document_type)), &truth);
    }
}

#[test]
fn the_built_in_engine_reads_the_same() {
    let reader = reader(&["engine.onnx=rten"]);
    let document_type = "tw_national_id_front";
    check(&read(&reader, &picture(document_type)), &truth(document_type));
}

#[cfg(feature = "candle")]
#[test]
fn candle_reads_the_same() {
    let reader = reader(&["engine.onnx=candle"]);
    let document_type = "tw_national_id_front";
    check(&read(&reader, &picture(document_type)), &truth(document_type));
}

#[test]
fn a_picture_without_a_card_is_unknown_and_to_be_taken_again() {
    let mut png = Vec::new();
    let blank = image::RgbImage::from_pixel(640, 400, image::Rgb([120, 130, 125]));
    blank.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let document = read(&reader(&[]), &png);
    assert_eq!(document["document"]["type"], "unknown");
    assert_eq!(document["quality"]["retake"], true);
    assert_eq!(document["fields"].as_array().unwrap().len(), 0);
}

#[test]
fn a_worker_process_reads_the_same_on_the_command_line() {
    let document_type = "tw_nhi_card";
    let output = Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(["idcard", "--json", "--set", "engine.isolation=process"])
        .arg(folder().join(format!("{document_type}.jpg")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    check(&document, &truth(document_type));
}

#[test]
fn a_drawn_picture_shows_the_boxes() {
    let dir = tempfile::tempdir().unwrap();
    let (png, card) = (dir.path().join("out.png"), folder().join("tw_nhi_card.jpg"));
    let status = Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(["idcard", "--table"])
        .arg(&card)
        .arg("--draw")
        .arg(&png)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let (drawn, card) = (image::open(png).unwrap().to_rgb8(), image::open(card).unwrap().to_rgb8());
    assert_eq!(drawn.dimensions(), card.dimensions());
    assert_ne!(drawn.as_raw(), card.as_raw());
}

fn post(address: SocketAddr, file: &[u8]) -> (String, Value) {
    let boundary = "fenwen-boundary";
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/v1/identity-documents/recognitions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary={boundary}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_card_goes_in_over_http_and_its_fields_come_out() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let document_type = "tw_national_id_front";
    let (status, document) = post(server.addr, &picture(document_type));
    assert!(status.contains("200"), "{status}");
    check(&document, &truth(document_type));
    let (status, problem) = post(server.addr, b"this is no picture");
    assert!(status.contains("415"), "{status}");
    assert_eq!(problem["code"], "ER0440");
    server.stop();
}
