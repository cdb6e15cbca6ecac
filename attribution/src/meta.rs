//! Meta's two first-party cookies, `_fbc` (the click) and `_fbp` (the browser).
//!
//! Both read `fb.<subdomain index>.<unix ms>.<payload>[.<appendix>]`. The appendix names the library that wrote
//! the cookie: it is read and kept, and never written by us.

use alloc::string::String;

use crate::cookie::{is_cookie_text, values};
use crate::decimal;
use crate::url::{parts, split_at_mark};

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
        is_payload(fbclid).then(|| Fbc(join(index, ms, fbclid)))
    }

    /// The first well-formed value among the cookies.
    pub(crate) fn of_cookies(cookies: &str) -> Option<Fbc> {
        of_cookies(cookies, "_fbc").map(Fbc)
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbc> {
        Parts::read(value).map(|_| Fbc(value.into()))
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `fbclid` inside.
    pub fn click_id(&self) -> &str {
        Parts::of(&self.0).payload
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
        let mut payload = String::new();
        decimal::push(&mut payload, u64::from(random & MAX_RANDOM));
        Fbp(join(index, ms, &payload))
    }

    /// The first well-formed value among the cookies.
    pub(crate) fn of_cookies(cookies: &str) -> Option<Fbp> {
        of_cookies(cookies, "_fbp").map(Fbp)
    }

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbp> {
        Parts::read(value).map(|_| Fbp(value.into()))
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
        is_ip = decimal::read(label).is_some();
    }
    if is_ip || labels == 0 {
        return 0;
    }
    u8::try_from(labels - 1).unwrap_or(u8::MAX)
}

#[inline(never)]
fn of_cookies(cookies: &str, name: &str) -> Option<String> {
    values(cookies, name)
        .find(|value| Parts::read(value).is_some())
        .map(Into::into)
}

/// What stands between the dots.
#[derive(Default)]
struct Parts<'a> {
    index: u8,
    ms: u64,
    payload: &'a str,
}

impl<'a> Parts<'a> {
    #[inline(never)]
    fn read(value: &'a str) -> Option<Parts<'a>> {
        let (index, rest) = split_at_mark(value.strip_prefix("fb.")?, b'.');
        let (ms, rest) = split_at_mark(rest?, b'.');
        let (payload, appendix) = split_at_mark(rest?, b'.');
        let parts = Parts {
            index: u8::try_from(decimal::read(index)?).ok()?,
            ms: decimal::read(ms)?,
            payload,
        };
        (is_payload(payload) && appendix.is_none_or(is_appendix)).then_some(parts)
    }

    /// The parts of a value that was read or made here.
    fn of(value: &'a str) -> Parts<'a> {
        Parts::read(value).unwrap_or_default()
    }
}

fn is_payload(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PAYLOAD && is_part(text)
}

fn is_appendix(text: &str) -> bool {
    matches!(text, "AQ" | "Ag" | "Aw" | "BA" | "BQ" | "Bg") || (text.len() == 8 && is_part(text))
}

/// Whether `text` can stand between the dots of a cookie.
fn is_part(text: &str) -> bool {
    is_cookie_text(text) && split_at_mark(text, b'.').1.is_none()
}

fn join(index: u8, ms: u64, payload: &str) -> String {
    let mut value = String::from("fb.");
    decimal::push(&mut value, u64::from(index));
    value.push('.');
    decimal::push(&mut value, ms);
    value.push('.');
    value.push_str(payload);
    value
}
