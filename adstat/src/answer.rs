//! What AdStat answers. An answer is looked at as far as something hangs on it, and stays what it is: what the documentation does not name
//! survives, since nothing is written anew.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fields::{Field, Kind, check, missing};

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

impl From<serde_json::Error> for Failure {
    fn from(why: serde_json::Error) -> Self {
        Self::Unreadable(why.to_string())
    }
}

/// The text of an answer, where its status says that it went well.
///
/// # Errors
/// [`Failure`]
pub fn success(status: u16, body: &str) -> Result<&str, Failure> {
    match status {
        200..=299 => Ok(body),
        400..=599 => Err(refusal(status, body)),
        _ => Err(Failure::Unreadable(status.to_string())),
    }
}

/// Reads `{detail, status_code}`, whose detail is a text, or a list of `{loc, msg}` where fields are wrong.
fn refusal(status: u16, body: &str) -> Failure {
    let body: Option<Value> = serde_json::from_str(body).ok();
    match body.as_ref().and_then(|body| body.get("detail")) {
        Some(detail) => Failure::Refused {
            status,
            detail: words(detail),
        },
        None => Failure::Unreadable(status.to_string()),
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

/// What the documentation says of an answer, as far as something hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of such objects.
    List(&'static [Field]),
    /// An object with a list of such objects under that name.
    ListUnder(&'static str, &'static [Field]),
    /// The documentation does not say: any JSON.
    Open,
    /// The documentation does not say: anything.
    Whatever,
}

/// `GET /accounts/telegram/names`
pub(crate) const ACCOUNT_NAMES: Shape = Shape::List(&[("account_uid", Kind::Words)]);
/// `GET /accounts/telegram/`
pub(crate) const ACCOUNTS: Shape = Shape::ListUnder("items", &[("account_id", Kind::Words)]);
/// `GET /campaigns/`
pub(crate) const CAMPAIGNS: Shape = Shape::ListUnder("items", &[("id", Kind::Id)]);
/// `GET /v2/advertisement/`
pub(crate) const ADS: Shape = Shape::ListUnder("data", &[("id", Kind::Id)]);
/// `GET /advertisement/telegram/{ad_id}`, `GET /accounts/telegram/{account_uid}`
pub(crate) const DETAILS: Shape = Shape::Object(&[]);
/// `GET /advertisement/bots/validate`
pub(crate) const BOTS: Shape = Shape::ListUnder("bots", &[("url", Kind::Words)]);
/// `POST /v1/advertising/telegram/upload_media`: with `error`, there is no token, and the status is 200 all the same.
pub(crate) const MEDIA: Shape = Shape::Object(&[("media_token", Kind::Text)]);
/// `GET /kktu`
pub(crate) const KKTU: Shape = Shape::ListUnder("items", &[("id", Kind::Words)]);
/// `GET /pixel_events/`
pub(crate) const PIXEL_EVENTS: Shape = Shape::ListUnder(
    "items",
    &[("id", Kind::Words), ("tg_event_id", Kind::Words)],
);
/// `GET /pixel_events/types`
pub(crate) const PIXEL_EVENT_TYPES: Shape = Shape::ListUnder("items", &[("type", Kind::Words)]);
/// `GET /pixel_events/{account_id}/code_snippet`
pub(crate) const PIXEL_SNIPPET: Shape = Shape::Object(&[("code_snippet", Kind::Words)]);
/// `GET /advertisement/telegram/{account_id}/audiences/`
pub(crate) const AUDIENCES: Shape = Shape::List(&[("telegram_id", Kind::Id)]);

impl Shape {
    /// Checks an answer's text.
    ///
    /// # Errors
    /// [`Failure::Unreadable`]
    pub(crate) fn check(self, body: &str) -> Result<(), Failure> {
        let unreadable = |why: &str| Err(Failure::Unreadable(why.to_owned()));
        if self == Self::Whatever {
            return Ok(());
        }
        let answer: Value = serde_json::from_str(body)?;
        let (list, fields) = match self {
            Self::Object(fields) => {
                // Where something is wrong with the file, nothing else is there.
                let failed = answer.get("error").is_some_and(|error| !error.is_null());
                return of(&answer, if failed { &[] } else { fields });
            }
            Self::List(fields) => (Some(&answer), fields),
            Self::ListUnder(name, fields) => (answer.get(name), fields),
            Self::Open | Self::Whatever => return Ok(()),
        };
        match list.and_then(Value::as_array) {
            Some(list) => list.iter().try_for_each(|object| of(object, fields)),
            None => unreadable("a list is missing"),
        }
    }
}

/// Checks that `object` has all of `fields`.
fn of(object: &Value, fields: &[Field]) -> Result<(), Failure> {
    let Some(object) = object.as_object() else {
        return Err(Failure::Unreadable("an object is missing".to_owned()));
    };
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let mut problems = missing(object, &names);
    problems.extend(check(object, fields));
    match problems.first() {
        None => Ok(()),
        Some(problem) => Err(Failure::Unreadable(
            [&problem.field, ": ", &problem.expected].concat(),
        )),
    }
}

/// An ad in a list, as far as it is told from others by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdSummary {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub advertisement_title: Option<String>,
    /// What it says.
    pub ad_text: Option<String>,
    /// The campaign that it is in.
    pub campaign_id: Option<u64>,
    /// What the campaign is called.
    pub campaign_name: Option<String>,
    /// What it leads to.
    pub object: Option<String>,
}

/// The ads of `GET /v2/advertisement/`.
///
/// # Errors
/// [`Failure`]
pub fn ads(status: u16, body: &str) -> Result<Vec<AdSummary>, Failure> {
    #[derive(Deserialize)]
    struct AdList {
        data: Vec<AdSummary>,
    }
    let AdList { data } = serde_json::from_str(success(status, body)?)?;
    Ok(data)
}

/// A page of statistics. What rows hold depends on what was asked; the documentation does not name the fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StatsPage {
    /// Rows.
    #[serde(alias = "data")]
    pub items: Vec<Map<String, Value>>,
    /// What the next page is asked for with; none: there is none.
    #[serde(default, alias = "next_cursor")]
    pub cursor: Option<String>,
}

impl StatsPage {
    /// Reads `POST /v1/stats/page`.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn read(status: u16, body: &str) -> Result<Self, Failure> {
        Ok(serde_json::from_str(success(status, body)?)?)
    }
}

/// The number of an ad in an answer that makes or shows one, whose form the documentation leaves open for the former.
pub fn ad_id(answer: &Value) -> Option<u64> {
    let places = ["/ad_id", "/id", "/data/ad_id", "/data/id"];
    places
        .iter()
        .find_map(|place| answer.pointer(place)?.as_u64())
}
