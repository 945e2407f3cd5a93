//! The sentences of a question that ask, without the story around them: 「我昨天打過一次,你們叫我今天再打。請問…?謝謝」.
//!
//! What stands between two signs counts by what the best source holds of it. The clause that counts most is asked about;
//! others that no source speaks of are left out, but for the pieces of them that sources name (身分證). Where too little
//! would be left to ask about, all of it is asked: 「我想辦越南簽證,請問要去哪裡申請」. So is what tells of nobody: in a
//! written question every clause belongs to it.

use super::evidence::Scale;
use super::lexical::runs;
use super::spoken;

/// What people say before what they ask, longest first; the clause ends there also without a sign.
const LEADS: [&str; 11] = [
    "想請教一下",
    "要問的是",
    "請問一下",
    "請教一下",
    "想問一下",
    "問一下",
    "想請教",
    "想了解",
    "想知道",
    "請問",
    "想問",
];
/// Characters before and after a lead that make it a piece of other words: 申請問題, 請教育局.
const NOT_BEFORE: &str = "申邀聘敬";
const NOT_AFTER: &str = "題卷育";
/// Words that a clause asks with.
const CUES: [&str; 33] = [
    "怎麼",
    "怎樣",
    "如何",
    "什麼",
    "甚麼",
    "哪",
    "多少",
    "多久",
    "幾點",
    "幾歲",
    "幾個",
    "幾年",
    "幾張",
    "幾次",
    "可不可以",
    "能不能",
    "要不要",
    "是不是",
    "會不會",
    "有沒有",
    "有無",
    "可否",
    "能否",
    "是否",
    "為何",
    "何時",
    "何處",
    "何種",
    "何謂",
    "嗎",
    "呢",
    "那些",
    "誰",
];
/// Signs that end a clause; 、 stands between things that are asked about together.
const ENDS: &str = "。!?;,\u{ff01}\u{ff1f}\u{ff1b}\u{ff0c}\n";
/// Signs of a question.
const ASKING: [char; 2] = ['?', '\u{ff1f}'];

/// Who a story is about; and words that are no such.
const PERSONS: &str = "我你妳您她";
const NO_PERSONS: [&str; 3] = ["自我", "我國", "本我"];

/// What people want is part of what they ask, whoever speaks of it; 我想說 says nothing.
const WISHES: [&str; 5] = ["我想", "我要", "想要", "我打算", "我需要"];
const NO_WISH: &str = "我想說";

/// Weight, in units of the rarest pair's, that is enough to ask about by itself, and how much of it one source must hold.
const ENOUGH: f32 = 3.0;
const ENOUGH_HELD: f32 = 1.2;
/// Weight that one source holds of a clause from which it is part of what is asked, and its share of the main clause's.
const TOLD: f32 = 1.6;
const TOLD_SHARE: f32 = 0.5;
/// Share of the sources that hold a piece of a clause for it to be kept; one at least.
const NAMED: f32 = 0.004;

/// What stands between two signs.
struct Clause {
    /// Without greetings and particles.
    text: String,
    asks: bool,
    has_person: bool,
    is_wish: bool,
    /// Weight of its pairs, and of those that the best source holds.
    all: f32,
    held: f32,
}

/// What is asked, of a question that may be told with a story; never nothing.
pub(super) fn focused(question: &str, scale: &Scale<'_>) -> String {
    let clauses: Vec<Clause> =
        divided(question).iter().map(|(text, asks)| Clause::of(text, *asks, scale)).collect();
    // The first of equals.
    let main = clauses.iter().enumerate().rev().max_by(|a, b| a.1.held.total_cmp(&b.1.held));
    let Some((main_idx, main)) = main else { return spoken::asked(question) };
    let is_told = clauses.iter().enumerate().any(|(idx, it)| idx != main_idx && it.has_person);
    let is_story = is_told && clauses.iter().any(|it| it.asks);
    if !is_story || main.all < ENOUGH || main.held < ENOUGH_HELD {
        return spoken::asked(question);
    }
    let asking_idx = if main.asks { None } else { asking_near(&clauses, main_idx) };
    let mut kept: Vec<String> = Vec::new();
    for (idx, clause) in clauses.iter().enumerate() {
        let is_spoken_of = TOLD <= clause.held && TOLD_SHARE * main.held <= clause.held;
        let is_part = is_spoken_of || clause.is_wish;
        if idx == main_idx || Some(idx) == asking_idx || is_part {
            kept.push(clause.text.clone());
        } else {
            kept.extend(named_pieces(&clause.text, scale));
        }
    }
    kept.join(",")
}

impl Clause {
    fn of(text: &str, asks: bool, scale: &Scale<'_>) -> Clause {
        let has_person = text.contains(|ch| PERSONS.contains(ch))
            && !NO_PERSONS.iter().any(|it| text.contains(it));
        let is_wish = WISHES.iter().any(|it| text.contains(it))
            && !text.contains(NO_WISH)
            && !LEADS.iter().any(|it| text.contains(it));
        let text = spoken::asked(text);
        let runs = runs(&text);
        let mut pairs: Vec<&[char]> = runs.iter().flat_map(|it| it.windows(2)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let most = scale.texts.most_weight().max(f32::MIN_POSITIVE);
        let pairs: Vec<([char; 2], f32)> = pairs
            .into_iter()
            .filter_map(|it| Some((*it.as_array()?, scale.weights(it).0 / most)))
            .collect();
        let all = pairs.iter().map(|it| it.1).sum();
        let held = scale.texts.most_held(&pairs);
        Clause { text, asks, has_person, is_wish, all, held }
    }
}

/// The clause that asks about a statement: the next one, or else the last before it.
fn asking_near(clauses: &[Clause], main_idx: usize) -> Option<usize> {
    let mut asking = clauses.iter().enumerate().filter(|(_, it)| it.asks).map(|it| it.0);
    let before = asking.clone().take_while(|it| *it < main_idx).last();
    asking.find(|it| main_idx < *it).or(before)
}

/// Pieces of three characters and more that enough sources hold.
fn named_pieces(text: &str, scale: &Scale<'_>) -> Vec<String> {
    let least = (NAMED * scale.texts.n_texts() as f32).max(1.0);
    let mut pieces = Vec::new();
    for run in runs(text) {
        let mut piece = String::new();
        for (idx, triple) in run.windows(3).enumerate() {
            let is_held =
                triple.as_array().is_some_and(|it| least <= scale.texts.n_having_both(*it) as f32);
            if is_held && piece.is_empty() {
                piece.extend(triple);
            } else if is_held {
                piece.extend(triple.last());
            }
            let is_end = !is_held || idx + 3 == run.len();
            if is_end && !piece.is_empty() {
                pieces.push(std::mem::take(&mut piece));
            }
        }
    }
    pieces
}

/// The clauses with a letter or digit, and whether each asks.
fn divided(question: &str) -> Vec<(String, bool)> {
    let chars: Vec<char> = question.chars().collect();
    let mut clauses: Vec<(String, bool)> = Vec::new();
    let mut clause = String::new();
    let mut at = 0;
    while let Some(ch) = chars.get(at) {
        let lead = lead_at(&chars, at);
        at += lead.map_or(1, |it| it.chars().count());
        match lead {
            Some(lead) => clause.push_str(lead),
            None if ENDS.contains(*ch) => (),
            None => clause.push(*ch),
        }
        if lead.is_some() || ENDS.contains(*ch) {
            end(&mut clause, ASKING.contains(ch), &mut clauses);
        }
    }
    end(&mut clause, false, &mut clauses);
    clauses
}

fn end(clause: &mut String, is_marked: bool, clauses: &mut Vec<(String, bool)>) {
    let text = std::mem::take(clause);
    if text.chars().any(char::is_alphanumeric) {
        let asks = is_marked || CUES.iter().any(|it| text.contains(it));
        clauses.push((text, asks));
    }
}

fn lead_at(chars: &[char], at: usize) -> Option<&'static str> {
    let rest = chars.get(at..)?;
    let starts = |it: &&&str| rest.iter().copied().take(it.chars().count()).eq(it.chars());
    let found = LEADS.iter().find(starts)?;
    let before = at.checked_sub(1).and_then(|it| chars.get(it));
    let after = rest.get(found.chars().count());
    let is_other = before.is_some_and(|it| NOT_BEFORE.contains(*it))
        || after.is_some_and(|it| NOT_AFTER.contains(*it));
    (!is_other).then_some(*found)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::pipeline::answers::lexical::LexicalIndex;
    use crate::pipeline::answers::named::Named;

    const TEXTS: [&str; 4] = [
        "國民身分證遺失補發,請攜帶印章至任一戶政事務所辦理",
        "結婚登記請攜帶雙方身分證與結婚書約",
        "非公用市有土地承租請向財政局申請",
        "垃圾清運時間由清潔隊公告",
    ];

    fn check(question: &str, expected: &str) {
        let texts = LexicalIndex::build(TEXTS);
        let common = HashMap::from([("申請".to_owned(), 0.17)]);
        let scale = Scale { texts: &texts, common: &common, own: Named::default() };
        let found = focused(question, &scale);
        let words: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{question}");
    }

    #[test]
    fn the_story_around_a_question_is_left_out() {
        let asked = "非公用市有土地如何承租";
        check(asked, asked);
        check(
            &format!("喂你好,我昨天有打來過一次,你們同事叫我今天再打。{asked}?謝謝你喔。"),
            asked,
        );
        check(&format!("我不太會用電腦所以我想問{asked},這樣你聽得懂嗎?"), asked);
    }

    #[test]
    fn what_sources_name_stays_also_from_a_story() {
        check(
            "我媽媽上禮拜身分證不見了,那她可以在戶政事務所辦理補發嗎",
            "身分證,她可以在戶政事務所辦理補發",
        );
        let written = "身分證遺失,補發在戶政事務所辦理嗎,規費多少";
        check(written, written);
        check(
            "我想成立工會,請問市有土地承租要如何申請辦理?",
            "想成立工會,市有土地承租要如何申請辦理",
        );
        // A statement that sources speak of is asked about by the clause after it.
        check("我跟你說,國民身分證遺失補發,要怎麼弄呢,謝謝", "國民身分證遺失補發,要怎麼弄");
    }

    #[test]
    fn what_asks_for_nothing_by_itself_is_not_taken_apart() {
        check("我想辦越南簽證,申請要去哪裡?", "想辦越南簽證,申請要去哪裡");
        check("檢送垃圾清運時間公告,請查照", "檢送垃圾清運時間公告,請查照");
        check("你好", "你好");
        check("", "");
    }

    #[test]
    fn clauses_end_at_signs_and_before_what_is_asked() {
        let texts = |it: &str| divided(it).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(
            texts("你好,請問一下怎麼申請問題解答?"),
            ["你好", "請問一下", "怎麼申請問題解答"]
        );
        assert_eq!(texts("邀請教育局、衛生局。。!"), ["邀請教育局、衛生局"]);
        assert_eq!(
            divided("甲?乙呢,丙").iter().map(|it| it.1).collect::<Vec<_>>(),
            [true, true, false]
        );
    }
}
