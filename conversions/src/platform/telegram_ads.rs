//! Telegram Ads: the form post of its pixel.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Purpose, Request, RequestError, SettingError, Skip};
use crate::{Conversion, MatchKey, MatchKeys};

/// The pixel's host.
pub const DEFAULT_BASE_URL: &str = "https://telegram.org";

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = MatchKeys::of(&[MatchKey::Tgclid]);

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's id.
    pub pixel_id: String,
    /// The pixel's event for each kind of event, by AdTarget's name of that or by a custom event's own:
    /// `{"Purchase": "<pixel id>-<8 characters>"}`. What is not named is not sent.
    pub events: BTreeMap<String, String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at Telegram Ads.
#[derive(Debug, Clone)]
pub struct Pixel {
    events: BTreeMap<String, String>,
}

impl Pixel {
    /// Reads its settings.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings) -> Result<Self, SettingError> {
        todo!()
    }

    pub(super) fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        todo!()
    }

    pub(super) fn request(
        &self,
        conversions: &[&Conversion],
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        todo!()
    }
}
