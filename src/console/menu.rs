//! The menu: one row a screen. A screen is offered to whoever may see it.

use super::shell::Visit;
use super::text::shell::ShellText;

/// A heading of the menu and the screens below it.
pub(super) struct MenuGroup {
    pub(super) title: &'static str,
    pub(super) entries: Vec<MenuEntry>,
}

/// A screen in the menu.
pub(super) struct MenuEntry {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
}

impl MenuEntry {
    /// Whether a page belongs to this screen.
    pub(super) fn has(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.path);
        rest.is_some_and(|it| it.is_empty() || (it.starts_with('/') && self.path != super::HOME))
    }
}

type Title = fn(&ShellText) -> &'static str;

/// Headings and their screens, in their order.
const MENU: &[(Title, &[(Title, &str)])] = &[
    (
        |s| s.group_work,
        &[
            (|s| s.home, super::HOME),
            (|s| s.try_it, "/console/try"),
            (|s| s.letters, "/console/letters"),
            (|s| s.dispatch, "/console/documents"),
            (|s| s.recordings, "/console/recordings"),
            (|s| s.calls, "/console/calls"),
            (|s| s.cards, "/console/cards"),
        ],
    ),
    (
        |s| s.group_manage,
        &[
            (|s| s.answers, "/console/answers"),
            (|s| s.models, "/console/models"),
            (|s| s.taxonomy, "/console/taxonomy"),
        ],
    ),
    (
        |s| s.group_operate,
        &[
            (|s| s.resources, "/console/resources"),
            (|s| s.clients, "/console/clients"),
            (|s| s.privacy, "/console/privacy"),
            (|s| s.audit, "/console/audit"),
        ],
    ),
];

/// What a visitor is offered.
pub(super) fn of(visit: &Visit, s: &ShellText) -> Vec<MenuGroup> {
    let groups = MENU.iter().map(|(title, rows)| {
        let entries = rows.iter().filter(|(_, path)| visit.may_see(path));
        let entries = entries.map(|&(title, path)| MenuEntry { title: title(s), path }).collect();
        MenuGroup { title: title(s), entries }
    });
    groups.filter(|it| !it.entries.is_empty()).collect()
}
