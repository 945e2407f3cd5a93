//! Readers of ID images: whatever turns a picture into fields, and what it answered.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fenwen::config::{Config, Overrides};
use serde::{Deserialize, Serialize};

use crate::idcard::peer::PeerLine;

/// Something that reads an ID image.
///
/// The suite calls it once per picture, in order, with the encoded bytes. An error counts as a picture not read.
pub trait Reader {
    /// Reads one encoded picture.
    ///
    /// # Errors
    /// When there is no answer for this picture.
    fn read(&mut self, image: &[u8]) -> Result<Prediction>;
}

/// What a reader found; the shape is that of fenwen's answer over HTTP, from which it is parsed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Kind of document.
    pub document: PredictedDocument,
    /// Fields.
    #[serde(default)]
    pub fields: Vec<PredictedField>,
    /// Machine-readable zone.
    #[serde(default)]
    pub mrz: Option<PredictedMrz>,
    /// Every line read, where the reader gives them: scored like another engine's lines.
    #[serde(default)]
    pub lines: Option<Vec<PeerLine>>,
}

/// Kind of document, as answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictedDocument {
    /// Wire name.
    #[serde(rename = "type")]
    pub kind: String,
}

/// One field, as answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictedField {
    /// Wire name.
    pub name: String,
    /// Normalised value.
    #[serde(default)]
    pub value: Option<String>,
    /// As printed.
    #[serde(default)]
    pub raw: String,
    /// Probability that the value is right.
    #[serde(default)]
    pub confidence: f32,
    /// `verified`, `plausible`, `review` or `invalid`.
    #[serde(default)]
    pub status: String,
    /// Why the value differs from `raw` beyond normalisation.
    #[serde(default)]
    pub repair: Option<String>,
}

/// Machine-readable zone, as answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictedMrz {
    /// Lines.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Check digits by name; `None` where the layout has none.
    #[serde(default)]
    pub check_digits: std::collections::BTreeMap<String, Option<bool>>,
}

/// A running fenwen, asked over HTTP.
pub struct HttpReader {
    agent: ureq::Agent,
    address: String,
}

impl HttpReader {
    /// A reader of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_mins(1)))
            .http_status_as_error(false)
            .build();
        let address =
            format!("{}/api/v1/identity-documents/recognitions", base.trim_end_matches('/'));
        Self { agent: config.into(), address }
    }
}

impl Reader for HttpReader {
    fn read(&mut self, image: &[u8]) -> Result<Prediction> {
        let body = multipart(image);
        let mut answer = self
            .agent
            .post(&self.address)
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .send(&body[..])
            .with_context(|| format!("failed to reach {}", self.address))?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string().context("failed to read the answer")?;
        if status != 200 {
            bail!("the server answered {status}: {}", text.chars().take(200).collect::<String>());
        }
        serde_json::from_str(&text).context("failed to parse the answer")
    }
}

/// fenwen's own pipeline, in this process.
pub struct LocalReader(fenwen::cli::local::LocalReader);

impl LocalReader {
    /// Opens the models that the settings name.
    ///
    /// # Errors
    /// When the settings are wrong or a model is missing.
    pub fn open() -> Result<Self> {
        let config = Config::load(&Overrides::default())?;
        Ok(Self(fenwen::cli::local::LocalReader::open(&config)?))
    }
}

impl Reader for LocalReader {
    fn read(&mut self, image: &[u8]) -> Result<Prediction> {
        let document = self.0.document(self.0.read(image)?.answer)?;
        Ok(serde_json::from_value(serde_json::to_value(document)?)?)
    }
}

const BOUNDARY: &str = "fenwen-eval-2f6c1d0b7a9e4385";

/// The two parts that the service takes: the purpose (and the wish for all lines) and the picture.
fn multipart(image: &[u8]) -> Vec<u8> {
    let meta = r#"{"purpose":{"code":"evaluation","case_no":"E1"},"options":{"lines":true}}"#;
    let kind = if image.starts_with(b"\x89PNG") { "png" } else { "jpeg" };
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n\
         {meta}\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"card\"\r\n\
         Content-Type: image/{kind}\r\n\r\n"
    );
    let mut body = head.into_bytes();
    body.extend_from_slice(image);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::{HttpReader, Prediction, Reader as _};
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    const ANSWER: &str = r#"{"recognition_id":"x","document":{"type":"visa","type_score":0.9},
        "fields":[{"name":"sex","value":"M","raw":"M","confidence":0.98,"status":"plausible","repair":null,"box":[]},
                  {"name":"name","value":null,"raw":"","confidence":0.1,"status":"review"}],
        "mrz":{"type":"MRV-A","lines":["V<","L8"],"check_digits":{"number":true,"composite":null},"repaired":false}}"#;

    #[test]
    fn answers_are_parsed_whatever_else_they_hold() {
        let answer: Prediction = serde_json::from_str(ANSWER).unwrap();
        assert_eq!(answer.document.kind, "visa");
        assert_eq!(answer.fields[0].value.as_deref(), Some("M"));
        assert_eq!(answer.fields[1].value, None);
        let mrz = answer.mrz.unwrap();
        assert_eq!((mrz.lines.len(), mrz.check_digits["composite"]), (2, None));
    }

    /// A server for one request: answers `reply` and returns what it was sent.
    fn serve(reply: &'static str) -> (String, std::thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let handle = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            let mut buffer = [0; 4096];
            while !got.ends_with(b"--\r\n") {
                let n = stream.read(&mut buffer).unwrap();
                assert!(n > 0, "closed early");
                got.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(reply.as_bytes()).unwrap();
            got
        });
        (address, handle)
    }

    #[test]
    fn a_picture_travels_as_multipart() {
        let reply =
            "HTTP/1.1 200 OK\r\ncontent-length: 26\r\n\r\n{\"document\":{\"type\":\"visa\"}}";
        let reply = reply.replace("26", &reply.split("\r\n\r\n").last().unwrap().len().to_string());
        let (address, handle) = serve(Box::leak(reply.into_boxed_str()));
        let answer = HttpReader::new(&address).read(b"\x89PNG data").unwrap();
        assert_eq!(answer.document.kind, "visa");
        let sent = handle.join().unwrap();
        let text = String::from_utf8_lossy(&sent);
        for part in [
            "POST /api/v1/identity-documents/recognitions ",
            "name=\"meta\"",
            "image/png",
            "PNG data\r\n--",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn a_refusal_is_an_error_with_its_text() {
        let (address, handle) =
            serve("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nbusy");
        let error = HttpReader::new(&address).read(b"x").unwrap_err();
        assert!(format!("{error:#}").contains("429 Too Many Requests: busy"), "{error:#}");
        handle.join().unwrap();
    }
}
