//! Models in worker processes: this test program is its own worker.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fenwen::base::SystemClock;
use fenwen::batch::{BatchPolicy, BatchSpec, ModelHandle, RunError};
use fenwen::engine::fake::FakeModel;
use fenwen::engine::process::{ProcessModel, WorkerCommand};
use fenwen::engine::worker::{OpenRequest, serve};
use fenwen::engine::{EngineError, OpenOptions, TensorModel};
use fenwen::tensor::{Tensor, View};

use crate::support::{ONNX_RUNTIME, RECOGNISER, pulled};

/// On the command line of a worker; the test program takes it for a test to skip.
const FAKE: &str = "as-worker:fake";
const REAL: &str = "as-worker:real";

const ABORT: f32 = -1.0;
const FAIL: f32 = -2.0;
const HANG: f32 = -3.0;

/// Does nothing as a test; as a worker it serves its standard input.
#[test]
fn child() {
    let is = |role: &str| std::env::args().any(|it| it == role);
    let socket = || UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    if is(FAKE) {
        let _ = serve(socket(), |_| Ok(Box::new(FakeModel::computing(misbehave))));
    } else if is(REAL) {
        let _ = serve(socket(), OpenRequest::open);
    }
}

fn misbehave(input: &Tensor) -> Result<Tensor, EngineError> {
    let values = input.as_f32().unwrap();
    if values.contains(&ABORT) {
        std::process::abort();
    }
    if values.contains(&HANG) {
        loop {
            std::thread::park();
        }
    }
    if values.contains(&FAIL) {
        return Err(EngineError::Failed("told to".to_owned()));
    }
    Ok(input.clone())
}

fn command(role: &str, limit: Duration) -> WorkerCommand {
    let args = ["worker::child", "--exact", "--nocapture", "--skip", role];
    WorkerCommand {
        program: std::env::current_exe().unwrap(),
        args: args.map(str::to_owned).to_vec(),
        limit,
    }
}

fn request() -> OpenRequest {
    let options = OpenOptions { ort_library: Some(pulled(ONNX_RUNTIME)), ..OpenOptions::default() };
    OpenRequest::new(&pulled(RECOGNISER), &options)
}

fn fake(limit: Duration) -> ProcessModel {
    ProcessModel::start(command(FAKE, limit), &request()).unwrap()
}

fn run(model: &mut dyn TensorModel, value: f32) -> Result<Vec<f32>, EngineError> {
    let mut output = Vec::new();
    let mut keep = |views: &[View<'_>]| output = views[0].data().to_vec();
    model.run(&[Tensor::f32([1, 1], vec![value]).unwrap()], &mut keep)?;
    Ok(output)
}

#[test]
fn a_crash_costs_one_run() {
    let mut model = fake(Duration::from_secs(60));
    assert_eq!(run(&mut model, 1.0), Ok(vec![1.0]));
    for _ in 0..3 {
        let err = run(&mut model, ABORT).unwrap_err();
        assert!(matches!(err, EngineError::Crashed(_)), "{err:?}");
    }
    assert_eq!(run(&mut model, 2.0), Ok(vec![2.0]));
}

#[test]
fn a_failure_is_no_crash() {
    let mut model = fake(Duration::from_secs(60));
    let err = run(&mut model, FAIL).unwrap_err();
    assert_eq!(err, EngineError::Failed("the model failed: told to".to_owned()));
    assert_eq!(run(&mut model, 2.0), Ok(vec![2.0]));
}

#[test]
fn a_hanging_worker_is_killed() {
    let mut model = fake(Duration::from_secs(5));
    let err = run(&mut model, HANG).unwrap_err();
    assert!(matches!(err, EngineError::Crashed(_)), "{err:?}");
    assert_eq!(run(&mut model, 2.0), Ok(vec![2.0]));
}

#[test]
fn a_worker_that_does_not_start_is_an_error() {
    for program in ["true", "/nowhere/at/all"] {
        let command = WorkerCommand {
            program: program.into(),
            args: Vec::new(),
            limit: Duration::from_secs(60),
        };
        let err = ProcessModel::start(command, &request()).err().unwrap();
        assert!(matches!(err, EngineError::Crashed(_)), "{err:?}");
    }
}

#[tokio::test]
async fn a_crashing_row_costs_only_itself() {
    let spec = BatchSpec {
        name: "worker".to_owned(),
        policy: BatchPolicy { max_rows: 8, ..BatchPolicy::SINGLE },
        queue_rows: 64,
        queue_cost: 1 << 20,
        probe: None,
        clock: Arc::new(SystemClock),
    };
    let models: Vec<Box<dyn TensorModel>> = vec![Box::new(fake(Duration::from_secs(60)))];
    let handle = ModelHandle::spawn(models, spec, |output| output.view.data()[0]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(3600);
    let run = |value| handle.run(Tensor::f32([1], vec![value]).unwrap(), deadline);
    let (one, crashing, two, three) = tokio::join!(run(1.0), run(ABORT), run(2.0), run(3.0));
    assert_eq!((one, two, three), (Ok(1.0), Ok(2.0), Ok(3.0)));
    assert!(matches!(crashing, Err(RunError::Engine(EngineError::Crashed(_)))));
}

#[test]
fn a_real_model_answers_as_it_does_in_process() {
    let mut model =
        ProcessModel::start(command(REAL, Duration::from_secs(60)), &request()).unwrap();
    let mut here = request().open().unwrap();
    assert_eq!(model.signature(), here.signature());
    let input = Tensor::f32([1, 3, 48, 64], vec![0.25; 3 * 48 * 64]).unwrap();
    let output = |model: &mut dyn TensorModel| {
        let mut output = Vec::new();
        model.run(std::slice::from_ref(&input), &mut |it| output = it[0].data().to_vec()).unwrap();
        output
    };
    assert_eq!(output(&mut model), output(here.as_mut()));
}
