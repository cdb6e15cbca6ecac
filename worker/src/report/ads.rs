//! Which of AdStat's ads a visit is of.

use std::collections::BTreeMap;

use attribution::telegram::TelegramLink;
use attribution::url;

use crate::config::{Channel, Config, Site};
use crate::ledger::Row;
use crate::routes::Route;

/// What AdStat's ads are known by as a source, where their links don't say: the `utm_source` that they are decorated with.
pub const TELEGRAM: &str = "telegram";

/// One ad, as AdStat lists it.
#[derive(Debug, Default)]
pub struct Ad {
    pub title: Option<String>,
    pub campaign_id: Option<u64>,
    pub campaign_name: Option<String>,
    pub link: Option<String>,
    /// What its visits say that they come from.
    pub source: String,
}

/// All ads that are known. A visit is of the ad whose id its `utm_content` is, or the beginning of the order's id that bought the ad, or what the
/// ad's own link says; where it stands by its landing page, of the ad that leads there, if one alone does.
#[derive(Debug, Default)]
pub struct Ads {
    by_id: BTreeMap<u64, Ad>,
    by_content: BTreeMap<String, u64>,
    /// By `utm_content` and source, as links have them that are not of our making. None: several have the same.
    by_own_words: BTreeMap<(String, String), Option<u64>>,
    /// None: several lead there.
    by_page: BTreeMap<String, Option<u64>>,
    campaigns: BTreeMap<String, u64>,
    names: BTreeMap<u64, String>,
}

impl Ads {
    pub fn of(rows: &[Row]) -> Self {
        let mut ads = Self::default();
        for row in rows {
            let Some(id) = row.number("ad_id") else {
                continue;
            };
            let text = |column| row.text(column).map(str::to_owned);
            let link = row.text("link").unwrap_or_default();
            let source = parameter(link, "utm_source").map(|source| source.to_ascii_lowercase());
            let ad = Ad {
                title: text("title"),
                campaign_id: row.number("campaign_id"),
                campaign_name: text("campaign_name"),
                link: text("link"),
                source: source.unwrap_or_else(|| TELEGRAM.to_owned()),
            };
            if let Some(content) = parameter(link, "utm_content") {
                let words = (content, ad.source.clone());
                let known = ads.by_own_words.entry(words).or_insert(Some(id));
                *known = known.filter(|known| *known == id);
            }
            ads.by_content.insert(id.to_string(), id);
            for content in row.text("contents").unwrap_or_default().split(',') {
                if !content.is_empty() {
                    ads.by_content.insert(content.to_owned(), id);
                }
            }
            if let Some(page) = ad.link.as_deref().and_then(page) {
                let known = ads.by_page.entry(page).or_insert(Some(id));
                *known = known.filter(|known| *known == id);
            }
            if let Some(campaign) = ad.campaign_id {
                ads.campaigns.insert(campaign.to_string(), campaign);
                if let Some(name) = &ad.campaign_name {
                    ads.campaigns.entry(name.clone()).or_insert(campaign);
                    ads.names.insert(campaign, name.clone());
                }
            }
            ads.by_id.insert(id, ad);
        }
        ads
    }

    /// What `utm_content` calls them whose links say so themselves: from other sources it says something else.
    pub fn own_words(&self) -> impl Iterator<Item = &str> {
        let known = |content: &&str| !self.by_content.contains_key(*content);
        let words = self.by_own_words.iter().filter(|(_, id)| id.is_some());
        words
            .map(|((content, _), _)| content.as_str())
            .filter(known)
    }

    /// All that `utm_content` calls them.
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        self.by_content
            .keys()
            .map(String::as_str)
            .chain(self.own_words())
    }

    pub fn get(&self, id: u64) -> Option<&Ad> {
        self.by_id.get(&id)
    }

    /// The ad that `told`, a visit's, is; `by` is the source that told it, where that matters.
    pub fn ad(&self, told: &str, by: &str) -> Option<u64> {
        let by_content = self.by_content.get(told).copied();
        let by_own_words = || *self.by_own_words.get(&(told.to_owned(), by.to_owned()))?;
        (by_content.or_else(by_own_words)).or_else(|| *self.by_page.get(&page(told)?)?)
    }

    /// The campaign of a visit, by its ad, else by its own words.
    pub fn campaign(&self, ad: &str, by: &str, told: &str) -> Option<u64> {
        let of_ad = self.ad(ad, by).and_then(|id| self.get(id)?.campaign_id);
        of_ad.or_else(|| self.campaigns.get(told).copied())
    }

    pub fn campaign_name(&self, id: u64) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}

/// A parameter of a link, the first that is not empty.
fn parameter(link: &str, name: &str) -> Option<String> {
    let address = link.split_once('#').map_or(link, |(address, _)| address);
    let (_, query) = address.split_once('?')?;
    let mut parameters = url::parameters(query);
    let found = parameters.find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
    found.map(|(_, value)| value.into_owned())
}

/// A web page's host and path, by which two links to it are the same.
fn page(link: &str) -> Option<String> {
    let with_scheme = match link.contains("://") {
        true => link.to_owned(),
        false => ["https://", link].concat(),
    };
    let parts = url::split(&with_scheme)?;
    if !parts.host.contains('.') {
        return None;
    }
    Some(
        [
            &parts.host.to_ascii_lowercase(),
            parts.path.trim_end_matches('/'),
        ]
        .concat(),
    )
}

impl Ad {
    /// Where the ad leads: a site, and the channel, where it is told.
    pub fn leads_to<'a>(
        ad: Option<&Self>,
        config: &'a Config,
    ) -> (Option<&'a Site>, Option<&'a Channel>) {
        let link = ad.and_then(|ad| ad.link.as_deref()).unwrap_or_default();
        let with_scheme = match link.contains("://") {
            true => link.to_owned(),
            false => ["https://", link].concat(),
        };
        if let Ok(telegram) = TelegramLink::parse(&with_scheme) {
            let channels = config
                .sites
                .iter()
                .flat_map(|site| site.channels.iter().map(move |channel| (site, channel)));
            let is_named = |(_, channel): &(&Site, &Channel)| {
                telegram.name().is_some_and(|name| channel.is_called(name))
            };
            if let Some((site, channel)) = channels.into_iter().find(is_named) {
                return (Some(site), Some(channel));
            }
        }
        let (host, path) =
            url::split(&with_scheme).map_or(("", ""), |parts| (parts.host, parts.path));
        let site = config.site_on(host);
        // Other hosts, too, have paths such as `/c/news`.
        if site.is_some()
            && let Route::Channel(slug) = Route::of(path, &config.prefix)
            && let Some((site, channel)) = config.channel_of_slug(&[host], slug)
        {
            return (Some(site), Some(channel));
        }
        let site = match config.sites.as_slice() {
            [only] => Some(only),
            _ => site,
        };
        let channel = site.and_then(|site| match site.channels.as_slice() {
            [channel] => Some(channel),
            _ => None,
        });
        (site, channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_one_page_are_one() {
        assert_eq!(
            page("https://Shop.test/lp/?utm_source=x#top"),
            page("shop.test/lp")
        );
        assert_ne!(page("https://shop.test/lp"), page("https://shop.test/lp2"));
        assert_eq!(page("banner-3"), None);
        assert_eq!(page(""), None);
    }
}
