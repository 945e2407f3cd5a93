//! What documents can say: characters, places, closed lists, country codes.

mod charset;
mod country;

pub use charset::allowed;
pub(crate) use charset::{is_han, label_form, registered_form};
pub(crate) use country::is_code as is_country_code;
