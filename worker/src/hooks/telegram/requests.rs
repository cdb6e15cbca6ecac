//! Who asks to be let in.

use serde_json::json;

use super::Hook;
use super::update::ChatJoinRequest;
use crate::error::Error;
use crate::outcomes::joins::{self, Came};

impl Hook<'_> {
    /// `chat_join_request`: who comes by a click's link is let in, all others are left to the admins. What the join is
    /// worth comes with the `chat_member` that follows. A ledger that does not answer keeps nobody out whose link our bot made for a click: it learns
    /// of the request when Telegram sends it again.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: it was not written, or nobody has the approval.
    pub(super) async fn someone_asks(&self, request: &ChatJoinRequest<'_>) -> Result<(), Error> {
        let Some(link) = request.invite_link.as_ref() else {
            return Ok(());
        };
        let (person, chat, link) = (request.from.id, request.chat.id, self.link(link));
        let came = Came {
            link: Some(&link),
            chat_id: chat,
            telegram_user_id: person,
            joined_ms: None,
        };
        let keep = async || {
            // Repeating it does no harm: it reads.
            let Some((site, _)) = self.place_of(&came).await? else {
                return Ok(false);
            };
            let database = self.database(site)?;
            // Repeating it does no harm: it notes the same update.
            Ok(joins::keep_request(&database, self.taken(), person, chat, &link).await?)
        };
        // Repeating it does no harm: see there.
        let is_a_clicks: Result<bool, Error> = keep().await;
        if !is_a_clicks.as_ref().map_or(link.click.is_some(), |is| *is) {
            return is_a_clicks.map(drop);
        }
        let approval = json!({ "chat_id": chat, "user_id": person });
        // Repeating it does no harm, and a worker that ended before it leaves it to the next time: Telegram refuses to let
        // someone in twice.
        self.tell("approveChatJoinRequest", approval).await?;
        is_a_clicks.map(drop)
    }
}
