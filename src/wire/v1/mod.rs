//! Version 1 of the API's documents.

pub mod answers;
pub mod approvals;
pub(super) mod body;
pub mod card_check;
pub mod compare;
pub mod correction;
pub mod dispatch;
pub mod documents;
pub mod drift;
pub mod jobs;
pub mod letters;
pub mod live;
pub mod meta;
pub mod picture;
pub mod prediction;
pub mod proposals;
pub mod recognition;
pub mod reviews;
pub mod speech;
pub mod statistics;
pub mod subjects;
pub mod suggestions;
pub mod taxonomy;
pub mod text;
pub mod transcript;
pub mod webhooks;
