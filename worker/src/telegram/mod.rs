//! Telegram's Bot API (<https://core.telegram.org/bots/api>), as far as Edgeway calls it.

mod bot;
pub mod pixel;

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use bot::Bot;

use crate::runtime::Call;

/// How long a call may take, in ms: no visitor stands behind it.
const TIMEOUT_MS: u32 = 10_000;

/// A chat's id at Telegram, such as `-1001234567890` for a channel; 52 bits at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ChatId(i64);

impl ChatId {
    const LIMIT: u64 = 1 << 52;

    /// Reads an id; `None` beyond 52 bits.
    pub fn new(id: i64) -> Option<Self> {
        (id.unsigned_abs() < Self::LIMIT && id != 0).then_some(Self(id))
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// From a number, as Telegram writes it, or a text, as settings may.
impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Text(String),
        }
        let number = match Written::deserialize(deserializer)? {
            Written::Number(number) => Some(number),
            Written::Text(text) => text.parse().ok(),
        };
        number
            .and_then(Self::new)
            .ok_or_else(|| serde::de::Error::custom("expected a chat's id such as -1001234567890"))
    }
}

/// Why a call came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls (429): Telegram wants none for so many s.
    Throttled(u32),
    /// Telegram will not do it; its own code and words.
    Refused(u16, String),
    /// Slow, cut off, 5xx or not in the Bot API's words: it may do it later.
    Failed(String),
}

impl Failure {
    /// Whether it is of no use to ask again. A token that is not taken (401; 404 where it is none) says nothing of what was asked: once it
    /// is mended in the settings, that can be done.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused(code, _) if !matches!(code, 401 | 404))
    }

    /// How long Telegram wants to be left alone, in s.
    pub fn retry_after_s(&self) -> u32 {
        match self {
            Self::Throttled(seconds) => *seconds,
            Self::Refused(..) | Self::Failed(_) => 0,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled(seconds) => write!(formatter, "too many calls, wait {seconds} s"),
            Self::Refused(code, words) => write!(formatter, "{code} {words}"),
            Self::Failed(why) => formatter.write_str(why),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    ok: bool,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u32>,
    migrate_to_chat_id: Option<i64>,
}

/// Calls `method` once. What is repeated is up to the caller.
///
/// # Errors
/// [`Failure`]; the token is in none.
pub async fn call<T: DeserializeOwned>(
    bot: &Bot,
    method: &str,
    parameters: &impl Serialize,
) -> Result<T, Failure> {
    let body = serde_json::to_string(parameters).map_err(|why| Failure::Failed(why.to_string()))?;
    let result = exchange(bot, method, &body).await?;
    serde_json::from_str(&result)
        .map_err(|_| Failure::Failed(format!("{method}: not the documented result")))
}

/// The JSON of what `method` gives.
async fn exchange(bot: &Bot, method: &str, body: &str) -> Result<String, Failure> {
    let call = Call {
        url: &bot.url(method),
        method: "POST",
        headers: "content-type:application/json",
        body,
        timeout_ms: TIMEOUT_MS,
    };
    // What the runtime says of a failed call may name its URL, and so the token.
    let reply = call
        .send()
        .await
        .map_err(|why| Failure::Failed(bot.redacted(&why)))?;
    outcome(method, reply.status, &reply.body)
}

fn outcome(method: &str, status: u16, body: &str) -> Result<String, Failure> {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(body) else {
        return Err(Failure::Failed(format!(
            "{method}: {status} without the Bot API's JSON"
        )));
    };
    if let (true, Some(result)) = (envelope.ok, envelope.result) {
        return Ok(result.get().to_owned());
    }
    let parameters = envelope.parameters.unwrap_or_default();
    let retry_after = parameters.retry_after;
    let mut words = envelope.description.unwrap_or_default();
    if let Some(id) = parameters.migrate_to_chat_id {
        // A group that became a supergroup: the settings have to name that.
        words.push_str(&format!(": its id is {id} now"));
    }
    Err(match (retry_after, envelope.error_code) {
        (Some(seconds), _) => Failure::Throttled(seconds),
        (None, Some(429)) => Failure::Throttled(1),
        (None, Some(code @ 400..=499)) => Failure::Refused(code, words),
        (None, _) => Failure::Failed(format!("{method}: {status} {words}")),
    })
}

/// A call that Telegram has yet to take. It goes through the queue, and holds no token.
#[derive(Debug, Serialize, Deserialize)]
pub struct OwedCall {
    /// The bot's username.
    pub bot: String,
    /// The method of the Bot API.
    pub method: String,
    parameters: Value,
}

impl OwedCall {
    /// A call of `bot`.
    pub fn new(bot: &Bot, method: &str, parameters: Value) -> Self {
        Self {
            bot: bot.username.clone(),
            method: method.to_owned(),
            parameters,
        }
    }

    /// Makes it once.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn make(&self, bot: &Bot) -> Result<(), Failure> {
        call::<IgnoredAny>(bot, &self.method, &self.parameters)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_telegram_says() {
        let failed = |words: &str| Err(Failure::Failed(format!("getMe: {words}")));
        let table = [
            (
                200,
                r#"{"ok":true,"result":{"id":1}}"#,
                Ok(r#"{"id":1}"#.to_owned()),
            ),
            (200, r#"{"ok":true,"result":true}"#, Ok("true".to_owned())),
            (
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#,
                Err(Failure::Throttled(35)),
            ),
            (
                429,
                r#"{"ok":false,"error_code":429}"#,
                Err(Failure::Throttled(1)),
            ),
            (
                403,
                r#"{"ok":false,"error_code":403,"description":"Forbidden"}"#,
                Err(Failure::Refused(403, "Forbidden".to_owned())),
            ),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#,
                Err(Failure::Refused(400, "Bad Request: group chat was upgraded to a supergroup chat: its id is -1001234567890 now".to_owned())),
            ),
            (
                502,
                r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#,
                failed("502 Bad Gateway"),
            ),
            (200, r#"{"ok":true}"#, failed("200 ")),
            (502, "<html>", failed("502 without the Bot API's JSON")),
            (200, "", failed("200 without the Bot API's JSON")),
        ];
        for (status, body, expected) in table {
            assert_eq!(outcome("getMe", status, body), expected, "{body}");
        }
    }

    #[test]
    fn ids_of_chats() {
        let read = |json| {
            serde_json::from_str::<ChatId>(json)
                .ok()
                .map(|id| id.to_string())
        };
        assert_eq!(read("-1001234567890").as_deref(), Some("-1001234567890"));
        assert_eq!(
            read("\"-1001234567890\"").as_deref(),
            Some("-1001234567890")
        );
        for wrong in ["0", "4503599627370496", "1.5", "\"@name\"", "null"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
