//! What Telegram tells of its chats: who came and went, by which click, and where bots are admins.
//!
//! Updates come more than once, side by side and in any order. What one does is one transaction, which also notes that it
//! was taken; Telegram's own dates say which of two is the later.
//!
//! - **Whose a click is**: the first's who is told to have joined by its link. A second one by the same link is organic.
//! - **Which click someone is of**: that of their first join by a link that is known. Coming back, by whatever link,
//!   changes nothing; a first join that is told late does.
//! - **What it is worth**: one conversion a person and channel, ever, since its id is derived from the two.

use conversions::{ConversionId, Money, TelegramUserId};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::config::Join;
use crate::ids::ClickId;
use crate::ledger::{Database, Rows, Statement, Unavailable};
use crate::outbox::{self, Addressee};
use crate::telegram::ChatId;

/// An update as the ledger knows it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken<'a> {
    /// The bot's username, as the settings spell it.
    pub bot: &'a str,
    /// Each bot's own.
    pub update_id: u64,
    /// When it came, Unix time in ms.
    pub told_ms: u64,
}

/// The link that someone came by.
#[derive(Debug, Serialize)]
pub struct Link<'a> {
    /// The whole of it, as far as Telegram shows it.
    pub url: &'a str,
    /// Its name; none: no bot of ours gave it one.
    pub name: Option<&'a str>,
    /// The click whose id the name is.
    pub click: Option<ClickId>,
}

impl<'a> Link<'a> {
    /// A link; `name` is what our bot called it.
    pub fn new(url: &'a str, name: Option<&'a str>) -> Self {
        Self {
            url,
            name,
            click: name.and_then(ClickId::parse),
        }
    }
}

/// How someone stands in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// In.
    Member,
    /// Out, and may come again.
    Left,
    /// Out, and may not.
    Banned,
}

/// Someone came or went.
#[derive(Debug)]
pub struct Move<'a> {
    /// The channel.
    pub chat_id: ChatId,
    /// Who.
    pub telegram_user_id: TelegramUserId,
    /// How they stand now.
    pub status: Standing,
    /// Telegram's date of it, Unix time in ms.
    pub changed_ms: u64,
    /// Where they came in; none: they did not come in just now.
    pub joined: Option<Joined<'a>>,
}

/// Where someone came in.
#[derive(Debug)]
pub struct Joined<'a> {
    /// The site's public id.
    pub website_id: &'a str,
    /// The channel's id at the backend.
    pub channel_id: &'a str,
    /// What a join is there.
    pub join: &'a Join,
    /// By which link; none: Telegram does not say.
    pub link: Option<Link<'a>>,
}

/// A bot's standing in a chat.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BotStanding<'a> {
    #[expect(missing_docs, reason = "see Taken")]
    pub bot: &'a str,
    /// Where.
    pub chat_id: ChatId,
    /// What the chat is called.
    pub title: &'a str,
    /// Its public address.
    pub username: Option<&'a str>,
    /// What the bot lacks there.
    pub broken: Option<&'static str>,
    /// Telegram's date of it, Unix time in ms.
    pub changed_ms: u64,
}

#[derive(Deserialize)]
struct OfClick {
    click_id: ClickId,
}

const UPDATES: &str = include_str!("joins/updates.sql");
const CLICK: &str = concat!(
    include_str!("joins/link.sql"),
    "SELECT click_id FROM link WHERE click_id IS NOT NULL"
);

/// Writes down that someone came or went, and what follows from it: a conversion, for all of its site's `destinations`. Gives the click whose link they came by.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_move(
    database: &Database,
    taken: Taken<'_>,
    moved: &Move<'_>,
    destinations: Vec<Addressee<'_>>,
) -> Result<Option<ClickId>, Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(flatten)]
        taken: Taken<'a>,
        chat_id: ChatId,
        telegram_user_id: TelegramUserId,
        status: Standing,
        changed_ms: u64,
        joined: bool,
        conversion_id: ConversionId,
        website_id: Option<&'a str>,
        channel_id: Option<&'a str>,
        event_type: Option<&'static str>,
        custom_event_name: Option<&'a str>,
        value_minor: Option<u64>,
        currency: Option<&'static str>,
        link: Option<&'a Link<'a>>,
        destinations: Vec<Addressee<'a>>,
    }
    let joined = moved.joined.as_ref();
    let join = joined.map(|joined| joined.join);
    let value = join.and_then(|join| join.value);
    let person = moved.telegram_user_id.to_string();
    let told = Told {
        taken,
        chat_id: moved.chat_id,
        telegram_user_id: moved.telegram_user_id,
        status: moved.status,
        changed_ms: moved.changed_ms,
        joined: joined.is_some(),
        conversion_id: ConversionId::derive("join", &[&moved.chat_id.to_string(), &person]),
        website_id: joined.map(|joined| joined.website_id),
        channel_id: joined.map(|joined| joined.channel_id),
        event_type: join.map(|join| join.event.as_str()),
        custom_event_name: join
            .and_then(|join| join.event.custom_name())
            .map(|name| name.as_str()),
        value_minor: value.map(Money::minor_units),
        currency: value.map(|value| value.currency().code()),
        link: joined.and_then(|joined| joined.link.as_ref()),
        destinations,
    };
    const MEMBERS: &str = concat!(
        include_str!("joins/link.sql"),
        include_str!("joins/members.sql")
    );
    const CONVERSIONS: &str = concat!(
        include_str!("joins/link.sql"),
        include_str!("joins/conversions.sql")
    );
    let sql: &[&'static str] = if joined.is_some() {
        &[
            MEMBERS,
            CONVERSIONS,
            outbox::SCHEDULE,
            include_str!("joins/leads.sql"),
            UPDATES,
            CLICK,
        ]
    } else {
        &[MEMBERS, UPDATES]
    };
    let rows = transact(database, sql, &told).await?;
    let by_link = rows
        .get(5)
        .map(|rows| rows.first::<OfClick>())
        .transpose()?;
    Ok(by_link.flatten().map(|row| row.click_id))
}

/// Writes down how a bot stands in a chat.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_bot_standing(
    database: &Database,
    taken: Taken<'_>,
    standing: &BotStanding<'_>,
) -> Result<(), Unavailable> {
    let statements = [
        Statement::new(include_str!("joins/channels.sql"), standing)?,
        Statement::new(UPDATES, &taken)?,
    ];
    database.transact(&statements).await.map(drop)
}

/// Notes that an update was taken.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_update(database: &Database, taken: Taken<'_>) -> Result<(), Unavailable> {
    transact(database, &[UPDATES], &taken).await.map(drop)
}

/// Notes that an update was taken, and gives the click whose link it bears.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn click_of_link(
    database: &Database,
    taken: Taken<'_>,
    link: &Link<'_>,
) -> Result<Option<ClickId>, Unavailable> {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        taken: Taken<'a>,
        link: &'a Link<'a>,
    }
    let rows = transact(database, &[UPDATES, CLICK], &Told { taken, link }).await?;
    let by_link = rows
        .last()
        .map(|rows| rows.first::<OfClick>())
        .transpose()?;
    Ok(by_link.flatten().map(|row| row.click_id))
}

/// Whether an update was taken before.
///
/// # Errors
/// The database's.
pub async fn was_taken(database: &Database, taken: Taken<'_>) -> Result<bool, Unavailable> {
    const SQL: &str =
        "SELECT 1 FROM telegram_updates WHERE bot = ?1 ->> 'bot' AND update_id = ?1 ->> 'updateId'";
    let rows = transact(database, &[SQL], &taken).await?;
    let rows = rows
        .first()
        .map_or(Ok(Vec::new()), Rows::read::<IgnoredAny>)?;
    Ok(!rows.is_empty())
}

/// Where a click led.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// The site's public id.
    pub website_id: String,
    /// The channel's slug; none: no channel was configured.
    pub channel: Option<String>,
}

/// Where a click led; `None`: it is not known here, or not yet.
///
/// # Errors
/// The database's.
pub async fn target(database: &Database, click: &ClickId) -> Result<Option<Target>, Unavailable> {
    const SQL: &str = "SELECT website_id, channel FROM clicks WHERE click_id = ?1 ->> '$'";
    let rows = transact(database, &[SQL], click).await?;
    Ok(rows.first().map(Rows::first).transpose()?.flatten())
}

/// Notes that the link called `name` was made for `click`.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_name(
    database: &Database,
    name: &ClickId,
    click: &ClickId,
    at_ms: u64,
) -> Result<(), Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Named<'a> {
        name: &'a ClickId,
        click: &'a ClickId,
        at_ms: u64,
    }
    let sql = "INSERT INTO invite_names (name, click_id, at_ms)
         SELECT ?1 ->> 'name', ?1 ->> 'click', ?1 ->> 'atMs'
         WHERE true
         ON CONFLICT (name) DO NOTHING";
    let named = Named { name, click, at_ms };
    transact(database, &[sql], &named).await.map(drop)
}

/// Runs statements that all have the same parameter as one transaction.
async fn transact(
    database: &Database,
    sql: &[&'static str],
    parameter: &impl Serialize,
) -> Result<Vec<Rows>, Unavailable> {
    let parameter = serde_json::to_string(parameter)?;
    let statements: Vec<_> = sql
        .iter()
        .map(|sql| Statement::written(sql, parameter.clone()))
        .collect();
    database.transact(&statements).await
}
