//! Counties and agencies that a text names: a question about another city is not answered by this city's sources.

use std::sync::LazyLock;

/// Counties and cities by the two characters that stand for them in any of their names.
const PLACES: [&str; 22] = [
    "台北", "新北", "桃園", "台中", "台南", "高雄", "基隆", "新竹", "苗栗", "彰化", "南投", "雲林",
    "嘉義", "屏東", "宜蘭", "花蓮", "台東", "澎湖", "金門", "連江", "馬祖", "北市",
];
/// Agencies of the state, also under the names that they had.
const AGENCIES: [&str; 71] = [
    "總統府",
    "行政院",
    "立法院",
    "司法院",
    "考試院",
    "監察院",
    "內政部",
    "外交部",
    "國防部",
    "財政部",
    "教育部",
    "法務部",
    "經濟部",
    "交通部",
    "勞動部",
    "農業部",
    "衛生福利部",
    "衛福部",
    "環境部",
    "文化部",
    "數位發展部",
    "數位部",
    "國發會",
    "國家發展委員會",
    "國科會",
    "國家科學及技術委員會",
    "科技部",
    "金管會",
    "金融監督管理委員會",
    "海委會",
    "海洋委員會",
    "僑委會",
    "僑務委員會",
    "退輔會",
    "輔導會",
    "原民會",
    "原住民族委員會",
    "客委會",
    "公平會",
    "公平交易委員會",
    "通傳會",
    "通訊傳播委員會",
    "中選會",
    "中央選舉委員會",
    "中央銀行",
    "故宮",
    "主計總處",
    "人事行政",
    "審計部",
    "考選部",
    "銓敘部",
    "陸委會",
    "大陸委員會",
    "工程會",
    "公共工程委員會",
    "原能會",
    "原子能委員會",
    "核安會",
    "環保署",
    "衛生署",
    "農委會",
    "農業委員會",
    "勞委會",
    "勞工委員會",
    "體委會",
    "體育委員會",
    "新聞局",
    "文建會",
    "海巡署",
    "移民署",
    "國稅局",
];
/// What stands before 台 where it is no place: 平台中, 舞台東側.
const OTHER_WORDS: &str = "平舞電月後櫃站陽前講";
/// 北市 is short for 台北市, but not in these.
const OTHER_NORTH: &str = "新竹台臺";
/// What may follow a place that is cut out of a question.
const ENDINGS: [&str; 5] = ["市政府", "縣政府", "市府", "市", "縣"];
/// Share of the sources that name what is their own.
const OWN: f32 = 0.05;

/// A set of places and agencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    places: u32,
    agencies: u128,
}

/// Names in the order of their first characters.
static NAMES: LazyLock<Vec<(char, Vec<char>, Named)>> = LazyLock::new(|| {
    let place = |(idx, name): (u32, &&str)| {
        // 北市 is 台北, 馬祖 is 連江.
        let idx = match *name {
            "北市" => 0,
            "馬祖" => 19,
            _ => idx,
        };
        (name.chars().collect(), Named { places: 1 << idx, agencies: 0 })
    };
    let agency = |(idx, name): (u32, &&str)| {
        (name.chars().collect(), Named { places: 0, agencies: 1 << idx })
    };
    let places = (0_u32..).zip(&PLACES).map(place);
    let agencies = (0_u32..).zip(&AGENCIES).map(agency);
    let names = places.chain(agencies);
    let names =
        names.filter_map(|(name, named): (Vec<char>, Named)| Some((*name.first()?, name, named)));
    let mut names: Vec<(char, Vec<char>, Named)> = names.collect();
    names.sort_by_key(|it| it.0);
    names
});

impl Named {
    /// What a text names.
    pub(super) fn of(text: &str) -> Named {
        let folded: Vec<char> = text.chars().map(fold).collect();
        let mut found = Named::default();
        for (at, ch) in folded.iter().enumerate() {
            found = found.with(named_at(&folded, at, *ch).map_or_else(Named::default, |it| it.1));
        }
        found
    }

    fn with(self, other: Named) -> Named {
        Named { places: self.places | other.places, agencies: self.agencies | other.agencies }
    }

    /// Whether both have a place.
    pub(super) fn shares_place(self, other: Named) -> bool {
        self.places & other.places != 0
    }

    /// Whether it has a place that none of these has.
    pub(super) fn has_other_place(self, known: [Named; 2]) -> bool {
        self.places & !(known[0].places | known[1].places) != 0
    }

    /// Whether it has an agency that none of these has.
    pub(super) fn has_other_agency(self, known: [Named; 2]) -> bool {
        self.agencies & !(known[0].agencies | known[1].agencies) != 0
    }

    /// What enough of these name that it is their own.
    pub(super) fn own(all: &[Named]) -> Named {
        let least = (OWN * all.len() as f32).max(2.0);
        let is_own =
            |has: &dyn Fn(&Named) -> bool| least <= all.iter().filter(|it| has(it)).count() as f32;
        let place = |it: &u32| is_own(&|named| named.places & it != 0);
        let agency = |it: &u128| is_own(&|named| named.agencies & it != 0);
        Named {
            places: (0..u32::BITS).map(|it| 1 << it).filter(place).sum(),
            agencies: (0..u128::BITS).map(|it| 1 << it).filter(agency).sum(),
        }
    }

    /// Whether there is any place.
    pub(super) fn has_place(self) -> bool {
        self.places != 0
    }
}

/// A question without the places of `own`: that a city's sources do not repeat its name says nothing.
pub(super) fn without_places(question: &str, own: Named) -> String {
    let chars: Vec<char> = question.chars().collect();
    let folded: Vec<char> = chars.iter().map(|it| fold(*it)).collect();
    let mut left = String::with_capacity(question.len());
    let mut at = 0;
    while let Some(ch) = folded.get(at) {
        match named_at(&folded, at, *ch) {
            Some((length, named)) if named.shares_place(own) => {
                at += length;
                let rest = folded.get(at..).unwrap_or_default();
                let ending = ENDINGS
                    .iter()
                    .find(|it| rest.iter().copied().take(it.chars().count()).eq(it.chars()));
                at += ending.map_or(0, |it| it.chars().count());
                left.push(' ');
            }
            _ => {
                left.extend(chars.get(at));
                at += 1;
            }
        }
    }
    left
}

/// The name that begins at a place, and its length.
fn named_at(text: &[char], at: usize, first: char) -> Option<(usize, Named)> {
    let rest = text.get(at..)?;
    let before = at.checked_sub(1).and_then(|it| text.get(it));
    let is_after = |words: &str| before.is_some_and(|it| words.contains(*it));
    let same = NAMES.get(NAMES.partition_point(|it| it.0 < first)..)?;
    let mut same = same.iter().take_while(|it| it.0 == first);
    let (_, name, named) = same.find(|it| rest.starts_with(&it.1))?;
    let is_other = match first {
        '台' => is_after(OTHER_WORDS),
        '北' => is_after(OTHER_NORTH),
        _ => false,
    };
    (!is_other).then_some((name.len(), *named))
}

fn fold(ch: char) -> char {
    if ch == '臺' { '台' } else { ch }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, n_places: u32, n_agencies: u32) {
        let found = Named::of(text);
        assert_eq!(
            (found.places.count_ones(), found.agencies.count_ones()),
            (n_places, n_agencies),
            "{text}"
        );
    }

    #[test]
    fn places_and_agencies_are_found() {
        check("臺北市的停車費", 1, 0);
        check("台北與北市是一處,高雄是另一處", 2, 0);
        check("竹北市公所", 0, 0);
        check("在平台中查詢", 0, 0);
        check("勞動部規定的基本工資", 0, 1);
        check("身分證遺失", 0, 0);
        assert_eq!(Named::of("北市"), Named::of("臺北市政府"));
        assert_eq!(Named::of("馬祖"), Named::of("連江縣"));
    }

    #[test]
    fn what_many_sources_name_is_their_own() {
        let here = Named::of("高雄市");
        let mut all = vec![Named::default(); 20];
        all[..3].fill(here);
        all[3] = Named::of("屏東縣");
        assert_eq!(Named::own(&all), here);
        assert!(Named::of("台北市").has_other_place([here, Named::default()]));
        assert!(!Named::of("高雄市").has_other_place([here, Named::default()]));
        assert!(Named::of("教育部").has_other_agency([here, here]));
    }

    #[test]
    fn own_places_are_cut_out() {
        let own = Named::of("高雄");
        assert_eq!(without_places("高雄市政府的臺北辦事處", own), " 的臺北辦事處");
        assert_eq!(without_places("如何到高雄", own), "如何到 ");
    }
}
