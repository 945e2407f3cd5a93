//! A small reader of Rust source for [`crate::tidy`]: blanks comments and literals, measures functions.

/// A function found in a source text.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Lines from `fn` to the closing brace, both counted.
    pub(crate) n_lines: usize,
}

/// The text with comments, strings and character literals blanked out; line breaks stay.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut idx = 0;
    while idx < chars.len() {
        let end = literal_or_comment_end(&chars, idx);
        if end == idx {
            code.push(chars[idx]);
            idx += 1;
            continue;
        }
        code.extend(chars[idx..end].iter().map(|&ch| if ch == '\n' { '\n' } else { ' ' }));
        idx = end;
    }
    code
}

/// Every function with a body, in order.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let code: Vec<char> = code_only(text).chars().collect();
    let mut found = Vec::new();
    for idx in 0..code.len() {
        let is_word = |at: usize| code.get(at).is_some_and(|ch| ch.is_alphanumeric() || *ch == '_');
        let starts = code[idx] == 'f' && code.get(idx + 1) == Some(&'n');
        if !starts || (idx > 0 && is_word(idx - 1)) || code.get(idx + 2) != Some(&' ') {
            continue;
        }
        let name: String = code[idx + 3..].iter().take_while(|ch| is_ident(**ch)).collect();
        let Some(end) = body_end(&code, idx) else { continue };
        if !name.is_empty() {
            let n_lines = code[idx..end].iter().filter(|ch| **ch == '\n').count() + 1;
            found.push(Function { name, n_lines });
        }
    }
    found
}

fn is_ident(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

/// End of the body of the function that starts at `start`; `None` for a declaration without body.
fn body_end(code: &[char], start: usize) -> Option<usize> {
    let mut nesting = 0_i32;
    let mut depth = 0_i32;
    for (idx, ch) in code.iter().enumerate().skip(start) {
        match ch {
            '(' | '[' if depth == 0 => nesting += 1,
            ')' | ']' if depth == 0 => nesting -= 1,
            ';' if depth == 0 && nesting == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(idx + 1);
                }
            }
            _ => (),
        }
    }
    None
}

/// Where the comment or literal that starts at `idx` ends; `idx` when none starts there.
fn literal_or_comment_end(chars: &[char], idx: usize) -> usize {
    let next = chars.get(idx + 1).copied();
    match chars[idx] {
        '/' if next == Some('/') => until(chars, idx, |it| it == '\n'),
        '/' if next == Some('*') => block_comment_end(chars, idx),
        '"' => quoted_end(chars, idx + 1),
        'r' if matches!(next, Some('"' | '#')) && (idx == 0 || !is_ident(chars[idx - 1])) => {
            raw_string_end(chars, idx)
        }
        '\'' if next == Some('\\') => until(chars, idx + 3, |it| it == '\'') + 1,
        '\'' if chars.get(idx + 2) == Some(&'\'') => idx + 3,
        _ => idx,
    }
}

fn until(chars: &[char], start: usize, stop: impl Fn(char) -> bool) -> usize {
    chars.iter().skip(start).position(|it| stop(*it)).map_or(chars.len(), |len| start + len)
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut idx = start;
    while idx + 1 < chars.len() {
        match (chars[idx], chars[idx + 1]) {
            ('/', '*') => (depth, idx) = (depth + 1, idx + 2),
            ('*', '/') => (depth, idx) = (depth - 1, idx + 2),
            _ => idx += 1,
        }
        if depth == 0 {
            return idx;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], start: usize) -> usize {
    let mut idx = start;
    while idx < chars.len() {
        match chars[idx] {
            '\\' => idx += 2,
            '"' => return idx + 1,
            _ => idx += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], start: usize) -> usize {
    let n_hashes = chars[start + 1..].iter().take_while(|it| **it == '#').count();
    if chars.get(start + 1 + n_hashes) != Some(&'"') {
        return start;
    }
    let mut idx = start + 2 + n_hashes;
    while idx < chars.len() {
        let closing = chars[idx] == '"'
            && chars[idx + 1..].iter().take_while(|it| **it == '#').count() >= n_hashes;
        idx += 1;
        if closing {
            return idx + n_hashes;
        }
    }
    chars.len()
}

#[test]
fn literals_and_comments_are_blanked() {
    let text =
        "let a = \"fn x() {\"; // fn y() {\nlet b = r#\"{\"#; let c = '{'; /* { /* } */ */ end";
    let code = code_only(text);
    assert!(!code.contains('{') && code.contains("end") && code.contains("let c"), "{code}");
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "fn one() {}\ntrait T { fn declared(&self, a: [u8; 4]); }\npub async fn two<'a>(x: &'a str) -> u8 {\n  if x == \"}\" {\n  }\n  1\n}\n";
    let expected = [("one", 1), ("two", 5)];
    let actual = functions(text);
    let actual: Vec<(&str, usize)> =
        actual.iter().map(|it| (it.name.as_str(), it.n_lines)).collect();
    assert_eq!(actual, expected);
}
