//! Windows heard together against each window alone, on a tiny network of made-up weights.

use super::*;
use crate::engine::speech::Language;
use crate::engine::speech::fake::tiny;

fn shared() -> Arc<Shared> {
    let bytes = tiny::bytes();
    let weights = WhisperFile::read(&bytes).unwrap();
    Arc::new(Shared::read(&weights, &CandleDevice::Cpu, DType::F32).unwrap())
}

fn options(prompt: Option<&str>, temperature: f32) -> DecodeOptions {
    let prompt = prompt.map(Arc::from);
    DecodeOptions { language: Language::Mandarin, temperature, beams: 1, prompt, is_draft: false }
}

fn nobody() -> ShouldStop {
    Arc::new(|| false)
}

/// Tones of different lengths and pitches.
fn windows() -> Vec<Vec<f32>> {
    (0..5_u8)
        .map(|idx| tiny::tone(200.0 + 90.0 * f32::from(idx), 0.3 + 0.4 * f32::from(idx)))
        .collect()
}

type Told = Vec<(Vec<u8>, [f32; 3])>;

/// Bytes, and probability and times to the third decimal, of every token.
fn told(heard: &Heard) -> Told {
    let rounded = |it: f32| (it * 1e3).round();
    let tokens = heard.spans.iter().flat_map(|it| &it.tokens);
    tokens.map(|it| (it.bytes.clone(), [it.probability, it.start, it.end].map(rounded))).collect()
}

fn alone(shared: &Arc<Shared>, window: &[f32], options: &DecodeOptions) -> Told {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut model = CandleWhisper { shared: Arc::clone(shared), pool };
    told(&model.hear(window, options, &nobody()).unwrap())
}

#[test]
fn a_window_is_heard_the_same_alone_and_among_others() {
    let shared = shared();
    let desk = Arc::new(Desk::start(Arc::clone(&shared)).unwrap());
    // Prompts of two lengths and a temperature, so that the desk makes rounds of its own.
    let all = [options(None, 0.0), options(Some("甲乙"), 0.0), options(None, 0.8)];
    let windows = windows();
    let wanted: Vec<(&[f32], &DecodeOptions)> = all
        .iter()
        .flat_map(|it| windows.iter().map(move |window| (window.as_slice(), it)))
        .collect();
    let together: Vec<Told> = std::thread::scope(|scope| {
        let hear = |(window, options): &(_, _)| {
            let mut worker = DeskWhisper(Arc::clone(&desk));
            let (window, options): (&[f32], &DecodeOptions) = (*window, *options);
            scope.spawn(move || told(&worker.hear(window, options, &nobody()).unwrap()))
        };
        let running: Vec<_> = wanted.iter().map(hear).collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for ((window, options), together) in wanted.iter().zip(&together) {
        assert_eq!(*together, alone(&shared, window, options));
    }
}

/// The logits of what comes first in each window, when all are encoded together.
fn first_logits(shared: &Shared, windows: &[&[f32]]) -> Vec<Vec<f32>> {
    let mels: Vec<_> = windows.iter().map(|it| shared.mel.of(it).unwrap()).collect();
    let sound = shared.network.encode(&mels).unwrap();
    let mut memory = shared.network.remember(&sound).unwrap();
    let given = vec![shared.tokens.start; windows.len()];
    let rows = shared.network.read(&given, &mut memory).unwrap();
    shared.network.logits(&rows.squeeze(1).unwrap()).unwrap()
}

#[test]
fn the_silence_behind_a_shorter_window_is_not_heard() {
    let shared = shared();
    let windows = windows();
    let sounds: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
    let together = first_logits(&shared, &sounds);
    for (sound, together) in sounds.iter().zip(&together) {
        let alone = first_logits(&shared, &[sound]);
        let worst = alone[0].iter().zip(together).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "off by {worst}");
    }
}

#[test]
fn who_stops_leaves_the_others_to_go_on() {
    let shared = shared();
    let windows = windows();
    let sounds: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
    let options = options(None, 0.0);
    let mut turns: Vec<Turn<'_>> = sounds
        .iter()
        .enumerate()
        .map(|(idx, it)| {
            // Two of five: enough that the others move together.
            let should_stop: ShouldStop = Arc::new(move || matches!(idx, 1 | 3));
            Turn::new(shared.decoding(&options, it.len()), should_stop)
        })
        .collect();
    shared.decode(&sounds, &mut turns).unwrap();
    for (idx, (turn, sound)) in turns.iter().zip(&sounds).enumerate() {
        match turn.spans(&shared.tokens, sound.len()) {
            Err(error) => assert!(error == SpeechError::Stopped && matches!(idx, 1 | 3), "{idx}"),
            Ok((spans, _)) => {
                assert!(matches!(idx, 0 | 2 | 4), "{idx}");
                let first = Heard { spans };
                let expected = alone(&shared, sound, &options);
                assert_eq!(told(&first), expected[..told(&first).len()]);
            }
        }
    }
}

#[test]
fn half_precision_hears_about_the_same() {
    let bytes = tiny::bytes();
    let weights = WhisperFile::read(&bytes).unwrap();
    let half = Shared::read(&weights, &CandleDevice::Cpu, DType::F16).unwrap();
    let window = tiny::tone(440.0, 1.0);
    let [half, single] = [&half, &*shared()].map(|it| it.languages(&window).unwrap());
    for (code, probability) in &half {
        let other = single.iter().find(|it| it.0 == *code).unwrap().1;
        assert!((probability - other).abs() < 0.01, "{code}: {probability} and {other}");
    }
}
