//! The `fenwen` program.

fn main() {}
