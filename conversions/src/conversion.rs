//! A conversion, with all that a platform may be told of it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{ConversionId, EventType, Money, Person, TelegramUserId};

/// All that a platform may be told of one conversion. A Purchase has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    id: ConversionId,
    event: EventType,
    value: Option<Money>,
    /// When it happened, Unix time in ms.
    pub at_ms: u64,
    /// Whose it is.
    pub lead: TelegramUserId,
    /// What it was about: the channel's title or what the caller said.
    pub content_name: Option<String>,
    /// Who it was, by hashes.
    pub person: Person,
    /// What the click on the ad, and the visit it led to, left behind.
    pub click: Click,
    /// The landing page.
    pub page: Page,
    /// What the visitor allowed.
    pub consent: Consent,
}

impl Conversion {
    /// A conversion of which no more is known: no person, click or page, and consent unknown.
    ///
    /// # Errors
    /// [`PurchaseWithoutValue`].
    pub fn new(
        id: ConversionId,
        event: EventType,
        value: Option<Money>,
        at_ms: u64,
        lead: TelegramUserId,
    ) -> Result<Self, PurchaseWithoutValue> {
        if event == EventType::Purchase && value.is_none() {
            return Err(PurchaseWithoutValue);
        }
        Ok(Self {
            id,
            event,
            value,
            at_ms,
            lead,
            content_name: None,
            person: Person::default(),
            click: Click::default(),
            page: Page::default(),
            consent: Consent::Unknown,
        })
    }

    /// Which one it is.
    pub fn id(&self) -> ConversionId {
        self.id
    }

    /// What happened.
    pub fn event(&self) -> &EventType {
        &self.event
    }

    /// What it was worth; a Purchase always says.
    pub fn value(&self) -> Option<Money> {
        self.value
    }
}

/// Nobody can say what the Purchase was worth, so no platform can be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseWithoutValue;

impl fmt::Display for PurchaseWithoutValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a Purchase needs a value and a currency")
    }
}

impl std::error::Error for PurchaseWithoutValue {}

/// What a click on an ad and the landing-page visit it led to left behind, as it came: nothing is hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Click {
    /// Meta's click cookie `_fbc`.
    pub fbc: Option<String>,
    /// Meta's browser cookie `_fbp`.
    pub fbp: Option<String>,
    /// TikTok's click id.
    pub ttclid: Option<String>,
    /// TikTok's browser cookie `_ttp`.
    pub ttp: Option<String>,
    /// Google Ads' click id.
    pub gclid: Option<String>,
    /// Google Ads' click id from an app to the web on iOS.
    pub gbraid: Option<String>,
    /// Google Ads' click id from the web to an app on iOS.
    pub wbraid: Option<String>,
    /// Google Analytics' client id: the last two numbers of its cookie `_ga`, such as `1234567890.1700000000`.
    pub ga_client_id: Option<String>,
    /// Google Analytics' session cookies, `_ga_<stream>=<value>` between semicolons.
    pub ga_sessions: Option<String>,
    /// Snapchat's click id, `ScCid`.
    pub sccid: Option<String>,
    /// Snapchat's browser cookie `_scid`.
    pub scid: Option<String>,
    /// Telegram Ads' click id.
    pub tgclid: Option<String>,
    /// The visitor's IP address.
    pub ip: Option<String>,
    /// Where that address is, two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The browser's User-Agent header.
    pub user_agent: Option<String>,
}

/// The landing page that was visited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub url: Option<String>,
    /// Where the visitor came from.
    pub referrer: Option<String>,
}

/// Whether the visitor allowed that advertisers use what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consent {
    /// Yes.
    Granted,
    /// No.
    Denied,
    /// Nobody asked, or nobody said. It is told to no platform as either.
    #[default]
    Unknown,
}

impl Consent {
    /// Reads `granted` or `denied`; nothing is [`Consent::Unknown`]. `None` for another word.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::Unknown),
            Some("granted") => Some(Self::Granted),
            Some("denied") => Some(Self::Denied),
            Some(_) => None,
        }
    }

    /// `granted` or `denied`; none when unknown.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Granted => Some("granted"),
            Self::Denied => Some("denied"),
            Self::Unknown => None,
        }
    }
}

/// As [`Consent::as_str`].
impl Serialize for Consent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

/// As [`Consent::parse`].
impl<'de> Deserialize<'de> for Consent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Option<Cow<'_, str>> = Option::deserialize(deserializer)?;
        Self::parse(text.as_deref()).ok_or_else(|| de::Error::custom("expected granted or denied"))
    }
}
