//! Values that go to and come from either database.

use super::StoreError;

/// A value of a parameter or a column. No `Debug`: it may hold what is kept.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    /// Nothing.
    Null,
    /// A whole number; also truth, as 0 and 1.
    Int(i64),
    /// A fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Parameters of one statement: `values![a, b]`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::value::Value::from($value)),*] };
}
pub(super) use values;

/// The same for a statement that keeps them: `owned![a, b]`.
macro_rules! owned {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::value::Value::from($value)),*] };
}
pub(super) use owned;

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Value {
        Value::Bytes(bytes.clone())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Int(i64::from(number))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Int(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Int(i64::from(truth))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(number)
    }
}

/// An optional value is one for each kind by itself: a rule for all of them would be endless to the compiler.
macro_rules! optional {
    ($($kind:ty),*) => {
        $(impl From<Option<$kind>> for Value {
            fn from(value: Option<$kind>) -> Value {
                value.map_or(Value::Null, Value::from)
            }
        })*
    };
}
optional!(&str, &String, &[u8], u64, f64);

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Value {
        Value::from(value.as_ref())
    }
}

impl From<&Option<Vec<u8>>> for Value {
    fn from(value: &Option<Vec<u8>>) -> Value {
        Value::from(value.as_deref())
    }
}

/// A row that was read; its columns are taken in order.
pub(super) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Row {
        Row(values.into_iter())
    }

    /// The next column.
    pub(super) fn take<T: Column>(&mut self) -> Result<T, StoreError> {
        self.0.next().and_then(T::read).ok_or(StoreError::Shape)
    }
}

/// What a column is read as.
pub(super) trait Column: Sized {
    /// `None` when the value is of another kind.
    fn read(value: Value) -> Option<Self>;
}

impl Column for i64 {
    fn read(value: Value) -> Option<i64> {
        if let Value::Int(number) = value { Some(number) } else { None }
    }
}

impl Column for u64 {
    fn read(value: Value) -> Option<u64> {
        u64::try_from(i64::read(value)?).ok()
    }
}

impl Column for u32 {
    fn read(value: Value) -> Option<u32> {
        u32::try_from(i64::read(value)?).ok()
    }
}

impl Column for i32 {
    fn read(value: Value) -> Option<i32> {
        i32::try_from(i64::read(value)?).ok()
    }
}

impl Column for bool {
    fn read(value: Value) -> Option<bool> {
        Some(i64::read(value)? != 0)
    }
}

impl Column for f64 {
    fn read(value: Value) -> Option<f64> {
        if let Value::Real(number) = value { Some(number) } else { None }
    }
}

impl Column for String {
    fn read(value: Value) -> Option<String> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Option<Vec<u8>> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}
