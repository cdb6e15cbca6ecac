//! Settings, read once an instance from the platform's variables and secrets.
//!
//! Names are those of AdTarget's guide where it has one, so that its users move over by copying them. A wrong setting
//! never stops the worker: it is named in the log and in `/healthz`, and its default stands in.

use attribution::telegram::TelegramLink;
use attribution::url::{self, is_within};
use serde::{Deserialize, Serialize};

use crate::ids::ClickId;

/// Everything the worker is told.
#[derive(Debug)]
pub struct Config {
    /// Who keeps visits and hands out invites (`BACKEND`).
    pub backend: Backend,
    /// The neutral path that stands beside `/backend/track` (`PREFIX`), such as `/e`.
    pub prefix: String,
    /// The sites served, never empty when the settings are right; the first is the one of the worker's own pages.
    pub sites: Vec<Site>,
    /// The landing page behind the worker (`SITE_ORIGIN`).
    pub front: Option<Front>,
    /// Whether a browser's Global Privacy Control stops capture at the edge (`RESPECT_GPC`).
    pub respect_gpc: bool,
    /// Whether a rate-limiting binding is there.
    pub limits_calls: bool,
    /// Whether `ADTARGET_API_KEY` is set; its value is read only where a keyed call is made.
    pub has_api_key: bool,
    /// What is wrong with the settings.
    pub problems: Vec<Problem>,
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

/// A landing page's site.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Site {
    /// Its public id, as the tracker's tag and AdTarget name it.
    pub website_id: String,
    /// The domains its pages are on; a subdomain of one counts.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The registrable domain its cookies are set on; none: the host alone.
    #[serde(default)]
    pub cookie_domain: Option<String>,
    /// Its Telegram channels; the first is the default.
    #[serde(default)]
    pub channels: Vec<Channel>,
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
    /// Names under which pages link to it: a username or `+hash`.
    #[serde(default)]
    pub links: Vec<String>,
}

/// A channel's own invite: a Telegram link, or a link to a bot that is told the click by `?start={clickId}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    link: TelegramLink,
    tells_click: bool,
}

/// A setting that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its name.
    pub setting: &'static str,
    /// What it should be.
    pub message: String,
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

    /// The name in the link: a username or `+hash`.
    pub fn name(&self) -> Option<&str> {
        self.link.name()
    }
}

impl<'de> Deserialize<'de> for Invite {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Site {
    /// Whether a page on `host` is the site's.
    pub fn owns(&self, host: &str) -> bool {
        self.domains.iter().any(|domain| is_within(host, domain))
    }

    /// The registrable domain of the site's pages: what Meta's cookies count their index by.
    pub fn registrable_domain<'a>(&'a self, host: &'a str) -> &'a str {
        self.cookie_domain
            .as_deref()
            .or_else(|| {
                self.domains
                    .iter()
                    .find(|domain| is_within(host, domain))
                    .map(String::as_str)
            })
            .unwrap_or(host)
    }

    /// The domain to set cookies on for a page on `host`: only one that a browser takes from there.
    pub fn cookie_domain_at(&self, host: &str) -> Option<&str> {
        self.cookie_domain
            .as_deref()
            .filter(|domain| is_within(host, domain))
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
        let named = link
            .name()
            .and_then(|name| self.channels.iter().find(|channel| channel.is_called(name)));
        named.or_else(|| self.channels.first())
    }
}

impl Channel {
    /// Whether links on pages call the channel `name`. Usernames know no case, hashes of invites do.
    fn is_called(&self, name: &str) -> bool {
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

/// Reads variables and secrets, and collects what is wrong with them.
struct Settings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Settings<'_> {
    /// A setting that is set and not blank.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
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
        let parts = url::split(&text).filter(|parts| {
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
        let mut domains = self.list("SITE_DOMAINS");
        if domains.is_empty() {
            domains.extend(
                front
                    .and_then(|front| url::split(&front.origin))
                    .map(|parts| parts.host.to_owned()),
            );
        }
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
        Some(Site {
            website_id,
            domains,
            cookie_domain: self.text("COOKIE_DOMAIN"),
            channels: vec![Channel {
                slug,
                channel_id,
                invite,
                links: self.list("CHANNEL_LINKS"),
            }],
        })
    }

    fn sites(&mut self, front: Option<&Front>) -> Vec<Site> {
        let Some(json) = self.text("SITES") else {
            return self.single_site(front).into_iter().collect();
        };
        match serde_json::from_str::<Vec<Site>>(&json) {
            Ok(sites) => sites,
            Err(why) => {
                self.wrong("SITES", format!("not the documented JSON: {why}"));
                Vec::new()
            }
        }
    }

    fn check_sites(&mut self, sites: &[Site]) {
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let is_domain = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        };
        for site in sites {
            for domain in site.domains.iter().filter(|domain| !is_domain(domain)) {
                self.wrong(
                    "SITE_DOMAINS",
                    format!(
                        "{domain}: expected a host such as example.com, no scheme, port or path"
                    ),
                );
            }
            if let Some(domain) = site
                .cookie_domain
                .as_deref()
                .filter(|domain| !is_domain(domain))
            {
                self.wrong(
                    "COOKIE_DOMAIN",
                    format!("{domain}: expected a host such as example.com, no leading dot"),
                );
            }
            for channel in &site.channels {
                if !is_word(&channel.slug) {
                    self.wrong(
                        "CHANNEL_SLUG",
                        format!("{}: expected letters, digits, - and _", channel.slug),
                    );
                }
            }
        }
    }
}

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
        settings.check_sites(&sites);
        Self {
            backend: settings.backend(&sites),
            prefix: settings.prefix(),
            front,
            respect_gpc: settings.switch("RESPECT_GPC", false),
            limits_calls,
            has_api_key: settings.text("ADTARGET_API_KEY").is_some(),
            sites,
            problems: settings.problems,
        }
    }

    /// The site of that public id.
    pub fn site(&self, website_id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.website_id == website_id)
    }

    /// The site whose pages are on `host`, else the first.
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        self.sites
            .iter()
            .find(|site| site.owns(host))
            .or_else(|| self.sites.first())
    }
}

impl Settings<'_> {
    fn backend(&mut self, sites: &[Site]) -> Backend {
        match self.text("BACKEND").as_deref() {
            None | Some("ledger") => {
                for site in sites {
                    if site.channels.iter().all(|channel| channel.invite.is_none()) {
                        self.wrong(
                            "TELEGRAM_INVITE",
                            format!(
                                "not set for {}: its clicks find no channel",
                                site.website_id
                            ),
                        );
                    }
                }
                return Backend::Ledger;
            }
            Some("adtarget") => {}
            Some(_) => {
                self.wrong("BACKEND", "expected ledger or adtarget");
                return Backend::Ledger;
            }
        }
        let timeout_ms = match self.text("ADTARGET_TIMEOUT_MS").map(|text| text.parse()) {
            None => 1_500,
            Some(Ok(ms @ 100..=30_000)) => ms,
            Some(_) => {
                self.wrong("ADTARGET_TIMEOUT_MS", "expected 100 to 30000");
                1_500
            }
        };
        Backend::AdTarget(AdTarget {
            base: self
                .origin("ADTARGET_BASE_URL")
                .unwrap_or_else(|| "https://adtarget.io".to_owned()),
            timeout_ms,
            defer_visits: self.switch("DEFER_VISITS", false),
        })
    }

    fn prefix(&mut self) -> String {
        const DEFAULT: &str = "/e";
        let text = self.text("PREFIX").unwrap_or_else(|| DEFAULT.to_owned());
        let name = text.trim_matches('/');
        if name.is_empty()
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            self.wrong("PREFIX", "expected one path segment such as /e");
            return DEFAULT.to_owned();
        }
        format!("/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        let value = |name: &str| {
            settings
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::read(&value, false)
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
    fn a_wrong_setting_is_named() {
        let with = |name, value| problem_names(&[SINGLE.as_slice(), &[(name, value)]].concat());
        assert_eq!(with("BACKEND", "other"), ["BACKEND"]);
        assert_eq!(with("PREFIX", "/a/b"), ["PREFIX"]);
        assert_eq!(with("EDGE_CAPTURE", "maybe"), ["EDGE_CAPTURE"]);
        assert_eq!(
            with("SITE_DOMAINS", "https://example.com"),
            ["SITE_DOMAINS"]
        );
        assert_eq!(with("SITES", "[{}]"), ["SITES"]);
        assert_eq!(with("COOKIE_DOMAIN", ".example.com/"), ["COOKIE_DOMAIN"]);
        assert_eq!(
            problem_names(&[
                ("ADTARGET_WEBSITE_ID", "x"),
                ("TELEGRAM_INVITE", "https://evil.com/x")
            ]),
            ["TELEGRAM_INVITE", "TELEGRAM_INVITE"]
        );
        assert_eq!(problem_names(&[]), ["ADTARGET_WEBSITE_ID"]);
        let adtarget = [
            SINGLE.as_slice(),
            &[
                ("BACKEND", "adtarget"),
                ("ADTARGET_TIMEOUT_MS", "0"),
                ("ADTARGET_BASE_URL", "adtarget.io"),
            ],
        ]
        .concat();
        assert_eq!(
            problem_names(&adtarget),
            ["ADTARGET_TIMEOUT_MS", "ADTARGET_BASE_URL"]
        );
    }

    #[test]
    fn several_sites_by_json() {
        let sites = r#"[{"websiteId":"a","domains":["a.example"],"channels":[{"slug":"x","invite":"https://t.me/+A"},{"slug":"y","invite":"https://t.me/+B","links":["yClub"]}]},{"websiteId":"b","domains":["b.example"]}]"#;
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
        assert_eq!(slug("https://t.me/+B"), "y");
        assert_eq!(
            slug("https://t.me/+b"),
            "x",
            "an unknown link means the default channel"
        );
    }

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
    fn cookies_go_only_where_a_browser_takes_them() {
        let site = Site {
            website_id: String::new(),
            domains: vec!["example.co.uk".into()],
            cookie_domain: Some("example.co.uk".into()),
            channels: vec![],
        };
        assert_eq!(
            site.cookie_domain_at("lp.example.co.uk"),
            Some("example.co.uk")
        );
        assert_eq!(site.cookie_domain_at("edge.workers.dev"), None);
        assert_eq!(site.registrable_domain("lp.example.co.uk"), "example.co.uk");
    }
}
