//! Files of the program that pages are made of. They are named by what they hold, so that a browser keeps each for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::base::hex;

/// A file as it lies in the program.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

const fn css(name: &'static str, content: &'static [u8]) -> Asset {
    Asset { name, media_type: "text/css; charset=utf-8", content }
}

const fn js(name: &'static str, content: &'static [u8]) -> Asset {
    Asset { name, media_type: "text/javascript; charset=utf-8", content }
}

/// A chart of an evaluation, as the report has it.
macro_rules! chart {
    ($model:literal, $name:literal) => {
        Asset {
            name: concat!($model, "-", $name, ".png"),
            media_type: "image/png",
            content: include_bytes!(concat!("../../eval/reports/", $model, "/", $name, ".png")),
        }
    };
}

const ASSETS: &[Asset] = &[
    css("console.css", include_bytes!("assets/console.css")),
    js("dom.js", include_bytes!("assets/dom.js")),
    css("reviews.css", include_bytes!("assets/reviews.css")),
    js("reviews.js", include_bytes!("assets/reviews.js")),
    js("batch.js", include_bytes!("assets/batch.js")),
    css("calls.css", include_bytes!("assets/calls.css")),
    js("calls.js", include_bytes!("assets/calls.js")),
    js("cards.js", include_bytes!("assets/cards.js")),
    js("correction.js", include_bytes!("assets/correction.js")),
    js("clients.js", include_bytes!("assets/clients.js")),
    js("live.js", include_bytes!("assets/live.js")),
    js("models.js", include_bytes!("assets/models.js")),
    js("privacy.js", include_bytes!("assets/privacy.js")),
    js("recording.js", include_bytes!("assets/recording.js")),
    js("results.js", include_bytes!("assets/results.js")),
    js("tap.js", include_bytes!("assets/tap.js")),
    js("taxonomy.js", include_bytes!("assets/taxonomy.js")),
    js("try.js", include_bytes!("assets/try.js")),
    js("waveform.js", include_bytes!("assets/waveform.js")),
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_bytes!("assets/icon.svg"),
    },
    chart!("letters", "confusion"),
    chart!("letters", "confidence"),
    chart!("documents", "confusion"),
    chart!("documents", "confidence"),
    chart!("ministries", "confusion"),
    chart!("ministries", "confidence"),
];

/// Changes whenever a file does: pages ask for `name?v=…`.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    ASSETS.iter().for_each(|it| hasher.update(it.content));
    hex(&hasher.finalize()).chars().take(16).collect()
});

/// `GET /console/assets/{file}`.
pub(super) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|it| it.name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", VERSION.as_str());
    let kept = [(ETAG, tag.clone()), (CACHE_CONTROL, "public, max-age=31536000".to_owned())];
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|it| it.as_bytes() == tag.as_bytes());
    if is_known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, asset.media_type)], asset.content).into_response()
}
