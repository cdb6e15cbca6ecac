//! Google Ads: [Data Manager API](https://developers.google.com/data-manager/api), `events:ingest`.
//!
//! - Each kind of event is a conversion action of its own; `transactionId` deduplicates, times are RFC 3339.
//! - A click is matched for 90 days, an e-mail address or phone number for 63 (Google Ads help, "About offline conversion
//!   imports" and "About enhanced conversions for leads").
//! - An address is matched only with region and postal code in the clear, which are not kept so; names are of no use
//!   without.
//! - IP addresses of the European Economic Area, the United Kingdom and Switzerland are not to be sent (`DeviceInfo`), so
//!   one is sent only where its country is known.
//! - One invalid field rejects the whole request. What becomes of one that is taken is told later ([`RequestStatus`]).

mod oauth;
pub(super) mod region;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use oauth::{
    AccessToken, Credentials, CredentialsError, RefreshToken, SCOPE, ServiceAccount, SigningInput,
    TokenReply,
};
pub use status::{FIRST_INQUIRY_MS, RequestStatus, Verdict};

use super::known::Known;
use super::reply::{Answer, REDACTED};
use super::setting::{self, PerEvent, SettingError};
use super::{Amount, Outcome, Platform, Purpose, Reply, Request, RequestError, Skip, too_old};
use crate::time::rfc3339;
use crate::{Consent, Conversion, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://datamanager.googleapis.com";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "v1";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 2000;

/// "Maximum number of destinations allowed per request."
const MAX_DESTINATIONS: usize = 10;

/// How far back it goes, in hours: by the id of a click, and without.
pub(super) const MAX_AGE_OF_CLICK_H: u32 = 90 * 24;
pub(super) const MAX_AGE_OF_PERSON_H: u32 = 63 * 24;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[Email, Phone, Ip, UserAgent, Gclid, Gbraid, Wbraid])
};

/// How conversion actions are set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The account's id (customer id), with or without dashes.
    pub account_id: String,
    /// The type of that account; none: `GOOGLE_ADS`.
    #[serde(default)]
    pub account_type: Option<String>,
    /// The account that the credentials belong to, such as a manager account, where it is another.
    #[serde(default)]
    pub login_account_id: Option<String>,
    /// The type of that account; none: `GOOGLE_ADS`.
    #[serde(default)]
    pub login_account_type: Option<String>,
    /// The id of the conversion action for each kind of event, by AdTarget's name of that or by a custom event's own:
    /// `{"Purchase": "1234567890"}`. What is not named is not sent.
    pub conversion_actions: BTreeMap<String, String>,
    /// The version of the API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// Conversion actions of a Google Ads account. The credentials stand apart ([`Credentials`]), since what is sent is a
/// token that they are traded for.
#[derive(Debug, Clone)]
pub struct Account {
    ingest_url: String,
    status_url: String,
    operating: AccountId,
    login: Option<AccountId>,
    conversion_actions: PerEvent,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountId {
    account_type: String,
    account_id: String,
}

impl AccountId {
    fn parse(
        [type_field, id_field]: [&'static str; 2],
        account_type: Option<&str>,
        id: &str,
    ) -> Result<Self, SettingError> {
        let types = [
            "GOOGLE_ADS",
            "DATA_PARTNER",
            "DISPLAY_VIDEO_ADVERTISER",
            "DISPLAY_VIDEO_PARTNER",
            "GOOGLE_ANALYTICS_PROPERTY",
        ];
        Ok(Self {
            account_type: setting::matching(
                type_field,
                account_type.unwrap_or("GOOGLE_ADS"),
                |text| types.contains(&text),
                "a type of account such as GOOGLE_ADS",
            )?,
            account_id: setting::digits(id_field, &id.replace('-', ""))?,
        })
    }
}

impl Account {
    /// Reads its settings.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings) -> Result<Self, SettingError> {
        let base = setting::base_url(settings.base_url.as_deref(), DEFAULT_BASE_URL)?;
        let version = setting::version(settings.version.as_deref(), DEFAULT_VERSION)?;
        let conversion_actions = PerEvent::new(
            "conversionActions",
            settings.conversion_actions,
            setting::is_number,
            "the id of a conversion action",
        )?;
        if conversion_actions.values().count() > MAX_DESTINATIONS {
            return Err(SettingError::new("conversionActions", "10 at most"));
        }
        let login_type = settings.login_account_type.as_deref();
        let login = settings
            .login_account_id
            .map(|id| AccountId::parse(["loginAccountType", "loginAccountId"], login_type, &id));
        Ok(Self {
            ingest_url: format!("{base}/{version}/events:ingest"),
            status_url: format!("{base}/{version}/requestStatus:retrieve"),
            operating: AccountId::parse(
                ["accountType", "accountId"],
                settings.account_type.as_deref(),
                &settings.account_id,
            )?,
            login: login.transpose()?,
            conversion_actions,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        const CLICK: MatchKeys =
            MatchKeys::of(&[MatchKey::Gclid, MatchKey::Gbraid, MatchKey::Wbraid]);
        const PERSON: MatchKeys = MatchKeys::of(&[MatchKey::Email, MatchKey::Phone]);
        too_old(conversion, Platform::Google, MAX_AGE_OF_CLICK_H, now_ms)?;
        if self.conversion_actions.get(conversion.event()).is_none() {
            return Err(Skip::NoEvent(Platform::Google));
        }
        let keys = Known::of(conversion, Platform::Google, now_ms).keys();
        if keys.intersects(CLICK) {
            return Ok(keys);
        }
        if !keys.intersects(PERSON) {
            return Err(Skip::NoSignal(Platform::Google));
        }
        too_old(conversion, Platform::Google, MAX_AGE_OF_PERSON_H, now_ms)?;
        Ok(keys)
    }

    pub(super) fn conversion_action(&self, conversion: &Conversion) -> Option<&str> {
        self.conversion_actions.get(conversion.event())
    }

    pub(super) fn request(
        &self,
        conversions: &[&Conversion],
        bearer: Option<&Secret>,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        let bearer = bearer.ok_or(RequestError::NoBearer)?;
        let events: Vec<Event<'_>> = conversions
            .iter()
            .map(|conversion| self.event(conversion, now_ms))
            .collect();
        let mut used: Vec<&str> = events
            .iter()
            .filter_map(|event| event.destination_references)
            .flatten()
            .collect();
        used.sort_unstable();
        used.dedup();
        let body = Body {
            destinations: used
                .into_iter()
                .map(|conversion_action| Destination {
                    reference: conversion_action,
                    operating_account: &self.operating,
                    login_account: self.login.as_ref(),
                    product_destination_id: conversion_action,
                })
                .collect(),
            events,
            encoding: "HEX",
            validate_only: purpose == Purpose::Test,
        };
        Ok(Request::json(self.ingest_url.clone(), &body).bearer(bearer))
    }

    fn event<'a>(&'a self, conversion: &'a Conversion, now_ms: u64) -> Event<'a> {
        let known = Known::of(conversion, Platform::Google, now_ms);
        let email = known.get(MatchKey::Email).map(Identifier::EmailAddress);
        let phone = known.get(MatchKey::Phone).map(Identifier::PhoneNumber);
        let user_identifiers: Vec<_> = email.into_iter().chain(phone).collect();
        let device = Device {
            user_agent: known.get(MatchKey::UserAgent),
            ip_address: known.get(MatchKey::Ip),
        };
        let status = match conversion.consent {
            Consent::Granted => Some("CONSENT_GRANTED"),
            Consent::Denied => Some("CONSENT_DENIED"),
            Consent::Unknown => None,
        };
        Event {
            destination_references: self
                .conversion_actions
                .get(conversion.event())
                .map(|id| [id]),
            transaction_id: conversion.id().event_id(),
            event_timestamp: rfc3339(known.at_ms()),
            event_source: "WEB",
            ad_identifiers: AdIdentifiers {
                gclid: known.get(MatchKey::Gclid),
                gbraid: known.get(MatchKey::Gbraid),
                wbraid: known.get(MatchKey::Wbraid),
                landing_page_device_info: (!device.is_empty()).then_some(device),
            },
            user_data: (!user_identifiers.is_empty()).then_some(UserData { user_identifiers }),
            currency: conversion.value().map(|value| value.currency().code()),
            conversion_value: conversion.value().and_then(super::amount),
            consent: status.map(|status| Told {
                ad_user_data: status,
                ad_personalization: status,
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    destinations: Vec<Destination<'a>>,
    events: Vec<Event<'a>>,
    encoding: &'static str,
    validate_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Destination<'a> {
    reference: &'a str,
    operating_account: &'a AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_account: Option<&'a AccountId>,
    product_destination_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_references: Option<[&'a str; 1]>,
    transaction_id: String,
    event_timestamp: String,
    event_source: &'static str,
    #[serde(skip_serializing_if = "AdIdentifiers::is_empty")]
    ad_identifiers: AdIdentifiers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<UserData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion_value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Told>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdIdentifiers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    gclid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gbraid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wbraid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_page_device_info: Option<Device<'a>>,
}

impl AdIdentifiers<'_> {
    fn is_empty(&self) -> bool {
        self.gclid.is_none()
            && self.gbraid.is_none()
            && self.wbraid.is_none()
            && self.landing_page_device_info.is_none()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<&'a str>,
}

impl Device<'_> {
    fn is_empty(&self) -> bool {
        self.user_agent.is_none() && self.ip_address.is_none()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserData<'a> {
    user_identifiers: Vec<Identifier<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Identifier<'a> {
    EmailAddress(&'a str),
    PhoneNumber(&'a str),
}

/// What was told of the visitor's consent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    ad_user_data: &'static str,
    ad_personalization: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingested {
    request_id: Option<String>,
    error: Option<Status>,
}

/// `google.rpc.Status`.
#[derive(Deserialize)]
struct Status {
    message: Option<String>,
    status: Option<String>,
    #[serde(default)]
    details: Vec<Detail>,
}

/// `ErrorInfo`, `RequestInfo`, `BadRequest`: each has fields of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    request_id: Option<String>,
    #[serde(default)]
    field_violations: Vec<FieldViolation>,
}

#[derive(Deserialize)]
struct FieldViolation {
    field: Option<String>,
    description: Option<String>,
    reason: Option<String>,
}

/// Codes of `google.rpc.Code`, and of the API's `ErrorReason` where they tell more.
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let mut reply = read(answer);
    for text in reply.texts() {
        *text = without_tokens(text);
    }
    reply
}

fn read(answer: Answer<'_>) -> Reply {
    let Some(told) = answer.json::<Ingested>() else {
        return answer.unknown();
    };
    let Some(error) = told.error else {
        let outcome = match (answer.by_status(), &told.request_id) {
            (Outcome::Rejected { .. }, _) => answer.retry(),
            (Outcome::Sent, Some(_)) => Outcome::Taken,
            (outcome, _) => outcome,
        };
        return answer.reply(outcome, told.request_id, None);
    };
    let violations = || {
        error
            .details
            .iter()
            .flat_map(|detail| &detail.field_violations)
    };
    let reasons = || {
        let of_details = error.details.iter().map(|detail| &detail.reason);
        let of_fields = violations().map(|violation| &violation.reason);
        of_details.chain(of_fields).flatten().map(String::as_str)
    };
    let status = error.status.as_deref().unwrap_or_default();
    let outcome = match status {
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => Outcome::Credentials,
        "RESOURCE_EXHAUSTED" => answer.throttled(),
        // Whatever is sent there is refused for what the account is or has not agreed to.
        _ if reasons().any(is_of_account) => Outcome::Credentials,
        _ if reasons().any(is_of_action) => Outcome::KindRefused,
        "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE"
        | "NOT_FOUND"
        | "ALREADY_EXISTS" => Outcome::Rejected {
            code: reasons()
                .find(|reason| *reason != "INVALID_ARGUMENT")
                .unwrap_or(status)
                .to_owned(),
        },
        _ if answer.status == 429 => answer.throttled(),
        // INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, CANCELLED, and what is not known.
        _ => answer.retry(),
    };
    let mut words: Vec<String> = error.message.clone().into_iter().collect();
    words.extend(violations().map(|violation| {
        let [field, description] = [&violation.field, &violation.description]
            .map(|text| text.as_deref().unwrap_or_default());
        format!("{field}: {description}")
    }));
    let request_id = error
        .details
        .iter()
        .find_map(|detail| detail.request_id.clone())
        .or(told.request_id);
    answer.reply(outcome, request_id, Some(words.join(" — ")))
}

fn is_of_account(reason: &str) -> bool {
    reason.starts_with("DESTINATION_ACCOUNT_")
        || matches!(
            reason,
            "TERMS_AND_CONDITIONS_NOT_SIGNED"
                | "INVALID_DESTINATION"
                | "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH"
                | "NOT_ALLOWLISTED"
                | "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
        )
}

fn is_of_action(reason: &str) -> bool {
    matches!(
        reason,
        "INVALID_CONVERSION_ACTION_ID"
            | "INVALID_CONVERSION_ACTION_TYPE"
            | "EVENT_SOURCE_AND_DESTINATION_MISMATCH"
            // It takes events some hours after it was made.
            | "CONVERSION_ACTION_TOO_RECENTLY_CREATED"
    )
}

/// Without access tokens of Google, which begin so: the one that was sent is not known here.
fn without_tokens(text: &str) -> String {
    const START: &str = "ya29.";
    let is_of_token = |character: char| character.is_ascii_graphic() && character != '"';
    let mut pieces = text.split(START);
    let mut rest = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        rest.push_str(REDACTED);
        rest.push_str(piece.trim_start_matches(is_of_token));
    }
    rest
}
