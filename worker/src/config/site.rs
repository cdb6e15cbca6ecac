//! Sites and their Telegram channels.

use attribution::OwnNames;
use attribution::telegram::TelegramLink;
use attribution::url::is_within;
use conversions::{Currency, EventType, Money};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Number, destination};
use crate::ids::ClickId;
use crate::telegram::ChatId;

/// A landing page's site.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Site {
    /// Its public id, as the tracker's tag and AdTarget name it.
    pub website_id: String,
    /// The domains its pages are on; a subdomain of one counts.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The binding of the D1 database that holds all of the site; none: `DB`.
    #[serde(default)]
    pub database: Option<String>,
    /// The registrable domain its cookies are set on; none: the host alone.
    #[serde(default)]
    pub cookie_domain: Option<String>,
    /// Its own names of click ids.
    #[serde(skip)]
    pub click_id_parameters: OwnNames,
    /// The same, as they are written.
    #[serde(default, rename = "clickIdParameters")]
    pub(super) written_click_id_parameters: Vec<String>,
    /// Its Telegram channels; the first is the default.
    #[serde(skip)]
    pub channels: Vec<Channel>,
    /// The same, as they are written: one that is wrong must not take the others with it.
    #[serde(default, rename = "channels")]
    pub(super) written_channels: Vec<Box<RawValue>>,
    /// Its accounts at ad platforms, as they are written.
    #[serde(default)]
    pub(super) platforms: Vec<destination::Written>,
}

/// A Telegram channel that a site leads to.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    /// Its name in `/c/{slug}`.
    pub slug: String,
    /// Its id at the backend; none at AdTarget: the site's default channel there.
    #[serde(default)]
    pub channel_id: Option<String>,
    /// Where a click leads when no personal link is to be had.
    #[serde(default)]
    pub invite: Option<Invite>,
    /// Names under which pages link to it: a username or `+hash`. They may be written as links, or with an `@`.
    #[serde(default)]
    pub links: Vec<String>,
    /// Its id at Telegram.
    #[serde(default)]
    pub telegram_id: Option<ChatId>,
    /// The username of the bot that is an admin there; none: the first.
    #[serde(default)]
    pub bot: Option<String>,
    /// How a click gets its link.
    #[serde(default)]
    pub mode: InviteMode,
    /// How many links are kept made ahead.
    #[serde(default = "pool_size")]
    pub pool_size: u32,
    /// How long a link that was handed out can be used, in hours.
    #[serde(default = "link_hours")]
    pub link_hours: u32,
    /// How the value of a Purchase becomes known.
    #[serde(default)]
    pub purchase_value: PurchaseValue,
    /// AdTarget's type of event that a join is, as it is written.
    #[serde(default)]
    pub(super) event_type: Option<String>,
    /// The name of a Custom one, as it is written.
    #[serde(default)]
    pub(super) custom_event_name: Option<String>,
    /// What a join is worth, as it is written: a number, or the text of one.
    #[serde(default)]
    pub(super) value: Option<Value>,
    /// The currency of that, as it is written.
    #[serde(default)]
    pub(super) currency: Option<String>,
    /// The country of its people, as it is written: two letters (ISO 3166-1). Where a phone number is from that has no country
    /// code, unless the caller says.
    #[serde(default)]
    pub country: Option<String>,
}

/// What someone's join by a click's link is to the ad platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Which event.
    pub event: EventType,
    /// What it is worth; none: that is not said.
    pub value: Option<Money>,
}

impl Join {
    /// AdTarget's default: someone joined, worth nothing in particular.
    pub const DEFAULT: Self = Self {
        event: EventType::CompleteRegistration,
        value: None,
    };
}

impl Default for Join {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How many links are kept made ahead.
pub(super) const POOL_SIZE: Number = Number::new(1..=1_000, 50);

/// How long a link that was handed out can be used, in hours: a year at most.
pub(super) const LINK_HOURS: Number = Number::new(1..=8_760, 72);

fn pool_size() -> u32 {
    POOL_SIZE.default
}

fn link_hours() -> u32 {
    LINK_HOURS.default
}

/// How a click gets its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum InviteMode {
    /// The channel's own link, the same for all: joins can't be told apart.
    #[default]
    Shared,
    /// A link of the click's own, for one member.
    Personal,
    /// A link of the click's own that asks to join; the bot approves.
    Request,
    /// A link to the bot with the click as its start payload; the bot answers with a link of the click's own.
    Bot,
}

/// How the value of a Purchase becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PurchaseValue {
    /// With the Purchase.
    #[default]
    Told,
    /// With the Purchase, or by hand later.
    Manual,
}

/// A channel's own invite: a Telegram link, or a link to a bot that is told the click by `?start={clickId}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    link: TelegramLink,
    tells_click: bool,
}

const CLICK_ID_PLACE: &str = "{clickId}";

impl Invite {
    /// Reads a Telegram link, with or without `{clickId}` as its start payload.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tells_click = text.contains(CLICK_ID_PLACE);
        let link = TelegramLink::parse(&text.replace(CLICK_ID_PLACE, "clickId"))
            .map_err(|_| "not a link to t.me, telegram.me, telegram.dog or tg:".to_owned())?;
        if tells_click && link.start() != Some("clickId") {
            return Err("{clickId} can only be the value of start=".to_owned());
        }
        Ok(Self { link, tells_click })
    }

    /// The link for one click; `start` is the payload that the page's own link carried.
    pub fn for_click(&self, click: &ClickId, start: Option<&str>) -> TelegramLink {
        let payload = if self.tells_click {
            Some(click.as_str())
        } else {
            start
        };
        payload
            .and_then(|payload| self.link.with_start(payload))
            .unwrap_or_else(|| self.link.clone())
    }

    /// Whether the link tells one click from another.
    pub fn is_personal(&self) -> bool {
        self.tells_click
    }

    /// The link, the same for all.
    pub fn link(&self) -> &str {
        self.link.as_str()
    }

    /// The name in the link: a username or `+hash`.
    pub fn name(&self) -> Option<&str> {
        self.link.name()
    }
}

/// The name that a link of a page has, however it is written: `name`, `@name`, `+hash`, or a whole link with or without its scheme.
pub(super) fn link_name(text: &str) -> Option<String> {
    let text = text.trim();
    let before = match (text.contains(':'), text.contains('/')) {
        (true, _) => "",
        (_, true) => "https://",
        _ => "https://t.me/",
    };
    let address = [before, text.strip_prefix('@').unwrap_or(text)].concat();
    TelegramLink::parse(&address)
        .ok()?
        .name()
        .map(str::to_owned)
}

impl<'de> Deserialize<'de> for Invite {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The country that all of them say; none: they say several, or one says none.
fn same_country<'a>(mut countries: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
    let country = countries.next()??;
    countries
        .all(|other| other.is_some_and(|other| other.eq_ignore_ascii_case(country)))
        .then_some(country)
}

impl Site {
    /// The binding of the site's database.
    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or(super::DATABASE)
    }

    /// Those of the site's domains that `host` is within.
    fn domains_of(&self, host: &str) -> impl Iterator<Item = &str> {
        let domains = self.domains.iter().map(String::as_str);
        domains.filter(move |domain| is_within(host, domain))
    }

    /// Whether a page on `host` is the site's.
    pub fn owns(&self, host: &str) -> bool {
        self.domains_of(host).next().is_some()
    }

    /// How close `host` is to the site: the length of the longest of its domains that it is within.
    pub fn closeness(&self, host: &str) -> Option<usize> {
        self.domains_of(host).map(str::len).max()
    }

    /// The registrable domain of the site's pages: what Meta's cookies count their index by.
    pub fn registrable_domain<'a>(&'a self, host: &'a str) -> &'a str {
        self.cookie_domain_at(host)
            .or_else(|| self.domains_of(host).next())
            .unwrap_or(host)
    }

    /// The domain to set cookies on for a page on `host`: only one that a browser takes from there.
    pub fn cookie_domain_at(&self, host: &str) -> Option<&str> {
        self.cookie_domain
            .as_deref()
            .filter(|domain| is_within(host, domain))
    }

    /// The country that all its channels have, or that of the one called `channel`, by any name; none: they don't say.
    pub fn country(&self, channel: Option<&str>) -> Option<&str> {
        let meant = |each: &&Channel| channel.is_none_or(|name| each.is_named(name));
        let countries = self.channels.iter().filter(meant);
        same_country(countries.map(|each| each.country.as_deref()))
    }

    /// The channel called `slug`.
    pub fn channel(&self, slug: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.slug == slug)
    }

    /// The channel with that id at the backend.
    pub fn channel_by_id(&self, id: &str) -> Option<&Channel> {
        self.channels
            .iter()
            .find(|channel| channel.channel_id.as_deref() == Some(id))
    }

    /// The channel that a link on the page means: by its name, else the site's default.
    pub fn channel_of_link(&self, link: &TelegramLink) -> Option<&Channel> {
        let named = self.channel_called_by(link);
        named.or_else(|| self.channels.first())
    }

    /// The channel that a link names.
    pub fn channel_called_by(&self, link: &TelegramLink) -> Option<&Channel> {
        let name = link.name()?;
        self.channels.iter().find(|channel| channel.is_called(name))
    }
}

impl Channel {
    /// Its id at the backend; where it has none, its slug.
    pub fn id(&self) -> &str {
        self.channel_id.as_deref().unwrap_or(&self.slug)
    }

    /// Whether its invite tells one click from another.
    pub fn tells_click(&self) -> bool {
        self.invite.as_ref().is_some_and(Invite::is_personal)
    }

    /// Whether a caller of the keyed API means it by `name`: its id, its slug or its id at Telegram.
    pub fn is_named(&self, name: &str) -> bool {
        self.id() == name
            || self.slug == name
            || self.telegram_id.is_some_and(|id| id.to_string() == name)
    }

    /// What someone's join by a click's link is; where that is written wrong, AdTarget's default. Read here and not with the other
    /// settings, since no visitor waits for it.
    pub fn join(&self) -> Join {
        self.written_join().unwrap_or_default()
    }

    /// What its settings say of a join.
    ///
    /// # Errors
    /// In words, naming the field.
    pub(super) fn written_join(&self) -> Result<Join, String> {
        let event = match &self.event_type {
            None => Join::DEFAULT.event,
            Some(event_type) => EventType::parse(event_type, self.custom_event_name.as_deref())
                .map_err(|why| format!("{}: {why}", why.field()))?,
        };
        let value = match (&self.value, &self.currency) {
            (None, None) => None,
            (Some(_), None) => return Err("currency: required with value".to_owned()),
            (None, Some(_)) => return Err("value: required with currency".to_owned()),
            (Some(value), Some(currency)) => {
                let currency =
                    Currency::parse(currency).map_err(|why| format!("currency: {why}"))?;
                let number = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                let money =
                    Money::parse(&number, currency).map_err(|why| format!("value: {why}"))?;
                Some(money)
            }
        };
        if event == EventType::Purchase && value.is_none() {
            return Err("value: required with eventType Purchase".to_owned());
        }
        Ok(Join { event, value })
    }

    /// Whether links on pages call the channel `name`. Usernames know no case, hashes of invites do.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |other: &str| {
            other == name || (!name.starts_with('+') && other.eq_ignore_ascii_case(name))
        };
        self.links.iter().any(|link| same(link))
            || self
                .invite
                .as_ref()
                .and_then(Invite::name)
                .is_some_and(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_may_tell_the_click_to_a_bot() {
        let click = ClickId::of(crate::ids::EventId::new([7; 16]));
        let bot = Invite::parse("https://t.me/some_bot?start={clickId}").unwrap();
        assert_eq!(
            bot.for_click(&click, Some("x")).as_str(),
            format!("https://t.me/some_bot?start={}", click.as_str())
        );
        let plain = Invite::parse("https://t.me/+AbC").unwrap();
        assert_eq!(plain.for_click(&click, None).as_str(), "https://t.me/+AbC");
        assert!(Invite::parse("https://t.me/{clickId}").is_err());
    }

    #[test]
    fn a_links_name_however_it_is_written() {
        let table = [
            ("shopvip", Some("shopvip")),
            ("@shopvip", Some("shopvip")),
            ("t.me/shopvip", Some("shopvip")),
            ("https://t.me/shopvip", Some("shopvip")),
            (" http://telegram.me/s/shopvip/12 ", Some("shopvip")),
            ("tg://resolve?domain=shopvip", Some("shopvip")),
            ("+AbC", Some("+AbC")),
            ("t.me/+AbC", Some("+AbC")),
            ("https://t.me/joinchat/AbC", Some("+AbC")),
            ("tg:join?invite=AbC", Some("+AbC")),
            ("+4915112345678", None),
            ("our channel", None),
            ("shop.test/vip", None),
            ("https://t.me/c/1234/5", None),
            ("@", None),
            ("", None),
        ];
        for (text, name) in table {
            assert_eq!(link_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn what_a_join_is() {
        let read = |json: &str| {
            let channel = format!(r#"{{"slug":"x"{json}}}"#);
            let channel: Channel = serde_json::from_str(&channel).unwrap();
            channel.written_join().map(|join| {
                let name = join
                    .event
                    .custom_name()
                    .map(|name| name.as_str().to_owned());
                let value = join.value.map(|money| money.to_string());
                (join.event.as_str(), name, value)
            })
        };
        assert_eq!(read(""), Ok(("CompleteRegistration", None, None)));
        assert_eq!(
            read(r#","eventType":"Subscribe","value":19.9,"currency":"eur""#),
            Ok(("Subscribe", None, Some("19.90 EUR".to_owned())))
        );
        assert_eq!(
            read(
                r#","eventType":"Custom","customEventName":"Join VIP","value":"500","currency":"JPY""#
            ),
            Ok((
                "Custom",
                Some("Join VIP".to_owned()),
                Some("500 JPY".to_owned())
            ))
        );
        for (wrong, field) in [
            (r#","eventType":"Join""#, "eventType:"),
            (r#","eventType":"Custom""#, "customEventName:"),
            (r#","value":1"#, "currency:"),
            (r#","currency":"USD""#, "value:"),
            (r#","value":"1.001","currency":"USD""#, "value:"),
            (r#","value":true,"currency":"USD""#, "value:"),
            (r#","value":1,"currency":"USB""#, "currency:"),
            (r#","eventType":"Purchase""#, "value:"),
        ] {
            let why = read(wrong).unwrap_err();
            assert!(why.starts_with(field), "{wrong}: {why}");
        }
    }

    #[test]
    fn cookies_go_only_where_a_browser_takes_them() {
        let site = Site {
            website_id: String::new(),
            domains: vec!["example.co.uk".into()],
            cookie_domain: Some("example.co.uk".into()),
            click_id_parameters: OwnNames::default(),
            written_click_id_parameters: Vec::new(),
            database: None,
            written_channels: Vec::new(),
            channels: vec![],
            platforms: vec![],
        };
        assert_eq!(
            site.cookie_domain_at("lp.example.co.uk"),
            Some("example.co.uk")
        );
        assert_eq!(site.cookie_domain_at("edge.workers.dev"), None);
        assert_eq!(site.registrable_domain("lp.example.co.uk"), "example.co.uk");
    }
}
