//! Runs on toy rows: learning, stopping, going on, the same again.

use anyhow::bail;

use super::*;
use crate::encoder::recipe::EncoderPart;
use crate::encoder::trainer::{Round, State, Watch};

/// Twenty rows of two labels that one token tells apart.
fn toy_rows() -> Vec<Example> {
    let mut chance = Chance::new(11);
    (0..20)
        .map(|idx| {
            let label = idx % 2;
            let mut slots = vec![1];
            slots.extend((0..2 + idx % 5).map(|_| 4 + u32::try_from(chance.below(26)).unwrap()));
            slots.extend([2 + label, 29]);
            Example { slots, label }
        })
        .collect()
}

/// The same rows with labels that nothing tells.
fn hopeless_rows() -> Vec<Example> {
    let mut rows = toy_rows();
    rows.iter_mut().enumerate().for_each(|(idx, row)| row.label = u32::from(idx % 4 < 2));
    rows
}

fn part(more: &str) -> EncoderPart {
    toml::from_str(&format!(
        "kind = 'fine-tune'\nbatch_size = 4\nbucket = 2\nlearning_rate = 0.01\n\
         table_learning_rate = 0.01\nhead_learning_rate = 0.05\npatience = 30\n{more}"
    ))
    .unwrap()
}

fn trainer(part: &EncoderPart, dev: Vec<Example>, seed: u64) -> Trainer<'_> {
    let ids: Vec<u32> = (0..30).collect();
    let place = Place { device: Device::Cpu, dtype: DType::F32 };
    let network = Network::new(&arrays(SMALL, 4), &ids, 2, &place).unwrap();
    Trainer::new(network, Examples { train: toy_rows(), dev }, part, seed).unwrap()
}

/// Writes checkpoints, where it has a place for them, and breaks off after a round.
struct Witness<'a> {
    checkpoints: Option<&'a Checkpoints>,
    last_round: usize,
    n_steps: usize,
}

impl Watch for Witness<'_> {
    fn step(&mut self, _: f64) {
        self.n_steps += 1;
    }

    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        if let Some(checkpoints) = self.checkpoints {
            checkpoint::write(checkpoints, trainer)?;
        }
        if trainer.state.rounds.len() == self.last_round {
            bail!("the power failed");
        }
        Ok(())
    }
}

fn run(trainer: &mut Trainer<'_>) {
    trainer.run(&mut Witness { checkpoints: None, last_round: 0, n_steps: 0 }).unwrap();
}

/// Every number of a network, bit for bit.
fn bits(trainer: &Trainer<'_>) -> Vec<u32> {
    let all = trainer.network.params().iter();
    let values = all.flat_map(|it| it.var.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    values.map(f32::to_bits).collect()
}

/// A state without its times.
fn timeless(state: &State) -> State {
    let rounds = state.rounds.iter().map(|it| Round { seconds: 0.0, ..it.clone() });
    State { rounds: rounds.collect(), ..state.clone() }
}

#[test]
fn twenty_rows_are_learned() {
    let part = part("epochs = 30\ndropout = 0.1");
    let mut trainer = trainer(&part, toy_rows(), 1);
    run(&mut trainer);
    let (first, best) =
        (&trainer.state.rounds[0], &trainer.state.rounds[trainer.state.best_round - 1]);
    assert!(best.accuracy == 1.0 && best.dev_loss < 0.1 * first.train_loss, "{first:?} {best:?}");
    let again = trainer.dev_scores().unwrap();
    assert!(again.iter().all(|it| confidence_of(it) == it.label), "the best round is gone back to");
}

fn confidence_of(scored: &crate::linear::confidence::Scored) -> usize {
    crate::linear::confidence::best(&scored.scores)
}

#[test]
fn it_stops_when_the_dev_part_says_so() {
    let part = EncoderPart { patience: Some(3), ..part("epochs = 60") };
    let mut trainer = trainer(&part, hopeless_rows(), 1);
    run(&mut trainer);
    let state = &trainer.state;
    assert_eq!(state.rounds.len(), state.best_round + 3);
    let best = state.rounds[state.best_round - 1].accuracy;
    assert!(state.rounds.iter().all(|it| it.accuracy <= best));
    let scored = trainer.dev_scores().unwrap();
    let n_right = scored.iter().filter(|it| confidence_of(it) == it.label).count();
    assert_eq!(n_right as f64 / scored.len() as f64, best);
}

#[test]
fn without_a_dev_part_every_round_is_taken_and_the_last_one_counts() {
    let part = EncoderPart { patience: Some(1), ..part("epochs = 5\ndropout = 0.2") };
    let mut trainer = trainer(&part, Vec::new(), 1);
    run(&mut trainer);
    assert_eq!((trainer.state.rounds.len(), trainer.state.best_round), (5, 5));
    let before = bits(&trainer);
    trainer.run(&mut Witness { checkpoints: None, last_round: 0, n_steps: 0 }).unwrap();
    assert!(bits(&trainer) == before, "nothing is gone back to");
    assert!(!trainer.has_dev() && trainer.dev_scores().unwrap().is_empty());
}

#[test]
fn a_head_that_learns_first_leaves_the_rest_alone() {
    let part = part("head_epochs = 2\nepochs = 0");
    let mut trainer = trainer(&part, toy_rows(), 1);
    let before = bits(&trainer);
    run(&mut trainer);
    let after = bits(&trainer);
    let n_head = 2 * SMALL.width + 2;
    let split = before.len() - n_head;
    assert_eq!(before[..split], after[..split]);
    assert_ne!(before[split..], after[split..]);
    assert_eq!((trainer.state.rounds.len(), trainer.state.step), (2, 0));
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let part = part("head_epochs = 1\nepochs = 3\ndropout = 0.2\ntoken_dropout = 0.2");
    let result = |seed| {
        let mut trainer = trainer(&part, hopeless_rows(), seed);
        run(&mut trainer);
        (bits(&trainer), timeless(&trainer.state))
    };
    let one = result(1);
    assert!(one == result(1));
    assert!(one.0 != result(2).0);
}

#[test]
fn going_on_from_a_checkpoint_changes_nothing() {
    let part = part(
        "head_epochs = 1\nepochs = 5\ndropout = 0.2\ntoken_dropout = 0.2\nfreeze = ['projection']",
    );
    let mut whole = trainer(&part, hopeless_rows(), 1);
    run(&mut whole);
    for last_round in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(dir.path().join("checkpoints"), "these rows".to_owned());
        let mut broken = trainer(&part, hopeless_rows(), 1);
        let mut witness = Witness { checkpoints: Some(&checkpoints), last_round, n_steps: 0 };
        assert!(broken.run(&mut witness).unwrap_err().to_string().contains("power"));
        // What a failure leaves behind in the middle of writing is not read.
        std::fs::create_dir(dir.path().join("checkpoints/epoch-0099.partial")).unwrap();

        let mut resumed = trainer(&part, hopeless_rows(), 77);
        assert!(checkpoint::restore(&checkpoints, &mut resumed).unwrap());
        assert_eq!(resumed.state.rounds.len(), last_round);
        run(&mut resumed);
        assert_eq!(timeless(&resumed.state), timeless(&whole.state));
        assert!(bits(&resumed) == bits(&whole), "after {last_round}");
    }
}

#[test]
fn checkpoints_of_another_run_are_refused() {
    let part = part("epochs = 1");
    let dir = tempfile::tempdir().unwrap();
    let mut one = trainer(&part, toy_rows(), 1);
    let checkpoints = Checkpoints::new(dir.path().to_owned(), "these rows".to_owned());
    assert!(!checkpoint::restore(&checkpoints, &mut one).unwrap());
    one.run(&mut Witness { checkpoints: Some(&checkpoints), last_round: 0, n_steps: 0 }).unwrap();
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["epoch-0001"]);
    let others = Checkpoints::new(dir.path().to_owned(), "other rows".to_owned());
    let error = checkpoint::restore(&others, &mut trainer(&part, toy_rows(), 1)).unwrap_err();
    assert!(error.to_string().contains("another recipe"), "{error}");
    checkpoints.clear().unwrap();
    assert!(!dir.path().try_exists().unwrap());
}
