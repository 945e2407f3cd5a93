//! Our own cards and reports, taken apart for pages: headings, paragraphs, lists, tables. Links keep their words only.

/// A part of a card.
pub(super) enum Block {
    Heading(String),
    Paragraph(String),
    List(Vec<String>),
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
}

/// Takes a text apart. The first heading is left out: the page has its own.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for part in text.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
        let lines: Vec<&str> = part.lines().map(str::trim).collect();
        match lines.first().copied().unwrap_or_default() {
            it if it.starts_with("# ") => (),
            it if it.starts_with('#') => {
                blocks.push(Block::Heading(plain(it.trim_start_matches('#').trim())));
            }
            it if it.starts_with('|') => blocks.push(table(&lines)),
            it if it.starts_with("- ") => {
                let items = lines.iter().map(|it| plain(it.trim_start_matches("- ")));
                blocks.push(Block::List(items.collect()));
            }
            it if it.starts_with("![") => (),
            _ => blocks.push(Block::Paragraph(plain(&lines.join(" ")))),
        }
    }
    blocks
}

fn table(lines: &[&str]) -> Block {
    let is_rule = |it: &str| it.contains('-') && it.chars().all(|it| "|-: ".contains(it));
    let mut rows = lines.iter().filter(|it| !is_rule(it)).map(|it| cells(it));
    let head = rows.next().unwrap_or_default();
    let head_is_empty = head.iter().all(String::is_empty);
    Block::Table { head: if head_is_empty { Vec::new() } else { head }, rows: rows.collect() }
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_matches('|');
    inner.split('|').map(|it| plain(it.trim())).collect()
}

/// The words without their marks.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((label, target)) = after.split_once("](") else { break };
        let Some((_, behind)) = target.split_once(')') else { break };
        out.push_str(before);
        out.push_str(label);
        rest = behind;
    }
    out.push_str(rest);
    out.replace("**", "").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_taken_apart() {
        let text = "# name\n\n**Bold** and [a link](../x.md) and `code`.\n\n| a | b |\n|---|--:|\n| 1 | [2](y) |\n\n- one\n- two\n\n## 摘要\n";
        let blocks = blocks(text);
        let [
            Block::Paragraph(words),
            Block::Table { head, rows },
            Block::List(items),
            Block::Heading(title),
        ] = blocks.as_slice()
        else {
            panic!("{} blocks", blocks.len());
        };
        assert_eq!(words, "Bold and a link and code.");
        assert_eq!(
            (head, rows),
            (&vec!["a".to_owned(), "b".to_owned()], &vec![vec!["1".to_owned(), "2".to_owned()]])
        );
        assert_eq!((items.len(), title.as_str()), (2, "摘要"));
        assert_eq!(plain("a [b](c"), "a [b](c");
        assert_eq!(plain("[甲] 乙"), "[甲] 乙");
    }

    #[test]
    fn a_table_may_have_no_head() {
        let blocks = blocks("| | |\n|---|---|\n| a | b |");
        let Some(Block::Table { head, rows }) = blocks.first() else { panic!("no table") };
        assert_eq!((head.len(), rows.len()), (0, 1));
    }
}
