//! `POST` or `GET /pxl`: Telegram Ads' pixel, first-party. What its script would send to Telegram goes on from here, as the
//! visitor's own.
//!
//! The wire is that of `telegram.org/js/pixel.js`, a form: `p` (a pixel that is on the page) or `e` (an event), the event's
//! parameters under names of their own, `c` (the click's id), `t` (when, Unix ms), `l` (the page's address).

use std::borrow::Cow;

use attribution::{PageView, TOUCH_COOKIE, Touches};
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::caller::Caller;
use crate::cookies;
use crate::edge::{self, Edge};
use crate::error::Error;
use crate::message::Message;
use crate::runtime::{self, Call};

/// The most that a call may hold, in bytes.
pub const LIMIT: u32 = 16 * 1024;

/// How long Telegram may take, in ms: nobody waits.
const TIMEOUT_MS: u32 = 10_000;
/// How long a call is worth being made, in ms: two days.
const LIFE_MS: u64 = 48 * 60 * 60 * 1_000;

const MAX_ID: usize = 64;
const MAX_CLICK_ID: usize = 1_024;

/// An image of one pixel, for a page that asks by `<img>`. It has no table of colours, so all its bytes are ASCII.
const GIF: &str = "GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Takes a call of the pixel, and makes it at Telegram after the answer.
///
/// # Errors
/// `INVALID_PAYLOAD` naming the field, `PAYLOAD_TOO_LARGE`, `FORBIDDEN_DOMAIN`, `RATE_LIMITED`; Telegram hears nothing then.
pub async fn pixel(edge: &Edge<'_>) -> Result<Answer, Error> {
    edge.limit_address().await?;
    let is_post = edge.caller.method == "POST";
    let form = if is_post { body(edge)? } else { query(edge)? };
    let mut fields = Fields::parse(form)?;
    let page = fields.page(&edge.caller)?;
    let host =
        super::page_host(&page).map_err(|_| Error::field("l", "not the address of a page"))?;
    let site = edge
        .config
        .site_of_host(&host)
        .ok_or(Error::WebsiteNotFound)?;
    super::check_domain(edge, site, &page)?;
    if let Some(visitor) = edge.caller.temp_id() {
        edge.limit_visitor(visitor).await?;
    }
    if fields.first("c").is_none()
        && let Some(click) = known_click(edge, &page)
    {
        fields.put("c", click);
    }
    if fields.first("t").is_none() {
        fields.put("t", edge.now_ms.to_string());
    }
    if !edge.has_objected() {
        deliver(edge, PixelCall::new(&fields, edge));
    }
    Ok(if is_post {
        Answer::empty(204)
    } else {
        Answer::new(200, "image/gif", GIF.to_owned()).header("cache-control", "no-store")
    })
}

/// The form in a body.
fn body<'a>(edge: &Edge<'a>) -> Result<&'a str, Error> {
    let media_type = edge
        .caller
        .content_type
        .split(';')
        .next()
        .unwrap_or_default();
    let expected = ["", "application/x-www-form-urlencoded", "text/plain"];
    if !expected
        .iter()
        .any(|known| media_type.trim().eq_ignore_ascii_case(known))
    {
        return Err(Error::InvalidPayload(
            "content-type: expected application/x-www-form-urlencoded".to_owned(),
        ));
    }
    str::from_utf8(edge.body.clone()?)
        .map_err(|_| Error::InvalidPayload("the body is not UTF-8".to_owned()))
}

/// The form in a query.
fn query<'a>(edge: &Edge<'a>) -> Result<&'a str, Error> {
    let query = edge.caller.query;
    if query.len() > LIMIT as usize {
        return Err(Error::PayloadTooLarge(LIMIT));
    }
    Ok(query)
}

/// The fields of a call, in their order; each of the pixel's own is there at most once and of its form, and what has no value
/// is not there.
#[derive(Debug)]
struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    fn parse(form: &'a str) -> Result<Self, Error> {
        let is_own = |name: &str| matches!(name, "p" | "e" | "c" | "t" | "l");
        let fields = Self(
            form_urlencoded::parse(form.as_bytes())
                .filter(|(name, value)| !(is_own(name) && value.is_empty()))
                .collect(),
        );
        // An event may have a parameter `p` of its own.
        let id = if fields.first("e").is_some() {
            "e"
        } else {
            "p"
        };
        for (name, is_fit, expected) in [
            (
                id,
                is_id as fn(&str) -> bool,
                "expected letters, digits, - and _, at most 64",
            ),
            (
                "c",
                is_click_id,
                "expected at most 1024 characters of printable ASCII",
            ),
            ("t", is_time, "expected a Unix time in ms"),
            ("l", |_| true, ""),
        ] {
            let mut given = fields.all(name);
            let first = given.next();
            if first.is_some_and(|value| !is_fit(value)) {
                return Err(Error::field(name, expected));
            }
            if given.next().is_some() {
                return Err(Error::field(name, "given twice"));
            }
        }
        if fields.first(id).is_none() {
            return Err(Error::field("p", "missing, and e, too"));
        }
        Ok(fields)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn put(&mut self, name: &'a str, value: String) {
        self.0.push((name.into(), value.into()));
    }

    /// The page's address: what the call says, else what the browser says.
    fn page(&mut self, caller: &Caller<'_>) -> Result<String, Error> {
        if let Some(page) = self.first("l") {
            return Ok(page.to_owned());
        }
        if caller.referer.is_empty() {
            return Err(Error::field("l", "missing"));
        }
        self.put("l", caller.referer.to_owned());
        Ok(caller.referer.to_owned())
    }
}

/// A pixel's or an event's id, such as `aGnVh4yo` and `aGnVh4yo-ilGRYPNJ`.
fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_click_id(text: &str) -> bool {
    text.len() <= MAX_CLICK_ID && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_time(text: &str) -> bool {
    text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The Telegram Ads click that brought the visitor: of the page's address, of the cookie that Telegram's script and the edge keep,
/// else of the visitor's touches, as long as Telegram's script would know it.
fn known_click(edge: &Edge<'_>, page: &str) -> Option<String> {
    let view = PageView {
        href: page,
        referrer: "",
        cookies: edge.caller.cookies,
        now_ms: edge.now_ms,
        subdomain_index: 0,
    };
    let remembered = || {
        let touches = Touches::parse(edge.caller.cookie(TOUCH_COOKIE)?);
        let life_ms = u64::from(cookies::TGCLID.max_age_s) * 1_000;
        [touches.later, touches.first]
            .into_iter()
            .flatten()
            .filter(|touch| edge.now_ms.saturating_sub(touch.at_ms) <= life_ms)
            .find_map(|touch| touch.click_ids.tgclid)
    };
    view.capture()
        .click_ids
        .tgclid
        .or_else(remembered)
        .map(Into::into)
        .filter(|click: &String| is_click_id(click))
}

/// A call of the pixel, whole: it can be made now, or kept in the queue until Telegram takes it. It says the same each time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PixelCall {
    /// The form.
    pub form: String,
    /// When the edge got it, Unix time in ms.
    pub at_ms: u64,
    /// The visitor's address.
    pub ip: String,
    /// The visitor's User-Agent.
    pub user_agent: String,
    /// The Origin, empty where the browser sent none.
    pub origin: String,
    /// The Referer, empty where the browser sent none.
    pub referer: String,
}

/// What came of a call.
#[derive(Debug)]
pub enum Outcome {
    /// Telegram took it.
    Taken,
    /// Telegram will not take it; the status is all it says.
    Refused(u16),
    /// Telegram may take it later: slow, cut off, 429, 5xx.
    Failed {
        /// In words for the log.
        why: String,
        /// When it wants to be asked again, in s.
        retry_after_s: Option<u32>,
    },
}

impl PixelCall {
    fn new(fields: &Fields<'_>, edge: &Edge<'_>) -> Self {
        let caller = &edge.caller;
        Self {
            form: Serializer::new(String::new())
                .extend_pairs(&fields.0)
                .finish(),
            at_ms: edge.now_ms,
            ip: caller.ip.to_owned(),
            user_agent: caller.user_agent.to_owned(),
            origin: caller.origin.to_owned(),
            referer: caller.referer.to_owned(),
        }
    }

    /// Whether it is no longer worth being made at `now_ms`, Unix time in ms.
    pub fn is_stale(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) > LIFE_MS
    }

    /// Makes the call, once, at `base`: scheme and host. A second one says the same, `t` included.
    pub async fn make(&self, base: &str) -> Outcome {
        let mut headers = Answer::empty(0).header(
            "content-type",
            "application/x-www-form-urlencoded;charset=UTF-8",
        );
        // What a browser says of the first two never comes this far.
        for (name, value) in [
            ("x-forwarded-for", &self.ip),
            ("x-real-ip", &self.ip),
            ("user-agent", &self.user_agent),
            ("origin", &self.origin),
            ("referer", &self.referer),
        ] {
            if !value.is_empty() {
                headers = headers.header(name, value);
            }
        }
        let call = Call {
            url: &format!("{base}/pxl"),
            method: "POST",
            headers: headers.headers(),
            body: &self.form,
            timeout_ms: TIMEOUT_MS,
        };
        match call.send().await {
            Ok(reply) => match reply.status {
                200..=299 => Outcome::Taken,
                408 | 429 | 500.. => Outcome::Failed {
                    why: reply.status.to_string(),
                    retry_after_s: reply.retry_after.parse().ok(),
                },
                status => Outcome::Refused(status),
            },
            Err(why) => Outcome::Failed {
                why,
                retry_after_s: None,
            },
        }
    }
}

/// Makes the call after the answer; the queue has it when Telegram does not take it.
fn deliver(edge: &Edge<'_>, call: PixelCall) {
    let (env, config, context) = (edge.env.clone(), edge.config, edge.context.clone());
    edge.context.after_answer(async move {
        match call.make(&config.telegram_ads).await {
            Outcome::Taken => {}
            Outcome::Refused(status) => {
                runtime::log_warning(&format!("Telegram refused a call of the pixel: {status}"));
            }
            Outcome::Failed { why, retry_after_s } => {
                runtime::log_warning(&format!("Telegram's pixel: {why}; the queue has it"));
                let message = Message::Pixel(Box::new(call));
                edge::keep(&env, &context, &message, retry_after_s.unwrap_or(0));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(form: &str) -> String {
        Fields::parse(form).unwrap_err().to_string()
    }

    #[test]
    fn fields_of_their_form() {
        for form in [
            "p=aGnVh4yo",
            "e=aGnVh4yo-ilGRYPNJ&value=9.99&currency=EUR&c=abc_-.~&t=1790000000000&l=https%3A%2F%2Fa.example%2F",
            "e=pixel_12345&p=a parameter&p=another",
            "p=x&c=&t=&l=&e=",
        ] {
            assert!(Fields::parse(form).is_ok(), "{form}");
        }
    }

    #[test]
    fn what_is_not_is_named() {
        assert_eq!(error(""), "p: missing, and e, too");
        assert_eq!(error("x=1&value=2"), "p: missing, and e, too");
        for form in [
            "p=a%20b",
            "p=%00",
            "p=a/b",
            "p=%C3%A9",
            &format!("p={}", "a".repeat(65)),
        ] {
            assert!(error(form).starts_with("p: expected"), "{form}");
        }
        for t in ["x", "-1", "1.5", "12345678901234567", "1e9"] {
            assert!(error(&format!("p=a&t={t}")).starts_with("t: "), "{t}");
        }
        for c in ["a%20b", "%0D%0A", "%C3%A9", &"c".repeat(1_025)] {
            assert!(error(&format!("p=a&c={c}")).starts_with("c: "), "{c}");
        }
        for name in ["p", "c", "t", "l"] {
            let form = format!("p=a&{name}=1&{name}=1");
            assert_eq!(error(&form), format!("{name}: given twice"));
        }
        assert_eq!(error("e=a&e=b"), "e: given twice");
    }

    #[test]
    fn a_call_lives_two_days() {
        let call = PixelCall {
            form: String::new(),
            at_ms: 1_790_000_000_000,
            ip: String::new(),
            user_agent: String::new(),
            origin: String::new(),
            referer: String::new(),
        };
        assert!(!call.is_stale(0));
        assert!(!call.is_stale(call.at_ms + LIFE_MS));
        assert!(call.is_stale(call.at_ms + LIFE_MS + 1));
    }
}
