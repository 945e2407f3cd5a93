//! Speech with the real models: both engines read one file and agree, and nothing is heard where nobody speaks.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sounds of seconds")]

use std::sync::Arc;

use fenwen::cli::speech::LocalEars;
use fenwen::config::{Config, Overrides};
use fenwen::engine::Device;
use fenwen::engine::speech::{
    DecodeOptions, Heard, Language, ShouldStop, SpeechEngine, SpeechError, SpeechModel,
    SpeechOptions, open,
};
use fenwen::pipeline::speech::{Observer, Resume};
use fenwen::task::speech::{Segment, SpeechOrder, SpeechProgress};

use crate::support::{WHISPER_BASE, pulled};

const RATE: u32 = 16_000;

fn model(engine: SpeechEngine) -> Box<dyn SpeechModel> {
    let options = SpeechOptions { engine, device: Device::Cpu, threads: 1 };
    open(&pulled(WHISPER_BASE), options, 1).unwrap().pop().unwrap()
}

fn nobody() -> ShouldStop {
    Arc::new(|| false)
}

/// Something like a voice: pulses through three resonances that move from vowel to vowel.
fn voice(seconds: f64) -> Vec<f32> {
    let n_samples = (seconds * f64::from(RATE)) as usize;
    let vowels = [[730.0, 1090.0, 2440.0], [270.0, 2290.0, 3010.0], [300.0, 870.0, 2240.0]];
    let mut memory = [[0.0_f64; 2]; 3];
    let mut phase = 0.0;
    (0..n_samples)
        .map(|idx| {
            let time = idx as f64 / f64::from(RATE);
            phase += (120.0 + 30.0 * (3.0 * time).sin()) / f64::from(RATE);
            let mut pulse = 0.0;
            if 1.0 <= phase {
                phase -= 1.0;
                pulse = 1.0;
            }
            let vowel = vowels[(time * 3.0) as usize % vowels.len()];
            let mut sum = 0.0;
            for (hertz, state) in vowel.iter().zip(&mut memory) {
                let radius = 0.985_f64;
                let angle = std::f64::consts::TAU * hertz / f64::from(RATE);
                let next =
                    pulse + 2.0 * radius * angle.cos() * state[0] - radius * radius * state[1];
                *state = [next, state[0]];
                sum += next;
            }
            (0.02 * sum) as f32
        })
        .collect()
}

#[test]
fn both_engines_take_a_sound_for_the_same_languages() {
    let window = voice(6.0);
    let [whisper, candle] = [SpeechEngine::WhisperCpp, SpeechEngine::Candle].map(|engine| {
        let mut found = model(engine).detect_languages(&window, &nobody()).unwrap();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    });
    assert_eq!(whisper.len(), 99);
    let sum: f32 = whisper.iter().map(|it| it.1).sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    for (a, b) in whisper.iter().zip(&candle) {
        // whisper.cpp hears 30 s with silence, in halves; candle the window, in single precision.
        assert!(a.0 == b.0 && (a.1 - b.1).abs() < 0.1, "{a:?} {b:?}");
    }
}

#[test]
fn a_stopped_decode_ends() {
    let window = voice(10.0);
    let options = DecodeOptions {
        language: Language::Mandarin,
        temperature: 0.0,
        beams: 1,
        prompt: None,
        is_draft: false,
    };
    for engine in [SpeechEngine::WhisperCpp, SpeechEngine::Candle] {
        let mut model = model(engine);
        let n_asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = Arc::clone(&n_asked);
        let stop: ShouldStop =
            Arc::new(move || 1 <= seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let found = model.hear(&window, &options, &stop).err();
        assert_eq!(found, Some(SpeechError::Stopped), "{engine:?}");
        // The same model goes on afterwards.
        let heard: Heard = model.hear(&window, &options, &nobody()).unwrap();
        assert!(heard.spans.iter().all(|it| it.start <= it.end && it.end <= 30.0));
    }
}

struct Nobody;

impl Observer for Nobody {
    fn heard(&mut self, _segments: &[Segment], _resume: &Resume) {}

    fn progress(&mut self, _progress: SpeechProgress) {}
}

fn wav(samples: impl Iterator<Item = f32>) -> Vec<u8> {
    let data: Vec<u8> = samples.flat_map(|it| ((it * 32_767.0) as i16).to_le_bytes()).collect();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn nothing_is_heard_where_nobody_speaks() {
    let config = Config::read(&Overrides::default()).unwrap();
    let ears = LocalEars::open(&config).unwrap();
    let check = |name: &str, sound: &dyn Fn(f64) -> f64| {
        let times = (0..8 * RATE).map(|it| f64::from(it) / f64::from(RATE));
        let bytes = wav(times.map(|it| sound(it) as f32));
        let found = ears.transcribe_bytes(&bytes, &SpeechOrder::default(), &mut Nobody).unwrap();
        assert_eq!(found.segments, [], "{name}");
        assert_eq!(found.duration, 8_000);
    };
    let sine = |hertz: f64, time: f64| (std::f64::consts::TAU * hertz * time).sin();
    check("silence", &|_| 0.0);
    check("tone", &|time| 0.3 * sine(1000.0, time));
    check("ring-back", &|time| {
        let is_on = time % 3.0 < 1.0;
        if is_on { 0.2 * (sine(440.0, time) + sine(480.0, time)) } else { 0.0 }
    });
    let noise = |time: f64| (time * 12_345.678).sin() * 43_758.547;
    check("noise", &|time| 0.1 * (noise(time) - noise(time).floor() - 0.5));
}
