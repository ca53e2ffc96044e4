//! What ragged remembers for a persona.

pub mod interest;
pub mod topic;
