//! Callers who hang up: each sends its request, waits a moment, closes the connection, and comes again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{Connection, Request, RequestArgs};

/// How long the answer to whoever stays is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(super) struct LeaveArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Callers at one time.
    #[arg(long)]
    connections: usize,
    /// Seconds of this.
    #[arg(long)]
    seconds: f64,
    /// Milliseconds after which a caller hangs up.
    #[arg(long)]
    patience_ms: u64,
}

/// Counts what was sent, what was answered in spite of all, and how long the next caller then waits, who stays.
pub(super) async fn run(args: &LeaveArgs) -> Result<Value> {
    let request = Arc::new(args.request.request()?);
    let end = Instant::now() + Duration::from_secs_f64(args.seconds);
    let patience = Duration::from_millis(args.patience_ms);
    let leaving: Vec<_> = (0..args.connections)
        .map(|_| tokio::spawn(leave(Arc::clone(&request), patience, end)))
        .collect();
    let (mut n_sent, mut n_answered) = (0_u64, 0_u64);
    for it in leaving {
        let (sent, answered) = it.await.context("a caller panicked")?;
        n_sent += sent;
        n_answered += answered;
    }
    let asked = Instant::now();
    let next = timeout(PATIENCE, async {
        let mut connection = Connection::open(&request).await?;
        connection.send(&request).await?;
        connection.answer().await
    });
    let status = match next.await {
        Ok(Ok(answer)) => Some(answer.status),
        Ok(Err(_)) | Err(_) => None,
    };
    Ok(json!({
        "sent": n_sent,
        "answered": n_answered,
        "next_status": status,
        "next_ms": asked.elapsed().as_secs_f64() * 1e3,
    }))
}

async fn leave(request: Arc<Request>, patience: Duration, end: Instant) -> (u64, u64) {
    let (mut n_sent, mut n_answered) = (0, 0);
    while Instant::now() < end {
        let Ok(mut connection) = Connection::open(&request).await else { continue };
        if connection.send(&request).await.is_err() {
            continue;
        }
        n_sent += 1;
        if matches!(timeout(patience, connection.answer()).await, Ok(Ok(_))) {
            n_answered += 1;
        }
    }
    (n_sent, n_answered)
}
