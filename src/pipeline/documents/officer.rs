//! Which officer: a fixed rule over prior cases, duties, load and leave, every point of it with its reason.
//!
//! Eligible is who belongs to the unit (or a section of it), is not on leave and has no conflict. The score of an
//! eligible officer is `prior · p + duty · d + load · l`, where p is the strongest tie to a prior case (0 to 1), d the
//! share of the matched duties (all words of the matter that name somebody's duty) that are this officer's, and l is one
//! minus the open cases over those of the busiest eligible officer. Equal scores go to fewer open cases, then to the
//! lower id. Nothing is learned, and no name is looked at.

use std::collections::BTreeSet;

use crate::pipeline::fold::Folded;

/// Weights of the rule. A policy that a tenant may set: by default a prior case outweighs duties, and both outweigh
/// load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Of a prior case.
    pub prior: f32,
    /// Of duties.
    pub duty: f32,
    /// Of a light load.
    pub load: f32,
}

impl Default for Weights {
    /// 0.5, 0.3, 0.2.
    fn default() -> Weights {
        Weights { prior: 0.5, duty: 0.3, load: 0.2 }
    }
}

/// An officer as the caller's system knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// Id, never a name.
    pub id: String,
    /// Path of the unit.
    pub unit: String,
    /// Words of the duties.
    pub duties: Vec<String>,
    /// Cases not yet closed.
    pub n_open: u32,
    /// Away for longer than the deadline allows.
    pub is_on_leave: bool,
    /// Must not handle this matter.
    pub has_conflict: bool,
}

/// How a case of before is tied to this matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tie {
    /// The matter cites its number.
    CitedNumber,
    /// From the same applicant or agency, on a like matter.
    SameApplicant,
    /// Its text is like this one, 0 to 1.
    Similar(f32),
}

impl Tie {
    /// 1 for a cited number; a like text as much as it is alike; an applicant alone half.
    fn strength(self) -> f32 {
        match self {
            Tie::CitedNumber => 1.0,
            Tie::SameApplicant => 0.5,
            Tie::Similar(similarity) => similarity.clamp(0.0, 1.0),
        }
    }
}

/// A case of before.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorCase {
    /// Its number.
    pub reference: String,
    /// Who handled it.
    pub officer: String,
    /// How it is tied to this matter.
    pub tie: Tie,
}

/// What is to be handled. No `Debug`: it holds somebody's text.
pub struct Matter<'a> {
    /// Path of the unit that handles it.
    pub unit: &'a str,
    /// Its text, for duties.
    pub text: &'a str,
    /// Cases of before.
    pub prior: &'a [PriorCase],
}

/// Why an officer is suggested.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// 前案: handled a tied case.
    Prior {
        /// Its number.
        reference: String,
        /// The tie.
        tie: Tie,
    },
    /// 職掌: duties that the text names.
    Duty {
        /// The words, in their order in the list of duties.
        words: Vec<String>,
    },
    /// 案量: open cases, and those of the busiest eligible officer.
    Load {
        /// Of this officer.
        n_open: u32,
        /// Of the busiest.
        most: u32,
    },
}

/// Why an officer of the unit is not suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// 差假
    OnLeave,
    /// 迴避
    Conflict,
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Id of the officer.
    pub officer: String,
    /// 0 to 1 when the weights sum to 1.
    pub score: f32,
    /// In the order prior case, duties, load.
    pub reasons: Vec<Reason>,
}

/// Suggestions, best first, and those left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    /// At most as many as asked for.
    pub best: Vec<Suggestion>,
    /// Officers of the unit who cannot take it.
    pub excluded: Vec<(String, Exclusion)>,
}

/// Applies the rule.
pub fn suggest(
    matter: &Matter<'_>,
    officers: &[Officer],
    weights: Weights,
    top_k: usize,
) -> Suggestions {
    let mut suggestions = Suggestions::default();
    let mut eligible: Vec<&Officer> = Vec::new();
    for officer in officers.iter().filter(|it| is_within(&it.unit, matter.unit)) {
        if officer.has_conflict {
            suggestions.excluded.push((officer.id.clone(), Exclusion::Conflict));
        } else if officer.is_on_leave {
            suggestions.excluded.push((officer.id.clone(), Exclusion::OnLeave));
        } else {
            eligible.push(officer);
        }
    }
    let text = Folded::new(matter.text);
    let most = eligible.iter().map(|it| it.n_open).max().unwrap_or(0);
    let duties: BTreeSet<&str> = eligible.iter().flat_map(|it| named_duties(it, &text)).collect();
    let mut rated: Vec<(Suggestion, u32)> = eligible
        .into_iter()
        .map(|officer| {
            let (prior, first) = prior(officer, matter.prior);
            let named = named_duties(officer, &text);
            let duty = share(named.len(), duties.len());
            let load = if most == 0 { 1.0 } else { 1.0 - ratio(officer.n_open, most) };
            let score = weights.prior * prior + weights.duty * duty + weights.load * load;
            let mut reasons: Vec<Reason> = first.into_iter().collect();
            if !named.is_empty() {
                let words = named.into_iter().map(str::to_owned).collect();
                reasons.push(Reason::Duty { words });
            }
            reasons.push(Reason::Load { n_open: officer.n_open, most });
            (Suggestion { officer: officer.id.clone(), score, reasons }, officer.n_open)
        })
        .collect();
    rated.sort_by(|a, b| {
        let by_score = b.0.score.total_cmp(&a.0.score);
        by_score.then(a.1.cmp(&b.1)).then_with(|| a.0.officer.cmp(&b.0.officer))
    });
    // Who is listed twice is one person; the better place counts.
    let mut seen = BTreeSet::new();
    rated.retain(|it| seen.insert(it.0.officer.clone()));
    suggestions.best = rated.into_iter().map(|it| it.0).take(top_k).collect();
    suggestions
}

/// Whether a unit is another one or lies under it.
fn is_within(unit: &str, whole: &str) -> bool {
    unit.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The strongest tie of an officer to a prior case, and its reason.
fn prior(officer: &Officer, cases: &[PriorCase]) -> (f32, Option<Reason>) {
    let own = cases.iter().filter(|it| it.officer == officer.id);
    // The first of equals: the caller lists cases from newest to oldest.
    let strongest =
        own.reduce(|best, it| if best.tie.strength() < it.tie.strength() { it } else { best });
    match strongest {
        Some(case) => {
            let reason = Reason::Prior { reference: case.reference.clone(), tie: case.tie };
            (case.tie.strength(), Some(reason))
        }
        None => (0.0, None),
    }
}

/// The duties that a folded text names, however either writes them.
fn named_duties<'a>(officer: &'a Officer, text: &Folded) -> Vec<&'a str> {
    let words = officer.duties.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
    words.filter(|it| text.as_str().contains(Folded::new(it).as_str())).collect()
}

fn share(part: usize, whole: usize) -> f32 {
    let part = u32::try_from(part).unwrap_or(u32::MAX);
    let whole = u32::try_from(whole).unwrap_or(u32::MAX);
    if whole == 0 { 0.0 } else { ratio(part, whole) }
}

/// Exact for what an office can hold: counts above 65 535 are as good as that.
fn ratio(part: u32, whole: u32) -> f32 {
    let short = |it: u32| f32::from(u16::try_from(it).unwrap_or(u16::MAX));
    short(part) / short(whole).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "301000000A/戶政司";

    fn officer(id: &str, duties: &[&str], n_open: u32) -> Officer {
        Officer {
            id: id.to_owned(),
            unit: format!("{UNIT}/第一科"),
            duties: duties.iter().map(|it| (*it).to_owned()).collect(),
            n_open,
            is_on_leave: false,
            has_conflict: false,
        }
    }

    fn case(officer: &str, tie: Tie) -> PriorCase {
        PriorCase { reference: format!("114-{officer}"), officer: officer.to_owned(), tie }
    }

    fn check(officers: &[Officer], prior: &[PriorCase], expected: &[&str]) -> Suggestions {
        let matter = Matter { unit: UNIT, text: "國籍變更與戶籍登記疑義", prior };
        let found = suggest(&matter, officers, Weights::default(), 9);
        let ids: Vec<&str> = found.best.iter().map(|it| it.officer.as_str()).collect();
        assert_eq!(ids, expected);
        found
    }

    #[test]
    fn duties_are_found_however_they_are_written_and_nobody_comes_twice() {
        let matter = Matter { unit: UNIT, text: "臺胞證遺失之ABC線上補發", prior: &[] };
        let officers =
            [officer("a", &["台胞證", "ＡＢＣ"], 0), officer("b", &[], 0), officer("a", &[], 0)];
        let found = suggest(&matter, &officers, Weights::default(), 9);
        let ids: Vec<&str> = found.best.iter().map(|it| it.officer.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        let words = ["台胞證", "ＡＢＣ"].map(str::to_owned).to_vec();
        assert!(found.best[0].reasons.contains(&Reason::Duty { words }), "{found:?}");
    }

    #[test]
    fn a_prior_case_outweighs_duties_and_load() {
        let officers = [officer("a", &["戶籍登記", "國籍"], 0), officer("b", &[], 9)];
        let found = check(&officers, &[case("b", Tie::CitedNumber)], &["a", "b"]);
        assert_eq!(found.best[0].score.to_bits(), found.best[1].score.to_bits());
        let found = check(
            &officers,
            &[case("b", Tie::Similar(0.9)), case("b", Tie::CitedNumber)],
            &["a", "b"],
        );
        let reason = Reason::Prior { reference: "114-b".to_owned(), tie: Tie::CitedNumber };
        assert_eq!(found.best[1].reasons[0], reason);
        let busy = [officer("a", &["國籍"], 5), officer("b", &["戶籍登記"], 9)];
        check(&busy, &[case("b", Tie::CitedNumber)], &["b", "a"]);
        check(&busy, &[case("b", Tie::Similar(0.1))], &["a", "b"]);
    }

    #[test]
    fn duties_and_load_decide_the_rest() {
        let officers =
            [officer("a", &["地籍"], 0), officer("b", &["國籍"], 3), officer("c", &[], 6)];
        let found = check(&officers, &[], &["b", "a", "c"]);
        let duty = Reason::Duty { words: vec!["國籍".to_owned()] };
        assert_eq!(found.best[0].reasons, [duty, Reason::Load { n_open: 3, most: 6 }]);
    }

    #[test]
    fn leave_and_conflict_exclude_with_their_reason() {
        let mut officers = [officer("a", &[], 0), officer("b", &[], 0), officer("c", &[], 0)];
        officers[0].is_on_leave = true;
        officers[1].has_conflict = true;
        let found = check(&officers, &[case("a", Tie::CitedNumber)], &["c"]);
        let excluded =
            [("a".to_owned(), Exclusion::OnLeave), ("b".to_owned(), Exclusion::Conflict)];
        assert_eq!(found.excluded, excluded);
    }

    #[test]
    fn other_units_are_not_asked_and_order_does_not_matter() {
        let mut officers = vec![officer("b", &[], 1), officer("a", &[], 1), officer("x", &[], 0)];
        officers[2].unit = format!("{UNIT}二/第一科");
        check(&officers, &[], &["a", "b"]);
        officers.reverse();
        check(&officers, &[], &["a", "b"]);
        check(&[], &[], &[]);
    }
}
