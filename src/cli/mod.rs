//! Composition root: commands.
