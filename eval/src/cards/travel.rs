//! Machine-readable cards and visas from abroad: TD1, TD2, MRV-A and MRV-B.

use crate::cards::canvas::{Colour, Rect, wash};
use crate::cards::chance::Chance;
use crate::cards::decor;
use crate::cards::mrz::Zone;
use crate::cards::passport::{note_name, zone};
use crate::cards::people::{NATIONS, Nation, Sex};
use crate::cards::sheet::{Print, Sheet};
use crate::cards::typeface::{Face, Typefaces};

const BLACK: Colour = [24, 24, 28];

/// What distinguishes one kind of these documents from another.
struct Form {
    format: &'static str,
    kind: &'static str,
    height: f32,
    title: &'static str,
}

/// A card of three lines of 30.
pub(crate) fn td1<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let title = *chance.pick(&["IDENTITY CARD", "RESIDENCE PERMIT"]);
    let kind = *chance.pick(&["I", "AC", "IR"]);
    document(fonts, chance, &Form { format: "TD1", kind, height: 631.0, title })
}

/// A card of two lines of 36.
pub(crate) fn td2<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    document(
        fonts,
        chance,
        &Form { format: "TD2", kind: "I", height: 705.0, title: "IDENTITY CARD" },
    )
}

/// A visa of either size.
pub(crate) fn visa<'a>(fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
    let form = if chance.odds(0.5) {
        Form { format: "MRV-A", kind: "V", height: 667.0, title: "VISA" }
    } else {
        Form { format: "MRV-B", kind: "V", height: 705.0, title: "VISA" }
    };
    document(fonts, chance, &form)
}

fn document<'a>(fonts: &'a Typefaces, chance: &mut Chance, form: &Form) -> Sheet<'a> {
    let nation = chance.pick(NATIONS);
    let sex = Sex::draw(chance);
    let zone = zone(chance, nation, sex, form.kind);
    let mut sheet = Sheet::new(fonts, chance, form.height, [232, 236, 240]);
    decor::tint(
        &mut sheet.canvas,
        [[222, 234, 242], [242, 236, 226], [228, 240, 228], [238, 228, 238]],
    );
    decor::waves(&mut sheet.canvas, chance, &[[150, 170, 210], [190, 190, 150]], 0.34);
    let head = Print::new(Face::SansBold, 30.0, [36, 56, 104]);
    sheet.label((44.0, 58.0), head, form.title);
    sheet.label((420.0, 58.0), head.sized(24.0), nation.printed);
    fields(&mut sheet, nation, &zone);
    let (y, lines) = match form.format {
        "TD1" => (form.height - 142.0, zone.td1()),
        "TD2" => (form.height - 96.0, zone.td2()),
        "MRV-A" => (form.height - 84.0, zone.visa(44)),
        _ => (form.height - 96.0, zone.visa(36)),
    };
    let band = decor::units(Rect::sized(0.0, y - 46.0, 1000.0, form.height - y + 46.0));
    sheet.canvas.rect(band, wash([250, 250, 248], 0.6));
    sheet.machine_zone(form.format, (42.0, y), 912.0, lines);
    let frame = decor::units(Rect::sized(44.0, 86.0, 230.0, 290.0));
    decor::portrait(&mut sheet.canvas, chance, frame, sex == Sex::Female);
    decor::specimen(&mut sheet, chance);
    sheet
}

fn fields(sheet: &mut Sheet<'_>, nation: &Nation, zone: &Zone) {
    let print = Print::new(Face::Sans, 25.0, BLACK);
    let at = caption(sheet, (310.0, 106.0), "Surname");
    let upper = sheet.fill(at, print, &zone.surname);
    let at = caption(sheet, (310.0, 172.0), "Given names");
    let lower = sheet.fill(at, print, &zone.given);
    note_name(sheet, zone, (upper, lower));
    let at = caption(sheet, (310.0, 238.0), "Date of birth");
    sheet.value_as("birth_date", at, print, (zone.birth.english().as_str(), zone.birth.iso()));
    let at = caption(sheet, (580.0, 238.0), "Sex");
    sheet.value("sex", at, print, zone.sex.letter());
    let at = caption(sheet, (680.0, 238.0), "Nationality");
    sheet.value_as("nationality", at, print, (nation.code, nation.code.into()));
    let at = caption(sheet, (310.0, 304.0), "Document No.");
    sheet.value("card_number", at, print, &zone.number);
    let at = caption(sheet, (310.0, 370.0), "Date of expiry");
    sheet.value_as("expiry_date", at, print, (zone.expiry.english().as_str(), zone.expiry.iso()));
}

fn caption(sheet: &mut Sheet<'_>, at: (f32, f32), text: &str) -> (f32, f32) {
    sheet.label(at, Print::new(Face::Sans, 15.0, [60, 76, 100]), text);
    (at.0, at.1 + 30.0)
}
