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
    /// The settings name nothing at the platform for this kind of event.
    NoEvent(Platform),
    /// The platform can have no event of that name.
    CustomName(Platform),
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
            Self::CustomName(_) => "custom_name",
        }
    }
}

impl From<PurchaseWithoutValue> for Skip {
    fn from(_: PurchaseWithoutValue) -> Self {
        Self::NoValue
    }
}

/// What is missing, and what would help, in the names of the API's fields.
impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue => formatter
                .write_str("a Purchase needs value and currency; send them, or set the channel's"),
            Self::TooOld { platform, limit_h } => {
                let title = platform.title();
                let span = span(*limit_h);
                write!(formatter, "it is older than the {span} that {title} takes")
            }
            Self::NoSignal(platform) => {
                let title = platform.title();
                write!(
                    formatter,
                    "nothing is known that {title} could match; send {}",
                    signals(*platform)
                )
            }
            Self::NoUserAgent(platform) => write!(
                formatter,
                "{} needs the browser's User-Agent; send userAgent",
                platform.title()
            ),
            Self::NoPage(platform) => write!(
                formatter,
                "{} needs the address of a page; send eventSourceUrl",
                platform.title()
            ),
            Self::ConsentDenied(platform) => write!(
                formatter,
                "the visitor denied consent, which {} can't be told",
                platform.title()
            ),
            Self::NoEvent(platform) => write!(
                formatter,
                "the settings of {} name nothing for this kind of event",
                platform.title()
            ),
            Self::CustomName(platform) => write!(
                formatter,
                "{} can have no event of this customEventName; choose a shorter or another one",
                platform.title()
            ),
        }
    }
}

/// So many hours, in words.
pub(super) fn span(hours: u32) -> String {
    match hours % 24 {
        0 if hours > 72 => format!("{} days", hours / 24),
        _ => format!("{hours} hours"),
    }
}

/// What a caller could send for a platform to have enough.
fn signals(platform: Platform) -> &'static str {
    match platform {
        Platform::Meta => "fbc, fbp, email, phone, or clientIp with userAgent",
        Platform::TikTok => "ttclid, email, phone, or clientIp with userAgent",
        Platform::Snapchat => "email, phone, or clientIp with userAgent",
        Platform::Google => "gclid, email or phone",
        Platform::Ga4 | Platform::TelegramAds => "a click id of its ads",
    }
}

impl std::error::Error for Skip {}
