//! Query parameters, one by one: what is wrong is told with its name, never with its value.

use std::borrow::Cow;

use crate::base::ErrorCode;
use crate::task::call::CallError;

use super::refuse;

/// A parameter as it was asked for.
pub(super) struct Parameter<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

/// The parameters of a query in their order.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| Parameter { name, value })
}

impl Parameter<'_> {
    /// Its value is none that it may have.
    pub(super) fn wrong(&self, detail: &str) -> CallError {
        CallError::bad_value(format!("/query/{}", self.name), detail)
    }

    /// Nobody knows it.
    pub(super) fn unknown() -> CallError {
        refuse(ErrorCode::UnknownParameter, "含有未定義的查詢參數。")
    }

    /// Its value, where it can be read as one of its kind.
    pub(super) fn read<T: std::str::FromStr>(&self, detail: &str) -> Result<T, CallError> {
        self.value.parse().map_err(|_| self.wrong(detail))
    }

    /// A number of rows from 1 on.
    pub(super) fn limit(&self, most: usize) -> Result<usize, CallError> {
        let limit = self.value.parse().ok().filter(|it| (1..=most).contains(it));
        limit.ok_or_else(|| self.wrong(&format!("應為 1 到 {most} 的整數。")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_in_its_range() {
        let check = |query: &str, expected: Option<usize>| {
            let found = parameters(query).next().unwrap().limit(200);
            assert_eq!(found.ok(), expected, "{query}");
        };
        check("limit=1", Some(1));
        check("limit=%32%30%30", Some(200));
        for query in ["limit=0", "limit=201", "limit=-1", "limit=", "limit", "limit=1.0"] {
            check(query, None);
        }
    }
}
