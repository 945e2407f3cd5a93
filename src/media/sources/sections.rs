//! Headings with what follows them → sources; and Markdown.

use super::{SourceDraft, plain, tidy};

/// Collects sections: a heading of the first level is the title of those below it, any other the question.
#[derive(Default)]
pub(super) struct Sections {
    drafts: Vec<SourceDraft>,
    title: Option<String>,
    question: Option<String>,
    text: String,
}

impl Sections {
    /// Ends the section before and begins another one; `is_title` for a heading of the first level.
    pub(super) fn begin(&mut self, heading: &str, is_title: bool) {
        self.end();
        let heading = tidy(heading);
        if is_title {
            self.title = heading;
            self.question = None;
        } else {
            self.question = heading;
        }
    }

    /// Adds to the text of the section.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The sections that have text.
    pub(super) fn finish(mut self) -> Vec<SourceDraft> {
        self.end();
        self.drafts
    }

    fn end(&mut self) {
        let Some(answer) = tidy(&self.text) else { return self.text.clear() };
        self.text.clear();
        let (title, question) = (self.title.clone(), self.question.clone());
        self.drafts.push(SourceDraft { title, question, answer, ..SourceDraft::default() });
    }
}

/// The sections of a Markdown file, without its marks: citizens are quoted words. Code stays as it is.
pub(super) fn markdown(text: &str) -> Vec<SourceDraft> {
    let mut sections = Sections::default();
    let mut in_code = false;
    for line in plain::without_front_matter(text).lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            sections.push(line);
            sections.push("\n");
            continue;
        }
        match heading(line) {
            Some((level, heading)) => sections.begin(&plain::words(heading), level == 1),
            None => {
                let Some(line) = plain::line(line) else { continue };
                sections.push(&line);
                sections.push("\n");
            }
        }
    }
    sections.finish()
}

/// Level and words of an ATX heading: `## words`, closing marks taken off.
fn heading(line: &str) -> Option<(usize, &str)> {
    let words = line.trim_start_matches('#');
    let level = line.len() - words.len();
    let is_heading = (1..=6).contains(&level) && words.starts_with([' ', '\t', '\u{3000}']);
    is_heading.then(|| (level, words.trim().trim_end_matches('#').trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let found = markdown(text);
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
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn headings_divide() {
        check(
            "# 戶籍\n說明\n## 如何遷入? ##\n請攜帶\n\n1. 印章\n### 空\n## 如何遷出?\n免辦\n",
            &[
                ("戶籍", "", "說明"),
                ("戶籍", "如何遷入?", "請攜帶\n\n1. 印章"),
                ("戶籍", "如何遷出?", "免辦"),
            ],
        );
        check("沒有標題\n", &[("", "", "沒有標題")]);
        check("#標籤\n```\n# 註解\n```\n", &[("", "", "#標籤\n# 註解")]);
        check("# 只有標題\n", &[]);
        check(
            "---\ntitle: 戶籍\n---\n## **如何**遷入?\n- 請攜帶*印章*\n\n---\n",
            &[("", "如何遷入?", "・請攜帶印章")],
        );
    }
}
