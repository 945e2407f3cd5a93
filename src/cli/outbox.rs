//! Events of what an operator did on the command line: whoever relays tells the bus.

use crate::base::{RequestId, SystemClock};
use crate::service::events::{Circumstances, Event};
use crate::store::Store;
use crate::wire::call;

/// Puts an event about something into the outbox.
pub(super) fn tell(store: &Store, event: &Event, about: String) -> anyhow::Result<()> {
    let origin = call::origin(RequestId::fresh(&SystemClock), None, None)?;
    let row = event.outbox_row(&Circumstances::of(&origin, about, &SystemClock))?;
    store.tell(row).wait()?;
    Ok(())
}
