//! Snapchat: Conversions API v3.

use serde::Deserialize;

use super::{Purpose, Request, RequestError, SettingError, Skip};
use crate::{Conversion, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 2000;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, City, State, Zip, Country, BirthDate, Gender,
        ExternalId, Ip, UserAgent, ScClickId, ScCookie,
    ])
};

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's id.
    pub pixel_id: String,
    /// The version of the API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A pixel at Snapchat.
#[derive(Debug, Clone)]
pub struct Pixel {
    token: Secret,
}

impl Pixel {
    /// Reads its settings.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: Settings, token: Secret) -> Result<Self, SettingError> {
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
