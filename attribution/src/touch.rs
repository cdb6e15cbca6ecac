//! The first and the last click of a visitor, remembered in one cookie. Only the edge needs it.
//!
//! A touch is written as the query that would carry it: `at=1&fbclid=…&utm_source=…&referrer=…&page=…`. The
//! cookie holds `first|last`, or one touch alone where the first is the last.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::capture::{ClickIds, PageView, Utm, carried, slot, without_fragment};
use crate::decimal::{self, Digits};
use crate::url::{is_within, parameters, push_escape, split, split_at_mark};
use crate::written::{Written, take, text};

/// The name of the cookie that holds [`Touches`].
pub const TOUCH_COOKIE: &str = "edgeway_touch";

/// The most that one touch takes of the cookie: both and the bar between them stay under 1,800 bytes.
const MAX_TOUCH: usize = 899;
/// What a touch mostly fits in.
const USUAL_TOUCH: usize = 384;
/// No browser keeps a longer cookie, so none was written by us.
const MAX_COOKIE: usize = 4096;

/// How long somebody is still under way by what brought them, in ms: as long as a session.
const SESSION_MS: u64 = 30 * 60_000;
/// How long a redirect may take to lead on, in ms.
const REDIRECT_MS: u64 = 30_000;
/// How soon nobody comes by another click, in ms: what tells of one is late.
const NEXT_CLICK_MS: u64 = 10_000;

/// A page view as a step on the visitor's way: what brought them, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch<'a> {
    /// When, in Unix milliseconds; of one that brought the visitor again, the last time.
    pub at_ms: u64,
    /// The click ids of this page view's own address; those remembered in cookies belong to earlier touches.
    pub click_ids: ClickIds<'a>,
    /// The UTM values of the address.
    pub utm: Utm<'a>,
    /// Where the visitor came from, when that is another site.
    pub referrer: Option<Cow<'a, str>>,
    /// The page's address without query and fragment.
    pub landing_page: Cow<'a, str>,
}

impl<'a> Touch<'a> {
    /// The click id or UTM value of that name, as a visit's fields are called.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        let name = match name {
            "fbclid" => "fbc",
            "fbc" => return None,
            name => name,
        };
        slot(name.as_bytes(), &mut self.click_ids, &mut self.utm)
    }

    /// Whether its address carries a click id or a UTM value.
    pub fn carries_anything(&self) -> bool {
        !self.click_ids.is_empty() || !self.utm.is_empty()
    }

    /// Whether something brought the visitor: a click id, a UTM value or another site.
    pub fn is_sourced(&self) -> bool {
        self.carries_anything() || self.referrer.is_some()
    }
}

impl<'a> PageView<'a> {
    /// The page view as a touch, without what its queries carry.
    pub(crate) fn begin_touch(&self) -> Touch<'a> {
        let page = without_fragment(self.href);
        let referrer = without_fragment(self.referrer);
        let read = |bytes: &'a [u8]| text(&[Written::plain(bytes)]);
        Touch {
            at_ms: self.now_ms,
            referrer: self.is_external(referrer).then(|| read(referrer)),
            landing_page: read(take(&mut { page }, b'?')),
            ..Touch::default()
        }
    }

    /// Whether `referrer` names a host outside the page's registrable domain, which is as many labels of the
    /// page's host as Meta's index says.
    fn is_external(&self, referrer: &[u8]) -> bool {
        let Some(from) = core::str::from_utf8(referrer).ok().and_then(split) else {
            return false;
        };
        let Some(page) = split(self.href) else {
            return true;
        };
        let site = match page
            .host
            .rmatch_indices('.')
            .nth(self.subdomain_index.into())
        {
            Some((at, _)) if self.subdomain_index > 0 => {
                page.host.get(at + 1..).unwrap_or(page.host)
            }
            _ => page.host,
        };
        !is_within(from.host, site)
    }
}

/// The first and the last touch of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches<'a> {
    /// The first page view ever seen, whatever brought it.
    pub first: Option<Touch<'a>>,
    /// The last page view that something brought, where that is not the first.
    pub later: Option<Touch<'a>>,
}

impl<'a> Touches<'a> {
    /// Reads the cookie's value; what cannot be read is absent.
    pub fn parse(cookie_value: &'a str) -> Touches<'a> {
        if cookie_value.len() > MAX_COOKIE {
            return Touches::default();
        }
        let (first, later) = split_at_mark(cookie_value, b'|');
        let first = read_touch(first);
        let later = later.and_then(read_touch);
        Touches {
            later: later.filter(|later| Some(later) != first.as_ref()),
            first,
        }
    }

    /// The last page view that something brought, or the first where nothing ever did.
    pub fn last(&self) -> Option<&Touch<'a>> {
        self.later.as_ref().or(self.first.as_ref())
    }

    /// The last touch, where `touch` is no more than the page that it led to, as by a redirect.
    pub fn led_to(&self, touch: &Touch<'_>) -> Option<&Touch<'a>> {
        let last = self.last()?;
        let is_led = !touch.carries_anything()
            && touch.referrer == last.referrer
            && is_within_ms(last, touch, REDIRECT_MS);
        is_led.then_some(last)
    }

    /// Whether `touch` is a step on the way that the last one began, and brings nothing of its own: from the same place, as after a redirect
    /// or a reload; within the session of an ad from wherever, as back from where somebody has paid; on a site that hands its UTM values on.
    pub fn go_on_with(&self, touch: &Touch<'_>) -> bool {
        self.last().is_some_and(|last| {
            touch.click_ids.is_empty()
                && (touch.utm.is_empty() || touch.utm == last.utm)
                && (last.carries_anything() || touch.referrer == last.referrer)
                && is_within_ms(last, touch, SESSION_MS)
        })
    }

    /// Whether the last click is Google's and has no gclid, so that one which a cookie still has is of another click; `touch`, a page view, has
    /// none of its own.
    pub fn outdates_gclid_of_cookie(&self, touch: &Touch<'_>) -> bool {
        let is_braid = |last: &Touch<'_>| last.click_ids.is_googles_without_gclid();
        touch.click_ids.gclid.is_none() && self.last().is_some_and(is_braid)
    }

    /// Whether `touch`, a click, is told of behind a later one: a visit that could not be told in its time is told again from the next page.
    pub fn is_behind(&self, touch: &Touch<'_>) -> bool {
        self.last().is_some_and(|last| {
            !last.click_ids.is_empty()
                && !touch.click_ids.is_empty()
                && !is_same_click(last, touch)
                && is_within_ms(last, touch, NEXT_CLICK_MS)
        })
    }

    /// Adds a touch. The first is kept for good; the last gives way to one that something brought, unless that
    /// is the same click again, as after a reload, or [goes on](Self::go_on_with) with the last. The last one's UTM values, come by again, are as new.
    #[must_use]
    pub fn with(mut self, touch: Touch<'a>) -> Touches<'a> {
        let goes_on = self.go_on_with(&touch);
        let Some(last) = self.later.as_mut().or(self.first.as_mut()) else {
            return Touches {
                first: Some(touch),
                later: None,
            };
        };
        if goes_on {
            // A click's own time tells what is [behind](Self::is_behind) it.
            if touch.carries_anything() && last.click_ids.is_empty() {
                last.at_ms = touch.at_ms;
                last.referrer = touch.referrer.or(last.referrer.take());
            }
        } else if touch.is_sourced() && !is_same_click(last, &touch) {
            self.later = Some(touch);
        }
        self
    }

    /// The cookie's value: at most 1,800 bytes, all of them fit for a cookie. A value that does not fit is left
    /// out whole; click ids come first, then UTM values, the referrer and the page.
    pub fn to_cookie(&self) -> String {
        let mut cookie = self.first.as_ref().map(write_touch).unwrap_or_default();
        if let Some(later) = self.later.as_ref().map(write_touch)
            && later != cookie
        {
            cookie.push('|');
            cookie.push_str(&later);
        }
        cookie
    }
}

fn is_same_click(last: &Touch<'_>, touch: &Touch<'_>) -> bool {
    !touch.click_ids.is_empty() && last.click_ids == touch.click_ids
}

fn is_within_ms(last: &Touch<'_>, touch: &Touch<'_>, ms: u64) -> bool {
    touch.at_ms.saturating_sub(last.at_ms) < ms
}

fn read_touch(text: &str) -> Option<Touch<'_>> {
    let mut touch = Touch::default();
    let mut at_ms = None;
    for (name, value) in parameters(text) {
        match &*name {
            "at" => at_ms = decimal::read(value.as_bytes()),
            "referrer" => touch.referrer = Some(value).filter(|value| !value.is_empty()),
            "page" => touch.landing_page = value,
            _ => {}
        }
    }
    touch.at_ms = at_ms?;
    (touch.click_ids, touch.utm) = carried(text.as_bytes());
    Some(touch)
}

fn write_touch(touch: &Touch<'_>) -> String {
    let mut room = Digits::default();
    let at_ms = decimal::write(touch.at_ms, &mut room);
    let mut text = String::with_capacity(USUAL_TOUCH);
    text.push_str("at=");
    text.push_str(core::str::from_utf8(at_ms).unwrap_or_default());
    let ClickIds {
        fbclid,
        ttclid,
        gclid,
        gbraid,
        wbraid,
        sccid,
        tgclid,
    } = &touch.click_ids;
    let Utm {
        source,
        medium,
        campaign,
        content,
        term,
    } = &touch.utm;
    let page = Some(&touch.landing_page).filter(|page| !page.is_empty());
    for (name, value) in [
        ("fbclid", fbclid.as_ref()),
        ("ttclid", ttclid.as_ref()),
        ("gclid", gclid.as_ref()),
        ("gbraid", gbraid.as_ref()),
        ("wbraid", wbraid.as_ref()),
        ("sccid", sccid.as_ref()),
        ("tgclid", tgclid.as_ref()),
        ("utm_source", source.as_ref()),
        ("utm_medium", medium.as_ref()),
        ("utm_campaign", campaign.as_ref()),
        ("utm_content", content.as_ref()),
        ("utm_term", term.as_ref()),
        ("referrer", touch.referrer.as_ref()),
        ("page", page),
    ] {
        if let Some(value) = value {
            push_parameter(&mut text, name, value);
        }
    }
    text
}

fn push_parameter(text: &mut String, name: &str, value: &str) {
    let before = text.len();
    text.push('&');
    text.push_str(name);
    text.push('=');
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b':')
    };
    if text.len() + value.len() <= MAX_TOUCH && value.bytes().all(is_plain) {
        text.push_str(value);
        return;
    }
    for byte in value.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            push_escape(text, byte);
        }
        if text.len() > MAX_TOUCH {
            text.truncate(before);
            return;
        }
    }
}
