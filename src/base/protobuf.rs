//! The protobuf wire format, as far as ONNX files, SentencePiece models and gRPC need it: no schema, no copies.

/// The bytes are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed protobuf message")]
pub(crate) struct Malformed;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A variable-length integer.
    Number(u64),
    /// Text, bytes, a submessage, or packed numbers.
    Bytes(&'a [u8]),
    /// Four bytes, little-endian: a float or a fixed integer.
    Fixed32([u8; 4]),
    /// Eight bytes; nothing here reads them.
    Fixed64,
}

/// The fields of a message as number and value, one after another; ends after the first error.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) fn new(message: &'a [u8]) -> Fields<'a> {
        Fields(message)
    }

    /// The numbers of a packed field.
    pub(crate) fn packed(bytes: &'a [u8]) -> impl Iterator<Item = Result<u64, Malformed>> {
        let mut rest = Fields(bytes);
        std::iter::from_fn(move || {
            if rest.0.is_empty() {
                return None;
            }
            let number = rest.number().ok_or(Malformed);
            if number.is_err() {
                rest.0 = &[];
            }
            Some(number)
        })
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed64)?,
            2 => {
                let len = self.number()?;
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Fixed32(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

/// `bytes` as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

/// Appends a number.
pub(crate) fn put_number(message: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(message, field << 3);
    put_varint(message, value);
}

/// Appends text, bytes or a submessage.
pub(crate) fn put_bytes(message: &mut Vec<u8>, field: u64, content: &[u8]) {
    put_head(message, field, content.len());
    message.extend_from_slice(content);
}

/// Appends the head of a field of `n_bytes`, which follow.
pub(crate) fn put_head(message: &mut Vec<u8>, field: u64, n_bytes: usize) {
    put_varint(message, field << 3 | 2);
    put_varint(message, u64::try_from(n_bytes).unwrap_or(u64::MAX));
}

/// Appends numbers, packed.
pub(crate) fn put_packed(message: &mut Vec<u8>, field: u64, values: impl Iterator<Item = u64>) {
    let mut packed = Vec::new();
    values.for_each(|it| put_varint(&mut packed, it));
    put_bytes(message, field, &packed);
}

/// Appends a 32-bit float.
#[cfg(any(test, feature = "candle"))]
pub(crate) fn put_float(message: &mut Vec<u8>, field: u64, value: f32) {
    put_varint(message, field << 3 | 5);
    message.extend_from_slice(&value.to_le_bytes());
}

fn put_varint(message: &mut Vec<u8>, value: u64) {
    let mut rest = value;
    while 0x80 <= rest {
        message.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    message.push(rest.to_le_bytes()[0]);
}

/// Single fields, out of which tests make messages.
#[cfg(test)]
pub(crate) mod written {
    /// Text, bytes or a submessage.
    pub(crate) fn field(field: u64, content: &[u8]) -> Vec<u8> {
        with(|it| super::put_bytes(it, field, content))
    }

    /// A number.
    pub(crate) fn scalar(field: u64, value: u64) -> Vec<u8> {
        with(|it| super::put_number(it, field, value))
    }

    /// A 32-bit float.
    pub(crate) fn float(field: u64, value: f32) -> Vec<u8> {
        with(|it| super::put_float(it, field, value))
    }

    /// Numbers, packed.
    pub(crate) fn packed(field: u64, values: &[u64]) -> Vec<u8> {
        with(|it| super::put_packed(it, field, values.iter().copied()))
    }

    fn with(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut message = Vec::new();
        put(&mut message);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::written::{field, float, packed, scalar};
    use super::*;

    #[track_caller]
    fn check(message: &[u8], bytes: &[u8], number: u64, value: Value<'_>) {
        assert_eq!(message, bytes);
        assert_eq!(Fields::new(message).collect::<Vec<_>>(), [Ok((number, value))]);
    }

    #[test]
    fn what_is_written_is_read() {
        check(&scalar(1, 300), &[0x08, 0xac, 0x02], 1, Value::Number(300));
        let most = [0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        check(&scalar(16, u64::MAX), &most, 16, Value::Number(u64::MAX));
        check(&field(2, b"ab"), &[0x12, 2, b'a', b'b'], 2, Value::Bytes(b"ab"));
        check(&float(4, 1.0), &[0x25, 0, 0, 0x80, 0x3f], 4, Value::Fixed32([0, 0, 0x80, 0x3f]));
        let numbers = packed(3, &[1, 300]);
        check(&numbers, &[0x1a, 3, 1, 0xac, 2], 3, Value::Bytes(&[1, 0xac, 2]));
        assert_eq!(Fields::packed(&numbers[2..]).collect::<Vec<_>>(), [Ok(1), Ok(300)]);
        assert_eq!(Fields::packed(&[1, 0x80]).collect::<Vec<_>>(), [Ok(1), Err(Malformed)]);
    }
}
