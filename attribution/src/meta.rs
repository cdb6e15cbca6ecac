//! Meta's two first-party cookies, `_fbc` (the click) and `_fbp` (the browser).
//!
//! Both read `fb.<subdomain index>.<unix ms>.<payload>[.<appendix>]`. The appendix names the library that wrote
//! the cookie: it is read and kept, and never written by us.

use alloc::string::String;

use crate::cookie::is_cookie_text;
use crate::decimal;

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

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbc> {
        is_well_formed(value).then(|| Fbc(value.into()))
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `fbclid` inside.
    pub fn click_id(&self) -> &str {
        part(&self.0, 3)
    }

    /// When the click was first seen, in Unix milliseconds.
    pub fn created_ms(&self) -> u64 {
        decimal::read(part(&self.0, 2)).unwrap_or(0)
    }

    /// The subdomain index the cookie was written with.
    pub fn index(&self) -> u8 {
        index(part(&self.0, 1)).unwrap_or(0)
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

    /// Reads a cookie's value; anything that is not of Meta's form is `None`.
    pub fn parse(value: &str) -> Option<Fbp> {
        is_well_formed(value).then(|| Fbp(value.into()))
    }

    /// The value as the cookie and the platforms take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Meta's subdomain index of a registrable domain: its labels less one. An IP address and a bare host name are 0;
/// a port is left out.
pub fn subdomain_index(registrable_domain: &str) -> u8 {
    let domain = match registrable_domain.split_once(':') {
        Some((host, _port)) => host,
        None => registrable_domain,
    };
    let domain = domain.trim_matches('.');
    let last_label = domain.rsplit('.').next().unwrap_or(domain);
    // `[::1]` was cut at its first colon, so nothing with a dot is left of an IPv6 address.
    if decimal::read(last_label).is_some() {
        return 0;
    }
    let dots = domain.bytes().filter(|&byte| byte == b'.').count();
    u8::try_from(dots).unwrap_or(u8::MAX)
}

fn is_well_formed(value: &str) -> bool {
    let mut parts = value.split('.');
    parts.next() == Some("fb")
        && parts.next().is_some_and(|part| index(part).is_some())
        && parts.next().is_some_and(|ms| decimal::read(ms).is_some())
        && parts.next().is_some_and(is_payload)
        && parts.next().is_none_or(is_appendix)
        && parts.next().is_none()
}

fn index(part: &str) -> Option<u8> {
    u8::try_from(decimal::read(part)?).ok()
}

fn is_payload(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PAYLOAD && !text.contains('.') && is_cookie_text(text)
}

fn is_appendix(text: &str) -> bool {
    matches!(text, "AQ" | "Ag" | "Aw" | "BA" | "BQ" | "Bg")
        || (text.len() == 8 && is_cookie_text(text))
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

fn part(value: &str, at: usize) -> &str {
    value.split('.').nth(at).unwrap_or_default()
}
