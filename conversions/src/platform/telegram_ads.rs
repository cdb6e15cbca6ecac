//! Telegram Ads: the form post of its pixel (`telegram.org/js/pixel.js`), made from the edge with the visitor's click id.
//!
//! There is no documented server API and no test door. The pixel has no word for consent, so nothing is sent of a
//! visitor who denied it. An event is sent as long as its click id lives, 30 days. The form has no id of the event, so
//! one that is sent again after an answer was lost may count twice.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::known::Known;
use super::reply::Answer;
use super::setting::{self, PerEvent, SettingError};
use super::{Platform, Purpose, Reply, Request, RequestError, Skip, too_old};
use crate::{Consent, Conversion, MatchKey, MatchKeys};

/// The pixel's host.
pub const DEFAULT_BASE_URL: &str = "https://telegram.org";

pub(super) const MAX_AGE_H: u32 = 30 * 24;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = MatchKeys::of(&[MatchKey::Tgclid]);

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's id.
    pub pixel_id: String,
    /// The pixel's event for each kind of event, by AdTarget's name of that or by a custom event's own:
    /// `{"Purchase": "<pixel id>-<8 characters>"}`; the documents of AdStat have ids of another form, such as `JuKiaLISFD`.
    /// What is not named is not sent.
    pub events: BTreeMap<String, String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at Telegram Ads. It has no secret: whoever sees the page knows its ids.
#[derive(Debug, Clone)]
pub struct Pixel {
    pixel_url: String,
    events: PerEvent,
}

impl Pixel {
    /// Reads its settings.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings) -> Result<Self, SettingError> {
        let base = setting::base_url(settings.base_url.as_deref(), DEFAULT_BASE_URL)?;
        let expected = "the pixel's id";
        setting::matching("pixelId", &settings.pixel_id, setting::is_word, expected)?;
        let expected = "the id that tgp('event', …) has";
        Ok(Self {
            pixel_url: format!("{base}/pxl"),
            events: PerEvent::new("events", settings.events, setting::is_word, expected)?,
        })
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        too_old(conversion, Platform::TelegramAds, MAX_AGE_H, now_ms)?;
        if conversion.consent == Consent::Denied {
            return Err(Skip::ConsentDenied(Platform::TelegramAds));
        }
        if self.events.get(conversion.event()).is_none() {
            return Err(Skip::NoEvent(Platform::TelegramAds));
        }
        let keys = Known::of(conversion, Platform::TelegramAds, now_ms).keys();
        if keys.is_empty() {
            return Err(Skip::NoSignal(Platform::TelegramAds));
        }
        Ok(keys)
    }

    pub(super) fn request(
        &self,
        conversion: &Conversion,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        if purpose == Purpose::Test {
            return Err(RequestError::NoTestDoor);
        }
        let known = Known::of(conversion, Platform::TelegramAds, now_ms);
        let at_ms = known.at_ms().to_string();
        // By the names that pages give them in a call of `tgp`.
        let money = conversion.value();
        let value = money.map(|money| money.to_decimal());
        let fields = [
            ("e", self.events.get(conversion.event())),
            ("c", known.get(MatchKey::Tgclid)),
            ("t", Some(at_ms.as_str())),
            ("l", known.page_url()),
            ("value", value.as_deref()),
            ("currency", money.map(|money| money.currency().code())),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Ok(Request::form(self.pixel_url.clone(), fields))
    }
}

/// The pixel never reads an answer: its status is all there is, and what comes with a good one is a picture.
pub(super) fn reply(answer: Answer<'_>) -> Reply {
    let mut reply = answer.reply(answer.by_status(), None, None);
    if answer.is_success() {
        reply.words.clear();
    }
    reply
}
