//! What a page view carries: click ids, UTM values and the pixels' cookies.

use alloc::string::String;

use crate::cookie::{self, cookie};
use crate::decimal;
use crate::meta::{Fbc, Fbp};
use crate::url::{decode, parts, split_at_mark};

/// How much of an address is read.
const MAX_ADDRESS: usize = 16 * 1024;
/// The longest click id kept; the longest known are near 500.
const MAX_CLICK_ID: usize = 1024;

/// A page view, as the page or the edge sees it.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    /// The page's address, with its fragment where it is known.
    pub href: &'a str,
    /// Where the visitor came from; empty when unknown.
    pub referrer: &'a str,
    /// A `Cookie` header or `document.cookie`.
    pub cookies: &'a str,
    /// Now, in Unix milliseconds.
    pub now_ms: u64,
    /// Meta's index of the page's registrable domain ([`subdomain_index`](crate::subdomain_index)).
    pub subdomain_index: u8,
}

/// What a page view carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The page's address without its fragment.
    pub landing_page: String,
    /// Where the visitor came from, on this site or another.
    pub referrer: Option<String>,
    /// The click ids, from the address, the referrer and the pixels' cookies.
    pub click_ids: ClickIds,
    /// Meta's click cookie: the one sent, or a new one for a new click.
    pub fbc: Option<Fbc>,
    /// Whether `fbc` differs from the cookie sent, and so must be written.
    pub fbc_is_new: bool,
    /// Meta's browser cookie, where it was sent.
    pub fbp: Option<Fbp>,
    /// TikTok's browser cookie `_ttp`.
    pub ttp: Option<String>,
    /// Snapchat's browser cookie `_scid`.
    pub scid: Option<String>,
    /// The UTM values of the address.
    pub utm: Utm,
}

/// The ad platforms' click ids, never changed beyond percent-decoding. In a click id `+` stays `+`, since none
/// holds a space; one whose escapes are not UTF-8 stays as it was written; one over 1,024 bytes is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClickIds {
    /// Meta.
    pub fbclid: Option<String>,
    /// TikTok.
    pub ttclid: Option<String>,
    /// Google Ads.
    pub gclid: Option<String>,
    /// Google Ads, from an app to the web on iOS.
    pub gbraid: Option<String>,
    /// Google Ads, from the web to an app on iOS.
    pub wbraid: Option<String>,
    /// Snapchat, which spells it `ScCid`.
    pub sccid: Option<String>,
    /// Telegram Ads.
    pub tgclid: Option<String>,
}

impl ClickIds {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == ClickIds::default()
    }
}

/// The five UTM values, percent-decoded, with `+` as a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm {
    /// `utm_source`
    pub source: Option<String>,
    /// `utm_medium`
    pub medium: Option<String>,
    /// `utm_campaign`
    pub campaign: Option<String>,
    /// `utm_content`
    pub content: Option<String>,
    /// `utm_term`
    pub term: Option<String>,
}

impl Utm {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Utm::default()
    }
}

impl PageView<'_> {
    /// Reads what the page view carries.
    ///
    /// A click id is taken from the address's query, else from its fragment's, else (`fbclid` alone) from the
    /// referrer's, else from the pixel's own cookie. Of a repeated parameter the first with a value counts.
    pub fn capture(&self) -> Capture {
        let Carried { mut click_ids, utm } = Carried::by_address(self.href);
        if click_ids.fbclid.is_none() {
            click_ids.fbclid = fbclid_of_referrer(self.referrer);
        }
        let kept = |name| cookie(self.cookies, name).and_then(click_id);
        if click_ids.ttclid.is_none() {
            click_ids.ttclid = kept("ttclid");
        }
        if click_ids.gclid.is_none() {
            click_ids.gclid = cookie(self.cookies, "_gcl_aw").and_then(gclid_of_cookie);
        }
        if click_ids.tgclid.is_none() {
            click_ids.tgclid = kept("_tgclid");
        }

        let sent = cookie::values(self.cookies, "_fbc").find_map(Fbc::parse);
        let new = click_ids.fbclid.as_deref().and_then(|fbclid| match &sent {
            Some(sent) if sent.click_id() == fbclid => None,
            Some(sent) => Fbc::new(sent.index(), self.now_ms, fbclid),
            None => Fbc::new(self.subdomain_index, self.now_ms, fbclid),
        });

        Capture {
            landing_page: without_fragment(self.href).into(),
            referrer: Some(without_fragment(self.referrer))
                .filter(|referrer| !referrer.is_empty())
                .map(Into::into),
            fbc_is_new: new.is_some(),
            fbc: new.or(sent),
            fbp: cookie::values(self.cookies, "_fbp").find_map(Fbp::parse),
            ttp: kept("_ttp"),
            scid: kept("_scid"),
            click_ids,
            utm,
        }
    }
}

impl Capture {
    /// The fields of a visit that have a value, under AdTarget's names and, where it has none, ours. `fbclid` is
    /// not among them: it is in `fbc`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Capture { click_ids, utm, .. } = self;
        [
            ("landingPage", Some(self.landing_page.as_str())),
            ("referrer", self.referrer.as_deref()),
            ("fbc", self.fbc.as_ref().map(Fbc::as_str)),
            ("fbp", self.fbp.as_ref().map(Fbp::as_str)),
            ("gclid", click_ids.gclid.as_deref()),
            ("ttclid", click_ids.ttclid.as_deref()),
            ("sccid", click_ids.sccid.as_deref()),
            ("utmSource", utm.source.as_deref()),
            ("utmMedium", utm.medium.as_deref()),
            ("utmCampaign", utm.campaign.as_deref()),
            ("utmContent", utm.content.as_deref()),
            ("utmTerm", utm.term.as_deref()),
            ("gbraid", click_ids.gbraid.as_deref()),
            ("wbraid", click_ids.wbraid.as_deref()),
            ("tgclid", click_ids.tgclid.as_deref()),
            ("ttp", self.ttp.as_deref()),
            ("scid", self.scid.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| {
            value
                .filter(|value| !value.is_empty())
                .map(|value| (name, value))
        })
    }
}

/// What an address carries by itself, without the cookies.
#[derive(Default)]
pub(crate) struct Carried {
    pub(crate) click_ids: ClickIds,
    pub(crate) utm: Utm,
}

impl Carried {
    /// Reads the query, then the fragment's query.
    pub(crate) fn by_address(address: &str) -> Carried {
        let (page, fragment) = split_at_mark(bounded(address), b'#');
        let mut carried = Carried::default();
        carried.read(split_at_mark(page, b'?').1.unwrap_or_default());
        carried.read(fragment_query(fragment.unwrap_or_default()));
        carried
    }

    /// Reads the parameters of `query` that are not known yet.
    #[inline(never)]
    pub(crate) fn read(&mut self, query: &str) {
        for pair in parts(query, b'&') {
            let (name, value) = split_at_mark(pair, b'=');
            let (name, value) = (decode(name, true).text, value.unwrap_or_default());
            for (at, (slot, known)) in self.slots().into_iter().zip(PARAMETERS).enumerate() {
                if slot.is_some() || !name.eq_ignore_ascii_case(known) {
                    continue;
                }
                *slot = if at < CLICK_IDS {
                    let decoded = decode(value, false);
                    click_id(if decoded.is_utf8 {
                        &decoded.text
                    } else {
                        value
                    })
                } else {
                    Some(decode(value, true).text).filter(|value| !value.is_empty())
                };
            }
        }
    }

    /// Where the value of each of [`PARAMETERS`] goes.
    fn slots(&mut self) -> [&mut Option<String>; PARAMETERS.len()] {
        let Carried { click_ids, utm } = self;
        [
            &mut click_ids.fbclid,
            &mut click_ids.ttclid,
            &mut click_ids.gclid,
            &mut click_ids.gbraid,
            &mut click_ids.wbraid,
            &mut click_ids.sccid,
            &mut click_ids.tgclid,
            &mut utm.source,
            &mut utm.medium,
            &mut utm.campaign,
            &mut utm.content,
            &mut utm.term,
        ]
    }
}

/// How many of [`PARAMETERS`], from the first, are click ids.
const CLICK_IDS: usize = 7;

/// The parameters looked for.
const PARAMETERS: [&str; 12] = [
    "fbclid",
    "ttclid",
    "gclid",
    "gbraid",
    "wbraid",
    "sccid",
    "tgclid",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
];

/// The `fbclid` in a referrer's query.
pub(crate) fn fbclid_of_referrer(referrer: &str) -> Option<String> {
    let mut carried = Carried::default();
    carried.read(split_at_mark(without_fragment(referrer), b'?').1?);
    carried.click_ids.fbclid
}

/// An address as far as its fragment.
pub(crate) fn without_fragment(address: &str) -> &str {
    split_at_mark(bounded(address), b'#').0
}

/// The first 16 KB of an address. A longer one ends before the parameter that would be cut.
fn bounded(address: &str) -> &str {
    match address.as_bytes().get(..MAX_ADDRESS) {
        Some(head) => {
            let end = head
                .iter()
                .rposition(|byte| matches!(byte, b'&' | b'?' | b'#'));
            address.get(..end.unwrap_or(0)).unwrap_or_default()
        }
        None => address,
    }
}

/// The query in a single-page app's fragment: `#/page?a=b`, `#!/page?a=b`, `#a=b`.
fn fragment_query(fragment: &str) -> &str {
    match split_at_mark(fragment, b'?') {
        (route, Some(query)) if split_at_mark(route, b'=').1.is_none() => query,
        _ => fragment,
    }
}

fn click_id(value: &str) -> Option<String> {
    (!value.is_empty() && value.len() <= MAX_CLICK_ID).then(|| value.into())
}

/// The click id in Google's cookie `GCL.<unix s>.<gclid>`. Its newer, packed forms are left alone.
fn gclid_of_cookie(value: &str) -> Option<String> {
    let (seconds, gclid) = split_at_mark(value.strip_prefix("GCL.")?, b'.');
    decimal::read(seconds)?;
    click_id(gclid?)
}
