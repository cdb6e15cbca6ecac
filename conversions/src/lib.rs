//! What a conversion is: which event, of whom, worth how much.
//!
//! Nothing here reads, writes or sends; the clock comes in as an argument, so every rule can be tested from a table.
//!
//! | module | rule | source |
//! |---|---|---|
//! | [`Money`], [`Currency`] | amounts in minor units, read from the text of a number | ISO 4217, RFC 8259 |
//! | [`EventType`] | the five kinds of event | AdTarget, "POST /events/conversion" |

#![forbid(unsafe_code)]

mod event;
mod money;

pub use event::{CustomName, CustomNameError, EventType, EventTypeError};
pub use money::{Currency, Money, MoneyError, UnknownCurrency};
