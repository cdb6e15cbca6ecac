//! Google Ads: Data Manager API.

mod oauth;

use serde::Deserialize;

pub use oauth::{
    AccessToken, CredentialsError, RefreshToken, ServiceAccount, SigningInput, TokenReply,
    read_token_reply,
};

use super::{Purpose, Request, RequestError, SettingError, Skip};
use crate::{Conversion, MatchKey, MatchKeys, Secret};

/// The API's host.
pub const DEFAULT_BASE_URL: &str = "https://datamanager.googleapis.com";
/// The version that requests are written for.
pub const DEFAULT_VERSION: &str = "v1";

/// The most conversions in one request.
pub const BATCH_LIMIT: usize = 2000;

/// All that it can recognise someone by.
pub(super) const TAKES: MatchKeys = {
    use MatchKey::*;
    MatchKeys::of(&[Email, Phone, Gclid, Gbraid, Wbraid, Ip, UserAgent])
};

/// How a conversion action is set up, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The Google Ads account's id (customer id), with or without dashes.
    pub account_id: String,
    /// The type of that account; none: `GOOGLE_ADS`.
    #[serde(default)]
    pub account_type: Option<String>,
    /// The manager account that the credentials belong to, where it is another.
    #[serde(default)]
    pub login_account_id: Option<String>,
    /// The type of that account; none: that of `account_type`.
    #[serde(default)]
    pub login_account_type: Option<String>,
    /// The conversion action's id.
    pub conversion_action_id: String,
    /// The version of the API; none: [`DEFAULT_VERSION`].
    #[serde(default)]
    pub version: Option<String>,
    /// Scheme and host; none: [`DEFAULT_BASE_URL`].
    #[serde(default)]
    pub base_url: Option<String>,
}

/// A conversion action of a Google Ads account. Its credentials stand apart ([`ServiceAccount`], [`RefreshToken`]), since
/// what is sent is a token that they are traded for.
#[derive(Debug, Clone)]
pub struct Account {}

impl Account {
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
        bearer: Option<&Secret>,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        todo!()
    }
}
