//! How sends stand.

use serde::{Deserialize, Serialize};

/// How a send stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is to be tried, or is being tried.
    #[default]
    Pending,
    /// The platform has it.
    Sent,
    /// It can't be sent there.
    Skipped,
    /// The platform refuses it.
    Rejected,
    /// All attempts came to nothing.
    Dead,
}

impl State {
    /// Reads its name; `None`: it is none.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pending" => Self::Pending,
            "sent" => Self::Sent,
            "skipped" => Self::Skipped,
            "rejected" => Self::Rejected,
            "dead" => Self::Dead,
            _ => return None,
        })
    }
}
