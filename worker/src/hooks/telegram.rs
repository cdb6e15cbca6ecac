//! `POST /hooks/telegram/{bot}`: Telegram's updates.
//!
//! Telegram sends an update again until it is answered with 2xx, and may have sent it before. So what an update does is
//! written before the answer; where that fails, the answer is 500 and the update comes again; and what can never succeed is
//! answered with 200 and logged.

mod moves;
mod requests;
mod starts;
pub mod update;

use std::fmt;

use conversions::TelegramUserId;
use serde_json::Value;

use crate::answer::Answer;
use crate::config::{self, Backend, Channel, InviteMode, Site};
use crate::edge::{self, Edge};
use crate::error::Error;
use crate::ledger::Database;
use crate::message::Message;
use crate::outcomes::joins::{self, Link, Taken};
use crate::runtime;
use crate::telegram::{Bot, ChatId, OwedCall};
use update::{Kind, Update};

/// Takes one update of the bot with that username.
pub async fn receive(edge: &Edge<'_>, bot: &str) -> Answer {
    match take(edge, bot).await {
        Ok(()) => Answer::empty(200),
        Err(error) => error.into(),
    }
}

/// A bot's update being taken.
struct Hook<'a> {
    edge: &'a Edge<'a>,
    bot: &'static Bot,
    update_id: u64,
}

async fn take(edge: &Edge<'_>, bot: &str) -> Result<(), Error> {
    if edge.config.backend != Backend::Ledger {
        return Err(Error::NotFound);
    }
    let bot = edge.config.bot(bot).ok_or(Error::NotFound)?;
    let secret = edge.header("x-telegram-bot-api-secret-token");
    if !config::same(&secret, bot.webhook_secret()) {
        return Err(Error::WrongSecret);
    }
    let body = edge.body.clone()?;
    let value: Value = std::str::from_utf8(body)
        .ok()
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| Error::InvalidPayload("the body is not JSON".to_owned()))?;
    let update = match Update::read(&value) {
        Ok(update) => update,
        Err(why) => {
            // It would be no more readable the next time.
            runtime::log_error(&format!(
                "@{}: an update that can't be read: {why}",
                bot.username
            ));
            return Ok(());
        }
    };
    let hook = Hook {
        edge,
        bot,
        update_id: update.update_id,
    };
    // Repeating any of these does no harm: each knows by its rows what was done.
    match &update.kind {
        Kind::SomeoneMoved(change) => hook.someone_moved(change).await,
        Kind::BotMoved(change) => hook.bot_moved(change).await,
        Kind::SomeoneAsks(request) => hook.someone_asks(request).await,
        Kind::SomeoneWrites(message) => match message.start() {
            Some((user, payload)) => hook.someone_starts(user, payload).await,
            None => Ok(()),
        },
        Kind::Other => Ok(()),
    }
}

impl Hook<'_> {
    /// The update, as the ledger knows it.
    fn taken(&self) -> Taken<'static> {
        Taken {
            bot: &self.bot.username,
            update_id: self.update_id,
            told_ms: self.edge.now_ms,
        }
    }

    /// Whether the chat is a channel of which the settings say that another bot acts there.
    fn is_of_another_bot(&self, chat: ChatId) -> bool {
        let channel = self.edge.config.channel_of_chat(chat);
        let bot = channel.and_then(|(_, channel)| self.edge.config.bot_of(channel));
        bot.is_some_and(|bot| bot != self.bot)
    }

    /// The database of a site.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: it is not bound.
    fn database(&self, site: &Site) -> Result<Database, Error> {
        Ok(Database::bound(self.edge.env, site.database())?)
    }

    /// The site that a chat belongs to: that of its channel; the first, where no setting names the chat.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: no site is configured.
    fn site_of(&self, chat: ChatId) -> Result<&'static Site, Error> {
        let config = self.edge.config;
        let configured = config.channel_of_chat(chat).map(|(site, _)| site);
        configured
            .or(config.sites.first())
            .ok_or_else(|| self.failed("no site is configured"))
    }

    /// Where someone's coming or going belongs: to the site and channel that the settings name for the chat. Where none does, as of a
    /// group whose id changed when it became a supergroup: to those that the click meant which the link was made for, else to a site
    /// whose database knows the person there, else to the first.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: no site is configured, or a database does not answer.
    async fn place_of(
        &self,
        chat: ChatId,
        person: TelegramUserId,
        link: Option<&Link<'_>>,
    ) -> Result<(&'static Site, Option<&'static Channel>), Error> {
        let config = self.edge.config;
        if let Some((site, channel)) = config.channel_of_chat(chat) {
            return Ok((site, Some(channel)));
        }
        let databases = config.databases();
        if let Some(link) = link {
            for binding in &databases {
                let database = Database::bound(self.edge.env, binding)?;
                // Repeating it does no harm: it reads.
                let target = joins::target_of_link(&database, link).await?;
                let site = target
                    .as_ref()
                    .and_then(|target| config.site(&target.website_id));
                if let Some(site) = site {
                    let slug = target.as_ref().and_then(|target| target.channel.as_deref());
                    return Ok((site, slug.and_then(|slug| site.channel(slug))));
                }
            }
        }
        if databases.len() > 1 {
            for site in &config.sites {
                // Repeating it does no harm: it reads.
                if joins::is_known(&self.database(site)?, chat, person).await? {
                    return Ok((site, None));
                }
            }
        }
        Ok((self.site_of(chat)?, None))
    }

    /// The channel that the bot leads to, and its site: that of its own that goes through a bot, else its first.
    fn own_channel(&self) -> Option<(&'static Site, &'static Channel)> {
        let config = self.edge.config;
        let channels = (config.sites.iter())
            .flat_map(|site| site.channels.iter().map(move |channel| (site, channel)));
        let mut own = channels.filter(|(_, channel)| config.bot_of(channel) == Some(self.bot));
        let first = own.clone().next();
        own.find(|(_, channel)| channel.mode == InviteMode::Bot)
            .or(first)
    }

    /// Calls Telegram; what fails for now the queue has, and tries again.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: neither took it.
    async fn tell(&self, method: &str, parameters: Value) -> Result<(), Error> {
        let call = OwedCall::new(self.bot, method, parameters);
        match call.make(self.bot).await {
            Ok(()) => Ok(()),
            Err(why) if why.is_final() => {
                runtime::log_warning(&format!("Telegram refused {method}: {why}"));
                Ok(())
            }
            Err(why) => {
                runtime::log_warning(&format!("{method}: {why}; the queue has it"));
                let delay_s = why.retry_after_s();
                let message = Message::Telegram(call);
                // Repeating it does no harm: see the queue's consumer.
                edge::enqueue(self.edge.env, &message, delay_s)
                    .await
                    .map_err(|why| self.failed(why))
            }
        }
    }

    fn failed(&self, why: impl fmt::Display) -> Error {
        runtime::log_error(&format!("update {}: {why}", self.update_id));
        Error::Internal
    }
}
