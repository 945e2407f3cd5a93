//! The fuzz targets, built with the tests and run over their seeds: a change of the program that they do not follow is
//! seen here, and what was once found stays found.
#![allow(
    clippy::duplicate_mod,
    clippy::pedantic,
    clippy::restriction,
    unreachable_pub,
    unused_attributes,
    reason = "targets are programs of their own"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "audio")]
#[path = "../../fuzz/targets/audio.rs"]
mod audio;
#[path = "../../fuzz/targets/exchange.rs"]
mod exchange;
#[path = "../../fuzz/targets/form.rs"]
mod form;
#[path = "../../fuzz/targets/image.rs"]
mod image;
#[path = "../../fuzz/targets/mail.rs"]
mod mail;
#[path = "../../fuzz/targets/manifest.rs"]
mod manifest;
#[path = "../../fuzz/targets/member.rs"]
mod member;
#[path = "../../fuzz/targets/page.rs"]
mod page;
#[cfg(feature = "jwt")]
#[path = "../../fuzz/targets/token.rs"]
mod token;
#[path = "../../fuzz/targets/v2_grpc.rs"]
mod v2_grpc;
#[path = "../../fuzz/targets/v2_rest.rs"]
mod v2_rest;
#[path = "../../fuzz/targets/wire.rs"]
mod wire;

/// Stands in for libFuzzer's: a target is a function of its input.
#[macro_export]
macro_rules! fuzz_target {
    ($(init: $init:expr,)? |$input:ident: &[u8]| $body:expr) => {
        pub(crate) fn run($input: &[u8]) {
            $body
        }
    };
    ($(init: $init:expr,)? |$input:ident: &str| $body:expr) => {
        pub(crate) fn run(bytes: &[u8]) {
            let Ok($input) = std::str::from_utf8(bytes) else { return };
            $body
        }
    };
}

macro_rules! seeds {
    ($($(#[$when:meta])? $name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        mod over_its_seeds {
            $($(#[$when])? #[test] fn $name() { super::over(stringify!($name), super::$name::run); })*
        }
    };
}

seeds! {
    #[cfg(feature = "audio")]
    audio,
    exchange,
    form,
    image,
    mail,
    manifest,
    member,
    page,
    #[cfg(feature = "jwt")]
    token,
    v2_grpc,
    v2_rest,
    wire,
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect()
}

fn over(name: &str, run: fn(&[u8])) {
    let seeds = files(&format!("corpus/{name}"));
    assert!(!seeds.is_empty(), "{name}");
    for seed in seeds {
        run(&fs::read(seed).unwrap());
    }
}

#[test]
fn no_target_is_left_out() {
    let targets = files("targets");
    let found: BTreeSet<&str> = targets.iter().filter_map(|it| it.file_stem()?.to_str()).collect();
    assert_eq!(found, NAMES.iter().copied().collect());
}
