//! One thread for all workers on a device: what waits there is decoded together.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::EngineError;
use crate::engine::speech::{DecodeOptions, ShouldStop, SpeechError};

use super::round::Turn;
use super::{Part, Shared, failed};

/// Windows of one round at most.
const MAX_ROUND: usize = 64;
/// How long a round waits for one more window.
const LINGER: Duration = Duration::from_millis(2);

/// Takes windows from any thread.
pub(super) struct Desk {
    shared: Arc<Shared>,
    /// Closed before the thread is waited for.
    orders: Mutex<Option<Sender<Order>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

/// One window that waits.
struct Order {
    window: Vec<f32>,
    options: DecodeOptions,
    should_stop: ShouldStop,
    reply: SyncSender<Result<Part, SpeechError>>,
}

impl Desk {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Desk> {
        let (orders, waiting) = mpsc::channel();
        let network = Arc::clone(&shared);
        let name = "whisper-desk".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || serve(&network, &waiting))?;
        Ok(Desk { shared, orders: Mutex::new(Some(orders)), thread: Mutex::new(Some(thread)) })
    }

    /// What the workers share.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Hears a sound together with what else waits; blocks until it is heard.
    pub(super) fn hear(
        &self,
        window: Vec<f32>,
        options: DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Part, SpeechError> {
        let gone = || SpeechError::from(EngineError::Crashed("the speech desk ended".to_owned()));
        let (reply, answer) = mpsc::sync_channel(1);
        let order = Order { window, options, should_stop: Arc::clone(should_stop), reply };
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        orders.ok_or_else(gone)?.send(order).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.orders.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // It ends with its queue; a panic in it was answered already.
            let _ = thread.join();
        }
    }
}

/// Serves until nobody can order any more.
fn serve(shared: &Shared, waiting: &Receiver<Order>) {
    while let Ok(first) = waiting.recv() {
        let mut orders = vec![first];
        while orders.len() < MAX_ROUND
            && let Ok(order) = waiting.recv_timeout(LINGER)
        {
            orders.push(order);
        }
        // Decodes go on in step: those of a round begin with equally many tokens.
        let mut rounds: BTreeMap<usize, Vec<Order>> = BTreeMap::new();
        for order in orders {
            let n_given = shared.decoding(&order.options, order.window.len()).given().len();
            rounds.entry(n_given).or_default().push(order);
        }
        rounds.into_values().for_each(|orders| answer(shared, orders));
    }
}

/// Answers every order. A round that fails is tried again in halves: only what fails by itself has failed.
fn answer(shared: &Shared, mut orders: Vec<Order>) {
    let heard = catch_unwind(AssertUnwindSafe(|| round(shared, &orders)));
    let error = match heard {
        Ok(Ok(parts)) => {
            for (order, part) in orders.iter().zip(parts) {
                // A worker that has gone needs no answer.
                let _ = order.reply.send(part);
            }
            return;
        }
        Ok(Err(error)) => failed(error),
        Err(_) => EngineError::Crashed("the speech model panicked".to_owned()).into(),
    };
    if let [order] = orders.as_slice() {
        let _ = order.reply.send(Err(error));
        return;
    }
    let rest = orders.split_off(orders.len() / 2);
    answer(shared, orders);
    answer(shared, rest);
}

fn round(shared: &Shared, orders: &[Order]) -> candle_core::Result<Vec<Result<Part, SpeechError>>> {
    let sounds: Vec<&[f32]> = orders.iter().map(|it| it.window.as_slice()).collect();
    let mut turns: Vec<Turn<'_>> = orders
        .iter()
        .map(|it| {
            let decoding = shared.decoding(&it.options, it.window.len());
            Turn::new(decoding, Arc::clone(&it.should_stop))
        })
        .collect();
    shared.decode(&sounds, &mut turns)?;
    let parts = turns.iter().zip(&sounds);
    Ok(parts.map(|(turn, sound)| turn.spans(&shared.tokens, sound.len())).collect())
}
