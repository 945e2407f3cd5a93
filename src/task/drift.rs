//! Whether answers still look like those that a version gave at first.

use crate::base::Date;
use crate::task::idcard::ModelInfo;

/// One comparison of one feature on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftFigure {
    /// The day, in Taiwan.
    pub day: Date,
    /// What was compared: `label`, `confidence`, `length` or `chinese`.
    pub feature: String,
    /// How: `psi`, `js` or `ks`.
    pub measure: String,
    /// Answers in the reference, and in the window.
    pub n: [u64; 2],
    /// How far they lie apart.
    pub value: f64,
    /// How likely that is by chance.
    pub p: f64,
    /// From where on it counts.
    pub threshold: f64,
    /// Whether it counts.
    pub is_alarm: bool,
}

/// What the answers of one service say, of the version that answers now.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDrift {
    /// `letters`, `documents` or `qa`.
    pub service: &'static str,
    /// What answers.
    pub model: ModelInfo,
    /// Comparisons, the oldest first.
    pub figures: Vec<DriftFigure>,
    /// Whether officers' reviews say that the promised precision does not hold.
    pub is_promise_broken: bool,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Too little was answered to tell.
    Wait,
    /// Nothing.
    Nothing,
    /// Look what has changed: answers differ from those of the reference.
    Look,
    /// Train anew: officers' reviews say that the promise does not hold.
    Retrain,
}

impl Advice {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Advice::Wait => "wait",
            Advice::Nothing => "none",
            Advice::Look => "look",
            Advice::Retrain => "retrain",
        }
    }
}

impl ServiceDrift {
    /// The comparisons of the latest day.
    pub fn latest(&self) -> impl Iterator<Item = &DriftFigure> {
        let day = self.figures.last().map(|it| it.day);
        self.figures.iter().filter(move |it| Some(it.day) == day)
    }

    /// Those of them that count.
    pub fn alarms(&self) -> impl Iterator<Item = &DriftFigure> {
        self.latest().filter(|it| it.is_alarm)
    }

    /// What to do. What officers say weighs more than figures.
    pub fn advice(&self) -> Advice {
        if self.is_promise_broken {
            Advice::Retrain
        } else if self.alarms().next().is_some() {
            Advice::Look
        } else if self.figures.is_empty() {
            Advice::Wait
        } else {
            Advice::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_day_counts() {
        let figure = |day, is_alarm| DriftFigure {
            day: Date { year: 2026, month: 11, day },
            feature: "label".to_owned(),
            measure: "psi".to_owned(),
            n: [1000, 200],
            value: 0.1,
            p: 0.5,
            threshold: 0.2,
            is_alarm,
        };
        let check = |figures: &[(u8, bool)], is_promise_broken, expected| {
            let figures = figures.iter().map(|it| figure(it.0, it.1)).collect();
            let model =
                ModelInfo { name: String::new(), version: String::new(), sha256: String::new() };
            let drift = ServiceDrift { service: "letters", model, figures, is_promise_broken };
            assert_eq!(drift.advice(), expected);
        };
        check(&[], false, Advice::Wait);
        check(&[(1, true), (2, false), (2, false)], false, Advice::Nothing);
        check(&[(1, false), (2, true), (2, false)], false, Advice::Look);
        check(&[(1, false), (2, true)], true, Advice::Retrain);
        check(&[], true, Advice::Retrain);
    }
}
