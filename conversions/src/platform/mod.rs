//! The ad platforms: what each is told of a conversion, and what it answers.
//!
//! One module a platform. [`Destination::check`] says before anything is sent what can't be, and why;
//! [`Destination::request`] makes the request of a batch, [`Destination::reply`] reads the answer.

pub mod ga4;
pub mod google;
mod known;
pub mod meta;
mod reply;
mod request;
mod setting;
mod skip;
pub mod snapchat;
pub mod telegram_ads;
pub mod tiktok;

use std::fmt;

use serde_json::value::RawValue;

pub use reply::{Outcome, Reply};
pub use request::{Purpose, Request, RequestError};
pub use setting::SettingError;
pub use skip::Skip;

use reply::Answer;

use crate::{Conversion, MatchKey, MatchKeys, Money, Secret};

/// An ad platform, or an analytics one that ads are steered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Meta: Conversions API.
    Meta,
    /// TikTok: Events API 2.0.
    TikTok,
    /// Snapchat: Conversions API v3.
    Snapchat,
    /// Google Ads: Data Manager API.
    Google,
    /// Google Analytics 4: Measurement Protocol.
    Ga4,
    /// Telegram Ads: its pixel.
    TelegramAds,
}

impl Platform {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Meta,
        Self::TikTok,
        Self::Snapchat,
        Self::Google,
        Self::Ga4,
        Self::TelegramAds,
    ];

    /// Its stable name: `meta`, `tiktok`, `snapchat`, `google`, `ga4`, `telegram`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::TikTok => "tiktok",
            Self::Snapchat => "snapchat",
            Self::Google => "google",
            Self::Ga4 => "ga4",
            Self::TelegramAds => "telegram",
        }
    }

    /// Reads a stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == name)
    }

    /// What it is called in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Meta => "Meta",
            Self::TikTok => "TikTok",
            Self::Snapchat => "Snapchat",
            Self::Google => "Google Ads",
            Self::Ga4 => "Google Analytics",
            Self::TelegramAds => "Telegram Ads",
        }
    }

    /// All that it can recognise someone by, of what Edgeway knows.
    pub fn takes(self) -> MatchKeys {
        match self {
            Self::Meta => meta::TAKES,
            Self::TikTok => tiktok::TAKES,
            Self::Snapchat => snapchat::TAKES,
            Self::Google => google::TAKES,
            Self::Ga4 => ga4::TAKES,
            Self::TelegramAds => telegram_ads::TAKES,
        }
    }

    /// The most conversions in one request.
    pub fn batch_limit(self) -> usize {
        match self {
            Self::Meta => meta::BATCH_LIMIT,
            Self::TikTok => tiktok::BATCH_LIMIT,
            Self::Snapchat => snapchat::BATCH_LIMIT,
            Self::Google => google::BATCH_LIMIT,
            // One person's, one pixel event's.
            Self::Ga4 | Self::TelegramAds => 1,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where a site's conversions go: an account at a platform.
#[derive(Debug, Clone)]
pub enum Destination {
    /// A pixel at Meta.
    Meta(meta::Pixel),
    /// A pixel at TikTok.
    TikTok(tiktok::Pixel),
    /// A pixel at Snapchat.
    Snapchat(snapchat::Pixel),
    /// A conversion action of a Google Ads account.
    Google(google::Account),
    /// A web stream of a Google Analytics property.
    Ga4(ga4::Stream),
    /// A pixel at Telegram Ads.
    TelegramAds(telegram_ads::Pixel),
}

impl Destination {
    /// Whose it is.
    pub fn platform(&self) -> Platform {
        match self {
            Self::Meta(_) => Platform::Meta,
            Self::TikTok(_) => Platform::TikTok,
            Self::Snapchat(_) => Platform::Snapchat,
            Self::Google(_) => Platform::Google,
            Self::Ga4(_) => Platform::Ga4,
            Self::TelegramAds(_) => Platform::TelegramAds,
        }
    }

    /// The most conversions in one request.
    pub fn batch_limit(&self) -> usize {
        self.platform().batch_limit()
    }

    /// What all conversions of a request have to have in common: at Google Ads the conversion action, as a wrong one has the whole request
    /// refused. `None`: nothing.
    pub fn kind(&self, conversion: &Conversion) -> Option<&str> {
        match self {
            Self::Google(account) => account.conversion_action(conversion),
            _ => None,
        }
    }

    /// What of `conversion` the platform would recognise someone by. `now_ms` is Unix time in ms.
    ///
    /// # Errors
    /// Why it can't be sent there.
    pub fn check(&self, conversion: &Conversion, now_ms: u64) -> Result<MatchKeys, Skip> {
        match self {
            Self::Meta(pixel) => pixel.check(conversion, now_ms),
            Self::TikTok(pixel) => pixel.check(conversion, now_ms),
            Self::Snapchat(pixel) => pixel.check(conversion, now_ms),
            Self::Google(account) => account.check(conversion, now_ms),
            Self::Ga4(stream) => stream.check(conversion, now_ms),
            Self::TelegramAds(pixel) => pixel.check(conversion, now_ms),
        }
    }

    /// The request that tells the platform of `conversions`, 1 to [`Self::batch_limit`] of them, each of which passes
    /// [`Self::check`]. `bearer` is passed over where none is needed; `now_ms` is Unix time in ms.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn request(
        &self,
        conversions: &[&Conversion],
        bearer: Option<&Secret>,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Request, RequestError> {
        if conversions.is_empty() || conversions.len() > self.batch_limit() {
            return Err(RequestError::BatchSize);
        }
        for (index, conversion) in conversions.iter().enumerate() {
            self.check(conversion, now_ms)
                .map_err(|skip| RequestError::Skip { index, skip })?;
        }
        match (self, conversions) {
            (Self::Meta(pixel), _) => pixel.request(conversions, purpose, now_ms),
            (Self::TikTok(pixel), _) => pixel.request(conversions, purpose, now_ms),
            (Self::Snapchat(pixel), _) => Ok(pixel.request(conversions, purpose, now_ms)),
            (Self::Google(account), _) => account.request(conversions, bearer, purpose, now_ms),
            (Self::Ga4(stream), [one]) => Ok(stream.request(one, purpose, now_ms)),
            (Self::TelegramAds(pixel), [one]) => pixel.request(one, purpose, now_ms),
            (Self::Ga4(_) | Self::TelegramAds(_), _) => Err(RequestError::BatchSize),
        }
    }

    /// Reads the platform's answer to a [`Self::request`] of either purpose: its status, how many seconds it asks to wait (`Retry-After`) and
    /// its body. A request that got no answer is to be tried again.
    pub fn reply(&self, status: u16, after_s: Option<u32>, body: &str) -> Reply {
        let answer = Answer {
            status,
            after_s,
            body,
        };
        let (reply, secret) = match self {
            Self::Meta(pixel) => (meta::reply(answer), Some(&pixel.token)),
            Self::TikTok(pixel) => (tiktok::reply(answer), Some(&pixel.token)),
            Self::Snapchat(pixel) => (snapchat::reply(answer), Some(&pixel.token)),
            Self::Google(_) => (google::reply(answer), None),
            Self::Ga4(stream) => (ga4::reply(answer), Some(&stream.token)),
            Self::TelegramAds(_) => (telegram_ads::reply(answer), None),
        };
        reply.tidy(secret.as_slice())
    }
}

/// An amount as a JSON number with all its decimals, never by way of a float.
type Amount = Box<RawValue>;

fn amount(money: Money) -> Option<Amount> {
    // It is a number, so there is no error.
    RawValue::from_string(money.to_decimal()).ok()
}

/// How far back a platform goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeLimit {
    /// Which one.
    pub platform: Platform,
    /// The same for a reader, and of which events.
    pub title: &'static str,
    /// In hours.
    pub hours: u32,
}

impl fmt::Display for AgeLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.title, skip::span(self.hours))
    }
}

/// How far back each platform goes, the shortest way first.
pub const AGE_LIMITS: [AgeLimit; 7] = {
    const fn limit(platform: Platform, title: &'static str, hours: u32) -> AgeLimit {
        AgeLimit {
            platform,
            title,
            hours,
        }
    }
    [
        limit(Platform::Ga4, "GA4", ga4::MAX_AGE_H),
        limit(Platform::Meta, "Meta", meta::MAX_AGE_H),
        limit(Platform::TikTok, "TikTok", tiktok::MAX_AGE_H),
        limit(
            Platform::TelegramAds,
            "Telegram Ads",
            telegram_ads::MAX_AGE_H,
        ),
        limit(Platform::Snapchat, "Snapchat", snapchat::MAX_AGE_H),
        limit(
            Platform::Google,
            "Google Ads without a click's id",
            google::MAX_AGE_OF_PERSON_H,
        ),
        limit(Platform::Google, "Google Ads", google::MAX_AGE_OF_CLICK_H),
    ]
};

/// Between the last look at a conversion's age and the platform's own there is a request, tried again at worst.
const MARGIN_MS: u64 = 5 * 60 * 1000;

/// Whether a conversion happened longer ago than a platform takes.
fn too_old(
    conversion: &Conversion,
    platform: Platform,
    limit_h: u32,
    now_ms: u64,
) -> Result<(), Skip> {
    let limit_ms = u64::from(limit_h) * 3_600_000 - MARGIN_MS;
    if now_ms.saturating_sub(conversion.at_ms) > limit_ms {
        return Err(Skip::TooOld { platform, limit_h });
    }
    Ok(())
}

/// Whether someone can be found by `keys`: by one of those that are enough `alone`, or by their browser.
fn is_enough(keys: MatchKeys, alone: MatchKeys) -> bool {
    const BROWSER: MatchKeys = MatchKeys::of(&[MatchKey::Ip, MatchKey::UserAgent]);
    keys.intersects(alone) || keys.contains_all(BROWSER)
}
