//! Meta's two first-party cookies, `_fbc` (the click) and `_fbp` (the browser).
//!
//! Both read `fb.<subdomain index>.<unix ms>.<payload>[.<appendix>]`. The appendix names the library that wrote
//! the cookie: it is read and kept, and never written by us.

use alloc::string::String;

use crate::cookie::is_cookie_byte;
use crate::decimal::{self, Digits};
use crate::url::{parts, split_at_mark};
use crate::written::{Written, cut, text};

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
        is_payload(fbclid).then(|| Fbc(text(&pieces(index, ms, fbclid, &mut Default::default()))))
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbc> {
        is_well_formed(value.as_bytes()).then(|| Fbc(value.into()))
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `fbclid` inside.
    pub fn click_id(&self) -> &str {
        core::str::from_utf8(Parts::of(&self.0).payload).unwrap_or_default()
    }

    /// When the click was first seen, in Unix milliseconds.
    pub fn created_ms(&self) -> u64 {
        Parts::of(&self.0).ms
    }

    /// The subdomain index the cookie was written with.
    pub fn index(&self) -> u8 {
        Parts::of(&self.0).index
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
        let random = Written::plain(random);
        Fbp(text(&pieces(index, ms, random, &mut Default::default())))
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbp> {
        is_well_formed(value.as_bytes()).then(|| Fbp(value.into()))
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

/// The pieces of the `_fbc` of a page view whose click is `fbclid`, where it is not the click of the one `sent`.
pub(crate) fn renew<'a>(
    sent: &[u8],
    fbclid: Written<'a>,
    index: u8,
    ms: u64,
    room: &'a mut [Digits; 2],
) -> Option<[Written<'a>; PIECES]> {
    let parts = Parts::read(sent);
    if !is_payload(fbclid)
        || parts
            .as_ref()
            .is_some_and(|parts| fbclid.eq(parts.payload.iter().copied()))
    {
        return None;
    }
    Some(pieces(
        parts.map_or(index, |parts| parts.index),
        ms,
        fbclid,
        room,
    ))
}

/// The pieces of a value: `fb.`, index, dot, time, dot, payload.
const PIECES: usize = 6;

fn pieces<'a>(
    index: u8,
    ms: u64,
    payload: Written<'a>,
    room: &'a mut [Digits; 2],
) -> [Written<'a>; PIECES] {
    let [index_room, ms_room] = room;
    let dot = Written::plain(b".");
    [
        Written::plain(b"fb."),
        Written::plain(decimal::write(index.into(), index_room)),
        dot,
        Written::plain(decimal::write(ms, ms_room)),
        dot,
        payload,
    ]
}

/// What stands between the dots.
#[derive(Default)]
struct Parts<'a> {
    index: u8,
    ms: u64,
    payload: &'a [u8],
}

impl<'a> Parts<'a> {
    #[inline(never)]
    fn read(value: &'a [u8]) -> Option<Parts<'a>> {
        let (fb, rest) = cut(value, b'.');
        let (index, rest) = cut(rest, b'.');
        let (ms, rest) = cut(rest, b'.');
        let (payload, appendix) = cut(rest, b'.');
        let is_meta = fb == b"fb"
            && is_payload(Written::plain(payload))
            && (payload.len() == rest.len() || is_appendix(appendix));
        let parts = Parts {
            index: u8::try_from(decimal::read(index)?).ok()?,
            ms: decimal::read(ms)?,
            payload,
        };
        is_meta.then_some(parts)
    }

    /// The parts of a value that was read or made here.
    fn of(value: &'a str) -> Parts<'a> {
        Parts::read(value.as_bytes()).unwrap_or_default()
    }
}

/// Whether a cookie's value is of Meta's form.
pub(crate) fn is_well_formed(value: &[u8]) -> bool {
    Parts::read(value).is_some()
}

/// The short ones, two characters each.
const APPENDICES: &[u8] = b"AQAgAwBABQBg";

fn is_appendix(text: &[u8]) -> bool {
    APPENDICES.chunks(2).any(|known| known == text)
        || (text.len() == 8 && is_payload(Written::plain(text)))
}

/// Whether `text` can stand between the dots of a cookie.
fn is_payload(mut text: Written<'_>) -> bool {
    !text.is_empty()
        && text.count() <= MAX_PAYLOAD
        && text.all(|byte| byte != b'.' && is_cookie_byte(byte))
}
