//! The batching of rows: every accepted row is answered once, with its own result.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use fenwen::base::{Clock, Deadline, ManualClock, SystemClock};
use fenwen::batch::{
    BatchPolicy, BatchSpec, ModelHandle, Priority, RowOutput, RunError, SpawnError, Stats,
};
use fenwen::engine::fake::FakeModel;
use fenwen::engine::{EngineError, TensorModel};
use fenwen::tensor::Tensor;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;

/// Marks a row that fails its whole batch.
const POISON: f32 = -1.0;
/// Marks a row that makes the model panic.
const BOMB: f32 = -2.0;

fn spec() -> BatchSpec {
    BatchSpec {
        name: "fake".to_owned(),
        policy: BatchPolicy { max_rows: 8, max_cost: 1 << 20, max_padding: 1.15 },
        queue_rows: 64,
        queue_cost: 1 << 20,
        probe: None,
        clock: Arc::new(SystemClock),
    }
}

fn spawn(models: Vec<FakeModel>, spec: BatchSpec) -> ModelHandle<Vec<f32>> {
    let models = models.into_iter().map(|it| Box::new(it) as Box<dyn TensorModel>).collect();
    ModelHandle::spawn(models, spec, own_part).unwrap()
}

/// A row's output without its padding.
fn own_part(output: RowOutput<'_>) -> Vec<f32> {
    assert_eq!(output.view.shape(), [output.padded_len]);
    output.view.data()[..output.input_len].to_vec()
}

fn row(values: &[f32]) -> Tensor {
    Tensor::f32([values.len()], values.to_vec()).unwrap()
}

fn far() -> Deadline {
    Instant::now() + Duration::from_secs(3600)
}

/// Doubles every element; fails or panics when any is marked.
fn doubling() -> FakeModel {
    FakeModel::computing(|input| {
        let values = input.as_f32().unwrap();
        assert!(!values.contains(&BOMB), "told to");
        if values.contains(&POISON) {
            return Err(EngineError::Failed("poison".to_owned()));
        }
        let doubled: Vec<f32> = values.iter().map(|it| it * 2.0).collect();
        Ok(Tensor::f32(input.shape(), doubled).unwrap())
    })
}

/// A doubling model that waits for one `()` before each run.
fn gated() -> (Sender<()>, FakeModel) {
    let (open, gate) = channel();
    (open, FakeModel::gated(gate, doubling()))
}

/// Waits until the queue is as wanted; the scheduler works on another thread.
async fn until(handle: &ModelHandle<Vec<f32>>, wanted: impl Fn(&Stats) -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !wanted(&handle.stats()) {
        assert!(Instant::now() < patience, "not in time: {:?}", handle.stats());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn rows_get_their_own_results() {
    let (open, model) = gated();
    let handle = spawn(vec![model], spec());
    drop(open);
    let rows: Vec<Tensor> = (0..40).map(|idx| row(&vec![idx as f32; 20 + idx % 5])).collect();
    let results = handle.run_all(rows, far()).await.unwrap();
    for (idx, result) in results.into_iter().enumerate() {
        assert_eq!(result, vec![idx as f32 * 2.0; 20 + idx % 5]);
    }
}

#[tokio::test]
async fn waiting_rows_share_a_batch() {
    let (open, model) = gated();
    let handle = spawn(vec![model], spec());
    let first = tokio::spawn({
        let handle = handle.clone();
        async move { handle.run(row(&[1.0; 10]), far()).await }
    });
    until(&handle, |it| it.running_cost == 10).await;
    let rows = vec![row(&[2.0; 10]), row(&[3.0; 500]), row(&[4.0; 9])];
    let rest = tokio::spawn({
        let handle = handle.clone();
        async move { handle.run_all(rows, far()).await }
    });
    until(&handle, |it| it.waiting_rows == 3).await;
    drop(open);
    assert_eq!(first.await.unwrap().unwrap(), [2.0; 10]);
    assert_eq!(rest.await.unwrap().unwrap()[2], [8.0; 9]);
    let stats = handle.stats();
    assert_eq!((stats.batches, stats.rows), (3, 4));
    assert_eq!((stats.real_cost, stats.padded_cost), (529, 530));
    assert_eq!((stats.waiting_rows, stats.waiting_cost, stats.running_cost), (0, 0, 0));
}

#[tokio::test]
async fn what_takes_no_time_runs_where_it_is() {
    let clock = Arc::new(ManualClock::at(Duration::ZERO));
    let (saw, threads) = channel();
    // The first element says how many microseconds it takes.
    let ticking = Arc::clone(&clock);
    let model = FakeModel::computing(move |input| {
        let values = input.as_f32().unwrap();
        assert!(!values.contains(&BOMB), "told to");
        ticking.advance(Duration::from_secs_f32(values[0] / 1e6));
        saw.send(std::thread::current().id()).unwrap();
        Ok(input.clone())
    });
    let handle = spawn(vec![model], BatchSpec { clock: clock.clone(), ..spec() });
    let deadline = clock.now() + Duration::from_secs(60);
    let here = std::thread::current().id();
    let is_here = async |took_us: f32| {
        assert_eq!(handle.run(row(&[took_us; 10]), deadline).await.unwrap(), [took_us; 10]);
        threads.recv().unwrap() == here
    };
    for n_runs in 0..16 {
        assert!(!is_here(1.0).await, "{n_runs} say little");
    }
    // Who is answered may be sooner here again than the thread lets go of the model.
    while !is_here(1.0).await {}
    assert_eq!(handle.run(row(&[BOMB; 10]), deadline).await, Err(RunError::Panicked));
    let late = handle.run(row(&[1.0; 10]), clock.now()).await;
    assert_eq!(late, Err(RunError::Expired));
    assert!(is_here(1000.0).await, "nobody knew");
    assert!(!is_here(1.0).await, "it may take long again");
    let stats = handle.stats();
    assert_eq!((stats.panicked, stats.waiting_rows), (1, 0));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_all_or_nothing() {
    let (_open, model) = gated();
    let handle = spawn(vec![model], BatchSpec { queue_rows: 2, queue_cost: 100, ..spec() });
    let mut tasks = JoinSet::new();
    let submit = |tasks: &mut JoinSet<_>, n_rows: usize, len: usize| {
        let handle = handle.clone();
        let rows = (0..n_rows).map(|_| row(&vec![1.0; len])).collect();
        tasks.spawn(async move { handle.run_all(rows, far()).await });
    };
    submit(&mut tasks, 1, 1);
    until(&handle, |it| it.running_cost == 1).await;
    submit(&mut tasks, 1, 60);
    until(&handle, |it| it.waiting_rows == 1).await;
    let refused = |rows| handle.run_all(rows, far());
    assert_eq!(refused(vec![row(&[1.0]), row(&[1.0])]).await, Err(RunError::Busy));
    assert_eq!(refused(vec![row(&[1.0; 41])]).await, Err(RunError::Busy));
    assert_eq!(handle.stats().refused, 3);
    assert_eq!(handle.stats().waiting_rows, 1);
    tasks.abort_all();
}

#[tokio::test]
async fn rows_that_were_left_make_room_while_every_copy_is_at_work() {
    let (open, model) = gated();
    let handle = spawn(vec![model], BatchSpec { queue_rows: 2, ..spec() });
    let submit = |value: f32| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.run(row(&[value]), far()).await })
    };
    let first = submit(1.0);
    until(&handle, |it| it.running_cost == 1).await;
    let left = [submit(2.0), submit(3.0)];
    until(&handle, |it| it.waiting_rows == 2).await;
    assert_eq!(handle.run(row(&[4.0]), far()).await, Err(RunError::Busy));
    for task in left {
        task.abort();
        assert!(task.await.is_err());
    }
    let mut next = Box::pin(handle.run(row(&[5.0]), far()));
    assert_eq!(next.as_mut().now_or_never(), None, "there is room for it");
    assert_eq!((handle.stats().skipped_closed, handle.stats().waiting_rows), (2, 1));
    drop(open);
    assert_eq!(first.await.unwrap(), Ok(vec![2.0]));
    assert_eq!(next.await, Ok(vec![10.0]));
    assert_eq!((handle.stats().refused, handle.stats().rows), (1, 2));
}

#[tokio::test]
async fn rows_nobody_waits_for_are_not_run() {
    let (open, model) = gated();
    let clock = Arc::new(ManualClock::at(Duration::ZERO));
    let handle = spawn(vec![model], BatchSpec { clock: clock.clone(), ..spec() });
    let far = clock.now() + Duration::from_secs(3600);
    let submit = |value: f32, deadline| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.run(row(&[value]), deadline).await })
    };
    let first = submit(1.0, far);
    until(&handle, |it| it.running_cost == 1).await;
    let late = submit(2.0, clock.now() + Duration::from_secs(1));
    let left = submit(3.0, far);
    let kept = submit(4.0, far);
    until(&handle, |it| it.waiting_rows == 3).await;
    clock.advance(Duration::from_secs(2));
    until(&handle, |it| it.oldest_age == Duration::from_secs(2)).await;
    left.abort();
    assert!(left.await.is_err());
    drop(open);
    assert_eq!(first.await.unwrap(), Ok(vec![2.0]));
    assert_eq!(late.await.unwrap(), Err(RunError::Expired));
    assert_eq!(kept.await.unwrap(), Ok(vec![8.0]));
    let stats = handle.stats();
    assert_eq!((stats.skipped_closed, stats.skipped_expired, stats.rows), (1, 1, 2));
}

/// A model that is at work for as long as it is wanted, or until it is let go; then it doubles.
fn tireless() -> (Sender<()>, FakeModel) {
    let (open, gate) = channel::<()>();
    let model = FakeModel::computing_while(move |input, wanted| {
        while gate.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            wanted.check()?;
        }
        let doubled = input.as_f32().unwrap().iter().map(|it| it * 2.0).collect();
        Ok(Tensor::f32(input.shape(), doubled).unwrap())
    });
    (open, model)
}

#[tokio::test]
async fn a_run_is_given_up_when_the_last_caller_leaves() {
    let (open, model) = tireless();
    let handle = spawn(vec![model], spec());
    let submit = |value: f32| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.run(row(&[value]), far()).await })
    };
    let alone = submit(1.0);
    until(&handle, |it| it.running_cost == 1).await;
    let [left, stays] = [submit(2.0), submit(3.0)];
    until(&handle, |it| it.waiting_rows == 2).await;
    alone.abort();
    until(&handle, |it| it.given_up == 1 && it.running_cost == 2).await;
    left.abort();
    assert!(left.await.is_err());
    drop(open);
    assert_eq!(stays.await.unwrap(), Ok(vec![6.0]), "one of the batch is still there");
    let stats = handle.stats();
    assert_eq!((stats.given_up, stats.failed, stats.retried, stats.batches), (1, 0, 0, 2));
}

#[tokio::test]
async fn the_urgent_class_overtakes() {
    let (open, gate) = channel();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    let recording = FakeModel::computing(move |input| {
        log.lock().unwrap().push(input.as_f32().unwrap()[0]);
        Ok(input.clone())
    });
    let spec = BatchSpec { policy: BatchPolicy::SINGLE, ..spec() };
    let handle = spawn(vec![FakeModel::gated(gate, recording)], spec);
    let mut tasks = JoinSet::new();
    let submit = |tasks: &mut JoinSet<_>, value: f32, priority| {
        let handle = handle.with_priority(priority);
        tasks.spawn(async move { handle.run(row(&[value]), far()).await });
    };
    submit(&mut tasks, 0.0, Priority::Bulk);
    until(&handle, |it| it.running_cost == 1).await;
    for (idx, priority) in
        [Priority::Background, Priority::Bulk, Priority::Interactive].into_iter().enumerate()
    {
        submit(&mut tasks, idx as f32 + 1.0, priority);
        until(&handle, |it| it.waiting_rows == idx + 1).await;
    }
    drop(open);
    while let Some(result) = tasks.join_next().await {
        result.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0.0, 3.0, 2.0, 1.0]);
}

#[tokio::test]
async fn a_bad_row_costs_only_itself() {
    for (marker, expected) in [
        (POISON, RunError::Engine(EngineError::Failed("poison".to_owned()))),
        (BOMB, RunError::Panicked),
    ] {
        let (open, model) = gated();
        let handle = spawn(vec![model], spec());
        let mut tasks = JoinSet::new();
        for value in [7.0, 1.0, marker, 2.0, 3.0] {
            let (handle, watched) = (handle.clone(), handle.clone());
            tasks.spawn(async move { (value, handle.run(row(&[value]), far()).await) });
            until(&watched, |it| 0 < it.running_cost).await;
        }
        until(&handle, |it| it.waiting_rows == 4).await;
        drop(open);
        while let Some(answer) = tasks.join_next().await {
            let (value, result) = answer.unwrap();
            let wanted =
                if value == marker { Err(expected.clone()) } else { Ok(vec![value * 2.0]) };
            assert_eq!(result, wanted);
        }
        let stats = handle.stats();
        assert_eq!((stats.batches, stats.retried, stats.failed), (6, 4, 2));
        assert_eq!(handle.run(row(&[5.0]), far()).await, Ok(vec![10.0]));
    }
}

#[tokio::test]
async fn health_is_proven_by_work_or_by_a_probe() {
    let clock = Arc::new(ManualClock::at(Duration::ZERO));
    let with_probe = |clock: &Arc<ManualClock>| BatchSpec {
        probe: Some(row(&[1.0])),
        clock: clock.clone(),
        ..spec()
    };
    let handle = spawn(vec![doubling()], with_probe(&clock));
    let soon = || clock.now() + Duration::from_secs(60);
    assert_eq!(handle.check(soon()).await, Ok(()));
    let n_batches = handle.stats().batches;
    assert_eq!(handle.check(soon()).await, Ok(()));
    assert_eq!(handle.stats().batches, n_batches);
    clock.advance(Duration::from_secs(6));
    assert_eq!(handle.check(soon()).await, Ok(()));
    assert_eq!(handle.stats().batches, n_batches + 1);
    for broken in [FakeModel::failing(), FakeModel::panicking()] {
        assert!(spawn(vec![broken], with_probe(&clock)).check(soon()).await.is_err());
    }
}

#[tokio::test]
async fn a_probe_passes_a_full_queue() {
    let (open, model) = gated();
    let handle =
        spawn(vec![model], BatchSpec { queue_rows: 0, probe: Some(row(&[1.0])), ..spec() });
    drop(open);
    assert_eq!(handle.run(row(&[1.0]), far()).await, Err(RunError::Busy));
    assert_eq!(handle.check(far()).await, Ok(()));
}

#[test]
fn unfit_models_are_not_served() {
    #[track_caller]
    fn check(models: Vec<FakeModel>, fits: bool) {
        let models = models.into_iter().map(|it| Box::new(it) as Box<dyn TensorModel>).collect();
        let result = ModelHandle::spawn(models, spec(), |_| ());
        assert_eq!(result.is_ok(), fits, "{:?}", result.err());
    }
    check(vec![FakeModel::identity()], true);
    check(vec![FakeModel::identity().with_input_dims(&[None, None])], true);
    check(vec![FakeModel::identity().with_input_dims(&[Some(1), None])], true);
    check(vec![FakeModel::identity().with_input_dims(&[Some(4), None])], false);
    check(vec![FakeModel::identity().with_input_dims(&[])], false);
    let none: Result<ModelHandle<()>, SpawnError> = ModelHandle::spawn(vec![], spec(), |_| ());
    assert!(matches!(none.err(), Some(SpawnError::NoModel)));
}

#[tokio::test]
async fn a_model_of_fixed_batch_size_runs_row_by_row() {
    let model = FakeModel::identity().with_input_dims(&[Some(1), None]);
    let handle = spawn(vec![model], spec());
    let rows = (0..5).map(|idx| row(&[idx as f32])).collect();
    let results = handle.run_all(rows, far()).await.unwrap();
    assert_eq!(results, [[0.0], [1.0], [2.0], [3.0], [4.0]]);
    assert_eq!(handle.stats().batches, 5);
}

#[tokio::test]
async fn empty_rows_are_refused() {
    let handle = spawn(vec![FakeModel::identity()], spec());
    let scalar = Tensor::f32([], vec![1.0]).unwrap();
    for empty in [row(&[]), scalar] {
        let result = handle.run(empty, far()).await;
        assert!(matches!(result, Err(RunError::Engine(EngineError::BadInput(_)))));
    }
    assert_eq!(handle.run_all(vec![], far()).await, Ok(vec![]));
}

#[tokio::test]
async fn the_estimate_grows_with_the_work() {
    let clock = Arc::new(ManualClock::at(Duration::ZERO));
    let ticking = clock.clone();
    let model = FakeModel::computing(move |input| {
        ticking.advance(Duration::from_millis(input.as_f32().unwrap().len() as u64));
        Ok(input.clone())
    });
    let spec = BatchSpec { policy: BatchPolicy::SINGLE, clock: clock.clone(), ..spec() };
    let handle = spawn(vec![model], spec);
    assert_eq!(handle.estimate(100), Duration::ZERO);
    let rows = [10, 20, 30, 40].map(|len| row(&vec![1.0; len])).to_vec();
    let deadline = clock.now() + Duration::from_secs(3600);
    handle.run_all(rows, deadline).await.unwrap();
    until(&handle, |it| it.running_cost == 0).await;
    let estimate = handle.estimate(100).as_secs_f64();
    assert!((0.099..0.101).contains(&estimate), "{estimate}");
}

#[tokio::test]
async fn dropping_the_last_handle_stops_the_threads() {
    let (finished, watch) = channel::<()>();
    let model = FakeModel::computing(move |input| {
        let _ = &finished;
        Ok(input.clone())
    });
    let handle = spawn(vec![model], spec());
    let other = handle.clone();
    drop(handle);
    assert_eq!(other.run(row(&[1.0]), far()).await, Ok(vec![1.0]));
    drop(other);
    // The model was dropped, hence its thread has ended.
    assert!(watch.recv().is_err());
}

/// Many clients, mixed lengths, poison, panics, and callers that leave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_row_is_answered_once_and_none_swapped() {
    let spec = BatchSpec { queue_rows: 200, ..spec() };
    let handle = spawn(vec![doubling(), doubling(), doubling()], spec);
    let mut clients = JoinSet::new();
    for client_idx in 0..40_usize {
        let handle = handle.clone();
        clients.spawn(async move {
            let (mut answered, mut busy, mut left) = (0_u64, 0_u64, 0_u64);
            for call_idx in 0..100_usize {
                let value = (client_idx * 1000 + call_idx) as f32;
                let mut values = vec![value; 1 + (client_idx * 7 + call_idx * 13) % 60];
                let wanted = match (client_idx + call_idx) % 50 {
                    7 => {
                        values[0] = POISON;
                        Err(RunError::Engine(EngineError::Failed("poison".to_owned())))
                    }
                    23 => {
                        values[0] = BOMB;
                        Err(RunError::Panicked)
                    }
                    _ => Ok(values.iter().map(|it| it * 2.0).collect()),
                };
                let run = handle.run(row(&values), far());
                if call_idx % 11 == 3 {
                    // Polled once, then dropped.
                    tokio::select! { biased; _ = run => answered += 1, () = std::future::ready(()) => left += 1 }
                    continue;
                }
                match run.await {
                    Err(RunError::Busy) => busy += 1,
                    result => {
                        assert_eq!(result, wanted);
                        answered += 1;
                    }
                }
            }
            (answered, busy, left)
        });
    }
    let (mut answered, mut busy, mut left) = (0, 0, 0);
    while let Some(client) = clients.join_next().await {
        let client = client.unwrap();
        answered += client.0;
        busy += client.1;
        left += client.2;
    }
    assert_eq!(answered + busy + left, 4000);
    until(&handle, |it| it.waiting_rows == 0 && it.running_cost == 0).await;
    let stats = handle.stats();
    assert_eq!(stats.waiting_cost, 0);
    assert!(answered <= stats.rows + stats.skipped_expired);
    assert_eq!(handle.run(row(&[5.0]), far()).await, Ok(vec![10.0]));
}
