//! Synthetic people: names put together from common characters, never a real person's record.

use crate::cards::chance::Chance;
use crate::cards::date::Day;

/// Family names of Taiwan by frequency class, with the spelling passports use.
const SURNAMES: &[(&str, &str)] = &[
    ("陳", "CHEN"),
    ("林", "LIN"),
    ("黃", "HUANG"),
    ("張", "CHANG"),
    ("李", "LEE"),
    ("王", "WANG"),
    ("吳", "WU"),
    ("劉", "LIU"),
    ("蔡", "TSAI"),
    ("楊", "YANG"),
    ("許", "HSU"),
    ("鄭", "CHENG"),
    ("謝", "HSIEH"),
    ("郭", "KUO"),
    ("洪", "HUNG"),
    ("曾", "TSENG"),
    ("邱", "CHIU"),
    ("廖", "LIAO"),
    ("賴", "LAI"),
    ("周", "CHOU"),
    ("徐", "HSU"),
    ("蘇", "SU"),
    ("葉", "YEH"),
    ("莊", "CHUANG"),
    ("呂", "LU"),
    ("江", "CHIANG"),
    ("何", "HO"),
    ("蕭", "HSIAO"),
    ("羅", "LO"),
    ("高", "KAO"),
    ("潘", "PAN"),
    ("簡", "CHIEN"),
    ("朱", "CHU"),
    ("鍾", "CHUNG"),
    ("彭", "PENG"),
    ("游", "YU"),
    ("詹", "CHAN"),
    ("胡", "HU"),
    ("施", "SHIH"),
    ("沈", "SHEN"),
    ("余", "YU"),
    ("盧", "LU"),
    ("梁", "LIANG"),
    ("趙", "CHAO"),
    ("顏", "YEN"),
    ("柯", "KO"),
    ("翁", "WENG"),
    ("魏", "WEI"),
    ("孫", "SUN"),
    ("戴", "TAI"),
    ("范", "FAN"),
    ("方", "FANG"),
    ("宋", "SUNG"),
    ("鄧", "TENG"),
    ("杜", "TU"),
    ("傅", "FU"),
    ("侯", "HOU"),
    ("曹", "TSAO"),
    ("薛", "HSUEH"),
    ("丁", "TING"),
    ("卓", "CHO"),
    ("馬", "MA"),
    ("阮", "JUAN"),
    ("董", "TUNG"),
    ("唐", "TANG"),
    ("溫", "WEN"),
    ("藍", "LAN"),
    ("石", "SHIH"),
    ("蔣", "CHIANG"),
    ("田", "TIEN"),
    ("康", "KANG"),
    ("鄒", "TSOU"),
    ("白", "PAI"),
    ("涂", "TU"),
    ("尤", "YU"),
    ("巫", "WU"),
    ("韓", "HAN"),
    ("龔", "KUNG"),
    ("嚴", "YEN"),
    ("袁", "YUAN"),
    ("黎", "LI"),
    ("金", "CHIN"),
    ("童", "TUNG"),
    ("陸", "LU"),
    ("歐陽", "OU-YANG"),
    ("夏", "HSIA"),
    ("柳", "LIU"),
    ("連", "LIEN"),
    ("湯", "TANG"),
    ("姜", "CHIANG"),
];

/// Given-name characters mostly of men.
const GIVEN_MALE: &[(&str, &str)] = &[
    ("志", "CHIH"),
    ("明", "MING"),
    ("俊", "CHUN"),
    ("傑", "CHIEH"),
    ("建", "CHIEN"),
    ("宏", "HUNG"),
    ("家", "CHIA"),
    ("豪", "HAO"),
    ("文", "WEN"),
    ("雄", "HSIUNG"),
    ("國", "KUO"),
    ("華", "HUA"),
    ("冠", "KUAN"),
    ("宇", "YU"),
    ("柏", "PO"),
    ("翰", "HAN"),
    ("承", "CHENG"),
    ("恩", "EN"),
    ("彥", "YEN"),
    ("廷", "TING"),
    ("哲", "CHE"),
    ("瑋", "WEI"),
    ("宗", "TSUNG"),
    ("憲", "HSIEN"),
    ("信", "HSIN"),
    ("義", "YI"),
    ("仁", "JEN"),
    ("榮", "JUNG"),
    ("昌", "CHANG"),
    ("茂", "MAO"),
    ("諺", "YEN"),
    ("睿", "JUI"),
    ("晨", "CHEN"),
    ("勳", "HSUN"),
    ("輝", "HUI"),
    ("鴻", "HUNG"),
    ("銘", "MING"),
    ("維", "WEI"),
    ("誠", "CHENG"),
    ("麒", "CHI"),
    ("漢", "HAN"),
    ("毅", "YI"),
    ("凱", "KAI"),
    ("軒", "HSUAN"),
    ("祥", "HSIANG"),
    ("德", "TE"),
    ("福", "FU"),
    ("順", "SHUN"),
];

/// Given-name characters mostly of women.
const GIVEN_FEMALE: &[(&str, &str)] = &[
    ("淑", "SHU"),
    ("芬", "FEN"),
    ("惠", "HUI"),
    ("美", "MEI"),
    ("雅", "YA"),
    ("婷", "TING"),
    ("怡", "YI"),
    ("君", "CHUN"),
    ("心", "HSIN"),
    ("慧", "HUI"),
    ("玲", "LING"),
    ("秀", "HSIU"),
    ("麗", "LI"),
    ("珍", "CHEN"),
    ("佳", "CHIA"),
    ("穎", "YING"),
    ("雯", "WEN"),
    ("欣", "HSIN"),
    ("詩", "SHIH"),
    ("涵", "HAN"),
    ("宜", "YI"),
    ("蓁", "CHEN"),
    ("郁", "YU"),
    ("瑜", "YU"),
    ("琪", "CHI"),
    ("靜", "CHING"),
    ("芳", "FANG"),
    ("敏", "MIN"),
    ("月", "YUEH"),
    ("娥", "O"),
    ("筱", "HSIAO"),
    ("萱", "HSUAN"),
    ("妤", "YU"),
    ("蓉", "JUNG"),
    ("鳳", "FENG"),
    ("英", "YING"),
    ("素", "SU"),
    ("貞", "CHEN"),
    ("寶", "PAO"),
    ("琇", "HSIU"),
    ("彤", "TUNG"),
    ("沛", "PEI"),
    ("霈", "PEI"),
    ("嫻", "HSIEN"),
    ("瑩", "YING"),
    ("潔", "CHIEH"),
    ("儀", "YI"),
    ("馨", "HSIN"),
];

/// Characters that occur in names and that common recognition dictionaries lack.
const GIVEN_RARE: &[(&str, &str)] =
    &[("妡", "HSIN"), ("姳", "MING"), ("珆", "YI"), ("淓", "FANG"), ("錂", "LING"), ("碤", "YING")];

/// Sex as the documents print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// 男, M.
    Male,
    /// 女, F.
    Female,
}

impl Sex {
    /// `M` or `F`.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Male => "M",
            Self::Female => "F",
        }
    }

    /// `男` or `女`.
    pub fn hanzi(self) -> &'static str {
        match self {
            Self::Male => "男",
            Self::Female => "女",
        }
    }

    /// Either, with equal odds.
    pub fn draw(chance: &mut Chance) -> Self {
        if chance.odds(0.5) { Self::Male } else { Self::Female }
    }
}

/// A name in Chinese with its romanisation.
#[derive(Clone, Debug)]
pub struct Name {
    /// `林美華`.
    pub zh: String,
    /// `LIN`.
    pub surname: String,
    /// `MEI-HUA`.
    pub given: String,
    /// Whether a character lies outside the usual dictionaries.
    pub rare: bool,
}

impl Name {
    /// A name for `sex`; about one in 150 has a rare character.
    pub fn draw(chance: &mut Chance, sex: Sex) -> Self {
        // Common surnames come first in the list: the smaller of two draws prefers them.
        let n = u32::try_from(SURNAMES.len()).unwrap_or(0);
        let place = chance.below(n).min(chance.below(n));
        let (surname_zh, surname) = SURNAMES[place as usize];
        let own = if sex == Sex::Male { GIVEN_MALE } else { GIVEN_FEMALE };
        let rare = chance.odds(0.007);
        let mut parts: Vec<(&str, &str)> = vec![*chance.pick(own)];
        if rare {
            parts.push(*chance.pick(GIVEN_RARE));
        } else if chance.odds(0.94) {
            let list = if chance.odds(0.8) { own } else { GIVEN_MALE };
            parts.push(*chance.pick(list));
        }
        let given_zh: String = parts.iter().map(|it| it.0).collect();
        let given: Vec<&str> = parts.iter().map(|it| it.1).collect();
        Self {
            zh: format!("{surname_zh}{given_zh}"),
            surname: surname.to_owned(),
            given: given.join("-"),
            rare,
        }
    }

    /// `LIN, MEI-HUA`.
    pub fn english(&self) -> String {
        format!("{}, {}", self.surname, self.given)
    }
}

/// A person of Taiwan.
#[derive(Clone, Debug)]
pub struct Person {
    /// Name.
    pub name: Name,
    /// Sex.
    pub sex: Sex,
    /// Birth.
    pub birth: Day,
}

impl Person {
    /// Somebody between 16 and 85 years old.
    pub fn draw(chance: &mut Chance) -> Self {
        let sex = Sex::draw(chance);
        Self { name: Name::draw(chance, sex), sex, birth: Day::draw(chance, 1941, 2009) }
    }
}

/// A state and names that sound like it, for documents from abroad.
#[derive(Debug)]
pub struct Nation {
    /// ICAO three-letter code.
    pub code: &'static str,
    /// Name of the state or nationality as a document prints it.
    pub printed: &'static str,
    /// 國籍 as a resident certificate prints it.
    pub zh: &'static str,
    surnames: &'static [&'static str],
    male: &'static [&'static str],
    female: &'static [&'static str],
}

impl Nation {
    /// Family name and given names of a citizen.
    pub fn name(&self, chance: &mut Chance, sex: Sex) -> (String, String) {
        let given = if sex == Sex::Male { self.male } else { self.female };
        let first = *chance.pick(given);
        let second = *chance.pick(given);
        let both = chance.odds(0.35) && first != second;
        let given = if both { format!("{first} {second}") } else { first.to_owned() };
        ((*chance.pick(self.surnames)).to_owned(), given)
    }
}

/// States whose citizens the generator invents.
pub const NATIONS: &[Nation] = &[
    Nation {
        code: "VNM",
        printed: "VIET NAM",
        zh: "越南",
        surnames: &["NGUYEN", "TRAN", "LE", "PHAM", "HOANG", "VU", "DANG", "BUI"],
        male: &["VAN HUNG", "MINH TUAN", "DUC", "QUANG HUY", "THANH"],
        female: &["THI LAN", "THI HOA", "THU HA", "NGOC ANH", "MAI"],
    },
    Nation {
        code: "IDN",
        printed: "INDONESIA",
        zh: "印尼",
        surnames: &["WIJAYA", "SANTOSO", "LESTARI", "PRATAMA", "HIDAYAT", "SUSANTO"],
        male: &["BUDI", "AGUS", "RIZKY", "DEDI", "ANDI"],
        female: &["SITI", "DEWI", "PUTRI", "SRI", "RATNA"],
    },
    Nation {
        code: "PHL",
        printed: "PHILIPPINES",
        zh: "菲律賓",
        surnames: &["SANTOS", "REYES", "CRUZ", "BAUTISTA", "GARCIA", "DELA CRUZ", "MENDOZA"],
        male: &["JOSE", "MARK ANTHONY", "JUAN", "RAMON", "CARLO"],
        female: &["MARIA", "ANGELICA", "JOY", "ROSE ANN", "CRISTINA"],
    },
    Nation {
        code: "THA",
        printed: "THAI",
        zh: "泰國",
        surnames: &["SAETANG", "CHAIYASIT", "WONGSA", "SRISUK", "THONGCHAI"],
        male: &["SOMCHAI", "NATTAPONG", "PRASERT", "WICHAI"],
        female: &["SUPAPORN", "MALEE", "KANYA", "SIRIPORN"],
    },
    Nation {
        code: "JPN",
        printed: "JAPAN",
        zh: "日本",
        surnames: &["SATO", "SUZUKI", "TAKAHASHI", "TANAKA", "WATANABE", "ITO", "YAMAMOTO"],
        male: &["KENJI", "HIROSHI", "TAKUMI", "DAIKI", "YUTO"],
        female: &["YUKI", "SAKURA", "AKIKO", "MISAKI", "HANAKO"],
    },
    Nation {
        code: "KOR",
        printed: "REPUBLIC OF KOREA",
        zh: "韓國",
        surnames: &["KIM", "PARK", "CHOI", "JUNG", "KANG", "YOON"],
        male: &["MINJUN", "SEOJUN", "DONGHYUN", "JIHOON"],
        female: &["SEOYEON", "JIWOO", "MINSEO", "HAEUN"],
    },
    Nation {
        code: "MYS",
        printed: "MALAYSIA",
        zh: "馬來西亞",
        surnames: &["TAN", "LIM", "WONG", "ABDULLAH", "ISMAIL", "NG"],
        male: &["WEI MING", "AHMAD", "KAH HENG", "FAIZAL"],
        female: &["SIEW LING", "NURUL", "MEI YEE", "AISYAH"],
    },
    Nation {
        code: "USA",
        printed: "UNITED STATES OF AMERICA",
        zh: "美國",
        surnames: &["SMITH", "JOHNSON", "WILLIAMS", "BROWN", "MILLER", "O'CONNOR"],
        male: &["JAMES", "ROBERT", "MICHAEL", "DAVID", "THOMAS"],
        female: &["MARY", "JENNIFER", "LINDA", "SARAH", "EMILY"],
    },
    Nation {
        code: "GBR",
        printed: "BRITISH CITIZEN",
        zh: "英國",
        surnames: &["JONES", "TAYLOR", "DAVIES", "EVANS", "WALKER", "SMYTHE-KENT"],
        male: &["OLIVER", "HARRY", "GEORGE", "WILLIAM"],
        female: &["AMELIA", "OLIVIA", "CHARLOTTE", "GRACE"],
    },
    Nation {
        code: "FRA",
        printed: "FRANCAISE",
        zh: "法國",
        surnames: &["MARTIN", "BERNARD", "DUBOIS", "LEFEBVRE", "MOREAU"],
        male: &["LOUIS", "GABRIEL", "HUGO", "LUCAS"],
        female: &["EMMA", "LOUISE", "CHLOE", "CAMILLE"],
    },
    Nation {
        code: "IND",
        printed: "INDIAN",
        zh: "印度",
        surnames: &["SHARMA", "PATEL", "SINGH", "KUMAR", "GUPTA"],
        male: &["RAHUL", "AMIT", "VIJAY", "ARJUN"],
        female: &["PRIYA", "ANITA", "KAVITA", "SUNITA"],
    },
    Nation {
        code: "UTO",
        printed: "UTOPIAN",
        zh: "無國籍",
        surnames: &["ERIKSSON", "STEVENSON", "VAN DER BERG", "LUNDSTROM"],
        male: &["PETER JOHN", "ERIK", "LARS"],
        female: &["ANNA MARIA", "INGRID", "SOFIA"],
    },
];

#[cfg(test)]
mod tests {
    use super::{Chance, NATIONS, Name, Sex};

    #[test]
    fn names_have_two_to_four_characters_and_a_spelling() {
        let mut chance = Chance::new(4, 4);
        let mut n_rare = 0;
        for _ in 0..3000 {
            let name = Name::draw(&mut chance, Sex::Female);
            assert!((2..=4).contains(&name.zh.chars().count()), "{}", name.zh);
            assert!(name.english().chars().all(|ch| ch.is_ascii_uppercase() || ", -".contains(ch)));
            n_rare += u32::from(name.rare);
        }
        assert!((5..50).contains(&n_rare), "{n_rare} of 3000 are rare");
    }

    #[test]
    fn nations_have_codes_of_three_letters() {
        for nation in NATIONS {
            assert!(
                nation.code.len() == 3 && nation.code.chars().all(|it| it.is_ascii_uppercase())
            );
            let (surname, given) = nation.name(&mut Chance::new(1, 1), Sex::Male);
            assert!(!surname.is_empty() && !given.is_empty());
        }
    }
}
