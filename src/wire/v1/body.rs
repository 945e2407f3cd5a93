//! JSON bodies: read strictly, refused with the place of what is wrong and never its value.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::base::{Date, ErrorCode, TAIWAN_OFFSET, TWICE, Unique};
use crate::task::call::{CallError, FieldError};

use crate::wire::openai::embeddings::TOKENS;

use super::id::NOT_VISIBLE;

/// Reads a body; a field that is not known or that comes twice is refused, and so is a list where an object is expected.
///
/// `at` stands before every pointer (`/meta` of a form, else nothing). `objects` are the places of objects, `*` being
/// any index.
pub(in crate::wire) fn parse<T: DeserializeOwned>(
    json: &[u8],
    at: &str,
    objects: &[&str],
) -> Result<T, CallError> {
    let Unique(value) = read_at(json, at)?;
    // A struct would also be read from an array of its values; nobody means that.
    for place in objects {
        refuse_lists(&value, at, place)?;
    }
    serde_path_to_error::deserialize(value).map_err(|error| refused(at, &error))
}

/// Reads what may borrow from the text. What is refused is read again to find its place: to keep track of that takes longer than
/// to read.
pub(in crate::wire) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, CallError> {
    read_at(json, "")
}

fn read_at<'a, T: Deserialize<'a>>(json: &'a [u8], at: &str) -> Result<T, CallError> {
    if let Ok(found) = serde_json::from_slice(json) {
        return Ok(found);
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let found = serde_path_to_error::deserialize(&mut reader).map_err(|it| refused(at, &it))?;
    reader.end().map_err(|_| no_json())?;
    Ok(found)
}

/// The refusal of a body: it names the place of what is wrong, never its value.
pub(in crate::wire) fn refused(
    at: &str,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> CallError {
    if error.inner().is_syntax() || error.inner().is_eof() {
        return no_json();
    }
    let pointer = pointer(at, error.path());
    // The library has no kinds for these; its text begins so.
    let told = error.inner().to_string();
    if told.starts_with("unknown field") {
        return unknown_field(pointer);
    }
    if let Some((name, _)) = told.strip_prefix("missing field `").and_then(|it| it.split_once('`'))
    {
        return CallError::bad_value(format!("{pointer}/{name}"), "缺少這個必填的欄位。");
    }
    if let Some(own) = [NOT_VISIBLE, TOKENS].into_iter().find(|it| told.starts_with(it)) {
        return CallError::bad_value(pointer, own);
    }
    if told.starts_with(TWICE) {
        return CallError::bad_value(pointer, "同一個欄位不可出現兩次。");
    }
    CallError::bad_value(pointer, "缺少必要的值,或型別不符。")
}

/// The body is no JSON at all.
pub(in crate::wire) fn no_json() -> CallError {
    CallError::new(ErrorCode::BadValue, "內容不是合法的 JSON。")
}

/// The refusal of a field that is not known.
pub(in crate::wire) fn unknown_field(pointer: String) -> CallError {
    let detail = "含有未定義的欄位。".to_owned();
    let code = ErrorCode::UnknownField;
    let mut error = CallError::new(code, format!("{pointer}:{detail}"));
    error.errors.push(FieldError { pointer, code, detail });
    error
}

fn refuse_lists(value: &Value, at: &str, place: &str) -> Result<(), CallError> {
    if let Some((list, rest)) = place.split_once("/*") {
        for (idx, item) in
            value.pointer(list).and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            refuse_lists(item, &format!("{at}{list}/{idx}"), rest)?;
        }
        return Ok(());
    }
    if value.pointer(place).is_some_and(Value::is_array) {
        return Err(CallError::bad_value(format!("{at}{place}"), "應為物件。"));
    }
    Ok(())
}

/// The path of a parse error as a JSON pointer below `at`.
pub(super) fn pointer(at: &str, path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::from(at);
    for segment in path {
        let segment = match segment {
            serde_path_to_error::Segment::Seq { index } => index.to_string(),
            serde_path_to_error::Segment::Map { key } => key.clone(),
            serde_path_to_error::Segment::Enum { variant } => variant.clone(),
            serde_path_to_error::Segment::Unknown => continue,
        };
        // A key may be anything the caller likes: only names of fields are repeated.
        if !is_name(&segment) {
            break;
        }
        pointer.push('/');
        pointer.push_str(&segment);
    }
    pointer
}

fn is_name(text: &str) -> bool {
    let known_shape = |ch: char| ch.is_ascii_lowercase() || ch == '_';
    let is_index = text.len() <= 4 && text.chars().all(|ch| ch.is_ascii_digit());
    is_index || ((1..=32).contains(&text.len()) && text.chars().all(known_shape))
}

/// Refuses a text of more than `most` characters.
pub(in crate::wire) fn require_short(text: &str, most: usize, at: &str) -> Result<(), CallError> {
    // No character is shorter than a byte: most texts need no counting.
    if text.len() <= most || text.chars().nth(most).is_none() {
        return Ok(());
    }
    Err(CallError::bad_value(at, format!("不可超過 {most} 個字元。")))
}

/// Refuses a code that is not 1 to 64 of `a-z`, `0-9`, `_` and `-`.
pub(super) fn require_code(code: Option<&String>, at: &str) -> Result<(), CallError> {
    let is_safe =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_code = |it: &String| (1..=64).contains(&it.len()) && it.bytes().all(is_safe);
    if code.is_none_or(is_code) {
        return Ok(());
    }
    Err(CallError::bad_value(at, "應為 1 到 64 個小寫英文字母、數字、_ 或 -。"))
}

/// A whole number that may be written as 5 or as 5.0: to a JSON Schema both are integers.
pub(super) fn whole<'de, D: Deserializer<'de>>(field: D) -> Result<Option<usize>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(field)? else { return Ok(None) };
    let written = number.as_u64().map(|it| it.to_string());
    let float = || number.as_f64().filter(|it| it.fract() == 0.0).map(|it| format!("{it:.0}"));
    let digits = written.or_else(float).and_then(|it| it.parse().ok());
    digits.map(Some).ok_or_else(|| D::Error::custom("no whole number"))
}

/// The same where there must be one.
pub(super) fn count<'de, D: Deserializer<'de>>(field: D) -> Result<u64, D::Error> {
    let number = whole(field)?.and_then(|it| u64::try_from(it).ok());
    number.ok_or_else(|| D::Error::custom("no whole number"))
}

/// The number of labels wanted, 1 to `most`.
pub(super) fn require_top_k(top_k: Option<usize>, most: usize) -> Result<(), CallError> {
    match top_k {
        Some(top_k) if !(1..=most).contains(&top_k) => {
            Err(CallError::bad_value("/options/top_k", format!("應為 1 到 {most} 的整數。")))
        }
        _ => Ok(()),
    }
}

/// The day in Taiwan of a day (`2026-11-20`) or a time (RFC 3339, with its offset).
pub(super) fn require_day(text: Option<&String>, at: &str) -> Result<Option<Date>, CallError> {
    let wrong = || CallError::bad_value(at, "應為日期(2026-11-20)或附時區的時間(RFC 3339)。");
    text.map(|it| taiwan_day(it).ok_or_else(wrong)).transpose()
}

/// Minutes of a day.
const DAY: i32 = 24 * 60;

fn taiwan_day(text: &str) -> Option<Date> {
    let date = Date::parse_iso(text.get(..10)?)?;
    let Some(time) = text.get(10..).filter(|it| !it.is_empty()) else { return Some(date) };
    let time = time.strip_prefix(['T', 't', ' '])?;
    let two = |from: usize| -> Option<i32> {
        let digits = time.get(from..from + 2)?;
        digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (hour, minute, second) = (two(0)?, two(3)?, two(6)?);
    let colons = time.get(2..3)? == ":" && time.get(5..6)? == ":";
    if !colons || 23 < hour || 59 < minute || 60 < second {
        return None;
    }
    let rest = time.get(8..)?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let fraction = rest.get(..zone)?;
    let digits = fraction.strip_prefix('.').unwrap_or_default();
    let is_fraction = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    if !fraction.is_empty() && !is_fraction {
        return None;
    }
    let ahead = i32::try_from(TAIWAN_OFFSET.as_secs() / 60).ok()?;
    let minutes = hour * 60 + minute - offset(rest.get(zone..)?)? + ahead;
    match minutes {
        ..0 => Some(date.previous_day()),
        0..DAY => Some(date),
        _ => Some(date.next_day()),
    }
}

/// Minutes of `Z` or `+08:00`.
fn offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let two = |it: &str| -> Option<i32> {
        (it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit())).then(|| it.parse().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let sum = hours * 60 + minutes;
    (hours < 24 && minutes < 60).then(|| if text.starts_with('-') { -sum } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let found = taiwan_day(text).map(|it| it.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn what_is_read_is_all_there_is_and_a_refusal_names_the_place() {
        let refusal = |json: &str| read::<Vec<u8>>(json.as_bytes()).unwrap_err();
        assert_eq!(read::<Vec<u8>>(b" [1, 2] ").unwrap(), [1, 2]);
        for bad in ["[1] x", "[1] [2]", "[1", ""] {
            assert_eq!(refusal(bad), no_json(), "{bad}");
        }
        assert_eq!(refusal("[1, 256]").errors[0].pointer, "/1");
    }

    #[test]
    fn a_field_that_is_missing_is_named() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "it is read and not asked for")]
            inner: Vec<Inner>,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "it is read and not asked for")]
            size: u64,
        }
        for (json, pointer) in
            [("{}", "/inner"), (r#"{"inner": [{"size": 1}, {}]}"#, "/inner/1/size")]
        {
            let read = read::<Outer>(json.as_bytes()).unwrap_err();
            assert_eq!(read, parse::<Outer>(json.as_bytes(), "", &[]).unwrap_err());
            assert_eq!(read.errors[0].pointer, pointer);
            assert_eq!(read.message, format!("{pointer}:缺少這個必填的欄位。"));
            let below = parse::<Outer>(json.as_bytes(), "/meta", &[]).unwrap_err();
            assert_eq!(below.errors[0].pointer, format!("/meta{pointer}"));
        }
        let other = read::<Outer>(br#"{"inner": 7}"#).unwrap_err();
        assert_eq!(other.errors[0].pointer, "/inner", "it is there");
    }

    #[test]
    fn a_field_that_comes_twice_is_refused_at_its_place() {
        let check = |json: &str, at: &str, expected: &str| {
            let error = parse::<Value>(json.as_bytes(), at, &[]).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadValue, "{json}");
            assert_eq!(error.errors[0].pointer, expected, "{json}");
            assert!(error.message.contains("兩次"), "{}", error.message);
        };
        check(r#"{"document":{"a":1,"a":2}}"#, "", "/document/a");
        check(r#"{"document":{},"document":{}}"#, "", "/document");
        check(r#"{"items":[{},{"id":1,"\u0069d":1}]}"#, "/meta", "/meta/items/1/id");
        check(r#"{"PRIVATE":1,"PRIVATE":2}"#, "", "");
        assert_eq!(parse::<Value>(b"{\"a\":1,", "", &[]).unwrap_err(), no_json());
    }

    #[test]
    fn whole_numbers_are_written_in_two_ways() {
        let check = |json: &str, expected: Option<Option<usize>>| {
            let mut json = serde_json::Deserializer::from_str(json);
            assert_eq!(whole(&mut json).ok(), expected);
        };
        check("7", Some(Some(7)));
        check("7.0", Some(Some(7)));
        check("7e1", Some(Some(70)));
        check("null", Some(None));
        check("7.5", None);
        check("-1", None);
        check("1e300", None);
        check("\"7\"", None);
        let check = |json: &str, expected: Option<u64>| {
            assert_eq!(count(&mut serde_json::Deserializer::from_str(json)).ok(), expected);
        };
        check("7.0", Some(7));
        check("null", None);
        check("-7", None);
    }

    #[test]
    fn times_become_days_in_taiwan() {
        check("2026-11-20", Some("2026-11-20"));
        check("2026-11-20T09:12:00+08:00", Some("2026-11-20"));
        check("2026-11-20T16:00:00Z", Some("2026-11-21"));
        check("2026-12-31T23:59:59.123Z", Some("2027-01-01"));
        check("2026-01-01T00:30:00+14:00", Some("2025-12-31"));
        check("2026-11-20t15:59:59z", Some("2026-11-20"));
        for bad in [
            "2026-02-30",
            "2026-11-20T25:00:00Z",
            "2026-11-20T09:12:00",
            "2026-11-20T09:12Z",
            "20261120",
            "2026-11-20T09:12:00.Z",
            "2026-11-20T09:12:00+8",
            "二〇二六年十一月",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn texts_are_counted_in_characters() {
        assert!(require_short("甲乙丙", 3, "/a").is_ok());
        assert!(require_short("甲乙丙丁", 3, "/a").is_err());
        assert!(require_short("", 0, "/a").is_ok());
    }
}
