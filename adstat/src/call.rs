//! Every call of AdStat's.

use crate::ad::{AdEdit, NewAd};
use crate::answer::{self, Failure, Shape, StatsPage, success};
use crate::ids::{AccountId, AdId, PixelEventId};
use crate::pixel::{NewPixelEvent, PixelEventName};
use crate::problem::{Invalid, Problem, verdict};
use crate::request::{Host, Request};
use crate::stats::StatsQuestion;

/// The most ads of one page ("maximum: 500").
const MOST_ADS: u64 = 500;
/// What ads and campaigns are filtered by.
const PERIODS: &[&str] = &["today", "all", "yesterday", "starts_month"];

/// A call that breaks no documented rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `GET /accounts/telegram/names`
    AccountNames,
    /// `GET /accounts/telegram/{account_id}`
    Account(AccountId),
    /// `GET /accounts/telegram/`
    Accounts(Query),
    /// `GET /campaigns/`
    Campaigns(Query),
    /// `POST /v1/stats/page`
    Stats(StatsQuestion),
    /// `GET /v2/advertisement/`
    Ads(Query),
    /// `POST /advertisement/telegram/`
    CreateAd(NewAd),
    /// `GET /advertisement/telegram/{ad_id}`
    Ad(AdId),
    /// `PUT /advertisement/telegram/{ad_id}`
    EditAd(AdId, AdEdit),
    /// `GET /advertisement/bots/validate`
    ValidateBots(Query),
    /// `POST /v1/advertising/telegram/upload_media`: multipart, with the file as `media`
    UploadMedia(AccountId),
    /// `GET /kktu`
    Kktu,
    /// `GET /pixel_events/`
    PixelEvents(AccountId),
    /// `POST /pixel_events/`
    CreatePixelEvent(NewPixelEvent),
    /// `GET /pixel_events/types`
    PixelEventTypes,
    /// `PATCH /pixel_events/{event_id}`
    RenamePixelEvent(PixelEventId, PixelEventName),
    /// `DELETE /pixel_events/{account_id}/events/{event_id}`
    DeletePixelEvent(AccountId, PixelEventId),
    /// `GET /pixel_events/{account_id}/code_snippet`
    PixelSnippet(AccountId),
    /// `GET /advertisement/telegram/{account_id}/audiences/`
    Audiences(AccountId),
    /// `POST /advertisement/telegram/{account_id}/audiences`: multipart, with `title` and the file as `audience`
    CreateAudience(AccountId),
}

/// Why a call is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// AdStat has no such path.
    NoSuchPath,
    /// The path takes those methods alone, as an Allow header says them.
    Method(&'static str),
    /// It breaks a rule.
    Invalid(Invalid),
}

impl From<Invalid> for Unusable {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// A call as somebody asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Behind `/api/`; a slash at its end is as good as none.
    pub path: &'a str,
    /// As sent.
    pub query: &'a str,
    /// JSON; empty: none, or multipart.
    pub body: &'a str,
    /// When, Unix time in ms.
    pub now_ms: u64,
}

/// Parameters of a query: the documented ones are right, others go through untouched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query(Vec<(String, String)>);

/// What a parameter may be.
enum Parameter {
    Count,
    CountUpTo(u64),
    Flag,
    OneOf(&'static [&'static str]),
}

impl Query {
    /// Reads a query; each of `documented` has to be what it says.
    fn read(query: &str, documented: &[(&str, Parameter)]) -> Result<Self, Invalid> {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<(String, String)> = pairs
            .into_owned()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let mut problems = Vec::new();
        for (name, value) in &pairs {
            let parameter = documented.iter().find(|(known, _)| known == name);
            if let Some(expected) = parameter.and_then(|(_, parameter)| parameter.check(value)) {
                problems.push(Problem::new(name, expected));
            }
        }
        verdict(Self(pairs), problems)
    }

    /// Ads made in a period, from the `offset`th on, as many as one page may have.
    pub fn ads(period: &str, offset: usize) -> Self {
        let pairs = [
            ("period", period),
            ("offset", &offset.to_string()),
            ("limit", &MOST_ADS.to_string()),
        ];
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        )
    }

    /// The first value of a parameter.
    fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Parameter {
    /// What was expected, where `value` is not that.
    fn check(&self, value: &str) -> Option<String> {
        let is_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<u64>().ok().filter(|_| is_digits);
        let (is_right, expected) = match self {
            Self::Count => (
                number.is_some(),
                "expected a whole number, 0 or more".to_owned(),
            ),
            Self::CountUpTo(most) => (
                number.is_some_and(|number| (1..=*most).contains(&number)),
                format!("expected 1 to {most}"),
            ),
            Self::Flag => (
                matches!(value, "true" | "false"),
                "expected true or false".to_owned(),
            ),
            Self::OneOf(words) => (
                words.contains(&value),
                ["expected one of ", &words.join(", ")].concat(),
            ),
        };
        (!is_right).then_some(expected)
    }
}

impl Call {
    /// Reads what somebody asks.
    ///
    /// # Errors
    /// [`Unusable`]
    pub fn read(asked: &Asked<'_>) -> Result<Self, Unusable> {
        let Asked {
            method,
            path,
            query,
            body,
            now_ms,
        } = *asked;
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').collect();
        let allow =
            |methods: &'static str| match methods.split(", ").any(|allowed| allowed == method) {
                true => Ok(()),
                false => Err(Unusable::Method(methods)),
            };
        let of_query = || -> Result<AccountId, Invalid> {
            let query = Query::read(query, &[])?;
            AccountId::parse(query.value("account_id").unwrap_or_default())
        };
        Ok(match segments.as_slice() {
            ["accounts", "telegram"] => {
                allow("GET")?;
                let documented = [
                    ("limit", Parameter::CountUpTo(u64::MAX)),
                    ("offset", Parameter::Count),
                ];
                Self::Accounts(Query::read(query, &documented)?)
            }
            ["accounts", "telegram", "names"] => {
                allow("GET")?;
                Self::AccountNames
            }
            ["accounts", "telegram", account] => {
                allow("GET")?;
                Self::Account(AccountId::parse(account)?)
            }
            ["campaigns"] => {
                allow("GET")?;
                let documented = [
                    ("period", Parameter::OneOf(PERIODS)),
                    ("limit", Parameter::CountUpTo(u64::MAX)),
                    ("offset", Parameter::Count),
                    ("is_active", Parameter::Flag),
                ];
                Self::Campaigns(Query::read(query, &documented)?)
            }
            ["v1", "stats", "page"] => {
                allow("POST")?;
                Self::Stats(StatsQuestion::read(body, now_ms)?)
            }
            ["v2", "advertisement"] => {
                allow("GET")?;
                let documented = [
                    ("show_deleted", Parameter::Flag),
                    ("period", Parameter::OneOf(PERIODS)),
                    ("limit", Parameter::CountUpTo(MOST_ADS)),
                    ("offset", Parameter::Count),
                ];
                Self::Ads(Query::read(query, &documented)?)
            }
            ["advertisement", "telegram"] => {
                allow("POST")?;
                Self::CreateAd(NewAd::read(body)?)
            }
            ["advertisement", "bots", "validate"] => {
                allow("GET")?;
                Self::ValidateBots(bots(query)?)
            }
            ["advertisement", "telegram", account, "audiences"] => {
                allow("GET, POST")?;
                let account = AccountId::parse(account)?;
                match method {
                    "POST" => Self::CreateAudience(account),
                    _ => Self::Audiences(account),
                }
            }
            ["advertisement", "telegram", ad] => {
                allow("GET, PUT")?;
                let ad = AdId::parse(ad)?;
                match method {
                    "PUT" => Self::EditAd(ad, AdEdit::read(body)?),
                    _ => Self::Ad(ad),
                }
            }
            ["v1", "advertising", "telegram", "upload_media"] => {
                allow("POST")?;
                Self::UploadMedia(of_query()?)
            }
            ["kktu"] => {
                allow("GET")?;
                Self::Kktu
            }
            ["pixel_events"] => {
                allow("GET, POST")?;
                match method {
                    "POST" => Self::CreatePixelEvent(NewPixelEvent::read(body)?),
                    _ => Self::PixelEvents(of_query()?),
                }
            }
            ["pixel_events", "types"] => {
                allow("GET")?;
                Self::PixelEventTypes
            }
            ["pixel_events", account, "code_snippet"] => {
                allow("GET")?;
                Self::PixelSnippet(AccountId::parse(account)?)
            }
            ["pixel_events", account, "events", event] => {
                allow("DELETE")?;
                Self::DeletePixelEvent(AccountId::parse(account)?, PixelEventId::parse(event)?)
            }
            ["pixel_events", event] => {
                allow("PATCH")?;
                Self::RenamePixelEvent(PixelEventId::parse(event)?, PixelEventName::read(body)?)
            }
            _ => return Err(Unusable::NoSuchPath),
        })
    }

    /// As it goes over the wire. The body of an upload is the caller's to stream.
    pub fn request(&self) -> Request {
        let client =
            |method, path: &dyn std::fmt::Display| Request::new(Host::Client, method, path);
        let clientapi =
            |method, path: &dyn std::fmt::Display| Request::new(Host::ClientApi, method, path);
        let by_account = |account: &AccountId, request: Request| {
            request.query([("account_id", account.as_str())])
        };
        match self {
            Self::AccountNames => client("GET", &"/accounts/telegram/names"),
            Self::Account(account) => client("GET", &format_args!("/accounts/telegram/{account}")),
            Self::Accounts(query) => client("GET", &"/accounts/telegram/").query(query.pairs()),
            Self::Campaigns(query) => client("GET", &"/campaigns/").query(query.pairs()),
            Self::Stats(question) => client("POST", &"/v1/stats/page").json(question.to_json()),
            Self::Ads(query) => client("GET", &"/v2/advertisement/").query(query.pairs()),
            Self::CreateAd(ad) => {
                client("POST", &"/advertisement/telegram/").json(ad.to_json().to_string())
            }
            Self::Ad(ad) => client("GET", &format_args!("/advertisement/telegram/{ad}")),
            Self::EditAd(ad, edit) => client("PUT", &format_args!("/advertisement/telegram/{ad}"))
                .json(edit.to_json().to_string()),
            Self::ValidateBots(query) => {
                client("GET", &"/advertisement/bots/validate").query(query.pairs())
            }
            Self::UploadMedia(account) => by_account(
                account,
                clientapi("POST", &"/v1/advertising/telegram/upload_media"),
            ),
            Self::Kktu => clientapi("GET", &"/kktu"),
            Self::PixelEvents(account) => by_account(account, clientapi("GET", &"/pixel_events/")),
            Self::CreatePixelEvent(event) => {
                clientapi("POST", &"/pixel_events/").json(event.to_json())
            }
            Self::PixelEventTypes => clientapi("GET", &"/pixel_events/types"),
            Self::RenamePixelEvent(event, name) => {
                clientapi("PATCH", &format_args!("/pixel_events/{event}")).json(name.to_json())
            }
            Self::DeletePixelEvent(account, event) => clientapi(
                "DELETE",
                &format_args!("/pixel_events/{account}/events/{event}"),
            ),
            Self::PixelSnippet(account) => {
                clientapi("GET", &format_args!("/pixel_events/{account}/code_snippet"))
            }
            Self::Audiences(account) => clientapi(
                "GET",
                &format_args!("/advertisement/telegram/{account}/audiences/"),
            ),
            Self::CreateAudience(account) => clientapi(
                "POST",
                &format_args!("/advertisement/telegram/{account}/audiences"),
            ),
        }
    }

    /// Whether an answer is one of the documented form. Where none is documented (what is made, edited or deleted), any is.
    ///
    /// # Errors
    /// [`Failure`]: what AdStat refuses in its own words, or what nobody can read.
    pub fn check(&self, status: u16, body: &str) -> Result<(), Failure> {
        let shape = match self {
            Self::AccountNames => answer::ACCOUNT_NAMES,
            Self::Account(_) | Self::Ad(_) => answer::DETAILS,
            Self::Accounts(_) => answer::ACCOUNTS,
            Self::Campaigns(_) => answer::CAMPAIGNS,
            Self::Stats(_) => return StatsPage::read(status, body).map(drop),
            Self::Ads(_) => answer::ADS,
            Self::ValidateBots(_) => answer::BOTS,
            Self::UploadMedia(_) => answer::MEDIA,
            Self::Kktu => answer::KKTU,
            Self::PixelEvents(_) => answer::PIXEL_EVENTS,
            Self::PixelEventTypes => answer::PIXEL_EVENT_TYPES,
            Self::PixelSnippet(_) => answer::PIXEL_SNIPPET,
            Self::Audiences(_) => answer::AUDIENCES,
            Self::DeletePixelEvent(..) => Shape::Whatever,
            Self::CreateAd(_)
            | Self::EditAd(..)
            | Self::CreatePixelEvent(_)
            | Self::RenamePixelEvent(..)
            | Self::CreateAudience(_) => Shape::Open,
        };
        shape.check(success(status, body)?)
    }
}

/// `bots=…&bots=…&account_id=…`. The documentation spells the first one `validate?bots`.
fn bots(query: &str) -> Result<Query, Invalid> {
    let mut query = Query::read(query, &[])?;
    for (name, _) in &mut query.0 {
        if name == "validate?bots" {
            "bots".clone_into(name);
        }
    }
    let mut problems = Vec::new();
    if query.value("bots").is_none() {
        problems.push(Problem::new("bots", "missing"));
    }
    if let Err(invalid) = AccountId::parse(query.value("account_id").unwrap_or_default()) {
        problems.extend_from_slice(invalid.problems());
    }
    verdict(query, problems)
}
