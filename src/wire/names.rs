//! Closed sets as they appear in JSON: each a string, each an `enum` in the API description.

use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::task::{idcard, prediction, text};

/// Defines the wire form of a closed set with `ALL` and `as_str`.
macro_rules! wire_name {
    ($(#[$doc:meta])* $name:ident: $of:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $of);

        impl $name {
            /// The value with this wire name.
            pub fn parse(text: &str) -> Option<$of> {
                <$of>::ALL.into_iter().find(|it| it.as_str() == text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_str())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .enum_values(Some(<$of>::ALL.map(<$of>::as_str)))
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

wire_name! {
    /// How far an answer may be used before a person has read the case.
    Automation: text::Automation
}
wire_name! {
    /// Kind of document.
    DocumentType: idcard::DocumentType
}
wire_name! {
    /// Name of a field.
    FieldName: idcard::FieldName
}
wire_name! {
    /// How far a value may be trusted.
    FieldStatus: idcard::FieldStatus
}
wire_name! {
    /// Layout of a machine-readable zone.
    MrzFormat: idcard::MrzFormat
}
wire_name! {
    /// Why to take a picture again.
    RetakeReason: idcard::RetakeReason
}

wire_name! {
    /// What an officer decided.
    Verdict: prediction::Verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<idcard::DocumentType>) {
        assert_eq!(DocumentType::parse(text), expected, "{text}");
    }

    #[test]
    fn names_are_parsed_exactly() {
        check("tw_nhi_card", Some(idcard::DocumentType::TwNhiCard));
        check("TW_NHI_CARD", None);
        check("", None);
    }
}
