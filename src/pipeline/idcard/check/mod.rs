//! What a value must satisfy, whatever document it stands on: calendars and check digits.

mod date;
mod number;

pub use date::Date;
pub(crate) use date::roc_year;
pub(crate) use number::{IdNumber, Sex};
