//! Google Analytics 4: [Measurement Protocol](https://developers.google.com/analytics/devguides/collection/protocol/ga4).
//!
//! - A request is of one client, so of one conversion; its time is in microseconds and at most 72 hours back.
//! - Whom Google Analytics does not know by its cookie is a client of its own, derived from the Telegram user, so that
//!   all conversions of one person are one user's.
//! - An event bears its session, so that it is counted to what brought that: known by the cookie that the stream's pages keep.
//! - A name of an event has up to 40 letters, digits and underscores, and is none that Google Analytics keeps to itself.
//! - What it says is always 2xx, whatever becomes of the event; only the test door (`/debug/mp/collect`) tells what is
//!   wrong, and not even that looks at the secret.

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::reply::Answer;
use super::setting::{self, SettingError};
use super::{Amount, Outcome, Platform, Purpose, Reply, Request, Skip, too_old};
use crate::{Consent, Conversion, CustomName, EventType, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://www.google-analytics.com";

/// How far back it goes, in hours.
pub(super) const MAX_AGE_H: u32 = 72;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[Email, Phone, ExternalId, Ip, GaClientId])
};

/// How a web stream is set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The web stream's measurement id, `G-…`.
    pub measurement_id: String,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`]. To have data collected in the EU:
    /// `https://region1.google-analytics.com`.
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A web stream of a Google Analytics property.
#[derive(Debug, Clone)]
pub struct Stream {
    base_url: String,
    measurement_id: String,
    pub(super) token: Secret,
}

impl Stream {
    /// Reads its settings; `token` is the stream's API secret.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings, token: Secret) -> Result<Self, SettingError> {
        let is_measurement_id = |text: &str| {
            text.strip_prefix("G-").is_some_and(|id| {
                (4..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
        };
        Ok(Self {
            base_url: setting::base_url(settings.base_url.as_deref(), DEFAULT_BASE_URL)?,
            measurement_id: setting::matching(
                "measurementId",
                &settings.measurement_id,
                is_measurement_id,
                "a web stream's id such as G-ABCDEF1234",
            )?,
            token: setting::token(token)?,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        too_old(conversion, Platform::Ga4, MAX_AGE_H, now_ms)?;
        if event_name(conversion.event()).is_none() {
            return Err(Skip::CustomName(Platform::Ga4));
        }
        Ok(Known::of(conversion, Platform::Ga4, now_ms).keys())
    }

    pub(super) fn request(
        &self,
        conversion: &Conversion,
        purpose: Purpose,
        now_ms: u64,
    ) -> Request {
        let door = match purpose {
            Purpose::Deliver => "/mp/collect",
            Purpose::Test => "/debug/mp/collect",
        };
        let url = format!(
            "{}{door}?measurement_id={}",
            self.base_url, self.measurement_id
        );
        let body = self.body(conversion, purpose, now_ms);
        Request::json(url, &body).secret_parameter("api_secret", &self.token)
    }

    fn body<'a>(&self, conversion: &'a Conversion, purpose: Purpose, now_ms: u64) -> Body<'a> {
        let known = Known::of(conversion, Platform::Ga4, now_ms);
        let user_id = conversion.lead.external_id();
        let email = known.list(MatchKey::Email);
        let phone = known.list(MatchKey::Phone);
        let status = match conversion.consent {
            Consent::Granted => Some("GRANTED"),
            Consent::Denied => Some("DENIED"),
            Consent::Unknown => None,
        };
        Body {
            client_id: match known.get(MatchKey::GaClientId) {
                Some(client_id) => client_id.to_owned(),
                None => client_id_of(user_id.as_str()),
            },
            user_id: user_id.into(),
            timestamp_micros: known.at_ms().saturating_mul(1000),
            ip_override: known.get(MatchKey::Ip),
            user_data: (email.is_some() || phone.is_some()).then_some(User {
                sha256_email_address: email,
                sha256_phone_number: phone,
            }),
            consent: status.map(|status| Told {
                ad_user_data: status,
                ad_personalization: status,
            }),
            validation_behavior: (purpose == Purpose::Test).then_some("ENFORCE_RECOMMENDATIONS"),
            events: [Event {
                name: event_name(conversion.event()).unwrap_or_default(),
                params: Params {
                    transaction_id: conversion.id().event_id(),
                    currency: conversion.value().map(|value| value.currency().code()),
                    value: conversion.value().and_then(super::amount),
                    content_name: conversion.content_name.as_deref(),
                    page_location: known.page_url(),
                    page_referrer: known.referrer(),
                    session_id: known
                        .get(MatchKey::GaClientId)
                        .and_then(|_| self.session_id(conversion, now_ms)),
                    engagement_time_msec: 1,
                },
            }],
        }
    }

    /// The client's session on this stream's pages, as the stream's cookie has it, while events may still be told of it: a day from
    /// its start ("Measurement protocol use cases", session attribution). It is called by the time of its start, Unix time in s.
    fn session_id<'a>(&self, conversion: &'a Conversion, now_ms: u64) -> Option<&'a str> {
        const MAX_AGE_MS: u64 = 24 * 3_600_000;
        let stream = self.measurement_id.strip_prefix("G-")?;
        let sessions = conversion.click.ga_sessions.as_deref()?;
        let id = session_id_of(attribution::cookie(sessions, &format!("_ga_{stream}"))?)?;
        let begun_ms = id.parse::<u64>().ok()?.saturating_mul(1000);
        (now_ms.saturating_sub(begun_ms) < MAX_AGE_MS).then_some(id)
    }
}

/// The session in a stream's cookie: `GS1.1.<session>.…`, or, since May 2025, `GS2.1.s<session>$o1$…` in any order. Google documents neither.
fn session_id_of(cookie: &str) -> Option<&str> {
    let (version, rest) = cookie.split_once('.')?;
    let (_, fields) = rest.split_once('.')?;
    let id = match version {
        "GS1" => fields.split('.').next(),
        "GS2" => fields.split('$').find_map(|field| field.strip_prefix('s')),
        _ => None,
    };
    id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Two numbers, as in the cookie, of a hash.
fn client_id_of(hash: &str) -> String {
    let number = |from, to| {
        let digits = hash.get(from..to).unwrap_or_default();
        u32::from_str_radix(digits, 16).unwrap_or_default()
    };
    format!("{}.{}", number(0, 8), number(8, 16))
}

/// The recommended event of the kind ("Recommended events"), or a custom one's name in letters that are allowed; none
/// where that can't be one.
fn event_name(event: &EventType) -> Option<String> {
    let name = match event {
        EventType::Lead => "generate_lead",
        EventType::Purchase => "purchase",
        EventType::CompleteRegistration => "sign_up",
        EventType::Subscribe => "subscribe",
        EventType::Custom(name) => return custom_name(name),
    };
    Some(name.to_owned())
}

fn custom_name(name: &CustomName) -> Option<String> {
    const MAX_LENGTH: usize = 40;
    let name = name.as_str().replace(['-', ' '], "_");
    let is_reserved = RESERVED_NAMES.contains(&name.as_str())
        || ["_", "firebase_", "ga_", "google_", "gtag."]
            .iter()
            .any(|prefix| name.starts_with(prefix));
    (name.len() <= MAX_LENGTH && !is_reserved).then_some(name)
}

/// "Reserved names", events.
const RESERVED_NAMES: &[&str] = &[
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_impression",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_background",
    "app_clear_data",
    "app_exception",
    "app_remove",
    "app_store_refund",
    "app_store_subscription_cancel",
    "app_store_subscription_convert",
    "app_store_subscription_renew",
    "app_update",
    "app_upgrade",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "os_update",
    "session_start",
    "user_engagement",
];

#[derive(Serialize)]
struct Body<'a> {
    client_id: String,
    user_id: String,
    timestamp_micros: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_override: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_behavior: Option<&'static str>,
    events: [Event<'a>; 1],
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_email_address: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_phone_number: Option<[&'a str; 1]>,
}

/// What was told of the visitor's consent.
#[derive(Serialize)]
struct Told {
    ad_user_data: &'static str,
    ad_personalization: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    name: String,
    params: Params<'a>,
}

#[derive(Serialize)]
struct Params<'a> {
    transaction_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_referrer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    /// Without it a user is not among the active ones.
    engagement_time_msec: u32,
}

/// The test door's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Debugged {
    validation_messages: Vec<ValidationMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ValidationMessage {
    field_path: String,
    description: String,
    validation_code: String,
}

/// The status, unless the test door found something wrong.
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let debugged = answer.json::<Debugged>();
    let Some(mut messages) = debugged
        .map(|debugged| debugged.validation_messages)
        .filter(|messages| answer.is_success() && !messages.is_empty())
    else {
        return answer.reply(answer.by_status(), None, None);
    };
    let words: Vec<String> = messages
        .iter()
        .map(|message| format!("{}: {}", message.field_path, message.description))
        .collect();
    let codes = messages
        .iter_mut()
        .map(|message| &mut message.validation_code);
    let code = codes.map(std::mem::take).next().unwrap_or_default();
    answer.reply(Outcome::Rejected { code }, None, Some(words.join(" — ")))
}
