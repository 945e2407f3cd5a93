//! 居留證 with both kinds of number, bilingual.

use crate::cards::canvas::{Colour, Rect};
use crate::cards::chance::Chance;
use crate::cards::date::Day;
use crate::cards::decor;
use crate::cards::numbers::{resident_new, resident_old};
use crate::cards::people::{NATIONS, Name, Sex};
use crate::cards::sheet::{Print, Sheet};
use crate::cards::typeface::{Face, Typefaces};

const BLACK: Colour = [24, 24, 30];

/// 居留事由.
const PURPOSES: &[&str] = &[
    "應聘",
    "依親",
    "就學",
    "外籍移工",
    "投資",
    "依親(妻)",
    "依親(夫)",
    "永久居留",
    "工作",
    "應聘(教師)",
];

/// A form line: where its label is, both languages, and where its value starts.
struct Row {
    at: (f32, f32),
    zh: &'static str,
    en: &'static str,
}

/// The front of a resident certificate.
pub(crate) fn front<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let mut sheet = Sheet::new(fonts, chance, 631.0, [226, 236, 244]);
    decor::tint(
        &mut sheet.canvas,
        [[214, 230, 246], [236, 240, 226], [246, 230, 226], [220, 236, 232]],
    );
    decor::waves(&mut sheet.canvas, chance, &[[140, 170, 210], [190, 160, 190]], 0.36);
    let title = Print::new(Face::Kai, 42.0, [28, 52, 110]).spaced(8.0).bold();
    sheet.centred(
        510.0,
        64.0,
        title,
        *chance.pick(&["中華民國居留證", "中華民國居留證", "中華民國永久居留證"]),
    );
    let english = Print::new(Face::SansBold, 20.0, [28, 52, 110]);
    sheet.centred(510.0, 96.0, english, "REPUBLIC OF CHINA (TAIWAN) RESIDENT CERTIFICATE");

    let left = chance.odds(0.5);
    let x = if left { 330.0 } else { 50.0 };
    let sex = Sex::draw(chance);
    person(&mut sheet, chance, (x, sex));
    permit(&mut sheet, chance, (x, sex));

    let photo_x = if left { 50.0 } else { 716.0 };
    let frame = decor::units(Rect::sized(photo_x, 132.0, 236.0, 310.0));
    decor::portrait(&mut sheet.canvas, chance, frame, sex == Sex::Female);
    decor::specimen(&mut sheet, chance);
    if chance.odds(0.5) {
        let patch = decor::units(Rect::sized(photo_x + 150.0, 400.0, 130.0, 110.0));
        decor::hologram(&mut sheet.canvas, chance, patch);
    }
    sheet
}

fn caption(sheet: &mut Sheet<'_>, row: &Row) -> (f32, f32) {
    let (x, y) = row.at;
    let zh = Print::new(Face::Kai, 23.0, [44, 66, 118]);
    let en = Print::new(Face::Sans, 14.0, [44, 66, 118]);
    sheet.label((x, y - 10.0), zh, row.zh);
    sheet.label((x, y + 10.0), en, row.en);
    let width = sheet.width(zh, row.zh).max(sheet.width(en, row.en));
    (x + width + 16.0, y + 6.0)
}

/// Names, birth, sex and nationality.
fn person(sheet: &mut Sheet<'_>, chance: &mut Chance, form: (f32, Sex)) {
    let (x, sex) = form;
    let zh = Print::new(Face::Kai, 34.0, BLACK);
    let latin = Print::new(Face::Sans, 27.0, BLACK);
    let nation = chance.pick(NATIONS);
    let (surname, given) = nation.name(chance, sex);
    let separator = *chance.pick(&[", ", " "]);
    let english = format!("{surname}{separator}{given}");
    let at = caption(sheet, &Row { at: (x, 152.0), zh: "姓名", en: "Name" });
    let has_chinese = chance.odds(0.6);
    if has_chinese {
        let name = Name::draw(chance, sex);
        sheet.value("name_zh", at, zh, &name.zh);
        sheet.edit_last(|it| it.rare = name.rare);
        sheet.alias("name");
    }
    let second = if has_chinese { (at.0, at.1 + 42.0) } else { at };
    sheet.value_as("name_en", second, latin, (english.as_str(), english.clone()));
    if !has_chinese {
        sheet.alias("name");
    }

    let at = caption(sheet, &Row { at: (x, 242.0), zh: "出生日期", en: "Date of Birth" });
    let birth = Day::draw(chance, 1950, 2006);
    sheet.value_as("birth_date", at, latin, (birth.slashes().as_str(), birth.iso()));
    let at = caption(sheet, &Row { at: (x + 352.0, 242.0), zh: "性別", en: "Sex" });
    let printed = match chance.below(3) {
        0 => sex.letter().to_owned(),
        1 => sex.hanzi().to_owned(),
        _ => format!("{} {}", sex.hanzi(), sex.letter()),
    };
    sheet.value_as("sex", at, latin, (printed.as_str(), sex.letter().to_owned()));
    let at = caption(sheet, &Row { at: (x, 304.0), zh: "國籍", en: "Nationality" });
    sheet.value("nationality", at, zh.sized(30.0), nation.zh);
    sheet.edit_last(|it| it.also.push(nation.code.to_owned()));
}

/// Number, dates and purpose of the permit.
fn permit(sheet: &mut Sheet<'_>, chance: &mut Chance, form: (f32, Sex)) {
    let (x, sex) = form;
    let latin = Print::new(Face::Sans, 27.0, BLACK);
    let zh = Print::new(Face::Kai, 30.0, BLACK);
    let at = caption(sheet, &Row { at: (x, 366.0), zh: "居留事由", en: "Purpose" });
    sheet.value("purpose", at, zh, *chance.pick(PURPOSES));
    let issued = Day::draw(chance, 2018, 2025);
    let old = issued.year < 2021;
    let expires = issued.plus_years(chance.between(1, 5));
    let roc = chance.odds(0.15);
    let show = |day: Day| if roc { day.roc_slashes() } else { day.slashes() };
    let at = caption(sheet, &Row { at: (x, 428.0), zh: "核發日期", en: "Date of Issue" });
    sheet.value_as("issue_date", at, latin, (show(issued).as_str(), issued.iso()));
    let at = caption(sheet, &Row { at: (50.0, 500.0), zh: "居留期限", en: "Date of Expiry" });
    sheet.value_as("expiry_date", at, latin, (show(expires).as_str(), expires.iso()));
    let valid = chance.odds(0.97);
    let number =
        if old { resident_old(chance, sex, valid) } else { resident_new(chance, sex, valid) };
    let en = *chance.pick(&["ID No.", "UI No."]);
    let at = caption(sheet, &Row { at: (50.0, 574.0), zh: "統一證號", en });
    let figures = Print::new(Face::SansBold, 38.0, BLACK).spaced(2.0);
    sheet.number("residence_no", (at.0, at.1 + 6.0), figures, &number);
    let agency = Print::new(Face::Kai, 22.0, [44, 66, 118]);
    sheet.label((640.0, 586.0), agency, "內政部移民署");
}
