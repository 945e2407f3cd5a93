//! Agencies, units, persons and groups: senders, addressees, 正本, 副本 and the rows of a roster.

use super::tree::Element;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartyKind {
    /// 全銜: an agency.
    Agency,
    /// 單位名: a unit of an agency.
    Unit,
    /// 姓名 or 職稱: a person.
    Person,
    /// 總稱, or words that name nobody in particular (如正副本).
    Group,
}

/// One sender or addressee. No `Debug`: it may be a private person.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// What the name stands for.
    pub kind: PartyKind,
    /// The name as written.
    pub name: String,
    /// 職稱 of a person.
    pub title: Option<String>,
    /// 機關代碼.
    pub agency_code: Option<String>,
    /// 單位代碼.
    pub unit_code: Option<String>,
    /// 含附件 or 不含附件, when stated.
    pub with_attachments: Option<bool>,
    /// 本別 (正本, 副本, …) in a roster.
    pub copy: Option<String>,
}

impl Party {
    fn named(kind: PartyKind, name: String) -> Party {
        Party {
            kind,
            name,
            title: None,
            agency_code: None,
            unit_code: None,
            with_attachments: None,
            copy: None,
        }
    }
}

/// The parties that an element lists, in order; words directly inside it are one group.
pub(super) fn parties(element: &Element) -> Vec<Party> {
    let mut found: Vec<Party> = Vec::new();
    for child in &element.children {
        let text = child.text();
        let kind = match child.name.as_str() {
            "全銜" => PartyKind::Agency,
            "單位名" => PartyKind::Unit,
            "姓名" => PartyKind::Person,
            "總稱" | "交換表" | "文字" => PartyKind::Group,
            "單位" | "機關" | "發文機關" => {
                found.extend(parties(child));
                continue;
            }
            other => {
                detail(&mut found, other, child, text);
                continue;
            }
        };
        match found.last_mut() {
            // 敬陳 puts the title before the name.
            Some(last) if kind == PartyKind::Person && last.name.is_empty() => last.name = text,
            _ if !text.is_empty() => found.push(Party::named(kind, text)),
            _ => (),
        }
    }
    if found.is_empty() && !element.text().is_empty() {
        found.push(Party::named(PartyKind::Group, element.text()));
    }
    found
}

/// A child that says more about the party before it.
fn detail(found: &mut Vec<Party>, name: &str, child: &Element, text: String) {
    if name == "職稱" {
        match found.last_mut() {
            Some(last) if last.kind == PartyKind::Person && last.title.is_none() => {
                last.title = Some(text);
            }
            _ => {
                let mut party = Party::named(PartyKind::Person, String::new());
                party.title = Some(text);
                found.push(party);
            }
        }
        return;
    }
    let Some(last) = found.last_mut() else { return };
    match name {
        "機關代碼" => last.agency_code = Some(text).filter(|it| !it.is_empty()),
        "單位代碼" => last.unit_code = Some(text).filter(|it| !it.is_empty()),
        "含附件" => last.with_attachments = Some(!text.contains('不') && text != "否"),
        "本別" => last.copy = child.child(&["收發處理本別"]).map(Element::code),
        "收發處理本別" => last.copy = Some(child.code()),
        _ => (),
    }
}
