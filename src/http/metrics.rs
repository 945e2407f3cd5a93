//! The process's metrics recorder and its text form.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the duration histograms, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The recorder that all metrics of this process go to; installed at the first call.
pub(super) fn recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    // The only error is an empty list of bounds; without bounds there are summaries instead of histograms.
    let builder =
        PrometheusBuilder::new().set_buckets(&SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed: /metrics will be empty");
    }
    metrics::describe_counter!("fenwen_http_requests_total", "Requests answered.");
    metrics::describe_histogram!("fenwen_http_request_seconds", "Time to answer a request.");
    metrics::describe_counter!("fenwen_identity_documents_total", "Documents recognised.");
    metrics::describe_gauge!("fenwen_calls_in_flight", "Calls admitted and not answered.");
    metrics::describe_gauge!("fenwen_pixels_in_flight", "Pixels of the calls in flight.");
    metrics::describe_gauge!("fenwen_gpu_memory_used_bytes", "Memory in use on a card.");
    metrics::describe_gauge!("fenwen_gpu_memory_bytes", "Memory of a card.");
    metrics::describe_gauge!(
        "fenwen_gpu_busy_ratio",
        "Share of the last second in which a card was busy."
    );
    metrics::describe_gauge!("fenwen_gpu_celsius", "Temperature of a card.");
    metrics::describe_gauge!("fenwen_gpu_watts", "Power that a card draws.");
    metrics::describe_gauge!(
        "fenwen_certificate_expiry_seconds",
        "When the certificate of a listener expires, in seconds since 1970."
    );
    metrics::describe_gauge!("fenwen_ready", "1 when new calls are accepted.");
    handle
}
