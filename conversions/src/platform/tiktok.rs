//! TikTok: [Events API 2.0](https://business-api.tiktok.com/portal/docs?id=1771100865818625).
//!
//! - `event_time` is in seconds. TikTok states no age; what is older than its longest attribution window, 28 days, can
//!   be attributed to no click.
//! - Phone numbers are hashed with the plus sign. City, state and country would be wanted in the clear, and are not kept
//!   so.
//! - A denied consent becomes `limited_data_use`.
//! - **HTTP 200 with a `code` other than 0 is a failure.**

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::reply::Answer;
use super::setting::{self, SettingError};
use super::{
    Amount, Outcome, Platform, Purpose, Reply, Request, RequestError, Skip, is_enough, too_old,
};
use crate::{Consent, Conversion, EventType, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://business-api.tiktok.com";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "v1.3";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 1000;

/// How far back it goes, in hours.
pub(super) const MAX_AGE_H: u32 = 28 * 24;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, Zip, ExternalId, Ip, UserAgent, Ttclid, Ttp,
    ])
};

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's code.
    pub pixel_id: String,
    /// The code of the "Test events" tab in Events Manager; without it nothing can be tested.
    #[serde(default)]
    pub test_event_code: Option<String>,
    /// The version of the Business API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at TikTok.
#[derive(Debug, Clone)]
pub struct Pixel {
    track_url: String,
    pixel_id: String,
    test_event_code: Option<String>,
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
        Ok(Self {
            track_url: format!("{base}/open_api/{version}/event/track/"),
            pixel_id: setting::matching(
                "pixelId",
                &settings.pixel_id,
                setting::is_word,
                "a pixel's code such as C4ABCDEFGHIJKLMNOPQR",
            )?,
            test_event_code: setting::test_code(settings.test_event_code.as_deref())?,
            token: setting::token(token)?,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        too_old(conversion, Platform::TikTok, MAX_AGE_H, now_ms)?;
        let keys = Known::of(conversion, Platform::TikTok, now_ms).keys();
        const ALONE: MatchKeys = {
            use MatchKey::*;
            MatchKeys::of(&[Email, Phone, Ttclid, Ttp])
        };
        if !is_enough(keys, ALONE) {
            return Err(Skip::NoSignal(Platform::TikTok));
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
            event_source: "web",
            event_source_id: &self.pixel_id,
            test_event_code,
            data: conversions
                .iter()
                .map(|conversion| event(conversion, now_ms))
                .collect(),
        };
        let request = Request::json(self.track_url.clone(), &body);
        Ok(request.header("Access-Token", self.token.reveal().to_owned()))
    }
}

fn event(conversion: &Conversion, now_ms: u64) -> Event<'_> {
    let known = Known::of(conversion, Platform::TikTok, now_ms);
    Event {
        event: event_name(conversion.event()),
        event_time: known.at_ms() / 1000,
        event_id: conversion.id().event_id(),
        user: User {
            email: known.list(MatchKey::Email),
            phone: known.list(MatchKey::Phone),
            first_name: known.get(MatchKey::FirstName),
            last_name: known.get(MatchKey::LastName),
            zip_code: known.get(MatchKey::Zip),
            external_id: known.external_ids(),
            ttclid: known.get(MatchKey::Ttclid),
            ttp: known.get(MatchKey::Ttp),
            ip: known.get(MatchKey::Ip),
            user_agent: known.get(MatchKey::UserAgent),
        },
        page: known.page_url().map(|url| Page {
            url,
            referrer: known.referrer(),
        }),
        properties: Properties {
            currency: conversion.value().map(|value| value.currency().code()),
            value: conversion.value().and_then(super::amount),
            content_name: conversion.content_name.as_deref(),
        },
        limited_data_use: match conversion.consent {
            Consent::Granted => Some(false),
            Consent::Denied => Some(true),
            Consent::Unknown => None,
        },
    }
}

fn event_name(event: &EventType) -> &str {
    match event {
        EventType::Lead => "SubmitForm",
        EventType::Custom(name) => name.as_str(),
        standard => standard.as_str(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    event_source: &'static str,
    event_source_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_event_code: Option<&'a str>,
    data: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    event: &'a str,
    event_time: u64,
    event_id: String,
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Page<'a>>,
    properties: Properties<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_data_use: Option<bool>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<&'a str>,
    external_id: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttclid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct Page<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
}

#[derive(Serialize)]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
}

#[derive(Deserialize)]
struct Told {
    code: i64,
    message: Option<String>,
    request_id: Option<String>,
}

/// Codes of the Business API ("Appendix - Return codes").
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let Some(told) = answer.json::<Told>() else {
        return answer.unknown();
    };
    let outcome = match told.code {
        // 20001: all that could be taken was.
        0 | 20_001 if answer.is_success() => Outcome::Sent,
        40_100 => answer.throttled(),
        // No permission; and the token: expired, missing or wrong.
        40_001 | 40_102 | 40_104 | 40_105 => Outcome::Credentials,
        // A parameter is wrong; there is no such thing.
        40_002 | 40_007 => Outcome::Rejected {
            code: told.code.to_string(),
        },
        _ if answer.status == 429 => answer.throttled(),
        _ => answer.retry(),
    };
    answer.reply(outcome, told.request_id, told.message)
}
