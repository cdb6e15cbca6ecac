//! What a conversion is: which event, of whom, worth how much.
//!
//! Nothing here reads, writes or sends; the clock comes in as an argument, so every rule can be tested from a table.
//!
//! | module | rule | source |
//! |---|---|---|
//! | [`Money`], [`Currency`] | amounts in minor units, read from the text of a number | ISO 4217, RFC 8259 |
//! | [`EventType`] | the five kinds of event, and the names of custom ones | AdTarget, "POST /events/conversion"; TikTok |
//! | [`TelegramUserId`], [`ConversionId`] | ids; the same cause is the same conversion | Telegram, Bot API; AdTarget |
//! | [`Conversion`] | all that a platform may be told of one | AdTarget |
//! | [`platform`] | who is told what, and what the answers mean | the platforms' documentation, named in each module |
//! | [`Secret`] | a token that shows itself in no log | |
//! | [`RawPerson`] to [`Person`] | who it was, by hashes alone | the platforms' matching parameters |
//! | [`normalise`] | what each platform wants a value to be before it is hashed | Meta's parameter builder, Google's formatter |

#![forbid(unsafe_code)]

mod conversion;
mod event;
mod hash;
mod ids;
mod match_keys;
mod money;
pub mod normalise;
mod person;
pub mod platform;
mod secret;
mod time;

pub use conversion::{Click, Consent, Conversion, Page, PurchaseWithoutValue};
pub use event::{CustomName, CustomNameError, EventType, EventTypeError};
pub use hash::{Hash, NotAHash};
pub use ids::{ConversionId, NotAConversionId, NotATelegramUserId, TelegramUserId};
pub use match_keys::{MatchKey, MatchKeys};
pub use money::{Currency, Money, MoneyError, UnknownCurrency};
pub use person::{Person, RawPerson};
pub use platform::{
    Destination, Outcome, Platform, Purpose, Reply, Request, RequestError, SettingError, Skip,
};
pub use secret::{Secret, same};
