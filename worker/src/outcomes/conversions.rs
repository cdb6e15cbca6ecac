//! Conversions: told by the keyed API, by signed webhooks and by the tracker, written down before they are acknowledged.
//!
//! - **Where** one counts: the site and channel that are named, else the one channel that there is, else the channel of
//!   the lead's history: of its conversions, else of its joins. See [`IfSeveral`] for a lead with more than one.
//! - **Warm or cold**: a lead that has a conversion in that site and channel is warm. The new one goes back to the same
//!   click; what its teller says of a click is not used. Only where the earlier ones know of no click is it.
//! - **The same Purchase again**: one of the same lead, channel, value and currency, or one of the two without its value, whose
//!   time is less than `PURCHASE_WINDOW_H` hours away, is not doubled. What it lacked is filled in, and its id is
//!   returned. One that has its value is told without it once: the next one without is another. Whether the teller gave
//!   it another id does not matter: a shop's webhook and its CRM tell of one sale. Times are those of the events, so a
//!   history told in one go keeps its sales apart.
//! - **The same cause again** (the same [`ConversionId`]) changes nothing and gives the same answer.

use std::fmt::Write as _;

use conversions::platform::AGE_LIMITS;
use conversions::{Consent, ConversionId, EventType, Money, Person, TelegramUserId};
use serde::Serialize;

use crate::config::{Channel, Config, PurchaseValue, Site};
use crate::error::Error;
use crate::ledger::{self, Database, Row, Statement};
use crate::outbox::{self, Addressee};
use crate::runtime::Env;
use crate::runtime::HOUR_MS;
use crate::telegram::ChatId;

/// Who tells of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Edgeway itself: a join that a click led to.
    Tracker,
    /// A signed webhook.
    Webhook,
    /// The keyed API.
    Api,
}

/// What to do with a lead that has conversions in more than one site or channel, when the teller names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfSeveral {
    /// `INVALID_PAYLOAD`, listing what could be named.
    Refuse,
    /// The one of the latest conversion.
    TakeLatest,
}

/// What a teller says of the click behind a cold lead. Fields bear AdTarget's names; those not told are not written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields' names are the platforms' own")]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sccid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source_url: Option<String>,
}

impl Overrides {
    /// Whether they name an ad's click.
    fn has_click(&self) -> bool {
        [&self.fbc, &self.gclid, &self.ttclid, &self.sccid]
            .into_iter()
            .any(Option::is_some)
    }
}

/// A conversion as it is told, each field checked.
#[derive(Debug)]
pub struct NewConversion {
    /// Derived from its cause, so that the same cause told twice is one conversion.
    pub conversion_id: ConversionId,
    /// Whose it is.
    pub telegram_user_id: TelegramUserId,
    /// The site's public id, where the teller names or may see only one.
    pub website_id: Option<String>,
    /// The channel's id at the backend, its slug or its id at Telegram, where the teller names one.
    pub channel_id: Option<String>,
    /// What to do when neither is named and the lead's history has several.
    pub if_several: IfSeveral,
    /// What happened.
    pub event_type: EventType,
    /// What it is worth; a Purchase has none only in a channel whose values are told by hand.
    pub value: Option<Money>,
    /// What was bought.
    pub content_name: Option<String>,
    /// The site's own id of the person.
    pub external_user_id: Option<String>,
    /// When it happened, Unix time in ms.
    pub event_ms: u64,
    /// When it was told, Unix time in ms.
    pub told_ms: u64,
    /// Who it was, by hashes.
    pub person: Person,
    /// What the person allowed, where the teller says so; else the visit's own word counts.
    pub consent: Consent,
    /// What the teller says of the click.
    pub overrides: Overrides,
    /// Who tells.
    pub source: Source,
}

/// A conversion that stands in the ledger.
#[derive(Debug)]
pub struct Recorded<'a> {
    /// Its id; an earlier one's where the same Purchase was told before.
    pub conversion_id: ConversionId,
    /// Its site.
    pub site: &'a Site,
    /// Whether the lead had no conversion in that site and channel before.
    pub cold_lead: bool,
    /// Whether it is a Purchase whose value is told by hand.
    pub awaits_value: bool,
    /// When it happened, Unix time in ms.
    pub event_ms: u64,
}

/// A site and channel in which a lead has conversions.
#[derive(Debug)]
struct Past {
    /// The site's public id.
    website_id: String,
    /// The channel's id.
    channel_id: String,
    latest_ms: u64,
}

/// Where a lead has conversions, the latest first.
///
/// # Errors
/// `INTERNAL_ERROR`: a database's.
async fn history(env: &Env, config: &Config, lead: TelegramUserId) -> Result<Vec<Past>, Error> {
    let mut history: Vec<Past> = Vec::new();
    for binding in config.databases() {
        let database = Database::bound(env, binding)?;
        let rows = database.ask(Statement::new(
            "SELECT website_id, channel_id, max(attributed_ms) AS latest_ms FROM conversions
             WHERE telegram_user_id = ?1 ->> '$' GROUP BY website_id, channel_id",
            &lead,
        )?);
        for row in rows.await? {
            let past = Past {
                website_id: row.text("website_id").unwrap_or_default().to_owned(),
                channel_id: row.text("channel_id").unwrap_or_default().to_owned(),
                latest_ms: row.number("latest_ms").unwrap_or_default(),
            };
            let place = history.partition_point(|other| other.latest_ms >= past.latest_ms);
            history.insert(place, past);
        }
    }
    Ok(history)
}

/// Those of `candidates` that a lead joined, the latest first: for one that has no conversion, as nothing is told of who came by no click.
async fn joined(
    env: &Env,
    config: &Config,
    lead: TelegramUserId,
    candidates: &[Place<'_>],
) -> Result<Vec<Past>, Error> {
    let mut joined: Vec<Past> = Vec::new();
    for binding in config.databases() {
        let statement = Statement::new(
            "SELECT CAST(chat_id AS TEXT) AS chat_id, website_id, channel_id, first_joined_ms FROM members
             WHERE telegram_user_id = ?1 ->> '$' AND first_joined_ms IS NOT NULL",
            &lead,
        )?;
        // Repeating it does no harm: it reads.
        for row in Database::bound(env, binding)?.ask(statement).await? {
            let chat = row.text("chat_id").and_then(|id| id.parse().ok());
            let chat = chat.and_then(ChatId::new);
            let there = |(_, channel): &&Place<'_>| chat.is_some() && channel.telegram_id == chat;
            let is_kept = |(site, channel): &&Place<'_>| {
                row.text("website_id") == Some(&site.website_id)
                    && row.text("channel_id") == Some(channel.id())
            };
            let kept = candidates.iter().filter(there).find(is_kept);
            let place = kept.or_else(|| candidates.iter().find(there));
            joined.extend(place.map(|(site, channel)| Past {
                website_id: site.website_id.clone(),
                channel_id: channel.id().to_owned(),
                latest_ms: row.number("first_joined_ms").unwrap_or_default(),
            }));
        }
    }
    joined.sort_by_key(|past| std::cmp::Reverse(past.latest_ms));
    Ok(joined)
}

/// A site and one of its channels.
pub type Place<'a> = (&'a Site, &'a Channel);

/// Where a conversion counts.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field, `CHANNEL_NOT_FOUND`, `INTERNAL_ERROR`
pub async fn place<'a>(
    env: &Env,
    config: &'a Config,
    new: &NewConversion,
) -> Result<Place<'a>, Error> {
    if let Some(place) = only_place(config, new)? {
        return Ok(place);
    }
    // Repeating it does no harm: both read.
    let history = history(env, config, new.telegram_user_id).await?;
    if let Some(place) = place_of_history(config, new, &history)? {
        return Ok(place);
    }
    let candidates = candidates(config, new)?;
    let joined = joined(env, config, new.telegram_user_id, &candidates).await?;
    match place_of_history(config, new, &joined)? {
        Some(place) => Ok(place),
        None => Err(unclear("the lead is new", &candidates)),
    }
}

/// Writes a conversion and its lead, in one transaction; one whose time is yet to come as of now: it would stand in a day of its own, before all others,
/// until that has come. Repeating it does no harm: the same id gives the same row.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field, `INTERNAL_ERROR`; nothing is written then.
pub async fn record<'a>(
    env: &Env,
    config: &Config,
    (site, channel): Place<'a>,
    new: &NewConversion,
) -> Result<Recorded<'a>, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        conversion_id: ConversionId,
        telegram_user_id: TelegramUserId,
        website_id: &'a str,
        channel_id: &'a str,
        event_type: &'static str,
        custom_event_name: Option<&'a str>,
        value_minor: Option<u64>,
        currency: Option<&'static str>,
        content_name: Option<&'a str>,
        external_user_id: Option<&'a str>,
        event_ms: u64,
        told_ms: u64,
        purchase_window_ms: u64,
        source: Source,
        awaits_value: bool,
        organic: bool,
        consent: Option<&'static str>,
        overrides: &'a Overrides,
        person: &'a Person,
        give_up_ms: u64,
        destinations: Vec<Addressee<'a>>,
    }
    let awaits_value = new.event_type == EventType::Purchase && new.value.is_none();
    if awaits_value && channel.purchase_value != PurchaseValue::Manual {
        return Err(Error::field("value", "required with eventType Purchase"));
    }
    let told = Told {
        conversion_id: new.conversion_id,
        telegram_user_id: new.telegram_user_id,
        website_id: &site.website_id,
        channel_id: channel.id(),
        event_type: new.event_type.as_str(),
        custom_event_name: new.event_type.custom_name().map(|name| name.as_str()),
        value_minor: new.value.map(Money::minor_units),
        currency: new.value.map(|value| value.currency().code()),
        content_name: new.content_name.as_deref(),
        external_user_id: new.external_user_id.as_deref(),
        event_ms: if is_ahead(new.event_ms, new.told_ms) {
            new.told_ms
        } else {
            new.event_ms
        },
        told_ms: new.told_ms,
        purchase_window_ms: u64::from(config.purchase_window_h) * HOUR_MS,
        source: new.source,
        awaits_value,
        organic: !new.overrides.has_click(),
        consent: new.consent.as_str(),
        overrides: &new.overrides,
        person: &new.person,
        give_up_ms: ledger::GIVE_UP_MS,
        destinations: outbox::addressees(env),
    };
    let statements = [
        Statement::new(include_str!("lead.sql"), &told)?,
        Statement::new(include_str!("conversion.sql"), &told)?,
        Statement::new(outbox::SCHEDULE, &told)?,
    ];
    let rows = Database::bound(env, site.database())?
        .transact(&statements)
        .await?;
    let row = rows.get(1).map(|rows| rows.first::<Row>()).transpose()?;
    let row = row.flatten().ok_or(Error::Internal)?;
    let conversion_id = row.text("conversion_id").unwrap_or_default();
    let conversion_id = ConversionId::parse(conversion_id).map_err(|_| Error::Internal)?;
    Ok(Recorded {
        conversion_id,
        site,
        // An earlier conversion that was met again is what makes the lead warm.
        cold_lead: row.flag("cold") && conversion_id == new.conversion_id,
        awaits_value: row.flag("awaits_value"),
        event_ms: row.number("event_ms").unwrap_or(new.event_ms),
    })
}

/// The sites and channels that a conversion can be meant for.
///
/// # Errors
/// `INVALID_PAYLOAD`: no such site; `CHANNEL_NOT_FOUND`.
fn candidates<'a>(config: &'a Config, new: &NewConversion) -> Result<Vec<Place<'a>>, Error> {
    let sites: Vec<&Site> = match &new.website_id {
        Some(id) => vec![
            config
                .site(id)
                .ok_or_else(|| Error::field("siteId", "no such site"))?,
        ],
        None => config.sites.iter().collect(),
    };
    let found: Vec<_> = sites
        .into_iter()
        .flat_map(|site| site.channels.iter().map(move |channel| (site, channel)))
        .filter(|(_, channel)| {
            new.channel_id
                .as_deref()
                .is_none_or(|name| channel.is_named(name))
        })
        .collect();
    if found.is_empty() {
        return Err(Error::ChannelNotFound);
    }
    Ok(found)
}

/// The site and channel, where what is named and configured leaves no choice.
fn only_place<'a>(config: &'a Config, new: &NewConversion) -> Result<Option<Place<'a>>, Error> {
    Ok(match candidates(config, new)?.as_slice() {
        [only] => Some(*only),
        _ => None,
    })
}

/// The site and channel by what the lead did before; none: it did nothing in any that can be meant.
fn place_of_history<'a>(
    config: &'a Config,
    new: &NewConversion,
    history: &[Past],
) -> Result<Option<Place<'a>>, Error> {
    let candidates = candidates(config, new)?;
    let known: Vec<_> = history
        .iter()
        .filter_map(|past| {
            candidates.iter().copied().find(|(site, channel)| {
                site.website_id == past.website_id && channel.id() == past.channel_id
            })
        })
        .collect();
    match (known.as_slice(), new.if_several) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(*only)),
        ([latest, ..], IfSeveral::TakeLatest) => Ok(Some(*latest)),
        _ => Err(unclear("the lead has several", &known)),
    }
}

/// Says what has to be named: the site where there are several, and the channel where a site has several.
fn unclear(why: &str, choice: &[Place<'_>]) -> Error {
    let first = choice.first().map(|(site, _)| &site.website_id);
    let spans_sites = choice
        .iter()
        .any(|(site, _)| Some(&site.website_id) != first);
    let mut text = if spans_sites {
        format!("siteId, channelId: {why}, name one of")
    } else {
        format!("channelId: {why}, name one of")
    };
    for (at, (site, channel)) in choice.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // Writing to a String can't fail.
        let _ = if spans_sites {
            write!(text, "{comma} {} {}", site.website_id, channel.id())
        } else {
            write!(text, "{comma} {}", channel.id())
        };
    }
    Error::InvalidPayload(text)
}

/// Whether a time is yet to come. A minute ahead is a clock's own error.
pub fn is_ahead(event_ms: u64, told_ms: u64) -> bool {
    event_ms > told_ms + 60_000
}

/// What is wrong with a time of the past: which platforms take no event of that age, by their own rules.
pub fn age_warning(event_ms: u64, told_ms: u64) -> Option<String> {
    /// As milliseconds it is in 1973, as seconds in 5138.
    const SECONDS_END: u64 = 100_000_000_000;
    if event_ms < SECONDS_END {
        return Some(
            "eventTime is of the early seventies, as seconds are: expected milliseconds".to_owned(),
        );
    }
    let age_ms = told_ms.saturating_sub(event_ms);
    let refusing: Vec<String> = AGE_LIMITS
        .iter()
        .filter(|limit| age_ms > u64::from(limit.hours) * HOUR_MS)
        .map(ToString::to_string)
        .collect();
    (!refusing.is_empty()).then(|| format!("eventTime is too old for {}", refusing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_that_platforms_refuse() {
        const DAY: u64 = 86_400_000;
        let now = 1_800_000_000_000;
        let says = |event_ms| age_warning(event_ms, now).unwrap_or_default();
        assert_eq!(says(now), "");
        assert_eq!(says(now + 60_001), "");
        assert_eq!(says(now - 3 * DAY), "");
        assert_eq!(
            says(now - 3 * DAY - 1),
            "eventTime is too old for GA4 (72 hours)"
        );
        assert_eq!(
            says(now - 38 * DAY),
            "eventTime is too old for GA4 (72 hours), Meta (7 days), TikTok (28 days), Telegram Ads (30 days), Snapchat (37 days)"
        );
        assert!(says(now - 70 * DAY).ends_with(", Google Ads without a click's id (63 days)"));
        assert!(says(now - 91 * DAY).ends_with(", Google Ads (90 days)"));
        assert!(says(now / 1_000).ends_with("expected milliseconds"));
    }

    #[test]
    fn the_api_tells_how_far_back_platforms_go() {
        let limits = AGE_LIMITS.map(|limit| limit.to_string()).join(", ");
        let told = include_str!("../api/openapi.json").matches(&limits);
        assert_eq!(told.count(), 2, "{limits}");
    }
}
