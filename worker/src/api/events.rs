//! `POST events/…`: a visit, a late browser id and an invite, as the tracker tells of them but with a key, and a conversion.
//! What the caller says of the person it acts for is believed.

use std::net::IpAddr;

use attribution::{Fbc, Fbp};
use conversions::{ConversionId, Currency, EventType, Money, Person, RawPerson, TelegramUserId};
use serde::Serialize;
use serde_json::json;

use super::Call;
use crate::answer::Answer;
use crate::caller::is_bot;
use crate::config::Site;
use crate::destinations;
use crate::error::Error;
use crate::ids::{ClientSessionId, EventId, TempId};
use crate::ledger::{Database, Statement, Unavailable};
use crate::message::Message;
use crate::outbox::{self, Forecast};
use crate::outcomes::conversions::{
    IfSeveral, NewConversion, Overrides, Recorded, Source, age_warning, is_ahead, place, record,
};
use crate::record::{Attribution, Client, Record};
use crate::runtime;
use crate::track::fields::Fields;
use crate::track::init::{Teller, told_visit};
use crate::track::{click, page_host, update_fbp as fbp};

/// Says which header tells the address of the person a call is about.
const CLIENT_IP: &str = "x-adtarget-client-ip";
/// Says which header tells that person's User-Agent.
const CLIENT_USER_AGENT: &str = "x-adtarget-client-user-agent";

/// The most characters a text field may have.
const LONGEST_TEXT: usize = 2_048;

/// A text field as it is kept, without blanks and line ends around it.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field: not a string, too long, or with a control character.
#[inline(never)]
pub fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Error> {
    let Some(text) = fields.text(name)? else {
        return Ok(None);
    };
    // Lists that people keep end their lines in all ways.
    let text = text.trim();
    if text.chars().count() > LONGEST_TEXT {
        return Err(Error::field(name, "longer than 2048 characters"));
    }
    if text.contains(char::is_control) {
        return Err(Error::field(name, "holds a control character"));
    }
    Ok(Some(text.to_owned()))
}

impl Call<'_> {
    /// The site of a visit: the key's, or the named one, else that of the page where `page_host` is one's, else the first.
    fn site(&self, fields: &Fields<'_>, page_host: &str) -> Result<&'static Site, Error> {
        let named = self.named_site(fields)?;
        named
            .or_else(|| self.edge.config.site_on(page_host))
            .or_else(|| self.edge.config.sites.first())
            .ok_or(Error::WebsiteNotFound)
    }

    /// The address of the person it is about.
    pub fn client_ip(&self, fields: &Fields<'_>) -> Result<Option<String>, Error> {
        let ip = self.told(fields, CLIENT_IP, "clientIp")?;
        ip.map(|text| match text.trim().parse::<IpAddr>() {
            Ok(ip) => Ok(ip.to_string()),
            Err(_) => Err(Error::field("clientIp", "not an IP address")),
        })
        .transpose()
    }

    /// The User-Agent of the person it is about.
    pub fn user_agent(&self, fields: &Fields<'_>) -> Result<Option<String>, Error> {
        self.told(fields, CLIENT_USER_AGENT, "userAgent")
    }

    /// The person it is about, as the caller tells.
    fn client(&self, fields: &Fields<'_>) -> Result<Client, Error> {
        let told = |name| text(fields, name).map(Option::unwrap_or_default);
        let user_agent = self.user_agent(fields)?.unwrap_or_default();
        Ok(Client {
            ip: self.client_ip(fields)?.unwrap_or_default(),
            country: told("country")?,
            region: told("region")?,
            city: told("city")?,
            bot: is_bot(&user_agent),
            user_agent,
        })
    }
}

/// The id of a visit or click that a call makes.
fn event_id(id: ConversionId) -> Result<EventId, Error> {
    EventId::parse(&id.to_string())
}

/// `POST events/visit`
pub async fn visit(
    call: &Call<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    let href = fields.required("href")?;
    let page_host = page_host(&href)?;
    let site = call.site(fields, &page_host)?;
    let teller = Teller {
        now_ms: call.edge.now_ms,
        cookies: "",
        is_page: false,
        visit_id: Some(event_id(id)?),
        client: call.client(fields)?,
    };
    let mut new = told_visit(site, fields, &href, &page_host, teller)?;
    new.visit.extra.remove("siteId");
    let answer = new.ids();
    call.edge
        .keep(&Message::Keep(Record::Visit(Box::new(new.visit))));
    Ok(answer)
}

/// `POST events/update-fbp`: in the site of the visitor's latest visit, where none is named.
pub async fn update_fbp(call: &Call<'_>, fields: &Fields<'_>) -> Result<Answer, Error> {
    let (temp_id, told) = fbp::told(fields, None)?;
    let named = call.named_site(fields)?;
    let sites = match (named, call.visible_sites().count()) {
        (None, 2..) => sites_of(call, temp_id).await,
        _ => named
            .or_else(|| call.visible_sites().next())
            .into_iter()
            .collect(),
    };
    if sites.is_empty() {
        return Err(Error::WebsiteNotFound);
    }
    for site in sites {
        fbp::keep(call.edge, site, temp_id, &told);
    }
    Ok(fbp::success())
}

/// The site of a visitor's latest visit. Where that is not known, or not yet, a site of each database: there a late browser id waits for the
/// visit, and is forgotten if none comes.
async fn sites_of(call: &Call<'_>, temp_id: TempId) -> Vec<&'static Site> {
    let mut places: Vec<&Site> = Vec::new();
    for site in call.visible_sites() {
        if !places
            .iter()
            .any(|place| place.database() == site.database())
        {
            places.push(site);
        }
    }
    // Repeating it does no harm: it reads.
    match visited_site(call, &places, temp_id).await {
        Ok(Some(site)) => vec![site],
        Ok(None) => places,
        Err(why) => {
            runtime::log_warning(&format!("whose a late _fbp is: {why}"));
            places
        }
    }
}

/// The site of a visitor's latest visit, in the databases of those sites; `None`: none is known there.
async fn visited_site(
    call: &Call<'_>,
    places: &[&Site],
    temp_id: TempId,
) -> Result<Option<&'static Site>, Unavailable> {
    const SQL: &str = "SELECT website_id, at_ms FROM visits WHERE temp_id = ?1 ->> '$' ORDER BY at_ms DESC LIMIT 1";
    let mut visits = Vec::new();
    for site in places {
        let database = Database::bound(call.edge.env, site.database())?;
        // Repeating it does no harm: it reads.
        visits.append(&mut database.ask(Statement::new(SQL, &temp_id)?).await?);
    }
    let latest = visits.iter().max_by_key(|row| row.number("at_ms"));
    Ok(latest.and_then(|row| call.edge.config.site(row.text("website_id")?)))
}

/// `POST events/invite`
pub async fn invite(
    call: &Call<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    let named = call.named_site(fields)?;
    let ids = click::Ids {
        temp_id: TempId::parse(&fields.required(TempId::FIELD)?)?,
        client_session_id: ClientSessionId::resolve(
            fields.text(ClientSessionId::FIELD)?.as_deref(),
            || None,
        )?,
        event_id: event_id(id)?,
        visit_id: None,
    };
    let channel_id = fields.text("channelId")?;
    let mut channels = call
        .visible_sites()
        .filter(|site| named.is_none_or(|named| named.website_id == site.website_id))
        .flat_map(|site| site.channels.iter().map(move |channel| (site, channel)))
        .filter(|(_, channel)| channel_id.as_deref().is_none_or(|id| channel.is_named(id)));
    let (site, channel) = channels.next().ok_or(Error::ChannelNotFound)?;
    let mut attribution = Attribution::default();
    for (name, slot) in attribution.fields_mut() {
        *slot = text(fields, name)?;
    }
    let client = call.client(fields)?;
    let link = click::hand_out(
        call.edge,
        site,
        Some(channel),
        &ids,
        None,
        click::Carried {
            attribution,
            is_direct: false,
        },
        client,
    );
    let link = link.await.ok_or(Error::ChannelNotFound)?;
    Ok(Answer::json(200, &json!({ "inviteLink": link.as_str() })))
}

/// `POST events/conversion`
pub async fn conversion(
    call: &Call<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
) -> Result<Answer, Error> {
    let new = told_conversion(call, id, fields, None)?;
    keep(call, new, &told_person(fields)?).await
}

/// The contract's answer to a conversion told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Its id; an earlier one's where the same Purchase was told before.
    pub conversion_id: ConversionId,
    /// `pending` or `skipped`: whether any ad platform gets it.
    pub capi_status: &'static str,
    /// Whether the lead had no conversion in that site and channel before.
    pub cold_lead: bool,
    /// Whether a delivery is scheduled.
    pub dispatched: bool,
    /// What the teller should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The deliveries that are scheduled.
    pub sends: Vec<outbox::Scheduled>,
}

/// Writes a conversion of `person` down and answers with it.
///
/// # Errors
/// Those of [`place`] and [`record`].
pub async fn keep(
    call: &Call<'_>,
    mut new: NewConversion,
    person: &ToldPerson,
) -> Result<Answer, Error> {
    let edge = call.edge;
    // Repeating it does no harm: it reads.
    let place = place(edge.env, edge.config, &new).await?;
    let (_, channel) = place;
    new.person = person.hash(channel.country.as_deref(), edge.now_ms);
    // Repeating it does no harm: the same id gives the same row.
    let recorded = record(edge.env, edge.config, place, &new).await?;
    let (site, id) = (recorded.site, recorded.conversion_id);
    let has_destinations = !destinations(edge.env).of(&site.website_id).is_empty();
    // Repeating it does no harm: what is skipped stays so.
    let forecast = outbox::forecast(edge.env, site, id, edge.now_ms).await?;
    if !forecast.sends.is_empty() {
        outbox::ring(edge, &site.website_id);
    }
    Ok(Answer::json(
        200,
        &Accepted {
            conversion_id: id,
            capi_status: if forecast.sends.is_empty()
                && !(recorded.awaits_value && has_destinations)
            {
                "skipped"
            } else {
                "pending"
            },
            cold_lead: recorded.cold_lead,
            dispatched: !forecast.sends.is_empty(),
            warning: warning(&new, &recorded, &forecast, has_destinations),
            sends: forecast.sends,
        },
    ))
}

/// What the teller should know of a conversion; none: nothing.
fn warning(
    new: &NewConversion,
    recorded: &Recorded<'_>,
    forecast: &Forecast,
    has_destinations: bool,
) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    if recorded.awaits_value {
        said.push(
            "the Purchase awaits its value: post value and currency to its /value".to_owned(),
        );
    }
    match is_ahead(new.event_ms, new.told_ms) {
        true => said.push("eventTime is in the future: taken as now".to_owned()),
        false => said.extend(age_warning(recorded.event_ms, new.told_ms)),
    }
    if !has_destinations {
        said.push("no pixel is configured, so it is stored and sent to no platform".to_owned());
    }
    said.extend(forecast.skipped.iter().cloned());
    (!said.is_empty()).then(|| said.join("; "))
}

/// Reads the conversion that a body tells of; `lead` is whose it is, where the path says. Its person is yet to be told.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn told_conversion(
    call: &Call<'_>,
    id: ConversionId,
    fields: &Fields<'_>,
    lead: Option<TelegramUserId>,
) -> Result<NewConversion, Error> {
    let now_ms = call.edge.now_ms;
    let event_type = EventType::parse(
        &fields.required("eventType")?,
        fields.text("customEventName")?.as_deref(),
    )
    .map_err(|why| Error::field(why.field(), &why.to_string()))?;
    let site = call.named_site(fields)?;
    Ok(NewConversion {
        conversion_id: id,
        telegram_user_id: whose(fields, lead)?,
        website_id: site.map(|site| site.website_id.clone()),
        channel_id: text(fields, "channelId")?,
        if_several: IfSeveral::Refuse,
        event_type,
        value: money(fields)?,
        content_name: text(fields, "contentName")?,
        external_user_id: text(fields, "externalUserId")?,
        event_ms: event_ms(fields, now_ms)?,
        told_ms: now_ms,
        person: Person::default(),
        consent: fields.consent()?,
        overrides: overrides(call, fields)?,
        source: Source::Api,
    })
}

/// Whose event it is: `lead`, where the path says, else whom the body names.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn whose(fields: &Fields<'_>, lead: Option<TelegramUserId>) -> Result<TelegramUserId, Error> {
    match (lead, fields.number("telegramUserId")?) {
        (Some(lead), _) => Ok(lead),
        (None, Some(number)) => TelegramUserId::parse(number)
            .map_err(|why| Error::field("telegramUserId", &why.to_string())),
        (None, None) => Err(Error::field("telegramUserId", "missing")),
    }
}

/// When it happened, Unix time in ms: `now_ms`, where the body does not say.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn event_ms(fields: &Fields<'_>, now_ms: u64) -> Result<u64, Error> {
    match fields.number("eventTime")? {
        None => Ok(now_ms),
        Some(number) => unix_ms(number)
            .ok_or_else(|| Error::field("eventTime", "not a Unix time in whole milliseconds")),
    }
}

/// A time of JavaScript's, whose range ends at 8.64e15 (ECMA-262, "Time Values and Time Range").
pub fn unix_ms(number: &str) -> Option<u64> {
    number
        .parse()
        .ok()
        .filter(|ms| *ms <= 8_640_000_000_000_000)
}

/// `value` and `currency`, both or neither; never zero.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn money(fields: &Fields<'_>) -> Result<Option<Money>, Error> {
    let (value, currency) = match (fields.number("value")?, fields.text("currency")?) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Error::field("currency", "required with value")),
        (None, Some(_)) => return Err(Error::field("value", "required with currency")),
        (Some(value), Some(currency)) => (value, currency),
    };
    let currency =
        Currency::parse(&currency).map_err(|why| Error::field("currency", &why.to_string()))?;
    Money::parse_computed(value, currency)
        .and_then(Money::positive)
        .map(Some)
        .map_err(|why| Error::field("value", &why.to_string()))
}

/// `pii` and `externalUserId`, in the clear: never kept.
pub struct ToldPerson {
    email: Option<String>,
    phone: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    birth_date: Option<String>,
    gender: Option<String>,
    external_id: Option<String>,
}

/// Reads the person that a body tells of. City, state, zip, country, birthDate and gender are Edgeway's own fields of `pii`.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field.
pub fn told_person(fields: &Fields<'_>) -> Result<ToldPerson, Error> {
    let external_id = text(fields, "externalUserId")?;
    let pii = fields.object("pii")?.unwrap_or_default();
    let told = |name| {
        text(&pii, name).map_err(|why| match why {
            Error::InvalidPayload(why) => Error::InvalidPayload(format!("pii.{why}")),
            other => other,
        })
    };
    Ok(ToldPerson {
        email: told("email")?,
        phone: told("phone")?,
        first_name: told("firstName")?,
        last_name: told("lastName")?,
        city: told("city")?,
        state: told("state")?,
        zip: told("zip")?,
        country: told("country")?,
        birth_date: told("birthDate")?,
        gender: told("gender")?,
        external_id,
    })
}

impl ToldPerson {
    /// Whether what it is hashed to depends on where its people are.
    pub fn has_phone(&self) -> bool {
        self.phone.is_some()
    }

    /// The hashes of it; `channel_country` is where a phone number is from that does not say.
    pub fn hash(&self, channel_country: Option<&str>, now_ms: u64) -> Person {
        let raw = RawPerson {
            email: self.email.as_deref(),
            phone: self.phone.as_deref(),
            first_name: self.first_name.as_deref(),
            last_name: self.last_name.as_deref(),
            city: self.city.as_deref(),
            state: self.state.as_deref(),
            zip: self.zip.as_deref(),
            country: self.country.as_deref(),
            birth_date: self.birth_date.as_deref(),
            gender: self.gender.as_deref(),
            external_id: self.external_id.as_deref(),
        };
        Person::hash(&raw, channel_country, now_ms)
    }
}

/// What the body says of the click.
fn overrides(call: &Call<'_>, fields: &Fields<'_>) -> Result<Overrides, Error> {
    let told = |name| text(fields, name);
    let fbc = told("fbc")?;
    if fbc.as_deref().is_some_and(|fbc| Fbc::parse(fbc).is_none()) {
        return Err(Error::field(
            "fbc",
            "not of the form fb.<index>.<ms>.<click id>",
        ));
    }
    let fbp = told("fbp")?;
    if fbp.as_deref().is_some_and(|fbp| Fbp::parse(fbp).is_none()) {
        return Err(Error::field(
            "fbp",
            "not of the form fb.<index>.<ms>.<number>",
        ));
    }
    let event_source_url = told("eventSourceUrl")?;
    if event_source_url
        .as_deref()
        .is_some_and(|url| page_host(url).is_err())
    {
        return Err(Error::field("eventSourceUrl", "not the address of a page"));
    }
    Ok(Overrides {
        fbc,
        fbp,
        gclid: told("gclid")?,
        ttclid: told("ttclid")?,
        sccid: told("sccid")?,
        client_ip: call.client_ip(fields)?,
        user_agent: call.user_agent(fields)?,
        event_source_url,
    })
}
