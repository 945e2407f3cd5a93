//! 分類與職掌: units, their duties, what became of earlier ones, and versions. Its script tries and adds versions through
//! the API.

use std::time::Duration;

use askama::Template;
use axum::extract::Extension;
use axum::response::Response;

use crate::base::Date;
use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::shell::ShellText;
use crate::console::text::taxonomy::TaxonomyText;
use crate::policy::Scope;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::taxonomy::{TaxonomyChange, TaxonomyState, TaxonomyUnit};

#[derive(Template)]
#[template(path = "taxonomy.html")]
struct TaxonomyPage {
    frame: Frame,
    t: &'static TaxonomyText,
    words: Vec<(&'static str, &'static str)>,
    has_added: bool,
    agency: String,
    version: String,
    shows_all: bool,
    units: Vec<UnitView>,
    changes: Vec<ChangeView>,
    versions: Vec<VersionView>,
    may_write: bool,
    today: String,
}

struct UnitView {
    name: String,
    level: usize,
    duties: String,
    n_sections: usize,
    aliases: String,
    valid: String,
}

struct ChangeView {
    on: String,
    kind: &'static str,
    before: String,
    after: String,
}

struct VersionView {
    version: String,
    is_current: bool,
    valid_from: String,
    created: String,
}

/// `GET /console/taxonomy`.
pub(super) async fn show(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    match state(&visit, &cx).await {
        Ok(state) => visit.show(&page(&visit, state)),
        Err(error) => visit.refused(&error),
    }
}

async fn state(visit: &Visit, cx: &CallContext) -> Result<TaxonomyState, CallError> {
    visit.console.service.admit(cx, Task::Predictions)?.taxonomy().await
}

fn page(visit: &Visit, state: TaxonomyState) -> TaxonomyPage {
    let t = TaxonomyText::of(visit.lang);
    let shows_all = visit.query.get("show") == Some("all");
    let is_today = |it: &&TaxonomyUnit| shows_all || is_valid(it, state.today);
    let may = |scope| visit.principal.as_ref().is_some_and(|it| it.scopes.has(scope));
    let version = |it: crate::task::taxonomy::TaxonomyVersion| VersionView {
        version: it.version,
        is_current: it.is_current,
        valid_from: it.valid_from.to_string(),
        created: format::moment(Duration::from_secs(it.created)),
    };
    TaxonomyPage {
        frame: visit.frame(ShellText::of(visit.lang).taxonomy),
        t,
        words: t.words(),
        has_added: visit.query.get("did") == Some("add"),
        agency: format!("{} ({})", state.name, state.tenant),
        shows_all,
        units: units(state.units.iter().filter(is_today), t),
        changes: state.changes.iter().rev().map(|it| change(it, t)).collect(),
        versions: state.versions.into_iter().rev().map(version).collect(),
        may_write: may(Scope::TaxonomiesWrite),
        today: state.today.to_string(),
        version: state.version,
    }
}

fn is_valid(it: &TaxonomyUnit, day: Date) -> bool {
    it.from.is_none_or(|from| from <= day) && it.to.is_none_or(|to| day < to)
}

/// Units in their order, each below its own. Sections without a word of their own are only counted.
fn units<'a>(found: impl Iterator<Item = &'a TaxonomyUnit>, t: &TaxonomyText) -> Vec<UnitView> {
    let mut views: Vec<(&str, UnitView)> = Vec::new();
    for it in found {
        let above = it.path.rsplit_once('/').map_or("", |it| it.0);
        let is_plain = it.scope.is_empty() && it.aliases.is_empty() && it.name.ends_with('科');
        if is_plain && let Some((_, view)) = views.iter_mut().find(|(path, _)| *path == above) {
            view.n_sections += 1;
            continue;
        }
        let view = UnitView {
            name: it.name.clone(),
            level: it.path.matches('/').count().clamp(1, 4),
            duties: it.scope.clone(),
            n_sections: 0,
            aliases: it.aliases.join("、"),
            valid: valid(it, t),
        };
        views.push((&it.path, view));
    }
    views.into_iter().map(|it| it.1).collect()
}

fn valid(it: &TaxonomyUnit, t: &TaxonomyText) -> String {
    let fill = |text: &str, day: Date| text.replace("{0}", &day.to_string());
    match (it.from, it.to) {
        (None, None) => t.always.to_owned(),
        (Some(from), None) => fill(t.since, from),
        (None, Some(to)) => fill(t.until, to),
        (Some(from), Some(to)) => format!("{from} – {to}"),
    }
}

fn change(it: &TaxonomyChange, t: &TaxonomyText) -> ChangeView {
    let names = |paths: &[String]| {
        let name = |it: &String| it.split_once('/').map_or(it.clone(), |it| it.1.to_owned());
        paths.iter().map(name).collect::<Vec<_>>().join("、")
    };
    ChangeView {
        on: it.on.to_string(),
        kind: match (it.from.len(), it.to.len()) {
            (_, 0) => t.left,
            (1, 1) => t.renamed,
            (1, _) => t.split,
            _ => t.merged,
        },
        before: names(&it.from),
        after: it.ministry.clone().unwrap_or_else(|| names(&it.to)),
    }
}

#[cfg(test)]
mod tests {
    use crate::console::text::Lang;

    use super::*;

    fn unit(path: &str, scope: &str, to: Option<Date>) -> TaxonomyUnit {
        let name = path.rsplit('/').next().unwrap().to_owned();
        let (path, scope) = (path.to_owned(), scope.to_owned());
        TaxonomyUnit { path, name, aliases: Vec::new(), from: None, to, scope }
    }

    #[test]
    fn plain_sections_are_counted() {
        let t = TaxonomyText::of(Lang::Zh);
        let end = Date { year: 2023, month: 9, day: 20 };
        let found = [
            unit("M/戶政司", "戶籍", None),
            unit("M/戶政司/第一科", "", None),
            unit("M/戶政司/第二科", "", Some(end)),
            unit("M/戶政司/第三科", "國籍", None),
            unit("M/營建署", "營建", Some(end)),
        ];
        let views = units(found.iter(), t);
        let shown: Vec<_> =
            views.iter().map(|it| (it.name.as_str(), it.level, it.n_sections)).collect();
        assert_eq!(shown, [("戶政司", 1, 2), ("第三科", 2, 0), ("營建署", 1, 0)]);
        assert_eq!((views[0].valid.as_str(), views[2].valid.as_str()), ("不限", "至 2023-09-20"));
        assert!(is_valid(&found[4], end.previous_day()) && !is_valid(&found[4], end));
    }

    #[test]
    fn changes_are_told_by_their_kind() {
        let t = TaxonomyText::of(Lang::Zh);
        let check = |from: &[&str], to: &[&str], kind, after: &str| {
            let own = |it: &[&str]| it.iter().map(|it| format!("M/{it}")).collect();
            let ministry = to.is_empty().then(|| "衛生福利部".to_owned());
            let on = Date { year: 2013, month: 7, day: 23 };
            let view = change(&TaxonomyChange { on, from: own(from), to: own(to), ministry }, t);
            assert_eq!((view.kind, view.after.as_str()), (kind, after));
        };
        check(&["甲"], &["乙"], t.renamed, "乙");
        check(&["甲"], &["乙", "丙"], t.split, "乙、丙");
        check(&["甲", "乙"], &["丙"], t.merged, "丙");
        check(&["甲"], &[], t.left, "衛生福利部");
    }
}
