//! From a recording to a transcript: who speaks when, what is said, how sure that is, and what of it is private.
//!
//! The stages, each a module with an inspectable result: `activity` (probability of speech), `windows` (utterances
//! joined into windows without their silences), `band` (the depth that a telephone took from a voice), `hear` (decode,
//! retries, guards), `line` (characters with times) and what is done to one: `script`, `vocabulary`, `punctuate`,
//! `numbers`; last `redact`. `transcribe` runs them; `compare` counts errors where the words are known, and `correct` puts
//! the words of a person in the place of those that were heard.

pub mod activity;
pub mod band;
pub mod compare;
pub mod correct;
pub mod guard;
pub mod hear;
pub mod line;
pub mod numbers;
pub mod phrases;
pub mod punctuate;
pub mod redact;
pub mod script;
pub mod transcribe;
pub mod vocabulary;
pub mod windows;

pub use transcribe::{Ears, Listening, Observer, Resume, TranscribeError, transcribe};
