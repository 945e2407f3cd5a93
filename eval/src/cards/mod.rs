//! A generator of synthetic identity documents: every picture is the work of its seed, nobody's card.

pub mod camera;
pub mod canvas;
pub mod chance;
pub mod date;
pub mod decor;
mod licence;
pub mod mrz;
mod national;
mod nhi;
pub mod numbers;
pub mod optics;
mod passport;
pub mod people;
pub(crate) mod pixel;
pub mod places;
pub mod plane;
mod resident;
pub mod sheet;
pub mod surroundings;
mod travel;
pub mod truth;
pub mod typeface;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::cards::camera::Photo;
use crate::cards::canvas::Rect;
use crate::cards::chance::Chance;
use crate::cards::sheet::Sheet;
use crate::cards::truth::{Truth, TruthField, TruthMrz, TruthPart};
use crate::cards::typeface::Typefaces;

/// First seed of the test split; development uses the seeds below it.
const FIRST_TEST_SEED: u64 = 1_000_000;

/// Which pictures may be looked at while building, and which only judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Split {
    /// Seeds below 1 000 000.
    Dev,
    /// Seeds from 1 000 000 on.
    Test,
}

impl Split {
    /// Seeds of the split.
    pub fn seeds(self) -> Range<u64> {
        match self {
            Self::Dev => 0..FIRST_TEST_SEED,
            Self::Test => FIRST_TEST_SEED..u64::MAX,
        }
    }

    /// `dev` or `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }
}

/// How much a picture suffered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// A scan.
    Flat,
    /// A phone photo as an applicant takes it: a little tilted, a little soft.
    Phone,
    /// A poor photo: tilted, small, blurred or shaken, with reflections.
    Bad,
}

impl Level {
    /// All, from best to worst.
    pub const ALL: [Self; 3] = [Self::Flat, Self::Phone, Self::Bad];

    /// `flat`, `phone` or `bad`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Phone => "phone",
            Self::Bad => "bad",
        }
    }
}

/// Kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum CardType {
    /// 國民身分證正面.
    TwNationalIdFront,
    /// 國民身分證背面.
    TwNationalIdBack,
    /// 居留證.
    TwResidentCertificate,
    /// 健保卡.
    TwNhiCard,
    /// 駕照.
    TwDriverLicence,
    /// 中華民國護照.
    TwPassport,
    /// Another state's passport.
    Passport,
    /// TD1 card.
    #[value(name = "mrz_td1")]
    MrzTd1,
    /// TD2 card.
    #[value(name = "mrz_td2")]
    MrzTd2,
    /// MRV-A or MRV-B visa.
    Visa,
}

impl CardType {
    /// The mix of a set: document of seed `n` is entry `n mod 20`.
    const MIX: [Self; 20] = [
        Self::TwNationalIdFront,
        Self::TwNationalIdBack,
        Self::TwResidentCertificate,
        Self::TwNhiCard,
        Self::TwDriverLicence,
        Self::TwPassport,
        Self::Passport,
        Self::TwNationalIdFront,
        Self::TwNationalIdBack,
        Self::TwResidentCertificate,
        Self::MrzTd1,
        Self::TwNationalIdFront,
        Self::TwNhiCard,
        Self::TwDriverLicence,
        Self::TwPassport,
        Self::MrzTd2,
        Self::TwNationalIdFront,
        Self::TwNationalIdBack,
        Self::Visa,
        Self::TwResidentCertificate,
    ];

    /// Wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwNationalIdFront => "tw_national_id_front",
            Self::TwNationalIdBack => "tw_national_id_back",
            Self::TwResidentCertificate => "tw_resident_certificate",
            Self::TwNhiCard => "tw_nhi_card",
            Self::TwDriverLicence => "tw_driver_licence",
            Self::TwPassport => "tw_passport",
            Self::Passport => "passport",
            Self::MrzTd1 => "mrz_td1",
            Self::MrzTd2 => "mrz_td2",
            Self::Visa => "visa",
        }
    }

    /// The type that a set gives to `seed`.
    pub fn of_seed(seed: u64) -> Self {
        let place = usize::try_from(seed % 20).unwrap_or(0);
        Self::MIX[place]
    }

    fn print<'a>(self, fonts: &'a Typefaces, chance: &mut Chance) -> Sheet<'a> {
        match self {
            Self::TwNationalIdFront => national::front(fonts, chance),
            Self::TwNationalIdBack => national::back(fonts, chance),
            Self::TwResidentCertificate => resident::front(fonts, chance),
            Self::TwNhiCard => nhi::front(fonts, chance),
            Self::TwDriverLicence => licence::front(fonts, chance),
            Self::TwPassport => passport::taiwan(fonts, chance),
            Self::Passport => passport::foreign(fonts, chance),
            Self::MrzTd1 => travel::td1(fonts, chance),
            Self::MrzTd2 => travel::td2(fonts, chance),
            Self::Visa => travel::visa(fonts, chance),
        }
    }
}

/// One picture to make.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Seed.
    pub seed: u64,
    /// Level.
    pub level: Level,
    /// Kind of document.
    pub card_type: CardType,
}

/// A picture and what is printed on it.
pub struct Sample {
    /// Encoded picture.
    pub image: Vec<u8>,
    /// What is printed on it.
    pub truth: Truth,
}

/// Makes the picture of an order: the same order gives the same bytes.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn make(fonts: &Typefaces, order: Order) -> Result<Sample> {
    let stream = match order.level {
        Level::Flat => 1,
        Level::Phone => 2,
        Level::Bad => 3,
    };
    let mut chance = Chance::new(order.seed, stream);
    let sheet = order.card_type.print(fonts, &mut chance);
    let photo = camera::take(&sheet.canvas, order.level, &mut chance)?;
    let truth = describe(order, &sheet, &photo);
    Ok(Sample { image: photo.bytes, truth })
}

fn describe(order: Order, sheet: &Sheet<'_>, photo: &Photo) -> Truth {
    let locate = |area: Rect| area.corners().map(|it| photo.locate(it).map(round));
    let card = Rect::sized(0.0, 0.0, sheet.canvas.width as f32, sheet.canvas.height as f32);
    let mut fields = BTreeMap::new();
    for it in &sheet.printed {
        let field = TruthField {
            value: it.value.clone(),
            also: it.also.clone(),
            raw: it.raw.clone(),
            polygon: locate(it.area),
            parts: it
                .parts
                .iter()
                .map(|(raw, area)| TruthPart { raw: raw.clone(), polygon: locate(*area) })
                .collect(),
            valid: it.valid,
            rare: it.rare,
        };
        fields.insert(it.name.to_owned(), field);
    }
    let mrz = sheet.zone.as_ref().map(|zone| TruthMrz {
        format: zone.format.to_owned(),
        lines: zone.lines.clone(),
        polygons: zone.areas.iter().map(|it| locate(*it)).collect(),
    });
    let split = if order.seed < FIRST_TEST_SEED { Split::Dev } else { Split::Test };
    let (kind, level) = (order.card_type.as_str(), order.level.as_str());
    Truth {
        image: format!("{kind}-{level}-{:07}.{}", order.seed, photo.extension),
        seed: order.seed,
        split: split.as_str().to_owned(),
        level: level.to_owned(),
        document_type: kind.to_owned(),
        width: pixel::side(photo.width),
        height: pixel::side(photo.height),
        rotation: photo.rotation,
        corners: locate(card),
        fields,
        mrz,
    }
}

fn round(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

/// Which pictures a set has.
#[derive(Clone, Debug)]
pub struct SetOrder {
    /// Split.
    pub split: Split,
    /// Levels, each with `count` pictures.
    pub levels: Vec<Level>,
    /// Pictures of each level.
    pub count: u64,
    /// First seed; by default the split's first.
    pub first_seed: Option<u64>,
    /// Only this kind of document instead of the mix.
    pub card_type: Option<CardType>,
}

impl SetOrder {
    /// The pictures to make, level by level.
    ///
    /// # Errors
    /// When a seed would lie outside the split.
    pub fn orders(&self) -> Result<Vec<Order>> {
        let seeds = self.split.seeds();
        let first = self.first_seed.unwrap_or(seeds.start);
        let end = first.checked_add(self.count).context("too many pictures")?;
        ensure!(
            seeds.start <= first && end <= seeds.end,
            "seeds {first}..{end} are not all in split {}",
            self.split.as_str()
        );
        let levels = self.levels.iter().copied();
        let orders = levels.flat_map(|level| {
            (first..end).map(move |seed| {
                let card_type = self.card_type.unwrap_or_else(|| CardType::of_seed(seed));
                Order { seed, level, card_type }
            })
        });
        Ok(orders.collect())
    }
}

/// Writes a set into a folder: the pictures and `truth.jsonl`. Returns the number of pictures.
///
/// # Errors
/// When a font is missing, a seed lies outside the split, or a file cannot be written.
pub fn write_set(set: &SetOrder, folder: &Path) -> Result<usize> {
    let fonts = Typefaces::load()?;
    let orders = set.orders()?;
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut lines = Vec::new();
    for order in &orders {
        let sample = make(&fonts, *order)?;
        let path = folder.join(&sample.truth.image);
        fs::write(&path, &sample.image)
            .with_context(|| format!("failed to write {}", path.display()))?;
        serde_json::to_writer(&mut lines, &sample.truth)?;
        lines.write_all(b"\n")?;
    }
    let path = folder.join("truth.jsonl");
    fs::write(&path, lines).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(orders.len())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::ValueEnum as _;

    use super::{CardType, Level, Order, SetOrder, Split, Truth, Typefaces, make};
    use crate::idcard::peer::load_records;

    fn set(split: Split, first_seed: Option<u64>, count: u64) -> SetOrder {
        SetOrder { split, levels: vec![Level::Phone], count, first_seed, card_type: None }
    }

    #[test]
    fn splits_share_no_seed() {
        assert!(set(Split::Dev, Some(999_990), 10).orders().is_ok());
        assert!(set(Split::Dev, Some(999_991), 10).orders().is_err());
        assert!(set(Split::Test, Some(999_999), 1).orders().is_err());
        assert_eq!(set(Split::Test, None, 2).orders().unwrap()[1].seed, 1_000_001);
    }

    #[test]
    fn the_same_order_gives_the_same_picture() {
        let fonts = Typefaces::load().unwrap();
        let order = Order { seed: 11, level: Level::Bad, card_type: CardType::TwDriverLicence };
        let (first, second) = (make(&fonts, order).unwrap(), make(&fonts, order).unwrap());
        assert!(first.image == second.image && first.truth == second.truth);
        let other = make(&fonts, Order { seed: 12, ..order }).unwrap();
        assert!(first.image != other.image);
    }

    #[test]
    fn committed_pictures_are_still_made_from_their_seeds() {
        let fonts = Typefaces::load().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/idcard");
        let kept: Vec<Truth> = load_records(&folder.join("truth.jsonl")).unwrap();
        assert_eq!(kept.len(), 6);
        for mut kept in kept {
            let card_type = CardType::from_str(&kept.document_type, false).unwrap();
            let order = Order { seed: kept.seed, level: Level::Phone, card_type };
            let made = make(&fonts, order).unwrap().truth;
            kept.image.clone_from(&made.image);
            assert_eq!(kept, made);
        }
    }

    #[test]
    fn every_kind_has_its_fields_inside_the_picture() {
        let fonts = Typefaces::load().unwrap();
        for (idx, card_type) in (0..20).map(|it| (it, CardType::of_seed(it))) {
            let level = Level::ALL[usize::try_from(idx).unwrap() % 3];
            let truth = make(&fonts, Order { seed: idx, level, card_type }).unwrap().truth;
            let polygons = truth.fields.values().map(|it| it.polygon);
            let lines = truth.mrz.iter().flat_map(|it| it.polygons.clone());
            for point in polygons.chain(lines).flatten() {
                let inside = |value: f32, side: u32| value > 0.0 && value < side as f32;
                assert!(
                    inside(point[0], truth.width) && inside(point[1], truth.height),
                    "{idx}: {truth:?}"
                );
            }
            assert!(truth.fields.len() >= 4, "{idx}: {truth:?}");
            let zoned =
                !truth.document_type.starts_with("tw_") || truth.document_type == "tw_passport";
            assert_eq!(truth.mrz.is_some(), zoned, "{idx}");
            let json = serde_json::to_string(&truth).unwrap();
            assert_eq!(serde_json::from_str::<Truth>(&json).unwrap(), truth);
        }
    }
}
