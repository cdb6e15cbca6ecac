//! What is wrong with settings that are each well by themselves. Looked at apart from reading them, since no visitor waits for it.

use attribution::url::{self, is_within};
use conversions::normalise::phone;

use super::{Backend, Channel, Config, InviteMode, Problem, Site, is_word};

impl Config {
    /// What the settings have wrong among them; beside [`Config::problems`].
    pub fn review(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |setting, message| problems.push(Problem { setting, message });
        for (place, site) in self.sites.iter().enumerate() {
            let id = &site.website_id;
            let others = self.sites.get(..place).unwrap_or_default();
            if others.iter().any(|other| other.website_id == *id) {
                let why = format!("websiteId: expected one of its own, two sites are called {id}");
                wrong("SITES", why);
            }
            let of_origin = self
                .front
                .as_ref()
                .and_then(|front| url::split(&front.origin));
            // Where only the origin's own host is known, pages are on the edge's, wherever that is.
            let is_known = site.domains.as_slice() != of_origin.map(|parts| parts.host).as_slice();
            if let Some(domain) = site.cookie_domain_of_no_page().filter(|_| is_known) {
                let pages = site.domains.join(", ");
                let why =
                    format!("{domain}: expected a domain that one of the pages' is on, {pages}");
                wrong("COOKIE_DOMAIN", why);
            }
            let has_invite = site.channels.iter().any(|channel| channel.invite.is_some());
            if self.backend == Backend::Ledger && !has_invite {
                let why = format!("not set for {id}: its clicks find no channel");
                wrong("TELEGRAM_INVITE", why);
            }
            for (place, channel) in site.channels.iter().enumerate() {
                let slug = &channel.slug;
                let has_none = channel.invite.is_none() && channel.mode == InviteMode::Shared;
                if self.backend == Backend::Ledger && has_invite && has_none {
                    let why =
                        format!("invite: {slug} of {id} has none: its clicks find no channel");
                    wrong("SITES", why);
                }
                let others = site.channels.get(..place).unwrap_or_default();
                if others.iter().any(|other| other.slug == *slug) {
                    let why = format!(
                        "{id}: slug: expected one of its own, two channels are called {slug}"
                    );
                    wrong("SITES", why);
                }
                if channel.mode != InviteMode::Shared && channel.telegram_id.is_none() {
                    let why = format!("{slug}: its invite mode needs the channel's id at Telegram");
                    wrong("TELEGRAM_CHAT_ID", why);
                }
                if let Err(why) = channel.written_join() {
                    wrong("CHANNEL_EVENT", format!("{slug}: {why}"));
                }
                if let Some(country) = &channel.country
                    && !phone::is_country(country)
                {
                    let why = format!("{slug}: {country}: expected two letters such as DE");
                    wrong("CHANNEL_COUNTRY", why);
                }
                if !is_word(slug) {
                    let why = format!("{slug}: expected letters, digits, - and _");
                    wrong("CHANNEL_SLUG", why);
                }
            }
        }
        self.review_invites(&mut wrong);
        problems
    }

    /// Every channel with links of its own needs a bot; and where two slugs are one channel at Telegram, they share its links.
    fn review_invites(&self, wrong: &mut impl FnMut(&'static str, String)) {
        let own: Vec<_> = (self.sites.iter().flat_map(|site| &site.channels))
            .filter(|channel| channel.mode != InviteMode::Shared)
            .collect();
        for (place, channel) in own.iter().enumerate() {
            let slug = &channel.slug;
            let bot = self.bot_of(channel);
            if bot.is_none() {
                let why = format!("{slug}: its invite mode needs a bot");
                wrong("TELEGRAM_BOT_TOKEN", why);
            }
            let is_other = |other: &&&Channel| {
                other.telegram_id == channel.telegram_id
                    && self.bot_of(other) == bot
                    && (other.mode, other.pool_size, other.link_hours)
                        != (channel.mode, channel.pool_size, channel.link_hours)
            };
            if let Some(other) = own.iter().take(place).find(is_other) {
                let why = format!(
                    "{} and {slug} are one channel at Telegram: mode, poolSize and linkHours must be the same",
                    other.slug
                );
                wrong("SITES", why);
            }
        }
    }
}

impl Site {
    /// The domain to share cookies on, where no page of the site could.
    fn cookie_domain_of_no_page(&self) -> Option<&str> {
        let domain = self.cookie_domain.as_deref()?;
        let is_on = |own: &String| is_within(own, domain) || is_within(domain, own);
        let is_elsewhere = !self.domains.is_empty() && !self.domains.iter().any(is_on);
        is_elsewhere.then_some(domain)
    }
}
