//! `POST /hooks/telegram/{bot}`: Telegram's updates.

use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;

/// Takes one update of the bot with that username.
pub async fn receive(_edge: &Edge<'_>, _bot: &str) -> Answer {
    Error::NotFound.into()
}
