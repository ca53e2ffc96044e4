//! From a question to candidates: which chunks may answer, and how the two sides were asked.

mod filter;
mod plan;

pub use filter::{AllowedChunks, Filter, Type};
pub use plan::{Estimate, Plan, SearchCounts, SearchTimings, VectorCounts, VectorPlan};
