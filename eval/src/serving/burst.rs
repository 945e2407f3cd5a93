//! A burst: everybody asks at one moment, and nobody again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{Answer, Connection, Request, RequestArgs};
use super::closed::quantile;

/// How long the last answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(clap::Args)]
pub struct BurstArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Requests.
    #[arg(long)]
    count: usize,
    /// Milliseconds after which an answer is late.
    #[arg(long)]
    deadline_ms: u64,
}

pub(super) async fn run(args: &BurstArgs) -> Result<Value> {
    let request = Arc::new(args.request.request()?);
    let mut open = Vec::with_capacity(args.count);
    for _ in 0..args.count {
        open.push(Connection::open(&request).await.context("failed to connect")?);
    }
    let begun = Instant::now();
    let asking: Vec<_> = open
        .into_iter()
        .map(|it| tokio::spawn(timeout(PATIENCE, once(Arc::clone(&request), it, begun))))
        .collect();
    let mut seen: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    let (mut n_lost, mut n_hints) = (0_usize, 0_usize);
    for it in asking {
        match it.await.context("a connection panicked")? {
            Ok(Ok((answer, micros))) => {
                seen.entry(answer.status).or_default().push(micros);
                n_hints += usize::from(answer.has_retry_after);
            }
            Ok(Err(_)) | Err(_) => n_lost += 1,
        }
    }
    let in_time = seen
        .get(&200)
        .map_or(0, |it| it.iter().filter(|&&micros| micros <= args.deadline_ms * 1000).count());
    let by_status: BTreeMap<String, Value> = seen
        .into_iter()
        .map(|(status, mut micros)| {
            micros.sort_unstable();
            let shown = json!({
                "count": micros.len(),
                "p50_ms": quantile(&micros, 0.5),
                "p99_ms": quantile(&micros, 0.99),
                "last_ms": quantile(&micros, 1.0),
            });
            (status.to_string(), shown)
        })
        .collect();
    Ok(json!({
        "statuses": by_status,
        "in_time": in_time,
        "with_retry_after": n_hints,
        "unanswered": n_lost,
    }))
}

async fn once(
    request: Arc<Request>,
    mut connection: Connection,
    begun: Instant,
) -> Result<(Answer, u64)> {
    connection.send(&request).await?;
    let answer = connection.answer().await?;
    Ok((answer, begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX)))
}
