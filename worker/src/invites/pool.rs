//! What a pool does next: rules alone, no clock, no storage, no call.

use crate::runtime::{DAY_MS, HOUR_MS};
use crate::telegram::Failure;

/// Between two calls of one pool, in ms. Telegram names no limit for links; to bots it grants about 30 messages a second overall
/// (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>). A third of that leaves room for the bot's other channels
/// and its answers, and what is too much all the same Telegram says by `retry_after`.
pub const SPACING_MS: u64 = 100;

/// How long a link may wait in the pool, in ms: 7 days.
pub const SHELF_MS: u64 = 7 * DAY_MS;

/// After a refusal, in ms: someone has to make the bot an admin first.
const REFUSED_MS: u64 = 5 * 60 * 1_000;

/// The longest wait after failures, in ms.
const FAILED_MS: u64 = 5 * 60 * 1_000;

/// How long a link that Telegram would not revoke is left alone, in ms.
pub const POSTPONED_MS: u64 = HOUR_MS;

/// How a pool's links are made, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether they ask to join; else each lets one member in.
    pub by_request: bool,
    /// How many are kept ready.
    pub size: u64,
    /// How long one can be used once it was handed out, in ms.
    pub life_ms: u64,
}

impl Terms {
    /// Terms of so many links, each for so many hours.
    pub fn new(by_request: bool, size: u32, life_hours: u32) -> Self {
        Self {
            by_request,
            size: u64::from(size),
            life_ms: u64::from(life_hours) * HOUR_MS,
        }
    }

    /// The Unix time (s) at which Telegram ends a link made now: behind its wait in the pool and its life.
    pub fn expiry_s(&self, now_ms: u64) -> u64 {
        (now_ms + SHELF_MS + self.life_ms).div_ceil(1_000)
    }

    /// With fewer links ready than this, the pool is filled at once.
    pub fn low(&self) -> u64 {
        self.size.div_ceil(2)
    }
}

/// What a pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// Links that can be handed out.
    pub ready: u64,
    /// When the next link is to be revoked, Unix time in ms: it has waited too long, its seat was taken, or its life is over.
    pub over_ms: Option<u64>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make a link.
    Make,
    /// Revoke the link that is over.
    Revoke,
    /// Nothing before then, Unix time in ms.
    Sleep(u64),
    /// Nothing until asked.
    Rest,
}

/// The next step of a pool that makes no call before `resume_ms`.
pub fn next(stock: Stock, terms: Terms, resume_ms: u64, now_ms: u64) -> Step {
    let is_over = stock.over_ms.is_some_and(|at| at <= now_ms);
    let step = if stock.ready < terms.low() {
        Step::Make
    } else if is_over {
        Step::Revoke
    } else if stock.ready < terms.size {
        Step::Make
    } else {
        return match stock.over_ms {
            Some(at) => Step::Sleep(at.max(resume_ms)),
            None => Step::Rest,
        };
    };
    if resume_ms > now_ms {
        Step::Sleep(resume_ms)
    } else {
        step
    }
}

/// What the last call left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// No call before, Unix time in ms.
    pub resume_ms: u64,
    /// Calls that failed since one did not.
    pub failures: u32,
    /// What was wrong, for the operator.
    pub error: Option<String>,
    /// Whether Telegram refused it.
    pub is_refused: bool,
}

/// What a call leaves behind that came `failures` failed ones after the last good one.
pub fn after(outcome: Result<(), &Failure>, failures: u32, now_ms: u64) -> Pause {
    let (wait_ms, failures) = match outcome {
        Ok(()) => (SPACING_MS, 0),
        Err(Failure::Throttled(seconds)) => (u64::from(*seconds) * 1_000, failures),
        Err(Failure::Refused(..)) => (REFUSED_MS, failures),
        Err(Failure::Failed(_)) => {
            let grown = 1_000_u64.checked_shl(failures.min(16));
            (grown.unwrap_or(FAILED_MS).min(FAILED_MS), failures + 1)
        }
    };
    Pause {
        resume_ms: now_ms + wait_ms.max(SPACING_MS),
        failures,
        error: outcome.err().map(ToString::to_string),
        is_refused: matches!(outcome, Err(Failure::Refused(..))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn what_comes_next() {
        let terms = Terms::new(false, 10, 72);
        let later = NOW + 5_000;
        // Ready, the next that is over, no call before: what to do.
        let table = [
            (0, None, 0, Step::Make),
            (9, None, 0, Step::Make),
            (10, None, 0, Step::Rest),
            (12, None, 0, Step::Rest),
            (10, Some(later), 0, Step::Sleep(later)),
            (10, Some(NOW), 0, Step::Revoke),
            (9, Some(NOW), 0, Step::Revoke),
            (5, Some(NOW), 0, Step::Revoke),
            // Visitors first.
            (4, Some(NOW), 0, Step::Make),
            // A pause holds for all calls, and ends on time.
            (0, None, later, Step::Sleep(later)),
            (10, Some(NOW), later, Step::Sleep(later)),
            (10, Some(NOW + 9_000), later, Step::Sleep(NOW + 9_000)),
            (10, None, later, Step::Rest),
            (0, None, NOW, Step::Make),
        ];
        for (ready, over_ms, resume_ms, step) in table {
            let stock = Stock { ready, over_ms };
            assert_eq!(
                next(stock, terms, resume_ms, NOW),
                step,
                "{stock:?} {resume_ms}"
            );
        }
    }

    #[test]
    fn what_a_call_leaves_behind() {
        let failed = Failure::Failed("cut".to_owned());
        let refused = Failure::Refused(400, "not enough rights".to_owned());
        // The outcome, failures before: wait in ms, failures after.
        let table = [
            (Ok(()), 7, SPACING_MS, 0),
            (Err(&Failure::Throttled(35)), 2, 35_000, 2),
            (Err(&Failure::Throttled(0)), 0, SPACING_MS, 0),
            (Err(&refused), 0, 300_000, 0),
            (Err(&failed), 0, 1_000, 1),
            (Err(&failed), 3, 8_000, 4),
            (Err(&failed), 9, 300_000, 10),
            (Err(&failed), u32::MAX - 1, 300_000, u32::MAX),
        ];
        for (outcome, before, wait_ms, failures) in table {
            let pause = after(outcome, before, NOW);
            assert_eq!(
                (pause.resume_ms - NOW, pause.failures),
                (wait_ms, failures),
                "{outcome:?}"
            );
            assert_eq!(pause.error.is_some(), outcome.is_err());
        }
    }

    #[test]
    fn a_link_outlives_its_wait_and_its_life() {
        let terms = Terms::new(true, 50, 72);
        let made_ms = NOW + 1;
        assert!(terms.expiry_s(made_ms) * 1_000 >= made_ms + SHELF_MS + terms.life_ms);
        assert_eq!(
            [1, 2, 3, 50].map(|size| Terms::new(true, size, 1).low()),
            [1, 1, 2, 25]
        );
    }
}
