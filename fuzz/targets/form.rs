//! Multipart forms: what is taken keeps the limits of its parts.
#![no_main]

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use fenwen::http::{HttpOptions, form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options =
        HttpOptions { max_image_bytes: 256, max_meta_bytes: 128, ..HttpOptions::default() };
    let request = Request::post("/")
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Body::from(bytes.to_vec()));
    let Ok(request) = request else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        return;
    };
    let read = runtime.block_on(form::read(request, &options, Duration::from_secs(5)));
    if let Ok(form) = read {
        assert!(form.images.iter().all(|it| (1..=256).contains(&it.expose().len())));
        assert!(form.meta.is_none_or(|it| it.expose().len() <= 128));
    }
});
