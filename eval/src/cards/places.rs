//! Counties, districts and roads of Taiwan, and addresses put together from them.

use crate::cards::chance::Chance;

/// A county or city with some of its districts.
struct County {
    name: &'static str,
    /// How the date of issue abbreviates it.
    short: &'static str,
    districts: &'static [&'static str],
}

const COUNTIES: &[County] = &[
    County {
        name: "臺北市",
        short: "北市",
        districts: &[
            "中正區",
            "大同區",
            "中山區",
            "松山區",
            "大安區",
            "萬華區",
            "信義區",
            "士林區",
            "北投區",
            "內湖區",
            "南港區",
            "文山區",
        ],
    },
    County {
        name: "新北市",
        short: "新北市",
        districts: &[
            "板橋區",
            "三重區",
            "中和區",
            "永和區",
            "新莊區",
            "新店區",
            "樹林區",
            "鶯歌區",
            "三峽區",
            "淡水區",
            "汐止區",
            "瑞芳區",
            "土城區",
            "蘆洲區",
            "五股區",
            "林口區",
        ],
    },
    County {
        name: "桃園市",
        short: "桃市",
        districts: &[
            "桃園區",
            "中壢區",
            "大溪區",
            "楊梅區",
            "蘆竹區",
            "大園區",
            "龜山區",
            "八德區",
            "龍潭區",
            "平鎮區",
        ],
    },
    County {
        name: "臺中市",
        short: "中市",
        districts: &[
            "西屯區",
            "北屯區",
            "南屯區",
            "豐原區",
            "大里區",
            "太平區",
            "清水區",
            "沙鹿區",
            "霧峰區",
            "潭子區",
            "梧棲區",
        ],
    },
    County {
        name: "臺南市",
        short: "南市",
        districts: &[
            "安平區",
            "安南區",
            "永康區",
            "新營區",
            "佳里區",
            "麻豆區",
            "善化區",
            "新化區",
            "歸仁區",
            "鹽水區",
        ],
    },
    County {
        name: "高雄市",
        short: "高市",
        districts: &[
            "鹽埕區",
            "鼓山區",
            "左營區",
            "楠梓區",
            "三民區",
            "苓雅區",
            "前鎮區",
            "小港區",
            "鳳山區",
            "岡山區",
            "旗山區",
            "美濃區",
        ],
    },
    County {
        name: "基隆市",
        short: "基市",
        districts: &["仁愛區", "信義區", "中正區", "安樂區", "暖暖區", "七堵區"],
    },
    County { name: "新竹市", short: "竹市", districts: &["東區", "北區", "香山區"] },
    County {
        name: "新竹縣",
        short: "竹縣",
        districts: &["竹北市", "竹東鎮", "新埔鎮", "關西鎮", "湖口鄉", "芎林鄉"],
    },
    County {
        name: "苗栗縣",
        short: "苗縣",
        districts: &["苗栗市", "頭份市", "苑裡鎮", "通霄鎮", "竹南鎮", "後龍鎮", "公館鄉"],
    },
    County {
        name: "彰化縣",
        short: "彰縣",
        districts: &[
            "彰化市",
            "員林市",
            "鹿港鎮",
            "和美鎮",
            "北斗鎮",
            "溪湖鎮",
            "田中鎮",
            "二林鎮",
        ],
    },
    County {
        name: "南投縣",
        short: "投縣",
        districts: &["南投市", "埔里鎮", "草屯鎮", "竹山鎮", "集集鎮", "魚池鄉"],
    },
    County {
        name: "雲林縣",
        short: "雲縣",
        districts: &["斗六市", "斗南鎮", "虎尾鎮", "西螺鎮", "土庫鎮", "北港鎮", "莿桐鄉"],
    },
    County { name: "嘉義市", short: "嘉市", districts: &["東區", "西區"] },
    County {
        name: "嘉義縣",
        short: "嘉縣",
        districts: &["太保市", "朴子市", "布袋鎮", "大林鎮", "民雄鄉", "水上鄉"],
    },
    County {
        name: "屏東縣",
        short: "屏縣",
        districts: &["屏東市", "潮州鎮", "東港鎮", "恆春鎮", "萬丹鄉", "內埔鄉"],
    },
    County {
        name: "宜蘭縣",
        short: "宜縣",
        districts: &["宜蘭市", "羅東鎮", "蘇澳鎮", "頭城鎮", "礁溪鄉", "冬山鄉", "五結鄉"],
    },
    County {
        name: "花蓮縣",
        short: "花縣",
        districts: &["花蓮市", "鳳林鎮", "玉里鎮", "吉安鄉", "壽豐鄉", "瑞穗鄉"],
    },
    County {
        name: "臺東縣",
        short: "東縣",
        districts: &["臺東市", "成功鎮", "關山鎮", "卑南鄉", "池上鄉", "太麻里鄉"],
    },
    County {
        name: "澎湖縣", short: "澎縣", districts: &["馬公市", "湖西鄉", "白沙鄉", "西嶼鄉"]
    },
    County {
        name: "金門縣", short: "金門", districts: &["金城鎮", "金湖鎮", "金沙鎮", "金寧鄉"]
    },
    County { name: "連江縣", short: "連江", districts: &["南竿鄉", "北竿鄉"] },
];

/// Abbreviations of counties that were merged into cities in 2010 and 2014: on cards issued before.
const FORMER: &[&str] = &["北縣", "桃縣", "中縣", "南縣", "高縣"];

const VILLAGES: &[&str] = &[
    "仁愛里",
    "光復里",
    "中興里",
    "民生里",
    "福德里",
    "永安里",
    "龍門里",
    "新生里",
    "文化里",
    "成功里",
    "大同里",
    "三和里",
    "德明里",
    "景福里",
    "慈恩里",
    "埤頭里",
    "崇學里",
    "竹圍里",
    "鎮南里",
    "廣福里",
];

const ROADS: &[&str] = &[
    "中正路",
    "中山路",
    "民權東路",
    "和平東路",
    "忠孝路",
    "仁愛路",
    "信義路",
    "復興南路",
    "建國北路",
    "光復路",
    "民族路",
    "自由路",
    "成功路",
    "文化路",
    "重慶北路",
    "延平路",
    "博愛路",
    "四維路",
    "五福一路",
    "七賢二路",
    "健行路",
    "大墩街",
    "公益路",
    "崇德路",
    "東門街",
    "興隆路",
    "永福街",
    "介壽路",
    "三民街",
    "長榮路",
];

const FLOORS: &[&str] = &["二樓", "三樓", "五樓", "十二樓", "七樓之1", "4樓", "9樓之3"];
const SECTIONS: &[&str] = &["一段", "二段", "三段", "四段", "五段"];

/// An address such as `臺北市大安區龍門里12鄰和平東路二段106巷3號5樓`; `full_width` prints its numbers so.
pub fn address(chance: &mut Chance, full_width: bool) -> String {
    let county = chance.pick(COUNTIES);
    let district = chance.pick(county.districts);
    let mut text = format!("{}{district}", county.name);
    if chance.odds(0.8) {
        text += *chance.pick(VILLAGES);
        text += &format!("{:03}鄰", chance.between(1, 28));
    }
    let road = chance.pick(ROADS);
    text += road;
    if road.ends_with('路') && chance.odds(0.5) {
        text += *chance.pick(SECTIONS);
    }
    if chance.odds(0.45) {
        text += &format!("{}巷", chance.between(2, 420));
        if chance.odds(0.4) {
            text += &format!("{}弄", chance.between(1, 60));
        }
    }
    text += &format!("{}號", chance.between(1, 688));
    if chance.odds(0.5) {
        text += *chance.pick(FLOORS);
    }
    if full_width { text.chars().map(widen).collect() } else { text }
}

/// A place of birth such as `臺灣省宜蘭縣` or `臺北市`.
pub fn birth_place(chance: &mut Chance) -> String {
    let county = chance.pick(COUNTIES).name;
    let province = county.ends_with('縣') && county != "金門縣" && county != "連江縣";
    if province && chance.odds(0.6) { format!("臺灣省{county}") } else { county.to_owned() }
}

/// The abbreviation in brackets after the date of issue; `year` decides whether former counties may occur.
pub fn issue_place(chance: &mut Chance, year: u32) -> &'static str {
    if year < 2010 && chance.odds(0.2) { *chance.pick(FORMER) } else { chance.pick(COUNTIES).short }
}

fn widen(ch: char) -> char {
    match ch.to_digit(10) {
        Some(digit) => char::from_u32(0xFF10 + digit).unwrap_or(ch),
        None => ch,
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, address, birth_place, issue_place};

    #[test]
    fn addresses_have_a_county_and_a_house_number() {
        let mut chance = Chance::new(2, 2);
        for _ in 0..200 {
            let text = address(&mut chance, false);
            assert!(text.contains('號') && text.contains(['縣', '市']), "{text}");
            assert!(!address(&mut chance, true).contains(|ch: char| ch.is_ascii_digit()));
        }
    }

    #[test]
    fn former_counties_are_on_old_cards_only() {
        let mut chance = Chance::new(2, 3);
        let old = (0..200).any(|_| issue_place(&mut chance, 2006) == "桃縣");
        let new = (0..2000).any(|_| issue_place(&mut chance, 2016) == "桃縣");
        assert!(old && !new);
        assert!((0..200).any(|_| birth_place(&mut chance).starts_with("臺灣省")));
    }
}
