//! AdTarget, hosted: the keyless calls that browsers make, carried on from the edge with the real client's headers.
//! No API key ever rides on one.

pub mod keyed;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use attribution::telegram::TelegramLink;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::config::AdTarget;
use crate::cookies::{self, Cookie, Scope};
use crate::ids::{ClientSessionId, EventId, TempId};
use crate::json;
use crate::record::{Attribution, Client, Visit};
use crate::runtime::{self, Call, HeaderLines, Reply};

/// How long the queue's consumer waits for AdTarget, in ms: nobody stands behind it.
pub const PATIENT_MS: u32 = 15_000;

thread_local! {
    /// When a visit last failed to reach AdTarget from here, Unix time in ms; 0: none did.
    static VISIT_FAILED_MS: Cell<u64> = const { Cell::new(0) };
}

/// Whether visits of late may wait in the queue still, as far as this instance knows.
pub fn was_away(now_ms: u64) -> bool {
    const LATELY_MS: u64 = 10 * 60_000;
    now_ms < VISIT_FAILED_MS.get() + LATELY_MS
}

/// A call, whole: it can be made now, or kept in the queue until AdTarget takes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwedCall {
    /// What is asked.
    pub call: Keyless,
    /// The same on every retry; it goes along as Idempotency-Key.
    pub event_id: EventId,
    /// The client's address.
    pub ip: String,
    /// The client's User-Agent.
    pub user_agent: String,
    /// The client's Origin, empty where it sent none or hid it.
    pub origin: String,
    /// The client's Referer, empty where it sent none.
    pub referer: String,
}

/// AdTarget's keyless surface.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Keyless {
    /// `POST /backend/track/init` with that JSON.
    Init(String),
    /// `POST /backend/track/update-fbp` with that JSON.
    UpdateFbp(String),
    /// `GET /backend/track/invite` with that query.
    Invite(String),
}

/// What came of a call.
#[derive(Debug)]
pub enum Outcome {
    /// AdTarget took it, and has cookies set.
    Taken(Reply, Vec<CookieHint>),
    /// It handed out that invite.
    Invited(TelegramLink),
    /// It will not take it, and says why: an error of its contract, for the caller.
    Refused(Reply),
    /// It may take it later: slow, cut off, 429, 5xx, or not in its contract's words.
    Failed {
        /// In words for the log.
        why: String,
        /// When it wants to be asked again, in s.
        retry_after_s: Option<u32>,
    },
}

/// A cookie that AdTarget has a proxy set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CookieHint {
    name: String,
    value: String,
    /// Its life in s.
    max_age: u32,
}

impl OwedCall {
    /// A call as its client made it.
    pub fn new(call: Keyless, event_id: EventId, caller: &Caller<'_>) -> Self {
        Self {
            call,
            event_id,
            ip: caller.own_ip().to_owned(),
            user_agent: caller.user_agent.to_owned(),
            origin: caller.origin.to_owned(),
            referer: caller.referer.to_owned(),
        }
    }

    /// Makes the call, once. Its idempotency key makes a second time harmless.
    pub async fn make(&self, adtarget: &AdTarget, timeout_ms: u32) -> Outcome {
        let base = &adtarget.base;
        let (method, url, body) = match &self.call {
            Keyless::Init(body) => ("POST", format!("{base}/backend/track/init"), body.as_str()),
            Keyless::UpdateFbp(body) => (
                "POST",
                format!("{base}/backend/track/update-fbp"),
                body.as_str(),
            ),
            Keyless::Invite(query) => ("GET", format!("{base}/backend/track/invite?{query}"), ""),
        };
        let headers = self.headers();
        let call = Call {
            url: &url,
            method,
            headers: headers.as_str(),
            body,
            timeout_ms,
        };
        let outcome = match call.send().await {
            Ok(reply) => self.outcome(reply),
            Err(why) => Outcome::Failed {
                why,
                retry_after_s: None,
            },
        };
        if matches!(
            (&self.call, &outcome),
            (Keyless::Init(_), Outcome::Failed { .. })
        ) {
            VISIT_FAILED_MS.set(runtime::now_ms());
        }
        outcome
    }

    fn headers(&self) -> HeaderLines {
        // AdTarget scopes a key to the account: two calls of one event need two.
        let key = match self.call {
            Keyless::UpdateFbp(_) => format!("{}-fbp", self.event_id),
            Keyless::Init(_) | Keyless::Invite(_) => self.event_id.to_string(),
        };
        let mut headers = HeaderLines::new();
        headers.add("x-adtarget-client-ip", &self.ip);
        headers.add("x-adtarget-client-user-agent", &self.user_agent);
        headers.add("user-agent", &self.user_agent);
        headers.add("idempotency-key", &key);
        if !matches!(self.call, Keyless::Invite(_)) {
            headers.add("content-type", "application/json");
        }
        for (name, value) in [("origin", &self.origin), ("referer", &self.referer)] {
            if !value.is_empty() {
                headers.add(name, value);
            }
        }
        headers
    }

    /// What a reply means.
    fn outcome(&self, reply: Reply) -> Outcome {
        let failed = |why: String, reply: &Reply| Outcome::Failed {
            why,
            retry_after_s: reply.retry_after_s,
        };
        // A list would be read as fields in their order.
        let is_object = reply.body.trim_start().starts_with('{');
        let json = || {
            serde_json::from_str::<Said>(&reply.body)
                .ok()
                .filter(|_| is_object)
        };
        match reply.status {
            200..=299 | 301 | 302 | 303 | 307 | 308 if matches!(self.call, Keyless::Invite(_)) => {
                let link = match reply.status {
                    200..=299 => {
                        json().and_then(|said| serde_json::from_str(said.invite_link?.get()).ok())
                    }
                    _ => Some(reply.location.clone()),
                };
                match link.and_then(|link| TelegramLink::parse(&link).ok()) {
                    Some(link) => Outcome::Invited(link),
                    None => failed(
                        format!("{} without a link to Telegram", reply.status),
                        &reply,
                    ),
                }
            }
            200..=299 => match json().filter(|said| said.error.is_none()) {
                Some(said) if matches!(self.call, Keyless::Init(_)) => match said.hints() {
                    Some(hints) => Outcome::Taken(reply, hints),
                    None => failed(format!("{} without a tempId", reply.status), &reply),
                },
                Some(_) => Outcome::Taken(reply, Vec::new()),
                None => failed(format!("{} without its JSON", reply.status), &reply),
            },
            // Not the visitor's fault: the account's key or bill, or the rush of the hour.
            401 | 402 | 408 | 425 | 429 => failed(reply.status.to_string(), &reply),
            400..=499 if json().is_some_and(|said| said.error.is_some()) => Outcome::Refused(reply),
            status => failed(status.to_string(), &reply),
        }
    }
}

/// What an answer says that matters here; all else in the object is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(borrow, default)]
    invite_link: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    temp_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    client_session_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cookies: Option<&'a RawValue>,
}

impl Said<'_> {
    /// The cookies that an answer to init wants set; where it hints at none, those of its ids. `None`: it names no visitor, and so is
    /// no such answer.
    fn hints(&self) -> Option<Vec<CookieHint>> {
        let text = |value: Option<&RawValue>| serde_json::from_str::<String>(value?.get()).ok();
        let temp_id = text(self.temp_id)?;
        let hints = self
            .cookies
            .and_then(|cookies| serde_json::from_str::<Hints>(cookies.get()).ok())
            .map(|Hints(hints)| hints)
            .filter(|hints| !hints.is_empty());
        Some(hints.unwrap_or_else(|| {
            let hint = |cookie: Cookie<'_>, value| CookieHint {
                name: cookie.name.to_owned(),
                value,
                max_age: cookie.max_age_s,
            };
            let session = text(self.client_session_id);
            [
                Some(hint(cookies::TEMP_ID, temp_id)),
                session.map(|id| hint(cookies::SESSION, id)),
            ]
            .into_iter()
            .flatten()
            .collect()
        }))
    }
}

/// What an answer wants of cookies: the values of an object.
struct Hints(Vec<CookieHint>);

impl<'de> Deserialize<'de> for Hints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Hints;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hints, A::Error> {
                let mut hints = Vec::new();
                while let Some((IgnoredAny, hint)) = map.next_entry()? {
                    hints.push(hint);
                }
                Ok(Hints(hints))
            }
        }

        deserializer.deserialize_map(Values)
    }
}

/// The body of init for a visit: AdTarget's fields, ours that it does not know, and the page's own untouched.
pub fn init_body(visit: &Visit) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Init<'a> {
        website_id: &'a str,
        href: &'a str,
        temp_id: TempId,
        client_session_id: &'a ClientSessionId,
        event_id: EventId,
        #[serde(skip_serializing_if = "Option::is_none")]
        external_user_id: Option<&'a str>,
        #[serde(skip_serializing_if = "str::is_empty")]
        client_ip: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        user_agent: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        country: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        region: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        city: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        consent: Option<&'a str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        bot: bool,
        #[serde(flatten)]
        attribution: &'a Attribution,
        #[serde(flatten)]
        extra: &'a BTreeMap<String, Box<RawValue>>,
    }
    let Client {
        ip,
        user_agent,
        country,
        region,
        city,
        bot,
    } = &visit.client;
    let body = Init {
        website_id: &visit.website_id,
        href: &visit.href,
        temp_id: visit.temp_id,
        client_session_id: &visit.client_session_id,
        event_id: visit.visit_id,
        external_user_id: visit.external_user_id.as_deref(),
        client_ip: ip,
        user_agent,
        country,
        region,
        city,
        consent: visit.consent.as_str(),
        bot: *bot,
        attribution: &visit.attribution,
        extra: &visit.extra,
    };
    json::text(&body).unwrap_or_default()
}

/// AdTarget's answer, passed on, with the cookies that it hints at.
pub fn pass_on(reply: Reply, hints: &[CookieHint], scope: Scope<'_>) -> Answer {
    let answer = Answer::json_text(reply.status, reply.body);
    hints.iter().fold(answer, |answer, hint| {
        let cookie = Cookie {
            name: &hint.name,
            max_age_s: hint.max_age,
        };
        answer.cookie(scope, cookie, &hint.value)
    })
}
