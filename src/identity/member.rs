//! Names of systems at the exchange (X-Road REST protocol, 4.1 and 4.2): `instance/class/member/subsystem`,
//! percent-encoded; a member that calls itself has no subsystem.

/// A subsystem, or a member, as the exchange names it. Two spellings of one name are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member(Vec<String>);

/// Parts of a name, with the subsystem.
const N_PARTS: usize = 4;

impl Member {
    /// `None` when the text is no name: not three or four parts, an empty one, or one that is no UTF-8 when decoded.
    pub fn parse(text: &str) -> Option<Member> {
        let parts: Vec<String> =
            text.split('/').take(N_PARTS + 1).map(decoded).collect::<Option<_>>()?;
        let is_whole = (N_PARTS - 1..=N_PARTS).contains(&parts.len());
        (is_whole && parts.iter().all(|it| !it.is_empty())).then_some(Member(parts))
    }
}

fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digit = |it: Option<u8>| char::from(it?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(16 * high + low).ok()?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, is_same: bool) {
        let [one, other] = [a, b].map(Member::parse);
        assert!(one.is_some() && other.is_some(), "{a} {b}");
        assert_eq!(one == other, is_same, "{a} {b}");
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
