//! What the operator's surface needs: Cloudflare Access, and AdStat's account.

use std::fmt;

use super::{Secret, Settings};

/// How AdStat is called.
pub struct AdStat {
    /// Where logins, cabinets, campaigns, ads and statistics are: scheme and host, no slash at the end (`ADSTAT_BASE_URL`).
    pub base: String,
    /// Where media, KKTU, pixel events and audiences are (`ADSTAT_API_BASE_URL`).
    pub api_base: String,
    /// Who logs in (`ADSTAT_USERNAME`, secret).
    pub username: Secret,
    /// With what (`ADSTAT_PASSWORD`, secret).
    pub password: Secret,
}

/// An application of Cloudflare Access.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    /// Who vouches: scheme and host of the team, no slash at the end (`ACCESS_TEAM_DOMAIN`).
    pub team: String,
    /// For which application (`ACCESS_AUD`).
    pub audience: String,
}

/// Whether Cloudflare Access has to vouch for the operator.
#[derive(Debug, PartialEq, Eq)]
pub enum AccessPolicy {
    /// No: the operator's key is enough.
    Off,
    /// Yes.
    Required(Access),
    /// It was meant to, but the settings are wrong: nobody gets in.
    Broken,
}

impl fmt::Debug for AdStat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AdStat").field(&self.base).finish()
    }
}

impl Settings<'_> {
    /// AdStat's account.
    pub(super) fn adstat(&mut self) -> Option<AdStat> {
        let mut base = |name, host: adstat::Host| {
            let told = self.origin(name);
            told.unwrap_or_else(|| host.origin().to_owned())
        };
        let base_url = base("ADSTAT_BASE_URL", adstat::Host::Client);
        let api_base = base("ADSTAT_API_BASE_URL", adstat::Host::ClientApi);
        match (self.text("ADSTAT_USERNAME"), self.text("ADSTAT_PASSWORD")) {
            (Some(username), Some(password)) => Some(AdStat {
                base: base_url,
                api_base,
                username: Secret::new(username),
                password: Secret::new(password),
            }),
            (None, None) => None,
            (username, _) => {
                let missing = match username {
                    Some(_) => "ADSTAT_PASSWORD",
                    None => "ADSTAT_USERNAME",
                };
                self.wrong(missing, "not set, and AdStat needs both name and password");
                None
            }
        }
    }

    /// Cloudflare Access. A team without an application, or the other way round, lets nobody in.
    pub(super) fn access(&mut self) -> AccessPolicy {
        const TEAM: &str = "ACCESS_TEAM_DOMAIN";
        let (team, audience) = (self.text(TEAM), self.text("ACCESS_AUD"));
        let (Some(team), Some(audience)) = (&team, audience) else {
            if team.is_none() && self.text("ACCESS_AUD").is_none() {
                return AccessPolicy::Off;
            }
            let missing = if team.is_some() { "ACCESS_AUD" } else { TEAM };
            self.wrong(
                missing,
                "not set, and Cloudflare Access needs both team and application: nobody is let in",
            );
            return AccessPolicy::Broken;
        };
        // Cloudflare's own examples write it either way.
        let team = match team.contains("://") {
            true => self.origin(TEAM),
            false => self.origin_of(TEAM, &["https://", team].concat()),
        };
        match team {
            Some(team) => AccessPolicy::Required(Access { team, audience }),
            None => AccessPolicy::Broken,
        }
    }
}
