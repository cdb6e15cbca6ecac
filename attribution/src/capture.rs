//! What a page view carries: click ids, UTM values and the pixels' cookies.

use alloc::string::String;

use crate::cookie::cookie;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        let mut capture = Capture::default();
        capture.landing_page.push_str(without_fragment(self.href));
        fill(
            &mut capture.referrer,
            Some(without_fragment(self.referrer)),
            MAX_ADDRESS,
        );
        let click_ids = &mut capture.click_ids;
        read_address(self.href, click_ids, &mut capture.utm);
        read_referrer(self.referrer, click_ids);

        let gcl_aw = cookie(self.cookies, "_gcl_aw").and_then(gclid_of_cookie);
        fill(&mut click_ids.gclid, gcl_aw, MAX_CLICK_ID);
        for (slot, name) in [
            (&mut click_ids.ttclid, "ttclid"),
            (&mut click_ids.tgclid, "_tgclid"),
            (&mut capture.ttp, "_ttp"),
            (&mut capture.scid, "_scid"),
        ] {
            fill(slot, cookie(self.cookies, name), MAX_CLICK_ID);
        }

        capture.fbp = Fbp::of_cookies(self.cookies);
        capture.fbc = Fbc::of_cookies(self.cookies);
        if let Some(fbclid) = &click_ids.fbclid {
            let new = match &capture.fbc {
                Some(sent) if sent.click_id() == fbclid => None,
                Some(sent) => Fbc::new(sent.index(), self.now_ms, fbclid),
                None => Fbc::new(self.subdomain_index, self.now_ms, fbclid),
            };
            if new.is_some() {
                capture.fbc = new;
                capture.fbc_is_new = true;
            }
        }
        capture
    }
}

impl Capture {
    /// The fields of a visit that have a value, under AdTarget's names and, where it has none, ours. `fbclid` is
    /// not among them: it is in `fbc`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FIELDS
            .iter()
            .enumerate()
            .filter_map(|(at, &name)| Some((name, self.field(at)?)))
    }

    /// The value of the field at `at` in [`FIELDS`].
    fn field(&self, at: usize) -> Option<&str> {
        let Capture { click_ids, utm, .. } = self;
        let read = match at {
            0 => {
                return Some(&self.landing_page)
                    .filter(|page| !page.is_empty())
                    .map(String::as_str);
            }
            1 => return self.fbc.as_ref().map(Fbc::as_str),
            2 => return self.fbp.as_ref().map(Fbp::as_str),
            3 => &self.referrer,
            4 => &click_ids.gclid,
            5 => &click_ids.ttclid,
            6 => &click_ids.sccid,
            7 => &utm.source,
            8 => &utm.medium,
            9 => &utm.campaign,
            10 => &utm.content,
            11 => &utm.term,
            12 => &click_ids.gbraid,
            13 => &click_ids.wbraid,
            14 => &click_ids.tgclid,
            15 => &self.ttp,
            _ => &self.scid,
        };
        read.as_deref()
    }
}

/// The names of a visit's fields.
static FIELDS: [&str; 17] = [
    "landingPage",
    "fbc",
    "fbp",
    "referrer",
    "gclid",
    "ttclid",
    "sccid",
    "utmSource",
    "utmMedium",
    "utmCampaign",
    "utmContent",
    "utmTerm",
    "gbraid",
    "wbraid",
    "tgclid",
    "ttp",
    "scid",
];

/// Reads what an address carries in its query, then in its fragment's.
pub(crate) fn read_address(address: &str, click_ids: &mut ClickIds, utm: &mut Utm) {
    let (page, fragment) = split_at_mark(bounded(address), b'#');
    let mut slots = slots(click_ids, utm);
    read_query(split_at_mark(page, b'?').1.unwrap_or_default(), &mut slots);
    read_query(fragment_query(fragment.unwrap_or_default()), &mut slots);
}

/// Reads the `fbclid` that a referrer carries, if none is known yet.
pub(crate) fn read_referrer(referrer: &str, click_ids: &mut ClickIds) {
    let query = split_at_mark(without_fragment(referrer), b'?').1;
    let mut slots = [&mut click_ids.fbclid];
    read_query(query.unwrap_or_default(), &mut slots);
}

/// Where the value of each of [`PARAMETERS`] goes.
pub(crate) fn slots<'a>(
    click_ids: &'a mut ClickIds,
    utm: &'a mut Utm,
) -> [Slot<'a>; PARAMETERS.len()] {
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

type Slot<'a> = &'a mut Option<String>;

/// Reads the parameters of `query` that are not known yet, the first of [`PARAMETERS`] into `slots`.
#[inline(never)]
pub(crate) fn read_query(query: &str, slots: &mut [Slot<'_>]) {
    for pair in parts(query, b'&') {
        let (name, value) = split_at_mark(pair, b'=');
        let (name, value) = (decode(name, true).text, value.unwrap_or_default());
        for (at, (slot, known)) in slots.iter_mut().zip(&PARAMETERS).enumerate() {
            if !name.eq_ignore_ascii_case(known) {
                continue;
            }
            let is_click_id = at < CLICK_IDS;
            let decoded = decode(value, !is_click_id);
            if is_click_id {
                let kept = if decoded.is_utf8 {
                    &decoded.text
                } else {
                    value
                };
                fill(slot, Some(kept), MAX_CLICK_ID);
            } else {
                fill(slot, Some(&decoded.text), MAX_ADDRESS);
            }
        }
    }
}

/// How many of [`PARAMETERS`], from the first, are click ids.
const CLICK_IDS: usize = 7;

/// The parameters looked for.
static PARAMETERS: [&str; 12] = [
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

/// An address as far as its fragment.
pub(crate) fn without_fragment(address: &str) -> &str {
    split_at_mark(bounded(address), b'#').0
}

/// The first 16 KB of an address. A longer one ends before the parameter that would be cut.
fn bounded(address: &str) -> &str {
    match address.as_bytes().get(..=MAX_ADDRESS) {
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

/// Keeps a value of 1 to `longest` bytes, if none is known yet.
#[inline(never)]
fn fill(slot: &mut Option<String>, value: Option<&str>, longest: usize) {
    if let (None, Some(value)) = (&slot, value)
        && !value.is_empty()
        && value.len() <= longest
    {
        *slot = Some(value.into());
    }
}

/// The click id in Google's cookie `GCL.<unix s>.<gclid>`. Its newer, packed forms are left alone.
fn gclid_of_cookie(value: &str) -> Option<&str> {
    let (seconds, gclid) = split_at_mark(value.strip_prefix("GCL.")?, b'.');
    decimal::read(seconds)?;
    gclid
}
