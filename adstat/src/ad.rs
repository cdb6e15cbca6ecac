//! Ads: what a new one is, and an edit of one.
//!
//! Fields that the documentation does not name go through untouched: AdStat adds some now and then. Which they are is told
//! ([`NewAd::undocumented`]), since one may be a slip of the pen.

use attribution::telegram::TelegramLink;
use attribution::url;
use serde_json::{Map, Value};

use crate::fields::{Field, Kind, check, missing, object, text, told};
use crate::problem::{Invalid, Problem, verdict};
use crate::schedule::Schedule;
use crate::stats::CURRENCIES;
use crate::time::Moment;
use crate::utm::{Utm, decorated};

/// Whom an ad is shown to, as `ad_type` says.
const AD_TYPES: &[&str] = &[
    "target_channels",
    "target_users",
    "target_search",
    "target_bots",
];

/// What can be edited.
const EDITABLE: &[Field] = &[
    ("title", Kind::Words),
    ("text", Kind::Words),
    ("promote_url", Kind::Words),
    ("cpm", Kind::Price),
    ("other_info", Kind::Text),
    ("media_token", Kind::Text),
    ("website_name", Kind::Text),
    ("views_per_user", Kind::Id),
    ("show_picture", Kind::Flag),
    ("promote_url_picture_id", Kind::Text),
    ("button_type", Kind::Text),
    ("daily_budget", Kind::Amount),
    ("after_moderation_status", Kind::Text),
    ("start_date", Kind::Moment),
    ("end_date", Kind::Moment),
    ("schedule", Kind::Schedule),
    ("use_selected_timezone", Kind::Flag),
    ("schedule_timezone", Kind::Offset),
    ("kktu_ids", Kind::OneText),
    ("tg_event_id", Kind::Text),
];

/// What a new ad has besides.
const OF_A_NEW_AD: &[Field] = &[
    ("campaign_id", Kind::Id),
    ("ad_object", Kind::Text),
    ("budget", Kind::Amount),
    ("langs", Kind::Texts),
    ("topics", Kind::Numbers),
    ("topics_verbose", Kind::Texts),
    ("channels", Kind::Numbers),
    ("channels_verbose", Kind::Texts),
    ("exclude_topics", Kind::Numbers),
    ("exclude_topics_verbose", Kind::Texts),
    ("exclude_channels", Kind::Numbers),
    ("exclude_channels_verbose", Kind::Texts),
    ("split_by", Kind::Texts),
    ("ad_source", Kind::Text),
    ("ad_type", Kind::OneOf(AD_TYPES)),
    ("countries", Kind::Texts),
    ("locations", Kind::Texts),
    ("locations_verbose", Kind::Texts),
    ("audiences", Kind::Numbers),
    ("exclude_audiences", Kind::Numbers),
    ("exclude_politic", Kind::Flag),
    ("all_topics_interested_users", Kind::Flag),
    ("device", Kind::Text),
    ("target_user_channels", Kind::Texts),
    ("target_user_channels_verbose", Kind::Texts),
    ("exclude_target_user_channels", Kind::Texts),
    ("exclude_target_user_channels_verbose", Kind::Texts),
    ("promote_url_type", Kind::Text),
    ("currency_code", Kind::OneOf(CURRENCIES)),
    ("use_account_currency", Kind::Flag),
    ("only_crypto", Kind::Flag),
    ("exclude_crypto", Kind::Flag),
    ("target_search", Kind::Texts),
    ("target_bots", Kind::Bots),
];

/// Without these there is no ad to buy.
const REQUIRED: &[&str] = &[
    "campaign_id",
    "title",
    "text",
    "promote_url",
    "cpm",
    "budget",
    "ad_type",
];

/// What an ad promotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promoted {
    /// A channel, bot or post in Telegram.
    Telegram,
    /// A channel by an invite, which does not say which channel it is.
    Invite,
    /// A page of a site.
    Site,
}

impl Promoted {
    /// Reads `promote_url`: the scheme may be missing. `None`: it leads nowhere.
    pub fn of(link: &str) -> Option<Self> {
        let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let rest = match link.split_once("//") {
            Some((scheme, rest)) if is_scheme(scheme.trim_end_matches(':')) => rest,
            _ => link,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        if link.contains(char::is_whitespace) || authority.contains('@') {
            return None;
        }
        let parts = url::split(link)?;
        let is_telegram = ["t.me", "telegram.me", "telegram.dog"]
            .iter()
            .any(|host| parts.host.eq_ignore_ascii_case(host));
        match parts.scheme {
            "" | "http" | "https" => {}
            _ => return None,
        }
        if !is_telegram {
            return parts.host.contains('.').then_some(Self::Site);
        }
        let whole = match parts.scheme {
            "" => ["https://", link.trim_start_matches('/')].concat(),
            _ => link.to_owned(),
        };
        let link = TelegramLink::parse(&whole).ok()?;
        let is_invite = link.name().is_some_and(|name| name.starts_with('+'));
        Some(if is_invite {
            Self::Invite
        } else {
            Self::Telegram
        })
    }
}

/// A new ad that breaks no documented rule.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAd(Map<String, Value>);

impl NewAd {
    /// Reads the body of "Create advertisement".
    ///
    /// # Errors
    /// [`Invalid`], naming each field that is wrong.
    pub fn read(body: &str) -> Result<Self, Invalid> {
        let fields = object(body)?;
        let mut problems = missing(&fields, REQUIRED);
        problems.extend(check(&fields, EDITABLE));
        problems.extend(check(&fields, OF_A_NEW_AD));
        problems.extend(check_times(&fields));
        let promoted = promoted(&fields, &mut problems);
        problems.extend(check_object(&fields, promoted.as_ref()));
        let is_empty = |name| {
            let list = told(&fields, name).and_then(Value::as_array);
            list.is_none_or(Vec::is_empty)
        };
        for name in ["target_bots", "target_search"] {
            if text(&fields, "ad_type") == name && is_empty(name) {
                let expected = format!("with ad_type {name}, expected one at least");
                problems.push(Problem::new(name, expected));
            }
        }
        verdict(Self(fields), problems)
    }

    /// The campaign that it goes into.
    pub fn campaign_id(&self) -> u64 {
        let id = self.0.get("campaign_id");
        id.and_then(Value::as_u64).unwrap_or_default()
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        text(&self.0, "title")
    }

    /// What it says.
    pub fn text(&self) -> &str {
        text(&self.0, "text")
    }

    /// The KKTU entry that it names.
    pub fn kktu_id(&self) -> Option<&str> {
        kktu_id(&self.0)
    }

    /// When it is shown; none: always.
    pub fn schedule(&self) -> Option<Schedule> {
        Schedule::read("schedule", told(&self.0, "schedule")?).ok()
    }

    /// The same, its landing link naming campaign and ad where it leads to a site.
    #[must_use]
    pub fn decorated(mut self, content: &str) -> Self {
        let campaign = self.campaign_id();
        decorate(&mut self.0, Some(campaign), content);
        self
    }

    /// Names of fields that the documentation does not have.
    pub fn undocumented(&self) -> Vec<&str> {
        undocumented(&self.0, &[EDITABLE, OF_A_NEW_AD])
    }

    /// As AdStat wants it.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// An edit that breaks no documented rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AdEdit(Map<String, Value>);

/// A field that an edit changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which.
    pub field: String,
    /// What it is; null: nothing.
    pub from: Value,
    /// What it will be.
    pub to: Value,
}

impl AdEdit {
    /// The same, its landing link naming campaign and ad where it has one and that leads to a site.
    #[must_use]
    pub fn decorated(mut self, campaign: Option<u64>, content: &str) -> Self {
        decorate(&mut self.0, campaign, content);
        self
    }

    /// Whether it says where the ad leads.
    pub fn has_link(&self) -> bool {
        told(&self.0, "promote_url").is_some()
    }

    /// Reads the body of "Edit advertisement".
    ///
    /// # Errors
    /// [`Invalid`], naming each field that is wrong.
    pub fn read(body: &str) -> Result<Self, Invalid> {
        Self::of(object(body)?)
    }

    fn of(fields: Map<String, Value>) -> Result<Self, Invalid> {
        let mut problems = check(&fields, EDITABLE);
        for (name, _) in OF_A_NEW_AD
            .iter()
            .filter(|(name, _)| fields.contains_key(*name))
        {
            problems.push(Problem::new(name, "it can't be edited"));
        }
        problems.extend(check_times(&fields));
        promoted(&fields, &mut problems);
        if fields.is_empty() {
            problems.push(Problem::new("body", "there is nothing to edit in it"));
        }
        verdict(Self(fields), problems)
    }

    /// The whole of what `details` (as `GET /advertisement/telegram/{ad_id}` answers) would be with this edit, and what that changes. "Edit
    /// advertisement" is a PUT, and does not say what becomes of a field that is left out: so none is. What AdStat itself holds goes back as
    /// it is, whatever the rules for new values.
    ///
    /// # Errors
    /// [`Invalid`], where a field can't be edited now (`cannot_edit_fields`), or the times no longer fit together.
    pub fn over(self, details: &Map<String, Value>) -> Result<(Self, Vec<Change>), Invalid> {
        let before = editable(details);
        let mut whole = before.clone();
        let mut changes = Vec::new();
        for (field, to) in self.0 {
            let from = before.get(&field).cloned().unwrap_or_default();
            if !is_same(&from, &to) {
                let field = field.clone();
                changes.push(Change {
                    field,
                    from,
                    to: to.clone(),
                });
            }
            whole.insert(field, to);
        }
        let fixed = details.get("cannot_edit_fields").and_then(Value::as_array);
        let is_fixed =
            |field: &str| fixed.is_some_and(|fixed| fixed.iter().any(|name| name == field));
        let refused = changes.iter().filter(|change| is_fixed(&change.field));
        let mut problems: Vec<_> = refused
            .map(|change| Problem::new(&change.field, "AdStat does not let it be edited now"))
            .collect();
        let is_of_times = |change: &Change| TIMES.contains(&change.field.as_str());
        if changes.iter().any(is_of_times) {
            problems.extend(check_times(&whole));
        }
        verdict((Self(whole), changes), problems)
    }

    /// The KKTU entry that it names.
    pub fn kktu_id(&self) -> Option<&str> {
        kktu_id(&self.0)
    }

    /// Names of fields that the documentation does not have.
    pub fn undocumented(&self) -> Vec<&str> {
        undocumented(&self.0, &[EDITABLE])
    }

    /// As AdStat wants it.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// What of an ad's details can be edited, under the names that an edit has for it.
fn editable(details: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, _) in EDITABLE {
        let inner = |outer: &str, names: &[&str]| {
            let object = details.get(outer)?.as_object()?;
            names.iter().find_map(|name| object.get(*name))
        };
        let value = match *name {
            "media_token" => inner("media", &["token"]),
            // Its example calls it one, its table the other.
            "tg_event_id" => inner("event", &["tg_id", "tg_event_id"]),
            _ => details.get(*name),
        };
        // Details say where the picture is, an edit wants its token.
        let is_address = *name == "promote_url_picture_id"
            && value
                .and_then(Value::as_str)
                .is_some_and(|text| text.contains("://"));
        if let Some(value) = value.filter(|value| !value.is_null() && !is_address) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    fields
}

/// What `promote_url` promotes, where it is one.
fn promoted(fields: &Map<String, Value>, problems: &mut Vec<Problem>) -> Option<Promoted> {
    let link = told(fields, "promote_url")?.as_str()?;
    let promoted = Promoted::of(link);
    if promoted.is_none() && !link.trim().is_empty() {
        let expected = "expected a link such as t.me/channel or https://example.com/page";
        problems.push(Problem::new("promote_url", expected));
    }
    promoted
}

fn decorate(fields: &mut Map<String, Value>, campaign: Option<u64>, content: &str) {
    let link = text(fields, "promote_url");
    if Promoted::of(link) != Some(Promoted::Site) {
        return;
    }
    let campaign = campaign.map(|id| id.to_string());
    let utm = Utm {
        campaign: campaign.as_deref(),
        content,
    };
    let link = decorated(link, utm);
    fields.insert("promote_url".to_owned(), link.into());
}

/// "The field becomes required when targeting a channel invite link. URL of the destination Telegram channel."
fn check_object(fields: &Map<String, Value>, promoted: Option<&Promoted>) -> Option<Problem> {
    let object = text(fields, "ad_object");
    let expected = if object.is_empty() {
        if promoted != Some(&Promoted::Invite) {
            return None;
        }
        "required where promote_url is an invite: the link of the channel that it leads into, such as t.me/channel"
    } else {
        if Promoted::of(object) == Some(Promoted::Telegram) {
            return None;
        }
        "expected the link of a Telegram channel such as t.me/channel, and no invite"
    };
    Some(Problem::new("ad_object", expected))
}

/// What [`check_times`] looks at.
const TIMES: &[&str] = &[
    "start_date",
    "end_date",
    "use_selected_timezone",
    "schedule_timezone",
];

fn check_times(fields: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let moment = |name| Moment::parse(text(fields, name));
    if let (Some(start), Some(end)) = (moment("start_date"), moment("end_date"))
        && end.at_s < start.at_s
    {
        problems.push(Problem::new("end_date", "it is before start_date"));
    }
    let by_timezone = told(fields, "use_selected_timezone") == Some(&Value::Bool(true));
    if by_timezone && told(fields, "schedule_timezone").is_none() {
        problems.push(Problem::new(
            "schedule_timezone",
            "required with use_selected_timezone",
        ));
    }
    problems
}

/// Whether two values are one: `2` is `2.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

fn kktu_id(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("kktu_ids")?.as_array()?.first()?.as_str()
}

fn undocumented<'a>(fields: &'a Map<String, Value>, documented: &[&[Field]]) -> Vec<&'a str> {
    let is_known = |name: &str| {
        documented
            .iter()
            .copied()
            .flatten()
            .any(|(known, _)| *known == name)
    };
    fields
        .keys()
        .map(String::as_str)
        .filter(|name| !is_known(name))
        .collect()
}
