//! Invites that belong to a click: links made ahead, handed out one a click.
//!
//! A Durable Object a channel ([`object`]) keeps them ready, so that a click costs one hop and no call to Telegram. A link's name at
//! Telegram is the id of the click that gets it: when someone joins, Telegram's own update says which click it was. What the object does
//! next is told by [`pool`] alone.

pub mod object;
pub mod pool;
pub mod storage;

use attribution::telegram::TelegramLink;
use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::config::{Backend, Channel, Config, InviteMode};
use crate::ids::{ClickId, EventId};
use crate::runtime::{self, Env, HOUR_MS};
use crate::tasks::{Promised, promised_within};
use crate::telegram::{Bot, ChatId};

use pool::{SHELF_MS, Terms};

/// The pools' binding.
pub const POOLS: &str = "INVITES";

/// How long a visitor waits for a link of their own, in ms; then the channel's shared one has to do.
const VISITOR_MS: u32 = 300;
/// How long anyone else waits for a pool that makes no call, in ms.
const PATIENT_MS: u32 = 5_000;
/// How long a bot waits for a link to be made, in ms: its turn, and the Bot API's own time.
const MAKING_MS: u32 = 14_000;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = askObject)]
    fn ask(env: &Env, binding: &str, channel: &str, method: &str, argument: &str) -> Promise;
}

/// A link of a click's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The click that it makes.
    pub click_id: ClickId,
    /// Where it leads.
    pub link: TelegramLink,
}

impl Invitation {
    /// Reads what a pool says: the click's id and the link, a line each; empty: it has none.
    fn read(told: &str) -> Option<Self> {
        let (name, url) = told.split_once('\n')?;
        Some(Self {
            click_id: ClickId::parse(name)?,
            link: TelegramLink::parse(url).ok()?,
        })
    }
}

/// How a pool stands, for the operator.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Links that can be handed out.
    ready: u64,
    /// Links that were handed out and can be used.
    handed_out: u64,
    /// No call to Telegram before, Unix time in ms.
    paused_until: Option<u64>,
    /// What was wrong with the last call.
    last_error: Option<String>,
}

/// How a pool stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolState {
    /// There are links enough.
    Filled,
    /// So few that it may run dry before it is filled.
    Low,
    /// There is none: clicks get the channel's shared link.
    Empty,
    /// Telegram lets no more be made for now.
    Paused,
    /// The last call to Telegram failed.
    Failing,
}

impl PoolState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Low => "low",
            Self::Empty => "empty",
            Self::Paused => "paused",
            Self::Failing => "failing",
        }
    }
}

impl PoolStatus {
    /// How a pool stands that is to hold `size` links.
    pub fn state(&self, size: u32, now_ms: u64) -> PoolState {
        if self.last_error.is_some() {
            PoolState::Failing
        } else if self.paused_until.is_some_and(|until_ms| until_ms > now_ms) {
            PoolState::Paused
        } else if self.ready == 0 {
            PoolState::Empty
        } else if self.ready * 4 < u64::from(size) {
            PoolState::Low
        } else {
            PoolState::Filled
        }
    }

    /// What was wrong with the last call.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Reads the lines of [`object::status`].
    fn read(told: &str) -> Self {
        let mut lines = told.split('\n');
        let mut number = || lines.next().and_then(|line| line.parse().ok());
        Self {
            ready: number().unwrap_or(0),
            handed_out: number().unwrap_or(0),
            paused_until: number().filter(|until| *until != 0),
            last_error: (lines.next())
                .filter(|error| !error.is_empty())
                .map(str::to_owned),
        }
    }
}

/// The link of a click's own, where the channel's mode has one and it comes in time. Who asks again gets the same.
pub async fn hand_out(
    env: &Env,
    config: &Config,
    channel: &Channel,
    event: EventId,
) -> Option<Invitation> {
    let bot = config.bot_of(channel)?;
    let chat = channel.telegram_id?;
    match channel.mode {
        InviteMode::Shared => None,
        InviteMode::Bot => to_bot(bot, ClickId::of(event)),
        InviteMode::Personal | InviteMode::Request => {
            match told(ask_pool(
                env,
                bot,
                chat,
                "handOut",
                &event.to_string(),
                VISITOR_MS,
            ))
            .await
            {
                Ok(answer) => Invitation::read(&answer),
                Err(why) => {
                    runtime::log_warning(&format!(
                        "invites: {}: {why}; the click gets the channel's own link",
                        channel.slug
                    ));
                    None
                }
            }
        }
    }
}

/// The way to the channel over its bot, which is told the click.
fn to_bot(bot: &Bot, click_id: ClickId) -> Option<Invitation> {
    let url = format!("https://t.me/{}?start={}", bot.username, click_id.as_str());
    let link = TelegramLink::parse(&url).ok()?;
    Some(Invitation { click_id, link })
}

/// The link with which a bot answers someone who came by `click`: from the pool, else made now. It bears a name of its own, the
/// `click_id` of the answer. Who asks again gets the same.
///
/// # Errors
/// In words for the log: the pool did not answer, or has none and Telegram makes none.
pub async fn link_for(
    env: &Env,
    config: &Config,
    channel: &Channel,
    click: &ClickId,
) -> Result<Invitation, String> {
    let bot = config.bot_of(channel).ok_or("no bot is configured")?;
    let chat = channel.telegram_id.ok_or("the channel's id is not set")?;
    // Repeating it does no harm: a click that has a link gets that.
    let answer = told(ask_pool(env, bot, chat, "make", click.as_str(), MAKING_MS)).await?;
    Invitation::read(&answer).ok_or_else(|| "no link is to be had now".to_owned())
}

/// Someone joined by the link of that name: the pool revokes it soon after.
///
/// # Errors
/// In words for the log: the pool did not answer.
pub async fn joined(env: &Env, bot: &Bot, chat: ChatId, name: &ClickId) -> Result<(), String> {
    // Repeating it does no harm: a link that is gone is not known.
    told(ask_pool(
        env,
        bot,
        chat,
        "joined",
        name.as_str(),
        PATIENT_MS,
    ))
    .await
    .map(drop)
}

/// What a bot may do in a chat changed: its pool there hands out links only where it may make them.
///
/// # Errors
/// In words for the log: the pool did not answer.
pub async fn bot_stands(
    env: &Env,
    bot: &Bot,
    chat: ChatId,
    may_invite: bool,
) -> Result<(), String> {
    let method = if may_invite { "reopen" } else { "close" };
    // Repeating it does no harm: what is closed or open stays so.
    told(ask_pool(env, bot, chat, method, "", PATIENT_MS))
        .await
        .map(drop)
}

/// Has every pool filled where it is not full: one that nobody ever clicked, too.
pub async fn warm(env: &Env, config: &Config) {
    // All at once; then each is waited for.
    let asked: Vec<_> = pools(config)
        .into_iter()
        .map(|(bot, chat)| (bot, ask_pool(env, bot, chat, "warm", "", PATIENT_MS)))
        .collect();
    for (bot, answer) in asked {
        // Repeating it does no harm: a pool that is full makes nothing.
        if let Err(why) = told(answer).await {
            runtime::log_error(&format!("invites: {}: {why}", bot.username));
        }
    }
}

/// How the pools of all channels stand, in the settings' order; none without one.
///
/// # Errors
/// Of each, in words for the operator: it did not answer in time.
pub async fn statuses(env: &Env, config: &Config) -> Vec<Option<Result<PoolStatus, String>>> {
    /// How long an operator waits, in ms.
    const STATUS_MS: u32 = 1_000;
    // All at once; then each is waited for.
    let asked: Vec<_> = channels(config)
        .map(|channel| {
            let (bot, chat) = owner(config, channel)?;
            Some(ask_pool(env, bot, chat, "status", "", STATUS_MS))
        })
        .collect();
    let mut statuses = Vec::new();
    for answer in asked {
        statuses.push(match answer {
            // Repeating it does no harm: it reads.
            Some(answer) => Some(told(answer).await.map(|told| PoolStatus::read(&told))),
            None => None,
        });
    }
    statuses
}

/// Whose links a channel's pool makes; none: it has no pool.
fn owner<'a>(config: &'a Config, channel: &Channel) -> Option<(&'a Bot, ChatId)> {
    if channel.mode == InviteMode::Shared || config.backend != Backend::Ledger {
        return None;
    }
    Some((config.bot_of(channel)?, channel.telegram_id?))
}

/// Asks a pool at once; the answer is waited for by [`told`].
fn ask_pool(
    env: &Env,
    bot: &Bot,
    chat: ChatId,
    method: &str,
    argument: &str,
    timeout_ms: u32,
) -> Promised {
    let channel = format!("{}:{chat}", bot.username.to_ascii_lowercase());
    promised_within(timeout_ms, &ask(env, POOLS, &channel, method, argument))
}

async fn told(answer: Promised) -> Result<String, String> {
    // The method says for itself why repeating it does no harm.
    match answer.await {
        Ok(text) => text
            .as_string()
            .ok_or_else(|| "no text came back".to_owned()),
        Err(why) => Err(runtime::words(&why)),
    }
}

/// Every pool, once: by its bot and chat.
fn pools(config: &Config) -> Vec<(&Bot, ChatId)> {
    let mut pools = Vec::new();
    for pool in channels(config).filter_map(|channel| owner(config, channel)) {
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    pools
}

/// How long any channel's link can be used after it was handed out, in ms: what is left of its wait in the pool, and its life.
pub fn longest_life_ms(config: &Config) -> u64 {
    let lives = channels(config).map(|channel| u64::from(channel.link_hours) * HOUR_MS);
    SHELF_MS + lives.max().unwrap_or_default()
}

fn channels(config: &Config) -> impl Iterator<Item = &Channel> {
    config.sites.iter().flat_map(|site| &site.channels)
}

/// The bot, chat and terms of a pool's key, which is the bot's username, a colon and the chat's id.
fn terms_of<'a>(config: &'a Config, key: &str) -> Option<(&'a Bot, ChatId, Terms)> {
    let (username, chat) = key.split_once(':')?;
    let bot = config.bot(username)?;
    let chat = ChatId::new(chat.parse().ok()?)?;
    let channel = channels(config).find(|channel| {
        channel.mode != InviteMode::Shared
            && channel.telegram_id == Some(chat)
            && config.bot_of(channel) == Some(bot)
    })?;
    let by_request = channel.mode == InviteMode::Request;
    let terms = Terms::new(by_request, channel.pool_size, channel.link_hours);
    Some((bot, chat, terms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(sites: &str) -> Config {
        let bots = r#"[{"username":"Gate_bot","token":"1:a","webhookSecret":"s"},{"username":"other_bot","token":"2:b","webhookSecret":"s"}]"#;
        let value = |name: &str| match name {
            "SITES" => Some(sites.to_owned()),
            "TELEGRAM_BOTS" => Some(bots.to_owned()),
            _ => None,
        };
        Config::read(&value, false)
    }

    #[test]
    fn a_pool_of_two_channels_is_one() {
        let config = config(
            r#"[{"websiteId":"a","channels":[
            {"slug":"one","telegramId":-1001,"mode":"personal"},
            {"slug":"two","telegramId":-1002,"mode":"personal"},
            {"slug":"three","telegramId":-1001,"mode":"personal"}]}]"#,
        );
        let chats = pools(&config).into_iter().map(|(_, chat)| chat.to_string());
        assert_eq!(chats.collect::<Vec<_>>(), ["-1001", "-1002"]);
    }

    #[test]
    fn a_pool_is_found_by_its_key() {
        let config = config(
            r#"[{"websiteId":"a","channels":[
            {"slug":"shared","invite":"https://t.me/+A","telegramId":-1001},
            {"slug":"personal","invite":"https://t.me/+A","telegramId":-1001,"mode":"personal","poolSize":7,"linkHours":2},
            {"slug":"request","invite":"https://t.me/+B","telegramId":-1002,"mode":"request","bot":"other_bot"}]}]"#,
        );
        assert_eq!(config.problems, []);
        let found = |key| {
            terms_of(&config, key)
                .map(|(bot, chat, terms)| (bot.username.as_str(), chat.to_string(), terms))
        };
        assert_eq!(
            found("gate_bot:-1001"),
            Some(("Gate_bot", "-1001".to_owned(), Terms::new(false, 7, 2)))
        );
        assert_eq!(
            found("other_bot:-1002"),
            Some(("other_bot", "-1002".to_owned(), Terms::new(true, 50, 72)))
        );
        for wrong in [
            "",
            "gate_bot",
            "gate_bot:-1002",
            "other_bot:-1001",
            "x:-1001",
            "gate_bot:x",
        ] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn how_a_pool_stands() {
        let status = |paused_until, last_error: Option<&str>| PoolStatus {
            ready: 7,
            handed_out: 9,
            paused_until,
            last_error: last_error.map(str::to_owned),
        };
        assert_eq!(PoolStatus::read("7\n9\n0\n"), status(None, None));
        assert_eq!(
            PoolStatus::read("7\n9\n1800000000000\n403 Forbidden"),
            status(Some(1_800_000_000_000), Some("403 Forbidden"))
        );
    }

    #[test]
    fn what_a_pool_says() {
        let name = "0123456789abcdef0123456789abcdef";
        let read = |told: &str| Invitation::read(told).map(|found| found.link.as_str().to_owned());
        assert_eq!(
            read(&format!("{name}\nhttps://t.me/+AbC")).as_deref(),
            Some("https://t.me/+AbC")
        );
        for none in [
            "",
            name,
            "x\nhttps://t.me/+AbC",
            &format!("{name}\nhttps://evil.test/+AbC"),
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
