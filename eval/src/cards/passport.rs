//! Passport data pages (TD3): Taiwan's and other states'.

use crate::cards::canvas::{Colour, Rect, wash};
use crate::cards::chance::Chance;
use crate::cards::date::Day;
use crate::cards::decor;
use crate::cards::mrz::Zone;
use crate::cards::numbers::national_id;
use crate::cards::people::{NATIONS, Nation, Person, Sex};
use crate::cards::sheet::{Print, Sheet, UNIT};
use crate::cards::typeface::{Face, Typefaces};

/// A data page is 125 × 88 mm.
const HEIGHT: f32 = 704.0;
const BLACK: Colour = [22, 22, 28];

/// The data page of 中華民國護照.
pub(crate) fn taiwan<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let person = Person::draw(chance);
    let mut sheet =
        page(fonts, chance, [[226, 238, 226], [242, 236, 214], [222, 234, 240], [238, 230, 236]]);
    let head = Print::new(Face::Kai, 30.0, [30, 84, 60]).bold();
    sheet.label((48.0, 62.0), head, "護照");
    sheet.label((48.0, 90.0), Print::new(Face::Sans, 18.0, [30, 84, 60]), "PASSPORT");
    sheet.label((48.0, 124.0), head.sized(24.0), "中華民國");
    sheet.label(
        (160.0, 124.0),
        Print::new(Face::SansBold, 18.0, [30, 84, 60]),
        "REPUBLIC OF CHINA",
    );
    let valid = chance.odds(0.97);
    let id = national_id(chance, person.sex, valid);
    let issued = Day::draw(chance, (person.birth.year + 14).clamp(2009, 2025), 2025);
    let zone = Zone {
        kind: "P",
        issuer: "TWN",
        nationality: "TWN",
        surname: person.name.surname.clone(),
        given: person.name.given.clone(),
        number: format!("3{}", chance.digits(8)),
        birth: person.birth,
        sex: person.sex,
        expiry: issued.plus_years(10),
        optional: id.text.clone(),
    };
    let (bold, latin) =
        (Print::new(Face::SansBold, 26.0, BLACK), Print::new(Face::Sans, 24.0, BLACK));
    taiwan_head(&mut sheet, &zone, &person, latin);
    let at = caption(&mut sheet, (330.0, 306.0), "國籍/Nationality");
    sheet.value_as("nationality", at, latin, ("REPUBLIC OF CHINA", "REPUBLIC OF CHINA".into()));
    sheet.edit_last(|it| it.also.push("TWN".into()));
    let at = caption(&mut sheet, (680.0, 306.0), "身分證統一編號/Personal Id. No.");
    sheet.number("id_number", at, bold, &id);
    let at = caption(&mut sheet, (330.0, 376.0), "性別/Sex");
    sheet.value("sex", at, latin, person.sex.letter());
    let at = caption(&mut sheet, (450.0, 376.0), "出生日期/Date of birth");
    sheet.value_as("birth_date", at, latin, (person.birth.english().as_str(), person.birth.iso()));
    let at = caption(&mut sheet, (680.0, 376.0), "出生地/Place of birth");
    let town = *chance.pick(&[
        "TAIPEI CITY",
        "TAIWAN",
        "KAOHSIUNG CITY",
        "TAINAN CITY",
        "HUALIEN COUNTY",
        "TAICHUNG CITY",
    ]);
    sheet.value_as("birth_place", at, latin, (town, town.into()));
    let at = caption(&mut sheet, (330.0, 446.0), "發照日期/Date of issue");
    sheet.value_as("issue_date", at, latin, (issued.english().as_str(), issued.iso()));
    let at = caption(&mut sheet, (330.0, 516.0), "效期截止日期/Date of expiry");
    sheet.value_as("expiry_date", at, latin, (zone.expiry.english().as_str(), zone.expiry.iso()));
    let at = caption(&mut sheet, (600.0, 446.0), "發照機關/Authority");
    let authority = "MINISTRY OF FOREIGN AFFAIRS";
    sheet.value_as("authority", at, latin.sized(21.0), (authority, authority.into()));
    close(&mut sheet, chance, &zone);
    sheet
}

/// Type, code, number and both names.
fn taiwan_head(sheet: &mut Sheet<'_>, zone: &Zone, person: &Person, latin: Print) {
    let at = caption(sheet, (330.0, 156.0), "型式/Type");
    sheet.fill(at, latin, zone.kind);
    let at = caption(sheet, (450.0, 156.0), "代碼/Code");
    sheet.fill(at, latin, zone.issuer);
    let at = caption(sheet, (680.0, 156.0), "護照號碼/Passport No.");
    sheet.value("passport_no", at, latin.sized(27.0), &zone.number);
    let at = caption(sheet, (330.0, 226.0), "姓名/Name (Surname, Given names)");
    let zh = Print::new(Face::Kai, 30.0, BLACK);
    sheet.value("name_zh", at, zh, &person.name.zh);
    sheet.edit_last(|it| it.rare = person.name.rare);
    sheet.alias("name");
    let english = person.name.english();
    let right = (at.0 + 150.0, at.1);
    sheet.value_as("name_en", right, latin, (english.as_str(), english.clone()));
}

/// The data page of another state.
pub(crate) fn foreign<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let nation = chance.pick(NATIONS);
    let sex = Sex::draw(chance);
    let shades = [[226, 230, 244], [244, 232, 226], [228, 242, 232], [240, 240, 222]];
    let first = chance.below(4) as usize;
    let mut sheet = page(fonts, chance, std::array::from_fn(|idx| shades[(first + idx) % 4]));
    let zone = zone(chance, nation, sex, "P");
    let head = Print::new(Face::SansBold, 28.0, [40, 44, 96]);
    sheet.label((48.0, 70.0), head, "PASSPORT");
    sheet.label((330.0, 70.0), head.sized(24.0), nation.printed);
    let captions = *chance.pick(&[
        [
            "Type",
            "Code",
            "Passport No.",
            "Surname",
            "Given names",
            "Nationality",
            "Date of birth",
            "Sex",
            "Place of birth",
            "Date of issue",
            "Date of expiry",
            "Authority",
        ],
        [
            "Type/Type",
            "Code/Code",
            "Passport No./No. du passeport",
            "Surname/Nom",
            "Given names/Prénoms",
            "Nationality/Nationalité",
            "Date of birth/Date de naissance",
            "Sex/Sexe",
            "Place of birth/Lieu de naissance",
            "Date of issue/Date de délivrance",
            "Date of expiry/Date d'expiration",
            "Authority/Autorité",
        ],
    ]);
    foreign_fields(&mut sheet, chance, (nation, &zone), &captions);
    close(&mut sheet, chance, &zone);
    sheet
}

fn foreign_fields(
    sheet: &mut Sheet<'_>,
    chance: &mut Chance,
    who: (&Nation, &Zone),
    captions: &[&str; 12],
) {
    let (nation, zone) = who;
    let print = Print::new(Face::Sans, 25.0, BLACK);
    let x = chance.range(322.0, 338.0);
    let at = caption(sheet, (x, 112.0), captions[0]);
    sheet.fill(at, print, zone.kind);
    let at = caption(sheet, (x + 120.0, 112.0), captions[1]);
    sheet.fill(at, print, zone.issuer);
    let at = caption(sheet, (680.0, 112.0), captions[2]);
    sheet.value("passport_no", at, print, &zone.number);
    let at = caption(sheet, (x, 184.0), captions[3]);
    let upper = sheet.fill(at, print, &zone.surname);
    let at = caption(sheet, (x, 254.0), captions[4]);
    let lower = sheet.fill(at, print, &zone.given);
    note_name(sheet, zone, (upper, lower));
    let at = caption(sheet, (x, 324.0), captions[5]);
    sheet.value_as("nationality", at, print, (nation.printed, nation.code.into()));
    sheet.edit_last(|it| it.also.push(nation.printed.into()));
    let at = caption(sheet, (x, 394.0), captions[6]);
    sheet.value_as("birth_date", at, print, (zone.birth.english().as_str(), zone.birth.iso()));
    let at = caption(sheet, (680.0, 394.0), captions[7]);
    sheet.value("sex", at, print, zone.sex.letter());
    let at = caption(sheet, (680.0, 324.0), captions[8]);
    sheet.fill(
        at,
        print,
        *chance.pick(&["HANOI", "MANILA", "OSAKA", "SEOUL", "LYON", "BANGKOK", "ZENITH"]),
    );
    let issued = Day { year: zone.expiry.year - 10, ..zone.expiry };
    let at = caption(sheet, (x, 464.0), captions[9]);
    sheet.fill(at, print, &issued.english());
    let at = caption(sheet, (x, 534.0), captions[10]);
    sheet.value_as("expiry_date", at, print, (zone.expiry.english().as_str(), zone.expiry.iso()));
    let at = caption(sheet, (680.0, 464.0), captions[11]);
    sheet.fill(at, print, *chance.pick(&["IMMIGRATION", "MFA", "PASSPORT OFFICE"]));
}

/// Records a name printed as family name over given names: `SURNAME, GIVEN NAMES`.
pub(crate) fn note_name(sheet: &mut Sheet<'_>, zone: &Zone, areas: (Option<Rect>, Option<Rect>)) {
    if let (Some(upper), Some(lower)) = areas {
        let raw = format!("{} {}", zone.surname, zone.given);
        let value = format!("{}, {}", zone.surname, zone.given);
        sheet.note("name_en", raw, value, upper.union(lower));
        sheet.alias("name");
    }
}

/// What the zone of a citizen of `nation` says.
pub(crate) fn zone(chance: &mut Chance, nation: &Nation, sex: Sex, kind: &'static str) -> Zone {
    let (surname, given) = nation.name(chance, sex);
    let letter = *chance.pick(&["", "A", "C", "M", "TK"]);
    let number = format!("{letter}{}", chance.digits(9 - letter.len()));
    let optional = if chance.odds(0.3) { chance.digits(7) } else { String::new() };
    Zone {
        kind,
        issuer: nation.code,
        nationality: nation.code,
        surname,
        given,
        number,
        birth: Day::draw(chance, 1942, 2012),
        sex,
        expiry: Day::draw(chance, 2026, 2035),
        optional,
    }
}

fn page<'a>(fonts: &'a Typefaces, chance: &mut Chance, shades: [Colour; 4]) -> Sheet<'a> {
    let mut sheet = Sheet::new(fonts, chance, HEIGHT, shades[0]);
    decor::tint(&mut sheet.canvas, shades);
    decor::waves(
        &mut sheet.canvas,
        chance,
        &[[150, 190, 160], [200, 170, 190], [160, 180, 210]],
        0.34,
    );
    let centre = (620.0 * UNIT, 330.0 * UNIT);
    decor::rosette(&mut sheet.canvas, centre, 230.0, ([170, 190, 150], 0.3, 12));
    sheet
}

fn caption(sheet: &mut Sheet<'_>, at: (f32, f32), text: &str) -> (f32, f32) {
    sheet.label(at, Print::new(Face::Sung, 15.0, [60, 76, 90]), text);
    (at.0, at.1 + 31.0)
}

/// The zone at the bottom of the page, the portrait and the specimen mark.
fn close(sheet: &mut Sheet<'_>, chance: &mut Chance, zone: &Zone) {
    let band = decor::units(Rect::sized(0.0, 590.0, 1000.0, 114.0));
    sheet.canvas.rect(band, wash([250, 250, 248], 0.55));
    sheet.machine_zone("TD3", (42.0, 634.0), 916.0, zone.td3());
    let frame = decor::units(Rect::sized(44.0, 150.0, 254.0, 330.0));
    decor::portrait(&mut sheet.canvas, chance, frame, zone.sex == Sex::Female);
    decor::specimen(sheet, chance);
    if chance.odds(0.5) {
        let patch = decor::units(Rect::sized(220.0, 420.0, 120.0, 120.0));
        decor::hologram(&mut sheet.canvas, chance, patch);
    }
}
