//! Google Analytics 4: Measurement Protocol.

use serde::Deserialize;

use super::{Purpose, Request, RequestError, SettingError, Skip};
use crate::{Conversion, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "";

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[
        Email, Phone, FirstName, LastName, ExternalId, Ip, UserAgent, GaClientId,
    ])
};

/// How a stream is set up, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The web stream's measurement id, `G-…`.
    pub measurement_id: String,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`]. To keep data in the EU: `https://region1.google-analytics.com`.
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A web stream of a Google Analytics property.
#[derive(Debug, Clone)]
pub struct Stream {
    token: Secret,
}

impl Stream {
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
