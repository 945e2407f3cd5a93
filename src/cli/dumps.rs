//! What people sent is in the memory of the program: a crash leaves none of it in a file.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Asks the kernel for no dump of this process and of those that it starts, whatever its surroundings allow.
pub(super) fn forbid() {
    // Lowering both limits is always allowed, and there is no log yet to tell a failure to.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
