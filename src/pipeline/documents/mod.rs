//! Official documents: what is decided by rule, before and beside any model.
//!
//! Units are paths: `301000000A/<司署>/<科>`, the agency's code first.

pub mod deadline;
pub mod dispatch;
pub mod number;
pub mod officer;
pub mod taxonomy;
pub mod unit_tree;
