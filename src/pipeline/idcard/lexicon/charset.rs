//! Which characters a document from Taiwan can carry, and which printed forms are the same character.

use std::sync::LazyLock;

use encoding_rs::BIG5;

/// One bit for each character of the basic multilingual plane.
const N_WORDS: usize = 0x1_0000 / 64;

/// Big5 levels 1 and 2 with the seven ETEN additions: lead and trail bytes of the first and the last character.
const BIG5_RANGES: [(u16, u16); 2] = [(0xA440, 0xC67E), (0xC940, 0xF9DC)];

/// Characters of registered names that Big5 lacks.
const NAMING: &str =
    "堃喆峯犇凃温栢瑠砡恒珉煊鈊綉昀湧羣喆頴鍈崐畧邨恵璟珺瑀玹玥汮淼燚焜垚垦彣珦琁瑈瓅禔笎翃翎";

/// Symbols outside ASCII that documents print.
const SYMBOLS: &str =
    "、。·‧•○〇◎※《》「」\u{ff08}\u{ff09}\u{ff0c}\u{ff0d}\u{ff0e}\u{ff0f}\u{ff1a}\u{3000}";

/// Forms that Big5 carries (or naming lists accept) but household registration in Taiwan does not print,
/// each followed by the registered form.
const VARIANTS: &str = "强強黄黃户戶戸戶産產净淨靑青呉吳";

/// Mainland forms of characters in labels, each followed by the form printed in Taiwan.
///
/// Used to find labels only: a value is never rewritten this way.
const LABEL_FORMS: &str = "国國华華证證别別发發执執驾駕号號码碼种種类類统統编編县縣区區护護龄齡际際\
    办辦机機关關换換补補圆國园國圓國宾賓亚亞马馬韩韓缅緬资資亲親学學档檔条條审審验驗险險卫衛个個来來归歸处處车車轻輕营營业業联聯结結电電话話\
    专專属屬应應刑型効效夲本囯國苼生";

static BIG5_BITS: LazyLock<Vec<u64>> = LazyLock::new(big5_bits);

/// Whether a document from Taiwan may carry `ch`: ASCII, the symbols it prints, Big5 and naming characters.
///
/// This is the mask of the recogniser: a character refused here is never read.
pub fn allowed(ch: char) -> bool {
    match ch {
        ' '..='~' => true,
        _ if SYMBOLS.contains(ch) || NAMING.contains(ch) => true,
        _ => in_big5(ch),
    }
}

/// Whether `ch` is a Chinese character of Big5 (levels 1 and 2).
fn in_big5(ch: char) -> bool {
    let code = ch as usize;
    BIG5_BITS.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
}

/// The registered form of a character that the recogniser may give in another form.
pub(crate) fn registered_form(ch: char) -> char {
    paired(VARIANTS, ch)
}

/// The form in which labels are written.
pub(crate) fn label_form(ch: char) -> char {
    paired(LABEL_FORMS, registered_form(ch))
}

fn paired(table: &str, ch: char) -> char {
    let mut rest = table.chars();
    while let (Some(from), Some(to)) = (rest.next(), rest.next()) {
        if from == ch {
            return to;
        }
    }
    ch
}

fn big5_bits() -> Vec<u64> {
    let mut bits = vec![0; N_WORDS];
    for (first, last) in BIG5_RANGES {
        for code in first..=last {
            let bytes = code.to_be_bytes();
            if !matches!(bytes[1], 0x40..=0x7E | 0xA1..=0xFE) {
                continue;
            }
            let (text, had_errors) = BIG5.decode_without_bom_handling(&bytes);
            let Some(ch) = text.chars().next().filter(|_| !had_errors) else { continue };
            if let Some(word) = bits.get_mut(ch as usize / 64) {
                *word |= 1 << (ch as usize % 64);
            }
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chars: &str, expected: bool) {
        for ch in chars.chars() {
            assert_eq!(allowed(ch), expected, "{ch} U+{:04X}", ch as u32);
        }
    }

    #[test]
    fn what_documents_print_is_allowed() {
        check("AZaz09<>/.,-() :", true);
        check("中華民國國民身分證姓名出生年月日性別發證日期統一編號父母配偶役別出生地住址", true);
        check("吳呂彥憲瑋盧蔣蕭鄒錢傑凃欽畢穎練聰聶詠諺譚鄔鄧鍾閻闕陸韋饒駱魯鮑龔", true);
        check("埤壢壯岡峽崁崙嶼巒廟恆棲橫綠腳莿萣迴邊鄰銅鑼霧鶯龜臺台", true);
        check("堃喆峯碁銹裏墻恒粧嫺龢", true);
        check("、‧○\u{ff0c}\u{ff1a}\u{ff08}\u{3000}", true);
    }

    #[test]
    fn other_scripts_and_mainland_forms_are_not() {
        check("国证贾楼吴吕县号发龙马门车东长", false);
        check("あアの한ЖÉ«", false);
    }

    #[test]
    fn forms_fold_one_way() {
        assert_eq!(registered_form('黄'), '黃');
        assert_eq!(registered_form('强'), '強');
        assert_eq!(registered_form('黃'), '黃');
        assert_eq!(label_form('证'), '證');
        assert_eq!(VARIANTS.chars().count() % 2, 0);
        assert_eq!(LABEL_FORMS.chars().count() % 2, 0);
    }
}
