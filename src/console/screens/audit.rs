//! 稽核: searches, verifies and counts the audit log. Whoever looks is on record before anything is shown.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use askama::Template;
use axum::response::Response;

use crate::audit::{
    self, Actor, ActorKind, AuditError, AuditEvent, ChainReport, Listener, Outcome, Query, Row,
    RowBody, Word,
};
use crate::base::Date;
use crate::console::shell::{Frame, Visit};
use crate::console::text::Lang;
use crate::console::text::operate::AuditText;
use crate::console::text::shell::ShellText;

/// Rows that are listed.
const MOST: usize = 200;

/// Days that are looked at unless asked otherwise.
const DAYS: u32 = 6;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    t: &'static AuditText,
    asked: Asked,
    problem: &'static str,
    found: Option<Found>,
    chains: Vec<ChainView>,
    sheet: String,
}

/// What the forms say.
#[derive(Clone, Default)]
struct Asked {
    from: String,
    to: String,
    actor: String,
    object: String,
    case_no: String,
    month: String,
}

struct Found {
    n: u64,
    is_damaged: bool,
    rows: Vec<RowView>,
}

struct RowView {
    day: String,
    time: String,
    who: String,
    action: String,
    event: String,
    object: String,
    outcome: &'static str,
    is_bad: bool,
    purpose: String,
    request: String,
}

struct ChainView {
    name: String,
    n_rows: u64,
    n_checkpoints: usize,
    n_unsigned: u64,
    /// What is wrong; empty when nothing is.
    wrong: String,
}

/// What one request wants to see.
enum Wish {
    Nothing(&'static str),
    Search(Query),
    Verify,
    Report(String, Range<Duration>),
}

/// `GET /console/audit`.
pub(super) async fn show(visit: Visit) -> Response {
    let t = AuditText::of(visit.lang);
    let asked = asked(&visit);
    let wish = wish(&visit, &asked, t);
    let row = record(&visit, &wish);
    if let Some(row) = row
        && let Err(error) = visit.console.audit.append(row).await
    {
        return visit.failed(&error);
    }
    let mut page = AuditPage {
        frame: visit.frame(ShellText::of(visit.lang).audit),
        t,
        asked,
        problem: "",
        found: None,
        chains: Vec::new(),
        sheet: String::new(),
    };
    match fill(&visit, wish, &mut page).await {
        Ok(()) => visit.show(&page),
        Err(error) => visit.failed(&error),
    }
}

fn asked(visit: &Visit) -> Asked {
    let today = Date::in_taiwan(visit.console.clock.unix_time());
    let first = Date::from_unix_days(today.unix_days().saturating_sub(DAYS));
    let said = |name: &str| visit.query.get(name).unwrap_or_default().to_owned();
    let or = |name: &str, day: Date| match visit.query.get(name) {
        Some(text) => text.to_owned(),
        None => day.to_string(),
    };
    Asked {
        from: or("from", first),
        to: or("to", today),
        actor: said("actor"),
        object: said("object"),
        case_no: said("case"),
        month: match visit.query.get("month") {
            Some(month) => month.to_owned(),
            None => today.to_string().chars().take(7).collect(),
        },
    }
}

fn wish(visit: &Visit, asked: &Asked, t: &'static AuditText) -> Wish {
    match visit.query.get("do") {
        Some("search") => {
            let (from, to) = (Date::parse_iso(&asked.from), Date::parse_iso(&asked.to));
            let Some((from, to)) = from.zip(to).filter(|(from, to)| from <= to) else {
                return Wish::Nothing(t.bad_days);
            };
            let some = |text: &String| (!text.is_empty()).then(|| text.clone());
            Wish::Search(Query {
                time: from.midnight_in_taiwan()..to.next_day().midnight_in_taiwan(),
                actor: some(&asked.actor),
                object: some(&asked.object),
                case_no: some(&asked.case_no),
            })
        }
        Some("verify") => Wish::Verify,
        Some("report") => match month(&asked.month) {
            Some(time) => Wish::Report(asked.month.clone(), time),
            None => Wish::Nothing(t.bad_month),
        },
        _ => Wish::Nothing(""),
    }
}

/// `2026-11` as a time in Taiwan.
fn month(text: &str) -> Option<Range<Duration>> {
    let first = Date::parse_iso(&format!("{text}-01"))?;
    let mut next = first.next_day();
    while next.day != 1 {
        next = next.next_day();
    }
    Some(first.midnight_in_taiwan()..next.midnight_in_taiwan())
}

/// What is recorded of a look; nothing of a page that shows nothing.
fn record(visit: &Visit, wish: &Wish) -> Option<Row> {
    let action = match wish {
        Wish::Nothing(_) => return None,
        Wish::Search(_) => "console audit search",
        Wish::Verify => "console audit verify",
        Wish::Report(..) => "console audit report",
    };
    let principal = visit.principal.as_ref()?;
    let id = Word::new(&principal.subject);
    let actor = id.map_or(Actor::unknown(), |id| Actor::of(ActorKind::System, id));
    let actor = Actor { org: Word::new(&principal.org), ..actor };
    let row = Row::new(AuditEvent::AuditRead, Listener::Api, actor, Word::of(action));
    let Wish::Search(query) = wish else { return Some(row) };
    // Who looked for which case is part of the record.
    Some(Row {
        case_no: query.case_no.as_deref().and_then(Word::new),
        object: query.object.as_deref().and_then(Word::new),
        ..row
    })
}

async fn fill(visit: &Visit, wish: Wish, page: &mut AuditPage) -> Result<(), String> {
    let files = visit.console.audit_files.clone();
    let (folder, key) = (files.folder, files.key);
    match wish {
        Wish::Nothing(problem) => page.problem = problem,
        Wish::Search(query) => {
            let words = (page.t, visit.lang);
            page.found = Some(off_thread(move || search(&folder, &query, words)).await?);
        }
        Wish::Verify => {
            let reports = off_thread(move || audit::verify(&folder, &key)).await?;
            page.chains = reports.into_iter().map(chain).collect();
        }
        Wish::Report(month, time) => {
            let report = off_thread(move || audit::report(&folder, time)).await?;
            page.sheet = report.to_markdown(&month);
        }
    }
    Ok(())
}

/// Files are read where nobody waits for them.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|it| it.to_string())?.map_err(|it| it.to_string())
}

fn search(
    folder: &std::path::Path,
    query: &Query,
    words: (&'static AuditText, Lang),
) -> Result<Found, AuditError> {
    let mut newest = VecDeque::new();
    let touched = audit::search(folder, query, |row| {
        if newest.len() == MOST {
            newest.pop_front();
        }
        newest.push_back(row);
    })?;
    let mut rows: Vec<RowBody> = newest.into();
    // Each node has a chain of its own; together they are in the order of time.
    rows.sort_by(|a, b| b.ts.cmp(&a.ts));
    let rows = rows.into_iter().map(|it| view(it, words)).collect();
    Ok(Found { n: touched.n_rows, is_damaged: 0 < touched.n_unreadable, rows })
}

/// What happened: in words, or in English as the row has it.
fn event(it: AuditEvent, lang: Lang) -> String {
    match (lang, serde_json::to_value(it)) {
        (Lang::En, Ok(serde_json::Value::String(name))) => name,
        _ => it.title().to_owned(),
    }
}

fn view(row: RowBody, (t, lang): (&AuditText, Lang)) -> RowView {
    let asserted = if row.actor.asserted { t.asserted } else { "" };
    let parts = [row.purpose, row.case_no];
    let (day, time) = row.ts.split_once('T').unwrap_or((&row.ts, ""));
    RowView {
        day: day.to_owned(),
        time: time.to_owned(),
        who: format!("{}{asserted}", row.actor.id),
        event: event(row.event, lang),
        action: row.action,
        object: row.object.unwrap_or_default(),
        is_bad: row.outcome.is_some_and(|it| it != Outcome::Success),
        outcome: match row.outcome {
            Some(Outcome::Success) => t.success,
            Some(Outcome::Denied) => t.denied,
            Some(Outcome::Refused) => t.refused,
            Some(Outcome::Failed) => t.failed,
            Some(Outcome::Timeout) => t.timeout,
            Some(Outcome::Abandoned) => t.abandoned,
            None => "–",
        },
        purpose: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        request: row.request_id.unwrap_or_default(),
    }
}

fn chain(report: ChainReport) -> ChainView {
    ChainView {
        n_rows: report.last - report.before,
        n_checkpoints: report.n_checkpoints,
        n_unsigned: report.n_unsigned,
        wrong: report.finding.map(|it| it.to_string()).unwrap_or_default(),
        name: report.chain,
    }
}
