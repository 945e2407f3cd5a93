//! What officers decided, as texts with the right label: data to train on.

use serde::Deserialize;

use crate::base::Private;
use crate::store::{Labelled, Store, StoreError};

/// A text whose label an officer confirmed or corrected. No `Debug`: it holds somebody's text.
pub struct Lesson {
    /// The prediction.
    pub id: String,
    /// 主旨.
    pub subject: Private<String>,
    /// The rest.
    pub body: Private<String>,
    /// The right label.
    pub label: String,
    /// The label that was given first.
    pub predicted: Option<String>,
    /// Where the label comes from.
    pub origin: Origin,
}

/// Where a label comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What was decided: `accepted` or `corrected`.
    pub verdict: String,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
    /// Version of the model that answered.
    pub model_version: String,
    /// When it was decided: seconds since 1970-01-01T00:00:00Z.
    pub decided_at: u64,
}

/// Why lessons cannot be read. No text holds what is kept.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// What is kept cannot be read.
    #[error("failed to read the feedback")]
    Store(#[from] StoreError),
    /// What is kept is no letter or document.
    #[error("a kept text cannot be read")]
    Kept(#[from] serde_json::Error),
}

/// What was sealed of a letter or document.
#[derive(Deserialize)]
struct Kept {
    subject: String,
    body: String,
}

/// Every lesson of `service` whose text is still held at `now`, in the order in which they were given: those that an
/// agency's own classifiers answered, or without one those of the house's. Discarded predictions teach no label.
///
/// # Errors
/// When the store fails or holds what cannot be read.
pub fn lessons(
    store: &Store,
    service: &str,
    tenant: Option<&str>,
    now: u64,
) -> Result<Vec<Lesson>, LessonError> {
    // The versions of an agency have its code before them.
    let is_wanted = |row: &Labelled| row.version.split_once('/').map(|it| it.0) == tenant;
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let rows = store.labelled(service, now, after).wait()?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.seq;
        for row in rows.into_iter().filter(is_wanted) {
            found.extend(lesson(row)?);
        }
    }
}

/// The newest lessons of `service`, newest first, of at most `limit` decisions.
///
/// # Errors
/// Those of [`lessons`].
pub(super) fn newest(
    store: &Store,
    service: &str,
    tenant: Option<&str>,
    (now, limit): (u64, u64),
) -> Result<Vec<Lesson>, LessonError> {
    let rows = store.newest_labelled(service, now, limit).wait()?.into_iter();
    let is_wanted = |row: &Labelled| row.version.split_once('/').map(|it| it.0) == tenant;
    let found = rows.filter(is_wanted).map(lesson).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn lesson(row: Labelled) -> Result<Option<Lesson>, LessonError> {
    let given: Vec<(String, f32)> = serde_json::from_str(&row.given)?;
    let predicted = given.into_iter().next().map(|it| it.0);
    let label = match row.verdict.as_str() {
        "discarded" => None,
        "accepted" => row.label.or_else(|| predicted.clone()),
        _ => row.label,
    };
    let Some(label) = label else { return Ok(None) };
    let Kept { subject, body } = serde_json::from_slice(row.text.expose())?;
    let origin = Origin {
        verdict: row.verdict,
        reason: row.reason,
        role: row.role,
        model_version: row.version,
        decided_at: row.created,
    };
    let (subject, body) = (Private::new(subject), Private::new(body));
    Ok(Some(Lesson { id: row.id, subject, body, label, predicted, origin }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: &str, label: Option<&str>, expected: Option<&str>) {
        let kept = r#"{"subject":"補發","body":"身分證","channel":null}"#;
        let row = Labelled {
            seq: 1,
            id: "1".to_owned(),
            text: Private::new(kept.as_bytes().to_vec()),
            label: label.map(str::to_owned),
            given: r#"[["甲",0.5],["乙",0.25]]"#.to_owned(),
            verdict: verdict.to_owned(),
            reason: None,
            role: None,
            version: "3".to_owned(),
            created: 1,
        };
        let found = lesson(row).unwrap();
        assert_eq!(found.as_ref().map(|it| it.label.as_str()), expected);
        if let Some(found) = found {
            assert_eq!(
                (found.subject.expose().as_str(), found.body.expose().as_str()),
                ("補發", "身分證")
            );
            assert_eq!(found.predicted.as_deref(), Some("甲"));
        }
    }

    #[test]
    fn feedback_becomes_labelled_texts() {
        check("corrected", Some("丙"), Some("丙"));
        check("accepted", None, Some("甲"));
        check("accepted", Some("乙"), Some("乙"));
        check("discarded", None, None);
    }
}
