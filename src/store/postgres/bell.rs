//! Bells between processes: `LISTEN` and `NOTIFY` over a connection of their own.
//!
//! They are told after the commit and not in it: transactions that notify are committed one after another, and would wait
//! for each other's disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use super::Place;
use crate::base::{Clock, SystemClock};
use crate::store::StoreError;
use crate::store::bells::{Bells, Rung};

/// Pause after a ring: what happens meanwhile rings once.
const GAP: Duration = Duration::from_millis(5);

/// Pause before the next try to connect.
const RETRY: Duration = Duration::from_secs(1);

/// What is said on the channel.
const TOLD: &str = "told";
const WAITS: &str = "waits";

/// Carries bells for as long as it is polled. Without a connection everybody looks now and then, as ever.
pub(super) async fn run(place: Place, bells: Arc<Bells>) {
    loop {
        if let Err(error) = attend(&place, &bells).await {
            tracing::debug!(%error, "the bells of other processes are not heard");
        }
        SystemClock.wait(RETRY).await;
    }
}

async fn attend(place: &Place, bells: &Arc<Bells>) -> Result<(), StoreError> {
    let own = Arc::new(AtomicI32::new(0));
    let client = match &place.tls {
        Some(tls) => heard(place.config.connect(tls.clone()).await?, (bells, &own)),
        None => heard(place.config.connect(NoTls).await?, (bells, &own)),
    };
    let id: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
    own.store(id, Ordering::SeqCst);
    client.batch_execute("LISTEN fenwen").await?;
    // What was rung before that was not heard.
    bells.hear(Rung { told: true, waits: true });
    while !client.is_closed() {
        bells.out().await;
        let rung = bells.take();
        for (what, is_rung) in [(TOLD, rung.told), (WAITS, rung.waits)] {
            if is_rung {
                client.batch_execute(&format!("NOTIFY fenwen, '{what}'")).await?;
            }
        }
        SystemClock.wait(GAP).await;
    }
    Ok(())
}

/// Lets a connection run until its client goes, and passes on what it hears of others than itself.
fn heard<T>(
    (client, mut connection): (Client, Connection<Socket, T>),
    (bells, own): (&Arc<Bells>, &Arc<AtomicI32>),
) -> Client
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (bells, own) = (Arc::clone(bells), Arc::clone(own));
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(|cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(it) = message
                && it.process_id() != own.load(Ordering::SeqCst)
            {
                bells.hear(Rung { told: it.payload() == TOLD, waits: it.payload() == WAITS });
            }
        }
        // Whoever rings finds the connection closed.
        bells.wake();
    });
    client
}
