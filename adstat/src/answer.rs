//! What AdStat answers. Of each answer that is read here, what the documentation does not name survives in `extra`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// AdStat refused it, in its own words.
    Refused {
        /// The HTTP status, which its `status_code` repeats.
        status: u16,
        /// Its `detail`.
        detail: String,
    },
    /// The answer is not of the documented form; in words for the log.
    Unreadable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, detail } => write!(formatter, "{status}: {detail}"),
            Self::Unreadable(why) => write!(formatter, "not an answer of its documentation: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Reads an answer's body, where its status says that it went well.
///
/// # Errors
/// [`Failure`]
pub fn read<'a, T: Deserialize<'a>>(status: u16, body: &'a str) -> Result<T, Failure> {
    match status {
        200..=299 => serde_json::from_str(body)
            .map_err(|why| Failure::Unreadable(format!("{status}: {why}"))),
        400..=599 => Err(refusal(status, body)),
        _ => Err(Failure::Unreadable(status.to_string())),
    }
}

/// Reads `{detail, status_code}`, whose detail is a text, or a list of `{loc, msg}` where fields are wrong.
fn refusal(status: u16, body: &str) -> Failure {
    #[derive(Deserialize)]
    struct Refusal {
        detail: Value,
    }
    match serde_json::from_str(body) {
        Ok(Refusal { detail }) => Failure::Refused {
            status,
            detail: words(&detail),
        },
        Err(_) => Failure::Unreadable(status.to_string()),
    }
}

fn words(detail: &Value) -> String {
    let of_one = |problem: &Value| {
        let message = problem.get("msg")?.as_str()?;
        let place = problem.get("loc").and_then(Value::as_array);
        let place = place.into_iter().flatten().map(plain);
        let place: Vec<String> = place.filter(|part| part != "body").collect();
        Some([&place.join("."), ": ", message].concat())
    };
    match detail {
        Value::Array(problems) => {
            let told = problems
                .iter()
                .map(|problem| of_one(problem).unwrap_or_else(|| plain(problem)));
            told.collect::<Vec<_>>().join("; ")
        }
        _ => plain(detail),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A list under `items`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Items<T> {
    /// The list.
    pub items: Vec<T>,
    /// What AdStat says besides, such as `count` of campaigns.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One of `GET /accounts/telegram/names`.
#[derive(Debug, Deserialize, Serialize)]
pub struct AccountName {
    /// What the cabinet is named by elsewhere.
    pub account_uid: String,
    /// In words.
    pub name: String,
    /// `balance`, `mode`, `is_audience_allowed`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A cabinet.
#[derive(Debug, Deserialize, Serialize)]
pub struct Account {
    /// What the cabinet is named by elsewhere.
    pub account_id: String,
    /// Its name, status, balances and owner.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A campaign.
#[derive(Debug, Deserialize, Serialize)]
pub struct Campaign {
    /// What ads name it by.
    pub id: u64,
    /// In words.
    pub name: String,
    /// Its cabinet, status and figures.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `GET /v2/advertisement/`
#[derive(Debug, Deserialize, Serialize)]
pub struct AdList {
    /// A page of ads.
    pub data: Vec<AdSummary>,
    /// What AdStat says besides.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// An ad in a list.
#[derive(Debug, Deserialize, Serialize)]
pub struct AdSummary {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub advertisement_title: Option<String>,
    /// What it says.
    pub ad_text: Option<String>,
    /// The campaign that it is in.
    pub campaign_id: Option<u64>,
    /// Its status and figures.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `GET /advertisement/bots/validate`
#[derive(Debug, Deserialize, Serialize)]
pub struct BotsCheck {
    /// Bots that can be targeted.
    pub bots: Vec<TargetBot>,
    /// The others.
    pub errors: Vec<BotError>,
}

/// A bot that can be targeted.
#[derive(Debug, Deserialize, Serialize)]
pub struct TargetBot {
    /// Its id at Telegram.
    pub id: u64,
    /// Its link.
    pub url: String,
    /// Its title and picture.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Why a bot can't be.
#[derive(Debug, Deserialize, Serialize)]
pub struct BotError {
    /// Such as `advertisement__target_bot_daily_users_limit_error`.
    pub code: String,
    /// In words.
    pub detail: String,
    /// The bot, as it was asked about.
    pub url: String,
}

/// `POST /v1/advertising/telegram/upload_media`
#[derive(Debug, Deserialize, Serialize)]
pub struct MediaUpload {
    /// What an ad names the file by; none: see `error`.
    pub media_token: Option<String>,
    /// Such as `image/jpeg`.
    pub content_type: Option<String>,
    /// What is wrong with the file. The status is 200 all the same.
    pub error: Option<Value>,
}

/// A Pixel Tag event.
#[derive(Debug, Deserialize, Serialize)]
pub struct PixelEvent {
    /// What renaming and deleting name it by.
    pub id: String,
    /// What ads name it by.
    pub tg_event_id: String,
    /// Its pixel, title, type, status and snippet.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A type that an event can have.
#[derive(Debug, Deserialize, Serialize)]
pub struct PixelEventType {
    /// Such as `page_view`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub label: String,
}

/// `GET /pixel_events/{account_id}/code_snippet`
#[derive(Debug, Deserialize, Serialize)]
pub struct PixelSnippet {
    /// The pixel, by AdStat's own id.
    pub id: String,
    /// The pixel at Telegram.
    pub tg_pixel_id: String,
    /// What a page has to hold.
    pub code_snippet: String,
}

/// One of `GET /advertisement/telegram/{account_id}/audiences/`.
#[derive(Debug, Deserialize, Serialize)]
pub struct AudienceName {
    /// What ads name it by.
    pub telegram_id: u64,
    /// In words.
    pub title: String,
}

/// `POST /v1/stats/page`. What rows hold depends on what was asked; the documentation does not name the fields.
#[derive(Debug, Deserialize, Serialize)]
pub struct StatsPage {
    /// Rows.
    #[serde(alias = "data")]
    pub items: Vec<Map<String, Value>>,
    /// What the next page is asked for with; none: there is none.
    #[serde(default, alias = "next_cursor")]
    pub cursor: Option<String>,
}

/// The number of an ad in an answer that makes or shows one, whose form the documentation leaves open for the former.
pub fn ad_id(answer: &Value) -> Option<u64> {
    let places = ["/ad_id", "/id", "/data/ad_id", "/data/id"];
    places
        .iter()
        .find_map(|place| answer.pointer(place)?.as_u64())
}
