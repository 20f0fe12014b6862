//! Metrics: counters in memory that all workers share, and how they are told, to Prometheus and to people.
//!
//! The memory comes as an argument. Nothing here knows nginx.

pub mod accept;
pub mod counters;
pub mod page;
pub mod prometheus;
pub mod report;
mod store;
