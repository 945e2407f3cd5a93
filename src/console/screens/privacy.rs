//! 個資: what is kept of a person, requests to erase, legal holds, and how long data is kept. Its script asks the API.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::Lang;
use crate::console::text::privacy::PrivacyText;
use crate::console::text::shell::ShellText;
use crate::policy::{Kind, Principal};
use crate::service::privacy::{Erasure, Expiring, Hold, HoldKind, PrivacyError};

/// Days within which it is told what will be erased.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Requests and holds that are listed.
const MOST: usize = 200;

/// A class of data and how long it is kept, in words of either language.
#[derive(Clone, Debug)]
pub struct KeptClass {
    /// In Traditional Chinese.
    pub zh: KeptWords,
    /// In English.
    pub en: KeptWords,
}

/// A class of data and how long it is kept, in words.
#[derive(Clone, Debug)]
pub struct KeptWords {
    /// Its name.
    pub name: &'static str,
    /// Categories of personal data in it.
    pub personal: &'static str,
    /// How long it is kept.
    pub kept: String,
    /// Least and most that may be set.
    pub range: String,
    /// What becomes of it.
    pub after: &'static str,
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct PrivacyPage {
    frame: Frame,
    t: &'static PrivacyText,
    words: Vec<(&'static str, &'static str)>,
    did: &'static str,
    /// Whoever is local says who it is; others have proven it.
    is_local: bool,
    requests: Vec<RequestView>,
    holds: Vec<HoldView>,
    soon: Vec<SoonView>,
    classes: Vec<KeptWords>,
    /// Name, title, text and button of each question.
    dialogs: [(&'static str, &'static str, &'static str, &'static str); 3],
}

/// The words of a class in a language.
fn words(class: &KeptClass, lang: Lang) -> KeptWords {
    match lang {
        Lang::Zh => class.zh.clone(),
        Lang::En => class.en.clone(),
    }
}

struct RequestView {
    id: String,
    reason: String,
    asked: String,
    approved: String,
    state: &'static str,
    tone: &'static str,
    may_approve: bool,
    may_reject: bool,
    is_own: bool,
}

struct HoldView {
    id: String,
    object: String,
    kind: &'static str,
    reason: String,
    since: String,
    approver: String,
    is_active: bool,
    lifted: String,
}

struct SoonView {
    title: &'static str,
    n: u64,
    first: String,
}

/// `GET /console/privacy`.
pub(super) async fn show(visit: Visit) -> Response {
    match page(&visit).await {
        Ok(page) => visit.show(&page),
        Err(error) => visit.failed(&error),
    }
}

async fn page(visit: &Visit) -> Result<PrivacyPage, PrivacyError> {
    let t = PrivacyText::of(visit.lang);
    let principal = visit.principal.as_deref();
    let house = visit.console.house();
    let agency = principal.and_then(|it| it.agency(house));
    let privacy = visit.console.privacy.of(agency);
    let (erasures, holds) = (privacy.erasures().await?, privacy.holds().await?);
    let soon = privacy.expiring(SOON).await?;
    let own = principal.filter(|it| it.kind != Kind::Local).map(Principal::name);
    Ok(PrivacyPage {
        frame: visit.frame(ShellText::of(visit.lang).privacy),
        t,
        words: t.words(),
        did: match visit.query.get("did") {
            Some("ask") => t.did_ask,
            Some("approve") => t.did_approve,
            Some("reject") => t.did_reject,
            Some("hold") => t.did_hold,
            Some("lift") => t.did_lift,
            _ => "",
        },
        is_local: own.is_none(),
        requests: newest(erasures).map(|it| request(it, own, t)).collect(),
        holds: newest(holds).map(|it| hold(it, t)).collect(),
        soon: soon.into_iter().map(|it| expiring(&it, t)).collect(),
        classes: visit.console.classes.iter().map(|it| words(it, visit.lang)).collect(),
        dialogs: [
            ("approve", t.approve_title, t.approve_lead, t.approve),
            ("reject", t.reject_title, t.reject_lead, t.reject),
            ("lift", t.lift_title, t.lift_lead, t.lift),
        ],
    })
}

/// The newest of rows that come the oldest first.
fn newest<T>(rows: Vec<T>) -> impl Iterator<Item = T> {
    rows.into_iter().rev().take(MOST)
}

fn request(it: Erasure, own: Option<&str>, t: &PrivacyText) -> RequestView {
    let it = it.request;
    let by = |(name, at): &(String, Duration)| format!("{name} {}", format::moment(*at));
    // The store compares them the same way.
    let is_own = own.is_some_and(|own| own.trim().eq_ignore_ascii_case(it.asked.0.trim()));
    let rejected = it.rejected.as_ref();
    let (state, tone) = match (rejected, &it.approved, it.done) {
        (Some(_), ..) => (t.rejected, ""),
        (None, None, _) => (t.waiting, "warn"),
        (None, Some(_), None) => (t.at_work, "warn"),
        (None, Some(_), Some(_)) => (t.done, "good"),
    };
    let is_open = it.done.is_none() && rejected.is_none();
    let why = rejected.map(|it| format!("{} {} – {}", it.by, format::moment(it.at), it.reason));
    RequestView {
        asked: by(&it.asked),
        approved: it.approved.as_ref().map(by).or(why).unwrap_or("–".to_owned()),
        may_approve: is_open && !is_own,
        may_reject: is_open && it.approved.is_none(),
        is_own: is_open && is_own,
        state,
        tone,
        id: it.id,
        reason: it.reason,
    }
}

fn hold(it: Hold, t: &PrivacyText) -> HoldView {
    HoldView {
        kind: match it.kind {
            HoldKind::Subject => t.of_subject,
            HoldKind::Prediction => t.prediction,
            HoldKind::Job => t.job,
            HoldKind::Case => t.of_case,
        },
        since: format::moment(it.created),
        is_active: it.lifted.is_none(),
        lifted: it.lifted.map_or(String::new(), |(at, by)| format!("{} {by}", format::moment(at))),
        id: it.id,
        // A pseudonym is told from others by its beginning.
        object: if it.kind == HoldKind::Subject {
            it.object.chars().take(12).collect()
        } else {
            it.object
        },
        reason: it.reason,
        approver: it.approver,
    }
}

fn expiring(it: &Expiring, t: &PrivacyText) -> SoonView {
    SoonView {
        title: match it.class {
            "texts" => t.texts,
            "predictions" => t.predictions,
            "jobs" => t.jobs,
            _ => t.blobs,
        },
        n: it.n,
        first: it.first.map_or(String::new(), format::moment),
    }
}
