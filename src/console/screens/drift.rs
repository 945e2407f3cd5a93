//! Drift as 模型與評測 shows it: a chart of each service, its latest figures, and what to do.

use crate::console::shell::Visit;
use crate::console::text::drift::DriftText;
use crate::policy::Scope;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::drift::{Advice, DriftFigure, ServiceDrift};

/// Days that are shown.
pub(super) const DAYS: u32 = 30;

/// Size of a chart in its own units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 150.0;

/// Features in the order of the table and of the lines.
const FEATURES: [&str; 4] = ["label", "confidence", "length", "chinese"];

/// A service on the screen.
pub(super) struct DriftView {
    pub(super) title: &'static str,
    pub(super) advice: &'static str,
    pub(super) tone: &'static str,
    pub(super) samples: String,
    pub(super) rows: Vec<DriftLine>,
    pub(super) chart: Option<Chart>,
}

/// A feature in the table: name, and each measure with whether it counts.
pub(super) struct DriftLine {
    pub(super) title: &'static str,
    pub(super) values: [Option<(String, bool)>; 3],
}

/// Lines over days.
pub(super) struct Chart {
    pub(super) label: String,
    /// Points of each feature's line; empty where nothing was measured.
    pub(super) lines: Vec<String>,
    /// Height of the threshold.
    pub(super) threshold: String,
}

/// What is found, for whoever may see models.
pub(super) async fn found(
    visit: &Visit,
    cx: &CallContext,
    days: u32,
) -> Result<Vec<ServiceDrift>, CallError> {
    let may = visit.principal.as_ref().is_some_and(|it| it.scopes.has(Scope::ModelsRead));
    if !may {
        return Ok(Vec::new());
    }
    visit.console.service.admit(cx, Task::Predictions)?.drift(days).await
}

/// What to do, and in which tone that is said.
pub(super) fn advice(advice: Advice, t: &DriftText) -> (&'static str, &'static str) {
    match advice {
        Advice::Wait => (t.wait, ""),
        Advice::Nothing => (t.nothing, "good"),
        Advice::Look => (t.look, "warn"),
        Advice::Retrain => (t.retrain, "bad"),
    }
}

/// A service as the screen shows it.
pub(super) fn view(it: &ServiceDrift, title: &'static str, t: &DriftText) -> DriftView {
    let (advice, tone) = advice(it.advice(), t);
    let latest: Vec<&DriftFigure> = it.latest().collect();
    let samples = latest.first().map_or(String::new(), |it| {
        let [reference, window] = it.n;
        let text = t.samples.replace("{0}", &reference.to_string());
        text.replace("{1}", &window.to_string()).replace("{2}", &it.day.to_string())
    });
    let value = |feature: &str, measure: &str| {
        let found = latest.iter().find(|it| it.feature == feature && it.measure == measure)?;
        Some((format!("{:.3}", found.value), found.is_alarm))
    };
    let line = |feature: &str| DriftLine {
        title: match feature {
            "label" => t.label,
            "confidence" => t.confidence,
            "length" => t.length,
            _ => t.chinese,
        },
        values: ["psi", "js", "ks"].map(|it| value(feature, it)),
    };
    DriftView {
        title,
        advice,
        tone,
        samples,
        rows: if latest.is_empty() { Vec::new() } else { FEATURES.map(line).into() },
        chart: chart(it, title, t),
    }
}

/// The index of each feature day by day. The top is the largest value, or twice the threshold.
fn chart(it: &ServiceDrift, title: &str, t: &DriftText) -> Option<Chart> {
    let figures: Vec<&DriftFigure> = it.figures.iter().filter(|it| it.measure == "psi").collect();
    let (first, last) = (figures.first()?.day.unix_days(), figures.last()?.day.unix_days());
    let threshold = figures.last()?.threshold;
    let top = figures.iter().fold(2.0 * threshold, |top, it| top.max(it.value));
    let x = |day: u32| match last.saturating_sub(first) {
        0 => WIDTH,
        span => WIDTH * f64::from(day.saturating_sub(first)) / f64::from(span),
    };
    let y = |value: f64| HEIGHT * (1.0 - (value / top).clamp(0.0, 1.0));
    let line = |feature: &str| {
        let of = figures.iter().filter(|it| it.feature == feature);
        let mut points: Vec<String> =
            of.map(|it| format!("{:.1},{:.1}", x(it.day.unix_days()), y(it.value))).collect();
        if let [only] = points.as_slice() {
            // One day is a line across: a point would not be seen.
            points.insert(0, format!("0,{}", only.split_once(',').map_or("", |it| it.1)));
        }
        points.join(" ")
    };
    let mut days: Vec<u32> = figures.iter().map(|it| it.day.unix_days()).collect();
    days.dedup();
    let label = t.chart.replace("{0}", title).replace("{1}", &days.len().to_string());
    Some(Chart {
        label: label.replace("{2}", &threshold.to_string()),
        lines: FEATURES.map(line).into(),
        threshold: format!("{:.1}", y(threshold)),
    })
}

#[cfg(test)]
mod tests {
    use crate::base::Date;
    use crate::console::text::Lang;
    use crate::task::idcard::ModelInfo;

    use super::*;

    fn figure(day: u8, feature: &str, measure: &str, value: f64) -> DriftFigure {
        DriftFigure {
            day: Date { year: 2026, month: 11, day },
            feature: feature.to_owned(),
            measure: measure.to_owned(),
            n: [1000, 200],
            value,
            p: 0.5,
            threshold: 0.2,
            is_alarm: 0.2 <= value,
        }
    }

    fn drift(figures: Vec<DriftFigure>) -> ServiceDrift {
        let model =
            ModelInfo { name: String::new(), version: String::new(), sha256: String::new() };
        ServiceDrift { service: "letters", model, figures, is_promise_broken: false }
    }

    #[test]
    fn lines_lie_between_the_bounds() {
        let t = DriftText::of(Lang::Zh);
        let found = drift(vec![
            figure(1, "label", "psi", 0.0),
            figure(2, "label", "psi", 0.2),
            figure(3, "label", "ks", 0.9),
            figure(3, "label", "psi", 0.8),
        ]);
        let view = view(&found, "信件", t);
        let chart = view.chart.unwrap();
        assert_eq!(chart.lines[0], "0.0,150.0 300.0,112.5 600.0,0.0");
        assert_eq!((chart.lines[1].as_str(), chart.threshold.as_str()), ("", "112.5"));
        assert!(chart.label.starts_with("信件：近 3 次") && chart.label.contains("0.2"));
        assert_eq!(view.rows[0].values[0], Some(("0.800".to_owned(), true)));
        assert_eq!((view.rows[0].values[1].as_ref(), view.tone), (None, "warn"));
        assert_eq!(view.samples, "基準 1000 件；最近一次（2026-11-03）比對 200 件。");
    }

    #[test]
    fn one_day_is_a_line_and_none_is_no_chart() {
        let t = DriftText::of(Lang::Zh);
        let one = view(&drift(vec![figure(1, "length", "psi", 0.1)]), "信件", t);
        assert_eq!(one.chart.unwrap().lines[2], "0,112.5 600.0,112.5");
        let none = view(&drift(Vec::new()), "信件", t);
        assert!(none.chart.is_none() && none.rows.is_empty() && none.advice == t.wait);
    }
}
