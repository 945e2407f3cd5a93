//! What documents can say: characters, places, closed lists, country codes.

mod charset;

pub use charset::allowed;
