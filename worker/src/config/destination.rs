//! Where a site's conversions go: its accounts at ad platforms.

use std::collections::BTreeMap;

use conversions::Secret;
use conversions::platform::google::Credentials;
use conversions::platform::{
    Destination as Account, Platform, SettingError, ga4, google, meta, snapchat, telegram_ads,
    tiktok,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Backend, Config, Problem, Settings, is_word};

/// An account at an ad platform, under the name that the delivery log calls it by.
#[derive(Debug)]
pub struct Destination {
    /// Unique within its site.
    pub name: String,
    /// The account.
    pub account: Account,
    /// What its access tokens are fetched with, where it needs any.
    pub credentials: Option<Credentials>,
}

/// The settings of one platform.
struct Names {
    platform: Platform,
    /// Those of the only site, each with the field it is; the first says whether there is an account.
    simple: &'static [(&'static str, &'static str)],
    /// Those of every account at that platform.
    common: &'static [(&'static str, &'static str)],
    /// The secret it is called with, unless an account names another.
    token: Option<&'static str>,
}

static NAMES: [Names; 6] = [
    Names {
        platform: Platform::Meta,
        simple: &[
            ("META_PIXEL_ID", "pixelId"),
            ("META_TEST_EVENT_CODE", "testEventCode"),
        ],
        common: &[
            ("META_API_VERSION", "version"),
            ("META_BASE_URL", "baseUrl"),
        ],
        token: Some("META_ACCESS_TOKEN"),
    },
    Names {
        platform: Platform::TikTok,
        simple: &[
            ("TIKTOK_PIXEL_ID", "pixelId"),
            ("TIKTOK_TEST_EVENT_CODE", "testEventCode"),
        ],
        common: &[
            ("TIKTOK_API_VERSION", "version"),
            ("TIKTOK_BASE_URL", "baseUrl"),
        ],
        token: Some("TIKTOK_ACCESS_TOKEN"),
    },
    Names {
        platform: Platform::Snapchat,
        simple: &[("SNAPCHAT_PIXEL_ID", "pixelId")],
        common: &[
            ("SNAPCHAT_API_VERSION", "version"),
            ("SNAPCHAT_BASE_URL", "baseUrl"),
        ],
        token: Some("SNAPCHAT_ACCESS_TOKEN"),
    },
    Names {
        platform: Platform::Google,
        simple: &[
            ("GOOGLE_ADS_ACCOUNT_ID", "accountId"),
            ("GOOGLE_ADS_LOGIN_ACCOUNT_ID", "loginAccountId"),
            ("GOOGLE_ADS_CONVERSION_ACTIONS", "conversionActions"),
        ],
        common: &[
            ("GOOGLE_API_VERSION", "version"),
            ("GOOGLE_BASE_URL", "baseUrl"),
        ],
        token: Some("GOOGLE_CREDENTIALS"),
    },
    Names {
        platform: Platform::Ga4,
        simple: &[("GA4_MEASUREMENT_ID", "measurementId")],
        common: &[("GA4_BASE_URL", "baseUrl")],
        token: Some("GA4_API_SECRET"),
    },
    Names {
        platform: Platform::TelegramAds,
        simple: &[
            ("TELEGRAM_ADS_PIXEL_ID", "pixelId"),
            ("TELEGRAM_ADS_EVENTS", "events"),
        ],
        common: &[("TELEGRAM_ADS_BASE_URL", "baseUrl")],
        token: None,
    },
];

impl Names {
    /// The setting that a field of the only site is written in.
    fn setting(&self, field: &str) -> &'static str {
        let mut all = self.simple.iter().chain(self.common);
        let named = all.find(|(_, name)| *name == field);
        named.map_or_else(|| self.token.unwrap_or("SITES"), |(setting, _)| setting)
    }
}

/// Why an account is left out.
enum Fault {
    /// Something in it is wrong, of that platform where it says which.
    Setting(Option<&'static Names>, SettingError),
    /// The secret of that name, which it is called with, is not set.
    NoSecret(&'static Names, String),
}

/// An account as it is written in `SITES`: its platform's own fields, and beside them `platform`, `name` (the platform's,
/// unless it says another) and `token`, the name of the secret it is called with.
pub(super) type Written = Map<String, Value>;

/// Where the conversions of each site go. Read apart from [`Config`], since no visitor waits for it.
#[derive(Debug, Default)]
pub struct Destinations {
    of_site: BTreeMap<String, Vec<Destination>>,
    /// What is wrong with the settings.
    pub problems: Vec<Problem>,
}

impl Destinations {
    /// Reads the accounts of each site through `variable` (the value of a name, if set). One that is wrong is left out and
    /// named; the others stand. With AdTarget behind the edge there are none: AdTarget dispatches every event, and what
    /// Edgeway sent too would count twice.
    pub fn read(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut settings = Settings {
            variable,
            problems: Vec::new(),
        };
        let is_single = settings.text("SITES").is_none();
        let mut of_site = BTreeMap::new();
        for site in &config.sites {
            let written = match is_single {
                true => settings.single_platforms(),
                false => site.platforms.clone(),
            };
            if !written.is_empty() && config.backend != Backend::Ledger {
                let id = &site.website_id;
                settings.wrong(
                    "BACKEND",
                    format!(
                        "{id}: AdTarget dispatches its events, so its platforms get none from here"
                    ),
                );
                continue;
            }
            let destinations = settings.destinations(&site.website_id, written, is_single);
            of_site.insert(site.website_id.clone(), destinations);
        }
        Self {
            of_site,
            problems: settings.problems,
        }
    }

    /// Those of a site, by its public id.
    pub fn of(&self, website_id: &str) -> &[Destination] {
        self.of_site.get(website_id).map_or(&[], Vec::as_slice)
    }

    /// A site's of that name.
    pub fn named(&self, website_id: &str, name: &str) -> Option<&Destination> {
        self.of(website_id).iter().find(|each| each.name == name)
    }

    /// Each of them, with its site's public id.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Destination)> {
        let sites = self.of_site.iter();
        sites.flat_map(|(id, destinations)| destinations.iter().map(move |to| (id.as_str(), to)))
    }
}

impl Settings<'_> {
    /// The accounts of the simple settings, as they would be written in `SITES`.
    fn single_platforms(&self) -> Vec<Written> {
        let mut written = Vec::new();
        for names in &NAMES {
            let [(first, _), ..] = names.simple else {
                continue;
            };
            if self.text(first).is_none() {
                continue;
            }
            let mut account = Map::new();
            account.insert("platform".to_owned(), names.platform.as_str().into());
            for (setting, field) in names.simple {
                let Some(text) = self.text(setting) else {
                    continue;
                };
                let value = match *field {
                    "events" | "conversionActions" => {
                        serde_json::from_str(&text).unwrap_or(Value::String(text))
                    }
                    _ => Value::String(text),
                };
                account.insert((*field).to_owned(), value);
            }
            written.push(account);
        }
        written
    }

    /// The accounts of one site.
    fn destinations(
        &mut self,
        website_id: &str,
        written: Vec<Written>,
        is_single: bool,
    ) -> Vec<Destination> {
        let mut destinations: Vec<Destination> = Vec::new();
        for written in written {
            let problem = match self.destination(written) {
                Ok(destination) => {
                    let name = &destination.name;
                    if destinations.iter().all(|other| other.name != *name) {
                        destinations.push(destination);
                        continue;
                    }
                    (
                        "SITES",
                        format!("name: expected one of its own, two platforms are called {name}"),
                    )
                }
                Err(Fault::Setting(Some(names), why)) if is_single => {
                    (names.setting(why.field), why.to_string())
                }
                Err(Fault::Setting(_, why)) => ("SITES", why.to_string()),
                Err(Fault::NoSecret(names, _)) if is_single => {
                    let switch = names.simple.first().map_or("", |(setting, _)| setting);
                    (
                        names.setting("token"),
                        format!("not set, and {switch} is: this secret goes with it"),
                    )
                }
                Err(Fault::NoSecret(names, secret)) => (
                    "SITES",
                    format!(
                        "token: the secret {secret}, which {} is called with, is not set",
                        names.platform.as_str()
                    ),
                ),
            };
            let (setting, why) = problem;
            self.wrong(setting, format!("{website_id}: {why}"));
        }
        destinations
    }

    fn destination(&self, mut written: Written) -> Result<Destination, Fault> {
        let mut text = |field: &'static str| match written.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(SettingError {
                field,
                expected: "a text".into(),
            }),
        };
        let (platform, name, token) = (text("platform"), text("name"), text("token"));
        let platform = platform.ok().flatten();
        let named = platform.as_deref().and_then(Platform::parse);
        let names = NAMES.iter().find(|names| Some(names.platform) == named);
        let wrong = |field, expected: &'static str| {
            let expected = expected.into();
            Fault::Setting(names, SettingError { field, expected })
        };
        let Some(names) = names else {
            return Err(wrong(
                "platform",
                "meta, tiktok, snapchat, google, ga4 or telegram",
            ));
        };
        let wrong_text = |why| Fault::Setting(Some(names), why);
        let (name, token) = (name.map_err(wrong_text)?, token.map_err(wrong_text)?);
        let name = name.unwrap_or_else(|| names.platform.as_str().to_owned());
        if !is_word(&name) {
            return Err(wrong("name", "letters, digits, - and _"));
        }
        for (setting, field) in names.common {
            if let (false, Some(text)) = (written.contains_key(*field), self.text(setting)) {
                written.insert((*field).to_owned(), Value::String(text));
            }
        }
        let secret = match (token.as_deref()).or(names.token) {
            Some(name) => match self.text(name) {
                Some(secret) => secret,
                None => return Err(Fault::NoSecret(names, name.to_owned())),
            },
            None => String::new(),
        };
        let mut credentials = None;
        let account = match names.platform {
            Platform::Meta => read(written)
                .and_then(|settings| meta::Pixel::new(settings, Secret::new(secret)))
                .map(Account::Meta),
            Platform::TikTok => read(written)
                .and_then(|settings| tiktok::Pixel::new(settings, Secret::new(secret)))
                .map(Account::TikTok),
            Platform::Snapchat => read(written)
                .and_then(|settings| snapchat::Pixel::new(settings, Secret::new(secret)))
                .map(Account::Snapchat),
            Platform::Google => {
                let parsed = Credentials::parse(&secret).map_err(|why| SettingError {
                    field: why.field,
                    expected: why.expected.into(),
                });
                credentials = Some(parsed.map_err(|why| Fault::Setting(Some(names), why))?);
                read(written)
                    .and_then(google::Account::new)
                    .map(Account::Google)
            }
            Platform::Ga4 => read(written)
                .and_then(|settings| ga4::Stream::new(settings, Secret::new(secret)))
                .map(Account::Ga4),
            Platform::TelegramAds => read(written)
                .and_then(telegram_ads::Pixel::new)
                .map(Account::TelegramAds),
        };
        Ok(Destination {
            name,
            account: account.map_err(|why| Fault::Setting(Some(names), why))?,
            credentials,
        })
    }
}

/// The fields of a platform's account.
fn read<T: DeserializeOwned>(written: Written) -> Result<T, SettingError> {
    serde_json::from_value(written.into()).map_err(|why| SettingError {
        field: "platforms",
        expected: format!("the documented fields: {why}").into(),
    })
}
