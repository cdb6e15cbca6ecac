//! Meta's two first-party cookies, `_fbc` (the click) and `_fbp` (the browser).
//!
//! Both read `fb.<subdomain index>.<unix ms>.<payload>[.<appendix>]`. The appendix names the library that wrote
//! the cookie: it is read and kept, and never written by us.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::cookie::is_cookie_byte;
use crate::decimal::{self, Digits, MAX_U8, MAX_U64};
use crate::url::{parts, split_at_mark};
use crate::written::{Written, take, text};

/// How long `_fbc` and `_fbp` live: 90 days.
pub const META_COOKIE_MAX_AGE_S: u32 = 90 * 24 * 60 * 60;

const MAX_PAYLOAD: usize = 500;
const MAX_RANDOM: u32 = 0x7fff_ffff;

/// A well-formed `_fbc` value: which click, and when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fbc(String);

impl Fbc {
    /// Makes the value for a click first seen at `ms`. `None` when the click id could not be read back from the
    /// cookie: empty, over 500 characters, with a dot, or with characters that no cookie can hold.
    pub fn new(index: u8, ms: u64, fbclid: &str) -> Option<Fbc> {
        let fbclid = Written::plain(fbclid.as_bytes());
        is_payload(fbclid).then(|| Fbc(value(index, ms, fbclid)))
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbc> {
        is_well_formed(value.as_bytes()).then(|| Fbc(value.into()))
    }

    /// One that is known to be [well-formed](is_well_formed).
    pub(crate) fn well_formed(value: Cow<'_, str>) -> Fbc {
        Fbc(value.into_owned())
    }

    /// The value for a click first seen at `ms`; `None` where that can't be in a cookie or is in the one `sent`, a well-formed
    /// value or none.
    pub(crate) fn renewed(
        sent: Written<'_>,
        fbclid: Written<'_>,
        index: u8,
        ms: u64,
    ) -> Option<Fbc> {
        if fbclid.is_empty() {
            return None;
        }
        let (site, time) = (site(index), time(ms));
        let mut pieces = [Written::default(), Written::default(), fbclid];
        renew(
            &mut pieces,
            sent.as_written(),
            site.as_bytes(),
            time.as_bytes(),
        );
        let [.., payload] = &pieces;
        (!payload.is_empty()).then(|| Fbc(text(&pieces).into_owned()))
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `fbclid` inside.
    pub fn click_id(&self) -> &str {
        core::str::from_utf8(Parts::read(self.0.as_bytes()).payload).unwrap_or_default()
    }

    /// When the click was first seen, in Unix milliseconds.
    pub fn created_ms(&self) -> u64 {
        number(&self.0, 2)
    }

    /// The subdomain index the cookie was written with.
    pub fn index(&self) -> u8 {
        number(&self.0, 1) as u8
    }
}

impl From<Fbc> for String {
    fn from(fbc: Fbc) -> String {
        fbc.0
    }
}

impl From<Fbp> for String {
    fn from(fbp: Fbp) -> String {
        fbp.0
    }
}

/// A well-formed `_fbp` value: which browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fbp(String);

impl Fbp {
    /// Makes the value for a browser first seen at `ms`; `random` is kept within Meta's 2147483647.
    pub fn new(index: u8, ms: u64, random: u32) -> Fbp {
        let mut room = Digits::default();
        let random = decimal::write(u64::from(random & MAX_RANDOM), &mut room);
        Fbp(value(index, ms, Written::plain(random)))
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbp> {
        is_well_formed(value.as_bytes()).then(|| Fbp(value.into()))
    }

    /// One that is known to be [well-formed](is_well_formed).
    pub(crate) fn well_formed(value: Cow<'_, str>) -> Fbp {
        Fbp(value.into_owned())
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Meta's subdomain index of a registrable domain: its labels less one. An IP address and a bare host name are 0;
/// a port is left out.
pub fn subdomain_index(registrable_domain: &str) -> u8 {
    let (domain, _port) = split_at_mark(registrable_domain, b':');
    let mut labels = 0;
    let mut is_ip = false;
    for label in parts(domain, b'.').filter(|label| !label.is_empty()) {
        labels += 1;
        // `[::1]` was cut at its first colon, so an IPv6 address has no dots left.
        is_ip = decimal::read(label.as_bytes()).is_some();
    }
    if is_ip || labels == 0 {
        return 0;
    }
    u8::try_from(labels - 1).unwrap_or(u8::MAX)
}

/// The pieces of a value: `fb.<index>`, `.<unix ms>.` and the payload.
pub(crate) type Pieces<'a> = [Written<'a>; 3];

/// What a value written on a site begins with: `fb.<index>`.
pub(crate) fn site(index: u8) -> String {
    let mut room = Digits::default();
    let index = decimal::write(index.into(), &mut room);
    text(&[Written::plain(b"fb."), Written::plain(index)]).into_owned()
}

/// The time within a value: `.<unix ms>.`.
pub(crate) fn time(ms: u64) -> String {
    let mut room = Digits::default();
    let dot = Written::plain(b".");
    text(&[dot, Written::plain(decimal::write(ms, &mut room)), dot]).into_owned()
}

fn value(index: u8, ms: u64, payload: Written<'_>) -> String {
    let (site, time) = (site(index), time(ms));
    text(&[
        Written::plain(site.as_bytes()),
        Written::plain(time.as_bytes()),
        payload,
    ])
    .into_owned()
}

/// The number at this place in a value that was read or made here.
fn number(value: &str, place: usize) -> u64 {
    parts(value, b'.')
        .nth(place)
        .and_then(|digits| decimal::read(digits.as_bytes()))
        .unwrap_or_default()
}

/// Makes the pieces of a page view's `_fbc` of those of its click id alone, or none where that can't be in a cookie or
/// is in the one `sent`; `site` and `time` are those of a new one.
pub(crate) fn renew<'a>(pieces: &mut Pieces<'a>, sent: &'a [u8], site: &'a [u8], time: &'a [u8]) {
    let parts = Parts::read(sent);
    let [its_site, its_time, fbclid] = pieces;
    if !is_payload(*fbclid) || (*fbclid).eq(parts.payload.iter().copied()) {
        *fbclid = Written::default();
        return;
    }
    let is_new = parts.site.is_empty();
    *its_site = Written::plain(if is_new { site } else { parts.site });
    *its_time = Written::plain(time);
}

/// What a value consists of, less its time; nothing where it is not of Meta's form.
#[derive(Default)]
struct Parts<'a> {
    /// `fb.<index>`
    site: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Parts<'a> {
    #[inline(never)]
    fn read(value: &'a [u8]) -> Parts<'a> {
        let mut rest = value;
        let fb = take(&mut rest, b'.');
        let index = take(&mut rest, b'.');
        let ms = take(&mut rest, b'.');
        let behind = rest.len();
        let payload = take(&mut rest, b'.');
        if fb == b"fb"
            && decimal::is_within(index, MAX_U8)
            && decimal::is_within(ms, MAX_U64)
            && is_payload(Written::plain(payload))
            && (payload.len() == behind || is_appendix(rest))
        {
            return Parts {
                site: value.get(..3 + index.len()).unwrap_or_default(),
                payload,
            };
        }
        Parts::default()
    }
}

/// Whether a cookie's value is of Meta's form.
pub(crate) fn is_well_formed(value: &[u8]) -> bool {
    !Parts::read(value).payload.is_empty()
}

// In line, both take the tracker fewer bytes.
#[inline(always)]
fn is_appendix(text: &[u8]) -> bool {
    names_meta_library(text) || (text.len() == 8 && is_payload(Written::plain(text)))
}

/// Whether `text` is one of the six short names that Meta's parameter builders put behind what they write.
#[inline(always)]
pub fn names_meta_library(text: &[u8]) -> bool {
    let mut known: &[u8] = b"AQ.Ag.Aw.BA.BQ.Bg";
    while !known.is_empty() {
        if take(&mut known, b'.') == text {
            return true;
        }
    }
    false
}

/// Whether `text` can stand between the dots of a cookie.
#[inline(never)]
fn is_payload(text: Written<'_>) -> bool {
    let mut len = 0;
    for byte in text {
        len += 1;
        if len > MAX_PAYLOAD || byte == b'.' || !is_cookie_byte(byte) {
            return false;
        }
    }
    len > 0
}
