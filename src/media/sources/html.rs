//! HTML → sections: tags are skipped, entities resolved, nothing of scripts and styles is kept. Linear in the text.

use mail_parser::decoders::html::add_html_token;

use super::SourceDraft;
use super::sections::Sections;

/// Elements whose text is the question of what follows.
const QUESTIONS: [&str; 8] = ["h2", "h3", "h4", "h5", "h6", "dt", "th", "summary"];
/// Elements whose content is no text of the page.
const SKIPPED: [&str; 6] = ["script", "style", "template", "noscript", "head", "svg"];
/// Elements that lead through a site: nobody is quoted its menus.
const MENUS: [&str; 2] = ["nav", "footer"];
/// Elements that begin what a page is about, also where a menu before them was never closed.
const CONTENT: [&str; 3] = ["main", "article", "h1"];
/// Elements that end a line.
const BLOCKS: [&str; 18] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "tr",
    "td",
    "table",
    "dd",
    "dl",
    "section",
    "article",
    "details",
    "blockquote",
    "pre",
    "hr",
    "main",
];
/// Longest name of an entity, with its `&` and `;`.
const MAX_ENTITY: usize = 32;

/// What a page consists of.
enum Token<'a> {
    Text(&'a str),
    Open(String),
    Close(String),
}

/// The sections of a page.
pub(super) fn sections(page: &str) -> Vec<SourceDraft> {
    let mut sections = Sections::default();
    // The heading that is being read: its element and its words.
    let mut heading: Option<(String, String)> = None;
    let mut menu: Option<String> = None;
    for token in shown(page) {
        if is_of_menu(&mut menu, &token) {
            continue;
        }
        match token {
            Token::Text(text) => {
                let text = resolve(text);
                match &mut heading {
                    Some((_, words)) => words.push_str(&text),
                    None => sections.push(&text),
                }
            }
            Token::Open(name) if is_heading(&name) && heading.is_none() => {
                heading = Some((name, String::new()));
            }
            Token::Close(name) if heading.as_ref().is_some_and(|(open, _)| *open == name) => {
                if let Some((name, words)) = heading.take() {
                    sections.begin(&words, name == "h1");
                }
            }
            Token::Open(name) | Token::Close(name) => {
                if heading.is_none() && BLOCKS.contains(&name.as_str()) {
                    sections.push("\n");
                }
            }
        }
    }
    let mut drafts = sections.finish();
    drafts.iter_mut().for_each(|it| it.answer = lines(&it.answer));
    drafts.retain(|it| !it.answer.is_empty());
    drafts
}

/// Whether a token is part of a menu; `menu` is the one that is open.
fn is_of_menu(menu: &mut Option<String>, token: &Token<'_>) -> bool {
    match (&*menu, token) {
        (Some(_), Token::Open(name)) if CONTENT.contains(&name.as_str()) => {
            *menu = None;
            false
        }
        (Some(open), token) => {
            if matches!(token, Token::Close(name) if name == open) {
                *menu = None;
            }
            true
        }
        (None, Token::Open(name)) if MENUS.contains(&name.as_str()) => {
            *menu = Some(name.clone());
            true
        }
        (None, _) => false,
    }
}

/// The words of a page: lines for its blocks and rows, a blank between the cells of a row.
pub(in crate::media) fn text(page: &str) -> String {
    let mut text = String::new();
    for token in shown(page) {
        match token {
            Token::Text(words) => text.push_str(&resolve(words)),
            Token::Open(name) | Token::Close(name) => match name.as_str() {
                "td" | "th" => text.push(' '),
                name if is_heading(name) || BLOCKS.contains(&name) => text.push('\n'),
                _ => (),
            },
        }
    }
    lines(&text)
}

/// What a page shows: all but the elements that are skipped, with what they hold.
fn shown(page: &str) -> impl Iterator<Item = Token<'_>> {
    let mut skipped: Option<String> = None;
    Tokens { rest: page }.filter(move |token| match (&skipped, token) {
        (Some(name), _) => {
            if ends(name, token) {
                skipped = None;
            }
            false
        }
        (None, Token::Open(name)) if SKIPPED.contains(&name.as_str()) => {
            skipped = Some(name.clone());
            false
        }
        _ => true,
    })
}

/// Whether skipping what this element holds ends here; a head that is never closed ends where the body begins.
fn ends(skipped: &str, token: &Token<'_>) -> bool {
    match token {
        Token::Close(name) => name == skipped,
        Token::Open(name) => skipped == "head" && name == "body",
        Token::Text(_) => false,
    }
}

fn is_heading(name: &str) -> bool {
    name == "h1" || QUESTIONS.contains(&name)
}

/// Divides a page into text and tags; comments and declarations are left out.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if let Some(comment) = self.rest.strip_prefix("<!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            let is_tag = |it: &str| {
                it.starts_with('<')
                    && it[1..]
                        .starts_with(|ch: char| "/!?".contains(ch) || ch.is_ascii_alphabetic())
            };
            if is_tag(self.rest) {
                let (tag, rest) = self.rest[1..].split_once('>').unwrap_or((&self.rest[1..], ""));
                self.rest = rest;
                let (is_close, tag) =
                    tag.strip_prefix('/').map_or((false, tag), |closed| (true, closed));
                let end = tag.find(|ch: char| !ch.is_ascii_alphanumeric()).unwrap_or(tag.len());
                let name = tag[..end].to_ascii_lowercase();
                match (name.is_empty(), is_close) {
                    (true, _) => continue,
                    (false, true) => return Some(Token::Close(name)),
                    (false, false) => return Some(Token::Open(name)),
                }
            }
            // A `<` that begins no tag is text.
            let first = self.rest.chars().next().map_or(0, char::len_utf8);
            let end = self.rest[first..].find('<').map_or(self.rest.len(), |at| first + at);
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Token::Text(text));
        }
    }
}

/// Text with its entities resolved and its blanks folded, as a browser shows it.
fn resolve(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        made.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(MAX_ENTITY).position(|it| it == b';').map_or(0, |it| it + 1);
        let entity = &rest[..end];
        if end == 0
            || !entity[1..end - 1].bytes().all(|it| it == b'#' || it.is_ascii_alphanumeric())
        {
            made.push('&');
            rest = &rest[1..];
            continue;
        }
        add_html_token(&mut made, entity.as_bytes(), false);
        rest = &rest[end..];
    }
    made.push_str(rest);
    made.replace(|ch: char| ch.is_whitespace(), " ")
}

/// Lines without the blanks around them and without empty ones.
fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, expected: &[(&str, &str, &str)]) {
        let found = sections(page);
        let found: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|it| {
                (
                    it.title.as_deref().unwrap_or_default(),
                    it.question.as_deref().unwrap_or_default(),
                    it.answer.as_str(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{page}");
    }

    #[test]
    fn headings_and_lists_divide() {
        check(
            "<head><title>x</title></head><h1>戶籍</h1><h2 class=q>如何<b>遷入</b>?</h2>\n<p>請攜帶:</p><ul><li>印章</li>\n<li>身分證&nbsp;正本</li></ul>",
            &[("戶籍", "如何遷入?", "請攜帶:\n印章\n身分證 正本")],
        );
        check(
            "<dl><dt>甲?</dt><dd>乙</dd><dt>丙?</dt><dd>丁&#19968;&amp;&x y;</dd></dl>",
            &[("", "甲?", "乙"), ("", "丙?", "丁一&&x y;")],
        );
        check("<script>if (a<b) {'</p>'}</script><!-- <h1>no</h1> -->1 < 2", &[("", "", "1 < 2")]);
        check(
            "<nav><h2>選單</h2><a>首頁</a></nav><h1>戶籍</h1>乙<footer>版權</footer>",
            &[("戶籍", "", "乙")],
        );
        check("<nav>首頁<main><h2>甲</h2>乙", &[("", "甲", "乙")]);
        check("<details><summary>甲</summary>乙</details>", &[("", "甲", "乙")]);
    }

    #[test]
    fn cells_and_rows_stay_apart() {
        let check = |page: &str, expected: &str| assert_eq!(text(page), expected, "{page}");
        check(
            "<head><title>x</title><body><h3>通報</h3><table><tr><th>案號</th><th>路段</th></tr>\
             <tr><td>1</td><td>中山<b>路</b></td></tr></table><div>謝謝</div>",
            "通報\n案號 路段\n1 中山路\n謝謝",
        );
        check("甲<br>乙<style>p{}</style>&nbsp;丙", "甲\n乙 丙");
        check("", "");
    }

    #[test]
    fn broken_pages_end() {
        check("<h2>甲", &[]);
        check("甲<!-- 乙", &[("", "", "甲")]);
        check("甲<p", &[("", "", "甲")]);
        check("<", &[("", "", "<")]);
        check("&&;&#x110000;甲", &[("", "", "&&;\u{fffd}甲")]);
        check("<style>甲", &[]);
    }
}
