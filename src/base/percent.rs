//! Percent-encoded texts (RFC 3986, 2.1).

/// What an encoded text says; `None` when an escape is cut off or what it says is no UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
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

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(percent_decoded(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn escapes_are_bytes_of_utf_8() {
        check("a+b", Some("a+b"));
        check("%E6%A1%88%2f%e8%99%9F-1", Some("案/號-1"));
        check("案號", Some("案號"));
        for bad in ["%", "%4", "%zz", "%ff", "a%", "%e6%a1"] {
            check(bad, None);
        }
    }
}
