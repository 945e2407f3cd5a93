//! Elements of a tensor, out of JSON and out of bytes: never more than its shape says.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::task::infer::Datatype;
use crate::tensor::{ShapeError, Tensor};

/// Reads `data` of a tensor: a flat list, or lists in lists by its shape.
///
/// # Errors
/// When there are more or fewer elements than the shape says, or one is not of the type.
pub(super) fn from_json(
    json: &str,
    shape: &[usize],
    datatype: Datatype,
) -> Result<Tensor, serde_json::Error> {
    match datatype {
        Datatype::Fp32 => built(Tensor::f32(shape, elements(json, shape)?)),
        Datatype::Int64 => built(Tensor::i64(shape, elements(json, shape)?)),
    }
}

/// Reads little-endian elements; `None` when there are more or fewer than the shape says.
pub(super) fn from_bytes(bytes: &[u8], shape: &[usize], datatype: Datatype) -> Option<Tensor> {
    match datatype {
        Datatype::Fp32 => {
            let (values, rest) = bytes.as_chunks();
            let values = values.iter().map(|it| f32::from_le_bytes(*it)).collect();
            Tensor::f32(shape, values).ok().filter(|_| rest.is_empty())
        }
        Datatype::Int64 => {
            let (values, rest) = bytes.as_chunks();
            let values = values.iter().map(|it| i64::from_le_bytes(*it)).collect();
            Tensor::i64(shape, values).ok().filter(|_| rest.is_empty())
        }
    }
}

fn built(tensor: Result<Tensor, ShapeError>) -> Result<Tensor, serde_json::Error> {
    tensor.map_err(serde_json::Error::custom)
}

fn elements<T: Element>(json: &str, shape: &[usize]) -> Result<Vec<T>, serde_json::Error> {
    let n_elements: usize = shape.iter().product();
    // No element is shorter than a digit and a comma: a shape alone reserves nothing.
    let mut values = Vec::with_capacity(n_elements.min(json.len() / 2 + 1));
    let is_nested =
        json.trim_start().strip_prefix('[').is_some_and(|it| it.trim_start().starts_with('['));
    let flat = [n_elements];
    let dims = if is_nested { shape } else { &flat };
    let mut reader = serde_json::Deserializer::from_str(json);
    Nested { dims, values: &mut values }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(values)
}

/// A number that a tensor can hold.
trait Element: Sized {
    const WANTED: &'static str;

    fn of_float(value: f64) -> Option<Self>;
    fn of_signed(value: i64) -> Option<Self>;
    fn of_unsigned(value: u64) -> Option<Self>;
}

impl Element for f32 {
    const WANTED: &'static str = "a number within the range of 32-bit floats";

    #[expect(clippy::cast_possible_truncation, reason = "the nearest float is what is meant")]
    fn of_float(value: f64) -> Option<f32> {
        Some(value as f32).filter(|it| it.is_finite())
    }

    fn of_signed(value: i64) -> Option<f32> {
        Some(value as f32)
    }

    fn of_unsigned(value: u64) -> Option<f32> {
        Some(value as f32)
    }
}

impl Element for i64 {
    const WANTED: &'static str = "an integer of 64 bits";

    fn of_float(_: f64) -> Option<i64> {
        None
    }

    fn of_signed(value: i64) -> Option<i64> {
        Some(value)
    }

    fn of_unsigned(value: u64) -> Option<i64> {
        i64::try_from(value).ok()
    }
}

/// Lists in lists of exactly these sizes, or a number where there is no size left.
struct Nested<'v, T> {
    dims: &'v [usize],
    values: &'v mut Vec<T>,
}

impl<'de, T: Element> DeserializeSeed<'de> for Nested<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        match self.dims.split_first() {
            Some((&n_items, dims)) => {
                reader.deserialize_seq(List { n_items, dims, values: self.values })
            }
            None => {
                self.values.push(reader.deserialize_any(Number(PhantomData))?);
                Ok(())
            }
        }
    }
}

struct List<'v, T> {
    n_items: usize,
    dims: &'v [usize],
    values: &'v mut Vec<T>,
}

impl<'de, T: Element> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.n_items)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for n_read in 0..self.n_items {
            let item = Nested { dims: self.dims, values: &mut *self.values };
            if items.next_element_seed(item)?.is_none() {
                return Err(A::Error::invalid_length(n_read, &self));
            }
        }
        match items.next_element::<serde::de::IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(self.n_items + 1, &self)),
            None => Ok(()),
        }
    }
}

struct Number<T>(PhantomData<T>);

impl<T: Element> Number<T> {
    fn checked<E: Error>(value: Option<T>) -> Result<T, E> {
        value.ok_or_else(|| E::custom(T::WANTED))
    }
}

impl<T: Element> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WANTED)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Number::checked(T::of_float(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        Number::checked(T::of_signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        Number::checked(T::of_unsigned(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, shape: &[usize], datatype: Datatype, expected: Option<Tensor>) {
        assert_eq!(from_json(json, shape, datatype).ok(), expected, "{json}");
    }

    #[test]
    fn lists_are_flat_or_nested_by_the_shape() {
        let four = || Tensor::f32([2, 2], vec![1.0, -2.5, 3.0, 4.0]).ok();
        check("[1, -2.5, 3, 4]", &[2, 2], Datatype::Fp32, four());
        check(" [ [1, -2.5], [3e0, 4]]", &[2, 2], Datatype::Fp32, four());
        let large = Tensor::i64([1, 2], vec![i64::MAX, i64::MIN]).ok();
        check("[9223372036854775807,-9223372036854775808]", &[1, 2], Datatype::Int64, large);
        for wrong in [
            "[1,2,3]",
            "[1,2,3,4,5]",
            "[[1,2,3],[4]]",
            "[[1,2]]",
            "[[[1],[2]],[[3],[4]]]",
            "[1,2,3,\"4\"]",
            "[1,2,3,null]",
            "[1,2,3,1e39]",
            "1",
            "{}",
            "[[1,2],3,4]",
        ] {
            check(wrong, &[2, 2], Datatype::Fp32, None);
        }
        check("[1.5]", &[1], Datatype::Int64, None);
        check("[9223372036854775808]", &[1], Datatype::Int64, None);
        check("[]", &[usize::MAX], Datatype::Fp32, None);
    }

    #[test]
    fn bytes_are_little_endian_and_exactly_as_many() {
        let bytes = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
        let expected = Tensor::f32([2], vec![1.0, -2.0]).ok();
        assert_eq!(from_bytes(&bytes, &[2], Datatype::Fp32), expected);
        for wrong in [&bytes[..7], &bytes[..4], &[]] {
            assert_eq!(from_bytes(wrong, &[2], Datatype::Fp32), None);
        }
        let one = Tensor::i64([1], vec![i64::from_le_bytes(bytes)]).ok();
        assert_eq!(from_bytes(&bytes, &[1], Datatype::Int64), one);
    }
}
