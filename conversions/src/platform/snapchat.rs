//! Snapchat: [Conversions API v3](https://developers.snap.com/api/marketing-api/Conversions-API).
//!
//! - `event_time` is in seconds and at most 37 days old.
//! - The address of a page is required, and of the person an e-mail address, a phone number, or IP address and
//!   User-Agent together ("Verify set up").
//! - A denied consent becomes Limited Use (`LMU`).
//! - The token can stand in the address alone; [`Request::target`] has it, [`Request::url`] has not.

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::reply::Answer;
use super::setting::{self, SettingError};
use super::{Amount, Outcome, Platform, Purpose, Reply, Request, Skip, is_enough, too_old};
use crate::{Consent, Conversion, EventType, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://tr.snapchat.com";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "v3";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 2000;

/// How far back it goes, in hours.
pub(super) const MAX_AGE_H: u32 = 37 * 24;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, City, State, Zip, Country, Gender, ExternalId, Ip,
        UserAgent, ScClickId, ScCookie,
    ])
};

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's id.
    pub pixel_id: String,
    /// The version of the API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at Snapchat.
#[derive(Debug, Clone)]
pub struct Pixel {
    events_url: String,
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
        let pixel_id = setting::matching(
            "pixelId",
            &settings.pixel_id,
            is_uuid,
            "a pixel's id such as 1ec32188-754e-4be2-8e55-c949a984a39f",
        )?;
        Ok(Self {
            events_url: format!("{base}/{version}/{pixel_id}/events"),
            token: setting::token(token)?,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        too_old(conversion, Platform::Snapchat, MAX_AGE_H, now_ms)?;
        let known = Known::of(conversion, Platform::Snapchat, now_ms);
        let keys = known.keys();
        if !is_enough(keys, MatchKeys::of(&[MatchKey::Email, MatchKey::Phone])) {
            return Err(if keys.contains(MatchKey::Ip) {
                Skip::NoUserAgent(Platform::Snapchat)
            } else {
                Skip::NoSignal(Platform::Snapchat)
            });
        }
        if known.page_url().is_none() {
            return Err(Skip::NoPage(Platform::Snapchat));
        }
        Ok(keys)
    }

    pub(super) fn request(
        &self,
        conversions: &[&Conversion],
        purpose: Purpose,
        now_ms: u64,
    ) -> Request {
        let url = match purpose {
            Purpose::Deliver => self.events_url.clone(),
            Purpose::Test => format!("{}/validate", self.events_url),
        };
        let body = Body {
            data: conversions
                .iter()
                .map(|conversion| event(conversion, now_ms))
                .collect(),
        };
        Request::json(url, &body).secret_parameter("access_token", &self.token)
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn event(conversion: &Conversion, now_ms: u64) -> Event<'_> {
    let known = Known::of(conversion, Platform::Snapchat, now_ms);
    let event_id = conversion.id().event_id();
    Event {
        event_name: event_name(conversion.event()),
        event_time: known.at_ms() / 1000,
        action_source: "WEB",
        event_source_url: known.page_url(),
        user_data: User {
            em: known.list(MatchKey::Email),
            ph: known.list(MatchKey::Phone),
            first_name: known.list(MatchKey::FirstName),
            last_name: known.list(MatchKey::LastName),
            ct: known.list(MatchKey::City),
            st: known.list(MatchKey::State),
            zp: known.list(MatchKey::Zip),
            country: known.list(MatchKey::Country),
            ge: known.list(MatchKey::Gender),
            external_id: known.external_ids(),
            client_ip_address: known.get(MatchKey::Ip),
            client_user_agent: known.get(MatchKey::UserAgent),
            sc_click_id: known.get(MatchKey::ScClickId),
            sc_cookie1: known.get(MatchKey::ScCookie),
        },
        custom_data: Custom {
            currency: conversion.value().map(|value| value.currency().code()),
            value: conversion.value().and_then(super::amount),
            content_name: conversion.content_name.as_deref(),
            // Purchases are deduplicated by it for 30 days.
            order_id: (*conversion.event() == EventType::Purchase).then(|| event_id.clone()),
        },
        event_id,
        data_processing_options: (conversion.consent == Consent::Denied).then_some(["LMU"]),
    }
}

fn event_name(event: &EventType) -> &'static str {
    match event {
        EventType::Lead | EventType::CompleteRegistration => "SIGN_UP",
        EventType::Purchase => "PURCHASE",
        EventType::Subscribe => "SUBSCRIBE",
        EventType::Custom(_) => "CUSTOM_EVENT_1",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    data: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    event_name: &'static str,
    event_time: u64,
    event_id: String,
    action_source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    user_data: User<'a>,
    #[serde(skip_serializing_if = "Custom::is_empty")]
    custom_data: Custom<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options: Option<[&'static str; 1]>,
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
    ge: Option<[&'a str; 1]>,
    external_id: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sc_click_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sc_cookie1: Option<&'a str>,
}

#[derive(Serialize)]
struct Custom<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
}

impl Custom<'_> {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.content_name.is_none()
    }
}

#[derive(Deserialize)]
struct Told {
    status: Option<String>,
    reason: Option<String>,
    request_id: Option<String>,
    #[serde(default)]
    error_records: Vec<ErrorRecord>,
}

#[derive(Deserialize)]
struct ErrorRecord {
    reason: Option<String>,
}

/// Snapchat has no table of codes: the HTTP status counts, and a `status` that says otherwise under 200.
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let Some(told) = answer.json::<Told>() else {
        return answer.unknown();
    };
    let status = told.status.as_deref().unwrap_or_default();
    let is_refused = ["INVALID", "FAILED", "ERROR"]
        .iter()
        .any(|word| status.eq_ignore_ascii_case(word));
    let outcome = match answer.by_status() {
        Outcome::Sent if is_refused => Outcome::Rejected {
            code: status.to_owned(),
        },
        outcome => outcome,
    };
    let reasons = told.error_records.into_iter().map(|record| record.reason);
    let words: Vec<String> = [told.reason].into_iter().chain(reasons).flatten().collect();
    answer.reply(outcome, told.request_id, Some(words.join(" — ")))
}
