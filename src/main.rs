//! The `fenwen` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    fenwen::cli::run()
}
