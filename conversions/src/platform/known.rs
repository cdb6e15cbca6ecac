//! What is known of a conversion that a platform can recognise someone by, each value in the platform's form.

use std::net::IpAddr;

use attribution::{Fbc, Fbp, META_COOKIE_MAX_AGE_S};

use super::Platform;
use crate::{Conversion, Hash, MatchKey, MatchKeys};

/// What is known of a conversion, as one platform takes it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    conversion: &'a Conversion,
    platform: Platform,
    now_ms: u64,
}

impl<'a> Known<'a> {
    pub(super) fn of(conversion: &'a Conversion, platform: Platform, now_ms: u64) -> Self {
        Self {
            conversion,
            platform,
            now_ms,
        }
    }

    /// All that will be sent.
    pub(super) fn keys(self) -> MatchKeys {
        self.platform
            .takes()
            .iter()
            .filter(|key| *key == MatchKey::ExternalId || self.get(*key).is_some())
            .collect()
    }

    /// The value of `key`, if it is known, of the platform's form and taken there. External ids are several:
    /// [`Self::external_ids`].
    pub(super) fn get(self, key: MatchKey) -> Option<&'a str> {
        if !self.platform.takes().contains(key) {
            return None;
        }
        let person = &self.conversion.person;
        let click = &self.conversion.click;
        let is_google = matches!(self.platform, Platform::Google | Platform::Ga4);
        match key {
            MatchKey::Email if is_google => self.hash(&person.email_google),
            MatchKey::Email => self.hash(&person.email),
            MatchKey::Phone if is_google || self.platform == Platform::TikTok => {
                self.hash(&person.phone_e164)
            }
            MatchKey::Phone => self.hash(&person.phone),
            MatchKey::FirstName => self.hash(&person.first_name),
            MatchKey::LastName => self.hash(&person.last_name),
            MatchKey::City => self.hash(&person.city),
            MatchKey::State => self.hash(&person.state),
            MatchKey::Zip => self.hash(&person.zip),
            MatchKey::Country => self.hash(&person.country),
            MatchKey::BirthDate => self.hash(&person.birth_date),
            MatchKey::Gender => self.hash(&person.gender),
            MatchKey::ExternalId => None,
            MatchKey::Ip => self.ip(),
            MatchKey::UserAgent => text(&click.user_agent),
            MatchKey::Fbc => text(&click.fbc).filter(|fbc| is_fresh(fbc, self.now_ms)),
            MatchKey::Fbp => text(&click.fbp).filter(|fbp| Fbp::parse(fbp).is_some()),
            MatchKey::Ttclid => text(&click.ttclid),
            MatchKey::Ttp => text(&click.ttp),
            MatchKey::ScClickId => text(&click.sccid),
            MatchKey::ScCookie => text(&click.scid),
            MatchKey::Gclid => text(&click.gclid),
            // A click has one of the three; more of them are of several clicks, of which Google takes one.
            MatchKey::Gbraid => text(&click.gbraid).filter(|_| self.get(MatchKey::Gclid).is_none()),
            MatchKey::Wbraid => text(&click.wbraid).filter(|_| {
                self.get(MatchKey::Gclid).is_none() && self.get(MatchKey::Gbraid).is_none()
            }),
            MatchKey::GaClientId => text(&click.ga_client_id),
            MatchKey::Tgclid => text(&click.tgclid),
        }
    }

    /// The value of `key` as the only one of a list.
    pub(super) fn list(self, key: MatchKey) -> Option<[&'a str; 1]> {
        self.get(key).map(|value| [value])
    }

    /// The SHA-256 of the Telegram user's id, then the site's own id of the person, if it is known.
    pub(super) fn external_ids(self) -> Vec<String> {
        let telegram = self.conversion.lead.external_id();
        let own = self.hash(&self.conversion.person.external_id);
        let own = own.filter(|own| *own != telegram.as_str());
        [telegram.as_str()]
            .into_iter()
            .chain(own)
            .map(str::to_owned)
            .collect()
    }

    /// The address of the page.
    pub(super) fn page_url(self) -> Option<&'a str> {
        text(&self.conversion.page.url).filter(|url| is_web_address(url))
    }

    /// Where the page's visitor came from.
    pub(super) fn referrer(self) -> Option<&'a str> {
        text(&self.conversion.page.referrer).filter(|url| is_web_address(url))
    }

    /// When it happened, no later than now, Unix time in ms.
    pub(super) fn at_ms(self) -> u64 {
        self.conversion.at_ms.min(self.now_ms)
    }

    /// Only Meta's own rule lets another hash than SHA-256 through.
    fn hash(self, hash: &'a Option<Hash>) -> Option<&'a str> {
        let hash = hash.as_ref()?;
        (hash.is_sha256() || self.platform == Platform::Meta).then(|| hash.as_str())
    }

    fn ip(self) -> Option<&'a str> {
        let click = &self.conversion.click;
        let is_barred = self.platform == Platform::Google
            && !text(&click.country).is_some_and(super::google::region::takes_ips_of);
        text(&click.ip).filter(|ip| !is_barred && ip.parse::<IpAddr>().is_ok())
    }
}

fn text(value: &Option<String>) -> Option<&str> {
    value
        .as_deref()
        .filter(|text| !text.bytes().all(|byte| byte.is_ascii_whitespace()))
}

fn is_web_address(url: &str) -> bool {
    let parts = attribution::url::split(url);
    parts.is_some_and(|parts| {
        ["http", "https"]
            .iter()
            .any(|scheme| parts.scheme.eq_ignore_ascii_case(scheme))
    })
}

/// Meta refuses a click that is over 90 days old.
fn is_fresh(fbc: &str, now_ms: u64) -> bool {
    Fbc::parse(fbc).is_some_and(|fbc| {
        now_ms.saturating_sub(fbc.created_ms()) <= u64::from(META_COOKIE_MAX_AGE_S) * 1000
    })
}
