//! Who gives way for the processor. Linux keeps this by thread, and a thread hands it to those that it starts; nobody takes
//! it back without a privilege.

use std::panic::resume_unwind;
use std::thread;

use rustix::process::{getpriority_process, setpriority_process};

/// Of what others wait for, but not as those do who take calls in: beside one of these, a tenth of the processor.
const YIELDING: i32 = 10;

/// The least that Linux knows, of what nobody waits for.
const LEAST: i32 = 19;

/// From here on this thread gives way to those who take calls in. Where that is refused, the work is done all the same.
pub fn yield_to_calls() {
    give_way(YIELDING);
}

/// From here on this thread gives way to everybody. Where that is refused, the work is done all the same.
pub fn yield_to_all() {
    give_way(LEAST);
}

/// Not by more, where whoever started this thread gives way already.
fn give_way(nice: i32) {
    if getpriority_process(None).is_ok_and(|it| it < nice) {
        let _ = setpriority_process(None, nice);
    }
}

/// Does `work` on a thread that gives way to those who take calls in, and waits for it: a node that starts, or lets another
/// model in, is not to be felt by the others of the machine. Threads that the work leaves behind give way too.
pub fn yielding<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let run = || {
        yield_to_calls();
        work()
    };
    thread::scope(|it| it.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        getpriority_process(None).unwrap()
    }

    #[test]
    fn the_work_gives_way_and_the_caller_does_not() {
        let before = nice();
        assert_eq!(yielding(nice), before.max(YIELDING));
        assert_eq!(nice(), before);
    }
}
