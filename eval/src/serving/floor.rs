//! The floor: a bare axum that reads JSON, computes and writes JSON. No limits, no identity, no log, no queue but a list.

use std::sync::Arc;
use std::sync::mpsc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use fenwen::engine::Wanted;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::ServerArgs;
use super::work::{Work, Worker};

type Waiting = oneshot::Sender<Value>;

struct Floor {
    queue: Option<mpsc::Sender<(Value, Waiting)>>,
}

pub(super) async fn serve(args: &ServerArgs) -> Result<()> {
    let queue = match args.work {
        Work::Echo => None,
        work => {
            let (queue, inbox) = mpsc::channel();
            let worker = Worker::new(work, &args.count);
            std::thread::Builder::new()
                .name("model".to_owned())
                .spawn(move || compute(&inbox, worker, work.max_rows()))?;
            Some(queue)
        }
    };
    let router = Router::new().fallback(post(infer)).with_state(Arc::new(Floor { queue }));
    let listener = TcpListener::bind(args.listen).await?;
    Ok(axum::serve(listener, router).await?)
}

/// As fast as the model is free, whoever waits goes, as far as anybody still does.
fn compute(inbox: &mpsc::Receiver<(Value, Waiting)>, mut worker: Worker, max_rows: usize) {
    while let Ok(first) = inbox.recv() {
        let mut batch = vec![first];
        while batch.len() < max_rows
            && let Ok(next) = inbox.try_recv()
        {
            batch.push(next);
            batch.retain(|(_, waiting)| !waiting.is_closed());
        }
        batch.retain(|(_, waiting)| !waiting.is_closed());
        if batch.is_empty() {
            continue;
        }
        if worker.compute(batch.len(), &Wanted::default()).is_err() {
            continue;
        }
        for (data, waiting) in batch {
            // Who has left needs none.
            let _ = waiting.send(data);
        }
    }
}

async fn infer(
    State(floor): State<Arc<Floor>>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let input = body.pointer("/inputs/0").ok_or(StatusCode::BAD_REQUEST)?;
    let data = input.get("data").cloned().ok_or(StatusCode::BAD_REQUEST)?;
    let data = match &floor.queue {
        None => data,
        Some(queue) => {
            let (sender, receiver) = oneshot::channel();
            queue.send((data, sender)).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            receiver.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
        }
    };
    let (datatype, shape) = (&input["datatype"], &input["shape"]);
    let output = json!({"name": "y", "datatype": datatype, "shape": shape, "data": data});
    Ok(Json(json!({"model_name": "load", "model_version": "1", "outputs": [output]})))
}
