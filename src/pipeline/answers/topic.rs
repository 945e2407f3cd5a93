//! Whether a question says what it is about: 「要多久」 and 「好的,謝謝」 do not, by themselves.
//!
//! Few words agree with many sources by chance, and surely: what says nothing is not looked for. After another question it
//! may go on with that one's matter, as 「那要多久」 does and 「股價多少」 does not.

/// What is asked of a matter, whatever it is.
const ASPECTS: [&str; 52] = [
    "多久",
    "多少錢",
    "費用",
    "規費",
    "手續費",
    "免費",
    "幾天",
    "什麼時候",
    "何時",
    "幾點",
    "哪裡",
    "哪裏",
    "哪邊",
    "何處",
    "地點",
    "地址",
    "電話",
    "證件",
    "文件",
    "資料",
    "表格",
    "照片",
    "印章",
    "委託",
    "代辦",
    "代理",
    "本人",
    "親自",
    "線上",
    "網路",
    "郵寄",
    "期限",
    "逾期",
    "過期",
    "超過",
    "資格",
    "條件",
    "申請",
    "辦理",
    "補辦",
    "收到",
    "領取",
    "預約",
    "繳",
    "付款",
    "罰",
    "未成年",
    "外國人",
    "家人",
    "小孩",
    "父母",
    "配偶",
];
/// What people say around it, or instead of it.
const AROUND: [&str; 58] = [
    "沒關係",
    "不客氣",
    "對不起",
    "不好意思",
    "謝謝",
    "感謝",
    "再見",
    "知道",
    "了解",
    "瞭解",
    "明白",
    "稍等",
    "等一下",
    "一下",
    "好的",
    "真的",
    "是喔",
    "對啊",
    "這個",
    "那個",
    "現在",
    "可以",
    "需要",
    "應該",
    "能不能",
    "可不可以",
    "要不要",
    "有沒有",
    "怎麼",
    "怎樣",
    "如何",
    "為什麼",
    "什麼",
    "哪些",
    "哪個",
    "請問",
    "我想",
    "我要",
    "沒有",
    "不是",
    "還有",
    "還要",
    "要",
    "想",
    "請",
    "問",
    "辦",
    "去",
    "在",
    "到",
    "是",
    "有",
    "會",
    "能",
    "得",
    "帶",
    "拿",
    "用",
];
/// Characters that say nothing.
const PARTICLES: &str = "我你妳您他她它的了嗎呢啊吧喔哦嗯喂那這就也都還先再好對真不沒很";
/// What a question begins with that goes on with another.
const LINKS: [&str; 10] =
    ["那", "還有", "另外", "如果", "若", "要是", "假如", "萬一", "換成", "改成"];
/// Characters of the longest question that goes on with another: whoever changes the matter says more.
const MAX_FOLLOW_UP: usize = 16;

/// Whether anything is left of a question without what says nothing of its matter.
pub(super) fn has_topic(question: &str) -> bool {
    let chars: Vec<char> = question.chars().filter(|it| it.is_alphanumeric()).collect();
    let mut rest = chars.as_slice();
    let mut n_left = 0;
    while let Some((first, after)) = rest.split_first() {
        let longest = ASPECTS.iter().chain(&AROUND).filter(|it| starts(rest, it));
        match longest.map(|it| it.chars().count()).max() {
            Some(n_chars) => rest = rest.get(n_chars..).unwrap_or_default(),
            None => {
                n_left += usize::from(!PARTICLES.contains(*first));
                rest = after;
            }
        }
    }
    // One character is no matter.
    1 < n_left
}

/// Whether a question may go on with the matter of the one before it.
pub fn is_follow_up(question: &str) -> bool {
    let chars: Vec<char> = question.chars().filter(|it| it.is_alphanumeric()).collect();
    let is_asked = ASPECTS.iter().any(|it| question.contains(it));
    let is_linked = LINKS.iter().any(|it| starts(&chars, it)) || chars.last() == Some(&'呢');
    chars.len() <= MAX_FOLLOW_UP && (is_asked || is_linked)
}

fn starts(text: &[char], word: &str) -> bool {
    let n_chars = word.chars().count();
    text.get(..n_chars).is_some_and(|it| it.iter().copied().eq(word.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_no_matter_has_none() {
        for question in [
            "好",
            "好的謝謝",
            "真的嗎",
            "我要申請",
            "現在幾點",
            "要多久",
            "在哪裡辦理?",
            "沒關係",
            "我知道了",
            "郵寄可以嗎",
            "",
            "??",
            "是喔",
            "可以委託家人辦嗎",
        ] {
            assert!(!has_topic(question), "{question}");
        }
        for question in [
            "戶籍謄本",
            "身分證遺失怎麼辦",
            "開放時間",
            "國賠",
            "結婚登記要帶什麼證件",
            "門牌在哪裡申請",
            "護照",
            "台積電股價多少",
        ] {
            assert!(has_topic(question), "{question}");
        }
    }

    #[test]
    fn a_follow_up_asks_of_a_matter_and_brings_none() {
        for question in [
            "那要多久?",
            "費用多少錢",
            "可以委託別人辦嗎",
            "那外國人呢",
            "如果遺失了",
            "需要本人去嗎",
        ] {
            assert!(is_follow_up(question), "{question}");
        }
        for question in [
            "今天天氣如何",
            "好的謝謝",
            "你叫什麼名字",
            "台積電股價多少",
            "晚餐吃什麼",
            "我想聽音樂",
            "不是這個",
            "真的嗎",
            "請問臺北市文山區的老人免費乘車卡遺失了要到哪裡申請補發",
        ] {
            assert!(!is_follow_up(question), "{question}");
        }
    }
}
