//! Several windows decoded together, token by token; those that are over leave their seats.

use candle_core::Result;
use rayon::prelude::*;

use crate::engine::speech::ShouldStop;

use super::decode::Decoding;
use super::network::{Memory, Network, Sound};

/// One window of a round.
pub(super) struct Turn<'t> {
    pub(super) decoding: Decoding<'t>,
    pub(super) should_stop: ShouldStop,
    /// Nobody wants the result any more.
    pub(super) is_stopped: bool,
    is_over: bool,
}

impl<'t> Turn<'t> {
    pub(super) fn new(decoding: Decoding<'t>, should_stop: ShouldStop) -> Turn<'t> {
        Turn { decoding, should_stop, is_stopped: false, is_over: false }
    }

    /// The next token; whatever there is when it is over.
    fn next(&mut self, logits: &mut [f32]) -> u32 {
        if (self.should_stop)() {
            (self.is_stopped, self.is_over) = (true, true);
        }
        let token = if self.is_over { None } else { self.decoding.take(logits) };
        self.is_over = token.is_none();
        token.unwrap_or_default()
    }
}

/// Decodes the windows of a sound, each of which has as many tokens given as the others.
///
/// # Errors
/// When the network fails.
pub(super) fn decode(network: &Network, sound: &Sound, turns: &mut [Turn<'_>]) -> Result<()> {
    let Some(first) = turns.first() else { return Ok(()) };
    let (n_given, start) = (first.decoding.given().len(), first.decoding.start());
    let given: Vec<u32> = turns.iter().flat_map(|it| it.decoding.given().iter().copied()).collect();
    let mut memory = network.remember(sound)?;
    let mut rows = network.read(&given, &mut memory)?;
    let begin = network.logits(&rows.narrow(1, start, 1)?.squeeze(1)?.contiguous()?)?;
    turns.iter_mut().zip(&begin).for_each(|(turn, logits)| turn.decoding.begin(logits));
    rows = rows.narrow(1, n_given - 1, 1)?.contiguous()?;
    let mut seats: Vec<&mut Turn<'_>> = turns.iter_mut().collect();
    loop {
        let mut logits = network.logits(&rows.squeeze(1)?)?;
        let mut next: Vec<u32> =
            seats.par_iter_mut().zip(&mut logits).map(|(turn, it)| turn.next(it)).collect();
        if !leave(&mut seats, &mut next, &mut memory)? {
            return Ok(());
        }
        rows = network.read(&next, &mut memory)?;
    }
}

/// Lets those go that are over once they are a quarter: moving the others costs time too. False when nobody is left.
fn leave(seats: &mut Vec<&mut Turn<'_>>, next: &mut Vec<u32>, memory: &mut Memory) -> Result<bool> {
    let n_over = seats.iter().filter(|it| it.is_over).count();
    if n_over == seats.len() {
        return Ok(false);
    }
    if seats.len() <= 4 * n_over {
        let stays = |seat: &&mut Turn<'_>| !seat.is_over;
        let kept: Vec<u32> =
            (0_u32..).zip(&*seats).filter(|(_, seat)| stays(seat)).map(|it| it.0).collect();
        memory.keep(&kept)?;
        let mut seat = seats.iter();
        next.retain(|_| seat.next().is_some_and(stays));
        seats.retain(stays);
    }
    Ok(true)
}
