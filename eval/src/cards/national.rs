//! 國民身分證 (2005 layout): front and back.

use crate::cards::canvas::{Colour, Rect, wash};
use crate::cards::chance::Chance;
use crate::cards::date::{Day, TODAY};
use crate::cards::decor;
use crate::cards::numbers::national_id;
use crate::cards::people::{Name, Person, Sex};
use crate::cards::places;
use crate::cards::sheet::{Print, Sheet, UNIT};
use crate::cards::typeface::{Face, Typefaces};

const HEIGHT: f32 = 631.0;
const BROWN: Colour = [96, 52, 48];
const BLACK: Colour = [26, 24, 28];

/// 役別: what men's cards carry.
const SERVICE: &[&str] = &[
    "常兵備役",
    "常士備役",
    "常官備役",
    "替代備役",
    "預官",
    "預士",
    "國民兵",
    "補充兵",
    "免役",
    "停役兵",
];

/// The front: name, birth, sex, issue and number.
pub(crate) fn front<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let person = Person::draw(chance);
    let mut sheet = ground(fonts, chance);
    let title = Print::new(Face::Kai, 50.0, [140, 44, 52]).spaced(chance.range(8.0, 16.0)).bold();
    sheet.centred(470.0, 82.0, title, "中華民國國民身分證");
    let label = Print::new(Face::Kai, 28.0, BROWN);
    let value = Print::new(Face::Kai, chance.range(34.0, 38.0), BLACK);

    sheet.label((52.0, 188.0), label.spaced(34.0), "姓名");
    let name = value.sized(chance.range(52.0, 60.0)).spaced(chance.range(10.0, 34.0)).bold();
    sheet.value("name", (196.0, 196.0), name, &person.name.zh);
    sheet.edit_last(|it| it.rare = person.name.rare);

    sheet.label((52.0, 284.0), label.spaced(34.0), "出生");
    sheet.label((52.0, 318.0), label.spaced(3.0), "年月日");
    let blank = chance.text(&[" ", " ", ""]);
    let birth = (person.birth.roc_words(blank), person.birth.iso());
    sheet.value_as("birth_date", (176.0, 306.0), value, (birth.0.as_str(), birth.1));
    let sex_at = 528.0_f32.max(176.0 + sheet.width(value, &person.birth.roc_words(blank)) + 26.0);
    sheet.label((sex_at, 304.0), label, "性別");
    let sex = (person.sex.hanzi(), person.sex.letter().to_owned());
    sheet.value_as("sex", (sex_at + 74.0, 306.0), value, sex);

    issue(&mut sheet, chance, (label, value), person.birth);

    let valid = chance.odds(0.97);
    let number = national_id(chance, person.sex, valid);
    sheet.label((484.0, 590.0), label, "統一編號");
    let figures = Print::new(Face::Sans, chance.range(44.0, 50.0), BLACK).spaced(4.0);
    sheet.number("id_number", (632.0, 596.0), figures, &number);

    let frame = decor::units(Rect::sized(706.0, 118.0, 236.0, 326.0));
    decor::portrait(&mut sheet.canvas, chance, frame, person.sex == Sex::Female);
    let serial = Print::new(Face::Sans, 15.0, [150, 70, 60]).vertical();
    let digits = chance.digits(10);
    sheet.label((962.0, 160.0), serial, &digits);
    finish(&mut sheet, chance);
    sheet
}

/// 發證日期 with its place and kind: 「民國94年7月1日 (北市)換發」.
fn issue(sheet: &mut Sheet<'_>, chance: &mut Chance, prints: (Print, Print), birth: Day) {
    let (label, value) = prints;
    sheet.label((52.0, 404.0), label.spaced(34.0), "發證");
    sheet.label((52.0, 438.0), label.spaced(34.0), "日期");
    let first = 2005.max(birth.year + 14);
    let issued = Day::draw(chance, first.min(TODAY.year - 1), TODAY.year - 1);
    let raw = issued.roc_words("");
    let (mut x, y) = (176.0, 426.0);
    sheet.value_as("issue_date", (x, y), value, (raw.as_str(), issued.iso()));
    x += sheet.width(value, &raw) + chance.range(4.0, 16.0);
    let small = value.sized(32.0);
    let place = places::issue_place(chance, issued.year);
    sheet.fill((x, y), small, "(");
    x += sheet.width(small, "(");
    sheet.value("issue_place", (x, y), small, place);
    x += sheet.width(small, place);
    sheet.fill((x, y), small, ")");
    x += sheet.width(small, ")") + 2.0;
    sheet.value("issue_kind", (x, y), small, chance.text(&["初發", "補發", "換發", "換發"]));
}

/// The back: family, service, birth place, address, serial number.
pub(crate) fn back<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let person = Person::draw(chance);
    let mut sheet = ground(fonts, chance);
    let label = Print::new(Face::Kai, 28.0, BROWN);
    let value = Print::new(Face::Kai, chance.range(34.0, 38.0), BLACK);

    sheet.label((50.0, 92.0), label, "父");
    name(&mut sheet, "father", (128.0, 96.0), value, &Name::draw(chance, Sex::Male));
    sheet.label((500.0, 92.0), label, "母");
    name(&mut sheet, "mother", (578.0, 96.0), value, &Name::draw(chance, Sex::Female));
    sheet.label((50.0, 182.0), label, "配偶");
    if chance.odds(0.6) {
        let sex = if person.sex == Sex::Male { Sex::Female } else { Sex::Male };
        name(&mut sheet, "spouse", (148.0, 186.0), value, &Name::draw(chance, sex));
    }
    sheet.label((500.0, 182.0), label, "役別");
    if person.sex == Sex::Male && chance.odds(0.85) {
        sheet.value("military_service", (598.0, 186.0), value, chance.text(SERVICE));
    }
    sheet.label((50.0, 272.0), label, "出生地");
    let birth_place = places::birth_place(chance);
    sheet.value("birth_place", (176.0, 276.0), value, &birth_place);
    sheet.label((50.0, 362.0), label, "住址");
    let full_width = chance.odds(0.35);
    let address = places::address(chance, full_width);
    let small = value.sized(33.0);
    let lines = wrap(&sheet, small, &address, 780.0);
    sheet.lines("address", (148.0, 366.0), small, (&lines, 50.0));

    let serial = chance.digits(10);
    let frame = decor::units(Rect::sized(430.0, 506.0, 500.0, 66.0));
    decor::bar_code(&mut sheet.canvas, frame, &serial);
    let figures = Print::new(Face::Sans, 26.0, BLACK).spaced(2.0);
    sheet.value("control_number", (70.0, 578.0), figures, &serial);
    for y in [128.0, 218.0, 308.0, 450.0] {
        let line = (40.0 * UNIT, y * UNIT);
        sheet.canvas.line(line, (960.0 * UNIT, line.1), 1.4, wash([170, 120, 110], 0.6));
    }
    finish(&mut sheet, chance);
    sheet
}

fn name(sheet: &mut Sheet<'_>, field: &'static str, at: (f32, f32), print: Print, name: &Name) {
    sheet.value(field, at, print, &name.zh);
    sheet.edit_last(|it| it.rare = name.rare);
}

/// Breaks `text` into lines not wider than `width`.
pub(crate) fn wrap(sheet: &Sheet<'_>, print: Print, text: &str, width: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for ch in text.chars() {
        let fits =
            lines.last().is_some_and(|line| sheet.width(print, &format!("{line}{ch}")) <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(ch);
        }
    }
    lines
}

fn ground<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let mut sheet = Sheet::new(fonts, chance, HEIGHT, [250, 240, 232]);
    let pink = [250, 226, 222];
    let shades = [pink, [246, 238, 214], [232, 240, 220], [244, 230, 236]];
    decor::tint(&mut sheet.canvas, shades);
    decor::waves(
        &mut sheet.canvas,
        chance,
        &[[226, 150, 150], [160, 196, 160], [222, 186, 120]],
        0.3,
    );
    for _ in 0..3 {
        let centre = (chance.range(100.0, 1150.0), chance.range(80.0, 720.0));
        let radius = chance.range(60.0, 130.0);
        decor::rosette(&mut sheet.canvas, centre, radius, ([214, 130, 140], 0.2, 9));
    }
    let blossom = (360.0 * UNIT, 360.0 * UNIT);
    decor::blossom(&mut sheet.canvas, blossom, 150.0 * UNIT, [250, 214, 214]);
    decor::specimen(&mut sheet, chance);
    sheet
}

fn finish(sheet: &mut Sheet<'_>, chance: &mut Chance) {
    if chance.odds(0.6) {
        let (x, y) = (chance.range(560.0, 640.0), chance.range(90.0, 150.0));
        let patch = decor::units(Rect::sized(x, y, 120.0, 110.0));
        decor::hologram(&mut sheet.canvas, chance, patch);
    }
}
