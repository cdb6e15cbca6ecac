//! What goes through the queue: work for after the answer.

use conversions::ConversionId;
use serde::{Deserialize, Serialize};

use crate::adtarget::OwedCall;
use crate::outcomes::joins::OwedStart;
use crate::record::Record;
use crate::telegram;
use crate::telegram::pixel::PixelCall;

/// The longest that the queue holds a message back, in s (a limit of the platform).
pub const LONGEST_DELAY_S: u32 = 12 * 3_600;

/// What goes through the queue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Message {
    /// For the ledger.
    Keep(Record),
    /// A call that AdTarget has yet to take.
    Deliver(Box<OwedCall>),
    /// A call that Telegram has yet to take.
    Telegram(telegram::OwedCall),
    /// A conversion that AdTarget has yet to take; its row is in the ledger.
    Owed(ConversionId),
    /// Something is due in the outbox of a site, by its public id; what, its rows say.
    Outbox(String),
    /// A start of a bot that was answered while the ledger was away, and that it has yet to know.
    Start(Box<OwedStart>),
    /// A call of Telegram Ads' pixel that Telegram has yet to take.
    Pixel(Box<PixelCall>),
}
