//! How requests are counted: each counter is looked up in the recorder once, since that takes longer than to count.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};

/// The counters of the requests that were answered so far.
#[derive(Default)]
pub(super) struct Meters(RwLock<HashMap<String, RouteMeters>>);

/// Those of one route.
struct RouteMeters {
    seconds: Histogram,
    /// Few: by method and status.
    answered: Vec<(&'static str, u16, Counter)>,
}

impl Meters {
    /// Counts a request.
    pub(super) fn count(&self, route: &str, (method, status): (&'static str, u16), took: Duration) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(route).is_some_and(|it| it.count(method, status, took)) {
            return;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let meters = known.entry(route.to_owned()).or_insert_with(|| RouteMeters::of(route));
        meters.learn(route, method, status);
        meters.count(method, status, took);
    }
}

impl RouteMeters {
    fn of(route: &str) -> RouteMeters {
        let seconds =
            metrics::histogram!("fenwen_http_request_seconds", "route" => route.to_owned());
        RouteMeters { seconds, answered: Vec::new() }
    }

    /// Whether it is counted: there is a counter for it.
    fn count(&self, method: &str, status: u16, took: Duration) -> bool {
        let found = self.answered.iter().find(|it| it.0 == method && it.1 == status);
        let Some((_, _, answered)) = found else { return false };
        answered.increment(1);
        self.seconds.record(took.as_secs_f64());
        true
    }

    fn learn(&mut self, route: &str, method: &'static str, status: u16) {
        if self.answered.iter().any(|it| it.0 == method && it.1 == status) {
            return;
        }
        let labels = [
            ("route", route.to_owned()),
            ("method", method.to_owned()),
            ("status", status.to_string()),
        ];
        let counter = metrics::counter!("fenwen_http_requests_total", &labels);
        self.answered.push((method, status, counter));
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn every_request_is_counted_under_its_own_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let meters = Meters::default();
        metrics::with_local_recorder(&recorder, || {
            for call in [("GET", 200), ("GET", 200), ("GET", 404), ("POST", 200)] {
                meters.count("/a", call, Duration::from_millis(1));
            }
            meters.count("/b", ("GET", 200), Duration::from_millis(1));
        });
        let told = recorder.handle().render();
        let count = |labels: &str| {
            let line = format!("fenwen_http_requests_total{{{labels}}} ");
            told.lines().find_map(|it| it.strip_prefix(&line)).map(str::to_owned)
        };
        let some = |it: &str| Some(it.to_owned());
        assert_eq!(count(r#"route="/a",method="GET",status="200""#), some("2"));
        assert_eq!(count(r#"route="/a",method="GET",status="404""#), some("1"));
        assert_eq!(count(r#"route="/a",method="POST",status="200""#), some("1"));
        assert_eq!(count(r#"route="/b",method="GET",status="200""#), some("1"));
        assert!(told.contains("fenwen_http_request_seconds_count{route=\"/a\"} 4"), "{told}");
    }
}
