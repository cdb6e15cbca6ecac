//! Settings, read once an instance from the platform's variables and secrets.
//!
//! Names are those of AdTarget's guide where it has one, so that its users move over by copying them. A wrong setting
//! never stops the worker: it is named in the log and in `/healthz`, and its default stands in.

mod destination;
mod operator;
mod report;
mod review;
mod site;
mod webhook;

use std::mem;
use std::ops::RangeInclusive;

use attribution::OwnNames;
use attribution::url;
use conversions::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use destination::{Destination, Destinations};
pub use operator::{Access, AccessPolicy, AdStat};
pub use report::ReportSettings;
pub use site::{Channel, Invite, InviteMode, Join, PurchaseValue, Site};

use crate::routes::{NEUTRAL, OWN_SEGMENTS};
use crate::telegram::{Bot, ChatId};

/// The main database's binding.
pub const DATABASE: &str = "DB";

/// Everything the worker is told.
#[derive(Debug)]
pub struct Config {
    /// Who keeps visits and hands out invites (`BACKEND`).
    pub backend: Backend,
    /// Where Telegram Ads' pixel is told: scheme and host, no slash at the end (`TELEGRAM_ADS_BASE_URL`).
    pub telegram_ads: String,
    /// The neutral path that stands beside `/backend/track` (`PREFIX`), such as `/e`.
    pub prefix: String,
    /// The sites served, never empty when the settings are right; the first is the one of the worker's own pages.
    pub sites: Vec<Site>,
    /// The landing page behind the worker (`SITE_ORIGIN`).
    pub front: Option<Front>,
    /// Edgeway's bots in Telegram, by settings `TELEGRAM_BOT_…` or `TELEGRAM_BOTS`.
    pub bots: Vec<Bot>,
    /// The sources of signed webhooks (`WEBHOOKS`).
    pub webhooks: Vec<webhooks::Source>,
    /// Whether a browser's Global Privacy Control stops capture at the edge (`RESPECT_GPC`).
    pub respect_gpc: bool,
    /// Whether nothing is recorded of a page request at the edge, and its tag waits for consent (`REQUIRE_CONSENT`).
    pub require_consent: bool,
    /// Whether a browser's Do Not Track does (`RESPECT_DNT`).
    pub respect_dnt: bool,
    /// How long visits and clicks are kept, in days (`RETENTION_DAYS`).
    pub retention_days: u32,
    /// Whether a rate-limiting binding is there.
    pub limits_calls: bool,
    /// Whether `ADTARGET_API_KEY` is set; its value is read only where a keyed call is made.
    pub has_api_key: bool,
    /// What the keys of the keyed surface are managed with (`OPERATOR_KEY`).
    pub operator_key: Result<Secret, NoOperatorKey>,
    /// Whether Cloudflare Access has to vouch for the operator, too (`ACCESS_TEAM_DOMAIN`, `ACCESS_AUD`).
    pub access: AccessPolicy,
    /// How AdStat is called; none: its credentials are not set.
    pub adstat: Option<AdStat>,
    /// How near in time two Purchases of one value are one, in hours; 0: never (`PURCHASE_WINDOW_H`).
    pub purchase_window_h: u32,
    /// What is wrong with the settings by themselves; what they are together, [`Config::review`] tells.
    pub problems: Vec<Problem>,
}

/// Why there is no operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOperatorKey {
    /// `OPERATOR_KEY` is not set.
    Unset,
    /// It has fewer than 32 characters.
    TooShort,
}

/// Who keeps visits and hands out invites.
#[derive(Debug, PartialEq, Eq)]
pub enum Backend {
    /// Edgeway itself, on D1 and Queues.
    Ledger,
    /// AdTarget, hosted.
    AdTarget(AdTarget),
}

/// How AdTarget is called.
#[derive(Debug, PartialEq, Eq)]
pub struct AdTarget {
    /// Scheme and host, no slash at the end (`ADTARGET_BASE_URL`).
    pub base: String,
    /// How long a visitor waits for its answer, in ms (`ADTARGET_TIMEOUT_MS`).
    pub timeout_ms: u32,
    /// Whether every visit is answered at the edge and delivered by the queue (`DEFER_VISITS`).
    pub defer_visits: bool,
}

/// The landing page behind the worker.
#[derive(Debug, PartialEq, Eq)]
pub struct Front {
    /// Scheme and host of the origin, no slash at the end.
    pub origin: String,
    /// Whether a visit is recorded on the page request itself (`EDGE_CAPTURE`).
    pub capture: bool,
}

/// A setting that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its name.
    pub setting: &'static str,
    /// What it should be.
    pub message: String,
}

/// Reads variables and secrets, and collects what is wrong with them.
struct Settings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

/// A number among the settings.
struct Number {
    range: RangeInclusive<u32>,
    default: u32,
}

impl Number {
    const fn new(range: RangeInclusive<u32>, default: u32) -> Self {
        Self { range, default }
    }
}

impl Settings<'_> {
    /// A setting that is set and not blank.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// A JSON list, together with those of `NAME_2`, `NAME_3` and so on: the platform lets a setting have no more than 5 KB (Workers limits,
    /// "Environment variables").
    fn json_list(&self, name: &str) -> Option<String> {
        let mut list = self.text(name)?;
        for part in 2.. {
            let Some(next) = self.text(&format!("{name}_{part}")) else {
                break;
            };
            list = match (list.strip_suffix(']'), next.strip_prefix('[')) {
                (Some(list), Some(next)) => [list, ",", next].concat(),
                // Whoever reads it says what is wrong.
                _ => list + &next,
            };
        }
        Some(list)
    }

    fn wrong(&mut self, setting: &'static str, message: impl Into<String>) {
        self.problems.push(Problem {
            setting,
            message: message.into(),
        });
    }

    fn switch(&mut self, name: &'static str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("on" | "true" | "1") => true,
            Some("off" | "false" | "0") => false,
            Some(_) => {
                self.wrong(name, "expected on or off");
                default
            }
        }
    }

    fn origin(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        self.origin_of(name, &text)
    }

    /// The origin that `text` is.
    fn origin_of(&mut self, name: &'static str, text: &str) -> Option<String> {
        let parts = url::split(text).filter(|parts| {
            matches!(parts.scheme, "http" | "https")
                && !parts.host.is_empty()
                && matches!(parts.path, "" | "/")
                && parts.query.is_none()
                && parts.fragment.is_none()
        });
        if parts.is_none() {
            self.wrong(name, "expected an origin such as https://example.com");
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// A setting that is a word of some type's own.
    fn parsed<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let value = Value::String(self.text(name)?);
        let parsed = serde_json::from_value(value).ok();
        if parsed.is_none() {
            self.wrong(name, expected);
        }
        parsed
    }

    fn number(&mut self, name: &'static str, number: &Number) -> u32 {
        match self.text(name).map(|text| text.parse().ok()) {
            None => number.default,
            Some(written) => self.within(name, "", number, written),
        }
    }

    /// What is `written` of a number, at `place` in the setting. One too large is the most; where it is none, or too small, as 0 for "no limit",
    /// its default stands in.
    fn within(
        &mut self,
        name: &'static str,
        place: &str,
        number: &Number,
        written: Option<u32>,
    ) -> u32 {
        let (least, most) = (number.range.start(), number.range.end());
        if !written.is_some_and(|written| number.range.contains(&written)) {
            self.wrong(name, format!("{place}expected {least} to {most}"));
        }
        match written {
            Some(written) if written >= *least => written.min(*most),
            _ => number.default,
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The one site of the simple settings.
    fn single_site(&mut self, front: Option<&Front>) -> Option<Site> {
        let Some(website_id) = self.text("ADTARGET_WEBSITE_ID") else {
            self.wrong(
                "ADTARGET_WEBSITE_ID",
                "not set, and no SITES either: no site is served",
            );
            return None;
        };
        let written = self.list("SITE_DOMAINS");
        let mut domains = self.domains(written);
        if domains.is_empty() {
            domains.extend(
                front
                    .and_then(|front| url::split(&front.origin))
                    .map(|parts| parts.host.to_owned()),
            );
        }
        let cookie_domain = self.text("COOKIE_DOMAIN");
        let parameters = self.list("CLICK_ID_PARAMETERS");
        let channel_id = self.text("ADTARGET_CHANNEL_ID");
        let invite = match self.text("TELEGRAM_INVITE").as_deref().map(Invite::parse) {
            Some(Err(why)) => {
                self.wrong("TELEGRAM_INVITE", why);
                None
            }
            Some(Ok(invite)) => Some(invite),
            None => None,
        };
        let slug = self
            .text("CHANNEL_SLUG")
            .unwrap_or_else(|| "telegram".to_owned());
        let links = self.list("CHANNEL_LINKS");
        Some(Site {
            website_id,
            cookie_domain: self.cookie_domain(cookie_domain),
            domains,
            click_id_parameters: self.click_id_parameters(parameters),
            written_click_id_parameters: Vec::new(),
            database: None,
            platforms: Vec::new(),
            written_channels: Vec::new(),
            channels: vec![Channel {
                links: self.link_names(&slug, links),
                slug,
                channel_id,
                invite,
                telegram_id: self.parsed(
                    "TELEGRAM_CHAT_ID",
                    "expected a chat's id such as -1001234567890",
                ),
                bot: None,
                mode: self
                    .parsed("INVITE_MODE", "expected shared, personal, request or bot")
                    .unwrap_or_default(),
                pool_size: self.number("INVITE_POOL_SIZE", &site::POOL_SIZE),
                link_hours: self.number("INVITE_LINK_HOURS", &site::LINK_HOURS),
                event_type: self.text("CHANNEL_EVENT"),
                custom_event_name: self.text("CHANNEL_CUSTOM_EVENT"),
                value: self.text("CHANNEL_VALUE").map(Value::String),
                currency: self.text("CHANNEL_CURRENCY"),
                country: self.text("CHANNEL_COUNTRY"),
                purchase_value: self
                    .parsed("PURCHASE_VALUE", "expected told or manual")
                    .unwrap_or_default(),
            }],
        })
    }

    fn sites(&mut self, front: Option<&Front>) -> Vec<Site> {
        let Some(json) = self.json_list("SITES") else {
            return self.single_site(front).into_iter().collect();
        };
        let Some(sites) = self.part_of_sites::<Vec<&RawValue>>("", &json) else {
            return Vec::new();
        };
        if sites.is_empty() {
            self.wrong("SITES", "expected at least one site: none is served");
        }
        (sites.into_iter().enumerate())
            .filter_map(|(place, site)| self.site_of_list(&format!("[{place}]"), site))
            .collect()
    }

    /// A site of `SITES`, whose place there is `place`, with those of its channels that are written well.
    fn site_of_list(&mut self, place: &str, json: &RawValue) -> Option<Site> {
        let mut site: Site = self.part_of_sites(place, json.get())?;
        site.domains = self.domains(site.domains);
        site.cookie_domain = self.cookie_domain(site.cookie_domain);
        let written = mem::take(&mut site.written_click_id_parameters);
        site.click_id_parameters = self.click_id_parameters(written);
        for (nth, channel) in mem::take(&mut site.written_channels).iter().enumerate() {
            let place = format!("{place}.channels[{nth}]");
            let Some(mut channel) = self.part_of_sites::<Channel>(&place, channel.get()) else {
                continue;
            };
            channel.links = self.link_names(&channel.slug, channel.links);
            // Not by the name of `SITES`: all its channels are there.
            let place = [&channel.slug, ": "].concat();
            let pool_size = Some(channel.pool_size);
            channel.pool_size =
                self.within("INVITE_POOL_SIZE", &place, &site::POOL_SIZE, pool_size);
            let link_hours = Some(channel.link_hours);
            channel.link_hours =
                self.within("INVITE_LINK_HOURS", &place, &site::LINK_HOURS, link_hours);
            site.channels.push(channel);
        }
        Some(site)
    }

    /// The domains that `written` are. One that is none is left out.
    fn domains(&mut self, written: Vec<String>) -> Vec<String> {
        (written.iter())
            .filter_map(|text| self.domain("SITE_DOMAINS", text))
            .collect()
    }

    /// A site's own names of click ids, `name=gclid`. One that is none is left out.
    fn click_id_parameters(&mut self, written: Vec<String>) -> OwnNames {
        let mut names = OwnNames::default();
        for text in written {
            let (name, click_id) = text.split_once('=').unwrap_or((&text, ""));
            if let Err(why) = names.add(name.trim(), click_id.trim()) {
                self.wrong("CLICK_ID_PARAMETERS", [&text, ": ", why.words()].concat());
            }
        }
        names
    }

    /// The names that `written`, links of pages to the channel `slug`, mean. What means none is left out.
    fn link_names(&mut self, slug: &str, written: Vec<String>) -> Vec<String> {
        let mut names = Vec::new();
        for text in written {
            match site::link_name(&text) {
                Some(name) => names.push(name),
                None => self.wrong(
                    "CHANNEL_LINKS",
                    format!("{slug}: {text}: expected a username, +hash or a link to one"),
                ),
            }
        }
        names
    }

    /// The domain to share cookies on.
    fn cookie_domain(&mut self, written: Option<String>) -> Option<String> {
        self.domain("COOKIE_DOMAIN", &written?)
    }

    /// The domain that `text` is; a dot before it, as cookies once had it, is wrong, and left off.
    fn domain(&mut self, setting: &'static str, text: &str) -> Option<String> {
        let domain = text.strip_prefix('.').unwrap_or(text);
        let is_domain = domain.split('.').all(is_word);
        if !is_domain || domain != text {
            self.wrong(
                setting,
                format!("{text}: expected a host such as example.com, no leading dot, scheme, port or path"),
            );
        }
        is_domain.then(|| domain.to_owned())
    }

    /// What stands at `place` in `SITES`; none, and the setting is wrong, where that is not as documented.
    fn part_of_sites<'j, T: Deserialize<'j>>(&mut self, place: &str, json: &'j str) -> Option<T> {
        serde_json::from_str(json)
            .map_err(|why| {
                let why = format!("{place} not the documented JSON: {why}");
                self.wrong("SITES", why.trim_start());
            })
            .ok()
    }
}

/// Whether a text is letters, digits, `-` and `_` alone.
fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// The parts of the world that a Durable Object can be made in (<https://developers.cloudflare.com/durable-objects/reference/data-location/>,
/// "Supported locations").
const OBJECT_LOCATIONS: [&str; 9] = [
    "wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me",
];

impl Config {
    /// Reads all settings through `variable` (the value of a name, if set); `limits_calls` says whether calls can be counted.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>, limits_calls: bool) -> Self {
        let mut settings = Settings {
            variable,
            problems: Vec::new(),
        };
        let front = settings.origin("SITE_ORIGIN").map(|origin| Front {
            origin,
            capture: settings.switch("EDGE_CAPTURE", true),
        });
        let sites = settings.sites(front.as_ref());
        let location = settings.text("OBJECT_LOCATION");
        if location.is_some_and(|location| !OBJECT_LOCATIONS.contains(&location.as_str())) {
            let places = OBJECT_LOCATIONS.join(", ");
            settings.wrong("OBJECT_LOCATION", format!("expected one of {places}"));
        }
        Self {
            backend: settings.backend(),
            telegram_ads: settings
                .origin("TELEGRAM_ADS_BASE_URL")
                .unwrap_or_else(|| "https://telegram.org".to_owned()),
            prefix: settings.prefix(),
            front,
            respect_gpc: settings.switch("RESPECT_GPC", false),
            require_consent: settings.switch("REQUIRE_CONSENT", false),
            respect_dnt: settings.switch("RESPECT_DNT", false),
            limits_calls,
            has_api_key: settings.text("ADTARGET_API_KEY").is_some(),
            retention_days: settings.number("RETENTION_DAYS", &Number::new(1..=3_650, 90)),
            bots: settings.bots(),
            operator_key: settings.operator_key(),
            access: settings.access(),
            adstat: settings.adstat(),
            webhooks: settings.webhooks(&sites),
            purchase_window_h: settings.number("PURCHASE_WINDOW_H", &Number::new(0..=8_760, 24)),
            sites,
            problems: settings.problems,
        }
    }

    /// The site of that public id.
    pub fn site(&self, website_id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.website_id == website_id)
    }

    /// The bindings of all databases, the main one first.
    pub fn databases(&self) -> Vec<&str> {
        let mut databases = vec![DATABASE];
        for site in &self.sites {
            if !databases.contains(&site.database()) {
                databases.push(site.database());
            }
        }
        databases
    }

    /// The binding of the database that holds a site; the main one for a site that is no more.
    pub fn database_of(&self, website_id: &str) -> &str {
        self.site(website_id).map_or(DATABASE, Site::database)
    }

    /// The bot of a channel: the one it names, else the first.
    pub fn bot_of(&self, channel: &Channel) -> Option<&Bot> {
        match &channel.bot {
            Some(username) => self.bot(username),
            None => self.bots.first(),
        }
    }

    /// The bot called `username`; usernames know no case.
    pub fn bot(&self, username: &str) -> Option<&Bot> {
        self.bots
            .iter()
            .find(|bot| bot.username.eq_ignore_ascii_case(username))
    }

    /// The source of signed webhooks called `source`.
    pub fn webhook(&self, source: &str) -> Option<&webhooks::Source> {
        self.webhooks.iter().find(|webhook| webhook.name == source)
    }

    /// The channels that are that chat at Telegram, each with its site: several, where several sites or slugs lead there.
    pub fn channels_of_chat(&self, chat: ChatId) -> impl Iterator<Item = (&Site, &Channel)> {
        self.sites
            .iter()
            .flat_map(|site| site.channels.iter().map(move |channel| (site, channel)))
            .filter(move |(_, channel)| channel.telegram_id == Some(chat))
    }

    /// The first of them.
    pub fn channel_of_chat(&self, chat: ChatId) -> Option<(&Site, &Channel)> {
        self.channels_of_chat(chat).next()
    }

    /// The one that was written down with a join, where it is still that chat, else the first.
    pub fn channel_of_join(
        &self,
        chat: ChatId,
        website_id: &str,
        channel_id: &str,
    ) -> Option<(&Site, &Channel)> {
        let mut channels = self.channels_of_chat(chat);
        let kept = channels
            .find(|(site, channel)| site.website_id == website_id && channel.id() == channel_id);
        kept.or_else(|| self.channel_of_chat(chat))
    }

    /// The site whose pages are on `host`: of several the one with the closest domain, of those the first.
    pub fn site_on(&self, host: &str) -> Option<&Site> {
        let sites = self.sites.iter().rev();
        let close = sites.filter_map(|site| Some((site.closeness(host)?, site)));
        let closest = close.max_by_key(|(closeness, _)| *closeness);
        closest.map(|(_, site)| site)
    }

    /// The channel that a short link means, and its site: that of the site on the first of `hosts` that has one of that slug, else the first site's that has.
    pub fn channel_of_slug(&self, hosts: &[&str], slug: &str) -> Option<(&Site, &Channel)> {
        let near = hosts.iter().filter_map(|host| self.site_on(host));
        near.chain(&self.sites)
            .find_map(|site| Some((site, site.channel(slug)?)))
    }

    /// The site whose pages are on `host`, else the first.
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        self.site_on(host).or_else(|| self.sites.first())
    }
}

impl Settings<'_> {
    fn backend(&mut self) -> Backend {
        match self.text("BACKEND").as_deref() {
            None | Some("ledger") => return Backend::Ledger,
            Some("adtarget") => {}
            Some(_) => {
                self.wrong("BACKEND", "expected ledger or adtarget");
                return Backend::Ledger;
            }
        }
        // A page's visit is told after the page, and then the queue takes what AdTarget did not: the platform gives both 30 s (Workers limits, "Duration").
        let timeout_ms = self.number("ADTARGET_TIMEOUT_MS", &Number::new(100..=20_000, 1_500));
        Backend::AdTarget(AdTarget {
            base: self
                .origin("ADTARGET_BASE_URL")
                .unwrap_or_else(|| "https://adtarget.io".to_owned()),
            timeout_ms,
            defer_visits: self.switch("DEFER_VISITS", false),
        })
    }

    /// The bots: one by simple settings, or several by JSON.
    fn bots(&mut self) -> Vec<Bot> {
        let base = self
            .origin("TELEGRAM_API_BASE")
            .unwrap_or_else(|| "https://api.telegram.org".to_owned());
        let (setting, bots) = match self.json_list("TELEGRAM_BOTS") {
            Some(json) => match serde_json::from_str::<Vec<Bot>>(&json) {
                Ok(bots) => ("TELEGRAM_BOTS", bots),
                // What serde says of a wrong value may hold the value.
                Err(_) => {
                    self.wrong("TELEGRAM_BOTS", "not the documented JSON");
                    return Vec::new();
                }
            },
            None => {
                let names = [
                    "TELEGRAM_BOT_USERNAME",
                    "TELEGRAM_BOT_TOKEN",
                    "TELEGRAM_WEBHOOK_SECRET",
                ];
                match names.map(|name| self.text(name)) {
                    [None, None, None] => return Vec::new(),
                    [Some(username), Some(token), Some(secret)] => (
                        "TELEGRAM_BOT_TOKEN",
                        vec![Bot::single(username, token, secret)],
                    ),
                    _ => {
                        self.wrong(
                            "TELEGRAM_BOT_TOKEN",
                            format!("a bot needs all of {}", names.join(", ")),
                        );
                        return Vec::new();
                    }
                }
            }
        };
        bots.into_iter()
            .filter_map(|bot| bot.new(&base).map_err(|why| self.wrong(setting, why)).ok())
            .collect()
    }

    fn operator_key(&mut self) -> Result<Secret, NoOperatorKey> {
        const LENGTH: usize = 32;
        let key = self.text("OPERATOR_KEY").ok_or(NoOperatorKey::Unset)?;
        if key.len() < LENGTH {
            self.wrong(
                "OPERATOR_KEY",
                format!("expected at least {LENGTH} characters"),
            );
            return Err(NoOperatorKey::TooShort);
        }
        Ok(Secret::new(key))
    }

    fn prefix(&mut self) -> String {
        let text = self.text("PREFIX").unwrap_or_else(|| NEUTRAL.to_owned());
        let name = text.trim_matches('/');
        if !is_word(name) || OWN_SEGMENTS.contains(&name) {
            self.wrong(
                "PREFIX",
                "expected one path segment such as /e, and none that the edge has another use for",
            );
            return NEUTRAL.to_owned();
        }
        format!("/{name}")
    }
}

#[cfg(test)]
mod tests {
    use attribution::telegram::TelegramLink;

    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        let value = |name: &str| {
            settings
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let mut config = Config::read(&value, false);
        config.problems.extend(config.review());
        config
    }

    fn problem_names(settings: &[(&str, &str)]) -> Vec<&'static str> {
        config(settings)
            .problems
            .into_iter()
            .map(|problem| problem.setting)
            .collect()
    }

    const SINGLE: [(&str, &str); 4] = [
        ("ADTARGET_WEBSITE_ID", "atid_1"),
        ("ADTARGET_CHANNEL_ID", "ch_1"),
        ("TELEGRAM_INVITE", "https://t.me/+AbC"),
        ("SITE_ORIGIN", "https://origin.example.com/"),
    ];

    #[test]
    fn the_guides_settings_make_one_site() {
        let config = config(&SINGLE);
        assert_eq!(config.problems, []);
        assert_eq!(config.backend, Backend::Ledger);
        assert_eq!(config.front.unwrap().origin, "https://origin.example.com");
        let site = config.sites.first().unwrap();
        assert!(
            site.owns("origin.example.com")
                && site.owns("www.origin.example.com")
                && !site.owns("evilorigin.example.com")
        );
        assert_eq!(
            site.channel("telegram").unwrap().channel_id.as_deref(),
            Some("ch_1")
        );
    }

    #[test]
    fn a_list_goes_on_in_further_settings() {
        let site = |name: &str| {
            format!(
                r#"[ {{"websiteId":"{name}","channels":[{{"slug":"{name}","invite":"https://t.me/+AbC"}}]}} ]"#
            )
        };
        let [one, two, three] = ["one", "two", "three"].map(site);
        let config = config(&[("SITES", &one), ("SITES_2", &two), ("SITES_3", &three)]);
        assert_eq!(config.problems, []);
        let ids = config.sites.iter().map(|site| site.website_id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(
            problem_names(&[("SITES", &one), ("SITES_2", "{}")]),
            ["SITES"]
        );
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let with = |name, value| problem_names(&[SINGLE.as_slice(), &[(name, value)]].concat());
        assert_eq!(with("BACKEND", "other"), ["BACKEND"]);
        for wrong in ["/a/b", "/", "/c", "hooks", "/ops/", "/api"] {
            assert_eq!(with("PREFIX", wrong), ["PREFIX"], "{wrong}");
        }
        assert_eq!(with("EDGE_CAPTURE", "maybe"), ["EDGE_CAPTURE"]);
        assert_eq!(with("OBJECT_LOCATION", "Europe"), ["OBJECT_LOCATION"]);
        assert_eq!(with("OBJECT_LOCATION", "weur"), [""; 0]);
        assert_eq!(
            with("SITE_DOMAINS", "https://example.com"),
            ["SITE_DOMAINS"]
        );
        assert_eq!(with("SITES", "[{}]"), ["SITES"]);
        for (name, field, wrong, numbers) in [
            ("INVITE_POOL_SIZE", "poolSize", 0, (50, 72)),
            ("INVITE_POOL_SIZE", "poolSize", 1_001, (1_000, 72)),
            ("INVITE_LINK_HOURS", "linkHours", 0, (50, 72)),
            ("INVITE_LINK_HOURS", "linkHours", 8_761, (50, 8_760)),
        ] {
            let simple = wrong.to_string();
            assert_eq!(
                problem_names(&[SINGLE.as_slice(), &[(name, simple.as_str())]].concat()),
                [name],
                "{wrong}"
            );
            let site = format!(
                r#"[{{"websiteId":"a","channels":[{{"slug":"b","invite":"https://t.me/+AbC","{field}":{wrong}}}]}}]"#
            );
            let config = config(&[("SITES", &site)]);
            let problem = config.problems.first().unwrap();
            assert_eq!(problem.setting, name);
            assert!(
                problem.message.starts_with("b: expected 1 to "),
                "{problem:?}"
            );
            let channel = config.site("a").unwrap().channel("b").unwrap();
            assert_eq!((channel.pool_size, channel.link_hours), numbers);
        }
        assert_eq!(with("CHANNEL_EVENT", "Join"), ["CHANNEL_EVENT"]);
        assert_eq!(with("CHANNEL_VALUE", "5"), ["CHANNEL_EVENT"]);
        assert_eq!(with("CHANNEL_COUNTRY", "Germany"), ["CHANNEL_COUNTRY"]);
        assert_eq!(with("CHANNEL_COUNTRY", "de"), [""; 0]);
        for wrong in [".example.com", "example.com/", "example..com"] {
            assert_eq!(with("COOKIE_DOMAIN", wrong), ["COOKIE_DOMAIN"], "{wrong}");
        }
        // Where only the origin's host is known, the pages are on the edge's, and that can be any.
        let elsewhere = [SINGLE.as_slice(), &[("COOKIE_DOMAIN", "other.test")]].concat();
        assert_eq!(problem_names(&elsewhere), [""; 0]);
        let named = [elsewhere.as_slice(), &[("SITE_DOMAINS", "example.com")]].concat();
        assert_eq!(problem_names(&named), ["COOKIE_DOMAIN"]);
        assert_eq!(with("COOKIE_DOMAIN", "example.com"), [""; 0]);
        assert_eq!(with("COOKIE_DOMAIN", "lp.origin.example.com"), [""; 0]);
        for wrong in [".example.com", "example.com.", "example.com:8443"] {
            assert_eq!(with("SITE_DOMAINS", wrong), ["SITE_DOMAINS"], "{wrong}");
        }
        for wrong in [
            "gc",
            "gc=",
            "gc=msclkid",
            "gclid=gclid",
            "g c=gclid",
            "=gclid",
        ] {
            let named = with("CLICK_ID_PARAMETERS", wrong);
            assert_eq!(named, ["CLICK_ID_PARAMETERS"], "{wrong}");
        }
        assert_eq!(
            with("CLICK_ID_PARAMETERS", "gc=gclid, tt = ttclid"),
            [""; 0]
        );
        assert_eq!(with("SITES", "[]"), ["SITES"]);
        let told = config(&[("SITES", "{}")]).problems;
        assert!(
            told.iter()
                .any(|each| each.message.starts_with("not the documented JSON"))
        );
        assert_eq!(
            with("CHANNEL_LINKS", "@shop, our channel"),
            ["CHANNEL_LINKS"]
        );
        assert_eq!(
            problem_names(&[
                ("ADTARGET_WEBSITE_ID", "x"),
                ("TELEGRAM_INVITE", "https://evil.com/x")
            ]),
            ["TELEGRAM_INVITE", "TELEGRAM_INVITE"]
        );
        assert_eq!(problem_names(&[]), ["ADTARGET_WEBSITE_ID"]);
        for timeout in ["0", "20001"] {
            let adtarget = [
                SINGLE.as_slice(),
                &[
                    ("BACKEND", "adtarget"),
                    ("ADTARGET_TIMEOUT_MS", timeout),
                    ("ADTARGET_BASE_URL", "adtarget.io"),
                ],
            ]
            .concat();
            assert_eq!(
                problem_names(&adtarget),
                ["ADTARGET_TIMEOUT_MS", "ADTARGET_BASE_URL"]
            );
        }
    }

    #[test]
    fn what_is_written_wrong_in_sites_takes_nothing_else_with_it() {
        let sites = r#"[{"websiteId":"a","channels":[{"slug":"x"},{"slug":"y","mode":"personel"},{"slug":"z"}]},
            {"websiteId":"b","channel":[]},{"websiteId":"c"},{"websiteId":"d","channels":{}}]"#;
        let config = config(&[("SITES", sites)]);
        let told = |site: &Site| {
            let slugs: Vec<_> = site.channels.iter().map(|each| each.slug.clone()).collect();
            (site.website_id.clone(), slugs.concat())
        };
        let told: Vec<_> = config.sites.iter().map(told).collect();
        let expected = [("a", "xz"), ("c", "")];
        assert_eq!(
            told,
            expected.map(|(id, slugs)| (id.to_owned(), slugs.to_owned()))
        );
        let wrong = |start: &str| {
            config
                .problems
                .iter()
                .any(|problem| problem.message.starts_with(start))
        };
        assert!(
            wrong("[0].channels[1] not the documented JSON: unknown variant `personel`"),
            "{:?}",
            config.problems
        );
        assert!(
            wrong("[1] not the documented JSON: unknown field `channel`")
                && wrong("[3] not the documented JSON: invalid type")
        );
    }

    #[test]
    fn a_page_is_of_the_site_whose_domain_is_closest() {
        let main = r#"{"websiteId":"atid_main","domains":["example.com"],"channels":[]}"#;
        let landing = r#"{"websiteId":"atid_lp","domains":["lp.example.com"],"channels":[]}"#;
        for [first, second] in [[main, landing], [landing, main]] {
            let config = config(&[("SITES", &format!("[{first},{second}]"))]);
            let on = |host| config.site_on(host).map(|site| &*site.website_id);
            assert_eq!(on("www.example.com"), Some("atid_main"));
            assert_eq!(on("lp.example.com"), Some("atid_lp"));
            assert_eq!(on("a.lp.example.com"), Some("atid_lp"));
            assert_eq!(on("example.org"), None);
        }
        let twice = format!("[{main},{}]", main.replace("main", "other"));
        let first = config(&[("SITES", &twice)]);
        assert_eq!(
            first.site_on("example.com").unwrap().website_id,
            "atid_main"
        );
    }

    #[test]
    fn a_page_on_another_of_the_domains_counts_by_its_own() {
        let domains = [
            ("SITE_DOMAINS", "brand.com,brand.co.uk"),
            ("COOKIE_DOMAIN", "brand.com"),
        ];
        let config = config(&[SINGLE.as_slice(), &domains].concat());
        let site = config.sites.first().unwrap();
        for (host, domain) in [
            ("www.brand.com", "brand.com"),
            ("www.brand.co.uk", "brand.co.uk"),
            ("edge.workers.dev", "edge.workers.dev"),
        ] {
            assert_eq!(site.registrable_domain(host), domain);
        }
    }

    #[test]
    fn a_domain_with_a_dot_before_it_is_still_that_domain() {
        let dotted = [
            ("SITE_DOMAINS", ".shop.test"),
            ("COOKIE_DOMAIN", ".shop.test"),
        ];
        let config = config(&[SINGLE.as_slice(), &dotted].concat());
        let site = config.sites.first().unwrap();
        assert!(site.owns("shop.test") && site.owns("www.shop.test") && !site.owns("ashop.test"));
        assert_eq!(site.cookie_domain_at("www.shop.test"), Some("shop.test"));
    }

    #[test]
    fn the_edges_own_paths_are_no_prefix() {
        for wrong in OWN_SEGMENTS {
            assert_eq!(config(&[("PREFIX", wrong)]).prefix, "/e", "{wrong}");
        }
        assert_eq!(config(&[("PREFIX", "cc/")]).prefix, "/cc");
    }

    #[test]
    fn sites_and_their_channels_have_names_of_their_own() {
        let site = |id: &str, slugs: [&str; 2]| {
            let channels =
                slugs.map(|slug| format!(r#"{{"slug":"{slug}","invite":"https://t.me/+A"}}"#));
            format!(
                r#"{{"websiteId":"{id}","channels":[{}]}}"#,
                channels.join(",")
            )
        };
        let problems = |sites: [String; 2]| {
            let problems = config(&[("SITES", &format!("[{}]", sites.join(",")))]).problems;
            problems
                .into_iter()
                .map(|each| each.message)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            problems([site("a", ["x", "y"]), site("b", ["x", "y"])]),
            [""; 0]
        );
        assert_eq!(
            problems([site("a", ["x", "x"]), site("a", ["x", "y"])]),
            [
                "a: slug: expected one of its own, two channels are called x",
                "websiteId: expected one of its own, two sites are called a",
            ]
        );
    }

    #[test]
    fn links_of_their_own_need_a_bot_and_the_same_terms() {
        let problems = |sites: &str, bot: bool| {
            let bot = match bot {
                true => r#"[{"username":"gate_bot","token":"1:a","webhookSecret":"s"}]"#,
                false => "[]",
            };
            problem_names(&[("SITES", sites), ("TELEGRAM_BOTS", bot)])
        };
        let channel = |slug: &str, more: &str| {
            format!(r#"{{"slug":"{slug}","invite":"https://t.me/+A","telegramId":-1001,{more}}}"#)
        };
        let site = |channels: &[String]| {
            format!(
                r#"[{{"websiteId":"a","channels":[{}]}}]"#,
                channels.join(",")
            )
        };
        let personal = channel("a", r#""mode":"personal""#);
        assert_eq!(
            problems(&site(std::slice::from_ref(&personal)), false),
            ["TELEGRAM_BOT_TOKEN"]
        );
        let same = [personal.clone(), channel("b", r#""mode":"personal""#)];
        assert!(problems(&site(&same), true).is_empty());
        let shared = [personal.clone(), channel("b", r#""mode":"shared""#)];
        assert!(problems(&site(&shared), true).is_empty());
        let other = [personal, channel("b", r#""mode":"personal","linkHours":1"#)];
        assert_eq!(problems(&site(&other), true), ["SITES"]);
    }

    #[test]
    fn adstat_and_access_are_whole_or_not_there() {
        let with =
            |more: &[(&'static str, &'static str)]| config(&[SINGLE.as_slice(), more].concat());
        let plain = with(&[]);
        assert!(plain.adstat.is_none() && plain.access == AccessPolicy::Off);
        let whole = with(&[
            ("ADSTAT_USERNAME", "u"),
            ("ADSTAT_PASSWORD", "p-secret"),
            ("ADSTAT_API_BASE_URL", "https://api.test/"),
        ]);
        assert_eq!(whole.problems, []);
        let adstat = whole.adstat.unwrap();
        assert_eq!(
            (adstat.base.as_str(), adstat.api_base.as_str()),
            ("https://client.adstat.pro", "https://api.test")
        );
        assert!(!format!("{adstat:?}").contains("p-secret"));
        for (settings, problem) in [
            (vec![("ADSTAT_USERNAME", "u")], "ADSTAT_PASSWORD"),
            (vec![("ADSTAT_PASSWORD", "p")], "ADSTAT_USERNAME"),
            (
                vec![("ADSTAT_BASE_URL", "client.adstat.pro/api")],
                "ADSTAT_BASE_URL",
            ),
            (vec![("ACCESS_AUD", "a")], "ACCESS_TEAM_DOMAIN"),
            (vec![("ACCESS_TEAM_DOMAIN", "team.test")], "ACCESS_AUD"),
            (
                vec![("ACCESS_TEAM_DOMAIN", "team.test/x"), ("ACCESS_AUD", "a")],
                "ACCESS_TEAM_DOMAIN",
            ),
        ] {
            let config = with(&settings);
            let named: Vec<_> = config
                .problems
                .iter()
                .map(|problem| problem.setting)
                .collect();
            assert_eq!(named, [problem]);
            assert!(config.adstat.is_none());
            assert_eq!(
                config.access == AccessPolicy::Off,
                !problem.starts_with("ACCESS")
            );
        }
        for team in ["team.test", "https://team.test", "https://team.test/"] {
            let access = with(&[("ACCESS_TEAM_DOMAIN", team), ("ACCESS_AUD", "a")]).access;
            let expected = Access {
                team: "https://team.test".to_owned(),
                audience: "a".to_owned(),
            };
            assert_eq!(access, AccessPolicy::Required(expected));
        }
    }

    #[test]
    fn several_sites_by_json() {
        let sites = r#"[{"websiteId":"a","domains":["a.example"],"channels":[{"slug":"x","invite":"https://t.me/+A"},{"slug":"y","invite":"https://t.me/+B","links":["https://t.me/yNews","@yClub"]}]},{"websiteId":"b","domains":["b.example"]}]"#;
        let config = config(&[("SITES", sites), ("BACKEND", "adtarget")]);
        assert_eq!(config.problems, []);
        assert_eq!(
            config.site_of_host("www.b.example").unwrap().website_id,
            "b"
        );
        let site = config.site("a").unwrap();
        let slug = |link| {
            site.channel_of_link(&TelegramLink::parse(link).unwrap())
                .unwrap()
                .slug
                .clone()
        };
        assert_eq!(slug("https://t.me/YCLUB"), "y");
        assert_eq!(slug("https://t.me/ynews/12"), "y");
        assert_eq!(slug("https://t.me/+B"), "y");
        assert_eq!(
            slug("https://t.me/+b"),
            "x",
            "an unknown link means the default channel"
        );
    }
}
