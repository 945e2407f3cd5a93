//! What documents can say: characters, places, closed lists, country codes.

mod charset;
mod country;
mod list;
mod place;

pub use charset::allowed;
pub(crate) use charset::{label_form, registered_form};
pub(crate) use country::is_code as is_country_code;
pub(crate) use list::{
    ISSUE_KINDS, LICENCE_CLASSES, MILITARY_SERVICE, NATIONALITIES, PURPOSES, begins_surname,
};
pub(crate) use place::{AUTHORITIES, BIRTH_PLACES, ISSUE_PLACES, counties};
