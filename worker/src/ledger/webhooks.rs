//! Events of signed webhooks: what came in and what came of it, in the database of the source's site. Nothing of a person
//! is kept in the clear.

use std::collections::BTreeMap;

use conversions::{ConversionId, Person, TelegramUserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Database, Row, Statement, Unavailable};
use crate::config::Config;
use crate::runtime::{DAY_MS, Env};

/// How long an event waits for its visitor to join, in ms: the age at which Meta takes no event any more.
pub const WAITS_MS: u64 = 7 * DAY_MS;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It is a conversion.
    Converted,
    /// It should be one, and something is missing.
    Failed,
    /// It is of a kind that makes no conversions.
    Ignored,
}

impl Status {
    /// Reads its name; `None`: it is none.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "converted" => Self::Converted,
            "failed" => Self::Failed,
            "ignored" => Self::Ignored,
            _ => return None,
        })
    }
}

/// An event and what came of it, as it is written down.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The event's id there.
    pub event_id: &'a str,
    /// When it came, Unix time in ms.
    pub at_ms: u64,
    /// What came of it.
    pub status: Status,
    /// Why it failed; it holds nothing of the payload.
    pub reason: Option<&'a str>,
    /// The conversion it made.
    pub conversion_id: Option<ConversionId>,
    /// The visitor who has to join first.
    pub temp_id: Option<Uuid>,
    /// Whose a failed one is, where it says so.
    pub telegram_user_id: Option<TelegramUserId>,
    /// The payload of a failed one, or one that AdTarget has yet to take, redacted, as JSON.
    pub payload: Option<String>,
    /// Whom a failed one is about: [`Whom`], as JSON.
    pub person: Option<String>,
}

/// What stands of an event that came before.
#[derive(Debug)]
pub struct Standing {
    /// What came of it.
    pub status: Status,
    /// The conversion it made.
    pub conversion_id: Option<ConversionId>,
    /// When it came first, Unix time in ms.
    pub at_ms: u64,
}

/// Whom an event is about, by hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Whom {
    /// A phone number that says no country is as it was told.
    #[serde(flatten)]
    pub person: Person,
    /// The same with a phone number of that country (ISO 3166-1, upper case), where the event may yet come to count in a channel of it and
    /// that makes a difference: the number itself is not kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_country: BTreeMap<String, Person>,
}

impl Whom {
    /// The person in a channel whose people are of that country.
    pub fn of(&self, country: Option<&str>) -> &Person {
        let own = country.and_then(|country| self.by_country.get(&country.to_ascii_uppercase()));
        own.unwrap_or(&self.person)
    }
}

/// An event that failed, with what it takes to try it again.
#[derive(Debug)]
pub struct Failed {
    /// The event's id at its source.
    pub event_id: String,
    /// When it came, Unix time in ms.
    pub at_ms: u64,
    /// The redacted payload; none where the body was no JSON.
    pub payload: Option<Value>,
    /// Whom it is about.
    pub whom: Whom,
}

impl Failed {
    fn of(row: &Row) -> Self {
        let payload = row.text("payload");
        let person = row.text("person");
        Self {
            event_id: row.text("event_id").unwrap_or_default().to_owned(),
            at_ms: row.number("at_ms").unwrap_or_default(),
            payload: payload.and_then(|text| ::webhooks::payload(text.as_bytes())),
            whom: person
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        }
    }
}

/// A visitor's lead and where it joined.
#[derive(Debug)]
pub struct Lead {
    /// The Telegram user.
    pub telegram_user_id: TelegramUserId,
    /// The channel's id.
    pub channel_id: String,
}

/// Which events to list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Of that status; none: of any.
    pub status: Option<Status>,
    /// Of those sources; none: of any.
    pub sources: Option<Vec<String>>,
    /// From before then, Unix time in ms; none: the latest. The time of the last one listed leads to the next page.
    pub before_ms: Option<u64>,
    /// So many, and those that came in the same ms as the last of them: else the next page would lack them.
    pub limit: u64,
}

/// Writes down what came of an event.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn keep(database: &Database, event: &Event<'_>) -> Result<(), Unavailable> {
    // Repeating it does no harm: one event is one row, and a converted one stays so.
    database.ask(statement(event)?).await.map(drop)
}

/// The statement by which [`keep`] does it.
///
/// # Errors
/// Where the event can't be JSON.
pub fn statement(event: &Event<'_>) -> Result<Statement, Unavailable> {
    Statement::new(include_str!("webhook_event.sql"), event)
}

/// What stands of an event; `None`: it is new.
///
/// # Errors
/// The database's.
pub async fn standing(
    database: &Database,
    source: &str,
    event_id: &str,
) -> Result<Option<Standing>, Unavailable> {
    let statement = Statement::new(
        "SELECT status, conversion_id, at_ms FROM webhook_events WHERE source = ?1 ->> 0 AND event_id = ?1 ->> 1",
        &[source, event_id],
    )?;
    // Repeating it does no harm: it only reads.
    let rows = database.ask(statement).await?;
    Ok(rows.first().map(|row| {
        let status = row.text("status").and_then(Status::parse);
        let conversion_id = row.text("conversion_id").map(ConversionId::parse);
        Standing {
            status: status.unwrap_or(Status::Failed),
            conversion_id: conversion_id.and_then(Result::ok),
            at_ms: row.number("at_ms").unwrap_or_default(),
        }
    }))
}

/// An event that failed; `None`: there is none of that id, or it did not fail.
///
/// # Errors
/// The database's.
pub async fn failed(
    database: &Database,
    source: &str,
    event_id: &str,
) -> Result<Option<Failed>, Unavailable> {
    let statement = Statement::new(
        "SELECT event_id, at_ms, payload, person FROM webhook_events
         WHERE source = ?1 ->> 0 AND event_id = ?1 ->> 1 AND status = 'failed'",
        &[source, event_id],
    )?;
    // Repeating it does no harm: it only reads.
    let rows = database.ask(statement).await?;
    Ok(rows.first().map(Failed::of))
}

/// A source's events, from `since_ms` (Unix time) on, that waited for a visitor to join who has joined meanwhile.
///
/// # Errors
/// The database's.
pub async fn waiting(
    database: &Database,
    source: &str,
    website_id: &str,
    since_ms: u64,
    limit: usize,
) -> Result<Vec<Failed>, Unavailable> {
    let asked =
        json!({ "source": source, "websiteId": website_id, "sinceMs": since_ms, "limit": limit });
    let statement = Statement::new(include_str!("waiting_webhook_events.sql"), &asked)?;
    // Repeating it does no harm: it only reads.
    let rows = database.ask(statement).await?;
    Ok(rows.iter().map(Failed::of).collect())
}

/// Whom the visitor with that `tempId` became by the latest join, in that site; `None`: nobody yet.
///
/// # Errors
/// The database's.
pub async fn lead_of(
    database: &Database,
    temp_id: Uuid,
    website_id: &str,
) -> Result<Option<Lead>, Unavailable> {
    let asked = json!({ "tempId": temp_id, "websiteId": website_id });
    let statement = Statement::new(include_str!("lead_of_visitor.sql"), &asked)?;
    // Repeating it does no harm: it only reads.
    let rows = database.ask(statement).await?;
    Ok(rows.first().and_then(|row| {
        let user = TelegramUserId::new(row.number("telegram_user_id")?);
        Some(Lead {
            telegram_user_id: user.ok()?,
            channel_id: row.text("channel_id")?.to_owned(),
        })
    }))
}

/// Events and what came of them, the latest first.
///
/// # Errors
/// A database's.
pub async fn list(env: &Env, config: &Config, filter: &Filter) -> Result<Vec<Row>, Unavailable> {
    let sql = include_str!("webhook_events.sql");
    // Repeating it does no harm: it only reads.
    Database::newest(env, config, sql, filter, "at_ms", filter.limit).await
}
