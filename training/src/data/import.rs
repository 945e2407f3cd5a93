//! Files of other systems → JSONL rows. Personal data is masked unless the caller says otherwise.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use fenwen::media::charset;
use fenwen::media::exchange::{self, DocumentNumber, Exchange, ExchangeLimits, Party};
use fenwen::media::mail::{self, Mail, MailLimits};
use fenwen::media::pdf::{PdfLimits, PdfWorker};
use fenwen::pipeline::letters::pii;
use serde_json::{Map, Value, json};

use super::rows::{self, Row, Writer};
use super::{pdf, table};

/// Most bytes of a plain text.
const MAX_TEXT: usize = 4 << 20;
/// Most bytes of a table.
const MAX_TABLE: usize = 1 << 30;
/// The key that identifies a row and is never masked.
const ID: &str = "id";

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    Eml,
    Mbox,
    Di,
    Pdf,
    Txt,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// 檔案;eml、di、pdf、txt 亦可為目錄
    input: PathBuf,
    /// 來源格式
    #[arg(long, value_enum)]
    from: Format,
    /// 輸出的 JSONL 檔
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// 保留個資(預設以規則遮罩)
    #[arg(long)]
    keep_personal_data: bool,
}

/// What came of an import.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    n_rows: usize,
    n_masked: usize,
    n_classified: usize,
    /// Pages of PDF files without a text layer, and the files that they are in.
    textless: (usize, usize),
    /// File or number of a message, and why it was left out; never a part of it.
    skipped: Vec<(String, String)>,
}

pub(super) fn run(
    options: &Options,
    worker: &PdfWorker,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let input = &options.input;
    let mut import = Import {
        writer: Writer::new(&options.out)?,
        tally: Tally::default(),
        is_masked: !options.keep_personal_data,
    };
    match options.from {
        Format::Jsonl => rows::read(input)?.into_iter().try_for_each(|row| import.keep(row))?,
        Format::Csv => {
            let bytes = read_bytes(input, MAX_TABLE)?;
            table::rows(&decode(&bytes)?)?.try_for_each(|row| import.keep(row?))?;
        }
        Format::Mbox => import.mailbox(input)?,
        Format::Eml | Format::Di | Format::Pdf | Format::Txt => {
            for path in files(input)? {
                let name = file_name(&path);
                match read_one(options.from, &path, &name, worker) {
                    Ok(found) => import.found(found)?,
                    Err(err) => import.tally.skipped.push((name, format!("{err:#}"))),
                }
            }
        }
    }
    let Import { writer, tally, .. } = import;
    report(&tally, out)?;
    if tally.n_rows == 0 && !tally.skipped.is_empty() {
        bail!("沒有匯入任何一筆,未寫出檔案:略過 {} 件,原因如上", tally.skipped.len());
    }
    writer.finish(&options.out)
}

/// What a file gave.
pub(super) enum Found {
    /// Its row.
    Row(Row),
    /// The row of a PDF file, so many of whose pages have no text layer.
    Pages(Row, usize),
    /// It says that it is classified; nothing of it was kept.
    Classified,
}

/// An import under way.
struct Import {
    writer: Writer,
    tally: Tally,
    is_masked: bool,
}

impl Import {
    fn keep(&mut self, mut row: Row) -> anyhow::Result<()> {
        if self.is_masked {
            mask(&mut row, &mut self.tally.n_masked);
        }
        self.tally.n_rows += 1;
        self.writer.write(&row)
    }

    fn found(&mut self, found: Found) -> anyhow::Result<()> {
        match found {
            Found::Row(row) => self.keep(row),
            Found::Pages(row, n_textless) => {
                self.tally.textless.0 += n_textless;
                self.tally.textless.1 += usize::from(0 < n_textless);
                self.keep(row)
            }
            Found::Classified => {
                self.tally.n_classified += 1;
                Ok(())
            }
        }
    }

    fn mailbox(&mut self, path: &Path) -> anyhow::Result<()> {
        let mails = mail::mailbox(BufReader::new(open(path)?), MailLimits::default());
        for (idx, mail) in mails.enumerate() {
            let name = format!("{}#{}", file_name(path), idx + 1);
            match mail {
                Ok(mail) => self.keep(mail_row(&name, mail))?,
                Err(err) => self.tally.skipped.push((name, err.to_string())),
            }
        }
        Ok(())
    }
}

fn report(tally: &Tally, out: &mut impl Write) -> anyhow::Result<()> {
    for (name, reason) in &tally.skipped {
        writeln!(out, "略過 {name}:{reason}")?;
    }
    let (n_pages, n_files) = tally.textless;
    if 0 < n_files {
        writeln!(out, "{n_files} 個 PDF 共 {n_pages} 頁沒有文字層(多半為掃描影像),該頁未匯入")?;
    }
    writeln!(
        out,
        "匯入 {} 筆,遮罩個資 {} 處,密等公文 {} 件未讀取,略過 {} 件",
        tally.n_rows,
        tally.n_masked,
        tally.n_classified,
        tally.skipped.len()
    )?;
    Ok(())
}

/// What one file gives.
fn read_one(format: Format, path: &Path, name: &str, worker: &PdfWorker) -> anyhow::Result<Found> {
    match format {
        Format::Eml => {
            let limits = MailLimits::default();
            let bytes = read_bytes(path, limits.max_bytes)?;
            Ok(Found::Row(mail_row(name, mail::parse(&bytes, &limits)?)))
        }
        Format::Di => {
            let limits = ExchangeLimits::default();
            let bytes = read_bytes(path, limits.max_bytes)?;
            match exchange::parse(&bytes, &limits) {
                Ok(Exchange::Document(document)) => Ok(Found::Row(document_row(name, &document))),
                Ok(Exchange::Classified(_)) => Ok(Found::Classified),
                Ok(Exchange::Roster(_)) => bail!("交換表單(SW)沒有本文"),
                Err(err) => bail!("{err}。{}", err.remedy()),
            }
        }
        Format::Pdf => {
            let bytes = read_bytes(path, PdfLimits::default().max_bytes)?;
            pdf::read(name, &bytes, worker)
        }
        _ => {
            let bytes = read_bytes(path, MAX_TEXT)?;
            Ok(Found::Row(object(json!({ ID: name, "text": decode(&bytes)?.trim() }))))
        }
    }
}

fn mail_row(name: &str, mail: Mail) -> Row {
    object(json!({
        ID: name, "subject": mail.subject, "text": mail.text, "sent_at": mail.sent_at,
        "attachments": mail.attachments,
    }))
}

fn document_row(name: &str, document: &exchange::Document) -> Row {
    let names =
        |parties: &[Party]| -> Vec<String> { parties.iter().map(|it| it.name.clone()).collect() };
    let sender = document.senders.first();
    let numbers: Vec<String> = document.numbers.iter().map(DocumentNumber::printed).collect();
    let files: Vec<Option<String>> =
        document.attachments.iter().map(|it| it.file.clone()).collect();
    object(json!({
        ID: name, "class": document.class, "subject": document.subject, "text": document.body(),
        "sender": sender.map(|it| it.name.clone()),
        "sender_code": sender.and_then(|it| it.agency_code.clone()),
        "date": document.date.map(|it| it.to_string()), "numbers": numbers,
        "originals": names(&document.originals), "copies": names(&document.copies),
        "attachments": files,
    }))
}

fn decode(bytes: &[u8]) -> anyhow::Result<Cow<'_, str>> {
    charset::decode(bytes).context("不是 UTF-8、UTF-16(含 BOM)或 Big5,請轉存為 UTF-8")
}

/// Masks every text of a row but its id.
fn mask(row: &mut Row, n_masked: &mut usize) {
    for (key, value) in row.iter_mut() {
        if key != ID {
            mask_value(value, n_masked);
        }
    }
}

/// Depth is bounded by the JSON reader.
fn mask_value(value: &mut Value, n_masked: &mut usize) {
    match value {
        Value::String(text) => {
            let found = pii::find(text);
            if !found.is_empty() {
                *n_masked += found.len();
                *text = pii::mask(text, &found);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|it| mask_value(it, n_masked)),
        Value::Object(fields) => fields.values_mut().for_each(|it| mask_value(it, n_masked)),
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// The fields of a JSON object.
pub(super) fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

/// A file, or the files right inside a folder, by name.
fn files(input: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !input.is_dir() {
        return Ok(vec![input.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(input)? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("無法開啟 {}", path.display()))
}

/// A whole file of at most `max` bytes; one byte more is read, so that the parser can refuse it by its own limit.
fn read_bytes(path: &Path, max: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(u64::try_from(max)?.saturating_add(1)).read_to_end(&mut bytes)?;
    if max < bytes.len() {
        bail!("檔案超過 {max} 位元組");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// On the command line of a worker; the test program takes it for a test to skip.
    const AS_WORKER: &str = "as-worker:pdf";

    /// Does nothing as a test; as a worker it reads a PDF from its standard input.
    #[test]
    fn child() {
        if std::env::args().any(|it| it == AS_WORKER) {
            pdf::serve().unwrap();
        }
    }

    fn worker() -> PdfWorker {
        let args = ["data::import::tests::child", "--exact", "--nocapture", "--skip", AS_WORKER];
        PdfWorker { limit: Duration::from_secs(60), ..PdfWorker::this_program(&args).unwrap() }
    }

    /// Imports one file of this content; what was written and told.
    fn import(
        from: Format,
        name: &str,
        content: impl AsRef<[u8]>,
        keep: bool,
    ) -> (Vec<Row>, String) {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in");
        std::fs::create_dir(&input).unwrap();
        std::fs::write(input.join(name), content).unwrap();
        let by_folder = !matches!(from, Format::Csv | Format::Jsonl | Format::Mbox);
        let options = Options {
            input: if by_folder { input } else { input.join(name) },
            from,
            out: folder.path().join("out.jsonl"),
            keep_personal_data: keep,
        };
        let mut out = Vec::new();
        let result = run(&options, &worker(), &mut out);
        let mut told = String::from_utf8(out).unwrap();
        match result {
            Ok(()) => (rows::read(&options.out).unwrap(), told),
            Err(err) => {
                assert!(!options.out.try_exists().unwrap());
                told.push_str(&format!("失敗:{err:#}"));
                (Vec::new(), told)
            }
        }
    }

    #[test]
    fn tables_and_rows() {
        let (rows, told) = import(
            Format::Csv,
            "a.csv",
            "\u{FEFF}id,text\n0912345678,\"手機0912345678\n謝謝\"\n",
            false,
        );
        assert_eq!(rows[0]["id"], "0912345678");
        assert_eq!(rows[0]["text"], "手機〔行動電話〕\n謝謝");
        assert!(told.starts_with("匯入 1 筆,遮罩個資 1 處"), "{told}");
        let (rows, _) =
            import(Format::Jsonl, "a.jsonl", "{\"a\": [\"A123456789\"], \"n\": 1}\n", false);
        assert_eq!((&rows[0]["a"][0], &rows[0]["n"]), (&json!("〔身分證字號〕"), &json!(1)));
        let (rows, _) = import(Format::Jsonl, "a.jsonl", "{\"a\": \"A123456789\"}\n", true);
        assert_eq!(rows[0]["a"], "A123456789");
        let (rows, _) = import(Format::Txt, "信.txt", "\u{FEFF}路燈不亮\n", false);
        assert_eq!((&rows[0]["id"], &rows[0]["text"]), (&json!("信.txt"), &json!("路燈不亮")));
    }

    #[test]
    fn the_encoding_is_told_by_the_bytes() {
        let utf16: Vec<u8> =
            "\u{FEFF}id,text\n1,內政部\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [utf16.as_slice(), b"id;text\n1;\xA4\xBA\xACF\xB3\xA1\n"] {
            let (rows, told) = import(Format::Csv, "a.csv", bytes, false);
            assert_eq!(
                (&rows[0]["id"], &rows[0]["text"]),
                (&json!("1"), &json!("內政部")),
                "{told}"
            );
        }
        let (rows, _) = import(Format::Txt, "a.txt", b"\xA4\xBA\xACF\xB3\xA1\n", false);
        assert_eq!(rows[0]["text"], "內政部");
        let (_, told) = import(Format::Csv, "a.csv", b"\xFF", false);
        assert!(told.contains("失敗:不是 UTF-8"), "{told}");
    }

    #[test]
    fn nothing_imported_is_a_failure() {
        let (_, told) = import(Format::Txt, "a.txt", b"\xFF", false);
        assert!(told.contains("略過 a.txt") && told.contains("失敗:沒有匯入任何一筆"), "{told}");
    }

    #[test]
    fn letters() {
        let mail = "From: a@example.tw\nSubject: 一\n\n第一封 a@example.tw\n";
        let (rows, _) = import(Format::Eml, "a.eml", mail, false);
        assert_eq!(
            (&rows[0]["subject"], &rows[0]["text"]),
            (&json!("一"), &json!("第一封 〔電子信箱〕"))
        );
        let mbox = format!("From x\n{mail}\nFrom y@b.tw\nnothing\n\nFrom z@b.tw\n{mail}");
        let (rows, told) = import(Format::Mbox, "a.mbox", &mbox, false);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1]["id"], "a.mbox#3");
        assert!(told.contains("略過 a.mbox#2"), "{told}");
    }

    #[test]
    fn documents_and_their_secrecy() {
        let di = |secrecy: &str| {
            format!(
                "<函><發文機關><全銜>嘉禾市政府</全銜><機關代碼>Q1</機關代碼></發文機關><發文日期><年月日>\
                 中華民國114年11月5日</年月日></發文日期><密等 代碼='{secrecy}'/><主旨><文字>檢送計畫</文字></主旨></函>"
            )
        };
        let (rows, _) = import(Format::Di, "a.di", di(""), false);
        let found = (&rows[0]["subject"], &rows[0]["sender_code"], &rows[0]["date"]);
        assert_eq!(found, (&json!("檢送計畫"), &json!("Q1"), &json!("2025-11-05")));
        let (rows, told) = import(Format::Di, "a.di", di("密"), false);
        assert!(rows.is_empty() && told.contains("密等公文 1 件未讀取"), "{told}");
        let (rows, told) =
            import(Format::Di, "a.di", "<!DOCTYPE 函 [<!ENTITY x 'y'>]><函/>", false);
        assert!(rows.is_empty() && told.contains("NDATA"), "{told}");
    }
    /// A page that shows this text in UTF-16, with an e-mail address.
    fn a_pdf(text: &str) -> Vec<u8> {
        let hex: String = text.encode_utf16().map(|it| format!("{it:04X}")).collect();
        let content = format!("BT /F 9 Tf <{hex}> Tj ET");
        let n_bytes = content.len();
        format!(
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
             2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
             3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n\
             4 0 obj<</Length {n_bytes}>>stream\n{content}\nendstream endobj\n\
             5 0 obj<</Type/Font/Subtype/Type0/Encoding/UniCNS-UTF16-H/DescendantFonts[6 0 R]>>endobj\n\
             6 0 obj<</Type/Font/Subtype/CIDFontType0/CIDSystemInfo<</Registry(Adobe)/Ordering(CNS1)\
             /Supplement 0>>>>endobj\ntrailer<</Root 1 0 R/Size 7>>\n"
        )
        .into_bytes()
    }

    #[test]
    fn text_layers_of_pdf_files() {
        let (rows, told) = import(Format::Pdf, "a.pdf", a_pdf("路燈 a@example.tw"), false);
        assert_eq!(rows[0]["text"], "路燈 〔電子信箱〕", "{told}");
        assert_eq!((&rows[0]["id"], &rows[0]["pages"]), (&json!("a.pdf"), &json!(1)));
        let (rows, told) = import(Format::Pdf, "a.pdf", a_pdf("密等及解密條件:密"), false);
        assert!(rows.is_empty() && told.contains("密等公文 1 件未讀取"), "{told}");
        for text in ["速別:速件　密等:密", "密 等 : 密", "密等:一般公務機密"] {
            let (rows, told) = import(Format::Pdf, "a.pdf", a_pdf(text), false);
            assert!(rows.is_empty() && told.contains("密等公文 1 件未讀取"), "{text}: {told}");
        }
        let (rows, _) = import(Format::Pdf, "a.pdf", a_pdf("⼾政:本案屬密件,⺠國"), false);
        assert_eq!(rows[0]["text"], "戶政:本案屬密件,民國");
        let (rows, told) = import(Format::Pdf, "a.pdf", a_pdf(""), false);
        assert!(rows.is_empty() && told.contains("文字辨識(OCR)"), "{told}");
    }
}
