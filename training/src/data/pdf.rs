//! PDF files → rows: the text layer, read in a process of its own.

use anyhow::bail;
use fenwen::media::exchange::Secrecy;
use fenwen::media::pdf::{self, PdfLimits, PdfWorker};
use serde_json::json;

use super::import::{self, Found};

/// The hidden command on which this program reads one PDF.
pub(super) const COMMAND: [&str; 2] = ["data", "pdf-worker"];

/// Reads one file.
pub(super) fn read(name: &str, bytes: &[u8], worker: &PdfWorker) -> anyhow::Result<Found> {
    let pdf = match worker.read(bytes, &PdfLimits::default()) {
        Ok(pdf) => pdf,
        Err(err) => bail!("{err}。{}", err.remedy()),
    };
    if Secrecy::Ordinary != Secrecy::printed(&pdf.text()) {
        return Ok(Found::Classified);
    }
    let row = json!({
        "id": name, "text": pdf.text(), "pages": pdf.pages.len(), "textless_pages": pdf.textless,
        "broken_pages": pdf.broken, "unknown_chars": pdf.n_unmapped,
    });
    Ok(Found::Pages(import::object(row), pdf.textless.len()))
}

/// The hidden command: reads one PDF from the socket that is standard input.
pub(super) fn serve() -> anyhow::Result<()> {
    Ok(pdf::serve(pdf::read)?)
}
