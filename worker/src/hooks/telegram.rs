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

use serde_json::Value;

use crate::answer::Answer;
use crate::config::{Backend, Channel, InviteMode, Site};
use crate::edge::{self, Edge};
use crate::error::Error;
use crate::ledger::Database;
use crate::message::Message;
use crate::outcomes::joins::{self, Came, Taken};
use crate::runtime::{self, HOUR_MS};
use crate::telegram::{Bot, ChatId, OwedCall};
use update::{Kind, Update};

/// Takes one update of the bot with that username.
pub async fn receive(edge: &Edge<'_>, bot: &str) -> Answer {
    match take(edge, bot).await {
        Ok(()) => Answer::empty(200),
        Err(error) => error.into(),
    }
}

/// How long to wait for a click that is on its way through the queue, in ms; the queue hands out what it has each second.
const WAIT_MS: u64 = 500;
/// How often: Telegram and the person can wait a moment.
const WAITS: u32 = 8;

/// How long Telegram is asked to tell of a join again whose click is not there yet, in ms: a click waits in the queue for an hour at most.
const CLICK_PATIENCE_MS: u64 = HOUR_MS;

/// A site, and the channel of it that is meant, where one is.
type Place = (&'static Site, Option<&'static Channel>);

/// Where the click leads by which someone came to a chat.
enum Meant {
    /// To what the settings have the chat for.
    Here(Place),
    /// To what is in them no more, or has another chat now.
    Elsewhere,
}

/// What `look` finds; looked for so often again, while a click may be on its way through the queue.
async fn in_time<T>(
    mut waits: u32,
    look: impl AsyncFn() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    loop {
        // Repeating it does no harm: it reads.
        let found = look().await?;
        if found.is_some() || waits == 0 {
            return Ok(found);
        }
        waits -= 1;
        // Repeating it does no harm.
        runtime::sleep(WAIT_MS).await;
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
    if !conversions::same(&secret, bot.webhook_secret()) {
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

    /// Whether the chat is a channel of which the settings say that other bots act there, and not this one.
    fn is_of_another_bot(&self, chat: ChatId) -> bool {
        let config = self.edge.config;
        let channels = config.channels_of_chat(chat);
        let mut bots = channels.filter_map(|(_, channel)| config.bot_of(channel));
        bots.next()
            .is_some_and(|first| first != self.bot && bots.all(|bot| bot != self.bot))
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

    /// Where someone's coming or going belongs: to the site and channel that the settings name for the chat. Where they name several, as of a
    /// chat that two sites lead to, or none, as of a group whose id changed when it became a supergroup: to those that the click meant by which
    /// they came, else to a site whose database knows the person there, else to the first. `None`: in a chat that no setting names, as that of the
    /// team, somebody unknown came by no click's link.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: no site is configured, a database does not answer, or the click is still on its way.
    async fn place_of(&self, came: &Came<'_>) -> Result<Option<Place>, Error> {
        let config = self.edge.config;
        let chat = came.chat_id;
        let named: Vec<Place> = (config.channels_of_chat(chat))
            .map(|(site, channel)| (site, Some(channel)))
            .collect();
        if let [only] = named.as_slice() {
            return Ok(Some(*only));
        }
        let is_by_click = came.link.is_some_and(|link| link.click.is_some());
        // Which of several it is, the click alone says.
        let is_awaited = !named.is_empty() && is_by_click;
        let waits = if is_awaited { WAITS } else { 0 };
        // Repeating it does no harm: it reads.
        let meant = in_time(waits, || self.meant(came, &named)).await?;
        if let Some(Meant::Here(place)) = meant {
            return Ok(Some(place));
        }
        let is_recent = |joined_ms| self.edge.now_ms < joined_ms + CLICK_PATIENCE_MS;
        if meant.is_none() && is_awaited && came.joined_ms.is_some_and(is_recent) {
            // As after an outage: Telegram tells it again.
            return Err(self.failed("its click has yet to be written down"));
        }
        let is_ours = is_by_click || !named.is_empty();
        if !is_ours || config.databases().len() > 1 {
            let sites = config.sites.iter().map(|site| (site, None));
            let mut asked = Vec::new();
            for place in named.iter().copied().chain(sites) {
                if asked.contains(&place.0.database()) {
                    continue;
                }
                asked.push(place.0.database());
                // Repeating it does no harm: it reads.
                let database = self.database(place.0)?;
                if joins::is_known(&database, chat, came.telegram_user_id).await? {
                    return Ok(Some(place));
                }
            }
        }
        match named.first() {
            None if is_by_click => Ok(Some((self.site_of(chat)?, None))),
            first => Ok(first.copied()),
        }
    }

    /// What the click meant by which someone came, be it one of those that are `named`, where any are; `None`: it is not known, or not yet.
    async fn meant(&self, came: &Came<'_>, named: &[Place]) -> Result<Option<Meant>, Error> {
        if came.link.is_none() && came.joined_ms.is_none() {
            return Ok(None);
        }
        let config = self.edge.config;
        let mut meant = None;
        for binding in config.databases() {
            let database = Database::bound(self.edge.env, binding)?;
            // Repeating it does no harm: it reads.
            let Some(target) = joins::target_of(&database, came).await? else {
                continue;
            };
            let site = config.site(&target.website_id);
            let slug = target.channel.as_deref();
            let channel = site.and_then(|site| site.channel(slug?));
            let place = match named {
                [] => site.map(|site| (site, channel)),
                // Of a channel that was renamed since, the site is left.
                _ => (named.iter().copied())
                    .filter(|(site, _)| site.website_id == target.website_id)
                    .min_by_key(|(_, there)| {
                        there.map(|there| &there.slug) != channel.map(|meant| &meant.slug)
                    }),
            };
            match place {
                Some(place) => return Ok(Some(Meant::Here(place))),
                None => meant = Some(Meant::Elsewhere),
            }
        }
        Ok(meant)
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
