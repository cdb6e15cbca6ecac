//! Why a conversion is not sent to a platform.

use std::fmt;

use super::Platform;
use crate::PurchaseWithoutValue;

/// Why a conversion is not sent to a platform, known before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A Purchase whose value is not known.
    NoValue,
    /// It happened longer ago than the platform takes.
    TooOld {
        /// Who does not take it.
        platform: Platform,
        /// How far back the platform goes, in hours.
        limit_h: u32,
    },
    /// Nothing is known that the platform could recognise the person or the click by.
    NoSignal(Platform),
    /// The platform needs the browser's User-Agent.
    NoUserAgent(Platform),
    /// The platform needs the address of a page.
    NoPage(Platform),
    /// The visitor did not consent, and the platform can't be told so.
    ConsentDenied(Platform),
    /// The settings name no event of the pixel for this kind of event.
    NoEvent(Platform),
}

impl Skip {
    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoValue => "no_value",
            Self::TooOld { .. } => "too_old",
            Self::NoSignal(_) => "no_signal",
            Self::NoUserAgent(_) => "no_user_agent",
            Self::NoPage(_) => "no_page",
            Self::ConsentDenied(_) => "consent_denied",
            Self::NoEvent(_) => "no_event",
        }
    }
}

impl From<PurchaseWithoutValue> for Skip {
    fn from(_: PurchaseWithoutValue) -> Self {
        Self::NoValue
    }
}

/// What is missing, and what would help.
impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl std::error::Error for Skip {}
