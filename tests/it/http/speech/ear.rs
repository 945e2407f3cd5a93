//! An ear that hears a sentence in every second that is not silent, one window a second, when the test lets it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fenwen::base::Private;
use fenwen::media::audio::{AudioLimits, AudioReader, Chunk, Input, RATE};
use fenwen::pipeline::speech::{Observer, Resume};
use fenwen::service::speech::{Ear, Run};
use fenwen::task::call::CallError;
use fenwen::task::idcard::ModelInfo;
use fenwen::task::speech::{Segment, SpeechProgress, SpokenLanguage, Word};

/// What is heard in a second; with a number that must be masked.
pub(crate) const SENTENCE: &str = "電話0912345678";

pub(crate) struct FakeEar {
    model: ModelInfo,
    sentence: String,
    limits: AudioLimits,
    /// Windows that may still be heard.
    permits: Mutex<usize>,
    rung: Condvar,
    /// Windows that were heard.
    pub(crate) n_heard: AtomicUsize,
    /// Recordings that nobody wanted any more.
    pub(crate) n_stopped: AtomicUsize,
}

impl FakeEar {
    /// Hears so many windows until the test permits more.
    pub(crate) fn with_permits(n_permits: usize) -> Arc<FakeEar> {
        FakeEar::saying(SENTENCE, n_permits)
    }

    /// The same, and hears this sentence.
    pub(crate) fn saying(sentence: &str, n_permits: usize) -> Arc<FakeEar> {
        let model =
            ModelInfo { name: "fake-ear".into(), version: "1".into(), sha256: "0".repeat(64) };
        Arc::new(FakeEar {
            model,
            sentence: sentence.to_owned(),
            limits: AudioLimits { max_seconds: 60, max_bytes: 16 << 20, ..AudioLimits::default() },
            permits: Mutex::new(n_permits),
            rung: Condvar::new(),
            n_heard: AtomicUsize::new(0),
            n_stopped: AtomicUsize::new(0),
        })
    }

    pub(crate) fn permit(&self, n_windows: usize) {
        *self.permits.lock().unwrap() += n_windows;
        self.rung.notify_all();
    }

    pub(crate) fn n_heard(&self) -> usize {
        self.n_heard.load(Ordering::SeqCst)
    }

    /// Waits for a permit; `false` when nobody wants the rest.
    fn take_permit(&self, run: &Run<'_>) -> bool {
        let mut permits = self.permits.lock().unwrap();
        loop {
            if (run.should_stop)() {
                return false;
            }
            if 0 < *permits {
                *permits -= 1;
                return true;
            }
            permits = self.rung.wait_timeout(permits, Duration::from_millis(5)).unwrap().0;
        }
    }
}

impl Ear for FakeEar {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn limits(&self) -> &AudioLimits {
        &self.limits
    }

    fn hear(
        &self,
        input: &mut dyn Input,
        run: &Run<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Segment>, CallError> {
        let mut reader = AudioReader::open(input, &self.limits).unwrap();
        let (mut samples, mut chunk) = (Vec::new(), Chunk::default());
        while reader.read(&mut chunk).unwrap() {
            samples.extend_from_slice(&chunk.channels[0]);
        }
        assert_eq!(samples.len() as u64, run.survey.n_samples, "all of it is there");
        let mut all = Vec::new();
        let begin = run.resume.heard_until.first().copied().unwrap_or(0);
        let total = samples.len() as u64 / 16;
        let rest = samples.get(usize::try_from(begin).unwrap()..).unwrap_or_default();
        let mut until = begin;
        for window in rest.chunks(RATE as usize) {
            if !self.take_permit(run) {
                self.n_stopped.fetch_add(1, Ordering::SeqCst);
                return Err(CallError::timeout());
            }
            self.n_heard.fetch_add(1, Ordering::SeqCst);
            let start = until / 16;
            until += window.len() as u64;
            let is_silent = window.iter().all(|it| *it == 0.0);
            let segments: Vec<Segment> =
                if is_silent { Vec::new() } else { vec![self.segment(start, until / 16)] };
            observer.heard(&segments, &Resume { heard_until: vec![until] });
            observer.progress(SpeechProgress { done: until / 16, total });
            all.extend(segments);
        }
        Ok(all)
    }
}

impl FakeEar {
    fn segment(&self, start: u64, end: u64) -> Segment {
        let text = Private::new(self.sentence.clone());
        let word = Word { text, offset: 0, start, end, confidence: 0.75 };
        Segment {
            channel: 0,
            start,
            end,
            language: SpokenLanguage::Mandarin,
            text: Private::new(self.sentence.clone()),
            words: vec![word],
            pii: Vec::new(),
            confidence: 0.75,
        }
    }
}
