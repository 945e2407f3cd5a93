//! What is measured, from Prometheus' text form to an `ExportMetricsServiceRequest`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Resource, nanoseconds, resource, scope, text};

/// Sums count from the beginning of the process.
const CUMULATIVE: u8 = 2;

/// Labels of a measured value.
type Labels = Vec<(String, String)>;

/// A metric as it is read.
#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    /// Values, with the rest of the name behind the family's: `_bucket`, `_sum`, `_count`.
    values: Vec<(String, Labels, f64)>,
}

/// One histogram, by its labels.
#[derive(Default)]
struct Histogram {
    /// Upper bounds and how many values lie at or below each.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

/// The request that carries what `measured` says.
pub(super) fn request(measured: &str, of: &Resource, now: Duration) -> Value {
    let times = (nanoseconds(of.begun), nanoseconds(now));
    let families = read(measured);
    let metrics: Vec<Value> =
        families.iter().filter_map(|(name, family)| metric(name, family, &times)).collect();
    json!({"resourceMetrics": [{
        "resource": resource(of),
        "scopeMetrics": [{"scope": scope(), "metrics": metrics}],
    }]})
}

fn metric(name: &str, family: &Family, times: &(String, String)) -> Option<Value> {
    let points = |values: &[(String, Labels, f64)]| -> Vec<Value> {
        let point = |(_, labels, value): &(String, Labels, f64)| {
            let mut point = head(labels, times);
            point.insert("asDouble".to_owned(), json!(value));
            Value::Object(point)
        };
        values.iter().map(point).collect()
    };
    let (key, data) = match family.kind.as_str() {
        "counter" => (
            "sum",
            json!({
                "aggregationTemporality": CUMULATIVE,
                "isMonotonic": true,
                "dataPoints": points(&family.values),
            }),
        ),
        "gauge" => ("gauge", json!({"dataPoints": points(&family.values)})),
        "histogram" => {
            let made = histograms(&family.values);
            let points: Vec<Value> = made.iter().map(|(it, of)| histogram(it, of, times)).collect();
            ("histogram", json!({"aggregationTemporality": CUMULATIVE, "dataPoints": points}))
        }
        _ => return None,
    };
    let unit = if name.ends_with("_seconds") { "s" } else { "" };
    Some(json!({"name": name, "description": family.help, "unit": unit, key: data}))
}

/// What every point has.
fn head(labels: &Labels, (begun, now): &(String, String)) -> Map<String, Value> {
    let attributes: Vec<Value> = labels.iter().map(|(key, value)| text(key, value)).collect();
    let mut head = Map::new();
    head.insert("attributes".to_owned(), Value::Array(attributes));
    head.insert("startTimeUnixNano".to_owned(), json!(begun));
    head.insert("timeUnixNano".to_owned(), json!(now));
    head
}

/// Puts the parts of histograms together.
fn histograms(values: &[(String, Labels, f64)]) -> BTreeMap<Labels, Histogram> {
    let mut made: BTreeMap<Labels, Histogram> = BTreeMap::new();
    for (part, labels, value) in values {
        let mut own = labels.clone();
        let bound = own.iter().position(|it| it.0 == "le").map(|it| own.remove(it).1);
        let histogram = made.entry(own).or_default();
        match (part.as_str(), bound) {
            ("_sum", _) => histogram.sum = *value,
            ("_count", _) => histogram.count = *value,
            ("_bucket", Some(bound)) => {
                if let Some(bound) = bound.parse().ok().filter(|it: &f64| it.is_finite()) {
                    histogram.buckets.push((bound, *value));
                }
            }
            _ => (),
        }
    }
    made
}

fn histogram(labels: &Labels, of: &Histogram, times: &(String, String)) -> Value {
    let mut below = 0.0;
    let mut counts = Vec::new();
    for (_, up_to) in &of.buckets {
        counts.push(whole(up_to - below));
        below = *up_to;
    }
    counts.push(whole(of.count - below));
    let bounds: Vec<f64> = of.buckets.iter().map(|it| it.0).collect();
    let mut point = head(labels, times);
    point.insert("count".to_owned(), json!(whole(of.count)));
    point.insert("sum".to_owned(), json!(of.sum));
    point.insert("bucketCounts".to_owned(), json!(counts));
    point.insert("explicitBounds".to_owned(), json!(bounds));
    Value::Object(point)
}

/// A count, as JSON has 64 bits: in a text.
fn whole(count: f64) -> String {
    format!("{:.0}", count.max(0.0))
}

/// Families by name.
fn read(measured: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in measured.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' ')) {
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' '))
        {
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else if let Some((name, labels, value)) = sample(line) {
            let parts = ["", "_bucket", "_sum", "_count"].into_iter();
            let mut found = parts.filter_map(|it| Some((name.strip_suffix(it)?, it)));
            let found = found.find(|it| {
                let kind = families.get(it.0).map_or("", |it| it.kind.as_str());
                !kind.is_empty() && (kind == "histogram") != it.1.is_empty()
            });
            if let Some((family, part)) = found {
                let values = &mut families.entry(family.to_owned()).or_default().values;
                values.push((part.to_owned(), labels, value));
            }
        }
    }
    families.retain(|_, it| !it.values.is_empty());
    families
}

/// `name{label="value",…} 1.5`.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let at = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(at);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Labels::new(), rest),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    // JSON has no other numbers.
    value.is_finite().then_some((name, labels, value))
}

/// The labels, and what follows the brace that closes them.
fn labels(text: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (key, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    escaped => value.push(escaped),
                },
                (_, plain) => value.push(plain),
            }
        };
        labels.push((key.to_owned(), value));
        rest = after.get(end..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: &str = r#"
# HELP a_total What is counted.
# TYPE a_total counter
a_total{route="/x",status="200"} 3
a_total{route="a\"b\\c,}",status="500"} 1

# TYPE b gauge
b 0.5

# TYPE c_seconds histogram
c_seconds_bucket{route="/x",le="0.1"} 2
c_seconds_bucket{route="/x",le="1"} 5
c_seconds_bucket{route="/x",le="+Inf"} 6
c_seconds_sum{route="/x"} 7.25
c_seconds_count{route="/x"} 6

# TYPE d gauge
d NaN
"#;

    fn metrics() -> Vec<Value> {
        let of = Resource { node: "n".to_owned(), begun: Duration::from_secs(1) };
        let request = request(MEASURED, &of, Duration::from_secs(2));
        request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone()
    }

    #[test]
    fn counters_are_sums_and_labels_are_read_whatever_they_hold() {
        let metrics = metrics();
        let names: Vec<&Value> = metrics.iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["a_total", "b", "c_seconds"], "what is no number is left out");
        let sum = &metrics[0]["sum"];
        assert_eq!(
            (&sum["isMonotonic"], &sum["aggregationTemporality"]),
            (&true.into(), &2.into())
        );
        assert_eq!(metrics[0]["description"], "What is counted.");
        let expected = json!({
            "attributes": [text("route", "a\"b\\c,}"), text("status", "500")],
            "startTimeUnixNano": "1000000000",
            "timeUnixNano": "2000000000",
            "asDouble": 1.0,
        });
        assert_eq!(sum["dataPoints"][1], expected);
        assert_eq!(metrics[1]["gauge"]["dataPoints"][0]["asDouble"], 0.5);
    }

    #[test]
    fn a_histogram_has_one_more_count_than_bounds() {
        let metrics = metrics();
        let point = &metrics[2]["histogram"]["dataPoints"][0];
        assert_eq!(metrics[2]["unit"], "s");
        assert_eq!(point["bucketCounts"], json!(["2", "3", "1"]));
        assert_eq!(point["explicitBounds"], json!([0.1, 1.0]));
        assert_eq!((&point["count"], &point["sum"]), (&"6".into(), &7.25.into()));
        assert_eq!(point["attributes"], json!([text("route", "/x")]));
    }
}
