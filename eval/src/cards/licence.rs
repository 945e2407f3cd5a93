//! 汽車與機車駕駛執照.

use crate::cards::canvas::{Colour, Rect, wash};
use crate::cards::chance::Chance;
use crate::cards::date::Day;
use crate::cards::decor;
use crate::cards::national::wrap;
use crate::cards::numbers::national_id;
use crate::cards::people::{Person, Sex};
use crate::cards::places;
use crate::cards::sheet::{Print, Sheet};
use crate::cards::typeface::{Face, Typefaces};

const BLACK: Colour = [24, 24, 26];
const CLASSES: &[(&str, &[&str])] = &[
    (
        "中華民國汽車駕駛執照",
        &[
            "普通小型車",
            "普通大貨車",
            "普通大客車",
            "職業小型車",
            "職業大貨車",
            "職業大客車",
            "職業聯結車",
        ],
    ),
    ("中華民國機車駕駛執照", &["普通重型機車", "普通輕型機車", "大型重型機車"]),
];

/// The front of a driver licence.
pub(crate) fn front<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let person = Person::draw(chance);
    let (title, classes) = *chance.pick(CLASSES);
    let car = title.contains("汽車");
    let mut sheet = Sheet::new(fonts, chance, 631.0, [238, 240, 226]);
    let edge = if car { [232, 226, 200] } else { [214, 232, 214] };
    decor::tint(&mut sheet.canvas, [edge, [246, 244, 232], edge, [240, 238, 224]]);
    decor::waves(&mut sheet.canvas, chance, &[[190, 176, 130], [160, 190, 170]], 0.32);
    let heading = Print::new(Face::Kai, 44.0, [60, 42, 30]).spaced(10.0).bold();
    sheet.centred(500.0, 74.0, heading, title);
    let frame = decor::units(Rect::sized(36.0, 100.0, 928.0, 500.0));
    sheet.canvas.frame(frame, 2.0, wash([110, 90, 70], 0.8));

    holder(&mut sheet, chance, &person);
    let issued = Day::draw(chance, (person.birth.year + 18).clamp(2006, 2025), 2025);
    let class = *chance.pick(classes);
    terms(&mut sheet, chance, issued, class);

    let frame = decor::units(Rect::sized(714.0, 118.0, 226.0, 286.0));
    decor::portrait(&mut sheet.canvas, chance, frame, person.sex == Sex::Female);
    decor::specimen(&mut sheet, chance);
    sheet
}

fn caption(sheet: &mut Sheet<'_>, at: (f32, f32), text: &str) -> (f32, f32) {
    let print = Print::new(Face::Kai, 25.0, [84, 60, 44]).spaced(if text.chars().count() == 2 {
        50.0
    } else {
        0.0
    });
    sheet.label(at, print, text);
    (at.0 + 120.0, at.1 + 3.0)
}

/// Number, name, birth, sex and address.
fn holder(sheet: &mut Sheet<'_>, chance: &mut Chance, person: &Person) {
    let zh = Print::new(Face::Kai, 31.0, BLACK);
    let figures = Print::new(Face::Sans, 29.0, BLACK).spaced(1.0);
    let valid = chance.odds(0.97);
    let number = national_id(chance, person.sex, valid);
    let at = caption(sheet, (60.0, 156.0), "駕照號碼");
    sheet.number("id_number", at, figures, &number);
    let at = caption(sheet, (60.0, 216.0), "姓名");
    sheet.value("name", at, zh, &person.name.zh);
    sheet.edit_last(|it| it.rare = person.name.rare);
    let at = caption(sheet, (420.0, 216.0), "性別");
    sheet.value_as("sex", at, zh, (person.sex.hanzi(), person.sex.letter().to_owned()));
    let at = caption(sheet, (60.0, 276.0), "出生日期");
    let birth = date(chance, person.birth);
    sheet.value_as("birth_date", at, zh.sized(29.0), (birth.as_str(), person.birth.iso()));
    let at = caption(sheet, (60.0, 336.0), "住址");
    let address = places::address(chance, false);
    let small = zh.sized(28.0);
    let lines = wrap(sheet, small, &address, 490.0);
    sheet.lines("address", at, small, (&lines, 38.0));
}

/// Class, dates and control number.
fn terms(sheet: &mut Sheet<'_>, chance: &mut Chance, issued: Day, class: &str) {
    let zh = Print::new(Face::Kai, 29.0, BLACK);
    let at = caption(sheet, (60.0, 452.0), "駕照種類");
    sheet.value("licence_class", at, zh, class);
    let at = caption(sheet, (60.0, 512.0), "發照日期");
    let raw = date(chance, issued);
    sheet.value_as("issue_date", at, zh, (raw.as_str(), issued.iso()));
    let at = caption(sheet, (500.0, 512.0), "有效日期");
    let expires = issued.plus_years(*chance.pick(&[3, 6, 6, 10]));
    let raw = date(chance, expires);
    sheet.value_as("expiry_date", at, zh, (raw.as_str(), expires.iso()));
    let at = caption(sheet, (60.0, 572.0), "管轄編號");
    let figures = Print::new(Face::Sans, 28.0, BLACK).spaced(1.0);
    let control = chance.digits(12);
    sheet.value("control_number", at, figures, &control);
}

fn date(chance: &mut Chance, day: Day) -> String {
    match chance.below(4) {
        0 => day.roc_padded("/"),
        1 => day.roc_padded("."),
        _ => day.roc_words(""),
    }
}
