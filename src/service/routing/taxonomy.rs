//! The units that hold: those of the settings, or a version that was added and whose day has come.

use std::sync::{Arc, PoisonError};

use crate::base::{Date, ErrorCode};
use crate::pipeline::documents::taxonomy::{Taxonomy, TaxonomyError, Unit};
use crate::registry::{ReleaseError, digest_of};
use crate::service::jobs::failed;
use crate::store::{StoreError, TaxonomyRow};
use crate::task::call::{CallError, Task};
use crate::task::taxonomy::{
    LabelMove, TaxonomyChange, TaxonomyComparison, TaxonomyState, TaxonomyUnit, TaxonomyVersion,
};

use super::model::main_of;
use super::{DOCUMENTS, LETTERS, Routing, chain, internal};

/// Labels that are told of a comparison.
const MOST_LABELS: usize = 500;

impl Routing {
    /// The units that hold.
    pub fn taxonomy(&self) -> Arc<Taxonomy> {
        self.taxonomy.load_full()
    }

    /// Looks whether another version of the units holds by now, also one that another process has added.
    ///
    /// # Errors
    /// When the store fails.
    pub fn refresh_taxonomy(&self) -> Result<(), StoreError> {
        let rows = self.store.taxonomies(self.given.tenant()).wait()?;
        let now = self.clock.unix_time().as_secs();
        let row = rows.iter().rev().find(|it| it.valid_from <= now);
        let next = match row {
            None => Arc::clone(&self.given),
            Some(row) if row.version == self.taxonomy.load().version() => return Ok(()),
            Some(row) => match self.readable(row) {
                Some(taxonomy) => Arc::new(taxonomy),
                None => return Ok(()),
            },
        };
        if next.version() != self.taxonomy.load().version() {
            let version = next.version();
            tracing::info!(tenant = next.tenant(), version, "another version of the units holds");
            self.taxonomy.store(next);
        }
        Ok(())
    }

    /// The units of a row, unless they cannot hold: why not is logged once, not at every look.
    fn readable(&self, row: &TaxonomyRow) -> Option<Taxonomy> {
        let refused = match Taxonomy::parse(&row.body) {
            Ok(taxonomy) => match self.require_signed(&taxonomy, &row.body) {
                Ok(()) => {
                    *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    return Some(taxonomy);
                }
                Err(error) => chain(&error),
            },
            // The parser's own text repeats the file.
            Err(TaxonomyError::Malformed(_)) => "it is no TOML of units".to_owned(),
            Err(error) => chain(&error),
        };
        let mut told = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_deref() != Some(row.version.as_str()) {
            let (tenant, version) = (self.given.tenant(), row.version.as_str());
            tracing::error!(tenant, version, reason = refused, "added units do not hold");
            *told = Some(row.version.clone());
        }
        None
    }

    /// The units that hold, and the versions that were added.
    ///
    /// # Errors
    /// When the store fails.
    pub fn taxonomy_state(&self) -> Result<TaxonomyState, CallError> {
        let taxonomy = self.taxonomy.load();
        let rows = self.store.taxonomies(self.given.tenant()).wait().map_err(|it| failed(&it))?;
        let version = |it: TaxonomyRow| TaxonomyVersion {
            is_current: it.version == taxonomy.version(),
            valid_from: Date::in_taiwan(std::time::Duration::from_secs(it.valid_from)),
            version: it.version,
            created: it.created,
        };
        Ok(TaxonomyState {
            tenant: taxonomy.tenant().to_owned(),
            name: taxonomy.name().to_owned(),
            version: taxonomy.version().to_owned(),
            today: self.today(),
            units: taxonomy.units().map(unit).collect(),
            changes: taxonomy
                .changes()
                .iter()
                .map(|it| TaxonomyChange {
                    on: it.on,
                    from: it.from.clone(),
                    to: it.to.clone(),
                    ministry: it.ministry.clone(),
                })
                .collect(),
            versions: rows.into_iter().map(version).collect(),
        })
    }

    /// What another version would change on a day. Nothing is kept.
    ///
    /// # Errors
    /// When it is refused.
    pub fn compare_taxonomy(&self, text: &str, on: Date) -> Result<TaxonomyComparison, CallError> {
        let next = self.parse_taxonomy(text)?;
        let now = self.taxonomy.load();
        let mut found =
            TaxonomyComparison { version: next.version().to_owned(), ..Default::default() };
        for it in next.units() {
            match now.unit(&it.path).map(|known| differences(known, it)) {
                None => found.added.push(it.path.clone()),
                Some(differing) if differing.is_empty() => found.n_equal += 1,
                Some(differing) => found.changed.push((it.path.clone(), differing)),
            }
        }
        let gone = now.units().filter(|it| next.unit(&it.path).is_none());
        found.removed = gone.map(|it| it.path.clone()).collect();
        let (now, next) = ((&**now, self.today()), (&next, on));
        for (service, task) in [(LETTERS, Task::Letters), (DOCUMENTS, Task::Documents)] {
            let Some(model) = self.model(task) else { continue };
            let moves = model.classifier.labels().iter().filter_map(|label| {
                let [before, after] = [now, next].map(|(it, day)| meaning(it, label, day));
                (before != after).then(|| LabelMove {
                    service,
                    label: label.clone(),
                    before,
                    after,
                })
            });
            found.labels.extend(moves.take(MOST_LABELS));
        }
        Ok(found)
    }

    /// Adds a version that holds from a day on.
    ///
    /// # Errors
    /// When it is refused, when there is one of its name, or the store fails.
    pub fn add_taxonomy(&self, text: &str, valid_from: Date) -> Result<TaxonomyState, CallError> {
        let taxonomy = self.parse_taxonomy(text)?;
        self.require_signed(&taxonomy, text).map_err(|error| match error {
            ReleaseError::Unlisted { .. } => {
                let (name, sha256) = (signed_name(&taxonomy), digest_of(text.as_bytes()));
                let message = format!(
                    "不在已簽署的發行清單:請於待審清單的 [tables] 加入 \"{name}\" = \"{sha256}\",簽署後再加入。"
                );
                CallError::new(ErrorCode::Conflict, message)
            }
            error => internal(&error),
        })?;
        let row = TaxonomyRow {
            name: taxonomy.tenant().to_owned(),
            version: taxonomy.version().to_owned(),
            body: text.to_owned(),
            valid_from: valid_from.midnight_in_taiwan().as_secs(),
            created: self.clock.unix_time().as_secs(),
        };
        let is_known = taxonomy.version() == self.given.version();
        if is_known || !self.store.add_taxonomy(row).wait().map_err(|it| failed(&it))? {
            let message = "已有同名的版本;請在檔案的 version 填新的名稱。";
            return Err(CallError::new(ErrorCode::Conflict, message));
        }
        self.refresh_taxonomy().map_err(|it| failed(&it))?;
        self.refresh();
        self.taxonomy_state()
    }

    /// Refuses a version that the signed release does not name, where a key is pinned.
    fn require_signed(&self, taxonomy: &Taxonomy, text: &str) -> Result<(), ReleaseError> {
        self.trust.require_table(&signed_name(taxonomy), text.as_bytes())
    }

    fn parse_taxonomy(&self, text: &str) -> Result<Taxonomy, CallError> {
        let taxonomy = Taxonomy::parse(text).map_err(|it| refused(&it))?;
        if taxonomy.tenant() != self.given.tenant() {
            let message = format!("tenant 應為 {}。", self.given.tenant());
            return Err(CallError::bad_value("/toml", message));
        }
        Ok(taxonomy)
    }
}

/// What a version is called in a signed release.
fn signed_name(taxonomy: &Taxonomy) -> String {
    format!("taxonomies/{}/{}", taxonomy.tenant(), taxonomy.version())
}

fn refused(error: &TaxonomyError) -> CallError {
    let message = match error {
        TaxonomyError::Malformed(error) => {
            // Of the parser only the place is told: its text repeats the file.
            let at = error.span().map_or(0, |it| it.start);
            format!("不是分類表的 TOML(第 {at} 個位元組附近)。")
        }
        TaxonomyError::Day { at } => format!("「{at}」的日期有誤:應為 YYYY-MM-DD,且迄日晚於起日。"),
        TaxonomyError::Path { path } => {
            format!("單位路徑「{path}」有誤:應以機關代碼開頭、上層單位在前,且不重複。")
        }
        TaxonomyError::Change { on } => {
            format!("{on} 的組織異動有誤:前後單位須列於檔案,且在當日有效。")
        }
    };
    CallError::bad_value("/toml", message)
}

fn unit(it: &Unit) -> TaxonomyUnit {
    TaxonomyUnit {
        path: it.path.clone(),
        name: it.name().to_owned(),
        aliases: it.aliases.clone(),
        from: it.from,
        to: it.to,
        scope: it.scope.clone(),
    }
}

fn differences(one: &Unit, other: &Unit) -> Vec<&'static str> {
    [
        ("aliases", one.aliases != other.aliases),
        ("from", one.from != other.from),
        ("to", one.to != other.to),
        ("scope", one.scope != other.scope),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// The unit that a label means on a day; of a split one, that with most of the duties.
fn meaning(taxonomy: &Taxonomy, label: &str, on: Date) -> Option<String> {
    main_of(taxonomy.map(label, None, on))
}
