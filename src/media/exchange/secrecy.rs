//! 密等: found in a pass that keeps no other text, so that classified content is dropped unread.

use super::doctype;
use super::events::{Events, Step};
use super::{ExchangeError, ExchangeLimits};

/// How secret a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secrecy {
    /// 普通
    Ordinary,
    /// 密
    Confidential,
    /// 機密
    Secret,
    /// 極機密
    HighlySecret,
    /// 絕對機密
    TopSecret,
    /// Stated, but not in the words of the rules; treated as classified.
    Unclear,
}

impl Secrecy {
    /// Reads the value of a 密等. Blank means ordinary; an unknown word does not.
    pub fn read(text: &str) -> Secrecy {
        let text: String = text.chars().filter(|ch| !ch.is_whitespace()).collect();
        match text.as_str() {
            "" | "普通" | "普通件" | "一般" | "無" => Secrecy::Ordinary,
            "密" | "密件" => Secrecy::Confidential,
            "機密" => Secrecy::Secret,
            "極機密" => Secrecy::HighlySecret,
            "絕對機密" => Secrecy::TopSecret,
            _ => Secrecy::Unclear,
        }
    }

    /// As the rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Secrecy::Ordinary => "普通",
            Secrecy::Confidential => "密",
            Secrecy::Secret => "機密",
            Secrecy::HighlySecret => "極機密",
            Secrecy::TopSecret => "絕對機密",
            Secrecy::Unclear => "不明",
        }
    }

    /// The value of 解密條件或保密期限, which some systems fill with the grade itself.
    pub(super) fn of_terms(text: &str) -> Secrecy {
        match Secrecy::read(text) {
            Secrecy::Unclear if !text.contains('密') => Secrecy::Ordinary,
            secrecy => secrecy,
        }
    }
}

/// What the text of an element states.
#[derive(Clone, Copy)]
enum Place {
    Grade,
    Terms,
    Elsewhere,
}

impl Place {
    fn of(name: &str, outer: Place) -> Place {
        match name {
            "密等" | "密等及解密條件或保密期限" | "密等及解密條件" => {
                Place::Grade
            }
            "解密條件或保密期限" | "解密條件" | "保密期限" => Place::Terms,
            _ => outer,
        }
    }

    fn secrecy(self, text: &str) -> Secrecy {
        match self {
            Place::Grade => Secrecy::read(text),
            Place::Terms => Secrecy::of_terms(text),
            Place::Elsewhere => Secrecy::Ordinary,
        }
    }
}

/// The grade of a classified document; none for an ordinary one. Stops at the first grade above 普通.
pub(super) fn scan(text: &str, limits: &ExchangeLimits) -> Result<Option<Secrecy>, ExchangeError> {
    let mut events = Events::new(text, limits)?;
    let mut open: Vec<(Place, String)> = Vec::new();
    loop {
        let secrecy = match events.next()? {
            Step::Doctype(content) => {
                doctype::read(&content, limits)?;
                continue;
            }
            Step::Start(start) => {
                let outer = open.last().map_or(Place::Elsewhere, |it| it.0);
                let place = Place::of(start.local_name().as_ref(), outer);
                open.push((place, String::new()));
                if matches!(place, Place::Elsewhere) {
                    continue;
                }
                let attributes = events.attributes(&start)?;
                attributes.iter().map(|it| place.secrecy(&it.1)).max()
            }
            Step::Text(piece) => {
                match open.last_mut() {
                    None | Some((Place::Elsewhere, _)) => (),
                    Some((_, stated)) => stated.push_str(&piece),
                }
                continue;
            }
            Step::End => open.pop().map(|(place, stated)| place.secrecy(&stated)),
            Step::Done => return Ok(None),
        };
        if let Some(secrecy) = secrecy.filter(|it| *it != Secrecy::Ordinary) {
            return Ok(Some(secrecy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inside: &str, expected: Option<Secrecy>) {
        let text = format!("<函><主旨><文字>密</文字></主旨>{inside}</函>");
        assert_eq!(scan(&text, &ExchangeLimits::default()), Ok(expected), "{inside}");
    }

    #[test]
    fn every_way_of_stating_a_grade() {
        check("", None);
        check("<密等/>", None);
        check("<密等 代碼='普通'/>", None);
        check("<密等>　普通\n</密等>", None);
        check("<密等 代碼='密'/>", Some(Secrecy::Confidential));
        check("<密等 代碼=' 機密 '/>", Some(Secrecy::Secret));
        check("<密等>極機密</密等>", Some(Secrecy::HighlySecret));
        check("<密等>絕對&#x6A5F;<![CDATA[密]]></密等>", Some(Secrecy::TopSecret));
        check("<密等及解密條件>密</密等及解密條件>", Some(Secrecy::Confidential));
        check("<密等 代碼='特密'/>", Some(Secrecy::Unclear));
        check("<密等 等級='密'/>", Some(Secrecy::Confidential));
        check("<密等><文字>密</文字></密等>", Some(Secrecy::Confidential));
        check("<密等及解密條件>密<密等/></密等及解密條件>", Some(Secrecy::Confidential));
    }

    #[test]
    fn terms_may_carry_the_grade() {
        check("<解密條件或保密期限/>", None);
        check("<解密條件或保密期限>普通</解密條件或保密期限>", None);
        check("<解密條件或保密期限>密</解密條件或保密期限>", Some(Secrecy::Confidential));
        check("<解密條件>附件抽存後解密</解密條件>", Some(Secrecy::Unclear));
    }

    #[test]
    fn reading_stops_at_the_grade() {
        let text = "<函><密等 代碼='密'/><主旨>&undefined;<broken";
        assert_eq!(scan(text, &ExchangeLimits::default()), Ok(Some(Secrecy::Confidential)));
    }
}
