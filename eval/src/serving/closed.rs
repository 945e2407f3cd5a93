//! Closed loop: each connection asks again as soon as it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::client::{Connection, Request, RequestArgs};

/// What is not measured at the start, of each connection.
const WARM_UP: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub struct ClosedArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Connections that ask at one time.
    #[arg(long)]
    connections: usize,
    /// Seconds of asking, after half a second that does not count.
    #[arg(long)]
    seconds: f64,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u64>,
    /// Every answer, that of the warm-up and the last one too: what the server's processor time was spent on.
    n_all: u64,
    statuses: BTreeMap<String, u64>,
}

pub(super) async fn run(args: &ClosedArgs) -> Result<Value> {
    let requests: Arc<[Request]> = args.request.requests()?.into();
    ensure!(!requests.is_empty(), "there is no body to ask with");
    let begun = Instant::now() + WARM_UP;
    let end = begun + Duration::from_secs_f64(args.seconds);
    let asking: Vec<_> = (0..args.connections)
        .map(|idx| tokio::spawn(ask(Arc::clone(&requests), idx, begun, end)))
        .collect();
    let mut all = Seen::default();
    for it in asking {
        let seen = it.await.context("a connection panicked")?;
        all.micros.extend(seen.micros);
        all.n_all += seen.n_all;
        for (status, n) in seen.statuses {
            *all.statuses.entry(status).or_default() += n;
        }
    }
    all.micros.sort_unstable();
    Ok(json!({
        "answers": all.micros.len(),
        "answers_in_all": all.n_all,
        "per_second": all.micros.len() as f64 / args.seconds,
        "p50_ms": quantile(&all.micros, 0.5),
        "p99_ms": quantile(&all.micros, 0.99),
        "statuses": all.statuses,
    }))
}

/// Asks with each body in turn, from that of `first` on.
///
/// Only answers of 200 count as answers; everything is told by its status.
async fn ask(requests: Arc<[Request]>, first: usize, begun: Instant, end: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut connection = None;
    let mut in_turn = requests.iter().cycle().skip(first);
    while Instant::now() < end {
        let Some(request) = in_turn.next() else { break };
        let asked = Instant::now();
        let status = once(request, &mut connection).await;
        let now = Instant::now();
        seen.n_all += u64::from(status.is_ok());
        if begun <= asked && now < end {
            if matches!(status, Ok(200)) {
                seen.micros
                    .push(now.duration_since(asked).as_micros().try_into().unwrap_or(u64::MAX));
            }
            let name = status.as_ref().map_or_else(|_| "cut".to_owned(), u16::to_string);
            *seen.statuses.entry(name).or_default() += 1;
        }
        if status.is_err() {
            connection = None;
        }
    }
    seen
}

async fn once(request: &Request, connection: &mut Option<Connection>) -> Result<u16> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(request).await?),
    };
    open.send(request).await?;
    Ok(open.answer().await?.status)
}

/// Milliseconds; none where nothing was measured.
pub(super) fn quantile(sorted_micros: &[u64], share: f64) -> Option<f64> {
    let last = sorted_micros.len().checked_sub(1)?;
    let idx = (last as f64 * share).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `last`")]
    let micros = sorted_micros.get(idx as usize)?;
    Some(*micros as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sorted: &[u64], share: f64, expected: Option<f64>) {
        assert_eq!(quantile(sorted, share), expected);
    }

    #[test]
    fn quantiles_are_in_milliseconds() {
        check(&[], 0.5, None);
        check(&[1500], 0.99, Some(1.5));
        check(&[1000, 2000, 3000], 0.5, Some(2.0));
        check(&(1..=101).map(|it| it * 1000).collect::<Vec<_>>(), 0.99, Some(100.0));
    }
}
