//! The process's metrics recorder and its text form; and the one list of what is measured.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the duration histograms, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only rises.
    Counter,
    /// It is as it is.
    Gauge,
    /// Durations in seconds, by upper bounds.
    Histogram,
}

/// Every metric of this program: what is not here is not exported. Dashboards and alerts name these.
pub const METRICS: &[(MetricKind, &str, &str)] = &[
    (MetricKind::Counter, "fenwen_http_requests_total", "Requests answered."),
    (MetricKind::Histogram, "fenwen_http_request_seconds", "Time to answer a request."),
    (MetricKind::Counter, "fenwen_rpc_requests_total", "Requests over the bus answered."),
    (MetricKind::Histogram, "fenwen_rpc_request_seconds", "Time to answer a request over the bus."),
    (MetricKind::Counter, "fenwen_refusals_total", "Calls refused, by the reason."),
    (MetricKind::Gauge, "fenwen_ready", "1 when new calls are accepted."),
    (MetricKind::Gauge, "fenwen_calls_in_flight", "Calls admitted and not answered."),
    (MetricKind::Gauge, "fenwen_pixels_in_flight", "Pixels of the calls in flight."),
    (MetricKind::Counter, "fenwen_identity_documents_total", "Documents recognised."),
    (MetricKind::Counter, "fenwen_letters_total", "Letters classified."),
    (MetricKind::Counter, "fenwen_documents_total", "Documents for which units were suggested."),
    (MetricKind::Counter, "fenwen_questions_total", "Questions, by whether they were answered."),
    (MetricKind::Counter, "fenwen_embeddings_total", "Texts embedded."),
    (
        MetricKind::Counter,
        "fenwen_models_evicted_total",
        "Models unloaded to make room for another.",
    ),
    (
        MetricKind::Counter,
        "fenwen_model_calls_total",
        "Calls with tensors of models that are tried, by version.",
    ),
    (
        MetricKind::Counter,
        "fenwen_shadow_calls_total",
        "Calls that a version computed unheard, by whether it came to the same.",
    ),
    (MetricKind::Counter, "fenwen_speech_streams_total", "Live streams opened."),
    (MetricKind::Counter, "fenwen_feedback_total", "Feedback on answers."),
    (MetricKind::Counter, "fenwen_reviews_total", "Reviews decided, by kind and decision."),
    (
        MetricKind::Gauge,
        "fenwen_drift",
        "How far answers lie from those of the reference, by feature and measure.",
    ),
    (MetricKind::Gauge, "fenwen_drift_alarm", "1 when that counts."),
    (MetricKind::Counter, "fenwen_jobs_accepted_total", "Jobs accepted."),
    (MetricKind::Counter, "fenwen_job_attempts_total", "Attempts at jobs that ended, by how."),
    (MetricKind::Counter, "fenwen_job_leases_expired_total", "Attempts whose worker fell silent."),
    (
        MetricKind::Counter,
        "fenwen_job_leases_lost_total",
        "Attempts that found their job taken away.",
    ),
    (MetricKind::Counter, "fenwen_job_stale_endings_total", "Endings said under an old fence."),
    (MetricKind::Counter, "fenwen_outbox_published_total", "Events published."),
    (MetricKind::Counter, "fenwen_outbox_failed_total", "Events that could not be published."),
    (
        MetricKind::Counter,
        "fenwen_webhook_attempts_total",
        "Deliveries to webhooks tried, by result.",
    ),
    (
        MetricKind::Counter,
        "fenwen_messages_total",
        "Messages to people tried, by medium and result.",
    ),
    (
        MetricKind::Counter,
        "fenwen_otlp_exports_total",
        "Spans and pushes of metrics to the collector, by result.",
    ),
    (MetricKind::Counter, "fenwen_audit_rows_total", "Rows of the audit log written."),
    (
        MetricKind::Counter,
        "fenwen_audit_failures_total",
        "Rows of the audit log that could not be written.",
    ),
    (MetricKind::Gauge, "fenwen_audit_bytes", "Size of the audit log."),
    (
        MetricKind::Gauge,
        "fenwen_release_findings",
        "What is not as it was signed, at the last comparison.",
    ),
    (MetricKind::Gauge, "fenwen_notices_open", "What somebody must look at, by kind."),
    (MetricKind::Counter, "fenwen_notices_total", "Notices raised, by kind."),
    (MetricKind::Counter, "fenwen_scans_total", "Files looked at for viruses, by result."),
    (
        MetricKind::Gauge,
        "fenwen_certificate_expiry_seconds",
        "When the certificate of a listener expires, in seconds since 1970.",
    ),
    (MetricKind::Gauge, "fenwen_gpu_memory_used_bytes", "Memory in use on a card."),
    (MetricKind::Gauge, "fenwen_gpu_memory_bytes", "Memory of a card."),
    (
        MetricKind::Gauge,
        "fenwen_gpu_busy_ratio",
        "Share of the last second in which a card was busy.",
    ),
    (MetricKind::Gauge, "fenwen_gpu_celsius", "Temperature of a card."),
    (MetricKind::Gauge, "fenwen_gpu_watts", "Power that a card draws."),
];

/// From now on what is measured in this process is kept for `/metrics`.
pub fn record_metrics() {
    recorder();
}

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
    for (kind, name, help) in METRICS {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *help),
            MetricKind::Gauge => metrics::describe_gauge!(*name, *help),
            MetricKind::Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
    handle
}
