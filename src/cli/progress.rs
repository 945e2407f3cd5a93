//! Shows a pull on standard error: bars on a terminal, plain lines elsewhere.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words::chain;
use crate::registry::{Note, Progress};

const WITH_TOTAL: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} 剩餘 {eta}";
const WITHOUT_TOTAL: &str = "{msg} {spinner} {bytes} {bytes_per_sec}";

/// One bar at a time, with bytes, speed and remaining time.
#[derive(Debug, Default)]
pub(super) struct Bars(Mutex<Option<ProgressBar>>);

impl Bars {
    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn note(&self, note: &Note<'_>) {
        tell(note);
    }

    fn begin(&self, what: &str, total: Option<u64>, done: u64) {
        let template = if total.is_some() { WITH_TOTAL } else { WITHOUT_TOTAL };
        // Both templates are constants; should one be wrong, the plain style still shows progress.
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let bar = bar.with_style(style).with_message(what.to_owned()).with_position(done);
        bar.reset_eta();
        if let Some(old) = self.bar().replace(bar) {
            old.finish_and_clear();
        }
    }

    fn advance(&self, n_bytes: u64) {
        if let Some(bar) = &*self.bar() {
            bar.inc(n_bytes);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }
}

/// A line per step, for logs.
#[derive(Debug)]
pub(super) struct Lines;

impl Progress for Lines {
    fn note(&self, note: &Note<'_>) {
        tell(note);
    }

    fn begin(&self, what: &str, total: Option<u64>, done: u64) {
        let total = total.map_or_else(String::new, |total| format!("（{}）", HumanBytes(total)));
        let from =
            if done > 0 { format!("，由 {} 續傳", HumanBytes(done)) } else { String::new() };
        say(&format!("傳輸 {what}{total}{from}"));
    }
}

fn tell(note: &Note<'_>) {
    match note {
        Note::Waiting => say("另一個下載程序正在執行，等待其完成……"),
        Note::Trying { file, source } => say(&format!("取得 {file}：{source}")),
        Note::Failed { source, error } => say(&format!("無法自 {source} 取得：{}", chain(*error))),
    }
}

/// Writes a line to standard error.
pub(super) fn say(line: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
