//! Who comes and goes, and where the bot is an admin.

use super::Hook;
use super::update::{ChatInviteLink, ChatMemberUpdated, Lack, Status};
use crate::config::{Channel, InviteMode, Join};
use crate::error::Error;
use crate::ids::ClickId;
use crate::invites;
use crate::outbox;
use crate::outcomes::joins::{self, BotStanding, Came, Joined, Link, Move, Standing};
use crate::runtime;
use crate::telegram::ChatId;

impl Hook<'_> {
    /// `chat_member`: someone came or went.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: nothing of it is written.
    pub(super) async fn someone_moved(&self, change: &ChatMemberUpdated<'_>) -> Result<(), Error> {
        let user = &change.new_chat_member.user;
        if user.is_bot || change.chat.is_private {
            return Ok(());
        }
        let chat_id = change.chat.id;
        let chat = chat_id.to_string();
        let link = change.invite_link.as_ref().map(|link| self.link(link));
        let came = Came {
            link: link.as_ref(),
            chat_id,
            telegram_user_id: user.id,
            joined_ms: change.is_join().then(|| change.at_ms()),
        };
        // Repeating it does no harm: it reads.
        let Some((site, channel)) = self.place_of(&came).await? else {
            return Ok(());
        };
        let joined = change.is_join().then(|| Joined {
            website_id: &site.website_id,
            channel_id: channel.map_or(&chat, Channel::id),
            join: channel.map_or(Join::DEFAULT, Channel::join),
            link,
        });
        let moved = Move {
            chat_id,
            title: change.chat.title,
            username: change.chat.username,
            telegram_user_id: user.id,
            status: match change.new_chat_member.status {
                _ if change.new_chat_member.is_in() => Standing::Member,
                Status::Kicked => Standing::Banned,
                _ => Standing::Left,
            },
            changed_ms: change.at_ms(),
            joined,
        };
        // Repeating it does no harm: what an update does, it does once.
        let (database, destinations) = (self.database(site)?, outbox::addressees(self.edge.env));
        let name = joins::keep_move(&database, self.taken(), &moved, destinations).await?;
        if let Some(name) = name {
            outbox::ring(self.edge, &site.website_id);
            self.end_link(chat_id, name);
        }
        Ok(())
    }

    /// A link, with its name where this bot gave it one.
    pub(super) fn link<'a>(&self, link: &ChatInviteLink<'a>) -> Link<'a> {
        Link::new(link.invite_link, link.name_by(&self.bot.username))
    }

    /// Tells the pool, after the answer, that someone joined by a link: one with a seat lets no second one in.
    fn end_link(&self, chat: ChatId, name: ClickId) {
        let edge = self.edge;
        if edge.config.channel_of_chat(chat).is_none() {
            // No pool is there.
            return;
        }
        let (env, bot) = (edge.env.clone(), self.bot);
        edge.context.after_answer(async move {
            // Repeating it does no harm: a link that is gone is not known.
            if let Err(why) = invites::joined(&env, bot, chat, &name).await {
                runtime::log_warning(&format!("a link that was joined by stays open: {why}"));
            }
        });
    }

    /// `my_chat_member`: the bot's own standing changed.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: nothing of it is written.
    pub(super) async fn bot_moved(&self, change: &ChatMemberUpdated<'_>) -> Result<(), Error> {
        let chat = &change.chat;
        if chat.is_private || self.is_of_another_bot(chat.id) {
            return Ok(());
        }
        let is_admin = |lack| matches!(lack, None | Some(Lack::Invitation));
        let lack = change.new_chat_member.lack();
        let concerns_us = is_admin(lack)
            || is_admin(change.old_chat_member.lack())
            || self.edge.config.channel_of_chat(chat.id).is_some();
        if !concerns_us {
            // A group that someone took the bot to.
            return Ok(());
        }
        let standing = BotStanding {
            bot: &self.bot.username,
            chat_id: chat.id,
            title: chat.title.unwrap_or_default(),
            username: chat.username,
            broken: lack.map(Lack::words),
            changed_ms: change.at_ms(),
        };
        // Repeating it does no harm: the same row, unless a later one stands.
        let database = self.database(self.site_of(chat.id)?)?;
        joins::keep_bot_standing(&database, self.taken(), &standing).await?;
        self.tell_pool(chat.id, lack.is_none());
        Ok(())
    }

    /// Tells the pool, after the answer, whether the bot may make links.
    fn tell_pool(&self, chat: ChatId, may_invite: bool) {
        let edge = self.edge;
        let has_pool = edge
            .config
            .channels_of_chat(chat)
            .any(|(_, channel)| channel.mode != InviteMode::Shared);
        if !has_pool {
            return;
        }
        let (env, bot) = (edge.env.clone(), self.bot);
        edge.context.after_answer(async move {
            // Repeating it does no harm: see there.
            if let Err(why) = invites::bot_stands(&env, bot, chat, may_invite).await {
                runtime::log_warning(&format!("a pool does not know how its bot stands: {why}"));
            }
        });
    }
}
