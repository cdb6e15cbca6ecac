//! How much one invocation of the queue or the clock takes upon itself; what is left is the next one's.

use std::cell::Cell;

use crate::runtime;

/// How many calls to others, D1's queries among them, it begins at most. The platform allows 10,000 (Workers limits, "Subrequests"), of D1's queries
/// 1,000 (D1 limits, "Queries per Worker invocation"), and fails all that come after: what was sent could not be written down then.
const CALLS: u32 = 500;

/// For how long it begins any, in ms. The platform ends it after 15 minutes, wherever it stands (Workers limits, "Duration"), and what is under way may
/// take two more.
const LASTS_MS: u64 = 10 * 60_000;

/// What an invocation may still do.
#[derive(Debug)]
pub struct Allowance {
    calls: Cell<u32>,
    ends_ms: u64,
}

impl Allowance {
    /// That of an invocation that begins now.
    pub fn of_invocation() -> Self {
        Self {
            calls: Cell::new(CALLS),
            ends_ms: runtime::now_ms() + LASTS_MS,
        }
    }

    /// Takes `calls` of it; false: so many are not left, or it is too late.
    pub fn take(&self, calls: u32) -> bool {
        let left =
            (self.calls.get().checked_sub(calls)).filter(|_| runtime::now_ms() < self.ends_ms);
        self.calls.set(left.unwrap_or(self.calls.get()));
        left.is_some()
    }

    /// Gives `calls` back that were not made.
    pub fn give_back(&self, calls: u32) {
        self.calls.set(self.calls.get() + calls);
    }
}
