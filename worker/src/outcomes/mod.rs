//! What visits lead to: joins and conversions, each written in one transaction with the sends that it is owed.

pub mod conversions;
pub mod joins;
