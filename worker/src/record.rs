//! What the ledger keeps of a visitor's trail.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attribution::{Capture, ClickIds, Touch, Utm};
use conversions::Consent;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::ids::{ClickId, ClientSessionId, EventId, TempId};

/// One thing for the ledger to keep.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// A page was visited.
    Visit(Box<Visit>),
    /// Meta's browser id came after the visit.
    LateFbp(LateFbp),
    /// An invite was clicked.
    Click(Box<Click>),
}

impl Record {
    /// The site it belongs to.
    pub fn website_id(&self) -> &str {
        match self {
            Self::Visit(visit) => &visit.website_id,
            Self::LateFbp(fbp) => &fbp.website_id,
            Self::Click(click) => &click.website_id,
        }
    }
}

/// The person at the browser, as far as a call shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Client {
    /// The address.
    pub ip: String,
    /// The User-Agent header.
    pub user_agent: String,
    /// Two letters.
    pub country: String,
    /// The region's name.
    pub region: String,
    /// The city's name.
    pub city: String,
    /// Whether it said it is a program.
    pub bot: bool,
}

/// Who says so: the page's script, or the edge as it served the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CapturedBy {
    /// The tracker on the page.
    Page,
    /// The edge, on the page request itself.
    Edge,
}

/// Whose ads a click id is of, in the words of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdPlatform {
    /// There is no click id.
    #[serde(rename = "")]
    Nobody,
    #[expect(missing_docs, reason = "its name")]
    Telegram,
    #[expect(missing_docs, reason = "its name")]
    TikTok,
    #[expect(missing_docs, reason = "its name")]
    Snapchat,
    #[expect(missing_docs, reason = "its name")]
    Google,
    #[expect(missing_docs, reason = "its name")]
    Meta,
}

impl AdPlatform {
    /// That of the click ids which an address bears; of several that which others' links pick up least.
    pub fn of(click_ids: &ClickIds<'_>) -> Self {
        [
            (&click_ids.tgclid, Self::Telegram),
            (&click_ids.ttclid, Self::TikTok),
            (&click_ids.sccid, Self::Snapchat),
            (&click_ids.gclid, Self::Google),
            (&click_ids.gbraid, Self::Google),
            (&click_ids.wbraid, Self::Google),
            (&click_ids.fbclid, Self::Meta),
        ]
        .into_iter()
        .find_map(|(id, platform)| id.as_ref().map(|_| platform))
        .unwrap_or(Self::Nobody)
    }
}

/// A visit of a page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// What the visit is known and deduplicated by.
    pub visit_id: EventId,
    /// When, Unix time in ms.
    pub at_ms: u64,
    /// The site's public id.
    pub website_id: String,
    /// The visitor.
    pub temp_id: TempId,
    /// The visitor's session.
    pub client_session_id: ClientSessionId,
    /// The site's own id of the person.
    pub external_user_id: Option<String>,
    /// The page's full address.
    pub href: String,
    /// Where it came from.
    pub attribution: Attribution,
    /// Who came.
    pub client: Client,
    /// Who says so.
    pub captured_by: CapturedBy,
    /// What the visitor allowed.
    pub consent: Consent,
    /// Whether something brought the visitor: a click id or UTM value in the address, or another site; not where they are under way by it already.
    pub sourced: bool,
    /// Whose ad brought the visitor, by the click id in the address: cookies have those of ads before. None: the queue has it from before this
    /// was known.
    pub ad_platform: Option<AdPlatform>,
    /// Fields that the page sent and Edgeway does not know, as they were written.
    pub extra: BTreeMap<String, Box<RawValue>>,
}

/// Meta's browser id, after the visit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LateFbp {
    /// The site's public id.
    pub website_id: String,
    /// The visitor.
    pub temp_id: TempId,
    /// When it came, Unix time in ms.
    pub at_ms: u64,
    /// The value of `_fbp`.
    pub fbp: String,
}

/// A click on an invite.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Click {
    /// What the click is known and deduplicated by.
    pub click_id: ClickId,
    /// When, Unix time in ms.
    pub at_ms: u64,
    /// The site's public id.
    pub website_id: String,
    /// The visitor.
    pub temp_id: TempId,
    /// The visitor's session.
    pub client_session_id: ClientSessionId,
    /// The visit it came from, where the page said; else the visitor's latest.
    pub visit_id: Option<EventId>,
    /// The channel's slug; none: no channel is configured.
    pub channel: Option<String>,
    /// The link handed out.
    pub invite_link: Option<String>,
    /// Whether the link is this click's own.
    pub personal: bool,
    /// What the click itself carried: cookies, and the landing page as its Referer.
    pub attribution: Attribution,
    /// Whether an ad led right to it: no visit of its visitor's is that ad's.
    #[serde(default)]
    pub direct: bool,
    /// Google Analytics' session cookies. A visit has none: on the page request they are still of the session before.
    pub ga_sessions: Option<String>,
    /// Who clicked.
    pub client: Client,
}

macro_rules! attribution {
    ($($field:ident $name:literal,)*) => {
        /// What a visit or click carried of the ad that brought it. Fields bear AdTarget's names where it has one; those
        /// that are not there are not written.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(default)]
        #[expect(missing_docs, reason = "the fields' names are the platforms' own")]
        pub struct Attribution {
            $(#[serde(rename = $name)] pub $field: Option<String>,)*
        }

        impl Attribution {
            /// Whether there is a field of that name.
            pub fn has(name: &str) -> bool {
                matches!(name, $($name)|*)
            }

            /// The field of that name.
            pub fn field_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
                Some(match name {
                    $($name => &mut self.$field,)*
                    _ => return None,
                })
            }

            /// Every field with its name.
            pub fn fields_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Option<String>)> {
                [$(($name, &mut self.$field),)*].into_iter()
            }
        }

        impl Serialize for Attribution {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let fields = [$(($name, &self.$field),)*];
                serializer.collect_map(fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))))
            }
        }
    };
}

attribution! {
    landing_page "landingPage",
    referrer "referrer",
    fbc "fbc",
    fbp "fbp",
    fbclid "fbclid",
    ttclid "ttclid",
    ttp "ttp",
    gclid "gclid",
    gbraid "gbraid",
    wbraid "wbraid",
    sccid "sccid",
    scid "scid",
    ga "ga",
    tgclid "tgclid",
    utm_source "utmSource",
    utm_medium "utmMedium",
    utm_campaign "utmCampaign",
    utm_content "utmContent",
    utm_term "utmTerm",
}

impl Attribution {
    fn of(click_ids: ClickIds<'_>, utm: Utm<'_>) -> Self {
        Self {
            fbclid: owned(click_ids.fbclid),
            ttclid: owned(click_ids.ttclid),
            gclid: owned(click_ids.gclid),
            gbraid: owned(click_ids.gbraid),
            wbraid: owned(click_ids.wbraid),
            sccid: owned(click_ids.sccid),
            tgclid: owned(click_ids.tgclid),
            utm_source: owned(utm.source),
            utm_medium: owned(utm.medium),
            utm_campaign: owned(utm.campaign),
            utm_content: owned(utm.content),
            utm_term: owned(utm.term),
            ..Self::default()
        }
    }

    /// Adds what a touch carried, where nothing of the kind is known.
    pub fn add(&mut self, touch: Touch<'_>) {
        let mut touch = Self::from(touch);
        for ((_, slot), (_, carried)) in self.fields_mut().zip(touch.fields_mut()) {
            if slot.is_none() {
                *slot = carried.take();
            }
        }
    }
}

impl From<Touch<'_>> for Attribution {
    fn from(touch: Touch<'_>) -> Self {
        Self {
            landing_page: Some(touch.landing_page.into()).filter(|page: &String| !page.is_empty()),
            referrer: owned(touch.referrer),
            ..Self::of(touch.click_ids, touch.utm)
        }
    }
}

impl From<Capture<'_>> for Attribution {
    fn from(capture: Capture<'_>) -> Self {
        Self {
            landing_page: Some(capture.landing_page.into())
                .filter(|page: &String| !page.is_empty()),
            referrer: owned(capture.referrer),
            fbc: capture.fbc.map(|fbc| fbc.into()),
            fbp: capture.fbp.map(|fbp| fbp.into()),
            ttp: owned(capture.ttp),
            scid: owned(capture.scid),
            ga: owned(capture.ga),
            ..Self::of(capture.click_ids, capture.utm)
        }
    }
}

/// One copy of the code that makes a copy: it is called for every field.
#[inline(never)]
fn owned(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(Cow::into_owned)
}
