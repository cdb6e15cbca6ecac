//! Addresses that lead to Telegram and nowhere else: the guard of every redirect. Only the edge needs it.
//!
//! Nothing of the input is passed on: an address is checked byte by byte, taken apart, and written anew from
//! the parts, so that no browser can read another host into it. The forms are those of Telegram's "Deep links".

use alloc::string::String;
use core::fmt;

use crate::url::{parameters, parts, split_at_mark};

const T_ME: &str = "t.me";
const HOSTS: [&str; 3] = [T_ME, "telegram.me", "telegram.dog"];
const MAX_LINK: usize = 2048;
const MAX_NAME: usize = 32;
const MAX_INVITE: usize = 64;
const MAX_START: usize = 64;

/// First path segments of `t.me` that are no channel, group, bot or person.
const NOT_CHATS: [&str; 30] = [
    "addemoji",
    "addlist",
    "addstickers",
    "addstyle",
    "addtheme",
    "auction",
    "auth",
    "bg",
    "boost",
    "call",
    "confirmphone",
    "contact",
    "folder",
    "giftcode",
    "invoice",
    "iv",
    "joinchat",
    "login",
    "m",
    "msg",
    "nft",
    "privatepost",
    "proxy",
    "resolve",
    "s",
    "setlanguage",
    "share",
    "socks",
    "stickers",
    "web",
];

/// Why an address is not a Telegram link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// Over 2,048 bytes.
    TooLong,
    /// A control byte, white space or a backslash, or a byte outside ASCII before the query.
    Character,
    /// Neither `http://`, `https://`, `tg://` nor `tg:`, spelled with exactly these slashes.
    Scheme,
    /// A user name or password before the host.
    Credentials,
    /// A port, be it the usual one.
    Port,
    /// Any host but t.me, telegram.me, telegram.dog and `<name>.t.me`.
    Host,
    /// No path, an empty or dotted segment, a character or an escape that no Telegram link has.
    Path,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkError::TooLong => "the link is too long",
            LinkError::Character => "the link holds a character that no address may hold",
            LinkError::Scheme => "the link is neither https, http nor tg",
            LinkError::Credentials => "the link names a user before its host",
            LinkError::Port => "the link names a port",
            LinkError::Host => "the link's host is not one of Telegram's",
            LinkError::Path => "the link's path is not one of Telegram's",
        })
    }
}

impl core::error::Error for LinkError {}

/// An address that leads to Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelegramLink {
    text: String,
    target: Target,
}

/// What a link opens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// A public channel, group, bot or person, by its name.
    Name(String),
    /// A private chat, by `+` and the hash of its invite.
    Invite(String),
    /// A post in a private chat.
    Post,
    /// Anything else: stickers, proxies, phone numbers …
    Other,
}

impl TelegramLink {
    /// Checks an address and rebuilds it.
    pub fn parse(address: &str) -> Result<TelegramLink, LinkError> {
        if address.len() > MAX_LINK {
            return Err(LinkError::TooLong);
        }
        if address
            .bytes()
            .any(|byte| byte.is_ascii() && (!byte.is_ascii_graphic() || byte == b'\\'))
        {
            return Err(LinkError::Character);
        }
        let (address, _fragment) = split_at_mark(address, b'#');
        let (address, query) = split_at_mark(address, b'?');
        if !address.is_ascii() {
            return Err(LinkError::Character);
        }
        let (scheme, rest) = address.split_once(':').ok_or(LinkError::Scheme)?;
        if scheme.eq_ignore_ascii_case("tg") {
            return parse_app(rest, query);
        }
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err(LinkError::Scheme);
        }
        parse_web(rest.strip_prefix("//").ok_or(LinkError::Scheme)?, query)
    }

    /// The address, rebuilt: `https://<host>/…` with the host as it was named, in lower case, or `tg://…`. `<name>.t.me` is `t.me/<name>`.
    /// ASCII alone, without a fragment.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same without its query.
    pub fn address(&self) -> &str {
        split_at_mark(&self.text, b'?').0
    }

    /// The name of the public chat or bot, or `+` and the invite's hash, however the link spelled it.
    pub fn name(&self) -> Option<&str> {
        match &self.target {
            Target::Name(name) | Target::Invite(name) => Some(name),
            Target::Post | Target::Other => None,
        }
    }

    /// The payload that a bot is started with, where it is one that Telegram would pass on.
    pub fn start(&self) -> Option<&str> {
        let query = split_at_mark(&self.text, b'?').1?;
        let value = parts(query, b'&').find_map(|pair| pair.strip_prefix("start="))?;
        is_start(value).then_some(value)
    }

    /// The same link with another `start` payload. `None` when Telegram would not pass it on: it is empty, over
    /// 64 characters or holds others than `A-Za-z0-9_-`, or the link opens no public name.
    pub fn with_start(&self, payload: &str) -> Option<TelegramLink> {
        if !is_start(payload) || !matches!(self.target, Target::Name(_)) {
            return None;
        }
        let (address, query) = split_at_mark(&self.text, b'?');
        let mut text = String::from(address);
        let mut mark = '?';
        for pair in query.unwrap_or_default().split('&') {
            if !pair.is_empty() && split_at_mark(pair, b'=').0 != "start" {
                text.push(mark);
                text.push_str(pair);
                mark = '&';
            }
        }
        text.push(mark);
        text.push_str("start=");
        text.push_str(payload);
        (text.len() <= MAX_LINK).then(|| TelegramLink {
            text,
            target: self.target.clone(),
        })
    }

    /// Whether the link opens a channel, a group, a bot or a person by name, an invite, or a post among them;
    /// not stickers, proxies, phone numbers, folders, sharing and the like.
    pub fn is_chat(&self) -> bool {
        !matches!(self.target, Target::Other)
    }
}

/// `https://<host>/<path>?<query>`, from behind the slashes.
fn parse_web(rest: &str, query: Option<&str>) -> Result<TelegramLink, LinkError> {
    let (authority, path) = split_at_mark(rest, b'/');
    if authority.contains('@') {
        return Err(LinkError::Credentials);
    }
    let known = HOSTS
        .into_iter()
        .find(|host| authority.eq_ignore_ascii_case(host));
    let (host, name) = match known {
        Some(host) => (host, None),
        None if authority.contains(':') => return Err(LinkError::Port),
        None => (T_ME, Some(name_of_host(authority).ok_or(LinkError::Host)?)),
    };

    let mut text = String::from("https://");
    text.push_str(host);
    let path = path.unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    // The name alone needs no path.
    let segments = path
        .split('/')
        .skip(usize::from(name.is_some() && path.is_empty()));
    for segment in name.into_iter().chain(segments) {
        text.push('/');
        push_segment(&mut text, segment)?;
    }
    let target = target_of_path(text.split('/').skip(3));
    push_query(&mut text, query);
    finish(text, target)
}

/// The name in `<name>.t.me`, which Telegram has stand for `t.me/<name>`, but for single letters and `www`.
fn name_of_host(host: &str) -> Option<&str> {
    let (name, domain) = host.split_once('.')?;
    let is_name = domain.eq_ignore_ascii_case(T_ME)
        && name.len() > 1
        && !name.eq_ignore_ascii_case("www")
        && target_of_name(name) != Target::Other;
    is_name.then_some(name)
}

/// `tg:<action>?<query>` or `tg://<action>?<query>`, from behind the colon.
fn parse_app(rest: &str, query: Option<&str>) -> Result<TelegramLink, LinkError> {
    let action = rest.strip_prefix("//").unwrap_or(rest);
    if action.contains('@') {
        return Err(LinkError::Credentials);
    }
    if action.contains(':') {
        return Err(LinkError::Port);
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if action.is_empty() || !action.bytes().all(is_word) {
        return Err(LinkError::Path);
    }
    let action = action.to_ascii_lowercase();
    let parameter = |wanted: &str| {
        parameters(query.unwrap_or_default())
            .find(|(name, value)| name == wanted && !value.is_empty())
            .map(|(_, value)| value)
    };
    let target = match action.as_str() {
        "resolve" => target_of_name(&parameter("domain").unwrap_or_default()),
        "join" => target_of_invite(&parameter("invite").unwrap_or_default()),
        "privatepost" => Target::Post,
        _ => Target::Other,
    };
    let mut text = String::from("tg://");
    text.push_str(&action);
    push_query(&mut text, query);
    finish(text, target)
}

fn finish(text: String, target: Target) -> Result<TelegramLink, LinkError> {
    // Escaping may have made it longer.
    if text.len() > MAX_LINK {
        return Err(LinkError::TooLong);
    }
    Ok(TelegramLink { text, target })
}

/// Writes a segment of the path. `%2B` is Telegram's own other spelling of the `+` before an invite's hash; no
/// other escape has a place there.
fn push_segment(text: &mut String, segment: &str) -> Result<(), LinkError> {
    let rest = match segment.get(..3) {
        Some(plus) if plus.eq_ignore_ascii_case("%2b") => {
            text.push('+');
            segment.get(3..).unwrap_or_default()
        }
        _ => segment,
    };
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'$' | b'=')
    };
    if matches!(segment, "" | "." | "..") || !rest.bytes().all(is_allowed) {
        return Err(LinkError::Path);
    }
    text.push_str(rest);
    Ok(())
}

/// Writes the query, with everything escaped that the URL Standard or a header would take offence at.
fn push_query(text: &mut String, query: Option<&str>) {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return;
    };
    text.push('?');
    for byte in query.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>') {
            text.push(char::from(byte));
        } else {
            crate::url::push_escape(text, byte);
        }
    }
}

fn target_of_path<'a>(mut segments: impl Iterator<Item = &'a str>) -> Target {
    let first = segments.next().unwrap_or_default();
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    if let Some(hash) = first.strip_prefix('+') {
        return target_of_invite(hash);
    }
    let second = segments.next().unwrap_or_default();
    if is("joinchat") {
        target_of_invite(second)
    } else if is("s") {
        target_of_name(second)
    } else if is("c") {
        Target::Post
    } else {
        target_of_name(first)
    }
}

fn target_of_name(name: &str) -> Target {
    let is_name = name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !NOT_CHATS.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_name {
        Target::Name(name.into())
    } else {
        Target::Other
    }
}

/// An invite's hash; digits alone are a phone number.
fn target_of_invite(hash: &str) -> Target {
    let is_hash = hash.len() <= MAX_INVITE
        && hash.bytes().all(is_base64url)
        && hash.bytes().any(|byte| !byte.is_ascii_digit());
    if !is_hash {
        return Target::Other;
    }
    let mut name = String::from("+");
    name.push_str(hash);
    Target::Invite(name)
}

fn is_start(payload: &str) -> bool {
    !payload.is_empty() && payload.len() <= MAX_START && payload.bytes().all(is_base64url)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
