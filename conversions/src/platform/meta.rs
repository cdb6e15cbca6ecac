//! Meta: [Conversions API](https://developers.facebook.com/docs/marketing-api/conversions-api).
//!
//! - `event_time` is in seconds and at most 7 days old; one older event rejects the whole request.
//! - An event from a website needs the browser's User-Agent and the page's address ("Server Event Parameters"). Where
//!   either is missing the event is sent as of `chat`, "through a messaging app": that is where a Telegram conversion
//!   takes place, and only `action_source` itself is required of it. `business_messaging` is for Meta's own messengers
//!   and takes none of these events.
//! - A denied consent becomes Limited Data Use.
//! - The token goes in the body: addresses are logged.

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::reply::Answer;
use super::setting::{self, SettingError};
use super::{
    Amount, Outcome, Platform, Purpose, Reply, Request, RequestError, Skip, is_enough, too_old,
};
use crate::{Consent, Conversion, EventType, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "v25.0";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 1000;

/// How far back it goes, in hours.
pub(super) const MAX_AGE_H: u32 = 7 * 24;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, City, State, Zip, Country, BirthDate, Gender,
        ExternalId, Ip, UserAgent, Fbc, Fbp,
    ])
};

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's (dataset's) id.
    pub pixel_id: String,
    /// The code of the "Test events" tab in Events Manager; without it nothing can be tested.
    #[serde(default)]
    pub test_event_code: Option<String>,
    /// The country that Limited Data Use is asked for: 1, the USA; 0, Meta finds out. None: 1.
    #[serde(default)]
    pub limited_country: Option<u32>,
    /// The state that Limited Data Use is asked for, such as 1000, California; 0, Meta finds out. None: 1000 or, where
    /// Meta finds out the country, 0.
    #[serde(default)]
    pub limited_state: Option<u32>,
    /// The version of the Graph API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at Meta.
#[derive(Debug, Clone)]
pub struct Pixel {
    events_url: String,
    test_event_code: Option<String>,
    limited_country: u32,
    limited_state: u32,
    pub(super) token: Secret,
}

impl Pixel {
    /// Reads its settings.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings, token: Secret) -> Result<Self, SettingError> {
        let base = setting::base_url(settings.base_url.as_deref(), DEFAULT_BASE_URL)?;
        let version = setting::version(settings.version.as_deref(), DEFAULT_VERSION)?;
        let pixel_id = setting::digits("pixelId", &settings.pixel_id)?;
        // Where Meta finds out, the limit binds only in the states of its list. So that a denial holds for everyone,
        // it is asked for as of California unless the settings say otherwise.
        let limited_country = settings.limited_country.unwrap_or(1);
        if limited_country > 1 {
            return Err(SettingError::new("limitedCountry", "0 or 1"));
        }
        let limited_state = settings.limited_state.unwrap_or(limited_country * 1000);
        if limited_state != 0 && (limited_country == 0 || !(1000..1100).contains(&limited_state)) {
            let expected = "0 or, with limitedCountry 1, Meta's number of a state such as 1000";
            return Err(SettingError::new("limitedState", expected));
        }
        Ok(Self {
            events_url: format!("{base}/{version}/{pixel_id}/events"),
            test_event_code: setting::test_code(settings.test_event_code.as_deref())?,
            limited_country,
            limited_state,
            token: setting::token(token)?,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        too_old(conversion, Platform::Meta, MAX_AGE_H, now_ms)?;
        let keys = Known::of(conversion, Platform::Meta, now_ms).keys();
        // All else, alone or together, is too broad ("Best practices"). An external id finds a person only where Meta
        // was told of it before with another key.
        const ALONE: MatchKeys = {
            use MatchKey::*;
            MatchKeys::of(&[Email, Phone, Fbc, Fbp])
        };
        if !is_enough(keys, ALONE) {
            return Err(Skip::NoSignal(Platform::Meta));
        }
        Ok(keys)
    }

    pub(super) fn request(
        &self,
        conversions: &[&Conversion],
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        let test_event_code = match purpose {
            Purpose::Deliver => None,
            Purpose::Test => Some(
                self.test_event_code
                    .as_deref()
                    .ok_or(RequestError::NoTestCode)?,
            ),
        };
        let body = Body {
            data: conversions
                .iter()
                .map(|conversion| self.event(conversion, now_ms))
                .collect(),
            access_token: self.token.reveal(),
            test_event_code,
        };
        Ok(Request::json(self.events_url.clone(), &body))
    }

    fn event<'a>(&self, conversion: &'a Conversion, now_ms: u64) -> Event<'a> {
        let known = Known::of(conversion, Platform::Meta, now_ms);
        let user_agent = known.get(MatchKey::UserAgent);
        let event_source_url = known.page_url();
        let limited = |value| (conversion.consent == Consent::Denied).then_some(value);
        Event {
            event_name: event_name(conversion.event()),
            event_time: known.at_ms() / 1000,
            event_id: conversion.id().event_id(),
            action_source: if user_agent.is_some() && event_source_url.is_some() {
                "website"
            } else {
                "chat"
            },
            event_source_url,
            referrer_url: known.referrer(),
            user_data: User {
                em: known.list(MatchKey::Email),
                ph: known.list(MatchKey::Phone),
                first_name: known.list(MatchKey::FirstName),
                last_name: known.list(MatchKey::LastName),
                ct: known.list(MatchKey::City),
                st: known.list(MatchKey::State),
                zp: known.list(MatchKey::Zip),
                country: known.list(MatchKey::Country),
                db: known.list(MatchKey::BirthDate),
                ge: known.list(MatchKey::Gender),
                external_id: known.external_ids(),
                client_ip_address: known.get(MatchKey::Ip),
                client_user_agent: user_agent,
                fbc: known.get(MatchKey::Fbc),
                fbp: known.get(MatchKey::Fbp),
            },
            custom_data: Custom {
                currency: conversion.value().map(|value| value.currency().code()),
                value: conversion.value().and_then(super::amount),
                content_name: conversion.content_name.as_deref(),
            },
            data_processing_options: match conversion.consent {
                Consent::Granted => Some(&[]),
                Consent::Denied => Some(&["LDU"]),
                Consent::Unknown => None,
            },
            data_processing_options_country: limited(self.limited_country),
            data_processing_options_state: limited(self.limited_state),
        }
    }
}

fn event_name(event: &EventType) -> &str {
    match event {
        EventType::Custom(name) => name.as_str(),
        standard => standard.as_str(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    data: Vec<Event<'a>>,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_event_code: Option<&'a str>,
}

#[derive(Serialize)]
struct Event<'a> {
    event_name: &'a str,
    event_time: u64,
    event_id: String,
    action_source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_url: Option<&'a str>,
    user_data: User<'a>,
    #[serde(skip_serializing_if = "Custom::is_empty")]
    custom_data: Custom<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options_country: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options_state: Option<u32>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    em: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ph: Option<[&'a str; 1]>,
    #[serde(rename = "fn", skip_serializing_if = "Option::is_none")]
    first_name: Option<[&'a str; 1]>,
    #[serde(rename = "ln", skip_serializing_if = "Option::is_none")]
    last_name: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ct: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    st: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zp: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ge: Option<[&'a str; 1]>,
    external_id: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbp: Option<&'a str>,
}

#[derive(Serialize)]
struct Custom<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
}

impl Custom<'_> {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.content_name.is_none()
    }
}

/// The Graph API's answer: `{events_received, fbtrace_id}` or `{error}`.
#[derive(Deserialize)]
struct Told {
    events_received: Option<u64>,
    fbtrace_id: Option<String>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<i64>,
    error_subcode: Option<i64>,
    message: Option<String>,
    error_user_title: Option<String>,
    error_user_msg: Option<String>,
    fbtrace_id: Option<String>,
    #[serde(default)]
    is_transient: bool,
}

/// Codes of the Graph API ("Handle errors") and of the Conversions API ("Error codes").
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let Some(told) = answer.json::<Told>() else {
        return answer.unknown();
    };
    let Some(fault) = told.error else {
        let outcome = match told.events_received {
            Some(_) if answer.is_success() => Outcome::Sent,
            _ if answer.status == 429 => answer.throttled(),
            _ => answer.retry(),
        };
        return answer.reply(outcome, told.fbtrace_id, None);
    };
    let outcome = match fault.code {
        // The token; what it, or its app, may do: that is the same for every event, and mended by a person.
        Some(3 | 10 | 102 | 190 | 200 | 294) => Outcome::Credentials,
        // "Object with ID … does not exist, cannot be loaded due to missing permissions": the pixel is not there, or is not the token's.
        Some(100) if fault.error_subcode == Some(33) => Outcome::Credentials,
        Some(4 | 17 | 80_003) => answer.throttled(),
        _ if answer.status == 429 => answer.throttled(),
        _ if fault.is_transient => answer.retry(),
        Some(code @ (100 | 105)) => Outcome::Rejected {
            code: match fault.error_subcode {
                Some(subcode) => format!("{code}/{subcode}"),
                None => code.to_string(),
            },
        },
        // 1, 2, 341, 368, 5000, 21009, and what is not known.
        _ => answer.retry(),
    };
    let words = [fault.message, fault.error_user_title, fault.error_user_msg];
    let words: Vec<String> = words.into_iter().flatten().collect();
    answer.reply(
        outcome,
        fault.fbtrace_id.or(told.fbtrace_id),
        Some(words.join(" — ")),
    )
}
