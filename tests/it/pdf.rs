//! PDF files read in a process of their own: this test program is its own worker.

use std::time::{Duration, Instant};

use fenwen::media::pdf::{self, Pdf, PdfError, PdfLimits, PdfWorker};

/// On the command line of a worker; the test program takes it for a test to skip.
const AS_WORKER: &str = "as-worker:pdf";

/// Does nothing as a test; as a worker it reads one file from its standard input.
#[test]
fn child() {
    if std::env::args().any(|it| it == AS_WORKER) {
        let _ = pdf::serve(misbehave);
    }
}

fn misbehave(bytes: &[u8], limits: &PdfLimits) -> Result<Pdf, PdfError> {
    match bytes {
        b"abort" => std::process::abort(),
        b"hang" => loop {
            std::thread::park();
        },
        b"stack" => Err(PdfError::TooLarge { what: pdf::Quantity::Bytes, limit: deep(0) }),
        b"memory" => {
            let mut parts = Vec::new();
            loop {
                parts.push(vec![1_u8; 64 << 20]);
                assert!(parts.len() < 64, "4 GiB were there");
            }
        }
        _ => pdf::read(bytes, limits),
    }
}

/// Fills the stack.
fn deep(level: usize) -> usize {
    let room = std::hint::black_box([level; 1000]);
    if level == usize::MAX { 0 } else { deep(level + 1) + room[level % 1000] }
}

fn read(bytes: &[u8], limit: Duration) -> Result<Pdf, PdfError> {
    let args = ["pdf::child", "--exact", "--nocapture", "--skip", AS_WORKER];
    let worker = PdfWorker { limit, ..PdfWorker::this_program(&args).unwrap() };
    worker.read(bytes, &PdfLimits::default())
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn answers_travel() {
    let text = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
        2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
        3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n\
        4 0 obj<</Length 21>>stream\nBT /F 9 Tf (ok) Tj ET\nendstream endobj\n\
        5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R/Size 6>>\n";
    assert_eq!(read(text.as_bytes(), LONG).map(|it| it.pages).unwrap(), ["ok"]);
    let refused = |bytes: &[u8]| read(bytes, LONG).err();
    assert_eq!(refused(b"no pdf"), Some(PdfError::NotPdf));
    // More than the socket's buffer holds.
    assert_eq!(refused(&vec![b' '; 20 << 20]), Some(PdfError::NotPdf));
    let limits = PdfLimits::default();
    let too_large = PdfError::TooLarge { what: pdf::Quantity::Bytes, limit: limits.max_bytes };
    assert_eq!(refused(&vec![b' '; limits.max_bytes + 1]), Some(too_large));
}

#[test]
fn whatever_the_worker_does_is_contained() {
    for file in ["abort", "stack", "memory"] {
        assert_eq!(read(file.as_bytes(), LONG).err(), Some(PdfError::TooCostly), "{file}");
    }
    let start = Instant::now();
    let hung = read(b"hang", Duration::from_millis(300));
    assert_eq!(hung.err(), Some(PdfError::TooCostly));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let worker = PdfWorker { program: "/nothing".into(), args: Vec::new(), limit: LONG };
    assert_eq!(worker.read(b"%PDF", &PdfLimits::default()).err(), Some(PdfError::Worker));
}
