//! `leads/…` and `channels`: what is known of a person, and more of it.

use conversions::{ConversionId, Currency, Money, TelegramUserId};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Call, events, own_id};
use crate::answer::Answer;
use crate::config::Channel;
use crate::error::Error;
use crate::ledger::{self, DATABASE, Database, Row, Rows, Statement};
use crate::outbox;
use crate::outcomes::conversions::IfSeveral;
use crate::track::fields::Fields;
use crate::track::update_fbp::success;

/// The lead that a path names.
///
/// # Errors
/// `INVALID_PAYLOAD`
pub fn lead_of(segment: &str) -> Result<TelegramUserId, Error> {
    TelegramUserId::parse(segment).map_err(|why| Error::field("telegramUserId", &why.to_string()))
}

/// A lead, as far as a key may see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Visible<'a> {
    telegram_user_id: TelegramUserId,
    website_id: Option<&'a str>,
}

impl Call<'_> {
    /// The databases of what the key may see, the main one first.
    pub(super) fn databases(&self) -> Result<Vec<Database>, Error> {
        let bindings = self.edge.config.databases().into_iter();
        let own = self.holder.website_id.as_deref();
        let own = own.map(|own| self.edge.config.database_of(own));
        bindings
            .filter(|binding| *binding == DATABASE || own.is_none_or(|own| own == *binding))
            .map(|binding| Ok(Database::bound(self.edge.env, binding)?))
            .collect()
    }
}

/// `GET leads/{telegramUserId}`; the latest conversion first.
pub async fn get(call: &Call<'_>, lead: &str) -> Result<Answer, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Conversion {
        conversion_id: String,
        channel_id: String,
        event_type: String,
        capi_status: String,
        attributed_at: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        event_value: Option<Box<RawValue>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        event_currency: Option<String>,
        source: String,
        attribution: Option<Box<RawValue>>,
        sends: Option<Box<RawValue>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Lead {
        telegram_user_id: TelegramUserId,
        first_seen_at: u64,
        last_seen_at: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        external_user_id: Option<String>,
        organic: bool,
        conversions: Vec<Conversion>,
    }
    let lead = lead_of(lead)?;
    let visible = Visible {
        telegram_user_id: lead,
        website_id: call.holder.website_id.as_deref(),
    };
    let statements = [
        Statement::new(include_str!("seen.sql"), &visible)?,
        Statement::new(include_str!("conversions_of_lead.sql"), &visible)?,
    ];
    let told_ms = |row: &Row| row.number("attributed_ms").unwrap_or_default();
    let mut seen: Vec<Row> = Vec::new();
    let mut conversions: Vec<Row> = Vec::new();
    for database in call.databases()? {
        let rows = database.transact(&statements).await?;
        let [seen_there, conversions_there] = rows.as_slice() else {
            return Err(Error::Internal);
        };
        seen.append(&mut seen_there.read()?);
        for row in conversions_there.read::<Row>()? {
            let place = conversions.partition_point(|other| told_ms(other) >= told_ms(&row));
            conversions.insert(place, row);
        }
    }
    if conversions.is_empty() && seen.is_empty() {
        return Err(Error::LeadNotFound);
    }
    conversions.truncate(1_000);
    let conversions = conversions.iter().map(|row| {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        let currency = row.text("currency");
        let money = stored_money(row.number("value_minor"), currency);
        Conversion {
            conversion_id: text("conversion_id"),
            channel_id: text("channel_id"),
            event_type: text("event_type"),
            capi_status: text("capi_status"),
            attributed_at: told_ms(row),
            event_value: money.and_then(|money| RawValue::from_string(money.to_decimal()).ok()),
            event_currency: currency.map(str::to_owned),
            source: text("source"),
            attribution: RawValue::from_string(text("attribution")).ok(),
            sends: RawValue::from_string(text("sends")).ok(),
        }
    });
    let ms = |column| seen.iter().filter_map(move |row| row.number(column));
    let lead = Lead {
        telegram_user_id: lead,
        first_seen_at: ms("first_seen_ms").min().unwrap_or_default(),
        last_seen_at: ms("last_seen_ms").max().unwrap_or_default(),
        external_user_id: seen
            .iter()
            .find_map(|row| row.text("external_user_id"))
            .map(str::to_owned),
        organic: seen.iter().all(|row| row.number("organic") == Some(1)),
        conversions: conversions.collect(),
    };
    Ok(Answer::json(200, &lead))
}

fn stored_money(minor: Option<u64>, currency: Option<&str>) -> Option<Money> {
    Money::from_minor_units(minor?, Currency::parse(currency?).ok()?).ok()
}

/// `POST leads/{telegramUserId}/events`: as a conversion, in the channel of the lead's latest one where none is named.
pub async fn event(
    call: &Call<'_>,
    lead: &str,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    let lead = lead_of(lead)?;
    let mut new = events::told_conversion(call, id, fields, Some(lead))?;
    let person = events::told_person(fields)?;
    new.if_several = IfSeveral::TakeLatest;
    if !is_known(call, lead).await? {
        return Err(Error::LeadNotFound);
    }
    events::keep(call, new, &person).await
}

/// Whether a lead is known in a site that the key may see, be it by a conversion or only by its joining.
async fn is_known(call: &Call<'_>, lead: TelegramUserId) -> Result<bool, Error> {
    let visible = Visible {
        telegram_user_id: lead,
        website_id: call.holder.website_id.as_deref(),
    };
    for database in call.databases()? {
        let statement = Statement::new(include_str!("seen.sql"), &visible)?;
        // Repeating it does no harm: it reads.
        if !database.ask(statement).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `POST leads/{telegramUserId}/conversions/{conversionId}/value`: the value of a Purchase that awaits it. The same value
/// told again is taken again.
pub async fn value(
    call: &Call<'_>,
    lead: &str,
    conversion: &str,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(flatten)]
        visible: Visible<'a>,
        conversion_id: ConversionId,
        value_minor: u64,
        currency: &'static str,
        person: conversions::Person,
        told_ms: u64,
        give_up_ms: u64,
        destinations: Vec<outbox::Addressee<'a>>,
    }
    let lead = lead_of(lead)?;
    let money = events::money(fields)?.ok_or_else(|| Error::field("value", "missing"))?;
    let person = events::told_person(fields)?;
    let conversion_id =
        ConversionId::parse(&own_id(conversion)).map_err(|_| Error::ConversionNotFound)?;
    let country = match person.has_phone() {
        // Repeating it does no harm: it reads.
        true => country_of(call, conversion_id).await?,
        false => None,
    };
    let told = Told {
        visible: Visible {
            telegram_user_id: lead,
            website_id: call.holder.website_id.as_deref(),
        },
        conversion_id,
        value_minor: money.minor_units(),
        currency: money.currency().code(),
        person: person.hash(country, call.edge.now_ms),
        told_ms: call.edge.now_ms,
        give_up_ms: ledger::GIVE_UP_MS,
        destinations: outbox::addressees(call.edge.env),
    };
    let statements = [
        Statement::new(include_str!("value.sql"), &told)?,
        Statement::new(outbox::SCHEDULE, &told)?,
        Statement::new(include_str!("valued.sql"), &told)?,
        Statement::new(include_str!("conversions_of_lead.sql"), &told)?,
    ];
    let mut refusal = Error::LeadNotFound;
    for database in call.databases()? {
        // Repeating it does no harm: a value that stands is not written again.
        let rows = database.transact(&statements).await?;
        let [_, _, valued, conversions] = rows.as_slice() else {
            return Err(Error::Internal);
        };
        match valued.first::<Row>()? {
            Some(found) if found.flag("is_told") => {
                let website_id = found.text("website_id").unwrap_or_default();
                outbox::ring(call.edge, website_id);
                return Ok(success());
            }
            _ if is_empty(conversions)? => {}
            _ => refusal = Error::ConversionNotFound,
        }
    }
    Err(refusal)
}

/// The country of the people in the channel that a conversion counts in, as far as the settings know the channel.
async fn country_of(call: &Call<'_>, id: ConversionId) -> Result<Option<&'static str>, Error> {
    for database in call.databases()? {
        let statement = Statement::new(
            "SELECT website_id, channel_id FROM conversions WHERE conversion_id = ?1 ->> '$'",
            &id,
        )?;
        // Repeating it does no harm: it reads.
        if let Some(row) = database.ask(statement).await?.first() {
            let site = row
                .text("website_id")
                .and_then(|id| call.edge.config.site(id));
            return Ok(site.and_then(|site| site.country(row.text("channel_id"))));
        }
    }
    Ok(None)
}

fn is_empty(rows: &Rows) -> Result<bool, Error> {
    Ok(rows.read::<Row>()?.is_empty())
}

/// `GET channels`: those of the settings, with what the bots know of them.
pub async fn channels(call: &Call<'_>) -> Result<Answer, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        channel_id: &'a str,
        telegram_channel_id: Option<String>,
        title: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<&'a str>,
        funnel_order: usize,
        event_type: &'static str,
    }
    let mut known: Vec<Row> = Vec::new();
    for database in call.databases()? {
        let statement = Statement::new(
            "SELECT CAST(chat_id AS TEXT) AS chat_id, title, username FROM telegram_channels WHERE ?1 IS NOT NULL",
            &true,
        )?;
        known.append(&mut database.ask(statement).await?);
    }
    let shown = |order: usize, channel: &'static Channel| {
        let id = channel.telegram_id.map(|id| id.to_string());
        let row = known
            .iter()
            .find(|row| row.text("chat_id") == id.as_deref());
        let public = channel.invite.as_ref().and_then(|invite| invite.name());
        Shown {
            channel_id: channel.id(),
            title: row
                .and_then(|row| row.text("title"))
                .unwrap_or(&channel.slug),
            username: match row {
                Some(row) => row.text("username"),
                None => public.filter(|name| !name.starts_with('+')),
            },
            telegram_channel_id: id,
            event_type: channel.join().event.as_str(),
            funnel_order: order + 1,
        }
    };
    let channels: Vec<_> = call
        .visible_sites()
        .flat_map(|site| site.channels.iter().enumerate())
        .map(|(order, channel)| shown(order, channel))
        .collect();
    Ok(Answer::json(200, &json!({ "channels": channels })))
}
