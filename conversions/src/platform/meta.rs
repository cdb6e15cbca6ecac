//! Meta: Conversions API.

use serde::Deserialize;

use super::{Purpose, Request, RequestError, SettingError, Skip};
use crate::{Conversion, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 1000;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, City, State, Zip, Country, BirthDate, Gender,
        ExternalId, Ip, UserAgent, Fbc, Fbp,
    ])
};

/// How a pixel is set up, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The pixel's (dataset's) id.
    pub pixel_id: String,
    /// The code of the "Test events" tab in Events Manager; without it nothing can be tested.
    #[serde(default)]
    pub test_event_code: Option<String>,
    /// The version of the Graph API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
    /// The country that Limited Data Use is asked for: 0, Meta finds out; 1, the USA.
    #[serde(default)]
    pub limited_country: u32,
    /// The state that Limited Data Use is asked for: 0, Meta finds out; 1000, California and so on.
    #[serde(default)]
    pub limited_state: u32,
}

/// A pixel at Meta.
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
