//! From the tree of a main text to a document with named fields.

use crate::base::Date;

use super::ExchangeError;
use super::attachment::{self, Attachment};
use super::date::printed_date;
use super::doctype::Doctype;
use super::encoding::Encoding;
use super::number::{self, DocumentNumber};
use super::party::{Party, parties};
use super::tree::Element;

/// Most characters kept of a code that is in no list.
const MAX_CODE: usize = 40;

/// 文別, with the classes of 函 and 令 that are dispatched differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 函
    Letter,
    /// 書函
    ShortLetter,
    /// 令
    Order,
    /// 公告
    Announcement,
    /// 簽
    Memorandum,
    /// 開會通知單
    MeetingNotice,
    /// 會勘通知單
    InspectionNotice,
    /// 簽稿會核單
    ReviewSlip,
    /// 移文單
    Transfer,
    /// 便簽
    Note,
    /// A kind of one agency's own.
    Other,
}

impl Kind {
    fn of(root: &str, class: &str) -> Kind {
        match (root, class) {
            (_, "書函") => Kind::ShortLetter,
            (_, "移文單") => Kind::Transfer,
            ("函", _) => Kind::Letter,
            ("令" | "獎懲令", _) => Kind::Order,
            ("公告", _) => Kind::Announcement,
            ("簽", _) => Kind::Memorandum,
            ("開會通知單", _) => Kind::MeetingNotice,
            ("會勘通知單", _) => Kind::InspectionNotice,
            ("簽稿會核單", _) => Kind::ReviewSlip,
            ("便簽" | "箋函或便簽", _) => Kind::Note,
            _ => Kind::Other,
        }
    }
}

/// 速別.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// 最速件
    Immediate,
    /// 速件
    Fast,
    /// 普通件
    Ordinary,
    /// 限期公文: the document states its own day.
    Dated,
    /// Not stated.
    Unstated,
    /// Stated in words of no rule.
    Unclear,
}

impl Priority {
    /// Reads a 速別, with blanks between its characters or not.
    pub fn read(text: &str) -> Priority {
        let text: String = text.chars().filter(|ch| !ch.is_whitespace()).collect();
        match text.as_str() {
            "" => Priority::Unstated,
            "最速件" | "最速" => Priority::Immediate,
            "速件" | "速" => Priority::Fast,
            "普通件" | "普通" => Priority::Ordinary,
            "限期公文" | "限期" => Priority::Dated,
            _ => Priority::Unclear,
        }
    }
}

/// A part of the body under one name. No `Debug`: it holds somebody's document.
#[derive(Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// 段名 as written, often with its colon: 說明：, 擬辦：, 辦法：, 公告事項：.
    pub name: String,
    /// Text before the first item.
    pub text: String,
    /// Numbered items.
    pub items: Vec<Item>,
}

/// A numbered item with the items under it. No `Debug`: it holds somebody's document.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// 序號 as written: 一、, (一), 1、.
    pub label: String,
    /// Its text.
    pub text: String,
    /// Items under it.
    pub items: Vec<Item>,
}

/// What a 開會通知單 or 會勘通知單 says besides. No `Debug`: it names people.
#[derive(Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Days, as far as they are printed whole.
    pub dates: Vec<Date>,
    /// Times as printed: 中華民國114年7月1日(星期二)上午9時.
    pub times: Vec<String>,
    /// Where.
    pub place: String,
    /// 主持人.
    pub chairs: Vec<Party>,
    /// 出席者.
    pub attendees: Vec<Party>,
    /// 列席者.
    pub observers: Vec<Party>,
}

/// A document of ordinary secrecy. No `Debug`: it holds somebody's document.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// 文別.
    pub kind: Kind,
    /// 函類別 or 令類別 as coded; the root's name where there is none. At most 40 characters.
    pub class: String,
    /// The DTD named, never fetched.
    pub dtd: Option<String>,
    /// How the file was written.
    pub encoding: Encoding,
    /// User-defined characters (自造字) in the file.
    pub n_private: usize,
    /// 發文機關; the first one leads.
    pub senders: Vec<Party>,
    /// 受文者.
    pub recipients: Vec<Party>,
    /// 發文日期.
    pub date: Option<Date>,
    /// 發文字號; several for a joint document. 文號 for a 簽.
    pub numbers: Vec<DocumentNumber>,
    /// 速別.
    pub priority: Priority,
    /// What 附件 says in words.
    pub attachment_text: String,
    /// Files that belong to the document.
    pub attachments: Vec<Attachment>,
    /// 主旨; 開會事由, 會勘事由 or 案情摘要 where that takes its place.
    pub subject: String,
    /// The body: 說明, 擬辦, 辦法, 備註, in order.
    pub paragraphs: Vec<Paragraph>,
    /// 正本; for a 簽 those to whom it is submitted (敬陳).
    pub originals: Vec<Party>,
    /// 副本.
    pub copies: Vec<Party>,
    /// 署名.
    pub signatures: Vec<String>,
    /// 地址, 聯絡方式 and 聯絡人及電話, one line each.
    pub contacts: Vec<String>,
    /// Of a notice of a meeting or an inspection.
    pub meeting: Option<Meeting>,
}

impl Document {
    /// The body as lines: paragraph names, then items with their labels in front.
    pub fn body(&self) -> String {
        let mut lines = Vec::new();
        for paragraph in &self.paragraphs {
            let head = format!("{}{}", paragraph.name, paragraph.text);
            lines.extend(Some(head).filter(|it| !it.is_empty()));
            list(&paragraph.items, &mut lines);
        }
        lines.join("\n")
    }
}

fn list(items: &[Item], lines: &mut Vec<String>) {
    for item in items {
        lines.push(format!("{}{}", item.label, item.text));
        list(&item.items, lines);
    }
}

/// Reads the root of a main text.
pub(super) fn read(root: &Element, doctype: &Doctype) -> Result<Document, ExchangeError> {
    let subject = root.child(&["主旨", "開會事由", "會勘事由", "案情摘要"]);
    let coded = root.child(&["函類別", "令類別", "其他類別"]).map(Element::code);
    let class = coded.filter(|it| !it.is_empty()).unwrap_or_else(|| root.name.clone());
    let kind = Kind::of(&root.name, &class);
    // A known kind may lack a subject (some announcements do); an unknown one is known by it.
    if kind == Kind::Other && (subject.is_none() || root.child(&["發文機關"]).is_none()) {
        return Err(ExchangeError::NotExchange);
    }
    let attached = root.child(&["附件"]);
    Ok(Document {
        kind,
        class: class.chars().take(MAX_CODE).collect(),
        dtd: doctype.dtd.clone(),
        encoding: Encoding::Utf8,
        n_private: 0,
        senders: listed(root, &["發文機關", "單位", "傳送機關"]),
        recipients: listed(root, &["受文者"]),
        date: date(root),
        numbers: numbers(root),
        priority: Priority::read(&root.child(&["速別"]).map(Element::code).unwrap_or_default()),
        attachment_text: attached.map(Element::worded).unwrap_or_default(),
        attachments: attachment::read(attached, doctype),
        subject: subject.map(Element::worded).unwrap_or_default(),
        paragraphs: paragraphs(root),
        originals: listed(root, &["正本", "敬陳"]),
        copies: listed(root, &["副本"]),
        signatures: root.all("署名").map(Element::text).filter(|it| !it.is_empty()).collect(),
        contacts: contacts(root),
        meeting: meeting(root),
    })
}

fn listed(root: &Element, names: &[&str]) -> Vec<Party> {
    let matching = root.children.iter().filter(|it| names.contains(&it.name.as_str()));
    matching.flat_map(parties).collect()
}

fn date(root: &Element) -> Option<Date> {
    let element = root.child(&["發文日期", "年月日"])?;
    let printed = element.child(&["年月日"]).unwrap_or(element).text();
    printed_date(&printed)
}

fn numbers(root: &Element) -> Vec<DocumentNumber> {
    let mut found: Vec<DocumentNumber> = root.all("發文字號").filter_map(number::read).collect();
    if found.is_empty() {
        found.extend(root.all("文號").filter_map(|it| number::read_parts(it, "")));
    }
    if found.is_empty() {
        found.extend(root.all("收文字號").filter_map(number::read));
    }
    found
}

/// 段落 directly inside, and those of 備註.
fn paragraphs(root: &Element) -> Vec<Paragraph> {
    let mut found = Vec::new();
    for child in &root.children {
        match child.name.as_str() {
            "段落" => found.push(paragraph(child, "")),
            "備註" => {
                found.extend(child.all("段落").map(|it| paragraph(it, "備註：")));
                if child.all("段落").next().is_none() && !child.worded().is_empty() {
                    found.push(paragraph(child, "備註："));
                }
            }
            _ => (),
        }
    }
    found
}

fn paragraph(element: &Element, default: &str) -> Paragraph {
    let name = element.attribute("段名").filter(|it| !it.is_empty()).unwrap_or(default);
    Paragraph { name: name.to_owned(), text: element.worded(), items: items(element) }
}

/// The items under an element; the depth is bounded by the limits of the file.
fn items(element: &Element) -> Vec<Item> {
    let listed = element.all("條列");
    listed
        .map(|it| Item {
            label: it.attribute("序號").unwrap_or_default().to_owned(),
            text: it.worded(),
            items: items(it),
        })
        .collect()
}

fn contacts(root: &Element) -> Vec<String> {
    let mut found = Vec::new();
    for child in &root.children {
        match child.name.as_str() {
            "地址" | "聯絡方式" => found.push(child.text()),
            "聯絡人及電話" => found.extend(child.children.iter().map(Element::text)),
            _ => (),
        }
    }
    found.retain(|it| !it.is_empty());
    found
}

fn meeting(root: &Element) -> Option<Meeting> {
    let times: Vec<&Element> = root.all("開會時間").chain(root.all("會勘時間")).collect();
    let place = root.child(&["開會地點", "會勘地點"]);
    if times.is_empty() && place.is_none() {
        return None;
    }
    let day = |it: &Element| it.child(&["年月日"]).unwrap_or(it).text();
    Some(Meeting {
        dates: times.iter().filter_map(|it| printed_date(&day(it))).collect(),
        times: times.iter().map(|it| printed_time(it, &day(it))).collect(),
        place: place.map(Element::worded).unwrap_or_default(),
        chairs: root.child(&["主持人"]).map(parties).unwrap_or_default(),
        attendees: root.child(&["出席者"]).map(parties).unwrap_or_default(),
        observers: root.child(&["列席者"]).map(parties).unwrap_or_default(),
    })
}

fn printed_time(element: &Element, day: &str) -> String {
    let weekday = element.text_of(&["星期"]);
    let weekday = if weekday.is_empty() { weekday } else { format!("({weekday})") };
    format!("{day}{weekday}{}", element.text_of(&["時分"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Priority) {
        assert_eq!(Priority::read(text), expected, "{text}");
    }

    #[test]
    fn priorities_of_the_rules_and_no_others() {
        check("最速件", Priority::Immediate);
        check("最 速　件\n", Priority::Immediate);
        check("最速", Priority::Immediate);
        check("速件", Priority::Fast);
        check("速", Priority::Fast);
        check("普通", Priority::Ordinary);
        check("限期公文", Priority::Dated);
        check(" ", Priority::Unstated);
        check("急件", Priority::Unclear);
        check("特急", Priority::Unclear);
    }
}
