//! Pictures: a header that is read has the size of its pixels, and no file costs more than its limits.
#![no_main]

use fenwen::media::image::{ImageLimits, decode, probe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // A decoder's own panic is contained and refused; only one that gets out is a finding.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let limits = ImageLimits { max_pixels: 1 << 18, max_alloc: 8 << 20, ..ImageLimits::default() };
        let info = probe(bytes, &limits);
        if let Ok(pixels) = decode(bytes, &limits) {
            let n_pixels = pixels.width as u64 * pixels.height as u64;
            assert!(n_pixels <= limits.max_pixels, "{n_pixels} pixels");
            assert!(info.is_ok(), "decoded, but its header is refused");
        }
    }
);
