//! Names of systems at the exchange (X-Road REST protocol, 4.1 and 4.2): `instance/class/member/subsystem`,
//! percent-encoded; a member that calls itself has no subsystem.

use std::fmt::{self, Write};

use crate::base::percent_decoded;
use crate::store::clients::ClientRow;

/// A subsystem, or a member, as the exchange names it. Two spellings of one name are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member(Vec<String>);

/// Parts of a name, with the subsystem.
const N_PARTS: usize = 4;

impl Member {
    /// `None` when the text is no name: not three or four parts, an empty one, or one that is no UTF-8 when decoded.
    pub fn parse(text: &str) -> Option<Member> {
        let parts: Vec<String> =
            text.split('/').take(N_PARTS + 1).map(percent_decoded).collect::<Option<_>>()?;
        let is_whole = (N_PARTS - 1..=N_PARTS).contains(&parts.len());
        (is_whole && parts.iter().all(|it| !it.is_empty())).then_some(Member(parts))
    }
}

/// One spelling for each name: decoded, but for what would make another name of it, or a line of its own.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, part) in self.0.iter().enumerate() {
            if 0 < idx {
                f.write_str("/")?;
            }
            for ch in part.chars() {
                if ch == '/' || ch == '%' || ch.is_control() {
                    let mut bytes = [0; 4];
                    for byte in ch.encode_utf8(&mut bytes).bytes() {
                        write!(f, "%{byte:02X}")?;
                    }
                } else {
                    f.write_char(ch)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether two registrations have one name at the exchange, however each is spelt.
pub fn shares_partner(one: &ClientRow, other: &ClientRow) -> bool {
    let name = |it: &ClientRow| it.partner.as_deref().and_then(Member::parse);
    name(one).is_some_and(|it| name(other) == Some(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, is_same: bool) {
        let [one, other] = [a, b].map(Member::parse);
        assert!(one.is_some() && other.is_some(), "{a} {b}");
        assert_eq!(one == other, is_same, "{a} {b}");
        let [one, other] = [one, other].map(|it| it.unwrap().to_string());
        assert_eq!(one == other, is_same, "{a} {b}");
        assert_eq!(Member::parse(&one).unwrap().to_string(), one);
    }

    #[test]
    fn spellings_of_a_name_are_one() {
        check("TW/GOV/301000000A/mailbox", "TW/GOV/301000000A/mailbox", true);
        check("TW/GOV/301000000A/%6dailbox", "TW/GOV/301000000A/mailbox", true);
        check("TW/GOV/301000000A/%E4%BF%A1%E7%AE%B1", "TW/GOV/301000000A/信箱", true);
        check("TW/GOV/a%2Fb/c", "TW/GOV/a%2fb/c", true);
        check("TW/GOV/301000000A/mailbox", "TW/GOV/301000000A/Mailbox", false);
        check("TW/GOV/301000000A/a+b", "TW/GOV/301000000A/a%20b", false);
        check("TW/GOV/301000000A", "TW/GOV/%3301000000A", true);
        check("TW/GOV/301000000A", "TW/GOV/301000000A/mailbox", false);
        check("TW/GOV/a%2Fb", "TW/GOV/a/b", false);
        check("TW/GOV/a%252Fb", "TW/GOV/a%2Fb", false);
        check("TW/GOV/a%0ab", "TW/GOV/a%0Ab", true);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "TW",
            "TW/GOV",
            "TW/GOV/",
            "TW/GOV/a/b/c",
            "TW/GOV//b",
            "TW/GOV/a/%",
            "TW/GOV/a/%4",
            "TW/GOV/a/%zz",
            "TW/GOV/a/%ff",
            "TW/GOV/a/b/",
        ] {
            assert_eq!(Member::parse(bad), None, "{bad}");
        }
    }
}
