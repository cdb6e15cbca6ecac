//! What Telegram tells of its chats: who came and went, by which click, and where bots are admins.
//!
//! Updates come more than once, side by side and in any order. What one does is one transaction, which also notes that it
//! was taken; Telegram's own dates say which of two is the later.
//!
//! - **Whose a click is**: the first's who is told to have joined by its link. A second one by the same link is organic.
//! - **Which click someone is of**: that of their first join by a link that is known, or after one led them to the bot or
//!   had them ask to join. Coming back, by whatever link, changes nothing; a first join that is told late does.
//! - **What it is worth**: one conversion a person and channel, ever, since its id is derived from the two.

use conversions::{ConversionId, Money, TelegramUserId};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::config::Join;
use crate::ids::ClickId;
use crate::ledger::{self, Database, GIVE_UP_MS, Rows, Statement, Unavailable};
use crate::outbox::{self, Addressee};
use crate::runtime;
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
    /// What it is called by now.
    pub title: Option<&'a str>,
    /// Its public address.
    pub username: Option<&'a str>,
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
    pub join: Join,
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
struct Known {
    name: ClickId,
}

const UPDATES: &str = include_str!("joins/updates.sql");
const TITLES: &str = include_str!("joins/titles.sql");
const CLICK: &str = concat!(
    include_str!("joins/link.sql"),
    "SELECT coalesce(?1 ->> '$.link.click', (SELECT name FROM way), click_id) AS name FROM link WHERE click_id IS NOT NULL"
);

/// Writes down that someone came or went, and what follows from it: a conversion, for all of its site's `destinations`. Gives the name of the link they came by, where it is a click's.
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
        title: Option<&'a str>,
        username: Option<&'a str>,
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
        give_up_ms: u64,
        destinations: Vec<Addressee<'a>>,
    }
    let joined = moved.joined.as_ref();
    let join = joined.map(|joined| &joined.join);
    let value = join.and_then(|join| join.value);
    let person = moved.telegram_user_id.to_string();
    let told = Told {
        taken,
        chat_id: moved.chat_id,
        title: moved.title,
        username: moved.username,
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
        give_up_ms: ledger::GIVE_UP_MS,
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
            TITLES,
            UPDATES,
            CLICK,
        ]
    } else {
        &[MEMBERS, TITLES, UPDATES]
    };
    let rows = transact(database, sql, &told).await?;
    // Who did not join came by no link.
    let known = rows.last().filter(|_| joined.is_some());
    let known = known.map(Rows::first::<Known>).transpose()?;
    Ok(known.flatten().map(|row| row.name))
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

/// Someone asks to be let in: notes by which link, and that the update was taken. Whether it is the link of a click.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_request(
    database: &Database,
    taken: Taken<'_>,
    person: TelegramUserId,
    chat: ChatId,
    link: &Link<'_>,
) -> Result<bool, Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(flatten)]
        taken: Taken<'a>,
        telegram_user_id: TelegramUserId,
        chat_id: ChatId,
        link: &'a Link<'a>,
    }
    const REQUESTS: &str = concat!(
        include_str!("joins/link.sql"),
        include_str!("joins/requests.sql")
    );
    let told = Told {
        taken,
        telegram_user_id: person,
        chat_id: chat,
        link,
    };
    let rows = transact(database, &[REQUESTS, UPDATES, CLICK], &told).await?;
    let known = rows.last().map(Rows::first::<Known>).transpose()?;
    Ok(known.flatten().is_some())
}

/// Whether an update was taken before.
///
/// # Errors
/// The database's.
pub async fn was_taken(database: &Database, taken: Taken<'_>) -> Result<bool, Unavailable> {
    const SQL: &str =
        "SELECT 1 FROM telegram_updates WHERE bot = ?1 ->> 'bot' AND update_id = ?1 ->> 'updateId'";
    let rows: Vec<IgnoredAny> = database.rows(SQL, &taken).await?;
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
    Ok(database.rows(SQL, click).await?.pop())
}

/// How someone came to a chat.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    /// By which link; none: Telegram does not say.
    pub link: Option<&'a Link<'a>>,
    /// The chat.
    pub chat_id: ChatId,
    /// Who.
    pub telegram_user_id: TelegramUserId,
    /// When they joined, Unix time in ms; none: they did not, but ask to, or go.
    pub joined_ms: Option<u64>,
}

/// Where the click led by which someone came; `None`: it is not known here, or not yet, or they came by none.
///
/// # Errors
/// The database's.
pub async fn target_of(
    database: &Database,
    came: &Came<'_>,
) -> Result<Option<Target>, Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked<'a> {
        link: Option<&'a Link<'a>>,
        chat_id: ChatId,
        telegram_user_id: TelegramUserId,
        joined: bool,
        changed_ms: u64,
    }
    const SQL: &str = concat!(
        include_str!("joins/link.sql"),
        "SELECT website_id, channel FROM clicks JOIN link USING (click_id)"
    );
    let asked = Asked {
        link: came.link,
        chat_id: came.chat_id,
        telegram_user_id: came.telegram_user_id,
        joined: came.joined_ms.is_some(),
        changed_ms: came.joined_ms.unwrap_or_default(),
    };
    Ok(database.rows(SQL, &asked).await?.pop())
}

/// Whether someone is or was in a chat, as this database knows.
///
/// # Errors
/// The database's.
pub async fn is_known(
    database: &Database,
    chat: ChatId,
    person: TelegramUserId,
) -> Result<bool, Unavailable> {
    const SQL: &str =
        "SELECT 1 FROM members WHERE (chat_id, telegram_user_id) = (?1 ->> 0, ?1 ->> 1)";
    let rows: Vec<IgnoredAny> = database.rows(SQL, &(chat, person)).await?;
    Ok(!rows.is_empty())
}

/// What led someone to a chat.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Way<'a> {
    /// What the link is called that was made for them.
    pub name: &'a ClickId,
    /// What they came by.
    pub click: &'a ClickId,
    /// Who.
    pub telegram_user_id: TelegramUserId,
    /// Where to.
    pub chat_id: ChatId,
    /// When, Unix time in ms.
    pub at_ms: u64,
}

/// What led someone to a chat, as the queue has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "see Taken and Way")]
pub struct OwedStart {
    /// The site whose database is to know it, by its public id.
    pub website_id: String,
    pub bot: String,
    pub update_id: u64,
    pub told_ms: u64,
    pub name: ClickId,
    pub click: ClickId,
    pub telegram_user_id: TelegramUserId,
    pub chat_id: ChatId,
    pub at_ms: u64,
}

/// What was skipped for want of a click that was not known by the link's name is looked at again.
const REVIVED: &str = concat!(
    "WITH touched AS (SELECT ?1 ->> 'click' AS click_id)\n",
    include_str!("../ledger/revived_sends.sql")
);

/// Notes what led someone to a chat, and that the update was taken. Who has joined meanwhile is the click's now, and not that of a click called as
/// the link is.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_start(database: &Database, start: &OwedStart) -> Result<(), Unavailable> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Late<'a> {
        #[serde(flatten)]
        start: &'a OwedStart,
        now_ms: u64,
        give_up_ms: u64,
    }
    const SQL: [&str; 5] = [
        include_str!("joins/names.sql"),
        include_str!("joins/late_way_of_member.sql"),
        include_str!("joins/late_way_of_conversion.sql"),
        REVIVED,
        UPDATES,
    ];
    let late = Late {
        start,
        now_ms: runtime::now_ms(),
        give_up_ms: GIVE_UP_MS,
    };
    transact(database, &SQL, &late).await.map(drop)
}

/// Notes what led someone to a chat.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep_way(database: &Database, way: &Way<'_>) -> Result<(), Unavailable> {
    transact(database, &[include_str!("joins/names.sql")], way)
        .await
        .map(drop)
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
