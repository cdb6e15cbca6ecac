//! `POST` or `GET /pxl`: Telegram Ads' pixel, first-party. What its script would send to Telegram goes on from here, as the
//! visitor's own.
//!
//! The wire is that of `telegram.org/js/pixel.js`, a form: `p` (a pixel that is on the page) or `e` (an event), the event's
//! parameters under names of their own, `c` (the click's id), `t` (when, Unix ms), `l` (the page's address).

use std::borrow::Cow;

use attribution::{PageView, TOUCH_COOKIE, Touches};
use form_urlencoded::Serializer;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::cookies;
use crate::edge::{self, Edge};
use crate::error::Error;
use crate::message::Message;
use crate::routes::CALL_LIMIT;
use crate::runtime;
use crate::telegram::pixel::{Outcome, PixelCall};
use crate::track::fields::text;

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
        && let Some(click) = known_click(edge, &site.click_id_parameters.restore(&page).address)
    {
        fields.put("c", click);
    }
    if fields.first("t").is_none() {
        fields.put("t", edge.now_ms.to_string());
    }
    if !edge.has_objected() {
        deliver(edge, call(&fields, edge));
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
    text(edge.body.clone()?)
}

/// The form in a query.
fn query<'a>(edge: &Edge<'a>) -> Result<&'a str, Error> {
    let query = edge.caller.query;
    if query.len() > CALL_LIMIT as usize {
        return Err(Error::PayloadTooLarge(CALL_LIMIT));
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

/// The call that says `fields`.
fn call(fields: &Fields<'_>, edge: &Edge<'_>) -> PixelCall {
    let caller = &edge.caller;
    PixelCall {
        form: Serializer::new(String::new())
            .extend_pairs(&fields.0)
            .finish(),
        at_ms: edge.now_ms,
        ip: caller.own_ip().to_owned(),
        user_agent: caller.user_agent.to_owned(),
        origin: caller.origin.to_owned(),
        referer: caller.referer.to_owned(),
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
}
