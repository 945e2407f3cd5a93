//! 全民健康保險卡.

use crate::cards::canvas::{Colour, Rect};
use crate::cards::chance::Chance;
use crate::cards::decor;
use crate::cards::numbers::national_id;
use crate::cards::people::{Person, Sex};
use crate::cards::sheet::{Print, Sheet};
use crate::cards::typeface::{Face, Typefaces};

const BLACK: Colour = [20, 20, 24];

/// The front of an NHI card; the portrait is optional, as on real ones.
pub(crate) fn front<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let person = Person::draw(chance);
    let mut sheet = Sheet::new(fonts, chance, 631.0, [240, 226, 232]);
    decor::tint(
        &mut sheet.canvas,
        [[252, 232, 236], [226, 236, 250], [214, 238, 232], [246, 238, 222]],
    );
    decor::waves(&mut sheet.canvas, chance, &[[236, 180, 196], [176, 204, 230]], 0.3);
    let title = Print::new(Face::Sung, 54.0, [36, 64, 124]).spaced(18.0).bold();
    sheet.label((214.0, 92.0), title, "全民健康保險");
    let english = Print::new(Face::Sans, 22.0, [36, 64, 124]).spaced(2.0);
    sheet.label((216.0, 128.0), english, "NATIONAL HEALTH INSURANCE");
    decor::blossom(&mut sheet.canvas, (150.0, 100.0), 52.0, [226, 84, 110]);
    decor::chip(&mut sheet.canvas, decor::units(Rect::sized(88.0, 196.0, 150.0, 124.0)));

    let x = chance.range(86.0, 110.0);
    let zh = Print::new(Face::Kai, chance.range(38.0, 44.0), BLACK).spaced(6.0);
    sheet.value("name", (x, 384.0), zh, &person.name.zh);
    sheet.edit_last(|it| it.rare = person.name.rare);
    let figures = Print::new(Face::Sans, 34.0, BLACK).spaced(2.0);
    let valid = chance.odds(0.97);
    let number = national_id(chance, person.sex, valid);
    sheet.number("id_number", (x, 438.0), figures, &number);
    let birth =
        if chance.odds(0.75) { person.birth.roc_slashes() } else { person.birth.roc_padded("/") };
    sheet.value_as("birth_date", (x, 492.0), figures, (birth.as_str(), person.birth.iso()));
    let groups: Vec<String> = (0..3).map(|_| chance.digits(4)).collect();
    let wide = Print::new(Face::Sans, 42.0, BLACK).spaced(4.0);
    sheet.value("card_number", (x, 572.0), wide, &groups.join("  "));

    if chance.odds(0.85) {
        let frame = decor::units(Rect::sized(690.0, 200.0, 230.0, 290.0));
        decor::portrait(&mut sheet.canvas, chance, frame, person.sex == Sex::Female);
    }
    decor::specimen(&mut sheet, chance);
    sheet
}
